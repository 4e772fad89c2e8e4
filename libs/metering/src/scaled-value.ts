import { decimalFromNumberText } from '#money';
import { badValue, isReportedValue } from './exact-sum.js';
import { GRID_SECONDS } from './usage.js';

/** Values are compared as integers of 10^-30: a month of samples is added and compared for every site of a close. */
export const PLACES = 30;
export const SCALE = 10n ** 30n;
export const BITS_PER_BYTE = 8n;
export const BITS_PER_MEGABIT = 1_000_000n;
export const SLOT_SECONDS = BigInt(GRID_SECONDS.SLOT);
/** What rounded rates may make of exact bytes: 2 %. */
export const TOLERANCE_PERCENT = 102n;

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
