import { connect, createServer, type Server, type Socket } from 'node:net';
import { jest } from '@jest/globals';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import type { Server as HttpServer } from 'node:http';
import request from 'supertest';
import { createApi } from '../../apps/api/src/index.js';
import { createWorker } from '../../apps/worker/src/index.js';
import { Closes } from '#close';
import type { Catalogue } from '#persistence';
import { findClose, listCloses, setCloseSchedule } from '#persistence/closes';
import { CLOSE_QUEUE, openCloseQueue, type QueueOutageEntry, queueSettings } from '#runtime';
import { feePlan, makeAccount, makePlan, makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { closingFees } from '../support/closing.js';
import { eventually, PATIENCE_MS } from '../support/eventually.js';
import { createTestDatabase } from '../support/postgres.js';
import { type Program, run } from '../support/process.js';
import { redisUrl } from '../support/redis.js';

/** Stands before the Redis of this run and can be away: connections are cut, and refused from then on. */
class Gate {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;

  async open(): Promise<void> {
    const { hostname, port } = new URL(redisUrl());
    const server = createServer((socket) => {
      const redis = connect(Number(port || 6379), hostname);
      for (const [end, other] of [
        [socket, redis],
        [redis, socket],
      ] as const) {
        this.#sockets.add(end);
        end.pipe(other);
        end.on('error', () => other.destroy());
        end.on('close', () => other.destroy());
      }
    });
    await new Promise<void>((listening) => server.listen(this.port, '127.0.0.1', listening));
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.#server?.close(done));
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    await closed;
  }

  get url(): string {
    const url = new URL(redisUrl());
    url.host = `127.0.0.1:${this.port}`;
    return url.href;
  }
}

describe('a Redis that is away', () => {
  let database: Catalogue;
  let databaseUrl: string;
  let gate: Gate;
  let direct: Queue;
  let ended: (() => Promise<unknown>)[];

  beforeEach(async () => {
    // Where BullMQ reports what no listener takes: each connection that is refused to the queue of this test itself.
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    ({ database, url: databaseUrl } = await createTestDatabase());
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    gate = new Gate();
    await gate.open();
    direct = new Queue(CLOSE_QUEUE.name, { connection: queueSettings(redisUrl()).connection as object });
    await direct.obliterate({ force: true });
    ended = [() => direct.close(), () => gate.close(), () => database.$disconnect()];
  });
  afterEach(async () => {
    for (const end of ended) await end();
    jest.restoreAllMocks();
  });

  const options = () => ({ ...closingFees(database), settleHours: 0 });
  /** Fails when it hangs. */
  const soon = async <T>(work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('it hangs')), PATIENCE_MS);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  };
  const august = { seller: 'acme', kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' } as const;

  it('keeps no command and no sweep waiting, and gets what it missed when it is back', async () => {
    const log: { event: string; code?: string }[] = [];
    const queue = await openCloseQueue(queueSettings(gate.url));
    ended.unshift(() => queue.close());
    const closes = new Closes({ ...options(), enqueue: queue.enqueue, log: (entry) => void log.push(entry) });
    await gate.close();

    const opened = await soon(closes.desk.open({ ...august, period: '2026-08' }));
    expect(opened).toMatchObject({ outcome: 'opened', created: true });
    const closeId = opened.outcome === 'opened' ? opened.id : '';
    expect(await findClose(database, closeId)).toMatchObject({ state: 'running', counts: { pending: 1 } });
    expect(log).toMatchObject([{ event: 'batch_not_enqueued', code: 'queue_silent' }]);
    await database.$executeRaw`
      UPDATE close_account SET state = 'held', reason_code = 'missing_buckets', reason_message = 'two'`;
    expect(await soon(closes.desk.retry(closeId))).toBe(1);
    await expect(soon(closes.sweep(0))).rejects.toMatchObject({ code: 'queue_silent' });

    await gate.open();
    ended.unshift(() => gate.close());
    await eventually(async () => {
      if ((await direct.getWaitingCount()) > 0) return true;
      await closes.sweep(0).catch(() => undefined);
      return false;
    });
    const [job] = await direct.getWaiting();
    expect(job?.data).toEqual({ closeId, batch: 0 });
    // What could not be sent was not sent again and again.
    expect(await direct.getWaitingCount()).toBeLessThanOrEqual(2);
    // Closing while an answer is owed ends, too.
    await gate.close();
    void queue.ping().catch(() => undefined);
  });

  it('does not keep an API from starting, which is ready, says degraded, and tells of the outage once', async () => {
    await gate.close();
    const told: QueueOutageEntry[] = [];
    const queue = await soon(openCloseQueue(queueSettings(gate.url), (entry) => told.push(entry)));
    ended.unshift(() => queue.close());
    const app = await createApi({
      database,
      closes: new Closes({ ...options(), enqueue: queue.enqueue }),
      queue,
      secretKey: SECRET_KEY,
      adminKey: 'the-key-of-the-first-administrator',
      logger: pino({ level: 'silent' }),
    });
    ended.unshift(() => app.close());
    await app.listen(0, '127.0.0.1');
    const ready = () => request(app.getHttpServer() as HttpServer).get('/health/ready');
    await ready().expect(200, { status: 'degraded', degraded: ['queue'] });
    await ready().expect(200, { status: 'degraded', degraded: ['queue'] });
    expect(told).toMatchObject([{ event: 'queue_away', code: 'ECONNREFUSED' }]);

    await gate.open();
    ended.push(() => gate.close());
    while ((await ready()).body.status !== 'ok');
    expect(told).toMatchObject([{ event: 'queue_away' }, { event: 'queue_back' }]);
  });

  describe('to a worker of its own process', () => {
    const worker = (): Program =>
      run('apps/worker/src/main.ts', [], {
        DATABASE_URL: databaseUrl,
        QUEUE_URL: gate.url,
        REPORT_API_URL: 'http://127.0.0.1:9',
        REPORT_API_KEY: 'unused',
        METERLINE_SECRET_KEY: '5e'.repeat(32),
      });
    /** Log lines from warning on that speak of the queue. */
    const warned = (program: Program) =>
      program
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { level: number; msg: string; code?: string })
        .filter(({ level }) => level >= 40);

    it('lets it end on SIGTERM, and is told of once', async () => {
      const program = worker();
      await program.says(/the worker takes batches/);
      await gate.close();
      await program.says(/the queue is away/);
      expect(await program.terminate()).toBe(0);
      const away = warned(program).filter(({ msg }) => msg.startsWith('the queue is away'));
      expect(away).toHaveLength(1);
      expect(warned(program).filter(({ level }) => level >= 50)).toEqual([]);
      expect(program.output()).not.toContain('    at ');
    });

    it('from the start lets it start, and end', async () => {
      await gate.close();
      const program = worker();
      await program.says(/the worker takes batches/);
      expect(await program.terminate()).toBe(0);
    });
  });

  it('does not keep a worker from opening the months that are due', async () => {
    const log: string[] = [];
    const worker = await createWorker({
      ...options(),
      queue: queueSettings(gate.url),
      logger: pino({ level: 'warn' }, { write: (line: string) => void log.push(line) }),
      recovery: { lock_ms: 30_000, lookout_ms: 30_000, idle_s: 60, sweep_ms: 200 },
    });
    ended.unshift(() => worker.close());
    await gate.close();
    const timing = { day: 1, hour: 0, minute: 0, timeZone: 'UTC', issue: 'automatic' } as const;
    await setCloseSchedule(database, 'test', 'acme', timing, () => false);
    // The month is due once the worker knows that its queue is away.
    await soon(eventually(async () => log.some((line) => line.includes('the queue is away')) || undefined));
    await database.$executeRaw`UPDATE close_schedule SET effective_from = effective_from - interval '32 days'`;
    const opened = async () => {
      while ((await listCloses(database, { limit: 1 })).length === 0) await new Promise((wait) => setTimeout(wait, 50));
    };
    await soon(opened());
    await gate.open();
  });
});
