import { type Decimal, MoneyError } from './exact.js';

/**
 * Minor units of ISO 4217 (list one, active codes). Not taken from Intl: Node 20 says HUF, IDR, COP, PKR, IQD, AFN and
 * MGA have none where ISO 4217 says 2 (IQD 3).
 */
const BY_MINOR_UNITS: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  2:
    'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY ' +
    'COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS ' +
    'INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR ' +
    'MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP ' +
    'STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};

const MINOR_UNITS: ReadonlyMap<string, number> = new Map(
  Object.entries(BY_MINOR_UNITS).flatMap(([digits, codes]) =>
    codes.split(' ').map((code) => [code, Number.parseInt(digits, 10)] as const),
  ),
);

/** Whether `code` is an active ISO 4217 currency with a minor unit. */
export function isCurrency(code: string): boolean {
  return MINOR_UNITS.has(code);
}

/** Decimals of the currency's minor unit. Throws `unknown_currency`. */
export function minorUnits(currency: string): number {
  const digits = MINOR_UNITS.get(currency);
  if (digits === undefined) throw new MoneyError('unknown_currency', `unknown currency ${JSON.stringify(currency)}`);
  return digits;
}

/** An amount as it goes over the wire: exactly the currency's decimals. Throws when the amount has more. */
export function formatAmount(amount: Decimal, currency: string): string {
  const digits = minorUnits(currency);
  if (amount.decimalPlaces() > digits) {
    throw new MoneyError('inexact_result', `an amount in ${currency} has at most ${digits} decimals`);
  }
  return (amount.isZero() ? amount.abs() : amount).toFixed(digits);
}
