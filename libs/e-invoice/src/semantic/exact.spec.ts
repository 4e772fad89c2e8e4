import { inexact } from './exact.js';
import type { SemanticInvoice } from './semantic-invoice.js';

const tax = { category: 'S', rate: '19' } as const;

/** 3 × 33.33 = 99.99, less 10.00, plus 0.01: 90.00, 19 % of it 17.10. */
const GOOD = {
  currency: 'EUR',
  allowances: [{ amount: '10.00', reason: 'Discount', reasonCode: '95', tax }],
  charges: [{ amount: '0.01', reason: 'Refund', reasonCode: null, tax }],
  taxes: [{ ...tax, base: '90.00', amount: '17.10', reason: null, reasonCode: null }],
  totals: {
    lines: '99.99',
    allowances: '10.00',
    charges: '0.01',
    net: '90.00',
    tax: '17.10',
    gross: '107.10',
    rounding: '-0.10',
    payable: '107.00',
  },
  lines: [
    { id: '1', net: '99.99', tax, price: { quantity: '3', unitCode: 'C62', price: '33.33', baseQuantity: null } },
  ],
} as unknown as SemanticInvoice;

const withTotals = (totals: Partial<SemanticInvoice['totals']>) => ({ ...GOOD, totals: { ...GOOD.totals, ...totals } });
const withLine = (line: Partial<SemanticInvoice['lines'][number]>) => {
  return { ...GOOD, lines: GOOD.lines.map((each) => ({ ...each, ...line })) };
};
const withTax = (of: Partial<SemanticInvoice['taxes'][number]>) => {
  return { ...GOOD, taxes: GOOD.taxes.map((each) => ({ ...each, ...of })) };
};

describe('exact arithmetic', () => {
  it('is kept by a good invoice', () => expect(inexact(GOOD, 1)).toBeNull());

  // What official rules let pass, and what they do not.
  it.each([
    [
      'a tax wrong by a cent',
      { ...withTax({ amount: '17.11' }), totals: { ...GOOD.totals, tax: '17.11', gross: '107.11', payable: '107.01' } },
      'BR-CO-17',
    ],
    [
      'a line wrong by a cent',
      withLine({ price: { quantity: '3', unitCode: 'C62', price: '33.3367', baseQuantity: null } }),
      'line 1',
    ],
    ['lines that are not their sum', withTotals({ lines: '99.98', net: '89.99' }), 'BR-CO-10'],
    ['allowances that are not their sum', withTotals({ allowances: '9.99', net: '90.01' }), 'BR-CO-11'],
    ['charges that are not their sum', withTotals({ charges: '0.02', net: '90.01' }), 'BR-CO-12'],
    ['a net that is not what is left', withTotals({ net: '90.01', gross: '107.11', payable: '107.01' }), 'BR-CO-13'],
    ['a tax that is not its sum', withTotals({ tax: '17.11', gross: '107.11', payable: '107.01' }), 'BR-CO-14'],
    ['a gross that is no sum', withTotals({ gross: '107.11', payable: '107.01' }), 'BR-CO-15'],
    ['a payable that is no sum', withTotals({ payable: '107.10' }), 'BR-CO-16'],
    ['a base that no lines come to', withTax({ base: '90.01' }), 'S 19 %'],
    ['a breakdown that is missing', { ...GOOD, taxes: [] }, 'BR-CO-14'],
    ['three decimals', withTotals({ rounding: '-0.100' }), 'decimals'],
    ['two decimals of a currency without', { ...GOOD, currency: 'JPY' }, 'decimals'],
    ['no line', { ...GOOD, lines: [] }, 'BR-16'],
  ])('is broken by %s', (_, invoice, rule) => {
    const fault = inexact(invoice as SemanticInvoice, 1);
    expect(fault?.code).toBe('amounts_not_exact');
    expect(fault?.message).toContain(rule);
  });

  it('allows a correction the roundings of two taxes, and no third', () => {
    const off = (amount: string) => ({
      ...withTax({ amount }),
      totals: {
        ...GOOD.totals,
        tax: amount,
        gross: `107.${amount.slice(3)}`,
        payable: `107.0${Number.parseInt(amount.slice(3), 10) - 10}`,
      },
    });
    expect(inexact(off('17.11'), 2)).toBeNull();
    expect(inexact(off('17.12'), 2)?.message).toContain('BR-CO-17');
  });
});
