import { z } from 'zod';
import { amount, localDate, stamp } from '../contract.js';
import { derivation } from './derivation.js';

/** A rated line as the contract shows it; its derivation is all that is needed to recompute the amount. */
export const ratedLine = z
  .object({
    charge: z.string(),
    kind: z.enum(['recurring', 'one_time', 'usage', 'discount', 'minimum_spend', 'adjustment']),
    description: z.string(),
    title: z
      .union([
        z.object({
          code: z.enum(['in_advance', 'unused_share', 'paid_in_advance', 'minimum_spend']),
          name: z.string(),
        }),
        z.object({
          code: z.literal('discount'),
          type: z.enum(['percentage', 'fixed']),
          value: z.string(),
          currency: z.string(),
          on: z.array(z.string()).nullable(),
          unused_share: z.boolean(),
        }),
      ])
      .optional()
      .meta({
        description:
          "Where the service names the line: what the description says in English, for the words of the document's language.",
      }),
    entity: z
      .object({
        dimension: z.enum(['account', 'customer_site_id', 'msisdn', 'imsi']),
        value: z.string(),
        name: z.string().nullable(),
      })
      .nullable(),
    segment: z.object({ start: stamp, end: stamp, start_date: localDate, end_date: localDate }),
    quantity: z.string(),
    unit: z.string(),
    amount,
    unrounded_amount: z.string().meta({ description: 'Cut at 12 decimals, for display only.' }),
    tax_category: z.string().nullable(),
    tax: z.string().optional().meta({ description: "Name of the account's tax, where the charge names one." }),
    commodity_code: z.string().nullable(),
    derivation,
    alternatives: z
      .object({
        directions: z.array(z.object({ direction: z.string(), quantity: z.string(), amount })),
        commits: z.array(z.object({ commit: z.string(), amount })),
      })
      .optional()
      .meta({
        description:
          'Of a preview, on bandwidth lines: what other direction rules and commit levels would have come to.',
      }),
  })
  .meta({ id: 'RatedLine' });

/** What a set of lines comes to. */
export const totals = {
  taxes: z.array(
    z.object({
      name: z.string(),
      category: z.string(),
      rate: z.string(),
      base: amount,
      amount,
      exemption_reason: z.string().nullable(),
    }),
  ),
  net: amount,
  tax: amount,
  gross: amount,
  rounding: amount,
  payable: amount,
};
