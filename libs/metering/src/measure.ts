import type { Interval } from '#calendar';
import { measureBandwidth } from './bandwidth-measure.js';
import type { MeasureOutcome } from './evidence.js';
import type { ActiveEntity, MeasureSpec } from './measure-spec.js';
import { measureSum } from './sum-measure.js';
import type { BucketSeries } from './usage.js';

/**
 * One quantity in base units (byte, second, Mbps) from the buckets that start inside `over` while an entity was active,
 * with the evidence to recompute it; or the reason why it must not be billed yet.
 *
 * `usage` may hold more than is needed: other entities, metrics and grids, longer windows. Usage that is missing is a
 * `held` value. A broken contract throws MeteringError: `inconsistent_series`, `duplicate_series`, `duplicate_entity`,
 * `bad_value`, `bad_measure`.
 */
export function measure(
  spec: MeasureSpec,
  over: Interval,
  entities: readonly ActiveEntity[],
  usage: readonly BucketSeries[],
): MeasureOutcome {
  return spec.metric === 'bandwidth'
    ? measureBandwidth(spec, over, entities, usage)
    : measureSum(spec, over, entities, usage);
}
