import fc from 'fast-check';
import { Decimal, decimalFromNumberText } from '#money';
import { ExactSum, sumOfValues } from './exact-sum.js';

/** Addition as taught at school: scaled to 200 places and added as one integer. */
function addedByHand(texts: readonly string[]): string {
  const places = 200;
  const digits = texts.reduce((total, text) => {
    const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
    const [whole = '', fraction = ''] = mantissa.split('.');
    return total + BigInt(whole + fraction) * 10n ** BigInt(places - fraction.length + Number(exponent));
  }, 0n);
  return new Decimal(`${digits}e-${places}`).toFixed();
}

const total = (...texts: string[]) => sumOfValues(texts).toFixed();

it('adds what doubles cannot', () => {
  expect(total('0.1', '0.2')).toBe('0.3');
  expect(total('9007199254740993', '1')).toBe('9007199254740994');
  expect(total('23933.017647058823', '22196.5', '9999999.9999999')).toBe('10046129.517646958823');
  expect(total(...Array.from({ length: 100_000 }, () => '9999999.9999999'))).toBe('999999999999.99');
  expect(total()).toBe('0');
  expect(sumOfValues([null, '5', null]).toFixed()).toBe('5');
});

it('whatever the digits, exponents and lengths', () => {
  const digits = fc.stringMatching(/^(0|[1-9]\d{0,30})$/);
  const fraction = fc.option(fc.stringMatching(/^\d{1,30}$/), { nil: undefined });
  const exponent = fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-'), fc.integer({ min: 0, max: 40 })), {
    nil: undefined,
    freq: 5,
  });
  const number = fc
    .tuple(digits, fraction, exponent)
    .map(([w, f, e]) => `${w}${f === undefined ? '' : `.${f}`}${e === undefined ? '' : `${e[0]}${e[1]}`}`);
  fc.assert(
    fc.property(fc.array(number, { maxLength: 40 }), (texts) => {
      expect(total(...texts)).toBe(addedByHand(texts));
    }),
    { numRuns: 2_000 },
  );
});

it('in parts that are added, and cut to a whole number', () => {
  const number = fc.oneof(
    fc.stringMatching(/^(0|[1-9]\d{0,20})\.\d{1,20}$/),
    fc.constantFrom('0', '0.5', '1e-30', '2.5E+3', '9999999.9999999'),
  );
  fc.assert(
    fc.property(fc.array(fc.array(number, { maxLength: 8 }), { maxLength: 8 }), (parts) => {
      const whole = new ExactSum();
      for (const part of parts) {
        const sum = new ExactSum();
        for (const text of part) sum.add(text);
        whole.addSum(sum);
      }
      const byHand = addedByHand(parts.flat());
      expect(whole.total().toFixed()).toBe(byHand);
      expect(whole.wholeTotal()).toBe(BigInt(byHand.split('.')[0] ?? ''));
    }),
  );
});

it('in whatever order', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e15, noNaN: true }).map(String), { maxLength: 60 }), (texts) => {
      expect(total(...texts.toReversed())).toBe(total(...texts));
      const [first = '0', ...rest] = texts;
      expect(decimalFromNumberText(first).plus(sumOfValues(rest)).toFixed()).toBe(total(...texts, '0'));
    }),
  );
});

it.each([
  '',
  '-1',
  '+1',
  '.5',
  '5.',
  '01',
  '00',
  '1e',
  '1e1000',
  'NaN',
  'Infinity',
  '0x10',
  '1_000',
  ' 1',
  '1 ',
  '1.2.3',
  '١',
])('refuses %j and adds nothing of it', (text) => {
  const sum = new ExactSum();
  sum.add('7');
  expect(() => sum.add(text)).toThrow('JSON number');
  expect(sum.total().toFixed()).toBe('7');
});
