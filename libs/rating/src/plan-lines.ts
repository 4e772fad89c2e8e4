import { nextMonth } from '#calendar';
import { Decimal, formatAmount, minus, plus, Ratio, sum } from '#money';
import { monthsDiscounted } from './billed-discounts.js';
import type { DiscountBasis, MinimumSpendBasis } from './derivation.js';
import {
  type Billing,
  hull,
  lineSegment,
  type PricedLine,
  pricedLine,
  type RatingContext,
  shareBasis,
  type TaxChoice,
  taxKey,
  taxMembers,
} from './rating.js';
import type { LineTitle } from './rated-line.js';
import { type RatingSegment } from './segment.js';
import { splitByWeight } from './split.js';
import type { Discount } from './tariff-plan.js';

/** Lines of one segment (or the refunds of one subscription) that a plan's discounts work on, one after the other. */
export interface DiscountScope {
  readonly segment: RatingSegment;
  readonly version: PricedLine['version'];
  readonly lines: readonly PricedLine[];
  /** Refunds take back the percentage discounts that their fees had; fixed ones were not given per fee. */
  readonly refund: boolean;
  /** Discount lines of the subscription's earlier segments in this period. */
  readonly given: readonly PricedLine[];
}

/** The scope of refunds, or of fees paid earlier; undefined when there are none. */
export function scopeOfEarlierFees(lines: readonly PricedLine[]): DiscountScope | undefined {
  const first = lines[0];
  return first && { segment: first.segment, version: first.version, lines, refund: true, given: [] };
}

/** Discount lines, in the order of the plan's array, each on what the ones before left of the line amounts. */
export function discountLines(context: RatingContext, scope: DiscountScope): PricedLine[] {
  const remaining = new Map(scope.lines.map((line) => [line, line.amount.abs()]));
  return scope.version.plan.discounts.flatMap((discount, position) => {
    if (scope.refund && discount.type === 'fixed') return [];
    return oneDiscount(context, scope, discount, position, remaining);
  });
}

function oneDiscount(
  context: RatingContext,
  scope: DiscountScope,
  discount: Discount,
  position: number,
  remaining: Map<PricedLine, Decimal>,
): PricedLine[] {
  const { segment, version, refund } = scope;
  const applicable = scope.lines.filter(
    (line) => (discount.applies_to?.includes(line.line.charge) ?? true) && !left(remaining, line).isZero(),
  );
  const groups = partsOf(withinPeriods(context, scope, discount, position, applicable));
  const parts = groups.map((lines) => ({
    ...taxMembers(lines[0]?.line ?? {}),
    supply_end: lines[0]?.line.segment.end ?? lineSegment(segment).end,
    remaining: formatAmount(sum(lines.map((line) => left(remaining, line))), context.input.currency),
  }));
  const share = discount.type === 'fixed' ? shareBasis([segment], context.period, 'second') : null;
  return groups.flatMap((lines, part) => {
    const basis: DiscountBasis = {
      kind: 'discount',
      type: discount.type,
      value: discount.value,
      share,
      refund,
      parts,
      part,
    };
    const priced = pricedLine(
      context,
      { version, segment, billing: lines[0]?.billing ?? 'own' },
      {
        charge: `discount:${position + 1}`,
        kind: 'discount',
        ...titledDiscount(context, scope, discount),
        entity: null,
        segment: lines[0]?.line.segment ?? lineSegment(segment),
        unit: 'item',
        ...taxMembers(lines[0]?.line ?? {}),
        commodity_code: null,
      },
      basis,
    );
    take(context, priced.amount.abs(), lines, remaining);
    return priced.amount.isZero() ? [] : [priced];
  });
}

/** The lines that one discount line stands for: same taxes and same supply period, in order of appearance. */
function partsOf(lines: readonly PricedLine[]): PricedLine[][] {
  const groups = new Map<string, PricedLine[]>();
  for (const line of lines) {
    const key = `${line.billing} ${taxKey(line.line)}`;
    const group = groups.get(key);
    if (group) group.push(line);
    else groups.set(key, [line]);
  }
  return [...groups.values()];
}

/**
 * Those of the lines that a discount of n periods still reaches. It is given for the supply of n months, whichever they are:
 * a month in which nothing was billed with it, or whose document was taken back, does not count. Of the months that other
 * documents discounted the line's own is left out, for a month that was billed ahead with the discount keeps it.
 */
function withinPeriods(
  { input, period }: RatingContext,
  { segment, given }: DiscountScope,
  { periods }: Discount,
  position: number,
  lines: readonly PricedLine[],
): readonly PricedLine[] {
  if (periods === undefined) return lines;
  const { discounted } = input;
  if (discounted === undefined) {
    return lines.filter(({ billing, segment: of }) => of.periodIndex + (billing === 'ahead' ? 1 : 0) < periods);
  }
  const months = monthsDiscounted(discounted, segment.subscription, position + 1);
  const others = (own: string) => [...months].filter((month) => month !== own).length;
  const isOwnReached = others(period.label) < periods;
  const isGivenHere =
    given.some(({ line, billing }) => billing === 'own' && line.charge === `discount:${position + 1}`) ||
    (isOwnReached && lines.some(({ billing }) => billing === 'own'));
  if (isGivenHere) months.add(period.label);
  const reached: Readonly<Record<Billing, () => boolean>> = {
    own: () => isOwnReached,
    ahead: () => others(nextMonth(period.label)) < periods,
    refund: () => months.has(period.label),
    paid: () => months.has(period.label),
  };
  return lines.filter(({ billing }) => reached[billing]());
}

/** Takes a part of a discount from the lines it stands for, in proportion, so that the next discount sees the rest. */
function take(
  context: RatingContext,
  amount: Decimal,
  lines: readonly PricedLine[],
  remaining: Map<PricedLine, Decimal>,
): void {
  const { digits, mode } = context.rounding;
  const weights = lines.map((line) => left(remaining, line));
  splitByWeight(Ratio.of(amount), weights, digits, mode).forEach((part, position) => {
    const line = lines[position];
    if (line) remaining.set(line, minus(left(remaining, line), part.numerator));
  });
}

function left(remaining: ReadonlyMap<PricedLine, Decimal>, line: PricedLine): Decimal {
  return remaining.get(line) ?? ZERO;
}

const ZERO = new Decimal(0);

function titledDiscount(
  context: RatingContext,
  { version, refund }: DiscountScope,
  discount: Discount,
): { description: string; title: LineTitle } {
  const value = discount.type === 'percentage' ? `${discount.value} %` : `${discount.value} ${context.input.currency}`;
  const names = discount.applies_to?.map((code) => version.plan.charges.find((charge) => charge.code === code)?.name);
  const { type } = discount;
  return {
    description: `Discount ${value}${names ? ` on ${names.join(', ')}` : ''}${refund ? ', unused share' : ''}`,
    title: {
      code: 'discount',
      ...{ type, value: discount.value, currency: context.input.currency, unused_share: refund },
      on: names?.map((name) => name ?? '') ?? null,
    },
  };
}

/**
 * The true-up to the minimum spend of one plan: its segments' minimums by their shares of the period, against what the
 * period cost after discounts. Versions of one plan are taken together, so that a new version alone changes nothing.
 * A fee in advance counts in the period it is for: not on the invoice that bills it ahead, and its refund counts never.
 */
export function minimumSpendLines(
  context: RatingContext,
  segments: readonly RatingSegment[],
  lines: readonly PricedLine[],
  paidAhead: Decimal,
): PricedLine[] {
  const whole = hull(segments);
  const last = segments.at(-1);
  const required = segments.flatMap((segment) => {
    const amount = segment.version.plan.minimum_spend;
    return amount === undefined ? [] : [{ ...shareBasis([segment], context.period, 'second'), amount }];
  });
  if (!whole || !last || required.length === 0) return [];
  const { currency } = context.input;
  const spent = sum(lines.filter(({ billing }) => billing === 'own').map(({ amount }) => amount));
  const parts = netsByTax(lines.filter(({ billing }) => billing !== 'refund'));
  return parts.flatMap(({ choice }, part) => {
    const basis: MinimumSpendBasis = {
      kind: 'minimum_spend',
      required,
      spent: formatAmount(spent, currency),
      paid_ahead: formatAmount(paidAhead, currency),
      parts: parts.map(({ choice: of, net }) => ({ ...taxMembers(of), net: formatAmount(net, currency) })),
      part,
    };
    const priced = pricedLine(
      context,
      { version: last.version, segment: last },
      {
        charge: 'minimum_spend',
        kind: 'minimum_spend',
        description: `Minimum spend, ${last.version.plan.name}`,
        title: { code: 'minimum_spend', name: last.version.plan.name },
        entity: null,
        segment: lineSegment(whole),
        unit: 'item',
        ...taxMembers(choice),
        commodity_code: null,
      },
      basis,
    );
    return priced.amount.isZero() ? [] : [priced];
  });
}

/** What lines say about their taxes, with nets above 0, in order of appearance; the account's own with 0 when there is none. */
function netsByTax(lines: readonly PricedLine[]): { choice: TaxChoice; net: Decimal }[] {
  const nets = new Map<string, { choice: TaxChoice; net: Decimal }>();
  for (const { line, amount } of lines) {
    const { choice, net } = nets.get(taxKey(line)) ?? { choice: line, net: ZERO };
    nets.set(taxKey(line), { choice, net: plus(net, amount) });
  }
  const positive = [...nets.values()].filter(({ net }) => !net.isZero() && !net.isNegative());
  return positive.length > 0 ? positive : [{ choice: {}, net: ZERO }];
}
