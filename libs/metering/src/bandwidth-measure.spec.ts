import fc from 'fast-check';
import { fromStamp, type Interval, monthPeriod } from '#calendar';
import type { BandwidthEvidence } from './evidence.js';
import type { ActiveEntity, BandwidthMeasure } from './measure-spec.js';
import { measure } from './measure.js';
import { type BucketSeries, type EntityRef, type Grid, type Metric, ownedBuckets } from './usage.js';

const SITE_A: EntityRef = { dimension: 'customer_site_id', value: '62c50000d8f757bf00000000' };
const SITE_B: EntityRef = { dimension: 'customer_site_id', value: '62c50000d8f757bf00000001' };
const ALWAYS: Interval = { start: 0, end: fromStamp('2100-01-01T00:00:00Z') };
const OCTOBER = monthPeriod('2026-10', 'UTC');
const N = 8_928;

const P95: BandwidthMeasure = {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  direction: 'uplink',
  sites: 'pooled',
  missing: 'zero',
  min_coverage: '0',
};

function p95(change: Partial<BandwidthMeasure>): BandwidthMeasure {
  return { ...P95, ...change };
}

type ValueOf = (position: number) => string | null;

function seriesOf(
  entity: EntityRef,
  metric: Metric,
  owned: Interval,
  valueOf: ValueOf,
  grid: Grid = 'SLOT',
): BucketSeries {
  const { firstStart, count } = ownedBuckets(owned, grid);
  return { entity, metric, grid, owned, firstStart, values: Array.from({ length: count }, (_, i) => valueOf(i)) };
}

function site(ref: EntityRef, over: Interval, uplink: ValueOf, downlink: ValueOf = uplink): BucketSeries[] {
  return [seriesOf(ref, 'uplink_bandwidth', over, uplink), seriesOf(ref, 'downlink_bandwidth', over, downlink)];
}

function active(ref: EntityRef, ...intervals: Interval[]): ActiveEntity {
  return { ref, name: null, active: intervals.length > 0 ? intervals : [ALWAYS] };
}

function evidenceOf(...input: Parameters<typeof measure>): BandwidthEvidence {
  const outcome = measure(...input);
  if (outcome.outcome !== 'measured') throw new Error(`held: ${outcome.code}: ${outcome.message}`);
  if (outcome.evidence.metric !== 'bandwidth') throw new Error('not a bandwidth');
  return outcome.evidence;
}

function mbps(...input: Parameters<typeof measure>): string {
  const outcome = measure(...input);
  return outcome.outcome === 'measured' ? (outcome.quantity.toExactDecimal()?.toFixed() ?? 'not finite') : outcome.code;
}

function slots(count: number): Interval {
  return { start: OCTOBER.start, end: OCTOBER.start + count * 300 };
}

/** The 4.9 % vector: 437 slots at 100 in one direction or site, a different 437 in the other, the rest 10. */
const early: ValueOf = (i) => (i < 437 ? '100' : '10');
const late: ValueOf = (i) => (i >= N - 437 ? '100' : '10');

describe('percentile: published vectors', () => {
  it('the 95th of 1 to 100 is 95', () => {
    const over = slots(100);
    // In an order that is neither ascending nor descending.
    const usage = site(SITE_A, over, (i) => String(((i * 37) % 100) + 1));
    expect(mbps(P95, over, [active(SITE_A)], usage)).toBe('95');
  });

  it.each([
    ['greater_of_percentiles', '10'],
    ['percentile_of_greater', '100'],
    ['percentile_of_sum', '110'],
  ] as const)('4.9 %% up and another 4.9 %% down: %s is %s', (direction, expected) => {
    const usage = site(SITE_A, OCTOBER, early, late);
    expect(mbps({ ...P95, direction }, OCTOBER, [active(SITE_A)], usage)).toBe(expected);
  });

  it.each([
    ['each_then_sum', '20'],
    ['pooled', '110'],
  ] as const)('the same shape on two sites: %s is %s', (sites, expected) => {
    const usage = [...site(SITE_A, OCTOBER, early), ...site(SITE_B, OCTOBER, late)];
    expect(mbps({ ...P95, sites }, OCTOBER, [active(SITE_A), active(SITE_B)], usage)).toBe(expected);
  });

  it('8,035 of 8,928 slots, 418 of them at 100: exclude bills 100, zero bills 10', () => {
    const usage = site(SITE_A, OCTOBER, (i) => (i >= 8_035 ? null : i % 19 === 0 && i < 418 * 19 ? '100' : '10'));
    const excluded = evidenceOf(p95({ missing: 'exclude', min_coverage: '0.89' }), OCTOBER, [active(SITE_A)], usage);
    expect(excluded).toMatchObject({ expected: 8_928, received: 8_035, coverage: '0.899977' });
    expect(excluded.parts[0]?.billed).toMatchObject({ n: 8_035, k: 7_634, discarded: 401, value: '100' });
    const zero = evidenceOf(P95, OCTOBER, [active(SITE_A)], usage);
    expect(zero.parts[0]?.billed).toMatchObject({ n: 8_928, k: 8_482, discarded: 446, value: '10' });
  });

  it('all equal bills that value, the sample at the rank in time order', () => {
    const over = slots(20);
    const [part] = evidenceOf(
      P95,
      over,
      [active(SITE_A)],
      site(SITE_A, over, () => '7.5'),
    ).parts;
    expect(part?.billed).toMatchObject({ value: '7.5', k: 19, sample: { start: '2026-10-01T01:30:00Z' } });
  });

  it.each([
    [1, '1'],
    [19, '19'],
    [20, '19'],
    [21, '20'],
  ])('of %d ascending samples it is the one of value %s', (count, value) => {
    const over = slots(count);
    expect(
      mbps(
        P95,
        over,
        [active(SITE_A)],
        site(SITE_A, over, (i) => String(i + 1)),
      ),
    ).toBe(value);
  });

  it('N = 0 holds, it is not 0', () => {
    const over = slots(3);
    const nothing = site(SITE_A, over, () => null);
    expect(mbps(p95({ missing: 'exclude' }), over, [active(SITE_A)], nothing)).toBe('no_samples');
    // Slots without an active site count 0 when pooled, but they are no samples.
    const half = active(SITE_A, { start: over.start, end: over.start + 600 });
    expect(mbps(p95({ missing: 'exclude' }), over, [half], nothing)).toBe('no_samples');
    const between = { start: OCTOBER.start + 1, end: OCTOBER.start + 299 };
    expect(
      mbps(
        P95,
        between,
        [active(SITE_A)],
        site(SITE_A, over, () => '1'),
      ),
    ).toBe('no_samples');
  });

  it('owns the slot at the start of the month and not the one at its end', () => {
    const padded = { start: OCTOBER.start - 300, end: OCTOBER.end + 300 };
    const last = N + 1;
    const at = (position: number) => site(SITE_A, padded, (i) => (i === position ? '500' : '1'));
    const highest = { ...P95, aggregation: 'maximum' } as const;
    expect(mbps(highest, OCTOBER, [active(SITE_A)], at(0))).toBe('1');
    expect(mbps(highest, OCTOBER, [active(SITE_A)], at(1))).toBe('500');
    expect(mbps(highest, OCTOBER, [active(SITE_A)], at(last - 1))).toBe('500');
    expect(mbps(highest, OCTOBER, [active(SITE_A)], at(last))).toBe('1');
  });

  it('a charge from the 15th on ranks the slots from the 15th on', () => {
    const over = { start: fromStamp('2026-10-15T00:00:00Z'), end: OCTOBER.end };
    const usage = site(SITE_A, OCTOBER, (i) => String(i));
    // 17 days, 4,896 slots, rank 4,652: position 14·288 + 4,651.
    const [part] = evidenceOf(P95, over, [active(SITE_A)], usage).parts;
    expect(part?.billed).toMatchObject({ n: 4_896, k: 4_652, value: '8683' });
  });

  it('a late slot that changes the rank changes the decisive sample', () => {
    const over = slots(20);
    const before = site(SITE_A, over, (i) => (i === 3 ? null : String(i + 1)));
    const after = site(SITE_A, over, (i) => (i === 3 ? '400' : String(i + 1)));
    const sampleOf = (usage: BucketSeries[]) => evidenceOf(P95, over, [active(SITE_A)], usage).parts[0]?.billed.sample;
    expect(sampleOf(before)).toMatchObject({ start: '2026-10-01T01:30:00Z', value: '19' });
    expect(sampleOf(after)).toMatchObject({ start: '2026-10-01T01:35:00Z', value: '20' });
  });
});

describe('percentile: closed forms of one simulated leaf', () => {
  const july = monthPeriod('2022-07', 'UTC');
  const windowOf = (position: number) => july.start / 300 + position;
  const bytes = (window: number, [base, perLeaf, step, daily]: readonly [number, number, number, number]) =>
    base +
    perLeaf * 345 +
    step * ((41 * window + 37 * 12_345 + 7) % 288) +
    daily * (Math.floor(window / 288) % 97) +
    (window % 4) / 4;
  const up = [50_000, 10, 200, 2] as const;
  const down = [1_000_000, 100, 4_000, 40] as const;

  it.each([
    ['50', '82240.75', '1610300.75'],
    ['95', '108216.25', '2129820.25'],
    ['99', '110586.25', '2177220.25'],
    ['100', '111040.75', '2186300.75'],
  ])('percentile %s of bytes per window is %s up, %s down', (percentile, uplink, downlink) => {
    const usage = site(
      SITE_A,
      july,
      (i) => String(bytes(windowOf(i), up)),
      (i) => String(bytes(windowOf(i), down)),
    );
    expect(mbps({ ...P95, percentile }, july, [active(SITE_A)], usage)).toBe(uplink);
    expect(mbps({ ...P95, percentile, direction: 'downlink' }, july, [active(SITE_A)], usage)).toBe(downlink);
  });

  it('the 95th over active seconds, digit for digit as reported', () => {
    const rate = (window: number, way: typeof up | typeof down) =>
      String((bytes(window, way) * 8) / 1e6 / (100 + (Math.floor(window / 288) % 97)));
    const usage = site(
      SITE_A,
      july,
      (i) => rate(windowOf(i), up),
      (i) => rate(windowOf(i), down),
    );
    expect(mbps(P95, july, [active(SITE_A)], usage)).toBe('0.004894118343195267');
    expect(mbps({ ...P95, direction: 'downlink' }, july, [active(SITE_A)], usage)).toBe('0.09625221468926554');
  });
});

describe('percentile: exactness', () => {
  it('tells apart values that are one double', () => {
    const over = slots(4);
    const values = ['0.10000000000000000003', '0.10000000000000000001', '0.10000000000000000002', '0.1'];
    const usage = site(SITE_A, over, (i) => values[i] ?? null);
    const [part] = evidenceOf(p95({ percentile: '75' }), over, [active(SITE_A)], usage).parts;
    expect(part?.billed.sample).toMatchObject({ start: '2026-10-01T00:10:00Z', value: '0.10000000000000000002' });
  });

  it('adds sites exactly: 0.1 + 0.2 is above 0.3 in doubles, equal in fact', () => {
    const over = slots(2);
    const usage = [
      ...site(SITE_A, over, (i) => (i === 0 ? '0.1' : '0.3')),
      ...site(SITE_B, over, (i) => (i === 0 ? '0.2' : '0')),
    ];
    const [part] = evidenceOf(p95({ percentile: '50' }), over, [active(SITE_A), active(SITE_B)], usage).parts;
    expect(part?.billed).toMatchObject({ value: '0.3', sample: { start: '2026-10-01T00:00:00Z' } });
  });

  it('adds sites exactly: 0.1 + 0.7 is below 0.8 in doubles, above 0.79999999999999999 in fact', () => {
    const over = slots(2);
    const usage = [
      ...site(SITE_A, over, (i) => (i === 0 ? '0.1' : '0.79999999999999999')),
      ...site(SITE_B, over, (i) => (i === 0 ? '0.7' : '0')),
    ];
    expect(mbps(p95({ percentile: '100' }), over, [active(SITE_A), active(SITE_B)], usage)).toBe('0.8');
  });

  /** Any number text as an integer count of 10^-30. */
  const scaled = (text: string): bigint => {
    const [, whole = '', fraction = '', exponent = '0'] = /^(\d+)\.?(\d*)(?:e(.+))?$/.exec(text) ?? [];
    return BigInt(whole + fraction) * 10n ** BigInt(30 - fraction.length + Number(exponent));
  };
  const near = fc
    .tuple(fc.constantFrom('0.1', '7', '1234567.89'), fc.integer({ min: -4, max: 4 }))
    .map(([base, ulps]) => {
      const [whole = '', fraction = ''] = base.split('.');
      const digits = BigInt(whole + fraction.padEnd(19, '0')) + BigInt(ulps);
      const text = digits.toString().padStart(20, '0');
      return `${text.slice(0, -19)}.${text.slice(-19)}`.replace(/^0+(?=\d)/, '');
    });
  const sample = fc.option(
    fc.oneof(
      near,
      fc.nat(1_000).map(String),
      fc.double({ min: 1e-9, max: 1e9, noNaN: true }).map(String),
      fc.constantFrom('0', '2.5e-7', '1e3', '9007199254740993', '9007199254740992'),
    ),
    { freq: 8 },
  );
  const length = 23;
  const lane = fc.array(sample, { minLength: length, maxLength: length });

  it.each(['uplink', 'downlink', 'greater_of_percentiles', 'percentile_of_greater', 'percentile_of_sum'] as const)(
    '%s equals a plain sort of exact integers',
    (direction) => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(lane, lane), { minLength: 1, maxLength: 3 }),
          fc.constantFrom('zero', 'exclude'),
          fc.constantFrom('1', '50', '95', '99.9', '100'),
          (lanes, missing, percentile) => {
            const over = slots(length);
            const refs = lanes.map((_, i): EntityRef => ({ dimension: 'customer_site_id', value: `site${i}` }));
            const usage = lanes.flatMap(([up, down], i) =>
              site(
                refs[i] ?? SITE_A,
                over,
                (at) => up[at] ?? null,
                (at) => down[at] ?? null,
              ),
            );
            const added = (way: 0 | 1, at: number) =>
              lanes.reduce<bigint | null>((total, both) => {
                const text = both[way][at] ?? null;
                // Where a missing sample adds 0, the others stand; else the slot is gone.
                if (text === null) return missing === 'zero' ? total : null;
                return total === null ? null : total + scaled(text);
              }, 0n);
            const ranked = (of: (up: bigint | null, down: bigint | null) => bigint | null) => {
              const samples = Array.from({ length }, (_, at) => ({ at, value: of(added(0, at), added(1, at)) }))
                .filter(({ value }) => missing === 'zero' || value !== null)
                .map(({ at, value }) => ({ at, value: value ?? 0n }))
                .sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : a.at - b.at));
              const [tenths] = [BigInt(Math.round(Number(percentile) * 10))];
              return samples[Number((tenths * BigInt(samples.length) + 999n) / 1_000n) - 1];
            };
            const both = (pick: (up: bigint, down: bigint) => bigint) =>
              ranked((up, down) => (up === null || down === null ? null : pick(up, down)));
            const [first, second] = {
              uplink: () => [ranked((up) => up)],
              downlink: () => [ranked((_, down) => down)],
              greater_of_percentiles: () => [ranked((up) => up), ranked((_, down) => down)],
              percentile_of_greater: () => [both((up, down) => (up > down ? up : down))],
              percentile_of_sum: () => [both((up, down) => up + down)],
            }[direction]();
            const entities = refs.map((ref) => active(ref));
            const spec = { ...P95, direction, missing, percentile } as const;
            const needed = direction === 'uplink' ? [0] : direction === 'downlink' ? [1] : [0, 1];
            if (lanes.some((both) => needed.some((way) => both[way]?.every((text) => text === null)))) {
              expect(mbps(spec, over, entities, usage)).toBe('no_samples');
              return;
            }
            if (!first || (direction === 'greater_of_percentiles' && !second)) {
              expect(mbps(spec, over, entities, usage)).toBe('no_samples');
              return;
            }
            const expected = second && second.value > first.value ? second : first;
            const [part] = evidenceOf(spec, over, entities, usage).parts;
            expect(scaled(part?.billed.value ?? '')).toBe(expected.value);
            expect(part?.billed.sample?.start).toBe(
              new Date((over.start + expected.at * 300) * 1000).toISOString().replace('.000Z', 'Z'),
            );
          },
        ),
        { numRuns: 400 },
      );
    },
  );

  it('does not depend on the order in which sites and series are handed in', () => {
    const usage = [...site(SITE_A, OCTOBER, early, late), ...site(SITE_B, OCTOBER, late, early)];
    const spec = { ...P95, direction: 'percentile_of_greater' } as const;
    const forward = evidenceOf(spec, OCTOBER, [active(SITE_A), active(SITE_B)], usage);
    const backward = evidenceOf(spec, OCTOBER, [active(SITE_B), active(SITE_A)], [...usage].reverse());
    expect(backward).toEqual(forward);
  });
});

describe('minimum, maximum and average', () => {
  const over = slots(3);
  const usage = site(
    SITE_A,
    over,
    (i) => ['4', '0.1', '3'][i] ?? null,
    (i) => ['1', '5', '2'][i] ?? null,
  );

  it.each([
    ['minimum', 'uplink', '0.1'],
    ['maximum', 'uplink', '4'],
    ['minimum', 'percentile_of_greater', '3'],
    ['maximum', 'percentile_of_sum', '5.1'],
    ['maximum', 'greater_of_percentiles', '5'],
  ] as const)('the %s of %s is %s', (aggregation, direction, expected) => {
    expect(mbps({ ...P95, aggregation, direction }, over, [active(SITE_A)], usage)).toBe(expected);
  });

  it('an average is an exact quotient', () => {
    const outcome = measure(p95({ aggregation: 'average' }), over, [active(SITE_A)], usage);
    expect(outcome).toMatchObject({
      evidence: {
        method: 'average',
        percentile: null,
        quantity: { numerator: '7.1', denominator: '3' },
        parts: [{ billed: { n: 3, k: null, discarded: null, value: '2.366666666666', sum: '7.1', sample: null } }],
        alternatives: {
          uplink: '2.366666666666',
          downlink: '2.666666666666',
          greater_of_percentiles: '2.666666666666',
          percentile_of_greater: '4',
          percentile_of_sum: '5.033333333333',
        },
      },
    });
  });

  it('a missing slot counts as 0, or does not count', () => {
    const gap = site(SITE_A, over, (i) => ['4', null, '3'][i] ?? null);
    const average = { ...P95, aggregation: 'average' } as const;
    expect(measure(average, over, [active(SITE_A)], gap)).toMatchObject({
      evidence: { quantity: { numerator: '7', denominator: '3' } },
    });
    expect(mbps({ ...average, missing: 'exclude' }, over, [active(SITE_A)], gap)).toBe('3.5');
    expect(mbps(p95({ aggregation: 'minimum' }), over, [active(SITE_A)], gap)).toBe('0');
    expect(mbps(p95({ aggregation: 'minimum', missing: 'exclude' }), over, [active(SITE_A)], gap)).toBe('3');
  });
});

describe('several sites', () => {
  const over = slots(10);
  const half = { start: over.start, end: over.start + 5 * 300 };
  const usage = [...site(SITE_A, over, () => '10'), ...site(SITE_B, over, () => '100')];

  it('a site adds 0 outside its active range', () => {
    const entities = [active(SITE_A), active(SITE_B, half)];
    expect(mbps(p95({ percentile: '50' }), over, entities, usage)).toBe('10');
    expect(mbps(p95({ percentile: '51' }), over, entities, usage)).toBe('110');
  });

  it('pooled ranks every slot of the interval, each_then_sum the active slots of each site', () => {
    const entities = [active(SITE_B, half)];
    const pooled = evidenceOf(p95({ percentile: '50' }), over, entities, usage);
    expect(pooled).toMatchObject({ expected: 5, received: 5, coverage: '1', entities: 1 });
    expect(pooled.parts).toMatchObject([{ entity: null, unserved: 5, billed: { n: 10, k: 5, value: '0' } }]);
    expect(pooled.parts[0]?.billed.sample).toEqual({
      start: '2026-10-01T00:45:00Z',
      value: '0',
      uplink: null,
      downlink: null,
      reported: false,
    });
    const each = evidenceOf(p95({ sites: 'each_then_sum', percentile: '50' }), over, entities, usage);
    expect(each.parts).toMatchObject([{ entity: SITE_B, unserved: 5, billed: { n: 5, k: 3, value: '100' } }]);
  });

  it('a missing sample of one site adds 0 to the slot, or the slot is out', () => {
    const gap = [...site(SITE_A, over, (i) => (i === 2 ? null : '10')), ...site(SITE_B, over, () => '100')];
    const entities = [active(SITE_A), active(SITE_B)];
    const lowest = { ...P95, aggregation: 'minimum' } as const;
    expect(evidenceOf(lowest, over, entities, gap).parts[0]).toMatchObject({
      received: 10,
      billed: { value: '100', sample: { start: '2026-10-01T00:10:00Z', uplink: '100', reported: true } },
    });
    expect(evidenceOf({ ...lowest, missing: 'exclude' }, over, entities, gap).parts[0]).toMatchObject({
      received: 9,
      billed: { n: 9 },
    });
    expect(mbps({ ...lowest, missing: 'exclude' }, over, entities, gap)).toBe('110');
  });

  it('each_then_sum applies the direction rule site by site', () => {
    const crossed = [
      ...site(
        SITE_A,
        over,
        () => '10',
        () => '1',
      ),
      ...site(
        SITE_B,
        over,
        () => '2',
        () => '20',
      ),
    ];
    const spec = { ...P95, sites: 'each_then_sum', direction: 'greater_of_percentiles' } as const;
    const evidence = evidenceOf(spec, over, [active(SITE_A), active(SITE_B)], crossed);
    expect(evidence.quantity).toEqual({ numerator: '30', denominator: '1' });
    expect(evidence.parts.map((part) => [part.billed.of, part.billed.value, part.lesser?.value])).toEqual([
      ['uplink', '10', '1'],
      ['downlink', '20', '2'],
    ]);
    expect(evidence.alternatives).toMatchObject({ uplink: '12', downlink: '21', percentile_of_sum: '33' });
  });
});

describe('missing slots', () => {
  const over = slots(24);
  const gaps = site(SITE_A, over, (i) => (i >= 12 && i < 15 ? null : '5'));
  const hours = (second: string | null): BucketSeries[] =>
    (['uplink_bytes', 'downlink_bytes'] as const).map((metric) =>
      seriesOf(SITE_A, metric, over, (i) => (i === 1 ? second : '900'), 'HOUR'),
    );
  const hold = { ...P95, missing: 'hold', direction: 'percentile_of_sum' } as const;

  it('hold: names count and first stamp, and no site', () => {
    expect(measure(hold, over, [active(SITE_A)], gaps)).toEqual({
      outcome: 'held',
      code: 'missing_buckets',
      message: '3 of 24 slots are missing and not proven idle, the first at 2026-10-01T01:00:00Z',
    });
  });

  it.each([['900'], ['0.5'], [null]])('hold: hour bytes of %s prove nothing', (bytes) => {
    expect(mbps(hold, over, [active(SITE_A)], [...gaps, ...hours(bytes)])).toBe('missing_buckets');
  });

  it.each(['0', '0.00', '0e5'])('hold: hour bytes of %s prove the slots idle, which count as 0', (bytes) => {
    const evidence = evidenceOf(hold, over, [active(SITE_A)], [...gaps, ...hours(bytes)]);
    expect(evidence).toMatchObject({ expected: 24, received: 21, proven_idle: 3, coverage: '1' });
    expect(evidence.parts[0]?.billed).toMatchObject({ n: 24, k: 23, value: '10' });
    const lowest = { ...hold, aggregation: 'minimum' } as const;
    expect(mbps(lowest, over, [active(SITE_A)], [...gaps, ...hours(bytes)])).toBe('0');
  });

  it('hold: finds the hour in bytes that were pulled for longer', () => {
    const longer = { start: over.start - 7_200, end: over.end };
    const bytes = (idleHour: number) =>
      seriesOf(SITE_A, 'uplink_bytes', longer, (i) => (i === idleHour ? '0' : '900'), 'HOUR');
    const spec = { ...hold, direction: 'uplink' } as const;
    expect(mbps(spec, over, [active(SITE_A)], [...gaps, bytes(3)])).toBe('5');
    expect(mbps(spec, over, [active(SITE_A)], [...gaps, bytes(1)])).toBe('missing_buckets');
  });

  it('hold: idle hours prove nothing for another site or another direction', () => {
    const other = hours('0').map((series) => ({ ...series, entity: SITE_B }));
    expect(mbps(hold, over, [active(SITE_A)], [...gaps, ...other])).toBe('missing_buckets');
    const upOnly = hours('0').slice(0, 1);
    expect(mbps(hold, over, [active(SITE_A)], [...gaps, ...upOnly])).toBe('missing_buckets');
    expect(mbps({ ...hold, direction: 'uplink' }, over, [active(SITE_A)], [...gaps, ...upOnly])).toBe('5');
  });

  it('an idle site adds 0 to what the others reported', () => {
    const usage = [...gaps, ...hours('0'), ...site(SITE_B, over, () => '1')];
    const lowest = { ...hold, aggregation: 'minimum', direction: 'uplink' } as const;
    expect(mbps(lowest, over, [active(SITE_A), active(SITE_B)], usage)).toBe('1');
  });

  it('coverage below the plan holds, exactly at it does not', () => {
    const spec = { ...P95, missing: 'exclude' } as const;
    expect(mbps({ ...spec, min_coverage: '0.875' }, over, [active(SITE_A)], gaps)).toBe('5');
    expect(measure({ ...spec, min_coverage: '0.8750001' }, over, [active(SITE_A)], gaps)).toEqual({
      outcome: 'held',
      code: 'coverage_too_low',
      message: '21 of 24 uplink slots were reported (0.875), the charge needs 0.8750001',
    });
  });

  it('each_then_sum asks every site for its coverage', () => {
    const usage = [...gaps, ...site(SITE_B, over, () => '1')];
    const spec = { ...P95, missing: 'exclude', sites: 'each_then_sum', min_coverage: '0.9' } as const;
    expect(mbps(spec, over, [active(SITE_B), active(SITE_A)], usage)).toBe('coverage_too_low');
  });

  it('no active site holds, an absent series holds, an unneeded direction is not asked for', () => {
    const later = { start: over.end, end: over.end + 300 };
    expect(mbps(P95, over, [], gaps)).toBe('no_entities');
    expect(mbps(P95, over, [active(SITE_A, later)], gaps)).toBe('no_entities');
    expect(measure(P95, over, [active(SITE_A), active(SITE_B)], gaps)).toEqual({
      outcome: 'held',
      code: 'usage_missing',
      message: 'no uplink_bandwidth samples for 1 of 2 active sites',
    });
    const upOnly = gaps.slice(0, 1);
    expect(evidenceOf(P95, over, [active(SITE_A)], upOnly).alternatives).toEqual({
      uplink: '5',
      downlink: null,
      greater_of_percentiles: null,
      percentile_of_greater: null,
      percentile_of_sum: null,
    });
    expect(mbps(p95({ direction: 'percentile_of_sum' }), over, [active(SITE_A)], upOnly)).toBe('usage_missing');
  });
});

describe('evidence', () => {
  it('says everything that is needed to recompute the rate', () => {
    const over = slots(20);
    const usage = site(
      SITE_A,
      over,
      (i) => `${i}.50`,
      (i) => (i === 19 ? null : '1e-7'),
    ).map((series, i) => ({ ...series, rawSha256: `hash${i}` }));
    const evidence = evidenceOf(
      p95({ direction: 'greater_of_percentiles' }),
      over,
      [{ ...active(SITE_A), name: 'Depot' }],
      usage,
    );
    expect(evidence).toEqual({
      method: 'nearest_rank',
      metric: 'bandwidth',
      aggregation: 'percentile',
      percentile: '95',
      direction: 'greater_of_percentiles',
      sites: 'pooled',
      missing: 'zero',
      min_coverage: '0',
      over: { start: '2026-10-01T00:00:00Z', end: '2026-10-01T01:40:00Z' },
      grid: 'SLOT',
      entities: 1,
      expected: 20,
      received: 19,
      proven_idle: 0,
      coverage: '0.95',
      unreported: {
        missing: 1,
        proven_idle: 0,
        quiet: 0,
        lost: 0,
        unanswered: 0,
        unexplained: 0,
        uncontrolled: 1,
        control: null,
        whole_hours: { maximum_equal: 0, maximum_differing: 0 },
        lost_hours: [],
        at_most: null,
      },
      raw_sha256: ['hash0', 'hash1'],
      quantity: { numerator: '18.5', denominator: '1' },
      parts: [
        {
          entity: null,
          name: null,
          expected: 20,
          received: 19,
          proven_idle: 0,
          unserved: 0,
          coverage: '0.95',
          billed: {
            of: 'uplink',
            n: 20,
            k: 19,
            discarded: 1,
            value: '18.5',
            sum: null,
            sample: {
              start: '2026-10-01T01:30:00Z',
              value: '18.5',
              uplink: '18.5',
              downlink: '0.0000001',
              reported: true,
            },
          },
          lesser: {
            of: 'downlink',
            n: 20,
            k: 19,
            discarded: 1,
            value: '0.0000001',
            sum: null,
            sample: {
              start: '2026-10-01T01:25:00Z',
              value: '0.0000001',
              uplink: '17.5',
              downlink: '0.0000001',
              reported: true,
            },
          },
        },
      ],
      alternatives: {
        uplink: '18.5',
        downlink: '0.0000001',
        greater_of_percentiles: '18.5',
        percentile_of_greater: '18.5',
        percentile_of_sum: '18.5000001',
      },
    });
    expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
  });

  it.each(['-1', 'NaN', '', '0x1', '1e5000'])('refuses the sample %j', (text) => {
    const over = slots(2);
    expect(() =>
      measure(
        P95,
        over,
        [active(SITE_A)],
        site(SITE_A, over, () => text),
      ),
    ).toThrow(expect.objectContaining({ code: 'bad_value' }));
  });

  it.each([{ min_coverage: '1.01' }, { min_coverage: '' }, { percentile: '0' }, { percentile: undefined }])(
    'refuses %j',
    (change) => {
      const over = slots(2);
      expect(() =>
        measure(
          { ...P95, ...change },
          over,
          [active(SITE_A)],
          site(SITE_A, over, () => '1'),
        ),
      ).toThrow(expect.objectContaining({ code: 'bad_measure' }));
    },
  );
});
