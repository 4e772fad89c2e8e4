import { type Catalogue, type Database, isDatabaseAway, openDatabase, type Transaction } from '#persistence';
import { createTestDatabase } from '../support/postgres.js';

describe('statements by pg and through Prisma', () => {
  let prisma: Catalogue;
  let own: Database;

  beforeAll(async () => {
    const created = await createTestDatabase();
    prisma = created.database;
    own = openDatabase(created.serviceUrl, 2);
  });
  afterAll(async () => {
    await Promise.all([prisma.$disconnect(), own.$disconnect()]);
  });

  it('answer the same rows, whatever type a column has', async () => {
    const read = (database: Database) => database.$queryRaw<Record<string, unknown>[]>`
      SELECT 7::int2 AS small, -7::int4 AS whole, 9007199254740993::int8 AS large, 0.1::float8 AS double, 1.5::float4 AS single,
             12345678901234567890.000000000123::numeric AS exact, true AS yes, 'ä€'::text AS words, 'x'::varchar AS short,
             DATE '2026-08-01' AS day, TIMESTAMP '2026-08-01 23:30:00.25' AS local,
             TIMESTAMPTZ '2026-08-01 23:30:00.125+05:30' AS instant, '{"a":[1,null,"b"]}'::jsonb AS document,
             '[1]'::json AS list, '00000000-0000-4000-8000-000000000001'::uuid AS id, '\\x00ff10'::bytea AS bytes,
             NULL::numeric AS nothing, ARRAY[1, NULL, 3]::int4[] AS wholes, ARRAY[9007199254740993]::int8[] AS larges,
             ARRAY[0.10]::numeric[] AS exacts, ARRAY['a,b', 'c"d', NULL]::text[] AS texts, ARRAY[DATE '2026-08-31'] AS days,
             ARRAY['00000000-0000-4000-8000-000000000002']::uuid[] AS ids, (SELECT count(*) FROM seller) AS counted
       UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                        NULL, NULL, NULL, NULL, NULL, NULL, NULL`;
    const [ours, theirs] = [await read(own), await read(prisma)];
    const plain = (rows: Record<string, unknown>[]) =>
      rows.map((row) => ({ ...row, bytes: row.bytes && Buffer.from(row.bytes as Uint8Array).toString('hex') }));
    expect(plain(ours)).toEqual(plain(theirs));
    expect([ours[0]?.large, ours[0]?.day, String(ours[0]?.exact)]).toEqual([
      9007199254740993n,
      new Date('2026-08-01T00:00:00Z'),
      '12345678901234567890.000000000123',
    ]);
  });

  it('take the same values', async () => {
    const { Decimal } = (await import('@prisma/client-runtime-utils')) as typeof import('@prisma/client-runtime-utils');
    const read = (database: Database) => database.$queryRaw`
      SELECT ${new Date('2026-08-01T12:00:00.125Z')}::timestamptz::text AS instant, ${9007199254740993n}::text AS large,
             ${['a,b', 'c"d']}::text[]::text AS texts, ${[1, 2]}::int[]::text AS wholes, ${true}::bool AS yes,
             encode(${Buffer.from('00ff', 'hex')}::bytea, 'hex') AS bytes, ${null}::text AS nothing, ${1.5}::float8 AS double,
             ${'ä€'}::text AS words`;
    expect(await read(own)).toEqual(await read(prisma));
    expect(await own.$queryRaw`SELECT ${new Decimal('1e-7')}::numeric::text AS exact`).toEqual([
      { exact: '0.0000001' },
    ]);
  });

  it('count what they write, and keep or leave all of a transaction', async () => {
    const settings = async (database: Pick<Transaction, '$queryRaw'>) =>
      (
        await database.$queryRaw<
          { action: string }[]
        >`SELECT action FROM audit_event WHERE actor = 'service' ORDER BY action`
      ).map(({ action }) => action);
    const write = (on: Pick<Transaction, '$executeRaw'>, ...actions: string[]) => on.$executeRaw`
      INSERT INTO audit_event (actor, action, subject) SELECT 'service', action, 'test:1' FROM unnest(${actions}::text[]) AS action`;
    expect(await write(own, 'a.kept', 'b.kept')).toBe(2);
    await expect(
      own.$transaction(async (tx) => {
        await write(tx, 'c.left');
        expect(await settings(own)).toEqual(['a.kept', 'b.kept']);
        throw new Error('no more of it');
      }),
    ).rejects.toThrow('no more of it');
    let late: Transaction | undefined;
    await own.$transaction(async (tx) => {
      late = tx;
      await write(tx, 'd.kept');
      const failed = tx.$transaction(async (part) => {
        await write(part, 'e.left');
        await part.$executeRaw`SELECT 1 / 0`;
      });
      await expect(failed).rejects.toMatchObject({ code: '22012' });
      await tx.$transaction((part) => part.$transaction((inner) => write(inner, 'f.kept')));
    });
    expect(await settings(own)).toEqual(['a.kept', 'b.kept', 'd.kept', 'f.kept']);
    // The session may be another transaction's by then.
    await expect(write(late as Transaction, 'g.late')).rejects.toThrow('has ended');
    expect(await settings(own)).toEqual(['a.kept', 'b.kept', 'd.kept', 'f.kept']);
  });

  it('say that a database is away', async () => {
    for (const url of [
      'postgresql://service@127.0.0.1:9/nothing',
      'postgresql://service@no-such-host.invalid/nothing',
    ]) {
      const nowhere = openDatabase(url, 1);
      const failure: unknown = await nowhere.$queryRaw`SELECT 1`.catch((error: unknown) => error);
      expect(isDatabaseAway(failure)).toBe(true);
      await nowhere.$disconnect();
    }
  });
});
