import type { Interval } from '#calendar';
import type { ActiveEntity } from './measure-spec.js';
import type { SeriesIndex } from './series.js';
import type { BucketSeries, Dimension, EntityRef, Metric } from './usage.js';

export type ControlCode =
  | 'unregistered_usage'
  | 'entities_exceed_account'
  | 'filter_suspect'
  | 'missing_buckets'
  | 'rates_disagree_with_bytes'
  | 'samples_exceed_bytes'
  | 'day_differs_from_hours';

/** Something that one series says about another. */
export interface ControlFinding {
  readonly code: ControlCode;
  /**
   * Whether the account may be billed all the same. `always`: the series contradict each other, so one of them is wrong.
   * `if_strict`: an open question about the vendor would explain it. `if_chosen`: for the seller to decide. `never`: to
   * be known.
   */
  readonly holds: 'always' | 'if_strict' | 'if_chosen' | 'never';
  /** Counts, metrics and stamps, never a subscriber's number. */
  readonly message: string;
}

export interface ControlledUsage {
  /** What is billed of the period: disjoint intervals in which a plan was in force. */
  readonly over: readonly Interval[];
  readonly account: EntityRef;
  /** Every registered entity, pulled or not, each once. */
  readonly entities: readonly ActiveEntity[];
  readonly usage: readonly BucketSeries[];
  /** Whether a site's rate is known to be that of all its subscribers; unknown, it may be the busiest one's. */
  readonly ratesAreOfAll: boolean;
  /** Whether filters are known to tell entities apart: then an entity that equals its account is alone in it. */
  readonly filtersWork: boolean;
  /** By how much a rate may have been rounded up, in Mbps; "0" where rates are not rounded. */
  readonly roundedByMbps: string;
  /** What charges measure, and per what. A gap in another metric, pulled as a control alone, leaves nothing unbilled. */
  readonly billed: ReadonlyMap<Metric, ReadonlySet<Dimension>>;
}

/** What every control reads. */
export interface Controlled extends ControlledUsage {
  readonly index: SeriesIndex;
}
