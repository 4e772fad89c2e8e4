import { Redis } from 'ioredis';
import pg from 'pg';
import { demoScene } from '../../apps/standalone/src/demo-scene.js';
import { redisUrl } from '../support/redis.js';
import { settled, startService, type TestService } from '../support/service.js';

/** The same month on both queues, so that the queue is shown to decide nothing about money. */
describe('a close with its queue on Redis', () => {
  const scene = demoScene(6);
  let services: { redis: TestService; postgres: TestService };

  beforeAll(async () => {
    const simulated = { fleet: scene.fleet, seed: 7 };
    services = {
      redis: await startService({ ...simulated, queueUrl: redisUrl() }),
      postgres: await startService(simulated),
    };
  });

  afterAll(async () => {
    await services.redis.stop();
    await services.postgres.stop();
  });

  it('keeps its jobs in Redis, and the other one none', async () => {
    const redis = new Redis(redisUrl());
    try {
      await monthOf(services.redis);
      expect(await redis.keys('bull:close:*')).not.toEqual([]);
      // The tables are there, for an operator who moves the queue back; no job is in them.
      const owner = new pg.Client({ connectionString: services.redis.ownerUrl });
      await owner.connect();
      const { rows } = await owner.query('SELECT count(*)::int AS jobs FROM bullmq.job');
      await owner.end();
      expect(rows).toEqual([{ jobs: 0 }]);
    } finally {
      redis.disconnect();
    }
  });

  it('issues the documents that the PostgreSQL queue issues', async () => {
    const [onRedis, onPostgres] = [await documentsOf(services.redis), await monthOf(services.postgres)];
    expect(onRedis).toHaveLength(6);
    expect(onRedis).toEqual(onPostgres);
  });

  interface Document {
    number: string;
    net: string;
    payable: string;
    customer: { reference: string };
    lines: { charge: string; amount: string }[];
  }

  /** Sets the scene, closes the month of both sellers and answers what was issued. */
  async function monthOf(service: TestService) {
    const { rest } = service;
    for (const { seller, plan, accounts } of scene.sellers) {
      await rest.post('/v1/sellers', seller);
      await rest.post('/v1/tariff-plans', plan);
      await rest.post(`/v1/tariff-plans/${plan.code}/versions/1/publish`, {});
      for (const { account, entities } of accounts) {
        const { id } = await rest.post<{ id: string }>('/v1/accounts', account);
        await rest.put(`/v1/accounts/${id}/entities`, { entities });
        await rest.post('/v1/subscriptions', { account: id, plan: plan.code, starts_at: '2020-01-01' });
      }
      const close = await rest.post<{ id: string }>('/v1/closes', {
        seller: seller.code,
        period: '2026-08',
        issue: 'automatic',
      });
      expect((await settled(rest, close.id)).counts).toMatchObject({ issued: accounts.length, held: 0, failed: 0 });
    }
    return documentsOf(service);
  }

  /** Which account comes first depends on who was faster; what it pays does not. */
  async function documentsOf({ rest }: TestService) {
    const { data } = await rest.get<{ data: Document[] }>('/v1/invoices?limit=200');
    return data
      .map(({ net, payable, customer, lines }) => ({
        account: customer.reference,
        net,
        payable,
        lines: lines.map(({ charge, amount }) => `${charge} ${amount}`),
      }))
      .sort((a, b) => (a.account < b.account ? -1 : 1));
  }
});
