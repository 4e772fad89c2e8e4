import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fromStamp, monthPeriod } from '#calendar';
import type { EntityRef } from '#metering';
import { loadSnapshots } from '#persistence/ledger';
import { createReportClient, DIALECTS, type ReportClient, SealedKey } from '#report-client';
import { accountId, customerSiteId, imsiOf, msisdnOf } from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, makeSeller, PERCENTILE_95, planOf, usageCharge } from '../support/catalogue.js';
import { type Closing, endOf, IMPATIENT, ON_THIS_MACHINE, startClosing } from '../support/closing.js';
import { activeSeconds, nearestRank, quarterBytes, scaled, windowsOwned } from '../support/expected-usage.js';
import { startUsageApi, type UsageApi } from '../support/usage-api.js';

/**
 * The eight forms of the report API's documentation, each from the question to the answer: over REST where it is shown,
 * through a close into a snapshot and onto an invoice where it is billed. Expected numbers come from the published formula
 * of the simulated traffic, recomputed window by window.
 */
const SEED = 7;
const FLEET = { accounts: 4, sites: 2, subscribers: 1 };
const A = 1;
// Account 1 has leaves 2 and 3: one subscriber at each of its two sites.
const LEAVES = [2, 3];
const [LEAF = 0] = LEAVES;
const ACCOUNT = accountId(A);
const SITE = customerSiteId(FLEET, A, 0);
const MSISDN = msisdnOf(LEAF);
const IMSI = imsiOf(LEAF);
const PERIOD = '2026-07';
// The day of the documentation's examples, in its offset: 09:50 +05:30 is 04:20 UTC.
const FROM = '2026-07-07T09:50:00+05:30';
const TO = '2026-07-08T09:50:00+05:30';

const quarters = (value: bigint) => {
  const whole = value / 4n;
  return `${whole}${['', '.25', '.5', '.75'][Number(value % 4n)]}`;
};
const seconds = (leaves: number[], windows: number[]) =>
  windows.reduce((sum, window) => sum + activeSeconds(window) * BigInt(leaves.length), 0n).toString();
const bytes = (leaf: number, windows: number[], way: 'up' | 'down') =>
  quarters(windows.reduce((sum, window) => sum + quarterBytes(leaf, window, way, SEED), 0n));
/** Mbps of one window as the simulator says it prints them: bytes × 8 ÷ 10^6 ÷ seconds, in doubles. */
const rate = (leaf: number, window: number, way: 'up' | 'down') =>
  ((Number(quarterBytes(leaf, window, way, SEED)) / 4) * 8) / 1e6 / Number(activeSeconds(window));
const hourWindows = (from: string, to: string) => windowsOwned(fromStamp(from), fromStamp(to), 3_600);

/** What a line was measured as, exact. */
interface Derived {
  derivation: { basis: { measured: { numerator: string; denominator: string } } };
}

describe('the eight forms of the seed', () => {
  let closing: Closing;
  let api: UsageApi;
  let account: string;
  let billed: Map<string, { outcome: string; values: readonly (string | null)[]; grid: string }>;
  let lines: ({ charge: string; quantity: string; entity: { value: string } | null } & Derived)[];

  beforeAll(async () => {
    closing = await startClosing({ fleet: FLEET, seed: SEED });
    await makeSeller(closing.database, { code: 'acme', time_zone: 'Asia/Kolkata' });
    const rates = { ...PERCENTILE_95, direction: 'downlink', sites: 'each_then_sum', unit: 'Mbps' };
    await makePlan(
      closing.database,
      planOf(
        'all-forms',
        usageCharge('time', { metric: 'time', per: 'account', unit: 'second' }, '0.01'),
        usageCharge('airtime', { metric: 'time', per: 'msisdn', unit: 'second' }, '0.01'),
        usageCharge('data', { metric: 'bytes', direction: 'total', per: 'msisdn', unit: 'B' }, '0.01'),
        usageCharge('burst', rates, '0.01'),
      ),
    );
    account = await makeAccount(closing.database, { seller: 'acme', external_id: ACCOUNT }, 'all-forms', [
      { dimension: 'msisdn', value: MSISDN },
      { dimension: 'msisdn', value: msisdnOf(3) },
      { dimension: 'customer_site_id', value: SITE },
      { dimension: 'customer_site_id', value: customerSiteId(FLEET, A, 1) },
    ]);
    const ended = await closing.run('acme', PERIOD);
    expect(ended.map(endOf)).toEqual(['issued']);
    lines = ended[0]?.lines as typeof lines;
    const snapshots = await loadSnapshots(closing.database, { accountId: account, periodLabel: PERIOD });
    billed = new Map(
      snapshots.map(({ entity, metric, series }) => [
        `${entity} ${metric}`,
        { outcome: 'kept', values: series?.values ?? [], grid: series?.grid ?? '' },
      ]),
    );
    api = await startUsageApi(closing);
  });
  afterAll(async () => {
    await api.stop();
    await closing.stop();
  });

  const quantity = (charge: string, entity: string | null = null) =>
    lines.find((line) => line.charge === charge && (line.entity?.value ?? null) === entity)?.quantity;
  const JULY = monthPeriod(PERIOD, 'Asia/Kolkata');
  const july = windowsOwned(JULY.start, JULY.end, 3_600);
  const usage = async (query: Record<string, string>) =>
    (await api.get(`/v1/accounts/${account}/usage`, query).expect(200)).body as {
      coverage: { expected: number; received: number; percent: string };
      series: { name: string; aggregation: string | null; total: string; values: { start: string; value: string }[] }[];
    };

  it('1: time for an account', async () => {
    const { series, coverage } = await usage({ metric: 'time', granularity: 'DAY', from: FROM, to: TO });
    // The hours that start in the day: 05:00Z of the 7th up to and with 04:00Z of the 8th.
    expect(coverage).toEqual({ expected: 24, received: 24, percent: '100' });
    expect(series.map(({ name, total }) => [name, total])).toEqual([
      ['time_usage_seconds', seconds(LEAVES, hourWindows('2026-07-07T05:00:00Z', '2026-07-08T05:00:00Z'))],
    ]);
    expect(quantity('time')).toBe(seconds(LEAVES, july));
    expect(billed.get(`account:${ACCOUNT} time_usage_seconds`)).toMatchObject({ grid: 'HOUR' });
  });

  it('2: time for an MSISDN', async () => {
    const query = { metric: 'time', granularity: 'DAY', from: FROM, to: TO, dimension: 'msisdn', value: MSISDN };
    const { series } = await usage(query);
    const total = seconds([LEAF], hourWindows('2026-07-07T05:00:00Z', '2026-07-08T05:00:00Z'));
    expect(series[0]?.total).toBe(total);
    // The documentation's own answer for one subscriber and one day sums to more seconds than a day has.
    expect(Number(total)).toBeLessThanOrEqual(86_400);
    expect(quantity('airtime', MSISDN)).toBe(seconds([LEAF], july));
    expect(billed.get(`msisdn:${MSISDN} time_usage_seconds`)?.values).toHaveLength(744);
  });

  it('3: hourly bytes for an MSISDN, summed to days and months', async () => {
    const of = { metric: 'bytes', dimension: 'msisdn', value: MSISDN };
    const hours = await usage({ ...of, granularity: 'HOUR', from: FROM, to: TO });
    expect(hours.series.map(({ name, values }) => [name, values.length])).toEqual([
      ['uplink_bytes', 24],
      ['downlink_bytes', 24],
    ]);
    expect(hours.series[0]?.values[0]).toEqual({
      start: '2026-07-07T05:00:00Z',
      value: bytes(LEAF, hourWindows('2026-07-07T05:00:00Z', '2026-07-07T06:00:00Z'), 'up'),
    });

    const days = await usage({ ...of, granularity: 'DAY', from: '2026-07-01', to: '2026-08-01' });
    expect(days.series[1]?.values).toHaveLength(31);
    const second = monthPeriod(PERIOD, 'Asia/Kolkata').start + 86_400;
    expect(days.series[1]?.values[1]).toEqual({
      start: '2026-07-01T18:30:00Z',
      value: bytes(LEAF, windowsOwned(second, second + 86_400, 3_600), 'down'),
      expected: 24,
      received: 24,
    });

    const month = await usage({ ...of, granularity: 'MONTH', from: '2026-07-01', to: '2026-08-01' });
    const [up, down] = (['up', 'down'] as const).map((way) => bytes(LEAF, july, way));
    expect(month.series.map(({ values }) => values.map(({ value }) => value))).toEqual([[up], [down]]);
    expect(month.series.map(({ total }) => total)).toEqual(days.series.map(({ total }) => total));
    const total = july.reduce(
      (sum, window) => sum + quarterBytes(LEAF, window, 'up', SEED) + quarterBytes(LEAF, window, 'down', SEED),
      0n,
    );
    expect(quantity('data', MSISDN)).toBe(quarters(total));
  });

  it('4: real-time bandwidth of a site (NOW, AVG)', async () => {
    const query = { dimension: 'customer_site_id', value: SITE, aggregation: 'AVG' };
    await expectLive(query, { dimension: 'customer_site_id', value: SITE }, 'AVG');
  });

  it('5: monthly percentile bandwidth of a site', async () => {
    const slots = windowsOwned(JULY.start, JULY.end, 300);
    const kept = billed.get(`customer_site_id:${SITE} downlink_bandwidth`);
    expect([kept?.grid, kept?.values.length]).toEqual(['SLOT', 8_928]);
    expect(kept?.values).toEqual(slots.map((window) => String(rate(LEAF, window, 'down'))));
    const p95 = LEAVES.map((leaf) =>
      nearestRank(
        slots.map((window) => scaled(rate(leaf, window, 'down'))),
        95,
      ),
    );
    const sum = p95.reduce((total, level) => total + level, 0n);
    const burst = lines.find(({ charge }) => charge === 'burst')?.derivation.basis.measured;
    expect([scaledText(burst?.numerator ?? ''), burst?.denominator]).toEqual([sum, '1']);
    const shown = await usage({
      metric: 'bandwidth',
      granularity: 'SLOT',
      from: '2026-07-01',
      to: '2026-07-02',
      dimension: 'customer_site_id',
      value: SITE,
    });
    expect(shown.series[1]?.values.map(({ value }) => value)).toEqual(kept?.values.slice(0, 288));
  });

  it('6: NOW MAX by IMSI', async () => {
    await expectLive({ dimension: 'imsi', value: IMSI, aggregation: 'MAX' }, { dimension: 'imsi', value: IMSI }, 'MAX');
  });

  it('7: NOW MAX by MSISDN', async () => {
    const query = { dimension: 'msisdn', value: MSISDN, aggregation: 'MAX' };
    await expectLive(query, { dimension: 'msisdn', value: MSISDN }, 'MAX');
  });

  it('8: hourly AVG, MIN and MAX of a site', async () => {
    const { series } = await usage({
      metric: 'bandwidth',
      granularity: 'HOUR',
      from: '2026-06-22T15:30:00+05:30',
      to: '2026-06-22T18:30:00+05:30',
      dimension: 'customer_site_id',
      value: SITE,
    });
    expect(series.map(({ name, aggregation }) => `${name} ${aggregation}`)).toEqual(
      ['uplink', 'downlink'].flatMap((way) => ['AVG', 'MIN', 'MAX'].map((kind) => `${way}_bandwidth ${kind}`)),
    );
    expect(series.map(({ values }) => values.map(({ start }) => start.slice(11, 16)).join())).toEqual(
      series.map(() => '10:00,11:00,12:00'),
    );
    const windows = hourWindows('2026-06-22T10:00:00Z', '2026-06-22T11:00:00Z');
    const rates = windows.map((window) => rate(LEAF, window, 'down'));
    expect(series.slice(4).map(({ values }) => values[0]?.value)).toEqual([
      String(Math.min(...rates)),
      String(Math.max(...rates)),
    ]);
    const bits = windows.reduce((sum, window) => sum + Number(quarterBytes(LEAF, window, 'down', SEED)) / 4, 0) * 8;
    const active = windows.reduce((sum, window) => sum + Number(activeSeconds(window)), 0);
    expect(series[3]?.values[0]?.value).toBe(String(bits / 1e6 / active));
  });

  it('what is shown is never kept: nothing but the billed forms is in the ledger', async () => {
    const kept = await closing.database.$queryRaw<{ entity: string; grids: string }[]>`
      SELECT split_part(w.entity, ':', 1) AS entity, string_agg(DISTINCT s.grid, ',') AS grids
        FROM usage_window w JOIN usage_snapshot s ON s.window_id = w.id GROUP BY 1 ORDER BY 1`;
    expect(kept).toEqual([
      { entity: 'account', grids: 'HOUR' },
      // The bytes and the time that its rates are held against come by the hour.
      { entity: 'customer_site_id', grids: 'HOUR,SLOT' },
      { entity: 'msisdn', grids: 'HOUR' },
    ]);
  });

  async function expectLive(query: Record<string, string>, entity: EntityRef, aggregation: string) {
    const { body } = await api.get(`/v1/accounts/${account}/usage/live`, query).expect(200);
    const live = body as { window: { start: string; end: string }; uplink_mbps: string; downlink_mbps: string };
    // NOW is the last whole window before the clock; the window that is named ends at the clock itself.
    const window = Math.floor(fromStamp(live.window.end) / 300) - 1;
    expect(body).toEqual({
      entity,
      aggregation,
      window: live.window,
      uplink_mbps: String(rate(LEAF, window, 'up')),
      downlink_mbps: String(rate(LEAF, window, 'down')),
      warnings: [],
    });
    expect(fromStamp(live.window.end) - fromStamp(live.window.start)).toBe(300);
  }
});

/** A plain decimal as an integer of 10^-30. */
function scaledText(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(30, '0'));
}

describe('the published answers, replayed over HTTP', () => {
  const NAMES = {
    1: '01-time-usage-enterprise',
    2: '02-time-usage-msisdn',
    3: '03-bytes-hourly-msisdn',
    4: '04-now-avg-bandwidth-site',
    5: '05-percentile-bandwidth-site',
    6: '06-now-max-bandwidth-imsi',
    7: '07-now-max-bandwidth-msisdn',
    8: '08-avg-min-max-bandwidth-site',
  } as const;
  type Sample = { account: string; entity: EntityRef };

  /** Who the published request asks for. */
  function asked(name: string): Sample {
    const { dimension_filter_clauses: clauses } = JSON.parse(
      readFileSync(`test/fixtures/report-api/${name}.json`, 'utf8'),
    ) as { dimension_filter_clauses: { filters: { dimension_name: string; expressions: (string | number)[] }[] }[] };
    const filters = new Map(
      clauses[0]?.filters.map((filter) => [filter.dimension_name, String(filter.expressions[0])]),
    );
    const account = filters.get('account_id') ?? '';
    filters.delete('account_id');
    const [[dimension, value] = ['account', account]] = filters;
    return { account, entity: { dimension: dimension as EntityRef['dimension'], value } };
  }

  async function replay(number: keyof typeof NAMES, ask: (client: ReportClient) => Promise<{ outcome: string }>) {
    const answer = readFileSync(`test/fixtures/report-api/${NAMES[number]}.response.json`);
    const server = createServer((request, response) => {
      request.resume();
      request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = createReportClient({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      apiKey: new SealedKey('a-key'),
      dialect: DIALECTS.speak({}),
      connections: { addresses: ON_THIS_MACHINE },
      retry: IMPATIENT,
    });
    try {
      const result = (await ask(client)) as { outcome: string; code?: string };
      return `${result.outcome} ${result.code ?? ''}`.trim();
    } finally {
      await client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  const DAY = { start: fromStamp('2022-07-07T00:00:00Z'), end: fromStamp('2022-07-09T00:00:00Z') };
  const NOW = fromStamp('2022-07-12T09:13:48Z');
  const days = (sample: Sample, family: 'time' | 'bytes', grid: 'DAY' | 'HOUR') => (client: ReportClient) =>
    client.fetchUsage({ ...sample, family, grid, owned: DAY, now: NOW });
  const live = (sample: Sample, aggregation: 'AVG' | 'MAX') => (client: ReportClient) =>
    client.fetchNow({ ...sample, aggregation, now: NOW });
  const month = (sample: Sample) => (client: ReportClient) =>
    client.fetchUsage({
      ...sample,
      family: 'bandwidth',
      grid: 'SLOT',
      owned: { start: fromStamp('2022-07-11T00:00:00Z'), end: fromStamp('2022-07-13T00:00:00Z') },
      now: NOW,
    });

  // Every request of ours stands in +00:00; a sample that answers in +05:30 answers another request.
  it.each<
    [keyof typeof NAMES, string, string, (sample: Sample) => (client: ReportClient) => Promise<{ outcome: string }>]
  >([
    [1, `${NAMES[1]}.request`, 'refused echo_mismatch', (sample) => days(sample, 'time', 'DAY')],
    [1, `${NAMES[1]}.request.python-variant`, 'refused offset_differs', (sample) => days(sample, 'time', 'DAY')],
    [2, `${NAMES[2]}.request`, 'refused offset_differs', (sample) => days(sample, 'time', 'DAY')],
    [3, `${NAMES[3]}.request`, 'refused offset_differs', (sample) => days(sample, 'bytes', 'HOUR')],
    [4, `${NAMES[4]}.request`, 'live', (sample) => live(sample, 'AVG')],
    [5, `${NAMES[5]}.request`, 'refused offset_differs', month],
    [6, `${NAMES[6]}.request`, 'refused echo_mismatch', (sample) => live(sample, 'MAX')],
    [7, `${NAMES[7]}.request`, 'refused echo_mismatch', (sample) => live(sample, 'MAX')],
    [
      8,
      `${NAMES[8]}.request`,
      'refused echo_mismatch',
      (sample) => (client: ReportClient) => client.fetchBandwidthHours({ ...sample, owned: DAY, now: NOW }),
    ],
  ])('%i asked as in %s: %s', async (number, request, outcome, ask) => {
    expect(await replay(number, ask(asked(request)))).toBe(outcome);
  });
});
