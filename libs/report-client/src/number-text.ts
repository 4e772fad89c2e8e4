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

/**
 * Whether the number, of a size that `requireMeasurement` lets pass, is larger than a whole bound. Exact; looks at digits first
 * because nearly every value is far below.
 */
export function exceeds(text: string, bound: number): boolean {
  // A number with n digits before its point is below 10^n: most values are told by their length alone.
  if (10 ** integerDigits(text) <= bound && !hasShortExponent(text)) return false;
  return decimalFromNumberText(text).greaterThan(bound);
}

/** Exact order of two numbers by their texts: below 0, 0, above 0. */
export function compareNumbers(a: string, b: string): number {
  return a === b ? 0 : decimalFromNumberText(a).comparedTo(decimalFromNumberText(b));
}

/** Whether the text has at most so many decimals, as a rounded value would. */
export function hasAtMostDecimals(text: string, decimals: number): boolean {
  if (hasShortExponent(text)) return false;
  const point = text.indexOf('.');
  return point < 0 || text.length - point - 1 <= decimals;
}

/** Moves the decimal point left, exactly. */
export function dividedByPowerOfTen(text: string, power: number): string {
  return decimalFromNumberText(text).times(`1e-${power}`).toString();
}

function hasExponent(text: string): boolean {
  return text.includes('e') || text.includes('E');
}

const POINT = 46;
const LOWER_CASE = 32;
const LOWER_E = 101;

/** Whether a number has an exponent of at most three digits: told by the few characters where its letter can stand. */
function hasShortExponent(text: string): boolean {
  const { length } = text;
  for (let at = length < 5 ? 0 : length - 5; at < length - 1; at += 1) {
    if ((text.charCodeAt(at) | LOWER_CASE) === LOWER_E) return true;
  }
  return false;
}

/** By a look at each: the point comes soon, and a search costs more than all of them. */
function integerDigits(text: string): number {
  let digits = 0;
  while (digits < text.length && text.charCodeAt(digits) !== POINT) digits += 1;
  return digits;
}

function outOfRange(where: () => string): RuleBroken {
  return new RuleBroken('value_out_of_range', `a value is too large or too long to be a measurement, ${where()}`);
}
