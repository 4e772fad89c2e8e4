import { type BucketSeries, type ControlFinding, controlUsage, type Dimension, type Metric } from '#metering';
import { activeEntities, METRICS, type UsageNeeds } from '#rating';
import type { BillingTask } from './bill-account.js';
import { type Code, held, type Held, type HoldCode, isHold, type Notice, toNotice } from './holds.js';

/** What the controls must know of the form in which a report API was read: what it leaves open, and what a probe has shown. */
export interface ReportTraits {
  /** Whether a bucket's stamp is its first instant or the first instant after it. */
  readonly label: 'start' | 'end';
  readonly unit: 'Mbps' | 'kbps' | 'bps';
  /** Decimals that rates are rounded to. */
  readonly round_dp: 'none' | '2';
  /** How the filters of an account and of one of its entities combine. */
  readonly filter_logic: 'unproven' | 'and' | 'or';
  /** Whose rate a site's rate is: of all its subscribers, or of the busiest one. */
  readonly scope: 'unknown' | 'all_ues';
  readonly proven: { readonly label: boolean; readonly unit: boolean };
  /** Whether open questions about the vendor hold accounts. */
  readonly strict: boolean;
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

/** The warning of a pull that speaks against the dialect it was read with, which no operator may have probed. */
const DOUBT = 'rates_look_rounded';

/**
 * Decides what the controls mean for an account: a contradiction always holds it; what an open question about the vendor
 * would explain holds it in a strict dialect; unregistered usage holds it when the seller says so. Pure.
 *
 * @returns when clear, the warnings of the pull and of the controls
 */
export function controlAccount(task: BillingTask, pulled: PulledUsage, dialect: ReportTraits): Clear | Held {
  const { period, entities, account, facts } = task;
  const found = controlUsage({
    over: joined(task.segments),
    account,
    entities: activeEntities(period, entities, period.timeZone),
    usage: pulled.series.map(({ series }) => series),
    ratesAreOfAll: dialect.scope === 'all_ues',
    filtersWork: dialect.filter_logic === 'and',
    roundedByMbps: roundedByMbps(pulled, dialect),
    billed: billedMetrics(task),
  });
  // That rates are averages over the seconds with traffic is what the probe of their base has shown.
  const findings = found.filter(({ code }) => !(code === 'samples_exceed_bytes' && dialect.proven.unit));
  const stops = (finding: ControlFinding): finding is ControlFinding & { readonly code: HoldCode } =>
    isHold(finding.code) &&
    !task.waived.has(finding.code) &&
    (finding.holds === 'always' ||
      (finding.holds === 'if_strict' && dialect.strict) ||
      (finding.holds === 'if_chosen' && facts.seller.unregisteredUsage === 'hold'));
  const open = dialect.strict ? openQuestions(dialect, task.needs).filter(({ code }) => !task.waived.has(code)) : [];
  const doubted = (notice: Notice<Code>): notice is Notice<typeof DOUBT> =>
    dialect.strict && notice.code === DOUBT && !task.waived.has(DOUBT);
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
 * What a strict dialect holds a rated account for: samples that nothing has explained. What the controls left open is then no
 * mere warning. Pure.
 */
export function strictly<T extends { readonly outcome: string; readonly warnings: readonly Notice<Code>[] }>(
  rated: T | Held,
  { waived }: BillingTask,
  dialect: ReportTraits,
): T | Held {
  if (rated.outcome === 'held' || !dialect.strict) return rated;
  const doubted = rated.warnings.find(
    ({ code }) => code === 'samples_unexplained' && !waived.has('samples_implausible'),
  );
  const others = rated.warnings.filter((warning) => warning !== doubted);
  return doubted ? held('samples_implausible', doubted.message, others) : rated;
}

/** What the vendor left open, as a close tells or holds it. */
export type OpenQuestion = Extract<
  HoldCode,
  'label_unproven' | 'filter_logic_unproven' | 'rate_unit_unproven' | 'rate_scope_unknown'
>;

/**
 * What the vendor left open, nobody has probed yet, and bears on what is billed. A warning on the close; a strict dialect
 * holds the accounts instead.
 */
export function openQuestions(dialect: ReportTraits, { pulls }: UsageNeeds): Notice<OpenQuestion>[] {
  const questions: Notice<OpenQuestion>[] = [];
  const asks = (concerns: boolean, code: OpenQuestion, message: string) => {
    if (concerns) questions.push({ code, message: `${message}; run the dialect probe` });
  };
  const bandwidth = pulls.some(({ family }) => family === 'bandwidth');
  asks(
    pulls.length > 0 && !dialect.proven.label,
    'label_unproven',
    `buckets are taken to be labelled by their ${dialect.label}, which shifts a month by one bucket if it is wrong`,
  );
  asks(
    dialect.filter_logic === 'unproven' && pulls.some(({ entity }) => entity.dimension !== 'account'),
    'filter_logic_unproven',
    'the report API may combine the filters of an account and of one of its entities by OR',
  );
  asks(
    bandwidth && !dialect.proven.unit,
    'rate_unit_unproven',
    `rates are taken to be in ${dialect.unit}, over the seconds with traffic`,
  );
  asks(
    bandwidth && dialect.scope === 'unknown',
    'rate_scope_unknown',
    'the rate of a site may be that of its busiest subscriber',
  );
  return questions;
}

/** Half of the last place that rates are rounded to, or seem to be. */
function roundedByMbps({ warnings }: PulledUsage, { round_dp, unit }: ReportTraits): string {
  const isRounded = round_dp === '2' || warnings.some(({ code }) => code === 'rates_look_rounded');
  return isRounded ? { Mbps: '0.005', kbps: '0.000005', bps: '0.000000005' }[unit] : '0';
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
