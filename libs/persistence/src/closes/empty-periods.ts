import type { BillingFacts } from '#billing';
import type { WindowFingerprint } from '#proof';
import { sendBack } from './desk.js';
import { type Database, PersistenceError, transaction, type Transaction } from '../ground/database.js';
import { type BillingInputs, workedAsNow, pinnedFacts } from '../documents/invoice-inputs.js';
import { SEALED_EMPTY, type SealedEmpty, unalteredEmpty } from '../documents/sealed-documents.js';

/** A period that billed an account nothing, and what it was computed from. */
export interface EmptyPeriod {
  readonly closeId: string;
  readonly accountId: string;
  readonly periodLabel: string;
  /** As they stood when the account came to nothing, plan documents included. */
  readonly facts: BillingFacts;
  /** Holds that an operator let pass for it. */
  readonly waived: readonly string[];
  /** The usage that came to nothing. */
  readonly usage: readonly WindowFingerprint[];
  /** Whether the account still is where this left it: neither sent back to work since nor its close cancelled. */
  readonly stands: boolean;
}

/** @throws PersistenceError `unknown_empty_period`, `plan_version_changed`, `document_altered` */
export async function loadEmptyPeriod(database: Database, id: string): Promise<EmptyPeriod> {
  const [row] = await database.$queryRaw<
    (Omit<EmptyPeriod, 'facts' | 'usage' | 'stands'> & SealedEmpty<BillingInputs>)[]
  >`
    SELECT e.close_id AS "closeId", e.account_id AS "accountId", c.period_label AS "periodLabel", ${SEALED_EMPTY},
           ARRAY(SELECT code FROM close_waiver w
                  WHERE w.close_id = e.close_id AND w.account_id = e.account_id) AS waived
      FROM empty_period e JOIN close c ON c.id = e.close_id WHERE e.id = ${id}::uuid`;
  if (!row) throw new PersistenceError('unknown_empty_period', `there is no empty period ${id}`, false);
  const { closeId, accountId, periodLabel, waived } = row;
  const inputs = unalteredEmpty(row);
  const facts = await workedAsNow(database, await pinnedFacts(database, inputs, `empty period ${id}`));
  return { closeId, accountId, periodLabel, waived, facts, usage: inputs.usage, stands: await stands(database, id) };
}

async function stands(database: Database | Transaction, id: string): Promise<boolean> {
  const [row] = await database.$queryRaw<{ stands: boolean }[]>`
    SELECT a.state = 'empty' AND c.state <> 'cancelled'
           AND NOT EXISTS (SELECT FROM empty_period later
                            WHERE later.close_id = e.close_id AND later.account_id = e.account_id
                              AND (later.at, later.id) > (e.at, e.id)) AS stands
      FROM empty_period e
      JOIN close_account a ON a.close_id = e.close_id AND a.account_id = e.account_id
      JOIN close c ON c.id = e.close_id
     WHERE e.id = ${id}::uuid`;
  return row?.stands ?? false;
}

/**
 * Sends an account that came to nothing back to the start of its close, because its usage now costs something: once,
 * however many find out.
 *
 * @returns the batches to work on; none when another transaction was faster
 */
export async function reopenEmpty(database: Database, id: string, actor: string): Promise<number[]> {
  return transaction(database, async (tx) => {
    // Looked at again under the lock of the account's row, by a statement that sees what the transaction before has done.
    const [row] = await tx.$queryRaw<{ closeId: string; accountId: string }[]>`
      SELECT a.close_id AS "closeId", a.account_id AS "accountId"
        FROM close_account a JOIN empty_period e ON e.close_id = a.close_id AND e.account_id = a.account_id
       WHERE e.id = ${id}::uuid FOR UPDATE OF a`;
    if (!row || !(await stands(tx, id))) return [];
    const { closeId, accountId } = row;
    const command = { closeId, actor, action: 'reopened' } as const;
    return sendBack(tx, command, [accountId], { move: 'reopen', data: { account: accountId } });
  });
}
