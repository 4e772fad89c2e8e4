import type { IssuedInvoice } from '#invoicing';
import { v7 as uuid } from 'uuid';
import { recordAudit } from './audit.js';
import type { Notice } from './closes.js';
import { type Database, stamp, transaction, type Transaction } from './database.js';
import { refusal, type Refusal } from './refusal.js';

/** Hours after issue at which a period is pulled again: late usage comes within a day, a week, or hardly ever. */
const CONFIRM_AFTER_HOURS = [24, 7 * 24, 30 * 24];

/** What came of a confirming pull. */
export type ConfirmingOutcome =
  /** The usage is as it was billed. */
  | 'equal'
  /** The usage differs, but no amount does. */
  | 'no_difference'
  /** There is a proposal, made by this pull or before it. */
  | 'proposed'
  /** The period is voided: nothing of it stands to be confirmed. */
  | 'voided'
  /** The answer may not be believed, or cannot be rated. */
  | 'held'
  | 'failed';

/** A confirming pull as the REST contract shows it. */
export interface ConfirmingPull {
  id: string;
  /** The first document of the period that is pulled again. */
  invoice: string;
  due_at: string;
  /** Who asked for it; null: the schedule. */
  requested_by: string | null;
  attempts: number;
  /** Null until it is done. */
  outcome: ConfirmingOutcome | null;
  reason: Notice | null;
  done_at: string | null;
}

/** Writes the schedule of the pulls that confirm a document, in the transaction that issues it. */
export async function scheduleConfirmingPulls(tx: Transaction, { id, issued_at }: IssuedInvoice): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO confirming_pull (id, invoice_id, due_at, next_attempt_at)
    SELECT pull::uuid, ${id}::uuid, due, due
      FROM unnest(${CONFIRM_AFTER_HOURS.map(() => uuid())}::text[], ${CONFIRM_AFTER_HOURS}::int[]) AS t (pull, hours)
     CROSS JOIN LATERAL (SELECT ${issued_at}::timestamptz + make_interval(hours => hours) AS due) AS d`;
}

/**
 * Asks for one more pull of a document's period, now. While one that was asked for is not done, answers that one.
 */
export async function requestConfirmingPull(
  database: Database,
  invoiceId: string,
  actor: string,
): Promise<ConfirmingPull | Refusal<'invoice_not_found' | 'not_an_original' | 'invoice_voided'>> {
  return transaction(database, async (tx) => {
    // Two who ask at once get the same pull.
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('confirming_pull ' || ${invoiceId}, 0))`;
    const [original] = await tx.$queryRaw<{ sellerId: string; revision: number; voided: boolean }[]>`
      SELECT i.seller_id AS "sellerId", i.revision,
             EXISTS (SELECT FROM invoice_event WHERE invoice_id = i.id AND type = 'voided') AS voided
        FROM invoice i WHERE i.id = ${invoiceId}::uuid`;
    if (!original) return refusal('invoice_not_found', `there is no document ${invoiceId}`);
    if (original.revision !== 1) {
      return refusal('not_an_original', 'a note corrects an earlier document; ask for a pull of that one');
    }
    if (original.voided)
      return refusal('invoice_voided', 'the document is voided; nothing of it stands to be confirmed');
    const [open] = (await listConfirmingPulls(tx, invoiceId)).filter(
      ({ requested_by, done_at }) => requested_by !== null && done_at === null,
    );
    if (open) return open;
    const id = uuid();
    await tx.$executeRaw`
      INSERT INTO confirming_pull (id, invoice_id, due_at, next_attempt_at, requested_by)
      VALUES (${id}::uuid, ${invoiceId}::uuid, clock_timestamp(), clock_timestamp(), ${actor})`;
    await recordAudit(tx, {
      sellerId: original.sellerId,
      actor,
      action: 'confirming_pull.requested',
      subject: `invoice:${invoiceId}`,
    });
    const pulls = await listConfirmingPulls(tx, invoiceId);
    return pulls.find((pull) => pull.id === id) as ConfirmingPull;
  });
}

/** The confirming pulls of a document in the order they are due. */
export async function listConfirmingPulls(
  database: Database | Transaction,
  invoiceId: string,
): Promise<ConfirmingPull[]> {
  return database.$queryRaw`
    SELECT id, invoice_id AS invoice, ${stamp('due_at')} AS due_at, requested_by, attempts, outcome,
           CASE WHEN reason_code IS NOT NULL
                THEN jsonb_build_object('code', reason_code, 'message', reason_message) END AS reason,
           ${stamp('done_at')} AS done_at
      FROM confirming_pull WHERE invoice_id = ${invoiceId}::uuid ORDER BY confirming_pull.due_at, id`;
}

export interface ClaimedPull {
  readonly id: string;
  readonly invoiceId: string;
  /** How often it was taken, this time included. */
  readonly attempts: number;
}

/**
 * Takes pulls that are due, for a while: whoever took one and died loses it again. A pull taken twice is harmless.
 *
 * @param leaseSeconds how long nobody else may take them
 */
export async function claimConfirmingPulls(
  database: Database,
  limit: number,
  leaseSeconds: number,
): Promise<ClaimedPull[]> {
  return database.$queryRaw`
    UPDATE confirming_pull
       SET next_attempt_at = clock_timestamp() + make_interval(secs => ${leaseSeconds}), attempts = attempts + 1
     WHERE id IN (SELECT id FROM confirming_pull
                   WHERE done_at IS NULL AND next_attempt_at <= clock_timestamp()
                   ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id, invoice_id AS "invoiceId", attempts`;
}

/** Ends a pull. */
export async function finishConfirmingPull(
  database: Database,
  id: string,
  outcome: ConfirmingOutcome,
  reason?: Notice,
): Promise<void> {
  await database.$executeRaw`
    UPDATE confirming_pull
       SET outcome = ${outcome}, reason_code = ${reason?.code ?? null}, reason_message = ${reason?.message ?? null},
           done_at = clock_timestamp()
     WHERE id = ${id}::uuid AND done_at IS NULL`;
}

/** Puts a pull off that led to nothing. */
export async function postponeConfirmingPull(
  database: Database,
  id: string,
  seconds: number,
  reason: Notice,
): Promise<void> {
  await database.$executeRaw`
    UPDATE confirming_pull
       SET next_attempt_at = clock_timestamp() + make_interval(secs => ${seconds}),
           reason_code = ${reason.code}, reason_message = ${reason.message}
     WHERE id = ${id}::uuid AND done_at IS NULL`;
}
