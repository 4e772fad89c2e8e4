import fc from 'fast-check';
import { instantOf } from './report-body.js';

/** What a stamp means by the platform's own calendar; undefined when it had to roll a part over. */
function byDate(parts: readonly [number, number, number, number, number, number]): number | undefined {
  const [year, month, day, hour, minute, second] = parts;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const roundTrip = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ];
  return roundTrip.join() === parts.join() ? date.getTime() / 1000 : undefined;
}

it('counts the seconds of every date and time as the platform does, and knows those that are none', () => {
  fc.assert(
    fc.property(
      fc.tuple(
        fc.oneof(fc.integer({ min: 1, max: 9999 }), fc.constantFrom(1, 1900, 1970, 2000, 2024, 2100, 9999)),
        fc.integer({ min: 0, max: 13 }),
        fc.oneof(fc.integer({ min: 0, max: 32 }), fc.integer({ min: 28, max: 31 })),
        fc.oneof(fc.integer({ min: 0, max: 23 }), fc.constant(24)),
        fc.oneof(fc.integer({ min: 0, max: 59 }), fc.constant(60)),
        fc.oneof(fc.integer({ min: 0, max: 59 }), fc.constant(60)),
      ),
      (parts) => {
        expect(instantOf(...parts)).toBe(byDate(parts));
      },
    ),
    { numRuns: 5_000 },
  );
});

it('there is no year 0', () => {
  expect(instantOf(0, 1, 1, 0, 0, 0)).toBeUndefined();
});
