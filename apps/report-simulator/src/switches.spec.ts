import { post, reportRequest, type Asked, type Item, type ReportReply } from '../../../test/support/report-requests.js';
import {
  accountApiKey,
  accountId,
  accountLeaves,
  bytesText,
  customerSiteId,
  fleetLeaves,
  imsiOf,
  msisdnOf,
  startReportSimulator,
  usageOfDays,
  utcDays,
  type Profiles,
  type ReportSimulator,
  type ReportSimulatorOptions,
  type Switches,
} from './index.js';

const FLEET = { accounts: 2, sites: 2, subscribers: 3 };
const ACCOUNT = accountId(0);
const SITE = customerSiteId(FLEET, 0, 1);
const CLOCK = Date.UTC(2022, 7, 1) / 1000;
const [MIDNIGHT, THREE] = ['2022-07-05T00:00:00+00:00', '2022-07-05T03:00:00+00:00'] as const;
const OF_SITE = { account_id: ACCOUNT, customer_site_id: SITE };
/** Rates of a site, three hours. */
const RATES: Asked = {
  range: [MIDNIGHT, THREE],
  granularity: 'HOUR',
  filters: OF_SITE,
  metrics: ['uplink_bandwidth AVG', 'downlink_bandwidth AVG', 'uplink_bandwidth MAX', 'downlink_bandwidth MAX'],
};
const BYTES: Asked = { ...RATES, metrics: ['uplink_bytes COUNT'] };
const SERIES: Asked = { range: [MIDNIGHT, THREE], filters: OF_SITE, metrics: ['uplink_bandwidth PERCENTILE 1'] };

const running: ReportSimulator[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((simulator) => simulator.close()));
});

async function answers(
  switches: Partial<Switches>,
  asked: Asked,
  {
    profiles,
    path = '/connectivity/v1/report?apikey=sim-fleet-key',
    headers,
    ...options
  }: Partial<ReportSimulatorOptions & { path: string; headers: Record<string, string>; profiles: Profiles }> = {},
): Promise<ReportReply> {
  const simulator = await startReportSimulator({
    seed: 7,
    fleet: FLEET,
    clock: () => CLOCK,
    switches,
    ...(profiles ? { profiles } : {}),
    ...options,
  });
  running.push(simulator);
  return post(`${simulator.url}${path}`, reportRequest(asked), headers);
}

const stamps = ({ json }: ReportReply) => json.result[0]?.map(({ time_stamp }) => time_stamp.slice(5, 16));
const values = ({ json }: ReportReply) => json.result.flat().map(({ value }) => value);
const series = ({ json }: ReportReply) => json.result.map(([item]) => `${item?.name} ${item?.aggregation_type}`);

describe('edge and label', () => {
  const OFF_GRID: [string, string] = ['2022-07-05T00:20:00+00:00', '2022-07-05T02:20:00+00:00'];
  it.each<[Switches['edge'], [string, string], string[]]>([
    ['r_inclusive', [MIDNIGHT, THREE], ['07-05T00:00', '07-05T01:00', '07-05T02:00', '07-05T03:00']],
    ['half_open', [MIDNIGHT, THREE], ['07-05T00:00', '07-05T01:00', '07-05T02:00']],
    ['open_closed', [MIDNIGHT, THREE], ['07-05T01:00', '07-05T02:00', '07-05T03:00']],
    ['v2_stop', [MIDNIGHT, THREE], ['07-05T01:00', '07-05T02:00', '07-05T03:00']],
    ['r_inclusive', OFF_GRID, ['07-05T00:00', '07-05T01:00', '07-05T02:00', '07-05T03:00']],
    ['half_open', OFF_GRID, ['07-05T00:00', '07-05T01:00', '07-05T02:00']],
    ['open_closed', OFF_GRID, ['07-05T01:00', '07-05T02:00', '07-05T03:00']],
    ['v2_stop', OFF_GRID, ['07-05T01:00', '07-05T02:00', '07-05T02:20']],
  ])('%s of %p answers %p', async (edge, range, expected) => {
    expect(stamps(await answers({ edge }, { ...BYTES, range }))).toEqual(expected);
  });

  it('label start and end name the same hours differently', async () => {
    const byStart = await answers({ edge: 'half_open', label: 'start' }, BYTES);
    const byEnd = await answers({ edge: 'open_closed', label: 'end' }, BYTES);
    expect(values(byStart)).toEqual(values(byEnd));
    expect(stamps(byEnd)).toEqual(['07-05T01:00', '07-05T02:00', '07-05T03:00']);
  });

  it('v2_stop cuts its last bucket at the end of the range and conserves usage', async () => {
    const whole = await answers({ edge: 'v2_stop' }, BYTES);
    const first = await answers({ edge: 'v2_stop' }, { ...BYTES, range: [MIDNIGHT, '2022-07-05T02:20:00+00:00'] });
    const rest = await answers({ edge: 'v2_stop' }, { ...BYTES, range: ['2022-07-05T02:20:00+00:00', THREE] });
    const total = (reply: ReportReply) => values(reply).reduce((sum, value) => sum + value, 0);
    expect(total(first) + total(rest)).toBe(total(whole));
    expect(first.json.result[0]?.at(-1)?.value).toBeLessThan(whole.json.result[0]?.at(-1)?.value ?? 0);
  });
});

describe('grouping and order', () => {
  it('merged puts all series into one array', async () => {
    const apart = await answers({}, RATES);
    const merged = await answers({ grouping: 'merged' }, RATES);
    expect(apart.json.result).toHaveLength(4);
    expect(merged.json.result).toEqual([apart.json.result.flat()]);
  });

  it('request keeps the order asked', async () => {
    expect(series(await answers({}, RATES))).toEqual([
      'downlink_bandwidth AVG',
      'uplink_bandwidth AVG',
      'downlink_bandwidth MAX',
      'uplink_bandwidth MAX',
    ]);
    expect(series(await answers({ order: 'request' }, RATES))).toEqual(RATES.metrics);
  });

  it('request also orders NOW', async () => {
    const asked: Asked = {
      range: 'NOW',
      filters: OF_SITE,
      metrics: ['uplink_bandwidth AVG', 'downlink_bandwidth AVG'],
    };
    expect(Object.keys((await answers({}, asked)).json).slice(2, 4)).toEqual([
      'downlink_bandwidth',
      'uplink_bandwidth',
    ]);
    expect(Object.keys((await answers({ order: 'request' }, asked)).json).slice(2, 4)).toEqual([
      'uplink_bandwidth',
      'downlink_bandwidth',
    ]);
  });

  it('shuffled mixes items, arrays and members, the same way each time', async () => {
    const long = { ...RATES, range: [MIDNIGHT, '2022-07-06T00:00:00+00:00'] as [string, string] };
    const plain = await answers({}, long);
    const mixed = await answers({ order: 'shuffled' }, long);
    expect(mixed.text).not.toBe(plain.text);
    expect((await answers({ order: 'shuffled' }, long)).text).toBe(mixed.text);
    expect(series(mixed)).not.toEqual(series(plain));
    for (const items of mixed.json.result) {
      const labels = items.map(({ time_stamp }) => time_stamp);
      expect(labels).not.toEqual(labels.toSorted());
    }
    const memberOrders = new Set(mixed.json.result.flat().map((item) => Object.keys(item).join()));
    expect(memberOrders.size).toBeGreaterThan(5);
    const key = (item: Item) => `${item.name} ${item.aggregation_type} ${item.time_stamp} ${item.value}`;
    expect(mixed.json.result.flat().map(key).toSorted()).toEqual(plain.json.result.flat().map(key).toSorted());
  });
});

describe('filter_logic and expressions', () => {
  const day = ['2022-07-05T00:00:00+00:00', '2022-07-06T00:00:00+00:00'] as [string, string];
  const OF: Asked = {
    range: day,
    granularity: 'DAY',
    filters: { account_id: ACCOUNT },
    metrics: ['uplink_bytes COUNT'],
  };

  it('or answers the whole account for one subscriber', async () => {
    const filters = { account_id: ACCOUNT, msisdn: msisdnOf(4) };
    const whole = values(await answers({ edge: 'half_open' }, OF));
    expect(values(await answers({ edge: 'half_open', filter_logic: 'or' }, { ...OF, filters }))).toEqual(whole);
    expect(values(await answers({ edge: 'half_open' }, { ...OF, filters }))[0]).toBeLessThan(whole[0] ?? 0);
  });

  it('or also takes in a subscriber of somebody else', async () => {
    const filters = { account_id: ACCOUNT, msisdn: msisdnOf(7) };
    const leaf7 = usageOfDays({ firstLeaf: 7, leaves: 1 }, utcDays('2022-07-05', 1), { seed: 7 });
    const account = usageOfDays(accountLeaves(FLEET, 0), utcDays('2022-07-05', 1), { seed: 7 });
    const both = Number(bytesText(leaf7.uplinkQuarterBytes + account.uplinkQuarterBytes));
    expect(values(await answers({ edge: 'half_open', filter_logic: 'or' }, { ...OF, filters }))).toEqual([both]);
  });

  it('first_only reads one expression, list all, reject none of several', async () => {
    const of = (...leaves: number[]) => ({
      ...OF,
      filters: { account_id: ACCOUNT, msisdn: leaves.map((n) => 8_020_010_000_000 + n) },
    });
    const one = await answers({ edge: 'half_open' }, of(1));
    const firstOnly = await answers({ edge: 'half_open' }, of(1, 2));
    expect(firstOnly.text).toBe(one.text);
    const list = await answers({ edge: 'half_open', expressions: 'list' }, of(1, 2, 1));
    const { uplinkQuarterBytes } = usageOfDays({ firstLeaf: 1, leaves: 2 }, utcDays('2022-07-05', 1), { seed: 7 });
    expect(values(list)).toEqual([Number(bytesText(uplinkQuarterBytes))]);
    expect(list.json['msisdn']).toEqual([8_020_010_000_001, 8_020_010_000_002, 8_020_010_000_001]);
    const accounts = { ...OF, filters: { account_id: [ACCOUNT, accountId(1)] } };
    const path = `/connectivity/v1/report?apikey=${accountApiKey(7, 0)}`;
    expect((await answers({}, accounts, { path })).status).toBe(200);
    expect((await answers({ expressions: 'list' }, accounts, { path })).status).toBe(403);
    expect((await answers({ expressions: 'reject' }, of(1, 2))).status).toBe(400);
    expect((await answers({ expressions: 'reject' }, of(1))).status).toBe(200);
  });
});

describe('unit, rate_base, round_dp, scope', () => {
  const window: Asked = {
    ...SERIES,
    range: [MIDNIGHT, MIDNIGHT],
    filters: { account_id: ACCOUNT, msisdn: msisdnOf(4) },
  };
  // Leaf 4 in the window of midnight, 5 July 2022 (day 19178, 19178 mod 97 = 69): every window number here is divisible by 288.
  const rank = (37 * 4 + 7) % 288;
  const bytes = 50_000 + 10 * 4 + 200 * rank + 2 * 69;

  it.each<[Partial<Switches>, number]>([
    [{}, (bytes * 8) / 1e6 / 169],
    [{ unit: 'kbps' }, (bytes * 8) / 1e3 / 169],
    [{ unit: 'bps' }, (bytes * 8) / 169],
    [{ rate_base: 'wall' }, (bytes * 8) / 1e6 / 300],
    [{ round_dp: 2 }, 0],
    [{ round_dp: 2, unit: 'bps' }, Math.round((bytes * 8 * 100) / 169) / 100],
  ])('%p', async (switches, rate) => {
    expect(values(await answers(switches, window))).toEqual([rate]);
  });

  it('fraction off leaves whole bytes', async () => {
    const quarter = {
      ...window,
      range: ['2022-07-05T00:05:00+00:00', '2022-07-05T00:05:00+00:00'] as [string, string],
    };
    const next = bytes - 200 * rank + 200 * ((rank + 41) % 288);
    expect(values(await answers({}, quarter))).toEqual([((next + 0.25) * 8) / 1e6 / 169]);
    expect(values(await answers({ fraction: 'off' }, quarter))).toEqual([(next * 8) / 1e6 / 169]);
  });

  it('all_ues adds up the subscribers of a site; top_ue is one of them', async () => {
    const average = (filters: Asked['filters']): Asked => ({
      ...RATES,
      range: [MIDNIGHT, MIDNIGHT],
      filters,
      metrics: ['uplink_bandwidth AVG'],
    });
    const each = [];
    for (const leaf of [3, 4, 5]) {
      each.push(...values(await answers({ unit: 'bps' }, average({ account_id: ACCOUNT, msisdn: msisdnOf(leaf) }))));
    }
    const [all = 0] = values(await answers({ unit: 'bps' }, average(OF_SITE)));
    const [top = 0] = values(await answers({ unit: 'bps', scope: 'top_ue' }, average(OF_SITE)));
    expect(Math.round(all)).toBe(Math.round(each.reduce((sum, rate) => sum + rate, 0)));
    expect(top).toBe(Math.max(...each));
    const bytesOfHour: Asked = { ...BYTES, range: [MIDNIGHT, MIDNIGHT] };
    expect((await answers({ scope: 'top_ue' }, bytesOfHour)).text).toBe((await answers({}, bytesOfHour)).text);
  });
});

describe('percentile_scale and percentile_rows', () => {
  const series = (comparison: number): Asked => ({ ...SERIES, metrics: [`uplink_bandwidth PERCENTILE ${comparison}`] });
  it.each<[Switches['percentile_scale'], number, number | 'refused']>([
    ['fraction', 1, 36],
    ['fraction', 0.95, 35],
    ['fraction', 95, 'refused'],
    ['percent', 95, 35],
    ['percent', 1, 1],
    ['percent', 101, 'refused'],
    ['ignored', 0.95, 36],
    ['ignored', 95, 36],
  ])('%s reads %p as %p rows', async (percentile_scale, comparison, rows) => {
    const reply = await answers({ edge: 'half_open', percentile_scale }, series(comparison));
    expect(reply.status === 400 ? 'refused' : values(reply).length).toBe(rows);
  });
});

describe('no traffic', () => {
  // Leaf 49 = account 8, site 0, subscriber 1.
  const fleet = { ...FLEET, firstAccount: 8 };
  const idle = { fleet, profiles: { idle: true } };
  const filters = { account_id: accountId(8), msisdn: msisdnOf(49) };
  const hours: Asked = { ...BYTES, filters };
  const five: Asked = { ...SERIES, filters };

  it('idle_window zero, null and omit', async () => {
    expect(values(await answers({}, hours, idle))).toEqual([0, 0, 0, 0]);
    expect(values(await answers({ idle_window: 'null' }, hours, idle))).toEqual([null, null, null, null]);
    expect((await answers({ idle_window: 'omit' }, hours, idle)).json.result).toEqual([]);
    expect(values(await answers({ edge: 'half_open' }, five, idle))).toEqual(Array(36).fill(0));
    expect((await answers({ percentile_rows: 'traffic_only' }, five, idle)).json.result).toEqual([]);
    expect(values(await answers({}, hours, { fleet }))[0]).toBeGreaterThan(0);
  });

  it('a site with one idle subscriber counts the others', async () => {
    const site = { account_id: accountId(8), customer_site_id: customerSiteId(fleet, 8, 0) };
    const asked: Asked = { ...BYTES, granularity: 'DAY', range: [MIDNIGHT, MIDNIGHT], filters: site };
    const { uplinkQuarterBytes } = usageOfDays({ firstLeaf: 48, leaves: 3 }, utcDays('2022-07-05', 1), {
      seed: 7,
      idle: true,
    });
    expect(values(await answers({}, asked, idle))).toEqual([Number(bytesText(uplinkQuarterBytes))]);
  });

  it.each<[Switches['empty'], number, string]>([
    ['[]', 200, '{"result":[],"msisdn":"8020010000049","account_id":"62c40008a1b2c3d400000008"}'],
    ['[[]]', 200, '{"result":[[]],"msisdn":"8020010000049","account_id":"62c40008a1b2c3d400000008"}'],
    ['absent', 200, '{"msisdn":"8020010000049","account_id":"62c40008a1b2c3d400000008"}'],
    ['404', 404, '{"message":"no data found"}'],
  ])('empty %s', async (empty, status, text) => {
    const reply = await answers({ empty, idle_window: 'omit' }, hours, idle);
    expect([reply.status, reply.text]).toEqual([status, text]);
  });
});

describe('limits', () => {
  it('future_end 400 refuses a range that ends after the clock', async () => {
    const beyond: Asked = { ...BYTES, range: ['2022-07-31T00:00:00+00:00', '2022-08-01T01:00:00+00:00'] };
    expect(stamps(await answers({}, beyond))).toHaveLength(24);
    expect((await answers({ future_end: '400' }, beyond)).status).toBe(400);
    const upToNow: Asked = { ...BYTES, range: ['2022-07-31T00:00:00+00:00', '2022-08-01T00:00:00+00:00'] };
    expect((await answers({ future_end: '400' }, upToNow)).status).toBe(200);
  });

  it('max_range 31d refuses a longer one', async () => {
    const range = (start: string): Asked => ({
      ...BYTES,
      granularity: 'DAY',
      range: [start, '2022-08-01T00:00:00+00:00'],
    });
    expect((await answers({ max_range: '31d' }, range('2022-07-01T00:00:00+00:00'))).status).toBe(200);
    expect((await answers({ max_range: '31d' }, range('2022-06-30T00:00:00+00:00'))).status).toBe(400);
  });

  it('max_items cuts without a word', async () => {
    const whole = await answers({}, RATES);
    const cut = await answers({ max_items: 6 }, RATES);
    expect(cut.json.result.map((items) => items.length)).toEqual([4, 2, 0, 0]);
    expect(cut.json.result.flat()).toEqual(whole.json.result.flat().slice(0, 6));
  });
});

describe('how it is written', () => {
  it('ids_echo string', async () => {
    const asked: Asked = { ...BYTES, filters: { account_id: ACCOUNT, msisdn: 8_020_010_000_001 } };
    expect((await answers({}, asked)).json['msisdn']).toBe(8_020_010_000_001);
    expect((await answers({ ids_echo: 'string' }, asked)).json['msisdn']).toBe('8020010000001');
  });

  it('trailing_brace on', async () => {
    const plain = await answers({}, BYTES);
    expect((await answers({ trailing_brace: 'on' }, BYTES)).text).toBe(`${plain.text}}`);
  });

  it('csv when it is accepted', async () => {
    const headers = { accept: 'text/csv' };
    const reply = await answers({}, BYTES, { headers });
    expect(reply.headers.get('content-type')).toBe('text/csv');
    const lines = reply.text.split('\n');
    expect(lines[0]).toBe('time_stamp,name,value,aggregation_type,customer_site_id,account_id');
    expect(lines[1]).toMatch(new RegExp(`^2022-07-05T00:00:00\\+00:00,uplink_bytes,[\\d.]+,COUNT,${SITE},${ACCOUNT}$`));
    expect(lines).toHaveLength(6);
    const now = await answers({}, { range: 'NOW', filters: OF_SITE, metrics: ['uplink_bandwidth AVG'] }, { headers });
    expect(now.text.split('\n')[0]).toBe('start_time,end_time,uplink_bandwidth,customer_site_id,account_id');
    expect((await answers({ csv: 'never' }, BYTES, { headers })).headers.get('content-type')).toBe('application/json');
  });
});

describe('auth and dialect', () => {
  const V1 = '/connectivity/v1/report';
  const V2 = '/connectivity/v2/report';
  it.each<[Partial<Switches>, string, Record<string, string>, number]>([
    [{}, `${V1}?apikey=sim-fleet-key`, {}, 200],
    [{}, V1, { apikey: 'sim-fleet-key' }, 401],
    [{ auth: 'header' }, V1, { apikey: 'sim-fleet-key' }, 200],
    [{ auth: 'header' }, `${V1}?apikey=sim-fleet-key`, {}, 401],
    [{ auth: 'both' }, V1, { apikey: 'sim-fleet-key' }, 200],
    [{ auth: 'both' }, `${V1}?apikey=sim-fleet-key`, {}, 200],
    [{ dialect: 'v2_2023' }, `${V2}?Authorization=sim-fleet-key`, {}, 200],
    [{ dialect: 'v2_2023', auth: 'header' }, V2, { authorization: 'sim-fleet-key' }, 200],
    [{ dialect: 'v2_2023' }, `${V2}?apikey=sim-fleet-key`, {}, 401],
    [{ dialect: 'v2_2023' }, `${V1}?apikey=sim-fleet-key`, {}, 404],
  ])('%p at %s with headers %p: %p', async (switches, path, headers, status) => {
    expect((await answers(switches, BYTES, { path, headers })).status).toBe(status);
  });

  it('a fleet key of one’s own replaces the default', async () => {
    const own = { apiKeys: { fleet: 'own-key' } };
    expect((await answers({}, BYTES, { ...own, path: `${V1}?apikey=own-key` })).status).toBe(200);
    expect((await answers({}, BYTES, own)).status).toBe(401);
  });
});

describe('profiles', () => {
  it('leading_zero: an IMSI that is not the number it looks like', async () => {
    const leading = { profiles: { leadingZero: true } };
    const asked = (imsi: string | number): Asked => ({ ...BYTES, filters: { account_id: ACCOUNT, imsi } });
    const found = await answers({}, asked(imsiOf(4, true)), leading);
    expect(found.json['imsi']).toBe('001010000000004');
    expect(values(found)).toEqual(values(await answers({}, asked(imsiOf(4)))));
    expect((await answers({}, asked(imsiOf(4)), leading)).json.result).toEqual([]);
    expect((await answers({}, asked(1_010_000_000_004), leading)).status).toBe(400);
  });

  it('big: counts beyond what a double holds, to the last digit', async () => {
    const big = { profiles: { big: true }, fleet: { accounts: 1, sites: 40, subscribers: 1 } };
    const asked: Asked = {
      range: [MIDNIGHT, MIDNIGHT],
      granularity: 'DAY',
      filters: { account_id: ACCOUNT },
      metrics: ['downlink_bytes COUNT'],
    };
    const usage = usageOfDays(fleetLeaves(big.fleet), utcDays('2022-07-05', 1), { seed: 7, big: true });
    const expected = bytesText(usage.downlinkQuarterBytes);
    expect(usage.downlinkQuarterBytes / 4n > 2n ** 53n).toBe(true);
    expect((await answers({}, asked, big)).text).toContain(`"value":${expected},`);
    const rate = { ...asked, metrics: ['downlink_bandwidth AVG'] };
    const [plain = 0] = values(await answers({}, rate, { fleet: big.fleet }));
    const [enlarged = 0] = values(await answers({}, rate, big));
    expect(Math.round(enlarged)).toBe(Math.round(plain * 1e6));
  });
});
