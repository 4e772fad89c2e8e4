import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * One real PostgreSQL for the whole run: TEST_DATABASE_URL when it is set (a login that may create databases and roles),
 * else the embedded server in a folder of its own. Jest loads this file without its transforms, hence the build.
 */
export default async function start() {
  if (process.env.TEST_DATABASE_URL) return;
  const { startEmbeddedPostgres } = await import('../../dist/apps/standalone/src/embedded-postgres.js').catch(
    (cause) => {
      throw new Error('the tests start PostgreSQL with the built service: run `npm run build` first', { cause });
    },
  );
  const folder = await mkdtemp(join(tmpdir(), 'meterline-test-'));
  const server = await startEmbeddedPostgres(folder, () => undefined, { isThrownAway: true });
  process.env.TEST_DATABASE_URL = server.url;
  globalThis.stopTestPostgres = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
