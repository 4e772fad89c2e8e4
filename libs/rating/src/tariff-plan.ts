import { z } from 'zod';
import { isLocalDate } from '#calendar';
import { UNITS } from '#metering';
import { decimal, isCurrency, isPlainDecimal, minorUnits } from '#money';
import { percent, positive, requiredOr, unsigned } from './plan-decimals.js';
import { priceSchema, wholeAmountsOf } from './price-models/index.js';
import { taxNameKey } from './tax-name.js';

/** What a party may be taxed as, by UNCL5305. */
const TAX_CATEGORIES = ['S', 'Z', 'E', 'AE', 'K', 'G', 'O'] as const;
const PER = ['account', 'customer_site_id', 'msisdn', 'imsi'] as const;

/** Bound of a list: what is rated for thousands of entities is gone through for each. */
const MOST_NAMED = 20_000;

const text = z.string().min(1).max(200);

const localDate = z
  .string({ error: requiredOr('must be a date YYYY-MM-DD') })
  .regex(/^\d{4}-\d{2}-\d{2}$/, { error: 'must be a date YYYY-MM-DD', abort: true })
  .refine(isLocalDate, { error: 'must be a day that exists' });

const chargeCode = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, {
    error: 'must be 1 to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit',
  })
  .refine((code) => code !== 'minimum_spend', { error: 'must not be "minimum_spend": the true-up line has that code' });

const proration = z.enum(['second', 'day', 'none']).default('second');

const lineRound = z.strictObject({
  to: positive,
  mode: z.enum(['up', 'down', 'half_up']),
  at: z.enum(['line', 'bucket']).default('line'),
});

/** Sum measures may round every bucket before they add; the bucket they mean must then be said. */
const bucketRule = <T extends { round?: { at: string } | undefined; bucket?: string | undefined }>(
  measure: T,
  context: z.RefinementCtx<T>,
) => {
  if (measure.round?.at === 'bucket' && measure.bucket === undefined) {
    context.addIssue({
      code: 'custom',
      path: ['bucket'],
      message: 'is required because round.at is "bucket": "hour" or "day"',
    });
  }
};

const bytesMeasure = z
  .strictObject({
    metric: z.literal('bytes'),
    aggregation: z.literal('sum').default('sum'),
    direction: z.enum(['uplink', 'downlink', 'total', 'greater']).default('total'),
    per: z.enum(PER).default('account'),
    unit: z.enum(UNITS.bytes),
    bucket: z.enum(['hour', 'day']).optional(),
    round: lineRound.optional(),
  })
  .superRefine(bucketRule);

const timeMeasure = z
  .strictObject({
    metric: z.literal('time'),
    aggregation: z.literal('sum').default('sum'),
    per: z.enum(PER).default('account'),
    unit: z.enum(UNITS.time),
    bucket: z.enum(['hour', 'day']).optional(),
    round: lineRound.optional(),
  })
  .superRefine(bucketRule);

const minCoverage = unsigned
  .refine((value) => isPlainDecimal(value) && !decimal(value).greaterThan(1), { error: 'must be from 0 to 1' })
  .optional();

const bandwidthMembers = {
  metric: z.literal('bandwidth'),
  direction: z.enum(['uplink', 'downlink', 'greater_of_percentiles', 'percentile_of_greater', 'percentile_of_sum']),
  per: z
    .enum(['account', 'customer_site_id'], {
      error: requiredOr('must be "account" or "customer_site_id": bandwidth is reported by site'),
    })
    .default('account'),
  sites: z.enum(['pooled', 'each_then_sum']).default('pooled'),
  min_coverage: minCoverage,
  unit: z.enum(UNITS.bandwidth),
  round: z.strictObject({ to: positive, mode: z.enum(['up', 'down', 'half_up']) }).optional(),
};

const missing = z.enum(['zero', 'exclude', 'hold'], {
  error: requiredOr('must say what a missing slot means: "zero", "exclude" or "hold"'),
});

const percentileMeasure = z.strictObject({
  ...bandwidthMembers,
  aggregation: z.literal('percentile'),
  percentile: percent,
  missing,
});

const bandwidthMeasure = (aggregation: 'average' | 'minimum' | 'maximum') =>
  z.strictObject({ ...bandwidthMembers, aggregation: z.literal(aggregation), missing: missing.default('hold') });

const measure = z.discriminatedUnion('metric', [
  bytesMeasure,
  timeMeasure,
  z.discriminatedUnion('aggregation', [
    percentileMeasure,
    bandwidthMeasure('average'),
    bandwidthMeasure('minimum'),
    bandwidthMeasure('maximum'),
  ]),
]);

const values = z.array(z.string().min(1).max(128)).min(1).max(MOST_NAMED).optional();
const filter = z.strictObject({ customer_site_id: values, msisdn: values, imsi: values });

const everyCharge = {
  code: chargeCode,
  name: text,
  tax_category: z.enum(TAX_CATEGORIES).optional(),
  /** Name of a tax of the account; which accounts have one of that name is known when they are billed. */
  tax: z
    .string()
    .max(40)
    .refine((name) => taxNameKey(name) !== '', { error: 'must be the name of a tax of the account' })
    .optional(),
  commodity_code: text.optional(),
};

const recurringCharge = z.strictObject({
  ...everyCharge,
  type: z.literal('recurring'),
  amount: unsigned,
  per: z.enum(PER).default('account'),
  timing: z.enum(['in_arrears', 'in_advance']).default('in_arrears'),
  proration,
});

const oneTimeCharge = z.strictObject({ ...everyCharge, type: z.literal('one_time'), amount: unsigned });

const usageCharge = z
  .strictObject({
    ...everyCharge,
    type: z.literal('usage'),
    measure,
    included: unsigned.optional(),
    price: priceSchema,
    minimum_amount: unsigned.optional(),
    maximum_amount: unsigned.optional(),
    filter: filter.optional(),
    proration,
  })
  .superRefine((charge, context) => {
    const { minimum_amount: minimum, maximum_amount: maximum, measure: measured } = charge;
    if (minimum !== undefined && maximum !== undefined && decimal(maximum).lessThan(decimal(minimum))) {
      context.addIssue({
        code: 'custom',
        path: ['maximum_amount'],
        message: `must not be less than minimum_amount ${minimum}`,
      });
    }
    if (charge.filter && Object.values(charge.filter).every((named) => named === undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['filter'],
        message: 'must name at least one customer_site_id, msisdn or imsi',
      });
    }
    for (const dimension of ['customer_site_id', 'msisdn', 'imsi'] as const) {
      if (charge.filter?.[dimension] === undefined) continue;
      const allowed =
        measured.metric === 'bandwidth' ? 'customer_site_id' : measured.per === 'account' ? dimension : measured.per;
      if (dimension !== allowed) {
        context.addIssue({
          code: 'custom',
          path: ['filter', dimension],
          message: `must be filter.${allowed}: this charge is measured by ${allowed}`,
        });
      }
    }
  });

const charge = z.discriminatedUnion('type', [recurringCharge, oneTimeCharge, usageCharge]);

const everyDiscount = {
  applies_to: z.array(z.string()).min(1).max(500).optional(),
  periods: z.int().min(1).optional(),
};

const discount = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('percentage'), value: percent, ...everyDiscount }),
  z.strictObject({ type: z.literal('fixed'), value: positive, ...everyDiscount }),
]);

/**
 * A tariff plan as a document. Every number is a decimal string; unknown members are refused, so a misspelt member
 * cannot silently change a price.
 */
export const tariffPlanSchema = z
  .strictObject({
    code: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, {
      error: 'must be 1 to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit',
    }),
    name: text,
    description: z.string().max(2000).optional(),
    currency: z
      .string()
      .refine(isCurrency, { error: 'must be an active ISO 4217 currency code such as "EUR"', abort: true }),
    effective_from: localDate,
    charges: z.array(charge).min(1).max(500),
    minimum_spend: unsigned.optional(),
    discounts: z.array(discount).max(100).default([]),
  })
  .superRefine((plan, context) => {
    const positions = new Map<string, number>();
    plan.charges.forEach(({ code, tax, tax_category: taxCategory }, position) => {
      if (tax !== undefined && taxCategory !== undefined) {
        context.addIssue({
          code: 'custom',
          path: ['charges', position, 'tax'],
          message: 'must be given, or tax_category instead of it, but not both',
        });
      }
      const first = positions.get(code);
      if (first === undefined) positions.set(code, position);
      else {
        context.addIssue({
          code: 'custom',
          path: ['charges', position, 'code'],
          message: `must be unique: ${JSON.stringify(code)} is already the code of charges[${first}]`,
        });
      }
    });
    plan.discounts.forEach(({ applies_to: appliesTo }, position) =>
      appliesTo?.forEach((code, index) => {
        if (positions.has(code)) return;
        context.addIssue({
          code: 'custom',
          path: ['discounts', position, 'applies_to', index],
          message: `must be the code of a charge of this plan: ${[...positions.keys()].join(', ')}`,
        });
      }),
    );
    const digits = minorUnits(plan.currency);
    for (const { path, amount } of wholeAmounts(plan)) {
      if (decimal(amount).decimalPlaces() <= digits) continue;
      context.addIssue({
        code: 'custom',
        path,
        message: `must have at most ${digits} decimals: it is charged as it stands, in ${plan.currency}`,
      });
    }
  });

/** A tariff plan that passed `tariffPlanSchema`: defaults are filled in. */
export type TariffPlan = z.output<typeof tariffPlanSchema>;
export type Charge = TariffPlan['charges'][number];
export type UsageCharge = Extract<Charge, { type: 'usage' }>;
export type RecurringCharge = Extract<Charge, { type: 'recurring' }>;
export type OneTimeCharge = Extract<Charge, { type: 'one_time' }>;
export type Measure = UsageCharge['measure'];
export type Discount = TariffPlan['discounts'][number];
export type Filter = NonNullable<UsageCharge['filter']>;
export type Proration = RecurringCharge['proration'];

/**
 * The amounts of a plan that reach a line without being multiplied by a quantity. More decimals than the currency has
 * would print as one amount and be charged as another. Unit prices are not among them: they may be as fine as they like.
 */
function wholeAmounts(plan: {
  charges: readonly z.output<typeof charge>[];
  minimum_spend?: string | undefined;
  discounts: readonly z.output<typeof discount>[];
}): { path: (string | number)[]; amount: string }[] {
  const found: { path: (string | number)[]; amount: string }[] = [];
  const add = (path: (string | number)[], amount: string | undefined) => {
    if (amount !== undefined) found.push({ path, amount });
  };
  plan.charges.forEach((each, position) => {
    const at = (...path: (string | number)[]) => ['charges', position, ...path];
    if (each.type === 'one_time') add(at('amount'), each.amount);
    if (each.type === 'recurring' && each.per === 'account') add(at('amount'), each.amount);
    if (each.type !== 'usage') return;
    add(at('minimum_amount'), each.minimum_amount);
    add(at('maximum_amount'), each.maximum_amount);
    for (const { path, amount } of wholeAmountsOf(each.price)) add(at('price', ...path), amount);
  });
  add(['minimum_spend'], plan.minimum_spend);
  plan.discounts.forEach((each, position) => {
    if (each.type === 'fixed') add(['discounts', position, 'value'], each.value);
  });
  return found;
}
