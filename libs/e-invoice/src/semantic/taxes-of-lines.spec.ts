import type { InvoiceContent, TaxCategory, TaxGroup } from '#invoicing';
import { mergedGroups, taxesOfLines } from './taxes-of-lines.js';

type Lines = InvoiceContent['lines'];

const line = (amount: string, of: { tax?: string; category?: string; until?: string } = {}) =>
  ({
    amount,
    ...(of.tax === undefined ? {} : { tax: of.tax }),
    tax_category: of.category ?? null,
    segment: { end_date: of.until ?? '2026-11-01' },
  }) as unknown as Lines[number];

const tax = (category: TaxCategory, rate: string, base: string, name = 'VAT'): TaxGroup => {
  return { name, category, rate, base, amount: '0', exemption_reason: null };
};

function taxesOf(lines: Lines, taxes: TaxGroup[], net: string): string | string[] {
  const found = taxesOfLines({ lines, taxes, net }, mergedGroups(taxes));
  return 'outcome' in found ? found.code : found.map(({ category, rate }) => `${category} ${rate}`);
}

describe('the taxes of lines', () => {
  it('are those of the one group', () => {
    expect(taxesOf([line('1.00'), line('2.00', { category: 'S' })], [tax('S', '19', '3.00')], '3.00')).toEqual([
      ...['S 19', 'S 19'],
    ]);
  });

  it('follow from the category and the name that a charge has', () => {
    const groups = [tax('S', '19', '1.00'), tax('S', '7', '2.00', 'VAT reduced'), tax('Z', '0', '4.00')];
    const lines = [
      line('4.00', { category: 'Z' }),
      line('1.00', { tax: 'vat' }),
      line('2.00', { tax: ' VAT Reduced' }),
    ];
    expect(taxesOf(lines, groups, '7.00')).toEqual(['Z 0', 'S 19', 'S 7']);
  });

  it('follow from the bases where nothing is named', () => {
    const lines = [line('5.00'), line('4.00', { category: 'Z' }), line('1.00')];
    expect(taxesOf(lines, [tax('Z', '0', '4.00'), tax('S', '19', '6.00')], '10.00')).toEqual(['S 19', 'Z 0', 'S 19']);
  });

  it('change with a rate that changed within the period', () => {
    const lines = [line('5.00', { until: '2026-10-16' }), line('4.00')];
    expect(taxesOf(lines, [tax('S', '19', '5.00'), tax('S', '16', '4.00')], '9.00')).toEqual(['S 19', 'S 16']);
  });

  it('stand in the order of the groups where halves of a month come to the same', () => {
    const lines = [line('5.00', { until: '2026-10-16' }), line('5.00')];
    expect(taxesOf(lines, [tax('S', '19', '5.00'), tax('S', '16', '5.00')], '10.00')).toEqual(['S 19', 'S 16']);
  });

  it('are not needed of what comes to nothing', () => {
    const lines = [line('1.00', { category: 'S' }), line('4.00', { category: 'Z' }), line('0.00')];
    expect(taxesOf(lines, [tax('S', '19', '1.00'), tax('Z', '0', '4.00')], '5.00')).toEqual(['S 19', 'Z 0', 'S 19']);
    const opposed = [...lines.slice(0, 2), line('3.00'), line('-3.00')];
    expect(taxesOf(opposed, [tax('S', '19', '1.00'), tax('Z', '0', '4.00')], '5.00')).toBe('tax_of_a_line_unclear');
  });

  it('give every group a line, also one that comes to nothing', () => {
    const lines = [line('0.00'), line('4.00', { category: 'Z' })];
    expect(taxesOf(lines, [tax('S', '19', '0.00'), tax('Z', '0', '4.00')], '4.00')).toEqual(['S 19', 'Z 0']);
    // The groups of a correction stand in another order than its lines do.
    expect(taxesOf(lines, [tax('Z', '0', '4.00'), tax('S', '19', '0.00')], '4.00')).toEqual(['S 19', 'Z 0']);
  });

  it('are none where the account has none, whatever a charge names', () => {
    const lines = [line('1.00', { category: 'Z' }), line('2.00', { tax: 'VAT' }), line('4.00')];
    expect(taxesOf(lines, [tax('O', '0', '7.00', 'Not subject to tax')], '7.00')).toEqual(['O 0', 'O 0', 'O 0']);
  });

  it('are one where two names have one category and rate', () => {
    const groups = [tax('S', '19', '1.00', 'A'), tax('S', '19', '2.00', 'B')];
    expect(taxesOf([line('1.00', { tax: 'A' }), line('2.00', { tax: 'B' })], groups, '3.00')).toEqual(['S 19', 'S 19']);
  });

  it.each([
    [
      'bases that lines come to in two ways',
      ['1', '2', '2', '1'].map((each, day) => line(`${each}.00`, { until: `${day}` })),
      '3.00',
      '3.00',
    ],
    ['bases that no lines come to', [line('4.00', { until: '2026-10-16' }), line('2.00')], '3.00', '3.00'],
  ])('are never guessed: %s', (_, lines, a, b) => {
    expect(taxesOf(lines, [tax('S', '19', a), tax('S', '16', b)], '6.00')).toBe('tax_of_a_line_unclear');
  });

  it('are refused where two fall on one supply', () => {
    const groups = [tax('S', '9', '5.00', 'CGST'), tax('S', '9.5', '5.00', 'SGST')];
    expect(taxesOf([line('5.00')], groups, '5.00')).toBe('several_taxes_on_a_line');
  });

  it('are refused, soon, where ways are without number', () => {
    const lines = Array.from({ length: 60 }, (_, day) => line('1.00', { until: `2026-${day}` }));
    expect(taxesOf(lines, [tax('S', '19', '30.00'), tax('S', '16', '30.00')], '60.00')).toBe('tax_of_a_line_unclear');
  });
});
