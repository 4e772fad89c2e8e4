import { ACCOUNT_STATES, BILLING, type CloseAccountState, type CloseState, type Notice } from '#billing';
import { fromStamp, toStamp } from '#calendar';
import type { CountedNotice } from '../documents/notice.js';
import * as Prisma from '../ground/prisma.js';
import { type Database, stamp, type Transaction } from '../ground/database.js';
import { indexed, sellerOf, where } from '../ground/page.js';
import type { CloseKind, IssueMode } from './close-work.js';

/** A close as the REST contract shows it. */
export interface CloseView {
  id: string;
  seller: string;
  period: { start: string; end: string; label: string };
  kind: CloseKind;
  dry_run: boolean;
  issue: IssueMode;
  state: CloseState;
  counts: Record<CloseAccountState, number>;
  progress: CloseProgress;
  /** What holds accounts of the close now, most frequent first. */
  holds: { code: string; count: number }[];
  /** What accounts of the close wait for and are tried again for by the service itself, most frequent first. */
  waits: { code: string; count: number }[];
  totals: { currency: string; net: string; tax: string; gross: string }[];
  /** What is about the vendor or the close as a whole, each once. */
  warnings: CountedNotice[];
  created_at: string;
  finished_at: string | null;
}

/** How far a close has come. Counted from the accounts and their recorded moves, so that a restart forgets nothing. */
export interface CloseProgress {
  /** Accounts that nothing moves on its own any more. */
  done: number;
  total: number;
  /** Over the last five minutes, or since the close began to run; null when it rests. */
  rate_per_minute: number | null;
  /** When the last account will be done at this rate; null when that cannot be said, as while accounts wait. */
  eta: string | null;
  /** When the first of the accounts that wait is tried again; null when none waits. */
  next_try_at: string | null;
  /** Over the accounts that workers are billing now and that need many series; null when there are none. */
  series: SeriesProgress | null;
  /** When a worker that bills an account of the close gave its last sign of life; null while none does. */
  seen_at: string | null;
}

/** How far the series of usage have come by which accounts are billed: one for each entity and metric. */
export interface SeriesProgress {
  readonly needed: number;
  readonly pulled: number;
  readonly kept: number;
}

/** One close with counts and totals, or undefined. */
export async function findClose(database: Database, closeId: string): Promise<CloseView | undefined> {
  const [close] = await readCloses(database, { id: closeId, limit: 1 });
  return close;
}

/** Closes, newest first. `before` is the id of the last one already seen. */
export async function listCloses(
  database: Database,
  filter: { seller?: string | undefined; period?: string | undefined; before?: string | undefined; limit: number },
): Promise<CloseView[]> {
  return readCloses(database, filter);
}

async function readCloses(
  database: Database,
  filter: {
    id?: string | undefined;
    seller?: string | undefined;
    period?: string | undefined;
    before?: string | undefined;
    limit: number;
  },
): Promise<CloseView[]> {
  const { id, seller, period, before, limit } = filter;
  const closes = await database.$queryRaw<CloseColumns[]>`
    SELECT c.id, (SELECT code FROM seller WHERE id = c.seller_id) AS seller, c.period_label AS label, ${stamp('lower(c.period)')} AS start,
           ${stamp('upper(c.period)')} AS "end", c.kind, c.dry_run, c.issue, c.state, c.warnings, c.summary,
           ${stamp('c.created_at')} AS created_at, ${stamp('c.finished_at')} AS finished_at
      FROM close c
    ${where(
      id !== undefined && Prisma.sql`c.id = ${id}::uuid`,
      seller !== undefined && Prisma.sql`c.seller_id = ${sellerOf(seller)}`,
      period !== undefined && Prisma.sql`c.period_label = ${period}`,
      before !== undefined && Prisma.sql`c.id < ${before}::uuid`,
    )}
     ORDER BY c.id DESC LIMIT ${limit}`;
  return Promise.all(
    closes.map(async ({ label, start, end, summary, warnings, ...close }) => {
      const { vendor_warnings, ...figures } = summary ?? (await figuresOf(database, close));
      return {
        ...close,
        period: { start, end, label },
        ...figures,
        warnings: [...vendor_warnings, ...warnings.map((warning) => ({ ...warning, count: 1 }))],
      };
    }),
  );
}

/** What is counted and summed over the accounts of a close. */
interface CloseFigures extends Pick<CloseView, 'counts' | 'progress' | 'holds' | 'waits' | 'totals'> {
  vendor_warnings: CountedNotice[];
}

interface CloseColumns extends Omit<CloseView, keyof CloseFigures | 'period' | 'warnings'> {
  /** What no account brings. */
  warnings: Notice[];
  label: string;
  start: string;
  end: string;
  /** Of a finished close; null: to be counted. */
  summary: CloseFigures | null;
}

type CloseHow = Pick<CloseColumns, 'id' | 'state' | 'issue' | 'dry_run'>;

export async function figuresOf(database: Database | Transaction, close: CloseHow): Promise<CloseFigures> {
  return {
    ...(await countAccounts(database, close)),
    totals: await totalsOfClose(database, close.id),
    vendor_warnings: await vendorWarningsOf(database, close.id),
  };
}

/** Accounts of one seller bring the same few sets of warnings: these are counted, and only then taken apart. */
async function vendorWarningsOf(database: Database | Transaction, closeId: string): Promise<CountedNotice[]> {
  return database.$queryRaw`
    SELECT told->>'code' AS code, told->>'message' AS message, sum(accounts)::int AS count
      FROM (SELECT vendor_warnings, count(*) AS accounts FROM close_account
             WHERE close_id = ${closeId}::uuid GROUP BY vendor_warnings) AS sets,
           jsonb_array_elements(vendor_warnings) AS each (told)
     GROUP BY code, message ORDER BY count DESC, code, message`;
}

async function countAccounts(
  database: Database | Transaction,
  close: CloseHow,
): Promise<Omit<CloseFigures, 'totals' | 'vendor_warnings'>> {
  const rows = await database.$queryRaw<
    ({ state: CloseAccountState; code: string | null; released: boolean; count: number; next: string | null } & {
      seen: string | null;
      series: SeriesProgress | null;
    })[]
  >`
    SELECT state, reason_code AS code, released, count(*)::int AS count, ${stamp('min(next_try_at)')} AS next, ${stamp('max(seen_at)')} AS seen,
           CASE WHEN sum(series_needed) > 0 AND state IN ('pulling', 'rated')
                THEN jsonb_build_object('needed', sum(series_needed), 'pulled', sum(series_pulled),
                                        'kept', sum(series_kept)) END AS series
      FROM close_account
     WHERE close_id = ${close.id}::uuid GROUP BY state, reason_code, released`;
  const counts = Object.fromEntries(ACCOUNT_STATES.map((state) => [state, 0])) as CloseView['counts'];
  const [holds, waits] = [new Map<string, number>(), new Map<string, number>()];
  let [done, total] = [0, 0];
  for (const { state, code, released, count } of rows) {
    counts[state] += count;
    const stopped = { held: holds, waiting: waits }[state as string];
    if (stopped && code !== null) stopped.set(code, (stopped.get(code) ?? 0) + count);
    total += count;
    if (RESTING.has(state) || (state === 'drafted' && draftsRest(close) && !released)) done += count;
  }
  // Of a cancelled close nothing is tried any more.
  const tries = close.state === 'cancelled' ? [] : rows.flatMap(({ next }) => next ?? []);
  const seen = rows.flatMap((row) => (BILLING.includes(row.state) ? (row.seen ?? []) : []));
  const series = rows.flatMap((row) => row.series ?? []);
  const all = (of: (each: SeriesProgress) => number) => series.reduce((sum, each) => sum + of(each), 0);
  const { rate_per_minute, eta } = await paceOf(database, close, total - done);
  return {
    counts,
    progress: {
      done,
      total,
      rate_per_minute,
      eta: counts.waiting > 0 ? null : eta,
      next_try_at: tries.sort()[0] ?? null,
      series:
        series.length === 0
          ? null
          : { needed: all(({ needed }) => needed), pulled: all(({ pulled }) => pulled), kept: all(({ kept }) => kept) },
      seen_at: seen.sort().at(-1) ?? null,
    },
    holds: byFrequency(holds),
    waits: byFrequency(waits),
  };
}

function byFrequency(counts: ReadonlyMap<string, number>): { code: string; count: number }[] {
  return [...counts]
    .map(([code, count]) => ({ code, count }))
    .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
}

const RESTING: ReadonlySet<CloseAccountState> = new Set(['issued', 'empty', 'held', 'failed']);

/** Whether a draft rests: in a review until an operator releases it, in a dry run for good. */
function draftsRest({ dry_run, issue }: Pick<CloseColumns, 'dry_run' | 'issue'>): boolean {
  return dry_run || issue === 'after_review';
}

async function paceOf(
  database: Database | Transaction,
  close: CloseHow,
  remaining: number,
): Promise<Pick<CloseProgress, 'rate_per_minute' | 'eta'>> {
  if (close.state !== 'running') return { rate_per_minute: null, eta: null };
  const resting = [...RESTING, ...(draftsRest(close) ? ['drafted'] : [])];
  const [pace] = await database.$queryRaw<{ done: number; seconds: number; now: string }[]>`
    SELECT (SELECT count(*)::int FROM close_event
             WHERE ${movesOf(close.id)} AND account_id IS NOT NULL AND at > since
               AND to_state = ANY(${resting}::text[])) AS done,
           extract(epoch FROM clock_timestamp() - since)::float8 AS seconds, ${stamp('clock_timestamp()')} AS now
      FROM (SELECT greatest(max(at), clock_timestamp() - interval '5 minutes') AS since FROM close_event
             WHERE ${movesOf(close.id)} AND account_id IS NULL AND to_state = 'running') AS span`;
  if (!pace) return { rate_per_minute: null, eta: null };
  const perSecond = pace.done / Math.max(pace.seconds, 1);
  return {
    rate_per_minute: Math.round(perSecond * 600) / 10,
    eta: perSecond > 0 && remaining > 0 ? toStamp(fromStamp(pace.now) + Math.ceil(remaining / perSecond)) : null,
  };
}

/** A condition on `close_event`. With the month of the close only that month's table is read. */
function movesOf(closeId: string): Prisma.Sql {
  return Prisma.sql`close_id = ${closeId}::uuid AND month = (SELECT month FROM close WHERE id = ${closeId}::uuid)`;
}

/** What the close comes to: the documents its accounts have, drafts that wait, and what a dry run found. */
async function totalsOfClose(database: Database | Transaction, closeId: string): Promise<CloseView['totals']> {
  return database.$queryRaw`
    SELECT currency, sum(net)::text AS net, sum(tax)::text AS tax, sum(gross)::text AS gross
      FROM (
        SELECT i.currency, i.net, i.tax, i.gross FROM close_account a JOIN invoice i ON i.id = a.invoice_id
         WHERE a.close_id = ${closeId}::uuid
        UNION ALL
        SELECT d.currency, d.net, d.tax, d.gross
          FROM draft_invoice d JOIN close_account a USING (close_id, account_id)
         WHERE close_id = ${closeId}::uuid AND a.state = 'drafted'
        UNION ALL
        SELECT report_currency, report_net, report_tax, report_gross
          FROM close_account WHERE close_id = ${closeId}::uuid AND report IS NOT NULL
      ) AS documents
     GROUP BY currency ORDER BY currency`;
}

/** A move of a close or, with `account`, of one of its accounts. `from` is null when it was added. */
export interface CloseEvent {
  id: string;
  account: string | null;
  from: string | null;
  to: string;
  reason: { code: string; message: string | null } | null;
  /** Who asked for it; null: the service's own work. */
  actor: string | null;
  at: string;
}

/** Moves of a close in the order in which they were made. `after` is the id of the last one already seen. */
export async function listCloseEvents(
  database: Database,
  closeId: string,
  filter: { account?: string | undefined; after?: string | undefined; limit: number },
): Promise<CloseEvent[]> {
  // The month itself and not a question for it: PostgreSQL then knows that one table has the order of the page.
  const [close] = await database.$queryRaw<{ month: string }[]>`
    SELECT month::text FROM close WHERE id = ${closeId}::uuid`;
  if (!close) return [];
  const { account, after, limit } = filter;
  const part = indexed(
    [
      { column: Prisma.sql`close_id`, value: Prisma.sql`${closeId}::uuid` },
      ...(account === undefined ? [] : [{ column: Prisma.sql`account_id`, value: Prisma.sql`${account}::uuid` }]),
    ],
    Prisma.sql`close_event.id`,
    { after: after !== undefined && Prisma.sql`${after}::bigint` },
  );
  return database.$queryRaw`
    SELECT id::text AS id, account_id AS account, from_state AS "from", to_state AS "to",
           CASE WHEN reason_code IS NOT NULL
                THEN jsonb_build_object('code', reason_code, 'message', reason_message) END AS reason,
           actor, ${stamp('at')} AS at
      FROM close_event
    ${where(Prisma.sql`month = ${close.month}::date`, ...part.conditions)}
     ORDER BY ${part.order} LIMIT ${limit}`;
}
