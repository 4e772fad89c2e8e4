import { priceSchema } from '#rating';
import { z } from 'zod';
import { stamp } from '../contract.js';

/** How the amount of a line came about, as the contract shows it: what rating's `Derivation` is. */

const decimal = z.string().meta({ description: 'A decimal number, exact.' });
const count = z.int().min(0);
const fraction = z
  .object({ numerator: z.string(), denominator: z.string() })
  .meta({ id: 'Fraction', description: 'An exact quotient: a finite decimal over "1", else two integers.' });
const share = z.object({ ...fraction.shape, proration: z.enum(['second', 'day', 'none']) }).meta({
  id: 'Share',
  description: 'A share of the period, not reduced: seconds by seconds, days by days, or 1 by 1.',
});
const roundingOfQuantity = { to: decimal, mode: z.enum(['up', 'down', 'half_up']) };
const grid = z.enum(['DAY', 'HOUR', 'SLOT']);

const evidence = {
  over: z.object({ start: stamp, end: stamp }).meta({ description: 'The interval whose buckets were asked for.' }),
  entities: count.meta({ description: 'Entities with at least one bucket in the interval.' }),
  expected: count.meta({ description: 'Buckets that should have been reported.' }),
  received: count,
  coverage: decimal.meta({ description: '`received` ÷ `expected`, cut at 6 decimals.' }),
  raw_sha256: z.array(z.string()).meta({ description: 'The raw answers behind the series, each once.' }),
  quantity: fraction.meta({ description: 'In base units: byte, second, Mbps.' }),
};

const letters = z.string().meta({
  description:
    'Whole numbers of `unit`, each as two letters of base64, the higher six bits first; `//` where nothing counts.',
});

const sumEvidence = z
  .object({
    ...evidence,
    method: z.literal('sum'),
    metric: z.enum(['bytes', 'time']),
    direction: z.enum(['uplink', 'downlink', 'total', 'greater']).nullable(),
    missing: z.literal('zero').optional().meta({ description: 'Present when missing buckets were let count 0.' }),
    grid: grid.nullable().meta({ description: 'Null when the series differ in it.' }),
    sums: z.object({ uplink: decimal.nullable(), downlink: decimal.nullable(), time: decimal.nullable() }),
    round_at_bucket: z
      .object({ bucket: z.enum(['hour', 'day']), to_base: decimal, mode: roundingOfQuantity.mode })
      .nullable(),
    days: z
      .object({ unit: decimal, uplink: letters.nullable(), downlink: letters.nullable() })
      .optional()
      .meta({ description: 'Bytes of each local day, cut: what the invoice draws. `unit` is in bytes.' }),
    alternatives: z
      .partialRecord(z.enum(['uplink', 'downlink', 'total', 'greater']), decimal.nullable())
      .meta({ description: 'What every direction would have given.' }),
  })
  .meta({ id: 'SumEvidence' });

const ranked = z
  .object({
    of: z.enum(['uplink', 'downlink', 'greater', 'sum']),
    n: count.meta({ description: 'Samples counted.' }),
    k: count.nullable().meta({ description: 'Rank of the decisive sample, from 1; null for an average.' }),
    discarded: count.nullable().meta({ description: 'The samples above the decisive one.' }),
    value: decimal.meta({ description: 'Mbps.' }),
    sum: decimal.nullable().meta({ description: 'Of an average: the exact sum of the samples.' }),
    sample: z
      .object({
        start: stamp,
        value: decimal,
        uplink: decimal.nullable(),
        downlink: decimal.nullable(),
        reported: z.boolean(),
      })
      .nullable()
      .meta({ description: 'The slot whose value is billed.' }),
  })
  .meta({ id: 'RankedSamples' });

const rateDirection = z.enum([
  'uplink',
  'downlink',
  'greater_of_percentiles',
  'percentile_of_greater',
  'percentile_of_sum',
]);

const bandwidthEvidence = z
  .object({
    ...evidence,
    method: z.enum(['nearest_rank', 'minimum', 'maximum', 'average']),
    metric: z.literal('bandwidth'),
    aggregation: z.enum(['percentile', 'average', 'minimum', 'maximum']),
    percentile: decimal.nullable(),
    direction: rateDirection,
    sites: z.enum(['pooled', 'each_then_sum']),
    missing: z.enum(['zero', 'exclude', 'hold']),
    min_coverage: decimal,
    grid: z.literal('SLOT'),
    proven_idle: count.meta({ description: 'Slots that count 0 because the bytes of their time are reported as 0.' }),
    unreported: z
      .object({
        missing: count,
        proven_idle: count,
        quiet: count,
        lost: count,
        unanswered: count,
        unexplained: count,
        uncontrolled: count,
        control: z.enum(['hour_maximum', 'hour_bytes']).nullable(),
        whole_hours: z.object({ maximum_equal: count, maximum_differing: count }),
        lost_hours: z.array(stamp),
        at_most: decimal.nullable(),
      })
      .nullable()
      .meta({ description: 'The samples that are missing, by what is known of their hour; null when none is.' }),
    parts: z.array(
      z.object({
        entity: z.object({ dimension: z.string(), value: z.string() }).nullable(),
        name: z.string().nullable(),
        expected: count,
        received: count,
        proven_idle: count,
        unserved: count,
        coverage: decimal,
        billed: ranked,
        lesser: ranked.nullable(),
        chart: z
          .object({ unit: decimal, slots_per_column: count, lowest: letters, highest: letters, ranked: letters })
          .optional()
          .meta({
            description:
              'The samples as the invoice draws them, rounded half up: the lowest and the highest of each column of slots, and those at 64 ranks, 48 up to the billed one. `unit` is in Mbps.',
          }),
      }),
    ),
    alternatives: z.record(rateDirection, decimal.nullable()),
  })
  .meta({ id: 'BandwidthEvidence' });

const basis = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('usage'),
    evidence: z
      .discriminatedUnion('metric', [sumEvidence, bandwidthEvidence])
      .nullable()
      .meta({ description: 'How the quantity was measured; null when it was handed in already measured.' }),
    measured: fraction.meta({ description: 'In base units: byte, second, Mbps.' }),
    unit: z.string(),
    base_units_per_unit: decimal,
    round: z.object(roundingOfQuantity).nullable(),
    share,
    scaled_by: z.enum(['quantity', 'rate']),
    included: decimal.nullable(),
    price: priceSchema,
    minimum_amount: decimal.nullable(),
    maximum_amount: decimal.nullable(),
  }),
  z.object({
    kind: z.literal('recurring'),
    billing: z.enum(['arrears', 'advance', 'refund']),
    unit_amount: decimal,
    shares: z.array(z.object({ ...share.shape, count })),
  }),
  z.object({ kind: z.literal('one_time'), unit_amount: decimal }),
  z.object({
    kind: z.literal('discount'),
    type: z.enum(['percentage', 'fixed']),
    value: decimal,
    share: share.nullable(),
    refund: z.boolean(),
    parts: z.array(
      z.object({
        tax_category: z.string().nullable(),
        tax: z.string().optional(),
        supply_end: z.string(),
        remaining: decimal,
      }),
    ),
    part: count,
  }),
  z.object({
    kind: z.literal('minimum_spend'),
    required: z.array(z.object({ ...share.shape, amount: decimal })),
    spent: decimal,
    paid_ahead: decimal,
    parts: z.array(z.object({ tax_category: z.string().nullable(), tax: z.string().optional(), net: decimal })),
    part: count,
  }),
  z
    .object({ kind: z.literal('adjustment'), adjustment: z.string(), amount: decimal, by: z.string(), at: stamp })
    .meta({ description: 'What an operator credited or charged beside the plan.' }),
]);

export const derivation = z
  .object({
    version: z.literal(1),
    plan: z.object({ code: z.string(), version: z.int(), sha256: z.string() }).nullable(),
    basis: basis.meta({ description: 'What went in.' }),
    steps: z.array(
      z.object({
        kind: z.string(),
        quantity: decimal.nullable(),
        unit_price: decimal.nullable(),
        tier: z.object({ from: decimal, up_to: decimal.nullable() }).nullable(),
        amount: fraction,
      }),
    ),
    amount: fraction.meta({ description: 'The exact amount before it is rounded: the sum of the steps.' }),
    rounding: z.object({ mode: z.enum(['half_up', 'half_even']), digits: count }),
  })
  .meta({
    id: 'Derivation',
    description: 'All that is needed to recompute the amount of a line, and what it came to.',
  });
