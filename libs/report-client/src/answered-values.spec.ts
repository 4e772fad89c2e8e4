import { Decimal as Library } from 'decimal.js';
import fc from 'fast-check';
import { AnsweredValues } from './answered-values.js';

/** Beside the decimals of the service: with digits for whatever an answer can hold. */
const Exact = Library.clone({ precision: 100 });

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e24 }).map(String),
  fc.nat().map((cents) => (cents / 100).toFixed(2)),
  fc.bigInt({ min: 0n, max: 10n ** 24n }).map(String),
);
/** Numbers that differ in their twentieth digit and later, as doubles the same. */
const near = fc.nat(9).map((digit) => `1234.5678901234567890${digit}`);

it('orders numbers exactly, however near they are', () => {
  expect(new AnsweredValues(['0.0049', '0.005']).compare(0, 1)).toBe(-1);
  expect(new AnsweredValues(['9.5', '10']).compare(0, 1)).toBe(-1);
  fc.assert(
    fc.property(fc.oneof(fc.tuple(number, number), fc.tuple(near, near)), ([a, b]) => {
      expect(new AnsweredValues([a, b]).compare(0, 1)).toBe(new Exact(a).comparedTo(b));
    }),
    { numRuns: 1_000 },
  );
});

it('never takes a number for one below a bound that it reaches', () => {
  fc.assert(
    fc.property(number, fc.nat(1_000_000), (text, bound) => {
      if (new AnsweredValues([text]).isBelow(0, bound)) expect(new Exact(text).lessThan(bound)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
  expect(new AnsweredValues(['99']).isBelow(0, 100)).toBe(true);
  expect(new AnsweredValues(['100']).isBelow(0, 100)).toBe(false);
});
