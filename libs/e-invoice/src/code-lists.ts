/** Where the code lists of EN 16931 rules 1.3.16 differ from what a document may hold. */

/** Currencies of ISO 4217 that are not on the list (BR-CL-04): it still has the dobra of before 2018. */
const CURRENCIES_NOT_LISTED: ReadonlySet<string> = new Set(['STN']);

export function isListedCurrency(currency: string): boolean {
  return !CURRENCIES_NOT_LISTED.has(currency);
}

/** A country's code (BR-CL-14); Kosovo, which ISO 3166 leaves to its users, is `1A`. */
export function countryCode(country: string): string {
  return country === 'XK' ? '1A' : country;
}

/** Gaps in the list of identifier schemes, which runs from 0002 to 0248. */
const SCHEMES_NOT_GIVEN: ReadonlySet<string> = new Set(['0092', '0181', '0182']);

/** Whether a register of companies has a code of ISO 6523 ICD (BR-CL-11). */
export function isRegisterScheme(scheme: string): boolean {
  return /^\d{4}$/.test(scheme) && scheme >= '0002' && scheme <= '0248' && !SCHEMES_NOT_GIVEN.has(scheme);
}
