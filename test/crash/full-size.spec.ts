import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../apps/standalone/src/embedded-postgres.js';
import { closeUnderFire, type CrashReport, expectUnharmed } from '../support/crash.js';
import { redisUrl } from '../support/redis.js';

const accounts = size('CRASH_ACCOUNTS', 60);
const kills = size('CRASH_KILLS', 12);
const seeds = Array.from({ length: size('CRASH_SEEDS', 1) }, (_, index) => index + 1);

describe.each(seeds)('a close under fire, seed %i', (seed) => {
  it(`survives ${kills} deaths and a restart of PostgreSQL`, async () => {
    // A server of its own: restarting the one of the run would disturb nobody else only by luck.
    const shared = process.env.TEST_DATABASE_URL;
    const folder = await mkdtemp(join(tmpdir(), 'meterline-crash-'));
    let server: EmbeddedPostgres = await startEmbeddedPostgres(folder, () => undefined);
    process.env.TEST_DATABASE_URL = server.url;
    try {
      const report = await closeUnderFire({
        accounts,
        kills,
        seed,
        halfway: async () => {
          await server.stop();
          server = await startEmbeddedPostgres(folder, () => undefined, { port: server.port });
        },
      });
      expectUnharmed(report, accounts);
      tell('PostgreSQL, restarted once', report);
    } finally {
      process.env.TEST_DATABASE_URL = shared;
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it(`survives ${kills} deaths and a Redis that forgets everything`, async () => {
    const redis = new Redis(redisUrl());
    try {
      const halfway = async () => void (await redis.flushdb());
      const report = await closeUnderFire({ accounts, kills, seed, queueUrl: redisUrl(), halfway });
      expectUnharmed(report, accounts);
      tell('Redis, flushed once', report);
    } finally {
      redis.disconnect();
    }
  });
});

function tell(queue: string, { kills: died, steps, seconds, invoices }: CrashReport): void {
  const at = Object.entries(steps).map(([step, times]) => `${step} ${times}`);
  process.stdout.write(
    `${queue}: ${invoices.length} invoices in ${seconds.toFixed(0)} s through ${died} deaths (at ${at.join(', ')})\n`,
  );
}

function size(name: string, otherwise: number): number {
  return Number.parseInt(process.env[name] ?? String(otherwise), 10);
}
