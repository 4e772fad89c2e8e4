import { type InvoiceLine, withoutSubscriberNumber } from '#invoicing';
import { decimal, minus, Ratio, times } from '#money';
import { titleOf } from '#wording';
import type { ChargeGroup } from './entries.js';
import { derivationOf, subjectOf } from './line-table.js';
import { priceTerms } from './price-terms.js';
import type { PrintableInvoice } from './printable-invoice.js';
import type { Sheet, TextStyle } from './sheet.js';
import { ACCENT, GREY, HAIRLINE, LEFT, RIGHT, STYLES, TINT, WIDTH } from './style.js';
import type { Texts } from './texts.js';

const LEAD = 7.7;
const PADDING = 0.1;
const TITLE_HEIGHT = 26;
const SECTION_TITLE = 13;
const HEAD = 12;
const TOTAL = 22;
const GAP = 9;
/** Less of a section is not begun at the foot of a page. */
const ROWS_WITH_TITLE = 4;

/** The space of a page that the annex may fill. */
export interface AnnexSpace {
  readonly top: number;
  readonly bottom: number;
}

/** The lines of the charges that the table has in one row each. */
export interface Annex {
  readonly pages: number;
  /** Draws page after page; `turn` is called before each of them, and the pages before may be let go. */
  draw(turn: () => void): void;
}

/** A column of figures; the rest of the width has what the line is about. */
interface Column {
  readonly head: string;
  readonly style: TextStyle;
  readonly textOf: (line: InvoiceLine) => string;
}

interface Placed extends Column {
  /** Right edge. */
  readonly right: number;
}

interface Section {
  readonly group: ChargeGroup;
  readonly title: string;
  readonly terms: readonly string[];
  readonly columns: readonly Placed[];
  readonly nameWidth: number;
  /** Right edge of what the lines of all pages come to. */
  readonly quantity: { readonly text: string; readonly right: number } | null;
}

/**
 * Sets the annex. Its rows are set twice, once to know how many pages there are and once to be drawn, and never kept: what a document
 * of ten thousand lines needs beside itself is one page.
 */
export function annexOf(
  sheet: Sheet,
  texts: Texts,
  document: PrintableInvoice,
  groups: readonly ChargeGroup[],
  space: AnnexSpace,
): Annex {
  if (groups.length === 0) return { pages: 0, draw: () => undefined };
  const sections = groups.map((group) => sectionOf(sheet, texts, document, group));
  let pages = 0;
  const walk = (drawn: boolean, turn: () => void): void =>
    walkAnnex({ sheet, texts, document, space, drawn, turn }, sections);
  walk(false, () => (pages += 1));
  return { pages, draw: (turn) => walk(true, turn) };
}

interface Walk {
  readonly sheet: Sheet;
  readonly texts: Texts;
  readonly document: PrintableInvoice;
  readonly space: AnnexSpace;
  /** False while only the pages are counted. */
  readonly drawn: boolean;
  readonly turn: () => void;
}

function walkAnnex(walk: Walk, sections: readonly Section[]): void {
  const { sheet, texts, space, drawn } = walk;
  walk.turn();
  let y = space.top;
  if (drawn) sheet.text(texts.words.annex.title, LEFT, y + 15, STYLES.annexTitle);
  y += TITLE_HEIGHT;
  for (const section of sections) {
    const begun = SECTION_TITLE + section.terms.length * LEAD + HEAD + ROWS_WITH_TITLE * LEAD;
    if (y + begun > space.bottom) {
      walk.turn();
      y = space.top;
    }
    y = headOf(walk, section, y, true);
    const { lines } = section.group;
    const last = lines.length - 1;
    for (const [index, line] of lines.entries()) {
      const row = rowOf(walk, section, line);
      const needed = heightOf(row) + (index === last ? TOTAL : 0);
      // What is longer than a page is torn, from where it stands.
      const torn = needed > space.bottom - space.top - SECTION_TITLE - HEAD;
      if (y + (torn ? LEAD : needed) > space.bottom) {
        walk.turn();
        y = headOf(walk, section, space.top, false);
      }
      if (drawn && index % 2 === 1 && !torn) sheet.fill(LEFT, y, WIDTH, heightOf(row), TINT);
      if (drawn) drawFigures(walk, section, line, y);
      y += PADDING;
      for (const { text, style } of row) {
        if (y + LEAD > space.bottom) {
          walk.turn();
          y = headOf(walk, section, space.top, false);
        }
        if (drawn) sheet.text(text, LEFT + NAME_LEFT, y + LEAD - 2, style);
        y += LEAD;
      }
      y += PADDING;
    }
    if (y + TOTAL > space.bottom) {
      walk.turn();
      y = headOf(walk, section, space.top, false);
    }
    if (drawn) drawTotal(walk, section, y);
    y += TOTAL;
  }
}

/** The numbers of the lines stand to the left of it. */
const NAME_LEFT = 26;

type RowText = { readonly text: string; readonly style: TextStyle };

function heightOf(row: readonly RowText[]): number {
  return row.length * LEAD + 2 * PADDING;
}

/** What the line is about, and the long words where the figures do not say all of it. */
function rowOf({ sheet, texts, document }: Walk, { nameWidth }: Section, line: InvoiceLine): RowText[] {
  const about = subjectOf(texts, document, line).join(' · ');
  const name = sheet.wrap(about === '' ? titleOf(line, texts.words) : about, nameWidth, STYLES.annexCell);
  const words = needsWords(line)
    ? derivationOf(texts, line)
        .map((text) => withoutSubscriberNumber(text, line.entity))
        .flatMap((text) => sheet.wrap(text, WIDTH - NAME_LEFT, STYLES.annexWords))
    : [];
  return [
    ...(name.length === 0 ? [''] : name).map((text) => ({ text, style: STYLES.annexCell })),
    ...words.map((text) => ({ text, style: STYLES.annexWords })),
  ];
}

/** Whether the figures of a row leave open how the amount came about, or what it rests on. */
function needsWords({ correction, credit, derivation: { basis, steps } }: InvoiceLine): boolean {
  if (correction !== undefined || credit !== undefined) return true;
  if (basis.kind === 'recurring') return basis.shares.length > 1 || isPart(basis.shares[0]);
  if (basis.kind !== 'usage') return true;
  if (isPart(basis.share) || steps.some(({ kind }) => kind === 'minimum' || kind === 'maximum')) return true;
  const { evidence } = basis;
  if (evidence === null) return false;
  if (evidence.metric !== 'bandwidth') return evidence.missing !== undefined;
  const { unreported } = evidence;
  const open = unreported === null ? 0 : unreported.lost + unreported.unanswered + unreported.unexplained;
  return open > 0 || evidence.parts.length > 1;
}

function isPart(share: { numerator: string; denominator: string } | undefined): boolean {
  return share !== undefined && share.numerator !== share.denominator;
}

/** Title and heads of a section; answers where its rows begin. What it costs is told where it begins. */
function headOf({ sheet, texts, drawn }: Walk, { group, title, terms, columns }: Section, top: number, first: boolean) {
  let y = top;
  if (drawn) {
    sheet.text(group.mark, LEFT, y + 9, STYLES.annexMark);
    sheet.text(title, LEFT + NAME_LEFT, y + 9, STYLES.annexSection);
  }
  y += SECTION_TITLE;
  for (const text of first ? terms : []) {
    if (drawn) sheet.text(text, LEFT + NAME_LEFT, y + LEAD - 2, STYLES.annexWords);
    y += LEAD;
  }
  if (drawn) {
    sheet.text('#', LEFT, y + 7.5, STYLES.annexHead);
    sheet.text(texts.words.description, LEFT + NAME_LEFT, y + 7.5, STYLES.annexHead);
    for (const { head, right } of columns) sheet.text(head, right, y + 7.5, STYLES.annexHead, 'right');
    sheet.rule(LEFT, y + 10.6, WIDTH, ACCENT, 0.7);
  }
  return y + HEAD;
}

function drawFigures({ sheet }: Walk, { columns }: Section, line: InvoiceLine, y: number): void {
  const baseline = y + PADDING + LEAD - 2;
  sheet.text(String(line.position), LEFT, baseline, { ...STYLES.annexCell, colour: GREY });
  for (const { textOf, style, right } of columns) sheet.text(textOf(line), right, baseline, style, 'right');
}

function drawTotal({ sheet, texts }: Walk, { group, quantity }: Section, y: number): void {
  sheet.rule(LEFT, y + 1, WIDTH, HAIRLINE, 0.7);
  const baseline = y + 10;
  sheet.text(texts.words.annex.lines(texts.grouped(String(group.lines.length))), LEFT + NAME_LEFT, baseline, {
    ...STYLES.annexCell,
    colour: GREY,
  });
  if (quantity) sheet.text(quantity.text, quantity.right, baseline, STYLES.annexCell, 'right');
  sheet.text(texts.grouped(group.amount), RIGHT, baseline, STYLES.annexStrong, 'right');
}

/** Columns as wide as what stands in them over all pages; the name takes the rest. */
function sectionOf(sheet: Sheet, texts: Texts, document: PrintableInvoice, group: ChargeGroup): Section {
  const [first] = group.lines;
  const quantityText = group.quantity === null ? '' : compact(texts, group.quantity);
  const total = (column: Column): string => {
    if (column.style === STYLES.annexStrong) return texts.grouped(group.amount);
    return column.head === quantityHead(texts, first) ? quantityText : '';
  };
  const columns: Placed[] = [];
  let right = RIGHT;
  for (const column of columnsOf(texts, document, group).reverse()) {
    const { head, style, textOf } = column;
    let width = Math.max(sheet.width(head, STYLES.annexHead), sheet.width(total(column), style));
    for (const line of group.lines) width = Math.max(width, sheet.width(textOf(line), style));
    columns.unshift({ ...column, right });
    right -= width + GAP;
  }
  const quantity = columns.find(({ head }) => head === quantityHead(texts, first));
  return {
    group,
    title: titleOf(first, texts.words),
    terms: priceTerms(texts, first).flatMap((text) => sheet.wrap(text, WIDTH - NAME_LEFT, STYLES.annexWords)),
    columns,
    nameWidth: Math.max(60, right - LEFT - NAME_LEFT),
    quantity: quantityText === '' || !quantity ? null : { text: quantityText, right: quantity.right },
  };
}

function quantityHead(texts: Texts, { unit }: InvoiceLine): string {
  return `${texts.words.quantity} ${texts.unitName(unit)}`;
}

/** The figures of a charge: what was reported in each direction, the share of samples that is missing, what is billed. */
function columnsOf(texts: Texts, document: PrintableInvoice, { lines }: ChargeGroup): Column[] {
  const { words } = texts;
  const [first] = lines;
  const figure = (head: string, textOf: Column['textOf']): Column => ({ head, style: STYLES.annexCell, textOf });
  const amounts: Column[] = [
    figure(quantityHead(texts, first), ({ quantity }) => compact(texts, quantity)),
    {
      head: words.amountIn(document.currency),
      style: STYLES.annexStrong,
      textOf: ({ amount }) => texts.grouped(amount),
    },
  ];
  const way = (of: 'uplink' | 'downlink') => (line: InvoiceLine) => reported(texts, line, of);
  const ways = [figure(words.annex.uplink, way('uplink')), figure(words.annex.downlink, way('downlink'))].filter(
    ({ textOf }) => lines.some((line) => textOf(line) !== ''),
  );
  const missing = figure(words.annex.missing, (line) => missingShare(texts, line));
  const nothing = words.percent('0');
  const isMissing = lines.some((line) => !['', nothing].includes(missing.textOf(line)));
  return [...ways, ...(isMissing ? [missing] : []), ...amounts];
}

/** One direction in the line's unit: of the sample that is billed, or of the whole sum. */
function reported(texts: Texts, { derivation: { basis } }: InvoiceLine, way: 'uplink' | 'downlink'): string {
  if (basis.kind !== 'usage' || !basis.evidence) return '';
  const { evidence } = basis;
  const [part, ...others] = evidence.metric === 'bandwidth' ? evidence.parts : [];
  const sample = others.length === 0 ? part?.billed.sample : null;
  const value = evidence.metric === 'bandwidth' ? sample?.[way] : evidence.sums[way];
  if (value === null || value === undefined) return '';
  return compact(texts, Ratio.of(decimal(value), decimal(basis.base_units_per_unit)).toTruncated(12));
}

function missingShare(texts: Texts, { derivation: { basis } }: InvoiceLine): string {
  if (basis.kind !== 'usage' || basis.evidence?.metric !== 'bandwidth') return '';
  const missing = times(minus(decimal('1'), decimal(basis.evidence.coverage)), decimal('100'));
  return texts.words.percent(texts.grouped(missing.toFixed()));
}

/** Decimals that a row has room for; a quantity with more of them is cut visibly, and whole in the evidence. */
const DECIMALS = 6;

function compact(texts: Texts, quantity: string): string {
  const [whole = '', fraction = ''] = quantity.split('.');
  if (fraction.length <= DECIMALS) return texts.grouped(quantity);
  return `${texts.grouped(`${whole}.${fraction.slice(0, DECIMALS)}`)}…`;
}
