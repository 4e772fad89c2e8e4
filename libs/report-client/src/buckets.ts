import type { EpochSeconds, Interval } from '#calendar';
import { type Grid, GRID_SECONDS, PackedValues, sumOfValues } from '#metering';
import { Decimal, decimal, decimalFromNumberText, sum, times } from '#money';
import { AnsweredValues } from './answered-values.js';
import type { Aggregation, ReportItems, SeriesAsked, SpokenDialect } from './dialect.js';
import { dividedByPowerOfTen, exceeds, hasAtMostDecimals } from './number-text.js';
import { type PullWarning, RuleBroken } from './refusal.js';

/** What the items of one answer are measured against. */
export interface Expected {
  readonly series: readonly SeriesAsked[];
  readonly grid: Grid;
  /** The range that was asked for. */
  readonly asked: Interval;
  readonly dialect: Pick<SpokenDialect, 'rates' | 'traits'>;
  /** The buckets wanted of it: everything else between the edges of `asked` is margin and dropped. */
  readonly firstStart: EpochSeconds;
  readonly count: number;
  /** Subscribers behind the entity where that is known: bounds the connected time of a bucket. */
  readonly subscribers?: number | undefined;
}

/** The wanted buckets of one answer: per series of the question, the exact value of each bucket or a gap. */
export interface Buckets {
  readonly values: readonly PackedValues[];
  readonly tallies: readonly SeriesTally[];
  readonly warnings: readonly PullWarning[];
}

/** Buckets and their exact sum, in the unit of the series. */
export interface Tally {
  readonly buckets: number;
  readonly total: string;
}

/**
 * What was answered of one series and what of it was dropped as margin. The two are counted apart from the values that are
 * kept, so that kept = fetched − margin can be checked rather than believed.
 */
export interface SeriesTally {
  readonly fetched: Tally;
  readonly margin: Tally;
}

/**
 * Puts the items of an answer into the buckets that were asked for, and believes nothing in them: stamps, uniqueness and
 * bounds are checked in this order. Buckets are found by (series, stamp), never by position.
 *
 * @throws RuleBroken at the first rule that does not hold
 */
export function intoBuckets(items: ReportItems, expected: Expected): Buckets {
  const { series: asked, grid, dialect } = expected;
  const { series, stamps, count } = items;
  const answered = new AnsweredValues(items.values);
  const warnings: PullWarning[] = [...items.warnings];
  const width = GRID_SECONDS[grid];
  const firstLabel = Math.floor(expected.asked.start / width) * width;
  const labels = Math.ceil(expected.asked.end / width) - Math.floor(expected.asked.start / width) + 1;
  requireStamps(stamps, count, { width, firstLabel, labels });

  // One entry per series and label of the asked range: the item that filled it, or -1.
  const filledBy = new Int32Array(asked.length * labels).fill(-1);
  const repeated = new Set<number>();
  for (let item = 0; item < count; item += 1) {
    const label = ((stamps[item] ?? 0) - firstLabel) / width;
    const slot = (series[item] ?? 0) * labels + label;
    const before = filledBy[slot] ?? -1;
    if (before < 0) filledBy[slot] = item;
    else if (answered.compare(before, item) === 0) repeated.add(item);
    else throw new RuleBroken('duplicate_bucket_differs', `one bucket has two values, items ${before} and ${item}`);
  }
  if (repeated.size > 0) {
    warnings.push({ code: 'duplicate_bucket', message: `${repeated.size} buckets came twice with the same value` });
  }

  requireBounds(items, answered, expected);
  requireOrderOfAggregates(filledBy, labels, answered, asked);
  if (items.byValue && !ascends(items, answered)) {
    warnings.push({ code: 'percentile_not_ascending', message: 'a percentile series is not sorted by value' });
  }

  // A label that is the end of its bucket stands one width later than the bucket's start.
  const firstWanted = (expected.firstStart - firstLabel) / width + (dialect.traits.label === 'end' ? 1 : 0);
  const power = powerOf(asked, dialect);
  const values = asked.map((_, position) => {
    const chosen = new Int32Array(expected.count);
    for (let bucket = 0; bucket < expected.count; bucket += 1) {
      const label = firstWanted + bucket;
      // What was wanted and not asked for is missing.
      chosen[bucket] = label < labels ? (filledBy[position * labels + label] ?? -1) : -1;
    }
    const packed = answered.packed(chosen);
    return power === 0 ? packed : PackedValues.of(inMbps(packed.texts(), power));
  });
  const endWanted = firstWanted + expected.count;
  const fetched = fetchedOf(items, answered, { asked, repeated, power });
  const tallies = asked.map((_, position) => {
    const margin: string[] = [];
    for (let label = 0; label < labels; label += 1) {
      const item = filledBy[position * labels + label] ?? -1;
      if (item >= 0 && (label < firstWanted || label >= endWanted)) margin.push(answered.textAt(item));
    }
    return { fetched: fetched[position] ?? tallyOf([], power), margin: tallyOf(margin, power) };
  });
  return { values, tallies, warnings };
}

/** What was answered of each series, each bucket once. */
function fetchedOf(
  { series, count }: ReportItems,
  answered: AnsweredValues,
  { asked, repeated, power }: { asked: readonly SeriesAsked[]; repeated: ReadonlySet<number>; power: number },
): Tally[] {
  const { sums } = answered;
  if (sums && repeated.size === 0) {
    const buckets = new Array<number>(asked.length).fill(0);
    for (let item = 0; item < count; item += 1) buckets[series[item] ?? 0] = (buckets[series[item] ?? 0] ?? 0) + 1;
    return buckets.map((each, position) => tally(each, sums[position]?.total() ?? new Decimal(0), power));
  }
  const texts: string[][] = asked.map(() => []);
  for (let item = 0; item < count; item += 1) {
    if (!repeated.has(item)) texts[series[item] ?? 0]?.push(answered.textAt(item));
  }
  return texts.map((each) => tallyOf(each, power));
}

function tallyOf(values: readonly string[], power: number): Tally {
  return tally(values.length, sumOfValues(values), power);
}

function tally(buckets: number, total: Decimal, power: number): Tally {
  return { buckets, total: times(total, new Decimal(`1e-${power}`)).toFixed() };
}

/** Tallies of the same series, added. */
export function addedTallies(tallies: readonly SeriesTally[]): SeriesTally {
  const added = (of: readonly Tally[]): Tally => ({
    buckets: of.reduce((count, { buckets }) => count + buckets, 0),
    total: sum(of.map(({ total }) => decimal(total))).toFixed(),
  });
  return {
    fetched: added(tallies.map(({ fetched }) => fetched)),
    margin: added(tallies.map(({ margin }) => margin)),
  };
}

function requireStamps(
  stamps: ArrayLike<number>,
  count: number,
  { width, firstLabel, labels }: { width: number; firstLabel: number; labels: number },
): void {
  const lastLabel = firstLabel + (labels - 1) * width;
  for (let item = 0; item < count; item += 1) {
    const stamp = stamps[item] ?? 0;
    if (stamp % width !== 0) throw new RuleBroken('off_grid', `the stamp of item ${item} is not on the UTC grid`);
    if (stamp < firstLabel || stamp > lastLabel) {
      throw new RuleBroken('beyond_margin', `the stamp of item ${item} lies beyond the range asked for`);
    }
  }
}

function requireBounds({ series, count }: ReportItems, answered: AnsweredValues, expected: Expected): void {
  const { series: asked, dialect, grid, subscribers } = expected;
  const rate = mostOf(dialect);
  const seconds = GRID_SECONDS[grid] * (subscribers ?? 0);
  const most = asked.map(({ metric }) => {
    if (metric === 'uplink_bandwidth' || metric === 'downlink_bandwidth') return rate;
    return metric === 'time_usage_seconds' && subscribers !== undefined ? seconds : Infinity;
  });
  for (let item = 0; item < count; item += 1) {
    const position = series[item] ?? 0;
    if (answered.isBelow(item, most[position] ?? 0)) continue;
    const text = answered.textAt(item);
    if (asked[position]?.metric === 'time_usage_seconds') {
      if (decimalFromNumberText(text).greaterThan(new Decimal(seconds).times(DOUBLE_SLACK))) {
        throw new RuleBroken('time_exceeds_bucket', `more seconds were used than item ${item} has`);
      }
    } else requireRate(text, dialect, () => `in item ${item}`);
  }
}

/** APIs add doubles: the last of their digits makes no second too many. */
const DOUBLE_SLACK = '1.000000000001';

/** Refuses a rate, as it was answered, above the line rate. Throws `RuleBroken` `rate_exceeds_line_rate`. */
export function requireRate(text: string, { rates }: Pick<SpokenDialect, 'rates'>, where: () => string): void {
  if (exceeds(text, mostOf({ rates }))) {
    throw new RuleBroken('rate_exceeds_line_rate', `a rate is above ${rates.lineRateMbps} Mbps, ${where()}`);
  }
}

/** The line rate in the unit of the API. */
function mostOf({ rates }: Pick<SpokenDialect, 'rates'>): number {
  return rates.lineRateMbps * 10 ** rates.power;
}

/** Where AVG, MIN and MAX of one metric are asked for, MIN ≤ AVG ≤ MAX in every bucket that has them. */
function requireOrderOfAggregates(
  filledBy: Int32Array,
  labels: number,
  answered: AnsweredValues,
  asked: readonly SeriesAsked[],
): void {
  const ordered = (low: Aggregation, high: Aggregation) => {
    asked.forEach(({ metric, aggregation }, lower) => {
      const upper = asked.findIndex((other) => other.metric === metric && other.aggregation === high);
      if (aggregation !== low || upper < 0) return;
      for (let label = 0; label < labels; label += 1) {
        const lowItem = filledBy[lower * labels + label] ?? -1;
        const highItem = filledBy[upper * labels + label] ?? -1;
        if (lowItem >= 0 && highItem >= 0 && answered.compare(lowItem, highItem) > 0) {
          throw new RuleBroken('min_avg_max_disordered', `${low} is above ${high}, items ${lowItem} and ${highItem}`);
        }
      }
    });
  };
  ordered('MIN', 'AVG');
  ordered('AVG', 'MAX');
}

/** Whether each series' values come in ascending order. */
function ascends({ series, count }: ReportItems, answered: AnsweredValues): boolean {
  const latest: number[] = [];
  for (let item = 0; item < count; item += 1) {
    const position = series[item] ?? 0;
    const before = latest[position];
    if (before !== undefined && answered.compare(before, item) > 0) return false;
    latest[position] = item;
  }
  return true;
}

/** How far the decimal point of the values asked for moves left to give Mbps; 0 for what is no rate. */
function powerOf(asked: readonly SeriesAsked[], { rates }: Pick<SpokenDialect, 'rates'>): number {
  return asked.every(({ metric }) => metric.endsWith('_bandwidth')) ? rates.power : 0;
}

/** Rates in Mbps, exactly, from rates as they were answered. */
export function inMbps(values: (string | null)[], power: number): (string | null)[] {
  if (power === 0) return values;
  return values.map((text) => (text === null ? null : dividedByPowerOfTen(text, power)));
}

/**
 * Whether a whole series of rates, in Mbps, looks rounded to two decimals of the API's unit: at least 100 values above zero,
 * and at least 99 of 100 of them with no third decimal. Idle sites would then be billed 0.
 *
 * @param power how far the decimal point of the API's unit moves left to give Mbps
 */
export function looksRounded(values: PackedValues, power: number): boolean {
  const decimals = 2 + power;
  let above = 0;
  let finer = 0;
  for (let position = 0; position < values.length; position += 1) {
    if (values.isGap(position) || values.doubles[position] === 0) continue;
    above += 1;
    if (!hasAtMostDecimals(values.textAt(position) ?? '', decimals)) finer += 1;
    // More than can be one in a hundred, whatever follows.
    if (finer * 100 > values.length) return false;
  }
  return above >= 100 && finer * 100 <= above;
}
