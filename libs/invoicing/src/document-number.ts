import { InvoicingError } from './invoicing-error.js';

/** Letters, digits, `-` and `/` only: what every numbering law we know of allows (India, CGST rule 46). */
const ALLOWED = /^[A-Za-z0-9/-]+$/;
/** CGST rule 46 (b). */
const LONGEST_IN_INDIA = 16;

/**
 * A document's number: `{prefix}-{year}-{sequence, 6 digits}`. More than a million documents a year take more digits.
 *
 * @param of.country the seller's, ISO 3166-1 alpha-2: an Indian number has at most 16 characters
 * @throws InvoicingError `malformed_number` when the prefix holds other characters or makes the number too long
 */
export function documentNumber(of: {
  prefix: string;
  year: number;
  sequence: number;
  country?: string | null;
}): string {
  const number = `${of.prefix}-${of.year}-${String(of.sequence).padStart(6, '0')}`;
  if (of.prefix === '' || !isDocumentNumber(number)) {
    throw new InvoicingError(
      'malformed_number',
      `a document number holds letters, digits, - and / only, not ${number}; change the prefix`,
    );
  }
  if (of.country === 'IN' && number.length > LONGEST_IN_INDIA) {
    throw new InvoicingError(
      'malformed_number',
      `an Indian document number has at most ${LONGEST_IN_INDIA} characters, not ${number.length} (${number}); shorten the prefix`,
    );
  }
  return number;
}

/** Whether a text may stand as a document's number. */
export function isDocumentNumber(text: string): boolean {
  return ALLOWED.test(text);
}
