import { type Interval, overlap, toStamp } from '#calendar';
import { Decimal, Ratio } from '#money';
import type { Controlled, ControlFinding } from './controlled-usage.js';
import { BITS_PER_BYTE, BITS_PER_MEGABIT, SCALE, scaled, SLOT_SECONDS, TOLERANCE_PERCENT } from './scaled-value.js';
import { activeIn, findSeries } from './series.js';
import { type BucketSeries, type EntityRef, type Grid, GRID_SECONDS, type Metric } from './usage.js';

const WAYS: readonly (readonly [bytes: Metric, rate: Metric])[] = [
  ['uplink_bytes', 'uplink_bandwidth'],
  ['downlink_bytes', 'downlink_bandwidth'],
];
const GRIDS: readonly Grid[] = ['HOUR', 'DAY'];
const SLOT = GRID_SECONDS.SLOT;
/** A rate and the bytes it comes from can lie apart by averaging over seconds; beyond this factor one of them is wrong. */
const FACTOR = 4n;
const WORTH_A_WORD_PERCENT = 105n;

/**
 * The 5-minute rates of sites against the bytes of the same time. A rate is an average over the seconds with traffic, at
 * least one and at most all 300 of them, so the bytes of a bucket lie between Σ(rate × 1 s) and Σ(rate × 300 s). Below
 * that a unit is wrong; above it the rates may be those of the busiest subscriber, which nobody knows before the probe.
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
  const { index, over, ratesAreOfAll, subscribers } = controlled;
  const series = countsOf(index, counted, bytes);
  const rates = sites.map(({ ref, active }) => ({ series: findSeries(index, ref, rate, 'SLOT'), active }));
  if (!series || rates.some((site) => site.series === undefined)) return [];
  const seconds = findSeries(index, counted, 'time_usage_seconds', series.grid);
  const width = GRID_SECONDS[series.grid];
  const roundedBy = scaled(controlled.roundedByMbps);
  const seen = { buckets: 0, tooManyBytes: 0, tooFewBytes: 0, apart: 0, doubtful: 0, first: null as number | null };
  // Bits of the bytes, and bits that the rates would carry in all seconds, in buckets that lack no sample; both scaled.
  let [used, carried] = [0n, 0n];

  series.values.forEach((text, position) => {
    const start = series.firstStart + position * width;
    const reported = text === null ? undefined : samplesOf(rates, { start, end: start + width }, over);
    if (text === null || reported === undefined) return;
    const { samples } = reported;
    const bits = scaled(text) * BITS_PER_BYTE;
    const eachSecond = samples.reduce((sum, sample) => sum + sample, 0n) * BITS_PER_MEGABIT;
    seen.buckets += 1;
    const isWhole = reported.missing === 0;
    if (isWhole) {
      used += bits;
      carried += eachSecond * SLOT_SECONDS;
    }
    const rounding = BigInt(samples.length) * roundedBy * BITS_PER_MEGABIT;
    const connected = seconds?.values[position] ?? null;
    const isApart = connected !== null && isFarFrom(bits, scaled(connected), samples, { subscribers, roundedBy });
    const tooMany = isWhole && bits * 100n > (eachSecond + rounding) * SLOT_SECONDS * TOLERANCE_PERCENT;
    // What is missing would only make them more.
    const tooFew = (eachSecond - rounding) * 100n > bits * TOLERANCE_PERCENT;
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
  if (findings.length === 0 && carried * 100n > used * WORTH_A_WORD_PERCENT) {
    const percent = Ratio.of(new Decimal(((carried - used) * 100n).toString()), new Decimal(used.toString()));
    const message =
      `${rate} × 300 s exceeds ${bytes} by ${percent.toTruncated(1)} % (${counted.dimension}): rates are averages over the ` +
      'seconds with traffic and are billed as reported';
    findings.push({ code: 'samples_exceed_bytes', holds: 'never', message });
  }
  return findings;
}

/** The samples of a bucket, and how many are missing; undefined when no site was active, or one was for a part. */
function samplesOf(
  rates: readonly { readonly series: BucketSeries | undefined; readonly active: readonly Interval[] }[],
  bucket: Interval,
  over: readonly Interval[],
): { samples: bigint[]; missing: number } | undefined {
  const covers = (parts: readonly Interval[]) =>
    parts.some(({ start, end }) => start <= bucket.start && bucket.end <= end);
  if (!covers(over)) return undefined;
  const served = rates.filter(({ active }) => active.some((part) => overlap(part, bucket) !== undefined));
  if (served.length === 0) return undefined;
  const samples: bigint[] = [];
  let missing = 0;
  for (const { series, active } of served) {
    if (!series || !covers(active)) return undefined;
    const first = (bucket.start - series.firstStart) / SLOT;
    for (let slot = first; slot < first + (bucket.end - bucket.start) / SLOT; slot += 1) {
      const text = series.values[slot] ?? null;
      if (text === null) missing += 1;
      else samples.push(scaled(text));
    }
  }
  return { samples, missing };
}

/** Whether all samples lie below a quarter of the average, or above four times what it can be for so many subscribers. */
function isFarFrom(
  bits: bigint,
  connected: bigint,
  samples: readonly bigint[],
  { subscribers, roundedBy }: { subscribers: number; roundedBy: bigint },
): boolean {
  const traffic = samples.filter((sample) => sample > 0n);
  if (connected === 0n || traffic.length === 0) return false;
  const average = bits * SCALE;
  const [lowest, highest] = extremes(traffic);
  const bitsAt = (rate: bigint) => rate * BITS_PER_MEGABIT * connected;
  if (average > bitsAt(highest + roundedBy) * FACTOR) return true;
  return subscribers > 0 && bitsAt(lowest - roundedBy) > average * FACTOR * BigInt(subscribers);
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
