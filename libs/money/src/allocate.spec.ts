import fc from 'fast-check';
import { allocate } from './allocate.js';
import { decimal, Decimal } from './exact.js';

const split = (amount: string, weights: string[], digits = 2) =>
  allocate(decimal(amount), weights.map(decimal), digits).map((part) => part.toFixed(digits));

describe('allocate', () => {
  it('gives the left-over cent to the largest remainder, ties to the lower position', () => {
    expect(split('0.05', ['1', '1', '1'])).toEqual(['0.02', '0.02', '0.01']);
    expect(split('100.00', ['1', '1', '1'])).toEqual(['33.34', '33.33', '33.33']);
    // Exact shares 1.25, 3.75 and 5.00 cents.
    expect(split('0.10', ['1', '3', '4'])).toEqual(['0.01', '0.04', '0.05']);
    expect(split('10.00', ['0', '1', '0'])).toEqual(['0.00', '10.00', '0.00']);
    expect(split('10', ['1', '2'], 0)).toEqual(['3', '7']);
    expect(split('1.000', ['1', '2'], 3)).toEqual(['0.333', '0.667']);
  });

  it('mirrors negative amounts, without minus zero', () => {
    expect(split('-0.05', ['1', '1', '1'])).toEqual(['-0.02', '-0.02', '-0.01']);
    expect(allocate(decimal('-0.01'), [decimal('1'), decimal('1')], 2).map((part) => part.s)).toEqual([-1, 1]);
  });

  it('conserves: the parts add up, and none is off its exact share by a unit or more', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
        fc.array(fc.bigInt({ min: 0n, max: 10n ** 9n }), { minLength: 1, maxLength: 12 }),
        (cents, weights) => {
          fc.pre(weights.some((weight) => weight > 0n));
          const whole = weights.reduce((a, b) => a + b);
          const parts = allocate(
            new Decimal(String(cents)).div(100),
            weights.map((weight) => decimal(String(weight))),
            2,
          ).map((part) => BigInt(part.times(100).toFixed()));
          expect(parts.reduce((a, b) => a + b)).toBe(cents);
          parts.forEach((part, i) => {
            const off = part * whole - cents * (weights[i] ?? 0n);
            expect(off < whole && off > -whole).toBe(true);
          });
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('refuses weights that say nothing and amounts finer than the digits', () => {
    const badWeights = expect.objectContaining({ code: 'bad_weights' });
    expect(() => split('1.00', [])).toThrow(badWeights);
    expect(() => split('1.00', ['0', '0'])).toThrow(badWeights);
    expect(() => split('1.00', ['2', '-1'])).toThrow(badWeights);
    expect(() => split('1.005', ['1', '1'])).toThrow(expect.objectContaining({ code: 'inexact_result' }));
  });
});
