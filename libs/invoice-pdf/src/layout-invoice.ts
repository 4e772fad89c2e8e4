import { createHash } from 'node:crypto';
import { type Wording, wordingIn } from '#wording';
import { annexOf } from './annex.js';
import { chartChunks } from './charts.js';
import { closing } from './closing.js';
import { entriesOf } from './entries.js';
import { facturX } from './factur-x.js';
import { drawFirstPageHead, drawRunningHead, RUNNING_HEAD_BOTTOM } from './first-page.js';
import { InvoicePdfError } from './invoice-pdf-error.js';
import { lineTable } from './line-table.js';
import { keptLogo, type Logo } from './logo/logo.js';
import { type PlannedPage, paginate } from './paginate.js';
import { swissBill } from './payment-codes.js';
import { hanFor } from './script-runs.js';
import { PAGE_HEIGHT, Sheet } from './sheet.js';
import { ACCENT, HAIRLINE, LEFT, RIGHT, STYLES, WIDTH } from './style.js';
import type { PrintableInvoice } from './printable-invoice.js';
import { drawSwissBill, SLIP_HEIGHT } from './swiss-qr-bill.js';
import { instantOf, Texts } from './texts.js';

/**
 * Version of the page's look, stamped on issued documents. It grows with every change after which the same document
 * comes out with other bytes. The electronic invoice inside of a hybrid is among them: a new version of its form is a new
 * layout.
 */
export const LAYOUT_VERSION = 4;

/** A finished file and its fingerprint in lower-case hex. */
export interface RenderedPdf {
  pdf: Buffer;
  sha256: string;
}

/** Of the footer without what the seller writes below it. */
const FOOTER_HEIGHT = 44;
const FOOT_LEAD = 9;
const ABOVE_FOOTER = 14;

/**
 * Draws a document as PDF/A-3b. The same document gives the same bytes on any host, in any zone and locale.
 *
 * Throws `malformed_document` when a number, a date or a stamp in the document is none.
 *
 * @param logo the bytes of the logo that the document names
 * @param onPage told when a page is finished, and of how many; what is finished is let go
 */
export function layoutInvoice(
  document: PrintableInvoice,
  onPage?: (drawn: number, of: number) => void,
  logo?: Uint8Array,
): RenderedPdf {
  const mark = logoOf(document, logo);
  const texts = new Texts(wordingIn(document.language));
  const name = texts.documentName(document);
  const sheet = new Sheet({
    language: texts.words.language,
    title: name,
    author: document.supplier.name,
    subject: `${document.customer.name}, ${texts.dateRange(document.period.start_date, document.period.end_date)}`,
    // A draft has no instant of its own; the end of what it bills is as fixed as its content.
    instant: instantOf(document.status === 'issued' ? document.issued_at : document.period.end),
    han:
      hanFor(texts.words.language, document.customer.address?.country) ??
      hanFor(null, document.supplier.address?.country),
    accent: document.supplier.branding?.accent ?? undefined,
  });

  const foot = sheet.wrap(document.supplier.branding?.footer ?? '', WIDTH, STYLES.quiet);
  const footHeight = FOOTER_HEIGHT + foot.length * FOOT_LEAD;
  const bottom = PAGE_HEIGHT - footHeight - ABOVE_FOOTER;

  sheet.addPage();
  const firstTop = drawFirstPageHead(sheet, texts, document, mark);
  const entries = entriesOf(document.lines);
  const table = lineTable(sheet, texts, document, entries);
  const pages = paginate([...table.rows, ...closing(sheet, texts, document), ...chartChunks(sheet, texts, document)], {
    firstTop,
    nextTop: RUNNING_HEAD_BOTTOM,
    bottom,
    tableHeaderHeight: table.header.height,
  });
  const bill = document.status === 'issued' ? swissBill(document) : undefined;
  if (bill && !hasRoomForSlip(pages, footHeight)) pages.push({ tableHeaderAt: null, placed: [] });
  const groups = entries.flatMap((entry) => ('group' in entry ? [entry.group] : []));
  const annex = annexOf(sheet, texts, document, groups, { top: RUNNING_HEAD_BOTTOM, bottom });
  const count = pages.length + annex.pages;
  let drawn = 0;
  const finishPage = (): void => {
    drawn += 1;
    // Before an annex, whose pages no payer cuts.
    const withSlip = bill !== undefined && drawn === pages.length;
    drawFooter(sheet, texts, document, name, {
      page: drawn,
      pages: count,
      foot,
      top: PAGE_HEIGHT - footHeight - (withSlip ? SLIP_HEIGHT : 0),
    });
    if (withSlip) sheet.unmirrored(() => drawSwissBill(sheet, bill, texts.words.language));
    if (document.status === 'draft') sheet.watermark(texts.words.draft, ACCENT);
    onPage?.(drawn, count);
  };
  const turn = (): void => {
    finishPage();
    sheet.addPage();
    drawRunningHead(sheet, document, name);
  };
  pages.forEach((page, index) => {
    if (index > 0) turn();
    if (page.tableHeaderAt !== null) table.header.draw(page.tableHeaderAt);
    for (const { piece, y } of page.placed) piece.draw(y);
  });
  annex.draw(turn);
  finishPage();

  const eInvoice = facturX(document);
  if (eInvoice) sheet.attach(eInvoice);

  const pdf = sheet.finish();
  return { pdf, sha256: createHash('sha256').update(pdf).digest('hex') };
}

/** A document that names a logo is never drawn without it: it would come out with other bytes. */
function logoOf({ supplier }: PrintableInvoice, bytes: Uint8Array | undefined): Logo | undefined {
  const sha256 = supplier.branding?.logo;
  if (!sha256) return undefined;
  if (!bytes) throw new InvoicePdfError('logo_missing', `the logo ${sha256} of the document is not at hand`);
  return keptLogo(sha256, bytes);
}

/** Whether the last page has room for the slip at its foot, with the footer above it. */
function hasRoomForSlip(pages: readonly PlannedPage[], footHeight: number): boolean {
  const bottoms = pages.at(-1)?.placed.map(({ piece, y }) => y + piece.height) ?? [];
  return Math.max(0, ...bottoms) <= PAGE_HEIGHT - SLIP_HEIGHT - footHeight - 6;
}

function drawFooter(
  sheet: Sheet,
  { words }: Texts,
  document: PrintableInvoice,
  name: string,
  { page, pages, foot, top: y }: { page: number; pages: number; foot: readonly string[]; top: number },
): void {
  sheet.rule(LEFT, y, WIDTH, HAIRLINE, 0.7);
  // A name that runs backwards must not turn the page's words round.
  const direction = sheet.isMirrored ? 'rtl' : 'ltr';
  sheet.text(`${document.supplier.name} · ${name}`, LEFT, y + 14, { ...STYLES.quiet, direction });
  sheet.text(words.page(page, pages), RIGHT, y + 14, STYLES.quiet, 'right');
  foot.forEach((line, index) => sheet.text(line, LEFT, y + 14 + (index + 1) * FOOT_LEAD, STYLES.quiet));
  const last = y + 24 + foot.length * FOOT_LEAD;
  if (page === pages) sheet.text(provenance(words, document), LEFT, last, STYLES.faint);
}

/** Lets an auditor tie the page to the evidence it was computed from. */
function provenance(words: Wording, document: PrintableInvoice): string {
  return [
    document.status === 'issued' ? words.issued(document.issued_at) : '',
    document.revision > 1 ? words.revision(document.revision) : '',
    words.inputs(document.inputs_hash),
  ]
    .filter((part) => part !== '')
    .join(' · ');
}
