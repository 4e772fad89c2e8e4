import fc from 'fast-check';
import { fromStamp } from '#calendar';
import { Decimal } from '#money';
import { chartRanks, chartUnit, dayChart, packChart, type RateChart, slotsPerColumn, unpackChart } from './chart.js';
import { measure } from './measure.js';
import type { BandwidthMeasure, BytesMeasure } from './measure-spec.js';
import { type BucketSeries, type Grid, GRID_SECONDS, type Metric } from './usage.js';

const OCTOBER = { start: fromStamp('2026-10-01T00:00:00Z'), end: fromStamp('2026-11-01T00:00:00Z') };
const SLOTS = 8_928;
const SITE = { dimension: 'customer_site_id' as const, value: 'site-1' };
const PERCENTILE: BandwidthMeasure = {
  ...{ metric: 'bandwidth', aggregation: 'percentile', percentile: '95', direction: 'uplink', sites: 'pooled' },
  ...{ missing: 'exclude', min_coverage: '0', charts: 1 },
};

function series(metric: Metric, grid: Grid, value: (index: number) => string | null, entity = SITE): BucketSeries {
  const count = (OCTOBER.end - OCTOBER.start) / GRID_SECONDS[grid];
  const values = Array.from({ length: count }, (_, index) => value(index));
  return { entity, metric, grid, owned: OCTOBER, firstStart: OCTOBER.start, values };
}

function chartOf(spec: BandwidthMeasure, usage: BucketSeries[], over = OCTOBER): RateChart | undefined {
  const sites = [...new Set(usage.map(({ entity }) => entity))];
  const entities = sites.map((ref) => ({ ref, name: null, active: [over] }));
  const measured = measure(spec, over, entities, usage);
  if (measured.outcome === 'held' || measured.evidence.metric !== 'bandwidth') throw new Error('held');
  return measured.evidence.parts[0]?.chart;
}

describe('the picture of a percentile', () => {
  // 7919 and 8928 share no divisor: the samples are 0.00, 0.02, … 178.54 Mbps, each once.
  const fiftieths = (slot: number) => (slot * 7_919) % SLOTS;
  const chart = chartOf(PERCENTILE, [series('uplink_bandwidth', 'SLOT', (slot) => `${fiftieths(slot) / 50}`)]);
  /** Fiftieths of Mbps in twentieths, half up, in whole numbers. */
  const inTwentieths = (value: number) => Math.floor((4 * value + 5) / 10);

  it('has the finest unit in which the highest sample fits, and columns of whole hours', () => {
    expect(chart).toMatchObject({ unit: '0.05', slots_per_column: 72 });
    expect([8_928, 8_940, 8_064, 288, 1].map(slotsPerColumn)).toEqual([72, 72, 72, 12, 12]);
  });

  it('has the lowest and the highest sample of each column', () => {
    const columns = Array.from({ length: SLOTS / 72 }, (_, column) =>
      Array.from({ length: 72 }, (_each, index) => fiftieths(column * 72 + index)),
    );
    expect(unpackChart(chart?.lowest ?? '')).toEqual(columns.map((own) => inTwentieths(Math.min(...own))));
    expect(unpackChart(chart?.highest ?? '')).toEqual(columns.map((own) => inTwentieths(Math.max(...own))));
  });

  it('has the sorted samples from the lowest over the billed one to the highest', () => {
    // 8,482 of 8,928 is nearest rank, as PostgreSQL's percentile_disc has it: 169.62 Mbps.
    const ranks = chartRanks(SLOTS, 8_482);
    expect([ranks.length, ranks[0], ranks[47], ranks[63]]).toEqual([64, 1, 8_482, 8_928]);
    const ranked = unpackChart(chart?.ranked ?? '');
    expect(ranked).toEqual(ranks.map((rank) => inTwentieths(rank - 1)));
    expect(ranked[47]).toBe(Math.round(169.62 / 0.05));
    for (const [n, k] of [
      [1, 1],
      [20, 19],
      [21, 20],
    ] as const) {
      const few = chartRanks(n, k);
      expect([few[0], few[47], few[63]]).toEqual([1, k, n]);
      expect(few.every((rank, index) => rank >= (few[index - 1] ?? 1) && rank <= n)).toBe(true);
    }
  });

  it('leaves a gap where no sample counts, and takes the sum of pooled sites', () => {
    const other = { ...SITE, value: 'site-2' };
    const usage = [
      series('uplink_bandwidth', 'SLOT', (slot) => (slot < 144 ? null : '40.5')),
      series('uplink_bandwidth', 'SLOT', () => '0.25', other),
    ];
    const pooled = chartOf(PERCENTILE, usage);
    // 40.75 in hundredths of Mbps; the first two columns lack a site and are left out.
    expect(pooled?.unit).toBe('0.01');
    expect(unpackChart(pooled?.highest ?? '')).toEqual([null, null, ...Array<number>(122).fill(4_075)]);
    expect(pooled?.lowest.startsWith('////')).toBe(true);
  });

  it('rounds by the exact sample where a double cannot tell, and up from a half on', () => {
    // The doubles of these are the same; half a unit of 0.01 lies between them.
    const [below, half] = ['40.12499999999999999999', '40.125'];
    const at = (text: string) =>
      unpackChart(chartOf(PERCENTILE, [series('uplink_bandwidth', 'SLOT', () => text)])?.highest ?? '')[0];
    expect([at(below), at(half)]).toEqual([4_012, 4_013]);
  });

  it('is made only where it was asked for, of a percentile', () => {
    const usage = [series('uplink_bandwidth', 'SLOT', () => '1')];
    expect(chartOf({ ...PERCENTILE, charts: 0 }, usage)).toBeUndefined();
    expect(chartOf({ ...PERCENTILE, charts: undefined }, usage)).toBeUndefined();
    expect(chartOf({ ...PERCENTILE, aggregation: 'average', percentile: undefined }, usage)).toBeUndefined();
  });
});

describe('the picture of a volume', () => {
  const bytes = (direction: BytesMeasure['direction'], days: number[]): BytesMeasure => ({
    ...{ metric: 'bytes', direction, days },
  });
  const charted = (spec: BytesMeasure, usage: BucketSeries[]) => {
    const measured = measure(spec, OCTOBER, [{ ref: SITE, name: null, active: [OCTOBER] }], usage);
    if (measured.outcome === 'held' || measured.evidence.metric === 'bandwidth') throw new Error('held');
    return measured.evidence.days;
  };
  const hours = [series('uplink_bytes', 'HOUR', (hour) => `${hour}.5`), series('downlink_bytes', 'HOUR', () => '1000')];

  it('has the bytes of each day, cut, of both directions in one unit', () => {
    const utc = Array.from({ length: 31 }, (_, day) => OCTOBER.start + day * 86_400);
    const days = charted(bytes('total', utc), hours);
    // The last day: hours 720 to 743 come to 24 × 731.5 + 12 = 17,568; 24,000 of the other way; 4,094 × 5 < 24,000 < 4,094 × 10.
    expect(days?.unit).toBe('10');
    const uplink = Array.from({ length: 31 }, (_, day) => Math.floor((24 * (24 * day) + 276 + 12) / 10));
    expect(unpackChart(days?.uplink ?? '')).toEqual(uplink);
    expect(unpackChart(days?.downlink ?? '')).toEqual(Array<number>(31).fill(2_400));
    expect(charted(bytes('uplink', utc), hours)).toMatchObject({ downlink: null });
  });

  it('has days where they are told to begin, of the bucket that starts in them', () => {
    const local = [OCTOBER.start, OCTOBER.start + 86_400 - 19_800, OCTOBER.start + 2 * 86_400 - 19_800];
    const days = charted(bytes('downlink', local), hours);
    // 18:30 lies within an hour, which belongs to the day in which it starts: 19 hours, 24 hours, the rest.
    expect(days?.unit).toBe('200');
    expect(unpackChart(days?.downlink ?? '')).toEqual([95, 120, (744 - 43) * 5]);
  });

  it('is zero where nothing was used', () => {
    expect(dayChart([0n], null)).toEqual({ unit: '1', uplink: 'AA', downlink: null });
  });
});

describe('the form of a picture', () => {
  it('gives back what was put in', () => {
    const value = fc.option(fc.integer({ min: 0, max: 4_094 }), { nil: null });
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const text = packChart(values);
        expect(text).toHaveLength(2 * values.length);
        expect(unpackChart(text)).toEqual(values);
      }),
    );
  });

  it('has a unit of 1, 2 or 5 by a power of ten in which the highest value comes to more than 1,600', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 30n }), fc.integer({ min: -20, max: 20 }), (digits, exponent) => {
        const highest = new Decimal(`${digits}e${exponent}`);
        const { exact } = chartUnit(highest);
        expect(exact.toExponential()).toMatch(/^[125]e/);
        expect(highest.dividedBy(exact).lessThanOrEqualTo(4_094)).toBe(true);
        expect(highest.dividedBy(exact).greaterThan(1_600)).toBe(true);
      }),
    );
  });
});
