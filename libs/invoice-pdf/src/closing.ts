import { type BankAccount, isNameOfCategory, type TaxGroup } from '#invoicing';
import { noteIn, type Wording } from '#wording';
import { isCredit, payableAmount, payableLabel } from './first-page.js';
import { registrationChunks } from './gst-block.js';
import type { Chunk, Piece } from './paginate.js';
import { holderOf, transferCode } from './payment-codes.js';
import { drawQr } from './qr.js';
import type { Sheet } from './sheet.js';
import { ACCENT, GREY, HAIRLINE, LEFT, RIGHT, STYLES, WIDTH } from './style.js';
import type { PrintableInvoice } from './printable-invoice.js';
import { ibanGroups, type Texts } from './texts.js';

const ROW = 14;
const LABEL_GAP = 16;
/** Of the code that a payer's telephone reads, with its quiet zone: about three centimetres. */
const CODE_SIDE = 88;

/** Everything after the lines: totals that stay with the last line, then how to pay, and notes. */
export function closing(sheet: Sheet, texts: Texts, document: PrintableInvoice): Chunk[] {
  return [
    { tabular: false, joinsPrevious: true, pieces: [totalsPiece(sheet, texts, document)] },
    { tabular: false, joinsPrevious: false, pieces: paymentPieces(sheet, texts, document) },
    ...registrationChunks(sheet, texts, document),
    ...noteChunks(sheet, texts, document),
  ];
}

interface TaxTable {
  heads: { rate: string; base: string; amount: string };
  /** Right edges. */
  columns: { rate: number; base: number; amount: number };
  rows: { name: string[]; rate: string; base: string; amount: string }[];
  width: number;
}

/** Tax groups on the left, the sum of everything on the right; one piece, so that no page turn falls between them. */
function totalsPiece(sheet: Sheet, texts: Texts, document: PrintableInvoice): Piece {
  const totals = totalRows(texts, document);
  const payable = payableAmount(texts, document);
  const totalsWidth = Math.max(
    200,
    sheet.width(payableLabel(texts, document), STYLES.grandLabel) + sheet.width(payable, STYLES.grand) + 20 + 2 * 10,
  );
  const taxWidth = WIDTH - totalsWidth - 26;
  const taxes = taxTable(sheet, texts, document, taxWidth);
  const taxHeight = 20 + taxes.rows.reduce((height, row) => height + row.name.length * ROW, 0);
  const totalsHeight = totals.length * ROW + 8 + 28;

  return {
    height: 10 + Math.max(taxHeight, totalsHeight) + 14,
    draw: (top) => {
      drawTaxes(sheet, texts, taxes, top + 10);
      drawTotals(sheet, totals, payableLabel(texts, document), payable, top + 10, totalsWidth);
    },
  };
}

function totalRows(texts: Texts, document: PrintableInvoice): [label: string, amount: string][] {
  const rows: [string, string][] = [
    [texts.words.net, texts.grouped(document.net)],
    [texts.words.tax, texts.grouped(document.tax)],
    [texts.words.total, texts.grouped(document.gross)],
  ];
  if (/[1-9]/.test(document.rounding)) rows.push([texts.words.rounding, texts.grouped(document.rounding)]);
  return rows;
}

function drawTotals(
  sheet: Sheet,
  rows: [string, string][],
  label: string,
  payable: string,
  top: number,
  width: number,
): void {
  const x = RIGHT - width;
  let y = top;
  for (const [name, amount] of rows) {
    sheet.text(name, x + 10, y + 9, { ...STYLES.cell, colour: GREY });
    sheet.text(amount, RIGHT - 10, y + 9, STYLES.cell, 'right');
    y += ROW;
  }
  y += 4;
  sheet.fill(x, y, width, 28, ACCENT, 3);
  sheet.text(label, x + 10, y + 18, STYLES.grandLabel);
  sheet.text(payable, RIGHT - 10, y + 18.2, STYLES.grand, 'right');
}

/** Columns as wide as what stands in them; the name takes the rest and wraps. */
function taxTable(sheet: Sheet, texts: Texts, document: PrintableInvoice, width: number): TaxTable {
  const heads = {
    rate: texts.words.rate,
    base: texts.words.taxableAmount,
    amount: texts.words.taxIn(document.currency),
  };
  const figures = document.taxes.map((tax) => ({
    rate: tax.category === 'O' ? '–' : texts.words.percent(texts.grouped(tax.rate)),
    base: texts.grouped(tax.base),
    amount: texts.grouped(tax.amount),
  }));
  const widest = (of: 'rate' | 'base' | 'amount'): number =>
    figures.reduce(
      (most, row) => Math.max(most, sheet.width(row[of], STYLES.cell)),
      sheet.width(heads[of], STYLES.columnHead),
    );
  const amount = LEFT + width;
  const base = amount - widest('amount') - LABEL_GAP;
  const rate = base - widest('base') - LABEL_GAP;
  const nameWidth = Math.max(60, rate - widest('rate') - LABEL_GAP - LEFT);
  const rows = figures.map((row, index) => {
    const tax = document.taxes[index];
    return { ...row, name: tax ? sheet.wrap(taxName(texts, tax), nameWidth, STYLES.cell) : [] };
  });
  return { heads, columns: { rate, base, amount }, rows, width };
}

/** A component at its standard rate needs no word for it; where nothing is charged the payer sees which case it is. */
function taxName(texts: Texts, { name, category }: TaxGroup): string {
  if (isNameOfCategory(name, category)) return texts.taxCategoryName(category);
  if (category === 'S' || category === 'O') return name;
  const words = texts.taxCategoryName(category);
  return name.toLowerCase() === words.toLowerCase() ? name : `${name} · ${words}`;
}

function drawTaxes(sheet: Sheet, texts: Texts, { heads, columns, rows, width }: TaxTable, top: number): void {
  sheet.text(texts.words.tax, LEFT, top + 9, STYLES.columnHead);
  sheet.text(heads.rate, columns.rate, top + 9, STYLES.columnHead, 'right');
  sheet.text(heads.base, columns.base, top + 9, STYLES.columnHead, 'right');
  sheet.text(heads.amount, columns.amount, top + 9, STYLES.columnHead, 'right');
  sheet.rule(LEFT, top + 14.5, width, HAIRLINE, 0.7);
  let y = top + 18;
  for (const row of rows) {
    sheet.text(row.rate, columns.rate, y + 9, STYLES.cell, 'right');
    sheet.text(row.base, columns.base, y + 9, STYLES.cell, 'right');
    sheet.text(row.amount, columns.amount, y + 9, STYLES.cell, 'right');
    for (const line of row.name) {
      sheet.text(line, LEFT, y + 9, STYLES.cell);
      y += ROW;
    }
  }
}

/** Who gets the money, by when and with which words; or why nothing is to be paid. */
function paymentPieces(sheet: Sheet, texts: Texts, document: PrintableInvoice): Piece[] {
  const code = document.status === 'issued' ? transferCode(document) : undefined;
  const width = RIGHT - LEFT - 210 - (code === undefined ? 0 : CODE_SIDE + 12);
  const rows = paymentRows(texts, document).map(([label, value]) => ({
    label,
    lines: sheet.wrap(value, width, STYLES.fact),
  }));
  const textHeight = rows.reduce((height, { lines }) => height + lines.length * 12.2, 0);
  return [
    {
      height: 10 + Math.max(textHeight, code === undefined ? 0 : CODE_SIDE + 8) + 8,
      draw: (top) => {
        sheet.rule(LEFT, top, WIDTH, HAIRLINE, 0.7);
        sheet.text(texts.words.payment, LEFT, top + 18, STYLES.factStrong);
        let y = top + 9.4;
        for (const { label, lines } of rows) {
          sheet.text(label, LEFT + 110, y + 8.6, { ...STYLES.fact, colour: GREY });
          for (const line of lines) {
            sheet.text(line, LEFT + 210, y + 8.6, STYLES.fact);
            y += 12.2;
          }
        }
        if (code !== undefined) drawTransferCode(sheet, texts, code, top + 9.4);
      },
    },
  ];
}

function paymentRows(texts: Texts, document: PrintableInvoice): [label: string, value: string][] {
  const { words } = texts;
  if (document.status === 'draft') {
    return [
      [words.status, words.nothingToPay.draft],
      [words.terms, words.termsOf(document.payment_terms_days)],
    ];
  }
  if (document.kind === 'credit_note') return [[words.status, words.nothingToPay.credit_note]];
  if (isCredit(document.payable) || !/[1-9]/.test(document.payable))
    return [[words.status, words.nothingToPay.settled]];

  const rows: [string, string][] = [
    [words.terms, words.termsBy(document.payment_terms_days, texts.longDate(document.due_date))],
    [words.paymentReference, document.number],
    [words.payee, holderOf(document)],
    ...bankRows(words, document.supplier.bank),
  ];
  return rows;
}

/** The account, then what names its bank: each country's payers need other members of it. */
function bankRows(words: Wording, bank: BankAccount | null): [label: string, value: string][] {
  if (!bank) return [];
  const rows: [string, string | null | undefined][] = [
    ['IBAN', bank.iban && ibanGroups(bank.iban)],
    // A payer who has the IBAN needs no other account.
    ['QR-IBAN', bank.iban ? null : bank.qr_iban && ibanGroups(bank.qr_iban)],
    [words.accountNumber, bank.account_number],
    [words.routingNumber, bank.routing_number],
    [words.sortCode, bank.sort_code?.replace(/(..)(?=.)/g, '$1-')],
    ['IFSC', bank.ifsc],
    [words.bankCode, bank.bank_code],
    [bank.iban ? 'BIC' : 'BIC (SWIFT)', bank.bic],
    [words.bankName, [bank.bank_name, bank.branch].filter(Boolean).join(', ')],
    ['UPI', bank.upi_id],
  ];
  return rows.flatMap(([label, value]) => (value ? [[label, value] as [string, string]] : []));
}

/** At the right edge, with its quiet zone, below the word for it. */
function drawTransferCode(sheet: Sheet, texts: Texts, code: string, top: number): void {
  const x = RIGHT - CODE_SIDE;
  const caption = texts.words.scanToPay;
  sheet.text(caption, x + (CODE_SIDE - sheet.width(caption, STYLES.quiet)) / 2, top + 6, STYLES.quiet);
  drawQr(sheet, code, { x, y: top + 7, side: CODE_SIDE, level: 'M' });
}

/** On a credit note by hand its reason and both amounts stand before all other notes. */
function notesOf(texts: Texts, { credit, currency, notes: noted }: PrintableInvoice): readonly string[] {
  const notes = noted.map((note) => noteIn(note, texts.words));
  if (credit === undefined) return notes;
  const { words } = texts;
  const [billed, left] = [credit.billed, credit.left].map((amount) => `${currency} ${texts.grouped(amount)}`);
  return [words.reason(credit.reason), words.billedAndLeft(billed ?? '', left ?? ''), ...notes];
}

function noteChunks(sheet: Sheet, texts: Texts, document: PrintableInvoice): Chunk[] {
  return notesOf(texts, document).map((note, index) => {
    const lines = sheet.wrap(note, WIDTH - 110, STYLES.note);
    return {
      tabular: false,
      joinsPrevious: false,
      pieces: lines.map((text, row) => ({
        height: 10.8 + (row === 0 && index === 0 ? 14 : 0) + (row === lines.length - 1 ? 3 : 0),
        draw: (top: number) => {
          const y = index === 0 && row === 0 ? top + 14 : top;
          if (index === 0 && row === 0) {
            sheet.rule(LEFT, top, WIDTH, HAIRLINE, 0.7);
            sheet.text(texts.words.notes, LEFT, top + 18, STYLES.factStrong);
          }
          sheet.text(text, LEFT + 110, y + 5, STYLES.note);
        },
      })),
    };
  });
}
