import {
  accountTotals,
  billingTask,
  type BillingTask,
  type BillingTerms,
  type Code,
  controlAccount,
  eInvoiceHold,
  gstHold,
  gstOf,
  type Held,
  type Notice,
  openQuestions,
  orHeld,
  type Plans,
  type PulledUsage,
  rateAccount,
  type Rated,
  type ReportTraits,
  strictly,
} from '#billing';
import { type EpochSeconds, toStamp } from '#calendar';
import { draftInvoice, type Totals } from '#invoicing';
import { type BucketSeries, GRID_SECONDS } from '#metering';
import type { RatedLine } from '#rating';

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
  would_hold: readonly Notice<Code>[];
  warnings: readonly Notice<Code>[];
}

/**
 * Why there is no estimate. `period`: there is none of this month and account; `pull`: the report API's doing; `rating`: what it
 * answered cannot be rated; `busy`: too many are being made.
 */
export interface NoEstimate {
  outcome: 'none';
  by: 'period' | 'pull' | 'rating' | 'busy';
  reason: Notice;
}

/** All that an estimate is rated from; plain data, so that a thread can be handed it. */
export interface EstimateWork {
  readonly terms: BillingTerms;
  /** The month, `YYYY-MM`. */
  readonly label: string;
  readonly now: EpochSeconds;
  readonly pulled: PulledUsage;
  readonly traits: ReportTraits;
}

/** Hours by which the report API may lag behind the clock before missing buckets count as missing. */
const LAG_HOURS = 6;

/**
 * Rates an account's month with the same pure functions as the close, over the usage that there is. A month that has not
 * ended is measured by the hour, up to the last full hour that is reported. Pure.
 */
export function rateMonth({ terms, label, now, pulled, traits }: EstimateWork, plans: Plans): Estimate | NoEstimate {
  const planned = orHeld(() => billingTask(terms, label, plans));
  if ('outcome' in planned) return unrated(planned);
  const { period } = planned;
  const isRunning = now < period.end;
  const task = isRunning ? byTheHour(planned) : planned;
  const usage = pulled.series.map(({ series }) => series);
  const until = isRunning ? reportedUntil(usage, period.start, now) : period.end;
  const exactly = strictly<Rated>(rateAccount(task, usage, until), task, traits);
  // Samples that are late are no reason to show nothing.
  const isLate = exactly.outcome === 'held' && LATE_SAMPLES.has(exactly.reason.code);
  const rated = isLate
    ? rateAccount({ ...task, waived: new Set([...task.waived, ...LATE_SAMPLES]) }, usage, until)
    : exactly;
  if (rated.outcome === 'held') return unrated(rated);
  const totals = orHeld(() => accountTotals(task, rated.lines));
  if ('outcome' in totals) return unrated(totals);
  const controlled = controlAccount(upTo(task, until), pulled, traits);
  const wouldHold = [
    ...(isLate ? [exactly.reason] : []),
    ...(controlled.outcome === 'held' ? [controlled.reason] : []),
    ...formHolds(task, rated.lines, totals),
  ];
  return {
    outcome: 'estimated',
    period: { start: toStamp(period.start), end: toStamp(period.end), label },
    measured_until: toStamp(until),
    complete: !isRunning,
    currency: terms.account.currency,
    lines: rated.lines,
    ...totals,
    would_hold: wouldHold,
    warnings: [...openQuestions(traits, task.needs), ...controlled.warnings, ...rated.warnings],
  };
}

/** What contradicts the place of supply, and what the electronic form lacks that the customer wants: it can be mended before the month ends. */
function formHolds({ facts, period }: BillingTask, lines: Rated['lines'], totals: Totals): Notice<Code>[] {
  if (lines.length === 0) return [];
  const { seller, account } = facts;
  const of = { measured: null, revision: 1, dialectSha256: null, layoutVersion: 0, gst: gstOf(facts) };
  const draft = draftInvoice({ seller, account, period, lines, totals, ...of });
  return [gstHold(facts, draft), eInvoiceHold(draft)].flatMap((held) => (held ? [held.reason] : []));
}

const LATE_SAMPLES: ReadonlySet<string> = new Set(['no_samples', 'samples_implausible']);

function unrated({ reason }: Held): NoEstimate {
  return { outcome: 'none', by: 'rating', reason };
}

/** What of a running month is pulled: days would leave today out. */
export function byTheHour(task: BillingTask): BillingTask {
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
