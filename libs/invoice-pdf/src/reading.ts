import type { InvoiceLine } from '#invoicing';
import { decimal, Ratio, sum } from '#money';

/** Figures as a payer reads them. What is rounded here says so by `~`; the exact one is in the evidence of the document. */

/** Decimals that a quantity is printed with as it is. */
const MOST_DECIMALS = 6;
/** Decimals of one that is rounded; below 1 three would leave nothing. */
const ROUNDED_DECIMALS = 3;

/** The quantity rounded half-up for reading; undefined where it is short enough as it is. */
export function roundedQuantity(quantity: string): string | undefined {
  const [whole = '', fraction = ''] = quantity.split('.');
  if (fraction.length <= MOST_DECIMALS) return undefined;
  const decimals = /^-?0$/.test(whole) ? MOST_DECIMALS : ROUNDED_DECIMALS;
  return Ratio.of(decimal(quantity)).round(decimals).toFixed(decimals);
}

/** What the steps of a line come to, each rounded to the currency, and the amount that they add up to. */
export interface ClosingSum {
  readonly terms: readonly string[];
  readonly amount: string;
  /** Whether the rounded terms add up to the amount to the last digit. */
  readonly isExact: boolean;
}

/**
 * The sum that closes a line of several steps, such as tiers: undefined where one step is all there is, and where a minimum, a
 * maximum or another line has changed what the steps come to.
 */
export function closingSum({ amount, correction, credit, derivation }: InvoiceLine): ClosingSum | undefined {
  const { steps, rounding } = derivation;
  const exact = steps
    .map((step) => Ratio.of(decimal(step.amount.numerator)).dividedBy(Ratio.of(decimal(step.amount.denominator))))
    .filter((term) => term.compare(Ratio.ZERO) !== 0);
  const billed = correction?.rerated ?? amount;
  if (credit !== undefined || exact.length < 2) return undefined;
  if (!Ratio.sum(exact).round(rounding.digits, rounding.mode).equals(decimal(billed))) return undefined;
  const terms = exact.map((term) => term.round(rounding.digits, rounding.mode));
  return {
    terms: terms.map((term) => term.toFixed(rounding.digits)),
    amount: billed,
    isExact: sum(terms).equals(decimal(billed)),
  };
}
