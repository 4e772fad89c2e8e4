import { post, reportRequest, type Asked, type Item } from '../../../test/support/report-requests.js';
import {
  accountId,
  accountLeaves,
  activePercentile,
  bytesText,
  customerSiteId,
  fleetLeaves,
  lateCorrection,
  startReportSimulator,
  usageBetween,
  usageOfDays,
  utcDays,
  wallPercentile,
  type ReportSimulator,
} from './index.js';

/*
 * The published oracle: July 2022 UTC, seed 7, fraction quirk on; and, where the table is silent, the formula of the
 * documentation written out once more below, window by window in big integers.
 */
const SEED = 7;
const FLEET = { accounts: 10_000, sites: 3, subscribers: 1 };
const LEAF = 12_345;
const ACCOUNT = 4115;
const JULY = utcDays('2022-07-01', 31);
const START = Date.UTC(2022, 6, 1) / 1000;
const END = Date.UTC(2022, 7, 1) / 1000;
const BASE = { uplink: [50_000, 10, 200, 2], downlink: [1_000_000, 100, 4_000, 40] } as const;

function formulaQuarterBytes(leaf: number, direction: 'uplink' | 'downlink', window: number, seed = SEED): number {
  const [base, perLeaf, perRank, perDay] = BASE[direction];
  const k = seed === SEED ? 41 : 1;
  const rank = (k * window + 37 * leaf + seed) % 288;
  const day = Math.floor(window / 288);
  return 4 * (base + perLeaf * (leaf % 1000) + perRank * rank + perDay * (day % 97)) + (window % 4);
}

function bruteForce(leaves: number[], startSeconds: number, endSeconds: number) {
  const usage = { uplinkQuarterBytes: 0n, downlinkQuarterBytes: 0n, timeUsageSeconds: 0n };
  for (const leaf of leaves) {
    for (let window = Math.ceil(startSeconds / 300); window * 300 < endSeconds; window++) {
      usage.uplinkQuarterBytes += BigInt(formulaQuarterBytes(leaf, 'uplink', window));
      usage.downlinkQuarterBytes += BigInt(formulaQuarterBytes(leaf, 'downlink', window));
      usage.timeUsageSeconds += BigInt(100 + (Math.floor(window / 288) % 97));
    }
  }
  return usage;
}

describe('closed forms', () => {
  it('give the published totals of the fleet', () => {
    const usage = usageOfDays(fleetLeaves(FLEET), JULY, { seed: SEED });
    expect(bytesText(usage.uplinkQuarterBytes)).toBe('22459823640000');
    expect(bytesText(usage.downlinkQuarterBytes)).toBe('435815956440000');
    expect(usage.timeUsageSeconds).toBe(48_211_200_000n);
  });

  it('give the published totals of leaf 12345', () => {
    const usage = usageOfDays({ firstLeaf: LEAF, leaves: 1 }, JULY, { seed: SEED });
    expect(bytesText(usage.uplinkQuarterBytes)).toBe('734867028');
    expect(bytesText(usage.downlinkQuarterBytes)).toBe('14389260948');
    expect(usage.timeUsageSeconds).toBe(1_607_040n);
  });

  it.each([
    [50, '82240.75', '1610300.75'],
    [95, '108216.25', '2129820.25'],
    [99, '110586.25', '2177220.25'],
    [100, '111040.75', '2186300.75'],
  ])('give the published P%d over wall rates', (percentile, up, down) => {
    const uplink = wallPercentile(LEAF, 'uplink', JULY, percentile, { seed: SEED });
    const downlink = wallPercentile(LEAF, 'downlink', JULY, percentile, { seed: SEED });
    expect(bytesText(uplink.quarterBytes)).toBe(up);
    expect(bytesText(downlink.quarterBytes)).toBe(down);
    expect(uplink.mbps).toBe((Number(up) * 8) / 1e6 / 300);
    expect(downlink.mbps).toBe((Number(down) * 8) / 1e6 / 300);
  });

  it('give the published P95 over active rates', () => {
    expect(activePercentile(LEAF, 'uplink', JULY, 95, { seed: SEED })).toBe(0.004894118343195267);
    expect(activePercentile(LEAF, 'downlink', JULY, '95', { seed: SEED })).toBe(0.09625221468926554);
  });

  it('count the published late corrections', () => {
    expect(lateCorrection(LEAF, START, END)).toEqual({ windows: 9, bytesPerDirection: 36_864 });
    const walked = Array.from({ length: 8928 }, (_, index) => START / 300 + index).filter(
      (window) => window % 1009 === LEAF % 1009,
    );
    expect(walked).toHaveLength(9);
  });

  it.each([
    ['one day', [0], '2022-07-01', 1],
    ['a day range across the 97-day turn', [12_345], '2022-09-25', 97],
    ['leaves across a thousand', [998, 999, 1000, 1001], '2024-02-28', 3],
  ])('agree with visiting every window: %s', (_, leaves, from, days) => {
    const range = { firstLeaf: leaves[0] ?? 0, leaves: leaves.length };
    const span = utcDays(from, days);
    const start = span.firstDay * 86_400;
    const walked = bruteForce(leaves, start, start + days * 86_400);
    expect(usageOfDays(range, span, { seed: SEED })).toEqual(walked);
    expect(usageBetween(range, start, start + days * 86_400, { seed: SEED })).toEqual(walked);
  });

  it('agree with each other for leaves whose ranks coincide, and for the profiles', () => {
    const range = accountLeaves({ accounts: 3, sites: 20, subscribers: 50 }, 1);
    const span = utcDays('2022-07-30', 4);
    const start = span.firstDay * 86_400;
    for (const model of [{ idle: true }, { big: true }, { fraction: false }, { idle: true, big: true }]) {
      const closed = usageOfDays(range, span, { seed: 99, ...model });
      expect(usageBetween(range, start, start + 4 * 86_400, { seed: 99, ...model })).toEqual(closed);
    }
  });

  it('leave out idle leaves', () => {
    const span = utcDays('2022-07-01', 1);
    const start = span.firstDay * 86_400;
    const range = { firstLeaf: 48, leaves: 52 };
    const busy = Array.from({ length: 52 }, (_, index) => 48 + index).filter((leaf) => leaf !== 49 && leaf !== 99);
    expect(usageOfDays(range, span, { seed: SEED, idle: true })).toEqual(bruteForce(busy, start, start + 86_400));
    const first49 = Array.from({ length: 49 }, (_, leaf) => leaf);
    expect(usageOfDays({ firstLeaf: 0, leaves: 49 }, span, { seed: SEED, idle: true })).toEqual(
      bruteForce(first49, start, start + 86_400),
    );
    expect(wallPercentile(49, 'uplink', span, 95, { seed: SEED, idle: true })).toEqual({ quarterBytes: 0n, mbps: 0 });
  });

  it('rank the windows of any seed as sorting all of them does', () => {
    const span = utcDays('2022-07-01', 5);
    for (let seed = 0; seed < 48; seed++) {
      const windows = Array.from({ length: 5 * 288 }, (_, index) => {
        const at = START + index * 300;
        return usageBetween({ firstLeaf: 5, leaves: 1 }, at, at + 300, { seed }).uplinkQuarterBytes;
      });
      expect(new Set(windows.slice(0, 288)).size).toBe(288);
      const sorted = windows.toSorted((a, b) => Number(a - b));
      for (const percentile of [1, 33, 50, 95, 99, 100]) {
        const rank = Math.ceil((percentile * windows.length) / 100);
        expect(wallPercentile(5, 'uplink', span, percentile, { seed }).quarterBytes).toBe(sorted[rank - 1]);
      }
    }
  });
});

describe('answers over HTTP', () => {
  let simulator: ReportSimulator;
  beforeAll(async () => {
    simulator = await startReportSimulator({ seed: SEED, fleet: FLEET, clock: () => Date.UTC(2022, 8, 1) / 1000 });
  });
  afterAll(() => simulator.close());
  afterEach(() => {
    simulator.setSwitches({ edge: 'r_inclusive', rate_base: 'active' });
    simulator.setFaults([]);
  });

  const ask = async (asked: Omit<Asked, 'filters'> & { filters?: Asked['filters'] }): Promise<Item[][]> => {
    const filters = { account_id: accountId(ACCOUNT), customer_site_id: customerSiteId(FLEET, ACCOUNT, 0) };
    const reply = await post(
      `${simulator.url}/connectivity/v1/report?apikey=sim-fleet-key`,
      reportRequest({ filters, ...asked }),
    );
    expect(reply.status).toBe(200);
    return reply.json.result;
  };
  const hours = (range: [string, string]) =>
    ask({ range, granularity: 'HOUR', metrics: ['uplink_bytes COUNT', 'downlink_bytes COUNT'] });
  const total = (items: Item[] | undefined) => (items ?? []).reduce((sum, { value }) => sum + value, 0);

  it('hold the published first and last hour, and their neighbours', async () => {
    const [up = [], down = []] = await hours(['2022-06-30T23:00:00+00:00', '2022-08-01T00:00:00+00:00']);
    const at = (items: Item[], stamp: string) => items.find(({ time_stamp }) => time_stamp === stamp)?.value;
    expect(at(up, '2022-07-01T00:00:00+00:00')).toBe(905_764.5);
    expect(at(down, '2022-07-01T00:00:00+00:00')).toBe(17_701_204.5);
    expect(at(up, '2022-07-31T23:00:00+00:00')).toBe(992_884.5);
    expect(at(down, '2022-07-31T23:00:00+00:00')).toBe(19_443_604.5);
    expect(at(up, '2022-06-30T23:00:00+00:00')).toBe(992_140.5);
    expect(at(down, '2022-06-30T23:00:00+00:00')).toBe(19_428_724.5);
    expect(at(up, '2022-08-01T00:00:00+00:00')).toBe(906_508.5);
    expect(at(down, '2022-08-01T00:00:00+00:00')).toBe(17_716_084.5);
  });

  it('mislead a client that adds up what it is given by the published amount', async () => {
    const [up, down] = await hours(['2022-07-01T00:00:00+00:00', '2022-08-01T00:00:00+00:00']);
    expect(total(up)).toBe(735_773_536.5);
    expect(total(down)).toBe(14_406_977_032.5);
  });

  it('add up to the published month when each bucket is owned once', async () => {
    simulator.setSwitches({ edge: 'half_open' });
    const [up, down] = await hours(['2022-07-01T00:00:00+00:00', '2022-08-01T00:00:00+00:00']);
    expect(up).toHaveLength(744);
    expect(total(up)).toBe(734_867_028);
    expect(total(down)).toBe(14_389_260_948);
    const [days] = await ask({
      range: ['2022-07-01T00:00:00+00:00', '2022-08-01T00:00:00+00:00'],
      granularity: 'DAY',
      metrics: ['time_usage_seconds COUNT'],
    });
    expect(days).toHaveLength(31);
    expect(total(days)).toBe(1_607_040);
  });

  it.each([
    ['wall', 50, (82_240.75 * 8) / 1e6 / 300, (1_610_300.75 * 8) / 1e6 / 300],
    ['wall', 95, (108_216.25 * 8) / 1e6 / 300, (2_129_820.25 * 8) / 1e6 / 300],
    ['wall', 99, (110_586.25 * 8) / 1e6 / 300, (2_177_220.25 * 8) / 1e6 / 300],
    ['wall', 100, (111_040.75 * 8) / 1e6 / 300, (2_186_300.75 * 8) / 1e6 / 300],
    ['active', 95, 0.004894118343195267, 0.09625221468926554],
  ] as const)('rank the %s series to the published P%d', async (rate_base, percentile, up, down) => {
    simulator.setSwitches({ edge: 'half_open', rate_base });
    const [uplink = [], downlink = []] = await ask({
      range: ['2022-07-01T00:00:00+00:00', '2022-08-01T00:00:00+00:00'],
      metrics: ['uplink_bandwidth PERCENTILE 1', 'downlink_bandwidth PERCENTILE 1'],
    });
    const rank = Math.ceil((8928 * percentile) / 100);
    expect(uplink).toHaveLength(8928);
    expect(uplink[rank - 1]?.value).toBe(up);
    expect(downlink[rank - 1]?.value).toBe(down);
    const values = uplink.map(({ value }) => value);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(new Set(uplink.map(({ time_stamp }) => time_stamp)).size).toBe(8928);
  });

  it('list every window of the percentile series with its own rate', async () => {
    simulator.setSwitches({ edge: 'half_open' });
    const [uplink = []] = await ask({
      range: ['2022-07-30T00:00:00+00:00', '2022-08-01T00:00:00+00:00'],
      metrics: ['uplink_bandwidth PERCENTILE 1'],
    });
    for (const { time_stamp, value } of uplink) {
      const window = Date.parse(time_stamp) / 300_000;
      const bytes = formulaQuarterBytes(LEAF, 'uplink', window) / 4;
      expect(value).toBe((bytes * 8) / 1e6 / (100 + (Math.floor(window / 288) % 97)));
    }
    expect(uplink).toHaveLength(576);
  });

  it('gain the published late correction', async () => {
    simulator.setSwitches({ edge: 'half_open' });
    simulator.setFaults([{ fault: 'late_correction' }]);
    const [up, down] = await hours(['2022-07-01T00:00:00+00:00', '2022-08-01T00:00:00+00:00']);
    expect(total(up)).toBe(734_867_028 + 36_864);
    expect(total(down)).toBe(14_389_260_948 + 36_864);
  });

  it('give an account as the sum of its leaves, and its filters as parts of it', async () => {
    simulator.setSwitches({ edge: 'half_open' });
    const day = (filters: Asked['filters']) =>
      ask({
        range: ['2022-07-05T00:00:00+00:00', '2022-07-06T00:00:00+00:00'],
        granularity: 'DAY',
        filters,
        metrics: ['uplink_bytes COUNT', 'downlink_bytes COUNT', 'time_usage_seconds COUNT'],
      });
    const values = (result: Item[][]) => result.flat().map(({ value }) => value);
    const expected = (leaves: number[]) => {
      const usage = bruteForce(leaves, Date.UTC(2022, 6, 5) / 1000, Date.UTC(2022, 6, 6) / 1000);
      return [usage.uplinkQuarterBytes, usage.downlinkQuarterBytes]
        .map((quarters) => Number(quarters) / 4)
        .concat(Number(usage.timeUsageSeconds));
    };
    const account_id = accountId(ACCOUNT);
    expect(values(await day({ account_id }))).toEqual(expected([12_345, 12_346, 12_347]));
    expect(values(await day({ account_id, customer_site_id: customerSiteId(FLEET, ACCOUNT, 2) }))).toEqual(
      expected([12_347]),
    );
    expect(values(await day({ account_id, msisdn: 8_020_010_012_346 }))).toEqual(expected([12_346]));
    expect(values(await day({ account_id, imsi: '310550000012345' }))).toEqual(expected([12_345]));
  });

  it('make a month of 5-minute samples, the same each time', async () => {
    const series = () =>
      ask({
        range: ['2022-07-01T00:00:00+00:00', '2022-08-01T00:00:00+00:00'],
        metrics: ['uplink_bandwidth PERCENTILE 1', 'downlink_bandwidth PERCENTILE 1'],
      });
    const [uplink, downlink] = await series();
    expect(uplink).toHaveLength(8929);
    expect(await series()).toEqual([uplink, downlink]);
  });
});
