import { Decimal, decimal, minus, MoneyError, plus, times } from './exact.js';

/** How a tie is decided: away from zero, or to the even neighbour. */
export type RoundingMode = 'half_up' | 'half_even';

/**
 * An exact quotient of two decimals. Shares of a period and prices per unit are kept as quotients until one rounding at
 * the end: a share rounded first and multiplied after gives wrong cents (0.14 × 3/28).
 */
export class Ratio {
  private constructor(
    readonly numerator: Decimal,
    /** Always positive. */
    readonly denominator: Decimal,
  ) {}

  static readonly ZERO = Ratio.of(new Decimal(0));
  static readonly ONE = Ratio.of(new Decimal(1));

  /** `numerator ÷ denominator`, exactly; numbers are whole. Throws `division_by_zero` and `malformed_decimal`. */
  static of(numerator: Decimal | string | number, denominator: Decimal | string | number = 1): Ratio {
    const n = exactly(numerator);
    const d = exactly(denominator);
    if (d.isZero()) throw new MoneyError('division_by_zero', 'a ratio needs a denominator other than zero');
    return d.isNegative() ? new Ratio(n.negated(), d.negated()) : new Ratio(n, d);
  }

  static sum(values: Iterable<Ratio>): Ratio {
    let total = Ratio.ZERO;
    for (const value of values) total = total.plus(value);
    return total;
  }

  static min(a: Ratio, b: Ratio): Ratio {
    return a.compare(b) <= 0 ? a : b;
  }

  static max(a: Ratio, b: Ratio): Ratio {
    return a.compare(b) >= 0 ? a : b;
  }

  plus(other: Ratio): Ratio {
    if (this.denominator.equals(other.denominator)) {
      return new Ratio(plus(this.numerator, other.numerator), this.denominator);
    }
    return new Ratio(
      plus(times(this.numerator, other.denominator), times(other.numerator, this.denominator)),
      times(this.denominator, other.denominator),
    );
  }

  minus(other: Ratio): Ratio {
    return this.plus(other.negated());
  }

  times(other: Ratio): Ratio {
    return new Ratio(times(this.numerator, other.numerator), times(this.denominator, other.denominator));
  }

  /** Throws `division_by_zero`. */
  dividedBy(other: Ratio): Ratio {
    return Ratio.of(times(this.numerator, other.denominator), times(this.denominator, other.numerator));
  }

  negated(): Ratio {
    return new Ratio(this.numerator.negated(), this.denominator);
  }

  compare(other: Ratio): -1 | 0 | 1 {
    const difference = minus(times(this.numerator, other.denominator), times(other.numerator, this.denominator));
    return difference.isZero() ? 0 : difference.isNegative() ? -1 : 1;
  }

  isZero(): boolean {
    return this.numerator.isZero();
  }

  isPositive(): boolean {
    return !this.numerator.isZero() && !this.numerator.isNegative();
  }

  isNegative(): boolean {
    return !this.numerator.isZero() && this.numerator.isNegative();
  }

  /** The largest integer not above the quotient. */
  floor(): Decimal {
    const { quotient, remainder } = divide(this.numerator, this.denominator);
    return remainder.isZero() || !this.numerator.isNegative() ? quotient : minus(quotient, new Decimal(1));
  }

  /** The smallest integer not below the quotient. */
  ceil(): Decimal {
    return this.negated().floor().negated();
  }

  /** Rounded once, to `digits` decimals; ties away from zero (`half_up`) or to the even neighbour. */
  round(digits: number, mode: RoundingMode = 'half_up'): Decimal {
    const scaled = times(this.numerator.abs(), powerOfTen(digits));
    const { quotient, remainder } = divide(scaled, this.denominator);
    const tie = times(remainder, new Decimal(2)).comparedTo(this.denominator);
    const up = tie > 0 || (tie === 0 && (mode === 'half_up' || !quotient.mod(2).isZero()));
    const magnitude = times(up ? plus(quotient, new Decimal(1)) : quotient, powerOfTen(-digits));
    return this.numerator.isNegative() && !magnitude.isZero() ? magnitude.negated() : magnitude;
  }

  /** Cut, not rounded, at `digits` decimals, without trailing zeros: for showing a long quotient, never for money. */
  toTruncated(digits = 12): string {
    const scaled = times(this.numerator.abs(), powerOfTen(digits));
    const magnitude = times(divide(scaled, this.denominator).quotient, powerOfTen(-digits));
    return (this.numerator.isNegative() && !magnitude.isZero() ? magnitude.negated() : magnitude).toFixed();
  }

  /** The quotient as an exact decimal, or `undefined` when it has no finite decimal form within 40 places. */
  toExactDecimal(): Decimal | undefined {
    const text = new Decimal(this.toTruncated(40));
    return times(text, this.denominator).equals(this.numerator) ? text : undefined;
  }

  /** The same quotient with integer, coprime numerator and denominator. */
  reduced(): Ratio {
    const scale = powerOfTen(Math.max(this.numerator.decimalPlaces(), this.denominator.decimalPlaces()));
    const n = times(this.numerator, scale);
    const d = times(this.denominator, scale);
    let a = n.abs();
    let b = d;
    while (!b.isZero()) [a, b] = [b, a.mod(b)];
    return new Ratio(divide(n, a).quotient, divide(d, a).quotient);
  }
}

function exactly(value: Decimal | string | number): Decimal {
  if (typeof value === 'string') return decimal(value);
  const exact = new Decimal(value);
  if (!exact.isFinite() || (typeof value === 'number' && !Number.isSafeInteger(value))) {
    throw new MoneyError('malformed_decimal', `a ratio is made of exact, finite values, not of ${value}`);
  }
  return exact;
}

/** Written, not computed: `pow` multiplies its way there, and every line of every invoice asks. */
function powerOfTen(exponent: number): Decimal {
  return new Decimal(`1e${exponent}`);
}

/** Integer quotient, cut towards zero, and the exact remainder with the numerator's sign. */
function divide(numerator: Decimal, denominator: Decimal): { quotient: Decimal; remainder: Decimal } {
  const quotient = numerator.dividedToIntegerBy(denominator);
  return { quotient, remainder: minus(numerator, times(quotient, denominator)) };
}
