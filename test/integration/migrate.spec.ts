import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { migrate, openDatabase } from '#persistence';
import { createEmptyDatabase, MIGRATIONS } from '../support/postgres.js';

async function query<T>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

describe('migrations', () => {
  it('are applied once by processes that start at the same time', async () => {
    const url = await createEmptyDatabase();
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(url, undefined, MIGRATIONS)));
    const names = applied.flat();
    expect(names.length).toBeGreaterThan(0);
    expect(new Set(names).size).toBe(names.length);
    expect(await migrate(url, undefined, MIGRATIONS)).toEqual([]);
  });

  it("keep Prisma's ledger: the sha256 of each file, one step, finished", async () => {
    const url = await createEmptyDatabase();
    await migrate(url, undefined, MIGRATIONS);
    const rows = await query<{ migration_name: string; checksum: string; applied_steps_count: number }>(
      url,
      'SELECT * FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY migration_name',
    );
    for (const row of rows) {
      const sql = readFileSync(join(MIGRATIONS, row.migration_name, 'migration.sql'));
      expect(row.checksum).toBe(createHash('sha256').update(sql).digest('hex'));
      expect(row.applied_steps_count).toBe(1);
    }
    expect(rows.length).toBeGreaterThan(0);
  });

  it('refuse to go on when an applied file was changed', async () => {
    const url = await createEmptyDatabase();
    await migrate(url, undefined, MIGRATIONS);
    const folder = await mkdtemp(join(tmpdir(), 'meterline-migrations-'));
    await cp(MIGRATIONS, folder, { recursive: true });
    const [first = ''] = (await readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
    await appendFile(join(folder, first, 'migration.sql'), '\n-- an edit');
    await expect(migrate(url, undefined, folder)).rejects.toMatchObject({ code: 'migration_changed' });
    await rm(folder, { recursive: true });
  });

  it('refuse a database that was made before the first of them, and leave it as it is', async () => {
    const url = await createEmptyDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'meterline-migrations-'));
    await mkdir(join(folder, '20200101000000_older'));
    await writeFile(join(folder, '20200101000000_older', 'migration.sql'), 'CREATE TABLE seller (id uuid)');
    await migrate(url, undefined, folder);
    await rm(folder, { recursive: true });
    await expect(migrate(url, undefined, MIGRATIONS)).rejects.toMatchObject({
      code: 'database_before_baseline',
      message: expect.stringContaining('new, empty database') as string,
    });
    const tables = await query<{ tablename: string }>(
      url,
      "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    );
    expect(tables.map(({ tablename }) => tablename).sort()).toEqual(['_prisma_migrations', 'seller']);
  });

  it('leave the service a role that can insert an audit event but not change or empty one', async () => {
    const url = await createEmptyDatabase();
    await migrate(url, undefined, MIGRATIONS);
    const database = openDatabase(url);
    try {
      const [who] = await database.$queryRaw<{ role: string; super: string }[]>`
        SELECT current_user::text AS role, current_setting('is_superuser') AS super`;
      expect(who).toEqual({ role: 'meterline_service', super: 'off' });
      await database.$executeRaw`
        INSERT INTO audit_event (actor, action, subject) VALUES ('test', 'tested', 'x')`;
      await expect(database.$executeRaw`UPDATE audit_event SET actor = 'other'`).rejects.toThrow(/denied|refused/);
      await expect(database.$executeRaw`DELETE FROM audit_event`).rejects.toThrow(/denied|refused/);
      await expect(database.$executeRaw`TRUNCATE audit_event`).rejects.toThrow(/denied|refused/);
    } finally {
      await database.$disconnect();
    }
    // Even the owner is stopped by the triggers.
    await expect(query(url, "UPDATE audit_event SET actor = 'other'")).rejects.toThrow(/refused/);
    await expect(query(url, 'TRUNCATE audit_event')).rejects.toThrow(/refused/);
  });

  it('agree with the Prisma schema on every column', async () => {
    const url = await createEmptyDatabase();
    await migrate(url, undefined, MIGRATIONS);
    const schema = readFileSync('prisma/schema.prisma', 'utf8');
    const columns = await query<{ table_name: string; column_name: string; nullable: boolean }>(
      url,
      `SELECT table_name, column_name, is_nullable = 'YES' AS nullable FROM information_schema.columns
       WHERE table_schema = 'public'`,
    );
    const models = [...schema.matchAll(/^model \w+ \{\n([\s\S]*?)\n\}/gm)].map(([, body = '']) => body);
    expect(models.length).toBeGreaterThan(0);
    for (const body of models) {
      const table = /@@map\("(\w+)"\)/.exec(body)?.[1];
      const declared = [...body.matchAll(/^ {2}(\w+) +(?:[A-Z]\w+|Unsupported\("\w+"\))(\[\]|\?)? *(.*)$/gm)]
        .filter(([, , , attributes = '']) => !attributes.includes('@relation'))
        .filter(([line]) => !/ (Account|Seller|Entity|Subscription)(\[\]|\?)?\s*$/.test(line))
        .map(([, field = '', suffix, attributes = '']) => ({
          column_name: /@map\("(\w+)"\)/.exec(attributes)?.[1] ?? field,
          nullable: suffix === '?',
        }));
      const actual = columns
        .filter((column) => column.table_name === table)
        .map(({ column_name, nullable }) => ({ column_name, nullable }));
      const byName = (a: { column_name: string }, b: { column_name: string }) =>
        a.column_name < b.column_name ? -1 : 1;
      expect([table, declared.sort(byName)]).toEqual([table, actual.sort(byName)]);
    }
  });
});
