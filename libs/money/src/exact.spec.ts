import { decimal, Decimal, decimalFromNumberText, isPlainDecimal, minus, plus, sum, times } from './exact.js';

const inexact = expect.objectContaining({ name: 'MoneyError', code: 'inexact_result', retryable: false });
const malformed = expect.objectContaining({ code: 'malformed_decimal' });

describe('reading', () => {
  it.each(['0', '-1', '0.0042', '12345678901234567890.12', '-0.10'])('%s is a plain decimal', (text) => {
    expect(isPlainDecimal(text)).toBe(true);
    expect(decimal(text).equals(text)).toBe(true);
  });

  it.each(['', ' 1', '1 ', '1\n', '+1', '01', '.5', '1.', '1e3', '0x10', '1,5', '1_000', 'NaN', 'Infinity', '١'])(
    '%j is not',
    (text) => {
      expect(isPlainDecimal(text)).toBe(false);
      expect(() => decimal(text)).toThrow(malformed);
    },
  );

  it('reads the exponents that JSON numbers may have', () => {
    expect(decimalFromNumberText('1.5e3').toFixed()).toBe('1500');
    expect(decimalFromNumberText('25E-4').toFixed()).toBe('0.0025');
    expect(decimalFromNumberText('1e21').toFixed()).toBe('1000000000000000000000');
    expect(() => decimalFromNumberText('1e')).toThrow(malformed);
    expect(() => decimalFromNumberText('1e1000')).toThrow(malformed);
  });

  it('quotes no more than the beginning of a bad number', () => {
    expect(() => decimal('x'.repeat(500))).toThrow(/^not a plain decimal: "x{40}…"$/);
  });
});

describe('sums and products', () => {
  it('keeps the cents of numbers far beyond doubles', () => {
    expect(plus(decimal('12345678901234567890.12'), decimal('0.01')).toFixed()).toBe('12345678901234567890.13');
    expect(sum(['0.1', '0.2', '-0.3'].map(decimal)).toFixed()).toBe('0');
    expect(times(decimal('1.000000000000000000001'), decimal('3')).toFixed()).toBe('3.000000000000000000003');
    expect(minus(decimal('1'), decimal('0.9999999999999999999999')).toFixed()).toBe('0.0000000000000000000001');
  });

  it('takes the precision of the house, whatever made the left operand', () => {
    const narrow = Decimal.clone({ precision: 5 });
    expect(plus(new narrow('123456789'), decimal('0.5')).toFixed()).toBe('123456789.5');
    expect(times(new narrow('123456789'), decimal('1.1')).toFixed()).toBe('135802467.9');
  });

  it('throws instead of rounding', () => {
    const long = decimal(`0.${'1'.repeat(399)}3`);
    expect(() => times(long, decimal('11'))).toThrow(inexact);
    expect(() => plus(decimal('10'), long)).toThrow(inexact);
    expect(() => plus(new Decimal('1e300'), new Decimal('1e-300'))).toThrow(inexact);
    expect(() => plus(decimal('9'), decimal(`0.${'1'.repeat(399)}`))).toThrow(inexact);
    expect(plus(decimal('9'), decimal(`0.${'1'.repeat(398)}`)).decimalPlaces()).toBe(398);
    expect(plus(new Decimal('1e300'), new Decimal('1e-90')).toFixed()).toBe(`1${'0'.repeat(300)}.${'0'.repeat(89)}1`);
  });

  it('adding 0 keeps every digit, however many', () => {
    const long = decimal(`1.${'1'.repeat(500)}`);
    expect(plus(decimal('0'), long).toFixed()).toBe(long.toFixed());
    expect(plus(long, decimal('0')).toFixed()).toBe(long.toFixed());
    expect(sum([long]).toFixed()).toBe(long.toFixed());
    expect(sum([]).toFixed()).toBe('0');
  });
});
