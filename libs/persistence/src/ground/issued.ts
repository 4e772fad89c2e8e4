import * as Prisma from './prisma.js';

/** Whether a seller has issued an invoice, in whatever year. */
export function hasInvoiced(sellerId: string): Prisma.Sql {
  return Prisma.sql`EXISTS (SELECT FROM invoice WHERE seller_id = ${sellerId}::uuid AND kind = 'invoice')`;
}

/** Of documents `i`: each note is that of a correction, so that no document of thousands of lines is read to know it for one. */
export const IS_NOTE = Prisma.sql`EXISTS (SELECT FROM correction k WHERE k.invoice_id = i.id)`;

/** Of documents `i`: those that their period stands billed by. One that was taken back is history, and notes go with it. */
export const BILLS = Prisma.sql`(
  NOT ${IS_NOTE}
  AND NOT EXISTS (SELECT FROM invoice_event e WHERE e.invoice_id = i.id AND e.type = 'voided'))`;

/** The days of the month that a document `i` bills: by a column that the document has to agree with, so it is not read. */
export const BILLED_DAYS = Prisma.sql`
  daterange((i.period_label || '-01')::date, ((i.period_label || '-01')::date + interval '1 month')::date)`;
