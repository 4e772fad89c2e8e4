import { LockedSeries } from './locked-series.js';

describe('a number series that another process keeps locked', () => {
  it('is tried by one account after each pause, and by all once a number was taken', () => {
    let now = 0;
    const series = new LockedSeries(() => now);
    expect([series.mayTry('acme'), series.mayTry('acme'), series.isLocked('acme')]).toEqual([true, true, false]);
    series.found('acme');
    expect([series.mayTry('acme'), series.isLocked('acme'), series.mayTry('other')]).toEqual([false, true, true]);
    now = 4_999;
    expect(series.mayTry('acme')).toBe(false);
    now = 5_000;
    expect([series.mayTry('acme'), series.mayTry('acme')]).toEqual([true, false]);
    now = 10_000;
    expect([series.mayTry('acme'), series.mayTry('acme')]).toEqual([true, false]);
    series.freed('acme');
    expect([series.mayTry('acme'), series.mayTry('acme'), series.isLocked('acme')]).toEqual([true, true, false]);
  });
});
