import fc from 'fast-check';
import pg from 'pg';
import { monthPeriod } from '#calendar';
import {
  type BandwidthMeasure,
  type BucketSeries,
  type EntityRef,
  GRID_SECONDS,
  measure,
  type Metric,
} from '#metering';
import { createEmptyDatabase } from '../support/postgres.js';

/**
 * Percentiles against PostgreSQL's `percentile_disc` over `numeric`: the value at rank ⌈p·N⌉ of exact decimals, worked out
 * by somebody else. Its fraction is a double; those below are near enough to theirs that no rank here depends on it.
 */
const PERCENTILES = ['0.1', '33.3', '50', '75', '90', '95', '99', '99.9', '100'];

/** Slots of a month of 28, 29, 30 and 31 days, of the months in which summer time ends and begins, and the small ones. */
const SIZES = [1, 19, 20, 21, 8_064, 8_352, 8_640, 8_916, 8_928, 8_940];

const SITE: EntityRef = { dimension: 'customer_site_id', value: '62c50000d8f757bf00000000' };
const { start } = monthPeriod('2026-10', 'UTC');

interface Samples {
  uplink: (string | null)[];
  downlink: (string | null)[];
}

type Missing = 'zero' | 'exclude';

/** What every direction rule bills, by metering. */
function measured({ uplink, downlink }: Samples, percentile: string, missing: Missing): Record<string, string | null> {
  const over = { start, end: start + uplink.length * GRID_SECONDS.SLOT };
  const spec: BandwidthMeasure = {
    metric: 'bandwidth',
    aggregation: 'percentile',
    percentile,
    direction: 'uplink',
    sites: 'pooled',
    missing,
    min_coverage: '0',
  };
  const series = (metric: Metric, values: (string | null)[]): BucketSeries => {
    return { entity: SITE, metric, grid: 'SLOT', owned: over, firstStart: start, values };
  };
  const outcome = measure(
    spec,
    over,
    [{ ref: SITE, name: null, active: [over] }],
    [series('uplink_bandwidth', uplink), series('downlink_bandwidth', downlink)],
  );
  if (outcome.outcome === 'held') throw new Error(`held: ${outcome.code}: ${outcome.message}`);
  if (outcome.evidence.metric !== 'bandwidth') throw new Error('not a bandwidth');
  expect(outcome.quantity.toExactDecimal()?.toFixed()).toBe(outcome.evidence.alternatives.uplink);
  return outcome.evidence.alternatives;
}

/** A mantissa of many digits, in steps so small that doubles cannot tell neighbours apart. */
const closeValues = fc
  .integer({ min: 0, max: 40 })
  .map((step) => `90071992547.40993000000000000${`${step}`.padStart(2, '0')}`);
const wideValues = fc.tuple(fc.nat(2 ** 31 - 1), fc.nat(999_999_999)).map(([whole, part]) => `${whole}.${part}`);
const fewValues = fc.constantFrom('0', '0.0', '7', '7.5', '7.50', '1000');
const values = fc.oneof(closeValues, wideValues, fewValues);

/** Series in which about one slot of ten was not reported, at least the first one always. */
const smallSeries = fc
  .tuple(
    fc.oneof(fc.constant(closeValues), fc.constant(wideValues), fc.constant(fewValues), fc.constant(values)),
    fc.boolean(),
  )
  .chain(([value, gaps]) =>
    fc.array(fc.tuple(value, value, fc.nat(9)), { minLength: 1, maxLength: 120, size: 'max' }).map((slots): Samples => {
      const kept = slots.map(([up, down, chance], slot) => (gaps && slot > 0 && chance === 0 ? null : { up, down }));
      return { uplink: kept.map((slot) => slot?.up ?? null), downlink: kept.map((slot) => slot?.down ?? null) };
    }),
  );

describe('percentiles equal percentile_disc', () => {
  let client: pg.Client;
  beforeAll(async () => {
    client = new pg.Client({ connectionString: await createEmptyDatabase() });
    await client.connect();
  });
  afterAll(() => client.end());

  /** What every direction rule bills at each percentile, by PostgreSQL. */
  async function bySql({ uplink, downlink }: Samples, percentiles: readonly string[], missing: Missing) {
    const { rows } = await client.query<Record<string, string[]>>(
      `SELECT ${['up', 'down', 'greatest(up, down)', 'up + down']
        .map(
          (of, column) =>
            `(percentile_disc((SELECT array_agg(p::float8 / 100 ORDER BY place)
                                 FROM unnest($3::text[]) WITH ORDINALITY AS asked (p, place)))
                WITHIN GROUP (ORDER BY ${of}))::text[] AS c${column}`,
        )
        .join(', ')}
         FROM (SELECT CASE WHEN $4 THEN coalesce(u::numeric, 0) ELSE u::numeric END AS up,
                      CASE WHEN $4 THEN coalesce(d::numeric, 0) ELSE d::numeric END AS down
                 FROM unnest($1::text[], $2::text[]) AS slot (u, d)) AS slots`,
      [uplink, downlink, percentiles, missing === 'zero'],
    );
    const [row] = rows;
    return percentiles.map((_, position) => {
      const [up = '', down = '', greater = '', sum = ''] = [0, 1, 2, 3].map(
        (column) => row?.[`c${column}`]?.[position],
      );
      return {
        uplink: plain(up),
        downlink: plain(down),
        greater_of_percentiles: plain(isLess(up, down) ? down : up),
        percentile_of_greater: plain(greater),
        percentile_of_sum: plain(sum),
      };
    });
  }

  it.each(SIZES)('of %d samples, at every percentile and in every direction', async (count) => {
    const [samples] = fc.sample(
      fc.array(fc.tuple(values, values), { minLength: count, maxLength: count, size: 'max' }),
      { numRuns: 1, seed: count },
    );
    const series: Samples = {
      uplink: (samples ?? []).map(([up]) => up),
      downlink: (samples ?? []).map(([, down]) => down),
    };
    expect(series.uplink).toHaveLength(count);
    const expected = await bySql(series, PERCENTILES, 'zero');
    expect(PERCENTILES.map((percentile) => measured(series, percentile, 'zero'))).toEqual(expected);
  });

  it('of thousands of random series, with and without gaps', async () => {
    let slots = 0;
    await fc.assert(
      fc.asyncProperty(
        smallSeries,
        fc.constantFrom<Missing>('zero', 'exclude'),
        fc.subarray(PERCENTILES, { minLength: 1, maxLength: 2 }),
        async (series, missing, percentiles) => {
          const expected = await bySql(series, percentiles, missing);
          expect(percentiles.map((percentile) => measured(series, percentile, missing))).toEqual(expected);
          slots += series.uplink.length;
        },
      ),
      { numRuns: 2_000 },
    );
    expect(slots).toBeGreaterThan(50_000);
  });
});

/** A numeric's text without the zeros that say nothing. */
function plain(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function isLess(a: string, b: string): boolean {
  const [places, scaled] = [30, (text: string) => text.split('.')] as const;
  const whole = ([integer = '', fraction = '']: string[]) => BigInt(integer + fraction.padEnd(places, '0'));
  return whole(scaled(a)) < whole(scaled(b));
}
