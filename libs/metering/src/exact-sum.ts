import { Decimal, decimalFromNumberText, plus } from '#money';
import { MeteringError } from './metering-error.js';

const NUMBER = /^(0|[1-9]\d*)(?:\.(\d+))?([eE][+-]?\d{1,3})?$/;

/** Whether the text is a JSON number without a sign: nothing that is metered is negative. */
export function isReportedValue(text: string): boolean {
  return NUMBER.test(text);
}

/** For a value that is no number: the client checks answers before they get here, so this is a broken contract. */
export function badValue(text: string): MeteringError {
  const shown = JSON.stringify(text.slice(0, 40));
  return new MeteringError('bad_value', `a reported value is a JSON number not below 0, not ${shown}`);
}

/**
 * Adds the texts of JSON numbers exactly. Scaled integers, one per number of decimals, are many times faster than a
 * Decimal per bucket, and a month of one account is thousands of buckets.
 */
export class ExactSum {
  private readonly scaled = new Map<number, bigint>();
  private rest: Decimal = new Decimal(0);

  /** Throws `bad_value` when the text is not a number without a sign. */
  add(text: string): void {
    const match = NUMBER.exec(text);
    if (match === null) throw badValue(text);
    if (match[3] !== undefined) {
      this.rest = plus(this.rest, decimalFromNumberText(text));
      return;
    }
    const fraction = match[2] ?? '';
    const digits = BigInt(`${match[1]}${fraction}`);
    this.scaled.set(fraction.length, (this.scaled.get(fraction.length) ?? 0n) + digits);
  }

  total(): Decimal {
    let total = this.rest;
    for (const [decimals, digits] of this.scaled) total = plus(total, new Decimal(`${digits}e-${decimals}`));
    return total;
  }
}
