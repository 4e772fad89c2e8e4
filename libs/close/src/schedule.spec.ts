import { fromStamp, toStamp } from '#calendar';
import type { CloseSchedule } from '#persistence';
import { cronPattern, dueRun, lastRun, nextRun } from './schedule.js';

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
    // Seen from then on it is the last one.
    expect(lastRun(timing, run.at)).toEqual(run);
    expect(lastRun(timing, run.at - 1).at).toBeLessThan(run.at);
  });

  it('is due once, from its time on, and not for what was before it was set', () => {
    const schedule: CloseSchedule = {
      ...KOLKATA,
      sellerId: 'seller',
      seller: 'acme',
      issue: 'automatic',
      effectiveFrom: at('2026-10-20T00:00:00Z'),
      lastRun: null,
    };
    expect(dueRun(schedule, at('2026-11-04T00:59:59Z'))).toBeUndefined();
    expect(dueRun(schedule, at('2026-11-04T01:00:00Z'))?.period).toBe('2026-10');
    expect(dueRun(schedule, at('2026-11-30T00:00:00Z'))?.period).toBe('2026-10');
    const done = { ...schedule, lastRun: { period: '2026-10', close: 'id', at: at('2026-11-04T01:00:01Z') } };
    expect(dueRun(done, at('2026-11-30T00:00:00Z'))).toBeUndefined();
    expect(dueRun(done, at('2026-12-04T01:00:00Z'))?.period).toBe('2026-11');
  });

  it('is a cron pattern that never fires too late', () => {
    expect(cronPattern(KOLKATA)).toBe('30 6 4 * *');
    expect(cronPattern(LAST_DAY)).toBe('0 23 28-31 * *');
  });
});
