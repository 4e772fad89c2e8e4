import type { BillingPeriod } from '#calendar';
import type { BucketSeries, EntityRef } from '#metering';
import {
  ACCOUNT,
  amountsOf,
  linesOf,
  msisdn,
  printed,
  rateStory,
  series,
  site,
  type Story,
} from '../../../test/support/rating-story.js';

const told = (story: Story) => printed(linesOf(story));
const usage = (measure: Record<string, unknown>, price: unknown, members: Record<string, unknown> = {}) => ({
  code: 'usage',
  name: 'Usage',
  type: 'usage',
  measure,
  price,
  ...members,
});
const perUnit = (unitPrice: string) => ({ model: 'per_unit', unit_price: unitPrice });
const P95 = {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  direction: 'percentile_of_greater',
  missing: 'zero',
  unit: 'Mbps',
};
const COMMIT = { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' };

const ref = (dimension: EntityRef['dimension'], value: string): EntityRef => ({ dimension, value });
/** The same bytes in every UTC day, up and down. */
const bytesADay =
  (entity: EntityRef, uplink: string, downlink: string) =>
  (period: BillingPeriod): BucketSeries[] => [
    series(period, entity, 'uplink_bytes', 'DAY', () => uplink),
    series(period, entity, 'downlink_bytes', 'DAY', () => downlink),
  ];
const levelOf =
  (value: string, levelAt: (start: number, position: number) => string | null) =>
  (period: BillingPeriod): BucketSeries[] => [
    series(period, ref('customer_site_id', value), 'uplink_bandwidth', 'SLOT', levelAt),
    series(period, ref('customer_site_id', value), 'downlink_bandwidth', 'SLOT', () => '1'),
  ];
const together =
  (...usages: ((period: BillingPeriod) => BucketSeries[])[]) =>
  (period: BillingPeriod) =>
    usages.flatMap((each) => each(period));

describe('sums', () => {
  it.each([
    ['uplink', '31.00'],
    ['downlink', '62.00'],
    ['total', '93.00'],
    ['greater', '62.00'],
  ])('bytes in direction %s: 31 days of 1 GB up and 2 GB down cost %s', (direction, amount) => {
    const charges = [usage({ metric: 'bytes', direction, unit: 'GB' }, perUnit('1.00'))];
    expect(amountsOf({ charges, usage: bytesADay(ACCOUNT, '1000000000', '2000000000') })).toEqual([amount]);
  });

  it('are one line per subscriber when the charge says so, also for the one who used nothing', () => {
    const charges = [
      usage({ metric: 'time', unit: 'hour', per: 'msisdn', round: { to: '1', mode: 'up' } }, perUnit('0.50')),
    ];
    const time = (value: string, seconds: string) => (period: BillingPeriod) => [
      series(period, ref('msisdn', value), 'time_usage_seconds', 'DAY', (_, day) => (day === 3 ? seconds : '0')),
    ];
    const story = {
      charges,
      entities: [msisdn('0049'), msisdn('0048'), msisdn('0050')],
      usage: together(time('0049', '3600.5'), time('0048', '7200'), time('0050', '0')),
    };
    expect(told(story)).toEqual([
      'usage(0048) 10-01…11-01 2 hour 1.00',
      'usage(0049) 10-01…11-01 2 hour 1.00',
      'usage(0050) 10-01…11-01 0 hour 0.00',
    ]);
  });

  it('of the entities a filter names, added', () => {
    const charges = [
      usage({ metric: 'bytes', unit: 'GB' }, perUnit('1.00'), { filter: { customer_site_id: ['A', 'B'] } }),
    ];
    const story = {
      charges,
      entities: [site('A'), site('B', '2026-10-11'), site('C')],
      usage: together(
        bytesADay(ref('customer_site_id', 'A'), '1000000000', '0'),
        bytesADay(ref('customer_site_id', 'B'), '1000000000', '0'),
        bytesADay(ref('customer_site_id', 'C'), '1000000000', '0'),
      ),
    };
    // A 31 days, B from the 11th 21 days.
    expect(told(story)).toEqual(['usage 10-01…11-01 52 GB 52.00']);
  });

  it('are 0 with a warning when no named entity belongs to the account', () => {
    const charges = [usage({ metric: 'bytes', unit: 'GB' }, perUnit('1.00'), { filter: { imsi: ['9'] } })];
    expect(rateStory({ charges })).toMatchObject({
      outcome: 'rated',
      lines: [{ quantity: '0', amount: '0.00' }],
      warnings: [{ code: 'no_entities', charge: 'usage' }],
    });
  });

  it('round every bucket first when the charge says so', () => {
    const round = { to: '1', mode: 'up', at: 'bucket' };
    const charges = [usage({ metric: 'bytes', unit: 'GB', bucket: 'day', round }, perUnit('1.00'))];
    // 0.2 GB up and 0.9 GB down a day are 1.1 GB, rounded up to 2, on 31 days.
    expect(told({ charges, usage: bytesADay(ACCOUNT, '200000000', '900000000') })).toEqual([
      'usage 10-01…11-01 62 GB 62.00',
    ]);
  });

  it('share allowance, tiers and package sizes with the part of the period in force', () => {
    // 15 of 31 days: of 500 GB 241.935… are included. 15 × 62 = 930 GB, as if it were 1,922 a month: 1,422 above the
    // allowance, 1,000 at 0.08 and 422 at 0.05 = 101.10 a month, 48.9193… for 15 days.
    const tiers = [
      { up_to: '1000', unit_price: '0.08' },
      { up_to: null, unit_price: '0.05' },
    ];
    const charges = [usage({ metric: 'bytes', unit: 'GB' }, { model: 'graduated', tiers }, { included: '500' })];
    const story = { charges, ends: '2026-10-16', usage: bytesADay(ACCOUNT, '62000000000', '0') };
    expect(told(story)).toEqual(['usage 10-01…10-16 930 GB 48.92']);
    // 100 GB packages of 31.00 become 48.387… GB packages of 15.00: 930 GB need 20 (19.22).
    const packages = [
      usage({ metric: 'bytes', unit: 'GB' }, { model: 'package', size: '100', package_price: '31.00' }),
    ];
    expect(amountsOf({ ...story, charges: packages })).toEqual(['300.00']);
    // Limits shrink too: at least 62.00 a month is 30.00, at most 31.00 is 15.00.
    const least = [usage({ metric: 'bytes', unit: 'GB' }, perUnit('0.001'), { minimum_amount: '62.00' })];
    expect(amountsOf({ ...story, charges: least })).toEqual(['30.00']);
    const most = [usage({ metric: 'bytes', unit: 'GB' }, perUnit('1'), { maximum_amount: '31.00' })];
    expect(amountsOf({ ...story, charges: most })).toEqual(['15.00']);
  });

  it.each([
    ['second', '30.00'],
    ['none', '62.00'],
  ])('proration %s: a flat 62.00 for 15 of 31 days is %s', (proration, amount) => {
    const charges = [usage({ metric: 'bytes', unit: 'GB' }, { model: 'flat', amount: '62.00' }, { proration })];
    expect(amountsOf({ charges, ends: '2026-10-16', usage: bytesADay(ACCOUNT, '0', '0') })).toEqual([amount]);
  });

  it('start again with every version: tiers do not run on', () => {
    const tiers = (first: string) => [
      { up_to: '310', unit_price: first },
      { up_to: null, unit_price: '0' },
    ];
    const charge = (first: string) =>
      usage({ metric: 'bytes', unit: 'GB' }, { model: 'graduated', tiers: tiers(first) });
    // 310 GB a month are 100 GB in ten days and 210 GB in twenty-one.
    const story = {
      charges: [charge('1.00')],
      versions: [{ from: '2026-10-11', charges: [charge('2.00')] }],
      usage: bytesADay(ACCOUNT, '20000000000', '0'),
    };
    expect(told(story)).toEqual(['usage 10-01…10-11 200 GB 100.00', 'usage 10-11…11-01 420 GB 420.00']);
  });

  it('hold when a bucket is missing, and say which charge', () => {
    const charges = [usage({ metric: 'bytes', unit: 'GB' }, perUnit('1.00'))];
    const gap = (period: BillingPeriod) => [
      series(period, ACCOUNT, 'uplink_bytes', 'DAY', (_, day) => (day === 7 ? null : '1')),
      series(period, ACCOUNT, 'downlink_bytes', 'DAY', () => '1'),
    ];
    expect(rateStory({ charges, usage: gap })).toMatchObject({
      outcome: 'held',
      reasons: [{ code: 'missing_buckets', charge: 'usage', message: expect.stringContaining('2026-10-08T00:00:00Z') }],
    });
  });

  it('let a missing bucket count 0 when that hold is waived, and no other', () => {
    const charges = [usage({ metric: 'bytes', unit: 'GB' }, perUnit('1.00'))];
    const gap = (period: BillingPeriod) => [
      series(period, ACCOUNT, 'uplink_bytes', 'DAY', (_, day) => (day === 7 ? null : '1000000000')),
      series(period, ACCOUNT, 'downlink_bytes', 'DAY', () => '0'),
    ];
    expect(told({ charges, usage: gap, waived: ['missing_buckets'] })).toEqual(['usage 10-01…11-01 30 GB 30.00']);
    expect(rateStory({ charges, usage: gap, waived: ['coverage_too_low'] })).toMatchObject({ outcome: 'held' });
  });

  it('hold when usage is missing: it is never 0', () => {
    const charges = [usage({ metric: 'bytes', unit: 'GB' }, perUnit('1.00'))];
    expect(rateStory({ charges })).toMatchObject({ outcome: 'held', reasons: [{ code: 'usage_missing' }] });
  });
});

describe('rates', () => {
  const entities = [site('A')];
  const charges = [usage(P95, COMMIT)];
  // N = 8,640 slots in a 30-day month; nearest rank 8,208. Ranks 1 to 8,207 at 10, 8,208 at 150, the rest at 900.
  const november = { period: '2026-11', entities, charges };
  const skewed = levelOf('A', (_, slot) => (slot < 8_207 ? '10' : slot === 8_207 ? '150' : '900'));

  it('bill the sample at the nearest rank and name it', () => {
    const [line] = linesOf({ ...november, usage: skewed });
    expect(line).toMatchObject({ quantity: '150', unit: 'Mbps', amount: '725.00' });
    expect(line?.derivation.basis).toMatchObject({
      evidence: {
        parts: [
          {
            billed: {
              n: 8640,
              k: 8208,
              discarded: 432,
              value: '150',
              sample: { start: '2026-11-29T11:55:00Z', value: '150' },
            },
          },
        ],
        coverage: '1',
      },
    });
  });

  it('hold below the coverage that the charge needs, and are taken over what there is when that is waived', () => {
    const strict = [usage({ ...P95, missing: 'exclude', min_coverage: '0.9' }, COMMIT)];
    // 7,000 of 8,640 slots are reported (81 %), all at 150 Mbps.
    const thin = levelOf('A', (_, slot) => (slot < 7_000 ? '150' : null));
    expect(rateStory({ ...november, charges: strict, usage: thin })).toMatchObject({
      reasons: [{ code: 'coverage_too_low' }],
    });
    const waived = { ...november, charges: strict, usage: thin, waived: ['coverage_too_low'] };
    expect(told(waived)).toEqual(['usage 11-01…12-01 150 Mbps 725.00']);
    expect(linesOf(waived)[0]?.derivation.basis).toMatchObject({ evidence: { received: 7_000, min_coverage: '0' } });

    const proven = [usage({ ...P95, missing: 'hold' }, COMMIT)];
    const holding = { ...november, charges: proven, usage: thin };
    expect(rateStory(holding)).toMatchObject({ reasons: [{ code: 'missing_buckets' }] });
    expect(told({ ...holding, waived: ['missing_buckets'] })).toEqual(['usage 11-01…12-01 150 Mbps 725.00']);
  });

  it('do not change when an unchanged plan is split in halves: 725.00 = 362.50 + 362.50', () => {
    const level = levelOf('A', () => '150');
    expect(told({ ...november, usage: level })).toEqual(['usage 11-01…12-01 150 Mbps 725.00']);
    expect(told({ ...november, usage: level, versions: [{ from: '2026-11-16', charges }] })).toEqual([
      'usage 11-01…11-16 150 Mbps 362.50',
      'usage 11-16…12-01 150 Mbps 362.50',
    ]);
  });

  it('keep their edges in a partial period', () => {
    // 150 Mbps for a third of the month: a third of 725.00, not of a commit of 33 Mbps.
    const usageOf = levelOf('A', () => '150');
    expect(told({ ...november, usage: usageOf, starts: '2026-11-21' })).toEqual(['usage 11-21…12-01 150 Mbps 241.67']);
  });

  it('add pooled sites slot by slot, a site adding 0 outside its days', () => {
    const both = together(
      levelOf('A', () => '60'),
      levelOf('B', () => '60'),
    );
    expect(amountsOf({ ...november, entities: [site('A'), site('B')], usage: both })).toEqual(['530.00']);
    // B is there on one day of thirty only: 60 Mbps at the 95th percentile.
    const oneDay = [site('A'), site('B', '2026-11-02', '2026-11-03')];
    expect(amountsOf({ ...november, entities: oneDay, usage: both })).toEqual(['400.00']);
  });

  it('per site: a line each, for the days it was active', () => {
    const perSite = [usage({ ...P95, per: 'customer_site_id' }, perUnit('1.00'))];
    const story = { ...november, charges: perSite, entities: [site('A'), site('B', '2026-11-16')] };
    const both = together(
      levelOf('A', () => '60'),
      levelOf('B', () => '60'),
    );
    expect(told({ ...story, usage: both })).toEqual([
      'usage(A) 11-01…12-01 60 Mbps 60.00',
      'usage(B) 11-16…12-01 60 Mbps 30.00',
    ]);
  });

  it.each([
    ['average', '75.5'],
    ['minimum', '1'],
    ['maximum', '150'],
  ])('%s', (aggregation, quantity) => {
    const measure = { metric: 'bandwidth', aggregation, direction: 'percentile_of_greater', unit: 'Mbps' };
    const halves = levelOf('A', (_, slot) => (slot % 2 === 0 ? '150' : '1'));
    const [line] = linesOf({ ...november, charges: [usage(measure, perUnit('1.00'))], usage: halves });
    expect(line?.quantity).toBe(quantity);
  });

  it('hold without a site, unless another part of the period has one', () => {
    expect(rateStory({ ...november, entities: [], usage: skewed })).toMatchObject({
      outcome: 'held',
      reasons: [{ code: 'no_entities', charge: 'usage' }],
    });
    const late = { ...november, entities: [site('A', '2026-11-21')], versions: [{ from: '2026-11-16', charges }] };
    expect(told({ ...late, usage: levelOf('A', () => '150') })).toEqual([
      'usage 11-01…11-16 0 Mbps 200.00',
      'usage 11-16…12-01 150 Mbps 362.50',
    ]);
  });
});

describe('quantities that are already measured', () => {
  const charges = [usage({ metric: 'bytes', unit: 'GB' }, perUnit('1.00'))];

  it('need no series and leave no evidence', () => {
    const [line] = linesOf({ charges, quantities: [{ metric: 'bytes', quantity: '2500000000' }] });
    expect(line).toMatchObject({ quantity: '2.5', amount: '2.50', derivation: { basis: { evidence: null } } });
  });

  it.each([
    ['total', '3.00'],
    ['greater', '2.00'],
    ['downlink', '2.00'],
  ])('are put together from both directions: %s', (direction, amount) => {
    const quantities = [
      { metric: 'bytes', direction: 'uplink', quantity: '1000000000' },
      { metric: 'bytes', direction: 'downlink', quantity: '2000000000' },
    ] as const;
    const charge = usage({ metric: 'bytes', unit: 'GB', direction }, perUnit('1.00'));
    expect(amountsOf({ charges: [charge], quantities })).toEqual([amount]);
  });

  it('do not stand in for another direction', () => {
    const quantities = [{ metric: 'bytes', direction: 'uplink', quantity: '1' }] as const;
    expect(rateStory({ charges, quantities })).toMatchObject({ outcome: 'held', reasons: [{ code: 'usage_missing' }] });
  });

  it('stand beside series of other entities', () => {
    const perSite = [usage({ metric: 'bytes', unit: 'GB', per: 'customer_site_id' }, perUnit('1.00'))];
    const story: Story = {
      charges: perSite,
      entities: [site('A'), site('B')],
      quantities: [{ metric: 'bytes', entity: ref('customer_site_id', 'A'), quantity: '5000000000' }],
      usage: bytesADay(ref('customer_site_id', 'B'), '1000000000', '0'),
    };
    expect(told(story)).toEqual(['usage(A) 10-01…11-01 5 GB 5.00', 'usage(B) 10-01…11-01 31 GB 31.00']);
  });

  it('are the billed level of bandwidth when no direction is given, sites or not', () => {
    const quantities = [{ metric: 'bandwidth', quantity: '150' }] as const;
    expect(amountsOf({ charges: [usage(P95, COMMIT)], quantities })).toEqual(['725.00']);
  });

  it('of several sites add up only where the charge adds percentiles', () => {
    const quantities = ['A', 'B'].map(
      (value) => ({ metric: 'bandwidth', entity: ref('customer_site_id', value), quantity: '75' }) as const,
    );
    const story = { entities: [site('A'), site('B')], quantities };
    expect(amountsOf({ ...story, charges: [usage({ ...P95, sites: 'each_then_sum' }, COMMIT)] })).toEqual(['725.00']);
    expect(rateStory({ ...story, charges: [usage(P95, COMMIT)] })).toMatchObject({
      outcome: 'held',
      reasons: [{ code: expect.any(String), charge: 'usage' }],
    });
  });

  it('of a sum are not divided over versions', () => {
    const story: Story = {
      charges,
      versions: [{ from: '2026-10-16', charges }],
      quantities: [{ metric: 'bytes', quantity: '1' }],
    };
    expect(rateStory(story)).toMatchObject({ outcome: 'held', reasons: [{ code: 'usage_missing' }] });
  });
});

describe('an estimate of a running period', () => {
  const charges = [
    { code: 'fee', name: 'Fee', type: 'recurring', amount: '31.00' },
    usage({ metric: 'bytes', unit: 'GB' }, perUnit('1.00'), { included: '5' }),
  ];
  const soFar = (period: BillingPeriod) => [
    series(period, ACCOUNT, 'uplink_bytes', 'DAY', (_, day) => (day < 10 ? '1000000000' : null)),
    series(period, ACCOUNT, 'downlink_bytes', 'DAY', (_, day) => (day < 10 ? '0' : null)),
  ];

  it('measures up to now, against the whole period’s allowance and fees', () => {
    const measuredUntil = Date.UTC(2026, 9, 11) / 1000;
    expect(told({ charges, usage: soFar, measuredUntil })).toEqual([
      'fee 10-01…11-01 1 period 31.00',
      'usage 10-01…11-01 10 GB 5.00',
    ]);
  });

  it('says which days have not begun', () => {
    const measuredUntil = Date.UTC(2026, 9, 11) / 1000;
    const outcome = rateStory({ charges, usage: soFar, measuredUntil, versions: [{ from: '2026-10-21', charges }] });
    expect(outcome).toMatchObject({ outcome: 'rated', warnings: [{ code: 'segment_not_begun', charge: 'usage' }] });
  });

  it('is held like any other when what should be there is missing', () => {
    const measuredUntil = Date.UTC(2026, 9, 12) / 1000;
    expect(rateStory({ charges, usage: soFar, measuredUntil })).toMatchObject({ outcome: 'held' });
  });
});

it('refuses a plan in another currency than the account', () => {
  const story = {
    currency: 'EUR',
    plan: { currency: 'USD' },
    charges: [{ code: 'f', name: 'F', type: 'recurring', amount: '1' }],
  };
  expect(rateStory(story)).toMatchObject({ outcome: 'held', reasons: [{ code: 'currency_differs' }] });
});
