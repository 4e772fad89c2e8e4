import { driftWarning } from './drift.js';

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
