import { type BillingPeriod, daysBetween, isMonth, monthPeriod, periodOfDates } from '#calendar';
import { type AccountTax, type Totals, totalsOf } from '#invoicing';
import { type Dimension, entityKey } from '#metering';
import type { RoundingMode } from '#money';
import { presumedAdvances, rate, type RatingNotice, type RegisteredEntity, segmentsOf, type TariffPlan } from '#rating';
import {
  ACCOUNT,
  type GivenUsage,
  missing,
  type PreviewUsage,
  readUsage,
  refuseAbsentSamples,
  refuseForeignDays,
  usageCharges,
  wrongGrid,
} from './given-usage.js';
import { workOf } from './preview-work.js';
import { type ExplainedLine, withAlternatives } from './explained-line.js';
import { PreviewRefused, type PreviewRefusal } from './preview-refusal.js';

/** A stateless rating: a plan, a period, and what was used. Nothing is read from the database and nothing is written. */
export interface PreviewRequest {
  plan: TariffPlan;
  /** 0 for a plan that is no stored version. */
  version: number;
  period: string | { start: string; end: string };
  time_zone: string;
  subscription: { starts_at?: string | undefined; ends_at?: string | null | undefined };
  taxes: AccountTax[];
  entities: readonly PreviewEntity[];
  rounding: RoundingMode;
  payable_rounding: 'none' | '1' | '0.05';
  usage: readonly PreviewUsage[];
}

export interface PreviewEntity {
  dimension: Exclude<Dimension, 'account'>;
  value: string;
  name: string | null;
  active_from: string | null;
  active_until: string | null;
}

export interface PreviewAnswer extends Totals {
  outcome: 'rated';
  currency: string;
  period: { start: string; end: string };
  lines: ExplainedLine[];
  warnings: RatingNotice[];
}

/** Days of a period: more is a typing error, and every one of them is rated. */
const MOST_DAYS = 400;

/** What one request may be the work of, in microseconds of one core: others wait meanwhile for the thread that rates. */
const MOST_WORK = 10_000_000;

/**
 * Rates what is handed in, or says at which place of the request it cannot: `usage_missing` when a charge has no usage, for
 * that is never taken for 0, `contradicting_usage` and `wrong_grid` for usage that cannot be meant so, and
 * `preview_too_large` before any work is begun.
 *
 * @param sha256Of the hash of a plan's canonical JSON, in hex
 */
export function preview(
  request: PreviewRequest,
  sha256Of: (document: unknown) => string,
): PreviewAnswer | PreviewRefusal {
  return orRefused(() => rated(request, sha256Of));
}

function orRefused<T>(work: () => T): T | PreviewRefusal {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PreviewRefused)) throw error;
    const { code, message, errors } = error;
    return { outcome: 'refused', code, message, errors };
  }
}

function rated(request: PreviewRequest, sha256Of: (document: unknown) => string): PreviewAnswer {
  const { plan } = request;
  refuseTooMuch(request);
  const period = periodOf(request);
  const subscription = {
    planCode: plan.code,
    startDate: request.subscription.starts_at ?? period.startDate,
    endDate: request.subscription.ends_at ?? null,
  };
  const startsLater = plan.effective_from > period.startDate;
  const version = {
    code: plan.code,
    version: request.version,
    // The question is what the plan would cost, not since when it holds.
    effectiveFrom: [plan.effective_from, subscription.startDate, period.startDate].sort()[0] ?? plan.effective_from,
    plan,
    sha256: sha256Of(plan),
  };
  const terms = { period, subscriptions: [subscription], versions: [version] };
  const segments = segmentsOf(terms);
  if (segments.length === 0) {
    const message = 'must overlap the period: the subscription is not in force on any of its days';
    throw new PreviewRefused('subscription_outside_period', `subscription ${message}`, [
      { pointer: '/subscription', message },
    ]);
  }
  const given = readUsage(plan, request.usage, period);
  const entities = entitiesOf(request, given, period);
  refuseForeignDays(given, [period, ...segments], entities, period);
  refuseAbsentSamples(given, segments, entities, period);
  refuseUnknownEntities(plan, entities);
  const outcome = rate({
    currency: plan.currency,
    rounding: request.rounding,
    period,
    segments,
    // No invoice is known here: a subscription that began earlier is presumed to have been billed ahead.
    advances: presumedAdvances({ ...terms, entities }),
    account: ACCOUNT,
    entities,
    usage: given.series,
    quantities: given.quantities,
  });
  if (outcome.outcome === 'held') {
    const inexact = outcome.reasons.filter(({ code }) => code === 'inexact_result');
    if (inexact.length > 0) throw tooManyDigits(plan, inexact);
    const coarse = outcome.reasons.find(({ code }) => code === 'grid_too_coarse');
    throw coarse ? wrongGrid('/usage', coarse.message) : missing(outcome.reasons);
  }
  const totals = totalsOf(outcome.lines, request.taxes, {
    currency: plan.currency,
    rounding: request.rounding,
    payableRounding: request.payable_rounding,
  });
  return {
    outcome: 'rated',
    currency: plan.currency,
    period: { start: period.startDate, end: period.endDate },
    lines: outcome.lines.map(withAlternatives),
    ...totals,
    warnings: [...given.warnings, ...(startsLater ? [notYetInForce(plan)] : []), ...outcome.warnings],
  };
}

function periodOf({ period, time_zone }: PreviewRequest): BillingPeriod {
  if (typeof period !== 'string') {
    if (daysBetween(period.start, period.end) > MOST_DAYS) {
      const message = `must be at most ${MOST_DAYS} days after its start`;
      throw new PreviewRefused('invalid_request', `the end of the period ${message}`, [
        { pointer: '/period/end', message },
      ]);
    }
    return periodOfDates(period.start, period.end, time_zone);
  }
  if (isMonth(period)) return monthPeriod(period, time_zone);
  const message = 'must be a month YYYY-MM, or {start, end} as local dates';
  throw new PreviewRefused('invalid_request', `period ${message}`, [{ pointer: '/period', message }]);
}

/** Numbers of the plan that come to more digits than are kept, each at its charge. */
function tooManyDigits({ charges }: TariffPlan, reasons: readonly RatingNotice[]): PreviewRefused {
  const errors = reasons.map(({ charge, message }) => {
    const position = charges.findIndex(({ code }) => code === charge);
    return { pointer: position < 0 ? '/plan' : `/plan/charges/${position}`, message };
  });
  return new PreviewRefused('inexact_result', errors.map(({ message }) => message).join('; '), errors);
}

function notYetInForce(plan: TariffPlan): RatingNotice {
  return {
    code: 'plan_not_yet_in_force',
    message: `the plan takes effect on ${plan.effective_from}; it was rated as if it held from the start`,
  };
}

/** Those given, and those that usage is given for, which are active throughout. */
function entitiesOf(request: PreviewRequest, given: GivenUsage, period: BillingPeriod): RegisteredEntity[] {
  const listed = request.entities.map((entity) => ({
    dimension: entity.dimension,
    value: entity.value,
    name: entity.name,
    activeFrom: entity.active_from ?? period.startDate,
    activeUntil: entity.active_until,
  }));
  const known = new Set(listed.map(entityKey));
  const mentioned = [
    ...given.series.map(({ entity }) => entity),
    ...given.quantities.flatMap(({ entity }) => entity ?? []),
  ];
  const fresh = new Map(mentioned.map((entity) => [entityKey(entity), entity]));
  return [
    ...listed,
    ...[...fresh.values()].flatMap(({ dimension, value }) =>
      dimension === 'account' || known.has(entityKey({ dimension, value }))
        ? []
        : [{ dimension, value, name: null, activeFrom: period.startDate, activeUntil: null }],
    ),
  ];
}

/**
 * A charge by entity, or on entities that it names, is usage that is missing where nothing is known of them: neither usage
 * nor a registration says that they were idle.
 */
function refuseUnknownEntities(plan: TariffPlan, entities: readonly RegisteredEntity[]): void {
  const known = new Set(entities.map(entityKey));
  const dimensions = new Set(entities.map(({ dimension }) => dimension));
  const reasons = usageCharges(plan).flatMap(({ code: charge, measure, filter }): RatingNotice[] => {
    const say = (what: string) => [
      { code: 'usage_missing', charge, message: `charge ${charge} measures ${what}, and no usage of it is given` },
    ];
    if (filter) {
      return (['customer_site_id', 'msisdn', 'imsi'] as const).flatMap((dimension) =>
        (filter[dimension] ?? [])
          .filter((value) => !known.has(entityKey({ dimension, value })))
          .flatMap((value) => say(`${dimension} ${JSON.stringify(value)}`)),
      );
    }
    const { per } = measure;
    return per === 'account' || dimensions.has(per) ? [] : say(`each ${per}`);
  });
  if (reasons.length > 0) throw missing(reasons);
}

/** About how many microseconds of one core the answer takes; next to none for a period that there is not. */
export function previewWork(request: PreviewRequest): number {
  const period = orRefused(() => periodOf(request));
  if ('outcome' in period) return 0;
  return workOf({ ...request, period: { start: period.startDate, end: period.endDate } });
}

/** Work that grows with the request is bounded before it is begun. */
function refuseTooMuch(request: PreviewRequest): void {
  if (previewWork(request) <= MOST_WORK) return;
  const message =
    'must come to fewer lines, tiers, discounts and buckets: rate fewer entities, charges or days at once';
  throw new PreviewRefused('preview_too_large', `the preview ${message}`, [{ pointer: '', message }]);
}
