export {
  type BucketSeries,
  type Dimension,
  type EntityRef,
  entityKey,
  type Grid,
  GRID_SECONDS,
  type Metric,
  ownedBuckets,
} from './usage.js';
