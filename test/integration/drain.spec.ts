import { once } from 'node:events';
import { request } from 'node:http';
import { pino } from 'pino';
import { accountId, type ReportSimulator, startReportSimulator } from '../../apps/report-simulator/src/index.js';
import { createApi } from '../../apps/api/src/index.js';
import { createWorker } from '../../apps/worker/src/index.js';
import { freePort } from '../../apps/standalone/src/embedded-postgres.js';
import type { Catalogue } from '#persistence';
import { listInvoices } from '#persistence/documents';
import { findClose, listCloseAccounts, signingKey } from '#persistence/closes';
import { openService } from '#runtime';
import { makeAccount, makePlan, makeSeller, SECRET_KEY, trafficPlan } from '../support/catalogue.js';
import { createTestDatabase } from '../support/postgres.js';
import { type Program, run } from '../support/process.js';
import { eventually } from '../support/eventually.js';

const ACCOUNTS = 24;
const PERIOD = '2026-08';
const ADMIN_KEY = 'the-key-of-the-first-administrator';

describe('a process that is told to stop', () => {
  let url: string;
  let database: Catalogue;
  let simulator: ReportSimulator;
  const programs: Program[] = [];

  beforeAll(async () => {
    simulator = await startReportSimulator({ fleet: { accounts: ACCOUNTS, sites: 1, subscribers: 1 }, seed: 7 });
  });
  afterAll(() => simulator.close());
  beforeEach(async () => {
    ({ url, database } = await createTestDatabase());
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, trafficPlan('traffic'));
    for (let number = 0; number < ACCOUNTS; number += 1) {
      await makeAccount(database, { seller: 'acme', external_id: accountId(number) }, 'traffic');
    }
  });
  afterEach(async () => {
    simulator.setFaults([]);
    for (const program of programs.splice(0)) program.child.kill('SIGKILL');
    await database.$disconnect();
  });

  const start = async (script: string, ready: RegExp, more: Record<string, string> = {}) => {
    const program = run(script, [], {
      DATABASE_URL: url,
      REPORT_API_URL: simulator.url,
      REPORT_API_KEY: 'sim-fleet-key',
      METERLINE_SECRET_KEY: SECRET_KEY.toString('hex'),
      SETTLE_HOURS: '0',
      ...more,
    });
    programs.push(program);
    await program.says(ready);
    return program;
  };
  const openClose = async () => {
    const service = openService({
      databaseUrl: url,
      reportApi: { baseUrl: simulator.url, apiKey: 'sim-fleet-key' },
      secretKey: SECRET_KEY,
      settleHours: 0,
    });
    const queue = await service.openQueue();
    const closes = service.closes((jobs) => queue.enqueue(jobs));
    const opened = await closes.desk.open({
      ...{ seller: 'acme', period: PERIOD, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
    } as const);
    await queue.close();
    await service.close();
    if (opened.outcome !== 'opened') throw new Error('refused');
    return opened.id;
  };

  it('a worker ends the accounts in hand, gives the rest back, and the next worker goes on at once', async () => {
    // One batch, 4 accounts at a time: all but the first eight take so long that most wait when the worker is told to stop.
    simulator.setFaults(
      Array.from({ length: ACCOUNTS }, (_, number) => ({
        fault: 'slow_first_byte',
        match: { account: accountId(number) },
        delay_ms: number < 8 ? 0 : 4_000,
      })),
    );
    const before = simulator.counters().requests;
    const worker = await start('apps/worker/src/main.ts', /the worker takes batches/);
    const id = await openClose();
    await eventually(async () => simulator.counters().requests - before >= 9);
    const code = await worker.terminate();
    expect({ code, output: worker.output() }).toMatchObject({ code: 0 });
    const left = await findClose(database, id);
    expect(left?.counts).toMatchObject({ pulling: 0, drafted: 0, rated: 0, failed: 0, held: 0 });
    expect(left?.counts.pending).toBeGreaterThan(0);
    expect(left?.counts.issued).toBeGreaterThanOrEqual(4);
    expect((left?.counts.pending ?? 0) + (left?.counts.issued ?? 0)).toBe(ACCOUNTS);

    simulator.setFaults([]);
    // Neither looks for locks that ran out nor for batches that were lost: it has what was given back to it.
    const HOUR_MS = 3_600_000;
    const recovery = { lock_ms: HOUR_MS, lookout_ms: HOUR_MS, idle_s: HOUR_MS / 1_000, sweep_ms: HOUR_MS };
    const service = openService({
      databaseUrl: url,
      reportApi: { baseUrl: simulator.url, apiKey: 'sim-fleet-key' },
      secretKey: SECRET_KEY,
      settleHours: 0,
    });
    const next = await createWorker({
      ...service.parts,
      queue: service.queue,
      logger: pino({ level: 'silent' }),
      recovery,
    });
    const finished = await eventually(async () => {
      const close = await findClose(database, id);
      return close?.state === 'finished' && close;
    });
    await next.close();
    await service.close();
    expect(finished.counts.issued).toBe(ACCOUNTS);
    expect(await listCloseAccounts(database, id, { state: 'issued', limit: 200 })).toHaveLength(ACCOUNTS);
    const numbers = (await listInvoices(database, { limit: 200 })).map(({ number }) => number).sort();
    expect(numbers).toEqual(
      Array.from({ length: ACCOUNTS }, (_, index) => `INV-2026-${String(index + 1).padStart(6, '0')}`),
    );
  });

  it('a worker says when it is ready and when it no longer is', async () => {
    const port = await freePort();
    await start('apps/worker/src/main.ts', /the worker takes batches/, { HEALTH_PORT: String(port) });
    const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    expect([await ask('/health/live'), await ask('/health/ready'), await ask('/')]).toEqual([200, 200, 404]);
  });

  it('an API ends what it is answering, ends event streams, takes no new connection, and exits with 0', async () => {
    const port = await freePort();
    const api = await start('apps/api/src/main.ts', /the API answers/, {
      METERLINE_ADMIN_KEY: ADMIN_KEY,
      PORT: String(port),
      HOST: '127.0.0.1',
    });
    const id = await openClose();
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const events = await fetch(`http://127.0.0.1:${port}/v1/closes/${id}/progress`, { headers });
    const stream = events.text();
    // A request whose body is still on its way when the process is told to stop.
    const body = JSON.stringify({ code: 'slow', name: 'Slow Ltd.', country: 'IE', currency: 'EUR', time_zone: 'UTC' });
    const posting = request({
      ...{ port, host: '127.0.0.1', path: '/v1/sellers', method: 'POST' },
      headers: {
        ...headers,
        ...{ 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' },
      },
    });
    const answer = new Promise<number | undefined>((resolve, reject) => {
      posting.on('error', reject).on('response', (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
    });
    posting.flushHeaders();
    await once(posting, 'continue');
    posting.write(body.slice(0, 10));
    const stopped = api.terminate();
    await eventually(async () =>
      fetch(`http://127.0.0.1:${port}/health/live`, { headers: { connection: 'close' } }).then(
        () => false,
        () => true,
      ),
    );
    posting.end(body.slice(10));
    expect(await answer).toBe(201);
    expect((await stream).startsWith('event: progress\n')).toBe(true);
    expect({ code: await stopped, output: api.output() }).toMatchObject({ code: 0 });
  });

  it('does not even start with a METERLINE_SECRET_KEY that opens nothing here', async () => {
    await signingKey(database, SECRET_KEY);
    const stranger = run('apps/worker/src/main.ts', [], {
      ...{ DATABASE_URL: url, REPORT_API_URL: simulator.url, REPORT_API_KEY: 'sim-fleet-key' },
      METERLINE_SECRET_KEY: 'ab'.repeat(32),
    });
    programs.push(stranger);
    expect(await stranger.ended()).not.toBe(0);
    expect(stranger.output()).toContain('METERLINE_SECRET_KEY has changed');
    const options = { database, secretKey: Buffer.alloc(32, 1), adminKey: ADMIN_KEY } as unknown as Parameters<
      typeof createApi
    >[0];
    await expect(createApi(options)).rejects.toMatchObject({ code: 'secret_does_not_open' });
  });
});
