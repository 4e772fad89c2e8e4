import { type EpochSeconds, type Interval, toStamp } from '#calendar';
import { Decimal, plus, Ratio, sum, times } from '#money';
import { dayChart } from './chart.js';
import { coverageText, type HeldMeasure, type Measured, type SumEvidence } from './evidence.js';
import { ExactSum } from './exact-sum.js';
import type { ActiveEntity, BucketRounding, BytesDirection, BytesMeasure, TimeMeasure } from './measure-spec.js';
import { MeteringError } from './metering-error.js';
import { activeIn, distinct, findSeries, indexOf, rawHashes, type SeriesIndex } from './series.js';
import { type BucketSeries, type EntityRef, type Grid, GRID_SECONDS, type Metric, ownedBuckets } from './usage.js';

/** The finest grid at hand: its buckets tell most about where usage lies. */
const FINEST_FIRST: readonly Grid[] = ['SLOT', 'HOUR', 'DAY'];
const ROUNDED_SECONDS: Readonly<Record<BucketRounding['bucket'], number>> = {
  hour: GRID_SECONDS.HOUR,
  day: GRID_SECONDS.DAY,
};
const DIRECTIONS: Readonly<Record<BytesDirection, readonly Metric[]>> = {
  uplink: ['uplink_bytes'],
  downlink: ['downlink_bytes'],
  total: ['uplink_bytes', 'downlink_bytes'],
  greater: ['uplink_bytes', 'downlink_bytes'],
};

/** Bytes or connected time: the exact sum over the owned buckets of the entities' active time inside `over`. */
export function measureSum(
  spec: BytesMeasure | TimeMeasure,
  over: Interval,
  entities: readonly ActiveEntity[],
  usage: readonly BucketSeries[],
): Measured | HeldMeasure {
  const rounding = checked(spec.round_at_bucket);
  const days = spec.metric === 'bytes' ? spec.days : undefined;
  const index = indexOf(usage);
  const active = distinct(entities)
    .map((entity) => ({ ref: entity.ref, intervals: activeIn(entity, over) }))
    .filter(({ intervals }) => intervals.length > 0);
  const read = remembered((metric: Metric) => readMetric(metric, active, index, rounding, days));
  const needed = spec.metric === 'bytes' ? DIRECTIONS[spec.direction] : (['time_usage_seconds'] as const);

  const metrics = needed.map(read);
  const lenient = spec.missing === 'zero';
  const hold = holdOf(metrics, lenient);
  if (hold) return hold;

  const alternatives: SumEvidence['alternatives'] = {};
  if (spec.metric === 'bytes') {
    for (const [direction, of] of Object.entries(DIRECTIONS) as [BytesDirection, readonly Metric[]][]) {
      const others = of.map(read);
      alternatives[direction] = holdOf(others, lenient) ? null : inDirection(direction, others, rounding).toFixed();
    }
  }
  const quantity =
    spec.metric === 'bytes' ? inDirection(spec.direction, metrics, rounding) : totalOf(metrics, rounding);
  const series = metrics.flatMap((metric) => metric.series);
  const grids = new Set(series.map((one) => one.grid));
  const [grid] = grids;
  const expected = metrics.reduce((count, metric) => count + metric.expected, 0);
  const received = metrics.reduce((count, metric) => count - metric.missing, expected);
  return {
    outcome: 'measured',
    quantity: Ratio.of(quantity),
    evidence: {
      method: 'sum',
      metric: spec.metric,
      direction: spec.metric === 'bytes' ? spec.direction : null,
      over: { start: toStamp(over.start), end: toStamp(over.end) },
      grid: grids.size === 1 && grid ? grid : null,
      entities: active.length,
      expected,
      received,
      coverage: coverageText(received, expected),
      ...(lenient && { missing: 'zero' }),
      sums: {
        uplink: alternatives.uplink ?? null,
        downlink: alternatives.downlink ?? null,
        time: spec.metric === 'time' ? quantity.toFixed() : null,
      },
      round_at_bucket: rounding
        ? { bucket: rounding.bucket, to_base: rounding.to_base.toFixed(), mode: rounding.mode }
        : null,
      raw_sha256: rawHashes(series),
      quantity: { numerator: quantity.toFixed(), denominator: '1' },
      ...(days && { days: dayChart(daysOf(metrics, 'uplink_bytes'), daysOf(metrics, 'downlink_bytes')) }),
      alternatives,
    },
  };
}

function daysOf(metrics: readonly MetricBuckets[], wanted: Metric): bigint[] | null {
  const found = metrics.find(({ metric }) => metric === wanted);
  return found ? found.byDay.map((day) => day.wholeTotal()) : null;
}

/** One metric of all entities, added up; with a rounding also by entity and rounded bucket. */
interface MetricBuckets {
  readonly metric: Metric;
  readonly series: readonly BucketSeries[];
  readonly expected: number;
  readonly missing: number;
  readonly firstMissing: number | null;
  readonly withoutSeries: number;
  readonly tooCoarse: boolean;
  readonly total: ExactSum;
  readonly byBucket: ReadonlyMap<string, ExactSum>;
  /** By the days that were asked for. */
  readonly byDay: readonly ExactSum[];
}

function readMetric(
  metric: Metric,
  active: readonly { ref: EntityRef; intervals: readonly Interval[] }[],
  index: SeriesIndex,
  rounding: BucketRounding | undefined,
  days: readonly EpochSeconds[] = [],
): MetricBuckets {
  const found: BucketSeries[] = [];
  const total = new ExactSum();
  const byBucket = new Map<string, ExactSum>();
  const byDay = days.map(() => new ExactSum());
  let [expected, missing, withoutSeries] = [0, 0, 0];
  let firstMissing: number | null = null;
  const roundedSeconds = rounding ? ROUNDED_SECONDS[rounding.bucket] : 0;

  active.forEach(({ ref, intervals }, position) => {
    const series = FINEST_FIRST.map((grid) => findSeries(index, ref, metric, grid)).find((one) => one !== undefined);
    if (!series) {
      withoutSeries += 1;
      return;
    }
    found.push(series);
    const width = GRID_SECONDS[series.grid];
    for (const interval of intervals) {
      const { firstStart, count } = ownedBuckets(interval, series.grid);
      expected += count;
      let day = 0;
      for (let start = firstStart; start < firstStart + count * width; start += width) {
        const text = series.values[(start - series.firstStart) / width] ?? null;
        if (text === null) {
          missing += 1;
          firstMissing = Math.min(firstMissing ?? start, start);
          continue;
        }
        // A bucket is of the day in which it starts; what has a day is added with it.
        while (start >= (days[day + 1] ?? Infinity)) day += 1;
        (byDay[day] ?? total).add(text);
        if (roundedSeconds > 0) {
          const key = `${position} ${Math.floor(start / roundedSeconds)}`;
          const bucket = byBucket.get(key) ?? new ExactSum();
          bucket.add(text);
          byBucket.set(key, bucket);
        }
      }
    }
  });
  for (const day of byDay) total.addSum(day);
  const tooCoarse = rounding !== undefined && found.some((series) => GRID_SECONDS[series.grid] > roundedSeconds);
  return { metric, series: found, expected, missing, firstMissing, withoutSeries, tooCoarse, total, byBucket, byDay };
}

function holdOf(metrics: readonly MetricBuckets[], lenient: boolean): HeldMeasure | undefined {
  const absent = metrics.find((metric) => metric.withoutSeries > 0);
  if (absent) {
    const of = absent.withoutSeries + absent.series.length;
    return held('usage_missing', `no ${absent.metric} usage for ${absent.withoutSeries} of ${of} entities`);
  }
  const gaps = metrics
    .filter((metric) => metric.missing > 0)
    .map(
      ({ metric, missing, expected, firstMissing }) =>
        `${missing} of ${expected} buckets of ${metric} are missing, the first at ${toStamp(firstMissing ?? 0)}`,
    );
  if (gaps.length > 0 && !lenient) return held('missing_buckets', gaps.join('; '));
  const coarse = metrics.find((metric) => metric.tooCoarse);
  if (coarse) return held('grid_too_coarse', `${coarse.metric} is at hand by day, the charge rounds every hour`);
  return undefined;
}

function inDirection(
  direction: BytesDirection,
  metrics: readonly MetricBuckets[],
  rounding: BucketRounding | undefined,
): Decimal {
  if (direction !== 'greater') return totalOf(metrics, rounding);
  return Decimal.max(...metrics.map((metric) => totalOf([metric], rounding)));
}

/** Rounding applies to the sum of the metrics in each bucket of each entity. */
function totalOf(metrics: readonly MetricBuckets[], rounding: BucketRounding | undefined): Decimal {
  if (!rounding) return sum(metrics.map((metric) => metric.total.total()));
  const buckets = new Map<string, Decimal>();
  for (const { byBucket } of metrics) {
    for (const [key, bucket] of byBucket) buckets.set(key, plus(buckets.get(key) ?? new Decimal(0), bucket.total()));
  }
  return sum([...buckets.values()].map((value) => roundTo(value, rounding)));
}

function roundTo(value: Decimal, { to_base, mode }: BucketRounding): Decimal {
  const steps = Ratio.of(value, to_base);
  const whole = mode === 'up' ? steps.ceil() : mode === 'down' ? steps.floor() : steps.round(0);
  return times(whole, to_base);
}

function checked(rounding: BucketRounding | undefined): BucketRounding | undefined {
  if (rounding && !(rounding.to_base.isFinite() && rounding.to_base.greaterThan(0))) {
    throw new MeteringError('bad_measure', 'a bucket is rounded to a multiple of more than 0 base units');
  }
  return rounding;
}

function remembered<K, V>(compute: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    const value = known.get(key) ?? compute(key);
    known.set(key, value);
    return value;
  };
}

function held(code: HeldMeasure['code'], message: string): HeldMeasure {
  return { outcome: 'held', code, message };
}
