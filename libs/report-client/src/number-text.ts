import { decimalFromNumberText } from '#money';
import { RuleBroken } from './refusal.js';

/** Longer texts are no measurement: a double prints in at most 24 characters, a whole fleet's bytes in 25 digits. */
const LONGEST = 64;
const MOST_INTEGER_DIGITS = 25;
/** Two digits: beyond them the decimal point would not fit the exact sums of the rooms above. */
const SMALL_EXPONENT = /[eE][+-]?\d{1,2}$/;

/**
 * Refuses the text of a JSON number that cannot be a measurement: negative (also `-0`), or of absurd size.
 *
 * @throws RuleBroken `value_negative`, `value_out_of_range`
 */
export function requireMeasurement(text: string, where: () => string): void {
  if (text.startsWith('-')) throw new RuleBroken('value_negative', `a value is negative, ${where()}`);
  if (text.length > LONGEST) throw outOfRange(where);
  if (!hasExponent(text)) {
    if (integerDigits(text) > MOST_INTEGER_DIGITS) throw outOfRange(where);
  } else if (!SMALL_EXPONENT.test(text) || decimalFromNumberText(text).e >= MOST_INTEGER_DIGITS) {
    throw outOfRange(where);
  }
}

/** Whether the number is larger than a whole bound. Exact; looks at digits first because nearly every value is far below. */
export function exceeds(text: string, bound: number): boolean {
  // A number with n digits before its point is below 10^n: most values are told by their length alone.
  if (10 ** integerDigits(text) <= bound && !hasExponent(text)) return false;
  return decimalFromNumberText(text).greaterThan(bound);
}

/** Exact order of two numbers by their texts: below 0, 0, above 0. */
export function compareNumbers(a: string, b: string): number {
  return a === b ? 0 : decimalFromNumberText(a).comparedTo(decimalFromNumberText(b));
}

/** Whether `b` is certainly not below `a`, told from the texts alone. False means: compare exactly. */
export function visiblyAscends(a: string, b: string): boolean {
  const digits = integerDigits(a);
  return digits === integerDigits(b) && a <= b && !hasExponent(a) && !hasExponent(b);
}

/** Whether the text has at most so many decimals, as a rounded value would. */
export function hasAtMostDecimals(text: string, decimals: number): boolean {
  if (hasExponent(text)) return false;
  const point = text.indexOf('.');
  return point < 0 || text.length - point - 1 <= decimals;
}

/** Moves the decimal point left, exactly. */
export function dividedByPowerOfTen(text: string, power: number): string {
  return decimalFromNumberText(text).times(`1e-${power}`).toString();
}

/** Native searches: a regular expression would be most of what a month of samples costs. */
function hasExponent(text: string): boolean {
  return text.includes('e') || text.includes('E');
}

function integerDigits(text: string): number {
  const point = text.indexOf('.');
  return point < 0 ? text.length : point;
}

function outOfRange(where: () => string): RuleBroken {
  return new RuleBroken('value_out_of_range', `a value is too large or too long to be a measurement, ${where()}`);
}
