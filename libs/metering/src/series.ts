import { type Interval, overlap } from '#calendar';
import type { ActiveEntity } from './measure-spec.js';
import { MeteringError } from './metering-error.js';
import { countOfValues } from './packed-values.js';
import {
  type BucketSeries,
  entityKey,
  type EntityRef,
  type Grid,
  GRID_SECONDS,
  type Metric,
  ownedBuckets,
} from './usage.js';

/** Series by entity, metric and grid. */
export type SeriesIndex = ReadonlyMap<string, BucketSeries>;

// A charge per subscriber measures the same thousands of series once per subscriber; they are indexed once.
const indexes = new WeakMap<readonly BucketSeries[], { length: number; index: SeriesIndex }>();

/** Throws `duplicate_series` and `inconsistent_series`. */
export function indexOf(usage: readonly BucketSeries[]): SeriesIndex {
  const known = indexes.get(usage);
  if (known?.length === usage.length) return known.index;
  const index = new Map<string, BucketSeries>();
  for (const series of usage) {
    const key = seriesKey(series.entity, series.metric, series.grid);
    if (index.has(key)) {
      throw new MeteringError('duplicate_series', `two ${series.grid} series of ${series.metric} for one entity`);
    }
    index.set(key, consistent(series));
  }
  indexes.set(usage, { length: usage.length, index });
  return index;
}

export function findSeries(
  index: SeriesIndex,
  entity: EntityRef,
  metric: Metric,
  grid: Grid,
): BucketSeries | undefined {
  return index.get(seriesKey(entity, metric, grid));
}

/** The entity's active time inside `over`: disjoint, ascending. */
export function activeIn(entity: ActiveEntity, over: Interval): Interval[] {
  const clipped = entity.active
    .map((interval) => overlap(interval, over))
    .filter((interval) => interval !== undefined)
    .sort((a, b) => a.start - b.start);
  const merged: { start: number; end: number }[] = [];
  for (const interval of clipped) {
    const last = merged.at(-1);
    if (last && interval.start <= last.end) last.end = Math.max(last.end, interval.end);
    else merged.push({ ...interval });
  }
  return merged;
}

/** Refuses an entity that is listed twice: its usage would be counted twice. Throws `duplicate_entity`. */
export function distinct(entities: readonly ActiveEntity[]): readonly ActiveEntity[] {
  if (new Set(entities.map((entity) => entityKey(entity.ref))).size !== entities.length) {
    throw new MeteringError('duplicate_entity', 'an entity is listed twice in one measure; list it once');
  }
  return entities;
}

/** The raw answers behind some series, each once, in order. */
export function rawHashes(series: readonly BucketSeries[]): string[] {
  return [...new Set(series.map((one) => one.rawSha256).filter((hash) => hash !== undefined))];
}

function seriesKey(entity: EntityRef, metric: Metric, grid: Grid): string {
  return `${grid} ${metric} ${entityKey(entity)}`;
}

function consistent(series: BucketSeries): BucketSeries {
  const { firstStart, count } = ownedBuckets(series.owned, series.grid);
  const carried = countOfValues(series);
  if (carried !== count || (count > 0 && series.firstStart !== firstStart)) {
    const width = GRID_SECONDS[series.grid];
    throw new MeteringError(
      'inconsistent_series',
      `a ${series.grid} series of ${series.metric} owns ${count} buckets of ${width} s but carries ${carried}` +
        ', or starts elsewhere than its first owned bucket',
    );
  }
  return series;
}
