import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { Client } from 'pg';
import { accountId, customerSiteId } from '../dist/apps/report-simulator/src/index.js';
import { Closes } from '../dist/libs/close/src/index.js';
import { LAYOUT_VERSION } from '../dist/libs/invoice-pdf/src/index.js';
import { createDatabase, migrate, secretKeySchema } from '../dist/libs/persistence/src/index.js';
import {
  createSeller,
  openCatalogue,
  publishTariffPlan,
  saveDraftPlan,
} from '../dist/libs/persistence/src/catalogue/index.js';
import { parseTariffPlan } from '../dist/libs/rating/src/index.js';
import { openCloseQueue, prepareQueue, queueSettings } from '../dist/libs/runtime/src/index.js';

export const SECRET_KEY = secretKeySchema.parse('5e'.repeat(32));

const ADDRESS = {
  line1: '1 Bench Street',
  line2: null,
  city: 'Benchville',
  region: null,
  postal_code: '10000',
  country: 'US',
};

const FEE = { code: 'fee', name: 'Platform fee', type: 'recurring', amount: '49.00' };

/** The charges of each plan that can be measured. */
export const PLANS = {
  fee: [FEE],
  volume: [
    FEE,
    {
      code: 'traffic',
      name: 'Data transfer',
      type: 'usage',
      measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' },
      price: {
        model: 'graduated',
        tiers: [
          { up_to: '1000', unit_price: '0.08' },
          { up_to: null, unit_price: '0.05' },
        ],
      },
    },
  ],
  sites: [
    {
      code: 'traffic',
      name: 'Data transfer',
      type: 'usage',
      measure: { metric: 'bytes', direction: 'total', per: 'customer_site_id', unit: 'GB' },
      price: { model: 'per_unit', unit_price: '0.08' },
    },
  ],
  percentile: [
    FEE,
    {
      code: 'burst',
      name: '95th percentile bandwidth',
      type: 'usage',
      measure: {
        metric: 'bandwidth',
        aggregation: 'percentile',
        percentile: '95',
        direction: 'percentile_of_greater',
        sites: 'pooled',
        missing: 'zero',
        unit: 'Mbps',
      },
      price: { model: 'per_unit', unit_price: '1.50' },
    },
  ],
};

/** The month before this one, `YYYY-MM`. */
export function lastMonth() {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString().slice(0, 7);
}

/** A fresh database in which sellers with any number of accounts can be made and closed. */
export async function openScene({ server, name, plan, fleet, queueUrl }) {
  await createDatabase(server, name);
  const url = new URL(server);
  url.pathname = `/${name}`;
  await migrate(url.href, prepareQueue);
  const database = await openCatalogue(url.href, 2);
  const client = new Client({ connectionString: url.href });
  // A server that is stopped under an interrupted run says so to an idle connection; the query that waits says it too.
  client.on('error', () => undefined);
  await client.connect();
  await client.query('CREATE EXTENSION pg_stat_statements');
  await publishPlan(database, plan);
  const queue = await openCloseQueue(queueSettings(queueUrl ?? url.href));
  const closes = new Closes({
    database,
    renderer: { layoutVersion: LAYOUT_VERSION },
    secretKey: SECRET_KEY,
    settleHours: 0,
    enqueue: (jobs) => queue.enqueue(jobs),
  });
  return {
    url: url.href,
    client,
    async addSeller(code, accounts) {
      const seller = await createSeller(database, 'bench', sellerOf(code), SECRET_KEY);
      await addAccounts(client, { sellerId: seller.id, plan, fleet, accounts });
    },
    /** Closes last month of a seller and answers when the last account is done. */
    async close(seller, limit_ms) {
      const period = lastMonth();
      const asked = { seller, period, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'bench' };
      const opened = await closes.desk.open(asked);
      if (opened.outcome !== 'opened') throw new Error(`refused: ${opened.message}`);
      const until = performance.now() + limit_ms;
      const samples = { sessions: 0, waiting: 0 };
      for (;;) {
        const { rows } = await client.query(LOOK, [opened.id]);
        samples.sessions += rows[0].sessions;
        samples.waiting += rows[0].waiting;
        if (rows[0].state !== 'running') return { ...(await closeOf(client, opened.id)), samples };
        if (performance.now() > until) throw new Error(`the close took longer than ${limit_ms / 1000} s; stopped`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    },
    /** Sends jobs of a close that does not exist. */
    sendEmptyJobs: (jobs) => queue.enqueue(Array.from({ length: jobs }, () => ({ closeId: randomUUID(), batch: 1 }))),
    /** What PostgreSQL has spent and stored by now; a checkpoint is made first, so that two of them can be compared. */
    async figures() {
      await client.query('CHECKPOINT');
      const { rows } = await client.query(STORED);
      const { pid, wal_bytes, table_bytes } = rows[0];
      return { cpu_ms: await cpuOfServer(pid), wal_bytes: Number(wal_bytes), table_bytes: Number(table_bytes) };
    },
    async stop() {
      await queue.close();
      await client.end();
      await database.$disconnect();
    },
  };
}

/** Looking costs PostgreSQL 0.6 ms: often enough for a sample, seldom enough not to be seen in its CPU. */
const LOOK_EVERY_MS = 250;

/** How a close stands, and how many sessions of its workers do something or wait for a lock meanwhile. */
const LOOK = `
  SELECT c.state, s.sessions, s.waiting
    FROM close c CROSS JOIN (
         SELECT count(*) FILTER (WHERE state <> 'idle')::int AS sessions,
                count(*) FILTER (WHERE wait_event_type = 'Lock')::int AS waiting
           FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()) AS s
   WHERE c.id = $1`;

const STORED = `
  SELECT pg_backend_pid() AS pid, pg_current_wal_insert_lsn() - '0/0' AS wal_bytes,
         (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname NOT LIKE 'stored\\_document%') AS table_bytes`;

/** CPU that a server has spent with all its sessions, those that ended included, by the pid of one of them. */
async function cpuOfServer(session) {
  const statOf = async (pid) => {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    return text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
  };
  // Of the fields of proc(5), counted from the state: 1 is the parent, 11 to 14 are its own ticks and its dead children's.
  const [, postmaster] = await statOf(session);
  const stats = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map((pid) =>
        statOf(pid).then(
          (stat) => ({ pid, stat }),
          () => null,
        ),
      ),
  );
  const ticks = stats
    .filter((each) => each && (Number(each.pid) === postmaster || each.stat[1] === postmaster))
    .reduce(
      (sum, { pid, stat }) => sum + stat[11] + stat[12] + (Number(pid) === postmaster ? stat[13] + stat[14] : 0),
      0,
    );
  return ticks * 10;
}

async function closeOf(client, id) {
  const { rows } = await client.query(
    `SELECT state, count(*)::int AS count,
            (SELECT count(DISTINCT batch)::int FROM close_account WHERE close_id = $1) AS jobs
       FROM close_account WHERE close_id = $1 GROUP BY state`,
    [id],
  );
  return { ...Object.fromEntries(rows.map(({ state, count }) => [state, count])), jobs: rows[0]?.jobs };
}

async function publishPlan(database, code) {
  const document = { code, name: `Plan ${code}`, currency: 'USD', effective_from: '2020-01-01', charges: PLANS[code] };
  const parsed = parseTariffPlan(document);
  if (parsed.outcome !== 'valid') throw new Error(JSON.stringify(parsed.errors));
  const { version } = await saveDraftPlan(database, 'bench', parsed.plan);
  await publishTariffPlan(database, 'bench', code, version);
}

function sellerOf(code) {
  return {
    code,
    name: `Seller ${code}`,
    country: 'US',
    currency: 'USD',
    time_zone: 'UTC',
    tax_id: 'US-1',
    address: ADDRESS,
    email: null,
    invoice_prefix: 'INV',
    number_format: '{prefix}-{year}-{sequence}',
    fiscal_year_start: 1,
    number_start: 1,
    rounding: 'half_up',
    payable_rounding: 'none',
    payment_terms_days: 30,
    settle_hours: 0,
    edge_policy: 'own_by_start',
    bank: null,
    report_api: { base_url: null, dialect: null, strict: false, api_key: null },
    settings: {},
  };
}

// By SQL and not through the catalogue: ten thousand accounts are to be closed here, not to be created.
async function addAccounts(client, { sellerId, plan, fleet, accounts }) {
  const ids = Array.from({ length: accounts }, () => randomUUID());
  const externalIds = ids.map((_, index) => accountId(index));
  await client.query(
    `INSERT INTO account (id, seller_id, external_id, name, currency, time_zone, address)
     SELECT id, $1, external_id, 'Account ' || external_id, 'USD', 'UTC', $4
       FROM unnest($2::uuid[], $3::text[]) AS t (id, external_id)`,
    [sellerId, ids, externalIds, ADDRESS],
  );
  await client.query(
    `INSERT INTO subscription (id, account_id, plan_code, starts_at)
     SELECT gen_random_uuid(), id, $2, '2020-01-01' FROM unnest($1::uuid[]) AS t (id)`,
    [ids, plan],
  );
  if (plan === 'percentile' || plan === 'sites') {
    const sites = ids.flatMap((id, account) =>
      Array.from({ length: fleet.sites }, (_, site) => ({ id, site: customerSiteId(fleet, account, site) })),
    );
    await client.query(
      `INSERT INTO entity (id, seller_id, account_id, dimension, value, active)
       SELECT gen_random_uuid(), $1, id, 'customer_site_id', site, '(,)'
         FROM unnest($2::uuid[], $3::text[]) AS t (id, site)`,
      [sellerId, sites.map(({ id }) => id), sites.map(({ site }) => site)],
    );
  }
  await client.query('ANALYZE');
}
