import { type BillingPeriod, CalendarError, type EpochSeconds, type Interval, monthPeriod, toStamp } from '#calendar';
import {
  draftInvoice,
  type DraftInvoice,
  InvoicingError,
  isEmpty,
  missingFields,
  type Totals,
  totalsOf,
} from '#invoicing';
import { GRID_SECONDS, type BucketSeries, type EntityRef, ownedBuckets } from '#metering';
import {
  type BillingFacts,
  documentSha256,
  factsOfPeriod,
  type Notice,
  type PulledSeries,
  type Tally,
  type UsageEvidence,
} from '#persistence';
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
  sampleControls,
  segmentsOf,
  type TariffPlan,
  tariffPlanSchema,
  type UsageNeeds,
  type UsagePull,
  usageNeeds,
} from '#rating';
import { type PullWarning, type RawAnswer, ReportApiError } from '#report-client';
import { CloseError } from './close-error.js';
import { type Connection, type Connectors, isUnconnected } from './connectors.js';
import { inOrder } from './each-of.js';

/** An account that a close may not bill yet, and why. */
export interface Held {
  readonly outcome: 'held';
  readonly reason: Notice;
  readonly warnings: readonly Notice[];
  /** There where the cause passes by itself, so that the service may try again. */
  readonly passing?: { readonly leftAloneSeconds: number | undefined };
}

export interface Pulled {
  readonly outcome: 'pulled';
  readonly series: readonly PulledSeries[];
  readonly warnings: readonly Notice[];
  /** Answers that were believed, as they came: evidence if the account is held by what they say together. */
  readonly answers: readonly Answer[];
}

/** What an account's period is to be billed by; pure. */
export interface BillingTask {
  readonly facts: BillingFacts;
  readonly period: BillingPeriod;
  readonly account: EntityRef;
  readonly entities: readonly RegisteredEntity[];
  readonly segments: ReturnType<typeof segmentsOf>;
  readonly advances: Advances;
  readonly needs: UsageNeeds;
  /** Codes of holds that an operator lets pass. */
  readonly waived: ReadonlySet<string>;
}

const NOTHING: Tally = { buckets: 0, total: '0' };

// Entities registered without a first day have always belonged to the account.
const ALWAYS = '1970-01-01';

/** Cuts the account's period and finds out what must be pulled for it. */
export function billingTask(known: BillingFacts, periodLabel: string, waived: readonly string[] = []): BillingTask {
  const period = monthPeriod(periodLabel, known.account.timeZone);
  const facts = factsOfPeriod(known, period);
  const account: EntityRef = { dimension: 'account', value: facts.account.externalId };
  const entities = facts.entities.map((entity) => ({ ...entity, activeFrom: entity.activeFrom ?? ALWAYS }));
  const versions: PlanVersion[] = facts.versions.map(({ document, ...version }) => ({
    ...version,
    plan: planOf(document, version.sha256),
  }));
  const terms = { period, subscriptions: facts.subscriptions, versions };
  const segments = segmentsOf(terms);
  const advances = facts.advances
    ? advancesOf({ ...terms, ...facts.advances })
    : presumedAdvances({ ...terms, entities });
  const needs = usageNeeds({ period, segments, entities, account });
  return { facts, period, account, entities, segments, advances, needs, waived: new Set(waived) };
}

// A close reads the same few published documents once per account; a document of the same hash is the same plan.
const plans = new Map<string, TariffPlan>();
const PLANS_KEPT = 500;

/** @throws CloseError `document_altered` */
function planOf(document: unknown, sha256: string): TariffPlan {
  const known = plans.get(sha256);
  if (known) return known;
  if (documentSha256(document) !== sha256) {
    throw new CloseError(
      'document_altered',
      `the tariff plan of sha256 ${sha256} differs from what was published and is not used; restore it from a backup`,
    );
  }
  const plan = tariffPlanSchema.parse(document);
  if (plans.size >= PLANS_KEPT) plans.clear();
  plans.set(sha256, plan);
  return plan;
}

/** When a period has ended and settled. */
export function billableFrom(
  period: BillingPeriod,
  settleHours: number | null,
  defaultSettleHours: number,
): EpochSeconds {
  return period.end + (settleHours ?? defaultSettleHours) * 3_600;
}

/** Why the period cannot be billed at this instant, or undefined when it can. */
export function notBillable(task: BillingTask, now: EpochSeconds, defaultSettleHours: number): Held | undefined {
  const { period, facts } = task;
  const billableAt = billableFrom(period, facts.seller.settleHours, defaultSettleHours);
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

type Answer = Omit<UsageEvidence, 'accountId' | 'periodLabel'>;

/** An answer that is worth keeping as it came: one that was not believed, that lacks buckets, or that the seller wants. */
export type KeepAnswer = (answer: Answer) => Promise<void>;

/** Bytes of answers that one account may hold in memory until it is known whether they are evidence. */
const ANSWERS_KEPT_BYTES = 32 * 1_048_576;

/** Pulls of one account under way at the same time, once its first one was answered. */
const PULLS_AT_ONCE = 4;

/**
 * Asks the report API for everything the task needs, and nothing more once an answer cannot be billed: the first such one, in
 * the order of the needs, is what the account is held for. Where samples are missing, it asks what those sites did by the
 * hour. Throws only what trying again may cure.
 *
 * @param keepAnswer absent: nothing is kept, nor handed back in `answers`
 * @param onPulled told how many series are there, after each answer
 */
export async function pullUsage(
  task: BillingTask,
  connection: Connection,
  now: EpochSeconds,
  keepAnswer?: KeepAnswer,
  onPulled: (series: number) => void = () => undefined,
): Promise<Pulled | Held> {
  const series: PulledSeries[] = [];
  const warnings: Notice[] = [];
  const answers: Answer[] = [];
  let answersBytes = 0;
  const ask = (need: UsagePull, signal: AbortSignal) =>
    connection.client
      .fetchUsage({
        account: task.account.value,
        entity: need.entity,
        owned: { start: task.period.start, end: task.period.end },
        now,
        keepRaw: keepAnswer !== undefined,
        signal,
        ...form(need),
      })
      .catch((error: unknown) => {
        if (error instanceof ReportApiError) return error;
        throw error;
      });
  const usage = () => series.map((pulled) => pulled.series);
  const needed = async function* () {
    yield* inOrder(task.needs.pulls, PULLS_AT_ONCE, ask);
    const { period, segments, entities } = task;
    const of = { period, segments, entities, grid: task.needs.grid, usage: usage(), until: now };
    yield* inOrder(sampleControls(of), PULLS_AT_ONCE, ask);
  };
  for await (const [need, answer] of needed()) {
    if (answer instanceof ReportApiError) return unanswered(answer, warnings);
    if ('code' in answer) {
      const { outcome, code, raw, rawBody } = answer;
      if (raw && rawBody) {
        await keepAnswer?.({ ...need, outcome, code, ...hashesOf(raw), body: rawBody });
      }
      return held(code, answer.message, warnings);
    }
    const { outcome, raw } = answer;
    for (const [piece, body] of (raw.bodies ?? []).entries()) {
      const kept: Answer = { ...need, outcome, code: null, ...hashesOf(raw.answers[piece] ?? raw), body };
      if (outcome === 'gaps' || task.facts.seller.keepRaw) {
        await keepAnswer?.(kept);
      } else if (answersBytes + kept.rawBytes <= ANSWERS_KEPT_BYTES) {
        answersBytes += kept.rawBytes;
        answers.push(kept);
      }
    }
    warnings.push(...answer.warnings.map(toNotice));
    answer.series.forEach((each, index) => {
      const { fetched = NOTHING, margin = NOTHING } = answer.tallies[index] ?? {};
      series.push({
        // Controls go by names of their own.
        series: { ...each, metric: need.metrics[index] ?? each.metric, rawSha256: raw.sha256 },
        fetched,
        margin,
        ...hashesOf(raw),
        dialectSha256: connection.dialectSha256,
      });
    });
    onPulled(series.length);
  }
  return { outcome: 'pulled', series, warnings: distinct(warnings), answers };
}

/** There was no answer. `client_closed` and `pull_aborted` say that the process that asked was stopped. */
function unanswered(error: ReportApiError, warnings: readonly Notice[]): Held {
  const hold = held(error.code, `${error.message}; retry when it answers again`, distinct(warnings));
  const passes = error.retryable || error.code === 'client_closed';
  return passes ? { ...hold, passing: { leftAloneSeconds: error.retryAfterSeconds } } : hold;
}

/** Series that the task is billed by; controls of missing samples come on top once it is known that samples are missing. */
export function seriesNeeded({ needs }: BillingTask): number {
  return needs.pulls.reduce((count, { family }) => count + METRICS[family].length, 0);
}

function hashesOf({ sha256, bytes, requestSha256 }: RawAnswer) {
  return { rawSha256: sha256, rawBytes: bytes, requestSha256 };
}

function form({ family, grid }: UsagePull) {
  switch (family) {
    case 'bandwidth':
      return { family, grid: 'SLOT' } as const;
    case 'bandwidth_max':
      return { family, grid: 'HOUR' } as const;
    default:
      return { family, grid: grid === 'DAY' ? 'DAY' : 'HOUR' } as const;
  }
}

export type Drafted =
  | {
      readonly outcome: 'drafted';
      readonly draft: Omit<DraftInvoice, 'inputs_hash'>;
      readonly warnings: readonly Notice[];
    }
  /** Nothing to charge: no line other than zero, unless the seller issues invoices of zero lines. */
  | { readonly outcome: 'empty'; readonly lines: readonly RatedLine[]; readonly warnings: readonly Notice[] }
  | Held;

/** What the usage of a period comes to, line by line, before taxes. */
export interface Rated {
  readonly outcome: 'rated';
  readonly lines: readonly RatedLine[];
  readonly warnings: readonly Notice[];
}

/**
 * Measures and rates: pure, and the same for a close, a dry run, a correction and an estimate.
 *
 * @param measuredUntil for a period that has not ended: usage counts, and must be complete, up to here only
 */
export function rateAccount(
  task: BillingTask,
  usage: readonly BucketSeries[],
  measuredUntil: EpochSeconds = task.period.end,
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
  });
  if (rated.outcome === 'held') {
    const [first, ...others] = rated.reasons;
    return held(first?.code ?? 'not_rated', first?.message ?? 'the usage could not be rated', others.map(toNotice));
  }
  return { outcome: 'rated', lines: rated.lines, warnings: distinct(rated.warnings.map(toNotice)) };
}

/** What rated lines come to with the account's taxes; pure. */
export function accountTotals({ facts: { seller, account } }: BillingTask, lines: readonly RatedLine[]): Totals {
  return totalsOf(lines, account.taxes, {
    currency: account.currency,
    rounding: seller.rounding,
    payableRounding: seller.payableRounding,
  });
}

/**
 * Measures, rates and drafts: pure, and the same for a close, a dry run and an estimate.
 *
 * @param of.zero whether lines that are all zero make an invoice; without any line there is none
 */
export function draftAccount(
  task: BillingTask,
  usage: readonly BucketSeries[],
  of: { dialectSha256: string | null; layoutVersion: number; revision: number; zero: 'skip' | 'issue' },
): Drafted {
  const { facts, period } = task;
  const { seller, account } = facts;
  const rated = rateAccount(task, usage);
  if (rated.outcome === 'held') return rated;
  const { lines, warnings } = rated;
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
  });
  const missing = missingFields(draft);
  if (missing.length > 0) {
    return held('document_incomplete', `an invoice may not be issued without ${missing.join(', ')}; fill them in`);
  }
  return { outcome: 'drafted', draft, warnings };
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

/** Codes of errors that say what a clerk has to settle in the catalogue before the account can be billed. */
const UNSETTLED: ReadonlySet<string> = new Set([
  'tax_category_unmatched',
  'tax_name_unmatched',
  'tax_rate_contradicts_category',
  'ambiguous_taxes',
  'inexact_result',
  'no_version_in_force',
  'overlapping_subscriptions',
  'unknown_advance',
  'unknown_time_zone',
]);

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
    if (known && UNSETTLED.has(error.code)) return held(error.code, `${error.message}; then retry the account`);
    throw error;
  }
}

/** The report API as the account is to ask it, or a hold that names the setting without which no answer can be had. */
export async function connected(connectors: Connectors, accountId: string): Promise<Connection | Held> {
  try {
    return await connectors.connect(accountId);
  } catch (error) {
    if (!isUnconnected(error)) throw error;
    return held(error.code, `${error.message}; then retry the account`);
  }
}

export function held(code: string, message: string, warnings: readonly Notice[] = []): Held {
  return { outcome: 'held', reason: { code, message }, warnings };
}

function toNotice({ code, message }: PullWarning | Notice): Notice {
  return { code, message };
}

/** Notices, each once. */
export function distinct(notices: readonly Notice[]): Notice[] {
  const seen = new Map(notices.map((notice) => [`${notice.code} ${notice.message}`, notice]));
  return [...seen.values()];
}
