import type { Party, Supplier } from '#invoicing';
import { gstFacts } from './gst-block.js';
import { hanFor } from './script-runs.js';
import type { Sheet } from './sheet.js';
import type { Texts } from './texts.js';
import type { PrintableInvoice } from './printable-invoice.js';
import type { Logo } from './logo/logo.js';
import { ACCENT, GREY, LEFT, RIGHT, STYLES, TINT, WIDTH } from './style.js';

const LEAD = 11.6;
const HALF = LEFT + WIDTH / 2 + 20;

/** Draws title, both parties, the document's facts and what is asked for; answers where the table may begin. */
export function drawFirstPageHead(sheet: Sheet, texts: Texts, document: PrintableInvoice, logo?: Logo): number {
  sheet.fill(0, 0, RIGHT + LEFT, 5, ACCENT);

  sheet.text(texts.documentTitle(document), LEFT - 1, 66, STYLES.title);
  if (document.status === 'issued') sheet.text(document.number, LEFT, 85, STYLES.number);
  else sheet.text(texts.words.notIssued, LEFT, 85, STYLES.number);

  const supplierBottom = drawParty(
    sheet,
    texts,
    document.supplier,
    HALF,
    logo ? drawLogo(sheet, logo, HALF) : 50,
    null,
    supplierFacts(texts, document.supplier),
  );
  const top = Math.max(supplierBottom, 110) + 16;
  const customerBottom = drawParty(sheet, texts, document.customer, LEFT, top, texts.words.billedTo);
  const factsBottom = drawFacts(sheet, texts, document, HALF, top);
  return drawSummary(sheet, texts, document, Math.max(customerBottom, factsBottom) + 12);
}

function drawParty(
  sheet: Sheet,
  texts: Texts,
  party: Party,
  x: number,
  top: number,
  label: string | null,
  more: readonly string[] = [],
): number {
  const width = WIDTH / 2 - 20;
  const country = party.address?.country;
  const han = hanFor(null, country);
  const nameStyle = { ...STYLES.partyName, han };
  const lineStyle = { ...STYLES.partyLine, han };
  let y = top;
  if (label) {
    sheet.text(label, x, y + 7, STYLES.label);
    y += 14;
  }
  for (const line of sheet.wrap(party.name, width, nameStyle)) {
    sheet.text(line, x, y + 9, nameStyle);
    y += 13;
  }
  const details = [
    ...texts.addressLines(party.address),
    party.tax_id ? `${texts.taxIdLabel(country)} ${party.tax_id}` : '',
    party.email ?? '',
    ...more,
  ];
  for (const line of details.flatMap((detail) => sheet.wrap(detail, width, lineStyle))) {
    sheet.text(line, x, y + 8.6, lineStyle);
    y += LEAD;
  }
  return y;
}

const LOGO_TOP = 26;
const LOGO_ROOM = { width: 170, height: 42 };

/** Draws the logo where the seller's name follows; answers where that may begin. */
function drawLogo(sheet: Sheet, logo: Logo, x: number): number {
  const scale = Math.min(LOGO_ROOM.width / logo.width, LOGO_ROOM.height / logo.height);
  const shown = { width: logo.width * scale, height: logo.height * scale };
  if (logo.mediaType === 'image/png') sheet.image(logo.pixels, logo, x, LOGO_TOP, shown);
  else sheet.drawing(logo.paths, x, LOGO_TOP, scale, shown.width, logo);
  return LOGO_TOP + shown.height + 12;
}

/** The entry in a register, and who answers questions; what is printed of the seller anyway is not repeated. */
function supplierFacts({ words }: Texts, { registration, contact, email }: Supplier): string[] {
  const reached = [contact?.name, contact?.phone, contact?.email === email ? null : contact?.email].filter(Boolean);
  return [
    registration ? `${words.registrationNumber} ${registration.id}` : '',
    reached.length > 0 ? `${words.contact}: ${reached.join(', ')}` : '',
  ];
}

function facts(texts: Texts, document: PrintableInvoice): [label: string, ...values: string[]][] {
  const { period } = document;
  const rows: [string, ...string[]][] = [];
  if (document.status === 'issued') {
    rows.push([texts.words.issueDate, texts.longDate(document.issue_date)]);
    if (document.kind !== 'credit_note') rows.push([texts.words.dueDate, texts.longDate(document.due_date)]);
    if (document.corrects) rows.push([texts.words.corrects, document.corrects.number]);
  }
  rows.push([
    texts.words.billingPeriod,
    `${texts.dateRange(period.start_date, period.end_date)} (${period.time_zone})`,
  ]);
  if (period.measured) {
    const { start, end } = period.measured;
    rows.push([
      texts.words.usageMeasured,
      texts.words.from(texts.longStamp(start)),
      texts.words.to(texts.longStamp(end)),
    ]);
  }
  rows.push(...gstFacts(texts, document));
  rows.push([texts.words.customerReference, document.customer.reference]);
  const { order_reference: order, contract_reference: contract } = document.customer.e_invoice ?? {};
  if (order) rows.push([texts.words.purchaseOrder, order]);
  if (contract) rows.push([texts.words.contract, contract]);
  rows.push([texts.words.currency, document.currency]);
  return rows;
}

function drawFacts(sheet: Sheet, texts: Texts, document: PrintableInvoice, x: number, top: number): number {
  const rows = facts(texts, document);
  const widest = Math.max(...rows.map(([label]) => sheet.width(label, STYLES.fact)));
  const valueX = x + Math.max(88, widest + 8);
  let y = top - 1;
  for (const [label, ...values] of rows) {
    const lines = values.flatMap((value) => sheet.wrap(value, RIGHT - valueX, STYLES.fact));
    sheet.text(label, x, y + 8.6, { ...STYLES.fact, colour: GREY });
    for (const line of lines) {
      sheet.text(line, valueX, y + 8.6, STYLES.fact);
      y += LEAD;
    }
    y += 2.4;
  }
  return y;
}

/** The one figure a payer looks for, before any detail. */
function drawSummary(sheet: Sheet, texts: Texts, document: PrintableInvoice, y: number): number {
  const height = 32;
  const label = payableLabel(texts, document);
  sheet.fill(LEFT, y, WIDTH, height, TINT);
  sheet.fill(LEFT, y, 3, height, ACCENT);
  const baseline = y + 19.5;
  sheet.text(label, LEFT + 14, baseline, STYLES.summary);
  const when =
    document.status === 'issued' && document.kind !== 'credit_note' && !isCredit(document.payable)
      ? texts.words.dueBy(texts.longDate(document.due_date))
      : '';
  const amount = payableAmount(texts, document);
  sheet.text(amount, RIGHT - 14, baseline + 1, { ...STYLES.grand, size: 13, colour: ACCENT }, 'right');
  sheet.text(when, LEFT + 19 + sheet.width(label, STYLES.summary), baseline, { ...STYLES.summary, colour: GREY });
  return y + height + 14;
}

/** What the document's last figure means to the payer. */
export function payableLabel({ words: { payable } }: Texts, document: PrintableInvoice): string {
  if (document.kind === 'credit_note') return payable.credited;
  if (isCredit(document.payable)) return payable.in_favour;
  return document.status === 'draft' ? payable.would_be_due : payable.due;
}

/** The last figure without its sign: the label says in whose favour it is. */
export function payableAmount(texts: Texts, document: PrintableInvoice): string {
  return `${document.currency} ${texts.grouped(document.payable.replace(/^-/, ''))}`;
}

/** Whether an amount is negative. */
export function isCredit(amount: string): boolean {
  return amount.startsWith('-');
}

/** The head of the pages after the first. */
export function drawRunningHead(sheet: Sheet, document: PrintableInvoice, name: string): void {
  sheet.fill(0, 0, RIGHT + LEFT, 5, ACCENT);
  sheet.text(document.supplier.name, LEFT, 38, { ...STYLES.quiet, size: 8 });
  sheet.text(name, RIGHT, 38, { ...STYLES.quiet, size: 8 }, 'right');
}

export const RUNNING_HEAD_BOTTOM = 52;
