import { decimal } from '#money';
import { gstContradiction, gstSupplyOf, gstTaxes, isUnclear, STATE_CODES, stateOfGstin, stateOfRegion } from './gst.js';
import type { AccountTax, Address, GstSupply, TaxGroup } from './invoice.js';
import { totalsOf } from './totals.js';

const at = (country: string, region: string | null): Address => ({
  line1: '1 Street',
  line2: null,
  city: 'Town',
  region,
  postal_code: '400001',
  country,
});

const MUMBAI = { country: 'IN', taxId: '27AAPFU0939F1ZV', address: at('IN', 'Maharashtra') };
const UNREGISTERED = { taxId: null, address: at('IN', 'Maharashtra') };
const IN_PUNE = { taxId: '27AABCU9603R1ZN', address: at('IN', 'Maharashtra') };
const IN_MYSURU = { taxId: '29AAGCB7383J1Z4', address: at('IN', 'Karnataka') };
const terms = (of: object) => ({ place_of_supply: null, sez: false, with_payment: true, ...of });

function supplyOf(...of: Parameters<typeof gstSupplyOf>): GstSupply {
  const supply = gstSupplyOf(...of);
  if (supply === undefined || isUnclear(supply)) throw new Error(JSON.stringify(supply));
  return supply;
}

/** What 12,345.67 come to at 18 %, component by component, with the rounding to whole rupees. */
function billed(supply: GstSupply, payableRounding: 'none' | '1' = 'none') {
  const segment = { start: '', end: '', start_date: '2026-10-01', end_date: '2026-11-01' };
  const line = { charge: 'fee', amount: '12345.67', tax_category: null, segment };
  const totals = totalsOf([line], gstTaxes(supply, '18'), { currency: 'INR', rounding: 'half_up', payableRounding });
  const { gross, rounding, payable, taxes } = totals;
  return [...taxes.map(({ name, rate, amount }) => `${name} ${rate} % ${amount}`), gross, rounding, payable];
}

// Worked by hand: 9 % of 12,345.67 is 1,111.1103; 18 % of it is 2,222.2206.
describe('taxes by the place of supply', () => {
  it.each<[string, Parameters<typeof gstSupplyOf>, string, string[]]>([
    [
      'the same state',
      [MUMBAI, IN_PUNE],
      '27 intra_state',
      ['CGST 9 % 1111.11', 'SGST 9 % 1111.11', '14567.89', '0.00', '14567.89'],
    ],
    ['another state', [MUMBAI, IN_MYSURU], '29 inter_state', ['IGST 18 % 2222.22', '14567.89', '0.00', '14567.89']],
    [
      'a special economic zone in the same state, with payment of tax',
      [MUMBAI, { ...IN_PUNE, gst: terms({ sez: true }) }],
      '27 sez',
      ['IGST 18 % 2222.22', '14567.89', '0.00', '14567.89'],
    ],
    [
      'a special economic zone without payment of tax',
      [MUMBAI, { ...IN_PUNE, gst: terms({ sez: true, with_payment: false }) }],
      '27 sez',
      ['IGST 0 % 0.00', '12345.67', '0.00', '12345.67'],
    ],
    [
      'an export with payment of tax',
      [MUMBAI, { taxId: null, address: at('NL', null) }],
      '96 export',
      ['IGST 18 % 2222.22', '14567.89', '0.00', '14567.89'],
    ],
    [
      'an export under a letter of undertaking',
      [MUMBAI, { taxId: 'NL004495445B01', address: at('NL', null), gst: terms({ with_payment: false }) }],
      '96 export',
      ['IGST 0 % 0.00', '12345.67', '0.00', '12345.67'],
    ],
    [
      'a union territory without a legislature, within it',
      [
        { country: 'IN', taxId: '04AAPFU0939F1Z3', address: null },
        { taxId: null, address: at('IN', 'Chandigarh') },
      ],
      '04 intra_state',
      ['CGST 9 % 1111.11', 'UTGST 9 % 1111.11', '14567.89', '0.00', '14567.89'],
    ],
    [
      'Delhi, which has a legislature',
      [
        { country: 'IN', taxId: '07AAPFU0939F1ZX', address: null },
        { taxId: null, address: at('IN', 'DL') },
      ],
      '07 intra_state',
      ['CGST 9 % 1111.11', 'SGST 9 % 1111.11', '14567.89', '0.00', '14567.89'],
    ],
    [
      'a customer without a GSTIN in the same state',
      [MUMBAI, UNREGISTERED],
      '27 intra_state',
      ['CGST 9 % 1111.11', 'SGST 9 % 1111.11', '14567.89', '0.00', '14567.89'],
    ],
    [
      'a customer without a GSTIN in another state, by its letters',
      [MUMBAI, { taxId: null, address: at('IN', 'IN-KA') }],
      '29 inter_state',
      ['IGST 18 % 2222.22', '14567.89', '0.00', '14567.89'],
    ],
    [
      'a line that ends in another state than the office it is billed to',
      [MUMBAI, { ...IN_PUNE, gst: terms({ place_of_supply: '29' }) }],
      '29 inter_state',
      ['IGST 18 % 2222.22', '14567.89', '0.00', '14567.89'],
    ],
  ])('%s', (_, of, where, taxes) => {
    const supply = supplyOf(...of);
    expect(`${supply.place_of_supply} ${supply.supply}`).toBe(where);
    expect(billed(supply)).toEqual(taxes);
    // What follows from the place of supply never contradicts it.
    expect(gstContradiction(supply, groups(gstTaxes(supply, '18')))).toBeUndefined();
  });

  it('is payable in whole rupees, half a rupee up (CGST Act s. 170)', () => {
    expect(billed(supplyOf(MUMBAI, IN_PUNE), '1')).toEqual([
      ...['CGST 9 % 1111.11', 'SGST 9 % 1111.11', '14567.89', '0.11', '14568.00'],
    ]);
  });

  it.each(['18', '5', '0.25', '12.5'])('halves of %s %% come to it', (rate) => {
    const shares = gstTaxes(supplyOf(MUMBAI, IN_PUNE), rate).map((tax) => tax.rate);
    expect(shares[0]).toBe(shares[1]);
    expect(
      decimal(shares[0] ?? '')
        .times(2)
        .equals(rate),
    ).toBe(true);
  });
});

const groups = (taxes: readonly AccountTax[], base = '100.00'): TaxGroup[] =>
  taxes.map(({ name, category, rate }) => ({ name, category, rate, base, amount: '0.00', exemption_reason: null }));
const tax = (name: string, rate: string, category: AccountTax['category'] = 'S'): AccountTax => ({
  name,
  category,
  rate,
});

describe('taxes that an operator wrote', () => {
  const within = supplyOf(MUMBAI, IN_PUNE);
  const across = supplyOf(MUMBAI, IN_MYSURU);
  const freed = supplyOf(MUMBAI, { taxId: null, address: at('NL', null), gst: terms({ with_payment: false }) });

  it.each<[string, GstSupply, AccountTax[]]>([
    ['IGST within a state', within, [tax('IGST', '18')]],
    ['CGST alone', within, [tax('CGST', '9')]],
    ['another rate of either', within, [tax('CGST', '9'), tax('SGST', '2.5')]],
    ['the tax of union territories in a state', within, [tax('CGST', '9'), tax('UTGST', '9')]],
    ['a name that is of none of them', within, [tax('GST', '18')]],
    ['CGST and SGST into another state', across, [tax('CGST', '9'), tax('SGST', '9')]],
    ['all three', across, [tax('CGST', '9'), tax('SGST', '9'), tax('IGST', '18')]],
    ['a tax on what goes out without payment', freed, [tax('IGST', '18')]],
  ])('contradict the place of supply: %s', (_, supply, taxes) => {
    expect(gstContradiction(supply, groups(taxes))).toEqual(expect.any(String));
  });

  it.each<[string, GstSupply, AccountTax[]]>([
    ['by other names', within, [tax('Central GST (CGST)', '9'), tax('sgst Maharashtra', '9')]],
    ['two rates of both', within, [tax('CGST', '9'), tax('SGST', '9'), tax('CGST 5', '2.5'), tax('SGST 5', '2.5')]],
    ['a cess beside them', across, [tax('IGST', '18'), tax('Compensation cess', '12')]],
    ['what is exempt', across, [tax('Exempt', '0', 'E')]],
    ['nothing at all', within, []],
  ])('agree with it: %s', (_, supply, taxes) => {
    expect(gstContradiction(supply, groups(taxes))).toBeUndefined();
  });

  it('must be on one base', () => {
    const halves = [...groups([tax('CGST', '9')], '100.00'), ...groups([tax('SGST', '9')], '99.00')];
    expect(gstContradiction(within, halves)).toContain('same rate');
  });
});

describe('a place of supply that is not clear', () => {
  it.each<[string, Parameters<typeof gstSupplyOf>, string[]]>([
    [
      'no state anywhere',
      [MUMBAI, { taxId: null, address: at('IN', 'Kolhapur') }],
      ['/gst/place_of_supply', '/address/region'],
    ],
    ['no address at all', [MUMBAI, { taxId: null, address: null }], ['/gst/place_of_supply', '/address/region']],
    [
      'a GSTIN of one state and an address in another',
      [MUMBAI, { ...IN_PUNE, address: at('IN', 'Karnataka') }],
      ['/tax_id', '/address/region', '/gst/place_of_supply'],
    ],
    [
      'the same of the seller',
      [{ ...MUMBAI, address: at('IN', 'Karnataka') }, IN_PUNE],
      ['/seller/tax_id', '/seller/address/region'],
    ],
    ['a zone without a GSTIN', [MUMBAI, { ...UNREGISTERED, gst: terms({ sez: true }) }], ['/tax_id', '/gst/sez']],
  ])('%s', (_, of, members) => {
    expect(gstSupplyOf(...of)).toMatchObject({ outcome: 'unclear', members });
  });

  it('is no question of a seller without a GSTIN, or of another country', () => {
    expect(gstSupplyOf({ ...MUMBAI, taxId: null }, IN_PUNE)).toBeUndefined();
    expect(gstSupplyOf({ ...MUMBAI, country: 'NL' }, IN_PUNE)).toBeUndefined();
  });
});

describe('states', () => {
  it('are known by the first two digits of a GSTIN, in capitals', () => {
    expect(stateOfGstin('27AAPFU0939F1ZV')).toBe('27');
    for (const none of [
      '27aapfu0939f1zv',
      '28AAPFU0939F1ZT',
      '00AAPFU0939F1ZW',
      '27AAPFU0939F1Z',
      null,
      'NL004495445B01',
    ]) {
      expect(stateOfGstin(none)).toBeUndefined();
    }
  });

  it('are known by name, letters and code, however they are written', () => {
    expect(['Tamil Nadu', 'TAMILNADU', 'TN', 'in-tn', '33', ' tamil  nadu '].map(stateOfRegion)).toEqual(
      Array.from({ length: 6 }, () => '33'),
    );
    expect(['Andaman & Nicobar Islands', 'Jammu & Kashmir', 'Orissa'].map(stateOfRegion)).toEqual(['35', '01', '21']);
    for (const none of ['', null, undefined, 'Atlantis', '99', 'constructor'])
      expect(stateOfRegion(none)).toBeUndefined();
  });

  it('are 36 with the other territory, none twice', () => {
    expect(STATE_CODES).toHaveLength(36 + 1);
    expect(new Set(STATE_CODES).size).toBe(STATE_CODES.length);
  });
});
