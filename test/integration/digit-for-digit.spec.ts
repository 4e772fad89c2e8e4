import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadSnapshots } from '#persistence/ledger';
import type { CloseAccountView } from '#persistence/closes';
import { accountId, imsiOf } from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, makeSeller, PERCENTILE_95, planOf, usageCharge } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';
import { activeSeconds, quarterBytes, windowsOwned } from '../support/expected-usage.js';

const PERIOD = '2026-08';
const AUGUST = { start: Date.UTC(2026, 7, 1) / 1_000, end: Date.UTC(2026, 8, 1) / 1_000 };

interface Line {
  charge: string;
  quantity: string;
  amount: string;
  entity: { dimension: string; value: string } | null;
  derivation: { basis: { measured: { numerator: string; denominator: string }; evidence: { sums?: object } } };
}
const linesOf = (view: CloseAccountView | undefined) => view?.lines as Line[];

describe('numbers and ids of the report API', () => {
  const SEED = 7;
  const FLEET = { accounts: 2, sites: 1, subscribers: 2 };
  let closing: Closing;
  let account: string;
  let view: CloseAccountView | undefined;
  // Leaves 2 and 3 are the subscribers of account 1.
  const LEAVES = [2, 3];
  const IMSIS = LEAVES.map((leaf) => imsiOf(leaf, true));
  const windows = windowsOwned(AUGUST.start, AUGUST.end, 86_400);

  beforeAll(async () => {
    closing = await startClosing({ fleet: FLEET, seed: SEED, profiles: { big: true, leadingZero: true } });
    await makeSeller(closing.database, { code: 'acme' });
    await makePlan(
      closing.database,
      planOf(
        'plan',
        usageCharge('fleet', { metric: 'bytes', direction: 'total', per: 'account', unit: 'B' }, '0.000000001'),
        usageCharge('data', { metric: 'bytes', direction: 'downlink', per: 'imsi', unit: 'B' }, '0.000000001'),
        usageCharge('airtime', { metric: 'time', per: 'imsi', unit: 'second' }, '0.01'),
      ),
    );
    account = await makeAccount(
      closing.database,
      { seller: 'acme', external_id: accountId(1) },
      'plan',
      IMSIS.map((value) => ({ dimension: 'imsi', value })),
    );
    [view] = await closing.run('acme', PERIOD);
  });
  afterAll(() => closing.stop());

  /** Bytes of the big profile: quarters × 10^6, which is whole. */
  const big = (leaves: number[], ways: ('up' | 'down')[]) => {
    let quarters = 0n;
    for (const window of windows) {
      for (const leaf of leaves) for (const way of ways) quarters += quarterBytes(leaf, window, way, SEED);
    }
    return ((quarters * 1_000_000n) / 4n).toString();
  };
  const line = (charge: string, value?: string) =>
    linesOf(view).find((each) => each.charge === charge && (value === undefined || each.entity?.value === value));

  it('counts beyond what a double can hold stand on the invoice to the last digit', () => {
    expect(view && endOf(view)).toBe('issued');
    const fleet = big(LEAVES, ['up', 'down']);
    expect(BigInt(fleet)).toBeGreaterThan(BigInt(Number.MAX_SAFE_INTEGER));
    expect(line('fleet')?.quantity).toBe(fleet);
    expect(line('fleet')?.derivation.basis.measured).toEqual({ numerator: fleet, denominator: '1' });
    for (const [index, leaf] of LEAVES.entries())
      expect(line('data', IMSIS[index])?.quantity).toBe(big([leaf], ['down']));
    // A billionth of a dollar a byte: the amount is the quantity, nine places down, rounded to cents.
    const cents = (BigInt(fleet) + 5_000_000n) / 10_000_000n;
    expect(line('fleet')?.amount).toBe(`${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`);
  });

  it('an IMSI with leading zeros is asked for, owned and billed as it is', async () => {
    expect(IMSIS).toEqual(['001010000000002', '001010000000003']);
    expect(
      linesOf(view)
        .filter(({ charge }) => charge === 'data')
        .map(({ entity }) => entity?.value),
    ).toEqual(IMSIS);
    const snapshots = await loadSnapshots(closing.database, { accountId: account, periodLabel: PERIOD });
    const imsis = snapshots.filter(({ entity }) => entity.startsWith('imsi:')).map(({ entity }) => entity);
    expect([...new Set(imsis)]).toEqual(IMSIS.map((imsi) => `imsi:${imsi}`));
    const seconds = windows.reduce((sum, window) => sum + activeSeconds(window), 0n).toString();
    expect(line('airtime', IMSIS[0])?.quantity).toBe(seconds);
  });

  it('its zero-less twin is somebody else, whom no filter can name', async () => {
    const twin = await makeAccount(closing.database, { seller: 'acme', external_id: accountId(0) }, 'plan', [
      { dimension: 'imsi', value: '1010000000002' },
    ]);
    expect((await closing.run('acme', '2026-07', { accounts: [twin] })).map(endOf)).toEqual([
      'held entity_not_askable',
    ]);
  });
});

/** An API that answers every bucket with the same texts, whatever is asked. */
async function startConstant(texts: Record<string, string>): Promise<{ url: string; stop(): Promise<void> }> {
  const stamp = (seconds: number) => new Date(seconds * 1_000).toISOString().replace('.000Z', '+00:00');
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const asked = JSON.parse(Buffer.concat(chunks).toString()) as {
        start_date_time: string;
        end_date_time: string;
        granularity?: 'DAY' | 'HOUR';
        metrics: { name: string }[];
        dimension_filter_clauses: { filters: { dimension_name: string; expressions: (string | number)[] }[] }[];
      };
      const width = asked.granularity === 'DAY' ? 86_400 : asked.granularity === 'HOUR' ? 3_600 : 300;
      const [from = 0, to = 0] = [asked.start_date_time, asked.end_date_time].map((at) => Date.parse(at) / 1_000);
      const labels: number[] = [];
      for (let at = from; at <= to; at += width) labels.push(at);
      const kind = asked.granularity ? ',"aggregation_type":"COUNT"' : '';
      const series = asked.metrics.map(({ name }) =>
        labels.map((at) => `{"time_stamp":"${stamp(at)}","name":"${name}","value":${texts[name]}${kind}}`).join(),
      );
      const echo = (asked.dimension_filter_clauses[0]?.filters ?? []).map(
        (filter) => `"${filter.dimension_name}":${JSON.stringify(filter.expressions[0])}`,
      );
      const body = `{"result":[${series.map((items) => `[${items}]`).join()}],${echo.join()}}`;
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

it('the odd numbers of the published examples reach the invoice digit for digit', async () => {
  const api = await startConstant({
    uplink_bytes: '22196.5',
    downlink_bytes: '9007199254740993.25',
    time_usage_seconds: '23933.017647058823',
  });
  // A day of such rates over a third of its seconds, near enough: bytes that contradict them would hold the account.
  const rates = await startConstant({
    uplink_bytes: '17618826.75',
    downlink_bytes: '1150452862417.5',
    time_usage_seconds: '28800',
    uplink_bandwidth: '0.004894118343195267',
    downlink_bandwidth: '319.5702395604395',
  });
  const closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 } });
  const reportApi = { base_url: api.url, api_key: 'k', dialect: null, strict: false };
  await makeSeller(closing.database, { code: 'acme', report_api: reportApi });
  await makeSeller(closing.database, { code: 'rates', report_api: { ...reportApi, base_url: rates.url } });
  await makePlan(
    closing.database,
    planOf(
      'sums',
      usageCharge('up', { metric: 'bytes', direction: 'uplink', per: 'account', unit: 'B' }, '0.0001'),
      usageCharge('down', { metric: 'bytes', direction: 'downlink', per: 'account', unit: 'B' }, '0.000000000001'),
      usageCharge('time', { metric: 'time', per: 'account', unit: 'second' }, '0.01'),
    ),
  );
  const rate = { ...PERCENTILE_95, direction: 'uplink', sites: 'pooled', unit: 'Mbps' };
  await makePlan(closing.database, planOf('burst', usageCharge('burst', rate, '100.00')));
  await makeAccount(closing.database, { seller: 'acme', external_id: '62c40843c7a190970912345' }, 'sums');
  await makeAccount(closing.database, { seller: 'rates', external_id: '62c40843c7a190970912346' }, 'burst', [
    { dimension: 'customer_site_id', value: '62c408aaadd8f757bf412345' },
  ]);
  const [[sums], [burst]] = [await closing.run('acme', PERIOD), await closing.run('rates', PERIOD)];
  expect([sums && endOf(sums), burst && endOf(burst)]).toEqual(['issued', 'issued']);
  // 31 × each, worked out by hand.
  expect(linesOf(sums).map(({ charge, quantity, amount }) => [charge, quantity, amount])).toEqual([
    ['up', '688091.5', '68.81'],
    ['down', '279223176896970790.75', '279223.18'],
    ['time', '741923.547058823513', '7419.24'],
  ]);
  const [line] = linesOf(burst);
  expect(line?.derivation.basis.measured).toEqual({ numerator: '0.004894118343195267', denominator: '1' });
  expect([line?.quantity, line?.amount]).toEqual(['0.004894118343', '0.49']);
  await closing.stop();
  await Promise.all([api.stop(), rates.stop()]);
});
