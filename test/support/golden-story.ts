import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { monthPeriod } from '#calendar';
import { type AccountTax, draftInvoice, totalsOf } from '#invoicing';
import { type BucketSeries, type EntityRef, type Grid, type Metric, ownedBuckets } from '#metering';
import { advancesOf, type GivenQuantity, presumedAdvances, rate, type RegisteredEntity, segmentsOf } from '#rating';
import { planVersion } from './rating-story.js';

/** The stories of test/golden, read and billed. */
export const GOLDEN = resolve('test/golden');

const ACCOUNT: EntityRef = { dimension: 'account', value: '4711' };

/** Shaped like the request of a preview. `{n}` in a member with `for_n` runs from the first number to the last. */
export interface GoldenUsage {
  period: string;
  time_zone?: string;
  subscription?: { starts_at?: string; ends_at?: string };
  /** Instead of `subscription`, where there are several plans. */
  subscriptions?: { plan: string; starts_at: string; ends_at?: string }[];
  /** Fees that the invoice before has billed for the period; absent = presumed of a subscription that began before it. */
  billed_ahead?: { plan: string; version: number; charge: string; count: number }[];
  rounding?: 'half_up' | 'half_even';
  payable_rounding?: 'none' | '1' | '0.05';
  taxes?: AccountTax[];
  entities?: {
    for_n?: [number, number];
    dimension: 'customer_site_id' | 'msisdn';
    value: string;
    active_from?: string;
  }[];
  usage?: UsageItem[];
}

interface UsageItem {
  for_n?: [number, number];
  metric: 'bytes' | 'time' | 'bandwidth';
  entity?: EntityRef;
  direction?: 'uplink' | 'downlink';
  quantity?: string;
  grid?: Grid;
  /** Every bucket that the period owns, as counts of equal values. */
  runs?: [number, string][];
}

const METRICS: Readonly<Record<string, Metric>> = {
  'bytes uplink': 'uplink_bytes',
  'bytes downlink': 'downlink_bytes',
  'bandwidth uplink': 'uplink_bandwidth',
  'bandwidth downlink': 'downlink_bandwidth',
  time: 'time_usage_seconds',
};

function each<T extends { for_n?: [number, number] }>(items: readonly T[] = []): T[] {
  return items.flatMap(({ for_n: range, ...item }) => {
    const [first, last] = range ?? [0, 0];
    return Array.from(
      { length: last - first + 1 },
      (_, position) => JSON.parse(JSON.stringify(item).replaceAll('{n}', `${first + position}`)) as T,
    );
  });
}

/** The draft of an account's month, of parties with a name and no more. */
export function billed(plans: Record<string, unknown>[], story: GoldenUsage) {
  const period = monthPeriod(story.period, story.time_zone ?? 'UTC');
  const versions = plans.map((document, position) => planVersion(document, position + 1));
  const { currency } = versions[0]?.plan ?? { currency: '' };
  const rounding = story.rounding ?? 'half_up';
  const term = story.subscription ?? {};
  const items = each(story.usage);
  const listed = each(story.entities).map(
    ({ dimension, value, active_from: activeFrom = '2020-01-01' }): RegisteredEntity => {
      return { dimension, value, name: null, activeFrom, activeUntil: null };
    },
  );
  const known = new Set(listed.map(({ value }) => value));
  const used = items.flatMap(({ entity }): RegisteredEntity[] => {
    if (!entity || entity.dimension === 'account' || known.has(entity.value)) return [];
    known.add(entity.value);
    const { dimension, value } = entity;
    return [{ dimension, value, name: null, activeFrom: '2020-01-01', activeUntil: null }];
  });
  const subscriptions = story.subscriptions ?? [{ plan: 'plan', starts_at: period.startDate, ...term }];
  const terms = {
    period,
    subscriptions: subscriptions.map(({ plan, starts_at: startDate, ends_at: endDate = null }) => {
      return { planCode: plan, startDate, endDate };
    }),
    versions,
  };
  const entities = [...listed, ...used];
  const billedAhead = story.billed_ahead?.map(({ plan, ...fee }) => ({ planCode: plan, ...fee }));
  const rated = rate({
    currency,
    rounding,
    period,
    segments: segmentsOf(terms),
    advances: billedAhead
      ? advancesOf({ ...terms, billed: billedAhead, counted: null })
      : presumedAdvances({ ...terms, entities }),
    account: ACCOUNT,
    entities,
    usage: items.flatMap(({ metric, direction, entity = ACCOUNT, grid, runs }): BucketSeries[] => {
      if (!grid || !runs) return [];
      const { firstStart, count } = ownedBuckets(period, grid);
      const values = runs.flatMap(([times, value]) => new Array<string>(times).fill(value));
      if (values.length !== count) throw new Error(`${values.length} values for ${count} buckets`);
      const of = METRICS[direction ? `${metric} ${direction}` : metric];
      if (!of) throw new Error(`there is no ${metric} ${direction}`);
      return [{ entity, metric: of, grid, owned: period, firstStart, values }];
    }),
    quantities: items.flatMap(({ metric, direction, entity, quantity }): GivenQuantity[] =>
      quantity === undefined ? [] : [{ metric, direction, entity, quantity }],
    ),
  });
  if (rated.outcome === 'held') throw new Error(JSON.stringify(rated.reasons));
  const payableRounding = story.payable_rounding ?? 'none';
  const totals = totalsOf(rated.lines, story.taxes ?? [], { currency, rounding, payableRounding });
  const bare = { address: null, taxId: null, email: null, bank: null };
  return draftInvoice({
    seller: { code: 'acme', name: 'Acme', paymentTermsDays: 30, ...bare },
    account: { id: 'account', externalId: '4711', name: 'Account', currency, paymentTermsDays: null, ...bare },
    period,
    measured: null,
    lines: rated.lines,
    totals,
    revision: 1,
    dialectSha256: null,
    layoutVersion: 1,
  });
}

export type Billed = ReturnType<typeof billed>;

export async function goldenStories(): Promise<string[]> {
  const entries = await readdir(GOLDEN, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** The plans of a story and what they bill. */
export async function goldenStory(name: string): Promise<{ plans: Record<string, unknown>[]; draft: Billed }> {
  const read = async (part: string) => JSON.parse(await readFile(join(GOLDEN, name, part), 'utf8')) as unknown;
  const plans = [await read('tariff-plan.json')].flat() as Record<string, unknown>[];
  return { plans, draft: billed(plans, (await read('usage.json')) as GoldenUsage) };
}
