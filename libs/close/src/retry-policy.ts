/** Whether a worker may try the same work again: what says it cannot help is believed, anything unknown may try. */
export function isRetryable(error: unknown): boolean {
  if (typeof error === 'object' && error !== null && 'retryable' in error) return error.retryable === true;
  return !(error instanceof TypeError || error instanceof RangeError || isAssertion(error));
}

/** Whether an error says of itself that another try may help. */
export function passes(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === true;
}

function isAssertion(error: unknown): boolean {
  return error instanceof Error && error.name === 'AssertionError';
}

/** The stable code of an error, for a reason that a machine can branch on. */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[a-z][a-z0-9_]*$/.test(code) ? code : 'unexpected_error';
}
