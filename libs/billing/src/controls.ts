import { type BucketSeries, type ControlFinding, controlUsage, type Dimension, type Metric } from '#metering';
import { activeEntities, METRICS, type UsageNeeds } from '#rating';
import type { BillingTask } from './bill-account.js';
import { type Code, held, type Held, type HoldCode, isHold, type Notice, toNotice } from './holds.js';

/**
 * What a report API is like, as far as what is billed depends on it: what its documentation says, what a probe has shown, and
 * what neither tells. Nothing that bills asks which API it is.
 */
export interface ReportTraits {
  /** Whether a bucket's stamp is its first instant or the first instant after it. */
  readonly label: 'start' | 'end';
  readonly rates: {
    /** Whether a site's rate is known to be that of all its subscribers. */
    readonly ofAllSubscribers: boolean;
    /** Whether it is proven that a rate is an average over the seconds with traffic. */
    readonly overActiveSeconds: boolean;
  };
  readonly rounding: {
    /** Whether the API is known to round rates. */
    readonly known: boolean;
    /** Half of the last place that rates are rounded to where they are, in Mbps, as a decimal. */
    readonly halfPlaceMbps: string;
  };
  /** Whether it is proven that an answer for an entity of an account is that entity's alone. */
  readonly filtersWork: boolean;
  readonly openQuestions: readonly ReportQuestion[];
  /** Whether open questions hold accounts, instead of warning. */
  readonly strict: boolean;
}

/** What a vendor left open, as a close tells or holds it. */
export type OpenQuestion = Extract<
  HoldCode,
  'label_unproven' | 'filter_logic_unproven' | 'rate_unit_unproven' | 'rate_scope_unknown'
>;

export interface ReportQuestion {
  readonly code: OpenQuestion;
  /** What must be pulled for the question to matter: anything, usage of an entity of the account, or rates. */
  readonly concerns: 'usage' | 'entities' | 'rates';
  /** What is taken for granted meanwhile, and how to find out. */
  readonly message: string;
}

/** Usage that was pulled and whose answers were believed one by one. */
export interface PulledUsage {
  readonly series: readonly { readonly series: BucketSeries }[];
  readonly warnings: readonly Notice<Code>[];
}

/** Usage that nothing contradicts; what was odd about it is for the clerk to know. */
export interface Clear {
  readonly outcome: 'clear';
  readonly warnings: readonly Notice<Code>[];
}

/** The warning of a pull that speaks against the traits it was read with, which no operator may have probed. */
const DOUBT = 'rates_look_rounded';

/**
 * Decides what the controls mean for an account: a contradiction always holds it; what an open question about the vendor
 * would explain holds it where the traits are strict; unregistered usage holds it when the seller says so. Pure.
 *
 * @returns when clear, the warnings of the pull and of the controls
 */
export function controlAccount(task: BillingTask, pulled: PulledUsage, traits: ReportTraits): Clear | Held {
  const { period, entities, account, facts } = task;
  const found = controlUsage({
    over: joined(task.segments),
    account,
    entities: activeEntities(period, entities, period.timeZone),
    usage: pulled.series.map(({ series }) => series),
    ratesAreOfAll: traits.rates.ofAllSubscribers,
    filtersWork: traits.filtersWork,
    roundedByMbps: roundedByMbps(pulled, traits),
    billed: billedMetrics(task),
  });
  // That rates are averages over the seconds with traffic is what the probe of their base has shown.
  const findings = found.filter(({ code }) => !(code === 'samples_exceed_bytes' && traits.rates.overActiveSeconds));
  const stops = (finding: ControlFinding): finding is ControlFinding & { readonly code: HoldCode } =>
    isHold(finding.code) &&
    !task.waived.has(finding.code) &&
    (finding.holds === 'always' ||
      (finding.holds === 'if_strict' && traits.strict) ||
      (finding.holds === 'if_chosen' && facts.seller.unregisteredUsage === 'hold'));
  const open = traits.strict ? openQuestions(traits, task.needs).filter(({ code }) => !task.waived.has(code)) : [];
  const doubted = (notice: Notice<Code>): notice is Notice<typeof DOUBT> =>
    traits.strict && notice.code === DOUBT && !task.waived.has(DOUBT);
  const reasons: Notice<HoldCode>[] = [
    ...pulled.warnings.filter(doubted),
    ...findings.filter(stops).map((finding) => toNotice(finding)),
    ...open,
  ];
  const warnings = [
    ...pulled.warnings.filter((warning) => !doubted(warning)),
    ...findings.filter((finding) => !stops(finding)).map((finding) => toNotice(finding)),
  ];
  const [reason, ...others] = reasons;
  return reason ? held(reason.code, reason.message, [...others, ...warnings]) : { outcome: 'clear', warnings };
}

/**
 * What strict traits hold a rated account for: samples that nothing has explained. What the controls left open is then no
 * mere warning. Pure.
 */
export function strictly<T extends { readonly outcome: string; readonly warnings: readonly Notice<Code>[] }>(
  rated: T | Held,
  { waived }: BillingTask,
  traits: ReportTraits,
): T | Held {
  if (rated.outcome === 'held' || !traits.strict) return rated;
  const doubted = rated.warnings.find(
    ({ code }) => code === 'samples_unexplained' && !waived.has('samples_implausible'),
  );
  const others = rated.warnings.filter((warning) => warning !== doubted);
  return doubted ? held('samples_implausible', doubted.message, others) : rated;
}

/** The open questions that bear on what is pulled. A warning on the close; strict traits hold the accounts instead. */
export function openQuestions({ openQuestions: all }: ReportTraits, { pulls }: UsageNeeds): Notice<OpenQuestion>[] {
  const concerned = {
    usage: pulls.length > 0,
    entities: pulls.some(({ entity }) => entity.dimension !== 'account'),
    rates: pulls.some(({ family }) => family === 'bandwidth'),
  };
  return all.filter(({ concerns }) => concerned[concerns]).map(({ code, message }) => ({ code, message }));
}

/** Half of the last place that rates are rounded to, or seem to be. */
function roundedByMbps({ warnings }: PulledUsage, { rounding }: ReportTraits): string {
  const isRounded = rounding.known || warnings.some(({ code }) => code === 'rates_look_rounded');
  return isRounded ? rounding.halfPlaceMbps : '0';
}

/** The metrics of the charges in force, and what each is charged per. */
function billedMetrics({ segments }: BillingTask): ReadonlyMap<Metric, ReadonlySet<Dimension>> {
  const billed = new Map<Metric, Set<Dimension>>();
  for (const charge of segments.flatMap(({ version }) => version.plan.charges)) {
    if (charge.type !== 'usage') continue;
    for (const metric of METRICS[charge.measure.metric]) {
      billed.set(metric, (billed.get(metric) ?? new Set()).add(charge.measure.per));
    }
  }
  return billed;
}

/** Segments that follow each other as one interval: a bucket may lie across their edge. */
function joined(segments: BillingTask['segments']): { start: number; end: number }[] {
  const over: { start: number; end: number }[] = [];
  for (const { start, end } of [...segments].sort((a, b) => a.start - b.start)) {
    const last = over.at(-1);
    if (last?.end === start) last.end = end;
    else over.push({ start, end });
  }
  return over;
}
