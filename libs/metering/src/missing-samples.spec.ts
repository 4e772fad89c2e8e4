import fc from 'fast-check';
import { type Interval, monthPeriod } from '#calendar';
import type { BandwidthEvidence } from './evidence.js';
import type { ActiveEntity, BandwidthMeasure } from './measure-spec.js';
import { measure } from './measure.js';
import { type BucketSeries, type EntityRef, type Grid, type Metric, ownedBuckets } from './usage.js';

const SITE_A: EntityRef = { dimension: 'customer_site_id', value: 'a' };
const SITE_B: EntityRef = { dimension: 'customer_site_id', value: 'b' };
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
const EXCLUDE: Partial<BandwidthMeasure> = { missing: 'exclude', min_coverage: '0.99' };

type Values = readonly (string | null)[];
type Way = 'uplink' | 'downlink';

function series(
  entity: EntityRef,
  metric: Metric,
  grid: Grid,
  values: Values,
  owned: Interval = OCTOBER,
): BucketSeries {
  const { firstStart, count } = ownedBuckets(owned, grid);
  expect(values).toHaveLength(count);
  return { entity, metric, grid, owned, firstStart, values };
}

/** What a site really did: Mbps of every slot; it was busy in every second of a slot with traffic. */
interface Truth {
  readonly up: readonly number[];
  readonly down: readonly number[];
}

const MEGABIT_BYTES = 125_000;
const hourly = <T>(of: readonly T[], make: (slots: readonly T[]) => string): string[] =>
  Array.from({ length: Math.ceil(of.length / 12) }, (_, hour) => make(of.slice(hour * 12, hour * 12 + 12)));
const largest = (slots: readonly number[]) => String(Math.max(...slots));
const bytesOf = (seconds: number) => (slots: readonly number[]) =>
  String(slots.reduce((sum, mbps) => sum + mbps * seconds * MEGABIT_BYTES, 0));

/** The report API's answers about a site: samples as given, MAX and bytes as they were. */
function answers(
  ref: EntityRef,
  truth: Truth,
  reported: { up: Values; down?: Values },
  { activeSeconds = 300, owned = OCTOBER }: { activeSeconds?: number; owned?: Interval } = {},
): BucketSeries[] {
  const of = (way: Way, mbps: readonly number[], values: Values): BucketSeries[] => [
    series(ref, `${way}_bandwidth`, 'SLOT', values, owned),
    series(ref, `${way}_bandwidth_max`, 'HOUR', hourly(mbps, largest), owned),
    series(ref, `${way}_bytes`, 'HOUR', hourly(mbps, bytesOf(activeSeconds)), owned),
  ];
  return [
    ...of('uplink', truth.up, reported.up),
    ...of('downlink', truth.down, reported.down ?? truth.down.map(String)),
  ];
}

const site = (ref: EntityRef): ActiveEntity => ({ ref, name: null, active: [OCTOBER] });

function outcome(
  change: Partial<BandwidthMeasure>,
  refs: EntityRef[],
  usage: BucketSeries[],
  over: Interval = OCTOBER,
) {
  return measure({ ...P95, ...change }, over, refs.map(site), usage);
}
function mbps(...of: Parameters<typeof outcome>): string {
  const measured = outcome(...of);
  return measured.outcome === 'measured' ? (measured.quantity.toExactDecimal()?.toFixed() ?? '') : measured.code;
}
function evidence(...of: Parameters<typeof outcome>): BandwidthEvidence {
  const measured = outcome(...of);
  if (measured.outcome !== 'measured' || measured.evidence.metric !== 'bandwidth')
    throw new Error(JSON.stringify(measured));
  return measured.evidence;
}
/** Nearest rank of 95 by a plain sort. */
const ranked = (values: readonly number[]) =>
  String([...values].sort((a, b) => a - b)[Math.floor((95 * values.length + 99) / 100) - 1]);

/** A busy month: 50 to 149 Mbps in an order that is no order. */
const BUSY: Truth = {
  up: Array.from({ length: N }, (_, slot) => 50 + ((slot * 37) % 100) + (slot % 7) / 8),
  down: Array.from({ length: N }, (_, slot) => 60 + ((slot * 53) % 100) + (slot % 5) / 8),
};
/** The same by day; from 20:00 to 08:00 nobody works. */
const isNight = (slot: number) => slot % 288 < 96 || slot % 288 >= 240;
const OFFICE: Truth = {
  up: BUSY.up.map((value, slot) => (isNight(slot) ? 0 : value)),
  down: BUSY.down.map((value, slot) => (isNight(slot) ? 0 : value)),
};
const SILENT: Truth = { up: BUSY.up.map(() => 0), down: BUSY.down.map(() => 0) };
const none = (of: readonly number[]) => of.map(() => null);
const withTraffic = (of: readonly number[]) => of.map((value) => (value === 0 ? null : String(value)));
/** What a cut of the sorted series leaves: its lowest samples. */
const lowest = (of: readonly number[], count: number): Values => {
  const kept = new Set([...of.keys()].sort((a, b) => (of[a] ?? 0) - (of[b] ?? 0)).slice(0, count));
  return of.map((value, slot) => (kept.has(slot) ? String(value) : null));
};

describe('a site that reports nothing', () => {
  const silent = (bytes: Truth = SILENT) => answers(SITE_B, bytes, { up: none(bytes.up), down: none(bytes.down) });
  const busy = answers(SITE_A, BUSY, { up: BUSY.up.map(String) });

  it.each(['zero', 'exclude', 'hold'] as const)('idle beside a busy one: %s bills the busy one', (missing) => {
    const change = { ...EXCLUDE, missing };
    expect(mbps(change, [SITE_A, SITE_B], [...busy, ...silent()])).toBe(ranked(BUSY.up));
    expect(mbps({ ...change, sites: 'each_then_sum' }, [SITE_A, SITE_B], [...busy, ...silent()])).toBe(ranked(BUSY.up));
    expect(evidence(change, [SITE_A, SITE_B], [...busy, ...silent()])).toMatchObject({
      coverage: '1',
      unreported: { missing: N, proven_idle: N, lost: 0, unexplained: 0 },
    });
  });

  it('by day, too, its bytes prove it idle', () => {
    const days = silent().filter(({ metric }) => !metric.endsWith('_bytes'));
    const zeros = series(SITE_B, 'uplink_bytes', 'DAY', Array<string>(31).fill('0'));
    expect(mbps({}, [SITE_A, SITE_B], [...busy, ...days, zeros])).toBe(ranked(BUSY.up));
  });

  it.each(['zero', 'exclude', 'hold'] as const)('%s: without bytes, or with some, it is no answer', (missing) => {
    const alone = silent().filter(({ metric }) => metric.endsWith('_bandwidth'));
    const absent = silent().map((one) => (one.grid === 'HOUR' ? { ...one, values: one.values.map(() => null) } : one));
    for (const usage of [alone, absent, silent(BUSY)]) {
      expect(mbps({ ...EXCLUDE, missing }, [SITE_B], usage)).toBe('no_samples');
      expect(mbps({ ...EXCLUDE, missing }, [SITE_A, SITE_B], [...busy, ...usage])).toBe('no_samples');
    }
  });

  it('is idle alone: nothing was used', () => {
    expect(mbps({}, [SITE_B], silent())).toBe('0');
    expect(mbps(EXCLUDE, [SITE_B], silent())).toBe('0');
  });

  it('counts 0 when an operator lets it', () => {
    const waived = new Set(['no_samples'] as const);
    const absent = silent().filter(({ metric }) => metric.endsWith('_bandwidth'));
    expect(mbps({ waived }, [SITE_A, SITE_B], [...busy, ...absent])).toBe(ranked(BUSY.up));
    expect(mbps({ ...EXCLUDE, waived }, [SITE_A, SITE_B], [...busy, ...absent])).toBe(ranked(BUSY.up));
  });

  it('in one direction alone, that one is no answer', () => {
    const usage = answers(SITE_A, BUSY, { up: BUSY.up.map(String), down: none(BUSY.down) });
    expect(mbps({ direction: 'uplink' }, [SITE_A], usage)).toBe(ranked(BUSY.up));
    expect(mbps({ direction: 'percentile_of_greater' }, [SITE_A], usage)).toBe('no_samples');
    expect(evidence({ direction: 'uplink' }, [SITE_A], usage).alternatives.percentile_of_sum).toBeNull();
  });
});

describe('a series that was cut', () => {
  it.each([
    ['4,000 of 8,928', 4_000],
    ['2,400 of 8,928', 2_400],
    ['all but the last tenth', 8_035],
    ['one sample', 1],
    ['all but the highest', N - 1],
  ])('%s lowest samples: held, and the hours are named', (_what, kept) => {
    const usage = answers(SITE_A, BUSY, { up: lowest(BUSY.up, kept) });
    for (const missing of ['zero', 'exclude', 'hold'] as const) {
      for (const aggregation of ['percentile', 'average', 'minimum', 'maximum'] as const) {
        const held = outcome({ missing, aggregation }, [SITE_A], usage);
        expect(held).toMatchObject({ outcome: 'held', code: 'samples_implausible' });
        expect(held).toMatchObject({ message: expect.stringMatching(/hours: 2026-10-\d\dT\d\d:00:00Z/) });
      }
    }
  });

  it('the samples that are left are billed only when an operator lets that pass, and the line says so', () => {
    const waived = new Set(['samples_implausible'] as const);
    const cut = lowest(BUSY.up, 8_035);
    const usage = answers(SITE_A, BUSY, { up: cut });
    const left = BUSY.up.map((value, slot) => (cut[slot] === null ? 0 : value));
    const told = evidence({ waived }, [SITE_A], usage);
    expect(told.quantity.numerator).toBe(ranked(left));
    expect(told.unreported?.lost).toBe(893);
    expect(told.unreported?.lost_hours.length).toBeGreaterThan(0);
  });

  it('also where averages over active seconds could carry the bytes that are lost', () => {
    const usage = answers(SITE_A, BUSY, { up: lowest(BUSY.up, 8_035) }, { activeSeconds: 100 });
    expect(mbps({}, [SITE_A], usage)).toBe('samples_implausible');
  });

  it('MAX that is finer than five minutes says nothing; bytes do', () => {
    const peaks = (usage: BucketSeries[]) =>
      usage.map((one) =>
        one.metric.endsWith('_max')
          ? { ...one, values: one.values.map((text) => (text === '0' ? text : String(Number(text) + 7.25))) }
          : one,
      );
    const cut = BUSY.up.map((value, slot) => (slot % 24 < 9 ? null : String(value)));
    expect(mbps({}, [SITE_A], peaks(answers(SITE_A, BUSY, { up: cut })))).toBe('samples_implausible');
    const told = evidence({}, [SITE_A], peaks(answers(SITE_A, OFFICE, { up: withTraffic(OFFICE.up) })));
    expect(told.quantity.numerator).toBe(ranked(OFFICE.up));
    expect(told.unreported).toMatchObject({
      control: 'hour_bytes',
      whole_hours: { maximum_equal: 0, maximum_differing: 372 },
    });
  });

  it('a MAX of two decimals is the largest sample all the same', () => {
    const fine = { up: OFFICE.up.map((value) => value && value + 0.001234), down: OFFICE.down };
    const rounded = (usage: BucketSeries[]) =>
      usage.map((one) =>
        one.metric === 'uplink_bandwidth_max'
          ? { ...one, values: one.values.map((text) => String(Math.round(Number(text) * 100) / 100)) }
          : one,
      );
    const told = evidence({}, [SITE_A], rounded(answers(SITE_A, fine, { up: withTraffic(fine.up) })));
    expect(told.unreported).toMatchObject({ control: 'hour_maximum', lost: 0 });
  });

  it('one direction whole and the other short is a sign, also where idle samples are left out elsewhere', () => {
    // Of each hour the three highest but one are gone: MAX and bytes of few active seconds do not tell.
    const short = BUSY.up.map((value, slot) => {
      const hour = BUSY.up.slice(slot - (slot % 12), slot - (slot % 12) + 12).toSorted((a, b) => b - a);
      return hour.indexOf(value) >= 1 && hour.indexOf(value) <= 3 ? null : String(value);
    });
    const usage = answers(SITE_A, BUSY, { up: short }, { activeSeconds: 100 });
    const idle = answers(SITE_B, SILENT, { up: none(SILENT.up), down: none(SILENT.down) });
    expect(mbps({}, [SITE_A], usage)).toBe('samples_implausible');
    expect(mbps({}, [SITE_A, SITE_B], [...usage, ...idle])).toBe('samples_implausible');
  });
});

describe('a site that was idle', () => {
  it.each(['zero', 'exclude', 'hold'] as const)('at night, whose samples are left out, is billed by %s', (missing) => {
    const usage = answers(SITE_A, OFFICE, { up: withTraffic(OFFICE.up), down: withTraffic(OFFICE.down) });
    const told = evidence({ ...EXCLUDE, missing, direction: 'percentile_of_greater' }, [SITE_A], usage);
    const greater = OFFICE.up.map((value, slot) => Math.max(value, OFFICE.down[slot] ?? 0));
    expect(told.quantity.numerator).toBe(ranked(greater));
    expect(told).toMatchObject({
      coverage: '1',
      received: N / 2,
      proven_idle: N / 2,
      unreported: { missing: N, proven_idle: N, control: 'hour_maximum', whole_hours: { maximum_equal: 744 } },
    });
  });

  it('where bytes come by day, a MAX of 0 tells the night', () => {
    const usage = answers(SITE_A, OFFICE, { up: withTraffic(OFFICE.up) }).filter(
      ({ metric }) => metric !== 'uplink_bytes',
    );
    const days = Array.from({ length: 31 }, (_, day) => bytesOf(300)(OFFICE.up.slice(day * 288, day * 288 + 288)));
    const told = evidence({}, [SITE_A], [...usage, series(SITE_A, 'uplink_bytes', 'DAY', days)]);
    expect(told.quantity.numerator).toBe(ranked(OFFICE.up));
    expect(told.unreported).toMatchObject({ proven_idle: 0, quiet: N / 2 });
  });

  it('for minutes of a busy hour: billed where idle hours show that idle samples are left out, and told how much it may be', () => {
    const minutes: Truth = { up: OFFICE.up.map((value, slot) => (slot % 12 === 3 ? 0 : value)), down: OFFICE.down };
    const usage = answers(SITE_A, minutes, { up: withTraffic(minutes.up), down: withTraffic(minutes.down) });
    const told = evidence({}, [SITE_A], usage);
    expect(told.quantity.numerator).toBe(ranked(minutes.up));
    expect(told.unreported?.unexplained).toBe(12 * 31);
    expect(Number(told.unreported?.at_most)).toBeGreaterThan(Number(ranked(minutes.up)));
  });

  it('what cannot change the rate is billed without a word', () => {
    // A slot of every hour is missing, and the others are all the same.
    const even: Truth = { up: BUSY.up.map(() => 10), down: BUSY.down.map(() => 10) };
    const up = even.up.map((value, slot) => (slot % 12 === 1 ? null : String(value)));
    const usage = answers(SITE_A, even, { up }, { activeSeconds: 100 });
    expect(evidence({}, [SITE_A], usage)).toMatchObject({
      quantity: { numerator: '10' },
      unreported: { at_most: '10' },
    });
  });
});

describe('parts of hours', () => {
  const KOLKATA = monthPeriod('2026-10', 'Asia/Kolkata');

  it('an hour that lies half outside the month is judged by what is known of it', () => {
    const length = ownedBuckets(KOLKATA, 'SLOT').count;
    const hours = ownedBuckets(KOLKATA, 'HOUR');
    const up = Array.from({ length }, (_, slot) => 50 + ((slot * 37) % 100));
    // The first six slots are in an hour that began before the month.
    const ofHours = Array.from({ length: hours.count }, (_, hour) => up.slice(6 + hour * 12, 18 + hour * 12));
    const usage = (samples: Values): BucketSeries[] => [
      series(SITE_A, 'uplink_bandwidth', 'SLOT', samples, KOLKATA),
      series(SITE_A, 'uplink_bandwidth_max', 'HOUR', ofHours.map(largest), KOLKATA),
      series(SITE_A, 'uplink_bytes', 'HOUR', ofHours.map(bytesOf(300)), KOLKATA),
    ];
    const whole = up.map(String);
    const p95 = (samples: Values) => {
      const spec = { ...P95 };
      const measured = measure(spec, KOLKATA, [{ ...site(SITE_A), active: [KOLKATA] }], usage(samples));
      return measured.outcome === 'measured' ? (measured.quantity.toExactDecimal()?.toFixed() ?? '') : measured.code;
    };
    expect(p95(whole)).toBe(ranked(up));
    // Nobody can say what the first half hour was: it may not make the rate less.
    expect(['samples_implausible', ranked(up)]).toContain(p95(whole.map((text, slot) => (slot < 6 ? null : text))));
    expect(p95(whole.map((text, slot) => (slot >= 6 && slot < 18 ? null : text)))).toBe('samples_implausible');
  });

  it("another's part of an hour does not accuse a site that begins in it", () => {
    const from = { start: OCTOBER.start + 1_800, end: OCTOBER.end };
    const up = BUSY.up.map((value, slot) => (slot < 6 ? null : slot < 12 ? null : String(value)));
    const truth: Truth = { up: BUSY.up.map((value, slot) => (slot >= 6 && slot < 12 ? 0 : value)), down: BUSY.down };
    const usage = answers(SITE_A, truth, { up });
    const measured = measure({ ...P95 }, OCTOBER, [{ ...site(SITE_A), active: [from] }], usage);
    // The traffic of the hour was before the site began, so its own slots are a doubt and no proof.
    if (measured.outcome === 'held') expect(measured.message).toContain('nothing shows that they were idle');
    else expect(measured.evidence).toMatchObject({ unreported: { unexplained: 6, lost: 0 } });
  });
});

describe('whatever a series is cut by', () => {
  /** Two days are enough for every kind of hour. */
  const TWO_DAYS: Interval = { start: OCTOBER.start, end: OCTOBER.start + 2 * 86_400 };
  const LENGTH = 576;
  /** Numbers in no order, of which some are 0: from a seed, so that a counterexample is one number and not a month of them. */
  const rates = fc.record({ seed: fc.nat(9_999), idle: fc.nat(3) }).map(({ seed, idle }) => {
    let state = seed * 7_919 + 13;
    return Array.from({ length: LENGTH }, () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state % 4 < idle ? 0 : Math.floor(state / 4) % 2_000;
    });
  });
  const cut = fc.oneof(
    fc.record({ by: fc.constant('value' as const), keep: fc.nat(LENGTH), from: fc.constantFrom('low', 'high') }),
    fc.record({ by: fc.constant('time' as const), start: fc.nat(LENGTH), length: fc.nat(LENGTH) }),
  );
  const kept = (truth: readonly number[], how: CutOf): Values => {
    if (how.by === 'time') {
      return truth.map((value, slot) => (slot >= how.start && slot < how.start + how.length ? null : String(value)));
    }
    if (how.from === 'low') return lowest(truth, how.keep);
    const left = lowest(truth, LENGTH - how.keep);
    return truth.map((value, slot) => (left[slot] === null ? String(value) : null));
  };
  type CutOf = { by: 'value'; keep: number; from: string } | { by: 'time'; start: number; length: number };

  it('it bills what the whole series bills, or more by the plan, or holds', () => {
    fc.assert(
      fc.property(
        rates,
        rates,
        cut,
        fc.constantFrom('zero', 'exclude', 'hold'),
        fc.constantFrom('percentile', 'average', 'minimum', 'maximum'),
        fc.constantFrom('uplink', 'greater_of_percentiles', 'percentile_of_greater', 'percentile_of_sum'),
        fc.constantFrom(300, 100, 20),
        (up, down, how, missing, aggregation, direction, activeSeconds) => {
          const truth = { up, down };
          const level = (reported: Values) => {
            const usage = answers(SITE_A, truth, { up: reported }, { activeSeconds, owned: TWO_DAYS });
            return outcome({ missing, aggregation, direction }, [SITE_A], usage, TWO_DAYS);
          };
          const whole = level(up.map(String));
          const some = level(kept(up, how));
          if (whole.outcome !== 'measured') throw new Error('a whole series is billed');
          if (some.outcome === 'held') return;
          expect(some.quantity.compare(whole.quantity)).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('only idle slots left out: it bills the same', () => {
    const nights = fc.array(fc.boolean(), { minLength: 48, maxLength: 48 });
    fc.assert(
      fc.property(rates, nights, fc.constantFrom('zero', 'exclude', 'hold'), (up, idle, missing) => {
        const busy = up.map((value, slot) => (idle[Math.floor(slot / 12)] ? 0 : value + 1));
        const truth = { up: busy, down: busy };
        const level = (reported: Values) =>
          mbps({ missing }, [SITE_A], answers(SITE_A, truth, { up: reported }, { owned: TWO_DAYS }), TWO_DAYS);
        fc.pre(busy.some((value) => value > 0));
        expect(level(withTraffic(busy))).toBe(level(busy.map(String)));
      }),
      { numRuns: 30 },
    );
  });
});
