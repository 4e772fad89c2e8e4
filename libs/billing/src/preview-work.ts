import { daysBetween } from '#calendar';
import { type Dimension, entityKey, type EntityRef } from '#metering';
import { priceWork, type TariffPlan, type UsageCharge } from '#rating';
import type { PreviewUsage } from './given-usage.js';

/** What the work of a preview is made of. */
export interface PreviewParts {
  readonly plan: TariffPlan;
  /** Those listed; those that usage is given for are counted beside them. */
  readonly entities: readonly EntityRef[];
  readonly usage: readonly PreviewUsage[];
  /** Local dates, half-open. */
  readonly period: { readonly start: string; readonly end: string };
}

/**
 * Microseconds of one core, measured with plans and usage of many sizes; how much of each a preview has is known before any
 * of it is rated.
 */
const COSTS = {
  /** A rated line with its derivation, and the text of both. */
  line: 150,
  /** A tier that the quantity may reach: a step of the derivation. */
  tierStep: 50,
  /** A tier that is only looked at. */
  tier: 4,
  /** A discount on a line. */
  discountedLine: 25,
  /** A discount is split by largest remainder over the taxes of what it is given on, once for each of them. */
  discountSplit: 30,
  /** An entity that a recurring fee is charged for. */
  fee: 10,
  /** An entity that a charge looks at, measured by it or not. */
  look: 0.2,
  /** An entry of usage, or an entity, that is read. */
  entry: 20,
  /** A value of a series that is read. */
  value: 6,
  /** A bucket of the period, given or not. */
  bucket: 1,
  /** A bucket that a charge measures. */
  measured: 1.5,
} as const;

const BUCKETS_A_DAY = { bytes: 24, time: 24, bandwidth: 288 } as const;

/** About how many microseconds of one core a preview takes. It takes far less to say so, however large the preview is. */
export function workOf({ plan, entities, usage, period }: PreviewParts): number {
  const days = Math.max(0, daysBetween(period.start, period.end));
  const known = countsOf([...entities, ...usage.flatMap(({ entity }) => entity ?? [])]);
  const buckets = { bytes: 0, time: 0, bandwidth: 0 };
  let work = entities.length * COSTS.entry;
  for (const { metric, series } of usage) {
    const owned = series === undefined ? 0 : days * BUCKETS_A_DAY[metric];
    buckets[metric] += owned;
    work += COSTS.entry + (series?.length ?? 0) * COSTS.value + owned * COSTS.bucket;
  }
  const taxes = new Set<string>();
  let lines = 0;
  for (const charge of plan.charges) {
    taxes.add(`${charge.tax_category ?? ''} ${charge.tax ?? ''}`);
    work += entities.length * COSTS.look;
    if (charge.type !== 'usage') {
      const per = charge.type === 'recurring' ? charge.per : 'account';
      // One line for all of them, and one more for the next period where it is billed in advance.
      lines += 2;
      work += 2 * COSTS.line + 2 * (known.get(per) ?? 0) * COSTS.fee;
      continue;
    }
    const own = linesOf(charge, known);
    lines += own;
    work += own * (COSTS.line + tierWork(charge.price)) + buckets[charge.measure.metric] * COSTS.measured;
  }
  const split = taxes.size ** 2 * COSTS.discountSplit + taxes.size * COSTS.line;
  return work + plan.discounts.length * (lines * COSTS.discountedLine + split);
}

/** Entities by dimension, each once. */
function countsOf(entities: readonly EntityRef[]): ReadonlyMap<Dimension, number> {
  const seen = new Set<string>();
  const counts = new Map<Dimension, number>();
  for (const entity of entities) {
    const key = entityKey(entity);
    if (seen.has(key)) continue;
    seen.add(key);
    counts.set(entity.dimension, (counts.get(entity.dimension) ?? 0) + 1);
  }
  return counts;
}

function linesOf({ measure, filter }: UsageCharge, known: ReadonlyMap<Dimension, number>): number {
  if (measure.per === 'account') return 1;
  const all = known.get(measure.per) ?? 0;
  return filter ? Math.min(all, filter[measure.per]?.length ?? 0) : all;
}

function tierWork(price: UsageCharge['price']): number {
  const { steps, looks } = priceWork(price);
  return steps * COSTS.tierStep + looks * COSTS.tier;
}
