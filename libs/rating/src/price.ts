import { decimal, Ratio } from '#money';
import type { Price } from './tariff-plan.js';

/** One visible step of a price: what was multiplied by what. Amounts are exact; they add up to the price. */
export interface PriceStep {
  readonly kind:
    'flat' | 'unit' | 'tier' | 'tier_fee' | 'package' | 'stair' | 'commit' | 'burst' | 'minimum' | 'maximum';
  /** In the charge's unit; for `package` a number of packages. Null where nothing is multiplied. */
  readonly quantity: Ratio | null;
  readonly unitPrice: string | null;
  readonly amount: Ratio;
  /** Edges of the tier: the quantity lies above `from`, up to and including `upTo` (null = open). */
  readonly tier?: { readonly from: string; readonly upTo: string | null };
}

type UnitTier = Extract<Price, { model: 'graduated' }>['tiers'][number];
type Model = Price['model'];
type Pricing = { [M in Model]: (price: Extract<Price, { model: M }>, quantity: Ratio) => PriceStep[] };

const exact = (text: string) => Ratio.of(decimal(text));

/** One function per price model; a model without one does not compile. */
const PRICING: Pricing = {
  flat: ({ amount }) => [{ kind: 'flat', quantity: null, unitPrice: null, amount: exact(amount) }],

  per_unit: ({ unit_price: unitPrice }, quantity) => [priced('unit', quantity, unitPrice)],

  graduated: ({ tiers }, quantity) => graduated('tier', tiers, quantity),

  volume: ({ tiers }, quantity) => {
    if (!quantity.isPositive()) return [];
    const { tier, from } = tierOf(tiers, quantity);
    return withFee(tier, { ...priced('tier', quantity, tier.unit_price), tier: { from, upTo: tier.up_to } });
  },

  package: ({ size, package_price: packagePrice, partial }, quantity) => {
    const packages = quantity.dividedBy(exact(size));
    return [priced('package', partial === 'whole' ? Ratio.of(packages.ceil()) : packages, packagePrice)];
  },

  stairstep: ({ tiers }, quantity) => {
    if (!quantity.isPositive()) return [];
    const { tier, from } = tierOf(tiers, quantity);
    return [
      { kind: 'stair', quantity: null, unitPrice: null, amount: exact(tier.amount), tier: { from, upTo: tier.up_to } },
    ];
  },

  commit_burst: (price, quantity) => {
    const commit = exact(price.commit);
    const above = Ratio.max(Ratio.ZERO, quantity.minus(commit));
    const committed: PriceStep =
      price.commit_unit_price === undefined
        ? { kind: 'commit', quantity: commit, unitPrice: null, amount: exact(price.commit_amount ?? '0') }
        : priced('commit', commit, price.commit_unit_price);
    if (!above.isPositive()) return [committed];
    return price.burst_unit_price === undefined
      ? [committed, ...graduated('burst', price.burst_tiers ?? [], above)]
      : [committed, priced('burst', above, price.burst_unit_price)];
  },
};

/**
 * What a quantity costs, in exact steps. The quantity is in the unit of the price and already without its allowance;
 * edges are continuous and inclusive: 1000 is in the tier up to 1000, 1000.5 in the next.
 */
export function priceSteps(price: Price, quantity: Ratio): PriceStep[] {
  const pricing = PRICING[price.model] as (price: Price, quantity: Ratio) => PriceStep[];
  return pricing(price, quantity);
}

function priced(kind: PriceStep['kind'], quantity: Ratio, unitPrice: string): PriceStep {
  return { kind, quantity, unitPrice, amount: quantity.times(exact(unitPrice)) };
}

/** Each part of the quantity at the price of the tier it lies in. */
function graduated(kind: 'tier' | 'burst', tiers: readonly UnitTier[], quantity: Ratio): PriceStep[] {
  const steps: PriceStep[] = [];
  let from = '0';
  for (const tier of tiers) {
    const reached = tier.up_to === null ? quantity : Ratio.min(quantity, exact(tier.up_to));
    const inTier = reached.minus(exact(from));
    if (!inTier.isPositive()) break;
    steps.push(...withFee(tier, { ...priced(kind, inTier, tier.unit_price), tier: { from, upTo: tier.up_to } }));
    from = tier.up_to ?? from;
  }
  return steps;
}

function withFee(tier: UnitTier, step: PriceStep): PriceStep[] {
  if (tier.flat_fee === undefined) return [step];
  const fee: PriceStep = { kind: 'tier_fee', quantity: null, unitPrice: null, amount: exact(tier.flat_fee) };
  return [step, step.tier ? { ...fee, tier: step.tier } : fee];
}

/** The tier that a quantity above 0 lies in. The last tier is open, so there is one. */
function tierOf<T extends { up_to: string | null }>(tiers: readonly T[], quantity: Ratio): { tier: T; from: string } {
  let from = '0';
  for (const tier of tiers) {
    if (tier.up_to === null || quantity.compare(exact(tier.up_to)) <= 0) return { tier, from };
    from = tier.up_to;
  }
  throw new RangeError('the last tier of a valid plan is open');
}
