import { InvoicingError } from './invoicing-error.js';

/** Letters, digits, `-` and `/` only: what every numbering law we know of allows (India, CGST rule 46). */
const ALLOWED = /^[A-Za-z0-9/-]+$/;
/** CGST rule 46 (b). */
const LONGEST_IN_INDIA = 16;
/** The portal for e-invoices of India takes no number that begins otherwise. */
const FIRST_IN_INDIA = /^[A-Za-z1-9]/;

/** How numbers are written unless a seller says otherwise. */
export const NUMBER_FORMAT = '{prefix}-{year}-{sequence}';

/** Prefix, fiscal year and sequence, each parted from the next, so that two of them never read alike. */
const FORMAT = /^\{prefix\}([-/])\{(year|fy)\}([-/])\{sequence\}$/;

/** Digits that a sequence has at least. */
const SEQUENCE_DIGITS = 6;

/** Whether a text says how numbers are written: see `documentNumber`. */
export function isNumberFormat(text: string): boolean {
  return FORMAT.test(text);
}

/**
 * A document's number. Its format has three members, parted by `-` or `/`: `{prefix}`; `{year}`, in which the fiscal year
 * begins, or `{fy}`, as `26-27`; and `{sequence}`, with 6 digits. More than a million documents a year take more digits.
 *
 * @param of.country the seller's, ISO 3166-1 alpha-2: an Indian number has at most 16 characters
 * @throws InvoicingError `malformed_number` when the prefix holds other characters or makes the number too long, and for
 * another format
 */
export function documentNumber(of: {
  prefix: string;
  year: number;
  sequence: number;
  country?: string | null;
  format?: string | undefined;
}): string {
  const { prefix, country, format = NUMBER_FORMAT } = of;
  const [, first = '', year = '', second = ''] = FORMAT.exec(format) ?? [];
  if (year === '') {
    throw new InvoicingError(
      'malformed_number',
      `${format} is no format of numbers: {prefix}, {year} or {fy}, and {sequence} stand in it in that order, parted by - or /`,
    );
  }
  const sequence = String(of.sequence).padStart(SEQUENCE_DIGITS, '0');
  const number = `${prefix}${first}${year === 'year' ? of.year : yearsOf(of.year)}${second}${sequence}`;
  if (prefix === '' || !isDocumentNumber(number)) {
    throw new InvoicingError(
      'malformed_number',
      `a document number holds letters, digits, - and / only, not ${number}; change the prefix`,
    );
  }
  if (country === 'IN' && number.length > LONGEST_IN_INDIA) {
    throw new InvoicingError(
      'malformed_number',
      `an Indian document number has at most ${LONGEST_IN_INDIA} characters, not ${number.length} (${number}); shorten the prefix or number_format`,
    );
  }
  if (country === 'IN' && !FIRST_IN_INDIA.test(number)) {
    throw new InvoicingError(
      'malformed_number',
      `an Indian document number begins with a letter or a digit other than 0, not as ${number}; change the prefix`,
    );
  }
  return number;
}

/** `26-27`, of the fiscal year that begins in 2026. */
function yearsOf(year: number): string {
  return [year, year + 1].map((each) => String(each % 100).padStart(2, '0')).join('-');
}

/** Whether a text may stand as a document's number. */
export function isDocumentNumber(text: string): boolean {
  return ALLOWED.test(text);
}
