import type { InvoiceLine } from '#invoicing';
import { type Decimal, decimal, Ratio, sum, times } from '#money';
import type { LinePrice } from './semantic-invoice.js';

/** Units of lines as UN/ECE recommendation 20 has them; what is counted (sites, periods, items) is `C62`, one. */
const UNIT_CODES: Readonly<Record<string, string>> = {
  ...{ B: 'AD', kB: '2P', MB: '4L', GB: 'E34', TB: 'E35' },
  ...{ KiB: 'E64', MiB: 'E63', GiB: 'E62', TiB: 'E61' },
  ...{ second: 'SEC', minute: 'MIN', hour: 'HUR', day: 'DAY' },
  ...{ bps: 'B10', kbps: 'C74', Mbps: 'E20', Gbps: 'B80' },
};
const ONE = 'C62';

/** Steps that are a quantity at a price per unit of the line, and of packages. */
const PER_UNIT: ReadonlySet<string> = new Set(['unit', 'tier', 'commit', 'burst', 'fee']);

/** Readers of XML schema decimals need not keep more digits than these (libxml2 keeps 24). */
const MOST_DIGITS = 24;

/**
 * Decimals to which quantity × price gives a line's amount, also in a currency without any: the tolerance of Peppol's R120 is
 * 0.02 of whatever currency, less than the half yen that a rounding to whole ones may take.
 */
const LINE_DECIMALS = 2;

/**
 * Quantity and price of a line whose net amount is ours to the cent: `quantity × price ÷ base quantity`, rounded to
 * two decimals, is the line's amount, exactly.
 *
 * A line with one unit price has its quantity and that price. The price of a package that is prorated is one for so many
 * units (base quantity). Everything else, which is several tiers, a minimum or maximum, a flat amount, a share of the period
 * on a rate, is said as one of the whole at its amount: an average price would not give the amount back, and a line per tier
 * would have to be rounded on its own. The measured quantity then stands among the attributes, its tiers in the note.
 *
 * @param amount the line's amount with the sign it has in the XML
 * @param sign −1 where the document's amounts are turned
 * @param digits decimals of the currency
 */
export function linePrice(line: InvoiceLine, amount: Decimal, sign: 1 | -1, digits: number): LinePrice {
  const single = singlePrice(line);
  if (single !== undefined) {
    const price = { ...single, quantity: times(single.quantity, decimal(`${sign}`)) };
    if (isWritable(price) && comesTo(price, amount)) {
      const { quantity, unitCode, unitPrice, base } = price;
      return {
        quantity: quantity.toFixed(),
        unitCode,
        price: unitPrice.toFixed(),
        baseQuantity: base === null ? null : base.toFixed(),
      };
    }
  }
  return {
    quantity: amount.isNegative() ? '-1' : '1',
    unitCode: ONE,
    price: amount.abs().toFixed(digits),
    baseQuantity: null,
  };
}

/** Whether a quantity at a price, rounded to two decimals at a half either way, is an amount. */
export function comesTo(of: { quantity: Decimal; unitPrice: Decimal; base: Decimal | null }, amount: Decimal): boolean {
  const product = Ratio.of(times(of.quantity, of.unitPrice), of.base ?? 1);
  return isRoundingOf(amount, product, LINE_DECIMALS);
}

/** Whether `amount` lies within `halves` times half a minor unit of `exact`. */
export function isRoundingOf(amount: Decimal, exact: Ratio, digits: number, halves = 1): boolean {
  const difference = exact.minus(Ratio.of(amount));
  const magnitude = difference.isNegative() ? difference.negated() : difference;
  return magnitude.compare(Ratio.of(halves, times(decimal('2'), decimal(`1${'0'.repeat(digits)}`)))) <= 0;
}

interface SinglePrice {
  readonly quantity: Decimal;
  readonly unitCode: string;
  readonly unitPrice: Decimal;
  readonly base: Decimal | null;
}

/** The one price per unit that all of the line was charged at, if there is one. */
function singlePrice({ derivation, unit, quantity, correction, credit }: InvoiceLine): SinglePrice | undefined {
  const beyondIncluded = derivation.steps.filter(({ kind }) => kind !== 'included');
  // Of a commit that was not used up, the burst costs nothing and has no say in the price.
  const paid = beyondIncluded.filter(({ amount }) => amount.numerator !== '0');
  const steps = paid.length > 0 ? paid : beyondIncluded;
  const [first] = steps;
  if (first === undefined || first.unit_price === null) return undefined;
  const quantities: Decimal[] = [];
  for (const step of steps) {
    if (step.quantity === null || step.kind !== first.kind || step.unit_price !== first.unit_price) return undefined;
    quantities.push(decimal(step.quantity));
  }
  const unitPrice = decimal(first.unit_price);
  const isDifference = correction !== undefined || credit !== undefined;
  if (first.kind === 'package') {
    const { basis } = derivation;
    if (isDifference || basis.kind !== 'usage' || basis.price.model !== 'package') return undefined;
    const { size, partial } = basis.price;
    const count = sum(quantities);
    return partial === 'whole'
      ? { quantity: count, unitCode: ONE, unitPrice, base: null }
      : { quantity: times(count, decimal(size)), unitCode: unitCode(unit), unitPrice, base: decimal(size) };
  }
  if (!PER_UNIT.has(first.kind)) return undefined;
  // The steps of a note are those of the line as a whole; what it bills is the difference in its quantity.
  const charged = !isDifference && derivation.basis.kind === 'usage' ? sum(quantities) : decimal(quantity);
  return { quantity: charged, unitCode: unitCode(unit), unitPrice, base: null };
}

function isWritable({ quantity, unitPrice, base }: SinglePrice): boolean {
  const digits = (value: Decimal) => value.toFixed().replace(/\D/g, '').length;
  return (
    !unitPrice.isNegative() &&
    (base === null || base.greaterThan(0)) &&
    [quantity, unitPrice, ...(base ? [base] : [])].every((value) => digits(value) <= MOST_DIGITS)
  );
}

function unitCode(unit: string): string {
  return UNIT_CODES[unit] ?? ONE;
}
