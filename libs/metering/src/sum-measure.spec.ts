import fc from 'fast-check';
import { fromStamp, type Interval, monthPeriod } from '#calendar';
import { Decimal } from '#money';
import type { Measured } from './evidence.js';
import type { ActiveEntity, MeasureSpec } from './measure-spec.js';
import { measure } from './measure.js';
import { type BucketSeries, type EntityRef, type Grid, GRID_SECONDS, type Metric, ownedBuckets } from './usage.js';

const ACCOUNT: EntityRef = { dimension: 'account', value: '62c40000a1b2c3d400000000' };
const SUBSCRIBER: EntityRef = { dimension: 'msisdn', value: '8020010012345' };
const ALWAYS: Interval = { start: 0, end: fromStamp('2100-01-01T00:00:00Z') };
const UPLINK: MeasureSpec = { metric: 'bytes', direction: 'uplink' };
const TOTAL: MeasureSpec = { metric: 'bytes', direction: 'total' };
const JULY = monthPeriod('2022-07', 'UTC');

function seriesOf(
  entity: EntityRef,
  metric: Metric,
  grid: Grid,
  owned: Interval,
  valueAt: (start: number) => string | null,
): BucketSeries {
  const { firstStart, count } = ownedBuckets(owned, grid);
  const values = Array.from({ length: count }, (_, i) => valueAt(firstStart + i * GRID_SECONDS[grid]));
  return { entity, metric, grid, owned, firstStart, values };
}

function active(ref: EntityRef, ...intervals: Interval[]): ActiveEntity {
  return { ref, name: null, active: intervals.length > 0 ? intervals : [ALWAYS] };
}

function measured(...[spec, over, entities, usage]: Parameters<typeof measure>): Measured {
  const outcome = measure(spec, over, entities, usage);
  if (outcome.outcome !== 'measured') throw new Error(`held: ${outcome.code}: ${outcome.message}`);
  return outcome;
}

function quantity(...input: Parameters<typeof measure>): string {
  return (
    measured(...input)
      .quantity.toExactDecimal()
      ?.toFixed() ?? 'not finite'
  );
}

/** Bytes of the simulated leaf 12345 (seed 7) in one 5-minute window, in quarters, by its published formula. */
function leafQuarters(window: number, direction: 'up' | 'down'): number {
  const [base, perLeaf, step, daily] = direction === 'up' ? [50_000, 10, 200, 2] : [1_000_000, 100, 4_000, 40];
  const r = (41 * window + 37 * 12_345 + 7) % 288;
  const day = Math.floor(window / 288);
  return 4 * (base + perLeaf * 345 + step * r + daily * (day % 97)) + (window % 4);
}

function leafHour(start: number, direction: 'up' | 'down'): string {
  let quarters = 0;
  for (let window = start / 300; window < start / 300 + 12; window++) quarters += leafQuarters(window, direction);
  return String(quarters / 4);
}

describe('measure: bytes', () => {
  const padded = { start: JULY.start - 86_400, end: JULY.end + 86_400 };
  const leaf = [
    seriesOf(SUBSCRIBER, 'uplink_bytes', 'HOUR', padded, (start) => leafHour(start, 'up')),
    seriesOf(SUBSCRIBER, 'downlink_bytes', 'HOUR', padded, (start) => leafHour(start, 'down')),
  ];

  it('adds up the closed form of a month and leaves the neighbouring hours out', () => {
    expect(leaf[0]?.values[24]).toBe('905764.5');
    expect(quantity(UPLINK, JULY, [active(SUBSCRIBER)], leaf)).toBe('734867028');
    expect(quantity({ metric: 'bytes', direction: 'downlink' }, JULY, [active(SUBSCRIBER)], leaf)).toBe('14389260948');
    expect(quantity(TOTAL, JULY, [active(SUBSCRIBER)], leaf)).toBe('15124127976');
    expect(quantity({ metric: 'bytes', direction: 'greater' }, JULY, [active(SUBSCRIBER)], leaf)).toBe('14389260948');
  });

  it('owns the bucket that starts with the period, not the one that starts where it ends', () => {
    const first = { start: JULY.start, end: JULY.start + 3_600 };
    const last = { start: JULY.end - 3_600, end: JULY.end };
    expect(quantity(UPLINK, first, [active(SUBSCRIBER)], leaf)).toBe('905764.5');
    expect(quantity(UPLINK, last, [active(SUBSCRIBER)], leaf)).toBe('992884.5');
  });

  it('greater compares the sums of the period, not each bucket', () => {
    const over = { start: 0, end: 7_200 };
    const usage = [
      seriesOf(ACCOUNT, 'uplink_bytes', 'HOUR', over, (start) => (start === 0 ? '10' : '0')),
      seriesOf(ACCOUNT, 'downlink_bytes', 'HOUR', over, (start) => (start === 0 ? '0' : '7')),
    ];
    expect(quantity({ metric: 'bytes', direction: 'greater' }, over, [active(ACCOUNT)], usage)).toBe('10');
  });

  it('is exact beyond doubles, for fractions and exponents', () => {
    const values = ['9007199254740993', '23933.017647058823', '1.5e3', '0.1', '0.2', '1e-30'];
    const over = { start: 0, end: values.length * 3_600 };
    const usage = [seriesOf(ACCOUNT, 'uplink_bytes', 'HOUR', over, (start) => values[start / 3_600] ?? null)];
    expect(quantity(UPLINK, over, [active(ACCOUNT)], usage)).toBe('9007199254766426.317647058823000000000000000001');
  });

  it('leaves the evidence behind', () => {
    const over = { start: fromStamp('2026-10-01T00:00:00Z'), end: fromStamp('2026-10-03T00:00:00Z') };
    const usage = [
      { ...seriesOf(ACCOUNT, 'uplink_bytes', 'DAY', over, () => '1.25'), rawSha256: 'aa' },
      { ...seriesOf(ACCOUNT, 'downlink_bytes', 'DAY', over, () => '10'), rawSha256: 'aa' },
    ];
    const { evidence } = measured(TOTAL, over, [active(ACCOUNT)], usage);
    expect(evidence).toEqual({
      method: 'sum',
      metric: 'bytes',
      direction: 'total',
      over: { start: '2026-10-01T00:00:00Z', end: '2026-10-03T00:00:00Z' },
      grid: 'DAY',
      entities: 1,
      expected: 4,
      received: 4,
      coverage: '1',
      sums: { uplink: '2.5', downlink: '20', time: null },
      round_at_bucket: null,
      raw_sha256: ['aa'],
      quantity: { numerator: '22.5', denominator: '1' },
      alternatives: { uplink: '2.5', downlink: '20', total: '22.5', greater: '20' },
    });
    expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
  });

  it('needs only the direction it bills', () => {
    const over = { start: 0, end: 3_600 };
    const { evidence } = measured(
      UPLINK,
      over,
      [active(ACCOUNT)],
      [seriesOf(ACCOUNT, 'uplink_bytes', 'HOUR', over, () => '5')],
    );
    expect(evidence.alternatives).toEqual({ uplink: '5', downlink: null, total: null, greater: null });
  });

  it('takes the finest grid at hand', () => {
    const over = { start: 0, end: 86_400 };
    const usage = [
      seriesOf(ACCOUNT, 'uplink_bytes', 'DAY', over, () => '1'),
      seriesOf(ACCOUNT, 'uplink_bytes', 'HOUR', over, () => '1'),
    ];
    expect(quantity(UPLINK, over, [active(ACCOUNT)], usage)).toBe('24');
  });

  it('counts an entity only while it is active, and overlapping registrations once', () => {
    const over = { start: 0, end: 10 * 3_600 };
    const usage = [seriesOf(ACCOUNT, 'uplink_bytes', 'HOUR', over, () => '1')];
    const entity = active(ACCOUNT, { start: 6_000, end: 14_400 }, { start: 7_200, end: 18_000 });
    // The hours that start at 2:00, 3:00 and 4:00; 1:00 starts before the entity does.
    expect(quantity(UPLINK, over, [entity], usage)).toBe('3');
    const nested = active(ACCOUNT, { start: 0, end: 36_000 }, { start: 3_600, end: 7_200 });
    expect(quantity(UPLINK, over, [nested], usage)).toBe('10');
  });

  it('is 0 when nothing was active and when everything reported was 0', () => {
    const over = { start: 0, end: 3_600 };
    expect(quantity(TOTAL, over, [active(ACCOUNT, { start: 7_200, end: 9_000 })], [])).toBe('0');
    const idle = [seriesOf(ACCOUNT, 'uplink_bytes', 'HOUR', over, () => '0')];
    expect(quantity(UPLINK, over, [active(ACCOUNT)], idle)).toBe('0');
  });
});

describe('measure: time', () => {
  it('adds up the closed form of a month: 288 × (100·31 + 2480)', () => {
    const usage = [
      seriesOf(SUBSCRIBER, 'time_usage_seconds', 'DAY', JULY, (start) => String(288 * (100 + ((start / 86_400) % 97)))),
    ];
    const { quantity: seconds, evidence } = measured({ metric: 'time' }, JULY, [active(SUBSCRIBER)], usage);
    expect(seconds.toExactDecimal()?.toFixed()).toBe('1607040');
    expect(evidence).toMatchObject({ sums: { uplink: null, downlink: null, time: '1607040' }, alternatives: {} });
  });
});

describe('measure: rounding at the bucket', () => {
  const over = { start: 0, end: 2 * 86_400 };
  const second: EntityRef = { ...SUBSCRIBER, value: '8020010012346' };
  const usage = [
    seriesOf(SUBSCRIBER, 'time_usage_seconds', 'HOUR', over, (start) => (start % 86_400 < 7_200 ? '61' : '0')),
    seriesOf(second, 'time_usage_seconds', 'HOUR', over, (start) => (start === 0 ? '90' : '0')),
  ];
  const minutes = (bucket: 'hour' | 'day', mode: 'up' | 'down' | 'half_up') =>
    quantity(
      { metric: 'time', round_at_bucket: { bucket, to_base: new Decimal(60), mode } },
      over,
      [active(SUBSCRIBER), active(second)],
      usage,
    );

  it('rounds every bucket of every entity before the sum', () => {
    // Hours: 61 four times, 90 once. Days: 122 twice, 90 once.
    expect(minutes('hour', 'up')).toBe('600');
    expect(minutes('hour', 'down')).toBe('300');
    expect(minutes('hour', 'half_up')).toBe('360');
    expect(minutes('day', 'up')).toBe('480');
    expect(minutes('day', 'down')).toBe('300');
    expect(minutes('day', 'half_up')).toBe('360');
  });

  it('rounds the total of both directions, each direction alone for the greater', () => {
    const hour = { start: 0, end: 3_600 };
    const bytes = [
      seriesOf(ACCOUNT, 'uplink_bytes', 'HOUR', hour, () => '600'),
      seriesOf(ACCOUNT, 'downlink_bytes', 'HOUR', hour, () => '700'),
    ];
    const rounding = { bucket: 'hour', to_base: new Decimal(1_000), mode: 'up' } as const;
    const { evidence } = measured(
      { metric: 'bytes', direction: 'total', round_at_bucket: rounding },
      hour,
      [active(ACCOUNT)],
      bytes,
    );
    expect(evidence.alternatives).toEqual({ uplink: '1000', downlink: '1000', total: '2000', greater: '1000' });
    expect(evidence).toMatchObject({ round_at_bucket: { bucket: 'hour', to_base: '1000', mode: 'up' } });
  });

  it('holds when hours are asked for and days are at hand', () => {
    const days = [seriesOf(ACCOUNT, 'time_usage_seconds', 'DAY', over, () => '1')];
    const rounding = { bucket: 'hour', to_base: new Decimal(60), mode: 'up' } as const;
    expect(measure({ metric: 'time', round_at_bucket: rounding }, over, [active(ACCOUNT)], days)).toMatchObject({
      outcome: 'held',
      code: 'grid_too_coarse',
    });
  });

  it.each(['0', '-60', 'NaN', 'Infinity'])('refuses to round to %s', (to) => {
    const rounding = { bucket: 'hour', to_base: new Decimal(to), mode: 'up' } as const;
    expect(() => measure({ metric: 'time', round_at_bucket: rounding }, over, [active(ACCOUNT)], [])).toThrow(
      expect.objectContaining({ code: 'bad_measure', retryable: false }),
    );
  });
});

describe('measure: what is missing holds', () => {
  const over = { start: fromStamp('2026-10-01T00:00:00Z'), end: fromStamp('2026-10-02T00:00:00Z') };

  it('names metric, count and first stamp of missing buckets, and no subscriber', () => {
    const usage = [
      seriesOf(SUBSCRIBER, 'uplink_bytes', 'HOUR', over, (start) => (start - over.start >= 79_200 ? null : '1')),
      seriesOf(SUBSCRIBER, 'downlink_bytes', 'HOUR', over, (start) => (start === over.start ? null : '1')),
    ];
    expect(measure(TOTAL, over, [active(SUBSCRIBER)], usage)).toEqual({
      outcome: 'held',
      code: 'missing_buckets',
      message:
        '2 of 24 buckets of uplink_bytes are missing, the first at 2026-10-01T22:00:00Z; ' +
        '1 of 24 buckets of downlink_bytes are missing, the first at 2026-10-01T00:00:00Z',
    });
  });

  it('holds when a series is absent', () => {
    const usage = [seriesOf(SUBSCRIBER, 'uplink_bytes', 'HOUR', over, () => '1')];
    expect(measure(TOTAL, over, [active(SUBSCRIBER), active(ACCOUNT)], usage)).toEqual({
      outcome: 'held',
      code: 'usage_missing',
      message: 'no uplink_bytes usage for 1 of 2 entities',
    });
  });

  it('holds when a series is all gaps or ends before the interval does', () => {
    const gaps = [seriesOf(SUBSCRIBER, 'uplink_bytes', 'HOUR', over, () => null)];
    expect(measure(UPLINK, over, [active(SUBSCRIBER)], gaps)).toMatchObject({ code: 'missing_buckets' });
    const short = [seriesOf(SUBSCRIBER, 'uplink_bytes', 'HOUR', { ...over, end: over.end - 3_600 }, () => '1')];
    expect(measure(UPLINK, over, [active(SUBSCRIBER)], short)).toMatchObject({
      message: '1 of 24 buckets of uplink_bytes are missing, the first at 2026-10-01T23:00:00Z',
    });
  });

  it('lets missing buckets count 0 where that was decided, and says how many there were', () => {
    const usage = [
      seriesOf(SUBSCRIBER, 'uplink_bytes', 'HOUR', over, (start) => (start - over.start >= 79_200 ? null : '1')),
      seriesOf(SUBSCRIBER, 'downlink_bytes', 'HOUR', over, (start) => (start === over.start ? null : '100')),
    ];
    const lenient = measured({ ...TOTAL, missing: 'zero' } as MeasureSpec, over, [active(SUBSCRIBER)], usage);
    // 22 hours of 1 up and 23 of 100 down; 45 of 48 buckets were reported.
    expect(lenient.quantity.toExactDecimal()?.toFixed()).toBe('2322');
    expect(lenient.evidence).toMatchObject({ missing: 'zero', expected: 48, received: 45, coverage: '0.9375' });
    expect(measure({ ...TOTAL, missing: 'zero' } as MeasureSpec, over, [active(SUBSCRIBER)], [])).toMatchObject({
      code: 'usage_missing',
    });
  });

  it('dropping any one bucket always holds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 23 }), fc.boolean(), (dropped, up) => {
        const drop = (series: BucketSeries) => ({
          ...series,
          values: series.values.map((value, i) => (i === dropped ? null : value)),
        });
        const usage = [
          seriesOf(SUBSCRIBER, 'uplink_bytes', 'HOUR', over, () => '1'),
          seriesOf(SUBSCRIBER, 'downlink_bytes', 'HOUR', over, () => '1'),
        ].map((series, i) => ((i === 0) === up ? drop(series) : series));
        expect(measure(TOTAL, over, [active(SUBSCRIBER)], usage)).toMatchObject({ code: 'missing_buckets' });
      }),
    );
  });
});

describe('measure: broken contracts throw', () => {
  const over = { start: 0, end: 7_200 };
  const series = seriesOf(ACCOUNT, 'uplink_bytes', 'HOUR', over, () => '1');
  const run = (entities: ActiveEntity[], usage: BucketSeries[]) => () => measure(UPLINK, over, entities, usage);

  it('one entity twice', () => {
    expect(run([active(ACCOUNT), active(ACCOUNT)], [series])).toThrow(
      expect.objectContaining({ code: 'duplicate_entity' }),
    );
  });

  it('one series twice', () => {
    expect(run([active(ACCOUNT)], [series, { ...series }])).toThrow(
      expect.objectContaining({ code: 'duplicate_series' }),
    );
  });

  it.each([
    ['too few values', { values: ['1'] }],
    ['too many values', { values: ['1', '1', '1'] }],
    ['another start', { firstStart: 3_600 }],
    ['a start off the grid', { firstStart: 60 }],
  ])('a series with %s', (_, change) => {
    expect(run([active(ACCOUNT)], [{ ...series, ...change }])).toThrow(
      expect.objectContaining({ code: 'inconsistent_series' }),
    );
  });

  it.each(['', 'NaN', '1,5', '0x10', ' 1', '١', '-1', '-0', '007', '1e1000'])('a value %j', (text) => {
    expect(run([active(ACCOUNT)], [{ ...series, values: ['1', text] }])).toThrow(
      expect.objectContaining({ code: 'bad_value' }),
    );
  });

  it('usage that grew since the last measure is seen', () => {
    const usage: BucketSeries[] = [];
    expect(measure(UPLINK, over, [active(ACCOUNT)], usage)).toMatchObject({ code: 'usage_missing' });
    usage.push(series);
    expect(measure(UPLINK, over, [active(ACCOUNT)], usage)).toMatchObject({ outcome: 'measured' });
  });
});

describe('measure: conservation', () => {
  const value = fc.oneof(
    fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String),
    fc.tuple(fc.nat(1_000_000), fc.integer({ min: 1, max: 10 ** 9 })).map(([whole, part]) => `${whole}.${part}`),
  );

  it('cutting an interval at any instant conserves the sum', () => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 2, maxLength: 60 }),
        fc.integer({ min: 0, max: 10 ** 6 }),
        fc.constantFrom<Grid>('SLOT', 'HOUR', 'DAY'),
        fc.integer({ min: 0, max: 10 ** 9 }),
        (values, at, grid, from) => {
          const width = GRID_SECONDS[grid];
          const owned = { start: from, end: from + values.length * width };
          const { firstStart } = ownedBuckets(owned, grid);
          const usage = [
            seriesOf(ACCOUNT, 'uplink_bytes', grid, owned, (start) => values[(start - firstStart) / width] ?? null),
          ];
          const cut = owned.start + 1 + (at % (owned.end - owned.start - 1));
          const part = (over: Interval) => new Decimal(quantity(UPLINK, over, [active(ACCOUNT)], usage));
          const parts = part({ ...owned, end: cut }).plus(part({ ...owned, start: cut }));
          expect(parts.toFixed()).toBe(part(owned).toFixed());
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    'UTC',
    'Asia/Kolkata',
    'Asia/Kathmandu',
    'America/New_York',
    'Europe/Amsterdam',
    'Australia/Lord_Howe',
    'America/St_Johns',
  ])('twelve months of %s own every hour once', (timeZone) => {
    const months = Array.from({ length: 12 }, (_, i) =>
      monthPeriod(`2026-${String(i + 1).padStart(2, '0')}`, timeZone),
    );
    const year = { start: months[0]?.start ?? 0, end: months[11]?.end ?? 0 };
    const usage = [
      seriesOf(ACCOUNT, 'uplink_bytes', 'HOUR', year, (start) => `${(start * 7_919) % 1_000_003}.${start % 97}`),
    ];
    const parts = months.map((month) => new Decimal(quantity(UPLINK, month, [active(ACCOUNT)], usage)));
    expect(Decimal.sum(...parts).toFixed()).toBe(quantity(UPLINK, year, [active(ACCOUNT)], usage));
    expect(months.reduce((count, month) => count + ownedBuckets(month, 'HOUR').count, 0)).toBe(
      ownedBuckets(year, 'HOUR').count,
    );
  });
});
