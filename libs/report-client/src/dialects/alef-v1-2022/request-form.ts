import { type EpochSeconds, type Interval, toStamp } from '#calendar';
import type { EntityRef, Grid } from '#metering';
import type { Dialect } from './settings.js';
import { type Aggregation, type EchoMember, type ReportMetric, seriesCode } from './report-body.js';

/** One filter of a request: what is asked for, and therefore what must be echoed. */
export interface Filter {
  readonly dimension: EchoMember;
  readonly value: string;
}

/** What a request asks for, before it is JSON. Every form of the report API is one of these with its ranges. */
export interface ReportForm {
  readonly filters: readonly Filter[];
  /** The series asked for, in the order of the documented examples. */
  readonly series: readonly { readonly metric: ReportMetric; readonly aggregation: Aggregation }[];
  /** Whether the entity's dimension is named in `dimensions`; the documented examples differ by form. */
  readonly namesDimension: boolean;
  /** Absent for the last five minutes. */
  readonly grid?: Grid;
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
export function requestBody(form: ReportForm, asked: Interval | undefined, dialect: Dialect): string {
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
          expressions: [goesAsNumber(dimension, value, dialect) ? Number.parseInt(value, 10) : value],
        })),
      },
    ],
    metrics: form.series.map(({ metric, aggregation }) =>
      aggregation === 'none'
        ? {
            name: metric,
            metric_filter_clauses: [
              { filters: [{ operator: 'PERCENTILE', comparison_value: dialect.percentile.comparison_value }] },
            ],
          }
        : { name: metric, aggregation_type: aggregation },
    ),
  });
}

/** Whether a filter's value goes out as a JSON number. */
export function goesAsNumber(dimension: EchoMember, value: string, dialect: Dialect): boolean {
  return dialect.id_json === 'number' && (dimension === 'msisdn' || dimension === 'imsi') && SAFE_AS_NUMBER.test(value);
}

/** The only form of time that leaves this room: an offset that no zone, daylight saving or server default can move. */
function requestStamp(instant: EpochSeconds): string {
  return toStamp(instant).replace('Z', '+00:00');
}
