import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect, promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { Client } from 'pg';
import {
  accountId,
  customerSiteId,
  FAULT_KINDS,
  type FaultRule,
  msisdnOf,
} from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, planOf, usageCharge } from '../support/catalogue.js';
import { type Closing, startClosing } from '../support/closing.js';
import { startUsageApi, type UsageApi } from '../support/usage-api.js';

/**
 * Three keys that can be recognised: the service's own, a seller's and an account's. After closes that met every fault,
 * views, refusals and retries, none of them is found anywhere in plain: not in a log line at the lowest level, not in an
 * error, not in an answer of the API, and not in any column of any table, packed or not.
 */
const SERVICE_KEY = 'canary-service-7d1f03b6a95e';
const SELLER_KEY = 'canary-seller-c84b20e7f316';
const ACCOUNT_KEY = 'canary-account-2ea96d58071c';
// One account for each fault, and two with keys of their own.
const FLEET = { accounts: FAULT_KINDS.length + 2, sites: 1, subscribers: 1 };

const unpack = promisify(inflate);

/** Every row of every table as text, and what is packed in it unpacked. */
async function dumpOf(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
      WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const parts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${name}`);
    for (const row of rows) {
      for (const [column, value] of Object.entries(row)) {
        if (!Buffer.isBuffer(value)) {
          parts.push(`${name}.${column} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
          continue;
        }
        parts.push(`${name}.${column} ${value.toString('latin1')}`);
        const unpacked = await unpack(value).catch(() => undefined);
        if (unpacked) parts.push(`${name}.${column} unpacked ${unpacked.toString('latin1')}`);
      }
    }
  }
  await client.end();
  return parts.join('\n');
}

interface Quoting {
  readonly url: string;
  /** Keys it was sent. */
  readonly heard: Set<string>;
  stop(): Promise<void>;
}

/** A gateway that quotes the request line and the headers into all it answers, as some error pages do. */
async function startQuoting(): Promise<Quoting> {
  const heard = new Set<string>();
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      heard.add(new URL(request.url ?? '', 'http://x').searchParams.get('apikey') ?? '');
      const quoted = JSON.stringify({ message: `cannot serve ${request.url} ${JSON.stringify(request.headers)}` });
      const status = [200, 400, 403, 200][heard.size % 4] ?? 200;
      response.writeHead(status, { 'content-type': 'application/json', location: request.url }).end(quoted);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    heard,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

describe('the keys of the report API', () => {
  let closing: Closing;
  let api: UsageApi;
  let quoting: Quoting;
  const shown: string[] = [];

  beforeAll(async () => {
    quoting = await startQuoting();
    closing = await startClosing({ fleet: FLEET, seed: 7, apiKeys: { fleet: SERVICE_KEY }, apiKey: SERVICE_KEY });
    api = await startUsageApi(closing);
    const reportApi = { base_url: quoting.url, api_key: SELLER_KEY, dialect: null, strict: false };
    const members = { name: 'S', country: 'US', currency: 'USD', time_zone: 'UTC', address: null, settle_hours: 0 };
    for (const body of [
      { ...members, code: 'own-key', report_api: reportApi },
      { ...members, code: 'service-key', settings: { keep_raw: true } },
      { ...members, code: 'own-key', report_api: reportApi },
      { ...members, code: 'broken', report_api: { ...reportApi, api_keys: SELLER_KEY } },
    ]) {
      const answer = await api.post('/v1/sellers', body, { 'idempotency-key': `seller-${body.code}` });
      shown.push(JSON.stringify([answer.status, answer.headers, answer.body]));
    }
    const bytes = { metric: 'bytes', direction: 'total', per: 'customer_site_id', unit: 'GB' };
    await makePlan(closing.database, planOf('plan', usageCharge('traffic', bytes)));
    const newAccount = async (number: number, seller: string, key: string | null) =>
      makeAccount(closing.database, { seller, external_id: accountId(number), report_api_key: key }, 'plan', [
        { dimension: 'customer_site_id', value: customerSiteId(FLEET, number, 0) },
      ]);
    const accounts: string[] = [];
    for (const [index] of FAULT_KINDS.entries()) accounts.push(await newAccount(index, 'service-key', null));
    const [first, last] = [FLEET.accounts - 2, FLEET.accounts - 1];
    accounts.push(await newAccount(first, 'own-key', null), await newAccount(last, 'own-key', ACCOUNT_KEY));

    closing.simulator.setFaults(
      FAULT_KINDS.map((fault, index): FaultRule => ({
        fault,
        match: { account: accountId(index) },
        retry_after_s: 1,
        delay_ms: 10,
      })),
    );
    for (const seller of ['service-key', 'own-key']) shown.push(JSON.stringify(await closing.run(seller, '2026-08')));
    await closing.retry(closing.lastClose());
    for (const account of accounts) {
      for (const [path, query] of [
        ['usage', { metric: 'bytes', from: '2026-08-01', to: '2026-08-02' }],
        ['usage/live', { dimension: 'msisdn', value: msisdnOf(0) }],
        ['estimate', { period: '2026-08' }],
        ['usage/conservation', {}],
        ['', {}],
      ] as [string, Record<string, string>][]) {
        const answer = await api.get(`/v1/accounts/${account}/${path}`.replace(/\/$/, ''), query);
        shown.push(JSON.stringify([answer.status, answer.headers, answer.text]));
      }
    }
    for (const path of ['/v1/sellers', '/v1/audit-events', '/v1/closes', '/v1/invoices', '/openapi.json']) {
      shown.push((await api.get(path)).text);
    }
  });
  afterAll(async () => {
    await api.stop();
    await closing.stop();
    await quoting.stop();
  });

  it('were used: answers came, faults were met, evidence was kept, keys are stored', async () => {
    const dump = await dumpOf(closing.url);
    expect(dump).toContain('echo_mismatch');
    expect(dump).toMatch(/usage_evidence\.body unpacked \{"result"/);
    expect(dump).toMatch(/usage_values_202608\.values unpacked \d/);
    const [keys] = await closing.database.$queryRaw<{ sellers: bigint; accounts: bigint }[]>`
      SELECT (SELECT count(*) FROM seller WHERE report_api_key IS NOT NULL) AS sellers,
             (SELECT count(*) FROM account WHERE report_api_key IS NOT NULL) AS accounts`;
    expect(keys).toEqual({ sellers: 1n, accounts: 1n });
    expect(closing.log.length).toBeGreaterThan(100);
    expect(api.log.length).toBeGreaterThan(100);
    expect(shown.join('')).toContain('api_key_refused');
  });

  it.each([
    ['the database, packed or not', () => dumpOf(closing.url)],
    ['what the API answered', async () => shown.join('\n')],
    ['the log of the API', async () => api.log.join('\n')],
    ['the log of the report client', async () => JSON.stringify(closing.log)],
    [
      'errors and objects, inspected to the bottom',
      async () => inspect([closing.failures, closing], { depth: 7, showHidden: true }),
    ],
  ])('are found nowhere in %s', async (_where, read) => {
    const text = await read();
    expect(text.length).toBeGreaterThan(1_000);
    for (const key of [SERVICE_KEY, SELLER_KEY, ACCOUNT_KEY]) {
      for (const form of [key, Buffer.from(key).toString('base64').slice(0, 24), Buffer.from(key).toString('hex')]) {
        expect(text.includes(form)).toBe(false);
      }
    }
  });

  it('a gateway that quotes the request line into its answers leaves them redacted in the evidence', async () => {
    expect([...quoting.heard].sort()).toEqual([ACCOUNT_KEY, SELLER_KEY]);
    const dump = await dumpOf(closing.url);
    expect(dump).toMatch(/usage_evidence\.body unpacked \{"message":"cannot serve [^"]*apikey=\[redacted\]/);
    expect(dump).not.toMatch(/canary-/);
  });
});
