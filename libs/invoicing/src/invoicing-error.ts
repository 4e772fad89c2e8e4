/** Thrown when a document would be wrong; never for something a clerk can be asked to fill in. */
export class InvoicingError extends Error {
  readonly retryable = false;
  constructor(
    readonly code: 'tax_category_unmatched' | 'not_conserved' | 'malformed_number',
    message: string,
  ) {
    super(message);
    this.name = 'InvoicingError';
  }
}
