import { Decimal as Library } from 'decimal.js';
import fc from 'fast-check';
import { READING_ERROR } from './approximation.js';
import { MeteringError } from './metering-error.js';
import { packedSeries, PackedValues, packedValues, relabelled } from './packed-values.js';
import type { BucketSeries } from './usage.js';

/** Beside the decimals of the service: with digits for whatever is added here. */
const Exact = Library.clone({ precision: 400 });

const whole = fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9][0-9]{0,17}$/));
const decimals = fc.oneof(fc.constant(''), fc.stringMatching(/^\.[0-9]{1,30}$/));
const exponent = fc.oneof({ weight: 9, arbitrary: fc.constant('') }, fc.stringMatching(/^[eE][+-]?[0-9]{1,2}$/));
const number = fc.tuple(whole, decimals, exponent).map((parts) => parts.join(''));
const values = fc.array(fc.option(number, { freq: 5 }), { maxLength: 40 });

const SERIES: BucketSeries = {
  entity: { dimension: 'customer_site_id', value: 'a' },
  metric: 'uplink_bandwidth',
  grid: 'SLOT',
  owned: { start: 0, end: 900 },
  firstStart: 0,
  values: ['1.5', null, '0'],
};

it('packed values are the values: texts, gaps, doubles and the exact sum', () => {
  fc.assert(
    fc.property(values, (texts) => {
      const packed = PackedValues.of(texts);
      expect(packed.texts()).toEqual(texts);
      expect(packed.length).toBe(texts.length);
      expect(new TextDecoder().decode(packed.lines)).toBe(texts.map((text) => text ?? '').join('\n'));
      const present = texts.filter((text) => text !== null);
      expect(packed.received()).toBe(present.length);
      const sum = present.reduce((total, text) => total.plus(text), new Exact(0));
      expect(packed.total().toFixed()).toBe(sum.toFixed());
      expect(texts.map((_, position) => packed.isGap(position))).toEqual(texts.map((text) => text === null));
      const isFar = (text: string | null, position: number) => {
        const double = Number.parseFloat(text ?? 'NaN');
        return Math.abs((packed.doubles[position] ?? NaN) - double) > double * READING_ERROR;
      };
      expect(texts.filter(isFar)).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

it('parts that are joined are the values of all of them', () => {
  fc.assert(
    fc.property(fc.array(values, { maxLength: 6 }), fc.nat(5), (parts, gaps) => {
      const joined = PackedValues.joined([...parts.map((part) => PackedValues.of(part)), PackedValues.gaps(gaps)]);
      const texts = [...parts.flat(), ...new Array<null>(gaps).fill(null)];
      expect(joined.texts()).toEqual(texts);
      expect(new TextDecoder().decode(joined.lines)).toBe(texts.map((text) => text ?? '').join('\n'));
    }),
    { numRuns: 500 },
  );
});

it('what lies outside of the values is a gap', () => {
  const packed = PackedValues.of(['1', '2']);
  expect([-1, 2, 0.5].map((position) => packed.textAt(position))).toEqual([null, null, null]);
  expect(PackedValues.of([]).texts()).toEqual([]);
  expect(PackedValues.gaps(0).length).toBe(0);
});

it.each(['', '-1', '01', '1.', '.5', '1\n2', '1e', 'NaN', '0x10', '\u0131', '1\u0130', ' 1', '1 '])(
  'refuses %j, which is no number without a sign',
  (text) => {
    expect(() => PackedValues.of(['1', text])).toThrow(MeteringError);
  },
);

it('a series of packed values reads, spreads and serializes as one of texts', () => {
  const { values: texts, ...of } = SERIES;
  const series = packedSeries(of, PackedValues.of(texts));
  expect(series).toEqual(SERIES);
  expect({ ...series }).toEqual(SERIES);
  expect(JSON.parse(JSON.stringify(series))).toEqual(SERIES);
  expect(structuredClone(series)).toEqual(SERIES);
  expect(packedValues(SERIES).texts()).toEqual(texts);
});

it('a series goes on under another metric with the same values', () => {
  const as = { metric: 'downlink_bandwidth', rawSha256: 'f'.repeat(64) } as const;
  expect(relabelled(SERIES, as)).toEqual({ ...SERIES, ...as });
});
