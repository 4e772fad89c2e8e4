import { overlap } from '#calendar';
import {
  type BandwidthMeasure,
  type BucketRounding,
  type EntityRef,
  entityKey,
  measure,
  type MeasureEvidence,
  type MeasureSpec,
  type UnmeasuredCode,
  unitFactor,
} from '#metering';
import { type Decimal, decimal, Ratio, times } from '#money';
import type { UsageBasis } from './derivation.js';
import { type KnownEntity, presentIn, type PresentEntity, toActiveEntity } from './entities.js';
import { fromFraction, shown, toFraction } from './fraction.js';
import {
  chargeMembers,
  type GivenQuantity,
  hull,
  lineSegment,
  type PricedLine,
  pricedLine,
  type RatingContext,
  type RatingHoldCode,
  type RatingNotice,
  type RatingWarningCode,
  shareBasis,
} from './rating.js';
import type { RatingSegment } from './segment.js';
import type { Span } from './span.js';
import type { Measure, UsageCharge } from './tariff-plan.js';

export interface UsageLines {
  lines: PricedLine[];
  reasons: RatingNotice<RatingHoldCode>[];
  warnings: RatingNotice<RatingWarningCode>[];
}

/** One line of a usage charge: what is measured together, and the days for which it is charged. */
interface Metered {
  readonly entity: PresentEntity | null;
  readonly sources: readonly PresentEntity[];
  readonly days: readonly Span[];
}

/** The lines of a usage charge in one segment: one, or one per entity that was active in it. */
export function usageLines(context: RatingContext, segment: RatingSegment, charge: UsageCharge): UsageLines {
  const result: UsageLines = { lines: [], reasons: [], warnings: [] };
  const until = context.input.measuredUntil;
  if (until !== undefined && until <= segment.start) {
    const message = `the days from ${segment.startDate} have not begun; their usage is not in the estimate`;
    return { ...result, warnings: [{ code: 'segment_not_begun', message, charge: charge.code }] };
  }
  const metered = meteredOf({ ...context, account: context.input.account }, segment, charge);
  const sources = metered.flatMap((each) => each.sources);
  if (sources.length === 0 && !isActiveElsewhere(context, charge) && !isGivenForAccount(context, charge)) {
    const notice = { code: 'no_entities', charge: charge.code } as const;
    if (charge.measure.metric === 'bandwidth') {
      const message = `charge ${charge.code} is measured by site, but no site is active; register one or end the charge`;
      return { ...result, reasons: [{ ...notice, message }] };
    }
    const message = `charge ${charge.code} found no entity of the account that is active and billed no usage`;
    result.warnings.push({ ...notice, message });
  }
  for (const each of metered) {
    const quantity = quantityOf(context, segment, charge, each);
    if (quantity.outcome === 'held') {
      result.reasons.push({ code: quantity.code, message: quantity.message, charge: charge.code });
    } else {
      result.lines.push(usageLine(context, segment, charge, each, quantity));
      const doubt = sampleDoubt(charge, quantity.evidence);
      if (doubt) result.warnings.push(doubt);
    }
  }
  return result;
}

/** A warning where a rate rests on samples that are missing and that nothing has explained. */
function sampleDoubt(
  charge: UsageCharge,
  evidence: MeasureEvidence | null,
): RatingNotice<'samples_unexplained'> | undefined {
  if (evidence?.metric !== 'bandwidth' || !evidence.unreported) return undefined;
  const { missing, lost, unanswered, unexplained, at_most: atMost } = evidence.unreported;
  const billed = fromFraction(evidence.quantity);
  const matters = unexplained > 0 && (atMost === null || Ratio.of(decimal(atMost)).compare(billed) > 0);
  const open = lost + unanswered + (matters ? unexplained : 0);
  if (open === 0) return undefined;
  const most = matters && atMost !== null ? `; the rate is at most ${atMost} Mbps instead of ${shown(billed)}` : '';
  const message =
    `${open} of ${missing} samples that are missing are not explained by the bytes and the MAX of their hours, and count as ` +
    `the charge says${most}`;
  return { code: 'samples_unexplained', message, charge: charge.code };
}

/** What a usage charge measures in one segment: one thing per line it will have. */
export function meteredOf(
  { account, entities, timeZone }: { account: EntityRef; entities: readonly KnownEntity[]; timeZone: string },
  segment: RatingSegment,
  { measure: measured, filter }: UsageCharge,
): Metered[] {
  if (measured.per !== 'account') {
    return presentIn(segment, entities, { dimension: measured.per, filter }, timeZone).map((entity) => ({
      entity,
      sources: [entity],
      days: entity.days,
    }));
  }
  if (measured.metric === 'bandwidth') {
    const sources = presentIn(segment, entities, { dimension: 'customer_site_id', filter }, timeZone);
    return [{ entity: null, sources, days: [segment] }];
  }
  const whole: PresentEntity = { ref: account, name: null, ranges: [segment], days: [segment] };
  const sources = filter ? presentIn(segment, entities, { dimension: 'any', filter }, timeZone) : [whole];
  return [{ entity: null, sources, days: [segment] }];
}

/** Whether what the charge measures is active in some other part of the period, so that a part without it is no mistake. */
function isActiveElsewhere(
  { period, entities, timeZone }: RatingContext,
  { measure: measured, filter }: UsageCharge,
): boolean {
  const byFilter = measured.metric === 'bandwidth' ? 'customer_site_id' : 'any';
  const dimension = measured.per === 'account' ? byFilter : measured.per;
  return presentIn(period, entities, { dimension, filter }, timeZone).length > 0;
}

/** A preview may hand in the account's bandwidth without naming its sites. */
function isGivenForAccount(context: RatingContext, charge: UsageCharge): boolean {
  return (
    charge.measure.per === 'account' &&
    givenQuantity(context, charge, { entity: null, sources: [], days: [] }) !== undefined
  );
}

type Quantity =
  | { outcome: 'measured'; quantity: Ratio; evidence: MeasureEvidence | null }
  | { outcome: 'held'; code: UnmeasuredCode; message: string };

function quantityOf(context: RatingContext, segment: RatingSegment, charge: UsageCharge, metered: Metered): Quantity {
  const given = givenQuantity(context, charge, metered);
  if (given !== undefined) {
    if (charge.measure.metric === 'bandwidth' || context.input.segments.length === 1) {
      return { outcome: 'measured', quantity: given, evidence: null };
    }
    const message = `the quantity of charge ${charge.code} cannot be divided over the parts of the period; send a series`;
    return { outcome: 'held', code: 'usage_missing', message };
  }
  // A site adds 0 while it is not active, also when none is active in this part of the period.
  if (charge.measure.metric === 'bandwidth' && metered.sources.length === 0) {
    return { outcome: 'measured', quantity: Ratio.ZERO, evidence: null };
  }
  const over = overlap(segment, { start: segment.start, end: context.input.measuredUntil ?? segment.end });
  const sources = metered.sources.map(toActiveEntity);
  const spec = withCharts(context, segment, measureSpec(charge.measure, context.input.waived));
  const measured = measure(spec, over ?? segment, sources, context.input.usage);
  if (measured.outcome === 'measured') context.charts?.take(measured.evidence);
  return measured;
}

/** The same measure with the pictures that its lines may have. */
function withCharts({ charts, timeZone }: RatingContext, segment: RatingSegment, spec: MeasureSpec): MeasureSpec {
  if (!charts) return spec;
  switch (spec.metric) {
    case 'bandwidth':
      return { ...spec, charts: charts.rates };
    case 'bytes':
      return { ...spec, days: charts.daysOf(segment, timeZone) };
    case 'time':
      return spec;
  }
}

/** A measure in the words of the plan, as a measure in base units; `waived` as in RatingInput. */
export function measureSpec(measured: Measure, waived: ReadonlySet<string> = NOTHING_WAIVED): MeasureSpec {
  const missing = waived.has('missing_buckets') ? 'zero' : 'hold';
  switch (measured.metric) {
    case 'bytes':
      return { metric: 'bytes', direction: measured.direction, round_at_bucket: bucketRounding(measured), missing };
    case 'time':
      return { metric: 'time', round_at_bucket: bucketRounding(measured), missing };
    case 'bandwidth':
      return {
        metric: 'bandwidth',
        aggregation: measured.aggregation,
        percentile: measured.aggregation === 'percentile' ? measured.percentile : undefined,
        direction: measured.direction,
        sites: measured.sites,
        missing: measured.missing === 'hold' ? missing : measured.missing,
        min_coverage: waived.has('coverage_too_low')
          ? '0'
          : (measured.min_coverage ?? DEFAULT_COVERAGE[measured.missing]),
        waived: new Set(SAMPLE_HOLDS.filter((code) => waived.has(code))),
      };
  }
}

/** Holds of a rate that an operator may let pass in the measure itself. */
const SAMPLE_HOLDS = ['no_samples', 'samples_implausible'] as const;

const NOTHING_WAIVED: ReadonlySet<string> = new Set();

/** `hold` needs no share: every slot is there or proven idle. */
const DEFAULT_COVERAGE: Readonly<Record<BandwidthMeasure['missing'], string>> = {
  zero: '0',
  exclude: '0.99',
  hold: '0',
};

function bucketRounding(measured: Exclude<Measure, { metric: 'bandwidth' }>): BucketRounding | undefined {
  const { round, bucket, unit } = measured;
  if (round?.at !== 'bucket' || bucket === undefined) return undefined;
  return { bucket, to_base: times(decimal(round.to), baseUnitsPer(unit)), mode: round.mode };
}

function baseUnitsPer(unit: Measure['unit']): Decimal {
  const { numerator, denominator } = unitFactor(unit);
  return denominator.equals(1) ? numerator : Ratio.of(numerator, denominator).round(12);
}

/** The quantity that was handed in for exactly what the charge measures, if there is one. */
function givenQuantity(context: RatingContext, charge: UsageCharge, { entity, sources }: Metered): Ratio | undefined {
  const given = givenIn(context.input.quantities ?? [], context.input.account);
  const ofAccount =
    entity === null && !charge.filter ? quantityFor(context.input.account, charge.measure, given) : undefined;
  if (ofAccount) return ofAccount;
  // Percentiles of pooled sites do not add up to the percentile of the pool.
  const addsUp = charge.measure.metric !== 'bandwidth' || charge.measure.sites === 'each_then_sum';
  if (sources.length === 0 || (sources.length > 1 && !addsUp)) return undefined;
  const parts = sources.map(({ ref }) => quantityFor(ref, charge.measure, given));
  return parts.includes(undefined) ? undefined : Ratio.sum(parts.filter((part) => part !== undefined));
}

type GivenIndex = ReadonlyMap<string, readonly GivenQuantity[]>;

// A charge per subscriber looks for the quantity of each of thousands.
const indexes = new WeakMap<readonly GivenQuantity[], GivenIndex>();

/** Quantities by metric and entity. */
function givenIn(quantities: readonly GivenQuantity[], account: EntityRef): GivenIndex {
  const known = indexes.get(quantities);
  if (known) return known;
  const index = new Map<string, GivenQuantity[]>();
  for (const each of quantities) {
    const key = givenKey(each.metric, each.entity ?? account);
    const own = index.get(key);
    if (own) own.push(each);
    else index.set(key, [each]);
  }
  indexes.set(quantities, index);
  return index;
}

function givenKey(metric: GivenQuantity['metric'], ref: EntityRef): string {
  return `${metric} ${entityKey(ref)}`;
}

function quantityFor(ref: EntityRef, measured: Measure, given: GivenIndex): Ratio | undefined {
  const direction = measured.metric === 'time' ? undefined : measured.direction;
  const own = given.get(givenKey(measured.metric, ref)) ?? [];
  const of = (wanted: string | undefined) => {
    const match = own.find(
      (each) => (each.direction ?? (measured.metric === 'bytes' ? 'total' : direction)) === wanted,
    );
    return match && Ratio.of(decimal(match.quantity));
  };
  const [exactly, uplink, downlink] = [of(direction), of('uplink'), of('downlink')];
  if (exactly || !uplink || !downlink) return exactly;
  if (direction === 'total') return uplink.plus(downlink);
  if (direction === 'greater' || direction === 'greater_of_percentiles') return Ratio.max(uplink, downlink);
  return undefined;
}

function usageLine(
  context: RatingContext,
  segment: RatingSegment,
  charge: UsageCharge,
  { entity, days }: Metered,
  { quantity, evidence }: Extract<Quantity, { outcome: 'measured' }>,
): PricedLine {
  const { measure: measured } = charge;
  const basis: UsageBasis = {
    kind: 'usage',
    evidence,
    measured: toFraction(quantity),
    unit: measured.unit,
    base_units_per_unit: baseUnitsPer(measured.unit).toFixed(),
    round: lineRounding(measured),
    share: shareBasis(days, context.period, charge.proration),
    scaled_by: measured.metric === 'bandwidth' ? 'rate' : 'quantity',
    included: charge.included ?? null,
    price: charge.price,
    minimum_amount: charge.minimum_amount ?? null,
    maximum_amount: charge.maximum_amount ?? null,
  };
  const line = {
    ...chargeMembers(charge),
    entity: entity && { dimension: entity.ref.dimension, value: entity.ref.value, name: entity.name },
    segment: lineSegment(hull(days) ?? segment),
    unit: measured.unit,
  };
  return pricedLine(context, { version: segment.version, segment }, line, basis);
}

function lineRounding({ metric, round }: Measure): UsageBasis['round'] {
  if (round === undefined || (metric !== 'bandwidth' && 'at' in round && round.at === 'bucket')) return null;
  return { to: round.to, mode: round.mode };
}
