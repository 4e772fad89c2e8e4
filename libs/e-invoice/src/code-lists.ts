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

/** Electronic address schemes (EAS) of the Connecting Europe Facility that EN 16931 rules 1.3.16 know. */
const ADDRESS_SCHEMES: ReadonlySet<string> = new Set(
  (
    '0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0147 0151 0154 0158 0170 0177 0183 0184 0188 0190 0191 ' +
    '0192 0193 0194 0195 0196 0198 0199 0200 0201 0202 0203 0204 0205 0208 0209 0210 0211 0212 0213 0215 0216 0217 0218 ' +
    '0219 0220 0221 0225 0230 0235 0240 0242 0244 0245 0246 0248 9910 9913 9914 9915 9918 9919 9920 9922 9923 9924 9925 ' +
    '9926 9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 9941 9942 9943 9944 9945 9946 9947 9948 ' +
    '9949 9950 9951 9952 9953 9957 9959 AN AQ AS AU EM'
  ).split(' '),
);

/** Whether an electronic address is of a scheme that there is (BR-CL-25). */
export function isAddressScheme(scheme: string): boolean {
  return ADDRESS_SCHEMES.has(scheme);
}
