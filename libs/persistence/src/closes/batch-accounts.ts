import { moveOfAccounts } from './account-states.js';
import type { CloseWork } from './close-work.js';
import type { SeriesProgress } from './close-views.js';
import type { Database } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import { BILLING, type CloseAccountState, type Notice } from '#billing';
import { type Ask, type Session, session } from '../ground/sets.js';
import { SILENT } from './signs-of-life.js';

/** An account of a batch that is not in a final state yet. */
export interface UnfinishedAccount {
  readonly accountId: string;
  readonly state: CloseAccountState;
  readonly released: boolean;
  /** How often it was taken up from `pending`. */
  readonly round: number;
  /** How many workers lost it in this round; the present one counts once it has given no sign of life for a while. */
  readonly lost: number;
  /** Holds that an operator lets pass. */
  readonly waived: readonly string[];
  /** It came to nothing in this close before, and usage that came later sent it back. */
  readonly reopened: boolean;
  /** Documents of its period are issued: it was billed before, and taken back. */
  readonly billed: boolean;
}

/** A close and what is left to do of one of its batches, in the order of account ids. Undefined: there is no such close. */
export async function loadBatch(
  database: Database,
  { closeId, batch }: { closeId: string; batch: number },
): Promise<{ close: CloseWork; accounts: UnfinishedAccount[] } | undefined> {
  const rows = await session(database).rows<Omit<CloseWork, 'id'> & { account: UnfinishedAccount | null }>(Prisma.sql`
    SELECT c.seller_id AS "sellerId", c.period_label AS "periodLabel", c.kind, c.dry_run AS "dryRun", c.issue,
           c.state, a.account
      FROM close c LEFT JOIN LATERAL (
           SELECT account_id, jsonb_build_object(
                    'accountId', account_id, 'state', state, 'released', released, 'round', round,
                    'lost', CASE WHEN state IN ('pulling', 'rated') THEN lost + coalesce(${SILENT}, false)::int ELSE 0 END,
                    'waived', ARRAY(SELECT code FROM close_waiver w
                                     WHERE w.close_id = a.close_id AND w.account_id = a.account_id),
                    'reopened', coalesce((SELECT reason_code = 'reopened' FROM close_event e
                                           WHERE e.month = c.month AND e.close_id = a.close_id
                                             AND e.account_id = a.account_id
                                             AND from_state = 'empty' ORDER BY id DESC LIMIT 1), false),
                    'billed', EXISTS (SELECT FROM invoice i WHERE i.account_id = a.account_id
                                                             AND i.period_label = c.period_label)) AS account
             FROM close_account a
            WHERE a.close_id = c.id AND a.batch = ${batch} AND a.state IN ('pending', 'pulling', 'rated', 'drafted')
           ) AS a ON true
     WHERE c.id = ${closeId}::uuid ORDER BY a.account_id`);
  const [first] = rows;
  if (!first) return undefined;
  const { sellerId, periodLabel, kind, dryRun, issue, state } = first;
  const close = { id: closeId, sellerId, periodLabel, kind, dryRun, issue, state };
  return { close, accounts: rows.flatMap(({ account }) => account ?? []) };
}

/** An account that this worker has taken up. */
export interface Claim {
  readonly accountId: string;
  readonly round: number;
  readonly lost: number;
}

/**
 * Takes accounts up to be billed: from `pending`, which begins a round, or again where no worker has come to an outcome.
 * Several workers may bill an account in one round; the first outcome stands. Nothing of a cancelled close is taken up.
 */
export async function takeUp(database: Database, closeId: string, accountIds: readonly string[]): Promise<Claim[]> {
  const begins = Prisma.sql`
    round = round + (state = 'pending')::int,
    lost = CASE WHEN state = 'pending' THEN 0 ELSE lost + coalesce(${SILENT}, false)::int END,
    seen_at = clock_timestamp(), series_needed = NULL, series_pulled = NULL, series_kept = NULL`;
  return session(database).rows<Claim>(Prisma.sql`
    WITH ${lockedInOrder(closeId, accountIds)}
    ${moveOfAccounts('take_up', begins, ofLocked(closeId))} RETURNING account_id AS "accountId", round, lost`);
}

/** What a worker was doing with an account: it is moved only where it still is at that. */
export type Phase = 'billing' | 'issuing';

export const PRESENT: Readonly<Record<Phase, readonly CloseAccountState[]>> = {
  billing: BILLING,
  issuing: ['drafted'],
};

/** An account, and the round in which the worker took it up. */
export interface InRound {
  readonly accountId: string;
  readonly round: number;
}

/**
 * A sign of life for accounts in hand. Their batch counts as moving, so that it is not sent again because one account takes
 * long.
 */
export async function giveSigns(
  database: Database,
  closeId: string,
  inHand: readonly (InRound & { readonly series?: SeriesProgress | undefined })[],
): Promise<void> {
  await session(database).run(Prisma.sql`
    WITH ${lockedInOrder(closeId, idsOf(inHand))}
    UPDATE close_account a SET seen_at = clock_timestamp(), updated_at = clock_timestamp(),
           series_needed = g.needed, series_pulled = g.pulled, series_kept = g.kept
      FROM ${given(inHand)},
           unnest(${inHand.map(({ series }) => series?.needed ?? null)}::int[],
                  ${inHand.map(({ series }) => series?.pulled ?? null)}::int[],
                  ${inHand.map(({ series }) => series?.kept ?? null)}::int[])
             WITH ORDINALITY AS g (needed, pulled, kept, position)
     WHERE g.position = r.position AND ${ofLocked(closeId)} AND a.account_id = r.account_id
       AND a.round = r.round AND a.state = ANY(${[...BILLING]}::text[])`);
}

/** Gives accounts back that were taken up and not begun: the next worker does not take this one for dead. */
export async function giveBack(database: Database, closeId: string, accounts: readonly InRound[]): Promise<void> {
  await session(database).run(Prisma.sql`
    WITH ${lockedInOrder(closeId, idsOf(accounts))}
    ${moveOfAccounts('give_back', Prisma.sql`seen_at = NULL`, inRounds(closeId, accounts))}`);
}

/**
 * `locked (account_id)`: the rows, locked in the order of their ids before a statement changes any of them, so that two who
 * change the same rows wait for each other instead of deadlocking.
 */
function lockedInOrder(closeId: string, accountIds: readonly string[]): Prisma.Sql {
  return Prisma.sql`
    locked AS MATERIALIZED (
      SELECT account_id FROM close_account
       WHERE close_id = ${closeId}::uuid AND account_id = ANY(${[...accountIds]}::uuid[])
       ORDER BY account_id FOR NO KEY UPDATE)`;
}

/** A condition on `close_account a`. */
function ofLocked(closeId: string): Prisma.Sql {
  return Prisma.sql`a.close_id = ${closeId}::uuid AND a.account_id IN (SELECT account_id FROM locked)`;
}

function idsOf(accounts: readonly InRound[]): string[] {
  return accounts.map(({ accountId }) => accountId);
}

/** `r (account_id, round, position)`. */
function given(accounts: readonly InRound[]): Prisma.Sql {
  return Prisma.sql`unnest(${accounts.map(({ accountId }) => accountId)}::uuid[],
                           ${accounts.map(({ round }) => round)}::int[])
                      WITH ORDINALITY AS r (account_id, round, position)`;
}

/**
 * Marks accounts `rated`: their usage is there and believed. The worker stays at them, so its signs of life go on.
 *
 * @returns the accounts that moved; another worker has come to an outcome of the others, or the close is cancelled
 */
export async function markRated(
  database: Database,
  closeId: string,
  accounts: readonly InRound[],
): Promise<ReadonlySet<string>> {
  const moved = await session(database).rows<{ account_id: string }>(Prisma.sql`
    WITH ${lockedInOrder(closeId, idsOf(accounts))}
    ${moveOfAccounts('rate', Prisma.sql`seen_at = seen_at`, inRounds(closeId, accounts))} RETURNING account_id`);
  return new Set(moved.map((row) => row.account_id));
}

/** A condition on `close_account a`: one of these rows, in the round in which the worker took it up. */
function inRounds(closeId: string, accounts: readonly InRound[]): Prisma.Sql {
  return Prisma.sql`
    ${ofLocked(closeId)} AND (a.account_id, a.round) IN (
      SELECT * FROM unnest(${accounts.map(({ accountId }) => accountId)}::uuid[],
                           ${accounts.map(({ round }) => round)}::int[]))`;
}

/** What a move of one account records besides the state. */
export interface AccountOutcome extends InRound {
  readonly reason?: Notice | undefined;
  readonly warnings?: readonly Notice[] | undefined;
  /** About the vendor, each once: shown and counted on the close. */
  readonly vendorWarnings?: readonly Notice[] | undefined;
  readonly report?: unknown;
  readonly invoiceId?: string | undefined;
}

/**
 * Moves accounts to one kind of outcome. Compare-and-set on state and round: a stale worker's move is a no-op.
 *
 * @param ask on a session or a transaction
 * @param phase what the worker was doing with them
 * @returns the accounts that moved
 */
export async function moveToOutcome(
  ask: Ask,
  closeId: string,
  move: 'draft' | 'issue' | 'issue_at_once' | 'find_empty' | 'hold' | 'fail',
  outcomes: readonly AccountOutcome[],
  phase: Phase = move === 'issue' ? 'issuing' : 'billing',
): Promise<ReadonlySet<string>> {
  if (outcomes.length === 0) return new Set();
  const told = JSON.stringify(
    outcomes.map(({ accountId, reason, warnings, vendorWarnings, report, invoiceId }) => ({
      account_id: accountId,
      reason_code: reason?.code,
      reason_message: reason?.message,
      warnings,
      vendor_warnings: vendorWarnings,
      report,
      invoice_id: invoiceId,
    })),
  );
  // Every right side sees the row as it was before.
  const of = (column: string) => Prisma.raw(`(SELECT t.${column} FROM told t WHERE t.account_id = a.account_id)`);
  const set = Prisma.sql`
    reason_code = ${of('reason_code')}, reason_message = ${of('reason_message')}, seen_at = NULL, lost = 0,
    waiting_since = NULL, tries = 0, warnings = coalesce(${of('warnings')}, warnings),
    vendor_warnings = coalesce(${of('vendor_warnings')}, vendor_warnings),
    report = coalesce(${of('report')}, report), invoice_id = coalesce(${of('invoice_id')}, invoice_id)`;
  const which = Prisma.sql`${inRounds(closeId, outcomes)} AND a.state = ANY(${[...PRESENT[phase]]}::text[])`;
  const moved = await ask<{ account_id: string }>(Prisma.sql`
    WITH told AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset(${told}::jsonb) AS t (
        account_id uuid, reason_code text, reason_message text, warnings jsonb, vendor_warnings jsonb, report jsonb,
        invoice_id uuid)),
      ${lockedInOrder(closeId, idsOf(outcomes))}
    ${moveOfAccounts(move, set, which)} RETURNING account_id`);
  return new Set(moved.map((row) => row.account_id));
}

/**
 * Locks accounts of a close in the order of their ids, and with each its row of the catalogue: a change of the catalogue is
 * either seen by what comes after, or waits and then sees the document. So does the issue of another period, which decides
 * what was billed in advance.
 */
export async function lockAccounts(
  tx: Session,
  closeId: string,
  accountIds: readonly string[],
): Promise<Map<string, { state: CloseAccountState; round: number; released: boolean }>> {
  const rows = await tx.rows<{ id: string; state: CloseAccountState; round: number; released: boolean }>(Prisma.sql`
    SELECT c.account_id AS id, c.state, c.round, c.released
      FROM close_account c JOIN account a ON a.id = c.account_id
     WHERE c.close_id = ${closeId}::uuid AND c.account_id = ANY(${[...accountIds]}::uuid[])
     ORDER BY c.account_id FOR UPDATE OF c FOR NO KEY UPDATE OF a`);
  return new Map(rows.map(({ id, ...row }) => [id, row]));
}

/**
 * Whether a running close has nothing left to work on, so that it is worth locking its row to end it. One with drafts of an
 * automatic close has. Looks from the last batch back: batches are worked on from the first.
 */
export async function isDone(database: Database, closeId: string): Promise<boolean> {
  const [row] = await session(database).rows<{ done: boolean }>(Prisma.sql`
    SELECT (SELECT a.batch FROM close_account a
             WHERE a.close_id = c.id AND (a.state IN ('pending', 'pulling', 'rated', 'waiting')
                   OR (a.state = 'drafted' AND NOT c.dry_run AND (a.released OR c.issue = 'automatic')))
             ORDER BY a.batch DESC LIMIT 1) IS NULL AS done
      FROM close c WHERE c.id = ${closeId}::uuid`);
  return row?.done === true;
}
