import { Decimal, decimalFromNumberText, plus } from '#money';
import { MeteringError } from './metering-error.js';
import { LIMB_DIGITS as LIMB, LIMB_SIZE, type NumberReader } from './number-reader.js';

const NUMBER = /^(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?$/;

/** Whether the text is a JSON number without a sign: nothing that is metered is negative. */
export function isReportedValue(text: string): boolean {
  return NUMBER.test(text);
}

/** For a value that is no number: the client checks answers before they get here, so this is a broken contract. */
export function badValue(text: string): MeteringError {
  const shown = JSON.stringify(text.slice(0, 40));
  return new MeteringError('bad_value', `a reported value is a JSON number not below 0, not ${shown}`);
}

const WHOLE_LIMB_SIZE = BigInt(LIMB_SIZE);
const LIMBS = 16;
const ZERO = 48;

/**
 * Adds the texts of JSON numbers exactly. The digits are cut into limbs of seven to both sides of the decimal point and
 * added limb by limb as whole numbers, which is many times faster than a Decimal or a BigInt per bucket: a month of one
 * site is tens of thousands of values.
 */
export class ExactSum {
  /** Lowest limb first. */
  private readonly whole = new Float64Array(LIMBS);
  /** The limb behind the point first. */
  private readonly fraction = new Float64Array(LIMBS);
  /** The limbs of the text at hand: nothing is added of one that is no number. One more where whole and fraction meet. */
  private readonly read = new Float64Array(LIMBS + 1);
  private rest: Decimal = new Decimal(0);

  /** Throws `bad_value` when the text is not a number without a sign. */
  add(text: string): void {
    if (this.addDigits(text)) return;
    if (!isReportedValue(text)) throw badValue(text);
    this.rest = plus(this.rest, decimalFromNumberText(text));
  }

  /** Adds what a reader has just read. */
  addRead({ whole, first, second, third }: NumberReader): void {
    this.whole[0] = (this.whole[0] ?? 0) + whole;
    this.fraction[0] = (this.fraction[0] ?? 0) + first;
    this.fraction[1] = (this.fraction[1] ?? 0) + second;
    this.fraction[2] = (this.fraction[2] ?? 0) + third;
  }

  /** Adds what another sum has. */
  addSum(other: ExactSum): void {
    for (let limb = 0; limb < LIMBS; limb += 1) {
      this.whole[limb] = (this.whole[limb] ?? 0) + (other.whole[limb] ?? 0);
      this.fraction[limb] = (this.fraction[limb] ?? 0) + (other.fraction[limb] ?? 0);
    }
    this.rest = plus(this.rest, other.rest);
  }

  /** The total without what lies behind its point. */
  wholeTotal(): bigint {
    if (!this.rest.isZero()) return BigInt(this.total().floor().toFixed(0));
    let digits = 0n;
    for (let limb = used(this.whole) - 1; limb >= 0; limb -= 1) {
      digits = digits * WHOLE_LIMB_SIZE + BigInt(this.whole[limb] ?? 0);
    }
    const fractions = used(this.fraction);
    if (fractions === 0) return digits;
    for (let limb = 0; limb < fractions; limb += 1)
      digits = digits * WHOLE_LIMB_SIZE + BigInt(this.fraction[limb] ?? 0);
    return digits / WHOLE_LIMB_SIZE ** BigInt(fractions);
  }

  total(): Decimal {
    let digits = 0n;
    for (let limb = used(this.whole) - 1; limb >= 0; limb -= 1) {
      digits = digits * WHOLE_LIMB_SIZE + BigInt(this.whole[limb] ?? 0);
    }
    const fractions = used(this.fraction);
    for (let limb = 0; limb < fractions; limb += 1)
      digits = digits * WHOLE_LIMB_SIZE + BigInt(this.fraction[limb] ?? 0);
    return plus(new Decimal(`${digits}e-${fractions * LIMB}`), this.rest);
  }

  /** False, with nothing added, for whatever is not plain digits of usual length. */
  private addDigits(text: string): boolean {
    const { length } = text;
    const point = text.indexOf('.');
    const end = point < 0 ? length : point;
    const isUsual =
      end > 0 && length <= LIMBS * LIMB && point !== length - 1 && (end === 1 || text.charCodeAt(0) !== ZERO);
    if (!isUsual) return false;
    const { read } = this;
    let limbs = 0;
    for (let to = end; to > 0; to -= LIMB) {
      const limb = limbOf(text, to > LIMB ? to - LIMB : 0, to);
      if (limb < 0) return false;
      read[limbs] = limb;
      limbs += 1;
    }
    const wholes = limbs;
    for (let from = end + 1; from < length; from += LIMB) {
      const to = from + LIMB < length ? from + LIMB : length;
      const limb = limbOf(text, from, to);
      if (limb < 0) return false;
      read[limbs] = limb * (POWERS_OF_TEN[from + LIMB - to] ?? 1);
      limbs += 1;
    }
    for (let limb = 0; limb < wholes; limb += 1) this.whole[limb] = (this.whole[limb] ?? 0) + (read[limb] ?? 0);
    for (let limb = wholes; limb < limbs; limb += 1) {
      this.fraction[limb - wholes] = (this.fraction[limb - wholes] ?? 0) + (read[limb] ?? 0);
    }
    return true;
  }
}

const POWERS_OF_TEN = Array.from({ length: LIMB }, (_, power) => 10 ** power);

/** How many limbs there are up to the last one that holds anything. */
function used(limbs: Float64Array): number {
  let count = limbs.length;
  while (count > 0 && limbs[count - 1] === 0) count -= 1;
  return count;
}

/** The number that the digits from `from` to `to` spell, at most a limb of them; -1 where one is no digit. */
function limbOf(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** The exact sum of reported values; gaps count nothing. Throws `bad_value`. */
export function sumOfValues(values: Iterable<string | null>): Decimal {
  const total = new ExactSum();
  for (const value of values) if (value !== null) total.add(value);
  return total.total();
}
