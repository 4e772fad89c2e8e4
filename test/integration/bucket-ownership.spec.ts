import { periodOfDates } from '#calendar';
import { ownedBuckets } from '#metering';
import { everyBucketIsOwnedOnce, ZONES } from '../support/bucket-ownership.js';

/** A sample of the cases that bucket-ownership-at-length.spec.ts tries. */
const CASES = 500;

it(`every bucket is owned exactly once, in ${CASES.toLocaleString('en')} random cases`, () =>
  everyBucketIsOwnedOnce(CASES));

describe('the months that clocks make uneven', () => {
  it.each<[string, string, string, number]>([
    ['America/New_York', '2026-03-01', '2026-04-01', 743],
    ['America/New_York', '2026-11-01', '2026-12-01', 721],
    ['Europe/Amsterdam', '2026-10-01', '2026-11-01', 745],
    ['Asia/Kolkata', '2026-08-01', '2026-09-01', 744],
    // 743.5 hours between the edges; 743 buckets start between them in April, 744 or 743 elsewhere, never a half.
    ['Australia/Lord_Howe', '2026-10-01', '2026-11-01', 743],
    ['Australia/Lord_Howe', '2026-04-01', '2026-05-01', 721],
  ])('%s from %s to %s owns %i hours', (zone, from, to, hours) => {
    expect(ownedBuckets(periodOfDates(from, to, zone), 'HOUR').count).toBe(hours);
  });

  it('a year of months owns its hours once, in every zone', () => {
    for (const zone of [...ZONES, 'UTC', 'Europe/Amsterdam']) {
      const months = Array.from({ length: 12 }, (_, month) => `2026-${String(month + 1).padStart(2, '0')}-01`);
      const counts = months.map(
        (first, month) => ownedBuckets(periodOfDates(first, months[month + 1] ?? '2027-01-01', zone), 'HOUR').count,
      );
      const year = ownedBuckets(periodOfDates('2026-01-01', '2027-01-01', zone), 'HOUR').count;
      expect([zone, counts.reduce((total, count) => total + count, 0)]).toEqual([zone, year]);
      expect([zone, year]).toEqual([zone, 8_760]);
    }
  });
});
