import { isWaivable, WAIVABLE } from '#billing';
import type { Database, Refusal } from '#persistence';
import { type NewWaiver, waiveHold, type WaiverRefusal } from '#persistence/closes';

export type WaiveRefusal = Refusal<WaiverRefusal | 'hold_not_waivable'>;

/** Lets a hold pass. Returns the batches to work on, or why it was not done. */
export async function waive(database: Database, waiver: NewWaiver): Promise<number[] | WaiveRefusal> {
  if (!isWaivable(waiver.code)) {
    const message = `${waiver.code} cannot be waived, its cause must be mended; what can: ${WAIVABLE.join(', ')}`;
    return { outcome: 'refused', code: 'hold_not_waivable', message, pointer: '/code' };
  }
  return waiveHold(database, waiver);
}
