import type { TaxGroup } from '#invoicing';
import { isCredit, payableAmount, payableLabel } from './first-page.js';
import type { Chunk, Piece } from './paginate.js';
import type { Sheet } from './sheet.js';
import { ACCENT, GREY, HAIRLINE, LEFT, RIGHT, STYLES, WIDTH } from './style.js';
import { grouped, ibanGroups, longDate, type PrintableInvoice, taxCategoryName } from './wording.js';

const ROW = 14;
const LABEL_GAP = 16;

/** Everything after the lines: totals that stay with the last line, then how to pay, and notes. */
export function closing(sheet: Sheet, document: PrintableInvoice): Chunk[] {
  return [
    { tabular: false, joinsPrevious: true, pieces: [totalsPiece(sheet, document)] },
    { tabular: false, joinsPrevious: true, pieces: paymentPieces(sheet, document) },
    ...noteChunks(sheet, document),
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
function totalsPiece(sheet: Sheet, document: PrintableInvoice): Piece {
  const totals = totalRows(document);
  const payable = payableAmount(document);
  const totalsWidth = Math.max(
    200,
    sheet.width(payableLabel(document), STYLES.grandLabel) + sheet.width(payable, STYLES.grand) + 20 + 2 * 10,
  );
  const taxWidth = WIDTH - totalsWidth - 26;
  const taxes = taxTable(sheet, document, taxWidth);
  const taxHeight = 20 + taxes.rows.reduce((height, row) => height + row.name.length * ROW, 0);
  const totalsHeight = totals.length * ROW + 8 + 28;

  return {
    height: 10 + Math.max(taxHeight, totalsHeight) + 14,
    draw: (top) => {
      drawTaxes(sheet, taxes, top + 10);
      drawTotals(sheet, totals, payableLabel(document), payable, top + 10, totalsWidth);
    },
  };
}

function totalRows(document: PrintableInvoice): [label: string, amount: string][] {
  const rows: [string, string][] = [
    ['Net', grouped(document.net)],
    ['Tax', grouped(document.tax)],
    ['Total', grouped(document.gross)],
  ];
  if (/[1-9]/.test(document.rounding)) rows.push(['Rounding', grouped(document.rounding)]);
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
function taxTable(sheet: Sheet, document: PrintableInvoice, width: number): TaxTable {
  const heads = { rate: 'Rate', base: 'Taxable amount', amount: `Tax ${document.currency}` };
  const figures = document.taxes.map((tax) => ({
    rate: tax.category === 'O' ? '–' : `${grouped(tax.rate)} %`,
    base: grouped(tax.base),
    amount: grouped(tax.amount),
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
    return { ...row, name: tax ? sheet.wrap(taxName(tax), nameWidth, STYLES.cell) : [] };
  });
  return { heads, columns: { rate, base, amount }, rows, width };
}

/** A component at its standard rate needs no word for it; where nothing is charged the payer sees which case it is. */
function taxName({ name, category }: TaxGroup): string {
  if (category === 'S' || category === 'O') return name;
  const words = taxCategoryName(category);
  return name.toLowerCase() === words.toLowerCase() ? name : `${name} · ${words}`;
}

function drawTaxes(sheet: Sheet, { heads, columns, rows, width }: TaxTable, top: number): void {
  sheet.text('Tax', LEFT, top + 9, STYLES.columnHead);
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
function paymentPieces(sheet: Sheet, document: PrintableInvoice): Piece[] {
  const rows = paymentRows(document);
  return [
    {
      height: 10 + rows.length * 12.2 + 8,
      draw: (top) => {
        sheet.rule(LEFT, top, WIDTH, HAIRLINE, 0.7);
        sheet.text('Payment', LEFT, top + 18, STYLES.factStrong);
        let y = top + 9.4;
        for (const [label, value] of rows) {
          sheet.text(label, LEFT + 110, y + 8.6, { ...STYLES.fact, colour: GREY });
          sheet.text(value, LEFT + 210, y + 8.6, STYLES.fact);
          y += 12.2;
        }
      },
    },
  ];
}

function paymentRows(document: PrintableInvoice): [label: string, value: string][] {
  const terms = `${document.payment_terms_days} days from the issue date`;
  if (document.status === 'draft') {
    return [
      ['Status', 'A draft. Nothing is to be paid before the invoice is issued.'],
      ['Terms', terms],
    ];
  }
  if (document.kind === 'credit_note') return [['Status', 'Nothing is to be paid on a credit note.']];
  if (isCredit(document.payable) || !/[1-9]/.test(document.payable)) return [['Status', 'Nothing is to be paid.']];

  const { bank } = document.supplier;
  const rows: [string, string][] = [
    ['Terms', `${terms}, by ${longDate(document.due_date)}`],
    ['Payment reference', document.number],
    ['Payee', document.supplier.name],
  ];
  if (bank?.iban) rows.push(['IBAN', ibanGroups(bank.iban)]);
  if (bank?.bic) rows.push(['BIC', bank.bic]);
  return rows;
}

function noteChunks(sheet: Sheet, document: PrintableInvoice): Chunk[] {
  return document.notes.map((note, index) => {
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
            sheet.text('Notes', LEFT, top + 18, STYLES.factStrong);
          }
          sheet.text(text, LEFT + 110, y + 5, STYLES.note);
        },
      })),
    };
  });
}
