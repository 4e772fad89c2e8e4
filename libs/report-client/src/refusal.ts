/** Why an answer was not believed. Listed in the order in which the rules are applied. */
export type RefusalCode =
  // Nothing was asked: the entity cannot stand in a filter, or a filter does nothing.
  | 'entity_not_askable'
  | 'filter_logic_or'
  // The API's own refusals.
  | 'api_key_refused'
  | 'account_forbidden'
  | 'redirect_refused'
  | 'unexpected_status'
  // 1: one JSON value of bounded size, and nothing after it.
  | 'not_json_content'
  | 'unsupported_encoding'
  | 'body_too_large'
  | 'malformed_json'
  | 'duplicate_json_key'
  // The schema.
  | 'schema_mismatch'
  | 'value_not_a_number'
  | 'value_negative'
  | 'value_out_of_range'
  // 2: the echo of every filter.
  | 'echo_missing'
  | 'echo_mismatch'
  | 'echo_unexpected'
  // 3: the set of (metric, aggregation).
  | 'series_set_differs'
  // 4: stamps.
  | 'offset_differs'
  | 'off_grid'
  | 'beyond_margin'
  // 5: one value for one bucket.
  | 'duplicate_bucket_differs'
  // 7: bounds.
  | 'time_exceeds_bucket'
  | 'rate_exceeds_line_rate'
  | 'min_avg_max_disordered';

export type WarningCode =
  | 'echo_type_differs'
  | 'account_id_form_unusual'
  | 'duplicate_bucket'
  | 'percentile_not_ascending'
  | 'rates_look_rounded'
  | 'range_not_ended'
  | 'now_window_unexpected'
  | 'now_clock_differs';

/** Something an operator should know and nothing is stopped for. */
export interface PullWarning {
  readonly code: WarningCode;
  readonly message: string;
}

/** How the answers to one pull can be recognised later, and what they were asked by. */
export interface RawAnswers {
  /** sha256 of the one answer, or of the answers' hex digests in time order, one a line, when there were several. */
  readonly sha256: string;
  /** Bytes of all answers together, after transfer decoding. */
  readonly bytes: number;
  /** The same of the requests: path and body, without the key. */
  readonly requestSha256: string;
  /** Each answer in time order. */
  readonly answers: readonly RawAnswer[];
  /** The answers themselves, the API key blotted out: when asked for by `keepRaw`, and when buckets are missing. */
  readonly bodies?: readonly Buffer[];
}

export interface RawAnswer {
  readonly sha256: string;
  readonly bytes: number;
  readonly requestSha256: string;
}

/**
 * An answer that may not be billed. `refused`: it contradicts the request or itself; `stopped`: the API turns the key
 * away, so nothing more should be asked for this account. Neither is cured by asking again at once.
 */
export interface Refusal {
  readonly outcome: 'refused' | 'stopped';
  readonly code: RefusalCode;
  readonly message: string;
  /** Status of the answer; absent when nothing was asked. */
  readonly status?: number;
  /** The answer as evidence, the API key blotted out. Holds customer data. */
  readonly rawBody?: Buffer;
  /** Hash and length of the answer as it came. */
  readonly raw?: RawAnswer;
  /** Requests sent for this pull, retries included. */
  readonly requests: number;
}

/** Thrown inside the room by the rules and turned into a `Refusal` where the answer was read; never leaves it. */
export class RuleBroken extends Error {
  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly outcome: Refusal['outcome'] = 'refused',
  ) {
    super(message);
    this.name = 'RuleBroken';
  }
}
