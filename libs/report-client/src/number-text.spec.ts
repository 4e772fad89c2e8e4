import fc from 'fast-check';
import { decimalFromNumberText } from '#money';
import { dividedByPowerOfTen, exceeds, hasAtMostDecimals, requireMeasurement } from './number-text.js';

const numberText = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e24 }).map(String),
  fc.nat().map((cents) => (cents / 100).toFixed(2)),
  fc.bigInt({ min: 0n, max: 10n ** 24n }).map(String),
);
const refusal = (text: string) => {
  try {
    requireMeasurement(text, () => 'here');
    return 'fine';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

it.each([
  ['0', 'fine'],
  ['22196.5', 'fine'],
  ['0.0003111608391608391', 'fine'],
  ['3.1e-7', 'fine'],
  ['1e+21', 'fine'],
  ['9007199254740993', 'fine'],
  ['-1', 'value_negative'],
  ['-0', 'value_negative'],
  ['1e300', 'value_out_of_range'],
  ['1E+25', 'value_out_of_range'],
  ['1e-100', 'value_out_of_range'],
  ['1e-0005', 'value_out_of_range'],
  ['1e99999999999999999999', 'value_out_of_range'],
  ['1'.repeat(26), 'value_out_of_range'],
  [`0.${'1'.repeat(80)}`, 'value_out_of_range'],
])('%s is %s', (text, verdict) => {
  expect(refusal(text)).toBe(verdict);
});

it('a bound is exact and includes itself', () => {
  expect(exceeds('10000', 10_000)).toBe(false);
  expect(exceeds('1e4', 10_000)).toBe(false);
  expect(exceeds('10000.000000000000000000001', 10_000)).toBe(true);
  expect(exceeds('9999.99999', 10_000)).toBe(false);
  fc.assert(
    fc.property(numberText, fc.integer({ min: 1, max: 1e15 }), (text, bound) => {
      expect(exceeds(text, bound)).toBe(decimalFromNumberText(text).greaterThan(bound));
    }),
  );
});

it('tells two decimals from more', () => {
  expect(['4', '4.1', '4.12', '4.120', '4.123', '4e-1'].map((text) => hasAtMostDecimals(text, 2))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

it('moves a decimal point exactly', () => {
  expect(dividedByPowerOfTen('280894.13', 3)).toBe('280.89413');
  expect(dividedByPowerOfTen('0.0049999999999999999999', 6)).toBe('0.0000000049999999999999999999');
});
