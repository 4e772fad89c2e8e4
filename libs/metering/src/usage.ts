import type { EpochSeconds, Interval } from '#calendar';

/** What the report API counts or measures, by its own names. Units: byte, second, Mbps. */
export type Metric =
  'uplink_bytes' | 'downlink_bytes' | 'time_usage_seconds' | 'uplink_bandwidth' | 'downlink_bandwidth' | ControlMetric;

/**
 * What is pulled by hour of a site that lacks 5-minute samples, to tell what was idle from what was lost. Never billed: the
 * highest sample of the hour in Mbps, and its bytes where those that are billed come by day.
 */
export type ControlMetric =
  'uplink_bandwidth_max' | 'downlink_bandwidth_max' | 'uplink_bytes_by_hour' | 'downlink_bytes_by_hour';

/** What is metered inside an account, or the account itself. */
export type Dimension = 'account' | 'customer_site_id' | 'msisdn' | 'imsi';

/** One metered thing. The account's own value is its upstream account id. Values are opaque: leading zeros are kept. */
export interface EntityRef {
  readonly dimension: Dimension;
  readonly value: string;
}

/** Bucket widths: a UTC day, a UTC hour, a 5-minute slot. */
export type Grid = 'DAY' | 'HOUR' | 'SLOT';

/** Seconds of one bucket. */
export const GRID_SECONDS: Readonly<Record<Grid, number>> = { DAY: 86_400, HOUR: 3_600, SLOT: 300 };

/**
 * One metric of one entity over every bucket that an interval owns: the buckets whose start lies in `[start, end)`.
 * `values[i]` is the number's exact text for the bucket that starts at `firstStart + i × width`; a gap is null.
 */
export interface BucketSeries {
  readonly entity: EntityRef;
  readonly metric: Metric;
  readonly grid: Grid;
  /** The interval whose buckets these are. */
  readonly owned: Interval;
  /** Start of the first owned bucket. */
  readonly firstStart: EpochSeconds;
  readonly values: readonly (string | null)[];
  /** sha256 of the raw answers the values came from, when they were pulled. */
  readonly rawSha256?: string;
}

/** The buckets an interval owns on a grid: ownership goes by the bucket's start, half-open. */
export function ownedBuckets(owned: Interval, grid: Grid): { firstStart: EpochSeconds; count: number } {
  const width = GRID_SECONDS[grid];
  const firstStart = Math.ceil(owned.start / width) * width;
  return { firstStart, count: Math.max(0, Math.ceil(owned.end / width) - Math.ceil(owned.start / width)) };
}

/** A stable text key of an entity, for maps and logs of tests; never shown to a customer. */
export function entityKey(entity: EntityRef): string {
  return `${entity.dimension}:${entity.value}`;
}
