import { type Interval, toStamp } from '#calendar';
import type { Metric } from '#metering';
import { v7 as uuid } from 'uuid';
import type { Database } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import {
  monthOf,
  openMonth,
  type PreparedSnapshot,
  type PulledSeries,
  prepareSnapshot,
  type Snapshot,
} from './ledger.js';
import { type Ask, session } from '../ground/sets.js';

/** What was pulled for one account and period, made ready to be kept: values are packed, the answers are gone. */
export interface PreparedUsage {
  readonly accountId: string;
  readonly periodLabel: string;
  /** The instants that the period owns; the same for every series. */
  readonly owned: Interval;
  readonly rows: readonly PreparedSnapshot[];
}

/** Packs the series of an account in the one order of all writers. */
export async function prepareUsage(
  of: Omit<PreparedUsage, 'rows'>,
  pulled: readonly PulledSeries[],
): Promise<PreparedUsage> {
  const rows = await Promise.all(pulled.map(prepareSnapshot));
  rows.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return { ...of, rows };
}

function keyOf({ entity, metric }: PreparedSnapshot): string {
  return `${entity} ${metric}`;
}

/**
 * Keeps the usage of accounts whose month has no usage yet, all of them in one statement: a window for each (entity, metric)
 * and below it the first revision. An account that has windows of the month, or instants that another period owns, is left
 * for `saveSnapshots`, and so is what another writer was faster with.
 *
 * @returns the snapshots of the accounts that were kept whole
 */
export async function keepFirstUsage(
  database: Database,
  accounts: readonly PreparedUsage[],
): Promise<Map<string, Snapshot[]>> {
  const kept = new Map<string, Snapshot[]>();
  const [first] = accounts;
  if (!first) return kept;
  const { periodLabel } = first;
  const month = monthOf(periodLabel);
  await openMonth(database, month);
  const rows = accounts.flatMap(({ accountId, owned, rows: own }) =>
    own.map((row) => ({ accountId, owned, row, window: uuid(), snapshot: uuid() })),
  );
  const given = JSON.stringify(
    rows.map(({ accountId, owned, row, window, snapshot }) => ({
      account_id: accountId,
      owned: `[${toStamp(owned.start)},${toStamp(owned.end)})`,
      window_id: window,
      id: snapshot,
      entity: row.entity,
      metric: row.metric,
      grid: row.grid,
      first_start: toStamp(row.firstStart),
      expected: row.expected,
      received: row.received,
      total: row.total,
      fetched_buckets: row.pulled.fetched.buckets,
      fetched_total: row.pulled.fetched.total,
      margin_buckets: row.pulled.margin.buckets,
      margin_total: row.pulled.margin.total,
      values_sha256: row.valuesSha256,
      raw_sha256: row.pulled.rawSha256,
      raw_bytes: row.pulled.rawBytes,
      request_sha256: row.pulled.requestSha256,
      dialect_sha256: row.pulled.dialectSha256,
      length: row.values.length,
    })),
  );
  // The packed values follow each other in one parameter, which the driver sends as it is.
  const packed = Buffer.concat(rows.map(({ row }) => row.values));
  const made = await session(database).rows<{ id: string }>(Prisma.sql`
    WITH given AS MATERIALIZED (
      SELECT g.*, sum(g.length) OVER (ORDER BY g.position) - g.length + 1 AS offset
        FROM ROWS FROM (json_to_recordset(${given}::json) AS (
               account_id uuid, owned tstzrange, window_id uuid, id uuid, entity text, metric text, grid text,
               first_start timestamptz, expected int, received int, total numeric, fetched_buckets int,
               fetched_total numeric, margin_buckets int, margin_total numeric, values_sha256 text, raw_sha256 text,
               raw_bytes bigint, request_sha256 text, dialect_sha256 text, length int))
             WITH ORDINALITY AS g (account_id, owned, window_id, id, entity, metric, grid, first_start, expected, received,
               total, fetched_buckets, fetched_total, margin_buckets, margin_total, values_sha256, raw_sha256, raw_bytes,
               request_sha256, dialect_sha256, length, position)
    ), taken AS (
      SELECT DISTINCT g.account_id FROM given g JOIN usage_window w
          ON w.account_id = g.account_id AND w.entity = g.entity AND w.metric = g.metric AND w.owned && g.owned
    ), made AS (
      INSERT INTO usage_window (id, account_id, entity, metric, period_label, owned)
      SELECT window_id, account_id, entity, metric, ${periodLabel}, owned FROM given
       WHERE account_id NOT IN (SELECT account_id FROM taken) ORDER BY position
      ON CONFLICT DO NOTHING RETURNING id
    ), snapshot AS (
      INSERT INTO usage_snapshot (month, id, window_id, revision, grid, first_start, expected, received, total,
                                  fetched_buckets, fetched_total, margin_buckets, margin_total, values_sha256,
                                  raw_sha256, raw_bytes, request_sha256, dialect_sha256)
      SELECT ${month}::date, g.id, window_id, 1, grid, first_start, expected, received, total, fetched_buckets,
             fetched_total, margin_buckets, margin_total, values_sha256, raw_sha256, raw_bytes, request_sha256,
             dialect_sha256
        FROM given g JOIN made ON made.id = g.window_id ORDER BY position
    ), kept AS (
      INSERT INTO usage_values (month, snapshot_id, "values")
      SELECT ${month}::date, g.id, substring(${packed}::bytea FROM g.offset::int FOR g.length)
        FROM given g JOIN made ON made.id = g.window_id
    )
    SELECT id FROM made`);
  const windows = new Set(made.map(({ id }) => id));
  for (const { accountId } of accounts) {
    const own = rows.filter((each) => each.accountId === accountId);
    if (!own.every(({ window }) => windows.has(window))) continue;
    const snapshots = own.map(({ row, snapshot }) => ({ ...fingerprintOf(row), id: snapshot, revision: 1 }));
    kept.set(accountId, snapshots);
  }
  return kept;
}

function fingerprintOf({ entity, metric, valuesSha256 }: PreparedSnapshot) {
  return { entity, metric, valuesSha256 };
}

/** Accounts of which the month's usage is not conserved, each with one window of it: they may not be billed. */
export async function unconservedAccounts(
  ask: Ask,
  accountIds: readonly string[],
  periodLabel: string,
): Promise<Map<string, { dimension: string; metric: Metric; revision: number }>> {
  const rows = await ask<{
    account_id: string;
    dimension: string;
    metric: Metric;
    revision: number;
  }>(Prisma.sql`
    SELECT DISTINCT ON (account_id) account_id, split_part(entity, ':', 1) AS dimension, metric, revision
      FROM (SELECT DISTINCT ON (window_id) account_id, entity, metric, revision, conserved
              FROM usage_revision_conservation
             WHERE account_id = ANY(${[...accountIds]}::uuid[]) AND month = ${monthOf(periodLabel)}::date
             ORDER BY window_id, revision DESC) AS latest
     WHERE NOT conserved ORDER BY account_id, entity, metric`);
  return new Map(rows.map(({ account_id, ...window }) => [account_id, window]));
}
