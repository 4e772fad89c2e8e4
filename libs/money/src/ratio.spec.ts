import fc from 'fast-check';
import { decimal, Decimal } from './exact.js';
import { Ratio, type RoundingMode } from './ratio.js';

const rounded = (numerator: string, denominator: string, digits: number, mode?: RoundingMode) =>
  Ratio.of(numerator, denominator).round(digits, mode).toFixed(digits);

describe('Ratio.round', () => {
  it.each([
    // 0.42 ÷ 28 = 0.015: a tie. The share cut to 0.1071 first would give 0.014994, one cent less.
    ['0.14 × 3 ÷ 28', Ratio.of('0.14').times(Ratio.of(3, 28)), '0.02'],
    ['725.00 ÷ 2', Ratio.of('725.00').times(Ratio.of(1, 2)), '362.50'],
    ['100 ÷ 3', Ratio.of(100, 3), '33.33'],
    ['200 ÷ 3', Ratio.of(200, 3), '66.67'],
  ])('%s is rounded once', (_, ratio, expected) => {
    expect(ratio.round(2).toFixed(2)).toBe(expected);
  });

  it.each([
    ['0.005', '0.01', '0.00'],
    ['0.015', '0.02', '0.02'],
    ['0.025', '0.03', '0.02'],
    ['2.675', '2.68', '2.68'],
    ['1.005', '1.01', '1.00'],
    ['-0.005', '-0.01', '0.00'],
    ['-0.015', '-0.02', '-0.02'],
    ['-0.025', '-0.03', '-0.02'],
    ['0.0149999999999999999999', '0.01', '0.01'],
    ['0.0250000000000000000001', '0.03', '0.03'],
    ['-0.004', '0.00', '0.00'],
  ])('%s is %s half-up and %s half-even', (value, halfUp, halfEven) => {
    expect(rounded(value, '1', 2)).toBe(halfUp);
    expect(rounded(value, '1', 2, 'half_even')).toBe(halfEven);
  });

  it('rounds to whole units and to three decimals', () => {
    expect(rounded('0.5', '1', 0)).toBe('1');
    expect(rounded('2.5', '1', 0, 'half_even')).toBe('2');
    expect(rounded('1', '3', 3)).toBe('0.333');
    expect(rounded('12345', '10', 3)).toBe('1234.500');
  });

  it('never gives minus zero', () => {
    expect(Object.is(Ratio.of('-0.001').round(2).s, 1)).toBe(true);
  });

  it('agrees with integer arithmetic', () => {
    const big = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
    fc.assert(
      fc.property(big, fc.bigInt({ min: 1n, max: 10n ** 12n }), fc.nat(6), fc.boolean(), (n, d, digits, even) => {
        const magnitude = (n < 0n ? -n : n) * 10n ** BigInt(digits);
        const [whole, twice] = [magnitude / d, (magnitude % d) * 2n];
        const up = twice > d || (twice === d && (!even || whole % 2n === 1n));
        const expected = (up ? whole + 1n : whole) * (n < 0n ? -1n : 1n);
        const actual = Ratio.of(String(n), String(d)).round(digits, even ? 'half_even' : 'half_up');
        expect(actual.times(new Decimal(10).pow(digits)).toFixed()).toBe(String(expected));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('Ratio', () => {
  it('adds, multiplies, divides and compares exactly', () => {
    const third = Ratio.of(1, 3);
    expect(third.plus(third).plus(third).compare(Ratio.ONE)).toBe(0);
    expect(third.times(Ratio.of(3)).compare(Ratio.ONE)).toBe(0);
    expect(third.dividedBy(Ratio.of(-2, 3)).compare(Ratio.of(-1, 2))).toBe(0);
    expect(third.compare(Ratio.of('0.3333333333333333333333333333'))).toBe(1);
    expect(Ratio.sum([third, Ratio.of(1, 6)]).compare(Ratio.of(1, 2))).toBe(0);
    expect(Ratio.min(third, Ratio.ONE)).toBe(third);
    expect(Ratio.max(third, Ratio.ONE)).toBe(Ratio.ONE);
  });

  it('knows its sign, and keeps the denominator positive', () => {
    expect(Ratio.of(1, -3).isNegative()).toBe(true);
    expect(Ratio.of(1, -3).denominator.toFixed()).toBe('3');
    expect(Ratio.of(-1, -3).isPositive()).toBe(true);
    expect([Ratio.ZERO.isZero(), Ratio.ZERO.isPositive(), Ratio.ZERO.isNegative()]).toEqual([true, false, false]);
  });

  it.each([
    ['7', '2', '3', '4'],
    ['-7', '2', '-4', '-3'],
    ['6', '2', '3', '3'],
    ['-6', '2', '-3', '-3'],
    ['0.1', '3', '0', '1'],
  ])('%s/%s has floor %s and ceiling %s', (n, d, floor, ceil) => {
    expect(Ratio.of(n, d).floor().toFixed()).toBe(floor);
    expect(Ratio.of(n, d).ceil().toFixed()).toBe(ceil);
  });

  it('shows a quotient cut, exact or in lowest terms', () => {
    expect(Ratio.of(2, 3).toTruncated()).toBe('0.666666666666');
    expect(Ratio.of(-2, 3).toTruncated(2)).toBe('-0.66');
    expect(Ratio.of(1, 8).toTruncated()).toBe('0.125');
    expect(Ratio.of(-1, 1_000).toTruncated(2)).toBe('0');
    expect(Ratio.of(1, 8).toExactDecimal()?.toFixed()).toBe('0.125');
    expect(Ratio.of(1, 3).toExactDecimal()).toBeUndefined();
    const { numerator, denominator } = Ratio.of('0.42', '28').reduced();
    expect([numerator.toFixed(), denominator.toFixed()]).toEqual(['3', '200']);
    expect(Ratio.of(0, 7).reduced()).toEqual(Ratio.ZERO);
  });

  it('refuses a zero denominator and what is not exact', () => {
    expect(() => Ratio.of(1, 0)).toThrow(expect.objectContaining({ code: 'division_by_zero' }));
    expect(() => Ratio.ONE.dividedBy(Ratio.ZERO)).toThrow(expect.objectContaining({ code: 'division_by_zero' }));
    for (const bad of [0.1, Number.NaN, Infinity, 2 ** 53, '1e3', 'x', new Decimal(Number.NaN)]) {
      expect(() => Ratio.of(bad)).toThrow(expect.objectContaining({ code: 'malformed_decimal' }));
    }
  });

  it('throws rather than give a rounded quotient', () => {
    expect(() => Ratio.of(new Decimal('1e600'), 3).floor()).toThrow(
      expect.objectContaining({ code: 'inexact_result' }),
    );
    expect(Ratio.of(new Decimal('2e200'), decimal('1.6')).floor().equals('1.25e200')).toBe(true);
  });
});
