import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { Client } from 'pg';
import { fromStamp, monthPeriod } from '#calendar';
import { type BucketSeries, type EntityRef, type Metric, ownedBuckets } from '#metering';
import { type Catalogue, type Database, openDatabase } from '#persistence';
import {
  dropExpiredUsageDetail,
  loadSnapshots,
  type PulledSeries,
  saveSnapshots,
  usageConservation,
} from '#persistence/ledger';
import { listInvoices } from '#persistence/documents';
import { accountId, msisdnOf } from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, makeSeller, planOf, trafficPlan, usageCharge } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';
import { createTestDatabase } from '../support/postgres.js';

const JULY = monthPeriod('2026-07', 'UTC');
const AUGUST = monthPeriod('2026-08', 'UTC');
const SITE: EntityRef = { dimension: 'customer_site_id', value: 'c5' };

/** One series over a period, each bucket with the value of its position from `first`. */
function pulled(of: { start: number; end: number }, metric: Metric, first = 0, entity = SITE): PulledSeries {
  const { firstStart, count } = ownedBuckets(of, 'HOUR');
  const values = Array.from({ length: count }, (_, bucket) => String(first + bucket));
  const series: BucketSeries = { entity, metric, grid: 'HOUR', owned: of, firstStart, values };
  const total = values.reduce((sum, value) => sum + Number(value), 0);
  return {
    series,
    fetched: { buckets: count + 2, total: String(total + 1_000) },
    margin: { buckets: 2, total: '1000' },
    rawSha256: createHash('sha256').update(values.join()).digest('hex'),
    requestSha256: '5e'.repeat(32),
    rawBytes: 100,
    dialectSha256: 'd'.repeat(64),
  };
}

/** Statements as the owner of the tables, for what the service may not do. */
async function asOwner<T extends object>(url: string, sql: string, values: unknown[] = []): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

describe('eight writers', () => {
  let url: string;
  let database: Catalogue;
  let account: string;
  const others: Database[] = [];
  beforeEach(async () => {
    ({ url, database } = await createTestDatabase());
    await makeSeller(database, { code: 'acme' });
    account = await makeAccount(database, { seller: 'acme', external_id: 'a1' }, null);
    others.push(...Array.from({ length: 8 }, () => openDatabase(url, 2)));
  });
  afterEach(async () => {
    await Promise.all([database, ...others.splice(0)].map((each) => each.$disconnect()));
  });
  const windows = () => database.$queryRaw<{ period: string; entity: string; metric: string; owners: bigint }[]>`
    SELECT period_label AS period, entity, metric, count(*) AS owners FROM usage_window
     GROUP BY period_label, entity, metric ORDER BY 1, 2, 3`;

  it('that deliver the same month at once leave one owner and one revision each', async () => {
    const metrics: Metric[] = ['uplink_bytes', 'downlink_bytes', 'time_usage_seconds'];
    const entities = Array.from({ length: 5 }, (_, n): EntityRef => ({ dimension: 'msisdn', value: `80200100${n}` }));
    const delivery = entities.flatMap((entity) => metrics.map((metric) => pulled(AUGUST, metric, 7, entity)));
    const outcomes = await Promise.all(
      others.map((writer, turn) =>
        saveSnapshots(writer, {
          accountId: account,
          periodLabel: AUGUST.label,
          owned: AUGUST,
          // Each brings them in another order: whoever sorts not at all meets a deadlock.
          pulled: [...delivery.slice(turn), ...delivery.slice(0, turn)],
        }),
      ),
    );
    const saved = outcomes.map((each) => (each.outcome === 'saved' ? each.snapshots.map(({ id }) => id) : []));
    expect(saved[0]).toHaveLength(15);
    expect(new Set(saved.map((ids) => ids.join())).size).toBe(1);
    expect(await windows()).toEqual(
      entities
        .flatMap(({ dimension, value }) =>
          metrics.map((metric) => ({ period: '2026-08', entity: `${dimension}:${value}`, metric, owners: 1n })),
        )
        .sort((a, b) => (`${a.entity} ${a.metric}` < `${b.entity} ${b.metric}` ? -1 : 1)),
    );
    const [counted] = await database.$queryRaw<{ snapshots: bigint; values: bigint }[]>`
      SELECT (SELECT count(*) FROM usage_snapshot) AS snapshots, (SELECT count(*) FROM usage_values) AS values`;
    expect(counted).toEqual({ snapshots: 15n, values: 15n });
  });

  it('that deliver different values of one month at once leave eight revisions, none lost, none twice', async () => {
    await Promise.all(
      others.map((writer, turn) =>
        saveSnapshots(writer, {
          accountId: account,
          periodLabel: AUGUST.label,
          owned: AUGUST,
          pulled: [pulled(AUGUST, 'uplink_bytes', turn)],
        }),
      ),
    );
    const revisions = await database.$queryRaw<{ revision: number; sha: string }[]>`
      SELECT revision, values_sha256 AS sha FROM usage_snapshot ORDER BY revision`;
    expect(revisions.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(revisions.map(({ sha }) => sha)).size).toBe(8);
  });

  it('of which half bring windows that overlap the others by an hour: one owner of every instant', async () => {
    const shifted = { start: AUGUST.start - 3_600, end: AUGUST.end - 3_600 };
    const outcomes = await Promise.all(
      others.map((writer, turn) => {
        const own = turn % 2 === 0 ? { label: AUGUST.label, owned: AUGUST } : { label: '2026-07', owned: shifted };
        return saveSnapshots(writer, {
          accountId: account,
          periodLabel: own.label,
          owned: own.owned,
          pulled: [pulled(own.owned, 'uplink_bytes'), pulled(own.owned, 'downlink_bytes')],
        });
      }),
    );
    const kinds = outcomes.map(({ outcome }) => outcome);
    expect(new Set([kinds[0], kinds[2], kinds[4], kinds[6]]).size).toBe(1);
    expect(new Set([kinds[1], kinds[3], kinds[5], kinds[7]]).size).toBe(1);
    expect(new Set(kinds)).toEqual(new Set(['saved', 'owned_by_another_period']));
    expect((await windows()).map(({ metric, owners }) => `${metric} ${owners}`)).toEqual([
      'downlink_bytes 1',
      'uplink_bytes 1',
    ]);
    const [overlaps] = await database.$queryRaw<{ count: bigint }[]>`
      SELECT count(*) FROM usage_window a JOIN usage_window b
          ON a.id <> b.id AND a.account_id = b.account_id AND a.entity = b.entity AND a.metric = b.metric
         AND a.owned && b.owned`;
    expect(overlaps?.count).toBe(0n);
  });

  it('that are the first of eight different months at once open each month once', async () => {
    await Promise.all(
      others.map((writer, turn) => {
        const period = monthPeriod(`2026-0${turn + 1}`, 'UTC');
        return saveSnapshots(writer, {
          accountId: account,
          periodLabel: period.label,
          owned: period,
          pulled: [pulled(period, 'uplink_bytes'), pulled(period, 'downlink_bytes')],
        });
      }),
    );
    const { windows: rows, conserved } = await usageConservation(database, account);
    expect([rows.length, conserved]).toEqual([16, true]);
    const parts = await asOwner<{ part: string }>(
      url,
      `SELECT inhrelid::regclass::text AS part FROM pg_inherits WHERE inhparent = 'usage_snapshot'::regclass ORDER BY 1`,
    );
    expect(parts.map(({ part }) => part)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `usage_snapshot_20260${n}`));
  });
});

describe('months', () => {
  let url: string;
  let database: Catalogue;
  let account: string;
  beforeAll(async () => {
    ({ url, database } = await createTestDatabase());
    await makeSeller(database, { code: 'acme' });
    account = await makeAccount(database, { seller: 'acme', external_id: 'a1' }, null);
    for (const period of [JULY, AUGUST]) {
      await saveSnapshots(database, {
        accountId: account,
        periodLabel: period.label,
        owned: period,
        pulled: [pulled(period, 'uplink_bytes')],
      });
    }
  });
  afterAll(() => database.$disconnect());

  it('lie in tables of their own, rows and values', async () => {
    const rows = await asOwner<{ snapshots: string; values: string }>(
      url,
      `SELECT s.tableoid::regclass::text AS snapshots, v.tableoid::regclass::text AS values
         FROM usage_snapshot s JOIN usage_values v ON v.snapshot_id = s.id ORDER BY 1`,
    );
    expect(rows).toEqual([
      { snapshots: 'usage_snapshot_202607', values: 'usage_values_202607' },
      { snapshots: 'usage_snapshot_202608', values: 'usage_values_202608' },
    ]);
  });

  it.each([
    ['UPDATE usage_snapshot SET total = 0'],
    ['DELETE FROM usage_snapshot'],
    ['TRUNCATE usage_snapshot CASCADE'],
    ['TRUNCATE usage_snapshot_202608 CASCADE'],
    ['UPDATE usage_window SET period_label = period_label'],
    ['UPDATE usage_evidence SET code = code'],
  ])('refuse %s, also by their owner', async (sql) => {
    // Triggers on rows need a row.
    await asOwner(
      url,
      `INSERT INTO usage_evidence (id, account_id, period_label, entity, family, outcome, raw_sha256, raw_bytes, body)
       VALUES ('00000000-0000-0000-0000-000000000001', $1, '2026-08', 'e', 'bytes', 'gaps', 'h', 1, 'b') ON CONFLICT DO NOTHING`,
      [account],
    );
    await expect(asOwner(url, sql)).rejects.toThrow(/is refused/);
  });

  it.each([
    ['UPDATE usage_values SET "values" = \'x\'', /permission denied/],
    ['DELETE FROM usage_snapshot_202608', /permission denied/],
    ['SELECT * FROM usage_snapshot_202608', /permission denied/],
    ['CREATE TABLE sneaky (LIKE usage_snapshot)', /permission denied/],
    ["SELECT open_month('9999-01-01')", /no month is kept/],
  ])('are beyond the service: %s', async (sql, refusal) => {
    await expect(database.$executeRawUnsafe(sql)).rejects.toThrow(refusal);
  });

  it('a window keeps one month: a revision cannot be filed under another', async () => {
    await expect(
      asOwner(
        url,
        `INSERT INTO usage_snapshot (month, id, window_id, revision, grid, first_start, expected, received, total,
                                     values_sha256, raw_sha256, raw_bytes, dialect_sha256)
         SELECT '2026-07-01', gen_random_uuid(), id, 1, 'HOUR', now(), 1, 1, 1, 'v', 'r', 1, 'd'
           FROM usage_window WHERE period_label = '2026-08'`,
      ),
    ).rejects.toThrow(/usage_snapshot_window|foreign key/);
  });
});

describe('conservation', () => {
  const SEED = 7;
  const FLEET = { accounts: 3, sites: 1, subscribers: 2 };
  let closing: Closing;
  let account: string;
  beforeAll(async () => {
    closing = await startClosing({ fleet: FLEET, seed: SEED });
    await makeSeller(closing.database, { code: 'acme' });
    const bytes = { metric: 'bytes', direction: 'total', per: 'msisdn', unit: 'GB' };
    await makePlan(closing.database, planOf('mobile', usageCharge('data', bytes)));
    await makePlan(closing.database, trafficPlan('traffic'));
    account = await makeAccount(closing.database, { seller: 'acme', external_id: accountId(0) }, 'mobile', [
      { dimension: 'msisdn', value: msisdnOf(0) },
      { dimension: 'msisdn', value: msisdnOf(1) },
    ]);
    await makeAccount(
      closing.database,
      { seller: 'acme', external_id: accountId(1), time_zone: 'Asia/Kolkata' },
      'traffic',
    );
    for (const period of ['2026-06', '2026-07', '2026-08']) {
      const ended = await closing.run('acme', period);
      expect(ended.map(endOf)).toEqual(['issued', 'issued']);
    }
  });
  afterAll(() => closing.stop());

  it('holds for every metric, entity and month, and across months', async () => {
    const { windows, series, conserved } = await usageConservation(closing.database, account);
    expect(conserved).toBe(true);
    // The account and two subscribers, both directions, three months.
    expect([windows.length, series.length]).toEqual([18, 6]);
    expect(series.every(({ periods, gaps }) => periods === 3 && gaps.length === 0)).toBe(true);
    // Leaf 0 in August: Σ days mod 97 = 620. Asked from 31 July to 2 September, the API answers both ends, too: a margin of
    // three days, 4, 36 and 37 mod 97.
    const day = (dayTerm: number) => 288 * 50_000 + 41_328 * 200 + 288 * 2 * dayTerm + 108;
    const august = windows.find(
      ({ entity, metric, period }) => entity.value === msisdnOf(0) && metric === 'uplink_bytes' && period === '2026-08',
    );
    const owned = 31 * day(0) + 288 * 2 * 620;
    const margin = [4, 36, 37].reduce((sum, dayTerm) => sum + day(dayTerm), 0);
    expect(august).toMatchObject({
      grid: 'DAY',
      revision: 1,
      expected_buckets: 31,
      owned: { buckets: 31, total: String(owned) },
      fetched: { buckets: 34, total: String(owned + margin) },
      margin: { buckets: 3, total: String(margin) },
      conserved: true,
    });
  });

  it('holds for months of a zone off the hour grid, which follow each other without a gap', async () => {
    const [{ id } = { id: '' }] = await closing.database.$queryRaw<{ id: string }[]>`
      SELECT id FROM account WHERE external_id = ${accountId(1)}`;
    const { windows, series, conserved } = await usageConservation(closing.database, id);
    expect([conserved, series.map(({ gaps }) => gaps)]).toEqual([true, [[], []]]);
    expect(windows.map(({ period, expected_buckets }) => `${period} ${expected_buckets}`)).toEqual([
      '2026-06 720',
      '2026-07 744',
      '2026-08 744',
      '2026-06 720',
      '2026-07 744',
      '2026-08 744',
    ]);
    const only = await usageConservation(closing.database, id, { from: '2026-07', to: '2026-08' });
    expect(only.windows.map(({ period }) => period)).toEqual(['2026-07', '2026-07']);
  });

  it('a month that nobody pulled is a gap', async () => {
    const apart = await makeAccount(closing.database, { seller: 'acme', external_id: accountId(2) }, 'traffic');
    await closing.run('acme', '2026-05', { accounts: [apart] });
    await closing.run('acme', '2026-08', { accounts: [apart] });
    const { series, conserved } = await usageConservation(closing.database, apart);
    expect(conserved).toBe(true);
    expect(series.map(({ gaps }) => gaps)).toEqual([
      [{ start: '2026-06-01T00:00:00Z', end: '2026-08-01T00:00:00Z' }],
      [{ start: '2026-06-01T00:00:00Z', end: '2026-08-01T00:00:00Z' }],
    ]);
  });

  it.each([
    ['a bucket lost', 'fetched_buckets + 1', 'fetched_total'],
    ['a quarter byte lost', 'fetched_buckets', 'fetched_total + 0.25'],
    ['a bucket counted twice', 'fetched_buckets - 1', 'fetched_total - 17000000'],
  ])('%s: the account is held and says where', async (_what, buckets, total) => {
    // A snapshot of the right values whose account of what was fetched is not: what a client that drops a bucket makes.
    const planted = await startClosing({ fleet: FLEET, seed: SEED });
    await makeSeller(planted.database, { code: 'acme' });
    await makePlan(planted.database, trafficPlan('traffic'));
    const id = await makeAccount(planted.database, { seller: 'acme', external_id: accountId(0) }, 'traffic');
    expect((await planted.run('acme', '2026-07', { review: true })).map(endOf)).toEqual(['drafted']);
    await planted.closes.desk.cancel(planted.lastClose());
    await asOwner(
      planted.url,
      `ALTER TABLE usage_snapshot DISABLE TRIGGER USER;
       UPDATE usage_snapshot SET fetched_buckets = ${buckets}, fetched_total = ${total}
        WHERE window_id IN (SELECT id FROM usage_window WHERE metric = 'downlink_bytes');
       ALTER TABLE usage_snapshot ENABLE TRIGGER USER`,
    );
    const [ended] = await planted.run('acme', '2026-07');
    expect([ended && endOf(ended), ended?.reason?.message]).toEqual([
      'held usage_not_conserved',
      expect.stringContaining('downlink_bytes (account, revision 1)'),
    ]);
    const { windows, conserved } = await usageConservation(planted.database, id);
    expect(conserved).toBe(false);
    expect(windows.map((window) => [window.metric, window.conserved])).toEqual([
      ['downlink_bytes', false],
      ['uplink_bytes', true],
    ]);
    await planted.stop();
  });
});

describe('retention', () => {
  it("drops single values and answers after the seller's months, and nothing else", async () => {
    const closing = await startClosing({ fleet: { accounts: 3, sites: 1, subscribers: 1 }, seed: 7 });
    const { database } = closing;
    await makeSeller(database, { code: 'acme', settings: { keep_raw: true } });
    await makeSeller(database, { code: 'brief', settings: { keep_raw: true, usage_detail_retention_months: 1 } });
    await makePlan(database, trafficPlan('traffic'));
    const kept = await makeAccount(database, { seller: 'acme', external_id: accountId(0) }, 'traffic');
    const brief = await makeAccount(database, { seller: 'brief', external_id: accountId(1) }, 'traffic');
    for (const period of ['2026-06', '2026-07']) {
      for (const seller of ['acme', 'brief']) await closing.run(seller, period);
    }
    const has = async (account: string, period: string) =>
      (await loadSnapshots(database, { accountId: account, periodLabel: period })).map(({ series }) => series !== null);
    const answers = () => database.$queryRaw<{ period: string; count: bigint }[]>`
      SELECT period_label AS period, count(*) FROM usage_evidence GROUP BY 1 ORDER BY 1`;
    expect(await answers()).toEqual([
      { period: '2026-06', count: 2n },
      { period: '2026-07', count: 2n },
    ]);

    const justBefore = fromStamp('2026-07-31T23:59:59Z');
    expect(await dropExpiredUsageDetail(database, justBefore)).toEqual({ values: 0, answers: 0 });
    expect(await dropExpiredUsageDetail(database, justBefore + 1)).toEqual({ values: 2, answers: 1 });
    expect(await Promise.all([has(brief, '2026-06'), has(brief, '2026-07'), has(kept, '2026-06')])).toEqual([
      [false, false],
      [true, true],
      [true, true],
    ]);
    expect(await dropExpiredUsageDetail(database, justBefore + 1)).toEqual({ values: 0, answers: 0 });
    expect(await dropExpiredUsageDetail(database, fromStamp('2027-07-31T23:59:59Z'))).toEqual({
      values: 2,
      answers: 1,
    });
    expect(await dropExpiredUsageDetail(database, fromStamp('2027-08-01T00:00:00Z'))).toEqual({
      values: 2,
      answers: 1,
    });

    // What is billed can still be proved: sums, hashes and documents are as they were.
    const { windows, conserved } = await usageConservation(database, brief);
    expect([windows.length, conserved]).toEqual([4, true]);
    const snapshots = await loadSnapshots(database, { accountId: brief, periodLabel: '2026-06' });
    expect(snapshots.map(({ valuesSha256 }) => valuesSha256.length)).toEqual([64, 64]);
    expect(await listInvoices(database, { seller: 'brief', limit: 10 })).toHaveLength(2);
    await closing.stop();
  });
});

describe('evidence', () => {
  const bodies = async (database: Database) => {
    const rows = await database.$queryRaw<
      {
        account: string;
        family: string;
        outcome: string;
        code: string | null;
        sha: string;
        length: bigint;
        body: Uint8Array;
      }[]
    >`SELECT a.external_id AS account, family, outcome, code, raw_sha256 AS sha, raw_bytes AS length, body
        FROM usage_evidence e JOIN account a ON a.id = e.account_id ORDER BY 1, outcome, code`;
    return Promise.all(
      rows.map(async ({ body, ...row }) => ({ ...row, text: (await promisify(inflate)(body)).toString('utf8') })),
    );
  };

  it('of a refused answer and of one with gaps is the answer, byte for byte; of a good one nothing unless wanted', async () => {
    const closing = await startClosing({ fleet: { accounts: 4, sites: 1, subscribers: 1 }, seed: 7 });
    await makeSeller(closing.database, { code: 'acme', settings: { report_api_wait_hours: 0 } });
    await makePlan(closing.database, trafficPlan('traffic'));
    for (const number of [0, 1, 2, 3]) {
      await makeAccount(closing.database, { seller: 'acme', external_id: accountId(number) }, 'traffic');
    }
    closing.simulator.setFaults([
      { fault: 'wrong_account', match: { account: accountId(1) } },
      { fault: 'missing_bucket', match: { account: accountId(2) } },
      { fault: 'unavailable_503', match: { account: accountId(3) } },
    ]);
    const ended = await closing.run('acme', '2026-08');
    expect(ended.map(endOf)).toEqual([
      'issued',
      'held echo_mismatch',
      'held missing_buckets',
      'held report_api_unavailable',
    ]);
    const kept = await bodies(closing.database);
    expect(kept.map(({ account, outcome, code }) => [account, outcome, code])).toEqual([
      [accountId(1), 'refused', 'echo_mismatch'],
      [accountId(2), 'gaps', null],
    ]);
    for (const { sha, length, text } of kept) {
      expect(createHash('sha256').update(text).digest('hex')).toBe(sha);
      expect(BigInt(Buffer.byteLength(text))).toBe(length);
    }
    // Nothing of the refused answer is usage.
    const owners = await closing.database.$queryRaw<{ account: string }[]>`
      SELECT DISTINCT external_id AS account FROM usage_window w JOIN account a ON a.id = w.account_id ORDER BY 1`;
    expect(owners.map(({ account }) => account)).toEqual([accountId(0), accountId(2)]);

    await closing.retry(closing.lastClose());
    expect(await bodies(closing.database)).toEqual(kept);
    await closing.stop();
  });
});
