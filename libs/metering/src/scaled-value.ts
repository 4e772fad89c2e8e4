import { decimalFromNumberText } from '#money';
import { badValue, isReportedValue } from './exact-sum.js';
import { GRID_SECONDS } from './usage.js';

/** Values are compared as integers of 10^-30: a month of samples is added and compared for every site of a close. */
export const PLACES = 30;
export const SCALE = 10n ** 30n;
/** The same for doubles of values, and for integers. What rounded rates may make of exact bytes is 2 %. */
export const ABOUT = { bitsPerByte: 8, bitsPerMegabit: 1_000_000, tolerancePercent: 102 } as const;
export const BITS_PER_BYTE = BigInt(ABOUT.bitsPerByte);
export const BITS_PER_MEGABIT = BigInt(ABOUT.bitsPerMegabit);
export const TOLERANCE_PERCENT = BigInt(ABOUT.tolerancePercent);
export const SLOT_SECONDS = BigInt(GRID_SECONDS.SLOT);

const PLAIN = /^\d+(?:\.\d+)?$/;

/** The value as an integer of 10^-30; what is smaller is cut. Throws `bad_value`. */
export function scaled(text: string): bigint {
  if (!isReportedValue(text)) throw badValue(text);
  const plain = PLAIN.test(text) ? text : decimalFromNumberText(text).toFixed();
  const point = plain.indexOf('.');
  if (point < 0) return BigInt(plain) * SCALE;
  return BigInt(
    plain.slice(0, point) +
      plain
        .slice(point + 1)
        .slice(0, PLACES)
        .padEnd(PLACES, '0'),
  );
}
