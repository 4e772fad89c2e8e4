export type PreviewRefusalCode =
  | 'invalid_request'
  | 'subscription_outside_period'
  | 'usage_missing'
  | 'contradicting_usage'
  | 'wrong_grid'
  | 'preview_too_large'
  | 'inexact_result';

/** What is wrong at one place of a request. */
export interface PreviewFault {
  /** RFC 6901; '' is the request as a whole. */
  readonly pointer: string;
  readonly message: string;
  /** More exactly than the code of the refusal. */
  readonly code?: string;
}

/** Why a preview is not made. */
export interface PreviewRefusal {
  readonly outcome: 'refused';
  readonly code: PreviewRefusalCode;
  readonly message: string;
  readonly errors: readonly PreviewFault[];
}

/** Thrown inside a preview and turned into a refusal at its door; never leaves the room. */
export class PreviewRefused extends Error {
  constructor(
    readonly code: PreviewRefusalCode,
    message: string,
    readonly errors: readonly PreviewFault[],
  ) {
    super(message);
    this.name = 'PreviewRefused';
  }
}

/** A refusal with one fault. */
export function refused(code: PreviewRefusalCode, pointer: string, message: string): PreviewRefused {
  return new PreviewRefused(code, `${pointer} ${message}`, [{ pointer, message }]);
}
