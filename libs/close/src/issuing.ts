import { held, type Held, type SellerFacts } from '#billing';
import { type FormatKind, isRefusal, type Refusal, type Rendition, wantedForm } from '#e-invoice';
import { type DraftInvoice, documentNumber, type IssuedInvoice, issueInvoice } from '#invoicing';
import type { Database } from '#persistence';
import {
  loadDocument,
  type NewFile,
  type Numbering,
  type NumberTaken,
  type Registration,
  type StoredDocument,
  storeDocument,
} from '#persistence/documents';
import { sha256 } from '#proof';

/** How many pages of a document are drawn, and of how many. */
export interface PagesDrawn {
  readonly drawn: number;
  readonly of: number;
}

/** What a page shows of the registration of a document by an e-invoice portal of India. */
type ShownRegistration = Omit<Registration, 'signed_invoice'>;

/** Turns an invoice into a PDF and into its electronic forms. The only thing the close needs to know about files. */
export interface Renderer {
  readonly layoutVersion: number;
  /** The texts of a document that cannot be drawn as they are written: member (RFC 6901) and characters (`U+6771`). */
  unprintable(
    document: Omit<DraftInvoice, 'inputs_hash'> | IssuedInvoice,
  ): readonly { readonly member: string; readonly characters: readonly string[] }[];
  /** @param onPages told from time to time how far a large document is */
  render(
    document: (DraftInvoice | IssuedInvoice) & { readonly registration?: ShownRegistration },
    onPages?: (pages: PagesDrawn) => void,
  ): Promise<{ pdf: Uint8Array; sha256: string }>;
  /** As `renderEInvoice`, and like it the same for the same document. */
  write(document: IssuedInvoice, kind: FormatKind): Promise<Rendition | Refusal>;
}

/** Texts that a clerk is told of at a time; the next try tells of further ones. */
const TEXTS_NAMED = 3;
const CHARACTERS_NAMED = 8;

/**
 * Holds a document that could not be drawn: with a number it would be owed for ever and never be seen. A note repeats the
 * texts of the documents that it corrects, and takes back also those that an earlier version issued without this check: what
 * stands on them already may stand on it.
 *
 * @param corrected the documents that a note is about
 */
export function unprintableHold(
  renderer: Pick<Renderer, 'unprintable'>,
  draft: Omit<DraftInvoice, 'inputs_hash'>,
  corrected: readonly IssuedInvoice[] = [],
): Held | undefined {
  const known = new Set(corrected.flatMap((each) => renderer.unprintable(each)).flatMap((text) => text.characters));
  const texts = renderer
    .unprintable(draft)
    .map(({ member, characters }) => ({ member, missing: characters.filter((each) => !known.has(each)) }))
    .filter(({ missing }) => missing.length > 0);
  if (texts.length === 0) return undefined;
  const named = texts.slice(0, TEXTS_NAMED).map(({ member, missing }) => {
    const more = missing.length > CHARACTERS_NAMED ? ' …' : '';
    return `${missing.slice(0, CHARACTERS_NAMED).join(' ')}${more} of ${member}`;
  });
  const others = texts.length > TEXTS_NAMED ? ` and ${texts.length - TEXTS_NAMED} more texts` : '';
  return held('document_unprintable', `no typeface has ${named.join(', ')}${others}; write them in other letters`);
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
    format: seller.numberFormat,
  });
  return issueInvoice(draft, { id, number, issuedAt: taken.issuedAt, sellerTimeZone: seller.timeZone, corrects });
}

type Writer = Pick<Renderer, 'write'>;

/** An issued document as a file of an electronic form, or why there is none. */
async function eInvoiceFile(renderer: Writer, document: IssuedInvoice, kind: FormatKind): Promise<NewFile | Refusal> {
  const rendition = await renderer.write(document, kind);
  if (isRefusal(rendition)) return rendition;
  const bytes = Buffer.from(rendition.text);
  return { invoiceId: document.id, kind, layout: rendition.layoutVersion, sha256: sha256(bytes), bytes };
}

/** The file of the electronic form that the customer of a document wants; none where there is no such form of it. */
export async function wantedFile(renderer: Writer, document: IssuedInvoice): Promise<NewFile | undefined> {
  const form = wantedForm(document);
  const file = form && (await eInvoiceFile(renderer, document, form.kind));
  return file && !isRefusal(file) ? file : undefined;
}

/** Writes an issued document in an electronic form and keeps it, unless it is kept already: the first is served for ever. */
export async function writeOnce(
  database: Database,
  renderer: Writer,
  document: IssuedInvoice,
  kind: FormatKind,
): Promise<StoredDocument | Refusal> {
  const stored = await loadDocument(database, document.id, kind);
  if (stored) return stored;
  const file = await eInvoiceFile(renderer, document, kind);
  return isRefusal(file) ? file : storeDocument(database, file);
}

/**
 * Renders an issued document and keeps the result, unless one is kept already: the first is served for ever.
 *
 * @param onPages as in `Renderer.render`
 */
export async function renderOnce(
  database: Database,
  renderer: Renderer,
  document: IssuedInvoice,
  onPages?: (pages: PagesDrawn) => void,
): Promise<StoredDocument> {
  // Another worker may have drawn it since it was found missing; looking costs a hundredth of drawing.
  const stored = await loadDocument(database, document.id, 'pdf');
  if (stored) return stored;
  // Before the PDF, which takes the document off the list of those that are not rendered yet.
  const form = wantedForm(document);
  if (form) await writeOnce(database, renderer, document, form.kind);
  const { pdf, sha256 } = await renderer.render(document, onPages);
  const { layoutVersion: layout } = renderer;
  return storeDocument(database, { invoiceId: document.id, kind: 'pdf', layout, sha256, bytes: pdf });
}
