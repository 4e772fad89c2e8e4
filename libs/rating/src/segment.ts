import type { BillingPeriod, LocalDate } from '#calendar';
import { RatingError } from './rating-error.js';
import { type DateRange, type Span, spanOf, within } from './span.js';
import type { TariffPlan } from './tariff-plan.js';

/** One published version of a plan. */
export interface PlanVersion {
  readonly code: string;
  readonly version: number;
  readonly effectiveFrom: LocalDate;
  readonly plan: TariffPlan;
  /** sha256 of the published document. */
  readonly sha256: string;
}

/** What binds an account to a plan code: local dates, `endDate` exclusive or null. */
export interface SubscriptionTerm extends DateRange {
  readonly planCode: string;
}

/** A part of the period in which exactly one plan version was in force. */
export interface RatingSegment extends Span {
  readonly version: PlanVersion;
  readonly subscription: SubscriptionTerm;
  /** 0 in the subscription's first billed period, then counted by calendar months. */
  readonly periodIndex: number;
}

export interface SegmentsInput {
  period: BillingPeriod;
  subscriptions: readonly SubscriptionTerm[];
  versions: readonly PlanVersion[];
}

/**
 * Cuts a period where subscriptions start and end and where plan versions take effect. Days without a subscription
 * belong to no segment. Throws `no_version_in_force` and `overlapping_subscriptions`.
 */
export function segmentsOf({ period, subscriptions, versions }: SegmentsInput): RatingSegment[] {
  const { timeZone } = period;
  const running = subscriptions
    .map((subscription) => ({ subscription, span: within(period, subscription, timeZone) }))
    .filter((each): each is { subscription: SubscriptionTerm; span: Span } => each.span !== undefined)
    .sort((a, b) => a.span.start - b.span.start);
  refuseOverlaps(running.map(({ span }) => span));
  return running.flatMap(({ subscription, span }) => cutByVersion(period, subscription, span, versions));
}

function cutByVersion(
  period: BillingPeriod,
  subscription: SubscriptionTerm,
  span: Span,
  versions: readonly PlanVersion[],
): RatingSegment[] {
  const published = publishedOf(versions, subscription);
  const cuts = published.map(({ effectiveFrom }) => effectiveFrom).filter((date) => span.startDate < date);
  const edges = [...new Set([span.startDate, ...cuts.filter((date) => date < span.endDate)])];
  return edges.map((startDate, position) => {
    const version = inForce(published, startDate);
    if (version === undefined) {
      throw new RatingError(
        'no_version_in_force',
        `plan ${JSON.stringify(subscription.planCode)} has no published version in force on ${startDate}; ` +
          'publish one that takes effect by then or let the subscription start later',
      );
    }
    return {
      ...spanOf(startDate, edges[position + 1] ?? span.endDate, period.timeZone),
      version,
      subscription,
      periodIndex: periodIndexOf(subscription, period),
    };
  });
}

/** The version of a subscription's plan that is in force on a date, if there is one. */
export function versionInForce(
  versions: readonly PlanVersion[],
  subscription: SubscriptionTerm,
  date: LocalDate,
): PlanVersion | undefined {
  return inForce(publishedOf(versions, subscription), date);
}

/** A whole period of one subscription under one version, as if nothing changed in it. */
export function wholePeriod(
  period: BillingPeriod,
  subscription: SubscriptionTerm,
  version: PlanVersion,
): RatingSegment {
  const { start, end, startDate, endDate } = period;
  return { start, end, startDate, endDate, version, subscription, periodIndex: periodIndexOf(subscription, period) };
}

/** Whether two segments are of one subscription: an account has at most one at a time. */
export function isSameSubscription(a: RatingSegment, b: RatingSegment): boolean {
  return a.subscription.planCode === b.subscription.planCode && a.subscription.startDate === b.subscription.startDate;
}

/** In the order in which they take effect. */
function publishedOf(versions: readonly PlanVersion[], { planCode }: SubscriptionTerm): PlanVersion[] {
  return versions
    .filter(({ code }) => code === planCode)
    .sort((a, b) => compareText(a.effectiveFrom, b.effectiveFrom) || a.version - b.version);
}

function inForce(published: readonly PlanVersion[], date: LocalDate): PlanVersion | undefined {
  return published.findLast(({ effectiveFrom }) => effectiveFrom <= date);
}

function periodIndexOf({ startDate }: SubscriptionTerm, period: BillingPeriod): number {
  return startDate >= period.startDate ? 0 : monthsBetween(startDate, period);
}

/** Never 0: the subscription began before the period. */
function monthsBetween(startDate: LocalDate, period: BillingPeriod): number {
  const months = (date: LocalDate) =>
    Number.parseInt(date.slice(0, 4), 10) * 12 + Number.parseInt(date.slice(5, 7), 10);
  return Math.max(1, months(period.startDate) - months(startDate));
}

function refuseOverlaps(spans: readonly Span[]): void {
  spans.forEach((span, position) => {
    const next = spans[position + 1];
    if (next && next.start < span.end) {
      throw new RatingError(
        'overlapping_subscriptions',
        `two subscriptions are in force on ${next.startDate}; an account has at most one at a time`,
      );
    }
  });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
