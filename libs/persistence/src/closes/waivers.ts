import { v7 as uuid } from 'uuid';
import { sendBack } from './desk.js';
import { type Database, transaction } from '../ground/database.js';
import { refusal, type Refusal } from '../ground/refusal.js';

/** An operator's decision to let one hold of one account pass, for one close. */
export interface NewWaiver {
  readonly closeId: string;
  readonly accountId: string;
  /** The hold that is let pass. */
  readonly code: string;
  readonly reason: string;
  readonly actor: string;
}

export type WaiverRefusal = 'close_account_not_found' | 'close_cancelled' | 'not_held_by_that';

/**
 * Writes a waiver down and sends the account back to the start, in one transaction with its audit event.
 *
 * @returns the batches to work on
 */
export async function waiveHold(database: Database, waiver: NewWaiver): Promise<number[] | Refusal<WaiverRefusal>> {
  const { closeId, accountId, code, reason, actor } = waiver;
  return transaction(database, async (tx): Promise<number[] | Refusal<WaiverRefusal>> => {
    const [row] = await tx.$queryRaw<{ state: string; code: string | null; message: string; closeState: string }[]>`
      SELECT a.state, a.reason_code AS code, a.reason_message AS message, c.state AS "closeState"
        FROM close_account a JOIN close c ON c.id = a.close_id
       WHERE a.close_id = ${closeId}::uuid AND a.account_id = ${accountId}::uuid FOR UPDATE OF a`;
    if (!row) return refusal('close_account_not_found', 'there is no such account in that close');
    if (row.closeState === 'cancelled') {
      return refusal('close_cancelled', 'this close is cancelled; open a new one for the period');
    }
    if (row.state !== 'held' || row.code !== code) {
      const present = row.state === 'held' ? `held by ${row.code}` : row.state;
      return refusal(
        'not_held_by_that',
        `the account is ${present}, not held by ${code}; only a present hold is waived`,
      );
    }
    await tx.$executeRaw`
      INSERT INTO close_waiver (id, close_id, account_id, code, reason, message, actor)
      VALUES (${uuid()}::uuid, ${closeId}::uuid, ${accountId}::uuid, ${code}, ${reason}, ${row.message}, ${actor})
      ON CONFLICT DO NOTHING`;
    const data = { account: accountId, code, reason };
    return sendBack(tx, { closeId, actor, action: 'waived' }, [accountId], { data });
  });
}
