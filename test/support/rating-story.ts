import { monthPeriod, type BillingPeriod } from '#calendar';
import { type BucketSeries, type EntityRef, type Grid, type Metric, ownedBuckets } from '#metering';
import {
  advancesOf,
  type FeeBilledAhead,
  parseTariffPlan,
  presumedAdvances,
  rate,
  type PlanVersion,
  type RatedLine,
  type RatingInput,
  type RatingOutcome,
  type RegisteredEntity,
  segmentsOf,
  type SubscriptionTerm,
} from '#rating';

/** Short ways to tell a rating as a story. Holds no rule and expects nothing. */

export const ACCOUNT: EntityRef = { dimension: 'account', value: '4711' };

export interface Story {
  period?: string;
  timeZone?: string;
  currency?: string;
  rounding?: 'half_up' | 'half_even';
  charges?: unknown[];
  /** Members of the plan beside its charges. */
  plan?: Record<string, unknown>;
  /** Later versions of the plan, by the date they take effect. */
  versions?: { from: string; charges: unknown[]; plan?: Record<string, unknown> }[];
  /** Beside the one to the plan of `charges`. A version may be of another plan by the `code` in its `plan`. */
  subscriptions?: SubscriptionTerm[];
  starts?: string;
  ends?: string | null;
  entities?: RegisteredEntity[];
  usage?: (period: BillingPeriod) => BucketSeries[];
  quantities?: RatingInput['quantities'];
  measuredUntil?: number;
  waived?: string[];
  /** What other invoices billed in advance; absent = what is presumed of a subscription that began before the period. */
  billedAhead?: Partial<FeeBilledAhead>[];
  counted?: Partial<FeeBilledAhead>[];
  /** Months that other documents have given discount 1 for; absent = every month since the subscription began. */
  discountedIn?: string[];
}

export function planVersion(document: Record<string, unknown>, version = 1): PlanVersion {
  const parsed = parseTariffPlan(document);
  if (parsed.outcome !== 'valid') throw new Error(parsed.errors.map(({ message }) => message).join('\n'));
  const { code, effective_from: effectiveFrom } = parsed.plan;
  return { code, version, effectiveFrom, plan: parsed.plan, sha256: `sha256 of ${code} version ${version}` };
}

export function inputOf(story: Story): RatingInput {
  const period = monthPeriod(story.period ?? '2026-10', story.timeZone ?? 'UTC');
  const currency = story.currency ?? 'USD';
  const head = { code: 'plan', name: 'Plan', currency, effective_from: '2020-01-01', ...story.plan };
  const versions = [
    planVersion({ ...head, charges: story.charges }),
    ...(story.versions ?? []).map(({ from, charges, plan }, position) =>
      planVersion({ ...head, ...plan, effective_from: from, charges }, position + 2),
    ),
  ];
  const subscriptions: SubscriptionTerm[] = [
    { planCode: 'plan', startDate: story.starts ?? '2020-01-01', endDate: story.ends ?? null },
    ...(story.subscriptions ?? []),
  ];
  const terms = { period, subscriptions, versions };
  const entities = story.entities ?? [];
  const { billedAhead, counted } = story;
  const isTold = billedAhead !== undefined || counted !== undefined;
  return {
    currency,
    rounding: story.rounding ?? 'half_up',
    period,
    segments: segmentsOf(terms),
    advances: isTold
      ? advancesOf({ ...terms, billed: feesOf(billedAhead), counted: counted ? feesOf(counted) : null })
      : presumedAdvances({ ...terms, entities }),
    discounted: story.discountedIn?.map((month) => ({ planCode: 'plan', discount: 1, month, onDate: `${month}-01` })),
    account: ACCOUNT,
    entities,
    usage: story.usage?.(period) ?? [],
    quantities: story.quantities,
    measuredUntil: story.measuredUntil,
    waived: new Set(story.waived),
  };
}

function feesOf(told: Story['billedAhead'] = []): FeeBilledAhead[] {
  return told.map((fee) => ({ planCode: 'plan', version: 1, charge: 'fee', count: 1, ...fee }));
}

export function rateStory(story: Story): RatingOutcome {
  return rate(inputOf(story));
}

/** The lines of a story that can be rated. */
export function linesOf(story: Story): RatedLine[] {
  const outcome = rateStory(story);
  if (outcome.outcome === 'held') throw new Error(`held: ${JSON.stringify(outcome.reasons)}`);
  return outcome.lines;
}

/** A line as a payer reads it: charge, first and last day, quantity, amount. */
export function printed(lines: readonly RatedLine[]): string[] {
  return lines.map(
    ({ charge, entity, segment, quantity, unit, amount }) =>
      `${charge}${entity ? `(${entity.value})` : ''} ${segment.start_date.slice(5)}…${segment.end_date.slice(5)} ${quantity} ${unit} ${amount}`,
  );
}

export function amountsOf(story: Story): string[] {
  return linesOf(story).map(({ amount }) => amount);
}

/** One metric of one entity with a value for every bucket that the period owns. */
export function series(
  period: BillingPeriod,
  entity: EntityRef,
  metric: Metric,
  grid: Grid,
  valueAt: (bucketStart: number, position: number) => string | null,
): BucketSeries {
  const { firstStart, count } = ownedBuckets(period, grid);
  const width = { DAY: 86_400, HOUR: 3_600, SLOT: 300 }[grid];
  const values = Array.from({ length: count }, (_, position) => valueAt(firstStart + position * width, position));
  return { entity, metric, grid, owned: { start: period.start, end: period.end }, firstStart, values };
}

export function site(value: string, from = '2020-01-01', until: string | null = null): RegisteredEntity {
  return { dimension: 'customer_site_id', value, name: null, activeFrom: from, activeUntil: until };
}

export function msisdn(value: string, from = '2020-01-01', until: string | null = null): RegisteredEntity {
  return { dimension: 'msisdn', value, name: null, activeFrom: from, activeUntil: until };
}

const NINETY_FIFTH = {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  direction: 'percentile_of_greater',
  missing: 'zero',
  unit: 'Mbps',
};

/** Most of what a rating can hold: two versions, all measures, entities that come and go, discounts, a minimum. */
export const FULL_STORY: Story = {
  timeZone: 'Asia/Kolkata',
  starts: '2026-09-12',
  charges: [
    { code: 'ahead', name: 'Platform', type: 'recurring', amount: '499.00', timing: 'in_advance' },
    { code: 'sites', name: 'Sites', type: 'recurring', amount: '40.00', per: 'customer_site_id' },
    {
      code: 'traffic',
      name: 'Traffic',
      type: 'usage',
      measure: { metric: 'bytes', unit: 'GB' },
      included: '1',
      price: { model: 'per_unit', unit_price: '0.08' },
    },
    {
      code: 'airtime',
      name: 'Airtime',
      type: 'usage',
      measure: { metric: 'time', per: 'msisdn', unit: 'hour' },
      price: { model: 'per_unit', unit_price: '0.012' },
      tax_category: 'Z',
    },
    {
      code: 'burst',
      name: 'Burst',
      type: 'usage',
      measure: { ...NINETY_FIFTH, sites: 'each_then_sum' },
      price: { model: 'per_unit', unit_price: '4.00' },
    },
  ],
  plan: {
    minimum_spend: '9000.00',
    discounts: [
      { type: 'percentage', value: '10' },
      { type: 'fixed', value: '25.00', applies_to: ['traffic', 'airtime'] },
    ],
  },
  versions: [
    {
      from: '2026-10-17',
      plan: { discounts: [{ type: 'percentage', value: '5' }] },
      charges: [
        {
          code: 'traffic',
          name: 'Traffic',
          type: 'usage',
          measure: { metric: 'bytes', unit: 'GB' },
          price: { model: 'per_unit', unit_price: '0.07' },
        },
      ],
    },
  ],
  entities: [
    site('A'),
    site('B', '2026-10-05'),
    msisdn('0049'),
    msisdn('0048', '2020-01-01', '2026-10-09'),
    msisdn('0048', '2026-10-12'),
  ],
  usage: (period) => [
    series(period, ACCOUNT, 'uplink_bytes', 'HOUR', (_, hour) => `${hour * 12_345_678}.5`),
    series(period, ACCOUNT, 'downlink_bytes', 'HOUR', (_, hour) => `${hour}`),
    ...['0049', '0048'].map((value) =>
      series(period, { dimension: 'msisdn', value }, 'time_usage_seconds', 'HOUR', (_, hour) => `${hour % 61}`),
    ),
    ...['A', 'B'].flatMap((value) => [
      series(
        period,
        { dimension: 'customer_site_id', value },
        'uplink_bandwidth',
        'SLOT',
        (_, slot) => `${(slot * 7_919) % 150}.25`,
      ),
      series(
        period,
        { dimension: 'customer_site_id', value },
        'downlink_bandwidth',
        'SLOT',
        (_, slot) => `${(slot * 104_729) % 90}`,
      ),
    ]),
  ],
};
