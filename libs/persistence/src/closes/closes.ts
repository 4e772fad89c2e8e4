import {
  ACCOUNT_STATES,
  type AccountMove,
  BILLING,
  type CloseAccountState,
  type CloseState,
  type Notice,
} from '#billing';
import type { BillingPeriod, EpochSeconds } from '#calendar';
import { fromStamp, toStamp } from '#calendar';
import type { DraftInvoice } from '#invoicing';
import { decimal, formatAmount, minus, sum } from '#money';
import { v7 as uuid } from 'uuid';
import { mayMove, moveOfAccounts, moveOfCloses } from './account-states.js';
import { hasAdvanceWithoutSubscription } from '../documents/advances.js';
import { noteAlteration } from '../documents/alterations.js';
import { actFor, auditClose, type CloseCommand } from './close-actor.js';
import { type Database, PersistenceError, stamp, transaction, type Transaction } from '../ground/database.js';
import { Prisma } from '../generated/client.js';
import { nextTry } from '../ground/next-try.js';
import type { CountedNotice } from '../documents/notice.js';
import { indexed, sellerOf, where } from '../ground/page.js';
import {
  DocumentAltered,
  documentSha256,
  SEALED,
  type SealedDocument,
  unaltered,
  unalteredDraft,
} from '../documents/sealed-documents.js';
import { WAIT_HOURS } from '../catalogue/seller-settings.js';

export type CloseKind = 'regular' | 'correction';
export type IssueMode = 'after_review' | 'automatic';

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

/** One account of a close as the REST contract shows it. `lines` are those of its draft, invoice or dry-run report. */
export interface CloseAccountView {
  account: string;
  external_id: string;
  name: string;
  state: CloseAccountState;
  reason: Notice | null;
  /** Of a waiting account; null for any other. */
  waiting: CloseAccountWaiting | null;
  /** While a worker bills it; null otherwise, and until the worker knows. */
  progress: (SeriesProgress & { seen_at: string }) | null;
  warnings: Notice[];
  attempts: number;
  invoice: string | null;
  lines: unknown[];
  totals: { currency: string; net: string; tax: string; gross: string; payable: string } | null;
  /** What the account was billed for the month before, over all its documents; `invoice` is the first of them. */
  previous: { invoice: string; number: string; currency: string; net: string } | null;
  /** This net minus the previous one; null when either is missing. */
  difference: string | null;
  /** Holds that an operator lets pass. */
  waivers: { code: string; reason: string; actor: string; at: string }[];
  updated_at: string;
}

/** How long an account waits for what passes by itself. Stamps are RFC 3339, UTC. */
export interface CloseAccountWaiting {
  since: string;
  /** The service tries by itself until then; afterwards the account is held. */
  until: string;
  next_try_at: string;
  /** Tries that met what it waits for. */
  tries: number;
}

/** How far the series of usage have come by which accounts are billed: one for each entity and metric. */
export interface SeriesProgress {
  readonly needed: number;
  readonly pulled: number;
  readonly kept: number;
}

export interface OpenClose {
  readonly sellerId: string;
  /** The period cut in the seller's zone; accounts are cut in their own. */
  readonly period: BillingPeriod;
  readonly kind: CloseKind;
  readonly dryRun: boolean;
  readonly issue: IssueMode;
  /** Ids of accounts to close; absent = all that are eligible. */
  readonly accountIds?: readonly string[] | undefined;
  readonly batchSize: number;
  /** Who asks. */
  readonly actor: string;
}

export type OpenOutcome =
  | { readonly outcome: 'opened'; readonly id: string; readonly created: boolean; readonly batches: number[] }
  /** A real close of this seller, period and kind exists and was asked for with another `issue`. */
  | { readonly outcome: 'differs'; readonly id: string; readonly field: 'issue'; readonly is: IssueMode };

/**
 * Opens a close, or finds the one that exists and adds the accounts that are eligible and not yet rows of it. Eligible is
 * an account of the seller with a subscription that overlaps the period's local dates, or one that was billed in advance for
 * the period and then ended before it; for corrections, one with an open proposal. When an account of the last finished
 * close of corrections is to be corrected once more, the next opens.
 *
 * @returns the batches that have new accounts and must be worked on; a close without any must be settled
 */
export async function openClose(database: Database, request: OpenClose): Promise<OpenOutcome> {
  return transaction(database, async (tx): Promise<OpenOutcome> => {
    await actFor(tx, { actor: request.actor, action: 'opened' });
    const { close, created } = await findOrCreate(tx, request);
    if (close.issue !== request.issue) return { outcome: 'differs', id: close.id, field: 'issue', is: close.issue };
    const batches = await addAccounts(tx, close, request);
    if (batches.length > 0) {
      await tx.$executeRaw(moveOfCloses('work', Prisma.sql`c.id = ${close.id}::uuid`));
    }
    if (created || batches.length > 0) {
      const command = { closeId: close.id, actor: request.actor, action: created ? 'opened' : 'extended' } as const;
      await auditClose(tx, command, { period: request.period.label, dry_run: request.dryRun });
    }
    return { outcome: 'opened', id: close.id, created, batches };
  });
}

async function findOrCreate(
  tx: Transaction,
  request: OpenClose,
): Promise<{ close: { id: string; issue: IssueMode; batches: number }; created: boolean }> {
  const id = uuid();
  const { period } = request;
  const ordinal = request.kind === 'correction' && !request.dryRun ? await correctionOrdinal(tx, request) : 1;
  const created = await tx.$executeRaw`
    INSERT INTO close (id, seller_id, period_label, period, kind, ordinal, dry_run, issue, state)
    VALUES (${id}::uuid, ${request.sellerId}::uuid, ${period.label},
            tstzrange(${toStamp(period.start)}::timestamptz, ${toStamp(period.end)}::timestamptz),
            ${request.kind}, ${ordinal}, ${request.dryRun}, ${request.issue}, 'running')
    ON CONFLICT DO NOTHING`;
  // The lock serialises everyone who adds accounts, so that each batch number is given out once.
  const rows =
    created === 1
      ? await tx.$queryRaw<CloseHead[]>`SELECT id, issue, batches FROM close WHERE id = ${id}::uuid FOR UPDATE`
      : await tx.$queryRaw<CloseHead[]>`
          SELECT id, issue, batches FROM close
           WHERE seller_id = ${request.sellerId}::uuid AND period_label = ${period.label} AND kind = ${request.kind}
             AND ordinal = ${ordinal} AND NOT dry_run AND state <> 'cancelled' FOR UPDATE`;
  const close = rows[0];
  if (!close) throw new PersistenceError('close_vanished', 'the close was cancelled meanwhile; ask again', true);
  return { close, created: created === 1 };
}

/**
 * Which of the period's correction closes is asked for: the last one, to which accounts are added as to any close; or the
 * next, when that has finished and an account of it is to be corrected once more.
 */
async function correctionOrdinal(tx: Transaction, request: OpenClose): Promise<number> {
  const named = request.accountIds ? [...request.accountIds] : null;
  const [last] = await tx.$queryRaw<{ id: string; ordinal: number; state: CloseState }[]>`
    SELECT id, ordinal, state FROM close
     WHERE seller_id = ${request.sellerId}::uuid AND period_label = ${request.period.label} AND kind = 'correction'
       AND NOT dry_run AND state <> 'cancelled'
     ORDER BY ordinal DESC LIMIT 1`;
  if (!last) return 1;
  if (last.state !== 'finished') return last.ordinal;
  const [open] = await tx.$queryRaw<{ oncemore: boolean }[]>`
    SELECT EXISTS (SELECT FROM correction k JOIN close_account c ON c.account_id = k.account_id
                    WHERE c.close_id = ${last.id}::uuid AND k.period_label = ${request.period.label}
                      AND k.state = 'proposed'
                      AND (${named}::uuid[] IS NULL OR k.account_id = ANY(${named}::uuid[]))) AS oncemore`;
  return open?.oncemore ? last.ordinal + 1 : last.ordinal;
}

interface CloseHead {
  id: string;
  issue: IssueMode;
  batches: number;
}

async function addAccounts(tx: Transaction, close: CloseHead, request: OpenClose): Promise<number[]> {
  const { period } = request;
  const named = request.accountIds ? [...request.accountIds] : null;
  const rows = await tx.$queryRaw<{ batch: number }[]>`
    INSERT INTO close_account (close_id, account_id, batch)
    SELECT ${close.id}::uuid, a.id,
           ${close.batches} + ((row_number() OVER (ORDER BY a.external_id, a.id) - 1) / ${request.batchSize}::int)::int
      FROM account a
     WHERE a.seller_id = ${request.sellerId}::uuid
       AND (${named}::uuid[] IS NULL OR a.id = ANY(${named}::uuid[]))
       AND CASE WHEN ${request.kind} = 'correction'
                THEN EXISTS (SELECT FROM correction k WHERE k.account_id = a.id AND k.period_label = ${period.label}
                                AND k.state = 'proposed')
                ELSE EXISTS (SELECT FROM subscription s WHERE s.account_id = a.id
                                AND daterange(s.starts_at, s.ends_at)
                                 && daterange(${period.startDate}::date, ${period.endDate}::date))
                  OR ${hasAdvanceWithoutSubscription(period)} END
       AND NOT EXISTS (SELECT FROM close_account c WHERE c.close_id = ${close.id}::uuid AND c.account_id = a.id)
    RETURNING batch`;
  const batches = [...new Set(rows.map((row) => row.batch))].sort((a, b) => a - b);
  if (batches.length > 0) {
    await tx.$executeRaw`UPDATE close SET batches = batches + ${batches.length} WHERE id = ${close.id}::uuid`;
  }
  return batches;
}

/** What a worker needs to know of a close. */
export interface CloseWork {
  readonly id: string;
  readonly sellerId: string;
  readonly periodLabel: string;
  readonly kind: CloseKind;
  readonly dryRun: boolean;
  readonly issue: IssueMode;
  readonly state: CloseState;
}

/** Undefined when there is no such close. */
export async function loadCloseWork(database: Database | Transaction, closeId: string): Promise<CloseWork | undefined> {
  const [close] = await database.$queryRaw<CloseWork[]>`
    SELECT id, seller_id AS "sellerId", period_label AS "periodLabel", kind, dry_run AS "dryRun", issue, state
      FROM close WHERE id = ${closeId}::uuid`;
  return close;
}

/** A condition on `close_account a`: this row. */
function rowOf(closeId: string, accountId: string, round: number | null = null): Prisma.Sql {
  return Prisma.sql`a.close_id = ${closeId}::uuid AND a.account_id = ${accountId}::uuid
                    AND (${round}::int IS NULL OR a.round = ${round})`;
}

/**
 * Says that an account's usage is there, believed and rated, and that what it comes to is about to be written down. Whoever
 * bills it stays at it, so its signs of life go on and it is still found when they stop.
 *
 * @returns whether there is anything left to write: false when somebody else was faster, or the close is cancelled
 */
export async function accountRated(
  database: Database,
  closeId: string,
  accountId: string,
  { round }: Doing,
): Promise<boolean> {
  // The sign of life stays: the worker goes on.
  const rated = moveOfAccounts('rate', Prisma.sql`seen_at = seen_at`, rowOf(closeId, accountId, round));
  return (await database.$executeRaw(rated)) === 1;
}

/** What somebody who moves an account was doing with it. */
export interface Doing {
  readonly round: number;
  readonly phase: 'billing' | 'issuing';
}

const PRESENT: Readonly<Record<Doing['phase'], readonly CloseAccountState[]>> = {
  billing: BILLING,
  issuing: ['drafted'],
};

/** The moves that bring an account to an outcome. */
const MOVE_TO = {
  drafted: 'draft',
  issued: 'issue',
  empty: 'find_empty',
  held: 'hold',
  failed: 'fail',
} as const satisfies Partial<Record<CloseAccountState, AccountMove>>;

/** What a transition records besides the state. */
export interface Transition {
  readonly to: keyof typeof MOVE_TO;
  /** The move is made only where the account still is at that: whoever was slower does not undo what stands. */
  readonly doing?: Doing;
  readonly reason?: Notice;
  readonly warnings?: readonly Notice[];
  /** About the vendor, each once: shown and counted on the close. */
  readonly vendorWarnings?: readonly Notice[];
  readonly report?: unknown;
  readonly invoiceId?: string;
}

/** What came of billing an account, besides its document. */
export type Outcome = Pick<Transition, 'warnings' | 'vendorWarnings' | 'doing'>;

/**
 * Moves one account to an outcome under its row lock. A move that the present state does not allow changes nothing:
 * somebody else was faster, and what they did stands.
 *
 * @returns whether this call made the move
 */
export async function moveAccount(
  tx: Database | Transaction,
  closeId: string,
  accountId: string,
  move: Transition,
): Promise<boolean> {
  const { doing, reason } = move;
  const warnings = move.warnings ? JSON.stringify(move.warnings) : null;
  const vendorWarnings = move.vendorWarnings ? JSON.stringify(move.vendorWarnings) : null;
  const report = move.report === undefined ? null : JSON.stringify(move.report);
  const outcome = Prisma.sql`
    reason_code = ${reason?.code ?? null}, reason_message = ${reason?.message ?? null}, seen_at = NULL, lost = 0,
    waiting_since = NULL, tries = 0, warnings = coalesce(${warnings}::jsonb, warnings),
    vendor_warnings = coalesce(${vendorWarnings}::jsonb, vendor_warnings),
    report = coalesce(${report}::jsonb, report), invoice_id = coalesce(${move.invoiceId ?? null}::uuid, invoice_id)`;
  const moved = await tx.$executeRaw(moveOfAccounts(MOVE_TO[move.to], outcome, atWork(closeId, accountId, doing)));
  return moved === 1;
}

/** A condition on `close_account a`: this row, and the account still at what the caller was doing with it. */
function atWork(closeId: string, accountId: string, doing: Doing | undefined): Prisma.Sql {
  const present = [...(doing ? PRESENT[doing.phase] : ACCOUNT_STATES)];
  return Prisma.sql`${rowOf(closeId, accountId, doing?.round)} AND a.state = ANY(${present}::text[])`;
}

/** What stopped an account and passes by itself. */
export interface PassingCause {
  readonly doing: Doing;
  readonly reason: Notice;
  readonly warnings?: readonly Notice[] | undefined;
  /** How long the report API asked to be left alone. */
  readonly leftAloneSeconds?: number | undefined;
  /** Where the account ends when the seller's hours of waiting are used up. */
  readonly otherwise: 'held' | 'failed';
  /** In [0, 1). */
  readonly random: number;
}

/**
 * Lets an account wait for what passes by itself, for as many hours as its seller wants; when they are used up, the account
 * ends with the same cause.
 *
 * @returns where the account is now; undefined when it is no longer at what the caller was doing
 */
export async function letWait(
  database: Database,
  closeId: string,
  accountId: string,
  { doing, reason, warnings = [], leftAloneSeconds, otherwise, random }: PassingCause,
): Promise<'waiting' | 'held' | 'failed' | undefined> {
  return transaction(database, async (tx) => {
    const [row] = await tx.$queryRaw<{ now: string; since: string | null; tries: number; hours: number }[]>`
      SELECT ${stamp('clock_timestamp()')} AS now, ${stamp('a.waiting_since')} AS since, a.tries,
             ${WAIT_HOURS} AS hours
        FROM close_account a JOIN close k ON k.id = a.close_id JOIN seller s ON s.id = k.seller_id
       WHERE ${atWork(closeId, accountId, doing)} FOR UPDATE OF a`;
    if (!row) return undefined;
    const { tries, hours } = row;
    const since = row.since === null ? null : fromStamp(row.since);
    const next = nextTry({ now: fromStamp(row.now), since, tries, hours, leftAloneSeconds, random });
    if (next === undefined) {
      const tried = tries === 0 ? '' : `; the service tried ${tries + 1} times since ${row.since}`;
      const final = { to: otherwise, doing, reason: { ...reason, message: `${reason.message}${tried}` }, warnings };
      return (await moveAccount(tx, closeId, accountId, final)) ? otherwise : undefined;
    }
    const waits = Prisma.sql`
      reason_code = ${reason.code}, reason_message = ${reason.message}, warnings = ${JSON.stringify(warnings)}::jsonb,
      seen_at = NULL, lost = 0, attempts = 0, tries = tries + 1,
      waiting_since = coalesce(waiting_since, ${row.now}::timestamptz), next_try_at = ${toStamp(next)}::timestamptz`;
    const moved = await tx.$executeRaw(moveOfAccounts('wait', waits, rowOf(closeId, accountId, doing.round)));
    return moved === 1 ? 'waiting' : undefined;
  });
}

/**
 * Sends waiting accounts whose next try is due back to the start of their closes, the longest due first. They keep since when
 * they wait. A batch that the queue does not take is found again as any whose job was lost.
 *
 * @returns the batches to work on
 */
export async function sendDue(database: Database, limit = 2_000): Promise<{ closeId: string; batch: number }[]> {
  return transaction(database, async (tx) => {
    const due = await tx.$queryRaw<{ closeId: string; accountId: string }[]>`
      SELECT a.close_id AS "closeId", a.account_id AS "accountId" FROM close_account a
       WHERE ${mayMove('fall_due')} ORDER BY a.next_try_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
    if (due.length === 0) return [];
    const which = Prisma.sql`(a.close_id, a.account_id) IN (
      SELECT * FROM unnest(${due.map(({ closeId }) => closeId)}::uuid[], ${due.map(({ accountId }) => accountId)}::uuid[]))`;
    const cleared = Prisma.sql`reason_code = NULL, reason_message = NULL`;
    const sent = await tx.$queryRaw<{ closeId: string; batch: number }[]>`
      ${moveOfAccounts('fall_due', cleared, which)} RETURNING a.close_id AS "closeId", a.batch`;
    return [...new Map(sent.map((each) => [`${each.closeId} ${each.batch}`, each])).values()];
  });
}

/**
 * Counts one more unexpected error of an account. Returns how many there were; undefined when it is no longer at what went
 * wrong, because somebody else was faster.
 */
export async function countAttempt(
  database: Database,
  closeId: string,
  accountId: string,
  { round, phase }: Doing,
): Promise<number | undefined> {
  const [row] = await database.$queryRaw<{ attempts: number }[]>`
    UPDATE close_account SET attempts = attempts + 1, seen_at = NULL, lost = 0, updated_at = clock_timestamp()
     WHERE close_id = ${closeId}::uuid AND account_id = ${accountId}::uuid
       AND state = ANY(${[...PRESENT[phase]]}::text[]) AND round = ${round} RETURNING attempts`;
  return row?.attempts;
}

/**
 * Locks the row of an account in a close and tells how both stand; undefined when the close is cancelled. The close is read
 * by a statement of its own, because the lock may have been waited for while somebody cancelled it.
 */
export async function lockAccount(
  tx: Transaction,
  closeId: string,
  accountId: string,
): Promise<{ state: CloseAccountState; released: boolean; issue: IssueMode } | undefined> {
  const [account] = await tx.$queryRaw<{ state: CloseAccountState; released: boolean }[]>`
    SELECT state, released FROM close_account
     WHERE close_id = ${closeId}::uuid AND account_id = ${accountId}::uuid FOR UPDATE`;
  const close = await loadCloseWork(tx, closeId);
  return account && close && close.state !== 'cancelled' ? { ...account, issue: close.issue } : undefined;
}

/**
 * Keeps the draft of an account that is being billed, and moves it to `drafted`. A draft that is made already stays as it
 * is, because it may have been reviewed; what sends the account back takes the release away.
 *
 * @returns whether this call made the draft
 */
export async function saveDraft(
  database: Database,
  closeId: string,
  accountId: string,
  { inputsHash, document, ...move }: Outcome & { inputsHash: string; document: unknown },
): Promise<boolean> {
  return transaction(database, async (tx) => {
    // Cancelling locks the accounts before it deletes their drafts: it is either waited for, or finds this one.
    if (!(await lockAccount(tx, closeId, accountId))) return false;
    const moved = await moveAccount(tx, closeId, accountId, { to: 'drafted', ...move });
    if (!moved) return false;
    await tx.$executeRaw`
      INSERT INTO draft_invoice (id, close_id, account_id, inputs_hash, document, document_sha256)
      VALUES (${uuid()}::uuid, ${closeId}::uuid, ${accountId}::uuid, ${inputsHash}, ${JSON.stringify(document)}::jsonb,
              ${documentSha256(document)})
      ON CONFLICT (close_id, account_id) DO UPDATE
        SET inputs_hash = excluded.inputs_hash, document = excluded.document, document_sha256 = excluded.document_sha256,
            updated_at = clock_timestamp()`;
    return true;
  });
}

/**
 * The draft of an account, or undefined.
 *
 * @throws DocumentAltered
 */
export async function loadDraft(
  database: Database | Transaction,
  closeId: string,
  accountId: string,
): Promise<{ id: string; inputsHash: string; document: unknown } | undefined> {
  const [draft] = await database.$queryRaw<
    { id: string; inputsHash: string; document: unknown; document_sha256: string | null }[]
  >`
    SELECT id, inputs_hash AS "inputsHash", document, document_sha256 FROM draft_invoice
     WHERE close_id = ${closeId}::uuid AND account_id = ${accountId}::uuid`;
  if (!draft) return undefined;
  const { id, inputsHash } = draft;
  return { id, inputsHash, document: unalteredDraft(`draft:${id}`, draft) };
}

/**
 * Sends held, failed and waiting accounts back to the start. Those that are named also when they are empty or drafted, for
 * what was wrong in the catalogue may have been mended, and when they are issued, if what was issued for them was voided. A
 * draft that was released waits for a review again.
 *
 * @returns the batches to work on
 */
export async function retryAccounts(
  database: Database,
  closeId: string,
  accountIds: readonly string[] | undefined,
  actor: string,
): Promise<number[]> {
  const move = accountIds ? 'retry_by_name' : 'retry';
  return transaction(database, (tx) => sendBack(tx, { closeId, actor, action: 'retried' }, accountIds, { move }));
}

/** Accounts of one close and zone that were held because their own month had not ended and settled. */
export interface EarlyAccounts {
  readonly closeId: string;
  readonly periodLabel: string;
  readonly timeZone: string;
  /** The seller's; null: as the service is configured. */
  readonly settleHours: number | null;
  readonly accountIds: readonly string[];
}

const EARLY = 'period_not_billable';

/** Those of real closes that are held for nothing else. Found by the index `close_account_early`. */
export async function earlyAccounts(database: Database): Promise<EarlyAccounts[]> {
  return database.$queryRaw`
    SELECT c.close_id AS "closeId", k.period_label AS "periodLabel", a.time_zone AS "timeZone",
           s.settle_hours AS "settleHours", array_agg(a.id) AS "accountIds"
      FROM close_account c JOIN close k ON k.id = c.close_id JOIN account a ON a.id = c.account_id
      JOIN seller s ON s.id = k.seller_id
     WHERE c.state = 'held' AND c.reason_code = 'period_not_billable' AND NOT k.dry_run AND k.state <> 'cancelled'
     GROUP BY c.close_id, k.period_label, a.time_zone, s.settle_hours`;
}

/** Sends them back to the start, but for those that are no longer held for that. Returns the batches to work on. */
export async function retryEarly(
  database: Database,
  { closeId, accountIds }: Pick<EarlyAccounts, 'closeId' | 'accountIds'>,
  actor: string,
): Promise<number[]> {
  const command = { closeId, actor, action: 'retried' } as const;
  const only = { move: 'settle_in', data: { code: EARLY } } as const;
  return transaction(database, (tx) => sendBack(tx, command, accountIds, only));
}

/** The same on a transaction and by the move that is given: for what makes a retry worth while. */
export async function sendBack(
  tx: Transaction,
  command: CloseCommand,
  accountIds: readonly string[] | undefined,
  {
    move = 'retry',
    data = {},
  }: { move?: Extract<AccountMove, 'retry' | 'retry_by_name' | 'settle_in' | 'reopen'>; data?: object } = {},
): Promise<number[]> {
  const { closeId } = command;
  await actFor(tx, command);
  const places = await lockForWork(tx, closeId, mayMove(move), accountIds);
  if (places.length === 0) return [];
  const anew = Prisma.sql`
    reason_code = NULL, reason_message = NULL, warnings = '[]', vendor_warnings = '[]', attempts = 0,
    waiting_since = NULL, tries = 0, released = false, invoice_id = NULL`;
  const ids = places.map(({ accountId }) => accountId);
  const which = Prisma.sql`a.close_id = ${closeId}::uuid AND a.account_id = ANY(${ids}::uuid[])`;
  await tx.$executeRaw(moveOfAccounts(move, anew, which));
  await resume(tx, closeId);
  await auditClose(tx, command, { accounts: places.length, ...data });
  return batchesOf(places);
}

interface AccountPlace {
  readonly accountId: string;
  readonly batch: number;
}

/**
 * Locks accounts, and then their close; none when the close is cancelled. A transaction that ends the close at the same time waits, and
 * then finds the accounts that are changed under these locks; or he is waited for, and the close is then read as he left it.
 * One that only looked would find it running and let it end with work in it.
 *
 * @param which a condition on `close_account a`
 */
async function lockForWork(
  tx: Transaction,
  closeId: string,
  which: Prisma.Sql,
  accountIds: readonly string[] | undefined,
): Promise<AccountPlace[]> {
  const named = accountIds ? [...accountIds] : null;
  const places = await tx.$queryRaw<AccountPlace[]>`
    SELECT account_id AS "accountId", batch FROM close_account a
     WHERE close_id = ${closeId}::uuid AND ${which}
       AND (${named}::uuid[] IS NULL OR account_id = ANY(${named}::uuid[]))
     ORDER BY account_id FOR UPDATE`;
  if (places.length === 0) return [];
  const [close] = await tx.$queryRaw<{ state: CloseState }[]>`
    SELECT state FROM close WHERE id = ${closeId}::uuid FOR NO KEY UPDATE`;
  return close && close.state !== 'cancelled' ? places : [];
}

/** Sets a close going again that `lockForWork` has locked, after the change that gives it work. */
async function resume(tx: Transaction, closeId: string): Promise<void> {
  await tx.$executeRaw(moveOfCloses('work', Prisma.sql`c.id = ${closeId}::uuid`));
}

function batchesOf(places: readonly AccountPlace[]): number[] {
  return [...new Set(places.map(({ batch }) => batch))].sort((a, b) => a - b);
}

/** Releases drafts for issuing, all or those of the named accounts. Returns the batches to work on. */
export async function releaseDrafts(
  database: Database,
  closeId: string,
  accountIds: readonly string[] | undefined,
  actor: string,
): Promise<number[]> {
  const command = { closeId, actor, action: 'released' } as const;
  return transaction(database, async (tx) => {
    // What a dry run drafted is nobody's to issue.
    const close = await loadCloseWork(tx, closeId);
    if (!close || close.dryRun) return [];
    await actFor(tx, command);
    const places = await lockForWork(tx, closeId, Prisma.sql`a.state = 'drafted'`, accountIds);
    if (places.length === 0) return [];
    await tx.$executeRaw`
      UPDATE close_account SET released = true, updated_at = clock_timestamp()
       WHERE close_id = ${closeId}::uuid AND account_id = ANY(${places.map(({ accountId }) => accountId)}::uuid[])`;
    await resume(tx, closeId);
    await auditClose(tx, command, { accounts: places.length });
    return batchesOf(places);
  });
}

/**
 * Ends a close that has nothing left to do: `finished` when every account is issued, empty, held or failed; `review` when
 * drafts wait for a human. One with accounts that wait for their next try runs on. Called after every batch by whoever worked on it; the row lock makes one of them right.
 *
 * @param certify writes down how a real close finished, in the transaction that finishes it
 */
export async function settleClose(
  database: Database,
  closeId: string,
  certify: (tx: Transaction) => Promise<void>,
): Promise<CloseState> {
  return transaction(database, async (tx) => {
    const [close] = await tx.$queryRaw<{ state: CloseState; issue: IssueMode; dryRun: boolean }[]>`
      SELECT state, issue, dry_run AS "dryRun" FROM close WHERE id = ${closeId}::uuid FOR UPDATE`;
    if (!close) throw new PersistenceError('unknown_close', 'there is no such close', false);
    if (close.state === 'cancelled') return close.state;
    const [open] = await tx.$queryRaw<{ working: boolean; drafted: boolean }[]>`
      SELECT EXISTS (SELECT FROM close_account WHERE close_id = ${closeId}::uuid
                        AND (state IN ('pending', 'pulling', 'rated', 'waiting')
                             OR (state = 'drafted' AND NOT ${close.dryRun} AND (released OR ${close.issue} = 'automatic')))) AS working,
             EXISTS (SELECT FROM close_account WHERE close_id = ${closeId}::uuid AND state = 'drafted') AS drafted`;
    // What a dry run drafted stays drafted: nobody will issue it.
    const next = open?.working ? 'running' : open?.drafted && !close.dryRun ? 'review' : 'finished';
    if (next !== close.state) {
      const move = ({ running: 'work', review: 'review', finished: 'finish' } as const)[next];
      await tx.$executeRaw(moveOfCloses(move, Prisma.sql`c.id = ${closeId}::uuid`));
      if (next === 'finished') {
        const figures = await figuresOf(tx, { id: closeId, state: next, issue: close.issue, dry_run: close.dryRun });
        await tx.$executeRaw`UPDATE close SET summary = ${JSON.stringify(figures)}::jsonb WHERE id = ${closeId}::uuid`;
        if (!close.dryRun) await certify(tx);
      }
    }
    return next;
  });
}

export type CancelOutcome =
  { readonly outcome: 'cancelled' } | { readonly outcome: 'refused'; readonly issued: number };

/** Cancels a close before anything of it is issued; its drafts go. Afterwards the period may be closed anew. */
export async function cancelClose(database: Database, closeId: string, actor: string): Promise<CancelOutcome> {
  const command = { closeId, actor, action: 'cancelled' } as const;
  return transaction(database, async (tx): Promise<CancelOutcome> => {
    await actFor(tx, command);
    // Account rows first: issuing locks its account row, so either it is done before us and counted, or it finds the
    // close cancelled after us.
    await tx.$queryRaw`SELECT 1 FROM close_account WHERE close_id = ${closeId}::uuid ORDER BY account_id FOR UPDATE`;
    await tx.$queryRaw`SELECT 1 FROM close WHERE id = ${closeId}::uuid FOR UPDATE`;
    // Documents and not accounts: one that was voided stays issued while its account is on its way to another.
    const [issued] = await tx.$queryRaw<{ count: bigint }[]>`
      SELECT count(*) FROM invoice WHERE close_id = ${closeId}::uuid`;
    if (issued && issued.count > 0n) return { outcome: 'refused', issued: Number(issued.count) };
    await tx.$executeRaw`DELETE FROM draft_invoice WHERE close_id = ${closeId}::uuid`;
    const cancelled = await tx.$executeRaw(moveOfCloses('cancel', Prisma.sql`c.id = ${closeId}::uuid`));
    if (cancelled === 1) await auditClose(tx, command);
    return { outcome: 'cancelled' };
  });
}

/**
 * Batches whose job was lost or whose worker died: begun, and nothing has moved on them for a while; or waiting for a
 * worker, and nothing has moved in their whole close, because while it does they are most likely only not the next. Whoever
 * is told of a batch has claimed it: nobody else is told of it for as long again. Working on one twice would be harmless.
 */
export async function claimStalledBatches(
  database: Database,
  idleSeconds: number,
): Promise<{ closeId: string; batch: number }[]> {
  await wakeCloses(database);
  const rows = await database.$queryRaw<{ closeId: string; batch: number }[]>`
    WITH stalled AS (
      SELECT close_id, batch
        FROM (SELECT a.close_id, a.batch, max(a.updated_at) AS moved_at,
                     max(max(a.updated_at)) OVER (PARTITION BY a.close_id) AS close_moved_at,
                     bool_or(a.state = 'pending' OR (a.state = 'drafted' AND a.released AND NOT c.dry_run)) AS waiting,
                     bool_or(a.state IN ('pulling', 'rated')
                             OR (a.state = 'drafted' AND c.issue = 'automatic' AND NOT c.dry_run)) AS begun
                FROM close_account a JOIN close c ON c.id = a.close_id
               WHERE c.state = 'running'
               GROUP BY a.close_id, a.batch) AS batches
       WHERE CASE WHEN begun THEN moved_at WHEN waiting THEN close_moved_at END
             < clock_timestamp() - make_interval(secs => ${idleSeconds})
       ORDER BY close_id, batch LIMIT 1000
    )
    UPDATE close_account a SET updated_at = clock_timestamp()
      FROM stalled s
     WHERE a.close_id = s.close_id AND a.batch = s.batch
       AND a.updated_at < clock_timestamp() - make_interval(secs => ${idleSeconds})
    RETURNING a.close_id AS "closeId", a.batch`;
  const batches = new Map(rows.map((row) => [`${row.closeId} ${row.batch}`, row]));
  return [...batches.values()];
}

/** Sets going again what ended with work in it. Nothing does so on purpose; whatever did is not to hide unbilled accounts. */
async function wakeCloses(database: Database): Promise<void> {
  const unfinished = Prisma.sql`EXISTS (
    SELECT FROM close_account a
     WHERE a.close_id = c.id
       AND (a.state IN ('pending', 'pulling', 'rated', 'waiting') OR (a.state = 'drafted' AND a.released)))`;
  await database.$executeRaw(moveOfCloses('work', unfinished));
}

/** Running closes in which no account is left to work on: whoever should have ended them died. */
export async function unsettledCloses(database: Database): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT c.id FROM close c
     WHERE c.state = 'running'
       AND NOT EXISTS (SELECT FROM close_account a
                        WHERE a.close_id = c.id AND a.state IN ('pending', 'pulling', 'rated', 'waiting'))`;
  return rows.map((row) => row.id);
}

/** The database's clock: the one that decides what is billable. */
export async function databaseNow(database: Database | Transaction): Promise<EpochSeconds> {
  const [row] = await database.$queryRaw<{ now: string }[]>`
    SELECT to_char(date_trunc('second', clock_timestamp()) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS now`;
  return fromStamp(row?.now ?? '');
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

async function figuresOf(database: Database | Transaction, close: CloseHow): Promise<CloseFigures> {
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

/** Whether a draft waits for a human, or for nobody at all. */
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
             WHERE close_id = ${close.id}::uuid AND account_id IS NOT NULL AND at > since
               AND to_state = ANY(${resting}::text[])) AS done,
           extract(epoch FROM clock_timestamp() - since)::float8 AS seconds, ${stamp('clock_timestamp()')} AS now
      FROM (SELECT greatest(max(at), clock_timestamp() - interval '5 minutes') AS since FROM close_event
             WHERE close_id = ${close.id}::uuid AND account_id IS NULL AND to_state = 'running') AS span`;
  if (!pace) return { rate_per_minute: null, eta: null };
  const perSecond = pace.done / Math.max(pace.seconds, 1);
  return {
    rate_per_minute: Math.round(perSecond * 600) / 10,
    eta: perSecond > 0 && remaining > 0 ? toStamp(fromStamp(pace.now) + Math.ceil(remaining / perSecond)) : null,
  };
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

/** Which of the ids are accounts of the close. */
export async function accountsOfClose(database: Database, closeId: string, ids: readonly string[]): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT account_id AS id FROM close_account
     WHERE close_id = ${closeId}::uuid AND account_id = ANY(${[...ids]}::uuid[])`;
  return rows.map((row) => row.id);
}

/**
 * Accounts of a close in the order of their ids. `after` is the id of the last one already seen. What an account has that is
 * not as it was stored is not shown: a warning says so instead.
 */
export async function listCloseAccounts(
  database: Database,
  closeId: string,
  filter: {
    state?: CloseAccountState | undefined;
    account?: string | undefined;
    after?: string | undefined;
    limit: number;
  },
): Promise<CloseAccountView[]> {
  const { state, account, after, limit } = filter;
  const rows = await database.$queryRaw<CloseAccountRow[]>`
    SELECT a.id AS account, a.external_id, a.name, c.state, c.warnings, c.attempts, c.invoice_id AS invoice,
           CASE WHEN c.reason_code IS NOT NULL
                THEN jsonb_build_object('code', c.reason_code, 'message', c.reason_message) END AS reason,
           CASE WHEN c.state = 'waiting' AND k.state <> 'cancelled'
                THEN jsonb_build_object('since', ${stamp('c.waiting_since')}, 'next_try_at', ${stamp('c.next_try_at')},
                                        'until', to_char((c.waiting_since + make_interval(hours => ${WAIT_HOURS}))
                                                         AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                                        'tries', c.tries) END AS waiting,
           CASE WHEN c.state IN ('pulling', 'rated') AND c.series_needed IS NOT NULL
                THEN jsonb_build_object('needed', c.series_needed, 'pulled', c.series_pulled, 'kept', c.series_kept,
                                        'seen_at', ${stamp('c.seen_at')}) END AS progress,
           issued.sealed AS issued, CASE WHEN d.id IS NOT NULL THEN to_jsonb(d) END AS draft, c.report,
           before.documents AS before,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('code', w.code, 'reason', w.reason, 'actor', w.actor,
                                                         'at', ${stamp('w.at')}) ORDER BY w.at, w.id), '[]')
              FROM close_waiver w WHERE w.close_id = c.close_id AND w.account_id = c.account_id) AS waivers,
           ${stamp('c.updated_at')} AS updated_at
      FROM (SELECT * FROM close_account
            ${where(
              Prisma.sql`close_id = ${closeId}::uuid`,
              state !== undefined && Prisma.sql`state = ${state}`,
              account !== undefined && Prisma.sql`account_id = ${account}::uuid`,
              after !== undefined && Prisma.sql`account_id > ${after}::uuid`,
            )}
             ORDER BY account_id LIMIT ${limit}) AS c
      JOIN close k ON k.id = c.close_id
      JOIN account a ON a.id = c.account_id
      JOIN seller s ON s.id = k.seller_id
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(to_jsonb(sealed) ORDER BY revision) AS documents
          FROM (SELECT ${SEALED}, i.revision FROM invoice i
                 WHERE k.kind = 'regular' AND i.account_id = a.id
                   AND i.period_label = to_char(to_date(k.period_label, 'YYYY-MM') - interval '1 month', 'YYYY-MM')) AS sealed
        ) AS before ON true
      LEFT JOIN LATERAL (
        SELECT to_jsonb(sealed) AS sealed
          FROM (SELECT ${SEALED} FROM invoice i WHERE i.id = c.invoice_id) AS sealed) AS issued ON true
      LEFT JOIN draft_invoice d ON d.close_id = c.close_id AND d.account_id = c.account_id AND c.state = 'drafted'
     ORDER BY c.account_id`;
  return Promise.all(rows.map((row) => presentAccount(database, row)));
}

type CloseAccountRow = Omit<CloseAccountView, 'lines' | 'totals' | 'previous' | 'difference'> & {
  issued: SealedDocument | null;
  draft: { id: string; document: DraftInvoice; document_sha256: string | null } | null;
  /** Of a dry run. */
  report: DraftInvoice | null;
  /** Documents of the month before. */
  before: SealedDocument[] | null;
};

async function presentAccount(
  database: Database,
  { issued, draft, report, before, ...row }: CloseAccountRow,
): Promise<CloseAccountView> {
  const altered: Notice[] = [];
  const checked = async <T>(read: () => T): Promise<T | null> => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DocumentAltered)) throw error;
      await noteAlteration(database, error);
      altered.push({ code: error.code, message: error.message });
      return null;
    }
  };
  const document = await checked(() =>
    issued ? unaltered(issued) : draft ? unalteredDraft(`draft:${draft.id}`, draft) : report,
  );
  const standing = await checked(() => (before ?? []).map(unaltered));
  const [first] = standing ?? [];
  const net = sum((standing ?? []).map((each) => decimal(each.net)));
  return {
    ...row,
    warnings: [...row.warnings, ...altered],
    lines: document?.lines ?? [],
    totals: document && {
      currency: document.currency,
      net: document.net,
      tax: document.tax,
      gross: document.gross,
      payable: document.payable,
    },
    previous: first
      ? { invoice: first.id, number: first.number, currency: first.currency, net: formatAmount(net, first.currency) }
      : null,
    difference: document && first ? formatAmount(minus(decimal(document.net), net), first.currency) : null,
  };
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
    ${where(...part.conditions)}
     ORDER BY ${part.order} LIMIT ${limit}`;
}
