import {
  accountTotals,
  billingTask,
  type BillingTask,
  type BillingTerms,
  controlAccount,
  type Notice,
  openQuestions,
  type Plans,
  rateAccount,
  type Rated,
  strictly,
} from '#billing';
import { type EpochSeconds, monthAt, toStamp } from '#calendar';
import type { Totals } from '#invoicing';
import { type BucketSeries, GRID_SECONDS } from '#metering';
import type { RatedLine } from '#rating';
import type { Connection } from './connectors.js';
import { pullUsage } from './pulling.js';

/** What an account's month comes to as far as it has been measured. Nothing of it is kept. */
export interface Estimate extends Totals {
  outcome: 'estimated';
  period: { start: string; end: string; label: string };
  /** Usage counts up to here; fees are those of the whole period. */
  measured_until: string;
  /** Whether the period has ended and all its usage is in. */
  complete: boolean;
  currency: string;
  lines: readonly RatedLine[];
  /** What a close would hold the account for as things stand. */
  would_hold: readonly Notice[];
  warnings: readonly Notice[];
}

/** Why there is no estimate. `pull`: the report API's doing; `rating`: what it answered cannot be rated. */
export interface NoEstimate {
  outcome: 'none';
  by: 'period' | 'pull' | 'rating';
  reason: Notice;
}

/** Hours by which the report API may lag behind the clock before missing buckets count as missing. */
const LAG_HOURS = 6;

/**
 * Rates an account's month with the same pure functions as the close, over the usage that there is. A month that has not
 * ended is measured by the hour, up to the last full hour that is reported.
 *
 * @param label the month `YYYY-MM`; absent = the one that is running in the account's zone
 */
export async function estimateAccount(
  facts: BillingTerms,
  plans: Plans,
  connection: Connection,
  now: EpochSeconds,
  label = monthAt(now, facts.account.timeZone),
): Promise<Estimate | NoEstimate> {
  const planned = billingTask(facts, label, plans);
  const { period } = planned;
  if (now < period.start) {
    return none(
      'period',
      'period_not_begun',
      `${label} begins at ${toStamp(period.start)}; there is nothing to estimate`,
    );
  }
  if (planned.segments.length === 0 && planned.advances.billed.length === 0) {
    return none('period', 'no_subscription', `the account has no subscription in ${label}`);
  }
  const isRunning = now < period.end;
  const task = isRunning ? byTheHour(planned) : planned;
  const pulled = await pullUsage(task, connection, now);
  if (pulled.outcome === 'held') return { outcome: 'none', by: 'pull', reason: pulled.reason };
  const usage = pulled.series.map(({ series }) => series);
  const until = isRunning ? reportedUntil(usage, period.start, now) : period.end;
  const exactly = strictly<Rated>(rateAccount(task, usage, until), task, connection.dialect);
  // Samples that are late are no reason to show nothing.
  const isLate = exactly.outcome === 'held' && LATE_SAMPLES.has(exactly.reason.code);
  const rated = isLate
    ? rateAccount({ ...task, waived: new Set([...task.waived, ...LATE_SAMPLES]) }, usage, until)
    : exactly;
  if (rated.outcome === 'held') return { outcome: 'none', by: 'rating', reason: rated.reason };
  const controlled = controlAccount(upTo(task, until), pulled, connection.dialect);
  const wouldHold = [
    ...(isLate ? [exactly.reason] : []),
    ...(controlled.outcome === 'held' ? [controlled.reason] : []),
  ];
  return {
    outcome: 'estimated',
    period: { start: toStamp(period.start), end: toStamp(period.end), label },
    measured_until: toStamp(until),
    complete: !isRunning,
    currency: facts.account.currency,
    lines: rated.lines,
    ...accountTotals(task, rated.lines),
    would_hold: wouldHold,
    warnings: [...openQuestions(connection.dialect, task.needs), ...controlled.warnings, ...rated.warnings],
  };
}

const LATE_SAMPLES: ReadonlySet<string> = new Set(['no_samples', 'samples_implausible']);

/** Days would leave today out. */
function byTheHour(task: BillingTask): BillingTask {
  const pulls = task.needs.pulls.map((pull) => (pull.grid === 'DAY' ? { ...pull, grid: 'HOUR' as const } : pull));
  return { ...task, needs: { grid: 'HOUR', pulls } };
}

/** Controls look at what is measured and at nothing after it. */
function upTo(task: BillingTask, until: EpochSeconds): BillingTask {
  const segments = task.segments.filter(({ start }) => start < until);
  return { ...task, segments: segments.map((segment) => ({ ...segment, end: Math.min(segment.end, until) })) };
}

/** The end of the last hour that every count has; no further back than the API may lag. */
function reportedUntil(usage: readonly BucketSeries[], start: EpochSeconds, now: EpochSeconds): EpochSeconds {
  const hour = GRID_SECONDS.HOUR;
  const latest = Math.floor(now / hour) * hour;
  const counts = usage.filter(({ grid, metric }) => grid === 'HOUR' && !metric.endsWith('_bandwidth_max'));
  for (let until = latest; until > latest - LAG_HOURS * hour; until -= hour) {
    const isReported = counts.every(({ firstStart, values }) => {
      const position = (until - hour - firstStart) / hour;
      return position < 0 || (values[position] ?? null) !== null;
    });
    if (isReported) return Math.max(start, until);
  }
  return Math.max(start, latest);
}

function none(by: NoEstimate['by'], code: string, message: string): NoEstimate {
  return { outcome: 'none', by, reason: { code, message } };
}
