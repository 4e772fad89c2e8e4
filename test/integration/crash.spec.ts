import { closeUnderFire, expectUnharmed, STEPS } from '../support/crash.js';

describe('a close whose workers are killed', () => {
  it('issues 60 accounts once each through 12 deaths, every job delivered twice', async () => {
    const report = await closeUnderFire({ accounts: 60, kills: 12, seed: 1 });
    expectUnharmed(report, 60);
    expect(report.kills).toBeGreaterThanOrEqual(12);
    for (const step of STEPS) {
      expect([step, (report.steps[step] ?? 0) > 0]).toEqual([step, true]);
    }
  });
});
