import type { Interval } from '#calendar';
import type { ActiveEntity } from './measure-spec.js';
import { packedValues } from './packed-values.js';
import { activeIn, findSeries, indexOf } from './series.js';
import { type BucketSeries, type EntityRef, GRID_SECONDS, ownedBuckets } from './usage.js';

/**
 * The sites that lack a sample of one direction in their active time inside `over`: of those the hourly maxima are needed
 * to tell what was idle from what was lost. Throws `inconsistent_series`, `duplicate_series`.
 */
export function sitesShortOfSamples(of: {
  over: readonly Interval[];
  entities: readonly ActiveEntity[];
  usage: readonly BucketSeries[];
}): EntityRef[] {
  const index = indexOf(of.usage);
  const lacksOne = (series: BucketSeries, part: Interval) => {
    const { firstStart, count } = ownedBuckets(part, 'SLOT');
    const first = (firstStart - series.firstStart) / GRID_SECONDS.SLOT;
    const values = packedValues(series);
    for (let slot = first; slot < first + count; slot += 1) if (values.isGap(slot)) return true;
    return false;
  };
  return of.entities
    .filter((entity) => {
      const parts = of.over.flatMap((part) => activeIn(entity, part));
      return (['uplink_bandwidth', 'downlink_bandwidth'] as const).some((metric) => {
        const series = findSeries(index, entity.ref, metric, 'SLOT');
        return series !== undefined && parts.some((part) => lacksOne(series, part));
      });
    })
    .map(({ ref }) => ref);
}
