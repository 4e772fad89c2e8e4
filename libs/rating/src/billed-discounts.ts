import type { LocalDate } from '#calendar';
import type { RatingSegment, SubscriptionTerm } from './segment.js';

/** A month whose supply a standing document discounted by one discount of a plan. */
export interface BilledDiscount {
  readonly planCode: string;
  /** The place of the discount in its plan, from 1. It keeps its count when a new version changes it. */
  readonly discount: number;
  /** `YYYY-MM`; the month after the document's own for a fee in advance. */
  readonly month: string;
  /** A day on which the subscription that was billed was in force. */
  readonly onDate: LocalDate;
}

/** The months that one discount of a subscription was given for. */
export function monthsDiscounted(
  billed: readonly BilledDiscount[],
  { planCode, startDate, endDate }: SubscriptionTerm,
  discount: number,
): Set<string> {
  const own = billed.filter(
    (each) =>
      each.planCode === planCode &&
      each.discount === discount &&
      each.onDate >= startDate &&
      (endDate === null || each.onDate < endDate),
  );
  return new Set(own.map(({ month }) => month));
}

/** What a month that is still to be billed will have discounted, by its segments: for estimates of the month after it. */
export function presumedDiscounts(month: string, segments: readonly RatingSegment[]): BilledDiscount[] {
  return segments.flatMap(({ version, subscription: { planCode }, startDate: onDate }) =>
    version.plan.discounts.map((_, position) => ({ planCode, discount: position + 1, month, onDate })),
  );
}
