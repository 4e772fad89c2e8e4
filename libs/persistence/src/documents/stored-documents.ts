import { createHash } from 'node:crypto';
import type { FormatKind } from '#e-invoice';
import * as Prisma from '../ground/prisma.js';
import { type Database, PersistenceError } from '../ground/database.js';
import { DocumentAltered, witness } from './sealed-documents.js';

/** What is rendered of an issued document: its page, the page with the registration by a portal, and each electronic form. */
export type FileKind = 'pdf' | 'pdf_irn' | FormatKind;

/** A rendered file of an invoice. */
export interface StoredDocument {
  /** The version of the page's look that it was drawn with, or of the form that it was written in. */
  readonly layout: number;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/**
 * Keeps a rendered file unless one is kept already, and answers the one that is kept: the first is served for ever. The
 * audit event beside it has its hash too, so that a hash and its file cannot be changed together unseen.
 *
 * @throws DocumentAltered when one is kept and is not as it was stored
 */
export async function storeDocument(database: Database, file: NewFile): Promise<StoredDocument> {
  const { invoiceId, kind, layout, sha256, bytes } = file;
  // The files of a month may have been dropped. One that is asked for all the same is drawn and kept again.
  await database.$executeRaw`SELECT open_month(month, 'stored_document') FROM invoice WHERE id = ${invoiceId}::uuid`;
  const inserted = await database.$executeRaw(storingDocuments([file]));
  if (inserted === 1) return { layout, sha256, bytes };
  const stored = await loadDocument(database, invoiceId, kind);
  if (!stored) throw new PersistenceError('document_missing', 'a stored document could not be read back', true);
  return stored;
}

/** A rendered file of an issued document. */
export interface NewFile {
  readonly invoiceId: string;
  readonly kind: FileKind;
  readonly layout: number;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** The statement that keeps files, with an audit event for each; one that is kept already stays. */
export function storingDocuments(files: readonly NewFile[]): Prisma.Sql {
  const given = JSON.stringify(
    files.map(({ invoiceId, kind, layout, sha256, bytes }) => ({
      invoice_id: invoiceId,
      kind,
      layout,
      sha256,
      length: bytes.length,
    })),
  );
  // The files follow each other in one parameter, which the driver sends as it is.
  const bytes = Buffer.concat(files.map((file) => file.bytes));
  return Prisma.sql`
    WITH given AS MATERIALIZED (
      SELECT g.*, sum(g.length) OVER (ORDER BY g.position) - g.length + 1 AS offset
        FROM ROWS FROM (json_to_recordset(${given}::json) AS (
               invoice_id uuid, kind text, layout int, sha256 text, length int))
             WITH ORDINALITY AS g (invoice_id, kind, layout, sha256, length, position)
    ), stored AS (
      INSERT INTO stored_document (month, invoice_id, kind, layout, sha256, bytes)
      SELECT i.month, i.id, g.kind, g.layout, g.sha256, substring(${bytes}::bytea FROM g.offset::int FOR g.length)
        FROM given g JOIN invoice i ON i.id = g.invoice_id ORDER BY i.id, g.kind
      ON CONFLICT DO NOTHING RETURNING invoice_id, kind
    )
    INSERT INTO audit_event (seller_id, actor, action, subject, data)
    SELECT i.seller_id, 'service', 'document.stored', 'invoice:' || g.invoice_id,
           jsonb_build_object('kind', g.kind, 'layout', g.layout, 'sha256', g.sha256)
      FROM given g JOIN stored USING (invoice_id, kind) JOIN invoice i ON i.id = g.invoice_id ORDER BY g.position`;
}

/**
 * The kept file, or undefined when none was rendered yet.
 *
 * @throws DocumentAltered
 */
export async function loadDocument(
  database: Database,
  invoiceId: string,
  kind: FileKind,
): Promise<StoredDocument | undefined> {
  const [row] = await database.$queryRaw<(StoredDocument & { number: string; witnessed: string | null })[]>`
    SELECT d.layout, d.sha256, d.bytes, i.number, ${witness('document.stored')} AS witnessed
      FROM stored_document d JOIN invoice i ON i.id = d.invoice_id
     WHERE d.month = (SELECT month FROM invoice WHERE id = ${invoiceId}::uuid) AND d.invoice_id = ${invoiceId}::uuid
       AND d.kind = ${kind}`;
  if (!row) return undefined;
  const { layout, sha256, bytes, number, witnessed } = row;
  if (sha256 !== (witnessed ?? sha256) || createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new DocumentAltered({
      subject: `invoice:${invoiceId}`,
      part: kind.startsWith('pdf') ? 'pdf' : 'xml',
      name: number,
    });
  }
  return { layout, sha256, bytes };
}

/** An electronic form that is kept of a document, without its bytes. */
export interface StoredForm {
  readonly kind: string;
  readonly layout: number;
  readonly sha256: string;
}

/**
 * The electronic forms that are kept of a document, by their names; each by the hash that the audit has of it.
 *
 * @throws DocumentAltered
 */
export async function listForms(database: Database, invoiceId: string): Promise<StoredForm[]> {
  const rows = await database.$queryRaw<(StoredForm & { number: string; agrees: boolean })[]>`
    SELECT d.kind, d.layout, d.sha256, i.number, d.sha256 = coalesce(${witness('document.stored')}, d.sha256) AS agrees
      FROM stored_document d JOIN invoice i ON i.id = d.invoice_id
     WHERE d.month = (SELECT month FROM invoice WHERE id = ${invoiceId}::uuid) AND d.invoice_id = ${invoiceId}::uuid
       AND d.kind NOT IN ('pdf', 'pdf_irn') ORDER BY d.kind`;
  return rows.map(({ number, agrees, ...form }) => {
    if (!agrees) throw new DocumentAltered({ subject: `invoice:${invoiceId}`, part: 'xml', name: number });
    return form;
  });
}

/**
 * Documents without a PDF that were issued a while ago, in the order of their ids: a worker died between commit and
 * render. What was issued just now is about to be drawn by the worker that issued it.
 */
export async function unrenderedInvoices(
  database: Database,
  idleSeconds: number,
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT invoice_id AS id FROM invoice_unrendered u JOIN invoice i ON i.id = u.invoice_id
     WHERE i.issued_at <= clock_timestamp() - make_interval(secs => ${idleSeconds})
       AND (${after ?? null}::uuid IS NULL OR invoice_id > ${after ?? null}::uuid)
     ORDER BY invoice_id LIMIT ${limit}`;
  return rows.map((row) => row.id);
}

/**
 * The same of one batch of a close. Not of the whole close: every batch would search through it anew, and batches that
 * are worked on at the same time would draw each other's documents.
 */
export async function unrenderedOfBatch(
  database: Database,
  { closeId, batch }: { closeId: string; batch: number },
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT a.invoice_id AS id FROM close_account a
     WHERE a.close_id = ${closeId}::uuid AND a.batch = ${batch}
       AND EXISTS (SELECT FROM invoice_unrendered u WHERE u.invoice_id = a.invoice_id)
       AND (${after ?? null}::uuid IS NULL OR a.invoice_id > ${after ?? null}::uuid)
     ORDER BY a.invoice_id LIMIT ${limit}`;
  return rows.map((row) => row.id);
}
