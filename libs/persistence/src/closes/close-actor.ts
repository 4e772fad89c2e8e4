import type { Transaction } from '../ground/database.js';

/** What an operator, a schedule or the service asked to be done with a close. */
export interface CloseCommand {
  readonly closeId: string;
  /** `api_key:<id>`, or the part of the service that acted on its own. */
  readonly actor: string;
  /** Past participle: what is done to the close, `retried`. */
  readonly action: 'opened' | 'extended' | 'retried' | 'released' | 'waived' | 'reopened' | 'cancelled';
}

/** Names who asks, and for what, in every move that the rest of the transaction makes. */
export async function actFor(tx: Transaction, { actor, action }: Omit<CloseCommand, 'closeId'>): Promise<void> {
  await tx.$queryRaw`SELECT set_config('meterline.actor', ${actor}, true), set_config('meterline.reason', ${action}, true)`;
}

/** Records in the seller's audit what was done to a close. */
export async function auditClose(tx: Transaction, command: CloseCommand, data: object = {}): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO audit_event (seller_id, actor, action, subject, data)
    SELECT seller_id, ${command.actor}, ${`close.${command.action}`}, ${`close:${command.closeId}`},
           ${JSON.stringify(data)}::jsonb
      FROM close WHERE id = ${command.closeId}::uuid`;
}
