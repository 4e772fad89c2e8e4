import {
  addDays,
  type BillingPeriod,
  daysBetween,
  isMonth,
  type LocalDate,
  monthPeriod,
  nextMonth,
  periodOfDates,
} from '#calendar';
import type { RecurringBasis, Share } from './derivation.js';
import { presentIn } from './entities.js';
import {
  type Billing,
  chargeMembers,
  hull,
  lineSegment,
  type PricedLine,
  pricedLine,
  type RatingContext,
  shareBasis,
} from './rating.js';
import type { PlanVersion, RatingSegment } from './segment.js';
import { type DateRange, daysWithin, daysWithout, type Span } from './span.js';
import type { OneTimeCharge, RecurringCharge } from './tariff-plan.js';

/** Charged with the subscription's first period, whole. */
export function oneTimeLines(context: RatingContext, segment: RatingSegment, charge: OneTimeCharge): PricedLine[] {
  if (segment.startDate !== segment.subscription.startDate) return [];
  const line = { ...chargeMembers(charge), entity: null, segment: lineSegment(segment), unit: 'item' };
  const basis = { kind: 'one_time', unit_amount: charge.amount } as const;
  return [pricedLine(context, { version: segment.version, segment }, line, basis)];
}

/** What a fee is charged for: the account (by its subscription) or one entity, and its days in some span. */
interface Presence {
  readonly ranges: readonly DateRange[];
  readonly days: readonly Span[];
}

/**
 * The lines of a recurring fee in one segment: what this period owes and no invoice has billed ahead, and for a fee in
 * advance the next period. The next period is billed whole even when its end is already known: an invoice cannot see what
 * was known when the one before it was written, so the last one refunds what was not used, whenever the end was decided.
 */
export function recurringLines(context: RatingContext, segment: RatingSegment, charge: RecurringCharge): PricedLine[] {
  const owed = presences(context, segment, segment, charge).filter(
    (presence) =>
      !isBilledAhead(context, segment, charge, presence) && !isBilledEarlier(context, segment, charge, presence),
  );
  const own = recurringLine(
    context,
    { segment, version: segment.version, billing: 'own' },
    charge,
    owed,
    context.period,
  );
  return charge.timing === 'in_advance' ? [...own, ...nextPeriodLines(context, segment, charge)] : own;
}

/**
 * What was billed in advance for days that turned out not to be served: after an early end, for an entity that left, or
 * under terms that a new version replaced. `segments` are those of one subscription. One line per charge.
 */
export function refundLines(context: RatingContext, segments: readonly RatingSegment[]): PricedLine[] {
  return feesBilledAhead(context, segments).flatMap(({ of, charge, unused }) =>
    recurringLine(context, { ...of, billing: 'refund' }, charge, unused, context.period),
  );
}

/** What the invoice before charged for the days of this period that were served; on no invoice of this period. */
export function paidAheadLines(context: RatingContext, segments: readonly RatingSegment[]): PricedLine[] {
  return feesBilledAhead(context, segments).flatMap(({ of, charge, served }) =>
    recurringLine(context, { ...of, billing: 'paid' }, charge, served, context.period),
  );
}

interface FeeBilledAhead {
  readonly of: { readonly segment: RatingSegment; readonly version: PlanVersion };
  readonly charge: RecurringCharge;
  readonly served: readonly Presence[];
  readonly unused: readonly Presence[];
}

/** The fees that the invoice before billed for this period, each with the days that were and were not served for it. */
function feesBilledAhead(context: RatingContext, segments: readonly RatingSegment[]): FeeBilledAhead[] {
  const segment = segments[0];
  const version = segment?.billedAheadBy;
  if (!segment || !version) return [];
  const { period, timeZone } = context;
  return recurringCharges(version)
    .filter(({ timing }) => timing === 'in_advance')
    .map((charge) => {
      const serving = segments.filter((each) =>
        recurringCharges(each.version).some((other) => isSameFee(other, charge)),
      );
      const served = allPresences(context, segment, charge)
        .filter(({ ranges }) => ranges.some((range) => runsAcross(range, period.startDate)))
        .map(({ ranges }) => {
          const days = serving.flatMap((each) => daysWithin(each, ranges, timeZone));
          // A fee that is not prorated is used up by its first day.
          return { ranges, days: charge.proration === 'none' ? [period] : daysWithin(period, days, timeZone) };
        });
      const unused = served.map(({ ranges, days }) => ({ ranges, days: daysWithout(period, days, timeZone) }));
      return { of: { segment, version }, charge, served, unused };
    });
}

/** Whether the invoice before has billed this period's fee for it. */
function isBilledAhead(
  context: RatingContext,
  segment: RatingSegment,
  charge: RecurringCharge,
  { ranges }: Presence,
): boolean {
  return (
    charge.timing === 'in_advance' &&
    segment.billedAheadBy !== null &&
    recurringCharges(segment.billedAheadBy).some((other) => isSameFee(other, charge)) &&
    ranges.some((range) => runsAcross(range, context.period.startDate))
  );
}

/** A fee that is not prorated is owed once in a period, by the version first in force, however often versions change. */
function isBilledEarlier(
  context: RatingContext,
  segment: RatingSegment,
  charge: RecurringCharge,
  presence: Presence,
): boolean {
  if (charge.proration !== 'none') return false;
  return context.input.segments.some(
    (earlier) =>
      earlier.start < segment.start &&
      isSameSubscription(earlier, segment) &&
      recurringCharges(earlier.version).some(({ code }) => code === charge.code) &&
      daysWithin(earlier, presence.ranges, context.timeZone).length > 0,
  );
}

function nextPeriodLines(context: RatingContext, segment: RatingSegment, charge: RecurringCharge): PricedLine[] {
  const { endDate } = context.period;
  if (segment.endDate !== endDate || !runsAcross(segment.subscription, endDate)) return [];
  const next = periodAfter(context.period);
  const continuing = allPresences(context, segment, charge)
    .filter(({ ranges }) => ranges.some((range) => runsAcross(range, endDate)))
    .map(({ ranges }) => ({ ranges, days: [next] }));
  return recurringLine(context, { segment, version: segment.version, billing: 'ahead' }, charge, continuing, next);
}

function recurringLine(
  context: RatingContext,
  of: { segment: RatingSegment; version: PlanVersion; billing: Billing },
  charge: RecurringCharge,
  billed: readonly Presence[],
  period: Span,
): PricedLine[] {
  const inForce = billed.filter(({ days }) => days.length > 0);
  const days = hull(inForce.flatMap((each) => each.days));
  if (days === undefined) return [];
  const basis: RecurringBasis = {
    kind: 'recurring',
    billing: of.billing === 'refund' ? 'refund' : charge.timing === 'in_advance' ? 'advance' : 'arrears',
    unit_amount: charge.amount,
    shares: countShares(inForce.map((each) => shareBasis(each.days, period, charge.proration))),
  };
  const members = chargeMembers(charge);
  const line = {
    ...members,
    description: `${members.description}${SUFFIX[of.billing]}`,
    entity: null,
    segment: lineSegment(days),
    unit: charge.per === 'account' ? 'period' : charge.per,
  };
  return [pricedLine(context, of, line, basis)];
}

const SUFFIX: Readonly<Record<Billing, string>> = {
  own: '',
  ahead: ', in advance',
  refund: ', unused share',
  paid: ', paid in advance',
};

/** Equal shares together, the largest first: hundreds of sites make a handful of entries. */
function countShares(shares: readonly Share[]): RecurringBasis['shares'] {
  const counted = new Map<string, RecurringBasis['shares'][number]>();
  for (const share of shares) {
    const known = counted.get(share.numerator);
    counted.set(share.numerator, { ...share, count: (known?.count ?? 0) + 1 });
  }
  return [...counted.values()].sort((a, b) => Number.parseInt(b.numerator, 10) - Number.parseInt(a.numerator, 10));
}

/** Those in force on at least one day of the span. */
function presences(context: RatingContext, segment: RatingSegment, span: Span, charge: RecurringCharge): Presence[] {
  if (charge.per !== 'account') return presentIn(span, context.entities, { dimension: charge.per }, context.timeZone);
  return [{ ranges: [segment.subscription], days: daysWithin(span, [segment.subscription], context.timeZone) }];
}

/** Those of the charge's kind, in force or not. */
function allPresences(context: RatingContext, segment: RatingSegment, charge: RecurringCharge): Presence[] {
  if (charge.per === 'account') return [{ ranges: [segment.subscription], days: [] }];
  return context.entities.filter(({ ref }) => ref.dimension === charge.per).map(({ ranges }) => ({ ranges, days: [] }));
}

/** Whether a range began before the date and goes on after its midnight. */
function runsAcross({ startDate, endDate }: DateRange, date: LocalDate): boolean {
  return startDate < date && (endDate === null || endDate > date);
}

function recurringCharges({ plan }: PlanVersion): RecurringCharge[] {
  return plan.charges.filter((charge) => charge.type === 'recurring');
}

/** Terms under which what was paid ahead is paid. */
function isSameFee(a: RecurringCharge, b: RecurringCharge): boolean {
  return (
    a.code === b.code &&
    a.amount === b.amount &&
    a.per === b.per &&
    a.timing === b.timing &&
    a.proration === b.proration
  );
}

function isSameSubscription(a: RatingSegment, b: RatingSegment): boolean {
  return a.subscription.planCode === b.subscription.planCode && a.subscription.startDate === b.subscription.startDate;
}

function periodAfter(period: BillingPeriod): BillingPeriod {
  if (isMonth(period.label)) return monthPeriod(nextMonth(period.label), period.timeZone);
  const days = daysBetween(period.startDate, period.endDate);
  return periodOfDates(period.endDate, addDays(period.endDate, days), period.timeZone);
}
