import { ACCOUNT_STATES, type AccountMove, BILLING, type CloseAccountState, type Notice } from '#billing';
import { fromStamp, toStamp } from '#calendar';
import { WAIT_HOURS } from '../catalogue/seller-settings.js';
import { Prisma } from '../generated/client.js';
import { type Database, stamp, type Transaction, transaction } from '../ground/database.js';
import { nextTry } from '../ground/next-try.js';
import { mayMove, moveOfAccounts } from './account-states.js';
import { type IssueMode, loadCloseWork } from './close-work.js';

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
export async function lockCloseAccount(
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
