import { fromStamp } from '#calendar';
import { updateSeller } from '#persistence/catalogue';
import { accountId, customerSiteId, msisdnOf } from '../../apps/report-simulator/src/index.js';
import {
  feePlan,
  granted,
  makeAccount,
  makePlan,
  makeSeller,
  PERCENTILE_95,
  planOf,
  SECRET_KEY,
  usageCharge,
} from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';
import { amount, halfUp, quarterBytes, windowsOwned } from '../support/expected-usage.js';
import { startUsageApi, type UsageApi } from '../support/usage-api.js';

const SEED = 7;
const FLEET = { accounts: 3, sites: 1, subscribers: 2 };
const CANARY = 'canary-9b2f64d1c7e05a38';
const SITE = { dimension: 'customer_site_id', value: customerSiteId(FLEET, 0, 0) };
const RANGE = { from: '2026-08-01', to: '2026-08-03' };

describe('usage over REST', () => {
  let closing: Closing;
  let api: UsageApi;
  let account: string;
  let idle: string;

  beforeAll(async () => {
    closing = await startClosing({ fleet: FLEET, seed: SEED, apiKeys: { fleet: CANARY }, apiKey: CANARY });
    await makeSeller(closing.database, { code: 'acme' });
    const [fee] = feePlan('fee', '31.00').charges;
    const bytes = { metric: 'bytes', direction: 'total', per: 'msisdn', unit: 'MB' };
    await makePlan(closing.database, planOf('data', fee, usageCharge('data', bytes, '0.01')));
    account = await makeAccount(closing.database, { seller: 'acme', external_id: accountId(0) }, 'data', [
      { dimension: 'msisdn', value: msisdnOf(0) },
      { dimension: 'msisdn', value: msisdnOf(1) },
    ]);
    idle = await makeAccount(closing.database, { seller: 'acme', external_id: accountId(1) }, null);
    api = await startUsageApi(closing);
  });
  afterEach(() => closing.simulator.setFaults([]));
  afterAll(async () => {
    await api.stop();
    await closing.stop();
  });
  const usage = (query: Record<string, string>, of = account) => api.get(`/v1/accounts/${of}/usage`, query);

  it('days of an account in UTC are asked for as days', async () => {
    const before = closing.simulator.counters().requests;
    const { body } = await usage({ metric: 'bytes', granularity: 'day', ...RANGE }).expect(200);
    expect(closing.simulator.counters().requests - before).toBe(1);
    const windows = windowsOwned(fromStamp('2026-08-01T00:00:00Z'), fromStamp('2026-08-02T00:00:00Z'), 86_400);
    const quarters = windows.reduce(
      (sum, window) => sum + quarterBytes(0, window, 'up', SEED) + quarterBytes(1, window, 'up', SEED),
      0n,
    );
    expect(body).toMatchObject({
      entity: { dimension: 'account', value: accountId(0) },
      metric: 'bytes',
      granularity: 'DAY',
      time_zone: 'UTC',
      from: '2026-08-01T00:00:00Z',
      to: '2026-08-03T00:00:00Z',
      coverage: { expected: 4, received: 4, percent: '100' },
      open_buckets: 0,
    });
    expect(body).not.toHaveProperty('outcome');
    const [up] = (body as { series: { values: unknown[] }[] }).series;
    expect(up?.values[0]).toEqual({
      start: '2026-08-01T00:00:00Z',
      value: String(Number(quarters) / 4),
      expected: 1,
      received: 1,
    });
  });

  it('a range that reaches into the future says how much of it is open, and shows no zeros for it', async () => {
    const now = Math.floor(Date.now() / 3_600_000) * 3_600;
    const [from, to] = [now - 2 * 3_600, now + 3 * 3_600].map((at) => new Date(at * 1_000).toISOString());
    const { body } = await usage({ metric: 'time', from: from ?? '', to: to ?? '' }).expect(200);
    const { open_buckets, coverage, series } = body as {
      open_buckets: number;
      coverage: { expected: number; percent: string };
      series: { values: { value: string | null }[] }[];
    };
    expect([open_buckets, coverage.expected]).toEqual([3, 5]);
    expect(series[0]?.values.slice(3)).toEqual([
      { start: expect.any(String), value: null },
      { start: expect.any(String), value: null },
    ]);
    expect(coverage.percent).toMatch(/^[46]0$/);
  });

  it.each<[string, Record<string, string>, string]>([
    ['a range that is none', { metric: 'bytes', from: '2026-08-02', to: '2026-08-02' }, '/to'],
    ['what is no date', { metric: 'bytes', from: '2026-02-30', to: '2026-03-02' }, '/from'],
    ['more hours than anybody reads', { metric: 'bytes', from: '2026-01-01', to: '2026-08-01' }, '/to'],
    ['bandwidth of an account', { metric: 'bandwidth', ...RANGE }, '/dimension'],
    ['days of bandwidth', { metric: 'bandwidth', granularity: 'DAY', ...SITE, ...RANGE }, '/granularity'],
    ['bytes by 5 minutes', { metric: 'bytes', granularity: 'SLOT', ...RANGE }, '/granularity'],
  ])('%s is refused: 422', async (_what, query, pointer) => {
    const { body } = await usage(query).expect(422);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
  });

  it.each([
    ['an unknown metric', { metric: 'packets', ...RANGE }],
    ['an unknown granularity', { metric: 'bytes', granularity: 'WEEK', ...RANGE }],
    ['a dimension without value', { metric: 'bytes', dimension: 'msisdn', ...RANGE }],
    ['an unknown parameter', { metric: 'bytes', metrics: 'x', ...RANGE }],
  ])('%s is refused', async (_what, query) => {
    const { status, body } = await usage(query);
    expect([400, 422]).toContain(status);
    expect((body as { errors: unknown[] }).errors).toHaveLength(1);
  });

  it('an account that is not there: 404; a value no filter can name: 422', async () => {
    const nobody = '00000000-0000-4000-8000-000000000000';
    for (const path of ['usage', 'estimate', 'usage/conservation']) {
      const query = path === 'usage' ? { metric: 'bytes', ...RANGE } : {};
      await api.get(`/v1/accounts/${nobody}/${path}`, query as Record<string, string>).expect(404);
    }
    const live = await api
      .get(`/v1/accounts/${account}/usage/live`, { dimension: 'msisdn', value: '+49 170' })
      .expect(422);
    expect(live.body).toMatchObject({ code: 'entity_not_askable' });
  });

  describe('what the report API does wrong', () => {
    it.each<[Parameters<Closing['simulator']['setFaults']>[0][number], number, string]>([
      [{ fault: 'wrong_account' }, 502, 'echo_mismatch'],
      [{ fault: 'value_nan' }, 502, 'value_not_a_number'],
      [{ fault: 'csv_body' }, 502, 'not_json_content'],
      [{ fault: 'unauthorized_401' }, 502, 'api_key_refused'],
      [{ fault: 'forbidden_403' }, 502, 'account_forbidden'],
      [{ fault: 'unavailable_503' }, 503, 'report_api_unavailable'],
      [{ fault: 'rate_limited_429', retry_after_s: 17 }, 503, 'report_api_rate_limited'],
      [{ fault: 'reset_mid_body' }, 503, 'report_api_unavailable'],
    ])('%j is %i %s, and the key is in no answer and no log line', async (rule, status, code) => {
      closing.simulator.setFaults([rule]);
      const answers = [
        await usage({ metric: 'bytes', ...RANGE }),
        await api.get(`/v1/accounts/${account}/usage/live`, SITE),
        await api.get(`/v1/accounts/${account}/estimate`, { period: '2026-08' }),
      ];
      for (const answer of answers) {
        expect([answer.status, answer.type]).toEqual([status, 'application/problem+json']);
        expect(answer.body).toMatchObject({ status, code });
        expect(JSON.stringify([answer.headers, answer.text])).not.toContain('canary');
      }
      const retryAfter = answers.map(({ headers }) => (headers as Record<string, string>)['retry-after']);
      const asked = code === 'report_api_rate_limited' ? '17' : '30';
      expect(retryAfter).toEqual(status === 503 ? [asked, asked, '30'] : [undefined, undefined, undefined]);
      expect(api.log.join('')).not.toContain('canary');
      expect(JSON.stringify(closing.log)).not.toContain('canary');
    });

    it('a passing fault is met by asking once more', async () => {
      closing.simulator.setFaults([{ fault: 'unavailable_503', times: 1 }]);
      await usage({ metric: 'bytes', ...RANGE }).expect(200);
    });

    it('a gap is a gap: null, and less than 100 %', async () => {
      closing.simulator.setFaults([{ fault: 'missing_bucket' }]);
      const { body } = await usage({ metric: 'bytes', ...RANGE }).expect(200);
      expect((body as { coverage: object }).coverage).toEqual({ expected: 96, received: 95, percent: '98.95' });
    });

    it('a seller whose API has no key: 409', async () => {
      await makeSeller(closing.database, { code: 'keyless' });
      const other = await makeAccount(closing.database, { seller: 'keyless', external_id: 'k' }, null);
      const change = { report_api: { base_url: 'https://reports.example' } };
      granted(await updateSeller(closing.database, 'test', 'keyless', change, SECRET_KEY));
      const { body } = await usage({ metric: 'bytes', ...RANGE }, other).expect(409);
      expect(body).toMatchObject({ code: 'report_api_key_missing' });
    });
  });

  describe('the estimate', () => {
    const estimate = (query: Record<string, string> = {}, of = account) =>
      api.get(`/v1/accounts/${of}/estimate`, query);
    type Line = { charge: string; amount: string; quantity: string };

    it('of a month that is over is what its close will bill, to the cent', async () => {
      const { body } = await estimate({ period: '2026-07' }).expect(200);
      const [closed] = await closing.run('acme', '2026-07', { accounts: [account] });
      expect(closed && endOf(closed)).toBe('issued');
      const { lines, complete, net, gross, measured_until, would_hold } = body as Record<string, unknown>;
      expect([complete, measured_until, would_hold]).toEqual([true, '2026-08-01T00:00:00Z', []]);
      // On a document lines have positions, too.
      const billed = closed?.lines as ({ position: number } & Line)[];
      expect((lines as Line[]).map((line, index) => ({ ...line, position: index + 1 }))).toEqual(billed);
      expect({ net, gross }).toEqual({ net: closed?.totals?.net, gross: closed?.totals?.gross });
    });

    it('of the running month counts the hours that are over, and fees in full', async () => {
      const { body } = await estimate().expect(200);
      const { period, measured_until, complete, lines } = body as {
        period: { start: string };
        measured_until: string;
        complete: boolean;
        lines: Line[];
      };
      const now = Date.now() / 1_000;
      expect(complete).toBe(false);
      expect(now - fromStamp(measured_until)).toBeLessThan(2 * 3_600);
      const windows = windowsOwned(fromStamp(period.start), fromStamp(measured_until), 3_600);
      const expected = (leaf: number) => {
        const quarters = windows.reduce(
          (sum, window) => sum + quarterBytes(leaf, window, 'up', SEED) + quarterBytes(leaf, window, 'down', SEED),
          0n,
        );
        // 0.01 a MB, of quarter bytes: cents = quarters ÷ 4 ÷ 10^6.
        return amount(halfUp(quarters, 4_000_000n));
      };
      expect(lines.map(({ charge, amount: due }) => [charge, due])).toEqual([
        ['fee', '31.00'],
        ...(windows.length > 0 ? [0, 1].map((leaf) => ['data', expected(leaf)]) : []),
      ]);
    });

    it('of thousands of samples is rated in a thread, to the same cents as its close', async () => {
      const measure = { ...PERCENTILE_95, direction: 'percentile_of_sum', unit: 'Mbps' };
      await makePlan(closing.database, planOf('rate', usageCharge('rate', measure, '2.00')));
      const site = await makeAccount(closing.database, { seller: 'acme', external_id: accountId(2) }, 'rate', [
        { dimension: 'customer_site_id', value: customerSiteId(FLEET, 2, 0) },
      ]);
      const { body } = await estimate({ period: '2026-07' }, site).expect(200);
      const ended = await closing.run('acme', '2026-07', { accounts: [site] });
      const closed = ended.find((each) => each.account === site);
      const { lines, gross } = body as { lines: Line[]; gross: string };
      expect(lines.map((line, index) => ({ ...line, position: index + 1 }))).toEqual(closed?.lines);
      expect([lines.length, gross]).toEqual([1, closed?.totals?.gross]);
    });

    it('of more than can be waited for is refused before anything is asked', async () => {
      const bytes = { metric: 'bytes', direction: 'total', per: 'msisdn', unit: 'MB' };
      await makePlan(closing.database, planOf('many', usageCharge('many', bytes)));
      const many = await makeAccount(
        closing.database,
        { seller: 'acme', external_id: 'many' },
        'many',
        Array.from({ length: 2_001 }, (_, index) => ({ dimension: 'msisdn', value: `49${10_000_000 + index}` })),
      );
      const before = closing.simulator.counters().requests;
      const { body } = await estimate({ period: '2026-07' }, many).expect(422);
      expect(body).toMatchObject({ code: 'estimate_too_large' });
      expect((body as { detail: string }).detail).toMatch(/4004 series .* at most 4000 series.*"dry_run": true/);
      expect(closing.simulator.counters().requests).toBe(before);
    });

    it('says what a close would hold the account for', async () => {
      closing.simulator.setSwitches({ filter_logic: 'or' });
      const { body } = await estimate({ period: '2026-08' }).expect(200);
      closing.simulator.setSwitches({ filter_logic: 'and' });
      expect((body as { would_hold: { code: string }[] }).would_hold.map(({ code }) => code)).toEqual([
        'filter_suspect',
      ]);
    });

    it('is not made without usage, without a subscription, or before the month', async () => {
      closing.simulator.setFaults([{ fault: 'missing_bucket' }]);
      expect((await estimate({ period: '2026-08' }).expect(409)).body).toMatchObject({ code: 'missing_buckets' });
      expect((await estimate({ period: '2026-08' }, idle).expect(422)).body).toMatchObject({ code: 'no_subscription' });
      expect((await estimate({ period: '2999-01' }).expect(422)).body).toMatchObject({ code: 'period_not_begun' });
      await estimate({ period: '2026-8' }).expect(400);
    });
  });

  it('conservation is there for an auditor', async () => {
    await closing.run('acme', '2026-06', { accounts: [account] });
    const { body } = await api
      .get(`/v1/accounts/${account}/usage/conservation`, { from: '2026-06', to: '2026-07' })
      .expect(200);
    expect(body).toMatchObject({ conserved: true });
    const { windows, series } = body as { windows: { period: string; fetched: object }[]; series: object[] };
    expect([windows.length, series.length]).toEqual([6, 6]);
    expect(windows[0]).toMatchObject({
      entity: { dimension: 'account', value: accountId(0) },
      metric: 'downlink_bytes',
      period: '2026-06',
      owned_interval: { start: '2026-06-01T00:00:00Z', end: '2026-07-01T00:00:00Z' },
      grid: 'DAY',
      expected_buckets: 30,
      owned: { buckets: 30 },
      fetched: { buckets: 33 },
      margin: { buckets: 3 },
      conserved: true,
    });
  });
});
