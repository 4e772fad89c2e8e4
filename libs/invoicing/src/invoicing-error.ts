/** Thrown when a document would be wrong; never for something a clerk can be asked to fill in. */
export class InvoicingError extends Error {
  readonly retryable = false;
  constructor(
    readonly code:
      | 'tax_category_unmatched'
      | 'tax_name_unmatched'
      | 'tax_rate_contradicts_category'
      | 'ambiguous_taxes'
      | 'place_of_supply_unclear'
      | 'not_conserved'
      | 'malformed_number'
      | 'original_missing'
      | 'foreign_document'
      | 'not_taken_back',
    message: string,
  ) {
    super(message);
    this.name = 'InvoicingError';
  }
}
