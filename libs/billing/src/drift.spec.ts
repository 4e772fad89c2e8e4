import fc from 'fast-check';
import { chargeChanges, driftWarning } from './drift.js';

const before = (net: string | null, driftPercent: string | null = '50') => ({ label: '2026-09', net, driftPercent });

describe('drift against last month', () => {
  it.each([
    ['150.00', '100.00', 'exactly 50 % more'],
    ['50.00', '100.00', 'exactly 50 % less'],
    ['100.00', '100.00', 'equal'],
    ['0.00', '0.00', 'nothing twice'],
  ])('%s after %s is let pass: %s', (net, last) => {
    expect(driftWarning(net, 'EUR', before(last))).toBeUndefined();
  });

  it.each([
    ['150.01', '100.00', 'net 150.01 EUR against 100.00 EUR for 2026-09, +50.0 %'],
    ['49.99', '100.00', 'net 49.99 EUR against 100.00 EUR for 2026-09, -50.0 %'],
    ['0.00', '100.00', 'net 0.00 EUR against 100.00 EUR for 2026-09, -100.0 %'],
    ['1.00', '0.00', 'net 1.00 EUR against 0.00 EUR for 2026-09 ('],
    ['100.00', '-100.00', 'net 100.00 EUR against -100.00 EUR for 2026-09, +200.0 %'],
  ])('%s after %s is a warning that names both', (net, last, message) => {
    const warning = driftWarning(net, 'EUR', before(last));
    expect(warning?.code).toBe('drift');
    expect(warning?.message.startsWith(message)).toBe(true);
  });

  it('is not looked for in a first month, nor where the seller wants no warning', () => {
    expect(driftWarning('9.00', 'EUR', before(null))).toBeUndefined();
    expect(driftWarning('900.00', 'EUR', before('1.00', null))).toBeUndefined();
  });

  it('follows the threshold of the seller', () => {
    expect(driftWarning('110.00', 'EUR', before('100.00', '10'))).toBeUndefined();
    expect(driftWarning('110.01', 'EUR', before('100.00', '10'))?.message).toContain('more than the 10 %');
    expect(driftWarning('100.01', 'EUR', before('100.00', '0'))).toBeDefined();
  });
});

describe('charges against last month', () => {
  type Line = Parameters<typeof chargeChanges>[0][number];
  const AUGUST = { start: '2026-08-01T00:00:00Z', end: '2026-09-01T00:00:00Z' };
  const SPLIT = '2026-08-11T00:00:00Z';

  const line = (charge: string, quantity: string, unit: string, amount: string, over: Partial<Line> = {}): Line => ({
    charge,
    description: `the ${charge}`,
    entity: null,
    segment: { ...AUGUST, start_date: '2026-08-01', end_date: '2026-09-01' },
    quantity,
    unit,
    amount,
    derivation: { basis: { kind: 'one_time', unit_amount: amount } },
    ...over,
  });
  const level = (charge: string, quantity: string, amount: string, over: Partial<Line> = {}): Line =>
    line(charge, quantity, 'Mbps', amount, {
      derivation: { basis: { kind: 'usage', scaled_by: 'rate' } as Line['derivation']['basis'] },
      ...over,
    });
  const changes = (current: readonly Line[], previous: readonly Line[]) =>
    chargeChanges(current, previous, 'USD').map(({ charge, change, current: now, previous: then, difference }) => [
      charge,
      change,
      now && [now.quantity, now.unit, now.amount],
      then && [then.quantity, then.unit, then.amount],
      [difference.quantity, difference.amount],
    ]);

  it('names what is new, gone, changed and the same, exactly', () => {
    const now = [
      line('platform', '1', 'period', '499.00'),
      line('traffic', '23933.017647058823', 'GB', '1914.64'),
      line('support', '1', 'period', '30.00'),
      line('discount:1', '1', 'item', '-10.00'),
    ];
    const then = [
      line('setup', '1', 'item', '250.00'),
      line('platform', '1', 'period', '499.00'),
      line('support', '1', 'period', '25.00'),
      line('traffic', '23933.000000000001', 'GB', '1914.65'),
    ];
    expect(changes(now, then)).toEqual([
      ['platform', 'same', ['1', 'period', '499.00'], ['1', 'period', '499.00'], ['0', '0.00']],
      [
        'traffic',
        'changed',
        ['23933.017647058823', 'GB', '1914.64'],
        ['23933.000000000001', 'GB', '1914.65'],
        ['0.017647058822', '-0.01'],
      ],
      ['support', 'changed', ['1', 'period', '30.00'], ['1', 'period', '25.00'], ['0', '5.00']],
      ['discount:1', 'new', ['1', 'item', '-10.00'], null, ['1', '-10.00']],
      ['setup', 'gone', null, ['1', 'item', '250.00'], ['-1', '-250.00']],
    ]);
  });

  it('adds the lines of a charge, and the notes to the invoice that they correct', () => {
    const site = (value: string) => ({ entity: { dimension: 'customer_site_id' as const, value, name: null } });
    const now = [line('airtime', '10', 'hour', '1.00', site('a')), line('airtime', '0.5', 'hour', '0.05', site('b'))];
    const invoice = [line('airtime', '7.25', 'hour', '0.73', site('a')), level('burst', '120', '530.00')];
    const notes = [line('airtime', '-0.25', 'hour', '-0.03', site('a')), level('burst', '0.5', '3.25')];
    expect(changes([...now, level('burst', '120.5', '533.25')], [...invoice, ...notes])).toEqual([
      ['airtime', 'changed', ['10.5', 'hour', '1.05'], ['7', 'hour', '0.70'], ['3.5', '0.35']],
      ['burst', 'same', ['120.5', 'Mbps', '533.25'], ['120.5', 'Mbps', '533.25'], ['0', '0.00']],
    ]);
  });

  it('adds no levels of several sites or parts of a month, and no different units; amounts always', () => {
    const site = (value: string) => ({ entity: { dimension: 'customer_site_id' as const, value, name: null } });
    const part = (start: string, end: string) => ({
      segment: { start, end, start_date: start.slice(0, 10), end_date: end.slice(0, 10) },
    });
    expect(changes([level('burst', '10', '1.00', site('a')), level('burst', '20', '2.00', site('b'))], [])).toEqual([
      ['burst', 'new', [null, 'Mbps', '3.00'], null, [null, '3.00']],
    ]);
    const halves = [
      level('burst', '10', '1.00', part(AUGUST.start, SPLIT)),
      level('burst', '10', '2.00', part(SPLIT, AUGUST.end)),
    ];
    expect(changes([level('burst', '10', '3.00')], halves)).toEqual([
      ['burst', 'changed', ['10', 'Mbps', '3.00'], [null, 'Mbps', '3.00'], [null, '0.00']],
    ]);
    expect(changes([], [line('traffic', '1', 'GB', '1.00'), line('traffic', '1', 'TB', '900.00')])).toEqual([
      ['traffic', 'gone', null, [null, null, '901.00'], [null, '-901.00']],
    ]);
    expect(changes([line('traffic', '1', 'TB', '1.00')], [line('traffic', '1000', 'GB', '1.00')])).toEqual([
      ['traffic', 'changed', ['1', 'TB', '1.00'], ['1000', 'GB', '1.00'], [null, '0.00']],
    ]);
  });

  it('differences add up to the difference of the two nets, whatever the lines', () => {
    const cents = fc.integer({ min: -10_000_000, max: 10_000_000 });
    const month = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), cents), { maxLength: 12 });
    const amount = (minor: number) =>
      `${minor < 0 ? '-' : ''}${Math.trunc(Math.abs(minor) / 100)}.${`${Math.abs(minor) % 100}`.padStart(2, '0')}`;
    const net = (lines: readonly (readonly [string, number])[]) => lines.reduce((total, [, minor]) => total + minor, 0);
    fc.assert(
      fc.property(month, month, (now, then) => {
        const lines = (of: typeof now) => of.map(([charge, minor]) => line(charge, '1', 'item', amount(minor)));
        const total = chargeChanges(lines(now), lines(then), 'USD')
          .map(({ difference }) => BigInt(difference.amount.replace('.', '')))
          .reduce((sum, each) => sum + each, 0n);
        expect(total).toBe(BigInt(net(now) - net(then)));
      }),
    );
  });
});
