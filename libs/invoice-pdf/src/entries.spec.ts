import fc from 'fast-check';
import type { InvoiceLine } from '#invoicing';
import { entriesOf } from './entries.js';

/** A line as a document has it, in cents, so that sums can be made of whole numbers here. */
function lineOf(position: number, charge: number, cents: bigint, thousandths: bigint): InvoiceLine {
  const text = (value: bigint, decimals: number): string => {
    const digits = String(value < 0n ? -value : value).padStart(decimals + 1, '0');
    return `${value < 0n ? '-' : ''}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
  };
  const whole = { numerator: '1', denominator: '1' };
  return {
    ...{ position, charge: `charge-${charge}`, kind: 'usage', description: `Charge ${charge}`, entity: null },
    segment: {
      start: '2026-10-01T00:00:00Z',
      end: '2026-11-01T00:00:00Z',
      start_date: '2026-10-01',
      end_date: '2026-11-01',
    },
    ...{ quantity: text(thousandths, 3), unit: 'GB', amount: text(cents, 2), unrounded_amount: text(cents, 2) },
    ...{ tax_category: null, commodity_code: null },
    derivation: {
      version: 1,
      plan: null,
      basis: {
        kind: 'usage',
        evidence: null,
        measured: whole,
        unit: 'GB',
        base_units_per_unit: '1000000000',
        round: null,
        share: { ...whole, proration: 'second' },
        scaled_by: 'quantity',
        included: null,
        price: { model: 'per_unit', unit_price: `0.0${charge + 1}` },
        minimum_amount: null,
        maximum_amount: null,
      },
      steps: [],
      amount: whole,
      rounding: { mode: 'half_up', digits: 2 },
    },
  };
}

const scaled = (text: string, decimals: number): bigint => {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(`${whole}${fraction.padEnd(decimals, '0')}`);
};

const anyLines = fc
  .array(
    fc.record({
      charge: fc.integer({ min: 0, max: 5 }),
      cents: fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }),
      thousandths: fc.bigInt({ min: 0n, max: 10n ** 20n }),
    }),
    { minLength: 20, maxLength: 120, size: 'max' },
  )
  .map((drawn) => drawn.map(({ charge, cents, thousandths }, index) => lineOf(index + 1, charge, cents, thousandths)));

describe('the rows of a table', () => {
  it('come to the net of the document, each charge to the sum of its lines, and no line is lost or doubled', () => {
    let grouped = 0;
    fc.assert(
      fc.property(anyLines, (lines) => {
        const entries = entriesOf(lines);
        const amounts = entries.map((entry) => ('line' in entry ? entry.line.amount : entry.group.amount));
        const total = (texts: readonly string[], decimals: number) =>
          texts.reduce((sum, text) => sum + scaled(text, decimals), 0n);
        expect(total(amounts, 2)).toBe(
          total(
            lines.map(({ amount }) => amount),
            2,
          ),
        );
        for (const entry of entries) {
          if (!('group' in entry)) continue;
          grouped += 1;
          const { group } = entry;
          const of = (member: 'amount' | 'quantity') => group.lines.map((line) => line[member]);
          expect(scaled(group.amount, 2)).toBe(total(of('amount'), 2));
          expect(scaled(group.quantity ?? '', 3)).toBe(total(of('quantity'), 3));
          expect(new Set(group.lines.map(({ charge }) => charge)).size).toBe(1);
        }
        const shown = entries.flatMap((entry) => ('line' in entry ? [entry.line] : entry.group.lines));
        expect(shown.map(({ position }) => position).sort((a, b) => a - b)).toEqual(
          lines.map(({ position }) => position),
        );
      }),
    );
    expect(grouped).toBeGreaterThan(20);
  });

  it('are the lines themselves up to forty of them, and of charges that have no more than eight', () => {
    const lines = (count: number, charges: number) =>
      Array.from({ length: count }, (_, index) => lineOf(index + 1, index % charges, 100n, 1_000n));
    const marks = (of: InvoiceLine[]) =>
      entriesOf(of).map((entry) => ('line' in entry ? entry.line.position : entry.group.mark));
    expect(marks(lines(40, 1))).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(marks(lines(41, 1))).toEqual(['A1']);
    expect(marks(lines(48, 6))).toEqual(Array.from({ length: 48 }, (_, index) => index + 1));
    expect(marks(lines(49, 6))).toEqual(['A1', ...marks(lines(49, 6)).slice(1)]);
    expect(marks(lines(49, 6))).toHaveLength(1 + 40);
  });

  it('are parted by price, and have no quantity where quantities do not add up', () => {
    const lines = Array.from({ length: 60 }, (_, index) => lineOf(index + 1, 0, 100n, 1_000n));
    const dearer = (line: InvoiceLine): InvoiceLine => {
      const { basis } = line.derivation;
      if (basis.kind !== 'usage') throw new Error('not usage');
      const price = { model: 'per_unit' as const, unit_price: '9.99' };
      return { ...line, derivation: { ...line.derivation, basis: { ...basis, price } } };
    };
    const groups = (of: InvoiceLine[]) => entriesOf(of).flatMap((entry) => ('group' in entry ? [entry.group] : []));
    expect(groups(lines.map((line, index) => (index < 30 ? line : dearer(line)))).map((each) => each.amount)).toEqual([
      '30.00',
      '30.00',
    ]);
    expect(groups(lines).map(({ quantity }) => quantity)).toEqual(['60']);
    expect(groups(lines.map((line) => ({ ...line, unit: 'Mbps' }))).map(({ quantity }) => quantity)).toEqual([null]);
    const cut = lines.map((line, index) => (index === 7 ? { ...line, quantity: '0.333333333333' } : line));
    expect(groups(cut).map(({ quantity }) => quantity)).toEqual([null]);
  });
});
