import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import type { Catalogue } from '#persistence';
import { findClose } from '#persistence/closes';
import { CLOSE_QUEUE, queueSettings } from '#runtime';
import { createWorker, type RunningWorker } from '../../apps/worker/src/index.js';
import { feePlan, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { closingFees } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase } from '../support/postgres.js';
import { redisUrl } from '../support/redis.js';

describe('a worker whose Redis loses everything', () => {
  const settings = queueSettings(redisUrl());
  let database: Catalogue;
  let worker: RunningWorker;
  let redis: Redis;

  beforeAll(async () => {
    ({ database } = await createTestDatabase());
    redis = new Redis(redisUrl());
    await redis.flushdb();
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    worker = await createWorker({
      ...closingFees(database),
      settleHours: 0,
      queue: settings,
      logger: pino({ level: 'silent' }),
      recovery: { lock_ms: 2_000, lookout_ms: 1_000, idle_s: 1, sweep_ms: 300 },
    });
  });
  afterAll(async () => {
    await worker.close();
    redis.disconnect();
    await database.$disconnect();
  });

  it('finishes a close whose jobs were lost with it', async () => {
    const queue = new Queue(CLOSE_QUEUE.name, { connection: settings.connection as object });
    await queue.pause();
    const opened = await worker.closes.desk.open({
      ...{ seller: 'acme', period: '2026-08', kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
    } as const);
    if (opened.outcome !== 'opened') throw new Error('refused');
    const waiting = await queue.getWaitingCount();
    await queue.close();
    expect(waiting).toBe(1);
    await redis.flushdb();
    const finished = await eventually(async () => {
      const close = await findClose(database, opened.id);
      return close?.state === 'finished' ? close : undefined;
    });
    expect(finished.counts).toMatchObject({ issued: 1 });
  });
});
