import { Prisma } from '../generated/client.js';

/** Whether a seller has issued an invoice, in whatever year. */
export function hasInvoiced(sellerId: string): Prisma.Sql {
  return Prisma.sql`EXISTS (SELECT FROM invoice WHERE seller_id = ${sellerId}::uuid AND kind = 'invoice')`;
}

/**
 * Of documents `i`: those that their period stands billed by. One that was taken back is history, and notes go with it: each
 * is the note of a correction, so that nobody has to read a document of thousands of lines to know it for one.
 */
export const BILLS = Prisma.sql`(
  NOT EXISTS (SELECT FROM correction k WHERE k.invoice_id = i.id)
  AND NOT EXISTS (SELECT FROM invoice_event e WHERE e.invoice_id = i.id AND e.type = 'voided'))`;
