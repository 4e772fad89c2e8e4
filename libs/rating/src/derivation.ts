import { type Decimal, decimal, Ratio, type RoundingMode, sum } from '#money';
import type { MeasureEvidence, Unit } from '#metering';
import { splitByWeight } from './split.js';
import { type Fraction, fromFraction, shown, toFraction } from './fraction.js';
import { type Price, type PriceStepKind, priceSteps, scalesAs } from './price-models/index.js';
import type { PriceStep } from './price-models/price-model.js';
import { RatingError } from './rating-error.js';
import type { Discount, Proration } from './tariff-plan.js';

/**
 * Everything needed to recompute a line's amount with nothing else: `basis` holds what went in, `steps` what it came to.
 * `amount` is the exact quotient before rounding, and the sum of the steps; rounded by `rounding` it is the line's amount.
 * Plain JSON, so it can be stored, hashed and printed as it is.
 */
export interface Derivation {
  version: 1;
  plan: { code: string; version: number; sha256: string } | null;
  basis: Basis;
  steps: DerivationStep[];
  amount: Fraction;
  rounding: { mode: RoundingMode; digits: number };
}

/** One visible step of the computation. */
export interface DerivationStep {
  kind: PriceStepKind | 'minimum' | 'maximum' | 'included' | 'fee' | 'discount' | 'true_up' | 'adjustment';
  /** In the line's unit (`package`: packages), cut at 12 decimals. Null where nothing is multiplied. */
  quantity: string | null;
  unit_price: string | null;
  /** Edges of the tier as they applied, scaled with the period where the plan says so; `up_to` null = open. */
  tier: { from: string; up_to: string | null } | null;
  /** Exact, the share of the period included. */
  amount: Fraction;
}

export type Basis = UsageBasis | RecurringBasis | OneTimeBasis | DiscountBasis | MinimumSpendBasis | AdjustmentBasis;

/** A share of the period, not reduced: seconds by seconds, local days by local days, or 1 by 1. */
export interface Share extends Fraction {
  proration: Proration;
}

export interface UsageBasis {
  kind: 'usage';
  /** How the quantity was measured; null when it was handed in already measured. */
  evidence: MeasureEvidence | null;
  /** In base units: byte, second, Mbps. */
  measured: Fraction;
  unit: Unit;
  base_units_per_unit: string;
  round: { to: string; mode: 'up' | 'down' | 'half_up' } | null;
  share: Share;
  /**
   * `quantity`: share × price(quantity ÷ share), for sums. `rate`: share × price(quantity), for bandwidth, whose edges
   * do not shrink with the period.
   */
  scaled_by: 'quantity' | 'rate';
  included: string | null;
  price: Price;
  minimum_amount: string | null;
  maximum_amount: string | null;
}

export interface RecurringBasis {
  kind: 'recurring';
  /** `refund`: the unused share of a fee that an earlier invoice billed in advance. */
  billing: 'arrears' | 'advance' | 'refund';
  unit_amount: string;
  /** Each share with the number of things (the account, sites, subscribers) that were in force for it. */
  shares: (Share & { count: number })[];
}

export interface OneTimeBasis {
  kind: 'one_time';
  unit_amount: string;
}

/** One of the lines that a discount is split into: `parts[part]`. */
export interface DiscountBasis {
  kind: 'discount';
  type: Discount['type'];
  value: string;
  /** Share of the period in force, which scales a fixed discount. */
  share: Share | null;
  /** The discount goes with a refund, so it is taken back. */
  refund: boolean;
  /** What remained of the discounted lines before this discount. */
  parts: { tax_category: string | null; tax?: string; supply_end: string; remaining: string }[];
  part: number;
}

/** One of the lines that a true-up is split into: `parts[part]`. */
export interface MinimumSpendBasis {
  kind: 'minimum_spend';
  required: (Share & { amount: string })[];
  /** The period's own lines after discounts. */
  spent: string;
  /** Fees for this period that the invoice before billed, after discounts. */
  paid_ahead: string;
  parts: { tax_category: string | null; tax?: string; net: string }[];
  part: number;
}

/** What an operator credits or charges beside the plan. */
export interface AdjustmentBasis {
  kind: 'adjustment';
  /** Its id. */
  adjustment: string;
  amount: string;
  /** Who made it, and when (RFC 3339). */
  by: string;
  at: string;
}

/** A basis worked out. Amounts are exact. */
export interface Computation {
  quantity: Ratio;
  steps: DerivationStep[];
  amount: Ratio;
}

const ONE_HUNDRED = Ratio.of(100);
const exact = (text: string) => Ratio.of(decimal(text));

/** Works out a line from its basis. This is how lines are priced in the first place, so a basis cannot be incomplete. */
export function compute(basis: Basis, rounding: Derivation['rounding']): Computation {
  switch (basis.kind) {
    case 'usage':
      return computeUsage(basis);
    case 'recurring':
      return computeRecurring(basis);
    case 'one_time':
      return computed(Ratio.ONE, [feeStep(Ratio.ONE, basis.unit_amount, exact(basis.unit_amount))]);
    case 'discount':
      return computeDiscount(basis, rounding);
    case 'minimum_spend':
      return computeMinimumSpend(basis, rounding);
    case 'adjustment':
      return computed(Ratio.ONE, [
        { kind: 'adjustment', quantity: null, unit_price: null, tier: null, exactAmount: exact(basis.amount) },
      ]);
    default:
      throw new RatingError('unknown_derivation', 'the derivation has a basis that this version does not know');
  }
}

/** A line's computation with its derivation. */
export function derive(
  plan: Derivation['plan'],
  basis: Basis,
  rounding: Derivation['rounding'],
): { computation: Computation; derivation: Derivation } {
  const computation = compute(basis, rounding);
  return {
    computation,
    derivation: { version: 1, plan, basis, steps: computation.steps, amount: toFraction(computation.amount), rounding },
  };
}

/**
 * A line's amount from its derivation alone: the steps and the exact amount it should hold, and the rounded amount with
 * the currency's decimals. Throws `unknown_derivation` for a version or basis it does not know.
 */
export function recompute(derivation: Derivation): { amount: string; exact: Fraction; steps: DerivationStep[] } {
  const version: number = derivation.version;
  if (version !== 1) {
    throw new RatingError('unknown_derivation', `the derivation has version ${version}; this release knows version 1`);
  }
  const { mode, digits } = derivation.rounding;
  const { amount, steps } = compute(derivation.basis, derivation.rounding);
  return { amount: amount.round(digits, mode).toFixed(digits), exact: toFraction(amount), steps };
}

/** The billed quantity in the charge's unit: converted exactly, then rounded to the measure's multiple, if it has one. */
export function billedQuantity(basis: Pick<UsageBasis, 'measured' | 'base_units_per_unit' | 'round'>): Ratio {
  const quantity = fromFraction(basis.measured).dividedBy(exact(basis.base_units_per_unit));
  if (basis.round === null) return quantity;
  const to = exact(basis.round.to);
  const multiples = quantity.dividedBy(to);
  switch (basis.round.mode) {
    case 'up':
      return Ratio.of(multiples.ceil()).times(to);
    case 'down':
      return Ratio.of(multiples.floor()).times(to);
    case 'half_up':
      return Ratio.of(multiples.round(0, 'half_up')).times(to);
  }
}

function computeUsage(basis: UsageBasis): Computation {
  const quantity = billedQuantity(basis);
  const share = fromFraction(basis.share);
  // Edges, allowances and fees of a sum shrink with the period. Pricing the quantity as if it had gone on for the whole
  // period and taking the share of the price says all of that at once.
  const scale = basis.scaled_by === 'quantity' ? share : Ratio.ONE;
  const level = quantity.dividedBy(scale);
  const free = basis.included === null ? Ratio.ZERO : Ratio.min(level, exact(basis.included));
  const priced = priceSteps(basis.price, level.minus(free));
  const steps = [...priced, ...bound(basis, Ratio.sum(priced.map(({ amount }) => amount)))];
  const edge = (text: string) => shown(exact(text).times(scale));
  const isCounted = scalesAs(basis.price) === 'counted';
  return computed(quantity, [
    ...(basis.included === null
      ? []
      : [
          {
            kind: 'included' as const,
            quantity: shown(free.times(scale)),
            unit_price: null,
            tier: { from: '0', up_to: edge(basis.included) },
            exactAmount: Ratio.ZERO,
          },
        ]),
    ...steps.map((step) => ({
      kind: step.kind,
      quantity: step.quantity && shown(isCounted ? step.quantity : step.quantity.times(scale)),
      unit_price: step.unitPrice,
      tier: step.tier
        ? { from: edge(step.tier.from), up_to: step.tier.upTo === null ? null : edge(step.tier.upTo) }
        : null,
      exactAmount: step.amount.times(share),
    })),
  ]);
}

/** The charge's own minimum and maximum, as steps that lift or lower the price. */
function bound(basis: UsageBasis, price: Ratio): PriceStep<'minimum' | 'maximum'>[] {
  const to = (kind: 'minimum' | 'maximum', limit: string): PriceStep<typeof kind>[] => [
    { kind, quantity: null, unitPrice: limit, amount: exact(limit).minus(price) },
  ];
  if (basis.minimum_amount !== null && price.compare(exact(basis.minimum_amount)) < 0) {
    return to('minimum', basis.minimum_amount);
  }
  if (basis.maximum_amount !== null && price.compare(exact(basis.maximum_amount)) > 0) {
    return to('maximum', basis.maximum_amount);
  }
  return [];
}

function computeRecurring(basis: RecurringBasis): Computation {
  const sign = Ratio.of(basis.billing === 'refund' ? -1 : 1);
  const parts = basis.shares.map(({ count, ...share }) => Ratio.of(count).times(fromFraction(share)).times(sign));
  return computed(
    Ratio.sum(parts),
    parts.map((part) => feeStep(part, basis.unit_amount, part.times(exact(basis.unit_amount)))),
  );
}

/** What the discount comes to over all its parts, before the split. */
function discountTotal(basis: DiscountBasis): Ratio {
  const remaining = Ratio.of(sum(basis.parts.map((part) => decimal(part.remaining))));
  if (basis.type === 'percentage') return remaining.times(exact(basis.value)).dividedBy(ONE_HUNDRED);
  const value = exact(basis.value).times(basis.share === null ? Ratio.ONE : fromFraction(basis.share));
  return Ratio.min(value, remaining);
}

function computeDiscount(basis: DiscountBasis, { digits, mode }: Derivation['rounding']): Computation {
  const weights = basis.parts.map(({ remaining }) => decimal(remaining));
  const part = splitByWeight(discountTotal(basis), weights, digits, mode)[basis.part] ?? Ratio.ZERO;
  const amount = basis.refund ? part : part.negated();
  return computed(Ratio.ONE, [{ kind: 'discount', quantity: null, unit_price: null, tier: null, exactAmount: amount }]);
}

function computeMinimumSpend(basis: MinimumSpendBasis, { digits, mode }: Derivation['rounding']): Computation {
  const required = Ratio.sum(basis.required.map(({ amount, ...share }) => exact(amount).times(fromFraction(share))));
  const weights: Decimal[] = basis.parts.map(({ net }) => decimal(net));
  const counted = exact(basis.spent).plus(exact(basis.paid_ahead));
  const missing = Ratio.max(Ratio.ZERO, required.minus(counted));
  const parts = splitByWeight(missing, weights, digits, mode);
  return computed(Ratio.ONE, [
    { kind: 'true_up', quantity: null, unit_price: null, tier: null, exactAmount: parts[basis.part] ?? Ratio.ZERO },
  ]);
}

type ExactStep = Omit<DerivationStep, 'amount'> & { exactAmount: Ratio };

function feeStep(quantity: Ratio, unitPrice: string, amount: Ratio): ExactStep {
  return { kind: 'fee', quantity: shown(quantity), unit_price: unitPrice, tier: null, exactAmount: amount };
}

function computed(quantity: Ratio, steps: readonly ExactStep[]): Computation {
  return {
    quantity,
    amount: Ratio.sum(steps.map(({ exactAmount }) => exactAmount)),
    steps: steps.map(({ exactAmount, ...step }) => ({ ...step, amount: toFraction(exactAmount) })),
  };
}
