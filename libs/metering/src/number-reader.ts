/** Digits of one limb: sums of limbs stay whole in a double for 9 × 10^8 values, far beyond any series. */
export const LIMB_DIGITS = 7;
export const LIMB_SIZE = 10 ** LIMB_DIGITS;
/** A whole part of so many digits is added as one limb: sums stay whole for nine million values. */
const MOST_WHOLE_DIGITS = 9;

const ZERO = 0x30;
const POINT = 0x2e - ZERO;
const LOWER_E = 0x65 - ZERO;
const UPPER_E = 0x45 - ZERO;
/** What makes a limb of so many digits that were read. */
const FILL = Array.from({ length: LIMB_DIGITS + 1 }, (_, digits) => 10 ** (LIMB_DIGITS - digits));

/**
 * Reads numbers of usual length from the bytes of their texts, each digit once: where a number ends, the double nearest to it,
 * and its digits as limbs that can be added exactly. A month of samples is tens of thousands of numbers, and a text of each
 * costs more than all that is asked of most of them.
 */
export class NumberReader {
  /** What `read` took: where it ends, its whole part, and its decimals in limbs of seven digits. */
  end = 0;
  whole = 0;
  first = 0;
  second = 0;
  third = 0;

  /**
   * Reads the number that begins at `at`. False for what is not plain digits of usual length: no number, one with an exponent,
   * with more than 9 digits before its point or more than 21 behind it. What it read then says nothing.
   */
  read(bytes: Uint8Array, at: number): boolean {
    const { length } = bytes;
    const start = at;
    let digit = at < length ? (bytes[at] ?? 0) - ZERO : -1;
    let whole = 0;
    while (digit >= 0 && digit <= 9) {
      whole = whole * 10 + digit;
      at += 1;
      digit = at < length ? (bytes[at] ?? 0) - ZERO : -1;
    }
    const wholeDigits = at - start;
    if (wholeDigits === 0 || wholeDigits > MOST_WHOLE_DIGITS || (wholeDigits > 1 && bytes[start] === ZERO))
      return false;
    this.whole = whole;
    this.end = at;
    this.first = this.second = this.third = 0;
    if (digit !== POINT) return digit !== LOWER_E && digit !== UPPER_E;
    this.end = at + 1;
    this.first = this.limb(bytes);
    if (this.end === at + 1) return false;
    if (this.end === at + 1 + LIMB_DIGITS) {
      this.second = this.limb(bytes);
      if (this.end === at + 1 + 2 * LIMB_DIGITS) this.third = this.limb(bytes);
    }
    const next = this.end < length ? (bytes[this.end] ?? 0) - ZERO : -1;
    return (next < 0 || next > 9) && next !== LOWER_E && next !== UPPER_E;
  }

  /** The double nearest to what was read, or nearly so: off by less than `READING_ERROR`, and 0 for 0 alone. */
  double(): number {
    return this.whole + (this.first + (this.second + this.third / LIMB_SIZE) / LIMB_SIZE) / LIMB_SIZE;
  }

  private limb(bytes: Uint8Array): number {
    const from = this.end;
    const { length } = bytes;
    const to = from + LIMB_DIGITS < length ? from + LIMB_DIGITS : length;
    let at = from;
    let limb = 0;
    for (; at < to; at += 1) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      limb = limb * 10 + digit;
    }
    this.end = at;
    return limb * (FILL[at - from] ?? 1);
  }
}
