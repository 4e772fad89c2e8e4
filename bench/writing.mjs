/** What the statement that issues a batch writes, with how its rows of one seller are found. */
const OF_INVOICES = 'SELECT id FROM invoice WHERE seller_id = s.id';
const WRITTEN = {
  invoice: 'r.seller_id = s.id',
  invoice_line: `r.invoice_id IN (${OF_INVOICES})`,
  invoice_tax: `r.invoice_id IN (${OF_INVOICES})`,
  invoice_inputs: `r.invoice_id IN (${OF_INVOICES})`,
  invoice_event: `r.invoice_id IN (${OF_INVOICES})`,
  confirming_pull: `r.invoice_id IN (${OF_INVOICES})`,
  audit_event: `r.seller_id = s.id AND r.action = 'invoice.issued'`,
};
/** Invoices that a worker writes at once. */
const BATCH = 25;

/** Forgets what statements took so far. */
export async function forgetStatements(client) {
  await client.query('SELECT pg_stat_statements_reset()');
}

/**
 * What PostgreSQL took to write the invoices of a seller that was closed since `forgetStatements`, against a COPY of the very
 * same rows, as ready text, into empty tables with the same columns and indexes, in batches of the same size. Both are the
 * server's own time in the statements, in ms an invoice; what comes with COMMIT is in neither.
 */
export async function measureWriting(client, { seller, accounts }) {
  const insert = await timeOf(client, '%INSERT INTO invoice (%');
  if (insert.calls === 0) throw new Error('no statement wrote invoices');
  const {
    rows: [{ data_directory }],
  } = await client.query('SHOW data_directory');
  const file = `${data_directory}/bench.copy`;
  await forgetStatements(client);
  for (const [table, rows] of Object.entries(WRITTEN)) {
    await client.query(`DROP TABLE IF EXISTS floor_${table}, ready_${table}`);
    await client.query(`CREATE TABLE floor_${table} (LIKE ${table} INCLUDING INDEXES INCLUDING GENERATED)`);
    await client.query(
      `CREATE TABLE ready_${table} AS
       SELECT r.*, row_number() OVER () AS place FROM ${table} r CROSS JOIN seller s WHERE s.code = $1 AND ${rows}`,
      [seller],
    );
    const {
      rows: [{ count }],
    } = await client.query(`SELECT count(*)::int AS count FROM ready_${table}`);
    const columns = await writtenColumns(client, table);
    const size = Math.max(1, Math.ceil((count / accounts) * BATCH));
    for (let from = 0; from < count; from += size) {
      const batch = `SELECT ${columns} FROM ready_${table} WHERE place > ${from} AND place <= ${from + size}`;
      await client.query(`COPY (${batch}) TO '${file}'`);
      await client.query(`COPY floor_${table} (${columns}) FROM '${file}'`);
    }
    const copied = await client.query(`SELECT count(*)::int AS count FROM floor_${table}`);
    if (copied.rows[0].count !== count) throw new Error(`not every row of ${table} was copied`);
  }
  const copy = await timeOf(client, 'COPY floor%');
  return { insert_ms: insert.total_ms / accounts, copy_ms: copy.total_ms / accounts };
}

async function timeOf(client, statement) {
  const { rows } = await client.query(
    `SELECT coalesce(sum(calls), 0)::int AS calls, coalesce(sum(total_exec_time), 0)::float8 AS total_ms
       FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND query LIKE $1`,
    [statement],
  );
  return rows[0];
}

async function writtenColumns(client, table) {
  const { rows } = await client.query(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    [table],
  );
  return rows[0].columns;
}

/** The statements of a close that took PostgreSQL most, in ms for an account of it. */
async function slowestStatements(client, { accounts }) {
  const { rows } = await client.query(
    `SELECT query, calls::int, total_exec_time AS ms FROM pg_stat_statements
      WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY total_exec_time DESC LIMIT 8`,
  );
  return rows.map(({ query, calls, ms }) => ({ text: nameOf(query), calls, ms: ms / accounts }));
}

/** Enough of a statement to find it: the first table that it writes, or its beginning. */
function nameOf(query) {
  const flat = query.replaceAll(/\s+/g, ' ').replaceAll('`', "'");
  return (/\b(INSERT INTO|UPDATE|DELETE FROM) [\w.]+/.exec(flat)?.[0] ?? flat).slice(0, 70);
}

/** Closes so many accounts and says which tables it made larger and which statements took PostgreSQL most. */
export async function lapInDetail(stage, accounts) {
  await forgetStatements(stage.client);
  const before = await tableSizes(stage.client);
  const large = await stage.lap(accounts);
  const slowest = await slowestStatements(stage.client, large);
  const after = await tableSizes(stage.client);
  const tables = Array.from(after, ([table, bytes]) => ({ table, bytes: bytes - (before.get(table) ?? 0) }));
  return { ...large, slowest, tables };
}

/** Bytes of each table with its indexes and what it keeps aside; partitions count for their table. */
async function tableSizes(client) {
  const { rows } = await client.query(
    `SELECT coalesce(p.relname, c.relname) AS table, sum(pg_total_relation_size(c.oid))::float8 AS bytes
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_inherits h ON h.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = h.inhparent
      WHERE n.nspname = 'public' AND c.relkind = 'r' GROUP BY 1`,
  );
  return new Map(rows.map(({ table, bytes }) => [table, bytes]));
}
