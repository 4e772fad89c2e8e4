import { type EpochSeconds, type Interval, toStamp } from '#calendar';
import type { EntityRef, Grid } from '#metering';
import type { Question, SeriesAsked } from '../../dialect.js';
import { RuleBroken } from '../../refusal.js';
import { type EchoMember, seriesCode } from './report-body.js';
import type { Settings } from './settings.js';

/** One filter of a request: what is asked for, and therefore what must be echoed. */
export interface Filter {
  readonly dimension: EchoMember;
  readonly value: string;
}

/** What a request asks for, before it is JSON. Every form of the report API is one of these with its ranges. */
export interface ReportForm {
  readonly filters: readonly Filter[];
  /** The series asked for, in the order of the documented examples. */
  readonly series: readonly SeriesAsked[];
  /** Whether the entity's dimension is named in `dimensions`; the documented examples differ by form. */
  readonly namesDimension: boolean;
  /** Absent for the last five minutes. */
  readonly grid?: Grid;
}

/** The form in which a question is documented to be asked. */
export function formOf({ account, entity, series, of }: Question): ReportForm {
  const isHourlyRates = of?.grid === 'HOUR' && series.every(({ metric }) => metric.endsWith('_bandwidth'));
  return {
    filters: filtersFor(account, entity),
    series,
    // The documented examples of hourly rates and of the last five minutes name none.
    namesDimension: entity.dimension !== 'account' && of !== undefined && !isHourlyRates,
    ...(of && { grid: of.grid }),
  };
}

/**
 * Refuses to ask what would be answered for something else.
 *
 * @throws RuleBroken `filter_logic_or`, `entity_not_askable`
 */
export function requireAskable({ filters }: ReportForm, { filter_logic }: Settings): void {
  if (filter_logic === 'or' && filters.length > 1) {
    throw new RuleBroken(
      'filter_logic_or',
      'the report API combines the filters of a request by OR, as the dialect says: what it answers for an entity is the ' +
        "whole account's",
    );
  }
  const bad = unaskable(filters);
  if (bad) {
    const message = `the ${bad.dimension} of this entity has a form that the report API does not take`;
    throw new RuleBroken('entity_not_askable', message);
  }
}

/** The codes of a form's series. */
export function seriesCodes(form: ReportForm): number[] {
  return form.series.map(({ metric, aggregation }) => seriesCode(metric, aggregation));
}

const ACCOUNT_OR_SITE = /^[0-9A-Za-z]{1,64}$/;
const VALUE_FORMS: Readonly<Record<EchoMember, RegExp>> = {
  account_id: ACCOUNT_OR_SITE,
  customer_site_id: ACCOUNT_OR_SITE,
  msisdn: /^\d{5,15}$/,
  imsi: /^\d{14,15}$/,
};
/** What a JSON number carries without losing a digit, on the least able parser. */
const SAFE_AS_NUMBER = /^[1-9]\d{0,14}$/;

/** The filters for an entity of an account: the account alone, or the account and one more. */
export function filtersFor(account: string, entity: EntityRef): Filter[] {
  const filters: Filter[] = [{ dimension: 'account_id', value: account }];
  if (entity.dimension !== 'account') filters.push({ dimension: entity.dimension, value: entity.value });
  return filters;
}

/** The first filter whose value the report API could not take, or undefined when all are fine. */
export function unaskable(filters: readonly Filter[]): Filter | undefined {
  return filters.find(({ dimension, value }) => !VALUE_FORMS[dimension].test(value));
}

/** The JSON text of a request: for an absolute range in +00:00, or for NOW when there is none. */
export function requestBody(form: ReportForm, asked: Interval | undefined, settings: Settings): string {
  const [, entityFilter] = form.filters;
  return JSON.stringify({
    start_date_time: asked ? requestStamp(asked.start) : 'NOW',
    end_date_time: asked ? requestStamp(asked.end) : 'NOW',
    ...(form.grid === 'DAY' || form.grid === 'HOUR' ? { granularity: form.grid } : {}),
    ...(form.namesDimension && entityFilter ? { dimensions: [entityFilter.dimension] } : {}),
    dimension_filter_clauses: [
      {
        filters: form.filters.map(({ dimension, value }) => ({
          dimension_name: dimension,
          operator: 'EXACT',
          expressions: [goesAsNumber(dimension, value, settings) ? Number.parseInt(value, 10) : value],
        })),
      },
    ],
    metrics: form.series.map(({ metric, aggregation }) =>
      aggregation === 'none'
        ? {
            name: metric,
            metric_filter_clauses: [
              { filters: [{ operator: 'PERCENTILE', comparison_value: settings.percentile.comparison_value }] },
            ],
          }
        : { name: metric, aggregation_type: aggregation },
    ),
  });
}

/** Whether a filter's value goes out as a JSON number. */
export function goesAsNumber(dimension: EchoMember, value: string, settings: Settings): boolean {
  return (
    settings.id_json === 'number' && (dimension === 'msisdn' || dimension === 'imsi') && SAFE_AS_NUMBER.test(value)
  );
}

/** The only form of time that leaves this room: an offset that no zone, daylight saving or server default can move. */
function requestStamp(instant: EpochSeconds): string {
  return toStamp(instant).replace('Z', '+00:00');
}
