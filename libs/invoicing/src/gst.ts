import { decimal, times } from '#money';
import type { AccountTax, Address, GstSupply, TaxGroup } from './invoice.js';

/** What the seller of a document is asked for. */
export interface GstSeller {
  readonly country: string;
  readonly taxId: string | null;
  readonly address: Address | null;
}

/** What an account says of its supplies. */
export interface GstTerms {
  /** Null: the state of its GSTIN, else that of its address. */
  readonly place_of_supply: string | null;
  /** Whether it is a unit or a developer of a special economic zone. */
  readonly sez: boolean;
  readonly with_payment: boolean;
}

export interface GstAccount {
  readonly taxId: string | null;
  readonly address: Address | null;
  readonly gst?: GstTerms | null | undefined;
}

/** Why it is not clear where a supply takes place: members of the account, and of its seller below `/seller`. */
export interface GstFault {
  readonly outcome: 'unclear';
  readonly members: readonly string[];
  readonly message: string;
}

interface State {
  readonly name: string;
  /** Other ways in which addresses name it: letters of ISO 3166-2 and of vehicles. */
  readonly letters: readonly string[];
  /** A union territory without a legislature has no state tax but a tax of the union's (UTGST Act 2017 s. 1, s. 7). */
  readonly unionTerritory?: true;
}

/** Place of supply of what goes to recipients abroad (IGST Act 2017 s. 13, code of the e-invoice master). */
const ABROAD = '96';

/** States by the code of a GSTIN. 25 and 28 are of territories that are joined to others since. */
const STATES: Readonly<Record<string, State>> = {
  '01': { name: 'Jammu and Kashmir', letters: ['JK'] },
  '02': { name: 'Himachal Pradesh', letters: ['HP'] },
  '03': { name: 'Punjab', letters: ['PB'] },
  '04': { name: 'Chandigarh', letters: ['CH'], unionTerritory: true },
  '05': { name: 'Uttarakhand', letters: ['UK', 'UT'] },
  '06': { name: 'Haryana', letters: ['HR'] },
  '07': { name: 'Delhi', letters: ['DL', 'New Delhi', 'NCT of Delhi'] },
  '08': { name: 'Rajasthan', letters: ['RJ'] },
  '09': { name: 'Uttar Pradesh', letters: ['UP'] },
  '10': { name: 'Bihar', letters: ['BR'] },
  '11': { name: 'Sikkim', letters: ['SK'] },
  '12': { name: 'Arunachal Pradesh', letters: ['AR'] },
  '13': { name: 'Nagaland', letters: ['NL'] },
  '14': { name: 'Manipur', letters: ['MN'] },
  '15': { name: 'Mizoram', letters: ['MZ'] },
  '16': { name: 'Tripura', letters: ['TR'] },
  '17': { name: 'Meghalaya', letters: ['ML'] },
  '18': { name: 'Assam', letters: ['AS'] },
  '19': { name: 'West Bengal', letters: ['WB'] },
  '20': { name: 'Jharkhand', letters: ['JH'] },
  '21': { name: 'Odisha', letters: ['OD', 'OR', 'Orissa'] },
  '22': { name: 'Chhattisgarh', letters: ['CG', 'CT'] },
  '23': { name: 'Madhya Pradesh', letters: ['MP'] },
  '24': { name: 'Gujarat', letters: ['GJ'] },
  '26': { name: 'Dadra and Nagar Haveli and Daman and Diu', letters: ['DH', 'DN', 'DD'], unionTerritory: true },
  '27': { name: 'Maharashtra', letters: ['MH'] },
  '29': { name: 'Karnataka', letters: ['KA'] },
  '30': { name: 'Goa', letters: ['GA'] },
  '31': { name: 'Lakshadweep', letters: ['LD'], unionTerritory: true },
  '32': { name: 'Kerala', letters: ['KL'] },
  '33': { name: 'Tamil Nadu', letters: ['TN'] },
  '34': { name: 'Puducherry', letters: ['PY', 'Pondicherry'] },
  '35': { name: 'Andaman and Nicobar Islands', letters: ['AN', 'Andaman & Nicobar'], unionTerritory: true },
  '36': { name: 'Telangana', letters: ['TG', 'TS'] },
  '37': { name: 'Andhra Pradesh', letters: ['AP', 'AD'] },
  '38': { name: 'Ladakh', letters: ['LA'], unionTerritory: true },
  '97': { name: 'Other Territory', letters: [], unionTerritory: true },
};

/** The codes of states that a supply can take place in. */
export const STATE_CODES: readonly string[] = Object.keys(STATES).sort();

/** The name of a state, or of what lies outside India; undefined for a code that there is not. */
export function stateName(code: string): string | undefined {
  return code === ABROAD ? 'Other Country' : STATES[code]?.name;
}

/** The code of the state that an address names, by its name, letters or code; undefined when it names none. */
export function stateOfRegion(region: string | null | undefined): string | undefined {
  const written = (region ?? '').normalize('NFKC').trim();
  return Object.hasOwn(STATES, written) ? written : BY_NAME.get(nameKey(written));
}

const nameKey = (name: string) =>
  name
    .toLowerCase()
    .replace(/^in-/, '')
    .replaceAll('&', 'and')
    .replace(/[^a-z]/g, '');

const BY_NAME: ReadonlyMap<string, string> = new Map(
  Object.entries(STATES).flatMap(([code, { name, letters }]) =>
    [name, ...letters].map((each) => [nameKey(each), code] as const),
  ),
);

/** The state of a GSTIN, its first two digits; undefined for a number that is no GSTIN. */
export function stateOfGstin(taxId: string | null | undefined): string | undefined {
  const [, code = ''] = /^(\d\d)[0-9A-Z]{13}$/.exec(taxId ?? '') ?? [];
  return Object.hasOwn(STATES, code) ? code : undefined;
}

/**
 * Where supplies of a seller to an account take place, from the GSTINs and addresses of both. A registered recipient is in the
 * state of its GSTIN, any other where its address is (IGST Act 2017 s. 12 (2)); a supply to a special economic zone or abroad
 * is never within a state (s. 7 (5)).
 *
 * @returns undefined when the seller has no GSTIN, so that no tax of India is its to charge
 */
export function gstSupplyOf(seller: GstSeller, { taxId, address, gst }: GstAccount): GstSupply | GstFault | undefined {
  const seat = seller.country === 'IN' ? stateOfGstin(seller.taxId) : undefined;
  if (seat === undefined) return undefined;
  const sellersRegion = stateOfRegion(seller.address?.region);
  if (sellersRegion !== undefined && sellersRegion !== seat) {
    return unclear(
      ['/seller/tax_id', '/seller/address/region'],
      `the GSTIN of the seller is of ${shownState(seat)}, its address in ${shownState(sellersRegion)}`,
    );
  }
  const isWithinIndia = address?.country === 'IN';
  const registered = isWithinIndia ? stateOfGstin(taxId) : undefined;
  const withPayment = gst?.with_payment ?? true;
  const stated = gst?.place_of_supply ?? undefined;
  if (gst?.sez === true && registered === undefined) {
    return unclear(['/tax_id', '/gst/sez'], 'an account in a special economic zone has a GSTIN, and this one has none');
  }
  if (!isWithinIndia && address && stated === undefined) {
    return { place_of_supply: ABROAD, supply: 'export', with_payment: withPayment };
  }
  const region = isWithinIndia ? stateOfRegion(address.region) : undefined;
  const place = stated ?? registered ?? region;
  if (place === undefined) {
    return unclear(
      ['/gst/place_of_supply', '/address/region'],
      'no state of India is the place of supply: the account has no GSTIN, and its address names no state',
    );
  }
  if (stated === undefined && region !== undefined && region !== place) {
    return unclear(
      ['/tax_id', '/address/region', '/gst/place_of_supply'],
      `the GSTIN of the account is of ${shownState(place)}, its address in ${shownState(region)}`,
    );
  }
  if (gst?.sez === true) return { place_of_supply: place, supply: 'sez', with_payment: withPayment };
  return { place_of_supply: place, supply: place === seat ? 'intra_state' : 'inter_state', with_payment: true };
}

function unclear(members: readonly string[], message: string): GstFault {
  return { outcome: 'unclear', members, message };
}

export function isUnclear(supply: GstSupply | GstFault): supply is GstFault {
  return 'outcome' in supply;
}

/** "27 Maharashtra". */
export function shownState(code: string): string {
  return `${code} ${stateName(code) ?? ''}`.trim();
}

type Levy = 'CGST' | 'SGST' | 'UTGST' | 'IGST';

/** The taxes that fall on a supply, by their names; none where it goes out without payment of tax. */
function leviesOn({ place_of_supply: place, supply, with_payment: withPayment }: GstSupply): readonly Levy[] {
  if (supply === 'intra_state') return ['CGST', STATES[place]?.unionTerritory ? 'UTGST' : 'SGST'];
  return withPayment ? ['IGST'] : [];
}

/**
 * The taxes of an account, of a seller's rate. Within a state each component has half of it (CGST Act 2017 s. 9, SGST and UTGST
 * alike); what goes out without payment of tax is zero-rated (IGST Act 2017 s. 16).
 *
 * @param rate percent of both components together
 */
export function gstTaxes(supply: GstSupply, rate: string): AccountTax[] {
  const levies = leviesOn(supply);
  if (levies.length === 0) return [{ name: 'IGST', category: 'Z', rate: '0' }];
  const share = levies.length === 1 ? rate : times(decimal(rate), decimal('0.5')).toFixed();
  return levies.map((name) => ({ name, category: 'S', rate: share }));
}

/**
 * What contradicts the place of supply in the taxes of a document, as an operator wrote them for the account; undefined when
 * nothing does. What is exempt or zero-rated, and a cess, may stand beside them.
 */
export function gstContradiction(supply: GstSupply, taxes: readonly TaxGroup[]): string | undefined {
  const due = leviesOn(supply);
  const charged = taxes.filter(({ category, name }) => category === 'S' && !/\bcess\b/i.test(name));
  const levied = new Map<string, string[]>();
  for (const { name, rate, base } of charged) {
    const levy = levyOf(name);
    levied.set(levy, [...(levied.get(levy) ?? []), `${rate} on ${base}`].sort());
  }
  if (levied.size === 0) return undefined;
  const where = `the supply is ${SUPPLIES[supply.supply]}, its place ${shownState(supply.place_of_supply)}`;
  const falls =
    due.length === 0 ? 'no tax falls on it' : `${due.join(' and ')} fall${due.length === 1 ? 's' : ''} on it`;
  const names = [...new Set(charged.map(({ name }) => name))].join(', ');
  if (levied.size !== due.length || due.some((levy) => !levied.has(levy))) return `${where}: ${falls}, not ${names}`;
  const [first, ...others] = due.map((levy) => (levied.get(levy) ?? []).join('; '));
  return others.some((other) => other !== first)
    ? `${where}: ${due.join(' and ')} fall on it at the same rate, not ${names} at different ones`
    : undefined;
}

const SUPPLIES: Readonly<Record<GstSupply['supply'], string>> = {
  intra_state: 'within the state of the seller',
  inter_state: 'into another state',
  sez: 'to a special economic zone',
  export: 'an export',
};

/** Which of the four taxes a name is of; the name itself when it is of none. */
export function levyOf(name: string): string {
  const words = name
    .normalize('NFKC')
    .toUpperCase()
    .split(/[^A-Z]+/);
  return (['CGST', 'SGST', 'UTGST', 'IGST'] as const).find((levy) => words.includes(levy)) ?? name;
}
