import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findClose } from '#persistence/closes';
import { loadSnapshots } from '#persistence/ledger';
import { DIALECTS, Dialects } from '#report-client';
import { makeAccount, makePlan, makeSeller, planOf, usageCharge } from '../support/catalogue.js';
import { type Closing, endOf, startClosing, warned } from '../support/closing.js';
import { gauge } from '../support/dialects/gauge-2031/dialect.js';

const PERIOD = '2026-08';
const SLOT = 300;
const KEY = 'key-of-the-gauge';

/**
 * The gauge of one site, by windows of 5 minutes that are always busy: window w of a day has 1000 + w kbps up and twice as
 * much down. It answers the buckets that end in (after, until].
 */
function kbps(window: number, direction: 1 | 2): number {
  return (1_000 + (window % 288)) * direction;
}
const COLUMNS: Record<string, (windows: readonly number[]) => number> = {
  'octets.up': (windows) => windows.reduce((sum, window) => sum + (kbps(window, 1) * 1_000 * SLOT) / 8, 0),
  'octets.down': (windows) => windows.reduce((sum, window) => sum + (kbps(window, 2) * 1_000 * SLOT) / 8, 0),
  seconds: (windows) => windows.length * SLOT,
  'kbps.up': ([window = 0]) => kbps(window, 1),
  'kbps.down': ([window = 0]) => kbps(window, 2),
};

interface Asked {
  of: Record<string, string>;
  columns: string[];
  every: number;
  after: number;
  until: number;
}

/** Undefined: this is no question to a gauge. */
function askedBy(url: string): Asked | undefined {
  const { pathname, searchParams } = new URL(url, 'http://gauge');
  if (pathname !== '/gauge') return undefined;
  const number = (name: string) => Number.parseInt(searchParams.get(name) ?? '', 10);
  const dimensions = ['account', 'customer_site_id', 'msisdn', 'imsi'].filter((name) => searchParams.has(name));
  return {
    of: Object.fromEntries(dimensions.map((name) => [name, searchParams.getAll(name).at(-1) ?? ''])),
    columns: searchParams.getAll('column'),
    every: number('every'),
    after: number('after'),
    until: number('until'),
  };
}

function answerTo({ of, columns, every, after, until }: Asked) {
  const first = (Math.floor(after / every) + 1) * every;
  const buckets = Array.from(
    { length: Math.floor((until - first) / every) + 1 },
    (_, bucket) => first + bucket * every,
  );
  const windowsOf = (end: number) => Array.from({ length: every / SLOT }, (_, at) => (end - every) / SLOT + at);
  const valuesOf = (name: string) => buckets.map((end) => COLUMNS[name]?.(windowsOf(end)) ?? null);
  return { of, first, every, columns: Object.fromEntries(columns.map((name) => [name, valuesOf(name)])) };
}

describe('a second dialect', () => {
  const dialects = new Dialects([DIALECTS.of({}), gauge]);
  const asked: Asked[] = [];
  let server: Server;
  let closing: Closing;
  let swap = false;

  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 }, dialects });
    server = createServer((request, response) => {
      const { method, headers } = request;
      // No body is announced, for a GET has none.
      const isAsked = method === 'GET' && headers.authorization === `Bearer ${KEY}` && !('content-type' in headers);
      const question = isAsked ? askedBy(request.url ?? '') : undefined;
      if (!question) {
        response.writeHead(404).end();
        return;
      }
      asked.push(question);
      const of = swap ? { ...question.of, account: 'another' } : question.of;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(answerTo({ ...question, of })));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const burst = {
      metric: 'bandwidth',
      aggregation: 'percentile',
      percentile: '95',
      direction: 'percentile_of_greater',
      sites: 'pooled',
      missing: 'zero',
      unit: 'Mbps',
    };
    const volume = { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' };
    await makePlan(
      closing.database,
      planOf('gauged', usageCharge('burst', burst), usageCharge('volume', volume, '0.01')),
    );
  });
  afterAll(async () => {
    server.close();
    await closing.stop();
  });

  const makeGauged = async (code: string, strict: boolean, dialect: Record<string, unknown>) => {
    const { port } = server.address() as AddressInfo;
    const reportApi = { base_url: `http://127.0.0.1:${port}`, api_key: KEY, strict, dialect };
    await makeSeller(closing.database, { code, invoice_prefix: code.toUpperCase(), report_api: reportApi });
    const site = { dimension: 'customer_site_id' as const, value: `site-${code}` };
    return makeAccount(closing.database, { seller: code, external_id: `meter-${code}` }, 'gauged', [site]);
  };

  it('is one folder and one row: a month is pulled, controlled, rated and issued by its traits', async () => {
    const settings = { name: 'gauge-2031' };
    const accountId = await makeGauged('strict', true, settings);
    const [account] = await closing.run('strict', PERIOD);
    if (!account) throw new Error('the account is not in the close');
    expect([endOf(account), warned(account)]).toEqual(['issued', []]);
    // Of 8,928 samples down, 2000 to 2574 kbps by twos and each 31 times, the 8,482nd is 2 × (1000 + 273) kbps. A day has
    // 288 × 1000 + 41,328 = 329,328 kbps-windows of 37,500 bytes up and twice as many down; a month has 31.
    const lines = account.lines as { quantity: string; amount: string }[];
    expect(lines.map(({ quantity, amount }) => [quantity, amount])).toEqual([
      ['2.546', '2.55'],
      ['1148.5314', '11.49'],
    ]);
    // By DAY at once, by SLOT in pieces of 11 days, each with a bucket more on both sides.
    const august = Date.UTC(2026, 7, 1) / 1_000;
    const slots = asked.filter(({ every }) => every === SLOT);
    expect(slots.map(({ after, until }) => [after, until])).toEqual(
      [0, 11, 22].map((day) => [august + day * 86_400 - SLOT, august + Math.min(day + 11, 31) * 86_400 + SLOT]),
    );
    const snapshots = await loadSnapshots(closing.database, { accountId, periodLabel: PERIOD });
    const { sha256 } = dialects.speak({ ...settings, strict: true });
    expect(new Set(snapshots.map(({ dialectSha256 }) => dialectSha256))).toEqual(new Set([sha256]));
    expect(sha256).not.toBe(dialects.speak({ strict: true }).sha256);
  });

  it('holds what its open questions bear on, where the seller is strict, and warns elsewhere', async () => {
    const settings = { name: 'gauge-2031', scope_known: false };
    await makeGauged('doubting', true, settings);
    await makeGauged('trusting', false, settings);
    expect((await closing.run('doubting', PERIOD)).map(endOf)).toEqual(['held rate_scope_unknown']);
    expect((await closing.run('trusting', PERIOD)).map(endOf)).toEqual(['issued']);
    const told = await findClose(closing.database, closing.lastClose());
    expect(told?.warnings.map(({ code }) => code)).toEqual(['rate_scope_unknown']);
  });

  it('has its own rules for what an answer is for', async () => {
    await makeGauged('swapped', false, { name: 'gauge-2031' });
    swap = true;
    expect((await closing.run('swapped', PERIOD)).map(endOf)).toEqual(['held echo_mismatch']);
    swap = false;
  });

  it('is taken by its name alone: the same settings are none of the first one', async () => {
    expect(dialects.check({ name: 'gauge-2031', scope_known: false }).success).toBe(true);
    expect(dialects.check({ scope_known: false }).success).toBe(false);
    expect(DIALECTS.check({ name: 'gauge-2031' }).success).toBe(false);
    expect(() => new Dialects([gauge, gauge])).toThrow('two dialects have one name');
  });
});
