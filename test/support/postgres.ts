import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import pg from 'pg';
import { type Catalogue, createDatabase, type Credentials, migrate, provideLogin } from '#persistence';
import { openCatalogue } from '#persistence/catalogue';
import { prepareQueue } from '#runtime';

export const MIGRATIONS = resolve('prisma/migrations');

/** The login of the service on the run's PostgreSQL, which may do in each database what the service may. */
const SERVICE_LOGIN = { user: 'meterline_test_service', password: 'of-the-service' };

/**
 * A fresh, migrated database of its own on the run's PostgreSQL. Its `url` logs in as the owner, `serviceUrl` and `database`
 * as the service.
 */
export async function createTestDatabase(): Promise<{ url: string; serviceUrl: string; database: Catalogue }> {
  const url = await createMigratedDatabase();
  const serviceUrl = as(SERVICE_LOGIN, url);
  return { url, serviceUrl, database: await openCatalogue(serviceUrl) };
}

/** The same database for another login. */
export function as({ user, password = '' }: Credentials, url: string): string {
  return Object.assign(new URL(url), { username: user, password }).href;
}

/** A fresh database without any table. */
export async function createEmptyDatabase(): Promise<string> {
  const name = newName();
  await createDatabase(server(), name);
  return databaseUrl(name);
}

/** A copy of the database that the migrations, run once for all tests of a run, come to. */
async function createMigratedDatabase(): Promise<string> {
  return copyDatabase(await migratedTemplate());
}

/** A copy of a database of the server, without what is granted on it. */
export async function copyDatabase(template: string): Promise<string> {
  const name = newName();
  await onServer(async (client) => {
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  return databaseUrl(name);
}

/** The template of a run, made by the first of its processes that asks. */
async function migratedTemplate(): Promise<string> {
  const template = nameOf('template');
  await onServer(async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template]);
    if (rowCount === 1) return;
    const unfinished = newName();
    await client.query(`CREATE DATABASE ${unfinished}`);
    await migrate(databaseUrl(unfinished), prepareQueue);
    await provideLogin(databaseUrl(unfinished), 'service', SERVICE_LOGIN);
    await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${template}`);
  });
  return template;
}

/** Any constant that nothing else locks. */
const TEMPLATE_LOCK = 4_021_986_117;

/**
 * Has a database write down, with each audit event, the settings of the session that it came from.
 *
 * @returns what was written down so far: seconds in the words of PostgreSQL
 */
export async function watchSessions(
  url: string,
): Promise<() => Promise<{ idle: string; lock: string; role: string }[]>> {
  const owner = async <T extends pg.QueryResultRow>(sql: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client.query<T>(sql).finally(() => client.end());
  };
  await owner(`
    CREATE TABLE session_seen (at timestamptz DEFAULT clock_timestamp(), idle text, lock text, role text);
    CREATE FUNCTION see_session() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
      INSERT INTO session_seen (idle, lock, role) VALUES (current_setting('idle_in_transaction_session_timeout'),
        current_setting('lock_timeout'), current_setting('role'));
      RETURN NULL;
    END $$;
    CREATE TRIGGER see_session AFTER INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION see_session()`);
  return async () =>
    (await owner<{ idle: string; lock: string; role: string }>('SELECT idle, lock, role FROM session_seen ORDER BY at'))
      .rows;
}

async function onServer(work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: server() });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function server(): string {
  const url = process.env.TEST_DATABASE_URL;
  if (!url) throw new Error('TEST_DATABASE_URL is unset: run the tests through npm test, which starts PostgreSQL');
  return url;
}

/** What begins with the name of the run goes with it. */
const nameOf = (what: string): string => `${process.env.TEST_RUN}_${what}`;

const newName = (): string => nameOf(randomUUID().replaceAll('-', ''));

function databaseUrl(name: string): string {
  return Object.assign(new URL(server()), { pathname: `/${name}` }).href;
}
