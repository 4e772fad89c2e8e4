import { amountsOf } from '../../../../test/support/rating-story.js';

/**
 * Every price model at the quantities where models go wrong. Amounts are worked out by hand in the charge's unit; the
 * quantity reaches the rating in base units, so the same table proves bytes, seconds and Mbps.
 */
const TIERS = [
  { up_to: '100', unit_price: '0.50', flat_fee: '2.00' },
  { up_to: '1000', unit_price: '0.30' },
  { up_to: null, unit_price: '0.10', flat_fee: '5.00' },
];
const MODELS = {
  flat: { model: 'flat', amount: '20.00' },
  per_unit: { model: 'per_unit', unit_price: '0.08' },
  graduated: { model: 'graduated', tiers: TIERS },
  volume: { model: 'volume', tiers: TIERS },
  'package, whole': { model: 'package', size: '100', package_price: '7.00' },
  'package, prorated': { model: 'package', size: '100', package_price: '7.00', partial: 'prorated' },
  stairstep: {
    model: 'stairstep',
    tiers: [
      { up_to: '100', amount: '10.00' },
      { up_to: '1000', amount: '50.00' },
      { up_to: null, amount: '400.00' },
    ],
  },
  'commit_burst by unit': { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' },
  'commit_burst by tiers': {
    model: 'commit_burst',
    commit: '100',
    commit_amount: '300.00',
    burst_tiers: [
      { up_to: '50', unit_price: '6.00' },
      { up_to: null, unit_price: '8.00' },
    ],
  },
};

/**
 * ε is the smallest quantity: 1 byte of a GB, 1 second of an hour, 1 bps (10⁻⁶) of a Mbps. At ten to the 24th the third
 * tier holds 10^24 − 1000 units: 322 + 5 + 0.10 × (10^24 − 1000).
 */
const EXPECTED = `
  quantity |  flat |                   per_unit |                   graduated |                      volume |             package, whole |          package, prorated | stairstep |         commit_burst by unit |        commit_burst by tiers
         0 | 20.00 |                       0.00 |                        0.00 |                        0.00 |                       0.00 |                       0.00 |      0.00 |                       400.00 |                       300.00
         ε | 20.00 |                       0.00 |                        2.00 |                        2.00 |                       7.00 |                       0.00 |     10.00 |                       400.00 |                       300.00
     100−ε | 20.00 |                       8.00 |                       52.00 |                       52.00 |                       7.00 |                       7.00 |     10.00 |                       400.00 |                       300.00
       100 | 20.00 |                       8.00 |                       52.00 |                       52.00 |                       7.00 |                       7.00 |     10.00 |                       400.00 |                       300.00
     100+ε | 20.00 |                       8.00 |                       52.00 |                       30.00 |                      14.00 |                       7.00 |     50.00 |                       400.00 |                       300.00
       150 | 20.00 |                      12.00 |                       67.00 |                       45.00 |                      14.00 |                      10.50 |     50.00 |                       725.00 |                       600.00
    1000−ε | 20.00 |                      80.00 |                      322.00 |                      300.00 |                      70.00 |                      70.00 |     50.00 |                      6250.00 |                      7400.00
      1000 | 20.00 |                      80.00 |                      322.00 |                      300.00 |                      70.00 |                      70.00 |     50.00 |                      6250.00 |                      7400.00
    1000+ε | 20.00 |                      80.00 |                      327.00 |                      105.00 |                      77.00 |                      70.00 |    400.00 |                      6250.00 |                      7400.00
    1000.5 | 20.00 |                      80.04 |                      327.05 |                      105.05 |                      77.00 |                      70.04 |    400.00 |                      6253.25 |                      7404.00
    2^53+1 | 20.00 |         720575940379279.44 |          900719925474326.30 |          900719925474104.30 |         630503947831870.00 |         630503947831869.51 |    400.00 |         58546795155816204.50 |         72057594037927344.00
     10^24 | 20.00 | 80000000000000000000000.00 | 100000000000000000000227.00 | 100000000000000000000005.00 | 70000000000000000000000.00 | 70000000000000000000000.00 |    400.00 | 6499999999999999999999750.00 | 7999999999999999999999400.00
`;

const [[, ...models] = [], ...rows] = EXPECTED.trim()
  .split('\n')
  .map((row) => row.split('|').map((cell) => cell.trim()));
const CASES = rows.flatMap(([quantity, ...amounts]) =>
  amounts.map((amount, column) => ({
    quantity: quantity as Quantity,
    model: models[column] as keyof typeof MODELS,
    amount,
  })),
);

const QUANTITIES = {
  '0': () => 0n,
  ε: () => 1n,
  '100−ε': (unit) => 100n * unit - 1n,
  '100': (unit) => 100n * unit,
  '100+ε': (unit) => 100n * unit + 1n,
  '150': (unit) => 150n * unit,
  '1000−ε': (unit) => 1000n * unit - 1n,
  '1000': (unit) => 1000n * unit,
  '1000+ε': (unit) => 1000n * unit + 1n,
  '1000.5': (unit) => (2001n * unit) / 2n,
  '2^53+1': (unit) => (2n ** 53n + 1n) * unit,
  '10^24': (unit) => 10n ** 24n * unit,
} satisfies Record<string, (unit: bigint) => bigint>;
type Quantity = keyof typeof QUANTITIES;

/** Measures, with how many of its smallest base steps one unit is and how that step is written in base units. */
const MEASURES = [
  {
    name: 'bytes in GB',
    metric: 'bytes',
    measure: { metric: 'bytes', unit: 'GB' },
    steps: 1_000_000_000n,
    decimals: 0,
  },
  { name: 'time in hours', metric: 'time', measure: { metric: 'time', unit: 'hour' }, steps: 3_600n, decimals: 0 },
  {
    name: 'bandwidth in Mbps',
    metric: 'bandwidth',
    measure: {
      metric: 'bandwidth',
      aggregation: 'percentile',
      percentile: '95',
      direction: 'uplink',
      missing: 'zero',
      unit: 'Mbps',
    },
    steps: 1_000_000n,
    decimals: 6,
  },
] as const;

function inBaseUnits(steps: bigint, decimals: number): string {
  if (decimals === 0) return steps.toString();
  const text = steps.toString().padStart(decimals + 1, '0');
  return `${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
}

it('covers every model at every quantity', () => {
  expect(models).toEqual(Object.keys(MODELS));
  expect(new Set(rows.map(([quantity]) => quantity))).toEqual(new Set(Object.keys(QUANTITIES)));
  expect(CASES).toHaveLength(9 * 12);
});

describe.each(MEASURES)('$name', ({ metric, measure, steps, decimals }) => {
  it.each(CASES)('$model: $quantity costs $amount', ({ model, quantity, amount }) => {
    const measured = inBaseUnits(QUANTITIES[quantity](steps), decimals);
    const charge = { code: 'usage', name: 'Usage', type: 'usage', measure, price: MODELS[model] };
    expect(amountsOf({ charges: [charge], quantities: [{ metric, quantity: measured }] })).toEqual([amount]);
  });
});

describe('an allowance comes off before the price', () => {
  const charge = (price: unknown) => [
    { code: 'usage', name: 'Usage', type: 'usage', measure: { metric: 'bytes', unit: 'GB' }, included: '500', price },
  ];
  const rated = (gigabytes: string, price: unknown) =>
    amountsOf({
      charges: charge(price),
      quantities: [{ metric: 'bytes', quantity: `${BigInt(gigabytes) * 1_000_000_000n}` }],
    });

  it.each([
    ['499', '0.00'],
    ['500', '0.00'],
    ['501', '0.08'],
    ['1500', '80.00'],
    ['1600', '85.00'],
  ])('%s GB at 0.08 up to 1000 and 0.05 above cost %s', (gigabytes, amount) => {
    const tiers = [
      { up_to: '1000', unit_price: '0.08' },
      { up_to: null, unit_price: '0.05' },
    ];
    expect(rated(gigabytes, { model: 'graduated', tiers })).toEqual([amount]);
  });

  it('leaves the commit and a flat price as they are', () => {
    const commit = { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' };
    expect(rated('500', commit)).toEqual(['400.00']);
    expect(rated('601', commit)).toEqual(['406.50']);
    expect(rated('0', { model: 'flat', amount: '20.00' })).toEqual(['20.00']);
  });
});

describe('a charge has its own minimum and maximum', () => {
  it.each([
    ['0', '5.00'],
    ['49', '5.00'],
    ['50', '5.00'],
    ['51', '5.10'],
    ['200', '20.00'],
    ['201', '20.00'],
  ])('%s GB at 0.10, at least 5.00 and at most 20.00, cost %s', (gigabytes, amount) => {
    const limits = {
      minimum_amount: '5.00',
      maximum_amount: '20.00',
      price: { model: 'per_unit', unit_price: '0.10' },
    };
    const charge = { code: 'usage', name: 'Usage', type: 'usage', measure: { metric: 'bytes', unit: 'GB' }, ...limits };
    expect(
      amountsOf({
        charges: [charge],
        quantities: [{ metric: 'bytes', quantity: `${BigInt(gigabytes) * 1_000_000_000n}` }],
      }),
    ).toEqual([amount]);
  });
});

describe('units keep powers of ten and of two apart', () => {
  it.each([
    ['B', '1099511627776', '1099511627776.00'],
    ['kB', '1099511627776', '1099511627.78'],
    ['MB', '1099511627776', '1099511.63'],
    ['GB', '1099511627776', '1099.51'],
    ['TB', '1099511627776', '1.10'],
    ['KiB', '1099511627776', '1073741824.00'],
    ['MiB', '1099511627776', '1048576.00'],
    ['GiB', '1099511627776', '1024.00'],
    ['TiB', '1099511627776', '1.00'],
  ])('1 TiB in %s at 1.00', (unit, quantity, amount) => {
    const charge = {
      code: 'u',
      name: 'U',
      type: 'usage',
      measure: { metric: 'bytes', unit },
      price: { model: 'per_unit', unit_price: '1.00' },
    };
    expect(amountsOf({ charges: [charge], quantities: [{ metric: 'bytes', quantity }] })).toEqual([amount]);
  });

  it.each([
    ['bps', '1500000.00'],
    ['kbps', '1500.00'],
    ['Mbps', '1.50'],
    ['Gbps', '0.00'],
  ])('1.5 Mbps in %s at 1.00', (unit, amount) => {
    const measure = { metric: 'bandwidth', aggregation: 'maximum', direction: 'uplink', unit };
    const charge = { code: 'u', name: 'U', type: 'usage', measure, price: { model: 'per_unit', unit_price: '1.00' } };
    expect(amountsOf({ charges: [charge], quantities: [{ metric: 'bandwidth', quantity: '1.5' }] })).toEqual([amount]);
  });
});

describe('the quantity of a line is rounded as its measure says', () => {
  const rated = (round: unknown, quantity: string) =>
    amountsOf({
      charges: [
        {
          code: 'airtime',
          name: 'Airtime',
          type: 'usage',
          measure: { metric: 'time', unit: 'minute', round },
          price: { model: 'per_unit', unit_price: '1.00' },
        },
      ],
      quantities: [{ metric: 'time', quantity }],
    });

  it.each([
    ['up', '1', '61', '2.00'],
    ['up', '1', '120', '2.00'],
    ['down', '1', '119', '1.00'],
    ['half_up', '1', '89', '1.00'],
    ['half_up', '1', '90', '2.00'],
    ['up', '0.5', '61', '1.50'],
    ['half_up', '15', '449', '0.00'],
    ['half_up', '15', '450', '15.00'],
    ['up', '1', '0', '0.00'],
  ])('%s to %s minutes: %s s cost %s at 1.00', (mode, to, quantity, amount) => {
    expect(rated({ mode, to }, quantity)).toEqual([amount]);
  });
});

describe('one rounding, at the end', () => {
  const airtime = [
    {
      code: 'airtime',
      name: 'Airtime',
      type: 'usage',
      measure: { metric: 'time', unit: 'hour' },
      price: { model: 'per_unit', unit_price: '0.018' },
    },
  ];

  it('bills 7,000 s at 0.018 an hour as 0.04: 0.035 exactly, half-up', () => {
    expect(amountsOf({ charges: airtime, quantities: [{ metric: 'time', quantity: '7000' }] })).toEqual(['0.04']);
  });

  it.each([
    ['half_up', '5000', '0.03'],
    ['half_even', '5000', '0.02'],
    ['half_up', '7000', '0.04'],
    ['half_even', '7000', '0.04'],
  ] as const)('%s: %s s cost %s', (rounding, quantity, amount) => {
    expect(amountsOf({ charges: airtime, rounding, quantities: [{ metric: 'time', quantity }] })).toEqual([amount]);
  });

  it.each([
    ['JPY', '1235'],
    ['USD', '1234.57'],
    ['KWD', '1234.568'],
  ])('rounds to the minor unit of %s: %s', (currency, amount) => {
    const charge = {
      code: 'u',
      name: 'U',
      type: 'usage',
      measure: { metric: 'bytes', unit: 'B' },
      price: { model: 'per_unit', unit_price: '0.0012345678' },
    };
    expect(amountsOf({ currency, charges: [charge], quantities: [{ metric: 'bytes', quantity: '1000000' }] })).toEqual([
      amount,
    ]);
  });
});
