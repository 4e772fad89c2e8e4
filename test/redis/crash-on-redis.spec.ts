import { Redis } from 'ioredis';
import { closeUnderFire, expectUnharmed, STEPS } from '../support/crash.js';
import { redisUrl } from '../support/redis.js';

describe('a close on Redis whose workers are killed and whose Redis loses everything', () => {
  it('issues 60 accounts once each through 12 deaths and a flush', async () => {
    const redis = new Redis(redisUrl());
    let flushed = 0;
    try {
      const report = await closeUnderFire({
        accounts: 60,
        kills: 12,
        seed: 2,
        queueUrl: redisUrl(),
        halfway: async () => {
          await redis.flushdb();
          flushed += 1;
        },
      });
      expectUnharmed(report, 60);
      expect(report.kills).toBeGreaterThanOrEqual(12);
      expect(flushed).toBe(1);
      for (const step of STEPS) {
        expect([step, (report.steps[step] ?? 0) > 0]).toEqual([step, true]);
      }
    } finally {
      redis.disconnect();
    }
  });
});
