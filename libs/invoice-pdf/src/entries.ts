import type { InvoiceLine } from '#invoicing';
import { type Decimal, decimal, sum } from '#money';

/** Documents of up to so many lines have each of them in the table of the first pages. */
const MOST_LINES_IN_TABLE = 40;

/** Of a longer document, charges of up to so many lines stay in the table all the same. */
const MOST_LINES_OF_CHARGE = 8;

/** The lines of one charge at one price, which stand in the annex and come to one row of the table. */
export interface ChargeGroup {
  /** `A1`, by which row and annex find each other. */
  readonly mark: string;
  readonly lines: readonly [InvoiceLine, ...InvoiceLine[]];
  /** Exact sum of the lines, with the currency's decimals. */
  readonly amount: string;
  /** Exact sum of the lines in their unit; null where they do not add up: percentiles, quantities that are cut. */
  readonly quantity: string | null;
}

/** A row of the table: a line, or a charge whose lines are in the annex. */
export type Entry = { readonly line: InvoiceLine } | { readonly group: ChargeGroup };

/**
 * What the table of a document has for rows, in the order of its lines: of a document with many lines, one row for each charge
 * that has many of them. A rule of layout alone: the document keeps all its lines, and the rows come to the same net.
 */
export function entriesOf(lines: readonly InvoiceLine[]): Entry[] {
  if (lines.length <= MOST_LINES_IN_TABLE) return lines.map((line) => ({ line }));
  const ofCharge = new Map<string, InvoiceLine[]>();
  for (const line of lines) {
    const key = chargeKey(line);
    const known = ofCharge.get(key);
    if (known) known.push(line);
    else ofCharge.set(key, [line]);
  }
  const entries: { readonly at: number; readonly entry: Entry }[] = [];
  let marks = 0;
  for (const own of ofCharge.values()) {
    const [first, ...others] = own;
    if (first === undefined) continue;
    if (own.length > MOST_LINES_OF_CHARGE) {
      marks += 1;
      entries.push({ at: first.position, entry: { group: groupOf(`A${marks}`, [first, ...others]) } });
    } else {
      for (const line of own) entries.push({ at: line.position, entry: { line } });
    }
  }
  return entries.sort((one, other) => one.at - other.at).map(({ entry }) => entry);
}

function groupOf(mark: string, lines: ChargeGroup['lines']): ChargeGroup {
  const [{ amount, kind, unit }] = lines;
  const decimals = amount.split('.')[1]?.length ?? 0;
  const addsUp = kind === 'usage' && !RATES.has(unit) && lines.every(({ quantity }) => !isCut(quantity));
  return {
    mark,
    lines,
    amount: totalOf(lines, 'amount').toFixed(decimals),
    quantity: addsUp ? totalOf(lines, 'quantity').toFixed() : null,
  };
}

/** Percentiles and averages of several sites are no percentile of all of them. */
const RATES: ReadonlySet<string> = new Set(['bps', 'kbps', 'Mbps', 'Gbps']);

/** Decimals after which a line's quantity is cut. */
const QUANTITY_DECIMALS = 12;

function isCut(quantity: string): boolean {
  return (quantity.split('.')[1]?.length ?? 0) >= QUANTITY_DECIMALS;
}

function totalOf(lines: readonly InvoiceLine[], of: 'amount' | 'quantity'): Decimal {
  return sum(lines.map((line) => decimal(line[of])));
}

/** Equal for lines that a payer reads as one: the same charge in the same words, at the same price, under the same taxes. */
function chargeKey(line: InvoiceLine): string {
  const { charge, kind, description, unit, tax_category, tax, commodity_code, correction, credit, derivation } = line;
  const { basis } = derivation;
  const price =
    basis.kind === 'usage'
      ? [basis.price, basis.included, basis.minimum_amount, basis.maximum_amount, basis.base_units_per_unit]
      : 'unit_amount' in basis
        ? basis.unit_amount
        : null;
  const note = [correction !== undefined, credit !== undefined];
  return JSON.stringify([charge, kind, description, unit, tax_category, tax, commodity_code, note, price]);
}
