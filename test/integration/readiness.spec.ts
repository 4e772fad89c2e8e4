import type { Server } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { pino } from 'pino';
import request from 'supertest';
import { Drain } from '../../apps/api/src/health/drain.js';
import { type ApiOptions, createApi } from '../../apps/api/src/index.js';
import { serveHealth } from '../../apps/worker/src/health.js';
import { WorkerMetrics } from '../../apps/worker/src/index.js';
import { type Database, openDatabase } from '#persistence';
import { SECRET_KEY } from '../support/catalogue.js';
import { createTestDatabase } from '../support/postgres.js';

describe('readiness', () => {
  let database: Database;
  const apps: NestExpressApplication[] = [];

  beforeAll(async () => {
    ({ database } = await createTestDatabase());
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

  it('of an API needs the database and the queue, and ends when it stops', async () => {
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
  ])('is not given while the queue %s', async (_, ping) => {
    const app = await apiWith(ping);
    const { body, headers } = await ready(app).expect(503);
    expect(body).toMatchObject({ code: 'not_ready', detail: 'the queue does not answer' });
    expect(headers['retry-after']).toBe('5');
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
