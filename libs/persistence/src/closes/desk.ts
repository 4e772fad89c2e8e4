import type { AccountMove, CloseState } from '#billing';
import * as Prisma from '../ground/prisma.js';
import { type Database, transaction, type Transaction } from '../ground/database.js';
import { mayMove, moveOfAccounts, moveOfCloses } from './account-states.js';
import { actFor, auditClose, type CloseCommand } from './close-actor.js';
import { loadCloseWork } from './close-work.js';

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
 * Locks accounts, and then their close; none when the close is cancelled. A transaction that ends the close at the same time
 * waits, and then finds the accounts that are changed under these locks; or this one waits, and reads the close as the other
 * left it. One that only looked would find it running and let it end with work in it.
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
    // What a dry run drafted is never issued.
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
