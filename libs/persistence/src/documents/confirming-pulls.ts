import type { Notice } from '#billing';
import { v7 as uuid } from 'uuid';
import { type AuditEntry, recordAudit } from '../ground/audit.js';
import { fromStamp, toStamp } from '#calendar';
import { type Database, stamp, transaction, type Transaction } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import { IS_NOTE } from '../ground/issued.js';
import { nextTry } from '../ground/next-try.js';
import { refusal, type Refusal } from '../ground/refusal.js';
import { WAIT_HOURS } from '../catalogue/seller-settings.js';

/** Hours after which a period is pulled again: late usage comes within a day, a week, or hardly ever. */
export const CONFIRM_AFTER_HOURS = [24, 7 * 24, 30 * 24];

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
  /** The period billed nothing and now would: its account was sent back to work. */
  | 'reopened'
  /** The account is no longer where this pull was to confirm it: it was sent back to work before. */
  | 'superseded'
  /** The answer may not be believed, or cannot be rated. */
  | 'held'
  | 'failed';

/** A confirming pull as the REST contract shows it. */
export interface ConfirmingPull {
  id: string;
  /** The first document of the period that is pulled again; null where the period billed nothing. */
  invoice: string | null;
  due_at: string;
  /** When a worker takes it, or takes it again; null when it is done. */
  next_attempt_at: string | null;
  /** Who asked for it; null: the schedule. */
  requested_by: string | null;
  attempts: number;
  /** Null until it is done. */
  outcome: ConfirmingOutcome | null;
  reason: Notice | null;
  done_at: string | null;
}

/** What a pull confirms: a document, or a period that billed an account nothing (`empty_period`). */
export type Confirmed = { readonly invoice: string } | { readonly empty: string };

/**
 * Writes the schedule of the pulls that confirm a period, in the transaction that issues its document or finds nothing to
 * bill.
 *
 * @param since RFC 3339: the instant that the schedule counts from
 */
export async function scheduleConfirmingPulls(tx: Transaction, of: Confirmed, since: string): Promise<void> {
  const { invoice, empty } = { invoice: null, empty: null, ...of };
  await tx.$executeRaw`
    INSERT INTO confirming_pull (id, invoice_id, empty_id, due_at, next_attempt_at)
    SELECT pull::uuid, ${invoice}::uuid, ${empty}::uuid, due, due
      FROM unnest(${CONFIRM_AFTER_HOURS.map(() => uuid())}::text[], ${CONFIRM_AFTER_HOURS}::int[]) AS t (pull, hours)
     CROSS JOIN LATERAL (SELECT ${since}::timestamptz + make_interval(hours => hours) AS due) AS d`;
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
    const [original] = await tx.$queryRaw<{ sellerId: string; isNote: boolean; voided: boolean }[]>`
      SELECT i.seller_id AS "sellerId", ${IS_NOTE} AS "isNote",
             EXISTS (SELECT FROM invoice_event WHERE invoice_id = i.id AND type = 'voided') AS voided
        FROM invoice i WHERE i.id = ${invoiceId}::uuid`;
    if (!original) return refusal('invoice_not_found', `there is no document ${invoiceId}`);
    if (original.isNote) {
      return refusal('not_an_original', 'a note corrects an earlier document; ask for a pull of that one');
    }
    if (original.voided)
      return refusal('invoice_voided', 'the document is voided; nothing of it stands to be confirmed');
    return askOnce(tx, { invoice: invoiceId }, { sellerId: original.sellerId, actor, subject: `invoice:${invoiceId}` });
  });
}

/** The same for an account that a close billed nothing. */
export async function requestEmptyConfirmingPull(
  database: Database,
  { closeId, accountId }: { closeId: string; accountId: string },
  actor: string,
): Promise<ConfirmingPull | Refusal<'close_account_not_found' | 'account_not_empty' | 'nothing_to_confirm'>> {
  return transaction(database, async (tx) => {
    const [row] = await tx.$queryRaw<{ sellerId: string; state: string; cancelled: boolean }[]>`
      SELECT c.seller_id AS "sellerId", a.state, c.state = 'cancelled' AS cancelled
        FROM close_account a JOIN close c ON c.id = a.close_id
       WHERE a.close_id = ${closeId}::uuid AND a.account_id = ${accountId}::uuid FOR UPDATE OF a`;
    if (!row) return refusal('close_account_not_found', 'there is no such account in that close');
    if (row.state !== 'empty' || row.cancelled) {
      const message = `the account is ${row.cancelled ? 'of a cancelled close' : row.state}; only an empty one is pulled`;
      return refusal('account_not_empty', `${message} again here, an issued one by its invoice`);
    }
    const [latest] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM empty_period WHERE close_id = ${closeId}::uuid AND account_id = ${accountId}::uuid
       ORDER BY at DESC, id DESC LIMIT 1`;
    if (!latest) return refusal('nothing_to_confirm', 'nothing was pulled for this account and period');
    const audit = { sellerId: row.sellerId, actor, subject: `close:${closeId}`, data: { account: accountId } };
    return askOnce(tx, { empty: latest.id }, audit);
  });
}

/** Asks for one more pull of a document's period in the transaction that made a proposal of it obsolete. */
export async function askAnew(
  tx: Transaction,
  invoiceId: string,
  { sellerId, actor }: Pick<AuditEntry, 'sellerId' | 'actor'>,
): Promise<void> {
  await askOnce(tx, { invoice: invoiceId }, { sellerId, actor, subject: `invoice:${invoiceId}` });
}

/** The pull that was asked for and is not done, or one more. */
async function askOnce(tx: Transaction, of: Confirmed, audit: Omit<AuditEntry, 'action'>): Promise<ConfirmingPull> {
  const { invoice, empty } = { invoice: null, empty: null, ...of };
  const [open] = await tx.$queryRaw<ConfirmingPull[]>`
    SELECT ${PULL} FROM confirming_pull
     WHERE (invoice_id = ${invoice}::uuid OR empty_id = ${empty}::uuid) AND requested_by IS NOT NULL AND done_at IS NULL`;
  if (open) return open;
  const [asked] = await tx.$queryRaw<[ConfirmingPull]>`
    INSERT INTO confirming_pull (id, invoice_id, empty_id, due_at, next_attempt_at, requested_by)
    VALUES (${uuid()}::uuid, ${invoice}::uuid, ${empty}::uuid, clock_timestamp(), clock_timestamp(), ${audit.actor})
    RETURNING ${PULL}`;
  await recordAudit(tx, { ...audit, action: 'confirming_pull.requested' });
  return asked;
}

const PULL = Prisma.sql`
  confirming_pull.id, invoice_id AS invoice, ${stamp('due_at')} AS due_at,
  CASE WHEN done_at IS NULL THEN ${stamp('next_attempt_at')} END AS next_attempt_at, requested_by, attempts, outcome,
  CASE WHEN reason_code IS NOT NULL
       THEN jsonb_build_object('code', reason_code, 'message', reason_message) END AS reason,
  ${stamp('done_at')} AS done_at`;

/** The confirming pulls of a document in the order they are due. */
export async function listConfirmingPulls(
  database: Database | Transaction,
  invoiceId: string,
): Promise<ConfirmingPull[]> {
  return database.$queryRaw`
    SELECT ${PULL} FROM confirming_pull WHERE invoice_id = ${invoiceId}::uuid ORDER BY confirming_pull.due_at, id`;
}

/** The pulls that confirm, or confirmed, that an account of a close has nothing to pay, in the order they are due. */
export async function listEmptyConfirmingPulls(
  database: Database | Transaction,
  { closeId, accountId }: { closeId: string; accountId: string },
): Promise<ConfirmingPull[]> {
  return database.$queryRaw`
    SELECT ${PULL} FROM confirming_pull JOIN empty_period e ON e.id = empty_id
     WHERE e.close_id = ${closeId}::uuid AND e.account_id = ${accountId}::uuid
     ORDER BY confirming_pull.due_at, confirming_pull.id`;
}

export interface ClaimedPull {
  readonly id: string;
  readonly of:
    { readonly invoice: string } | { readonly empty: string; readonly close: string; readonly account: string };
  /** How often it was taken, this time included, but for those times that met what passes by itself. */
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
  // The statement's clock stands still, so the index ends the search where nothing more is due; by one that runs on, every
  // pull of weeks to come would be looked at.
  return database.$queryRaw`
    UPDATE confirming_pull
       SET next_attempt_at = clock_timestamp() + make_interval(secs => ${leaseSeconds}), attempts = attempts + 1
     WHERE id IN (SELECT id FROM confirming_pull
                   WHERE done_at IS NULL AND next_attempt_at <= statement_timestamp()
                   ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id, attempts - tries AS attempts,
              coalesce((SELECT jsonb_build_object('empty', e.id, 'close', e.close_id, 'account', e.account_id)
                          FROM empty_period e WHERE e.id = empty_id),
                       jsonb_build_object('invoice', invoice_id)) AS of`;
}

/** Renews the lease of a pull: the process that took it is still at work. */
export async function renewConfirmingPull(database: Database, id: string, leaseSeconds: number): Promise<void> {
  await database.$executeRaw`
    UPDATE confirming_pull SET next_attempt_at = clock_timestamp() + make_interval(secs => ${leaseSeconds})
     WHERE id = ${id}::uuid AND done_at IS NULL`;
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
       SET next_attempt_at = clock_timestamp() + make_interval(secs => ${seconds}), waiting_since = NULL,
           reason_code = ${reason.code}, reason_message = ${reason.message}
     WHERE id = ${id}::uuid AND done_at IS NULL`;
}

/**
 * Puts a pull off that met what passes by itself, for as many hours as its seller lets the service try.
 *
 * @returns false when they are used up: then nothing was done
 */
export async function letPullWait(
  database: Database,
  id: string,
  { reason, ...of }: { reason: Notice; leftAloneSeconds?: number | undefined; random: number },
): Promise<boolean> {
  return transaction(database, async (tx) => {
    const [pull] = await tx.$queryRaw<{ now: string; since: string | null; tries: number; hours: number }[]>`
      SELECT ${stamp('clock_timestamp()')} AS now, ${stamp('p.waiting_since')} AS since,
             CASE WHEN p.waiting_since IS NULL THEN 0 ELSE p.tries END AS tries, ${WAIT_HOURS} AS hours
        FROM confirming_pull p
        LEFT JOIN invoice i ON i.id = p.invoice_id
        LEFT JOIN empty_period e ON e.id = p.empty_id LEFT JOIN close k ON k.id = e.close_id
        JOIN seller s ON s.id = coalesce(i.seller_id, k.seller_id)
       WHERE p.id = ${id}::uuid AND p.done_at IS NULL FOR UPDATE OF p`;
    if (!pull) return false;
    const since = pull.since === null ? null : fromStamp(pull.since);
    const next = nextTry({ ...of, now: fromStamp(pull.now), since, tries: pull.tries, hours: pull.hours });
    if (next === undefined) return false;
    await tx.$executeRaw`
      UPDATE confirming_pull
         SET next_attempt_at = ${toStamp(next)}::timestamptz, tries = tries + 1,
             waiting_since = coalesce(waiting_since, ${pull.now}::timestamptz),
             reason_code = ${reason.code}, reason_message = ${reason.message}
       WHERE id = ${id}::uuid`;
    return true;
  });
}
