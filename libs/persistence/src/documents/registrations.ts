import { type Database, PersistenceError, transaction, type Transaction } from '../ground/database.js';
import { documentSha256 } from '../ground/document-sha256.js';
import { recordAudit } from '../ground/audit.js';
import * as Prisma from '../ground/prisma.js';
import { DocumentAltered } from './sealed-documents.js';
import { type NewFile, storingDocuments } from './stored-documents.js';

/** What an e-invoice portal of India answered a document that it registered. */
export interface Registration {
  readonly irn: string;
  readonly ack_no: string;
  /** As the portal writes it, in the time of India: `2026-11-30 17:10:00`. */
  readonly ack_date: string;
  /** What the code on the page says: a JWS. */
  readonly signed_qr_code: string;
  readonly signed_invoice: string;
}

/**
 * Keeps the registration of an issued document beside it, with the page that shows it, in one transaction. Of two at once one
 * is kept.
 *
 * @returns the registration that stands, and whether this call wrote it
 */
export async function keepRegistration(
  database: Database,
  {
    invoiceId,
    registration,
    page,
    actor,
  }: { invoiceId: string; registration: Registration; page: NewFile; actor: string },
): Promise<{ readonly isNew: boolean; readonly registration: Registration }> {
  return transaction(database, async (tx) => {
    const { irn, ack_no, ack_date, signed_qr_code, signed_invoice } = registration;
    const inserted = await tx.$executeRaw`
      INSERT INTO irn_registration (invoice_id, irn, ack_no, ack_date, signed_qr_code, signed_invoice)
      VALUES (${invoiceId}::uuid, ${irn}, ${ack_no}, ${ack_date}, ${signed_qr_code}, ${signed_invoice})
      ON CONFLICT (invoice_id) DO NOTHING`;
    if (inserted === 0) {
      const stands = await loadRegistration(tx, invoiceId);
      if (!stands) throw new PersistenceError('document_missing', 'a registration could not be read back', true);
      return { isNew: false, registration: stands };
    }
    await tx.$executeRaw`SELECT open_month(month, 'stored_document') FROM invoice WHERE id = ${invoiceId}::uuid`;
    await tx.$executeRaw(storingDocuments([page]));
    const [invoice] = await tx.$queryRaw<{ seller: string }[]>`
      SELECT seller_id AS seller FROM invoice WHERE id = ${invoiceId}::uuid`;
    await recordAudit(tx, {
      sellerId: invoice?.seller ?? null,
      actor,
      action: 'invoice.registered',
      subject: `invoice:${invoiceId}`,
      data: { irn, ack_no, sha256: documentSha256(registration) },
    });
    return { isNew: true, registration };
  });
}

/**
 * The registration of a document, held against the hash that the audit has of it; undefined when there is none.
 *
 * @throws DocumentAltered
 */
export async function loadRegistration(
  database: Database | Transaction,
  invoiceId: string,
): Promise<Registration | undefined> {
  const [row] = await database.$queryRaw<(Registration & { number: string; witnessed: string | null })[]>(Prisma.sql`
    SELECT r.irn, r.ack_no, r.ack_date, r.signed_qr_code, r.signed_invoice, i.number,
           (SELECT e.data->>'sha256' FROM audit_event e
             WHERE e.subject = 'invoice:' || i.id AND e.action = 'invoice.registered' ORDER BY e.id LIMIT 1) AS witnessed
      FROM irn_registration r JOIN invoice i ON i.id = r.invoice_id WHERE r.invoice_id = ${invoiceId}::uuid`);
  if (!row) return undefined;
  const { number, witnessed, ...registration } = row;
  if (documentSha256(registration) === witnessed) return registration;
  throw new DocumentAltered({ subject: `invoice:${invoiceId}`, part: 'registration', name: number });
}
