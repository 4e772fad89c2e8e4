import { execFileSync } from 'node:child_process';
import startPostgres from '../support/global-setup.mjs';

/** The tests dump and restore with PostgreSQL's own tools, whose version must not be below that of the server. */
export default async function start() {
  const remedy =
    'install PostgreSQL 15 or newer (Debian: apt-get install -y postgresql), start its server and name a superuser of it in ' +
    'TEST_DATABASE_URL; .ci/run does both';
  if (!process.env.TEST_DATABASE_URL) throw new Error(`TEST_DATABASE_URL is unset: ${remedy}`);
  for (const tool of ['pg_dump', 'pg_restore']) {
    try {
      execFileSync(tool, ['--version'], { stdio: 'ignore' });
    } catch (cause) {
      throw new Error(`${tool} is missing: ${remedy}`, { cause });
    }
  }
  await startPostgres();
}
