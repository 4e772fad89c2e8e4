import { z } from 'zod';
import { unsigned } from '../plan-decimals.js';
import { NO_WORK, priced, priceModel, tellProduct } from './price-model.js';

/** One price for every unit. */
export const perUnit = priceModel({
  schema: z.strictObject({ model: z.literal('per_unit'), unit_price: unsigned }),
  steps: ({ unit_price: unitPrice }, quantity) => [priced('unit', quantity, unitPrice)],
  scales: 'measured',
  wholeAmounts: () => [],
  tell: { unit: tellProduct },
  work: () => NO_WORK,
});
