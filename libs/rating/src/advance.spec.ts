import * as fc from 'fast-check';
import { monthPeriod } from '#calendar';
import { decimal, sum } from '#money';
import { linesOf, planVersion, printed, rateStory, site, type Story } from '../../../test/support/rating-story.js';
import { advancesOf, presumedAdvances } from './advance.js';

const ahead = (amount: string, members: Record<string, unknown> = {}) => ({
  code: 'fee',
  name: 'Fee',
  type: 'recurring',
  amount,
  timing: 'in_advance',
  ...members,
});
const perSite = [ahead('31.00', { per: 'customer_site_id', proration: 'day' })];
const told = (story: Story) => printed(linesOf(story));
const OCTOBER = 'fee 10-01…11-01';
const NOVEMBER = 'fee 11-01…12-01';

describe('a fee in advance, by what invoices say', () => {
  const charges = [ahead('300.00')];

  it('is billed for the period itself when nobody billed it ahead, however old the subscription is', () => {
    expect(told({ charges, billedAhead: [] })).toEqual([`${OCTOBER} 1 period 300.00`, `${NOVEMBER} 1 period 300.00`]);
  });

  it('is billed for the next period alone when the period was billed ahead', () => {
    expect(told({ charges, billedAhead: [{}] })).toEqual([`${NOVEMBER} 1 period 300.00`]);
  });

  it('goes back whole when the subscription ended on the first day of the period', () => {
    const ends = '2026-10-01';
    expect(told({ charges, ends, billedAhead: [{}] })).toEqual([`${OCTOBER} -1 period -300.00`]);
    expect(told({ charges: [ahead('300.00', { proration: 'none' })], ends, billedAhead: [{}] })).toEqual([
      `${OCTOBER} -1 period -300.00`,
    ]);
    expect(told({ charges, ends, billedAhead: [] })).toEqual([]);
  });

  it('goes back, and another plan bills its own, when the account changes plan on the first day', () => {
    const story: Story = {
      charges: [ahead('100.00')],
      ends: '2026-10-01',
      versions: [{ from: '2020-01-01', charges: [ahead('300.00')], plan: { code: 'new' } }],
      subscriptions: [{ planCode: 'new', startDate: '2026-10-01', endDate: null }],
    };
    expect(told({ ...story, billedAhead: [{}] })).toEqual([
      `${OCTOBER} 1 period 300.00`,
      `${NOVEMBER} 1 period 300.00`,
      `${OCTOBER} -1 period -100.00`,
    ]);
    // What was billed by the one is nothing to the other.
    expect(told({ ...story, billedAhead: [] })).toEqual([`${OCTOBER} 1 period 300.00`, `${NOVEMBER} 1 period 300.00`]);
  });

  it.each(['second', 'none'])('proration %s: is billed anew at the price of the first day', (proration) => {
    const versions = [{ from: '2026-10-01', charges: [ahead('400.00', { proration })] }];
    expect(told({ charges: [ahead('300.00', { proration })], versions, billedAhead: [{}] })).toEqual([
      `${OCTOBER} 1 period 400.00`,
      `${NOVEMBER} 1 period 400.00`,
      `${OCTOBER} -1 period -300.00`,
    ]);
  });

  it('that is not prorated is used up by one day of its terms', () => {
    const none = (amount: string) => [ahead(amount, { proration: 'none' })];
    const versions = [{ from: '2026-10-02', charges: none('400.00') }];
    expect(told({ charges: none('300.00'), versions, billedAhead: [{}] })).toEqual([`${NOVEMBER} 1 period 400.00`]);
  });

  it('goes back with the percentage discount it had, and not with one that it had no more', () => {
    const story = { charges: [ahead('100.00')], starts: '2026-08-01', ends: '2026-10-01', billedAhead: [{}] };
    // October is the third period, counted from August.
    const discount = (periods: number) => ({ discounts: [{ type: 'percentage', value: '10', periods }] });
    expect(linesOf({ ...story, plan: discount(3) }).map(({ amount }) => amount)).toEqual(['-100.00', '10.00']);
    expect(linesOf({ ...story, plan: discount(2) }).map(({ amount }) => amount)).toEqual(['-100.00']);
  });

  it('counts towards the minimum of the period that it is for, if it was billed', () => {
    const story = { charges: [ahead('100.00')], plan: { minimum_spend: '250.00' } };
    const trueUp = (billedAhead: Story['billedAhead'] & object) =>
      linesOf({ ...story, billedAhead }).filter(({ kind }) => kind === 'minimum_spend');
    expect(trueUp([{}])).toMatchObject([{ amount: '150.00', derivation: { basis: { paid_ahead: '100.00' } } }]);
    expect(trueUp([])).toMatchObject([
      { amount: '150.00', derivation: { basis: { spent: '100.00', paid_ahead: '0.00' } } },
    ]);
  });
});

describe('a fee in advance per entity', () => {
  it('goes back for those that were billed and are not there, whole for an end on the first day', () => {
    const entities = [site('A'), site('B', '2020-01-01', '2026-10-01')];
    expect(told({ charges: perSite, entities, billedAhead: [{ count: 2 }] })).toEqual([
      `${NOVEMBER} 1 customer_site_id 31.00`,
      `${OCTOBER} -1 customer_site_id -31.00`,
    ]);
  });

  it('is billed for those that were there and were not billed, as when they were registered late', () => {
    expect(told({ charges: perSite, entities: [site('A'), site('B')], billedAhead: [{ count: 1 }] })).toEqual([
      `${OCTOBER} 1 customer_site_id 31.00`,
      `${NOVEMBER} 2 customer_site_id 62.00`,
    ]);
  });

  it('goes back when the plan changes on the first day, also to one of the same fee', () => {
    const story: Story = {
      charges: perSite,
      ends: '2026-10-01',
      versions: [{ from: '2020-01-01', charges: perSite, plan: { code: 'new' } }],
      subscriptions: [{ planCode: 'new', startDate: '2026-10-01', endDate: null }],
      entities: [site('A')],
    };
    expect(told({ ...story, billedAhead: [{}] })).toEqual([
      `${OCTOBER} 1 customer_site_id 31.00`,
      `${NOVEMBER} 1 customer_site_id 31.00`,
      `${OCTOBER} -1 customer_site_id -31.00`,
    ]);
  });

  it('comes, with what was billed ahead, to a day for a day that something was there', () => {
    const date = fc.integer({ min: 1, max: 31 }).map((day) => `2026-10-${`${day}`.padStart(2, '0')}`);
    const range = fc.tuple(fc.oneof(fc.constant('2020-01-01'), date), fc.option(date, { nil: null }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 6 }), fc.integer({ min: 0, max: 6 }), (ranges, count) => {
        const valid = ranges.filter(([from, until]) => until === null || from < until);
        const entities = valid.map(([from, until], position) => site(`s${position}`, from, until));
        const lines = linesOf({ charges: perSite, entities, billedAhead: count === 0 ? [] : [{ count }] });
        const ofOctober = lines.filter(({ segment }) => segment.start_date < '2026-11-01');
        const day = (text: string | null, open: number) =>
          text === null ? open : text < '2026-10-01' ? 1 : Number.parseInt(text.slice(8), 10);
        const days = valid.reduce((total, [from, until]) => total + day(until, 32) - day(from, 1), 0);
        // 31.00 for 31 days is 1.00 a day.
        expect(sum(ofOctober.map(({ amount }) => decimal(amount))).toFixed()).toBe(`${days - 31 * count}`);
      }),
    );
  });
});

describe('a period that is billed after the next one', () => {
  const charges = [ahead('300.00')];
  const own = `${OCTOBER} 1 period 300.00`;

  it('bills nothing ahead when the next one has billed its own fee', () => {
    expect(told({ charges, billedAhead: [], counted: [] })).toEqual([own]);
  });

  it('bills ahead what the next one counted, also when the subscription has ended since', () => {
    const both = [own, `${NOVEMBER} 1 period 300.00`];
    expect(told({ charges, billedAhead: [], counted: [{}] })).toEqual(both);
    expect(told({ charges, ends: '2026-11-01', billedAhead: [], counted: [{}] })).toEqual(both);
  });

  it('bills ahead for as many as the next one counted, whoever is there now', () => {
    const story = { charges: perSite, entities: [site('A')], billedAhead: [{ count: 1 }] };
    expect(told({ ...story, counted: [{ count: 3 }] })).toEqual([`${NOVEMBER} 3 customer_site_id 93.00`]);
  });

  it.each<[string, Story]>([
    ['of a version that is not in force at the end', { counted: [{ version: 2 }] }],
    ['of another plan', { counted: [{ planCode: 'old' }] }],
    ['that the plan does not have', { counted: [{ charge: 'other' }] }],
    ['of a subscription that ended before the period did', { counted: [{}], ends: '2026-10-31' }],
  ])('is held when the next one counted a fee %s', (_, story) => {
    const [{ charge = '' } = {}] = story.counted ?? [];
    expect(rateStory({ charges, ...story })).toEqual({
      outcome: 'held',
      reasons: [
        { code: 'advance_not_billed', charge: charge || 'fee', message: expect.stringContaining('void that invoice') },
      ],
    });
  });
});

describe('advances', () => {
  const period = monthPeriod('2026-10', 'UTC');
  const version = (number: number, from: string, of = [ahead('1.00')], code = 'plan') =>
    planVersion({ code, name: 'Plan', currency: 'USD', effective_from: from, charges: of }, number);
  const versions = [version(1, '2026-01-01'), version(2, '2026-10-01'), version(1, '2026-01-01', undefined, 'other')];
  const term = (startDate: string, endDate: string | null = null, planCode = 'plan') => {
    return { planCode, startDate, endDate };
  };

  it('are presumed by the version that ended the period before, whatever was published since', () => {
    const { billed, counted } = presumedAdvances({
      period,
      subscriptions: [term('2026-07-15')],
      versions,
      entities: [],
    });
    expect(counted).toBeNull();
    expect(billed).toMatchObject([
      {
        segment: { startDate: '2026-10-01', endDate: '2026-11-01', version: { version: 1 }, periodIndex: 3 },
        fees: [{ charge: { code: 'fee' }, count: 1 }],
      },
    ]);
  });

  it.each([
    ['begins with the period', term('2026-10-01')],
    ['ended before it', term('2026-01-01', '2026-09-30')],
    ['ended on its first day', term('2026-01-01', '2026-10-01')],
  ])('are not presumed of a subscription that %s', (_, subscription) => {
    expect(presumedAdvances({ period, subscriptions: [subscription], versions, entities: [] }).billed).toEqual([]);
  });

  it('belong to the subscription that ran when the period before ended', () => {
    const subscriptions = [term('2025-01-01', '2026-10-01'), term('2026-10-01', null, 'other')];
    const billed = [{ planCode: 'plan', version: 1, charge: 'fee', count: 1 }];
    expect(advancesOf({ period, subscriptions, versions, billed, counted: null }).billed).toMatchObject([
      { segment: { subscription: term('2025-01-01', '2026-10-01') }, fees: [{ count: 1 }] },
    ]);
  });

  it.each([
    ['a plan', { planCode: 'other' }],
    ['a version', { version: 3 }],
    ['a fee', { charge: 'other' }],
  ])('are refused of %s that the account did not have', (_, unknown) => {
    const billed = [{ planCode: 'plan', version: 1, charge: 'fee', count: 1, ...unknown }];
    expect(() => advancesOf({ period, subscriptions: [term('2025-01-01')], versions, billed, counted: null })).toThrow(
      expect.objectContaining({ code: 'unknown_advance', retryable: false }),
    );
  });
});
