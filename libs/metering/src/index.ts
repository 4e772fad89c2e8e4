export {
  type BucketSeries,
  type ControlMetric,
  type Dimension,
  type EntityRef,
  entityKey,
  type Grid,
  GRID_SECONDS,
  type Metric,
  ownedBuckets,
} from './usage.js';
export { type Unit, unitFactor, UNITS } from './units.js';
export type {
  ActiveEntity,
  BandwidthDirection,
  BandwidthMeasure,
  BucketRounding,
  BytesDirection,
  BytesMeasure,
  MeasureSpec,
  TimeMeasure,
} from './measure-spec.js';
export type {
  BandwidthEvidence,
  BandwidthPart,
  DecisiveSample,
  HeldMeasure,
  UnmeasuredCode,
  Measured,
  MeasureEvidence,
  MeasureOutcome,
  RankedSamples,
  SumEvidence,
  UnreportedSamples,
} from './evidence.js';
export { chartRanks, type DayChart, type RateChart, unpackChart } from './chart.js';
export { measure } from './measure.js';
export type { ControlCode, ControlFinding, ControlledUsage } from './controlled-usage.js';
export { controlUsage } from './controls.js';
export { sitesShortOfSamples } from './short-of-samples.js';
export { ExactSum, sumOfValues } from './exact-sum.js';
export { NumberReader } from './number-reader.js';
export { packedSeries, PackedValues, packedValues, relabelled, textOf } from './packed-values.js';
export { nearest } from './approximation.js';
export { nearestRank } from './rank.js';
export { MeteringError } from './metering-error.js';
