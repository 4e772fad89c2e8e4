import { type BillingPeriod, type EpochSeconds, toStamp } from '#calendar';
import type { BucketSeries, EntityRef, UnmeasuredCode } from '#metering';
import { type Decimal, formatAmount, type RoundingMode } from '#money';
import type { Advances } from './advance.js';
import type { BilledDiscount } from './billed-discounts.js';
import type { ChartBudget } from './chart-budget.js';
import { type Basis, type Derivation, derive, type Share } from './derivation.js';
import type { KnownEntity, RegisteredEntity } from './entities.js';
import { shown } from './fraction.js';
import type { LineSegment, RatedLine } from './rated-line.js';
import type { PlanVersion, RatingSegment } from './segment.js';
import { shareOf, type Span } from './span.js';
import type { Charge, Proration } from './tariff-plan.js';
import { taxNameKey } from './tax-name.js';

/** Usage that is already measured, for previews: base units (byte, second, Mbps), over the time the charge is in force. */
export interface GivenQuantity {
  readonly metric: 'bytes' | 'time' | 'bandwidth';
  /** Absent = the account as a whole. */
  readonly entity?: EntityRef | undefined;
  /** Bytes without a direction are both directions together; bandwidth without one is the level that is billed. */
  readonly direction?: string | undefined;
  readonly quantity: string;
}

export interface RatingInput {
  currency: string;
  rounding: RoundingMode;
  period: BillingPeriod;
  segments: readonly RatingSegment[];
  /** What was billed ahead: for this period by the invoice before, and for the next one as its invoice counted it. */
  advances: Advances;
  /**
   * The months that standing documents have discounted, for discounts that are limited to some periods; absent = not known,
   * and then every month since the subscription began is presumed to have been billed with its discounts.
   */
  discounted?: readonly BilledDiscount[] | undefined;
  /** The account itself, by its upstream id. */
  account: EntityRef;
  entities: readonly RegisteredEntity[];
  usage: readonly BucketSeries[];
  quantities?: readonly GivenQuantity[] | undefined;
  /** For estimates of a running period: usage is measured and must be complete up to here only. */
  measuredUntil?: EpochSeconds | undefined;
  /**
   * Holds that an operator lets pass. `missing_buckets`: what was not reported counts 0. `coverage_too_low`: the measure is
   * taken over what was reported, however little. `no_samples`: a site without any sample counts 0. `samples_implausible`:
   * samples that were lost are missing like others. Others have no effect here.
   */
  waived?: ReadonlySet<string> | undefined;
  /** Whether the first measured lines carry what pictures are drawn from: their samples, their bytes by day. */
  charts?: boolean | undefined;
}

/** Something a clerk should know (warning) or must settle first (reason of a hold). */
export interface RatingNotice<Code extends string = string> {
  code: Code;
  message: string;
  /** The charge it is about. */
  charge?: string;
}

/** What an account cannot be rated for. */
export type RatingHoldCode =
  UnmeasuredCode | 'currency_differs' | 'inexact_result' | 'no_entities' | 'advance_not_billed';
export type RatingWarningCode = 'segment_not_begun' | 'no_entities' | 'samples_unexplained';

export type RatingOutcome =
  | { outcome: 'rated'; lines: RatedLine[]; warnings: RatingNotice<RatingWarningCode>[] }
  | { outcome: 'held'; reasons: RatingNotice<RatingHoldCode>[] };

/** What every step of one rating needs to know. */
export interface RatingContext {
  readonly input: RatingInput;
  readonly period: BillingPeriod;
  readonly timeZone: string;
  readonly entities: readonly KnownEntity[];
  readonly rounding: Derivation['rounding'];
  /** Absent where no pictures are asked for. */
  readonly charts?: ChartBudget | undefined;
}

/** A line with what the plan's discounts and minimum need to know about it. */
export interface PricedLine {
  readonly line: RatedLine;
  readonly amount: Decimal;
  readonly version: PlanVersion;
  readonly segment: RatingSegment;
  readonly billing: Billing;
}

/**
 * Which period's supply a line is about: this one's, the next one's, days of this one that were billed ahead but not
 * served, or (never on this invoice) days of this one that the invoice before has charged.
 */
export type Billing = 'own' | 'ahead' | 'refund' | 'paid';

/** Works out and rounds one line: the only place where an amount is rounded. */
export function pricedLine(
  context: RatingContext,
  of: { version: PlanVersion; segment: RatingSegment; billing?: Billing },
  line: Omit<RatedLine, 'quantity' | 'amount' | 'unrounded_amount' | 'derivation'>,
  basis: Basis,
): PricedLine {
  const { code, version, sha256 } = of.version;
  const { computation, derivation } = derive({ code, version, sha256 }, basis, context.rounding);
  const amount = computation.amount.round(context.rounding.digits, context.rounding.mode);
  return {
    line: {
      charge: line.charge,
      kind: line.kind,
      description: line.description,
      ...(line.title && { title: line.title }),
      entity: line.entity,
      segment: line.segment,
      quantity: shown(computation.quantity),
      unit: line.unit,
      amount: formatAmount(amount, context.input.currency),
      unrounded_amount: shown(computation.amount),
      ...taxMembers(line),
      commodity_code: line.commodity_code,
      derivation,
    },
    amount,
    version: of.version,
    segment: of.segment,
    billing: of.billing ?? 'own',
  };
}

/** What a line takes from its charge as it stands. */
export function chargeMembers(
  charge: Charge,
): Pick<RatedLine, 'charge' | 'kind' | 'description' | 'tax_category' | 'tax' | 'commodity_code'> {
  return {
    charge: charge.code,
    kind: charge.type,
    description: charge.name,
    ...taxMembers(charge),
    commodity_code: charge.commodity_code ?? null,
  };
}

/** What a charge, a line or a part of one says about its tax. */
export interface TaxChoice {
  readonly tax_category?: string | null | undefined;
  readonly tax?: string | undefined;
}

/** The same choice as members of a line: `tax` stands only where a tax is named, as on lines before names could be. */
export function taxMembers({ tax_category = null, tax }: TaxChoice): Pick<RatedLine, 'tax_category' | 'tax'> {
  return { tax_category, ...(tax !== undefined && { tax }) };
}

/** Equal for lines that bear the same taxes, whatever those are. */
export function taxKey({ tax_category = null, tax }: TaxChoice): string {
  return JSON.stringify([tax_category, tax === undefined ? null : taxNameKey(tax)]);
}

/** A share of the period as it stands on a derivation. */
export function shareBasis(spans: readonly Span[], period: Span, proration: Proration): Share {
  const { numerator, denominator } = shareOf(spans, period, proration);
  return { proration, numerator: numerator.toFixed(), denominator: denominator.toFixed() };
}

export function lineSegment({ start, end, startDate, endDate }: Span): LineSegment {
  return { start: toStamp(start), end: toStamp(end), start_date: startDate, end_date: endDate };
}

/** From the earliest to the latest day of some spans; undefined for none. */
export function hull(spans: readonly Span[]): Span | undefined {
  return spans.reduce<Span | undefined>((whole, span) => {
    if (whole === undefined) return span;
    const first = span.start < whole.start ? span : whole;
    const last = span.end > whole.end ? span : whole;
    return { start: first.start, startDate: first.startDate, end: last.end, endDate: last.endDate };
  }, undefined);
}
