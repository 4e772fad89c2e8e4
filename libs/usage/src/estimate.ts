import { billingTask, type BillingTask, type BillingTerms, orHeld, type Plans } from '#billing';
import { type EpochSeconds, monthAt, toStamp } from '#calendar';
import { ownedBuckets } from '#metering';
import { METRICS } from '#rating';
import type { Connection } from './connectors.js';
import { byTheHour, type Estimate, type EstimateWork, type NoEstimate } from './estimate-rating.js';
import { gridOf, pullUsage } from './pulling.js';

/** What one estimate may pull and rate, of the whole month: it is answered while a caller waits. */
const MOST = { series: 4_000, buckets: 2_000_000, lines: 5_000 } as const;

/** Microseconds of one core for a line with its derivation, and for a bucket that is measured and controlled. */
const COSTS = { line: 150, bucket: 2 } as const;

/** What an estimate is made of, known before anything is asked. */
export interface EstimateSize {
  readonly series: number;
  readonly buckets: number;
  /** At most. */
  readonly lines: number;
}

/** About how many microseconds of one core it takes to rate an estimate. */
export function workOf({ buckets, lines }: EstimateSize): number {
  return buckets * COSTS.bucket + lines * COSTS.line;
}

/**
 * Pulls an account's month and has it rated. What is too large is refused before anything is asked: by what the whole month
 * comes to, so that the answer is the same on each of its days.
 *
 * @param rateIn rates, at once or in a thread
 * @param label the month `YYYY-MM`; absent = the one that is running in the account's zone
 */
export async function estimateAccount(
  { terms, plans, now }: { terms: BillingTerms; plans: Plans; now: EpochSeconds },
  connection: Connection,
  rateIn: (work: EstimateWork, size: EstimateSize) => Promise<Estimate | NoEstimate>,
  label = monthAt(now, terms.account.timeZone),
): Promise<Estimate | NoEstimate> {
  const planned = orHeld(() => billingTask(terms, label, plans));
  if ('outcome' in planned) return { outcome: 'none', by: 'rating', reason: planned.reason };
  const { period } = planned;
  if (now < period.start) {
    return none('period_not_begun', `${label} begins at ${toStamp(period.start)}; there is nothing to estimate`);
  }
  if (planned.segments.length === 0 && planned.advances.billed.length === 0) {
    return none('no_subscription', `the account has no subscription in ${label}`);
  }
  const task = now < period.end ? byTheHour(planned) : planned;
  const size = sizeOf(task);
  if (size.series > MOST.series || size.buckets > MOST.buckets || size.lines > MOST.lines) return tooLarge(size);
  const pulled = await pullUsage(task, connection, now);
  if (pulled.outcome === 'held') return { outcome: 'none', by: 'pull', reason: pulled.reason };
  return rateIn({ terms, label, now, pulled, traits: connection.traits }, size);
}

function sizeOf({ period, needs, segments, entities }: BillingTask): EstimateSize {
  let [series, buckets, lines] = [0, 0, 0];
  for (const pull of needs.pulls) {
    series += METRICS[pull.family].length;
    buckets += METRICS[pull.family].length * ownedBuckets(period, gridOf(pull)).count;
  }
  for (const charge of segments.flatMap(({ version }) => version.plan.charges)) {
    const per = charge.type === 'usage' ? charge.measure.per : 'account';
    lines += per === 'account' ? 1 : entities.filter(({ dimension }) => dimension === per).length;
  }
  return { series, buckets, lines };
}

function tooLarge({ series, buckets, lines }: EstimateSize): NoEstimate {
  return none(
    'estimate_too_large',
    `the month would be estimated from ${series} series of ${buckets} buckets, for up to ${lines} lines; at most ` +
      `${MOST.series} series, ${MOST.buckets} buckets and ${MOST.lines} lines are estimated while you wait. When the month ` +
      'has ended, a close with "dry_run": true and this account tells what it comes to',
  );
}

function none(code: string, message: string): NoEstimate {
  return { outcome: 'none', by: 'period', reason: { code, message } };
}
