import type { InvoiceLine } from '#invoicing';
import { closingSum } from './reading.js';

function line(
  amount: string,
  steps: readonly [numerator: string, denominator: string][],
  of: Partial<InvoiceLine> = {},
) {
  const told = steps.map(([numerator, denominator]) => ({ amount: { numerator, denominator } }));
  const derivation = { steps: told, rounding: { digits: 2, mode: 'half_up' } };
  return { amount, derivation, ...of } as unknown as InvoiceLine;
}

describe('the sum that closes a line', () => {
  // 200 GB at 0.08, and 25.8 GB at 0.05.
  it('adds its tiers up to the amount', () => {
    const terms = line('17.29', [
      ['16', '1'],
      ['129', '100'],
    ]);
    expect(closingSum(terms)).toEqual({ terms: ['16.00', '1.29'], amount: '17.29', isExact: true });
  });

  it('says where cents that were rounded apart do not add up', () => {
    // 2 × 1/3 of a cent over 1.00: 1.003333 + 1.003333 = 2.006667.
    const thirds = line('2.01', [
      ['301', '300'],
      ['301', '300'],
    ]);
    expect(closingSum(thirds)).toEqual({ terms: ['1.00', '1.00'], amount: '2.01', isExact: false });
  });

  it('leaves out what is free, and is none of one step', () => {
    expect(closingSum(line('16.00', [['0', '1'], ['16', '1']]))).toBeUndefined(); // prettier-ignore
  });

  it('is none where something else made the amount', () => {
    expect(closingSum(line('20.00', [['16', '1'], ['129', '100']]))).toBeUndefined(); // prettier-ignore
  });

  it('of a corrected line is that of what it comes to now', () => {
    const corrected = line('-2.71', [['16', '1'], ['129', '100']], { correction: { rerated: '17.29', billed: '20.00' } }); // prettier-ignore
    expect(closingSum(corrected)?.amount).toBe('17.29');
  });
});
