import type { EpochSeconds } from '#calendar';
import {
  BITS_PER_BYTE,
  BITS_PER_MEGABIT,
  PLACES,
  SCALE,
  scaled,
  SLOT_SECONDS,
  TOLERANCE_PERCENT,
} from './scaled-value.js';
import { packedValues } from './packed-values.js';
import { findSeries, type SeriesIndex } from './series.js';
import { type BucketSeries, type EntityRef, entityKey, GRID_SECONDS } from './usage.js';

export type Way = 'uplink' | 'downlink';
export const BOTH_WAYS: readonly Way[] = ['uplink', 'downlink'];

/** What is known of a slot of one site and direction. */
export const FATE = {
  /** It was reported, or the site was not active. */
  none: 0,
  /** Its hour's or day's bytes are reported as 0. */
  idle: 1,
  /** Its hour has no sample and a MAX of 0. */
  quiet: 2,
  /** Its hour had traffic that no sample of the hour carries. */
  lost: 3,
  /** Its hour has no sample, and neither a MAX nor bytes: nothing was reported of it at all. */
  unanswered: 4,
  /** Its hour had traffic; whether the slot had any cannot be told. */
  unexplained: 5,
  /** There is nothing to hold it against. */
  uncontrolled: 6,
} as const;
export type Fate = (typeof FATE)[keyof typeof FATE];

/** The slots of a measured interval that count for one site. */
export interface CountedSite {
  readonly ref: EntityRef;
  /** Start of the first slot. */
  readonly firstStart: EpochSeconds;
  /** 1 where the site is active. */
  readonly active: Uint8Array;
}

/** What became of the samples of one site and direction. */
export interface LaneFates {
  /** A `FATE` for each slot. */
  readonly of: Uint8Array;
  /** Starts of the hours that lost samples, ascending. */
  readonly lostHours: readonly EpochSeconds[];
  /** The highest that an unexplained sample can have been, in Mbps; undefined: it cannot be told. */
  highest(slot: number): string | undefined;
  /** Whether the hourly MAX could be taken for the highest 5-minute sample; else bytes alone decided. */
  readonly byMaximum: boolean;
}

/** Hours of all samples that show what the vendor's MAX is. */
export interface MaximumStanding {
  /** MAX is the largest of the hour's twelve samples. */
  readonly equal: number;
  /** It is another number: a finer one, or no maximum at all. */
  readonly differing: number;
}

export interface SampleFates {
  /** Undefined when no sample of the site and direction is missing. */
  of(ref: EntityRef, way: Way): LaneFates | undefined;
  readonly maximum: MaximumStanding;
}

/**
 * Tells samples that are missing because nothing happened from samples that were lost on their way, site by site and
 * direction by direction. A series comes sorted by value, so one that is cut loses what a percentile is made of.
 *
 * Bytes of an hour or day that are reported as 0 prove it idle. An hour whose MAX is above its largest sample has lost
 * samples, and so has one without samples whose MAX or bytes are above 0. MAX may be taken over less than five minutes; where
 * an hour that lacks nothing shows that, or where there is no MAX, bytes above what the samples carry in all of their 300
 * seconds decide, unless such hours show that the rates are not those of all traffic.
 *
 * @throws MeteringError `bad_value`
 */
export function fatesOf(sites: readonly CountedSite[], index: SeriesIndex): SampleFates {
  const lanes = new Map<string, LaneHours>();
  for (const site of sites) {
    for (const way of BOTH_WAYS) {
      const hours = laneHours(site, way, index);
      if (hours) lanes.set(laneKey(site.ref, way), hours);
    }
  }
  const all = standingOf([...lanes.values()]);
  const fates = new Map<string, LaneFates>();
  for (const { ref } of sites) {
    const own = BOTH_WAYS.flatMap((way) => lanes.get(laneKey(ref, way)) ?? []);
    // A site that lacks something in every hour is judged by what the others show of the vendor.
    const standing = standingOf(own).equal + standingOf(own).above + standingOf(own).below > 0 ? standingOf(own) : all;
    for (const lane of own) fates.set(laneKey(ref, lane.way), judge(lane, standing));
  }
  return {
    of: (ref, way) => fates.get(laneKey(ref, way)),
    maximum: { equal: all.equal, differing: all.above + all.below },
  };
}

function laneKey(ref: EntityRef, way: Way): string {
  return `${way} ${entityKey(ref)}`;
}

const HOUR = GRID_SECONDS.HOUR;
const SLOT = GRID_SECONDS.SLOT;
const SLOTS_PER_HOUR = HOUR / SLOT;

/** One direction of one site that lacks samples, hour by hour. */
interface LaneHours {
  readonly way: Way;
  readonly site: CountedSite;
  readonly hours: readonly Hour[];
  readonly samples: BucketSeries;
  readonly maximum: BucketSeries | undefined;
  readonly hourBytes: BucketSeries | undefined;
  readonly dayBytes: BucketSeries | undefined;
  /** Mbps that the last decimal of the samples, and of the maxima, stands for; 0: too few of them to say. */
  readonly sampleStep: bigint;
  readonly maximumStep: bigint;
}

interface Hour {
  readonly start: EpochSeconds;
  /** Slots that were asked for. */
  readonly asked: number;
  readonly reported: number;
  readonly largest: bigint;
  readonly sum: bigint;
  /** Slots of the measured interval that count and are missing. */
  readonly missing: readonly number[];
}

function laneHours(site: CountedSite, way: Way, index: SeriesIndex): LaneHours | undefined {
  const samples = findSeries(index, site.ref, `${way}_bandwidth`, 'SLOT');
  if (!samples) return undefined;
  const offset = (site.firstStart - samples.firstStart) / SLOT;
  const values = packedValues(samples);
  const isMissing = (slot: number) => site.active[slot] === 1 && values.isGap(slot + offset);
  if (!isAnySlot(site.active.length, isMissing)) return undefined;
  const maximum = findSeries(index, site.ref, `${way}_bandwidth_max`, 'HOUR');
  return {
    way,
    site,
    hours: hoursOf(samples, (position) => (isMissing(position - offset) ? position - offset : undefined), site, offset),
    samples,
    maximum,
    hourBytes:
      findSeries(index, site.ref, `${way}_bytes`, 'HOUR') ??
      findSeries(index, site.ref, `${way}_bytes_by_hour`, 'HOUR'),
    dayBytes: findSeries(index, site.ref, `${way}_bytes`, 'DAY'),
    sampleStep: stepOf(samples.values),
    maximumStep: maximum ? stepOf(maximum.values) : 0n,
  };
}

function isAnySlot(count: number, isSo: (slot: number) => boolean): boolean {
  for (let slot = 0; slot < count; slot += 1) if (isSo(slot)) return true;
  return false;
}

/** The UTC hours of a series, and of slots that are measured and that the series does not reach. */
function hoursOf(
  samples: BucketSeries,
  missingAt: (position: number) => number | undefined,
  { active }: CountedSite,
  offset: number,
): Hour[] {
  const first = Math.min(0, offset);
  const end = Math.max(samples.values.length, offset + active.length);
  const hours: Hour[] = [];
  for (let from = first; from < end;) {
    const at = samples.firstStart + from * SLOT;
    const start = Math.floor(at / HOUR) * HOUR;
    const to = Math.min(end, from + (start + HOUR - at) / SLOT);
    let [reported, largest, sum] = [0, 0n, 0n];
    const missing: number[] = [];
    for (let position = from; position < to; position += 1) {
      const text = samples.values[position] ?? null;
      const slot = missingAt(position);
      if (slot !== undefined) missing.push(slot);
      if (text === null) continue;
      const value = scaled(text);
      reported += 1;
      sum += value;
      if (value > largest) largest = value;
    }
    hours.push({
      start,
      asked: Math.max(0, Math.min(to, samples.values.length) - Math.max(from, 0)),
      reported,
      largest,
      sum,
      missing,
    });
    from = to;
  }
  return hours;
}

/** What hours that lack nothing show of the vendor's numbers. */
interface Standing {
  readonly equal: number;
  readonly above: number;
  readonly below: number;
  /** Bytes above what the samples can carry: they are not those of all traffic. */
  readonly tooManyBytes: number;
}

function standingOf(lanes: readonly LaneHours[]): Standing {
  const seen = { equal: 0, above: 0, below: 0, tooManyBytes: 0 };
  for (const lane of lanes) {
    for (const hour of lane.hours) {
      if (hour.reported < SLOTS_PER_HOUR || hour.largest === 0n) continue;
      const maximum = valueAt(lane.maximum, hour.start);
      if (maximum !== undefined) seen[comparedTo(lane, maximum, hour.largest)] += 1;
      const bytes = valueAt(lane.hourBytes, hour.start);
      if (bytes !== undefined && exceedsSamples(lane, bytes, hour)) seen.tooManyBytes += 1;
    }
  }
  return seen;
}

/** A double's last digits differ by the order of a division; this is one part in so many. */
const PARTS = 1_000_000_000n;

function comparedTo(lane: LaneHours, maximum: bigint, largest: bigint): 'equal' | 'above' | 'below' {
  const { sampleStep, maximumStep } = lane;
  // Numbers that are rounded alike are equal or not; else the coarser ones say no more than their last decimal.
  const isKnown = sampleStep > 0n && maximumStep > 0n && sampleStep !== maximumStep;
  const rounding = !isKnown ? 0n : sampleStep > maximumStep ? sampleStep : maximumStep;
  const tolerance = rounding + largest / PARTS;
  if (maximum > largest + tolerance) return 'above';
  return maximum < largest - tolerance ? 'below' : 'equal';
}

function exceedsSamples(
  { sampleStep }: LaneHours,
  bytes: bigint,
  { sum, reported }: { readonly sum: bigint; readonly reported: number },
): boolean {
  const carried = (sum + (BigInt(reported) * sampleStep) / 2n) * BITS_PER_MEGABIT * SLOT_SECONDS;
  return bytes * BITS_PER_BYTE * 100n > carried * TOLERANCE_PERCENT;
}

function judge(lane: LaneHours, standing: Standing): LaneFates {
  const { site, maximum, hourBytes, dayBytes } = lane;
  const of = new Uint8Array(site.active.length);
  const lostHours: EpochSeconds[] = [];
  const highest = new Map<number, string>();
  const isControlled = maximum !== undefined || hourBytes !== undefined || dayBytes !== undefined;
  for (const hour of lane.hours) {
    if (hour.missing.length === 0) continue;
    const fate = isControlled ? fateOf(lane, hour, standing) : FATE.uncontrolled;
    if (fate === FATE.lost) lostHours.push(hour.start);
    const text = standing.below === 0 ? (textAt(maximum, hour.start) ?? undefined) : undefined;
    for (const slot of hour.missing) {
      of[slot] = fate;
      if (fate === FATE.unexplained && text !== undefined) highest.set(slot, text);
    }
  }
  return {
    of,
    lostHours,
    highest: (slot) => highest.get(slot),
    byMaximum: maximum !== undefined && isMaximumOfSamples(standing),
  };
}

function fateOf(lane: LaneHours, hour: Hour, standing: Standing): Fate {
  const { maximum, hourBytes, dayBytes, maximumStep } = lane;
  const most = valueAt(maximum, hour.start);
  const bytes = valueAt(hourBytes, hour.start);
  const day = Math.floor(hour.start / GRID_SECONDS.DAY) * GRID_SECONDS.DAY;
  const ofDay = valueAt(dayBytes, day);
  if (ofDay === 0n || bytes === 0n) return most === undefined || most === 0n ? FATE.idle : FATE.lost;
  // Traffic of the hour may lie in slots that are not measured, of which nothing is known.
  const isConclusive = hour.asked === SLOTS_PER_HOUR && hour.reported + hour.missing.length === SLOTS_PER_HOUR;
  const lost = isConclusive ? FATE.lost : FATE.unexplained;
  if (hour.reported === 0) {
    if (most !== undefined && most > 0n) return lost;
    // A MAX that is rounded to 0 hides a little.
    const hidden = most === 0n ? maximumStep * BITS_PER_MEGABIT * BigInt(HOUR) : 0n;
    if (bytes !== undefined && bytes * BITS_PER_BYTE > hidden) return lost;
    if (most === 0n) return FATE.quiet;
  } else if (most !== undefined && isMaximumOfSamples(standing)) {
    if (comparedTo(lane, most, hour.largest) === 'above') return lost;
  }
  if (standing.tooManyBytes === 0) {
    if (bytes !== undefined && exceedsSamples(lane, bytes, hour)) return lost;
    if (bytes === undefined && ofDay !== undefined && dayExceedsSamples(lane, ofDay, day)) return lost;
  }
  if (hour.reported > 0) return FATE.unexplained;
  return isAsked(maximum, hour.start) || isAsked(hourBytes, hour.start) ? FATE.unanswered : FATE.unexplained;
}

function isMaximumOfSamples({ above, below }: Standing): boolean {
  return above + below === 0;
}

function dayExceedsSamples(lane: LaneHours, bytes: bigint, day: EpochSeconds): boolean {
  const hours = lane.hours.filter(({ start }) => start >= day && start < day + GRID_SECONDS.DAY);
  const total = { asked: 0, sum: 0n, reported: 0 };
  for (const { asked, sum, reported } of hours) {
    total.asked += asked;
    total.sum += sum;
    total.reported += reported;
  }
  return total.asked === GRID_SECONDS.DAY / SLOT && exceedsSamples(lane, bytes, total);
}

function textAt(series: BucketSeries | undefined, start: EpochSeconds): string | null {
  if (!series) return null;
  return series.values[(start - series.firstStart) / GRID_SECONDS[series.grid]] ?? null;
}

function valueAt(series: BucketSeries | undefined, start: EpochSeconds): bigint | undefined {
  const text = textAt(series, start);
  return text === null ? undefined : scaled(text);
}

function isAsked(series: BucketSeries | undefined, start: EpochSeconds): boolean {
  return series?.values[(start - series.firstStart) / GRID_SECONDS[series.grid]] !== undefined;
}

/** So few values have a last decimal in common by chance. */
const CHANCE_VALUES = 24;

/** What the last decimal of values stands for, where there are enough of them to say. */
function stepOf(values: readonly (string | null)[]): bigint {
  let [above, decimals] = [0, 0];
  for (const text of values) {
    if (text === null || !/[1-9]/.test(text)) continue;
    above += 1;
    const point = text.indexOf('.');
    decimals = /[eE]/.test(text) ? PLACES : Math.max(decimals, point < 0 ? 0 : text.length - point - 1);
  }
  return above < CHANCE_VALUES ? 0n : SCALE / 10n ** BigInt(Math.min(decimals, PLACES));
}
