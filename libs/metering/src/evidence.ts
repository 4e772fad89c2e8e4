import { Ratio } from '#money';
import type { DayChart, RateChart } from './chart.js';
import type { BandwidthDirection, BandwidthMeasure, BytesDirection } from './measure-spec.js';
import type { EntityRef, Grid } from './usage.js';

/** Why a quantity could not be measured. A close holds the account; a preview refuses. */
export type UnmeasuredCode =
  | 'usage_missing'
  | 'missing_buckets'
  | 'grid_too_coarse'
  | 'no_entities'
  | 'no_samples'
  | 'samples_implausible'
  | 'coverage_too_low';

/** One quantity in base units (byte, second, Mbps), or the reason why there is none. */
export type MeasureOutcome = Measured | HeldMeasure;

export interface Measured {
  readonly outcome: 'measured';
  /** Exact. Only an average has a denominator other than 1: the number of samples. */
  readonly quantity: Ratio;
  readonly evidence: MeasureEvidence;
}

export interface HeldMeasure {
  readonly outcome: 'held';
  readonly code: UnmeasuredCode;
  /** For an operator; holds counts, metrics and stamps, never a subscriber's value. */
  readonly message: string;
}

/**
 * What an auditor needs to recompute a quantity from the pulled series. Plain JSON: strings, integers, null. Numbers are
 * decimal strings in base units, stamps RFC 3339 UTC.
 */
export type MeasureEvidence = SumEvidence | BandwidthEvidence;

interface CommonEvidence {
  /** The interval whose buckets were asked for, half-open. */
  over: { start: string; end: string };
  /** Entities with at least one bucket in the interval. */
  entities: number;
  /** Buckets that should have been reported, over all entities and the metrics the measure needs. */
  expected: number;
  received: number;
  /** `received ÷ expected`, cut at 6 decimals. */
  coverage: string;
  /** The raw answers behind the series, each once. */
  raw_sha256: string[];
  /** The measured quantity in base units. */
  quantity: { numerator: string; denominator: string };
}

/** Evidence of bytes or connected time: exact sums. */
export interface SumEvidence extends CommonEvidence {
  method: 'sum';
  metric: 'bytes' | 'time';
  direction: BytesDirection | null;
  /** Present when missing buckets were let count 0. */
  missing?: 'zero';
  /** The grid of every series; null when they differ or when nothing was active. */
  grid: Grid | null;
  /** After `round_at_bucket`, if any. Null: not needed and not at hand. */
  sums: { uplink: string | null; downlink: string | null; time: string | null };
  round_at_bucket: { bucket: 'hour' | 'day'; to_base: string; mode: 'up' | 'down' | 'half_up' } | null;
  /** Where a picture of the days was asked for. */
  days?: DayChart;
  /** What every direction would have given; null where its usage is not complete. Empty for time. */
  alternatives: Partial<Record<BytesDirection, string | null>>;
}

/** Evidence of a rate: the ranked sample, or the average. */
export interface BandwidthEvidence extends CommonEvidence {
  method: 'nearest_rank' | 'minimum' | 'maximum' | 'average';
  metric: 'bandwidth';
  aggregation: BandwidthMeasure['aggregation'];
  percentile: string | null;
  direction: BandwidthDirection;
  sites: BandwidthMeasure['sites'];
  missing: BandwidthMeasure['missing'];
  min_coverage: string;
  grid: 'SLOT';
  /** Slots that count 0 because the bytes of every site that did not report them are reported as 0. */
  proven_idle: number;
  /** What is known of the samples that are missing; null when none is. */
  unreported: UnreportedSamples | null;
  /** One when the sites are pooled, else one per site; their values add up to the quantity. */
  parts: BandwidthPart[];
  /** What every direction would have given, cut at 12 decimals where not finite; null where it would have been held. */
  alternatives: Record<BandwidthDirection, string | null>;
}

/**
 * The samples of the billed directions that are missing, one for each site, direction and slot, by what the controls say of
 * their hour: that is how much of the rate rests on what was not reported.
 */
export interface UnreportedSamples {
  missing: number;
  /** The bytes of the hour or day are reported as 0. */
  proven_idle: number;
  /** No sample of the hour was reported, and its MAX is 0. */
  quiet: number;
  /** The hour had traffic that its samples do not carry: billed only where an operator lets it pass. */
  lost: number;
  /** Nothing at all was reported of the hour. */
  unanswered: number;
  /** The hour had traffic, and nothing tells whether the slot had any. */
  unexplained: number;
  /** Nothing was at hand to hold them against. */
  uncontrolled: number;
  /** What an hour's samples were held against; null: nothing. */
  control: 'hour_maximum' | 'hour_bytes' | null;
  /** Hours that lack no sample: in so many MAX is their largest one, in so many it is another number. */
  whole_hours: { maximum_equal: number; maximum_differing: number };
  /** Starts of the hours that lost samples. */
  lost_hours: string[];
  /** What the rate would be if each unexplained sample were the highest that its hour allows; null where that is unknown. */
  at_most: string | null;
}

/** One ranking of the billed direction: of all sites together, or of one site. */
export interface BandwidthPart {
  /** The site; null when the sites are pooled. */
  entity: EntityRef | null;
  name: string | null;
  expected: number;
  received: number;
  proven_idle: number;
  /** Slots of the interval in which no site was active; they count as 0 when the sites are pooled. */
  unserved: number;
  coverage: string;
  billed: RankedSamples;
  /** The direction that was not greater, for `greater_of_percentiles`. */
  lesser: RankedSamples | null;
  /** Where a picture of the samples of `billed` was asked for. */
  chart?: RateChart;
}

/** One population of samples in ascending order (equal values in time order) and what was taken from it. */
export interface RankedSamples {
  /** What a sample is: one direction of the slot, the greater of both, or both added. */
  of: 'uplink' | 'downlink' | 'greater' | 'sum';
  /** Samples counted. */
  n: number;
  /** Rank of the decisive sample, from 1; null for an average. */
  k: number | null;
  /** `n − k`, the samples above the decisive one; null for an average. */
  discarded: number | null;
  /** Mbps; exact, or for an average cut at 12 decimals. */
  value: string;
  /** Exact sum of the samples; for an average only. */
  sum: string | null;
  /** The decisive sample; null for an average. */
  sample: DecisiveSample | null;
}

/** The slot whose value is billed, with both directions of that slot as they were reported (added over its sites). */
export interface DecisiveSample {
  start: string;
  value: string;
  uplink: string | null;
  downlink: string | null;
  /** False when no site reported the slot and it counts as 0, or when no site was active. */
  reported: boolean;
}

/** The share of the expected buckets that was reported, cut at 6 decimals. Nothing expected is all there. */
export function coverageText(received: number, expected: number): string {
  return expected === 0 ? '1' : Ratio.of(received, expected).toTruncated(6);
}
