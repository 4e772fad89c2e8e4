import { fromStamp, monthPeriod } from '#calendar';
import { decimal } from '#money';
import type { RatedLine } from '#rating';
import { documentNumber, isNumberFormat } from './document-number.js';
import {
  assertConserved,
  rebilled,
  type DraftInput,
  draftInvoice,
  type InvoicedAccount,
  isEmpty,
  issueInvoice,
  type IssuingSeller,
  missingFields,
} from './documents.js';
import type { AccountTax, Address, DraftInvoice } from './invoice.js';
import { totalsOf } from './totals.js';

const ADDRESS: Address = {
  line1: 'Keizersgracht 1',
  line2: null,
  city: 'Amsterdam',
  region: null,
  postal_code: '1015 CJ',
  country: 'NL',
};
const SELLER: IssuingSeller = {
  code: 'edge-nl',
  name: 'Edge Networks BV',
  address: ADDRESS,
  taxId: 'NL001234567B01',
  email: 'billing@edge.example',
  bank: { iban: 'NL91ABNA0417164300', bic: 'ABNANL2A' },
  paymentTermsDays: 30,
};
const ACCOUNT: InvoicedAccount = {
  id: '0192c4a0-0000-7000-8000-000000000001',
  externalId: '62c40000a1b2c3d400000000',
  name: 'Harbour Logistics GmbH',
  address: { ...ADDRESS, city: 'Hamburg', country: 'DE' },
  taxId: 'DE123456789',
  email: null,
  currency: 'EUR',
  paymentTermsDays: null,
};
const VAT: AccountTax = { name: 'VAT', category: 'S', rate: '21' };
const OCTOBER = monthPeriod('2026-10', 'Europe/Amsterdam');

function fee(amount: string): RatedLine {
  const exact = { numerator: amount, denominator: '1' };
  return {
    charge: 'platform',
    kind: 'one_time',
    description: 'Platform fee',
    entity: null,
    segment: {
      start: '2026-09-30T22:00:00Z',
      end: '2026-10-31T23:00:00Z',
      start_date: '2026-10-01',
      end_date: '2026-11-01',
    },
    quantity: '1',
    unit: 'item',
    amount,
    unrounded_amount: decimal(amount).toFixed(),
    tax_category: null,
    commodity_code: null,
    derivation: {
      version: 1,
      plan: null,
      basis: { kind: 'one_time', unit_amount: amount },
      steps: [{ kind: 'fee', quantity: '1', unit_price: amount, tier: null, amount: exact }],
      amount: exact,
      rounding: { mode: 'half_up', digits: 2 },
    },
  };
}

function input(amounts: string[], taxes: AccountTax[] = [VAT]): DraftInput {
  const lines = amounts.map(fee);
  const totals = totalsOf(lines, taxes, { currency: 'EUR', rounding: 'half_up', payableRounding: 'none' });
  return {
    seller: SELLER,
    account: ACCOUNT,
    period: OCTOBER,
    measured: null,
    lines,
    totals,
    revision: 1,
    dialectSha256: null,
    layoutVersion: 1,
  };
}

function draft(amounts: string[], taxes?: AccountTax[]): DraftInvoice {
  return { ...draftInvoice(input(amounts, taxes)), inputs_hash: 'f00d' };
}

const ISSUE = {
  id: '0192c4a0-0000-7000-8000-000000000002',
  number: 'INV-2026-000042',
  issuedAt: fromStamp('2026-11-03T23:30:00Z'),
  sellerTimeZone: 'Europe/Amsterdam',
};

describe('draftInvoice', () => {
  it('freezes the lines in their order with both parties and the period', () => {
    expect(draft(['100.00', '-10.00'])).toMatchObject({
      status: 'draft',
      kind: 'invoice',
      seller: 'edge-nl',
      account: ACCOUNT.id,
      supplier: { reference: 'edge-nl', tax_id: 'NL001234567B01', bank: { iban: 'NL91ABNA0417164300' } },
      customer: { reference: '62c40000a1b2c3d400000000', address: { city: 'Hamburg' } },
      period: {
        label: '2026-10',
        start: '2026-09-30T22:00:00Z',
        end: '2026-10-31T23:00:00Z',
        start_date: '2026-10-01',
        end_date: '2026-11-01',
        time_zone: 'Europe/Amsterdam',
        measured: null,
      },
      lines: [
        { position: 1, amount: '100.00' },
        { position: 2, amount: '-10.00' },
      ],
      net: '90.00',
      tax: '18.90',
      gross: '108.90',
      payment_terms_days: 30,
      notes: [],
    });
  });

  it("prefers the account's own payment terms", () => {
    const account = { ...ACCOUNT, paymentTermsDays: 0 };
    expect(draftInvoice({ ...input(['1.00']), account }).payment_terms_days).toBe(0);
  });

  it('a total below zero is a credit note for the whole, its amounts with their signs', () => {
    expect(draft(['10.00', '-12.00'])).toMatchObject({
      kind: 'credit_note',
      net: '-2.00',
      tax: '-0.42',
      gross: '-2.42',
    });
    expect(draft(['12.00', '-12.00'])).toMatchObject({ kind: 'invoice', gross: '0.00' });
  });

  it('says why no tax is charged', () => {
    const none = (category: AccountTax['category'], exemption_reason?: string) =>
      draft(['1.00'], [{ name: 'VAT', category, rate: '0', exemption_reason }]).notes;
    expect(none('AE')).toEqual([{ code: 'reverse_charge' }]);
    expect(none('K')).toEqual([{ code: 'intra_community_supply' }]);
    expect(none('G')).toEqual([{ code: 'export_supply' }]);
    expect(none('E', 'Article 132 (1)')).toEqual(['VAT: Article 132 (1)']);
    expect(none('Z')).toEqual([]);
  });

  it('says how bandwidth is measured, when it bills any', () => {
    const line = fee('1.00');
    const bandwidth = {
      ...line,
      derivation: { ...line.derivation, basis: { kind: 'usage', evidence: { metric: 'bandwidth' } } },
    } as unknown as RatedLine;
    expect(draftInvoice({ ...input(['1.00']), lines: [bandwidth] }).notes).toEqual([{ code: 'bandwidth_as_reported' }]);
  });

  it('throws when the totals are not those of the lines', () => {
    const wrong = { ...input(['1.00']), lines: [fee('1.01')] };
    expect(() => draftInvoice(wrong)).toThrow(expect.objectContaining({ code: 'not_conserved' }));
  });
});

describe('issueInvoice', () => {
  it("is dated by the seller's calendar, and due that many days later", () => {
    expect(issueInvoice(draft(['100.00']), ISSUE)).toEqual({
      ...draft(['100.00']),
      status: 'issued',
      id: ISSUE.id,
      number: 'INV-2026-000042',
      issued_at: '2026-11-03T23:30:00Z',
      issue_date: '2026-11-04',
      due_date: '2026-12-04',
      corrects: null,
    });
    const inIndia = issueInvoice(draft(['1.00']), {
      ...ISSUE,
      issuedAt: fromStamp('2026-03-31T20:00:00Z'),
      sellerTimeZone: 'Asia/Kolkata',
    });
    expect(inIndia).toMatchObject({ issue_date: '2026-04-01', due_date: '2026-05-01' });
  });

  it('a later revision names what it corrects', () => {
    const second = { ...draft(['1.00']), revision: 2 };
    const corrects = { id: 'an-id', number: 'INV-2026-000001' };
    expect(issueInvoice(second, { ...ISSUE, corrects }).corrects).toEqual(corrects);
    expect(() => issueInvoice(second, ISSUE)).toThrow(expect.objectContaining({ code: 'original_missing' }));
  });

  describe('that bills a period anew', () => {
    const invoice = (amounts: string[], over: object = {}) => ({
      ...issueInvoice(draft(amounts), { ...ISSUE, id: 'the first' }),
      ...over,
    });
    const first = invoice(['100.00']);
    const back = invoice(['-100.00'], {
      number: 'CN-2026-000001',
      revision: 2,
      corrects: { id: 'the first', number: '' },
    });

    it('is the next revision and names what it replaces', () => {
      const anew = rebilled(draft(['70.00']), [first, back]);
      expect(anew).toMatchObject({
        revision: 3,
        replaces: { id: 'the first', number: first.number },
        notes: [{ code: 'replaces', number: first.number, date: first.issue_date }],
      });
      const issued = issueInvoice(anew, { ...ISSUE, id: 'the second' });
      expect(issued).toMatchObject({ corrects: null, replaces: { id: 'the first' } });
      const backAgain = invoice(['-70.00'], { revision: 4, corrects: { id: 'the second', number: '' } });
      const third = rebilled(draft(['70.00']), [first, back, issued, backAgain]);
      expect(third).toMatchObject({ revision: 5, replaces: { id: 'the second' } });
    });

    it('is refused while anything of it stands, or when nothing was billed', () => {
      const almost = invoice(['-99.99'], { revision: 2, corrects: { id: 'the first', number: '' } });
      for (const [earlier, code] of [
        [[first], 'not_taken_back'],
        [[first, almost], 'not_taken_back'],
        [[], 'original_missing'],
      ] as const) {
        expect(() => rebilled(draft(['70.00']), earlier)).toThrow(expect.objectContaining({ code }));
      }
    });
  });

  it.each(['', 'INV 1', 'INV#1'])('does not issue under the number %j', (number) => {
    expect(() => issueInvoice(draft(['1.00']), { ...ISSUE, number })).toThrow(
      expect.objectContaining({ code: 'malformed_number' }),
    );
  });

  it('does not issue what does not add up', () => {
    const wrong = { ...draft(['1.00']), gross: '1.20' };
    expect(() => issueInvoice(wrong, ISSUE)).toThrow(expect.objectContaining({ code: 'not_conserved' }));
  });
});

describe('assertConserved', () => {
  const good = draft(['100.00', '0.01']);

  it.each([
    ['net', '100.00', 'the lines do not add up to the net; net and tax do not add up to the gross'],
    ['tax', '21.01', 'the tax groups do not add up to the tax; net and tax do not add up to the gross'],
    ['gross', '121.00', 'net and tax do not add up to the gross; gross and rounding do not add up to the payable'],
    ['rounding', '0.01', 'gross and rounding do not add up to the payable'],
    ['payable', '121.02', 'gross and rounding do not add up to the payable'],
  ])('a wrong %s is named', (member, value, message) => {
    expect(() => assertConserved(good)).not.toThrow();
    expect(() => assertConserved({ ...good, [member]: value })).toThrow(message);
  });
});

describe('isEmpty', () => {
  it('is about the lines, not their total', () => {
    expect(isEmpty([])).toBe(true);
    expect(isEmpty([fee('0.00'), fee('-0.00')])).toBe(true);
    expect(isEmpty([fee('5.00'), fee('-5.00')])).toBe(false);
  });
});

describe('documentNumber', () => {
  it.each([
    ['INV', 2026, 1, 'INV-2026-000001'],
    ['CN/A', 2025, 999_999, 'CN/A-2025-999999'],
    ['I', 2026, 1_000_000, 'I-2026-1000000'],
  ])('%s in %d, the %dth', (prefix, year, sequence, number) => {
    expect(documentNumber({ prefix, year, sequence })).toBe(number);
  });

  it.each(['', 'INV 1', 'RÉ', 'A_B', 'A.B', 'INV\n'])('refuses the prefix %j', (prefix) => {
    expect(() => documentNumber({ prefix, year: 2026, sequence: 1 })).toThrow(
      expect.objectContaining({ code: 'malformed_number', retryable: false }),
    );
  });

  it.each([
    ['{prefix}/{fy}/{sequence}', 'AB/26-27/000001'],
    ['{prefix}-{year}/{sequence}', 'AB-2026/000001'],
  ])('as a seller writes them: %s', (format, number) => {
    expect(documentNumber({ prefix: 'AB', year: 2026, sequence: 1, format, country: 'IN' })).toBe(number);
  });

  it.each([
    '{prefix}{fy}{sequence}',
    '{sequence}-{year}-{prefix}',
    '{prefix}-{sequence}',
    '{prefix}_{year}-{sequence}',
    '',
  ])('refuses the format %j, by which two could read alike or none be told', (format) => {
    expect(isNumberFormat(format)).toBe(false);
    expect(() => documentNumber({ prefix: 'AB', year: 2026, sequence: 1, format })).toThrow(
      expect.objectContaining({ code: 'malformed_number' }),
    );
  });

  it('turns the century', () => {
    expect(documentNumber({ prefix: 'A', year: 2099, sequence: 1, format: '{prefix}/{fy}/{sequence}' })).toBe(
      'A/99-00/000001',
    );
  });

  it('begins with no zero in India', () => {
    const of = { prefix: '0A', year: 2026, sequence: 1 };
    expect(() => documentNumber({ ...of, country: 'IN' })).toThrow(
      expect.objectContaining({ code: 'malformed_number' }),
    );
    expect(documentNumber(of)).toBe('0A-2026-000001');
  });

  it('has at most 16 characters in India', () => {
    const india = (prefix: string, sequence = 1) => documentNumber({ prefix, year: 2026, sequence, country: 'IN' });
    expect(india('INVX')).toBe('INVX-2026-000001');
    expect(() => india('INVXY')).toThrow(expect.objectContaining({ code: 'malformed_number' }));
    expect(() => india('INVX', 1_000_000)).toThrow(expect.objectContaining({ code: 'malformed_number' }));
    expect(documentNumber({ prefix: 'INVXY', year: 2026, sequence: 1, country: 'NL' })).toBe('INVXY-2026-000001');
  });
});

describe('missingFields', () => {
  const missing = (change: { seller?: Partial<IssuingSeller>; account?: Partial<InvoicedAccount> }, tax = VAT) => {
    const given = input(['1.00'], [tax]);
    return missingFields(
      draftInvoice({ ...given, seller: { ...SELLER, ...change.seller }, account: { ...ACCOUNT, ...change.account } }),
    );
  };
  const at = (country: string, region: string | null = null): Address => ({ ...ADDRESS, country, region });

  it('nothing is missing from a complete invoice', () => {
    expect(missing({})).toEqual([]);
  });

  it('names and addresses of both', () => {
    expect(missing({ seller: { name: ' ', address: null }, account: { name: '', address: null } })).toEqual([
      'supplier.name',
      'supplier.address',
      'customer.name',
      'customer.address',
    ]);
    expect(missing({ account: { address: { ...ADDRESS, line1: '', city: ' ', country: '' } } })).toEqual([
      'customer.address.line1',
      'customer.address.city',
      'customer.address.country',
    ]);
  });

  it.each<[string, AccountTax['category'], string, boolean]>([
    ['NL', 'S', '21', true],
    ['NL', 'E', '0', true],
    ['NL', 'Z', '0', true],
    ['NL', 'O', '0', false],
    ['IN', 'S', '18', true],
    ['CH', 'S', '8.1', true],
    ['CH', 'Z', '0', false],
    ['US', 'S', '10.25', false],
  ])("the supplier's tax number in %s at category %s, %s %%: %s", (country, category, rate, needed) => {
    const tax = { name: 'Tax', category, rate, exemption_reason: 'a reason' };
    const found = missing({ seller: { taxId: null, address: at(country) } }, tax);
    expect(found).toEqual(needed ? ['supplier.tax_id'] : []);
  });

  it('the tax number of a customer who owes the tax', () => {
    const reverse: AccountTax = { name: 'VAT', category: 'AE', rate: '0' };
    expect(missing({ account: { taxId: null } }, reverse)).toEqual(['customer.tax_id']);
    expect(missing({ account: { taxId: ' ' } }, { ...reverse, category: 'K' })).toEqual(['customer.tax_id']);
    expect(missing({ account: { taxId: null } })).toEqual([]);
  });

  it('the reason of an exemption', () => {
    expect(missing({}, { name: 'VAT', category: 'E', rate: '0' })).toEqual(['taxes[0].exemption_reason']);
  });

  it('the state that is the place of supply, within India', () => {
    const gst: AccountTax = { name: 'IGST', category: 'S', rate: '18' };
    const seller = { address: at('IN', 'Maharashtra') };
    expect(missing({ seller, account: { address: at('IN') } }, gst)).toEqual(['customer.address.region']);
    expect(missing({ seller, account: { address: at('IN', 'Karnataka') } }, gst)).toEqual([]);
    expect(missing({ seller, account: { address: at('NL') } }, gst)).toEqual([]);
  });
});
