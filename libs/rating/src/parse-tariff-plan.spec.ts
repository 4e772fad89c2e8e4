import { parseTariffPlan, tariffPlanJsonSchema } from './parse-tariff-plan.js';
import { tariffPlanSchema } from './tariff-plan.js';

const BANDWIDTH = {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  direction: 'percentile_of_greater',
  sites: 'pooled',
  missing: 'zero',
  unit: 'Mbps',
};

const DOCUMENT = {
  code: 'edge-business',
  name: 'Edge Business',
  currency: 'USD',
  effective_from: '2026-01-01',
  charges: [
    { code: 'platform', name: 'Platform fee', type: 'recurring', amount: '499.00' },
    { code: 'site-fee', name: 'Site fee', type: 'recurring', amount: '40.00', per: 'customer_site_id' },
    {
      code: 'traffic',
      name: 'Data transfer',
      type: 'usage',
      measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' },
      included: '500',
      price: {
        model: 'graduated',
        tiers: [
          { up_to: '1000', unit_price: '0.08' },
          { up_to: null, unit_price: '0.05' },
        ],
      },
    },
    {
      code: 'airtime',
      name: 'Connected time',
      type: 'usage',
      measure: { metric: 'time', per: 'msisdn', unit: 'hour', round: { to: '1', mode: 'up' } },
      price: { model: 'per_unit', unit_price: '0.012' },
    },
    {
      code: 'burst',
      name: '95th percentile bandwidth',
      type: 'usage',
      measure: BANDWIDTH,
      price: { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' },
    },
  ],
  minimum_spend: '250.00',
  discounts: [{ type: 'percentage', value: '10', applies_to: ['traffic'], periods: 6 }],
};

/** The document with one member set (or, for undefined, left out) at a JSON pointer. */
function changed(pointer: string, value: unknown): unknown {
  const document: unknown = structuredClone(DOCUMENT);
  const path = pointer.split('/').slice(1);
  const last = path.pop() ?? '';
  const holder = path.reduce((node, part) => (node as Record<string, unknown>)[part], document) as Record<
    string,
    unknown
  >;
  if (value === undefined) Reflect.deleteProperty(holder, last);
  else holder[last] = value;
  return document;
}

it('reads the plan that the documentation shows and fills in the defaults', () => {
  const parsed = parseTariffPlan(DOCUMENT);
  expect(parsed).toMatchObject({
    outcome: 'valid',
    plan: {
      charges: [
        { per: 'account', timing: 'in_arrears', proration: 'second' },
        { per: 'customer_site_id' },
        { measure: { aggregation: 'sum', direction: 'total' }, proration: 'second' },
        { measure: { per: 'msisdn', round: { to: '1', mode: 'up', at: 'line' } } },
        { measure: { sites: 'pooled', per: 'account' } },
      ],
      discounts: [{ periods: 6 }],
    },
  });
});

it('reads back what it has read', () => {
  const parsed = parseTariffPlan(DOCUMENT);
  expect(parsed.outcome === 'valid' && parseTariffPlan(JSON.parse(JSON.stringify(parsed.plan)))).toEqual(parsed);
});

it.each<[pointer: string, value: unknown, message: string]>([
  // Tiers
  [
    '/charges/2/price/tiers',
    [
      { up_to: '1000', unit_price: '1' },
      { up_to: '1000', unit_price: '1' },
      { up_to: null, unit_price: '1' },
    ],
    'charges[2].price.tiers[1].up_to must be greater than 1000',
  ],
  [
    '/charges/2/price/tiers',
    [
      { up_to: '1000', unit_price: '1' },
      { up_to: '999.99', unit_price: '1' },
      { up_to: null, unit_price: '1' },
    ],
    'charges[2].price.tiers[1].up_to must be greater than 1000',
  ],
  [
    '/charges/2/price/tiers',
    [
      { up_to: '9', unit_price: '1' },
      { up_to: '10', unit_price: '1' },
    ],
    'charges[2].price.tiers[1].up_to must be null: the last tier has no upper edge',
  ],
  [
    '/charges/2/price/tiers',
    [
      { up_to: null, unit_price: '1' },
      { up_to: null, unit_price: '1' },
    ],
    'charges[2].price.tiers[0].up_to must be a decimal string: only the last tier is open',
  ],
  ['/charges/2/price/tiers', [], 'charges[2].price.tiers must have at least 1 entry'],
  [
    '/charges/2/price/tiers/0/from',
    '0',
    'charges[2].price.tiers[0].from must be left out: the plan has no such member here',
  ],
  ['/charges/2/price/tiers/0/up_to', '0', 'charges[2].price.tiers[0].up_to must be greater than 0'],
  [
    '/charges/2/price',
    {
      model: 'stairstep',
      tiers: [
        { up_to: '5', amount: '1' },
        { up_to: '4', amount: '2' },
        { up_to: null, amount: '3' },
      ],
    },
    'charges[2].price.tiers[1].up_to must be greater than 5',
  ],
  [
    '/charges/4/price',
    { model: 'commit_burst', commit: '1', commit_amount: '1', burst_tiers: [{ up_to: '1', unit_price: '1' }] },
    'charges[4].price.burst_tiers[0].up_to must be null: the last tier has no upper edge',
  ],
  // Numbers
  [
    '/charges/2/price/tiers/0/unit_price',
    0.08,
    'charges[2].price.tiers[0].unit_price must be a decimal string such as "0.08"',
  ],
  [
    '/charges/2/price/tiers/0/unit_price',
    '-0.08',
    'charges[2].price.tiers[0].unit_price must be a decimal string that is not negative, such as "0.08"',
  ],
  [
    '/charges/2/price/tiers/0/unit_price',
    '8e-2',
    'charges[2].price.tiers[0].unit_price must be a decimal string that is not negative, such as "0.08"',
  ],
  ['/charges/2/included', '1,000', 'charges[2].included must be a decimal string that is not negative, such as "0.08"'],
  ['/charges/2/included', '1'.repeat(61), 'charges[2].included must have at most 60 characters'],
  ['/charges/0/amount', undefined, 'charges[0].amount is required and must be a decimal string such as "0.08"'],
  [
    '/charges/0/amount',
    '499.001',
    'charges[0].amount must have at most 2 decimals: it is charged as it stands, in USD',
  ],
  ['/minimum_spend', '0.001', 'minimum_spend must have at most 2 decimals: it is charged as it stands, in USD'],
  [
    '/discounts/0',
    { type: 'fixed', value: '0.001' },
    'discounts[0].value must have at most 2 decimals: it is charged as it stands, in USD',
  ],
  [
    '/charges/2/price',
    { model: 'flat', amount: '1.001' },
    'charges[2].price.amount must have at most 2 decimals: it is charged as it stands, in USD',
  ],
  // Measures
  [
    '/charges/2/measure/unit',
    'Mbps',
    'charges[2].measure.unit must be one of "B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"',
  ],
  ['/charges/3/measure/unit', 'GB', 'charges[3].measure.unit must be one of "second", "minute", "hour", "day"'],
  ['/charges/4/measure/unit', 'MBps', 'charges[4].measure.unit must be one of "bps", "kbps", "Mbps", "Gbps"'],
  ['/charges/2/measure/metric', 'packets', 'charges[2].measure.metric must be one of "bytes", "time", "bandwidth"'],
  [
    '/charges/2/measure/direction',
    'percentile_of_sum',
    'charges[2].measure.direction must be one of "uplink", "downlink", "total", "greater"',
  ],
  [
    '/charges/3/measure/direction',
    'uplink',
    'charges[3].measure.direction must be left out: the plan has no such member here',
  ],
  [
    '/charges/4/measure/missing',
    undefined,
    'charges[4].measure.missing is required and must say what a missing slot means: "zero", "exclude" or "hold"',
  ],
  [
    '/charges/4/measure/percentile',
    undefined,
    'charges[4].measure.percentile is required and must be a decimal string such as "0.08"',
  ],
  ['/charges/4/measure/percentile', '0', 'charges[4].measure.percentile must be greater than 0'],
  ['/charges/4/measure/percentile', '100.1', 'charges[4].measure.percentile must be greater than 0 and at most 100'],
  [
    '/charges/4/measure/aggregation',
    'p95',
    'charges[4].measure.aggregation must be one of "percentile", "average", "minimum", "maximum"',
  ],
  [
    '/charges/4/measure/direction',
    'total',
    'charges[4].measure.direction must be one of "uplink", "downlink", "greater_of_percentiles", "percentile_of_greater", "percentile_of_sum"',
  ],
  [
    '/charges/4/measure/per',
    'msisdn',
    'charges[4].measure.per must be "account" or "customer_site_id": bandwidth is reported by site',
  ],
  ['/charges/4/measure/min_coverage', '1.01', 'charges[4].measure.min_coverage must be from 0 to 1'],
  [
    '/charges/3/measure/round',
    { to: '1', mode: 'up', at: 'bucket' },
    'charges[3].measure.bucket is required because round.at is "bucket": "hour" or "day"',
  ],
  ['/charges/3/measure/round', { to: '0', mode: 'up' }, 'charges[3].measure.round.to must be greater than 0'],
  ['/charges/2/filter', {}, 'charges[2].filter must name at least one customer_site_id, msisdn or imsi'],
  [
    '/charges/3/filter',
    { imsi: ['1'] },
    'charges[3].filter.imsi must be filter.msisdn: this charge is measured by msisdn',
  ],
  [
    '/charges/4/filter',
    { msisdn: ['1'] },
    'charges[4].filter.msisdn must be filter.customer_site_id: this charge is measured by customer_site_id',
  ],
  // Prices and limits
  [
    '/charges/2/price/model',
    'tiered',
    'charges[2].price.model must be one of "flat", "per_unit", "graduated", "volume", "package", "stairstep", "commit_burst"',
  ],
  [
    '/charges/4/price/commit_amount',
    '5',
    'charges[4].price.commit_unit_price must be given, or commit_amount instead of it, but not both',
  ],
  [
    '/charges/4/price/burst_unit_price',
    undefined,
    'charges[4].price.burst_unit_price must be given, or burst_tiers instead of it, but not both',
  ],
  [
    '/charges/2',
    { ...DOCUMENT.charges[2], minimum_amount: '2', maximum_amount: '1' },
    'charges[2].maximum_amount must not be less than minimum_amount 2',
  ],
  [
    '/charges/2/price',
    { model: 'package', size: '0', package_price: '1' },
    'charges[2].price.size must be greater than 0',
  ],
  // Charges, discounts, the plan
  ['/charges/1/code', 'platform', 'charges[1].code must be unique: "platform" is already the code of charges[0]'],
  [
    '/charges/1/code',
    'discount:1',
    'charges[1].code must be 1 to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit',
  ],
  ['/charges/1/code', 'minimum_spend', 'charges[1].code must not be "minimum_spend": the true-up line has that code'],
  ['/charges/1/type', 'monthly', 'charges[1].type must be one of "recurring", "one_time", "usage"'],
  ['/charges/1/per', 'site', 'charges[1].per must be one of "account", "customer_site_id", "msisdn", "imsi"'],
  ['/charges/1/tax', ' ', 'charges[1].tax must be the name of a tax of the account'],
  ['/charges/1/tax_category', 'X', 'charges[1].tax_category must be one of "S", "Z", "E", "AE", "K", "G", "O"'],
  ['/charges/1/currency', 'EUR', 'charges[1].currency must be left out: the plan has no such member here'],
  [
    '/discounts/0/applies_to',
    ['traffic', 'trafic'],
    'discounts[0].applies_to[1] must be the code of a charge of this plan: platform, site-fee, traffic, airtime, burst',
  ],
  ['/discounts/0/value', '100.5', 'discounts[0].value must be greater than 0 and at most 100'],
  ['/discounts/0/periods', 0, 'discounts[0].periods must be at least 1'],
  ['/discounts/0/periods', 1.5, 'discounts[0].periods must be a whole number'],
  ['/currency', 'XXX', 'currency must be an active ISO 4217 currency code such as "EUR"'],
  ['/effective_from', '2026-02-30', 'effective_from must be a day that exists'],
  ['/effective_from', '1 January', 'effective_from must be a date YYYY-MM-DD'],
  ['/minimun_spend', '1', 'minimun_spend must be left out: the plan has no such member here'],
  ['/name', '', 'name must not be empty'],
])('%s = %j: %s', (pointer, value, message) => {
  const parsed = parseTariffPlan(changed(pointer, value));
  expect(parsed).toMatchObject({ outcome: 'invalid', errors: [{ message }] });
  // The pointer and the sentence name the same place.
  const [error] = parsed.outcome === 'invalid' ? parsed.errors : [];
  const dotted = error?.pointer
    .slice(1)
    .replaceAll(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.');
  expect(error?.message.startsWith(`${dotted} `)).toBe(true);
  expect(error?.code).toBeUndefined();
});

it.each([
  ['/charges/2/windows', 'time-of-day windows'],
  ['/charges/2/measure/windows', 'time-of-day windows'],
  ['/tax_inclusive', 'tax-inclusive prices'],
  ['/pauses', 'pauses'],
  ['/charges/2/rollover', 'carried balances'],
  ['/charges/2/carry_over', 'carried balances'],
])('%s is refused as not supported yet', (pointer, what) => {
  expect(parseTariffPlan(changed(pointer, true))).toMatchObject({
    outcome: 'invalid',
    errors: [{ pointer, code: 'not_supported_yet', message: expect.stringContaining(`${what} are not supported yet`) }],
  });
});

it('reports everything that is wrong at once', () => {
  const document = { ...DOCUMENT, currency: 'ABC', extra: 1, charges: [{ ...DOCUMENT.charges[0], amount: 5 }] };
  expect(parseTariffPlan(document)).toMatchObject({
    errors: [{ pointer: '/currency' }, { pointer: '/charges/0/amount' }, { pointer: '/extra' }],
  });
});

it('refuses a plan without charges', () => {
  const plan = { code: 'p', name: 'P', currency: 'USD', effective_from: '2026-01-01', charges: [] };
  expect(parseTariffPlan(plan)).toMatchObject({ errors: [{ message: 'charges must have at least 1 entry' }] });
});

it('escapes a member name in its pointer as RFC 6901 says', () => {
  expect(parseTariffPlan(changed('/a~b', 1))).toMatchObject({ errors: [{ pointer: '/a~0b' }] });
});

it.each([[null], [undefined], ['plan'], [[]], [42]])('%j is not a plan', (document) => {
  expect(parseTariffPlan(document)).toMatchObject({ outcome: 'invalid', errors: [{ pointer: '' }] });
});

it.each([
  ['JPY', '499', true],
  ['JPY', '499.00', true],
  ['JPY', '499.5', false],
  ['KWD', '499.125', true],
  ['KWD', '499.1255', false],
])('%s with a fee of %s: accepted %s', (currency, amount, accepted) => {
  const charges = [{ code: 'fee', name: 'Fee', type: 'recurring', amount }];
  const parsed = parseTariffPlan({ code: 'p', name: 'P', currency, effective_from: '2026-01-01', charges });
  expect(parsed.outcome === 'valid').toBe(accepted);
});

it('lets a price be finer than the currency where a quantity multiplies it', () => {
  for (const [pointer, value] of [
    ['/charges/1/amount', '0.0005'],
    ['/charges/2/price/tiers/0/unit_price', '0.000000001'],
    ['/charges/2/price/tiers/0/flat_fee', '0.005'],
  ] as const) {
    expect(parseTariffPlan(changed(pointer, value)).outcome).toBe('valid');
  }
});

describe('characters that are not seen', () => {
  const plan = {
    code: 'hidden',
    name: 'Plan',
    currency: 'EUR',
    effective_from: '2026-01-01',
    charges: [{ code: 'fee', name: 'F\u202eee', type: 'recurring', amount: '1.00' }],
  };

  it('are refused where the plan is written, by member and code point', () => {
    expect(parseTariffPlan(plan)).toEqual({
      outcome: 'invalid',
      errors: [
        {
          pointer: '/charges/0/name',
          message: 'charges[0].name must not hold U+202E, a control character that is not seen',
        },
      ],
    });
  });

  it('are read where a plan was published with them: what it bills stays as it is', () => {
    expect(tariffPlanSchema.parse(plan).charges[0]?.name).toBe('F\u202eee');
  });
});

describe('JSON Schema', () => {
  const schema = tariffPlanJsonSchema();

  it('refuses unknown members and asks for strings where numbers are meant', () => {
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false, title: 'Meterline tariff plan' });
    expect(schema).toMatchObject({
      properties: { minimum_spend: { type: 'string', pattern: String.raw`^(0|[1-9]\d*)(\.\d+)?$` } },
    });
  });

  it('does not ask for members that have a default', () => {
    expect(schema['required']).toEqual(['code', 'name', 'currency', 'effective_from', 'charges']);
  });
});
