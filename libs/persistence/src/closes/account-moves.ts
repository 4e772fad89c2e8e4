import type { CloseAccountState, Notice } from '#billing';
import { fromStamp, toStamp } from '#calendar';
import { WAIT_HOURS } from '../catalogue/seller-settings.js';
import * as Prisma from '../ground/prisma.js';
import { type Database, stamp, type Transaction, transaction } from '../ground/database.js';
import { nextTry } from '../ground/next-try.js';
import { mayMove, moveOfAccounts } from './account-states.js';
import { moveToOutcome, type Phase, PRESENT } from './batch-accounts.js';
import { type IssueMode, loadCloseWork } from './close-work.js';

/** One account in one close. */
export interface AccountInClose {
  readonly closeId: string;
  readonly accountId: string;
}

/** What a worker was doing with an account: it is moved only where it still is at that. */
export interface Doing {
  readonly round: number;
  readonly phase: Phase;
}

/** A condition on `close_account a`: this row, and the account still at what the caller was doing with it. */
function atWork({ closeId, accountId }: AccountInClose, { round, phase }: Doing): Prisma.Sql {
  return Prisma.sql`a.close_id = ${closeId}::uuid AND a.account_id = ${accountId}::uuid AND a.round = ${round}
                    AND a.state = ANY(${[...PRESENT[phase]]}::text[])`;
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
  of: AccountInClose,
  { doing, reason, warnings = [], leftAloneSeconds, otherwise, random }: PassingCause,
): Promise<'waiting' | 'held' | 'failed' | undefined> {
  return transaction(database, async (tx) => {
    const [row] = await tx.$queryRaw<{ now: string; since: string | null; tries: number; hours: number }[]>`
      SELECT ${stamp('clock_timestamp()')} AS now, ${stamp('a.waiting_since')} AS since, a.tries,
             ${WAIT_HOURS} AS hours
        FROM close_account a JOIN close k ON k.id = a.close_id JOIN seller s ON s.id = k.seller_id
       WHERE ${atWork(of, doing)} FOR UPDATE OF a`;
    if (!row) return undefined;
    const { tries, hours } = row;
    const since = row.since === null ? null : fromStamp(row.since);
    const next = nextTry({ now: fromStamp(row.now), since, tries, hours, leftAloneSeconds, random });
    if (next === undefined) {
      const tried = tries === 0 ? '' : `; the service tried ${tries + 1} times since ${row.since}`;
      const outcome = {
        accountId: of.accountId,
        round: doing.round,
        reason: { ...reason, message: `${reason.message}${tried}` },
        warnings,
      };
      const move = otherwise === 'held' ? 'hold' : 'fail';
      const moved = await moveToOutcome(tx.$queryRaw.bind(tx), of.closeId, move, [outcome], doing.phase);
      return moved.size === 1 ? otherwise : undefined;
    }
    const waits = Prisma.sql`
      reason_code = ${reason.code}, reason_message = ${reason.message}, warnings = ${JSON.stringify(warnings)}::jsonb,
      seen_at = NULL, lost = 0, attempts = 0, tries = tries + 1,
      waiting_since = coalesce(waiting_since, ${row.now}::timestamptz), next_try_at = ${toStamp(next)}::timestamptz`;
    const moved = await tx.$executeRaw(moveOfAccounts('wait', waits, atWork(of, doing)));
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
 * wrong, because another worker was faster.
 */
export async function countAttempt(
  database: Database,
  { closeId, accountId }: AccountInClose,
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
 * by a statement of its own, because an operator may have cancelled it while the lock was waited for.
 */
export async function lockCloseAccount(
  tx: Transaction,
  { closeId, accountId }: AccountInClose,
): Promise<{ state: CloseAccountState; round: number; released: boolean; issue: IssueMode } | undefined> {
  const [account] = await tx.$queryRaw<{ state: CloseAccountState; round: number; released: boolean }[]>`
    SELECT state, round, released FROM close_account
     WHERE close_id = ${closeId}::uuid AND account_id = ${accountId}::uuid FOR UPDATE`;
  const close = await loadCloseWork(tx, closeId);
  return account && close && close.state !== 'cancelled' ? { ...account, issue: close.issue } : undefined;
}
