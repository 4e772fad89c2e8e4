import type { Party } from '#invoicing';
import { countryCode } from './code-lists.js';

/** Prefixes of VAT identifiers that are not the country's own code: Greece, and Northern Ireland. */
const OTHER_PREFIXES: Readonly<Record<string, string>> = { GR: 'EL', GB: 'XI' };

/**
 * A party's tax number as a VAT identifier (BT-31, BT-48), which begins with its country (BR-CO-09); null for any other
 * number: a German Steuernummer, an American EIN, an Indian GSTIN.
 */
export function vatIdOf({ tax_id: taxId, address }: Pick<Party, 'tax_id' | 'address'>): string | null {
  const number = (taxId ?? '').replace(/\s+/g, '').toUpperCase();
  const country = countryCode(address?.country ?? '');
  const prefix = number.slice(0, 2);
  const isPrefix = prefix !== '' && (prefix === country || prefix === OTHER_PREFIXES[country]);
  return isPrefix && number.length > 2 ? number : null;
}
