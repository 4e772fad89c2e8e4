import { jest } from '@jest/globals';
import { pino } from 'pino';
import type { Server } from 'node:http';
import request from 'supertest';
import { createApi } from '../../apps/api/src/index.js';
import { createWorker, type RunningWorker } from '../../apps/worker/src/index.js';
import type { Catalogue } from '#persistence';
import { listInvoices } from '#persistence/documents';
import { findClose } from '#persistence/closes';
import { CLOSE_QUEUE, openCloseQueue, queueSettings } from '#runtime';
import { feePlan, makeAccount, makePlan, makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { closingFees } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase } from '../support/postgres.js';
import { promoted, type RedisServer, RedisServers, startCluster, startSentinel } from '../support/redis-servers.js';

const ACCOUNTS = 40;
/** Small, so that most batches are in Redis when its master dies. */
const BATCH = 4;
const KILLED_AT = 6;

describe('a close whose queue fails over', () => {
  let servers: RedisServers;
  let database: Catalogue;
  let ended: (() => Promise<unknown>)[];

  beforeEach(async () => {
    // Where BullMQ reports what no listener takes: each connection that is refused.
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    servers = await RedisServers.inFolder();
    ({ database } = await createTestDatabase());
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    for (let at = 0; at < ACCOUNTS; at += 1) {
      await makeAccount(database, { seller: 'acme', external_id: `a${at}` }, 'fee');
    }
    ended = [() => servers.stop(), () => database.$disconnect()];
  });
  afterEach(async () => {
    for (const end of ended.reverse()) await end();
    jest.restoreAllMocks();
  });

  async function startWorker(url: string, issued: () => void): Promise<RunningWorker> {
    const worker = await createWorker({
      ...closingFees(database),
      settleHours: 0,
      batchSize: BATCH,
      queue: queueSettings(url),
      logger: pino({ level: 'silent' }),
      recovery: { lock_ms: 3_000, lookout_ms: 1_000, idle_s: 2, sweep_ms: 500 },
      onStep: (step) => {
        if (step === 'issued') issued();
      },
    });
    ended.push(() => worker.close());
    return worker;
  }

  /** Closes a month with two workers, and kills the master that has the queue while its first accounts are issued. */
  async function closeWhileMasterDies(url: string, master: RedisServer, afterwards: () => Promise<void>) {
    let count = 0;
    let killed: Promise<void> | undefined;
    const issued = () => {
      count += 1;
      // No worker takes another batch from here on, and most are not taken yet.
      if (count === KILLED_AT) killed = master.kill();
    };
    const worker = await startWorker(url, issued);
    await startWorker(url, issued);
    const opened = await worker.closes.desk.open({
      ...{ seller: 'acme', period: '2026-08', kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
    } as const);
    if (opened.outcome !== 'opened') throw new Error('refused');
    await eventually(async () => killed?.then(() => true));
    await afterwards();
    const finished = await eventually(async () => {
      const close = await findClose(database, opened.id);
      return close?.state === 'finished' ? close : undefined;
    });
    expect(finished.counts).toMatchObject({ issued: ACCOUNTS, failed: 0, held: 0 });
    const invoices = await listInvoices(database, { limit: ACCOUNTS + 1 });
    expect(new Set(invoices.map(({ account }) => account)).size).toBe(ACCOUNTS);
    expect(invoices.map(({ number }) => number).sort()).toEqual(
      Array.from({ length: ACCOUNTS }, (_, at) => `INV-2026-${`${at + 1}`.padStart(6, '0')}`),
    );
    // The queue goes on where it is now.
    await eventually(async () =>
      worker.ping().then(
        () => true,
        () => undefined,
      ),
    );
  }

  const keysOf = async ({ client }: RedisServer) => (await client.keys('*')).sort();

  it('in a cluster, to the replica of the master that died, finishes once', async () => {
    const { url, master, replica, others } = await startCluster(servers, `{meterline}:${CLOSE_QUEUE.name}:id`);
    await closeWhileMasterDies(url, master, () => promoted(replica));
    // Every key of the queue lies in one slot: nothing is on the other masters.
    const keys = await keysOf(replica);
    expect(keys).toContain(`{meterline}:${CLOSE_QUEUE.name}:meta`);
    for (const other of others) expect(await keysOf(other)).toEqual([]);
  });

  it('in a cluster without a replica, whose master comes back, finishes once', async () => {
    const { url, master, replica, others } = await startCluster(servers, `{meterline}:${CLOSE_QUEUE.name}:id`);
    await replica.kill();
    await closeWhileMasterDies(url, master, async () => {
      const state = async () => `${await others[0]?.client.call('CLUSTER', 'INFO')}`;
      await eventually(async () => ((await state()).includes('cluster_state:fail') ? true : undefined));
      await master.start();
    });
  });

  it('by a sentinel, to the replica, finishes once, and the API says that the queue is back', async () => {
    const { url, master, replica } = await startSentinel(servers);
    const queue = await openCloseQueue(queueSettings(url));
    ended.push(() => queue.close());
    const app = await createApi({
      database,
      closes: { ...closingFees(database) } as never,
      queue,
      secretKey: SECRET_KEY,
      adminKey: 'the-key-of-the-first-administrator',
      logger: pino({ level: 'silent' }),
    });
    ended.push(() => app.close());
    await app.listen(0, '127.0.0.1');
    await closeWhileMasterDies(url, master, () => promoted(replica));
    expect(await keysOf(replica)).toContain(`bull:${CLOSE_QUEUE.name}:meta`);
    await eventually(async () => {
      const { body } = await request(app.getHttpServer() as Server).get('/health/ready');
      return (body as { status?: string }).status === 'ok' || undefined;
    });
  });
});
