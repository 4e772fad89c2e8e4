import { InvoicingError } from './invoicing-error.js';

/** Letters, digits, `-` and `/` only: what every numbering law we know of allows (India, CGST rule 46). */
const ALLOWED = /^[A-Za-z0-9/-]+$/;

/**
 * A document's number: `{prefix}-{year}-{sequence, 6 digits}`. More than a million documents a year take more digits.
 *
 * @throws InvoicingError `malformed_number` when the prefix holds other characters
 */
export function documentNumber(of: { prefix: string; year: number; sequence: number }): string {
  const number = `${of.prefix}-${of.year}-${String(of.sequence).padStart(6, '0')}`;
  if (!ALLOWED.test(number)) {
    throw new InvoicingError(
      'malformed_number',
      `a document number holds letters, digits, - and / only, not ${number}`,
    );
  }
  return number;
}
