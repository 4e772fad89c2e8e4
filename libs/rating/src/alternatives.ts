import { compute, type UsageBasis } from './derivation.js';
import { type Fraction, shown } from './fraction.js';
import { recommitted } from './price-models/index.js';
import type { RatedLine } from './rated-line.js';

/** What a line would have come to under other terms, computed from its derivation. Amounts have the currency's decimals. */
export interface Alternatives {
  /** Every direction rule that the usage at hand can answer, the billed one among them. */
  directions: { direction: string; quantity: string; amount: string }[];
  /** Other commit levels at the same prices, in the charge's unit; empty unless the commit has a unit price. */
  commits: { commit: string; amount: string }[];
}

/** Commit levels worth knowing, as shares of the one that was agreed. */
const COMMIT_LEVELS = ['0', '0.5', '0.75', '1', '1.25', '1.5', '2'];

/** The other direction rules and commit levels of a usage line; undefined for any other line. */
export function alternativesOf({ derivation }: RatedLine): Alternatives | undefined {
  const { basis, rounding } = derivation;
  if (basis.kind !== 'usage') return undefined;
  const computed = (other: Partial<UsageBasis>) => {
    const { quantity, amount } = compute({ ...basis, ...other }, rounding);
    return { quantity: shown(quantity), amount: amount.round(rounding.digits, rounding.mode).toFixed(rounding.digits) };
  };
  const directions = Object.entries(basis.evidence?.alternatives ?? {}).flatMap(([direction, level]) => {
    if (level === null) return [];
    // The billed direction keeps its exact quotient: an average that does not end is shown cut.
    const measured: Fraction =
      direction === basis.evidence?.direction ? basis.measured : { numerator: level, denominator: '1' };
    return [{ direction, ...computed({ measured }) }];
  });
  const commits = COMMIT_LEVELS.flatMap((level) => {
    const price = recommitted(basis.price, level);
    return price === null ? [] : [{ commit: price.commit, amount: computed({ price }).amount }];
  });
  return { directions, commits };
}
