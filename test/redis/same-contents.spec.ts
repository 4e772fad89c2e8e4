import { Redis } from 'ioredis';
import { closeUnderFire, expectUnharmed } from '../support/crash.js';
import { redisUrl } from '../support/redis.js';

/** Worker processes of their own, every job sent twice; what they issue is held against a close by one process alone. */
describe('the same close', () => {
  beforeEach(async () => {
    const redis = new Redis(redisUrl());
    await redis.flushdb();
    redis.disconnect();
  });

  it.each([
    ['PostgreSQL', 1],
    ['PostgreSQL', 4],
    ['Redis', 1],
    ['Redis', 4],
  ])('with its queue on %s and %i worker processes has the same contents', async (queue, workers) => {
    const report = await closeUnderFire({
      accounts: 24,
      kills: 0,
      seed: 5,
      workers,
      ...(queue === 'Redis' && { queueUrl: redisUrl() }),
    });
    expectUnharmed(report, 24);
    expect(report.kills).toBe(0);
  });
});
