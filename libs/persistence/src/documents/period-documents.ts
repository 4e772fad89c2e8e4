import { type IssuedInvoice, originalOf } from '#invoicing';
import type { WindowFingerprint } from '#proof';
import type { Database, Transaction } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import type { Session } from '../ground/sets.js';
import { SEALED, type SealedDocument, unaltered, unalteredInputs } from './sealed-documents.js';

/** An account's period, as documents and usage know it. */
export interface AccountPeriod {
  readonly accountId: string;
  readonly periodLabel: string;
}

/** What was issued for an account's period. */
export interface PeriodDocuments {
  /** In the order of their revisions. */
  readonly documents: readonly IssuedInvoice[];
  /** The one that notes correct: the first, or the last that billed the period anew. Undefined when there is none. */
  readonly original: IssuedInvoice | undefined;
  /** The usage that the last document of which usage was rated was rated with. */
  readonly billedUsage: readonly WindowFingerprint[];
  /** Whether the original was taken back, with everything that corrected it. */
  readonly voided: boolean;
}

/**
 * What was issued for an account's period, as it was issued.
 *
 * @throws DocumentAltered
 */
export async function loadPeriodDocuments(
  database: Database | Transaction,
  { accountId, periodLabel }: AccountPeriod,
): Promise<PeriodDocuments> {
  const rows = await database.$queryRaw<
    (SealedDocument & { inputs: { usage?: WindowFingerprint[] } | null; voided: boolean })[]
  >`
    SELECT ${SEALED}, n.inputs,
           EXISTS (SELECT FROM invoice_event e WHERE e.invoice_id = i.id AND e.type = 'voided') AS voided
      FROM invoice i LEFT JOIN invoice_inputs n ON n.invoice_id = i.id
     WHERE i.account_id = ${accountId}::uuid AND i.period_label = ${periodLabel} ORDER BY i.revision`;
  const documents = rows.map(unaltered);
  const original = originalOf(documents);
  const last = rows.at(-1);
  const lastRated = rows.findLast(({ inputs }) => inputs?.usage !== undefined) ?? last;
  if (lastRated) unalteredInputs(lastRated.document, lastRated.inputs);
  return {
    documents,
    original,
    billedUsage: lastRated?.inputs?.usage ?? [],
    voided: rows.some(({ document, voided }) => document === original && voided),
  };
}

/** What identifies a document that another one is computed from. */
export interface DocumentFingerprint {
  readonly revision: number;
  readonly number: string;
  readonly document_sha256: string;
}

/** The documents of an account's period in the order of their revisions, without their content. */
export async function documentFingerprints(
  database: Database | Transaction,
  of: AccountPeriod,
): Promise<DocumentFingerprint[]> {
  return database.$queryRaw(fingerprints(of));
}

/** The same on the transaction of a batch. */
export async function documentFingerprintsIn(tx: Session, of: AccountPeriod): Promise<DocumentFingerprint[]> {
  return tx.rows(fingerprints(of));
}

function fingerprints({ accountId, periodLabel }: AccountPeriod): Prisma.Sql {
  return Prisma.sql`
    SELECT revision, number, document_sha256 FROM invoice
     WHERE account_id = ${accountId}::uuid AND period_label = ${periodLabel} ORDER BY revision`;
}
