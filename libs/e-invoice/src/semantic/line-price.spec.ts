import { decimal } from '#money';
import { linesOf, site, type Story } from '../../../../test/support/rating-story.js';
import { comesTo, linePrice } from './line-price.js';

/** The price of the one line of a charge, and its amount. */
function priced(charge: Record<string, unknown>, story: Story = {}, digits = 2) {
  const [line] = linesOf({ charges: [{ code: 'c', name: 'C', ...charge }], ...story });
  if (!line) throw new Error('no line');
  const price = linePrice({ position: 1, ...line }, decimal(line.amount), 1, digits);
  return { amount: line.amount, ...price };
}

const usage = (price: unknown, more: Record<string, unknown> = {}) => ({
  type: 'usage',
  measure: { metric: 'bytes', unit: 'GB' },
  price,
  ...more,
});
const gigabytes = (quantity: string): Story => ({ quantities: [{ metric: 'bytes', quantity }] });

describe('the price of a line', () => {
  it('is quantity and unit price where there is one', () => {
    expect(priced(usage({ model: 'per_unit', unit_price: '0.0042' }), gigabytes('1234567000000'))).toEqual({
      // 1234.567 × 0.0042 = 5.1851814
      amount: '5.19',
      quantity: '1234.567',
      unitCode: 'E34',
      price: '0.0042',
      baseQuantity: null,
    });
  });

  it('counts what is charged beyond an allowance', () => {
    const charge = usage({ model: 'per_unit', unit_price: '0.08' }, { included: '500' });
    expect(priced(charge, gigabytes('734000000000'))).toMatchObject({
      amount: '18.72',
      quantity: '234',
      price: '0.08',
    });
  });

  it('is for as many units as a prorated package has', () => {
    const charge = usage({ model: 'package', size: '1000', package_price: '5', partial: 'prorated' });
    expect(priced(charge, gigabytes('2500000000000'))).toMatchObject({
      ...{ amount: '12.50', quantity: '2500', unitCode: 'E34', price: '5', baseQuantity: '1000' },
    });
  });

  it('counts whole packages', () => {
    const charge = usage({ model: 'package', size: '1000', package_price: '5' });
    expect(priced(charge, gigabytes('2500000000000'))).toMatchObject({
      ...{ amount: '15.00', quantity: '3', unitCode: 'C62', price: '5', baseQuantity: null },
    });
  });

  const tiers = [
    { up_to: '1000', unit_price: '0.08' },
    { up_to: null, unit_price: '0.05' },
  ];
  it.each([
    ['several tiers', usage({ model: 'graduated', tiers }), '1234567800000', '91.73'],
    ['a minimum', usage({ model: 'per_unit', unit_price: '0.08' }, { minimum_amount: '20' }), '1000000000', '20.00'],
    ['a maximum', usage({ model: 'per_unit', unit_price: '8' }, { maximum_amount: '20' }), '9000000000', '20.00'],
    ['a flat amount', usage({ model: 'flat', amount: '7.50' }), '1', '7.50'],
    ['a stair', usage({ model: 'stairstep', tiers: [{ up_to: null, amount: '3' }] }), '5000000000', '3.00'],
  ])('of %s is its amount, once', (_, charge, bytes, amount) => {
    expect(priced(charge, gigabytes(bytes))).toEqual({
      ...{ amount, quantity: '1', unitCode: 'C62', price: amount, baseQuantity: null },
    });
  });

  it('of several tiers is never one of theirs, also where it would come to the amount', () => {
    const cheap = [
      { up_to: '1', unit_price: '0.001' },
      { up_to: null, unit_price: '0.002' },
    ];
    expect(priced(usage({ model: 'graduated', tiers: cheap }), gigabytes('2000000000'))).toMatchObject({
      ...{ amount: '0.00', quantity: '1', price: '0.00' },
    });
  });

  it('of a commit that was not used up is that of the commit', () => {
    const price = { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' };
    const unused = priced(usage(price), gigabytes('80000000000'));
    expect(unused).toMatchObject({ amount: '400.00', quantity: '100', unitCode: 'E34', price: '4' });
    expect(priced(usage(price), gigabytes('110000000000'))).toMatchObject({ amount: '465.00', quantity: '1' });
  });

  it('of one tier is that of the tier', () => {
    expect(priced(usage({ model: 'graduated', tiers }), gigabytes('200000000000'))).toMatchObject({
      ...{ amount: '16.00', quantity: '200', price: '0.08' },
    });
  });

  it('of a rate over a part of the period is its amount, once', () => {
    const measure = { metric: 'bandwidth', aggregation: 'average', direction: 'uplink', unit: 'Mbps', missing: 'zero' };
    const charge = { type: 'usage', measure, price: { model: 'per_unit', unit_price: '4' } };
    const story = { quantities: [{ metric: 'bandwidth' as const, quantity: '95' }], starts: '2026-10-17' };
    // 95 × 4 × 15/31 = 183.870967…
    expect(priced(charge, { ...story, entities: [site('A')] })).toMatchObject({ quantity: '1', price: '183.87' });
  });

  it('of a fee counts the shares it was in force', () => {
    const charge = { type: 'recurring', amount: '40.00', per: 'customer_site_id' };
    const entities = [site('A'), site('B', '2026-10-17')];
    // 1 + 15/31 sites, cut at 12 decimals
    expect(priced(charge, { entities })).toMatchObject({ amount: '59.35', quantity: '1.483870967741', price: '40' });
  });

  it('of a currency without decimals is its amount, once, where the product has some', () => {
    const yen = (bytes: string) =>
      priced(usage({ model: 'per_unit', unit_price: '0.7' }), { ...gigabytes(bytes), currency: 'JPY' }, 0);
    // 864.15, which Peppol does not take for 864
    expect(yen('1234500000000')).toMatchObject({ amount: '864', quantity: '1', price: '864' });
    expect(yen('1230000000000')).toMatchObject({ amount: '861', quantity: '1230', price: '0.7' });
  });

  it('of more digits than readers keep is its amount, once', () => {
    const digits = '0.1234567890123456789012345';
    expect(priced(usage({ model: 'per_unit', unit_price: digits }), gigabytes('2000000000'))).toMatchObject({
      ...{ amount: '0.25', quantity: '1', price: '0.25' },
    });
  });

  it('has the sign on the quantity', () => {
    const [line] = linesOf({ charges: [{ code: 'c', name: 'C', type: 'recurring', amount: '40.00' }] });
    if (!line) throw new Error('no line');
    expect(linePrice({ position: 1, ...line }, decimal('-40.00'), -1, 2)).toMatchObject({
      quantity: '-1',
      price: '40',
    });
  });

  it('of a correction is the difference in quantity where it gives the amount, else the amount', () => {
    const [line] = linesOf({
      charges: [{ code: 'c', name: 'C', ...usage({ model: 'per_unit', unit_price: '0.25' }) }],
      ...gigabytes('10000000000'),
    });
    if (!line) throw new Error('no line');
    const delta = (quantity: string, amount: string) =>
      linePrice(
        { ...line, position: 1, quantity, amount, correction: { rerated: '2.50', billed: '0.00' } },
        decimal(amount).negated(),
        -1,
        2,
      );
    expect(delta('-3', '-0.75')).toMatchObject({ quantity: '3', unitCode: 'E34', price: '0.25' });
    expect(delta('-3', '-0.76')).toMatchObject({ quantity: '1', unitCode: 'C62', price: '0.76' });
    expect(delta('-3', '0.76')).toMatchObject({ quantity: '-1', unitCode: 'C62', price: '0.76' });
  });
});

describe('a quantity at a price', () => {
  const comes = (quantity: string, price: string, amount: string, base: string | null = null) =>
    comesTo(
      { quantity: decimal(quantity), unitPrice: decimal(price), base: base === null ? null : decimal(base) },
      decimal(amount),
    );

  it('comes to an amount at half a cent and no further', () => {
    expect([comes('245', '0.1973', '48.34'), comes('245', '0.1973', '48.33')]).toEqual([true, false]);
    // A half either way: seller's may round it to the even cent.
    expect([comes('1', '0.125', '0.13'), comes('1', '0.125', '0.12'), comes('1', '0.1251', '0.12')]).toEqual([
      ...[true, true, false],
    ]);
    expect([comes('1', '10', '3.33', '3'), comes('1', '10', '3.34', '3')]).toEqual([true, false]);
  });
});
