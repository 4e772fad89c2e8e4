import { PAGE_HEIGHT, PAGE_WIDTH, type Sheet, type TextStyle } from './sheet.js';
import { type SwissBill, type SwissParty, swissPayload } from './payment-codes.js';
import { qrPath } from './qr.js';

/** The payment part with receipt at the foot of a page, by the Swiss Implementation Guidelines QR-bill 2.3, chapter 3. */

const MM = 72 / 25.4;
/** Receipt and payment part together are as wide as the page. */
export const SLIP_HEIGHT = 105 * MM;
const RECEIPT_WIDTH = 62 * MM;
const MARGIN = 5 * MM;
const BLACK = '#000000';
const WHITE = '#ffffff';

/** Headings in the words of the guidelines, annex D. A payer whose language has none gets them in English. */
const ENGLISH = {
  receipt: 'Receipt',
  paymentPart: 'Payment part',
  account: 'Account / Payable to',
  reference: 'Reference',
  information: 'Additional information',
  payableBy: 'Payable by',
  payableByWhom: 'Payable by (name/address)',
  currency: 'Currency',
  amount: 'Amount',
  acceptancePoint: 'Acceptance point',
  separate: 'Separate before paying in',
};
const HEADINGS: Readonly<Record<string, typeof ENGLISH>> = {
  en: ENGLISH,
  de: {
    receipt: 'Empfangsschein',
    paymentPart: 'Zahlteil',
    account: 'Konto / Zahlbar an',
    reference: 'Referenz',
    information: 'Zusätzliche Informationen',
    payableBy: 'Zahlbar durch',
    payableByWhom: 'Zahlbar durch (Name/Adresse)',
    currency: 'Währung',
    amount: 'Betrag',
    acceptancePoint: 'Annahmestelle',
    separate: 'Vor der Einzahlung abzutrennen',
  },
  fr: {
    receipt: 'Récépissé',
    paymentPart: 'Section paiement',
    account: 'Compte / Payable à',
    reference: 'Référence',
    information: 'Informations supplémentaires',
    payableBy: 'Payable par',
    payableByWhom: 'Payable par (nom/adresse)',
    currency: 'Monnaie',
    amount: 'Montant',
    acceptancePoint: 'Point de dépôt',
    separate: 'À détacher avant le versement',
  },
  it: {
    receipt: 'Ricevuta',
    paymentPart: 'Sezione pagamento',
    account: 'Conto / Pagabile a',
    reference: 'Riferimento',
    information: 'Informazioni supplementari',
    payableBy: 'Pagabile da',
    payableByWhom: 'Pagabile da (nome/indirizzo)',
    currency: 'Valuta',
    amount: 'Importo',
    acceptancePoint: 'Punto di accettazione',
    separate: 'Da staccare prima del versamento',
  },
};

const style = (face: TextStyle['face'], size: number): TextStyle => ({ face, size, colour: BLACK });
const TITLE = style('strong', 11);

/** Sizes in points, 3.4: headings and values of the receipt are smaller than those of the payment part. */
const RECEIPT = { heading: style('strong', 6), value: style('regular', 8), lead: 9 };
const PAYMENT = { heading: style('strong', 8), value: style('regular', 10), lead: 11 };
type Sizes = typeof RECEIPT;

/** Draws the slip at the foot of the page that is being drawn. The page above it is the caller's. */
export function drawSwissBill(sheet: Sheet, bill: SwissBill, language: string): void {
  const words = HEADINGS[language.slice(0, 2)] ?? ENGLISH;
  const top = PAGE_HEIGHT - SLIP_HEIGHT;
  sheet.fill(0, top, PAGE_WIDTH, SLIP_HEIGHT, WHITE);
  sheet.rule(0, top, PAGE_WIDTH, BLACK, 0.5);
  sheet.fill(RECEIPT_WIDTH, top, 0.5, SLIP_HEIGHT, BLACK);
  const { separate } = words;
  const separateStyle = RECEIPT.value;
  sheet.text(separate, (PAGE_WIDTH - sheet.width(separate, separateStyle)) / 2, top - 4, separateStyle);

  drawReceipt(sheet, bill, words, top);
  drawPaymentPart(sheet, bill, words, top);
}

function drawReceipt(sheet: Sheet, bill: SwissBill, words: typeof ENGLISH, top: number): void {
  const [x, width] = [MARGIN, RECEIPT_WIDTH - 2 * MARGIN];
  sheet.text(words.receipt, x, top + MARGIN + 8, TITLE);
  const below = sections(sheet, RECEIPT, x, top + 12 * MM, width, [
    [words.account, [groups(bill.iban, 4), ...partyLines(bill.creditor)]],
    ...referenceSection(bill, words),
    ...(bill.debtor ? [[words.payableBy, partyLines(bill.debtor)] as Section] : []),
  ]);
  if (!bill.debtor) emptyField(sheet, words.payableByWhom, RECEIPT, { x, y: below, width: 52 * MM, height: 20 * MM });
  drawAmount(sheet, bill, words, RECEIPT, x, top + 68 * MM, 12 * MM);
  const right = RECEIPT_WIDTH - MARGIN;
  sheet.text(words.acceptancePoint, right, top + 82 * MM + 6, RECEIPT.heading, 'right');
}

function drawPaymentPart(sheet: Sheet, bill: SwissBill, words: typeof ENGLISH, top: number): void {
  const x = RECEIPT_WIDTH + MARGIN;
  sheet.text(words.paymentPart, x, top + MARGIN + 8, TITLE);
  drawCode(sheet, bill, x, top + 17 * MM);
  drawAmount(sheet, bill, words, PAYMENT, x, top + 68 * MM, 15 * MM);
  const [right, width] = [118 * MM, 87 * MM];
  const below = sections(sheet, PAYMENT, right, top + MARGIN, width, [
    [words.account, [groups(bill.iban, 4), ...partyLines(bill.creditor)]],
    ...referenceSection(bill, words),
    [words.information, [bill.message]],
    ...(bill.debtor ? [[words.payableBy, partyLines(bill.debtor)] as Section] : []),
  ]);
  if (!bill.debtor) {
    emptyField(sheet, words.payableByWhom, PAYMENT, { x: right, y: below, width: 65 * MM, height: 25 * MM });
  }
}

/** 46 mm wide without its quiet zone, level M, the Swiss cross of 7 mm in its middle (6.4). */
function drawCode(sheet: Sheet, bill: SwissBill, x: number, y: number): void {
  const [side, cross] = [46 * MM, 7 * MM];
  const { path, modules } = qrPath(swissPayload(bill), 'M');
  sheet.drawing([{ path, colour: BLACK, evenOdd: false }], x, y, side / modules, side);
  const [left, top] = [x + (side - cross) / 2, y + (side - cross) / 2];
  // In sixtieths of the symbol: a white edge of two, the cross of arms 10 wide and 32 long on black.
  const unit = cross / 60;
  const parts: [x: number, y: number, width: number, height: number, colour: string][] = [
    [0, 0, 60, 60, WHITE],
    [3, 3, 54, 54, BLACK],
    [25, 14, 10, 32, WHITE],
    [14, 25, 32, 10, WHITE],
  ];
  for (const [column, row, width, height, colour] of parts) {
    sheet.fill(left + column * unit, top + row * unit, width * unit, height * unit, colour);
  }
}

type Section = [heading: string, lines: readonly string[]];

/** Headings with their values from `top` down; answers where the next one would begin. */
function sections(sheet: Sheet, sizes: Sizes, x: number, top: number, width: number, of: readonly Section[]): number {
  const { heading, value, lead } = sizes;
  let y = top;
  for (const [name, lines] of of) {
    y += lead;
    sheet.text(name, x, y - 2, heading);
    for (const line of lines.flatMap((each) => sheet.wrap(each, width, value))) {
      y += lead;
      sheet.text(line, x, y - 2, value);
    }
    y += lead * 0.6;
  }
  return y;
}

function drawAmount(
  sheet: Sheet,
  { currency, amount }: SwissBill,
  words: typeof ENGLISH,
  { heading, value, lead }: Sizes,
  x: number,
  y: number,
  gap: number,
): void {
  sheet.text(words.currency, x, y + lead - 2, heading);
  sheet.text(currency, x, y + 2 * lead, value);
  const next = x + Math.max(gap, sheet.width(words.currency, heading) + 6);
  sheet.text(words.amount, next, y + lead - 2, heading);
  sheet.text(spaced(amount), next, y + 2 * lead, value);
}

/** A field that is filled in by hand, marked by its four corners (3.5.3). */
function emptyField(
  sheet: Sheet,
  heading: string,
  { heading: style, lead }: Sizes,
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
): void {
  const [arm, thick] = [3 * MM, 0.75];
  sheet.text(heading, x, y + lead - 2, style);
  const top = y + lead + 2;
  for (const isRight of [false, true]) {
    for (const isLower of [false, true]) {
      const [cornerX, cornerY] = [isRight ? x + width : x, isLower ? top + height : top];
      sheet.fill(isRight ? cornerX - arm : cornerX, isLower ? cornerY - thick : cornerY, arm, thick, BLACK);
      sheet.fill(isRight ? cornerX - thick : cornerX, isLower ? cornerY - arm : cornerY, thick, arm, BLACK);
    }
  }
}

function referenceSection({ reference }: SwissBill, words: typeof ENGLISH): Section[] {
  if (reference.type === 'NON') return [];
  // A QR reference has its first two digits apart, then groups of five (3.5.1).
  const { text, type } = reference;
  return [[words.reference, [type === 'QRR' ? `${text.slice(0, 2)} ${groups(text.slice(2), 5)}` : groups(text, 4)]]];
}

function partyLines({ name, street, country, postalCode, town }: SwissParty): string[] {
  const abroad = country === 'CH' || country === 'LI' ? '' : `${country}-`;
  return [name, street, `${abroad}${postalCode} ${town}`];
}

function groups(text: string, of: number): string {
  return text.replace(new RegExp(`(.{${of}})(?=.)`, 'g'), '$1 ');
}

/** `1 949.75`: a blank between groups, a point before the decimals (3.5.2). */
function spaced(amount: string): string {
  return amount.replace(/\B(?=(?:\d{3})+\.)/g, ' ');
}
