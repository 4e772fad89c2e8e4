import { post, reportRequest, type Asked } from '../../../test/support/report-requests.js';
import {
  accountApiKey,
  accountId,
  customerSiteId,
  imsiOf,
  msisdnOf,
  ReportSimulatorError,
  startReportSimulator,
  type ReportSimulator,
} from './index.js';

const FLEET = { accounts: 5, sites: 2, subscribers: 2 };
const CLOCK = Date.UTC(2022, 6, 12, 9, 13, 48) / 1000;
const ACCOUNT = accountId(1);
const SITE = customerSiteId(FLEET, 1, 0);
/** First subscriber of that site: leaf (1·2 + 0)·2. */
const MSISDN = 8_020_010_000_004;
const IMSI = 310_550_000_000_004;

describe('the report API', () => {
  let simulator: ReportSimulator;
  let url: string;
  beforeAll(async () => {
    simulator = await startReportSimulator({ seed: 7, fleet: FLEET, clock: () => CLOCK });
    url = `${simulator.url}/connectivity/v1/report?apikey=sim-fleet-key`;
  });
  afterAll(() => simulator.close());

  const ask = (asked: Asked) => post(url, reportRequest(asked));
  const stamps = (items: { time_stamp: string }[] | undefined) => items?.map(({ time_stamp }) => time_stamp);

  describe('answers as the published examples do', () => {
    const day = ['2022-07-07T09:50:00+05:30', '2022-07-08T09:50:00+05:30'] as [string, string];

    it('1: time of an account, three day buckets for 24 hours', async () => {
      const { json } = await ask({
        range: day,
        granularity: 'DAY',
        filters: { account_id: ACCOUNT },
        metrics: ['time_usage_seconds COUNT'],
      });
      expect(Object.keys(json)).toEqual(['result', 'account_id']);
      expect(stamps(json.result[0])).toEqual([
        '2022-07-07T05:30:00+05:30',
        '2022-07-08T05:30:00+05:30',
        '2022-07-09T05:30:00+05:30',
      ]);
      expect(Object.keys(json.result[0]?.[0] ?? {})).toEqual(['time_stamp', 'name', 'value', 'aggregation_type']);
    });

    it('2: time of a subscriber, its number echoed as a number before the account', async () => {
      const { json, text } = await ask({
        range: day,
        granularity: 'DAY',
        dimensions: ['msisdn'],
        filters: { account_id: ACCOUNT, msisdn: MSISDN },
        metrics: ['time_usage_seconds COUNT'],
      });
      expect(Object.keys(json)).toEqual(['result', 'msisdn', 'account_id']);
      expect(text).toContain(`,"msisdn":${MSISDN},"account_id":"${ACCOUNT}"}`);
      // 288 windows of 100 to 196 seconds: 7 July 2022 is day 19180, 19180 mod 97 = 71.
      expect(json.result[0]?.[0]?.value).toBe(288 * 171);
    });

    it('3: bytes by the hour, 26 buckets for 24 hours, in the order asked', async () => {
      const { json } = await ask({
        range: day,
        granularity: 'HOUR',
        dimensions: ['msisdn'],
        filters: { account_id: ACCOUNT, msisdn: String(MSISDN) },
        metrics: ['uplink_bytes COUNT', 'downlink_bytes COUNT'],
      });
      const [up, down] = json.result;
      expect(up).toHaveLength(26);
      expect(stamps(up)?.[0]).toBe('2022-07-07T09:30:00+05:30');
      expect(stamps(down)?.[25]).toBe('2022-07-08T10:30:00+05:30');
      expect([up?.[0]?.name, down?.[0]?.name]).toEqual(['uplink_bytes', 'downlink_bytes']);
      expect(json['msisdn']).toBe(String(MSISDN));
    });

    it('4, 6, 7: the last five minutes, downlink first, always in +00:00', async () => {
      for (const [filters, aggregation] of [
        [{ account_id: ACCOUNT, customer_site_id: SITE }, 'AVG'],
        [{ account_id: ACCOUNT, imsi: IMSI }, 'MAX'],
        [{ account_id: ACCOUNT, msisdn: MSISDN }, 'MAX'],
      ] as const) {
        const { json } = await ask({
          range: 'NOW',
          filters,
          metrics: [`uplink_bandwidth ${aggregation}`, `downlink_bandwidth ${aggregation}`],
        });
        const [dimension = ''] = Object.keys(filters).slice(1);
        expect(Object.entries(json)).toEqual([
          ['start_time', '2022-07-12T09:08:48+00:00'],
          ['end_time', '2022-07-12T09:13:48+00:00'],
          ['downlink_bandwidth', expect.any(Number)],
          ['uplink_bandwidth', expect.any(Number)],
          [dimension, Object.values(filters)[1]],
          ['account_id', ACCOUNT],
        ]);
      }
    });

    it('5: every 5 minutes so far, by value, without an aggregation, though the range ends in the future', async () => {
      const { json } = await ask({
        range: ['2022-07-11T14:40:00+05:30', '2022-08-11T14:40:00+05:30'],
        dimensions: ['customer_site_id'],
        filters: { account_id: ACCOUNT, customer_site_id: SITE },
        metrics: ['uplink_bandwidth PERCENTILE 1', 'downlink_bandwidth PERCENTILE 1'],
      });
      const [up = [], down = []] = json.result;
      expect(Object.keys(up[0] ?? {})).toEqual(['time_stamp', 'name', 'value']);
      expect([up[0]?.name, down[0]?.name]).toEqual(['uplink_bandwidth', 'downlink_bandwidth']);
      const byTime = stamps(up)?.toSorted() ?? [];
      // One day, and the window that was still open at 09:13:48Z.
      expect(byTime).toHaveLength(289);
      expect([byTime[0], byTime.at(-1)]).toEqual(['2022-07-11T14:40:00+05:30', '2022-07-12T14:40:00+05:30']);
      expect(byTime).not.toEqual(stamps(up));
      const values = up.map(({ value }) => value);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
    });

    it('8: rates by the hour, by aggregation and downlink first, whatever was asked first', async () => {
      const { json } = await ask({
        range: ['2022-06-22T15:30:00+05:30', '2022-06-22T18:30:00+05:30'],
        granularity: 'HOUR',
        filters: { account_id: ACCOUNT, customer_site_id: SITE },
        metrics: ['AVG', 'MIN', 'MAX'].flatMap((how) => [`uplink_bandwidth ${how}`, `downlink_bandwidth ${how}`]),
      });
      expect(json.result.map(([item]) => `${item?.name} ${item?.aggregation_type}`)).toEqual([
        'downlink_bandwidth AVG',
        'uplink_bandwidth AVG',
        'downlink_bandwidth MIN',
        'uplink_bandwidth MIN',
        'downlink_bandwidth MAX',
        'uplink_bandwidth MAX',
      ]);
      const [average = [], , minimum = [], , maximum = []] = json.result;
      for (const [index, { value }] of average.entries()) {
        expect(minimum[index]?.value).toBeLessThan(value);
        expect(maximum[index]?.value).toBeGreaterThan(value);
      }
    });

    it('twice the same bytes for the same request', async () => {
      const asked: Asked = {
        range: day,
        granularity: 'HOUR',
        filters: { account_id: ACCOUNT },
        metrics: ['uplink_bytes COUNT'],
      };
      expect((await ask(asked)).text).toBe((await ask(asked)).text);
    });
  });

  it('keeps the open bucket with what it has so far, and nothing after the clock', async () => {
    const { json } = await ask({
      range: ['2022-07-12T08:00:00+00:00', '2022-07-12T12:00:00+00:00'],
      granularity: 'HOUR',
      filters: { account_id: ACCOUNT },
      metrics: ['time_usage_seconds COUNT'],
    });
    // Four leaves with 100 + 19185 mod 97 = 176 active seconds a window; three windows of 09:00Z had begun at 09:13:48.
    expect(json.result[0]?.map(({ value }) => value)).toEqual([12 * 4 * 176, 3 * 4 * 176]);
  });

  it('reports NOW from the last complete window', async () => {
    const { json } = await ask({
      range: 'NOW',
      filters: { account_id: ACCOUNT, msisdn: MSISDN },
      metrics: ['uplink_bandwidth MAX', 'uplink_bytes COUNT'],
    });
    // At 09:13:48 that is the window from 09:05, number 109 of a day whose number is 76 mod 97; leaf 4, K = 41, seed 7.
    const bytes = 50_000 + 10 * 4 + 200 * ((41 * 109 + 37 * 4 + 7) % 288) + 2 * 76 + 0.25;
    expect(json['uplink_bytes']).toBe(bytes);
    expect(json['uplink_bandwidth']).toBe((bytes * 8) / 1e6 / 176);
  });

  it('reads and writes offsets west of Greenwich', async () => {
    const { json } = await ask({
      range: ['2022-07-04T19:00:00-04:15', '2022-07-04T19:30:00-04:15'],
      granularity: 'HOUR',
      filters: { account_id: ACCOUNT },
      metrics: ['uplink_bytes COUNT'],
    });
    expect(stamps(json.result[0])).toEqual(['2022-07-04T18:45:00-04:15', '2022-07-04T19:45:00-04:15']);
  });

  it('answers nothing for a site or subscriber of another account', async () => {
    for (const other of [{ customer_site_id: customerSiteId(FLEET, 2, 0) }, { msisdn: msisdnOf(9) }]) {
      const { status, json } = await ask({
        range: ['2022-07-01T00:00:00+00:00', '2022-07-02T00:00:00+00:00'],
        granularity: 'DAY',
        filters: { account_id: ACCOUNT, ...other },
        metrics: ['uplink_bytes COUNT'],
      });
      expect([status, json.result]).toEqual([200, []]);
    }
  });

  describe('refuses', () => {
    const good = reportRequest({
      range: ['2022-07-01T00:00:00+00:00', '2022-07-02T00:00:00+00:00'],
      granularity: 'DAY',
      filters: { account_id: ACCOUNT },
      metrics: ['uplink_bytes COUNT'],
    });
    const filtersOf = (filters: Asked['filters']) =>
      reportRequest({ range: 'NOW', filters, metrics: [] })['dimension_filter_clauses'];
    const metricsOf = (...metrics: string[]) =>
      reportRequest({ range: 'NOW', filters: {}, metrics })['metrics'] as Record<string, unknown>[];

    it.each<[string, string, Record<string, unknown>]>([
      ['a member it does not know', 'limit', { limit: 10 }],
      ['a time without an offset', 'start_date_time', { start_date_time: '2022-07-01T00:00:00' }],
      ['a time in Z', 'start_date_time', { start_date_time: '2022-07-01T00:00:00Z' }],
      ['a day that does not exist', 'start_date_time', { start_date_time: '2022-06-31T00:00:00+00:00' }],
      ['an hour that does not exist', 'start_date_time', { start_date_time: '2022-06-30T24:00:00+00:00' }],
      ['an offset that does not exist', 'start_date_time', { start_date_time: '2022-06-30T00:00:00+15:00' }],
      ['a range that runs backwards', 'must not be after', { end_date_time: '2022-06-30T00:00:00+00:00' }],
      ['NOW on one side', 'both be NOW', { start_date_time: 'NOW' }],
      ['a relative time', 'start_date_time', { start_date_time: 'LAST MONTH', end_date_time: 'LAST MONTH' }],
      ['NOW with a granularity', 'granularity', { start_date_time: 'NOW', end_date_time: 'NOW' }],
      ['an aggregation without a granularity', 'granularity', { granularity: undefined }],
      ['another granularity', 'granularity', { granularity: 'MONTH' }],
      ['no clause', 'dimension_filter_clauses', { dimension_filter_clauses: [] }],
      [
        'two clauses',
        'dimension_filter_clauses',
        { dimension_filter_clauses: [filtersOf({ account_id: ACCOUNT }), {}].flat() },
      ],
      ['no account', 'account_id', { dimension_filter_clauses: filtersOf({ msisdn: MSISDN }) }],
      [
        'three filters',
        'filters',
        { dimension_filter_clauses: filtersOf({ account_id: ACCOUNT, msisdn: MSISDN, imsi: IMSI }) },
      ],
      ['an account that is a number', 'expressions.0', { dimension_filter_clauses: filtersOf({ account_id: 12 }) }],
      [
        'a short msisdn',
        'expressions.0',
        { dimension_filter_clauses: filtersOf({ account_id: ACCOUNT, msisdn: 1234 }) },
      ],
      [
        'a long imsi',
        'expressions.0',
        { dimension_filter_clauses: filtersOf({ account_id: ACCOUNT, imsi: 10 ** 15 }) },
      ],
      ['no expression', 'expressions', { dimension_filter_clauses: filtersOf({ account_id: [] }) }],
      ['no metric', 'metrics', { metrics: [] }],
      ['an unknown metric', 'metrics.0.name', { metrics: metricsOf('packet_latency AVG') }],
      ['an average of bytes', 'cannot be aggregated', { metrics: metricsOf('uplink_bytes AVG') }],
      ['a count of bandwidth', 'cannot be aggregated', { metrics: metricsOf('uplink_bandwidth COUNT') }],
      ['a percentile of bytes', 'cannot be aggregated', { metrics: metricsOf('uplink_bytes PERCENTILE 1') }],
      ['the same metric twice', 'twice', { metrics: metricsOf('uplink_bytes COUNT', 'uplink_bytes COUNT') }],
      ['a percentile beyond 1', 'comparison_value', { metrics: metricsOf('uplink_bandwidth PERCENTILE 95') }],
      ['a percentile of 0', 'comparison_value', { metrics: metricsOf('uplink_bandwidth PERCENTILE 0') }],
      [
        'a percentile beside an average',
        'mixed',
        { metrics: metricsOf('uplink_bandwidth PERCENTILE 1', 'uplink_bandwidth AVG') },
      ],
      ['neither aggregation nor percentile', 'exactly one', { metrics: [{ name: 'uplink_bandwidth' }] }],
    ])('%s', async (_, named, change) => {
      const { status, json } = await post(url, { ...good, ...change });
      expect(status).toBe(400);
      expect(json.message).toContain(named);
      expect(Object.keys(json)).toEqual(['message']);
    });

    it('what is not JSON, another path, another method, a body without end', async () => {
      expect(await post(url, '{"start_date_time":').then(({ status }) => status)).toBe(400);
      expect(await post(`${simulator.url}/connectivity/v2/report?apikey=x`, good).then(({ status }) => status)).toBe(
        404,
      );
      const got = await fetch(url);
      expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
      expect(await post(url, ' '.repeat(1024 * 1024 + 1)).then(({ status }) => status)).toBe(413);
    });

    it('no key, unknown keys, and an account key used for another account', async () => {
      const at = `${simulator.url}/connectivity/v1/report`;
      const statusOf = async (key: string) => (await post(`${at}?apikey=${key}`, good)).status;
      expect((await post(at, good)).status).toBe(401);
      expect(await statusOf('')).toBe(401);
      expect(await statusOf('guess')).toBe(401);
      expect(await statusOf(accountApiKey(8, 1))).toBe(401);
      expect(await statusOf(accountApiKey(7, 5))).toBe(401);
      expect(await statusOf(accountApiKey(7, 2))).toBe(403);
      expect(await statusOf(accountApiKey(7, 1))).toBe(200);
      const lookalike = { ...good, dimension_filter_clauses: filtersOf({ account_id: `f${ACCOUNT.slice(1)}` }) };
      expect((await post(url, lookalike)).status).toBe(403);
      const foreign = { ...good, dimension_filter_clauses: filtersOf({ account_id: accountId(5) }) };
      expect((await post(url, foreign)).status).toBe(403);
    });
  });

  it('counts what it answered', async () => {
    const own = await startReportSimulator({ fleet: FLEET, clock: () => CLOCK });
    const request = reportRequest({
      range: 'NOW',
      filters: { account_id: ACCOUNT },
      metrics: ['uplink_bandwidth AVG'],
    });
    const { text } = await post(`${own.url}/connectivity/v1/report?apikey=sim-fleet-key`, request);
    const { text: refusal } = await post(`${own.url}/connectivity/v1/report`, request);
    expect(own.counters()).toEqual({
      requests: 2,
      by_status: { 200: 1, 401: 1 },
      by_account: { [ACCOUNT]: 1 },
      faults: {},
      body_bytes: text.length + refusal.length,
    });
    await own.close();
  });

  it('follows the machine clock unless told otherwise', async () => {
    const own = await startReportSimulator({ fleet: FLEET });
    const now = async () => {
      const { json } = await post(
        `${own.url}/connectivity/v1/report?apikey=sim-fleet-key`,
        reportRequest({ range: 'NOW', filters: { account_id: ACCOUNT }, metrics: ['uplink_bandwidth AVG'] }),
      );
      return Date.parse(String(json['end_time'])) / 1000;
    };
    const followsTheMachine = async () => {
      const before = Math.floor(Date.now() / 1000);
      const at = await now();
      expect(at).toBeGreaterThanOrEqual(before);
      expect(at).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
    };
    await followsTheMachine();
    own.setClock(CLOCK);
    expect(await now()).toBe(CLOCK);
    own.setClock(undefined);
    await followsTheMachine();
    await own.close();
  });
});

describe('identities', () => {
  it('are those of the documentation', () => {
    expect(accountId(4115)).toBe('62c41013a1b2c3d400001013');
    expect(customerSiteId({ accounts: 10_000, sites: 3, subscribers: 1 }, 4115, 0)).toBe('62c51013d8f757bf00003039');
    expect(msisdnOf(12_345)).toBe('8020010012345');
    expect(imsiOf(12_345)).toBe('310550000012345');
    expect(imsiOf(12_345, true)).toBe('001010000012345');
  });
});

describe('startReportSimulator refuses', () => {
  it.each([
    ['an empty fleet', { fleet: { accounts: 0, sites: 1, subscribers: 1 } }, 'bad_options'],
    ['half a site', { fleet: { accounts: 1, sites: 0.5, subscribers: 1 } }, 'bad_options'],
    ['accounts before the first', { fleet: { ...FLEET, firstAccount: -1 } }, 'bad_options'],
    ['more subscribers than numbers', { fleet: { accounts: 1e6, sites: 1e3, subscribers: 10 } }, 'bad_options'],
    ['a negative seed', { fleet: FLEET, seed: -1 }, 'bad_options'],
    ['an unknown switch', { fleet: FLEET, switches: { edges: 'half_open' } }, 'bad_switches'],
    ['an unknown value', { fleet: FLEET, switches: { edge: 'open' } }, 'bad_switches'],
    ['an unknown fault', { fleet: FLEET, faults: [{ fault: 'fire' }] }, 'bad_faults'],
  ])('%s', async (_, options, code) => {
    const started = startReportSimulator(options as Parameters<typeof startReportSimulator>[0]);
    await expect(started).rejects.toThrow(ReportSimulatorError);
    await expect(started).rejects.toMatchObject({ code, retryable: false });
  });

  it('a port that is taken', async () => {
    const first = await startReportSimulator({ fleet: FLEET });
    const port = Number(new URL(first.url).port);
    await expect(startReportSimulator({ fleet: FLEET, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(startReportSimulator({ fleet: FLEET, control: { port } })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await first.close();
  });

  it('a clock before there was anything', async () => {
    const own = await startReportSimulator({ fleet: FLEET });
    expect(() => own.setClock(Number.NaN)).toThrow(ReportSimulatorError);
    expect(() => own.setClock(0)).toThrow(ReportSimulatorError);
    await own.close();
  });
});
