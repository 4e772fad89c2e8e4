import type { EpochSeconds, Interval } from '#calendar';
import type { BucketSeries, EntityRef } from '#metering';
import type { SeriesTally } from './buckets.js';
import type { PullWarning, RawAnswers, Refusal } from './refusal.js';

/** What is pulled together: both directions of a metric, or connected time; of rates the samples, or each hour's MAX. */
export type UsageFamily = 'bytes' | 'time' | 'bandwidth' | 'bandwidth_max';

/**
 * The whole of what one entity used over an interval. Bytes and time come by day or hour, bandwidth by 5-minute slot, and its
 * MAX by hour.
 */
export type UsageRequest = {
  /** The account's id upstream. */
  readonly account: string;
  readonly entity: EntityRef;
  /** The interval whose buckets are wanted: those that start in it. */
  readonly owned: Interval;
  readonly now: EpochSeconds;
  /** Subscribers behind the entity, where known: no more than this many seconds can pass in one. 1 for a subscriber. */
  readonly subscribers?: number;
  /** Hand back the answers themselves, too. They come by themselves when buckets are missing. */
  readonly keepRaw?: boolean;
  readonly signal?: AbortSignal;
} & (
  | { readonly family: 'bytes' | 'time'; readonly grid: 'DAY' | 'HOUR' }
  | { readonly family: 'bandwidth'; readonly grid: 'SLOT' }
  | { readonly family: 'bandwidth_max'; readonly grid: 'HOUR' }
);

/** An answer that stood every check. `gaps` says that buckets are missing: whether that matters is metering's to say. */
export interface PulledUsage {
  readonly outcome: 'complete' | 'gaps';
  /** Uplink then downlink, or connected time alone. Maxima are series of their own metrics. */
  readonly series: readonly BucketSeries[];
  /** For each series, what was answered and what of it belongs to other periods. */
  readonly tallies: readonly SeriesTally[];
  /** Buckets each series should have. */
  readonly expectedBuckets: number;
  /** Buckets that are missing, over all series. Per series they are the nulls among its values. */
  readonly missingBuckets: number;
  /** Buckets that had not ended at `now`: what they hold is partial, or missing. */
  readonly openBuckets: number;
  readonly warnings: readonly PullWarning[];
  readonly raw: RawAnswers;
  /** Requests sent, retries included. */
  readonly requests: number;
}

export type UsageAnswer = PulledUsage | Refusal;

/**
 * Where usage comes from. What pulls a period knows this and nothing of HTTP nor of the dialect that is spoken.
 * Contradictory answers are values. Throws `ReportApiError` when no answer could be had.
 */
export interface UsageConnector {
  fetchUsage(request: UsageRequest): Promise<UsageAnswer>;
}

/** The bandwidth of the last five minutes, for display. It has no buckets and no owner: it cannot be billed. */
export interface LiveBandwidth {
  readonly outcome: 'live';
  readonly entity: EntityRef;
  readonly aggregation: 'AVG' | 'MIN' | 'MAX';
  /** The five minutes, off the grid. */
  readonly window: Interval;
  readonly uplinkMbps: string;
  readonly downlinkMbps: string;
  readonly warnings: readonly PullWarning[];
  readonly requests: number;
}

export interface LiveRequest {
  readonly account: string;
  readonly entity: EntityRef;
  readonly aggregation: 'AVG' | 'MIN' | 'MAX';
  readonly now: EpochSeconds;
  readonly signal?: AbortSignal;
}

/** Rates of one direction in one hour, in Mbps. */
export interface HourRates {
  readonly average: string | null;
  readonly minimum: string | null;
  readonly maximum: string | null;
}

/** Bandwidth by hour, for display. It has no 5-minute samples: it cannot be billed. */
export interface BandwidthHours {
  readonly outcome: 'hours';
  readonly entity: EntityRef;
  readonly owned: Interval;
  readonly hours: readonly { readonly start: EpochSeconds; readonly uplink: HourRates; readonly downlink: HourRates }[];
  readonly warnings: readonly PullWarning[];
  readonly raw: RawAnswers;
  readonly requests: number;
}

export interface HoursRequest {
  readonly account: string;
  readonly entity: EntityRef;
  readonly owned: Interval;
  readonly now: EpochSeconds;
  readonly signal?: AbortSignal;
}

/** A connector that also answers what is for the eye. */
export interface ReportClient extends UsageConnector {
  /** The last five minutes of a site, IMSI or MSISDN. */
  fetchNow(request: LiveRequest): Promise<LiveBandwidth | Refusal>;
  /** AVG, MIN and MAX of every hour that starts in the interval. */
  fetchBandwidthHours(request: HoursRequest): Promise<BandwidthHours | Refusal>;
  /** Closes the connections, unless they were handed in. */
  close(): Promise<void>;
}
