import { createHash } from 'node:crypto';
import type { ReportTraits } from '#billing';
import { canonicalJson } from '#canonical-json';
import type { Interval } from '#calendar';
import type { ControlMetric, EntityRef, ExactSum, Grid, Metric } from '#metering';
import type { z } from 'zod';
import type { Probing } from './probe.js';
import type { PullWarning } from './refusal.js';
import type { KeyPlace } from './sealed-key.js';

/** A metric that report APIs have a name for. */
export type ReportMetric = Exclude<Metric, ControlMetric>;
/** `none`: the single samples, which the API has not aggregated. */
export type Aggregation = 'none' | 'COUNT' | 'AVG' | 'MIN' | 'MAX';

export interface SeriesAsked {
  readonly metric: ReportMetric;
  readonly aggregation: Aggregation;
}

/** What is asked for, before it is a request in any dialect. */
export interface Question {
  readonly account: string;
  readonly entity: EntityRef;
  readonly series: readonly SeriesAsked[];
  /** Absent: the last five minutes. */
  readonly of?: { readonly grid: Grid; readonly range: Interval };
}

/** What stands in a dialect's settings whatever the dialect. */
export interface DialectSettings {
  readonly name: string;
  /** Turns warnings about what the vendor left open into holds. */
  readonly strict: boolean;
}

/** A request as a dialect writes it, below its path and without the key. `query` stands behind the question mark. */
export type WrittenRequest =
  { readonly method: 'POST'; readonly body: string } | { readonly method: 'GET'; readonly query: string };

/** The items of one answer as columns, in the order they came; what they say is not yet believed. */
export interface ReportItems {
  readonly count: number;
  /** Of each item, the position of its series in the question. */
  readonly series: ArrayLike<number>;
  /** The label of each item as an instant, in seconds. */
  readonly stamps: ArrayLike<number>;
  /** The value of each item, digit for digit, in the unit of the API. */
  readonly values: readonly string[] | WrittenValues;
  readonly warnings: readonly PullWarning[];
  /** Whether the API sorts the items of a series by value; that it did not is a warning. */
  readonly byValue: boolean;
}

/** Values where they stand in an answer: of most of them no text of their own is ever needed. */
export interface WrittenValues {
  readonly bytes: Uint8Array;
  /** Where each value begins and ends in `bytes`. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** The double nearest to each value: to tell what is far apart. */
  readonly doubles: Float64Array;
  /** The exact sum of the values of each series of the question, as they were read. */
  readonly sums: readonly ExactSum[];
}

/** The last five minutes as they were answered. */
export interface LiveItems {
  readonly window: Interval;
  /** For each series of the question its value, in the unit of the API. */
  readonly values: readonly string[];
  readonly warnings: readonly PullWarning[];
}

/** A dialect with its settings: all that the client asks of it. */
export interface SpokenDialect {
  /** Explicit to the last member. */
  readonly settings: DialectSettings;
  /** sha256 (hex) of the settings in canonical form. It goes onto the invoice. */
  readonly sha256: string;
  readonly traits: ReportTraits;
  /** Below the base URL. */
  readonly path: string;
  readonly key: KeyPlace;
  readonly bodyLimitBytes: number;
  /** Longest range of one request, in days of owned buckets; the margin comes on top. */
  readonly longestRangeDays: Readonly<Record<Grid, number>>;
  readonly rates: {
    /** How far the decimal point of a rate moves left to give Mbps. */
    readonly power: 0 | 3 | 6;
    /** A rate above it is refused: it is a wrong unit, not traffic. */
    readonly lineRateMbps: number;
    /** What to do about rates that look rounded and are not known to be. */
    readonly ifRounded: string;
  };
  /**
   * A question as a request; a body is JSON.
   *
   * @throws RuleBroken `entity_not_askable`, `filter_logic_or`: nothing may be asked
   */
  request(question: Question): WrittenRequest;
  /**
   * Reads an answer of buckets and sees that it is one to this question: its form, what it says it is for, its series.
   *
   * @throws RuleBroken at the first rule that does not hold
   */
  read(body: Buffer, question: Question): ReportItems;
  /** The same of the last five minutes. */
  readLive(body: Buffer, question: Question): LiveItems;
}

/** One way in which a report API is asked and answers: a folder of `dialects/`, and a row in `dialects.ts`. */
export interface Dialect {
  readonly name: string;
  /** Complete settings of what is stored, which may be partial: members that are left out have defaults. */
  readonly settings: z.ZodType<DialectSettings>;
  /** @throws ZodError when the stored settings are none of this dialect */
  speak(stored: unknown): SpokenDialect;
  /** Finds out by asking what the API's documentation leaves open; absent where it leaves nothing open. */
  readonly probe?: Probing;
}

/** What a folder declares of its dialect; the rest follows from its settings. */
export interface DialectDeclaration<Settings extends DialectSettings> {
  readonly name: string;
  readonly settings: z.ZodType<Settings>;
  readonly speak: (settings: Settings) => Omit<SpokenDialect, 'settings' | 'sha256'>;
  readonly probe?: Probing;
}

export function defineDialect<Settings extends DialectSettings>({
  speak,
  ...declared
}: DialectDeclaration<Settings>): Dialect {
  return {
    ...declared,
    speak(stored) {
      const settings = declared.settings.parse(stored);
      return { ...speak(settings), settings, sha256: sha256Of(settings) };
    },
  };
}

/** Of the canonical form, so that the order in which members were written is no matter. */
function sha256Of(settings: DialectSettings): string {
  return createHash('sha256').update(canonicalJson(settings)).digest('hex');
}
