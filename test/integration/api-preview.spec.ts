import { startApi, type TestApi } from '../support/api.js';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

interface Answer {
  lines: { charge: string; quantity: string; unit: string; amount: string; entity: unknown; segment: object }[];
  taxes: { name: string; base: string; amount: string }[];
  warnings: { code: string; message: string }[];
  net: string;
  tax: string;
  gross: string;
  payable: string;
}

async function preview(body: object): Promise<Answer> {
  const answer = await api.post('/v1/rating/preview', body);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body as Answer;
}

async function refused(
  body: object,
  status = 422,
): Promise<{ code: string; errors: { pointer: string; code?: string }[] }> {
  const answer = await api.post('/v1/rating/preview', body);
  expect([answer.status, answer.body]).toMatchObject([status, { status }]);
  return answer.body as { code: string; errors: { pointer: string }[] };
}

const amounts = ({ lines }: Answer) =>
  lines.map(({ charge, quantity, unit, amount }) => `${charge} ${quantity} ${unit} ${amount}`);

function planOf(charges: object[], more: object = {}): object {
  return { code: 'p', name: 'P', currency: 'USD', effective_from: '2026-01-01', charges, ...more };
}

const traffic = {
  code: 'traffic',
  name: 'Data transfer',
  type: 'usage',
  measure: { metric: 'bytes', unit: 'GB' },
  included: '500',
  price: {
    model: 'graduated',
    tiers: [
      { up_to: '1000', unit_price: '0.08' },
      { up_to: null, unit_price: '0.05' },
    ],
  },
};

const airtime = {
  code: 'airtime',
  name: 'Connected time',
  type: 'usage',
  measure: { metric: 'time', per: 'msisdn', unit: 'hour', round: { to: '1', mode: 'up' } },
  price: { model: 'per_unit', unit_price: '0.012' },
};

const burst = {
  code: 'burst',
  name: '95th percentile bandwidth',
  type: 'usage',
  measure: {
    metric: 'bandwidth',
    aggregation: 'percentile',
    percentile: '95',
    direction: 'percentile_of_greater',
    missing: 'zero',
    unit: 'Mbps',
  },
  price: { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' },
};

const platform = { code: 'platform', name: 'Platform fee', type: 'recurring', amount: '499.00' };

describe('POST /v1/rating/preview', () => {
  it('rates a month by hand-worked numbers', async () => {
    const answer = await preview({
      plan: planOf([platform, traffic, burst], {
        discounts: [{ type: 'percentage', value: '10', applies_to: ['traffic'] }],
      }),
      period: '2026-10',
      taxes: [{ name: 'VAT', category: 'S', rate: '19' }],
      usage: [
        { metric: 'bytes', quantity: '2300000000000' },
        { metric: 'bandwidth', quantity: '150' },
      ],
    });
    // 2300 GB − 500 included: 1000 × 0.08 + 800 × 0.05 = 120.00; 100 × 4.00 + 50 × 6.50 = 725.00; 10 % of 120.00
    expect(amounts(answer)).toEqual([
      'platform 1 period 499.00',
      'traffic 2300 GB 120.00',
      'burst 150 Mbps 725.00',
      expect.stringMatching(/^discount:\S+ \S+ \S+ -12\.00$/) as string,
    ]);
    expect(answer).toMatchObject({
      taxes: [{ name: 'VAT', category: 'S', rate: '19', base: '1332.00', amount: '253.08' }],
      net: '1332.00',
      tax: '253.08',
      gross: '1585.08',
      payable: '1585.08',
      warnings: [],
    });
  });

  it('tells of a percentile what the other direction rules and commits would have come to', async () => {
    // 31 × 288 slots: a twentieth is 446.4, so 437 peaks are discarded in each direction, but not both together.
    const month = Date.UTC(2026, 9, 1);
    const series = (peak: (slot: number) => boolean) =>
      Array.from({ length: 8_928 }, (_, slot) => ({
        start: new Date(month + slot * 300_000).toISOString().replace('.000', ''),
        value: peak(slot) ? '200' : '50',
      }));
    const { lines } = await preview({
      plan: planOf([burst, platform]),
      period: '2026-10',
      usage: [
        { metric: 'bandwidth', direction: 'uplink', series: series((slot) => slot < 437) },
        { metric: 'bandwidth', direction: 'downlink', series: series((slot) => slot >= 8_928 - 437) },
      ],
    });
    // 50 Mbps stay below the commit of 100: 400.00. 200: 400.00 + 100 × 6.50. 200 + 50 = 250: 400.00 + 150 × 6.50.
    expect(lines[0]).toMatchObject({ amount: '1050.00' });
    const { alternatives } = lines[0] as unknown as {
      alternatives: { directions: { direction: string }[]; commits: object[] };
    };
    expect(alternatives.directions.sort((a, b) => (a.direction < b.direction ? -1 : 1))).toEqual([
      { direction: 'downlink', quantity: '50', amount: '400.00' },
      { direction: 'greater_of_percentiles', quantity: '50', amount: '400.00' },
      { direction: 'percentile_of_greater', quantity: '200', amount: '1050.00' },
      { direction: 'percentile_of_sum', quantity: '250', amount: '1375.00' },
      { direction: 'uplink', quantity: '50', amount: '400.00' },
    ]);
    // Of 200 Mbps: 4.00 a committed one and 6.50 any other.
    expect(alternatives.commits).toEqual([
      { commit: '0', amount: '1300.00' },
      { commit: '50', amount: '1175.00' },
      { commit: '75', amount: '1112.50' },
      { commit: '100', amount: '1050.00' },
      { commit: '125', amount: '987.50' },
      { commit: '150', amount: '925.00' },
      { commit: '200', amount: '800.00' },
    ]);
    expect(lines[1]).not.toHaveProperty('alternatives');
  });

  it('writes nothing', async () => {
    const counts = () =>
      api.database.$queryRawUnsafe(
        'SELECT (SELECT count(*)::int FROM audit_event) AS a, (SELECT count(*)::int FROM tariff_plan_version) AS p',
      );
    const before = await counts();
    await preview({ plan: planOf([platform]), period: '2026-10' });
    expect(await counts()).toEqual(before);
  });

  it.each([
    [{ version: 1 }, '/plan/code'],
    [{ code: ['x'], version: 1 }, '/plan/code'],
    [{ code: 'stored', version: 99_999_999_999 }, '/plan/version'],
    [{ code: 'stored', version: 0 }, '/plan/version'],
    [{ code: 'stored', version: 1, name: 'x' }, '/plan/name'],
  ])('refuses %j as a plan, by name', async (plan, pointer) => {
    const problem = await refused({ plan, period: '2026-10' });
    expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
  });

  it('takes a stored version, drafts too', async () => {
    await api.post('/v1/tariff-plans', { ...planOf([platform]), code: 'stored' }).expect(201);
    const answer = await preview({ plan: { code: 'stored', version: 1 }, period: '2026-10' });
    expect(amounts(answer)).toEqual(['platform 1 period 499.00']);
    const unknown = await refused({ plan: { code: 'stored', version: 2 }, period: '2026-10' });
    expect(unknown).toMatchObject({ code: 'plan_not_found', errors: [{ pointer: '/plan' }] });
  });

  it('sums a daily series per subscriber, rounds the line up, and ignores slots outside the period', async () => {
    const answer = await preview({
      plan: planOf([airtime]),
      period: { start: '2026-10-01', end: '2026-10-03' },
      usage: [
        {
          metric: 'time',
          entity: { dimension: 'msisdn', value: '0049170' },
          series: [
            { start: '2026-09-30T00:00:00Z', value: '86400' },
            { start: '2026-10-01T00:00:00Z', value: '5400' },
            { start: '2026-10-02T00:00:00Z', value: '1801' },
            { start: '2026-10-03T00:00:00Z', value: '86400' },
          ],
        },
      ],
    });
    // 7201 s → 3 hours begun × 0.012 = 0.036
    expect(amounts(answer)).toEqual(['airtime 3 hour 0.04']);
    expect(answer.lines[0]?.entity).toEqual({ dimension: 'msisdn', value: '0049170', name: null });
    expect(answer.warnings).toEqual([
      { code: 'slots_outside_period', message: '2 slots outside the period were ignored' },
    ]);
  });

  it('cuts an hourly series at midnight of the zone', async () => {
    const hours = Array.from({ length: 72 }, (_, hour) => ({
      start: new Date(Date.UTC(2026, 8, 30, hour)).toISOString().replace('.000', ''),
      value: '1000000000',
    }));
    const answer = await preview({
      plan: planOf([{ ...traffic, included: '0' }]),
      period: { start: '2026-10-01', end: '2026-10-02' },
      time_zone: 'Asia/Tokyo',
      usage: [{ metric: 'bytes', series: hours }],
    });
    // 2026-09-30T15:00Z to 2026-10-01T15:00Z: 24 hours of 1 GB × 0.08
    expect(amounts(answer)).toEqual(['traffic 24 GB 1.92']);
    expect(answer.warnings).toMatchObject([
      { code: 'slots_outside_period', message: '48 slots outside the period were ignored' },
    ]);
    expect(answer.lines[0]?.segment).toEqual({
      start: '2026-09-30T15:00:00Z',
      end: '2026-10-01T15:00:00Z',
      start_date: '2026-10-01',
      end_date: '2026-10-02',
    });
  });

  it('bills the 95th percentile of a day of slots by nearest rank', async () => {
    const slots = (factor: number) =>
      Array.from({ length: 288 }, (_, slot) => ({
        start: new Date(Date.UTC(2026, 9, 1, 0, slot * 5)).toISOString().replace('.000', ''),
        value: `${(288 - slot) * factor}`,
      }));
    const site = (value: string) => ({ dimension: 'customer_site_id', value });
    const perUnit = { ...burst, price: { model: 'per_unit', unit_price: '1' } };
    const body = { plan: planOf([perUnit]), period: { start: '2026-10-01', end: '2026-10-02' } };
    // k = ⌈95 × 288 / 100⌉ = 274 of 1 … 288
    const whole = await preview({ ...body, usage: [{ metric: 'bandwidth', series: slots(1) }] });
    expect(amounts(whole)).toEqual(['burst 274 Mbps 274.00']);
    // Two sites pooled, slot by slot: uplink 2 + 3 times as much, downlink less.
    const pooled = await preview({
      ...body,
      usage: ['A', 'B'].flatMap((value, index) => [
        { metric: 'bandwidth', entity: site(value), direction: 'uplink', series: slots(2 + index) },
        { metric: 'bandwidth', entity: site(value), direction: 'downlink', series: slots(1) },
      ]),
    });
    expect(amounts(pooled)).toEqual(['burst 1370 Mbps 1370.00']);
  });

  it('bills the days of a subscription that starts within the period', async () => {
    const body = { plan: planOf([{ ...platform, amount: '30.00' }]), period: '2026-11' };
    const half = await preview({ ...body, subscription: { starts_at: '2026-11-16' } });
    expect(half).toMatchObject({ net: '15.00' });
    const third = await preview({ ...body, subscription: { starts_at: '2026-01-01', ends_at: '2026-11-11' } });
    expect(third).toMatchObject({ net: '10.00' });
    const outside = await refused({ ...body, subscription: { starts_at: '2026-12-01' } });
    expect(outside).toMatchObject({ code: 'subscription_outside_period', errors: [{ pointer: '/subscription' }] });
  });

  it('counts the entities that are listed', async () => {
    const fee = { code: 'site-fee', name: 'Site fee', type: 'recurring', amount: '40.00', per: 'customer_site_id' };
    const answer = await preview({
      plan: planOf([fee]),
      period: '2026-11',
      entities: [
        { dimension: 'customer_site_id', value: 'A' },
        { dimension: 'customer_site_id', value: 'B', active_from: '2026-11-16' },
      ],
    });
    expect(answer).toMatchObject({ net: '60.00' });
  });

  it('says that a plan of the future does not hold yet', async () => {
    const answer = await preview({ plan: planOf([platform], { effective_from: '2027-01-01' }), period: '2026-10' });
    expect(answer).toMatchObject({ net: '499.00', warnings: [{ code: 'plan_not_yet_in_force' }] });
  });

  it.each([
    ['a charge without usage', [traffic], []],
    [
      'an entity’s usage for a charge on the account',
      [traffic],
      [{ metric: 'bytes', entity: { dimension: 'msisdn', value: '1' }, quantity: '5' }],
    ],
    ['one direction where both are asked for', [traffic], [{ metric: 'bytes', direction: 'uplink', quantity: '5' }]],
    ['a series with gaps', [traffic], [{ metric: 'bytes', series: [{ start: '2026-10-01T00:00:00Z', value: '5' }] }]],
    [
      'a whole where directions are told apart',
      [{ ...traffic, measure: { ...traffic.measure, direction: 'uplink' } }],
      [{ metric: 'bytes', series: [{ start: '2026-10-01T00:00:00Z', value: '5' }] }],
    ],
  ])('never takes %s for 0', async (_, charges, usage) => {
    const problem = await refused({ plan: planOf(charges), period: '2026-10', usage });
    expect(problem).toMatchObject({ code: 'usage_missing' });
    expect(problem.errors[0]?.pointer).toBe('/usage');
  });

  it('takes 0 for 0', async () => {
    const answer = await preview({
      plan: planOf([traffic]),
      period: '2026-10',
      usage: [{ metric: 'bytes', quantity: '0' }],
    });
    expect(amounts(answer)).toEqual(['traffic 0 GB 0.00']);
  });

  const one = { metric: 'bytes', quantity: '1' };
  const at = (...starts: string[]) => ({ metric: 'bytes', series: starts.map((start) => ({ start, value: '1' })) });
  it.each([
    ['both quantity and series', { usage: [{ ...one, ...at('2026-10-01T00:00:00Z') }] }, '/usage/0'],
    ['neither quantity nor series', { usage: [{ metric: 'bytes' }] }, '/usage/0'],
    ['a quantity that is a number', { usage: [{ metric: 'bytes', quantity: 1 }] }, '/usage/0/quantity'],
    ['a negative quantity', { usage: [{ metric: 'bytes', quantity: '-1' }] }, '/usage/0/quantity'],
    ['a stamp that is none', { usage: [at('2026-10-01')] }, '/usage/0/series/0/start'],
    ['a quantity of 400 digits', { usage: [{ ...one, quantity: '9'.repeat(400) }] }, '/usage/0/quantity'],
    ['a price of 400 digits', { plan: planOf([{ ...platform, amount: '9'.repeat(400) }]) }, '/plan/charges/0/amount'],
    ['a period of centuries', { period: { start: '1900-01-01', end: '9998-01-01' } }, '/period/end'],
    ['a period of 401 days', { period: { start: '2026-01-01', end: '2027-02-06' } }, '/period/end'],
    ['a month that is none', { period: '2026-13' }, '/period'],
    ['a zone that is none', { time_zone: 'Mars' }, '/time_zone'],
    ['an unknown member', { useage: [] }, '/useage'],
  ])('refuses %s', async (_, wrong, pointer) => {
    const problem = await refused({ plan: planOf([traffic]), period: '2026-10', usage: [one], ...wrong });
    expect(problem).toMatchObject({
      code: pointer.startsWith('/plan') ? 'invalid_plan' : 'invalid_request',
      errors: [{ pointer }],
    });
  });

  const site = (value: string) => ({ dimension: 'customer_site_id', value });
  const perSite = { ...traffic, measure: { ...traffic.measure, per: 'customer_site_id' } };
  /** Buckets of the period, so many seconds apart, each of 1. */
  const spaced = (seconds: number, days = 1, from = Date.UTC(2026, 9, 1)) => ({
    series: Array.from({ length: (days * 86_400) / seconds }, (_, position) => ({
      start: new Date(from + position * seconds * 1_000).toISOString().replace('.000', ''),
      value: '1',
    })),
  });
  const day = { start: '2026-10-01', end: '2026-10-02' };
  const up = { metric: 'bytes', direction: 'uplink', quantity: '1' };
  const rate = { metric: 'bandwidth', quantity: '1' };

  it.each([
    ['a quantity twice', [one, one], '/usage/1'],
    ['a quantity twice, once called total', [one, { ...one, direction: 'total' }], '/usage/1'],
    ['a total beside a direction', [up, one], '/usage/1'],
    ['a direction beside the greater of both', [{ ...one, direction: 'greater' }, up], '/usage/1'],
    ['a quantity beside a series', [one, { metric: 'bytes', ...spaced(86_400) }], '/usage/1'],
    ['a series beside quantities', [{ metric: 'bytes', ...spaced(86_400) }, { ...up }], '/usage/1'],
    [
      'a series twice on two grids',
      [spaced(3_600), spaced(86_400)].map((of) => ({ metric: 'bytes', ...of })),
      '/usage/1',
    ],
    ['the rate that is billed beside one by its rule', [rate, { ...rate, direction: 'percentile_of_sum' }], '/usage/1'],
    [
      'the rate of the account beside that of a site',
      [
        { metric: 'bandwidth', ...spaced(300) },
        { metric: 'bandwidth', entity: site('A'), ...spaced(300) },
      ],
      '/usage/1',
    ],
    [
      'a bucket twice',
      [at('2026-10-01T00:00:00Z', '2026-10-02T00:00:00Z', '2026-10-01T00:00:00Z')],
      '/usage/0/series/2/start',
    ],
  ])('refuses %s as contradicting', async (_, usage, pointer) => {
    const problem = await refused({ plan: planOf([traffic, burst]), period: day, usage });
    expect(problem).toMatchObject({ code: 'contradicting_usage', errors: [{ pointer }] });
  });

  it.each([
    [
      'days in a zone whose days are not UTC days',
      { metric: 'bytes', ...spaced(86_400) },
      'Europe/Berlin',
      '/usage/0/series',
    ],
    ['samples of 10 minutes', { metric: 'bandwidth', ...spaced(600) }, 'UTC', '/usage/0/series'],
    ['samples of an hour', { metric: 'bandwidth', ...spaced(3_600) }, 'UTC', '/usage/0/series'],
    ['bytes of 5 minutes', { metric: 'bytes', ...spaced(300) }, 'UTC', '/usage/0/series'],
    ['a bucket off its grid', at('2026-10-01T00:30:00Z', '2026-10-01T01:30:00Z'), 'UTC', '/usage/0/series/0/start'],
  ])('refuses %s as no grid that is billed', async (_, usage, zone, pointer) => {
    const problem = await refused({ plan: planOf([traffic, burst]), period: day, time_zone: zone, usage: [usage] });
    expect(problem).toMatchObject({ code: 'wrong_grid', errors: [{ pointer }] });
  });

  it('refuses days where a subscription or an entity cuts them, and where a charge counts by the hour', async () => {
    const cut = { starts_at: '2026-10-02' };
    const body = { plan: planOf([perSite]), period: { start: '2026-10-01', end: '2026-10-03' } };
    const usage = [{ metric: 'bytes', entity: site('A'), ...spaced(86_400, 2) }];
    expect((await preview({ ...body, subscription: cut, usage })).lines).toHaveLength(1);
    const berlin = { ...body, time_zone: 'Europe/Berlin', subscription: cut, usage };
    expect(await refused(berlin)).toMatchObject({ code: 'wrong_grid' });
    const rounded = { to: '1', mode: 'up', at: 'bucket' };
    const hourly = planOf([{ ...perSite, measure: { ...perSite.measure, bucket: 'hour', round: rounded } }]);
    expect(await refused({ ...body, plan: hourly, usage })).toMatchObject({ code: 'wrong_grid' });
  });

  it.each([
    ['a filter’s entity', { ...traffic, filter: { customer_site_id: ['A', 'B'] } }, [site('A')]],
    ['each of a filter’s entities', { ...traffic, filter: { customer_site_id: ['A', 'B'] } }, []],
    ['every site', perSite, []],
    ['every subscriber', airtime, []],
  ])('never takes missing usage of %s for 0', async (_, charge, given) => {
    const usage = given.map((entity) => ({ metric: 'bytes', entity, quantity: '1000000000000' }));
    const problem = await refused({ plan: planOf([charge]), period: '2026-10', usage });
    expect(problem).toMatchObject({ code: 'usage_missing' });
    expect(problem.errors[0]?.pointer).toBe('/usage');
  });

  it.each([
    ['all but one sample', spaced(300).series.slice(0, 1), '287 samples, the first at 2026-10-01T00:05:00Z'],
    ['the second half', spaced(300).series.slice(0, 144), '144 samples, the first at 2026-10-01T12:00:00Z'],
    ['one sample', spaced(300).series.toSpliced(7, 1), '1 samples, the first at 2026-10-01T00:35:00Z'],
    [
      'every second sample but one',
      [...spaced(600).series, { start: '2026-10-01T00:05:00Z', value: '1' }],
      '143 samples, the first at 2026-10-01T00:15:00Z',
    ],
  ])('never takes %s that a series passes over for missing ones, which count 0', async (_, series, lacks) => {
    const usage = [{ metric: 'bandwidth', entity: site('A'), series }];
    const problem = await refused({ plan: planOf([burst]), period: day, usage });
    expect(problem).toMatchObject({
      code: 'usage_missing',
      errors: [{ pointer: '/usage/0/series', message: expect.stringContaining(lacks) as string }],
    });
  });

  it('takes null for a sample that was not reported, and asks for none while a site is not active', async () => {
    const perUnit = { ...burst, price: { model: 'per_unit', unit_price: '1' } };
    const { series } = spaced(300);
    const body = { plan: planOf([perUnit]), period: day };
    // Rank 274 of 288: of 15 ones it is a one, of 14 a zero.
    for (const [ones, billed] of [
      [15, '1'],
      [14, '0'],
    ] as const) {
      const some = series.map(({ start, value }, slot) => ({ start, value: slot < ones ? value : null }));
      const answer = await preview({ ...body, usage: [{ metric: 'bandwidth', entity: site('A'), series: some }] });
      expect(amounts(answer)).toEqual([`burst ${billed} Mbps ${billed}.00`]);
    }
    const twoDays = { start: '2026-09-30', end: '2026-10-02' };
    const entities = [{ ...site('A'), active_from: '2026-10-01' }];
    const usage = [{ metric: 'bandwidth', entity: site('A'), series }];
    expect(await preview({ ...body, period: twoDays, entities, usage })).toMatchObject({
      lines: [{ charge: 'burst' }],
    });
    const later = { starts_at: '2026-10-01' };
    expect((await preview({ ...body, period: twoDays, subscription: later, usage })).lines).toHaveLength(1);
    expect(await refused({ ...body, period: twoDays, usage })).toMatchObject({ code: 'usage_missing' });
  });

  it('refuses a listed entity that ends before it begins', async () => {
    const entities = [{ ...site('A'), active_from: '2026-10-21', active_until: '2026-10-11' }];
    const fee = { ...platform, per: 'customer_site_id' };
    expect(await refused({ plan: planOf([fee]), period: '2026-10', entities })).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/entities/0/active_until' }],
    });
  });

  it('takes a listed site that is not active for one without usage', async () => {
    const entities = [{ ...site('B'), active_until: '2026-09-01' }];
    expect(await preview({ plan: planOf([perSite]), period: '2026-10', entities })).toMatchObject({ net: '0.00' });
  });

  it('warns of usage that no charge asks for', async () => {
    const usage = [
      one,
      { ...one, entity: site('A') },
      { metric: 'time', quantity: '1' },
      { metric: 'bandwidth', quantity: '1' },
    ];
    const { warnings } = await preview({ plan: planOf([traffic]), period: '2026-10', usage });
    expect(warnings).toEqual([
      {
        code: 'usage_not_asked_for',
        message: 'no charge of the plan asks for /usage/1, /usage/2, /usage/3; nothing was charged for it',
      },
    ]);
  });

  it('matches thousands of quantities, and refuses what would keep others waiting', async () => {
    const entity = (n: number) => ({ dimension: 'msisdn', value: `${n}` });
    const usage = Array.from({ length: 8_000 }, (_, n) => ({ metric: 'time', entity: entity(n), quantity: `${n}` }));
    // Hours begun by n seconds: none at 0, 1 up to 3600, 2 up to 7200, 3 up to 7999.
    const { lines } = await preview({ plan: planOf([airtime]), period: '2026-10', usage });
    expect(lines.reduce((sum, { quantity }) => sum + Number(quantity), 0)).toBe(3_600 + 2 * 3_600 + 3 * 799);
    const many = Array.from({ length: 500 }, (_, n) => ({ ...airtime, code: `airtime-${n}` }));
    expect(await refused({ plan: planOf(many), period: '2026-10', usage })).toMatchObject({
      code: 'preview_too_large',
    });
    const wide = Array.from({ length: 400 }, (_, n) => ({
      metric: 'bandwidth',
      entity: site(`${n}`),
      series: [{ start: '2026-10-01T00:00:00Z', value: '1' }],
    }));
    const year = { start: '2026-01-01', end: '2027-01-01' };
    expect(await refused({ plan: planOf([burst]), period: year, usage: wide })).toMatchObject({
      code: 'preview_too_large',
    });
  });

  it('answers others while it rates what takes long', async () => {
    // Every hour of 400 days of 200 subscribers is gone through, to find that all but the first are missing.
    const usage = Array.from({ length: 200 }, (_, n) => ({
      metric: 'time',
      entity: { dimension: 'msisdn', value: `${n}` },
      ...spaced(3_600, 0.125, Date.UTC(2026, 0, 1)),
    }));
    const period = { start: '2026-01-01', end: '2027-02-05' };
    const order: string[] = [];
    const rating = refused({ plan: planOf([airtime]), period, usage }).then(({ code }) => order.push(code));
    // A rating on the event loop would have begun before the tenth, and that one would be answered after it.
    for (let asked = 0; asked < 10; asked += 1) await api.get('/health/live').expect(200);
    order.push('alive');
    await rating;
    expect(order).toEqual(['alive', 'usage_missing']);
  });

  it('answers a month of samples of some sites, and hourly series of many subscribers', async () => {
    const samples = ['A', 'B', 'C'].map((name) => ({
      metric: 'bandwidth',
      entity: site(name),
      ...spaced(300, 31),
    }));
    const rates = await preview({ plan: planOf([burst]), period: '2026-10', usage: samples });
    // Three sites of 1 Mbps together, below the commit of 100 × 4.00.
    expect(amounts(rates)).toEqual(['burst 3 Mbps 400.00']);
    const hours = Array.from({ length: 100 }, (_, n) => ({
      metric: 'time',
      entity: { dimension: 'msisdn', value: `${n}` },
      ...spaced(3_600, 31),
    }));
    // 744 seconds are one hour begun: 0.012 each, rounded to 0.01.
    const times = await preview({ plan: planOf([airtime]), period: '2026-10', usage: hours });
    expect(times).toMatchObject({ net: '1.00' });
    expect(times.lines).toHaveLength(100);
  });

  it('refuses in its thread as it does outside of it', async () => {
    const usage = Array.from({ length: 400 }, (_, n) => ({
      metric: 'time',
      entity: { dimension: 'msisdn', value: `${n}` },
      quantity: '3600',
    }));
    const taxed = planOf([{ ...airtime, tax: 'VAT reduced' }]);
    const taxes = [{ name: 'VAT', category: 'S', rate: '19' }];
    const body = { plan: taxed, period: '2026-10', taxes };
    const [few, many] = [await refused({ ...body, usage: usage.slice(0, 1) }), await refused({ ...body, usage })];
    expect([few.code, many.code]).toEqual(['tax_name_unmatched', 'tax_name_unmatched']);
    const contradicting = [...usage, ...usage.slice(0, 1)];
    expect(await refused({ plan: planOf([airtime]), period: '2026-10', usage: contradicting })).toMatchObject({
      code: 'contradicting_usage',
      errors: [{ pointer: '/usage/400' }],
    });
  });

  it('counts tiers, fees by entity, discounts by tax and series that many charges measure', async () => {
    const subscriber = (n: number) => ({ dimension: 'msisdn', value: `${n}` });
    const airtimes = Array.from({ length: 1_000 }, (_, n) => ({
      metric: 'time',
      entity: subscriber(n),
      quantity: '360000000',
    }));
    const tiers = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ up_to: n === count - 1 ? null : `${n + 1}`, unit_price: '1' }));
    const fees = Array.from({ length: 100 }, (_, n) => ({ ...platform, code: `fee-${n}`, per: 'msisdn' }));
    const taxed = Array.from({ length: 300 }, (_, n) => ({ ...platform, code: `fee-${n}`, tax: `tax ${n}` }));
    const bursts = Array.from({ length: 500 }, (_, n) => ({ ...burst, code: `burst-${n}` }));
    const entities = Array.from({ length: 10_000 }, (_, n) => subscriber(n));
    const discounts = Array.from({ length: 50 }, () => ({ type: 'percentage', value: '1' }));
    const samples = Array.from({ length: 4 }, (_, n) => ({
      metric: 'bandwidth',
      entity: site(`${n}`),
      series: [{ start: '2026-10-01T00:00:00Z', value: '1' }],
    }));
    for (const body of [
      { plan: planOf([{ ...airtime, price: { model: 'graduated', tiers: tiers(900) } }]), usage: airtimes },
      { plan: planOf(fees), entities },
      { plan: planOf(taxed, { discounts }) },
      { plan: planOf(bursts), usage: samples },
    ]) {
      expect(await refused({ period: '2026-10', ...body })).toMatchObject({ code: 'preview_too_large' });
    }
  });

  it('refuses a stamp of a day that does not exist, and an empty period', async () => {
    const body = { plan: planOf([traffic]), usage: [at('2026-02-30T00:00:00Z')] };
    expect(await refused({ ...body, period: '2026-02' })).toMatchObject({ code: 'malformed_stamp' });
    const empty = { start: '2026-02-01', end: '2026-02-01' };
    expect(await refused({ ...body, period: empty })).toMatchObject({ code: 'empty_period' });
  });

  it('names the faults of an inline plan below /plan', async () => {
    const problem = await refused({ plan: planOf([{ ...platform, amount: 499 }]), period: '2026-10' });
    expect(problem).toMatchObject({ code: 'invalid_plan', errors: [{ pointer: '/plan/charges/0/amount' }] });
  });

  it('taxes each charge at the rate it names, and none at two', async () => {
    const taxes = [
      { name: 'VAT', category: 'S', rate: '19' },
      { name: 'VAT reduced', category: 'S', rate: '7' },
    ];
    const books = { ...platform, code: 'books', amount: '50.00', tax: 'vat reduced' };
    const named = planOf([{ ...platform, amount: '100.00', tax: 'VAT' }, books]);
    expect(await preview({ plan: named, period: '2026-10', taxes })).toMatchObject({
      lines: [
        { charge: 'platform', tax: 'VAT' },
        { charge: 'books', tax: 'vat reduced' },
      ],
      taxes: [
        { name: 'VAT', rate: '19', base: '100.00', amount: '19.00' },
        { name: 'VAT reduced', rate: '7', base: '50.00', amount: '3.50' },
      ],
      gross: '172.50',
    });
    const unnamed = await refused({ plan: planOf([platform, books]), period: '2026-10', taxes });
    expect(unnamed).toMatchObject({ code: 'ambiguous_taxes', detail: expect.stringContaining('platform') as string });
    const missing = planOf([{ ...platform, tax: 'VAT zero' }]);
    expect(await refused({ plan: missing, period: '2026-10', taxes })).toMatchObject({ code: 'tax_name_unmatched' });
    const both = planOf([{ ...platform, tax: 'VAT', tax_category: 'S' }]);
    expect(await refused({ plan: both, period: '2026-10', taxes })).toMatchObject({
      errors: [{ pointer: '/plan/charges/0/tax' }],
    });
  });

  it('refuses taxes that contradict themselves', async () => {
    const of = (...taxes: object[]) => refused({ plan: planOf([platform]), period: '2026-10', taxes });
    expect(await of({ name: 'VAT', category: 'AE', rate: '21' })).toMatchObject({
      errors: [{ pointer: '/taxes/0/rate' }],
    });
    expect(await of({ name: 'VAT', category: 'S', rate: '0' })).toMatchObject({
      errors: [{ pointer: '/taxes/0/rate' }],
    });
    const { errors } = await of({ name: 'VAT', category: 'S', rate: 'x' });
    expect(errors[0]).toMatchObject({ pointer: '/taxes/0/rate' });
    const vat = { name: 'VAT', category: 'S', rate: '19' };
    expect(await of(vat, { ...vat, name: 'ｖａｔ ' })).toMatchObject({ errors: [{ pointer: '/taxes/1/name' }] });
  });

  it('refuses a taxed charge that the account has no tax for', async () => {
    const plan = planOf([{ ...platform, tax_category: 'S' }]);
    const taxes = [{ name: 'Zero rated', category: 'Z', rate: '0' }];
    const problem = await refused({ plan, period: '2026-10', taxes });
    expect(problem).toMatchObject({ code: 'tax_category_unmatched' });
  });
});
