import { formatAmount, isCurrency, minorUnits } from './currency.js';
import { decimal } from './exact.js';

describe('minorUnits, by ISO 4217', () => {
  it.each([
    ['JPY', 0],
    ['KRW', 0],
    ['CLP', 0],
    ['ISK', 0],
    ['XOF', 0],
    ['EUR', 2],
    ['USD', 2],
    ['INR', 2],
    // Intl says these have none.
    ['HUF', 2],
    ['IDR', 2],
    ['COP', 2],
    ['PKR', 2],
    ['AFN', 2],
    ['MGA', 2],
    // Intl says 0.
    ['IQD', 3],
    ['BHD', 3],
    ['KWD', 3],
    ['TND', 3],
    ['CLF', 4],
  ])('%s has %d', (currency, digits) => {
    expect(minorUnits(currency)).toBe(digits);
    expect(isCurrency(currency)).toBe(true);
  });

  it.each(['', 'eur', 'EURO', 'DEM', 'XAU', 'XXX', 'XTS', 'toString'])('%j is not a currency to bill in', (code) => {
    expect(isCurrency(code)).toBe(false);
    expect(() => minorUnits(code)).toThrow(expect.objectContaining({ code: 'unknown_currency' }));
  });
});

describe('formatAmount', () => {
  it.each([
    ['1234.5', 'EUR', '1234.50'],
    ['1234', 'JPY', '1234'],
    ['0.1', 'BHD', '0.100'],
    ['-0.5', 'USD', '-0.50'],
    ['-0', 'USD', '0.00'],
    ['12345678901234567890.12', 'INR', '12345678901234567890.12'],
  ])('%s %s is %s', (amount, currency, text) => {
    expect(formatAmount(decimal(amount), currency)).toBe(text);
  });

  it('refuses an amount that is finer than the currency', () => {
    const inexact = expect.objectContaining({ code: 'inexact_result' });
    expect(() => formatAmount(decimal('0.5'), 'JPY')).toThrow(inexact);
    expect(() => formatAmount(decimal('0.001'), 'EUR')).toThrow(inexact);
  });
});
