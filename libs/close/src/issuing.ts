import { type DraftInvoice, documentNumber, type IssuedInvoice, issueInvoice } from '#invoicing';
import {
  type Database,
  loadDocument,
  type Numbering,
  type NumberTaken,
  type SellerFacts,
  type StoredDocument,
  storeDocument,
} from '#persistence';

/** Turns an invoice into a PDF. The only thing the close needs to know about PDFs. */
export interface Renderer {
  readonly layoutVersion: number;
  render(document: DraftInvoice | IssuedInvoice): Promise<{ pdf: Uint8Array; sha256: string }>;
}

/** How a seller's documents are numbered. */
export function numberingOf({ id, timeZone, fiscalYearStart, numberStart }: SellerFacts): Numbering {
  return { sellerId: id, timeZone, fiscalYearStart, numberStart };
}

// Notes are numbered in series of their own, which must not look like invoices: no seller may take these as its prefix.
const PREFIX: Readonly<Partial<Record<DraftInvoice['kind'], string>>> = { credit_note: 'CN', debit_note: 'DN' };

/** Writes the document that a draft becomes with a number. Pure. */
export function writeDocument(
  draft: DraftInvoice,
  id: string,
  taken: NumberTaken,
  seller: SellerFacts,
  corrects?: { id: string; number: string },
): IssuedInvoice {
  const prefix = PREFIX[draft.kind] ?? seller.invoicePrefix;
  const number = documentNumber({
    prefix,
    year: taken.fiscalYear,
    sequence: taken.sequence,
    country: seller.country,
  });
  return issueInvoice(draft, { id, number, issuedAt: taken.issuedAt, sellerTimeZone: seller.timeZone, corrects });
}

/** Renders an issued document and keeps the result, unless one is kept already: the first is served for ever. */
export async function renderOnce(
  database: Database,
  renderer: Renderer,
  document: IssuedInvoice,
): Promise<StoredDocument> {
  // Somebody else may have drawn it since it was found missing; looking costs a hundredth of drawing.
  const stored = await loadDocument(database, document.id, 'pdf');
  if (stored) return stored;
  const { pdf, sha256 } = await renderer.render(document);
  return storeDocument(database, document.id, { kind: 'pdf', layout: renderer.layoutVersion, sha256, bytes: pdf });
}
