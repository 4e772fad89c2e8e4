import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { PersistenceError } from './database.js';
import { createRoles, grantPrivileges, grantQueue, isQueueToBeGranted, lackingPrivileges } from './privileges.js';

// Any constant will do, as long as every version of the service agrees on it.
export const MIGRATION_LOCK = 7_236_112_019;

/** Brings the queue's tables up to the version that its library wants, in the schema `QUEUE_SCHEMA`. */
export type PrepareQueue = (client: Client) => Promise<unknown>;

/** The ledger table exactly as Prisma's own migrate keeps it, so that `prisma migrate deploy` finds nothing to do. */
const LEDGER = `
CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Applies the SQL migrations that are not in the ledger yet, each in one transaction, under an advisory lock: two
 * processes that start at once are safe. Then gives the service's roles what they may do, where something of it is missing:
 * after a migration, and in a database that was restored from a dump. Runs as the owner of the database.
 *
 * @param prepareQueue makes the tables of a queue in the database, which the service may not; absent: there is none
 * @param folder the folder of Prisma's layout, `<name>/migration.sql`; default: the service's own
 * @returns the names that were applied now
 * @throws PersistenceError `migration_changed` when an applied migration's text is no longer the one that was applied, and
 *   `database_before_baseline` when the database was made by a version older than the first migration of this one
 */
export async function migrate(
  ownerConnectionString: string,
  prepareQueue?: PrepareQueue,
  folder = migrationsFolder(),
): Promise<string[]> {
  const client = new Client({ connectionString: ownerConnectionString, application_name: 'meterline-migrate' });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await client.query(LEDGER);
    await createRoles(client);
    const { rows } = await client.query<{ migration_name: string; checksum: string }>(
      'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    );
    const applied = new Map(rows.map((row) => [row.migration_name, row.checksum]));
    const fresh: string[] = [];
    const migrations = await readMigrations(folder);
    if (applied.size > 0 && migrations[0] && !applied.has(migrations[0].name)) {
      throw new PersistenceError(
        'database_before_baseline',
        `the database was made by a version before ${migrations[0].name}, which cannot be upgraded: name a new, empty database`,
        false,
      );
    }
    for (const { name, sql, checksum } of migrations) {
      const before = applied.get(name);
      if (before !== undefined && before !== checksum) {
        throw new PersistenceError(
          'migration_changed',
          `migration ${name} was applied with other text: restore its file, or name a new, empty database`,
          false,
        );
      }
      if (before === undefined) {
        await apply(client, name, sql, checksum);
        fresh.push(name);
      }
    }
    await prepareQueue?.(client);
    const isLacking = (await lackingPrivileges(client)).length > 0;
    if (fresh.length > 0 || isLacking) await grantPrivileges(client);
    if (await isQueueToBeGranted(client)) await grantQueue(client);
    return fresh;
  } finally {
    // Ending the session releases the advisory lock too.
    await client.end();
  }
}

/** The migrations of this version that a database lacks, as a login sees that may read their ledger. */
export async function pendingMigrations(client: Client, folder = migrationsFolder()): Promise<string[]> {
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there`,
  );
  const applied = rows[0]?.there
    ? await client.query<{ name: string }>(
        `SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`,
      )
    : { rows: [] };
  const known = new Set(applied.rows.map(({ name }) => name));
  return (await readMigrations(folder)).map(({ name }) => name).filter((name) => !known.has(name));
}

/** Creates a database beside the one that `adminConnectionString` names, unless it exists. */
export async function createDatabase(adminConnectionString: string, name: string): Promise<void> {
  const client = new Client({ connectionString: adminConnectionString });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

/** The service's own migrations, found from the sources as well as from the build, which lies a folder deeper. */
function migrationsFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'prisma', 'migrations');
    if (existsSync(candidate)) return candidate;
  }
  throw new PersistenceError('migrations_missing', 'the folder prisma/migrations is missing beside the service', false);
}

async function readMigrations(folder: string): Promise<{ name: string; sql: string; checksum: string }[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function apply(client: Client, name: string, sql: string, checksum: string): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
       VALUES ($1, $2, now(), $3, 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new PersistenceError('migration_failed', `migration ${name} failed: ${(error as Error).message}`, false, {
      cause: error,
    });
  }
}
