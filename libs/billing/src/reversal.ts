import {
  correctionOf,
  type DraftInvoice,
  type IssuedInvoice,
  originalOf,
  totalsOf,
  type TotalsOptions,
} from '#invoicing';

/** The note that brings the documents of a period to zero; null when they come to zero already. */
export function reversalOf(
  documents: readonly IssuedInvoice[],
  layoutVersion: number,
): Omit<DraftInvoice, 'inputs_hash'> | null {
  const original = originalOf(documents);
  if (!original) return null;
  const { currency, dialect_sha256: dialectSha256 } = original;
  const options: TotalsOptions = { currency, rounding: 'half_up', payableRounding: 'none' };
  return correctionOf({
    original,
    issued: documents,
    rerated: { lines: [], totals: totalsOf([], [], options) },
    taxing: null,
    dialectSha256,
    layoutVersion,
  });
}
