import { Ratio } from '#money';
import { badValue, isReportedValue } from './exact-sum.js';

/** What a double of `nearest` is off by, at most, as a part of itself: only fifteen digits are read of a longer number. */
export const READING_ERROR = 1e-14;

const ZERO = 48;
const POINT = 46;
/** All numbers below are whole in a double, and so are powers of ten up to the 22nd. */
const MOST_READ = 1e14;
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, power) => 10 ** power);

/** The double nearest to a value, or nearly so; 0 only where `scaled` is 0, too. Throws `bad_value`. */
export function nearest(text: string): number {
  const { length } = text;
  let read = 0;
  let point = -1;
  let decimals = 0;
  for (let at = 0; at < length; at += 1) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit >= 0 && digit <= 9) {
      if (read >= MOST_READ) continue;
      read = read * 10 + digit;
      if (point >= 0) decimals += 1;
    } else if (digit === POINT - ZERO && point < 0) {
      // What follows more than fifteen whole digits is not worth their place.
      if (read >= MOST_READ) return parsed(text);
      point = at;
    } else return parsed(text);
  }
  const whole = point < 0 ? length : point;
  const isUsual = whole > 0 && whole < 15 && point !== length - 1 && (whole === 1 || text.charCodeAt(0) !== ZERO);
  const power = POWERS_OF_TEN[decimals];
  return isUsual && power !== undefined ? read / power : parsed(text);
}

function parsed(text: string): number {
  if (!isReportedValue(text)) throw badValue(text);
  // eslint-disable-next-line no-restricted-syntax -- Whatever lies near a bound is compared exactly.
  return Number(text);
}

/** More than doubles that were added and multiplied some million times are off by, as a part of themselves. */
const ERROR = 1e-9;
/** Exact integers are cut at 10^-30, so that numbers as small as these are compared by them. */
const SMALL = 1e-12;

/**
 * Whether `one` exceeds `other`, numbers not below 0 that were made of doubles of values by additions and multiplications alone:
 * by the doubles where they are far apart, else by the exact numbers.
 */
export function exceeds(one: number, other: number, isExactly: () => boolean): boolean {
  if (one === 0) return false;
  const margin = (one + other) * ERROR + SMALL;
  if (one > other + margin) return true;
  return one < other - margin ? false : isExactly();
}

/**
 * By how many percent `one` exceeds `other`, cut to a tenth: by the doubles unless a tenth begins within their error, where the
 * exact numbers tell.
 */
export function truncatedTenths(one: number, other: number, exactly: () => string): string {
  const tenths = ((one - other) / other) * 1_000;
  const cut = Math.floor(tenths);
  const margin = (tenths + 2_000) * 10 * ERROR;
  const isNear = tenths - cut < margin || cut + 1 - tenths < margin;
  return isNear ? exactly() : Ratio.of(cut, 10).toTruncated(1);
}
