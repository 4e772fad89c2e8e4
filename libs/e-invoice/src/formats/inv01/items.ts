import { type InvoiceLine, levyOf, type TaxGroup } from '#invoicing';
import { allocate, Decimal, decimal, minus, plus, sum } from '#money';
import { taxNameKey } from '#rating';
import type { ElectronicDocument } from '../../document.js';
import { isRefusal, type Refusal, refused } from '../../refusal.js';
import { type MergedGroup, taxesOfLines } from '../../semantic/taxes-of-lines.js';

/** What INV-01 has columns for; the tax of a union territory stands in that of a state. */
export type Column = 'Cgst' | 'Sgst' | 'Igst';
export const COLUMNS: readonly Column[] = ['Cgst', 'Sgst', 'Igst'];

const COLUMN_OF: Readonly<Record<string, Column>> = { CGST: 'Cgst', SGST: 'Sgst', UTGST: 'Sgst', IGST: 'Igst' };

/** An item of INV-01; amounts are not below 0, those of a credit note turned. */
export interface Item {
  readonly line: InvoiceLine;
  readonly total: Decimal;
  readonly discount: Decimal;
  /** Total less discount: what is taxed. */
  readonly taxable: Decimal;
  /** Percent, of all components together. */
  readonly rate: Decimal;
  readonly taxes: Readonly<Record<Column, Decimal>>;
}

/** Lines that bear the same rate, with what the document has of their taxes. */
interface RateClass {
  readonly group: MergedGroup;
  readonly taxes: Partial<Record<Column, Decimal>>;
}

const ZERO = new Decimal(0);
const RUPEE_DECIMALS = 2;

/**
 * The items of a document, in the order of its lines. INV-01 knows no negative item: what discounts and refunds take off is
 * spread over the items of their rate by largest remainder, as the discount that each item has. Taxes are those of the
 * document, which were rounded once on all lines, spread in the same way; so items always come to the document.
 */
export function itemsOf(document: ElectronicDocument): Item[] | Refusal {
  const classes = rateClasses(document);
  if (isRefusal(classes)) return classes;
  const taxes = taxesOfLines(
    document,
    classes.map(({ group }) => group),
  );
  if (isRefusal(taxes)) return taxes;
  const isCredit = document.kind === 'credit_note';
  const turned = (amount: Decimal) => (isCredit ? amount.negated() : amount);
  const items = new Map<InvoiceLine, Item>();
  for (const { group, taxes: due } of classes) {
    const own = document.lines.filter((_, at) => {
      const tax = taxes[at];
      return tax?.category === group.category && tax.rate === group.rate;
    });
    const amounts = own.map((line) => turned(decimal(line.amount)));
    const kept = own.flatMap((line, at) => {
      const total = amounts[at] ?? ZERO;
      return total.isNegative() && !total.isZero() ? [] : [{ line, total }];
    });
    const off = minus(sum(kept.map(({ total }) => total)), sum(amounts));
    const discounts = spread(
      off,
      kept.map(({ total }) => total),
    );
    if (discounts === undefined) return negative();
    const taxables = kept.map(({ total }, at) => minus(total, discounts[at] ?? ZERO));
    if (taxables.some((taxable) => taxable.isNegative() && !taxable.isZero())) return negative();
    const shares = new Map<Column, Decimal[]>();
    for (const column of COLUMNS) {
      const share = spread(turned(due[column] ?? ZERO), taxables);
      if (share === undefined) return negative();
      shares.set(column, share);
    }
    const share = (column: Column, at: number) => shares.get(column)?.[at] ?? ZERO;
    kept.forEach(({ line, total }, at) => {
      items.set(line, {
        ...{ line, total, discount: discounts[at] ?? ZERO, taxable: taxables[at] ?? ZERO, rate: decimal(group.rate) },
        taxes: { Cgst: share('Cgst', at), Sgst: share('Sgst', at), Igst: share('Igst', at) },
      });
    });
  }
  return document.lines.flatMap((line) => items.get(line) ?? []);
}

function negative(): Refusal {
  const message =
    'what is taken off is more than what is billed at the same rate, and INV-01 has no item below 0; the PDF is the invoice';
  return refused('amounts_not_exact', message);
}

/** The amount by weights; undefined where it is below 0, or where nothing could bear it. */
function spread(amount: Decimal, weights: readonly Decimal[]): Decimal[] | undefined {
  if (amount.isZero()) return weights.map(() => ZERO);
  if (amount.isNegative() || sum(weights).isZero()) return undefined;
  return allocate(amount, weights, RUPEE_DECIMALS);
}

/** Decimals that a rate has at most. */
const RATE_DECIMALS = 3;

function rateClasses({ taxes }: ElectronicDocument): RateClass[] | Refusal {
  const halves = new Map<string, RateClass>();
  for (const tax of taxes) {
    const column = COLUMN_OF[levyOf(tax.name)];
    if (tax.category === 'AE' || (tax.category === 'S' && column === undefined)) {
      const message = `INV-01 of this service has CGST, SGST, UTGST and IGST, not ${tax.name} (${tax.category}); the PDF is the invoice`;
      return refused('tax_not_in_inv01', message);
    }
    const isHalf = tax.category === 'S' && column !== 'Igst';
    const rate = isHalf ? plus(decimal(tax.rate), decimal(tax.rate)).toFixed() : decimal(tax.rate).toFixed();
    if (decimal(rate).decimalPlaces() > RATE_DECIMALS) {
      return refused('tax_not_in_inv01', `a rate has at most ${RATE_DECIMALS} decimals in INV-01, not as ${rate} %`);
    }
    const key = `${tax.category} ${rate}`;
    const known = halves.get(key);
    if (known && isHalf && !known.group.base.equals(decimal(tax.base))) {
      return refused('amounts_not_exact', `the components at ${rate} % stand on different bases`);
    }
    halves.set(key, {
      group: {
        category: tax.category,
        rate,
        base: isHalf ? decimal(tax.base) : plus(known?.group.base ?? ZERO, decimal(tax.base)),
        amount: plus(known?.group.amount ?? ZERO, decimal(tax.amount)),
        names: new Set([...(known?.group.names ?? []), taxNameKey(tax.name)]),
        reasons: [],
      },
      taxes: withTax(known?.taxes ?? {}, tax, column),
    });
  }
  return [...halves.values()];
}

function withTax(known: RateClass['taxes'], { category, amount }: TaxGroup, column: Column | undefined) {
  if (category !== 'S' || column === undefined) return known;
  return { ...known, [column]: plus(known[column] ?? ZERO, decimal(amount)) };
}
