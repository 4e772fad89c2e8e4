import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { type EpochSeconds, fromStamp, type Interval, toStamp } from '#calendar';
import { type BucketSeries, entityKey, type EntityRef, type Grid, type Metric, packedValues } from '#metering';
import type { WindowFingerprint } from '#proof';
import { v7 as uuid } from 'uuid';
import { type Database, isInterrupted, PersistenceError, transaction, type Transaction } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import { deflated, deflating } from './deflated.js';

const decompress = promisify(inflate);

/** What was pulled for one entity and metric, with the evidence of where it came from. */
export interface PulledSeries {
  readonly series: BucketSeries;
  /** Everything the answers held of the series. */
  readonly fetched: Tally;
  /** What of it belongs to other periods. */
  readonly margin: Tally;
  readonly rawSha256: string;
  readonly rawBytes: number;
  /** sha256 of what was asked, without the key. */
  readonly requestSha256: string;
  readonly dialectSha256: string;
}

/** Buckets and their exact sum, a decimal string. */
export interface Tally {
  readonly buckets: number;
  readonly total: string;
}

/** A revision of everything pulled for one window. */
export interface Snapshot {
  readonly id: string;
  readonly entity: string;
  readonly metric: Metric;
  readonly revision: number;
  readonly valuesSha256: string;
}

export type SaveOutcome =
  | { readonly outcome: 'saved'; readonly snapshots: Snapshot[] }
  /** Another period already owns some of these instants for the entity and metric. */
  | { readonly outcome: 'owned_by_another_period'; readonly entity: string; readonly metric: Metric };

/** Series that one transaction keeps: what it takes must not grow with the account. */
const PIECE = 50;
/** Interruptions of one piece before the whole is given up. */
const PIECE_ATTEMPTS = 10;

/**
 * Keeps what was pulled for one account and period: one window per (entity, metric) and below it a snapshot. Values equal
 * to the latest snapshot make no new revision, so a repeated delivery changes nothing; different values make the next.
 *
 * An account with hundreds of sites is kept piece by piece, each in a transaction of its own: a piece that PostgreSQL
 * interrupts is kept again by itself, and nothing is pulled again for it. Pieces that are kept when a worker dies are found
 * equal, or get a later revision, when the account is pulled again.
 *
 * @param of.owned the instants the period owns; the same for every series
 * @param onKept told how many series are kept, after each piece
 */
export async function saveSnapshots(
  database: Database,
  of: AccountWindow & { pulled: readonly PulledSeries[] },
  onKept: (kept: number) => void = () => undefined,
): Promise<SaveOutcome> {
  // One order for every writer, so that two who bring the same windows wait for each other instead of deadlocking.
  const ordered = [...of.pulled].sort((a, b) => compareText(windowKey(a.series), windowKey(b.series)));
  const pieces = inPieces(ordered).map((piece) => () => Promise.all(piece.map(prepareSnapshot)));
  const windows = ordered.map(({ series }) => ({ entity: entityKey(series.entity), metric: series.metric }));
  return keepInPieces(database, of, windows, pieces, onKept);
}

/** The same of series that are prepared already, in the order of `entity metric`. */
export function savePrepared(
  database: Database,
  of: AccountWindow & { rows: readonly PreparedSnapshot[] },
): Promise<SaveOutcome> {
  const pieces = inPieces(of.rows).map((piece) => () => Promise.resolve(piece));
  return keepInPieces(database, of, of.rows, pieces);
}

/** The instants of one month that one account may own. */
interface AccountWindow {
  readonly accountId: string;
  readonly periodLabel: string;
  readonly owned: Interval;
}

function inPieces<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / PIECE);
  return Array.from({ length: count }, (_, piece) => items.slice(piece * PIECE, (piece + 1) * PIECE));
}

async function keepInPieces(
  database: Database,
  of: AccountWindow,
  windows: readonly { entity: string; metric: Metric }[],
  pieces: readonly (() => Promise<readonly PreparedSnapshot[]>)[],
  onKept: (kept: number) => void = () => undefined,
): Promise<SaveOutcome> {
  // Before anything is kept, so that what another period owns leaves no part of this one behind.
  const other = await ownedByAnotherPeriod(database, { ...of, windows });
  if (other) return { outcome: 'owned_by_another_period', ...other };
  await openMonth(database, monthOf(of.periodLabel));
  const snapshots: Snapshot[] = [];
  for (const piece of pieces) {
    const kept = await keepPiece(database, of, await piece());
    if ('outcome' in kept) return kept;
    snapshots.push(...kept);
    onKept(snapshots.length);
  }
  return { outcome: 'saved', snapshots };
}

function keepPiece(
  database: Database,
  of: { accountId: string; periodLabel: string; owned: Interval },
  rows: readonly PreparedSnapshot[],
): Promise<Snapshot[] | Exclude<SaveOutcome, { outcome: 'saved' }>> {
  return inTransaction(database, async (tx) => {
    const windows = await ownWindows(tx, of, rows);
    const lost = rows.find((row) => !windows.has(keyOf(row)));
    if (lost) return { outcome: 'owned_by_another_period', entity: lost.entity, metric: lost.metric };
    return appendRevisions(tx, windows, monthOf(of.periodLabel), rows);
  });
}

/** Runs one transaction, again when it is interrupted: what was pulled for it would have to be pulled again. */
async function inTransaction<T>(database: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction(database, work);
    } catch (error) {
      if (attempt >= PIECE_ATTEMPTS || !isInterrupted(error)) throw error;
    }
  }
}

/**
 * Which of the series `saveSnapshots` would refuse because another period owns some of these instants; undefined when it
 * would keep them all. Writes nothing.
 */
export async function ownedByAnotherPeriod(
  database: Database,
  of: { accountId: string; owned: Interval; windows: readonly { entity: string; metric: Metric }[] },
): Promise<{ entity: string; metric: Metric } | undefined> {
  const [window] = await database.$queryRaw<{ entity: string; metric: Metric }[]>`
    WITH period AS (
      SELECT tstzrange(${toStamp(of.owned.start)}::timestamptz, ${toStamp(of.owned.end)}::timestamptz) AS owned)
    SELECT w.entity, w.metric
      FROM period
      JOIN usage_window w ON w.account_id = ${of.accountId}::uuid AND w.owned && period.owned AND w.owned <> period.owned
     WHERE (w.entity, w.metric) IN (SELECT * FROM unnest(${of.windows.map(({ entity }) => entity)}::text[],
                                                         ${of.windows.map(({ metric }) => metric)}::text[]))
     ORDER BY w.entity COLLATE "C", w.metric COLLATE "C" LIMIT 1`;
  return window;
}

/**
 * The latest snapshot of every window of an account's period, with its values when they are still kept.
 *
 * @param pinned when given, these revisions and no others
 */
export async function loadSnapshots(
  database: Database | Transaction,
  of: { accountId: string; periodLabel: string },
  pinned?: readonly WindowFingerprint[],
): Promise<(Snapshot & { series: BucketSeries | null; rawSha256: string; dialectSha256: string })[]> {
  const rows = await database.$queryRaw<SnapshotRow[]>`
    SELECT DISTINCT ON (w.id) s.id, w.entity, w.metric, s.revision, s.grid, s.first_start AS "firstStart",
           s.values_sha256 AS "valuesSha256", s.raw_sha256 AS "rawSha256", s.dialect_sha256 AS "dialectSha256",
           lower(w.owned) AS "start", upper(w.owned) AS "end", v."values"
      FROM usage_window w
      JOIN usage_snapshot s ON s.window_id = w.id AND s.month = w.month
      LEFT JOIN usage_values v ON v.snapshot_id = s.id AND v.month = s.month
     WHERE w.account_id = ${of.accountId}::uuid AND w.month = ${monthOf(of.periodLabel)}::date
       AND (${pinned === undefined} OR (w.entity, w.metric, s.revision) IN (
             SELECT * FROM unnest(${(pinned ?? []).map(({ entity }) => entity)}::text[],
                                  ${(pinned ?? []).map(({ metric }) => metric)}::text[],
                                  ${(pinned ?? []).map(({ revision }) => revision)}::int[])))
     ORDER BY w.id, s.revision DESC`;
  const loaded = await Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      entity: row.entity,
      metric: row.metric,
      revision: row.revision,
      valuesSha256: row.valuesSha256,
      rawSha256: row.rawSha256,
      dialectSha256: row.dialectSha256,
      series: row.values ? toSeries(row, (await decompress(row.values)).toString('utf8')) : null,
    })),
  );
  return loaded.sort((a, b) => compareText(`${a.entity} ${a.metric}`, `${b.entity} ${b.metric}`));
}

/** What identifies the usage a period was computed from, without its values: for the hash of a draft's inputs. */
export async function usageFingerprint(
  database: Database | Transaction,
  of: { accountId: string; periodLabel: string },
): Promise<WindowFingerprint[]> {
  const rows = await database.$queryRaw<WindowFingerprint[]>`
    SELECT DISTINCT ON (w.id) w.entity, w.metric, s.revision, s.values_sha256
      FROM usage_window w JOIN usage_snapshot s ON s.window_id = w.id AND s.month = w.month
     WHERE w.account_id = ${of.accountId}::uuid AND w.month = ${monthOf(of.periodLabel)}::date
     ORDER BY w.id, s.revision DESC`;
  return inOrderOfWindows(rows);
}

/** In the one order in which usage is hashed. */
export function inOrderOfWindows(windows: readonly WindowFingerprint[]): WindowFingerprint[] {
  return [...windows].sort((a, b) => compareText(`${a.entity} ${a.metric}`, `${b.entity} ${b.metric}`));
}

/** A series made ready to be kept: its values packed. */
export interface PreparedSnapshot {
  readonly entity: string;
  readonly metric: Metric;
  readonly grid: Grid;
  readonly firstStart: EpochSeconds;
  readonly expected: number;
  readonly received: number;
  readonly total: string;
  readonly values: Uint8Array<ArrayBuffer>;
  readonly valuesSha256: string;
  readonly pulled: Omit<PulledSeries, 'series'>;
}

interface SnapshotRow {
  id: string;
  entity: string;
  metric: Metric;
  revision: number;
  grid: Grid;
  firstStart: Date;
  valuesSha256: string;
  rawSha256: string;
  dialectSha256: string;
  start: Date;
  end: Date;
  values: Uint8Array | null;
}

export async function prepareSnapshot(pulled: PulledSeries): Promise<PreparedSnapshot> {
  const { series, ...origin } = pulled;
  const values = packedValues(series);
  return {
    entity: entityKey(series.entity),
    metric: series.metric,
    grid: series.grid,
    firstStart: series.firstStart,
    expected: values.length,
    received: values.received(),
    total: values.total().toFixed(),
    values: await deflated(values.lines, deflating(values)),
    valuesSha256: valuesSha256(series.grid, series.firstStart, values.lines),
    pulled: origin,
  };
}

/** The grid and the first stamp belong to the meaning of the values: the same numbers an hour later are other usage. */
function valuesSha256(grid: Grid, firstStart: EpochSeconds, lines: string | Uint8Array): string {
  return createHash('sha256').update(`${grid} ${firstStart}\n`).update(lines).digest('hex');
}

interface OwnedWindow {
  readonly id: string;
  /** Made by this transaction: nobody else sees it yet, and there is no snapshot of it. */
  readonly fresh: boolean;
}

/** The windows by entity and metric; one is missing when another period owns some of its instants. */
async function ownWindows(
  tx: Transaction,
  of: { accountId: string; periodLabel: string; owned: Interval },
  rows: readonly PreparedSnapshot[],
): Promise<Map<string, OwnedWindow>> {
  const owned = Prisma.sql`tstzrange(${toStamp(of.owned.start)}::timestamptz, ${toStamp(of.owned.end)}::timestamptz)`;
  const wanted = (some: readonly PreparedSnapshot[]) => Prisma.sql`
    unnest(${some.map(() => uuid())}::uuid[], ${some.map(({ entity }) => entity)}::text[],
           ${some.map(({ metric }) => metric)}::text[]) WITH ORDINALITY AS w (id, entity, metric, position)`;
  const made = await tx.$queryRaw<{ id: string; entity: string; metric: Metric }[]>`
    INSERT INTO usage_window (id, account_id, entity, metric, period_label, owned)
    SELECT id, ${of.accountId}::uuid, entity, metric, ${of.periodLabel}, ${owned} FROM ${wanted(rows)} ORDER BY position
    ON CONFLICT DO NOTHING RETURNING id, entity, metric`;
  const windows = new Map<string, OwnedWindow>();
  for (const window of made) windows.set(keyOf(window), { id: window.id, fresh: true });
  const others = rows.filter((row) => !windows.has(keyOf(row)));
  if (others.length === 0) return windows;
  const found = await tx.$queryRaw<{ id: string; entity: string; metric: Metric }[]>`
    SELECT u.id, u.entity, u.metric FROM ${wanted(others)}
      JOIN usage_window u ON u.account_id = ${of.accountId}::uuid AND u.entity = w.entity AND u.metric = w.metric
                         AND u.owned = ${owned}`;
  for (const window of found) windows.set(keyOf(window), { id: window.id, fresh: false });
  return windows;
}

function keyOf({ entity, metric }: { entity: string; metric: string }): string {
  return `${entity} ${metric}`;
}

/** Months that this process knows to be open, by the database it works on. */
const openMonths = new WeakMap<Database, Set<string>>();

/**
 * Makes the tables of a month where they are missing: usage, moves of closes, lines and files of documents are kept by it.
 * Outside any transaction: it waits for writers.
 */
export async function openMonth(database: Database, month: string): Promise<void> {
  const known = openMonths.get(database) ?? new Set();
  if (known.has(month)) return;
  await inTransaction(database, (tx) => tx.$executeRaw`SELECT open_month(${month}::date)`);
  openMonths.set(database, known.add(month));
}

/**
 * The first day of a period's month. Windows and snapshots are found by it: without it a question about one month reads, or
 * at least plans to read, the tables of all.
 */
export function monthOf(periodLabel: string): string {
  return `${periodLabel}-01`;
}

/** The snapshots of the rows in their order: the latest where it has these values, else the next revision. */
async function appendRevisions(
  tx: Transaction,
  windows: ReadonlyMap<string, OwnedWindow>,
  month: string,
  rows: readonly PreparedSnapshot[],
): Promise<Snapshot[]> {
  const snapshots = new Map<string, Snapshot>();
  const windowOf = (row: PreparedSnapshot) => windows.get(keyOf(row)) as OwnedWindow;
  let open = [...rows];
  // Two writers may race for the same revision; the loser looks again and finds either its own values or the next number.
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const latest = await latestOf(
      tx,
      open.map(windowOf).filter(({ fresh }) => !fresh || attempt > 0),
      month,
    );
    const changed = open.filter((row) => {
      const known = latest.get(windowOf(row).id);
      if (known?.valuesSha256 !== row.valuesSha256) return true;
      snapshots.set(keyOf(row), { ...known, entity: row.entity, metric: row.metric });
      return false;
    });
    if (changed.length > 0) {
      const next = changed.map((row) => ({
        row,
        id: uuid(),
        windowId: windowOf(row).id,
        revision: (latest.get(windowOf(row).id)?.revision ?? 0) + 1,
      }));
      const inserted = new Set(await insertSnapshots(tx, month, next));
      for (const { row, id, revision } of next) {
        if (!inserted.has(id)) continue;
        const { entity, metric, valuesSha256 } = row;
        snapshots.set(keyOf(row), { id, entity, metric, revision, valuesSha256 });
      }
    }
    open = open.filter((row) => !snapshots.has(keyOf(row)));
    if (open.length === 0) return rows.map((row) => snapshots.get(keyOf(row)) as Snapshot);
  }
  throw new PersistenceError('snapshot_contended', 'too many writers bring usage for one window; try again', true);
}

/** Inserts snapshots with their values. Returns the ids of those whose revision no other writer had inserted before. */
async function insertSnapshots(
  tx: Transaction,
  month: string,
  next: readonly { row: PreparedSnapshot; id: string; windowId: string; revision: number }[],
): Promise<string[]> {
  const texts = (of: (row: PreparedSnapshot) => string | number) => next.map(({ row }) => `${of(row)}`);
  const inserted = await tx.$queryRaw<{ id: string }[]>`
    WITH given AS (
      SELECT * FROM unnest(
        ${next.map(({ id }) => id)}::uuid[], ${next.map(({ windowId }) => windowId)}::uuid[],
        ${next.map(({ revision }) => revision)}::int[], ${texts(({ grid }) => grid)}::text[],
        ${texts(({ firstStart }) => toStamp(firstStart))}::text[]::timestamptz[],
        ${next.map(({ row }) => row.expected)}::int[], ${next.map(({ row }) => row.received)}::int[],
        ${texts(({ total }) => total)}::text[]::numeric[],
        ${texts(({ pulled }) => pulled.fetched.buckets)}::text[]::int[],
        ${texts(({ pulled }) => pulled.fetched.total)}::text[]::numeric[],
        ${texts(({ pulled }) => pulled.margin.buckets)}::text[]::int[],
        ${texts(({ pulled }) => pulled.margin.total)}::text[]::numeric[],
        ${texts(({ valuesSha256 }) => valuesSha256)}::text[], ${texts(({ pulled }) => pulled.rawSha256)}::text[],
        ${texts(({ pulled }) => pulled.rawBytes)}::text[]::bigint[],
        ${texts(({ pulled }) => pulled.requestSha256)}::text[], ${texts(({ pulled }) => pulled.dialectSha256)}::text[],
        ${next.map(({ row }) => Buffer.from(row.values).toString('base64'))}::text[])
        WITH ORDINALITY AS g (id, window_id, revision, grid, first_start, expected, received, total, fetched_buckets,
                              fetched_total, margin_buckets, margin_total, values_sha256, raw_sha256, raw_bytes,
                              request_sha256, dialect_sha256, base64, position)
    ), snapshot AS (
      INSERT INTO usage_snapshot (month, id, window_id, revision, grid, first_start, expected, received, total,
                                  fetched_buckets, fetched_total, margin_buckets, margin_total, values_sha256,
                                  raw_sha256, raw_bytes, request_sha256, dialect_sha256)
      SELECT ${month}::date, id, window_id, revision, grid, first_start, expected, received, total, fetched_buckets,
             fetched_total, margin_buckets, margin_total, values_sha256, raw_sha256, raw_bytes, request_sha256,
             dialect_sha256
        FROM given ORDER BY position
      ON CONFLICT DO NOTHING RETURNING id
    )
    INSERT INTO usage_values (month, snapshot_id, "values")
    SELECT ${month}::date, id, decode(base64, 'base64') FROM given JOIN snapshot USING (id)
    RETURNING snapshot_id AS id`;
  return inserted.map(({ id }) => id);
}

async function latestOf(
  tx: Transaction,
  windows: readonly OwnedWindow[],
  month: string,
): Promise<Map<string, { id: string; revision: number; valuesSha256: string }>> {
  if (windows.length === 0) return new Map();
  const rows = await tx.$queryRaw<{ windowId: string; id: string; revision: number; valuesSha256: string }[]>`
    SELECT DISTINCT ON (window_id) window_id AS "windowId", id, revision, values_sha256 AS "valuesSha256"
      FROM usage_snapshot
     WHERE month = ${month}::date AND window_id = ANY(${windows.map(({ id }) => id)}::uuid[])
     ORDER BY window_id, revision DESC`;
  return new Map(rows.map(({ windowId, ...latest }) => [windowId, latest]));
}

function toSeries(row: SnapshotRow, text: string): BucketSeries {
  const { grid, entity, metric, revision } = row;
  if (valuesSha256(grid, seconds(row.firstStart), text) !== row.valuesSha256) {
    const message = `revision ${revision} of ${metric} of ${entity.split(':')[0]} differs from what was stored and is not used`;
    throw new PersistenceError('document_altered', `${message}; restore it from a backup`, false);
  }
  return {
    entity: entityOf(row.entity),
    metric: row.metric,
    grid: row.grid,
    owned: { start: seconds(row.start), end: seconds(row.end) },
    firstStart: seconds(row.firstStart),
    values: text === '' ? [] : text.split('\n').map((value) => (value === '' ? null : value)),
    rawSha256: row.rawSha256,
  };
}

function entityOf(key: string): EntityRef {
  const colon = key.indexOf(':');
  return { dimension: key.slice(0, colon) as EntityRef['dimension'], value: key.slice(colon + 1) };
}

function seconds(date: Date): EpochSeconds {
  return fromStamp(date.toISOString().replace(/\.\d{3}Z$/, 'Z'));
}

function windowKey(series: BucketSeries): string {
  return `${entityKey(series.entity)} ${series.metric}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
