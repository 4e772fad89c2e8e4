import { z } from 'zod';
import { decimal, Ratio, times } from '#money';
import { unsigned } from '../plan-decimals.js';
import { exact, priced, priceModel, type PriceStep } from './price-model.js';
import { graduatedSteps, tellTierFee, unitTiers } from './tiers.js';

/** Commit levels that are priced beside the one that was agreed, and that one. */
const LEVELS_PRICED = 8;

const exactlyOne =
  <K extends string>(a: K, b: K) =>
  (value: Partial<Record<K, unknown>>, context: z.RefinementCtx) => {
    if ((value[a] === undefined) === (value[b] === undefined)) {
      context.addIssue({ code: 'custom', path: [a], message: `must be given, or ${b} instead of it, but not both` });
    }
  };

/** A commit that is due also at 0; what lies above it has a price of its own, by the unit or by tiers from the commit on. */
export const commitBurst = priceModel({
  schema: z
    .strictObject({
      model: z.literal('commit_burst'),
      commit: unsigned,
      commit_unit_price: unsigned.optional(),
      commit_amount: unsigned.optional(),
      burst_unit_price: unsigned.optional(),
      burst_tiers: unitTiers.optional(),
    })
    .superRefine(exactlyOne('commit_unit_price', 'commit_amount'))
    .superRefine(exactlyOne('burst_unit_price', 'burst_tiers')),
  steps: (price, quantity): PriceStep<'commit' | 'burst' | 'tier_fee'>[] => {
    const commit = exact(price.commit);
    const above = Ratio.max(Ratio.ZERO, quantity.minus(commit));
    const committed: PriceStep<'commit'> =
      price.commit_unit_price === undefined
        ? { kind: 'commit', quantity: commit, unitPrice: null, amount: exact(price.commit_amount ?? '0') }
        : priced('commit', commit, price.commit_unit_price);
    if (!above.isPositive()) return [committed];
    return price.burst_unit_price === undefined
      ? [committed, ...graduatedSteps('burst', price.burst_tiers ?? [], above)]
      : [committed, priced('burst', above, price.burst_unit_price)];
  },
  scales: 'measured',
  wholeAmounts: ({ commit_amount: amount }) => (amount === undefined ? [] : [{ path: ['commit_amount'], amount }]),
  tell: {
    commit: ({ words, quantity, at, amount, product }) =>
      `${words.committed(quantity)}${at === '' ? `${words.colon}${amount}` : product}`,
    burst: ({ words, quantity, product }) => `${words.aboveCommit(quantity)}${product}`,
    tier_fee: tellTierFee,
  },
  work: ({ burst_tiers: tiers = [] }) => ({ steps: LEVELS_PRICED * tiers.length, looks: 0 }),
  recommit: (price, level) =>
    price.commit_unit_price === undefined
      ? null
      : { ...price, commit: times(decimal(price.commit), decimal(level)).toFixed() },
});
