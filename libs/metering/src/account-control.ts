import { type Interval, overlap, toStamp } from '#calendar';
import { Decimal, decimalFromNumberText, minus, Ratio, times } from '#money';
import type { Controlled, ControlFinding } from './controlled-usage.js';
import { ExactSum } from './exact-sum.js';
import type { ActiveEntity } from './measure-spec.js';
import { activeIn, findSeries } from './series.js';
import {
  type BucketSeries,
  type Dimension,
  entityKey,
  type Grid,
  GRID_SECONDS,
  type Metric,
  ownedBuckets,
} from './usage.js';

const COUNTS: readonly Metric[] = ['uplink_bytes', 'downlink_bytes', 'time_usage_seconds'];
const GRIDS: readonly Grid[] = ['HOUR', 'DAY'];
const DIMENSIONS: readonly Exclude<Dimension, 'account'>[] = ['customer_site_id', 'msisdn', 'imsi'];
/** Entities may differ from their account by one part in so many: the API counts and rounds each series by itself. */
const PARTS = new Decimal(1_000);
/** Different non-zero 5-minute samples that two sites may share by chance. Doubles of an hour of traffic never do. */
const CHANCE_SLOTS = 12;

/**
 * The entities of each dimension against the account's own series, metric by metric. Where all entities of a dimension
 * were pulled, both must be the same within 0.1 %; where a plan needs only some of them, they may not exceed the account.
 * An entity that equals its account although others reported usage of their own was not filtered at all, unless filters are
 * known to work.
 */
export function accountControl(controlled: Controlled): ControlFinding[] {
  const suspects: ControlFinding[] = [];
  const sums: ControlFinding[] = [];
  for (const dimension of DIMENSIONS) {
    const registered = controlled.entities.filter(({ ref }) => ref.dimension === dimension);
    const comparisons = COUNTS.flatMap((metric) => comparisonOf(controlled, dimension, registered, metric) ?? []);
    const count = suspectsAmong(comparisons);
    if (count > 0) suspects.push(suspect(dimension, count, 'reported the same as the whole account'));
    sums.push(...comparisons.flatMap((comparison) => sumFindings(dimension, comparison, controlled.billed)));
  }
  if (controlled.filtersWork) return sums;
  const twins = twinSites(controlled);
  if (twins > 0) suspects.push(suspect('customer_site_id', twins, 'reported the same 5-minute rates as another one'));
  // A filter that did nothing is also why sums are wrong: the cause comes first.
  return [...suspects, ...sums];
}

/** One metric of the account beside that of the entities of one dimension, bucket by bucket. */
interface Comparison {
  readonly metric: Metric;
  readonly account: BucketSeries;
  /** Buckets in question, ascending, as positions in the account's series. */
  readonly buckets: readonly number[];
  readonly entities: readonly ComparedEntity[];
}

interface ComparedEntity {
  readonly key: string;
  /** The entity's series on the account's grid, when it was pulled. */
  readonly series: BucketSeries | undefined;
  readonly active: ReadonlySet<number>;
}

function comparisonOf(
  { over, account, index, billed }: Controlled,
  dimension: Dimension,
  registered: readonly ActiveEntity[],
  metric: Metric,
): Comparison | undefined {
  const own = GRIDS.map((grid) => findSeries(index, account, metric, grid)).find((series) => series !== undefined);
  if (!own) return undefined;
  // Thousands of subscribers are active at the same time, mostly all of it.
  const known = new Map<string, ReadonlySet<number>>();
  const positionsOf = (parts: readonly Interval[]): ReadonlySet<number> => {
    const key = parts.map(({ start, end }) => `${start} ${end}`).join();
    const positions = known.get(key) ?? new Set(parts.flatMap((part) => positionsIn(own, part)));
    known.set(key, positions);
    return positions;
  };
  const entities = registered
    .map((entity) => ({
      key: entityKey(entity.ref),
      series: findSeries(index, entity.ref, metric, own.grid),
      active: positionsOf(over.flatMap((part) => activeIn(entity, part))),
    }))
    .filter(({ active }) => active.size > 0);
  // Nothing is billed when no entity is registered: then all of the account's usage belongs to none.
  const isUnregistered = entities.length === 0 && billed.get(metric)?.has(dimension);
  if (!isUnregistered && entities.every(({ series }) => series === undefined)) return undefined;
  return { metric, account: own, buckets: over.flatMap((part) => positionsIn(own, part)), entities };
}

function positionsIn(series: BucketSeries, part: Interval): number[] {
  const { firstStart, count } = ownedBuckets(part, series.grid);
  const first = (firstStart - series.firstStart) / GRID_SECONDS[series.grid];
  return Array.from({ length: count }, (_, bucket) => first + bucket);
}

function sumFindings(
  dimension: Dimension,
  { metric, account, buckets, entities }: Comparison,
  billed: Controlled['billed'],
): ControlFinding[] {
  const missing = buckets.filter((bucket) => textAt(account, bucket) === null);
  const [firstMissing] = missing;
  if (firstMissing !== undefined) {
    const at = toStamp(account.firstStart + firstMissing * GRID_SECONDS[account.grid]);
    const message =
      `${missing.length} of ${buckets.length} buckets of the account's own ${metric} are missing, the first at ${at}: ` +
      `its ${dimension} entities cannot be held against it`;
    return [{ code: 'missing_buckets', holds: billed.has(metric) ? 'always' : 'never', message }];
  }
  const [whole, parts] = [new ExactSum(), new ExactSum()];
  for (const bucket of buckets) {
    const texts = entities
      .filter(({ series, active }) => series !== undefined && active.has(bucket))
      .map(({ series }) => series && textAt(series, bucket));
    // A gap of an entity is for its measure to hold; the other buckets can still be compared.
    if (texts.includes(null)) continue;
    whole.add(textAt(account, bucket) ?? '0');
    for (const text of texts) parts.add(text ?? '0');
  }
  const pulled = entities.filter(({ series }) => series !== undefined).length;
  const [accountTotal, entityTotal] = [whole.total(), parts.total()];
  const difference = minus(accountTotal, entityTotal);
  if (times(difference.abs(), PARTS).lessThanOrEqualTo(accountTotal)) return [];
  const sides = `${entityTotal.toFixed()} of ${pulled} ${dimension} entities against ${accountTotal.toFixed()} of the account`;
  if (difference.isNegative()) {
    const message = `${metric} of the entities exceed those of their account: ${sides}`;
    return [{ code: 'entities_exceed_account', holds: 'always', message }];
  }
  if (pulled < entities.length) return [];
  const share = Ratio.of(times(difference, new Decimal(100)), accountTotal).toTruncated(2);
  const message =
    `${difference.toFixed()} (${share} %) of the account's ${metric} belong to no registered ${dimension}: ${sides}; ` +
    'register what is missing';
  return [{ code: 'unregistered_usage', holds: 'if_chosen', message }];
}

/**
 * How many entities equal the account in every metric, over all the buckets in which another one reported usage too. One that
 * reported nothing, or was not pulled, shows nothing: whether it was idle is another question.
 */
function suspectsAmong(comparisons: readonly Comparison[]): number {
  const compared = comparisons.map((comparison) => ({
    comparison,
    byKey: new Map(comparison.entities.map((entity) => [entity.key, entity])),
    users: usersOf(comparison),
  }));
  const keys = new Set(compared.flatMap(({ byKey }) => [...byKey.keys()]));
  return [...keys].filter((key) => {
    const verdicts = compared.map(({ comparison, byKey, users }) => equalsAccount(comparison, users, byKey.get(key)));
    return verdicts.includes('equal') && !verdicts.includes('different');
  }).length;
}

/**
 * How many entities reported usage in a bucket. Counted once for each bucket that is asked for: thousands of entities are held
 * against all others, and most differ from the account in the first one.
 */
function usersOf({ entities }: Comparison): (bucket: number) => number {
  const counted = new Map<number, number>();
  return (bucket) => {
    const users = counted.get(bucket) ?? entities.filter((entity) => isUsing(entity, bucket)).length;
    counted.set(bucket, users);
    return users;
  };
}

function isUsing({ series, active }: ComparedEntity, bucket: number): boolean {
  return series !== undefined && active.has(bucket) && isUsed(textAt(series, bucket));
}

function equalsAccount(
  { account, buckets }: Comparison,
  users: (bucket: number) => number,
  entity: ComparedEntity | undefined,
): 'equal' | 'different' | 'unknown' {
  if (!entity?.series) return 'unknown';
  let compared = 0;
  for (const bucket of buckets) {
    const whole = textAt(account, bucket);
    const own = textAt(entity.series, bucket);
    if (whole === null || own === null || isZero(whole) || !entity.active.has(bucket)) continue;
    const others = users(bucket) - (isUsed(own) ? 1 : 0);
    if (others === 0) continue;
    if (!isSame(own, whole)) return 'different';
    compared += 1;
  }
  return compared > 0 ? 'equal' : 'unknown';
}

/** Sites whose samples never differ from those of another site: the filter that should tell them apart did not. */
function twinSites({ over, entities, index }: Controlled): number {
  const sampled = entities
    .filter(({ ref }) => ref.dimension === 'customer_site_id')
    .flatMap((entity) => {
      const up = findSeries(index, entity.ref, 'uplink_bandwidth', 'SLOT');
      const down = findSeries(index, entity.ref, 'downlink_bandwidth', 'SLOT');
      const active = over.flatMap((part) => activeIn(entity, part));
      return up && down ? [{ up, down, active }] : [];
    });
  if (sampled.length < 2) return 0;
  const sites = sampled.map(({ up, down, active }) => ({ up: ratesOf(up), down: ratesOf(down), active }));
  return sites.filter((site, position) =>
    sites.some((other, at) => {
      if (at === position || other.up.series.firstStart !== site.up.series.firstStart) return false;
      const together = site.active.flatMap((mine) =>
        other.active.map((theirs) => overlap(mine, theirs)).filter((common) => common !== undefined),
      );
      return areTwins(site.up, other.up, together) && areTwins(site.down, other.down, together);
    }),
  ).length;
}

interface Rates {
  readonly series: BucketSeries;
  /** Positions of samples that are not zero, ascending. */
  readonly busy: readonly number[];
}

function ratesOf(series: BucketSeries): Rates {
  const busy: number[] = [];
  series.values.forEach((text, position) => {
    if (text !== null && !isZero(text)) busy.push(position);
  });
  return { series, busy };
}

/**
 * Whether two sites reported the same whenever both reported something. Hundreds of sites make tens of thousands of pairs,
 * so only samples with traffic are looked at: the first one tells most sites apart, and two that are idle are alike.
 */
function areTwins(one: Rates, other: Rates, together: readonly Interval[]): boolean {
  const same = new Set<string>();
  const agrees = (from: Rates, to: Rates) =>
    from.busy.every((position) => {
      const [mine, theirs] = [textAt(from.series, position), textAt(to.series, position)];
      const start = from.series.firstStart + position * GRID_SECONDS.SLOT;
      if (mine === null || theirs === null) return true;
      if (!together.some((part) => part.start <= start && start < part.end)) return true;
      same.add(mine);
      return isSame(mine, theirs);
    });
  return agrees(one, other) && same.size > CHANCE_SLOTS && agrees(other, one);
}

function suspect(dimension: Dimension, count: number, what: string): ControlFinding {
  const message =
    `${count} ${dimension} ${what} in every bucket in which another one reported traffic too: the report API ` +
    'seems to have answered for the account, not for the entity';
  return { code: 'filter_suspect', holds: 'always', message };
}

function textAt(series: BucketSeries, position: number): string | null {
  return series.values[position] ?? null;
}

/** By its digits, because a Decimal for each of the samples of hundreds of sites takes seconds. */
function isZero(text: string | null): boolean {
  return text !== null && !/^[0.]*[1-9]/.test(text);
}

function isUsed(text: string | null): boolean {
  return text !== null && !isZero(text);
}

function isSame(a: string, b: string): boolean {
  return a === b || decimalFromNumberText(a).equals(decimalFromNumberText(b));
}
