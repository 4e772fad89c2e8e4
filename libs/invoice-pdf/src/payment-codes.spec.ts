import type { IssuedInvoice } from '#invoicing';
import {
  creditorReference,
  epcPayload,
  qrReference,
  recursiveCheckDigit,
  swissBill,
  swissPayload,
  transferCode,
  upiPayload,
} from './payment-codes.js';

describe('the code of a SEPA credit transfer', () => {
  // EPC069-12, annex: the sample of the Red Cross, without the purpose and the note to the payer, which a bill has not.
  it('says what the sample of EPC069-12 says, line by line', () => {
    const of = { name: 'Red Cross of Belgium', iban: 'BE72000000001616', bic: 'BPOTBEB1', amount: '1.00' };
    expect(epcPayload({ ...of, remittance: 'Urgency fund' })).toBe(
      'BCD\n002\n1\nSCT\nBPOTBEB1\nRed Cross of Belgium\nBE72000000001616\nEUR1.00\n\n\nUrgency fund',
    );
  });

  it('needs no BIC within the EEA, one for the United Kingdom, and reaches no other country', () => {
    const of = { name: 'A', amount: '1.00', remittance: 'R' };
    expect(epcPayload({ ...of, iban: 'DE89370400440532013000', bic: null })).toContain('\nSCT\n\nA\nDE89');
    expect(epcPayload({ ...of, iban: 'GB33BUKB20201555555555', bic: null })).toBeUndefined();
    expect(epcPayload({ ...of, iban: 'GB33BUKB20201555555555', bic: 'BUKBGB22' })).toBeDefined();
    expect(epcPayload({ ...of, iban: 'BR1800360305000010009795493C1', bic: 'CEFXBRSP' })).toBeUndefined();
  });

  it('stays within 331 bytes and an amount of 999,999,999.99', () => {
    const of = { iban: 'MT84MALT011000012345MTLCAST001S', bic: 'VALLMTMT', remittance: 'X'.repeat(35) };
    const payload = epcPayload({ ...of, name: 'Ü'.repeat(200), amount: '999999999.99' });
    expect(Buffer.byteLength(payload ?? '')).toBeLessThanOrEqual(331);
    expect(epcPayload({ ...of, name: 'A', amount: '1000000000.00' })).toBeUndefined();
  });
});

describe('the code of a payment by UPI', () => {
  it('has the members of the linking specification, escaped', () => {
    const of = { upiId: 'acme.billing@okbank', name: 'Acme & Söhne', amount: '1582830.00', number: 'INV/26-27/0001' };
    const payload = upiPayload(of);
    expect(payload).toMatch(/^upi:\/\/pay\?pa=acme\.billing@okbank&pn=Acme%20%26%20S%C3%B6hne&/);
    expect(Object.fromEntries(new URL(payload).searchParams)).toEqual({
      ...{ pa: of.upiId, pn: of.name, tr: of.number, tn: of.number, am: of.amount, cu: 'INR' },
    });
  });
});

describe('references', () => {
  // The samples of the Implementation Guidelines QR-bill and of its predecessor, the orange slip.
  it.each([
    ['21000000000313947143000901', '7'],
    ['21570300007520033455900012', '6'],
    ['00000000000000000000000000', '0'],
  ])('%s has the check digit %s by modulo 10, recursive', (digits, check) => {
    expect(recursiveCheckDigit(digits)).toBe(check);
  });

  it('are 27 digits of the number of a document, letters counted from 10', () => {
    // I 18, N 23, V 31.
    expect(qrReference('INV-2026-000123').slice(0, 26)).toBe('00000000001823312026000123');
    expect(qrReference('SINGAPORE-CLOUD-2026-000123')).toMatch(/2026000123\d$/);
    expect(qrReference('INV-2026-000123')).toHaveLength(27);
  });

  // ISO 11649: what its sample names and what the guidelines print.
  it.each([
    ['539007547034', 'RF18539007547034'],
    ['2348231', 'RF712348231'],
  ])('%s is %s by ISO 11649', (number, reference) => {
    expect(creditorReference(number)).toBe(reference);
  });

  it('by ISO 11649 hold no more than 21 characters', () => {
    expect(creditorReference('A'.repeat(21))).toHaveLength(25);
    expect(creditorReference('A'.repeat(22))).toBeUndefined();
  });
});

const address = (line1: string, postal_code: string, city: string, country: string) => ({
  ...{ line1, line2: null, city, region: null, postal_code, country },
});

/** The parties and the amount of the guidelines' first sample, billed by this service. */
function invoice(of: Partial<IssuedInvoice> = {}): IssuedInvoice {
  const party = { reference: 'r', tax_id: null, email: null };
  const document: Partial<IssuedInvoice> = {
    ...{ status: 'issued', kind: 'invoice', currency: 'CHF', payable: '1949.75', number: 'INV-2026-000123' },
    supplier: {
      ...{ ...party, name: 'Robert Schneider AG', address: address('Rue du Lac 1268', '2501', 'Biel', 'CH') },
      bank: { iban: null, bic: null, qr_iban: 'CH4431999123000889012' },
    },
    customer: {
      ...{ ...party, name: 'Pia-Maria Rutschmann-Schnyder' },
      address: address('Grosse Marktgasse 28', '9400', 'Rorschach', 'CH'),
    },
    ...of,
  };
  return document as IssuedInvoice;
}

const payloadOf = (document: IssuedInvoice) => {
  const bill = swissBill(document);
  return bill && swissPayload(bill).split('\n');
};

describe('the code of a Swiss QR-bill', () => {
  it('has the 31 lines of the guidelines in their order', () => {
    expect(payloadOf(invoice())).toEqual([
      ...['SPC', '0200', '1', 'CH4431999123000889012'],
      ...['S', 'Robert Schneider AG', 'Rue du Lac 1268', '', '2501', 'Biel', 'CH'],
      ...['', '', '', '', '', '', ''],
      ...['1949.75', 'CHF'],
      ...['S', 'Pia-Maria Rutschmann-Schnyder', 'Grosse Marktgasse 28', '', '9400', 'Rorschach', 'CH'],
      ...['QRR', `00000000001823312026000123${recursiveCheckDigit('00000000001823312026000123')}`, 'INV-2026-000123'],
      'EPD',
    ]);
  });

  it('has a reference by ISO 11649 where the account takes no QR reference, and none where the number is too long', () => {
    const { supplier } = invoice();
    const iban = { ...supplier, bank: { iban: 'CH93 0076 2011 6238 5295 7', bic: null } };
    expect(payloadOf(invoice({ supplier: iban }))?.slice(27, 30)).toEqual([
      ...['SCOR', creditorReference('INV-2026-000123'), 'INV-2026-000123'],
    ]);
    const number = 'SINGAPORE-CLOUD-2026-000123';
    expect(payloadOf(invoice({ supplier: iban, number }))?.slice(27, 30)).toEqual(['NON', '', number]);
  });

  it('leaves the payer to be filled in by hand where the character set has no letters for it', () => {
    const { customer } = invoice();
    expect(payloadOf(invoice({ customer: { ...customer, name: '株式会社' } }))?.slice(20, 27)).toEqual(
      Array(7).fill(''),
    );
  });

  it('is for francs, and for euros that a Swiss payer has to pay', () => {
    const { supplier, customer } = invoice();
    expect(swissBill(invoice({ currency: 'USD' }))).toBeUndefined();
    expect(swissBill(invoice({ currency: 'EUR' }))?.currency).toBe('EUR');
    const both = { ...supplier, bank: { iban: 'CH9300762011623852957', bic: 'POFICHBEXXX' } };
    const german = { ...customer, address: address('Weg 1', '10115', 'Berlin', 'DE') };
    expect(swissBill(invoice({ currency: 'EUR', supplier: both, customer: german }))).toBeUndefined();
    expect(transferCode(invoice({ currency: 'EUR', supplier: both, customer: german }))).toMatch(/^BCD\n/);
  });

  it.each<[string, Partial<IssuedInvoice>]>([
    ['is a credit note', { kind: 'credit_note' }],
    ['has nothing to pay', { payable: '0.00' }],
    ['owes the payer', { payable: '-5.00' }],
  ])('is on no document that %s', (_, of) => {
    expect(swissBill(invoice(of))).toBeUndefined();
    expect(transferCode(invoice({ ...of, currency: 'EUR' }))).toBeUndefined();
  });
});
