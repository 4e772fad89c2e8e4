import type { ClientBase } from 'pg';

/** The role that every login of the service is a member of. It owns nothing. */
export const SERVICE_ROLE = 'meterline_service';
/** The role of those who only look: reports, auditors, a console of SQL. */
export const READER_ROLE = 'meterline_reader';

/** The schema of the queue's tables, where the queue is in the database. */
export const QUEUE_SCHEMA = 'bullmq';

/** What the service may do with each table, and all it may do. What was issued, measured or witnessed it only inserts. */
const SERVICE_MAY: Readonly<Record<string, string>> = {
  _prisma_migrations: 'SELECT',
  account: 'SELECT, INSERT, UPDATE',
  adjustment: 'SELECT, INSERT, UPDATE (cancelled_by, cancelled_at, cancel_reason)',
  adjustment_draw: 'SELECT, INSERT, UPDATE (given_back_at)',
  api_key: 'SELECT, INSERT, UPDATE',
  // When, in which order and by which login an event was recorded says the database.
  audit_event: 'SELECT, INSERT (seller_id, actor, action, subject, data)',
  certificate_key: 'SELECT, INSERT, UPDATE (retired_at)',
  close: 'SELECT, INSERT, UPDATE',
  close_account: 'SELECT, INSERT, UPDATE',
  close_certificate: 'SELECT, INSERT',
  close_event: 'SELECT',
  close_schedule: 'SELECT, INSERT, UPDATE, DELETE',
  close_waiver: 'SELECT, INSERT',
  confirming_pull: 'SELECT, INSERT, UPDATE',
  correction: 'SELECT, INSERT, UPDATE',
  draft_edit: 'SELECT, INSERT, UPDATE (withdrawn_by, withdrawn_at)',
  draft_invoice: 'SELECT, INSERT, UPDATE, DELETE',
  empty_period: 'SELECT, INSERT',
  entity: 'SELECT, INSERT, UPDATE, DELETE',
  document_alteration: 'SELECT, INSERT, UPDATE (mended_at)',
  document_check: 'SELECT, INSERT, UPDATE',
  idempotency_key: 'SELECT, INSERT, UPDATE, DELETE',
  invoice: 'SELECT, INSERT',
  invoice_event: 'SELECT, INSERT',
  invoice_inputs: 'SELECT, INSERT',
  invoice_line: 'SELECT, INSERT',
  invoice_status: 'SELECT',
  invoice_tax: 'SELECT, INSERT',
  invoice_uncertified: 'SELECT, INSERT, DELETE',
  invoice_unrendered: 'SELECT, INSERT, DELETE',
  logo: 'SELECT, INSERT',
  irn_registration: 'SELECT, INSERT',
  number_series: 'SELECT, INSERT, UPDATE',
  report_pace: 'SELECT, INSERT, UPDATE',
  seller: 'SELECT, INSERT, UPDATE',
  stored_document: 'SELECT, INSERT',
  subscription: 'SELECT, INSERT, UPDATE',
  tariff_plan_version: 'SELECT, INSERT, UPDATE, DELETE',
  usage_conservation: 'SELECT',
  usage_evidence: 'SELECT, INSERT, DELETE',
  usage_revision_conservation: 'SELECT',
  usage_snapshot: 'SELECT, INSERT',
  usage_values: 'SELECT, INSERT, DELETE',
  usage_window: 'SELECT, INSERT',
};

const SERVICE_MAY_CALL = ['open_month(date,text)'];

/**
 * What a reader may see. Not what answers were kept for repeated requests, which may hold a key that is shown once, nor any
 * other table that is not named here.
 */
const READER_SEES = Object.keys(SERVICE_MAY).filter((table) => table !== 'idempotency_key' && table !== 'report_pace');
/** Sealed keys and packed usage are bytes, and a reader sees none of them but for the documents themselves. */
const READER_SEES_BYTES_OF = ['stored_document', 'logo'];
const READER_NEVER_SEES = ['hash', 'private_key', 'report_api_key'];

/** Before PostgreSQL 16 each member may become the role. */
const MAY_BECOME = `CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END`;

/** Makes the roles of the service where the server has none: they are the cluster's and stand in no dump. */
export async function createRoles(client: ClientBase): Promise<void> {
  for (const role of [SERVICE_ROLE, READER_ROLE]) {
    await client.query(`DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role} NOLOGIN; END IF;
      IF NOT pg_has_role(current_user, '${role}', ${MAY_BECOME}) THEN EXECUTE format('GRANT ${role} TO %I', current_user); END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- the migration of another database of this cluster was faster
    END $$`);
  }
}

/**
 * Gives the roles what they may do, and takes from them what the database itself let them do before: to make schemas. Safe
 * to run again and again. What a dump does not hold, or was restored without, is there afterwards.
 *
 * Every function of the schema is also bound to the schema it was written for, or a caller could put a temporary table
 * before the one that the function means. One whose body is an SQL expression was bound when it was made.
 */
export async function grantPrivileges(client: ClientBase): Promise<void> {
  const owner = '(SELECT oid FROM pg_roles WHERE rolname = current_user)';
  const service = Object.entries(SERVICE_MAY)
    .map(([table, privileges]) => grantIfThere(table, `GRANT ${privileges} ON public.${table} TO ${SERVICE_ROLE}`))
    .join('\n');
  const calls = SERVICE_MAY_CALL.map(
    (signature) => `
      IF to_regprocedure('public.${signature}') IS NOT NULL THEN
        REVOKE ALL ON FUNCTION public.${signature} FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION public.${signature} TO ${SERVICE_ROLE};
      END IF;`,
  ).join('\n');
  await client.query(`DO $$
    DECLARE each record;
    BEGIN
      GRANT USAGE ON SCHEMA public TO ${SERVICE_ROLE}, ${READER_ROLE};
      -- So it is by default since version 15; a server that was upgraded keeps what it had.
      REVOKE CREATE ON SCHEMA public FROM PUBLIC;
      IF has_database_privilege('${SERVICE_ROLE}', current_database(), 'CREATE') THEN
        EXECUTE format('REVOKE CREATE ON DATABASE %I FROM ${SERVICE_ROLE}', current_database());
      END IF;
      ${service}
      ${calls}
      FOR each IN
        SELECT c.relname AS name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY('{${READER_SEES.join(',')}}')
           AND (a.atttypid <> 'bytea'::regtype OR c.relname = ANY('{${READER_SEES_BYTES_OF.join(',')}}'))
           AND a.attname <> ALL('{${READER_NEVER_SEES.join(',')}}')
         GROUP BY c.relname
      LOOP
        EXECUTE format('GRANT SELECT (%s) ON public.%I TO ${READER_ROLE}', each.columns, each.name);
      END LOOP;
      FOR each IN
        SELECT p.oid::regprocedure AS signature FROM pg_proc p
         WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = ${owner} AND p.prosqlbody IS NULL
           AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search_path=%')
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
      LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = public, pg_temp', each.signature);
      END LOOP;
    END $$`);
}

function grantIfThere(table: string, grant: string): string {
  return `IF to_regclass('public.${table}') IS NOT NULL THEN ${grant}; END IF;`;
}

/**
 * Makes the queue's tables the migrating login's own and lets the service use them: a service that owned them could change
 * their functions. A dump may have been restored with another owner.
 */
export async function grantQueue(client: ClientBase): Promise<void> {
  const schema = `'${QUEUE_SCHEMA}'::regnamespace`;
  await client.query(`DO $$
    DECLARE
      me oid := (SELECT oid FROM pg_roles WHERE rolname = current_user);
      change text;
    BEGIN
      FOR change IN
        SELECT 'ALTER SCHEMA ${QUEUE_SCHEMA}' FROM pg_namespace WHERE oid = ${schema} AND nspowner <> me
        UNION ALL
        SELECT format('ALTER TABLE %s', c.oid::regclass) FROM pg_class c
         WHERE c.relnamespace = ${schema} AND c.relkind IN ('r', 'p', 'v', 'S') AND c.relowner <> me
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
        UNION ALL
        SELECT format('ALTER ROUTINE %s', p.oid::regprocedure) FROM pg_proc p
         WHERE p.pronamespace = ${schema} AND p.proowner <> me
        UNION ALL
        SELECT format('ALTER TYPE %s', t.oid::regtype) FROM pg_type t
         WHERE t.typnamespace = ${schema} AND t.typtype IN ('e', 'd') AND t.typowner <> me
      LOOP
        EXECUTE format('%s OWNER TO %I', change, current_user);
      END LOOP;
      -- BullMQ makes a sequence for the ids of a queue when the first job is added.
      GRANT USAGE, CREATE ON SCHEMA ${QUEUE_SCHEMA} TO ${SERVICE_ROLE};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${QUEUE_SCHEMA} TO ${SERVICE_ROLE};
      GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA ${QUEUE_SCHEMA} TO ${SERVICE_ROLE};
    END $$`);
}

/** Whether anything of the queue is not yet the migrating login's, or not yet the service's to use. */
export async function isQueueToBeGranted(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ wanted: boolean }>(
    `SELECT NOT has_schema_privilege($1, n.oid, 'CREATE') OR EXISTS (
              SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
                 AND (NOT has_table_privilege($1, c.oid, 'INSERT') OR NOT pg_has_role(current_user, c.relowner, 'USAGE'))
            ) AS wanted
       FROM pg_namespace n WHERE nspname = $2`,
    [SERVICE_ROLE, QUEUE_SCHEMA],
  );
  return rows[0]?.wanted ?? false;
}

/** Tables that are there and that the service may not use as it must, by name; the queue's schema among them. */
export async function lackingPrivileges(client: ClientBase): Promise<string[]> {
  const wanted = Object.entries(SERVICE_MAY).map(([table, privileges]) => [table, privileges.replace(/ ?\(.*\)/, '')]);
  const { rows } = await client.query<{ name: string }>(
    `SELECT w->>0 AS name FROM json_array_elements($1::json) AS w
      WHERE to_regclass('public.' || (w->>0)) IS NOT NULL
        AND EXISTS (SELECT FROM unnest(string_to_array(w->>1, ', ')) AS privilege
                     WHERE NOT CASE WHEN privilege = 'DELETE'
                                    THEN has_table_privilege($2, 'public.' || (w->>0), privilege)
                                    ELSE has_any_column_privilege($2, 'public.' || (w->>0), privilege) END)
      UNION ALL
     SELECT 'invoice, for ${READER_ROLE}' WHERE to_regclass('public.invoice') IS NOT NULL
        AND NOT has_any_column_privilege('${READER_ROLE}', 'public.invoice', 'SELECT')
      UNION ALL
     SELECT $3 WHERE coalesce(NOT has_schema_privilege($2, to_regnamespace($3)::oid, 'CREATE'), true)
      ORDER BY 1`,
    [JSON.stringify(wanted), SERVICE_ROLE, QUEUE_SCHEMA],
  );
  return rows.map(({ name }) => name);
}
