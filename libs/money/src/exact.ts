import { Decimal as Base } from 'decimal.js';

/**
 * Significant digits the clone can carry. Products of a quantity, a unit price and the seconds of a period stay below
 * a hundred digits; the guard below turns anything that would not fit into an error instead of a silent rounding.
 */
const PRECISION = 400;

/** The one Decimal of the house. Another copy's value must be rebuilt from its string before it meets this one. */
export const Decimal = Base.clone({ precision: PRECISION, toExpNeg: -9e15, toExpPos: 9e15 });
export type Decimal = Base;

/** Thrown when a number's text is malformed or when an operation would lose digits. */
export class MoneyError extends Error {
  readonly retryable = false;
  constructor(
    readonly code: 'malformed_decimal' | 'inexact_result' | 'division_by_zero' | 'unknown_currency' | 'bad_weights',
    message: string,
  ) {
    super(message);
    this.name = 'MoneyError';
  }
}

const PLAIN = /^-?(0|[1-9]\d*)(\.\d+)?$/;
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?$/;

/** Reads a plain decimal string such as `"0.0042"`. Throws `malformed_decimal` for anything else, exponents included. */
export function decimal(text: string): Decimal {
  if (!PLAIN.test(text)) throw new MoneyError('malformed_decimal', `not a plain decimal: ${quoted(text)}`);
  return new Decimal(text);
}

/** Reads the text of a JSON number, exponents included, digit for digit. Throws `malformed_decimal` otherwise. */
export function decimalFromNumberText(text: string): Decimal {
  if (!JSON_NUMBER.test(text)) throw new MoneyError('malformed_decimal', `not a JSON number: ${quoted(text)}`);
  return new Decimal(text);
}

/** Whether `text` is a plain decimal string. */
export function isPlainDecimal(text: string): boolean {
  return PLAIN.test(text);
}

/** The exact product. Throws `inexact_result` when the digits would not fit. */
export function times(a: Decimal, b: Decimal): Decimal {
  if (a.precision() + b.precision() > PRECISION) throw inexact('product');
  return new Decimal(a).times(b);
}

/** The exact sum. Throws `inexact_result` when the digits would not fit. */
export function plus(a: Decimal, b: Decimal): Decimal {
  // decimal.js rounds a sum even when one side is 0, so such a sum is a copy.
  if (a.isZero()) return new Decimal(b);
  if (b.isZero()) return new Decimal(a);
  const highest = Math.max(a.e, b.e) + 1;
  const lowest = Math.min(-a.decimalPlaces(), -b.decimalPlaces());
  if (highest - lowest + 1 > PRECISION) throw inexact('sum');
  return new Decimal(a).plus(b);
}

/** The exact difference `a − b`. Throws `inexact_result` when the digits would not fit. */
export function minus(a: Decimal, b: Decimal): Decimal {
  return plus(a, b.negated());
}

/** The exact sum of all values; 0 for none. */
export function sum(values: Iterable<Decimal>): Decimal {
  let total: Decimal = new Decimal(0);
  for (const value of values) total = plus(total, value);
  return total;
}

function inexact(what: string): MoneyError {
  return new MoneyError('inexact_result', `a ${what} needs more than ${PRECISION} digits; it would have been rounded`);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
