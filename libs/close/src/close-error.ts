/** Thrown when a step of the close cannot go on. `retryable`: whether trying the same again may help. */
export class CloseError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retryable = false,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'CloseError';
  }
}
