import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/**
 * One real PostgreSQL for the whole run: TEST_DATABASE_URL when it is set (a login that may create databases and roles),
 * else the embedded server in a folder of its own. Jest loads this file without its transforms, hence the build.
 *
 * On a server that was there before, databases go with their run: those of one that was killed go when the next begins.
 */
export default async function start() {
  const stops = [];
  globalThis.stopTestPostgres = async () => {
    for (const stop of stops.reverse()) await stop();
  };
  const isEmbedded = !process.env.TEST_DATABASE_URL;
  if (isEmbedded) stops.push(await startEmbedded());
  const run = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL, application_name: RUN });
  await run.connect();
  stops.push(() => run.end());
  const { rows } = await run.query('SELECT pg_backend_pid() AS pid');
  process.env.TEST_RUN = `test_${rows[0].pid}`;
  if (isEmbedded) return;
  await dropDatabases(run, '');
  stops.push(() => dropDatabases(run, process.env.TEST_RUN));
}

/** Says that a run lives: a session of this name, whose number its databases have in theirs. */
const RUN = 'meterline-test-run';

/** Drops the databases of a run, and those of runs that have ended. */
async function dropDatabases(server, run) {
  const { rows } = await server.query(
    `SELECT datname FROM pg_database d
      WHERE datname ~ '^test_[0-9]+_' AND (starts_with(datname, $1 || '_') OR NOT EXISTS (
        SELECT FROM pg_stat_activity s WHERE s.application_name = $2 AND starts_with(d.datname, 'test_' || s.pid || '_')))`,
    [run, RUN],
  );
  for (const { datname } of rows) await server.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
}

async function startEmbedded() {
  const { startEmbeddedPostgres } = await import('../../dist/apps/standalone/src/embedded-postgres.js').catch(
    (cause) => {
      throw new Error('the tests start PostgreSQL with the built service: run `npm run build` first', { cause });
    },
  );
  const folder = await mkdtemp(join(tmpdir(), 'meterline-test-'));
  const server = await startEmbeddedPostgres(folder, () => undefined, { isThrownAway: true });
  process.env.TEST_DATABASE_URL = server.url;
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
