import { addDays, type BillingPeriod, daysBetween, isMonth, monthPeriod, nextMonth, periodOfDates } from '#calendar';
import { entityKey } from '#metering';
import type { Advance, FeeBilledAhead } from './advance.js';
import type { RecurringBasis, Share } from './derivation.js';
import { type PresentEntity, presentIn } from './entities.js';
import {
  type Billing,
  chargeMembers,
  hull,
  lineSegment,
  type PricedLine,
  pricedLine,
  type RatingContext,
  type RatingNotice,
  shareBasis,
  taxKey,
} from './rating.js';
import type { LineTitle } from './rated-line.js';
import { isSameSubscription, type PlanVersion, type RatingSegment } from './segment.js';
import { type DateRange, daysWithin, daysWithout, runsAcross, type Span } from './span.js';
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
  /** Of the entity; the account has none beside it. */
  readonly key: string;
  readonly ranges: readonly DateRange[];
  readonly days: readonly Span[];
}

/**
 * The lines of a recurring fee in one segment: what this period owes and no invoice has billed ahead, and for a fee in
 * advance the next period. The next period is billed whole even when its end is already known: an invoice cannot see what
 * was known when the one before it was written, so the last one refunds what was not used, whenever the end was decided.
 */
export function recurringLines(context: RatingContext, segment: RatingSegment, charge: RecurringCharge): PricedLine[] {
  const paid = paidAheadFor(context, segment, charge);
  const owed = presences(context, segment, segment, charge).filter(
    (presence) => !paid.has(presence.key) && !isBilledEarlier(context, segment, charge, presence),
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
 * What was billed in advance for days that turned out not to be served: after an early end, also one that leaves the period
 * without a segment, for an entity that left, or under terms that a new version replaced. One line per charge.
 */
export function refundLines(context: RatingContext, advance: Advance): PricedLine[] {
  return feesBilledAhead(context, advance).flatMap(({ of, charge, unused }) =>
    recurringLine(context, { ...of, billing: 'refund' }, charge, unused, context.period),
  );
}

/** What the invoice before charged for the days of this period that were served; on no invoice of this period. */
export function paidAheadLines(context: RatingContext, advance: Advance): PricedLine[] {
  return feesBilledAhead(context, advance).flatMap(({ of, charge, served }) =>
    recurringLine(context, { ...of, billing: 'paid' }, charge, served, context.period),
  );
}

interface PaidFee {
  readonly of: { readonly segment: RatingSegment; readonly version: PlanVersion };
  readonly charge: RecurringCharge;
  readonly served: readonly Presence[];
  readonly unused: readonly Presence[];
}

/** The fees that the invoice before billed for this period, each with the days that were and were not served for it. */
function feesBilledAhead(context: RatingContext, { segment, fees }: Advance): PaidFee[] {
  const { period, timeZone } = context;
  const segments = context.input.segments.filter((each) => isSameSubscription(each, segment));
  return fees.map(({ charge, count }) => {
    const serving = segments.filter((each) => recurringCharges(each.version).some((other) => isSameFee(other, charge)));
    const served = stillThere(context, segment, charge, count).map(({ key, ranges }) => {
      const days = serving.flatMap((each) => daysWithin(each, ranges, timeZone));
      // A fee that is not prorated is used up by its first day.
      const used = charge.proration === 'none' && days.length > 0 ? [period] : days;
      return { key, ranges, days: daysWithin(period, used, timeZone) };
    });
    const unused = served.map((presence) => ({ ...presence, days: daysWithout(period, presence.days, timeZone) }));
    const gone = wholePeriods(count - served.length, period);
    return { of: { segment, version: segment.version }, charge, served, unused: [...unused, ...gone] };
  });
}

/**
 * Those that a fee billed ahead is taken to be for: what was there when the period began, no more than were billed. An
 * invoice says how many it billed and not which, so that its lines name no subscriber. Which ones they are decides nothing:
 * together with what is owed and what is refunded, the days of all that were there come to the same.
 */
function stillThere(
  context: RatingContext,
  segment: RatingSegment,
  charge: RecurringCharge,
  count: number,
): Presence[] {
  return allPresences(context, segment, charge)
    .filter(({ ranges }) => ranges.some((range) => runsAcross(range, context.period.startDate)))
    .slice(0, count);
}

/** Keys of those for which the invoice before has billed this period's fee. */
function paidAheadFor(context: RatingContext, segment: RatingSegment, charge: RecurringCharge): ReadonlySet<string> {
  const paid = context.input.advances.billed
    .filter((advance) => isSameSubscription(advance.segment, segment))
    .flatMap(({ fees }) => fees)
    .find((fee) => isSameFee(fee.charge, charge));
  return new Set(paid && stillThere(context, segment, charge, paid.count).map(({ key }) => key));
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

/**
 * The next period's fee. Its invoice may be issued already; then what it counted as billed by this one is billed, no more
 * and no less, so that both together come to what was served.
 */
function nextPeriodLines(context: RatingContext, segment: RatingSegment, charge: RecurringCharge): PricedLine[] {
  const { endDate } = context.period;
  if (segment.endDate !== endDate) return [];
  const next = periodAfter(context.period);
  const { counted } = context.input.advances;
  const count = counted?.find((fee) => isBilledBy(segment, fee) && fee.charge === charge.code)?.count ?? 0;
  const continuing = counted ? wholePeriods(count, next) : goingOn(context, segment, charge, next);
  return recurringLine(context, { segment, version: segment.version, billing: 'ahead' }, charge, continuing, next);
}

/** Those that are there when the period ends and go on, each for the whole next period. */
function goingOn(context: RatingContext, segment: RatingSegment, charge: RecurringCharge, next: Span): Presence[] {
  if (!runsAcross(segment.subscription, next.startDate)) return [];
  return allPresences(context, segment, charge)
    .filter(({ ranges }) => ranges.some((range) => runsAcross(range, next.startDate)))
    .map((presence) => ({ ...presence, days: [next] }));
}

/**
 * Reasons to hold a period that is billed late or anew: the next period's invoice counted fees as billed in advance that
 * this period's terms, as they stand now, do not bill.
 */
export function feesLeftBehind({
  input,
  period,
}: RatingContext): { lines: []; reasons: RatingNotice<'advance_not_billed'>[]; warnings: [] }[] {
  const last = input.segments.filter(({ endDate }) => endDate === period.endDate);
  const isBilled = (fee: FeeBilledAhead) =>
    last.some(
      (segment) =>
        isBilledBy(segment, fee) &&
        recurringCharges(segment.version).some(({ code, timing }) => code === fee.charge && timing === 'in_advance'),
    );
  return (input.advances.counted ?? [])
    .filter((fee) => !isBilled(fee))
    .map(({ planCode, version, charge }) => {
      const message =
        `the invoice of the next period counts fee ${JSON.stringify(charge)} of plan ${JSON.stringify(planCode)} version ` +
        `${version} as billed in advance, and this period does not bill it; void that invoice, bill this period, then ` +
        'bill the next one anew';
      return { lines: [], reasons: [{ code: 'advance_not_billed', charge, message }], warnings: [] };
    });
}

function isBilledBy({ version }: RatingSegment, fee: FeeBilledAhead): boolean {
  return version.code === fee.planCode && version.version === fee.version;
}

/** So many of which nothing more is known, each for a whole period. */
function wholePeriods(count: number, period: Span): Presence[] {
  return Array.from({ length: Math.max(0, count) }, () => ({ key: '', ranges: [], days: [period] }));
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
    ...titled(members.description, of.billing),
    entity: null,
    segment: lineSegment(days),
    unit: charge.per === 'account' ? 'period' : charge.per,
  };
  return [pricedLine(context, of, line, basis)];
}

const TITLES = {
  ahead: { code: 'in_advance', suffix: ', in advance' },
  refund: { code: 'unused_share', suffix: ', unused share' },
  paid: { code: 'paid_in_advance', suffix: ', paid in advance' },
} as const;

function titled(name: string, billing: Billing): { description: string; title?: LineTitle } {
  if (billing === 'own') return { description: name };
  const { code, suffix } = TITLES[billing];
  return { description: `${name}${suffix}`, title: { code, name } };
}

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
  if (charge.per !== 'account') {
    return presentIn(span, context.entities, { dimension: charge.per }, context.timeZone).map(toPresence);
  }
  return [
    { key: '', ranges: [segment.subscription], days: daysWithin(span, [segment.subscription], context.timeZone) },
  ];
}

/** Those of the charge's kind, in force or not. */
function allPresences(context: RatingContext, segment: RatingSegment, charge: RecurringCharge): Presence[] {
  if (charge.per === 'account') return [{ key: '', ranges: [segment.subscription], days: [] }];
  const entities = context.entities.filter(({ ref }) => ref.dimension === charge.per);
  return entities.map((entity) => toPresence({ ...entity, days: [] }));
}

function toPresence({ ref, ranges, days }: PresentEntity): Presence {
  return { key: entityKey(ref), ranges, days };
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
    a.proration === b.proration &&
    taxKey(a) === taxKey(b)
  );
}

function periodAfter(period: BillingPeriod): BillingPeriod {
  if (isMonth(period.label)) return monthPeriod(nextMonth(period.label), period.timeZone);
  const days = daysBetween(period.startDate, period.endDate);
  return periodOfDates(period.endDate, addDays(period.endDate, days), period.timeZone);
}
