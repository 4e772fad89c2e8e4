import type { IssuedInvoice } from '#invoicing';

/** Document types of INV-01. */
export const DOCUMENT_TYPES = { invoice: 'INV', credit_note: 'CRN', debit_note: 'DBN' } as const;

type DocumentType = (typeof DOCUMENT_TYPES)[keyof typeof DOCUMENT_TYPES];

/** Month in which the financial year of India begins (General Clauses Act 1897 s. 3 (21)). */
const FIRST_MONTH = 4;

/** `2026-27`, of a local date in India. */
export function financialYear(date: string): string {
  const [year = 0, month = 0] = date.split('-').map((part) => Number.parseInt(part, 10));
  const first = month < FIRST_MONTH ? year - 1 : year;
  return `${first}-${String((first + 1) % 100).padStart(2, '0')}`;
}

/**
 * What an invoice reference number is the sha256 of, in hexadecimal: GSTIN of the seller, financial year, type and number,
 * one after the other, as they are written. The portal takes numbers in capitals, as this service writes them.
 */
export function irnText(of: { gstin: string; financialYear: string; type: DocumentType; number: string }): string {
  return `${of.gstin}${of.financialYear}${of.type}${of.number}`;
}

/** The same of an issued document. */
export function irnTextOf({ supplier, issue_date, kind, number }: IssuedInvoice): string {
  const type = DOCUMENT_TYPES[kind];
  return irnText({ gstin: supplier.tax_id ?? '', financialYear: financialYear(issue_date), type, number });
}
