import { monthPeriod } from '#calendar';
import { type BillingFacts, type BillingTerms, type SellerOperations, termsOf } from './facts.js';

const PERIOD = monthPeriod('2026-08', 'UTC');

const FACTS: BillingFacts = {
  seller: {
    id: '1',
    code: 'acme',
    name: 'Acme',
    country: 'AT',
    currency: 'EUR',
    timeZone: 'UTC',
    taxId: 'ATU12345678',
    address: null,
    email: null,
    invoicePrefix: 'INV',
    fiscalYearStart: 1,
    numberStart: 1,
    rounding: 'half_up',
    payableRounding: 'none',
    paymentTermsDays: 14,
    edgePolicy: 'own_by_start',
    unregisteredUsage: 'warn',
    bank: null,
    reportApi: { dialect: { label: 'end' } },
    operations: { settleHours: 48, keepRaw: false, zeroInvoices: 'skip' },
  },
  account: {
    id: '2',
    externalId: 'a-1',
    name: 'Customer',
    currency: 'EUR',
    timeZone: 'UTC',
    address: null,
    taxId: null,
    email: null,
    taxes: [],
    paymentTermsDays: null,
    edgePolicy: null,
  },
  entities: [
    { dimension: 'msisdn', value: '1', name: null, activeFrom: null, activeUntil: '2026-09-01' },
    { dimension: 'msisdn', value: '2', name: null, activeFrom: '2026-09-01', activeUntil: null },
  ],
  subscriptions: [{ planCode: 'p', startDate: '2026-01-01', endDate: null }],
  versions: [{ code: 'p', version: 1, effectiveFrom: '2026-01-01', document: { code: 'p' }, sha256: 'aa' }],
};

/** The terms with one member of the seller changed. */
const changed = (seller: object): BillingTerms =>
  termsOf({ ...FACTS, seller: { ...FACTS.seller, ...seller } } as BillingFacts, PERIOD);

describe('the terms that a hash covers', () => {
  const terms = termsOf(FACTS, PERIOD);

  it('say how the service works for a seller nowhere, however it works', () => {
    const operations: SellerOperations = { settleHours: 1, keepRaw: true, zeroInvoices: 'issue' };
    expect(changed({ operations })).toEqual(terms);
    expect(JSON.stringify(terms)).not.toMatch(/operations|settleHours|keepRaw|zeroInvoices/);
  });

  it('leave out what is read beside them and not named: a setting that was added later, keys, addresses', () => {
    expect(changed({ addedLater: 'x', reportApiKey: 'secret' })).toEqual(terms);
    expect(changed({ reportApi: { dialect: { label: 'end' }, base_url: 'https://a.example', strict: true } })).toEqual(
      terms,
    );
  });

  it.each(
    Object.keys(FACTS.seller)
      .filter((member) => member !== 'operations')
      .map((member) => [member]),
  )('cover the %s of the seller', (member) => {
    expect(changed({ [member]: 'other' })).not.toEqual(terms);
  });

  it.each(Object.keys(FACTS.account).map((member) => [member]))('cover the %s of the account', (member) => {
    const other = termsOf({ ...FACTS, account: { ...FACTS.account, [member]: 'UTC ' } } as BillingFacts, PERIOD);
    expect(other).not.toEqual(terms);
  });

  it('cover what bears on the period, plans by their hash', () => {
    expect(terms.entities.map(({ value }) => value)).toEqual(['1']);
    expect(terms.versions).toEqual([
      { code: 'p', version: 1, effectiveFrom: '2026-01-01', document: null, sha256: 'aa' },
    ]);
  });
});
