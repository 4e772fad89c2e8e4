import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { createDatabase, type Database, migrate, openDatabase } from '#persistence';

export const MIGRATIONS = resolve('prisma/migrations');

/** A fresh, migrated database of its own on the run's PostgreSQL. Its `url` logs in as the owner. */
export async function createTestDatabase(): Promise<{ url: string; database: Database }> {
  const url = await createEmptyDatabase();
  await migrate(url, MIGRATIONS);
  return { url, database: openDatabase(url) };
}

/** A fresh database without any table. */
export async function createEmptyDatabase(): Promise<string> {
  const server = process.env.TEST_DATABASE_URL;
  if (!server) throw new Error('TEST_DATABASE_URL is unset: run the tests through npm test, which starts PostgreSQL');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await createDatabase(server, name);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
