import type { Server } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { pino } from 'pino';
import request from 'supertest';
import { Drain } from '../../apps/api/src/health/drain.js';
import { type ApiOptions, createApi } from '../../apps/api/src/index.js';
import { serveHealth } from '../../apps/worker/src/health.js';
import { WorkerMetrics } from '../../apps/worker/src/index.js';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { type Catalogue, type Database, isDatabaseAway, openDatabase } from '#persistence';
import { openCatalogue } from '#persistence/catalogue';
import { SECRET_KEY } from '../support/catalogue.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase } from '../support/postgres.js';

/** Both ways to the database meet its failures, each with errors of its own. */
const DRIVERS: [string, (...of: Parameters<typeof openDatabase>) => Database | Promise<Database>][] = [
  ['pg', openDatabase],
  ['Prisma', openCatalogue],
];

describe('readiness', () => {
  let database: Catalogue;
  let url: string;
  const apps: NestExpressApplication[] = [];

  beforeAll(async () => {
    ({ url, database } = await createTestDatabase());
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await database.$disconnect();
  });

  const apiWith = async (ping: () => Promise<unknown>) => {
    const app = await createApi({
      database,
      closes: {} as ApiOptions['closes'],
      queue: { ping },
      secretKey: SECRET_KEY,
      adminKey: 'the-key-of-the-first-administrator',
      logger: pino({ level: 'silent' }),
    });
    apps.push(app);
    return app;
  };
  const ready = (app: NestExpressApplication) => request(app.getHttpServer() as Server).get('/health/ready');

  it('of an API needs the database, and ends when it stops', async () => {
    const app = await apiWith(() => Promise.resolve());
    await ready(app).expect(200, { status: 'ok' });
    await app.get(Drain).beforeApplicationShutdown();
    const { body } = await ready(app).expect(503);
    expect(body).toMatchObject({ code: 'not_ready', detail: 'the process is stopping' });
    await request(app.getHttpServer() as Server)
      .get('/health/live')
      .expect(200);
  });

  it.each([
    ['refuses', () => Promise.reject(new Error('ECONNREFUSED'))],
    ['never answers', () => new Promise(() => undefined)],
  ])('is given, and named degraded, while the queue %s: all requests are answered without it', async (_, ping) => {
    const app = await apiWith(ping);
    await ready(app).expect(200, { status: 'degraded', degraded: ['queue'] });
  });

  it('is not given while the database is read-only, and a request that writes is told so', async () => {
    const app = await apiWith(() => Promise.resolve());
    const worker = { ping: () => Promise.resolve() };
    const health = await serveHealth(0, { database, worker, metrics: new WorkerMetrics() });
    const ofWorker = async () => (await fetch(`http://127.0.0.1:${health.port}/health/ready`)).status;
    const name = new URL(url).pathname.slice(1);
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    const set = async (change: string) => {
      await owner.query(`ALTER DATABASE ${name} ${change}`);
      await owner.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
        [name],
      );
    };
    const write = () =>
      request(app.getHttpServer() as Server)
        .post('/v1/api-keys')
        .set('authorization', 'Bearer the-key-of-the-first-administrator')
        .send({ name: 'one', scopes: ['read'] });
    try {
      await set('SET default_transaction_read_only = on');
      const refused = await eventually(async () => {
        const answer = await write();
        // The first answers may still be about the connections that were cut.
        return (answer.body as { code?: string }).code === 'database_unavailable' ? answer : undefined;
      });
      expect(refused.status).toBe(503);
      await eventually(async () => ((await ready(app)).status === 503 ? true : undefined));
      expect(await ofWorker()).toBe(503);
      await set('RESET default_transaction_read_only');
      await eventually(async () => ((await ready(app)).status === 200 ? true : undefined));
      await eventually(async () => ((await write()).status === 201 ? true : undefined));
      await eventually(async () => (await ofWorker()) === 200);
    } finally {
      await Promise.all([owner.end(), health.close()]);
    }
  });

  it.each(DRIVERS)(
    'a session that was ended passes, also for the statements that come after in its transaction: %s',
    async (_, open) => {
      const owner = new pg.Client({ connectionString: url });
      await owner.connect();
      const cut = await open(url, 1);
      const met: unknown[] = [];
      try {
        await cut
          .$transaction(async (tx) => {
            const [session] = await tx.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
            await owner.query('SELECT pg_terminate_backend($1)', [session?.pid]);
            for (let statement = 0; statement < 3; statement += 1) {
              await tx.$queryRaw`SELECT 1`.catch((error: unknown) => met.push(error));
            }
            throw met.at(-1);
          })
          .catch((error: unknown) => met.push(error));
        expect(met).toHaveLength(4);
        expect(met.filter((error) => !isDatabaseAway(error))).toEqual([]);
        // The next transaction has a session of its own.
        expect(await cut.$queryRaw`SELECT 1 AS one`).toEqual([{ one: 1 }]);
      } finally {
        await Promise.all([owner.end(), cut.$disconnect()]);
      }
    },
  );

  it.each(DRIVERS)('a connection that is reset under a statement passes: %s', async (_, open) => {
    const { hostname, port } = new URL(url);
    const sockets: Socket[] = [];
    const between = createServer((socket) => {
      const onward = connect(Number(port), hostname);
      sockets.push(socket);
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        from.on('error', () => to.destroy()).pipe(to);
      }
    });
    await new Promise<void>((done) => between.listen(0, '127.0.0.1', done));
    const through = new URL(url);
    through.port = String((between.address() as AddressInfo).port);
    const cut = await open(through.href, 1);
    try {
      await cut.$queryRaw`SELECT 1`;
      const slept = cut.$queryRaw`SELECT pg_sleep(300)::text`.catch((error: unknown) => error);
      const owner = new pg.Client({ connectionString: url });
      await owner.connect();
      const sleeping =
        "datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(300)::text%' AND pid <> pg_backend_pid()";
      await eventually(async () => {
        const { rowCount } = await owner.query(`SELECT FROM pg_stat_activity WHERE ${sleeping}`);
        return rowCount === 1;
      });
      for (const socket of sockets) socket.resetAndDestroy();
      const lost = await slept;
      await owner.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${sleeping}`);
      await owner.end();
      expect(isDatabaseAway(lost)).toBe(true);
    } finally {
      await cut.$disconnect();
      between.close();
    }
  });

  it.each(DRIVERS)('a statement that waits for a lock gives up, and that passes: %s', async (_, open) => {
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    const impatient = await open(url, 1, { idleTransaction_ms: 200, lock_ms: 50 });
    try {
      await owner.query('BEGIN; LOCK TABLE report_pace');
      const waited = await impatient.$executeRaw`UPDATE report_pace SET next_at = next_at`.catch(
        (error: unknown) => error,
      );
      expect(isDatabaseAway(waited)).toBe(true);
      await owner.query('ROLLBACK');
      // A process that froze inside a transaction: PostgreSQL ends its session, and its locks are free.
      const frozen = impatient.$transaction(async (tx) => {
        await tx.$executeRaw`LOCK TABLE report_pace IN ROW EXCLUSIVE MODE`;
        await owner.query('LOCK TABLE report_pace').catch(() => undefined);
        await owner.query('BEGIN; LOCK TABLE report_pace; COMMIT');
        await tx.$executeRaw`UPDATE report_pace SET next_at = next_at`;
      });
      await expect(frozen).rejects.toThrow();
      expect(await impatient.$queryRaw`SELECT 1 AS alive`).toEqual([{ alive: 1 }]);
    } finally {
      await owner.end();
      await impatient.$disconnect();
    }
  });

  it('of a worker tells the same', async () => {
    let ping = () => Promise.resolve<unknown>(undefined);
    const worker = { ping: () => ping() };
    const metrics = new WorkerMetrics();
    const health = await serveHealth(0, { database, worker, metrics });
    const nowhere = openDatabase('postgresql://nobody@127.0.0.1:9/nothing');
    const lost = await serveHealth(0, { database: nowhere, worker, metrics });
    const ask = async ({ port }: { port: number }) => {
      const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
      return [answer.status, ((await answer.json()) as { detail?: string }).detail];
    };
    try {
      expect(await ask(health)).toEqual([200, undefined]);
      expect(await ask(lost)).toEqual([503, 'the database does not answer']);
      ping = () => Promise.reject(new Error('ECONNREFUSED'));
      expect(await ask(health)).toEqual([503, 'the queue does not answer']);
      health.drain();
      expect(await ask(health)).toEqual([503, 'the worker is stopping']);
    } finally {
      await health.close();
      await lost.close();
      await nowhere.$disconnect();
    }
  });
});
