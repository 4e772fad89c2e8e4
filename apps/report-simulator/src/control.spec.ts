import { post, reportRequest } from '../../../test/support/report-requests.js';
import { accountId, startReportSimulator, type ReportSimulator } from './index.js';

const FLEET = { accounts: 10_000, sites: 3, subscribers: 1 };

describe('the control API', () => {
  let simulator: ReportSimulator;
  beforeAll(async () => {
    simulator = await startReportSimulator({ seed: 7, fleet: FLEET, control: {} });
  });
  afterAll(() => simulator.close());

  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${simulator.controlUrl}${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  const statusNow = async () =>
    (
      await post(
        `${simulator.url}/connectivity/v1/report?apikey=sim-fleet-key`,
        reportRequest({
          range: 'NOW',
          filters: { account_id: accountId(0) },
          metrics: ['uplink_bandwidth AVG'],
        }),
      )
    ).status;

  it('is off by default', async () => {
    const own = await startReportSimulator({ fleet: FLEET });
    expect(own.controlUrl).toBeUndefined();
    await own.close();
  });

  it('stops, sets and releases the clock', async () => {
    const at = Date.UTC(2022, 7, 1) / 1000;
    expect(await call('PUT', '/clock', { at: '2022-08-01T05:30:00+05:30' })).toEqual({
      status: 200,
      json: { epoch_seconds: at, stands_still: true },
    });
    expect((await call('PUT', '/clock', { epoch_seconds: at + 1 })).json).toEqual({
      epoch_seconds: at + 1,
      stands_still: true,
    });
    expect((await call('PUT', '/clock', { epoch_seconds: null })).json).toMatchObject({ stands_still: false });
    expect((await call('GET', '/clock')).json).toMatchObject({ stands_still: false });
  });

  it('sets switches and keeps the others', async () => {
    await call('PUT', '/switches', { edge: 'half_open' });
    const { json } = await call('PUT', '/switches', { unit: 'kbps' });
    expect(json).toMatchObject({ edge: 'half_open', unit: 'kbps', label: 'start' });
    await call('PUT', '/switches', { edge: 'r_inclusive', unit: 'Mbps' });
  });

  it('replaces the fault plan', async () => {
    await call('PUT', '/faults', [{ fault: 'error_500', times: 1 }]);
    expect((await call('GET', '/faults')).json).toMatchObject([{ fault: 'error_500', times: 1 }]);
    expect([await statusNow(), await statusNow()]).toEqual([500, 200]);
    expect((await call('GET', '/counters')).json).toMatchObject({ requests: 2, faults: { error_500: 1 } });
    expect((await call('PUT', '/faults', [])).json).toEqual([]);
  });

  it('knows the published oracle', async () => {
    expect((await call('GET', '/oracle?from=2022-07-01&days=31')).json).toEqual({
      leaves: 30_000,
      uplink_bytes: '22459823640000',
      downlink_bytes: '435815956440000',
      time_usage_seconds: '48211200000',
    });
    expect((await call('GET', '/oracle?from=2022-07-01&days=31&leaf=12345&percentile=95')).json).toMatchObject({
      leaves: 1,
      uplink_bytes: '734867028',
      downlink_bytes: '14389260948',
      time_usage_seconds: '1607040',
      percentile: {
        of: '95',
        uplink: { window_bytes: '108216.25', active_mbps: '0.004894118343195267' },
        downlink: { window_bytes: '2129820.25', active_mbps: '0.09625221468926554' },
      },
      late_correction_windows: 9,
    });
  });

  it.each([
    ['GET', '/nothing', undefined, 404],
    ['DELETE', '/clock', undefined, 405],
    ['PUT', '/counters', {}, 405],
    ['PUT', '/clock', '{', 400],
    ['PUT', '/clock', {}, 400],
    ['PUT', '/clock', { epoch_seconds: -1 }, 400],
    ['PUT', '/switches', { edge: 'x' }, 400],
    ['PUT', '/switches', [], 400],
    ['PUT', '/switches', { edge: null }, 400],
    ['PUT', '/faults', [{ fault: 'x' }], 400],
    ['PUT', '/faults', {}, 400],
    ['GET', '/oracle', undefined, 400],
    ['GET', '/oracle?from=2022-07-01&days=0', undefined, 400],
    ['GET', '/oracle?from=2022-07-01&leaf=x', undefined, 400],
    ['GET', '/oracle?from=2022-07-01&leaf=1&percentile=101', undefined, 400],
  ])('%s %s with %p is %p', async (method, path, body, status) => {
    const answer = await call(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.json).toHaveProperty('message');
  });
});
