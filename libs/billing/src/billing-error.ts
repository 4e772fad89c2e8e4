/** Thrown where billing would go on with what is not as it was published; trying again does not help. */
export class BillingError extends Error {
  readonly retryable = false;
  constructor(
    readonly code: 'document_altered',
    message: string,
  ) {
    super(message);
    this.name = 'BillingError';
  }
}
