import type { BillingPeriod } from '#calendar';
import { linesOf, series, site, type Story } from '../../../test/support/rating-story.js';
import { alternativesOf, explain } from '#rating';
import { wordingIn } from './languages.js';

const explained = (story: Story) => linesOf(story).map((line) => explain(line, wordingIn()));
const usage = (measure: unknown, price: unknown, members: Record<string, unknown> = {}) => ({
  code: 'usage',
  name: 'Usage',
  type: 'usage',
  measure,
  price,
  ...members,
});
const P95 = {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  direction: 'percentile_of_greater',
  missing: 'zero',
  unit: 'Mbps',
};
const PER_MBPS = { model: 'per_unit', unit_price: '1.00' };
const level = (value: string, up: string, down: string) => (period: BillingPeriod) =>
  (['uplink_bandwidth', 'downlink_bandwidth'] as const).map((metric, position) =>
    series(period, { dimension: 'customer_site_id', value }, metric, 'SLOT', () => (position === 0 ? up : down)),
  );

describe('explain', () => {
  it.each<[what: string, charge: unknown, quantity: string, sentences: string[]]>([
    [
      'an allowance that was not used up',
      usage({ metric: 'bytes', unit: 'GB' }, { model: 'per_unit', unit_price: '0.08' }, { included: '500' }),
      '12500000000',
      ['12.5 of 500 GB included', '0 GB × 0.08 = 0.00'],
    ],
    [
      'a minimum',
      usage({ metric: 'bytes', unit: 'GB' }, { model: 'per_unit', unit_price: '0.08' }, { minimum_amount: '5.00' }),
      '10000000000',
      ['10 GB × 0.08 = 0.80', 'raised to the minimum 5.00: + 4.20'],
    ],
    [
      'a maximum',
      usage({ metric: 'bytes', unit: 'GB' }, { model: 'per_unit', unit_price: '0.08' }, { maximum_amount: '5.00' }),
      '100000000000',
      ['100 GB × 0.08 = 8.00', 'lowered to the maximum 5.00: -3.00'],
    ],
    [
      'burst tiers',
      usage(
        { metric: 'bytes', unit: 'GB' },
        {
          model: 'commit_burst',
          commit: '10',
          commit_amount: '50.00',
          burst_tiers: [
            { up_to: '5', unit_price: '2' },
            { up_to: null, unit_price: '3' },
          ],
        },
      ),
      '17000000000',
      ['10 GB committed: 50.00', '5 GB above the commit × 2 = 10.00', '2 GB above the commit × 3 = 6.00'],
    ],
    [
      'nothing',
      usage({ metric: 'bytes', unit: 'GB' }, { model: 'graduated', tiers: [{ up_to: null, unit_price: '1' }] }),
      '0',
      [],
    ],
  ])('%s', (_, charge, quantity, sentences) => {
    expect(explained({ charges: [charge], quantities: [{ metric: 'bytes', quantity }] })).toEqual([sentences]);
  });

  it('names each site where sites are ranked on their own', () => {
    const charges = [usage({ ...P95, sites: 'each_then_sum', percentile: '99.9' }, PER_MBPS)];
    const entities = [{ ...site('A'), name: 'Pune' }, site('B')];
    const both = (period: BillingPeriod) => [...level('A', '10.5', '3')(period), ...level('B', '7', '3')(period)];
    expect(explained({ charges, entities, usage: both })).toEqual([
      [
        'Pune: 99.9th percentile of 8,928 slots: rank 8,920 = 10.5 Mbps at 2026-10-31 23:15 UTC, 8 discarded, coverage 100 %',
        'B: 99.9th percentile of 8,928 slots: rank 8,920 = 7 Mbps at 2026-10-31 23:15 UTC, 8 discarded, coverage 100 %',
        '17.5 Mbps × 1.00 = 17.50',
      ],
    ]);
  });

  it('adds up in one sentence what would fill a page', () => {
    const charges = [usage({ ...P95, sites: 'each_then_sum' }, PER_MBPS)];
    const names = Array.from({ length: 13 }, (_, number) => `S${number}`);
    const story = {
      charges,
      entities: names.map((name) => site(name)),
      usage: (period: BillingPeriod) => names.flatMap((name) => level(name, '2', '1')(period)),
    };
    expect(explained(story)).toEqual([['sum of the 95th percentiles of 13 sites = 26 Mbps', '26 Mbps × 1.00 = 26.00']]);
  });

  it('says what an average, a minimum or a maximum is of', () => {
    const of = (aggregation: string) => {
      const measure = { metric: 'bandwidth', aggregation, direction: 'percentile_of_greater', unit: 'Mbps' };
      return explained({
        period: '2026-11',
        charges: [usage(measure, PER_MBPS)],
        entities: [site('A')],
        usage: level('A', '2', '1'),
      })[0]?.[0];
    };
    expect(of('average')).toBe('average of 8,640 slots = 2 Mbps, coverage 100 %');
    expect(of('maximum')).toMatch(
      /^maximum of 8,640 slots: rank 8,640 = 2 Mbps at 2026-11-\d\d \d\d:\d\d UTC, 0 discarded, coverage 100 %$/,
    );
    expect(of('minimum')).toMatch(
      /^minimum of 8,640 slots: rank 1 = 2 Mbps at 2026-11-\d\d \d\d:\d\d UTC, 8,639 discarded, coverage 100 %$/,
    );
  });

  it('shows both directions where the greater one counts', () => {
    const quantities = [{ metric: 'bytes', direction: 'greater', quantity: '1' }] as const;
    const charges = [
      usage({ metric: 'bytes', unit: 'GB', direction: 'greater' }, { model: 'per_unit', unit_price: '1' }),
    ];
    expect(explained({ charges, quantities })).toEqual([['0.000000001 GB × 1 = 0.000000001']]);
    const daily = (period: BillingPeriod) =>
      (['uplink_bytes', 'downlink_bytes'] as const).map((metric, position) =>
        series(period, { dimension: 'account', value: '4711' }, metric, 'DAY', () => `${position + 1}000000000`),
      );
    expect(explained({ charges, usage: daily })).toEqual([
      ['greater of uplink 31,000,000,000 B and downlink 62,000,000,000 B', '62 GB × 1 = 62.00'],
    ]);
  });

  it('shows a discount split over tax categories', () => {
    const fee = (code: string, category: string) => ({
      code,
      name: code,
      type: 'recurring',
      amount: '10.00',
      tax_category: category,
    });
    const story = {
      charges: [fee('a', 'S'), fee('b', 'Z')],
      plan: { discounts: [{ type: 'fixed', value: '3.01' }], minimum_spend: '50.00' },
    };
    expect(explained(story).slice(2)).toEqual([
      ['3.01 of 20.00', "this tax category's part: -1.51"],
      ['3.01 of 20.00', "this tax category's part: -1.50"],
      ['minimum 50.00, spent 16.99', "this tax category's part: 16.50"],
      ['minimum 50.00, spent 16.99', "this tax category's part: 16.51"],
    ]);
  });

  it('cuts what does not end and says so', () => {
    const story = {
      period: '2026-11',
      ends: '2026-11-11',
      charges: [{ code: 'f', name: 'F', type: 'recurring', amount: '2000.00' }],
    };
    expect(explained(story)).toEqual([['1 × 2,000.00 × 1/3 = 666.666666…']]);
  });
});

describe('what other terms would have given', () => {
  const COMMIT = { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' };
  const story: Story = { charges: [usage(P95, COMMIT)], entities: [site('A')], usage: level('A', '120', '90') };
  const [line] = linesOf(story);

  it('under every direction rule', () => {
    expect(line && alternativesOf(line)?.directions).toEqual([
      { direction: 'uplink', quantity: '120', amount: '530.00' },
      { direction: 'downlink', quantity: '90', amount: '400.00' },
      { direction: 'greater_of_percentiles', quantity: '120', amount: '530.00' },
      { direction: 'percentile_of_greater', quantity: '120', amount: '530.00' },
      { direction: 'percentile_of_sum', quantity: '210', amount: '1115.00' },
    ]);
  });

  it('under other commits at the same prices', () => {
    // 120 Mbps: without a commit 120 × 6.50; with 150 or 200 the whole commit at 4.00.
    expect(line && alternativesOf(line)?.commits).toEqual([
      { commit: '0', amount: '780.00' },
      { commit: '50', amount: '655.00' },
      { commit: '75', amount: '592.50' },
      { commit: '100', amount: '530.00' },
      { commit: '125', amount: '500.00' },
      { commit: '150', amount: '600.00' },
      { commit: '200', amount: '800.00' },
    ]);
  });

  it('is exact for the billed direction: a third of a Mbps at 0.015 is half a cent', () => {
    const measure = { metric: 'bandwidth', aggregation: 'average', direction: 'uplink', unit: 'Mbps' };
    const [third] = linesOf({
      period: '2026-11',
      charges: [usage(measure, { model: 'per_unit', unit_price: '0.015' })],
      entities: [site('A')],
      usage: (period) =>
        (['uplink_bandwidth', 'downlink_bandwidth'] as const).map((metric) =>
          series(period, { dimension: 'customer_site_id', value: 'A' }, metric, 'SLOT', (_, slot) =>
            slot % 3 ? '0' : '1',
          ),
        ),
    });
    expect(third?.amount).toBe('0.01');
    expect(third && alternativesOf(third)?.directions[0]).toEqual({
      direction: 'uplink',
      quantity: '0.333333333333',
      amount: '0.01',
    });
  });

  it('has nothing to say about a fee', () => {
    const [fee] = linesOf({ charges: [{ code: 'f', name: 'F', type: 'recurring', amount: '1' }] });
    expect(fee && alternativesOf(fee)).toBeUndefined();
  });
});
