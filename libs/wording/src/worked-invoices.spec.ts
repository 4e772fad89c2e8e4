import { type BillingPeriod, fromStamp } from '#calendar';
import type { EntityRef } from '#metering';
import { linesOf, msisdn, series, site, type Story } from '../../../test/support/rating-story.js';
import { explain } from '#rating';
import { wordingIn } from './languages.js';

/** The worked invoices of docs/tariff-plans.md: the same figures, worked out by hand, said once more here. */

const told = (story: Story) =>
  linesOf(story).map((line) => [
    `${line.description}: ${line.quantity} ${line.unit}, ${line.amount}`,
    ...explain(line, wordingIn()),
  ]);
const traffic = (price: unknown, members: Record<string, unknown> = {}) => ({
  code: 'traffic',
  name: 'Data transfer',
  type: 'usage',
  measure: { metric: 'bytes', unit: 'GB' },
  price,
  ...members,
});
const bytes = (quantity: string) => [{ metric: 'bytes', quantity } as const];

const TIERS = [
  { up_to: '1000', unit_price: '0.08' },
  { up_to: null, unit_price: '0.05' },
];
const P95 = {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  direction: 'percentile_of_greater',
  missing: 'zero',
  unit: 'Mbps',
};
const BURST = {
  code: 'burst',
  name: '95th percentile bandwidth',
  type: 'usage',
  measure: P95,
  price: { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' },
};

/** 8,481 slots at 10 Mbps, the decisive one at 107.31, 446 above it. */
const DECISIVE = fromStamp('2026-10-14T18:35:00Z');
const october = (value: string) => (period: BillingPeriod) => {
  const entity: EntityRef = { dimension: 'customer_site_id', value };
  let above = 446;
  return [
    series(period, entity, 'uplink_bandwidth', 'SLOT', () => '5'),
    series(period, entity, 'downlink_bandwidth', 'SLOT', (start) => {
      if (start === DECISIVE) return '107.31';
      above -= 1;
      return above >= 0 ? '900' : '10';
    }),
  ];
};

describe('price models', () => {
  it('flat', () => {
    const charges = [traffic({ model: 'flat', amount: '120.00' })];
    expect(told({ charges, quantities: bytes('0') })).toEqual([['Data transfer: 0 GB, 120.00', 'flat 120.00']]);
  });

  it('per_unit', () => {
    const airtime = {
      code: 'airtime',
      name: 'Connected time',
      type: 'usage',
      measure: { metric: 'time', unit: 'hour' },
      price: { model: 'per_unit', unit_price: '0.018' },
    };
    expect(told({ charges: [airtime], quantities: [{ metric: 'time', quantity: '7000' }] })).toEqual([
      ['Connected time: 1.944444444444 hour, 0.04', '1.944444444444 hours × 0.018 = 0.035'],
    ]);
  });

  it('graduated', () => {
    const charges = [traffic({ model: 'graduated', tiers: TIERS }, { included: '500' })];
    expect(told({ charges, quantities: bytes('1634500000000') })).toEqual([
      ['Data transfer: 1634.5 GB, 86.73', '500 GB included', '1,000 GB × 0.08 = 80.00', '134.5 GB × 0.05 = 6.725'],
    ]);
  });

  it('volume', () => {
    const tiers = [
      { up_to: '1000', unit_price: '0.08' },
      { up_to: null, unit_price: '0.05', flat_fee: '10.00' },
    ];
    const charges = [traffic({ model: 'volume', tiers })];
    expect(told({ charges, quantities: bytes('1000000000000') })).toEqual([
      ['Data transfer: 1000 GB, 80.00', '1,000 GB × 0.08 = 80.00'],
    ]);
    expect(told({ charges, quantities: bytes('1000500000000') })).toEqual([
      ['Data transfer: 1000.5 GB, 60.03', '1,000.5 GB × 0.05 = 50.025', 'fee of the tier above 1,000 GB: 10.00'],
    ]);
  });

  it('package', () => {
    const price = { model: 'package', size: '10', package_price: '7.00' };
    expect(told({ charges: [traffic(price)], quantities: bytes('42300000000') })).toEqual([
      ['Data transfer: 42.3 GB, 35.00', '5 × 10 GB × 7.00 = 35.00'],
    ]);
    expect(told({ charges: [traffic({ ...price, partial: 'prorated' })], quantities: bytes('42300000000') })).toEqual([
      ['Data transfer: 42.3 GB, 29.61', '4.23 × 10 GB × 7.00 = 29.61'],
    ]);
  });

  it('stairstep', () => {
    const tiers = [
      { up_to: '50', amount: '25.00' },
      { up_to: '200', amount: '80.00' },
      { up_to: null, amount: '200.00' },
    ];
    expect(told({ charges: [traffic({ model: 'stairstep', tiers })], quantities: bytes('120000000000') })).toEqual([
      ['Data transfer: 120 GB, 80.00', 'up to 200 GB: 80.00'],
    ]);
    expect(told({ charges: [traffic({ model: 'stairstep', tiers })], quantities: bytes('200000000001') })).toEqual([
      ['Data transfer: 200.000000001 GB, 200.00', 'above 200 GB: 200.00'],
    ]);
  });

  it('commit_burst', () => {
    expect(told({ charges: [BURST], entities: [site('S-1')], usage: october('S-1') })).toEqual([
      [
        '95th percentile bandwidth: 107.31 Mbps, 447.52',
        '95th percentile of 8,928 slots: rank 8,482 = 107.31 Mbps at 2026-10-14 18:35 UTC, 446 discarded, coverage 100 %',
        '100 Mbps committed × 4.00 = 400.00',
        '7.31 Mbps above the commit × 6.50 = 47.515',
      ],
    ]);
  });
});

describe('a whole invoice', () => {
  const time = (value: string, seconds: string) => (period: BillingPeriod) => [
    series(period, { dimension: 'msisdn', value }, 'time_usage_seconds', 'DAY', (_, day) =>
      day === 0 ? seconds : '0',
    ),
  ];
  const account: EntityRef = { dimension: 'account', value: '4711' };
  const story: Story = {
    charges: [
      { code: 'platform', name: 'Platform fee', type: 'recurring', amount: '499.00' },
      { code: 'site-fee', name: 'Site fee', type: 'recurring', amount: '40.00', per: 'customer_site_id' },
      traffic({ model: 'graduated', tiers: TIERS }, { included: '500' }),
      {
        code: 'airtime',
        name: 'Connected time',
        type: 'usage',
        measure: { metric: 'time', per: 'msisdn', unit: 'hour', round: { to: '1', mode: 'up' } },
        price: { model: 'per_unit', unit_price: '0.012' },
      },
      BURST,
    ],
    plan: {
      minimum_spend: '1500.00',
      discounts: [{ type: 'percentage', value: '10', applies_to: ['traffic'], periods: 6 }],
    },
    starts: '2026-09-01',
    entities: [site('S-1'), site('S-2', '2026-10-16'), msisdn('491700000001'), msisdn('491700000002')],
    usage: (period) => [
      series(period, account, 'uplink_bytes', 'DAY', (_, day) => (day === 0 ? '634500000000' : '0')),
      series(period, account, 'downlink_bytes', 'DAY', (_, day) => (day === 0 ? '1000000000000' : '0')),
      ...time('491700000001', '4321000')(period),
      ...time('491700000002', '3600')(period),
      ...october('S-1')(period),
      // The second site carries nothing in its first days, so the pool has the first site's percentile.
      series(period, { dimension: 'customer_site_id', value: 'S-2' }, 'uplink_bandwidth', 'SLOT', () => '0'),
      series(period, { dimension: 'customer_site_id', value: 'S-2' }, 'downlink_bandwidth', 'SLOT', () => '0'),
    ],
  };

  it('is what the plan says, line by line', () => {
    expect(told(story)).toEqual([
      ['Platform fee: 1 period, 499.00', '1 × 499.00 = 499.00'],
      [
        'Site fee: 1.516129032258 customer_site_id, 60.65',
        '1 site × 40.00 = 40.00',
        '1 site × 40.00 × 16/31 = 20.645161…',
      ],
      ['Data transfer: 1634.5 GB, 86.73', '500 GB included', '1,000 GB × 0.08 = 80.00', '134.5 GB × 0.05 = 6.725'],
      [
        'Connected time: 1201 hour, 14.41',
        '1,200.277777777777 hours rounded to 1,201 hours',
        '1,201 hours × 0.012 = 14.412',
      ],
      ['Connected time: 1 hour, 0.01', '1 hour × 0.012 = 0.012'],
      [
        '95th percentile bandwidth: 107.31 Mbps, 447.52',
        '95th percentile of 8,928 slots: rank 8,482 = 107.31 Mbps at 2026-10-14 18:35 UTC, 446 discarded, coverage 100 %',
        '100 Mbps committed × 4.00 = 400.00',
        '7.31 Mbps above the commit × 6.50 = 47.515',
      ],
      ['Discount 10 % on Data transfer: 1 item, -8.67', '10 % of 86.73'],
      ['Minimum spend, Plan: 1 item, 400.35', 'minimum 1,500.00, spent 1,099.65'],
    ]);
  });
});

describe('part of a period', () => {
  it('a sum: allowance and edges shrink', () => {
    const charges = [traffic({ model: 'graduated', tiers: TIERS }, { included: '500' })];
    expect(told({ charges, period: '2026-11', starts: '2026-11-16', quantities: bytes('800000000000') })).toEqual([
      [
        'Data transfer: 800 GB, 42.50',
        'in force 1,296,000 of 2,592,000 seconds of the period',
        '250 GB included',
        '500 GB × 0.08 = 40.00',
        '50 GB × 0.05 = 2.50',
      ],
    ]);
  });

  it('a rate: the price shrinks, the edges stay', () => {
    const quantities = [{ metric: 'bandwidth', quantity: '150' } as const];
    expect(told({ charges: [BURST], period: '2026-11', starts: '2026-11-16', quantities })).toEqual([
      [
        '95th percentile bandwidth: 150 Mbps, 362.50',
        'in force 1,296,000 of 2,592,000 seconds of the period',
        '100 Mbps committed × 4.00 × 1/2 = 200.00',
        '50 Mbps above the commit × 6.50 × 1/2 = 162.50',
      ],
    ]);
  });

  it('a fee in advance: the last invoice gives back what was not used', () => {
    const fee = { code: 'platform', name: 'Platform fee', type: 'recurring', amount: '310.00', timing: 'in_advance' };
    expect(told({ charges: [fee], starts: '2026-10-17' })).toEqual([
      ['Platform fee: 0.483870967741 period, 150.00', '1 × 310.00 × 15/31 = 150.00'],
      ['Platform fee, in advance: 1 period, 310.00', '1 × 310.00 = 310.00'],
    ]);
    expect(told({ charges: [fee], starts: '2026-09-01', ends: '2026-10-11' })).toEqual([
      ['Platform fee, unused share: -0.677419354838 period, -210.00', '1 × 310.00 × 21/31 = -210.00'],
    ]);
  });
});
