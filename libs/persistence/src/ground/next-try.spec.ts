import fc from 'fast-check';
import { nextTry, type Waited } from './next-try.js';

const HOUR = 3_600;
const NOW = 1_780_000_000;
const first: Waited = { now: NOW, since: null, tries: 0, hours: 24, random: 0 };

/** All tries of one wait, as seconds from the first fault, when every try meets it again at once. */
function tries(of: Partial<Waited>): number[] {
  const at: number[] = [];
  let now = NOW;
  for (let count = 0; ; count += 1) {
    const next = nextTry({ ...first, ...of, now, since: count === 0 ? null : NOW, tries: count });
    if (next === undefined) return at;
    at.push(next - NOW);
    now = next;
  }
}

it('pauses 30 s, then twice as long each time, at most half an hour, and tries once more when the hours end', () => {
  // 30, 60, 120, 240, 480, 960, then 1,800 each; the last by lot at its longest.
  const longest = tries({ random: 0.999_999, hours: 2 });
  expect(longest).toEqual([30, 90, 210, 450, 930, 1_890, 3_690, 5_490, 7_200]);
  const shortest = tries({ random: 0, hours: 1 });
  expect(shortest).toEqual([15, 45, 105, 225, 465, 945, 1_845, 2_745, 3_600]);
});

it('asks not before the report API wants to be asked', () => {
  expect(nextTry({ ...first, leftAloneSeconds: 120 })).toBe(NOW + 120);
  expect(nextTry({ ...first, leftAloneSeconds: 5 })).toBe(NOW + 15);
  expect(nextTry({ ...first, leftAloneSeconds: 0.4, random: 0.999_999 })).toBe(NOW + 30);
});

it('gives up when the hours are used up, when there are none, and when it is to leave the API alone for longer', () => {
  expect(nextTry({ ...first, since: NOW - 24 * HOUR, tries: 60 })).toBeUndefined();
  expect(nextTry({ ...first, since: NOW - 24 * HOUR + 1, tries: 60 })).toBe(NOW + 1);
  expect(nextTry({ ...first, hours: 0 })).toBeUndefined();
  expect(nextTry({ ...first, leftAloneSeconds: 24 * HOUR + 1 })).toBeUndefined();
  expect(nextTry({ ...first, leftAloneSeconds: 24 * HOUR })).toBe(NOW + 24 * HOUR);
});

it('never answers a time that has passed, nor one after the end', () => {
  fc.assert(
    fc.property(
      fc.record({
        since: fc.integer({ min: NOW - 800 * HOUR, max: NOW }),
        tries: fc.nat({ max: 2_000_000 }),
        hours: fc.nat({ max: 720 }),
        random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        leftAloneSeconds: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
      }),
      (of) => {
        const next = nextTry({ now: NOW, ...of });
        const end = of.since + of.hours * HOUR;
        if (next === undefined) return NOW >= end || NOW + (of.leftAloneSeconds ?? 0) > end;
        return Number.isInteger(next) && next > NOW && next <= end && next >= NOW + (of.leftAloneSeconds ?? 0);
      },
    ),
  );
});
