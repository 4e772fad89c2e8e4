import { z } from 'zod';
import { priced, priceModel, tellProduct } from './price-model.js';
import { tellTierFee, tierOf, unitTiers, withFee } from './tiers.js';

/** The whole quantity at the price of the tier it reaches; nothing is due at 0. */
export const volume = priceModel({
  schema: z.strictObject({ model: z.literal('volume'), tiers: unitTiers }),
  steps: ({ tiers }, quantity) => {
    if (!quantity.isPositive()) return [];
    const { tier, from } = tierOf(tiers, quantity);
    return withFee(tier, { ...priced('tier', quantity, tier.unit_price), tier: { from, upTo: tier.up_to } });
  },
  scales: 'measured',
  wholeAmounts: () => [],
  tell: { tier: tellProduct, tier_fee: tellTierFee },
  work: ({ tiers }) => ({ steps: 0, looks: tiers.length }),
});
