import type { DraftInvoice } from '#invoicing';
import * as Prisma from '../ground/prisma.js';
import type { Database } from '../ground/database.js';
import { where } from '../ground/page.js';
import { type InvoiceFilter, placedIn } from './invoices.js';
import { unalteredDraft } from './sealed-documents.js';

/** A draft as the REST contract shows it: an invoice that has no number yet. It keeps its id when it is issued. */
export type DraftView = DraftInvoice & {
  id: string;
  number: null;
  issued_at: null;
  issue_date: null;
  due_date: null;
  pdf_sha256: null;
};

/**
 * Drafts that wait for their release or for a worker, in the order of their ids.
 *
 * @throws DocumentAltered
 */
export async function listDrafts(
  database: Database,
  filter: Omit<InvoiceFilter, 'status' | 'number'>,
): Promise<(DraftView & { close: string })[]> {
  const { id, account, after, limit } = filter;
  const rows = await database.$queryRaw<
    { id: string; close: string; document: DraftInvoice; document_sha256: string | null }[]
  >`
    SELECT d.id, d.close_id AS close, d.document, d.document_sha256
      FROM draft_invoice d
    ${where(
      Prisma.sql`(SELECT state = 'drafted' FROM close_account WHERE close_id = d.close_id AND account_id = d.account_id)`,
      Prisma.sql`(SELECT state <> 'cancelled' FROM close WHERE id = d.close_id)`,
      id !== undefined && Prisma.sql`d.id = ${id}::uuid`,
      account !== undefined && Prisma.sql`d.account_id = ${account}::uuid`,
      ...placedIn(Prisma.sql`d`, filter, id !== undefined || account !== undefined),
      after !== undefined && Prisma.sql`d.id > ${after}::uuid`,
    )}
     ORDER BY d.id LIMIT ${limit}`;
  return rows.map(({ id, close, ...draft }) => ({
    ...unalteredDraft(`draft:${id}`, draft),
    id,
    close,
    number: null,
    issued_at: null,
    issue_date: null,
    due_date: null,
    pdf_sha256: null,
  }));
}
