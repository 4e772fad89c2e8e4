export type ReportApiErrorCode =
  | 'report_api_unavailable'
  | 'report_api_timeout'
  | 'report_api_rate_limited'
  | 'report_api_untrusted'
  | 'report_api_address_refused'
  | 'pull_aborted'
  | 'client_closed'
  | 'invalid_configuration'
  | 'invalid_request';

const RETRYABLE: ReadonlySet<ReportApiErrorCode> = new Set([
  'report_api_unavailable',
  'report_api_timeout',
  'report_api_rate_limited',
  'pull_aborted',
]);

/**
 * Thrown when no answer could be had (after the client's own retries), or when the client was misused. What the API
 * did answer, however wrong, is never thrown but returned as a `Refusal`.
 *
 * It carries no `cause`: transport errors may quote the request line, and the request line may hold the API key.
 * `transportCode` keeps what is useful of them, such as `ECONNREFUSED`.
 */
export class ReportApiError extends Error {
  readonly retryable: boolean;
  readonly transportCode?: string;
  /** How long the API asked to be left alone, when it said so. */
  readonly retryAfterSeconds?: number;

  constructor(
    readonly code: ReportApiErrorCode,
    message: string,
    details: { transportCode?: string | undefined; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message);
    this.name = 'ReportApiError';
    this.retryable = RETRYABLE.has(code);
    if (details.transportCode !== undefined) this.transportCode = details.transportCode;
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds;
  }
}
