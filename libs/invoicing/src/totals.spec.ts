import fc from 'fast-check';
import { taxFaults } from './account-taxes.js';
import type { AccountTax, TaxCategory } from './invoice.js';
import { totalsOf, type TotalsOptions } from './totals.js';

type Line = Parameters<typeof totalsOf>[0][number];

function line(amount: string, members: { category?: TaxCategory | null; tax?: string; until?: string } = {}): Line {
  const segment = {
    start: '2026-10-01T00:00:00Z',
    end: '2026-11-01T00:00:00Z',
    start_date: '2026-10-01',
    end_date: members.until ?? '2026-11-01',
  };
  const named = members.tax === undefined ? {} : { tax: members.tax };
  return { charge: 'traffic', amount, tax_category: members.category ?? null, ...named, segment };
}

const EUR: TotalsOptions = { currency: 'EUR', rounding: 'half_up', payableRounding: 'none' };
const VAT19: AccountTax = { name: 'VAT', category: 'S', rate: '19' };
const groups = (...input: Parameters<typeof totalsOf>) =>
  totalsOf(...input).taxes.map(({ name, category, rate, base, amount }) => [name, category, rate, base, amount]);

describe('totals', () => {
  it('taxes the sum of the lines, not each line', () => {
    // 19 % of 0.02 is 0.0038, three times nothing; of 0.06 it is 0.0114.
    expect(totalsOf([line('0.02'), line('0.02'), line('0.02')], [VAT19], EUR)).toEqual({
      taxes: [{ name: 'VAT', category: 'S', rate: '19', base: '0.06', amount: '0.01', exemption_reason: null }],
      net: '0.06',
      tax: '0.01',
      gross: '0.07',
      rounding: '0.00',
      payable: '0.07',
    });
  });

  it('charges CGST and SGST as two groups on one base, and rounds the payable to the rupee', () => {
    const taxes: AccountTax[] = [
      { name: 'CGST', category: 'S', rate: '9' },
      { name: 'SGST', category: 'S', rate: '9' },
    ];
    // 9 % of 1,000.50 is 90.045, rounded in each group: 90.05 twice, where 18 % would be 180.09.
    expect(
      totalsOf([line('1000.00'), line('0.50')], taxes, { currency: 'INR', rounding: 'half_up', payableRounding: '1' }),
    ).toMatchObject({
      taxes: [
        { name: 'CGST', base: '1000.50', amount: '90.05' },
        { name: 'SGST', base: '1000.50', amount: '90.05' },
      ],
      net: '1000.50',
      tax: '180.10',
      gross: '1180.60',
      rounding: '0.40',
      payable: '1181.00',
    });
  });

  it.each([
    ['JPY', 'half_up', '1225', '123', '1348'],
    ['JPY', 'half_even', '1225', '122', '1347'],
    ['USD', 'half_up', '12.25', '1.23', '13.48'],
    ['USD', 'half_even', '12.25', '1.22', '13.47'],
    ['USD', 'half_even', '12.35', '1.24', '13.59'],
    ['BHD', 'half_up', '1.225', '0.123', '1.348'],
    ['BHD', 'half_even', '1.225', '0.122', '1.347'],
  ] as const)('10 %% in %s, %s, of %s is %s', (currency, rounding, net, tax, gross) => {
    const taxes: AccountTax[] = [{ name: 'Tax', category: 'S', rate: '10.0' }];
    expect(totalsOf([line(net)], taxes, { currency, rounding, payableRounding: 'none' })).toMatchObject({
      taxes: [{ rate: '10', base: net, amount: tax }],
      net,
      tax,
      gross,
      payable: gross,
    });
  });

  it.each([
    ['0.05', '10.02', '-0.02', '10.00'],
    ['0.05', '10.03', '0.02', '10.05'],
    ['0.05', '-10.03', '-0.02', '-10.05'],
    ['1', '10.50', '0.50', '11.00'],
    ['1', '10.49', '-0.49', '10.00'],
    ['1', '-10.50', '-0.50', '-11.00'],
    ['1', '-0.30', '0.30', '0.00'],
    ['none', '10.03', '0.00', '10.03'],
  ] as const)('payable rounding %s makes %s payable by %s: %s', (payableRounding, gross, rounding, payable) => {
    const options = { currency: 'CHF', rounding: 'half_up', payableRounding } as const;
    expect(totalsOf([line(gross)], [], options)).toMatchObject({ gross, rounding, payable });
  });

  it('is nothing for no lines', () => {
    const zero = { taxes: [], net: '0.00', tax: '0.00', gross: '0.00', rounding: '0.00', payable: '0.00' };
    expect(totalsOf([], [VAT19], EUR)).toEqual(zero);
  });

  it('taxes discounts with their category, and a credit like a charge', () => {
    expect(groups([line('100.00'), line('-10.00')], [VAT19], EUR)).toEqual([['VAT', 'S', '19', '90.00', '17.10']]);
    expect(groups([line('-0.50')], [{ ...VAT19, rate: '5' }], EUR)).toEqual([['VAT', 'S', '5', '-0.50', '-0.03']]);
  });
});

describe('which taxes a line bears', () => {
  const reduced: AccountTax = { name: 'VAT', category: 'S', rate: '16', valid_from: '2026-07-01' };
  const before: AccountTax = { ...VAT19, valid_until: '2026-07-01' };

  it('the rate of the last day it was supplied on', () => {
    const june = line('100.00', { until: '2026-07-01' });
    const july = line('100.00', { until: '2026-07-02' });
    expect(groups([june], [before, reduced], EUR)).toEqual([['VAT', 'S', '19', '100.00', '19.00']]);
    expect(groups([july], [before, reduced], EUR)).toEqual([['VAT', 'S', '16', '100.00', '16.00']]);
    expect(groups([june, july], [before, reduced], EUR)).toEqual([
      ['VAT', 'S', '19', '100.00', '19.00'],
      ['VAT', 'S', '16', '100.00', '16.00'],
    ]);
  });

  it("those of the line's category, else of the account's first", () => {
    const exempt: AccountTax = { name: 'VAT', category: 'E', rate: '0', exemption_reason: 'Article 132' };
    const lines = [line('100.00'), line('50.00', { category: 'E' }), line('7.00', { category: 'S' })];
    expect(totalsOf(lines, [VAT19, exempt], EUR).taxes).toEqual([
      { name: 'VAT', category: 'S', rate: '19', base: '107.00', amount: '20.33', exemption_reason: null },
      { name: 'VAT', category: 'E', rate: '0', base: '50.00', amount: '0.00', exemption_reason: 'Article 132' },
    ]);
  });

  it('rates that are written differently are one group', () => {
    const lines = [line('1.00', { until: '2026-07-01' }), line('1.00', { until: '2026-07-02' })];
    expect(groups(lines, [before, { ...reduced, rate: '19.00' }], EUR)).toEqual([['VAT', 'S', '19', '2.00', '0.38']]);
  });

  it('none for an account without taxes: one group O at 0', () => {
    expect(groups([line('5.00'), line('6.00', { category: 'S' })], [], EUR)).toEqual([
      ['Not subject to tax', 'O', '0', '11.00', '0.00'],
    ]);
  });

  it('categories that are 0 by nature need no entry', () => {
    expect(groups([line('5.00', { category: 'G' }), line('1.00', { category: 'AE' })], [VAT19], EUR)).toEqual([
      ['Export outside the EU', 'G', '0', '5.00', '0.00'],
      ['Reverse charge', 'AE', '0', '1.00', '0.00'],
    ]);
  });

  it('a standard-rated line without a standard rate throws, and so does a gap in the taxes', () => {
    const unmatched = expect.objectContaining({ code: 'tax_category_unmatched', retryable: false });
    const zero: AccountTax = { name: 'VAT', category: 'Z', rate: '0' };
    expect(() => totalsOf([line('5.00', { category: 'S' })], [zero], EUR)).toThrow(unmatched);
    expect(() => totalsOf([line('5.00')], [before], EUR)).toThrow(unmatched);
  });

  it('a component that would be charged twice throws', () => {
    expect(() => totalsOf([line('5.00', { until: '2026-07-02' })], [VAT19, reduced], EUR)).toThrow(
      expect.objectContaining({ code: 'ambiguous_taxes' }),
    );
    expect(groups([line('5.00', { until: '2026-07-01' })], [VAT19, reduced], EUR)).toHaveLength(1);
  });
});

describe('a tax that charges name', () => {
  const reduced: AccountTax = { name: 'VAT reduced', category: 'S', rate: '7' };
  const coded = (code: string) => expect.objectContaining({ code, retryable: false });

  it('puts two positive rates of one category on one document, each a group', () => {
    // 19 % of 100.00 and 7 % of 49.99, by hand: 19.00 and 3.4993.
    const lines = [line('100.00', { tax: 'VAT' }), line('49.99', { tax: 'VAT reduced' })];
    expect(totalsOf(lines, [VAT19, reduced], EUR)).toMatchObject({
      taxes: [
        { name: 'VAT', category: 'S', rate: '19', base: '100.00', amount: '19.00' },
        { name: 'VAT reduced', category: 'S', rate: '7', base: '49.99', amount: '3.50' },
      ],
      net: '149.99',
      tax: '22.50',
      gross: '172.49',
    });
  });

  it('is found however its name is written', () => {
    const lines = [line('1.00', { tax: 'vat  REDUCED ' }), line('2.00', { tax: 'ＶＡＴ reduced' })];
    expect(groups(lines, [VAT19, reduced], EUR)).toEqual([['VAT reduced', 'S', '7', '3.00', '0.21']]);
  });

  it('is the one in force on the last day of the line, whatever its category', () => {
    const taxes: AccountTax[] = [
      VAT19,
      { ...reduced, valid_until: '2026-07-01' },
      { ...reduced, rate: '5', valid_from: '2026-07-01' },
    ];
    expect(groups([line('100.00', { tax: 'VAT reduced' })], taxes, EUR)).toEqual([
      ['VAT reduced', 'S', '5', '100.00', '5.00'],
    ]);
    const abroad: AccountTax[] = [{ name: 'VAT reduced', category: 'AE', rate: '0' }];
    expect(groups([line('9.00', { tax: 'VAT reduced' })], abroad, EUR)).toEqual([
      ['VAT reduced', 'AE', '0', '9.00', '0.00'],
    ]);
  });

  it('must be a tax of the account, unless the account is not subject to any', () => {
    const named = line('5.00', { tax: 'VAT super reduced' });
    expect(() => totalsOf([named], [VAT19, reduced], EUR)).toThrow(coded('tax_name_unmatched'));
    expect(() => totalsOf([named], [VAT19, reduced], EUR)).toThrow(/traffic.*"VAT super reduced"/);
    const ended: AccountTax = { ...reduced, name: 'VAT super reduced', valid_until: '2026-10-31' };
    expect(() => totalsOf([named], [VAT19, ended], EUR)).toThrow(coded('tax_name_unmatched'));
    expect(groups([named], [], EUR)).toEqual([['Not subject to tax', 'O', '0', '5.00', '0.00']]);
  });

  it('is needed where the account has two positive rates: a line is never taxed at both', () => {
    expect(() => totalsOf([line('100.00')], [VAT19, reduced], EUR)).toThrow(coded('ambiguous_taxes'));
    const byCategory = line('100.00', { category: 'S' });
    expect(() => totalsOf([byCategory], [VAT19, reduced], EUR)).toThrow(/traffic.*"VAT" S 19 %, "VAT reduced" S 7 %/);
    const sameRate: AccountTax[] = [VAT19, { ...VAT19, name: 'MwSt' }];
    expect(() => totalsOf([line('100.00')], sameRate, EUR)).toThrow(coded('ambiguous_taxes'));
  });

  it('may be two components: by law, or because the account says what they are together', () => {
    const india = (gst: string, half: string): AccountTax[] =>
      ['CGST', 'SGST'].map((name) => ({ name: `${name} ${half}`, category: 'S', rate: half, component_of: gst }));
    const taxes = [...india('GST 18', '9'), ...india('GST 5', '2.5')];
    // 9 % of 100.00 twice and 2.5 % of 40.00 twice.
    expect(groups([line('100.00', { tax: 'GST 18' }), line('40.00', { tax: 'gst 5' })], taxes, EUR)).toEqual([
      ['CGST 9', 'S', '9', '100.00', '9.00'],
      ['SGST 9', 'S', '9', '100.00', '9.00'],
      ['CGST 2.5', 'S', '2.5', '40.00', '1.00'],
      ['SGST 2.5', 'S', '2.5', '40.00', '1.00'],
    ]);
    expect(() => totalsOf([line('100.00')], taxes, EUR)).toThrow(coded('ambiguous_taxes'));
    // Quebec, by law without a word: 5 % and 9.975 % of 200.00.
    const quebec: AccountTax[] = [
      { name: 'GST', category: 'S', rate: '5' },
      { name: 'QST', category: 'S', rate: '9.975' },
    ];
    expect(groups([line('200.00')], quebec, EUR)).toEqual([
      ['GST', 'S', '5', '200.00', '10.00'],
      ['QST', 'S', '9.975', '200.00', '19.95'],
    ]);
    const twoRates: AccountTax[] = [
      { name: 'GST', category: 'S', rate: '15' },
      { name: 'GST reduced', category: 'S', rate: '5' },
    ];
    expect(() => totalsOf([line('200.00')], twoRates, EUR)).toThrow(coded('ambiguous_taxes'));
  });
});

describe('taxes of an account that contradict themselves', () => {
  const places = (taxes: AccountTax[]) => taxFaults(taxes).map(({ path }) => path.join('/'));

  it.each(['Z', 'E', 'AE', 'K', 'G', 'O'] as const)('%s carries no tax', (category) => {
    expect(places([VAT19, { name: 'VAT', category, rate: '21' }])).toEqual(['1/rate']);
    expect(places([{ name: 'VAT', category, rate: '0.00' }])).toEqual([]);
    expect(() => totalsOf([line('100.00')], [{ name: 'VAT', category, rate: '21' }], EUR)).toThrow(
      expect.objectContaining({ code: 'tax_rate_contradicts_category', retryable: false }),
    );
  });

  it('S is above 0', () => {
    expect(places([{ name: 'VAT', category: 'S', rate: '0.0' }])).toEqual(['0/rate']);
    expect(() => totalsOf([line('100.00')], [{ name: 'VAT', category: 'S', rate: '0' }], EUR)).toThrow(
      expect.objectContaining({ code: 'tax_rate_contradicts_category' }),
    );
  });

  it.each(['VAT', 'VAT ', ' VAT', 'vat', 'ＶＡＴ', 'V\u200bAT', 'Ｖａｔ\u00a0'])(
    '%j is VAT, and no tax stands twice',
    (name) => {
      expect(places([VAT19, { name, category: 'S', rate: '19' }])).toEqual(['1/name']);
      expect(
        places([
          { ...VAT19, valid_until: '2026-07-01' },
          { name, category: 'S', rate: '16', valid_from: '2026-06-30' },
        ]),
      ).toEqual(['1/name']);
      expect(
        places([
          { ...VAT19, valid_until: '2026-07-01' },
          { name, category: 'S', rate: '16', valid_from: '2026-07-01' },
        ]),
      ).toEqual([]);
      expect(places([VAT19, { name, category: 'E', rate: '0' }])).toEqual([]);
      expect(() => totalsOf([line('100.00')], [VAT19, { ...VAT19, name }], EUR)).toThrow(
        expect.objectContaining({ code: 'ambiguous_taxes' }),
      );
    },
  );

  it('a name must show, a validity must have a day, and components have one category and a name of their own', () => {
    expect(places([{ ...VAT19, name: ' \u200b' }])).toEqual(['0/name']);
    expect(places([{ ...VAT19, valid_from: '2026-07-01', valid_until: '2026-07-01' }])).toEqual(['0/valid_until']);
    const part = (name: string, category: TaxCategory, component_of: string): AccountTax => ({
      name,
      category,
      rate: category === 'S' ? '5' : '0',
      component_of,
    });
    expect(places([part('GST', 'S', 'Both'), part('QST', 'S', 'both ')])).toEqual([]);
    expect(places([part('GST', 'S', 'Both'), part('QST', 'Z', 'Both')])).toEqual(['1/component_of']);
    expect(places([part('GST', 'S', 'gst'), part('QST', 'S', 'gst')])).toEqual(['0/component_of', '1/component_of']);
  });
});

describe('totals, as a property of random invoices', () => {
  const CURRENCIES = { JPY: 0, USD: 2, INR: 2, BHD: 3, CLF: 4 } as const;
  const text = (units: bigint, digits: number) => {
    const padded = (units < 0n ? -units : units).toString().padStart(digits + 1, '0');
    const plain = digits === 0 ? padded : `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
    return units < 0n ? `-${plain}` : plain;
  };
  const roundedQuotient = (n: bigint, d: bigint, even: boolean) => {
    const magnitude = n < 0n ? -n : n;
    const [whole, twice] = [magnitude / d, (magnitude % d) * 2n];
    const up = twice > d || (twice === d && (!even || whole % 2n === 1n));
    return (up ? whole + 1n : whole) * (n < 0n ? -1n : 1n);
  };
  const amounts = fc.array(
    fc.record({
      units: fc.bigInt({ min: -(10n ** 9n), max: 10n ** 12n }),
      category: fc.constantFrom<TaxCategory | null>('S', 'Z', 'E', null),
    }),
    { maxLength: 6 },
  );
  /** Thousandths of a percent, per component of the standard rate. */
  const rates = fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 3 });

  it('always Σ lines = net, Σ groups = tax, and every group is rounded once on its base', () => {
    fc.assert(
      fc.property(
        amounts,
        rates,
        fc.constantFrom(...(Object.keys(CURRENCIES) as (keyof typeof CURRENCIES)[])),
        fc.constantFrom('half_up', 'half_even'),
        fc.constantFrom('none', '1', '0.05'),
        (lines, thousandths, currency, rounding, asked) => {
          const digits = CURRENCIES[currency];
          const payableRounding = digits < 2 && asked === '0.05' ? 'none' : asked;
          const taxes: AccountTax[] = [
            ...thousandths.map((rate, i): AccountTax => ({
              name: `part ${i}`,
              category: 'S',
              rate: text(BigInt(rate), 3),
              component_of: 'whole',
            })),
            { name: 'zero', category: 'Z', rate: '0' },
          ];
          const rated = lines.map(({ units, category }) => line(text(units, digits), { category }));
          const totals = totalsOf(rated, taxes, { currency, rounding, payableRounding });
          const units = (amount: string) => BigInt(amount.replace('.', ''));

          const sumOf = (of: typeof lines) => of.reduce((total, { units: each }) => total + each, 0n);
          const standard = lines.filter(({ category }) => category === 'S' || category === null);
          const net = sumOf(lines);
          const perPart = thousandths.map((rate) =>
            roundedQuotient(sumOf(standard) * BigInt(rate), 100_000n, rounding === 'half_even'),
          );
          const tax = standard.length > 0 ? perPart.reduce((a, b) => a + b, 0n) : 0n;
          const step = { none: 1n, '1': 10n ** BigInt(digits), '0.05': 5n * 10n ** BigInt(Math.max(digits - 2, 0)) };
          const off = units(totals.rounding) * 2n;
          const printed = [totals.net, totals.tax, totals.gross, totals.rounding, totals.payable];
          expect({
            sums: [units(totals.net), units(totals.tax), units(totals.gross)],
            groups: totals.taxes.filter(({ category }) => category === 'S').map(({ amount }) => units(amount)),
            rounding: units(totals.payable) - units(totals.gross),
            beyondStep: units(totals.payable) % step[payableRounding],
            nearest: off <= step[payableRounding] && -off <= step[payableRounding],
            decimals: [...new Set(printed.map((amount) => amount.split('.')[1]?.length ?? 0))],
          }).toEqual({
            sums: [net, tax, net + tax],
            groups: standard.length > 0 ? perPart : [],
            rounding: units(totals.rounding),
            beyondStep: 0n,
            nearest: true,
            decimals: [digits],
          });
        },
      ),
      { numRuns: 10_000 },
    );
  });
});
