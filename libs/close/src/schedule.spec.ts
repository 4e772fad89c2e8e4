import { fromStamp, toStamp } from '#calendar';
import type { CloseSchedule } from '#persistence/closes';
import { dueRuns, nextRun } from './schedule.js';

const at = fromStamp;
const KOLKATA = { day: 4, hour: 6, minute: 30, timeZone: 'Asia/Kolkata' };
const LAST_DAY = { day: 31, hour: 23, minute: 0, timeZone: 'UTC' };

describe('a close schedule', () => {
  it.each([
    [KOLKATA, '2026-11-04T00:59:59Z', '2026-11-04T01:00:00Z', '2026-10'],
    [KOLKATA, '2026-11-04T01:00:00Z', '2026-12-04T01:00:00Z', '2026-11'],
    [KOLKATA, '2026-12-31T20:00:00Z', '2027-01-04T01:00:00Z', '2026-12'],
    [LAST_DAY, '2026-02-01T00:00:00Z', '2026-02-28T23:00:00Z', '2026-01'],
    [LAST_DAY, '2028-02-01T00:00:00Z', '2028-02-29T23:00:00Z', '2028-01'],
    [LAST_DAY, '2026-04-30T23:00:00Z', '2026-05-31T23:00:00Z', '2026-04'],
  ])('%j after %s runs at %s for %s', (timing, after, stamp, period) => {
    const run = nextRun(timing, at(after));
    expect([toStamp(run.at), run.period]).toEqual([stamp, period]);
  });

  const set: CloseSchedule = {
    ...KOLKATA,
    sellerId: 'seller',
    seller: 'acme',
    issue: 'automatic',
    effectiveFrom: at('2026-10-20T00:00:00Z'),
    lastRun: null,
  };
  const due = (schedule: CloseSchedule, now: string) => dueRuns(schedule, at(now)).map(({ period }) => period);
  const done = (period: string) => ({ ...set, lastRun: { period, close: 'id', at: at('2026-11-04T01:00:01Z') } });

  it('is due once, from its time on, and not for what was before it was set', () => {
    expect(due(set, '2026-11-04T00:59:59Z')).toEqual([]);
    expect(due(set, '2026-11-04T01:00:00Z')).toEqual(['2026-10']);
    expect(due(set, '2026-11-30T00:00:00Z')).toEqual(['2026-10']);
    expect(due(done('2026-10'), '2026-11-30T00:00:00Z')).toEqual([]);
    expect(due(done('2026-10'), '2026-12-04T01:00:00Z')).toEqual(['2026-11']);
    // Set on the day of its turn: from the minute on.
    expect(due({ ...set, effectiveFrom: at('2026-11-04T01:00:00Z') }, '2026-11-04T01:00:00Z')).toEqual(['2026-10']);
    expect(due({ ...set, effectiveFrom: at('2026-11-04T01:00:01Z') }, '2026-11-30T00:00:00Z')).toEqual([]);
  });

  it('is due for every month that nobody was there for, oldest first, a year of them at once', () => {
    expect(due(set, '2027-02-04T01:00:00Z')).toEqual(['2026-10', '2026-11', '2026-12', '2027-01']);
    expect(due(done('2026-11'), '2027-02-04T01:00:00Z')).toEqual(['2026-12', '2027-01']);
    const years = due(set, '2029-01-01T00:00:00Z');
    expect([years.length, years[0], years.at(-1)]).toEqual([12, '2026-10', '2027-09']);
    expect(due(done('2027-09'), '2029-01-01T00:00:00Z')[0]).toBe('2027-10');
  });
});
