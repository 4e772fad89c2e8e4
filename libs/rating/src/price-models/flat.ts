import { z } from 'zod';
import { unsigned } from '../plan-decimals.js';
import { exact, NO_WORK, priceModel } from './price-model.js';

/** One amount, whatever the quantity. */
export const flat = priceModel({
  schema: z.strictObject({ model: z.literal('flat'), amount: unsigned }),
  steps: ({ amount }) => [{ kind: 'flat' as const, quantity: null, unitPrice: null, amount: exact(amount) }],
  scales: 'measured',
  wholeAmounts: ({ amount }) => [{ path: ['amount'], amount }],
  tell: { flat: ({ words, amount }) => words.flat(amount) },
  work: () => NO_WORK,
});
