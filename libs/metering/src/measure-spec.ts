import type { EpochSeconds, Interval } from '#calendar';
import type { Decimal } from '#money';
import type { EntityRef } from './usage.js';

/** One metered thing and when it was registered as active. A bucket outside `active` is not this account's usage. */
export interface ActiveEntity {
  readonly ref: EntityRef;
  readonly name: string | null;
  /** Half-open; may overlap, may reach beyond what is measured. */
  readonly active: readonly Interval[];
}

/** Which bytes count: one direction, both added, or the greater of the two sums. */
export type BytesDirection = 'uplink' | 'downlink' | 'total' | 'greater';

/**
 * Which rate is billed: one direction; the greater of the two aggregated directions; or the aggregate of each slot's
 * greater direction or of each slot's sum. The words say percentile; an average, minimum or maximum follows the same rule.
 */
export type BandwidthDirection =
  'uplink' | 'downlink' | 'greater_of_percentiles' | 'percentile_of_greater' | 'percentile_of_sum';

/** Rounding of every bucket of every entity before the sum. Buckets are those of the UTC grid. */
export interface BucketRounding {
  readonly bucket: 'hour' | 'day';
  /** Rounds to a multiple of this many base units; above 0. */
  readonly to_base: Decimal;
  readonly mode: 'up' | 'down' | 'half_up';
}

/** A bucket of a sum that the API did not report holds, unless an operator has decided to let it count 0. */
export type MissingBuckets = 'hold' | 'zero';

export interface BytesMeasure {
  readonly metric: 'bytes';
  readonly direction: BytesDirection;
  /** Where its days begin, in order, if a picture of them is to be drawn. */
  readonly days?: readonly EpochSeconds[] | undefined;
  readonly round_at_bucket?: BucketRounding | undefined;
  readonly missing?: MissingBuckets | undefined;
}

export interface TimeMeasure {
  readonly metric: 'time';
  readonly round_at_bucket?: BucketRounding | undefined;
  readonly missing?: MissingBuckets | undefined;
}

export interface BandwidthMeasure {
  readonly metric: 'bandwidth';
  readonly aggregation: 'percentile' | 'average' | 'minimum' | 'maximum';
  /** Above 0, at most 100, as plain decimal text ("95", "99.9"); required by the percentile, unused otherwise. */
  readonly percentile?: string | undefined;
  readonly direction: BandwidthDirection;
  /** `pooled`: sites are added slot by slot, then aggregated. `each_then_sum`: aggregated site by site, then added. */
  readonly sites: 'pooled' | 'each_then_sum';
  /**
   * `zero`: a site's missing sample adds 0 to its slot. `exclude` leaves out, and `hold` holds for, a slot in which any active
   * site has none, unless the bytes of the site's hour or day are reported as 0: then it adds 0 and the slot is there.
   */
  readonly missing: 'zero' | 'exclude' | 'hold';
  /** Share of the expected slots that must have been reported, 0 to 1, as plain decimal text. */
  readonly min_coverage: string;
  /** Of so many parts a picture is to be drawn, if it is a percentile. */
  readonly charts?: number | undefined;
  /** An operator's decisions: a site without any sample counts 0; samples that were lost are missing like any others. */
  readonly waived?: ReadonlySet<'no_samples' | 'samples_implausible'> | undefined;
}

/** How buckets become one quantity, in the words of a tariff plan. */
export type MeasureSpec = BytesMeasure | TimeMeasure | BandwidthMeasure;
