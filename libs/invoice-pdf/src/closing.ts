import { isCredit, payableAmount, payableLabel } from './first-page.js';
import type { Chunk, Piece } from './paginate.js';
import type { Sheet, TextStyle } from './sheet.js';
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

interface TaxRow {
  name: string;
  reason: string[];
  rate: string;
  base: string;
  amount: string;
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
  const taxes = taxRows(sheet, document, taxWidth);
  const taxHeight = 20 + taxes.reduce((height, row) => height + ROW + row.reason.length * 9.5, 0);
  const totalsHeight = totals.length * ROW + 8 + 28;

  return {
    height: 10 + Math.max(taxHeight, totalsHeight) + 14,
    draw: (top) => {
      drawTaxes(sheet, document, taxes, top + 10, taxWidth);
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

function taxRows(sheet: Sheet, document: PrintableInvoice, width: number): TaxRow[] {
  return document.taxes.map((tax) => ({
    // A component at 19 % needs no word for its category; where nothing is charged the payer must see why.
    name: tax.category === 'S' ? tax.name : joinWords(tax.name, taxCategoryName(tax.category)),
    reason: tax.exemption_reason ? sheet.wrap(tax.exemption_reason, width, STYLES.step) : [],
    rate: tax.category === 'O' ? '–' : `${grouped(tax.rate)} %`,
    base: grouped(tax.base),
    amount: grouped(tax.amount),
  }));
}

function joinWords(name: string, category: string): string {
  return name === '' || name.toLowerCase() === category.toLowerCase() ? category : `${name} · ${category}`;
}

function drawTaxes(sheet: Sheet, document: PrintableInvoice, rows: TaxRow[], top: number, width: number): void {
  const heads = { name: 'Tax', rate: 'Rate', base: 'Taxable amount', amount: `Tax ${document.currency}` };
  const widest = (pick: (row: { rate: string; base: string; amount: string }) => string, style: TextStyle): number =>
    rows.reduce(
      (most, row) => Math.max(most, sheet.width(pick(row), style)),
      sheet.width(pick(heads), STYLES.columnHead),
    );
  const amountX = LEFT + width;
  const baseX = amountX - widest((row) => row.amount, STYLES.cell) - LABEL_GAP;
  const rateX = baseX - widest((row) => row.base, STYLES.cell) - LABEL_GAP;
  const nameWidth = rateX - widest((row) => row.rate, STYLES.cell) - LABEL_GAP - LEFT;

  sheet.text(heads.name, LEFT, top + 9, STYLES.columnHead);
  sheet.text(heads.rate, rateX, top + 9, STYLES.columnHead, 'right');
  sheet.text(heads.base, baseX, top + 9, STYLES.columnHead, 'right');
  sheet.text(heads.amount, amountX, top + 9, STYLES.columnHead, 'right');
  sheet.rule(LEFT, top + 14.5, width, HAIRLINE, 0.7);
  let y = top + 18;
  for (const row of rows) {
    const [name = '', ...rest] = sheet.wrap(row.name, nameWidth, STYLES.cell);
    sheet.text(name, LEFT, y + 9, STYLES.cell);
    sheet.text(row.rate, rateX, y + 9, STYLES.cell, 'right');
    sheet.text(row.base, baseX, y + 9, STYLES.cell, 'right');
    sheet.text(row.amount, amountX, y + 9, STYLES.cell, 'right');
    y += ROW;
    for (const line of [...rest, ...row.reason]) {
      sheet.text(line, LEFT, y + 5, STYLES.step);
      y += 9.5;
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
