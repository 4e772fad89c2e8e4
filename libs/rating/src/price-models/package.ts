import { z } from 'zod';
import { Ratio } from '#money';
import { positive, unsigned } from '../plan-decimals.js';
import { exact, NO_WORK, priced, priceModel } from './price-model.js';

/** A price for each package of units, whole ones or the exact part of the last. */
export const packages = priceModel({
  schema: z.strictObject({
    model: z.literal('package'),
    size: positive,
    package_price: unsigned,
    partial: z.enum(['whole', 'prorated']).default('whole'),
  }),
  steps: ({ size, package_price: packagePrice, partial }, quantity) => {
    const begun = quantity.dividedBy(exact(size));
    return [priced('package', partial === 'whole' ? Ratio.of(begun.ceil()) : begun, packagePrice)];
  },
  scales: 'counted',
  wholeAmounts: () => [],
  tell: {
    package: ({ count, at, share, amount, withUnit }, { size }) =>
      `${count} × ${withUnit(size)}${at}${share} = ${amount}`,
  },
  work: () => NO_WORK,
});
