import { createHash } from 'node:crypto';
import { type BillingPeriod, fromStamp, isMonth, monthPeriod, periodOfDates } from '#calendar';
import { type AccountTax, canonicalJson, type Totals, totalsOf } from '#invoicing';
import {
  type BucketSeries,
  type Dimension,
  type EntityRef,
  entityKey,
  type Grid,
  GRID_SECONDS,
  type Metric,
  ownedBuckets,
} from '#metering';
import type { RoundingMode } from '#money';
import {
  type GivenQuantity,
  presumedAdvances,
  rate,
  type RatingNotice,
  type RegisteredEntity,
  segmentsOf,
  type TariffPlan,
} from '#rating';
import { Problem, type ProblemEntry } from '../problems/problem.js';
import { type ExplainedLine, withAlternatives } from './rated-line.js';

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

/** Exactly one of `quantity` and `series` is given. */
export interface PreviewUsage {
  metric: 'bytes' | 'time' | 'bandwidth';
  entity?: { dimension: Dimension; value: string } | undefined;
  direction?: string | undefined;
  quantity?: string | undefined;
  series?: readonly { start: string; value: string | null }[] | undefined;
}

export interface PreviewAnswer extends Totals {
  currency: string;
  period: { start: string; end: string };
  lines: ExplainedLine[];
  warnings: RatingNotice[];
}

/** Stands for the account in a rating without one. */
const ACCOUNT: EntityRef = { dimension: 'account', value: 'preview' };
/** Stands for the site of bandwidth that is given for the account as a whole: bandwidth is always measured by site. */
const WHOLE_SITE: EntityRef = { dimension: 'customer_site_id', value: 'account' };

/** Throws the problem `usage_missing` when a charge has no usage: it is never taken for 0. */
export function preview(request: PreviewRequest): PreviewAnswer {
  const { plan } = request;
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
    sha256: createHash('sha256').update(canonicalJson(plan)).digest('hex'),
  };
  const terms = { period, subscriptions: [subscription], versions: [version] };
  const segments = segmentsOf(terms);
  if (segments.length === 0) {
    const message = 'must overlap the period: the subscription is not in force on any of its days';
    throw new Problem(422, 'subscription_outside_period', `subscription ${message}`, {
      errors: [{ pointer: '/subscription', message }],
    });
  }
  const given = readUsage(request, period);
  const entities = entitiesOf(request, given, period);
  const rated = rate({
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
  if (rated.outcome === 'held') throw missing(rated.reasons);
  const totals = totalsOf(rated.lines, request.taxes, {
    currency: plan.currency,
    rounding: request.rounding,
    payableRounding: request.payable_rounding,
  });
  return {
    currency: plan.currency,
    period: { start: period.startDate, end: period.endDate },
    lines: rated.lines.map(withAlternatives),
    ...totals,
    warnings: [...given.warnings, ...(startsLater ? [notYetInForce(plan)] : []), ...rated.warnings],
  };
}

function periodOf({ period, time_zone }: PreviewRequest): BillingPeriod {
  if (typeof period !== 'string') return periodOfDates(period.start, period.end, time_zone);
  if (isMonth(period)) return monthPeriod(period, time_zone);
  const message = 'must be a month YYYY-MM, or {start, end} as local dates';
  throw new Problem(422, 'invalid_request', `period ${message}`, { errors: [{ pointer: '/period', message }] });
}

function notYetInForce(plan: TariffPlan): RatingNotice {
  return {
    code: 'plan_not_yet_in_force',
    message: `the plan takes effect on ${plan.effective_from}; it was rated as if it held from the start`,
  };
}

/** Everything a rating is held for here is usage that is not there, or not enough of it. */
function missing(reasons: readonly RatingNotice[]): Problem {
  return new Problem(422, 'usage_missing', reasons.map(({ message }) => message).join('; '), {
    errors: reasons.map(({ code, message }) => ({ pointer: '/usage', message, code })),
  });
}

interface GivenUsage {
  series: BucketSeries[];
  quantities: GivenQuantity[];
  warnings: RatingNotice[];
}

function readUsage(request: PreviewRequest, period: BillingPeriod): GivenUsage {
  const given: GivenUsage = { series: [], quantities: [], warnings: [] };
  let outside = 0;
  const taken = new Set<string>();
  request.usage.forEach((usage, index) => {
    const entity = entityOf(usage);
    if (usage.quantity !== undefined) {
      const { metric, direction, quantity } = usage;
      given.quantities.push({ metric, direction, quantity, entity: entity === ACCOUNT ? undefined : entity });
      return;
    }
    const read = readSeries(usage, index, period);
    outside += read.outside;
    const subject = usage.metric === 'bandwidth' && entity === ACCOUNT ? WHOLE_SITE : entity;
    for (const { metric, values } of meteredAs(request.plan, usage, read.values)) {
      const { grid, firstStart } = read;
      const key = `${metric} ${entityKey(subject)}`;
      if (taken.has(key)) throw invalid(`/usage/${index}`, 'is given twice for the same metric, direction and entity');
      taken.add(key);
      given.series.push({ entity: subject, metric, grid, owned: period, firstStart, values });
    }
  });
  if (outside > 0) {
    given.warnings.push({ code: 'slots_outside_period', message: `${outside} slots outside the period were ignored` });
  }
  return given;
}

function entityOf({ entity }: PreviewUsage): EntityRef {
  return entity === undefined || entity.dimension === 'account' ? ACCOUNT : entity;
}

/** A series over every bucket that the period owns; a bucket that is not given stays a gap. */
function readSeries(
  usage: PreviewUsage,
  index: number,
  period: BillingPeriod,
): { grid: Grid; firstStart: number; values: (string | null)[]; outside: number } {
  const series = usage.series ?? [];
  const starts = series.map(({ start }) => fromStamp(start));
  const grid = gridOf(usage, starts, `/usage/${index}/series`);
  const width = GRID_SECONDS[grid];
  const { firstStart, count } = ownedBuckets(period, grid);
  const values = new Array<string | null>(count).fill(null);
  const seen = new Set<number>();
  let outside = 0;
  starts.forEach((start, position) => {
    const pointer = `/usage/${index}/series/${position}/start`;
    if (start % width !== 0) throw invalid(pointer, `must be on the ${grid} grid of the series, in UTC`);
    if (seen.has(start)) throw invalid(pointer, 'stands in the series twice');
    seen.add(start);
    const slot = (start - firstStart) / width;
    if (slot < 0 || slot >= count) outside += 1;
    else values[slot] = series[position]?.value ?? null;
  });
  return { grid, firstStart, values, outside };
}

/** The spacing says the grid; a single bucket says it by where it starts. */
function gridOf({ metric }: PreviewUsage, starts: readonly number[], pointer: string): Grid {
  const sorted = [...starts].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((start, position) => start - (sorted[position] ?? 0));
  const spacing = Math.min(...gaps.filter((gap) => gap > 0));
  if (metric === 'bandwidth') {
    if (spacing !== Infinity && spacing % GRID_SECONDS.SLOT !== 0) throw wrongSpacing(pointer, '5 minutes');
    return 'SLOT';
  }
  if (spacing === Infinity) return starts.every((start) => start % GRID_SECONDS.DAY === 0) ? 'DAY' : 'HOUR';
  if (spacing % GRID_SECONDS.DAY === 0) return 'DAY';
  if (spacing % GRID_SECONDS.HOUR === 0) return 'HOUR';
  throw wrongSpacing(pointer, 'an hour or a day');
}

function wrongSpacing(pointer: string, spacing: string): Problem {
  return invalid(pointer, `must be spaced by ${spacing}`);
}

/**
 * The metrics that a given series stands for. A series without direction is both directions together for bytes, and the
 * billed rate itself for bandwidth: it can serve the charges that ask for exactly that, and no others.
 */
function meteredAs(
  plan: TariffPlan,
  { metric, direction }: PreviewUsage,
  values: (string | null)[],
): { metric: Metric; values: (string | null)[] }[] {
  if (metric === 'time') return [{ metric: 'time_usage_seconds', values }];
  const [uplink, downlink]: [Metric, Metric] =
    metric === 'bytes' ? ['uplink_bytes', 'downlink_bytes'] : ['uplink_bandwidth', 'downlink_bandwidth'];
  if (direction === 'uplink') return [{ metric: uplink, values }];
  if (direction === 'downlink') return [{ metric: downlink, values }];
  const nothing = values.map((value) => (value === null ? null : '0'));
  const asked = new Set(plan.charges.flatMap((charge) => directionsOf(charge, metric)));
  const added = metric === 'bytes' ? 'total' : 'percentile_of_sum';
  if ([...asked].every((each) => each === added)) {
    return [
      { metric: uplink, values },
      { metric: downlink, values: nothing },
    ];
  }
  if (metric === 'bandwidth' && !asked.has(added)) {
    return [
      { metric: uplink, values },
      { metric: downlink, values },
    ];
  }
  throw missing([
    {
      code: 'direction_missing',
      message: `a charge of the plan tells uplink and downlink apart; give the ${metric} series of each direction`,
    },
  ]);
}

function directionsOf(charge: TariffPlan['charges'][number], metric: PreviewUsage['metric']): string[] {
  if (charge.type !== 'usage' || charge.measure.metric !== metric) return [];
  return 'direction' in charge.measure ? [charge.measure.direction] : [];
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

function invalid(pointer: string, message: string): Problem {
  const errors: ProblemEntry[] = [{ pointer, message }];
  return new Problem(422, 'invalid_request', `${pointer} ${message}`, { errors });
}
