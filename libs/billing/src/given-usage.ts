import { type BillingPeriod, type EpochSeconds, fromStamp, type Interval, startOfDay, toStamp } from '#calendar';
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
import { type GivenQuantity, type RatingNotice, type TariffPlan, type UsageCharge } from '#rating';
import { PreviewRefused, refused } from './preview-refusal.js';

/** Exactly one of `quantity` and `series` is given. */
export interface PreviewUsage {
  metric: 'bytes' | 'time' | 'bandwidth';
  entity?: { dimension: Dimension; value: string } | undefined;
  direction?: string | undefined;
  quantity?: string | undefined;
  series?: readonly { start: string; value: string | null }[] | undefined;
}

/** Usage that was handed in, as it is rated. */
export interface GivenUsage {
  readonly series: readonly BucketSeries[];
  readonly quantities: readonly GivenQuantity[];
  /** Days that were handed in, each with its place and what it is of: they must fit whatever cuts the period. */
  readonly days: readonly { readonly pointer: string; readonly entity: EntityRef }[];
  /** Samples that were handed in: which slots of the period a series names. */
  readonly samples: readonly GivenSamples[];
  readonly warnings: RatingNotice[];
}

interface GivenSamples {
  readonly pointer: string;
  readonly entity: EntityRef;
  /** Start of the first slot. */
  readonly firstStart: EpochSeconds;
  /** 1 where the series has an entry, be it null. */
  readonly named: Uint8Array;
}

/** Stands for the account in a rating without one. */
export const ACCOUNT: EntityRef = { dimension: 'account', value: 'preview' };
/** Stands for the site of bandwidth that is given for the account as a whole: bandwidth is always measured by site. */
const WHOLE_SITE: EntityRef = { dimension: 'customer_site_id', value: 'account' };

/** Buckets of all series together: a series of one value stands for every bucket of the period. */
const MOST_BUCKETS = 2_000_000;

/**
 * Reads the usage of a request, or refuses it at its place: what says two things of one metric and entity
 * (`contradicting_usage`), what is not on the grid it would be measured on (`wrong_grid`), what does not tell directions
 * apart that a charge does (`usage_missing`). Usage that no charge asks for is a warning.
 */
export function readUsage(plan: TariffPlan, usage: readonly PreviewUsage[], period: BillingPeriod): GivenUsage {
  refuseContradictions(usage);
  const given = {
    series: [] as BucketSeries[],
    quantities: [] as GivenQuantity[],
    days: [] as { pointer: string; entity: EntityRef }[],
    samples: [] as GivenSamples[],
    warnings: [] as RatingNotice[],
  };
  let [outside, buckets] = [0, 0];
  usage.forEach((each, index) => {
    const entity = entityOf(each);
    const { metric, quantity } = each;
    if (quantity !== undefined) {
      const direction = directionOf(each);
      given.quantities.push({ metric, direction, quantity, entity: entity === ACCOUNT ? undefined : entity });
      return;
    }
    const pointer = `/usage/${index}/series`;
    const grid = gridOf(each, pointer);
    buckets += ownedBuckets(period, grid).count;
    if (buckets > MOST_BUCKETS) {
      throw refused('preview_too_large', pointer, `the series come to more than ${MOST_BUCKETS} buckets of the period`);
    }
    const read = readSeries(each, grid, pointer, period);
    outside += read.outside;
    const subject = metric === 'bandwidth' && entity === ACCOUNT ? WHOLE_SITE : entity;
    if (grid === 'DAY') given.days.push({ pointer, entity: subject });
    if (grid === 'SLOT') {
      given.samples.push({ pointer, entity: subject, firstStart: read.firstStart, named: read.named });
    }
    for (const { metric: of, values } of meteredAs(plan, each, read.values)) {
      given.series.push({ entity: subject, metric: of, grid, owned: period, firstStart: read.firstStart, values });
    }
  });
  if (outside > 0) {
    given.warnings.push({ code: 'slots_outside_period', message: `${outside} slots outside the period were ignored` });
  }
  const isAskedFor = askedUsage(plan);
  const idle = usage.flatMap((each, index) => (isAskedFor(each) ? [] : [`/usage/${index}`]));
  if (idle.length > 0) {
    const more = idle.length > SHOWN ? ` and ${idle.length - SHOWN} more` : '';
    const message = `no charge of the plan asks for ${idle.slice(0, SHOWN).join(', ')}${more}; nothing was charged for it`;
    given.warnings.push({ code: 'usage_not_asked_for', message });
  }
  return given;
}

const SHOWN = 20;

/**
 * Refuses days of UTC where something begins or ends at another time: the period and its segments, and what the days are of.
 *
 * @param cuts edges of the period and of its segments
 */
export function refuseForeignDays(
  { days }: GivenUsage,
  cuts: readonly Interval[],
  entities: readonly {
    readonly dimension: Dimension;
    readonly value: string;
    readonly activeFrom: string;
    readonly activeUntil: string | null;
  }[],
  period: BillingPeriod,
): void {
  if (days.length === 0) return;
  const off = (instant: number) => instant % GRID_SECONDS.DAY !== 0;
  const [first] = days;
  if (first && cuts.some(({ start, end }) => off(start) || off(end))) {
    throw wrongGrid(first.pointer, `must be by the hour: days are UTC days, and those of ${period.timeZone} are not`);
  }
  const places = new Map(days.map(({ pointer, entity }) => [entityKey(entity), pointer]));
  for (const entity of entities) {
    const pointer = places.get(entityKey(entity));
    if (pointer === undefined) continue;
    const edges = [entity.activeFrom, entity.activeUntil].filter((date) => date !== null);
    const inside = edges.filter((date) => date > period.startDate && date < period.endDate);
    if (inside.some((date) => off(startOfDay(date, period.timeZone)))) {
      throw wrongGrid(pointer, `must be by the hour: the entity begins or ends at a midnight of ${period.timeZone}`);
    }
  }
}

/**
 * Refuses a series that passes over samples while its site is measured. What a missing sample counts is for the plan to say,
 * but that it is missing is for the sender: with null. A series that was cut, or that is of ten minutes here and there, would
 * be billed in part.
 *
 * @param measured the segments of the period
 */
export function refuseAbsentSamples(
  { samples }: GivenUsage,
  measured: readonly Interval[],
  entities: readonly {
    readonly dimension: Dimension;
    readonly value: string;
    readonly activeFrom: string;
    readonly activeUntil: string | null;
  }[],
  { timeZone }: BillingPeriod,
): void {
  if (samples.length === 0) return;
  const activeRanges = new Map<string, Interval[]>();
  for (const { activeFrom, activeUntil, ...entity } of entities) {
    const end = activeUntil === null ? Infinity : startOfDay(activeUntil, timeZone);
    const key = entityKey(entity);
    activeRanges.set(key, [...(activeRanges.get(key) ?? []), { start: startOfDay(activeFrom, timeZone), end }]);
  }
  const isIn = (at: EpochSeconds) => (range: Interval) => range.start <= at && at < range.end;
  for (const { pointer, entity, firstStart, named } of samples) {
    const active = activeRanges.get(entityKey(entity)) ?? [];
    let [absent, first] = [0, 0];
    named.forEach((isNamed, slot) => {
      const at = firstStart + slot * GRID_SECONDS.SLOT;
      if (isNamed === 1 || !measured.some(isIn(at)) || !active.some(isIn(at))) return;
      if (absent === 0) first = at;
      absent += 1;
    });
    if (absent === 0) continue;
    const message = `lacks ${absent} samples, the first at ${toStamp(first)}; one that was not reported is null`;
    throw refused('usage_missing', pointer, message);
  }
}

export function wrongGrid(pointer: string, message: string): PreviewRefused {
  return refused('wrong_grid', pointer, message);
}

/** Everything a rating is held for here is usage that is not there, or not enough of it. */
export function missing(reasons: readonly RatingNotice[]): PreviewRefused {
  const shown = reasons.slice(0, SHOWN);
  const more = reasons.length > SHOWN ? `; and ${reasons.length - SHOWN} more` : '';
  const errors = shown.map(({ code, message }) => ({ pointer: '/usage', message, code }));
  return new PreviewRefused('usage_missing', shown.map(({ message }) => message).join('; ') + more, errors);
}

function entityOf({ entity }: PreviewUsage): EntityRef {
  return entity === undefined || entity.dimension === 'account' ? ACCOUNT : entity;
}

/** The direction in one spelling: bytes without one are the total, and of a rate without one it is the rate that is billed. */
function directionOf({ metric, direction }: PreviewUsage): string | undefined {
  if (metric === 'bytes') return direction ?? 'total';
  return direction === 'total' ? undefined : direction;
}

const PARTS: ReadonlySet<string | undefined> = new Set(['uplink', 'downlink']);
/** What follows from both directions, so that it cannot be given beside one. */
const FOLLOWING: ReadonlySet<string | undefined> = new Set(['total', 'greater', 'greater_of_percentiles', undefined]);

/** Every metric of an entity is given once: as quantities or as series, and whole or by direction. */
function refuseContradictions(usage: readonly PreviewUsage[]): void {
  const before = new Map<string, { kind: string; directions: Set<string | undefined> }>();
  const bandwidth = { account: false, sites: false };
  usage.forEach((each, index) => {
    const entity = entityOf(each);
    const [kind, direction] = [each.quantity === undefined ? 'series' : 'quantity', directionOf(each)];
    const key = `${each.metric} ${entityKey(entity)}`;
    const known = before.get(key) ?? { kind, directions: new Set() };
    const contradicts = (message: string) => refused('contradicting_usage', `/usage/${index}`, message);
    if (known.directions.has(direction)) throw contradicts('is given twice for the same metric, direction and entity');
    if (known.kind !== kind) throw contradicts('is given as a quantity and as a series for the same metric and entity');
    const others = [...known.directions];
    const isWholeBesideParts =
      (PARTS.has(direction) && others.some((other) => FOLLOWING.has(other))) ||
      (FOLLOWING.has(direction) && others.some((other) => PARTS.has(other))) ||
      (others.length > 0 && (direction === undefined || others.includes(undefined)));
    if (isWholeBesideParts) throw contradicts('is given whole and by direction for the same metric and entity');
    known.directions.add(direction);
    before.set(key, known);
    if (each.metric !== 'bandwidth') return;
    if (entity !== ACCOUNT) bandwidth.sites = true;
    else if (kind === 'series') bandwidth.account = true;
    if (bandwidth.account && bandwidth.sites) {
      throw contradicts('is given for the account and for its sites: bandwidth is added up from sites');
    }
  });
}

/** The spacing says the grid; a single bucket says it by where it starts. */
function gridOf({ metric, series = [] }: PreviewUsage, pointer: string): Grid {
  const sorted = series.map(({ start }) => fromStamp(start)).sort((a, b) => a - b);
  let spacing = Infinity;
  sorted.forEach((start, position) => {
    const gap = start - (sorted[position - 1] ?? start);
    if (gap > 0 && gap < spacing) spacing = gap;
  });
  if (metric === 'bandwidth') {
    if (spacing === Infinity || spacing === GRID_SECONDS.SLOT) return 'SLOT';
    throw wrongGrid(pointer, 'must be samples of 5 minutes; a sample that is missing is null');
  }
  if (spacing === Infinity) return sorted.every((start) => start % GRID_SECONDS.DAY === 0) ? 'DAY' : 'HOUR';
  if (spacing % GRID_SECONDS.DAY === 0) return 'DAY';
  if (spacing % GRID_SECONDS.HOUR === 0) return 'HOUR';
  throw wrongGrid(pointer, 'must be spaced by an hour or a day');
}

/** A series over every bucket that the period owns; a bucket that is not given stays a gap. */
function readSeries(
  { series = [] }: PreviewUsage,
  grid: Grid,
  pointer: string,
  period: BillingPeriod,
): { firstStart: EpochSeconds; values: (string | null)[]; named: Uint8Array; outside: number } {
  const width = GRID_SECONDS[grid];
  const { firstStart, count } = ownedBuckets(period, grid);
  const values = new Array<string | null>(count).fill(null);
  const named = new Uint8Array(count);
  const seen = new Set<number>();
  let outside = 0;
  series.forEach(({ start: stamp, value }, position) => {
    const start = fromStamp(stamp);
    const at = `${pointer}/${position}/start`;
    if (start % width !== 0) throw wrongGrid(at, `must be on the ${grid} grid of the series, in UTC`);
    if (seen.has(start)) throw refused('contradicting_usage', at, 'stands in the series twice');
    seen.add(start);
    const slot = (start - firstStart) / width;
    if (slot < 0 || slot >= count) {
      outside += 1;
      return;
    }
    values[slot] = value;
    named[slot] = 1;
  });
  return { firstStart, values, named, outside };
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
  const asked = new Set(usageCharges(plan).flatMap((charge) => directionsOf(charge, metric)));
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

/** The usage charges of a plan. */
export function usageCharges(plan: TariffPlan): UsageCharge[] {
  return plan.charges.filter((charge) => charge.type === 'usage');
}

function directionsOf({ measure }: UsageCharge, metric: PreviewUsage['metric']): string[] {
  return measure.metric === metric && 'direction' in measure ? [measure.direction] : [];
}

/**
 * Tells whether a charge of the plan measures what some usage is of. Charges are put together by what they measure first:
 * thousands of entries meet hundreds of charges that name thousands of entities.
 */
function askedUsage(plan: TariffPlan): (usage: PreviewUsage) => boolean {
  // Directions by metric and what they are measured of: an entity that is named, or each of a dimension.
  const named = new Map<string, Set<string | undefined>>();
  const ofEach = new Map<string, Set<string | undefined>>();
  const add = (to: typeof named, key: string, direction: string | undefined) => {
    const directions = to.get(key);
    if (directions) directions.add(direction);
    else to.set(key, new Set([direction]));
  };
  for (const { measure, filter } of usageCharges(plan)) {
    const direction = measure.metric === 'time' ? undefined : measure.direction;
    if (filter) {
      for (const dimension of ['customer_site_id', 'msisdn', 'imsi'] as const) {
        for (const value of filter[dimension] ?? []) {
          add(named, `${measure.metric} ${entityKey({ dimension, value })}`, direction);
        }
      }
      continue;
    }
    add(ofEach, `${measure.metric} ${measure.per}`, direction);
    // Bandwidth is measured by site, also where it is given for all of them together.
    const other = measure.per === 'account' ? 'customer_site_id' : 'account';
    if (measure.metric === 'bandwidth') add(ofEach, `${measure.metric} ${other}`, direction);
  }
  return (usage) => {
    const entity = entityOf(usage);
    const direction = directionOf(usage);
    const asked = [
      ...(named.get(`${usage.metric} ${entityKey(entity)}`) ?? []),
      ...(ofEach.get(`${usage.metric} ${entity.dimension}`) ?? []),
    ];
    return asked.some((other) => other === undefined || isPartOf(direction, other));
  };
}

/** Whether usage of one direction goes into a charge by another. */
function isPartOf(given: string | undefined, asked: string): boolean {
  if (given === undefined || given === asked) return true;
  return PARTS.has(given) && !PARTS.has(asked);
}
