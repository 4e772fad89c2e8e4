import { z } from 'zod';
import { priceModel, tellProduct } from './price-model.js';
import { graduatedSteps, tellTierFee, unitTiers } from './tiers.js';

/** Each part of the quantity at the price of the tier it lies in. */
export const graduated = priceModel({
  schema: z.strictObject({ model: z.literal('graduated'), tiers: unitTiers }),
  steps: ({ tiers }, quantity) => graduatedSteps('tier', tiers, quantity),
  scales: 'measured',
  wholeAmounts: () => [],
  tell: { tier: tellProduct, tier_fee: tellTierFee },
  work: ({ tiers }) => ({ steps: tiers.length, looks: 0 }),
});
