import fc from 'fast-check';
import type { AccountTax, TaxCategory } from './invoice.js';
import { totalsOf, type TotalsOptions } from './totals.js';

type Line = Parameters<typeof totalsOf>[0][number];

function line(amount: string, members: { category?: TaxCategory | null; until?: string } = {}): Line {
  const segment = {
    start: '2026-10-01T00:00:00Z',
    end: '2026-11-01T00:00:00Z',
    start_date: '2026-10-01',
    end_date: members.until ?? '2026-11-01',
  };
  return { charge: 'traffic', amount, tax_category: members.category ?? null, segment };
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
  const rates = fc.array(fc.nat(30_000), { minLength: 1, maxLength: 3 });

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
