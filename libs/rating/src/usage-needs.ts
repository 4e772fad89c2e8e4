import type { BillingPeriod, EpochSeconds } from '#calendar';
import {
  type BucketSeries,
  type ControlMetric,
  type EntityRef,
  entityKey,
  type Grid,
  GRID_SECONDS,
  type Metric,
  sitesShortOfSamples,
} from '#metering';
import { activeEntities, type KnownEntity, knownEntities, type RegisteredEntity } from './entities.js';
import type { RatingSegment } from './segment.js';
import { daysWithin } from './span.js';
import type { UsageCharge } from './tariff-plan.js';
import { meteredOf } from './usage-lines.js';

/** What the report API answers together: both directions of bytes, connected time, both directions of bandwidth or its MAX. */
export type UsageFamily = 'bytes' | 'time' | 'bandwidth' | 'bandwidth_max';

/** One pull: one family of one entity over the whole period. */
export interface UsagePull {
  entity: EntityRef;
  family: UsageFamily;
  metrics: readonly Metric[];
  grid: Grid;
}

/** What must be pulled before an account's period can be rated. */
export interface UsageNeeds {
  /** The grid of every pull of bytes and time. */
  grid: 'DAY' | 'HOUR';
  pulls: UsagePull[];
}

/** The metrics that a family consists of. */
export const METRICS: Readonly<Record<UsageFamily, readonly Metric[]>> = {
  bytes: ['uplink_bytes', 'downlink_bytes'],
  time: ['time_usage_seconds'],
  bandwidth: ['uplink_bandwidth', 'downlink_bandwidth'],
  bandwidth_max: ['uplink_bandwidth_max', 'downlink_bandwidth_max'],
};

/** What is pulled of an entity for a charge by this metric. */
const FAMILIES: Readonly<Record<UsageCharge['measure']['metric'], readonly UsageFamily[]>> = {
  bytes: ['bytes'],
  time: ['time'],
  bandwidth: ['bandwidth', 'bytes', 'time'],
};

/**
 * What the charges of some segments need: one pull per entity and family, and the account's own series of each family of
 * sums as a control. Rates bring the bytes and the connected time of their sites along, without which a wrong unit would
 * be billed as it comes. Days suffice when every edge is a UTC midnight and no charge counts by the hour.
 */
export function usageNeeds(of: {
  period: BillingPeriod;
  segments: readonly RatingSegment[];
  entities: readonly RegisteredEntity[];
  account: EntityRef;
}): UsageNeeds {
  const { period, segments, account } = of;
  const entities = knownEntities(of.entities);
  const needed = new Map<string, { entity: EntityRef; family: UsageFamily }>();
  const need = (entity: EntityRef, family: UsageFamily) =>
    needed.set(`${family} ${entityKey(entity)}`, { entity, family });
  let byHour = !startsUtcDay(period.start) || !startsUtcDay(period.end);
  for (const segment of segments) {
    for (const charge of segment.version.plan.charges) {
      if (charge.type !== 'usage') continue;
      byHour ||= countsByHour(charge);
      const metered = meteredOf({ account, entities, timeZone: period.timeZone }, segment, charge);
      for (const { ref } of metered.flatMap(({ sources }) => sources)) {
        for (const family of FAMILIES[charge.measure.metric]) {
          need(ref, family);
          if (family !== 'bandwidth') need(account, family);
        }
      }
      // What unregistered entities used is still the account's.
      const { metric } = charge.measure;
      if (metric !== 'bandwidth') need(account, metric);
    }
  }
  const summed = [...needed.values()].filter(({ family }) => family !== 'bandwidth');
  const refs = new Set(summed.map(({ entity }) => entityKey(entity)));
  const cuts = [...segments, ...daysOf(entities, refs, period)].flatMap(({ start, end }) => [start, end]);
  const grid = byHour || !cuts.every(startsUtcDay) ? 'HOUR' : 'DAY';
  return {
    grid,
    pulls: [...needed.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { entity, family }]) => ({
        entity,
        family,
        metrics: METRICS[family],
        grid: family === 'bandwidth' ? 'SLOT' : grid,
      })),
  };
}

/**
 * What else must be pulled once samples turn out to be missing: of each site that lacks one the MAX of every hour, and its
 * bytes by hour where they were pulled by day. Both under names of their own, for neither is billed.
 *
 * @param of.until instants from here on have not been, so nothing is missing there
 */
export function sampleControls(of: {
  period: BillingPeriod;
  segments: readonly RatingSegment[];
  entities: readonly RegisteredEntity[];
  grid: UsageNeeds['grid'];
  usage: readonly BucketSeries[];
  until: EpochSeconds;
}): UsagePull[] {
  const { period, segments, grid, usage } = of;
  // An hour that has not ended says nothing yet.
  const until = Math.floor(of.until / GRID_SECONDS.HOUR) * GRID_SECONDS.HOUR;
  const over = segments
    .map(({ start, end }) => ({ start, end: Math.min(end, until) }))
    .filter(({ start, end }) => start < end);
  const entities = activeEntities(period, of.entities, period.timeZone);
  return sitesShortOfSamples({ over, entities, usage }).flatMap((entity): UsagePull[] => [
    { entity, family: 'bandwidth_max', metrics: METRICS.bandwidth_max, grid: 'HOUR' },
    ...(grid === 'DAY' ? [{ entity, family: 'bytes' as const, metrics: BYTES_BY_HOUR, grid: 'HOUR' as const }] : []),
  ]);
}

const BYTES_BY_HOUR: readonly ControlMetric[] = ['uplink_bytes_by_hour', 'downlink_bytes_by_hour'];

function countsByHour({ measure }: UsageCharge): boolean {
  return measure.metric === 'bandwidth' ? measure.missing === 'hold' : measure.bucket === 'hour';
}

function daysOf(entities: readonly KnownEntity[], refs: ReadonlySet<string>, period: BillingPeriod) {
  return entities
    .filter(({ ref }) => refs.has(entityKey(ref)))
    .flatMap(({ ranges }) => daysWithin(period, ranges, period.timeZone));
}

function startsUtcDay(instant: number): boolean {
  return instant % GRID_SECONDS.DAY === 0;
}
