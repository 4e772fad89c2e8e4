import { z } from 'zod';
import { exact, priceModel } from './price-model.js';
import { amountTiers, tierOf } from './tiers.js';

/** One amount for the tier that the quantity reaches; nothing is due at 0. */
export const stairstep = priceModel({
  schema: z.strictObject({ model: z.literal('stairstep'), tiers: amountTiers }),
  steps: ({ tiers }, quantity) => {
    if (!quantity.isPositive()) return [];
    const { tier, from } = tierOf(tiers, quantity);
    const edges = { from, upTo: tier.up_to };
    return [{ kind: 'stair' as const, quantity: null, unitPrice: null, amount: exact(tier.amount), tier: edges }];
  },
  scales: 'measured',
  wholeAmounts: ({ tiers }) => tiers.map(({ amount }, tier) => ({ path: ['tiers', tier, 'amount'], amount })),
  tell: { stair: ({ words, tier, amount }) => `${tier}${words.colon}${amount}` },
  work: ({ tiers }) => ({ steps: 0, looks: tiers.length }),
});
