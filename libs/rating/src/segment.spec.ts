import { monthPeriod, periodOfDates } from '#calendar';
import { planVersion } from '../../../test/support/rating-story.js';
import { type RatingSegment, segmentsOf, type SubscriptionTerm } from './segment.js';

const charges = [{ code: 'fee', name: 'Fee', type: 'recurring', amount: '1.00' }];
const version = (number: number, from: string, code = 'plan') =>
  planVersion({ code, name: 'Plan', currency: 'USD', effective_from: from, charges }, number);
const subscription = (startDate: string, endDate: string | null = null, planCode = 'plan'): SubscriptionTerm => ({
  planCode,
  startDate,
  endDate,
});
const told = (segments: readonly RatingSegment[]) =>
  segments.map(
    ({ startDate, endDate, version: of, periodIndex }) =>
      `${startDate} to ${endDate}: ${of.code} v${of.version}, period ${periodIndex}`,
  );

const OCTOBER = monthPeriod('2026-10', 'Europe/Berlin');

it('is one segment when nothing changes', () => {
  const segments = segmentsOf({
    period: OCTOBER,
    subscriptions: [subscription('2026-07-15')],
    versions: [version(1, '2026-01-01')],
  });
  expect(told(segments)).toEqual(['2026-10-01 to 2026-11-01: plan v1, period 3']);
  expect(segments[0]).toMatchObject({ start: OCTOBER.start, end: OCTOBER.end });
});

it('is cut where versions take effect, the latest one that has begun being in force', () => {
  const versions = [
    version(4, '2026-11-01'),
    version(2, '2026-10-25'),
    version(1, '2026-01-01'),
    version(3, '2026-10-26'),
  ];
  const segments = segmentsOf({ period: OCTOBER, subscriptions: [subscription('2026-01-01')], versions });
  expect(told(segments)).toEqual([
    '2026-10-01 to 2026-10-25: plan v1, period 9',
    '2026-10-25 to 2026-10-26: plan v2, period 9',
    '2026-10-26 to 2026-11-01: plan v3, period 9',
  ]);
  // The day on which Berlin leaves summer time has 25 hours.
  expect(segments.map(({ start, end }) => (end - start) / 3_600)).toEqual([24 * 24, 25, 24 * 6]);
});

it('leaves out days without a subscription', () => {
  const segments = segmentsOf({
    period: OCTOBER,
    subscriptions: [subscription('2026-10-20', null, 'big'), subscription('2026-09-30', '2026-10-05', 'small')],
    versions: [version(1, '2026-01-01', 'small'), version(7, '2026-01-01', 'big')],
  });
  expect(told(segments)).toEqual([
    '2026-10-01 to 2026-10-05: small v1, period 1',
    '2026-10-20 to 2026-11-01: big v7, period 0',
  ]);
});

it.each([
  ['2026-10-01', null, 1],
  ['2026-10-31', null, 1],
  ['2026-11-01', null, 0],
  ['2026-01-01', '2026-10-01', 0],
  ['2026-01-01', '2026-10-02', 1],
  ['2026-10-05', '2026-10-05', 0],
])('a subscription from %s to %s has %i segments in October', (from, until, count) => {
  const subscriptions = [subscription(from, until)];
  expect(segmentsOf({ period: OCTOBER, subscriptions, versions: [version(1, '2026-01-01')] })).toHaveLength(count);
});

it.each([
  ['2026-10-31', 0],
  ['2026-09-30', 1],
  ['2025-10-31', 12],
  ['2023-12-15', 34],
])('a subscription of %s is in its period %i', (from, index) => {
  const [segment] = segmentsOf({
    period: OCTOBER,
    subscriptions: [subscription(from)],
    versions: [version(1, '2020-01-01')],
  });
  expect(segment?.periodIndex).toBe(index);
});

it('cuts any range of days', () => {
  const period = periodOfDates('2026-10-10', '2026-10-20', 'Asia/Kolkata');
  const versions = [version(1, '2026-01-01'), version(2, '2026-10-15')];
  expect(told(segmentsOf({ period, subscriptions: [subscription('2026-10-01')], versions }))).toEqual([
    '2026-10-10 to 2026-10-15: plan v1, period 1',
    '2026-10-15 to 2026-10-20: plan v2, period 1',
  ]);
});

it('refuses days on which a plan has no version in force', () => {
  const subscriptions = [subscription('2026-10-01')];
  expect(() => segmentsOf({ period: OCTOBER, subscriptions, versions: [version(1, '2026-10-02')] })).toThrow(
    expect.objectContaining({
      code: 'no_version_in_force',
      retryable: false,
      message: expect.stringContaining('2026-10-01'),
    }),
  );
});

it('refuses two subscriptions on one day', () => {
  const subscriptions = [subscription('2026-10-01', '2026-10-11'), subscription('2026-10-10')];
  expect(() => segmentsOf({ period: OCTOBER, subscriptions, versions: [version(1, '2026-01-01')] })).toThrow(
    expect.objectContaining({ code: 'overlapping_subscriptions', message: expect.stringContaining('2026-10-10') }),
  );
});
