import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import pg from 'pg';
import {
  type Catalogue,
  openDatabase,
  PATIENCE,
  provideLogin,
  readingBounded,
  recordAudit,
  serviceLogin,
  serviceSession,
} from '#persistence';
import { admitConfiguredKey, authenticate, createApiKey, openCatalogue } from '#persistence/catalogue';
import { openCloseQueue, queueSettings } from '#runtime';
import { granted, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { issueOne } from '../support/issued-invoice.js';
import { as, createEmptyDatabase, createTestDatabase } from '../support/postgres.js';

let url: string;
let serviceUrl: string;
let database: Catalogue;
/** A session that logged in with the service's password and set nothing. */
let service: pg.Client;
const sessions: pg.Client[] = [];

beforeAll(async () => {
  ({ url, serviceUrl, database } = await createTestDatabase());
  service = await session(serviceUrl);
});
afterAll(async () => {
  for (const each of sessions) await each.end();
  await database.$disconnect();
});

async function session(of: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: of });
  await client.connect();
  sessions.push(client);
  return client;
}

/** Does something as the owner and answers its rows. */
async function asOwner<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  try {
    return (await owner.query<Row>(sql, values)).rows;
  } finally {
    await owner.end();
  }
}

describe("the service's login", () => {
  it('is no superuser and a member of nothing but its own role', async () => {
    const { rows } = await service.query(
      `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS mighty,
              (SELECT array_agg(g.rolname::text) FROM pg_roles g
                WHERE g.rolname <> r.rolname AND pg_has_role(r.oid, g.oid, 'MEMBER')) AS roles
         FROM pg_roles r WHERE rolname = session_user`,
    );
    expect(rows).toEqual([{ mighty: false, roles: ['meterline_service'] }]);
  });

  it.each([
    'SET ROLE meterline_owner',
    'SET SESSION AUTHORIZATION meterline_owner',
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY api_key FROM PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/meterline-copy'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    'ALTER ROLE meterline_test_service SUPERUSER',
    'CREATE ROLE meterline_other LOGIN SUPERUSER',
    'GRANT pg_execute_server_program TO meterline_test_service',
    'SET session_replication_role = replica',
    'ALTER TABLE invoice DISABLE TRIGGER ALL',
    'CREATE TABLE public.mine (id int)',
    'CREATE SCHEMA mine',
    'CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$',
    'DROP FUNCTION bullmq.add_job',
    'CREATE EXTENSION dblink',
    'TRUNCATE usage_values',
    'DELETE FROM api_key',
    'DELETE FROM number_series',
    "UPDATE invoice SET number = 'x'",
    "UPDATE audit_event SET actor = 'x'",
    'UPDATE certificate_key SET created_at = now()',
    'UPDATE _prisma_migrations SET rolled_back_at = now()',
  ])('may not %s', async (sql) => {
    await expect(service.query(sql)).rejects.toMatchObject({
      code: expect.stringMatching(/^(42501|42704|42809|42883|22023)$/) as string,
    });
    // Whatever it tried, it is still itself.
    const { rows } = await service
      .query('RESET ROLE; SET ROLE NONE')
      .then(() => service.query("SELECT current_user::text AS who, current_setting('is_superuser') AS super"));
    expect(rows).toEqual([{ who: 'meterline_test_service', super: 'off' }]);
  });

  it('records audit events at the time and by the login that the database says', async () => {
    const subject = `x:${randomUUID()}`;
    const event = "'service', 'recorded', $1";
    for (const forged of [
      ['id', "'00000000-0000-7000-8000-000000000000'"],
      ['at', "'2020-01-01Z'"],
      ['login', "'another'"],
    ]) {
      await expect(
        service.query(
          `INSERT INTO audit_event (${forged[0]}, actor, action, subject) VALUES (${forged[1]}, ${event})`,
          [subject],
        ),
      ).rejects.toMatchObject({ code: '42501' });
    }
    await service.query(`INSERT INTO audit_event (actor, action, subject) VALUES (${event})`, [subject]);
    const rows = await asOwner(
      `SELECT now() - at < interval '1 hour' AS today, login, event_id_tells_time(id, at) AS "idToday"
         FROM audit_event WHERE subject = $1`,
      [subject],
    );
    expect(rows).toEqual([{ today: true, login: 'meterline_test_service', idToday: true }]);
  });

  it('lists audit events in the order in which they were recorded, by ids of version 7', async () => {
    const subject = `x:${randomUUID()}`;
    for (let number = 0; number < 50; number += 1) {
      await recordAudit(database, { sellerId: null, actor: 'test', action: `n${number}`, subject });
    }
    const rows = await asOwner<{ action: string; id: string }>(
      'SELECT action, id::text FROM audit_event WHERE subject = $1 ORDER BY id',
      [subject],
    );
    expect(rows.map(({ action }) => action)).toEqual(Array.from({ length: 50 }, (_, number) => `n${number}`));
    for (const { id } of rows)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('cannot record what a key did that was never made', async () => {
    await expect(
      service.query(
        `INSERT INTO audit_event (actor, action, subject) VALUES ('api_key:' || gen_random_uuid(), 'x', 'x')`,
      ),
    ).rejects.toThrow(/no API key/);
  });

  it('cannot lower a number series', async () => {
    const seller = await makeSeller(database, { code: 'numbers' });
    await service.query(
      `INSERT INTO number_series (seller_id, kind, fiscal_year, next_sequence, last_issued_at)
       VALUES ($1, 'invoice', 2026, 8, '2026-11-01Z')`,
      [seller],
    );
    for (const change of ['next_sequence = 7', 'fiscal_year = 2025', "last_issued_at = '2026-10-01Z'"]) {
      await expect(service.query(`UPDATE number_series SET ${change} WHERE seller_id = $1`, [seller])).rejects.toThrow(
        /only goes up/,
      );
    }
    await service.query('UPDATE number_series SET next_sequence = 9 WHERE seller_id = $1', [seller]);
    // Who restores may.
    await asOwner('UPDATE number_series SET next_sequence = 8 WHERE seller_id = $1', [seller]);
  });

  it('cannot let a revoked key in again, widen one, or make one in silence', async () => {
    const key = granted(
      await createApiKey(database, 'test', { name: 'reads', scopes: ['read'], account: null, expires_at: null }),
    );
    for (const change of [
      "scopes = '{admin}'",
      "hash = 'x'",
      "created_at = '2020-01-01Z'",
      "expires_at = '2099-01-01Z'",
      'name = name || name',
    ]) {
      await expect(service.query(`UPDATE api_key SET ${change} WHERE id = $1`, [key.id])).rejects.toThrow(
        /not changed/,
      );
    }
    await service.query("UPDATE api_key SET revoked_at = '2020-01-01Z' WHERE id = $1", [key.id]);
    const [row] = await asOwner<{ today: boolean }>(
      "SELECT now() - revoked_at < interval '1 hour' AS today FROM api_key WHERE id = $1",
      [key.id],
    );
    expect(row?.today).toBe(true);
    await expect(service.query('UPDATE api_key SET revoked_at = NULL WHERE id = $1', [key.id])).rejects.toThrow(
      /stays revoked/,
    );
    await expect(
      service.query(
        `INSERT INTO api_key (id, name, prefix, hash, scopes) VALUES (gen_random_uuid(), 'mine', 'mtl_', 'mine', '{admin}')`,
      ),
    ).rejects.toThrow(/without an audit event/);
    expect(await authenticate(database, key.key, 'another')).toBeUndefined();
  });

  it('knows each configured key where it is configured, also when it was revoked before', async () => {
    const [first, second] = ['a', 'b'].map((letter) => `mtl_${letter.repeat(30)}`) as [string, string];
    for (const key of [first, first, second, first]) await admitConfiguredKey(database, key);
    expect((await authenticate(database, first, first))?.scopes).toEqual(['admin']);
    expect(await authenticate(database, first, second)).toBeUndefined();
    await asOwner("UPDATE api_key SET revoked_at = now() WHERE prefix = 'configured'", []);
    expect(await authenticate(database, first, first)).toBeUndefined();
    await admitConfiguredKey(database, first);
    expect((await authenticate(database, first, first))?.scopes).toEqual(['admin']);
  });

  it('issues nothing with a date that has passed, and tells no past events', async () => {
    await makeSeller(database, { code: 'dates' });
    await makePlan(database, {
      code: 'dates',
      name: 'Dates',
      currency: 'USD',
      effective_from: '2020-01-01',
      charges: [{ code: 'fee', name: 'Fee', type: 'recurring', amount: '10.00' }],
    });
    const accountId = await makeAccount(database, { seller: 'dates', external_id: 'a' }, 'dates');
    const id = await issueOne(url, { seller: 'dates', accountId, period: '2026-10', amount: '10.00' });
    const [{ columns } = { columns: '' }] = await asOwner<{ columns: string }>(
      `SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
        WHERE attrelid = 'invoice'::regclass AND attnum > 0 AND attgenerated = ''`,
    );
    await expect(
      service.query(
        `INSERT INTO invoice (${columns}) SELECT ${columns.replaceAll(/(\w+)/g, '(i).$1')} FROM (
           SELECT jsonb_populate_record(i, '{"id": "${randomUUID()}", "number": "INV-1", "sequence": 99, "revision": 2}') AS i
             FROM invoice i WHERE id = $1) AS copy`,
        [id],
      ),
    ).rejects.toThrow(/not issued now/);
    await expect(
      service.query(
        `INSERT INTO invoice_event (id, invoice_id, type, at) VALUES (gen_random_uuid(), $1, 'paid', '2026-01-01Z')`,
        [id],
      ),
    ).rejects.toThrow(/not recorded now/);

    // A temporary table of the same name would be found first by a function that names no schema.
    await service.query('CREATE TEMP TABLE invoice (account_id uuid)');
    try {
      await expect(service.query("UPDATE account SET currency = 'EUR' WHERE id = $1", [accountId])).rejects.toThrow(
        /frozen/,
      );
    } finally {
      await service.query('DROP TABLE pg_temp.invoice');
    }
  });

  it('has a queue', async () => {
    const queue = await openCloseQueue(queueSettings(serviceUrl));
    try {
      await queue.enqueue([{ closeId: randomUUID(), batch: 0 }]);
      expect(await queue.ping()).toBe(1);
    } finally {
      await queue.close();
    }
  });

  it("acts as the service's role and keeps its settings, whatever options the URL brings", async () => {
    const own = new URL(serviceUrl);
    own.searchParams.set('options', '-c statement_timeout=12345 -c role=none');
    const other = openDatabase(own.href, 1);
    const queue = await openCloseQueue(queueSettings(own.href));
    try {
      const rows = await other.$queryRaw`
        SELECT current_user::text AS role, current_setting('statement_timeout') AS statement,
               current_setting('idle_in_transaction_session_timeout') AS idle`;
      expect(rows).toEqual([{ role: 'meterline_service', statement: '12345ms', idle: '1min' }]);
      expect(await queue.ping()).toEqual(expect.any(Number));
    } finally {
      await queue.close();
      await other.$disconnect();
    }
  });

  it('gives up a peer that is gone and a transaction that stopped, in whatever session', async () => {
    // Both ends look: a host without power is asked after 30 s and given up 40 s later, by defaults after two hours.
    const alive = { idle: '30', interval: '10', count: '4', transaction: '1min' };
    const settings = `
      SELECT current_setting('tcp_keepalives_idle') AS idle, current_setting('tcp_keepalives_interval') AS interval,
             current_setting('tcp_keepalives_count') AS count, current_setting('lock_timeout') AS lock,
             current_setting('idle_in_transaction_session_timeout') AS transaction`;
    const asked: unknown[] = [];
    const { setKeepAlive } = Socket.prototype;
    Socket.prototype.setKeepAlive = function (...of) {
      asked.push(of);
      return Reflect.apply(setKeepAlive, this, of);
    };
    const other = await openCatalogue(serviceUrl, 1);
    try {
      expect(await other.$queryRawUnsafe(settings)).toEqual([{ ...alive, lock: '10s' }]);
      const reading = await readingBounded(other, () => other.$queryRawUnsafe(settings));
      expect(reading).toEqual([{ ...alive, lock: '10s' }]);
      // The queue's and that of the gates.
      for (const config of [queueSettings(serviceUrl, PATIENCE).connection, serviceSession(serviceUrl)]) {
        const client = new pg.Client(config as pg.ClientConfig);
        await client.connect();
        expect((await client.query(settings)).rows).toEqual([{ ...alive, lock: '0' }]);
        await client.end();
      }
      expect(asked).toEqual(Array.from({ length: 4 }, () => [true, 30_000]));
    } finally {
      Socket.prototype.setKeepAlive = setKeepAlive;
      await other.$disconnect();
    }
  });
});

describe("a reader's login", () => {
  it('sees documents and no secret, and changes nothing', async () => {
    const credentials = { user: 'meterline_test_reader', password: 'of-the-reader' };
    await provideLogin(url, 'reader', credentials);
    const reader = await session(as(credentials, url));
    await reader.query('SELECT document, number FROM invoice');
    await reader.query('SELECT bytes FROM stored_document');
    await reader.query('SELECT code, name, settings FROM seller');
    await reader.query('SELECT name, scopes, revoked_at FROM api_key');
    for (const [column, table] of [
      ['report_api_key', 'seller'],
      ['report_api_key', 'account'],
      ['hash', 'api_key'],
      ['private_key', 'certificate_key'],
      ['body', 'idempotency_key'],
      ['body', 'usage_evidence'],
      ['*', 'seller'],
    ]) {
      await expect(reader.query(`SELECT ${column} FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
    await expect(reader.query("UPDATE account SET name = 'x'")).rejects.toMatchObject({ code: '42501' });
    await expect(reader.query('SELECT * FROM bullmq.job')).rejects.toMatchObject({ code: '42501' });
    await expect(reader.query('SET ROLE meterline_service')).rejects.toMatchObject({ code: '42501' });
  });
});

describe('a process that is told a login', () => {
  it("migrates with an owner's, works with a lesser one that it makes, and all processes with the same", async () => {
    const owner = await createEmptyDatabase();
    const logins = await Promise.all([1, 2, 3].map(() => serviceLogin(owner)));
    expect(new Set(logins.map((login) => login.url)).size).toBe(1);
    expect(logins[0]?.wasOwner).toBe(true);
    const made = logins[0]?.url ?? '';
    const client = await session(made);
    await expect(client.query('SET ROLE meterline_owner')).rejects.toMatchObject({ code: '42501' });
    expect((await client.query('SELECT rolsuper FROM pg_roles WHERE rolname = session_user')).rows).toEqual([
      { rolsuper: false },
    ]);
    expect(new URL(made).password).not.toBe(new URL(owner).password);
    expect(await serviceLogin(made)).toEqual({ url: made, wasOwner: false });
  });

  it('refuses to start with a lesser one where migrations or grants are missing, and names the command', async () => {
    const empty = await createEmptyDatabase();
    const lesser = Object.assign(new URL(serviceUrl), { pathname: new URL(empty).pathname }).href;
    await expect(serviceLogin(lesser)).rejects.toMatchObject({
      code: expect.stringMatching(/^(migrations_pending|privileges_missing)$/) as string,
      message: expect.stringContaining('meterline migrate') as string,
    });

    await asOwner('REVOKE INSERT ON invoice FROM meterline_service');
    try {
      await expect(serviceLogin(serviceUrl)).rejects.toMatchObject({
        code: 'privileges_missing',
        message: expect.stringMatching(/invoice.*meterline migrate/) as string,
      });
    } finally {
      await asOwner('GRANT INSERT ON invoice TO meterline_service');
    }
  });

  it('does not take the owner for a login of the service', async () => {
    await expect(provideLogin(url, 'service', { user: new URL(url).username, password: 'x' })).rejects.toMatchObject({
      code: 'login_is_owner',
    });
  });
});

it('the roles may do what is written down for them, and PUBLIC nothing', async () => {
  const rows = await asOwner<{ what: string }>(
    `SELECT c.relname || ': ' || a.privilege_type AS what
       FROM pg_class c, aclexplode(c.relacl) a
      WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0
      UNION ALL
     SELECT 'no path: ' || p.oid::regprocedure FROM pg_proc p
      WHERE p.pronamespace = 'public'::regnamespace AND p.proconfig IS NULL AND p.prosqlbody IS NULL
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
      UNION ALL
     SELECT 'owns ' || c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
      WHERE r.rolname LIKE 'meterline\\_%' AND r.rolname <> 'meterline_owner' AND c.relnamespace = 'public'::regnamespace`,
  );
  expect(rows).toEqual([]);
  // A migration that grants what privileges.ts does not name would be lost by a restore: name it there.
  const before = await grants();
  await asOwner(`DO $$ DECLARE t record; BEGIN
    FOR t IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
    LOOP EXECUTE format('REVOKE ALL ON %s FROM meterline_service, meterline_reader', t.name); END LOOP; END $$`);
  await serviceLogin(url);
  expect(await grants()).toEqual(before);
});

/** Everything that the roles of the service were given. */
async function grants(): Promise<string[]> {
  const rows = await asOwner<{ what: string }>(
    `SELECT grantee || ' ' || table_name || '.' || column_name || ' ' || privilege_type AS what
       FROM information_schema.column_privileges
      WHERE grantee IN ('meterline_service', 'meterline_reader') AND table_schema = 'public'
      UNION
     SELECT grantee || ' ' || table_name || ' ' || privilege_type
       FROM information_schema.table_privileges
      WHERE grantee IN ('meterline_service', 'meterline_reader') AND table_schema = 'public'
      ORDER BY 1`,
  );
  return rows.map(({ what }) => what);
}
