import { linesOf, printed, type Story } from '../../../test/support/rating-story.js';

const fee = (code: string, amount: string, members: Record<string, unknown> = {}) => ({
  code,
  name: `Fee ${code}`,
  type: 'recurring',
  amount,
  ...members,
});
const told = (story: Story) =>
  linesOf(story)
    .filter(({ kind }) => kind === 'discount' || kind === 'minimum_spend')
    .map(({ charge, tax_category: category, amount }) => `${charge} ${category ?? '-'} ${amount}`);
const discounted = (discounts: unknown[], story: Story) => told({ ...story, plan: { ...story.plan, discounts } });

describe('discounts', () => {
  const charges = [fee('a', '100.00'), fee('b', '50.00')];

  it('apply in the order of the plan to what the ones before left', () => {
    const percent = { type: 'percentage', value: '10' };
    const fixed = { type: 'fixed', value: '20.00' };
    // 10 % of 150, then 20. The other way round: 20, then 10 % of 130.
    expect(discounted([percent, fixed], { charges })).toEqual(['discount:1 - -15.00', 'discount:2 - -20.00']);
    expect(discounted([fixed, percent], { charges })).toEqual(['discount:1 - -20.00', 'discount:2 - -13.00']);
  });

  it('apply to the charges they name', () => {
    expect(discounted([{ type: 'percentage', value: '10', applies_to: ['b'] }], { charges })).toEqual([
      'discount:1 - -5.00',
    ]);
  });

  it('leave to the next discount of a charge what they left of that charge', () => {
    // 75 off both, 50.00 of it from a and 25.00 from b; then 100 % of what is left of b.
    const both = { type: 'fixed', value: '75.00' };
    const all = { type: 'percentage', value: '100', applies_to: ['b'] };
    expect(discounted([both, all], { charges })).toEqual(['discount:1 - -75.00', 'discount:2 - -25.00']);
  });

  it('that are fixed stop at what remains', () => {
    const big = { type: 'fixed', value: '140.00' };
    expect(discounted([big, big], { charges })).toEqual(['discount:1 - -140.00', 'discount:2 - -10.00']);
    expect(discounted([big, big, big], { charges })).toHaveLength(2);
  });

  it('work on the rounded lines, and round once themselves', () => {
    // 1/31 of 100.00 is 3.23 on its line; 50 % of that is 1.615, half-up 1.62 (of the exact 3.2258 it would be 1.61).
    const discounts = [{ type: 'percentage', value: '50' }];
    expect(discounted(discounts, { charges: [fee('a', '100.00')], starts: '2026-10-31' })).toEqual([
      'discount:1 - -1.62',
    ]);
    expect(
      discounted(discounts, { charges: [fee('a', '100.00')], starts: '2026-10-31', rounding: 'half_even' }),
    ).toEqual(['discount:1 - -1.62']);
    expect(
      discounted([{ type: 'percentage', value: '50' }], { charges: [fee('a', '0.05')], rounding: 'half_even' }),
    ).toEqual(['discount:1 - -0.02']);
  });

  it('that are fixed scale with the share of the period in force', () => {
    // 15 of 31 days of 31.00.
    expect(discounted([{ type: 'fixed', value: '31.00' }], { charges, ends: '2026-10-16' })).toEqual([
      'discount:1 - -15.00',
    ]);
  });

  it('make one line per tax category, split by largest remainder, the first winning a tie', () => {
    const taxed = [
      fee('a', '10.00', { tax_category: 'S' }),
      fee('b', '10.00', { tax_category: 'Z' }),
      fee('c', '10.00', { tax_category: 'S' }),
    ];
    // 10.00 over 20 : 10 is 6.666… and 3.333…
    expect(discounted([{ type: 'fixed', value: '10.00' }], { charges: taxed })).toEqual([
      'discount:1 S -6.67',
      'discount:1 Z -3.33',
    ]);
    const even = [fee('a', '10.00', { tax_category: 'Z' }), fee('b', '10.00', { tax_category: 'S' })];
    expect(discounted([{ type: 'fixed', value: '0.01' }], { charges: even })).toEqual(['discount:1 Z -0.01']);
    expect(discounted([{ type: 'fixed', value: '10.01' }], { charges: even })).toEqual([
      'discount:1 Z -5.01',
      'discount:1 S -5.00',
    ]);
  });

  it.each([
    ['2026-10-01', 1],
    ['2026-09-15', 1],
    ['2026-08-31', 1],
    ['2026-07-31', 0],
  ])('for 3 periods, subscribed on %s', (starts, count) => {
    expect(discounted([{ type: 'percentage', value: '10', periods: 3 }], { charges, starts })).toHaveLength(count);
  });

  it('follow a fee in advance to the period it is for, and back', () => {
    const ahead = [fee('a', '310.00', { timing: 'in_advance' })];
    const discounts = [{ type: 'percentage', value: '10', periods: 2 }];
    // First invoice: its own and the next period. Then a third period, full price.
    expect(discounted(discounts, { charges: ahead, starts: '2026-10-01' })).toEqual([
      'discount:1 - -31.00',
      'discount:1 - -31.00',
    ]);
    expect(discounted(discounts, { charges: ahead, starts: '2026-09-01' })).toEqual([]);
    // Twenty-one unused days were charged 210.00 less 21.00.
    expect(discounted(discounts, { charges: ahead, starts: '2026-09-01', ends: '2026-10-11' })).toEqual([
      'discount:1 - 21.00',
    ]);
    expect(discounted(discounts, { charges: ahead, starts: '2026-08-01', ends: '2026-10-11' })).toEqual([]);
  });

  it.each([
    [[], 1],
    [['2026-09'], 1],
    [['2026-08', '2026-09'], 0],
    [['2026-08', '2026-10'], 1],
    [['2026-11', '2026-12'], 0],
    // Of a subscription before this one.
    [['2026-05', '2026-06'], 1],
  ])('for 2 periods, given for %j already', (discountedIn, count) => {
    const discounts = [{ type: 'percentage', value: '10', periods: 2 }];
    expect(discounted(discounts, { charges, starts: '2026-07-01', discountedIn })).toHaveLength(count);
  });

  it('reach a fee in advance only as far as their periods do, this month among them', () => {
    const ahead = [fee('a', '310.00', { timing: 'in_advance' })];
    const of = (periods: number, discountedIn: string[]) =>
      discounted([{ type: 'percentage', value: '10', periods }], {
        ...{ charges: ahead, starts: '2026-01-01', discountedIn },
        billedAhead: [],
      });
    // October and, ahead, November.
    expect(of(1, [])).toEqual(['discount:1 - -31.00']);
    expect(of(2, [])).toEqual(['discount:1 - -31.00', 'discount:1 - -31.00']);
    expect(of(2, ['2026-09'])).toEqual(['discount:1 - -31.00']);
    expect(of(2, ['2026-08', '2026-09'])).toEqual([]);
    // Twenty-one unused days of October were charged 210.00, less 21.00 where the discount was given for October.
    const story = { charges: ahead, starts: '2026-08-01', ends: '2026-10-11', billedAhead: [{ charge: 'a' }] };
    const discounts = [{ type: 'percentage', value: '10', periods: 2 }];
    expect(discounted(discounts, { ...story, discountedIn: ['2026-10'] })).toEqual(['discount:1 - 21.00']);
    expect(discounted(discounts, { ...story, discountedIn: ['2026-08', '2026-09'] })).toEqual([]);
  });

  it('that are fixed are not taken back with a refund', () => {
    const ahead = [fee('a', '310.00', { timing: 'in_advance' })];
    const story = { charges: ahead, starts: '2026-09-01', ends: '2026-10-11' };
    expect(discounted([{ type: 'fixed', value: '31.00' }], story)).toEqual([]);
  });

  it('of each version apply to its own lines', () => {
    const story = {
      charges: [fee('a', '310.00')],
      plan: { discounts: [{ type: 'percentage', value: '10' }] },
      versions: [{ from: '2026-10-11', charges: [fee('a', '310.00')], plan: { discounts: [] } }],
    };
    expect(told(story)).toEqual(['discount:1 - -10.00']);
  });

  it('say what they are', () => {
    const [, , line] = linesOf({
      charges,
      plan: { discounts: [{ type: 'percentage', value: '10', applies_to: ['b'] }] },
    });
    expect(line).toMatchObject({
      kind: 'discount',
      description: 'Discount 10 % on Fee b',
      quantity: '1',
      unit: 'item',
      entity: null,
    });
  });
});

describe('minimum spend', () => {
  const minimum = (amount: string, story: Story) => told({ ...story, plan: { minimum_spend: amount, ...story.plan } });

  it.each([
    ['99.99', []],
    ['100.00', []],
    ['100.01', ['minimum_spend - 0.01']],
    ['250.00', ['minimum_spend - 150.00']],
  ])('of %s against 100.00', (amount, lines) => {
    expect(minimum(amount, { charges: [fee('a', '100.00')] })).toEqual(lines);
  });

  it('is compared after discounts and not discounted itself', () => {
    const plan = { discounts: [{ type: 'percentage', value: '50' }] };
    expect(minimum('100.00', { charges: [fee('a', '100.00')], plan })).toEqual([
      'discount:1 - -50.00',
      'minimum_spend - 50.00',
    ]);
  });

  it('scales with the share of the period in force', () => {
    const partial = { charges: [fee('a', '31.00')], ends: '2026-10-16' };
    expect(minimum('62.00', partial)).toEqual(['minimum_spend - 15.00']);
  });

  it('is not changed by a new version of the same plan', () => {
    const charges = [fee('a', '31.00')];
    expect(
      minimum('62.00', { charges, versions: [{ from: '2026-10-16', charges, plan: { minimum_spend: '62.00' } }] }),
    ).toEqual(['minimum_spend - 31.00']);
    const cheaper = { from: '2026-10-16', charges, plan: { minimum_spend: '31.00' } };
    // 15/31 of 62 + 16/31 of 31 = 46; spent 31.
    expect(minimum('62.00', { charges, versions: [cheaper] })).toEqual(['minimum_spend - 15.00']);
  });

  it('is split over the tax categories it tops up', () => {
    const taxed = [fee('a', '20.00', { tax_category: 'S' }), fee('b', '10.00', { tax_category: 'Z' })];
    expect(minimum('40.00', { charges: taxed })).toEqual(['minimum_spend S 6.67', 'minimum_spend Z 3.33']);
  });

  it('stands alone when there is nothing to top up', () => {
    const setup = [{ code: 's', name: 'Setup', type: 'one_time', amount: '5.00' }];
    expect(minimum('40.00', { charges: setup })).toEqual(['minimum_spend - 40.00']);
    expect(printed(linesOf({ charges: setup, plan: { minimum_spend: '40.00' } }))).toEqual([
      'minimum_spend 10-01…11-01 1 item 40.00',
    ]);
  });

  describe('with a fee in advance of 31.00', () => {
    const charges = [fee('a', '31.00', { timing: 'in_advance' })];

    it.each([
      ['counts its own period on the first invoice', '2026-10-01', null, ['minimum_spend - 31.00']],
      ['counts the fee that the invoice before billed', '2026-09-01', null, ['minimum_spend - 31.00']],
      // 15 days: at least 30.00, of which 15.00 was paid ahead; the refund of the other days is no spending.
      ['counts what was used of it in the last period', '2026-09-01', '2026-10-16', ['minimum_spend - 15.00']],
    ])('%s', (_, starts, ends, lines) => {
      expect(minimum('62.00', { charges, starts, ends })).toEqual(lines);
    });
  });
});
