import type { Address } from '#invoicing';

/**
 * The lines of an address by country: A is the street, C the city, S the region (state, county, prefecture), Z the postal code.
 * From the addressing of the Universal Postal Union and its members, as CLDR's address data has it. Countries that are not
 * named write them as most do: the code before the city.
 */
const ORDERS: Readonly<Record<string, string>> = {
  'A|C, S Z': 'US JP CN TW FM MH PW',
  'A|C S Z': 'CA AU AS GU MP PR UM VI',
  // Royal Mail and An Post want the code on a line of its own.
  'A|C|S|Z': 'GB IE GG IM JE FK GI GS IO PN SH TC RU UA BY KR ZA EG KE LK',
  'A|C-S|Z': 'BR',
  'A|C Z|S': 'IN NZ SG BM BN NP BD SA JO BH MV KH MM PK LS SZ',
  'A|C|S Z': 'TH ID VN PH NG',
  'A|C, S|Z': 'IQ CO',
  'A|C, Z|S': 'LV',
  'A|Z C|S': 'MY',
};
const ELSEWHERE = 'A|Z C, S';

/** The same where an address is in the country's own script: the largest part comes first, the street after its city. */
const OWN_ORDERS: Readonly<Record<string, string>> = {
  JP: '〒Z|SC|A',
  CN: 'Z|SC|A',
  TW: 'Z|SC|A',
  KR: 'S C|A|Z',
  HK: 'S|C|A',
};

const ORDER_OF = new Map(
  Object.entries(ORDERS).flatMap(([order, countries]) => countries.split(' ').map((country) => [country, order])),
);

const OWN_SCRIPT = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** A street that is longer keeps its second line. */
const SHORT_STREET = 46;

/** An address in the order of its country, without the country. What is missing takes its separator with it. */
export function addressLines(address: Address): string[] {
  const { line1, line2, city, region, postal_code, country } = address;
  const isOwn = [line1, city, region].some((part) => part !== null && OWN_SCRIPT.test(part));
  const ownOrder = isOwn ? OWN_ORDERS[country] : undefined;
  const parts = [line1, line2].filter((part): part is string => Boolean(part));
  const joined = parts.join(', ');
  const street = ownOrder === undefined && joined.length <= SHORT_STREET ? [joined] : parts;
  const values = new Map([
    ['C', city],
    ['S', region],
    ['Z', postal_code],
  ]);
  return (ownOrder ?? ORDER_OF.get(country) ?? ELSEWHERE)
    .split('|')
    .flatMap((line) => (line === 'A' ? street : [townLine(line, values)]))
    .filter((line) => line !== '');
}

function townLine(line: string, values: ReadonlyMap<string, string | null>): string {
  let written = '';
  for (const { index, 1: separator = '', 2: member = '' } of line.matchAll(/([^CSZ]*)([CSZ])/g)) {
    const value = values.get(member);
    // A separator stands between two values; what a line begins with is a sign of its value.
    if (value) written += written === '' && index > 0 ? value : separator + value;
  }
  return written;
}
