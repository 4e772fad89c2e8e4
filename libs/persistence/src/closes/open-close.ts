import type { CloseState } from '#billing';
import { type BillingPeriod, toStamp } from '#calendar';
import { v7 as uuid } from 'uuid';
import { billedAheadWithoutSubscription } from '../documents/advances.js';
import * as Prisma from '../ground/prisma.js';
import { type Database, PersistenceError, transaction, type Transaction } from '../ground/database.js';
import { monthOf, openMonth } from '../ledger/ledger.js';
import { moveOfCloses } from './account-states.js';
import { actFor, auditClose } from './close-actor.js';
import type { CloseKind, IssueMode } from './close-work.js';

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
  // The close would open its month by itself, and keep the locks for that while it adds its accounts.
  await openMonth(database, monthOf(request.period.label));
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
  const ahead = request.kind === 'correction' ? [] : await billedAheadWithoutSubscription(tx, request.sellerId, period);
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
                  OR a.id = ANY(${ahead}::uuid[]) END
       AND NOT EXISTS (SELECT FROM close_account c WHERE c.close_id = ${close.id}::uuid AND c.account_id = a.id)
    RETURNING batch`;
  const batches = [...new Set(rows.map((row) => row.batch))].sort((a, b) => a - b);
  if (batches.length > 0) {
    await tx.$executeRaw`UPDATE close SET batches = batches + ${batches.length} WHERE id = ${close.id}::uuid`;
  }
  return batches;
}
