import fc from 'fast-check';
import { Decimal } from '#money';
import { canonicalJson } from './canonical-json.js';

describe('canonicalJson', () => {
  it('orders members by name and writes no white space', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'ü"' }], a: true, aa: undefined, B: -0.5 })).toBe(
      '{"B":-0.5,"a":true,"b":[1,{"c":"ü\\"","d":null}]}',
    );
  });

  it('does not depend on the order in which members were set', () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, member]) => [name, shuffled(member)]),
      );
    };
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const parsed: unknown = JSON.parse(JSON.stringify(value));
        expect(canonicalJson(shuffled(parsed))).toBe(canonicalJson(parsed));
        expect(JSON.parse(canonicalJson(parsed))).toEqual(parsed);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['a decimal', new Decimal(1)],
    ['NaN', Number.NaN],
    ['infinity', [Infinity]],
    ['a big integer', { n: 1n }],
    ['a function', { f: () => 1 }],
    ['a hole', [undefined]],
    ['nothing', undefined],
  ])('refuses %s instead of changing it', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'not_json' }));
  });
});
