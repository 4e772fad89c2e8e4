import { allocate, type Decimal, Ratio, type RoundingMode } from '#money';

/**
 * Splits an amount that is about to be rounded over parts in proportion to their weights. One part keeps the exact
 * quotient; several share the rounded amount by largest remainder, ties to the lower position. Weights are not negative;
 * when all are zero the first part takes everything.
 */
export function splitByWeight(amount: Ratio, weights: readonly Decimal[], digits: number, mode: RoundingMode): Ratio[] {
  const only = weights.length === 1 || weights.every((weight) => weight.isZero());
  if (only) return weights.map((_, position) => (position === 0 ? amount : Ratio.ZERO));
  return allocate(amount.round(digits, mode), weights, digits).map((part) => Ratio.of(part));
}
