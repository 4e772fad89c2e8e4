import { z } from 'zod';
import { decimal, Ratio } from '#money';
import { positive, unsigned } from '../plan-decimals.js';
import { exact, priced, type PriceStep, type ToldStep } from './price-model.js';

/** Bound of a list: what is rated for thousands of entities is gone through for each. */
const MOST_TIERS = 1_000;

/** Edges rise strictly and only the last tier is open, so tiers can neither overlap nor leave a gap. */
const tierRule = <T extends { up_to: string | null }>(tiers: T[], context: z.RefinementCtx<T[]>) => {
  let below: string | undefined;
  tiers.forEach(({ up_to: upTo }, position) => {
    const last = position === tiers.length - 1;
    const say = (message: string) => context.addIssue({ code: 'custom', path: [position, 'up_to'], message });
    if (last && upTo !== null) say('must be null: the last tier has no upper edge');
    if (!last && upTo === null) say('must be a decimal string: only the last tier is open');
    if (upTo === null) return;
    if (below !== undefined && !decimal(upTo).greaterThan(decimal(below))) say(`must be greater than ${below}`);
    below = upTo;
  });
};

const upTo = positive.nullable();

export const unitTiers = z
  .array(z.strictObject({ up_to: upTo, unit_price: unsigned, flat_fee: unsigned.optional() }))
  .min(1)
  .max(MOST_TIERS)
  .superRefine(tierRule);

export const amountTiers = z
  .array(z.strictObject({ up_to: upTo, amount: unsigned }))
  .min(1)
  .max(MOST_TIERS)
  .superRefine(tierRule);

export type UnitTier = z.output<typeof unitTiers>[number];

/** Each part of the quantity at the price of the tier it lies in. */
export function graduatedSteps<Kind extends string>(
  kind: Kind,
  tiers: readonly UnitTier[],
  quantity: Ratio,
): PriceStep<Kind | 'tier_fee'>[] {
  const steps: PriceStep<Kind | 'tier_fee'>[] = [];
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

/** A step and, after it, the fee that its tier has. */
export function withFee<Kind extends string>(tier: UnitTier, step: PriceStep<Kind>): PriceStep<Kind | 'tier_fee'>[] {
  if (tier.flat_fee === undefined) return [step];
  const fee: PriceStep<'tier_fee'> = {
    ...{ kind: 'tier_fee', quantity: null, unitPrice: null },
    amount: exact(tier.flat_fee),
  };
  return [step, step.tier ? { ...fee, tier: step.tier } : fee];
}

/** The tier that a quantity above 0 lies in. The last tier is open, so there is one. */
export function tierOf<T extends { up_to: string | null }>(
  tiers: readonly T[],
  quantity: Ratio,
): { tier: T; from: string } {
  let from = '0';
  for (const tier of tiers) {
    if (tier.up_to === null || quantity.compare(exact(tier.up_to)) <= 0) return { tier, from };
    from = tier.up_to;
  }
  throw new RangeError('the last tier of a valid plan is open');
}

export const tellTierFee = ({ words, tier, amount }: ToldStep) => `${words.feeOfTier(tier)}${words.colon}${amount}`;
