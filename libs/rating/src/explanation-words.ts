import type { BandwidthEvidence, UnreportedSamples } from '#metering';

/** How a rate was found: which sample of all was billed. */
export type Level = Pick<BandwidthEvidence, 'aggregation' | 'percentile'>;

/** What is known of samples that were not reported. */
export type SampleFate = Extract<
  keyof UnreportedSamples,
  'proven_idle' | 'quiet' | 'lost' | 'unanswered' | 'unexplained'
>;

/**
 * All that derivations say, by code; a language has one of these. Numbers come in as the language writes them (`figure`),
 * quantities with their units. What goes by the number of things is handed the plain decimal too.
 */
export interface ExplanationWords {
  /** A plain decimal as the language writes it. */
  figure(decimal: string): string;
  percent(figure: string): string;
  /** Between the parts of a sentence, and before what was announced. */
  readonly comma: string;
  readonly colon: string;
  /** The unit of a quantity of time. */
  timeUnit(unit: 'second' | 'minute' | 'hour' | 'day', quantity: string): string;
  /** What fees are counted by, of so many. */
  countedThings(dimension: 'customer_site_id' | 'msisdn' | 'imsi', count: string): string;
  readonly unknown: string;
  greaterOf(uplink: string, downlink: string): string;
  level(level: Level): string;
  /** The sum of the level of each of so many sites. */
  sumOfLevels(level: Level, sites: string): string;
  /** The level of so many slots of 5 minutes. */
  ofSlots(level: string, slots: string): string;
  /** A site without a name. */
  readonly aSite: string;
  rank(rank: string): string;
  at(value: string, stamp: string): string;
  discarded(samples: string): string;
  coverage(percent: string): string;
  samplesNotReported(samples: string): string;
  readonly fates: Readonly<Record<SampleFate, (samples: string) => string>>;
  rounded(before: string, after: string): string;
  inForce(part: string, whole: string, unit: 'second' | 'day'): string;
  included(quantity: string): string;
  includedOf(quantity: string, allowance: string): string;
  committed(quantity: string): string;
  aboveCommit(quantity: string): string;
  flat(amount: string): string;
  feeOfTier(tier: string): string;
  upTo(quantity: string): string;
  above(quantity: string): string;
  raisedTo(minimum: string): string;
  loweredTo(maximum: string): string;
  discountOf(discount: string, remaining: string): string;
  /** What of a discount or a true-up falls on the line's tax category. */
  readonly taxPart: string;
  minimum(amounts: string): string;
  spent(amount: string): string;
  paidAhead(amount: string): string;
}
