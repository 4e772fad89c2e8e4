import { type BillingPeriod, CalendarError, type EpochSeconds, type Interval, monthPeriod, toStamp } from '#calendar';
import {
  type AccountTax,
  draftInvoice,
  type DraftInvoice,
  type GstSupply,
  gstSupplyOf,
  gstTaxes,
  InvoicingError,
  isEmpty,
  isUnclear,
  missingFields,
  type Taxing,
  type Totals,
  totalsOf,
} from '#invoicing';
import { GRID_SECONDS, type BucketSeries, type EntityRef, ownedBuckets } from '#metering';
import { MoneyError } from '#money';
import {
  type Advances,
  advancesOf,
  METRICS,
  type PlanVersion,
  presumedAdvances,
  rate,
  type RatedLine,
  RatingError,
  type RegisteredEntity,
  segmentsOf,
  type UsageNeeds,
  usageNeeds,
} from '#rating';
import { addedNotes, billedLines } from './draft-edits.js';
import { type BillingTerms, factsOfPeriod } from './facts.js';
import { type Code, distinct, held, type Held, isHold, type Notice, toNotice } from './holds.js';
import type { Plans } from './plans.js';

/** What an account's period is to be billed by; pure. */
export interface BillingTask {
  readonly facts: BillingTerms;
  readonly period: BillingPeriod;
  readonly account: EntityRef;
  readonly entities: readonly RegisteredEntity[];
  readonly segments: ReturnType<typeof segmentsOf>;
  readonly advances: Advances;
  readonly needs: UsageNeeds;
  /** Codes of holds that an operator lets pass. */
  readonly waived: ReadonlySet<string>;
}

// Entities registered without a first day have always belonged to the account.
const ALWAYS = '1970-01-01';

/**
 * Cuts the account's period and finds out what must be pulled for it.
 *
 * @param known of any period; what does not bear on this one is left out
 * @throws BillingError `document_altered`; RatingError, CalendarError as `orHeld` knows them
 */
export function billingTask(
  known: BillingTerms,
  periodLabel: string,
  plans: Plans,
  waived: readonly string[] = [],
): BillingTask {
  const period = monthPeriod(periodLabel, known.account.timeZone);
  const facts = factsOfPeriod(known, period);
  const account: EntityRef = { dimension: 'account', value: facts.account.externalId };
  const entities = facts.entities.map((entity) => ({ ...entity, activeFrom: entity.activeFrom ?? ALWAYS }));
  const versions: PlanVersion[] = facts.versions.map(({ document, ...version }) => ({
    ...version,
    plan: plans.planOf(document, version.sha256),
  }));
  const terms = { period, subscriptions: facts.subscriptions, versions };
  const segments = segmentsOf(terms);
  const advances = facts.advances
    ? advancesOf({ ...terms, ...facts.advances })
    : presumedAdvances({ ...terms, entities });
  const needs = usageNeeds({ period, segments, entities, account });
  return { facts, period, account, entities, segments, advances, needs, waived: new Set(waived) };
}

/** When a period has ended and settled. */
export function billableFrom(
  period: BillingPeriod,
  settleHours: number | null,
  defaultSettleHours: number,
): EpochSeconds {
  return period.end + (settleHours ?? defaultSettleHours) * 3_600;
}

/**
 * Why the period cannot be billed at this instant, or undefined when it can.
 *
 * @param billableAt as `billableFrom` says of the account's own period
 */
export function notBillable(task: BillingTask, now: EpochSeconds, billableAt: EpochSeconds): Held | undefined {
  const { period, facts } = task;
  if (now < billableAt) {
    return held('period_not_billable', `the account's period ends and settles at ${toStamp(billableAt)}; retry then`);
  }
  const policy = facts.account.edgePolicy ?? facts.seller.edgePolicy;
  if (policy === 'refuse' && measuredInterval(task) !== null) {
    return held(
      'edge_inside_bucket',
      `${period.timeZone} cuts the month inside an hour bucket and edge_policy is "refuse"; set own_by_start to bill ` +
        'every bucket that starts in the month',
    );
  }
  return undefined;
}

/** Series that the task is billed by; controls of missing samples come on top once it is known that samples are missing. */
export function seriesNeeded({ needs }: BillingTask): number {
  return needs.pulls.reduce((count, { family }) => count + METRICS[family].length, 0);
}

export type Drafted =
  | {
      readonly outcome: 'drafted';
      readonly draft: Omit<DraftInvoice, 'inputs_hash'>;
      /** All lines of the plan, those that an operator left out among them. */
      readonly plan: readonly RatedLine[];
      readonly warnings: readonly Notice<Code>[];
    }
  /** Nothing to charge: no line other than zero, unless the seller issues invoices of zero lines. */
  | { readonly outcome: 'empty'; readonly lines: readonly RatedLine[]; readonly warnings: readonly Notice<Code>[] }
  | Held;

/** What the usage of a period comes to, line by line, before taxes. */
export interface Rated {
  readonly outcome: 'rated';
  /** What is billed: lines of the plan that no operator left out, then adjustments and lines that an operator added. */
  readonly lines: readonly RatedLine[];
  /** All lines of the plan. */
  readonly plan: readonly RatedLine[];
  readonly warnings: readonly Notice<Code>[];
}

/**
 * Measures and rates: pure, and the same for a close, a dry run, a correction and an estimate.
 *
 * @param measuredUntil for a period that has not ended: usage counts, and must be complete, up to here only
 * @param charts whether the first lines carry what pictures of their usage are drawn from
 */
export function rateAccount(
  task: BillingTask,
  usage: readonly BucketSeries[],
  measuredUntil: EpochSeconds = task.period.end,
  charts = false,
): Rated | Held {
  const { seller, account } = task.facts;
  const rated = rate({
    currency: account.currency,
    rounding: seller.rounding,
    period: task.period,
    segments: task.segments,
    advances: task.advances,
    discounted: task.facts.discounted,
    account: task.account,
    entities: task.entities,
    usage,
    waived: task.waived,
    measuredUntil: measuredUntil < task.period.end ? measuredUntil : undefined,
    charts,
  });
  if (rated.outcome === 'held') {
    const [first, ...others] = rated.reasons;
    return held(first?.code ?? 'not_rated', first?.message ?? 'the usage could not be rated', others.map(toNotice));
  }
  return {
    outcome: 'rated',
    lines: billedLines(rated.lines, task),
    plan: rated.lines,
    warnings: distinct(rated.warnings.map(toNotice)),
  };
}

/** What rated lines come to with the account's taxes; pure. */
export function accountTotals({ facts }: BillingTask, lines: readonly RatedLine[]): Totals {
  const { taxes, options } = taxingOf(facts);
  return totalsOf(lines, taxes, options);
}

/**
 * What taxes the lines of an account.
 *
 * @throws InvoicingError `place_of_supply_unclear` where they follow from the place of supply and it is not clear
 */
export function taxingOf({ seller, account }: BillingTerms): Taxing {
  const { currency } = account;
  const options = { currency, rounding: seller.rounding, payableRounding: seller.payableRounding };
  return { taxes: account.taxes.length > 0 ? account.taxes : taxesBySeller({ seller, account }), options };
}

/** The taxes of an account for which an operator wrote none: in India those of its place of supply, elsewhere none. */
function taxesBySeller({ seller, account }: Pick<BillingTerms, 'seller' | 'account'>): readonly AccountTax[] {
  const rate = seller.gst?.rate ?? null;
  const supply = rate === null ? undefined : gstSupplyOf(seller, account);
  if (rate === null || supply === undefined) return [];
  if (!isUnclear(supply)) return gstTaxes(supply, rate);
  throw new InvoicingError('place_of_supply_unclear', `${supply.message}; mend ${supply.members.join(', ')}`);
}

/** Documents of layouts before this one do not say where their supplies take place. */
const FIRST_LAYOUT_WITH_GST = 4;

/** Where the supplies of an account take place in India; undefined elsewhere, where it is not clear, and on documents of earlier layouts. */
export function gstOf({ seller, account }: BillingTerms, layoutVersion = FIRST_LAYOUT_WITH_GST): GstSupply | undefined {
  const supply = layoutVersion < FIRST_LAYOUT_WITH_GST ? undefined : gstSupplyOf(seller, account);
  if (supply === undefined || isUnclear(supply)) return undefined;
  return seller.gst?.sac ? { ...supply, sac: seller.gst.sac } : supply;
}

/**
 * Measures, rates and drafts: pure, and the same for a close, a dry run and an estimate.
 *
 * @param of.zero whether lines that are all zero make an invoice; without any line there is none
 */
export function draftAccount(task: BillingTask, usage: readonly BucketSeries[], of: DraftedAs): Drafted {
  const rated = rateAccount(task, usage, task.period.end, of.layoutVersion >= CHARTS_SINCE_LAYOUT);
  return rated.outcome === 'held' ? rated : draftOf(task, rated, of);
}

/** Documents of earlier layouts carry nothing to draw: recomputed from their evidence, they must be what they were. */
const CHARTS_SINCE_LAYOUT = 4;

/** Drafts lines of the plan that were rated before, with the adjustments and edits of the task. */
export function draftOfLines(task: BillingTask, plan: readonly RatedLine[], of: DraftedAs): Drafted {
  return draftOf(task, { outcome: 'rated', lines: billedLines(plan, task), plan, warnings: [] }, of);
}

interface DraftedAs {
  readonly dialectSha256: string | null;
  readonly layoutVersion: number;
  readonly revision: number;
  readonly zero: 'skip' | 'issue';
}

function draftOf(task: BillingTask, { lines, plan, warnings }: Rated, of: DraftedAs): Drafted {
  const { facts, period } = task;
  const { seller, account } = facts;
  if (lines.length === 0 || (isEmpty(lines) && of.zero === 'skip')) return { outcome: 'empty', lines, warnings };
  const totals = orHeld(() => accountTotals(task, lines));
  if ('outcome' in totals) return { ...totals, warnings };
  const draft = draftInvoice({
    seller: { ...seller, bank: seller.bank },
    account,
    period,
    measured: measuredInterval(task),
    lines,
    totals,
    revision: of.revision,
    dialectSha256: of.dialectSha256,
    layoutVersion: of.layoutVersion,
    gst: gstOf(facts, of.layoutVersion),
    notes: addedNotes(facts),
  });
  const missing = missingFields(draft);
  if (missing.length > 0) {
    return held('document_incomplete', `an invoice may not be issued without ${missing.join(', ')}; fill them in`);
  }
  return { outcome: 'drafted', draft, plan, warnings };
}

/**
 * The instants whose hour buckets the period owns, where hours are billed and an edge of the period falls inside one; else
 * null. Samples of five minutes fit every zone.
 */
function measuredInterval({ period, segments }: BillingTask): Interval | null {
  const charges = segments.flatMap(({ version }) => version.plan.charges);
  if (!charges.some((charge) => charge.type === 'usage' && charge.measure.metric !== 'bandwidth')) return null;
  const { firstStart, count } = ownedBuckets(period, 'HOUR');
  const measured = { start: firstStart, end: firstStart + count * GRID_SECONDS.HOUR };
  return measured.start === period.start && measured.end === period.end ? null : measured;
}

/** Does the work, or holds the account for what is unsettled in the catalogue; other errors are thrown on. */
export function orHeld<T>(work: () => T): T | Held {
  try {
    return work();
  } catch (error) {
    const known =
      error instanceof InvoicingError ||
      error instanceof RatingError ||
      error instanceof CalendarError ||
      error instanceof MoneyError;
    if (known && isHold(error.code)) return held(error.code, `${error.message}; then retry the account`);
    throw error;
  }
}
