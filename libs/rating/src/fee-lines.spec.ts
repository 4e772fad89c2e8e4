import { amountsOf, linesOf, msisdn, printed, site, type Story } from '../../../test/support/rating-story.js';

const fee = (amount: string, members: Record<string, unknown> = {}) => ({
  code: 'fee',
  name: 'Fee',
  type: 'recurring',
  amount,
  ...members,
});
const told = (story: Story) => printed(linesOf(story));

describe('a recurring fee in arrears', () => {
  it('is billed whole for a whole period', () => {
    expect(told({ charges: [fee('499.00')] })).toEqual(['fee 10-01…11-01 1 period 499.00']);
  });

  it('multiplies before it divides: 0.14 × 3/28 is 0.015 and rounds to 0.02', () => {
    expect(amountsOf({ period: '2026-02', starts: '2026-02-26', charges: [fee('0.14')] })).toEqual(['0.02']);
  });

  it.each<[story: Story, amount: string]>([
    // One day of 31: 3.2258…
    [{ period: '2026-01', starts: '2026-01-31', charges: [fee('100.00')] }, '3.23'],
    // February of a leap year has 29 days: 1/29 = 3.448…
    [{ period: '2028-02', starts: '2028-02-29', charges: [fee('100.00')] }, '3.45'],
    [{ period: '2026-02', starts: '2026-02-28', charges: [fee('100.00')] }, '3.57'],
    // 15 of 31 days.
    [{ ends: '2026-10-16', charges: [fee('100.00')] }, '48.39'],
    [{ starts: '2026-10-10', ends: '2026-10-11', charges: [fee('31.00')] }, '1.00'],
  ])('%j costs %s', (story, amount) => {
    expect(amountsOf(story)).toEqual([amount]);
  });

  describe('in the month that Berlin leaves summer time, 31 days and one hour', () => {
    // From the 25th: six days of 24 h and one of 25 h = 608,400 of 2,682,000 s.
    const october = { timeZone: 'Europe/Berlin', starts: '2026-10-25' };

    it.each([
      ['second', '22.68'],
      ['day', '22.58'],
      ['none', '100.00'],
    ])('proration %s: seven days of 100.00 are %s', (proration, amount) => {
      expect(amountsOf({ ...october, charges: [fee('100.00', { proration })] })).toEqual([amount]);
    });
  });

  it('is cut with the versions, each part at its own price', () => {
    const story = { charges: [fee('100.00')], versions: [{ from: '2026-10-11', charges: [fee('200.00')] }] };
    // 10/31 of 100 and 21/31 of 200.
    expect(told(story)).toEqual([
      'fee 10-01…10-11 0.322580645161 period 32.26',
      'fee 10-11…11-01 0.677419354838 period 135.48',
    ]);
  });

  it('that is not prorated is owed once, at the version first in force', () => {
    const story = {
      charges: [fee('100.00', { proration: 'none' })],
      versions: [{ from: '2026-10-11', charges: [fee('200.00', { proration: 'none' })] }],
    };
    expect(told(story)).toEqual(['fee 10-01…10-11 1 period 100.00']);
  });
});

describe('a fee per entity', () => {
  const charges = [fee('40.00', { per: 'customer_site_id' })];

  it('is one line whose quantity is the sum of the shares', () => {
    // Whole; 10 of 31 days; 16 of 31 days: 57/31 × 40 = 73.548…
    const entities = [site('A'), site('B', '2020-01-01', '2026-10-11'), site('C', '2026-10-16'), msisdn('M')];
    expect(told({ charges, entities })).toEqual(['fee 10-01…11-01 1.838709677419 customer_site_id 73.55']);
  });

  it('counts an entity once however often it is registered', () => {
    const twice = [site('A', '2020-01-01', '2026-10-11'), site('A', '2026-10-05', '2026-10-21')];
    expect(told({ charges, entities: twice })).toEqual(['fee 10-01…10-21 0.645161290322 customer_site_id 25.81']);
  });

  it('has no line without entities', () => {
    expect(told({ charges, entities: [site('A', '2026-11-01')] })).toEqual([]);
  });

  it('keeps the counted shares, not the entities', () => {
    const entities = [site('A'), site('B'), site('C', '2026-10-16')];
    const [line] = linesOf({ charges, entities });
    expect(line?.derivation.basis).toEqual({
      kind: 'recurring',
      billing: 'arrears',
      unit_amount: '40.00',
      shares: [
        { proration: 'second', numerator: '2678400', denominator: '2678400', count: 2 },
        { proration: 'second', numerator: '1382400', denominator: '2678400', count: 1 },
      ],
    });
  });

  it('that is not prorated is owed for an entity of any day, and not twice after a new version', () => {
    const none = [fee('40.00', { per: 'customer_site_id', proration: 'none' })];
    const entities = [site('A'), site('B', '2026-10-20')];
    expect(told({ charges: none, entities, versions: [{ from: '2026-10-11', charges: none }] })).toEqual([
      'fee 10-01…10-11 1 customer_site_id 40.00',
      'fee 10-20…11-01 1 customer_site_id 40.00',
    ]);
  });
});

describe('a fee in advance', () => {
  const ahead = (amount: string, members: Record<string, unknown> = {}) =>
    fee(amount, { timing: 'in_advance', ...members });
  const charges = [ahead('300.00')];

  it('bills its own and the next period on the first invoice', () => {
    expect(told({ charges, starts: '2026-10-01' })).toEqual([
      'fee 10-01…11-01 1 period 300.00',
      'fee 11-01…12-01 1 period 300.00',
    ]);
    expect(told({ charges, starts: '2026-10-16' })).toEqual([
      'fee 10-16…11-01 0.516129032258 period 154.84',
      'fee 11-01…12-01 1 period 300.00',
    ]);
  });

  it('bills only the next period afterwards', () => {
    expect(told({ charges, starts: '2026-09-16' })).toEqual(['fee 11-01…12-01 1 period 300.00']);
  });

  it('gives the unused share back when the subscription ends early', () => {
    // 16 of 31 days are not used: 154.8387…
    expect(told({ charges, starts: '2026-09-16', ends: '2026-10-16' })).toEqual([
      'fee 10-16…11-01 -0.516129032258 period -154.84',
    ]);
  });

  it('has nothing to give back when the subscription ends with the period', () => {
    expect(told({ charges, starts: '2026-09-16', ends: '2026-11-01' })).toEqual([]);
  });

  it('bills only its own share when it begins and ends in one period', () => {
    expect(told({ charges, starts: '2026-10-01', ends: '2026-10-16' })).toEqual([
      'fee 10-01…10-16 0.483870967741 period 145.16',
    ]);
  });

  it('over a subscription comes to exactly the days that were used', () => {
    const invoices = ['2026-09', '2026-10', '2026-11'].flatMap((period) =>
      linesOf({ period, charges: [ahead('31.00')], starts: '2026-09-01', ends: '2026-11-16' }),
    );
    // September 31, October 31, half of November 15.50.
    expect(invoices.reduce((cents, { amount }) => cents + BigInt(amount.replace('.', '')), 0n)).toBe(7750n);
  });

  it('changes hands on the day a new price takes effect', () => {
    const versions = [{ from: '2026-10-11', charges: [ahead('620.00')] }];
    expect(told({ charges: [ahead('310.00')], versions })).toEqual([
      'fee 10-11…11-01 0.677419354838 period 420.00',
      'fee 11-01…12-01 1 period 620.00',
      'fee 10-11…11-01 -0.677419354838 period -210.00',
    ]);
  });

  it('is not touched by a new version with the same fee', () => {
    expect(told({ charges, versions: [{ from: '2026-10-11', charges }] })).toEqual(['fee 11-01…12-01 1 period 300.00']);
  });

  it('per entity: bills who is there, back for who left, forward for who came', () => {
    const perSite = [ahead('31.00', { per: 'customer_site_id' })];
    const entities = [site('stays'), site('leaves', '2020-01-01', '2026-10-11'), site('comes', '2026-10-21')];
    expect(told({ charges: perSite, entities })).toEqual([
      'fee 10-21…11-01 0.354838709677 customer_site_id 11.00',
      'fee 11-01…12-01 2 customer_site_id 62.00',
      'fee 10-11…11-01 -0.677419354838 customer_site_id -21.00',
    ]);
  });

  it('per entity: bills ahead who is there on the last day, not who is to come on the first of the next', () => {
    const perSite = [ahead('31.00', { per: 'customer_site_id' })];
    expect(told({ charges: perSite, entities: [site('today', '2026-10-01'), site('tomorrow', '2026-11-01')] })).toEqual(
      ['fee 10-01…11-01 1 customer_site_id 31.00', 'fee 11-01…12-01 1 customer_site_id 31.00'],
    );
    expect(told({ charges: perSite, entities: [site('gone', '2020-01-01', '2026-11-01')] })).toEqual([]);
  });

  it('that is not prorated is never given back', () => {
    const none = [ahead('300.00', { proration: 'none' })];
    expect(told({ charges: none, starts: '2026-09-16', ends: '2026-10-16' })).toEqual([]);
    expect(told({ charges: none, starts: '2026-10-31' })).toEqual([
      'fee 10-31…11-01 1 period 300.00',
      'fee 11-01…12-01 1 period 300.00',
    ]);
  });
});

describe('a one-time fee', () => {
  const charges = [{ code: 'setup', name: 'Setup', type: 'one_time', amount: '99.00' }];

  it.each([
    ['2026-10-01', ['setup 10-01…11-01 1 item 99.00']],
    ['2026-10-31', ['setup 10-31…11-01 1 item 99.00']],
    ['2026-09-30', []],
  ])('of a subscription that starts on %s', (starts, lines) => {
    expect(told({ charges, starts })).toEqual(lines);
  });

  it('is billed once when a new version takes effect in the first period', () => {
    const story = { charges, starts: '2026-10-05', versions: [{ from: '2026-10-20', charges }] };
    expect(told(story)).toEqual(['setup 10-05…10-20 1 item 99.00']);
  });
});
