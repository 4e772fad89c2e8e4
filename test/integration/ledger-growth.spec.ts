import pg from 'pg';
import type { Catalogue, Transaction } from '#persistence';
import { openCatalogue } from '#persistence/catalogue';
import { loadSnapshots, unconservedAccounts, usageFingerprint } from '#persistence/ledger';
import { certificateFacts } from '#persistence/closes';
import { makeAccount, makePlan, makeSeller, trafficPlan } from '../support/catalogue.js';
import { createTestDatabase } from '../support/postgres.js';

const MONTHS = 24;
const PERIOD = '2026-06';
const SUBSCRIBERS = 1_500;
const METRICS = ['uplink_bytes', 'downlink_bytes'];
const OTHERS = 30;
/** Rows that the planner itself looks at, to know where an index begins and ends. */
const PLANNING = 20;

/** Two years of usage: one account with a thousand subscribers in the last month, and others with a few in each. */
describe('the usage ledger after two years', () => {
  let database: Catalogue;
  let account: string;
  let closeId: string;

  beforeAll(async () => {
    const created = await createTestDatabase();
    await created.database.$disconnect();
    database = await openCatalogue(created.url, 1);
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, trafficPlan('traffic'));
    account = await makeAccount(database, { seller: 'acme', external_id: 'large' }, 'traffic');
    for (let other = 0; other < OTHERS; other += 1) {
      await makeAccount(database, { seller: 'acme', external_id: `other ${other}` }, 'traffic');
    }
    const owner = new pg.Client({ connectionString: created.url });
    await owner.connect();
    await owner.query(
      `SELECT open_month((date '${PERIOD}-01' - make_interval(months => n))::date) FROM generate_series(0, ${MONTHS - 1}) n`,
    );
    await owner.query(
      `INSERT INTO usage_window (id, account_id, entity, metric, period_label, owned)
       SELECT gen_random_uuid(), a.id, 'msisdn:' || e, m, to_char(first, 'YYYY-MM'), tstzrange(first, first + interval '1 month')
         FROM generate_series(0, $2 - 1) n
        CROSS JOIN LATERAL (SELECT ($1 || '-01')::timestamp AT TIME ZONE 'UTC' - make_interval(months => n) AS first) f
        CROSS JOIN account a
        CROSS JOIN LATERAL generate_series(1, CASE WHEN a.id <> $3 THEN 8 WHEN n = 0 THEN $4 ELSE 100 END) e
        CROSS JOIN unnest($5::text[]) m`,
      [PERIOD, MONTHS, account, SUBSCRIBERS, METRICS],
    );
    await owner.query(
      `INSERT INTO usage_snapshot (month, id, window_id, revision, grid, first_start, expected, received, total, fetched_buckets,
                                   fetched_total, margin_buckets, margin_total, values_sha256, raw_sha256, raw_bytes, dialect_sha256)
       SELECT month, gen_random_uuid(), id, 1, 'DAY', lower(owned), days, days, 5, days + 2, 7, 2, 2, 'v', 'r', 1, 'd'
         FROM usage_window CROSS JOIN LATERAL (SELECT extract(days FROM upper(owned) - lower(owned))::int AS days) d`,
    );
    const { rows } = await owner.query<{ id: string }>(
      `INSERT INTO close (id, seller_id, period_label, period, kind, dry_run, issue, state, finished_at)
       SELECT gen_random_uuid(), id, $1, tstzrange('2026-06-01Z', '2026-07-01Z'), 'regular', false, 'automatic', 'finished', now()
         FROM seller RETURNING id`,
      [PERIOD],
    );
    closeId = rows[0]?.id ?? '';
    await owner.query(
      `INSERT INTO close_account (close_id, account_id, batch, state) SELECT $1, id, 0, 'empty' FROM account`,
      [closeId],
    );
    await owner.query(
      `INSERT INTO empty_period (id, close_id, account_id, inputs)
       SELECT gen_random_uuid(), $1, account_id, jsonb_build_object('usage', jsonb_agg(
                jsonb_build_object('entity', entity, 'metric', metric, 'revision', 1, 'values_sha256', 'v')))
         FROM usage_window WHERE period_label = $2 GROUP BY account_id`,
      [closeId, PERIOD],
    );
    await owner.query('ANALYZE');
    await owner.end();
  });
  afterAll(() => database.$disconnect());

  /** Rows of the ledger that a question reads: windows, and snapshots of other months than the one it is about. */
  const reading = async (ask: (tx: Transaction) => Promise<unknown>) =>
    database.$transaction(async (tx) => {
      await tx.$executeRaw`SET LOCAL max_parallel_workers_per_gather = 0`;
      const before = await readSoFar(tx);
      await ask(tx);
      const after = await readSoFar(tx);
      return { windows: after.windows - before.windows, otherMonths: after.otherMonths - before.otherMonths };
    });

  const readSoFar = async (tx: Transaction) => {
    const [read] = await tx.$queryRaw<[{ windows: number; otherMonths: number }]>`
      SELECT (sum(rows) FILTER (WHERE relname = 'usage_window'))::int AS windows,
             (sum(rows) FILTER (WHERE relname LIKE 'usage\\_snapshot\\_%' AND relname <> 'usage_snapshot_202606'))::int AS "otherMonths"
        FROM (SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_xact_user_tables) AS tables`;
    return read;
  };

  /** How often inputs that are too large for their row were fetched from where they are kept apart. */
  const inputsRead = async (tx: Transaction) => {
    const [read] = await tx.$queryRaw<[{ count: number }]>`
      SELECT idx_scan::int AS count FROM pg_stat_xact_all_tables
       WHERE relid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'empty_period'::regclass)`;
    return read.count;
  };

  const windows = SUBSCRIBERS * METRICS.length;

  it.each([
    ['its fingerprint', usageFingerprint],
    ['its snapshots', loadSnapshots],
    [
      'what of it is not conserved',
      (tx: Transaction, of: { accountId: string; periodLabel: string }) =>
        unconservedAccounts((sql) => tx.$queryRaw(sql), [of.accountId], of.periodLabel),
    ],
  ] as const)("reads of one account's month, for %s, that month's windows alone", async (_, ask) => {
    const of = { accountId: account, periodLabel: PERIOD };
    const read = await reading((tx) => ask(tx, of));
    expect(read.otherMonths).toBe(0);
    expect(read.windows).toBeLessThanOrEqual(windows + PLANNING);
  });

  it('reads for a certificate the windows of its month, however many an account has', async () => {
    const facts: Awaited<ReturnType<typeof certificateFacts>>[] = [];
    let inputs = 0;
    const read = await reading(async (tx) => {
      facts.push(await certificateFacts(tx, closeId));
      inputs = await inputsRead(tx);
    });
    const ofMonth = windows + OTHERS * 8 * METRICS.length;
    expect(read.otherMonths).toBe(0);
    expect(read.windows).toBeLessThanOrEqual(ofMonth + PLANNING);
    // Those of the large account alone are kept apart from their row.
    expect(inputs).toBe(1);
    expect(facts[0]?.usage.map((each) => [each.metric, each.windows, each.owned, each.conserved])).toEqual(
      [...METRICS].sort().map((metric) => {
        const count = ofMonth / METRICS.length;
        return [metric, count, { buckets: `${count * 30}`, total: `${count * 5}` }, true];
      }),
    );
  });
});
