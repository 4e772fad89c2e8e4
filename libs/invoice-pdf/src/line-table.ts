import { type InvoiceLine, withoutSubscriberNumber } from '#invoicing';
import { decimal } from '#money';
import { explain } from '#rating';
import { titleOf } from '#wording';
import type { ChargeGroup, Entry } from './entries.js';
import type { Chunk, Piece } from './paginate.js';
import { priceTerms } from './price-terms.js';
import type { PrintableInvoice } from './printable-invoice.js';
import type { Sheet, TextStyle } from './sheet.js';
import type { Texts } from './texts.js';
import { ACCENT, HAIRLINE, LEFT, RIGHT, STYLES, WIDTH } from './style.js';

export interface LineTable {
  header: Piece;
  rows: Chunk[];
}

const GAP = 12;
const TEXT_LEAD = 12;
const SUBJECT_LEAD = 10.6;
const STEP_LEAD = 9.8;
const PADDING = 5;

/** Steps that multiply the line's own quantity by a price. */
const PER_UNIT: ReadonlySet<string> = new Set(['unit', 'tier', 'fee']);
/** What is an amount and no quantity at a price. */
const AMOUNTS: ReadonlySet<string> = new Set(['discount', 'minimum_spend', 'adjustment']);
const HEADER_HEIGHT = 20;

interface Cells {
  quantity: string;
  unit: string;
  unitPrice: string;
  amount: string;
}

/** What stands in one row of the table and beneath it. */
interface Row {
  /** The line's number, or the part of the annex that has the lines. */
  mark: string;
  description: string;
  cells: Cells;
  subject: string[];
  small: string[];
}

interface Columns {
  description: number;
  descriptionWidth: number;
  /** Right edges, but `unit` is a left one. */
  quantity: number;
  unit: number;
  unitPrice: number;
  amount: number;
}

/**
 * The table: a header for every page and one chunk per line, its derivation in small print beneath it. A charge whose lines are
 * in the annex has one row with what they come to and its price.
 */
export function lineTable(
  sheet: Sheet,
  texts: Texts,
  document: PrintableInvoice,
  entries: readonly Entry[],
): LineTable {
  const rows = entries.map((entry) =>
    'line' in entry ? rowOfLine(texts, document, entry.line) : rowOfGroup(texts, document, entry.group),
  );
  const counted = rows.some(({ cells }) => cells.quantity !== '');
  const heads = {
    quantity: counted ? texts.words.quantity : '',
    unit: counted ? texts.words.unit : '',
    unitPrice: rows.some(({ cells }) => cells.unitPrice !== '') ? texts.words.unitPrice : '',
    amount: texts.words.amountIn(document.currency),
  };
  const columns = columnsFor(sheet, [heads, ...rows.map(({ cells }) => cells)]);

  const header: Piece = {
    height: HEADER_HEIGHT,
    draw: (y) => {
      const baseline = y + 10;
      sheet.text('#', LEFT, baseline, STYLES.columnHead);
      sheet.text(texts.words.description, columns.description, baseline, STYLES.columnHead);
      sheet.text(heads.quantity, columns.quantity, baseline, STYLES.columnHead, 'right');
      sheet.text(heads.unit, columns.unit, baseline, STYLES.columnHead);
      sheet.text(heads.unitPrice, columns.unitPrice, baseline, STYLES.columnHead, 'right');
      sheet.text(heads.amount, columns.amount, baseline, STYLES.columnHead, 'right');
      sheet.rule(LEFT, y + 16, WIDTH, ACCENT, 0.9);
    },
  };
  return { header, rows: rows.map((row) => chunkOf(sheet, row, columns)) };
}

function rowOfLine(texts: Texts, document: PrintableInvoice, line: InvoiceLine): Row {
  const hidden = (text: string): string => withoutSubscriberNumber(text, line.entity);
  return {
    mark: String(line.position),
    description: hidden(titleOf(line, texts.words)),
    cells: cellsOf(texts, line),
    subject: subjectOf(texts, document, line),
    small: [...particularsOf(texts, document, line), ...derivationOf(texts, line).map(hidden)],
  };
}

function rowOfGroup(texts: Texts, document: PrintableInvoice, { mark, lines, amount, quantity }: ChargeGroup): Row {
  const [first] = lines;
  const { words } = texts;
  const prices = new Set(lines.map(singlePrice));
  const [price = null] = prices.size === 1 ? prices : [];
  return {
    mark,
    description: titleOf(first, words),
    cells: {
      quantity: quantity === null ? '' : texts.shortQuantity(quantity).text,
      unit: quantity === null ? '' : texts.unitName(first.unit),
      unitPrice: price === null ? '' : texts.grouped(price),
      amount: texts.grouped(amount),
    },
    subject: [words.annex.linesIn(texts.grouped(String(lines.length)), mark)],
    small: [...taxAndCodeOf(texts, document, first), ...(price === null ? priceTerms(texts, first) : [])],
  };
}

function chunkOf(sheet: Sheet, { mark, description, cells, subject, small }: Row, columns: Columns): Chunk {
  const [first = '', ...others] = sheet.wrap(description, columns.descriptionWidth, STYLES.cell);

  const head: Piece = {
    height: PADDING + TEXT_LEAD,
    draw: (y) => {
      const baseline = y + PADDING + 9;
      sheet.text(mark, LEFT, baseline, STYLES.cellQuiet);
      sheet.text(first, columns.description, baseline, STYLES.cell);
      sheet.text(cells.quantity, columns.quantity, baseline, STYLES.cell, 'right');
      sheet.text(cells.unit, columns.unit, baseline, STYLES.cellQuiet);
      sheet.text(cells.unitPrice, columns.unitPrice, baseline, STYLES.cell, 'right');
      sheet.text(cells.amount, columns.amount, baseline, STYLES.cellStrong, 'right');
    },
  };
  const textPiece = (text: string, style: TextStyle, lead: number): Piece => ({
    height: lead,
    draw: (y) => sheet.text(text, columns.description, y + lead - 2.2, style),
  });
  const foot: Piece = {
    height: PADDING,
    draw: (y) => sheet.rule(LEFT, y + PADDING - 0.5, WIDTH, HAIRLINE, 0.5),
  };

  // The small print runs under the figures as well, but stays clear of the amounts.
  const smallWidth = columns.amount - columns.description - 70;
  const smallPrint = (texts: readonly string[], style: TextStyle, lead: number): Piece[] =>
    texts.flatMap((text) => sheet.wrap(text, smallWidth, style)).map((text) => textPiece(text, style, lead));
  return {
    tabular: true,
    joinsPrevious: false,
    pieces: [
      head,
      ...others.map((text) => textPiece(text, STYLES.cell, TEXT_LEAD)),
      ...smallPrint(subject, STYLES.subject, SUBJECT_LEAD),
      ...smallPrint(small, STYLES.step, STEP_LEAD),
      foot,
    ],
  };
}

/** What the line is about and, when it is not the whole period, for which days. */
export function subjectOf(texts: Texts, document: PrintableInvoice, { entity, segment }: InvoiceLine): string[] {
  const whole = segment.start_date === document.period.start_date && segment.end_date === document.period.end_date;
  return [texts.entityLabel(entity), whole ? null : texts.dateRange(segment.start_date, segment.end_date)].filter(
    isText,
  );
}

/** Code and tax where the line has its own, and a quantity that its column had to round. */
function particularsOf(texts: Texts, document: PrintableInvoice, line: InvoiceLine): string[] {
  return [...taxAndCodeOf(texts, document, line), fullQuantity(texts, line)].filter(isText);
}

function taxAndCodeOf(texts: Texts, document: PrintableInvoice, line: InvoiceLine): string[] {
  const code = line.commodity_code ?? document.gst?.sac;
  return [
    code ? `${codeName(texts, document)} ${code}` : null,
    line.tax_category ? texts.words.taxCategoryOf(line.tax_category, texts.taxCategoryName(line.tax_category)) : null,
    line.tax === undefined ? null : texts.words.taxOf(line.tax),
  ].filter(isText);
}

const isText = (text: string | null): text is string => text !== null;

/** Decimals of a quantity beyond which it is left to the evidence: no eye reads a product of so many digits. */
const DECIMALS_READ = 12;

/** The quantity that its column had to round; counted shares of a fee are told by the derivation. */
function fullQuantity(texts: Texts, { kind, quantity, unit, derivation }: InvoiceLine): string | null {
  // Several steps tell it by their own quantities.
  if (kind !== 'usage' || derivation.steps.length > 1 || !texts.shortQuantity(quantity).isRounded) return null;
  const decimals = quantity.split('.')[1]?.length ?? 0;
  if (decimals > DECIMALS_READ) return null;
  return texts.words.exactQuantity(decimals, `${texts.grouped(quantity)} ${texts.unitName(unit)}`);
}

/** How the amount came about, unless quantity, unit price and amount of the row already say all of it. */
export function derivationOf(texts: Texts, line: InvoiceLine): string[] {
  const sentences = [...explain(line, texts.words), line.kind === 'usage' ? texts.closingSum(line) : null].filter(
    isText,
  );
  const nowAndBefore = (now: string, before: string) =>
    texts.words.nowAndBefore(texts.grouped(now), texts.grouped(before));
  if (line.correction) return [nowAndBefore(line.correction.rerated, line.correction.billed), ...sentences];
  if (line.credit) return [nowAndBefore(line.credit.left, line.credit.billed)];
  const exact = decimal(line.amount).equals(decimal(line.unrounded_amount));
  const wholePeriod = line.derivation.steps.every((step) => step.quantity === line.quantity);
  return sentences.length === 1 && exact && wholePeriod && singlePrice(line) !== null ? [] : sentences;
}

/** India's rule 46 asks for the code by its own name. */
function codeName({ words }: Texts, document: PrintableInvoice): string {
  return document.supplier.address?.country === 'IN' ? 'HSN/SAC' : words.commodityCode;
}

function cellsOf(texts: Texts, line: InvoiceLine): Cells {
  const price = singlePrice(line);
  // Of an amount, "1 item" would only puzzle. What was credited without a quantity is one, too.
  const counted = !AMOUNTS.has(line.kind) && !(line.credit && line.quantity === '0');
  return {
    quantity: counted ? texts.shortQuantity(line.quantity).text : '',
    unit: counted ? texts.unitName(line.unit) : '',
    unitPrice: price === null ? '' : texts.grouped(price),
    amount: texts.grouped(line.amount),
  };
}

/** The price when the whole quantity goes by one; tiers, packages and allowances are told beneath the line. */
function singlePrice(line: InvoiceLine): string | null {
  if (line.correction || line.credit) return null;
  const { steps } = line.derivation;
  const price = steps[0]?.unit_price ?? null;
  return steps.every((step) => PER_UNIT.has(step.kind) && step.unit_price === price) ? price : null;
}

/** Columns as wide as what stands in them; the description takes the rest. */
function columnsFor(sheet: Sheet, rows: readonly Cells[]): Columns {
  const widest = (pick: (row: Cells) => string, style: TextStyle): number =>
    rows.reduce((width, row) => Math.max(width, sheet.width(pick(row), style)), 0);
  const amountWidth = widest((row) => row.amount, STYLES.cellStrong);
  const priceWidth = widest((row) => row.unitPrice, STYLES.cell);
  const unitWidth = widest((row) => row.unit, STYLES.cell);
  const quantityWidth = widest((row) => row.quantity, STYLES.cell);

  const amount = RIGHT;
  const unitPrice = amount - amountWidth - GAP;
  const unit = unitPrice - priceWidth - (priceWidth > 0 ? GAP : 0) - unitWidth;
  const quantity = unit - 5;
  const description = LEFT + 22;
  const descriptionWidth = quantity - quantityWidth - GAP - description;
  return { description, descriptionWidth, quantity, unit, unitPrice, amount };
}
