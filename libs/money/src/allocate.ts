import { Decimal, minus, MoneyError, plus, sum, times } from './exact.js';
import { Ratio } from './ratio.js';

const ZERO = new Decimal(0);
const ONE = new Decimal(1);

/**
 * Splits an amount in proportion to weights by largest remainder; ties go to the lower position. The parts have
 * `digits` decimals and add up to the amount exactly. Weights must not be negative and not all zero.
 */
export function allocate(amount: Decimal, weights: readonly Decimal[], digits: number): Decimal[] {
  const total = sum(weights);
  if (weights.some((weight) => weight.isNegative() && !weight.isZero()) || total.isZero()) {
    throw new MoneyError('bad_weights', 'weights must not be negative and must not all be zero');
  }
  const unit = new Decimal(10).pow(-digits);
  const units = Ratio.of(amount.abs(), unit);
  const shares = weights.map((weight) => units.times(Ratio.of(weight, total)));
  const parts = shares.map((share) => share.floor());
  const whole = units.floor();
  let left = minus(whole, sum(parts));
  const byRemainder = shares
    .map((share, position) => ({ position, remainder: share.minus(Ratio.of(parts[position] ?? ZERO)) }))
    .sort((a, b) => b.remainder.compare(a.remainder) || a.position - b.position);
  for (const { position } of byRemainder) {
    if (left.isZero()) break;
    left = minus(left, ONE);
    parts[position] = plus(parts[position] ?? ZERO, ONE);
  }
  if (!units.minus(Ratio.of(whole)).isZero()) {
    throw new MoneyError('inexact_result', `an amount to split has at most ${digits} decimals`);
  }
  return parts.map((part) => (amount.isNegative() && !part.isZero() ? times(part, unit).negated() : times(part, unit)));
}
