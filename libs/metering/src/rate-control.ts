import { type Interval, overlap, toStamp } from '#calendar';
import { Decimal, Ratio } from '#money';
import type { Controlled, ControlFinding } from './controlled-usage.js';
import { exceeds, nearest, truncatedTenths } from './approximation.js';
import { packedValues } from './packed-values.js';
import {
  ABOUT,
  BITS_PER_BYTE,
  BITS_PER_MEGABIT,
  SCALE,
  scaled,
  SLOT_SECONDS,
  TOLERANCE_PERCENT,
} from './scaled-value.js';
import { activeIn, findSeries } from './series.js';
import { type BucketSeries, type EntityRef, type Grid, GRID_SECONDS, type Metric } from './usage.js';

const WAYS: readonly (readonly [bytes: Metric, rate: Metric])[] = [
  ['uplink_bytes', 'uplink_bandwidth'],
  ['downlink_bytes', 'downlink_bandwidth'],
];
const GRIDS: readonly Grid[] = ['HOUR', 'DAY'];
const SLOT = GRID_SECONDS.SLOT;
/** A rate and the bytes it comes from can lie apart by averaging over seconds; beyond this factor one of them is wrong. */
const FACTOR = 4;
const WORTH_A_WORD_PERCENT = 105;
const { bitsPerByte, bitsPerMegabit, tolerancePercent } = ABOUT;

/**
 * The 5-minute rates of sites against the bytes of the same time. A rate is an average over the seconds with traffic, at
 * least one and at most all 300 of them, so the bytes of a bucket lie between Σ(rate × 1 s) and Σ(rate × 300 s). Below
 * that a unit is wrong; above it the rates may be those of the busiest subscriber, which only the probe can tell.
 * With the connected time at hand, bytes over seconds is a second average: no rate lies below a quarter of it, whosever it
 * is, or above four times what the subscribers can add up to; where samples are missing that is a doubt, because they may
 * be the highest or the lowest. Whether they were lost is for the measure to say, hour by hour.
 */
export function rateControl(controlled: Controlled): ControlFinding[] {
  const subjects = subjectsOf(controlled);
  if (subjects.length === 0) return [];
  // Adds up the connected time of every subscriber, so not for each site again.
  const counted = { ...controlled, subscribers: subscribersOf(controlled) };
  return subjects.flatMap((subject) => WAYS.flatMap(([bytes, rate]) => findingsOf(counted, subject, bytes, rate)));
}

interface WithSubscribers extends Controlled {
  /** How many can have been connected at once; 0 where that is not known. */
  readonly subscribers: number;
}

/** Whose bytes are compared, and the sites whose rates must carry them. */
interface Subject {
  readonly counted: EntityRef;
  readonly sites: readonly { readonly ref: EntityRef; readonly active: readonly Interval[] }[];
}

/** Each site that has bytes of its own; else the account, when the rates of all its sites are there. */
function subjectsOf({ over, account, entities, index }: Controlled): Subject[] {
  const sites = entities
    .filter(({ ref }) => ref.dimension === 'customer_site_id')
    .map((entity) => ({ ref: entity.ref, active: over.flatMap((part) => activeIn(entity, part)) }))
    .filter(({ active }) => active.length > 0);
  const rated = sites.filter(({ ref }) => findSeries(index, ref, 'uplink_bandwidth', 'SLOT'));
  const counted = rated.filter(({ ref }) => countsOf(index, ref, 'uplink_bytes'));
  if (counted.length > 0) return counted.map((site) => ({ counted: site.ref, sites: [site] }));
  return rated.length > 0 && rated.length === sites.length ? [{ counted: account, sites }] : [];
}

function countsOf(index: Controlled['index'], ref: EntityRef, metric: Metric): BucketSeries | undefined {
  return GRIDS.map((grid) => findSeries(index, ref, metric, grid)).find((series) => series !== undefined);
}

function findingsOf(
  controlled: WithSubscribers,
  { counted, sites }: Subject,
  bytes: Metric,
  rate: Metric,
): ControlFinding[] {
  const { index, over, ratesAreOfAll } = controlled;
  const series = countsOf(index, counted, bytes);
  const rates = sites.map(({ ref, active }) => ({ series: findSeries(index, ref, rate, 'SLOT'), active }));
  if (!series || !areThere(rates)) return [];
  const seconds = findSeries(index, counted, 'time_usage_seconds', series.grid);
  const width = GRID_SECONDS[series.grid];
  const limits = { subscribers: controlled.subscribers, roundedBy: controlled.roundedByMbps };
  const seen = { buckets: 0, tooManyBytes: 0, tooFewBytes: 0, apart: 0, doubtful: 0, first: null as number | null };
  const whole: RatedBucket[] = [];

  series.values.forEach((text, position) => {
    const start = series.firstStart + position * width;
    const samples = text === null ? undefined : samplesOf(rates, { start, end: start + width }, over);
    if (text === null || samples === undefined) return;
    const bucket = new RatedBucket(text, seconds?.values[position] ?? null, samples, limits);
    seen.buckets += 1;
    const isWhole = samples.missing === 0;
    if (isWhole) whole.push(bucket);
    const isApart = bucket.isApart();
    const tooMany = isWhole && bucket.hasTooManyBytes();
    // What is missing would only make them more.
    const tooFew = bucket.hasTooFewBytes();
    if (tooMany) seen.tooManyBytes += 1;
    if (tooFew) seen.tooFewBytes += 1;
    if (isApart && isWhole) seen.apart += 1;
    if (isApart && !isWhole) seen.doubtful += 1;
    if (tooMany || tooFew || isApart) seen.first ??= start;
  });

  const findings: ControlFinding[] = [];
  const where = `${seen.buckets} ${series.grid} buckets (${counted.dimension}), the first at ${toStamp(seen.first ?? series.firstStart)}`;
  if (seen.tooFewBytes > 0) {
    const message = `${rate} is higher than ${bytes} allow in ${seen.tooFewBytes} of ${where}: a unit is wrong`;
    findings.push({ code: 'rates_disagree_with_bytes', holds: 'always', message });
  }
  const ofOneSite = counted.dimension === 'customer_site_id';
  if (seen.apart + seen.doubtful > 0) {
    const message = `${rate} and ${bytes} over connected seconds are more than ${FACTOR} times apart in ${seen.apart + seen.doubtful} of ${where}: a unit is wrong`;
    const holds = ofOneSite && seen.apart > 0 ? 'always' : 'if_strict';
    findings.push({ code: 'rates_disagree_with_bytes', holds, message });
  }
  if (seen.tooManyBytes > 0) {
    const excuses = ofOneSite ? 'rates are those of the busiest subscriber' : 'a site is not registered';
    const message = `${rate} is too low to carry ${bytes} in ${seen.tooManyBytes} of ${where}: a unit is wrong, or ${excuses}`;
    const holds = ofOneSite && ratesAreOfAll ? 'always' : 'if_strict';
    findings.push({ code: 'rates_disagree_with_bytes', holds, message });
  }
  const percent = findings.length === 0 ? percentAbove(whole) : undefined;
  if (percent !== undefined) {
    const message =
      `${rate} × 300 s exceeds ${bytes} by ${percent} % (${counted.dimension}): rates are averages over the ` +
      'seconds with traffic and are billed as reported';
    findings.push({ code: 'samples_exceed_bytes', holds: 'never', message });
  }
  return findings;
}

interface SiteRates {
  readonly series: BucketSeries;
  readonly active: readonly Interval[];
}

function areThere(
  rates: readonly { readonly series: BucketSeries | undefined; readonly active: readonly Interval[] }[],
): rates is readonly SiteRates[] {
  return rates.every(({ series }) => series !== undefined);
}

/** The samples of a bucket: what they are about, in Mbps, and on demand what they are. */
interface BucketSamples {
  readonly reported: number;
  readonly missing: number;
  readonly sum: number;
  /** Of those above 0; 0 where there are none. */
  readonly lowest: number;
  readonly highest: number;
  /** The samples as `scaled` has them. */
  exactly(): readonly bigint[];
}

/** The samples of a bucket; undefined when no site was active, or one was for a part. */
function samplesOf(
  rates: readonly SiteRates[],
  bucket: Interval,
  over: readonly Interval[],
): BucketSamples | undefined {
  const covers = (parts: readonly Interval[]) =>
    parts.some(({ start, end }) => start <= bucket.start && bucket.end <= end);
  if (!covers(over)) return undefined;
  const served = rates.filter(({ active }) => active.some((part) => overlap(part, bucket) !== undefined));
  if (served.length === 0 || !served.every(({ active }) => covers(active))) return undefined;
  const slots = (bucket.end - bucket.start) / SLOT;
  const seen = { reported: 0, missing: 0, sum: 0, lowest: 0, highest: 0 };
  for (const { series } of served) {
    const { doubles } = packedValues(series);
    const first = (bucket.start - series.firstStart) / SLOT;
    for (let slot = first; slot < first + slots; slot += 1) {
      const sample = doubles[slot] ?? NaN;
      if (Number.isNaN(sample)) {
        seen.missing += 1;
        continue;
      }
      seen.reported += 1;
      seen.sum += sample;
      if (sample > seen.highest) seen.highest = sample;
      if (sample > 0 && (seen.lowest === 0 || sample < seen.lowest)) seen.lowest = sample;
    }
  }
  const exactly = () =>
    served.flatMap(({ series }) => {
      const first = (bucket.start - series.firstStart) / SLOT;
      return Array.from({ length: slots }, (_, slot) => packedValues(series).textAt(first + slot)).flatMap((text) =>
        text === null ? [] : scaled(text),
      );
    });
  return { ...seen, exactly };
}

interface Limits {
  /** How many can have been connected at once; 0 where that is not known. */
  readonly subscribers: number;
  /** By how much a rate may have been rounded up, in Mbps. */
  readonly roundedBy: string;
}

/** The bytes of a bucket beside the rates of the same time. */
class RatedBucket {
  /** What the bytes are about, and what the rates would carry in all seconds. */
  readonly bits: number;
  readonly carried: number;

  constructor(
    private readonly bytes: string,
    private readonly connected: string | null,
    private readonly samples: BucketSamples,
    private readonly limits: Limits,
  ) {
    this.bits = nearest(bytes) * bitsPerByte;
    this.carried = samples.sum * bitsPerMegabit * SLOT;
  }

  /** Both as integers of 10^-30. */
  exactly(): { bits: bigint; carried: bigint; rounding: bigint } {
    const { reported } = this.samples;
    const sum = this.samples.exactly().reduce((total, sample) => total + sample, 0n);
    return {
      bits: scaled(this.bytes) * BITS_PER_BYTE,
      carried: sum * BITS_PER_MEGABIT * SLOT_SECONDS,
      rounding: BigInt(reported) * scaled(this.limits.roundedBy) * BITS_PER_MEGABIT * SLOT_SECONDS,
    };
  }

  hasTooManyBytes(): boolean {
    return exceeds(this.bits * 100, (this.carried + this.rounding() * SLOT) * tolerancePercent, () => {
      const { bits, carried, rounding } = this.exactly();
      return bits * 100n > (carried + rounding) * TOLERANCE_PERCENT;
    });
  }

  /** Whether the rates carry more than the bytes already when traffic flowed in one second of each slot. */
  hasTooFewBytes(): boolean {
    return exceeds((this.carried / SLOT) * 100, this.bits * tolerancePercent + this.rounding() * 100, () => {
      const { bits, carried, rounding } = this.exactly();
      return (carried - rounding) * 100n > bits * TOLERANCE_PERCENT * SLOT_SECONDS;
    });
  }

  /** Whether all samples lie below a quarter of the average, or above four times what it can be for so many subscribers. */
  isApart(): boolean {
    const { connected, samples, limits } = this;
    const seconds = connected === null ? 0 : nearest(connected);
    if (connected === null || seconds === 0 || samples.highest === 0) return false;
    const roundedBy = nearest(limits.roundedBy);
    const isAbove = exceeds(this.bits, (samples.highest + roundedBy) * bitsPerMegabit * seconds * FACTOR, () =>
      this.isExactlyApart(connected, 'above'),
    );
    if (isAbove) return true;
    const most = this.bits * FACTOR * limits.subscribers + roundedBy * bitsPerMegabit * seconds;
    return (
      limits.subscribers > 0 &&
      exceeds(samples.lowest * bitsPerMegabit * seconds, most, () => this.isExactlyApart(connected, 'below'))
    );
  }

  private isExactlyApart(connected: string, average: 'above' | 'below'): boolean {
    const traffic = this.samples.exactly().filter((sample) => sample > 0n);
    const seconds = scaled(connected);
    if (seconds === 0n || traffic.length === 0) return false;
    const [lowest, highest] = extremes(traffic);
    const roundedBy = scaled(this.limits.roundedBy);
    const bits = scaled(this.bytes) * BITS_PER_BYTE * SCALE;
    const bitsAt = (rate: bigint) => rate * BITS_PER_MEGABIT * seconds;
    const factor = BigInt(FACTOR);
    if (average === 'above') return bits > bitsAt(highest + roundedBy) * factor;
    return bitsAt(lowest - roundedBy) > bits * factor * BigInt(this.limits.subscribers);
  }

  private rounding(): number {
    return this.samples.reported * nearest(this.limits.roundedBy) * bitsPerMegabit;
  }
}

/** By how many percent the rates would carry more than the bytes, cut to a tenth; undefined below what is worth a word. */
function percentAbove(buckets: readonly RatedBucket[]): string | undefined {
  const used = buckets.reduce((total, { bits }) => total + bits, 0);
  const carried = buckets.reduce((total, bucket) => total + bucket.carried, 0);
  const isExactly = () => {
    const totals = addedUp(buckets);
    return totals.carried * 100n > totals.used * BigInt(WORTH_A_WORD_PERCENT);
  };
  if (!exceeds(carried * 100, used * WORTH_A_WORD_PERCENT, isExactly)) return undefined;
  return truncatedTenths(carried, used, () => {
    const totals = addedUp(buckets);
    const above = new Decimal(((totals.carried - totals.used) * 100n).toString());
    return Ratio.of(above, new Decimal(totals.used.toString())).toTruncated(1);
  });
}

function addedUp(buckets: readonly RatedBucket[]): { used: bigint; carried: bigint } {
  let [used, carried] = [0n, 0n];
  for (const bucket of buckets) {
    const exact = bucket.exactly();
    used += exact.bits;
    carried += exact.carried;
  }
  return { used, carried };
}

function extremes(samples: readonly bigint[]): [lowest: bigint, highest: bigint] {
  let [lowest, highest] = [samples[0] ?? 0n, samples[0] ?? 0n];
  for (const sample of samples) {
    if (sample < lowest) lowest = sample;
    if (sample > highest) highest = sample;
  }
  return [lowest, highest];
}

/**
 * How many subscribers can have been connected at once: seconds of a site or account add up over them. Known only where
 * the connected time of the registered ones is that of their account, to a thousandth: a register may lack some. Else 0.
 */
function subscribersOf({ entities, over, account, index }: Controlled): number {
  const counts = (['msisdn', 'imsi'] as const).map((dimension) => {
    const refs = entities
      .filter((entity) => entity.ref.dimension === dimension && over.some((part) => activeIn(entity, part).length > 0))
      .map(({ ref }) => ref);
    const whole = secondsOf(index, account);
    const parts = refs.map((ref) => secondsOf(index, ref));
    if (whole === undefined || parts.includes(undefined)) return 0;
    const apart = parts.reduce<bigint>((rest, part) => rest - (part ?? 0n), whole);
    return (apart < 0n ? -apart : apart) * 1_000n <= whole ? refs.length : 0;
  });
  return Math.max(...counts);
}

function secondsOf(index: Controlled['index'], ref: EntityRef): bigint | undefined {
  const series = countsOf(index, ref, 'time_usage_seconds');
  return series?.values.reduce((sum, text) => sum + (text === null ? 0n : scaled(text)), 0n);
}
