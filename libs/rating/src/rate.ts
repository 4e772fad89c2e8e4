import { type Decimal, minorUnits, minus, MoneyError, sum } from '#money';
import { ChartBudget } from './chart-budget.js';
import { knownEntities } from './entities.js';
import { feesLeftBehind, oneTimeLines, paidAheadLines, recurringLines, refundLines } from './fee-lines.js';
import { discountLines, minimumSpendLines, scopeOfEarlierFees } from './plan-lines.js';
import type { PricedLine, RatingContext, RatingInput, RatingNotice, RatingOutcome } from './rating.js';
import { isSameSubscription, type RatingSegment } from './segment.js';
import type { Charge } from './tariff-plan.js';
import { usageLines, type UsageLines } from './usage-lines.js';

/**
 * Rates one account for one period: the lines of every segment in the order of time and of the plan's charges, then
 * refunds, discounts and true-ups. Either every charge could be rated or the account is held with all reasons; a missing
 * quantity is never 0, and a number that would have to be rounded on the way is none. The same input in any order gives the same lines, byte for byte.
 */
export function rate(input: RatingInput): RatingOutcome {
  const segments = [...input.segments].sort((a, b) => a.start - b.start);
  const foreign = segments.find(({ version }) => version.plan.currency !== input.currency);
  if (foreign) {
    const { code, plan } = foreign.version;
    const message = `plan ${code} is in ${plan.currency} but the account is billed in ${input.currency}; nothing is converted`;
    return { outcome: 'held', reasons: [{ code: 'currency_differs', message }] };
  }
  const context: RatingContext = {
    input: { ...input, segments },
    period: input.period,
    timeZone: input.period.timeZone,
    entities: knownEntities(input.entities),
    rounding: { mode: input.rounding, digits: minorUnits(input.currency) },
    charts: input.charts ? new ChartBudget() : undefined,
  };

  const rated = segments.map((segment) =>
    segment.version.plan.charges.map((charge) => {
      const lines = exactly(() => chargeLines(context, segment, charge));
      return lines ?? { lines: [], reasons: [inexact(`charge ${charge.code}`, charge.code)], warnings: [] };
    }),
  );
  const results: UsageLines[] = [...rated.flat(), ...feesLeftBehind(context)];
  const reasons = results.flatMap((result) => result.reasons);
  if (reasons.length > 0) return { outcome: 'held', reasons: distinctNotices(reasons) };

  const ofSegments = rated.map((charges) => charges.flatMap(({ lines }) => lines));
  const priced = exactly(() => withPlanLines(context, ofSegments));
  if (!priced) return { outcome: 'held', reasons: [inexact('a refund, discount or minimum spend')] };
  return {
    outcome: 'rated',
    lines: priced.map(({ line }) => line),
    warnings: distinctNotices(results.flatMap(({ warnings }) => warnings)),
  };
}

/** What the exact arithmetic can hold; undefined where a result has more digits than it keeps. */
function exactly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof MoneyError && error.code === 'inexact_result') return undefined;
    throw error;
  }
}

function inexact(what: string, charge?: string): RatingNotice<'inexact_result'> {
  const message = `${what} comes to a number of more digits than are kept exactly, and nothing is rounded on the way`;
  return { code: 'inexact_result', message, ...(charge !== undefined && { charge }) };
}

/** The lines of the segments with what follows from them: refunds, discounts and true-ups. */
function withPlanLines(context: RatingContext, ofSegments: readonly (readonly PricedLine[])[]): PricedLine[] {
  const { segments } = context.input;
  const refunds = context.input.advances.billed.map((advance) => refundLines(context, advance));
  const discounts: PricedLine[] = [];
  segments.forEach((segment, position) => {
    const lines = ofSegments[position] ?? [];
    const given = discounts.filter((earlier) => isSameSubscription(earlier.segment, segment));
    discounts.push(...discountLines(context, { segment, version: segment.version, lines, refund: false, given }));
  });
  discounts.push(...refunds.flatMap((lines) => discountsOfEarlierFees(context, lines)));
  const beforeMinimum = [...ofSegments.flat(), ...refunds.flat(), ...discounts];
  const trueUps = byPlan(segments).flatMap((own) => {
    const lines = beforeMinimum.filter(({ segment }) => own.includes(segment));
    return minimumSpendLines(context, own, lines, paidAhead(context, own));
  });
  return [...beforeMinimum, ...trueUps];
}

/** What earlier invoices charged for the served days of these segments, after the percentage discounts of their plan. */
function paidAhead(context: RatingContext, segments: readonly RatingSegment[]): Decimal {
  const paid = context.input.advances.billed
    .filter((advance) => segments.some((segment) => isSameSubscription(segment, advance.segment)))
    .map((advance) => paidAheadLines(context, advance));
  const amounts = (lines: readonly PricedLine[]) => sum(lines.map(({ amount }) => amount));
  return minus(amounts(paid.flat()), amounts(paid.flatMap((lines) => discountsOfEarlierFees(context, lines))));
}

/** Their sign is that of a refund: they add to what a refund takes away. */
function discountsOfEarlierFees(context: RatingContext, lines: readonly PricedLine[]): PricedLine[] {
  const scope = scopeOfEarlierFees(lines);
  return scope ? discountLines(context, scope) : [];
}

function chargeLines(context: RatingContext, segment: RatingSegment, charge: Charge): UsageLines {
  const only = (lines: PricedLine[]): UsageLines => ({ lines, reasons: [], warnings: [] });
  switch (charge.type) {
    case 'recurring':
      return only(recurringLines(context, segment, charge));
    case 'one_time':
      return only(oneTimeLines(context, segment, charge));
    case 'usage':
      return usageLines(context, segment, charge);
  }
}

function byPlan(segments: readonly RatingSegment[]): RatingSegment[][] {
  const plans = new Map<string, RatingSegment[]>();
  for (const segment of segments) {
    const { code } = segment.version;
    plans.set(code, [...(plans.get(code) ?? []), segment]);
  }
  return [...plans.values()];
}

/** The same cause can stop a hundred entities of one charge; an operator needs to read it once. */
function distinctNotices<Code extends string>(notices: readonly RatingNotice<Code>[]): RatingNotice<Code>[] {
  return [...new Map(notices.map((notice) => [JSON.stringify(notice), notice])).values()];
}
