/** An exact quotient of two integers or decimals, as text. */
export interface Fraction {
  numerator: string;
  denominator: string;
}

/**
 * Everything needed to recompute a line's amount with nothing else. `amount` is the exact quotient before rounding:
 * rounding it by `rounding` gives the line's amount.
 */
export interface Derivation {
  version: 1;
  plan: { code: string; version: number; sha256: string } | null;
  steps: DerivationStep[];
  amount: Fraction;
  rounding: { mode: 'half_up' | 'half_even'; digits: number };
}

/** One visible step of the computation; `amount` is exact and the steps add up to the derivation's amount. */
export interface DerivationStep {
  kind: string;
  quantity: string | null;
  unit_price: string | null;
  amount: Fraction;
}
