/** Thrown when a document cannot be drawn. Trying again with the same document never helps, except after a restart. */
export class InvoicePdfError extends Error {
  constructor(
    readonly code: 'glyph_missing' | 'malformed_document' | 'worker_missing' | 'renderer_closed' | 'logo_missing',
    message: string,
    readonly retryable = false,
  ) {
    super(message);
    this.name = 'InvoicePdfError';
  }
}
