import type { Address } from '#invoicing';

/**
 * The lines below the street by country, in Latin letters: C is the city, S the region (state, county, prefecture), Z the
 * postal code. From the addressing of the Universal Postal Union and its members, as CLDR's address data has it. Countries
 * that are not named write them as most do: the code before the city.
 */
const TOWNS: Readonly<Record<string, string>> = {
  'C, S Z': 'US JP CN TW FM MH PW',
  'C S Z': 'CA AU AS GU MP PR UM VI',
  // Royal Mail and An Post want the code on a line of its own.
  'C|S|Z': 'GB IE GG IM JE FK GI GS IO PN SH TC RU UA BY KR ZA EG KE LK',
  'C-S|Z': 'BR',
  'C Z|S': 'IN NZ SG BM BN NP BD SA JO BH MV KH MM PK LS SZ',
  'C|S Z': 'TH ID VN PH NG',
  'C, S|Z': 'IQ CO',
  'C, Z|S': 'LV',
  'Z C|S': 'MY',
};
const ELSEWHERE = 'Z C, S';

const PATTERN_OF = new Map(
  Object.entries(TOWNS).flatMap(([pattern, countries]) => countries.split(' ').map((country) => [country, pattern])),
);

/** City, region and postal code in the order of the country. What is missing takes its separator with it. */
export function townLines({ city, region, postal_code, country }: Address): string[] {
  const values = new Map<string, string | null>([
    ['C', city],
    ['S', region],
    ['Z', postal_code],
  ]);
  return (PATTERN_OF.get(country) ?? ELSEWHERE).split('|').map((line) => {
    let written = '';
    for (const [, separator = '', member = ''] of line.matchAll(/([^CSZ]*)([CSZ])/g)) {
      const value = values.get(member);
      if (value) written += written === '' ? value : separator + value;
    }
    return written;
  });
}
