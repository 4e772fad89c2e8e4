import fc from 'fast-check';
import { nearest, READING_ERROR, truncatedTenths } from './approximation.js';

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e22 }).map(String),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.bigInt({ min: 0n, max: 10n ** 25n }))
    .map((both) => both.join('.')),
  fc.nat().map(String),
  fc.constantFrom(
    '0',
    '0.0',
    '0.000000000000000000000000000001',
    '1e-7',
    '2.5E+3',
    '9007199254740993',
    '0.1000000000000000000001',
  ),
);

it('is as near to the number as it says', () => {
  fc.assert(
    fc.property(number, (text) => {
      // What JavaScript makes of a decimal is off by half a unit in the last place at most.
      const best = Number.parseFloat(text);
      expect(Math.abs(nearest(text) - best)).toBeLessThanOrEqual(best * READING_ERROR);
    }),
    { numRuns: 2_000 },
  );
});

it.each(['', '.', '1.', '.5', '01', '1.2.3', '-1', '+1', '1e', 'NaN', ' 1', '1,5', '00'])('refuses %j', (text) => {
  expect(() => nearest(text)).toThrow('a reported value is a JSON number');
});

it('tells tenths of a percent by doubles unless one begins just there', () => {
  const exactly = () => 'exactly';
  expect(truncatedTenths(3, 2, exactly)).toBe('exactly');
  expect(truncatedTenths(3.0001, 2, exactly)).toBe('50');
  expect(truncatedTenths(166.19, 100, exactly)).toBe('66.1');
});
