import fc from 'fast-check';
import { isLosslessNumber, parse as parseLossless } from 'lossless-json';
import { RuleBroken } from './refusal.js';
import { type JsonValue, NumberText, parseStrictJson } from './strict-json.js';

const read = (text: string) => parseStrictJson(Buffer.from(text));

function codeOf(text: string | Buffer): string {
  try {
    parseStrictJson(Buffer.from(text as string));
    return 'accepted';
  } catch (error) {
    return error instanceof RuleBroken ? error.code : String(error);
  }
}

/** As JSON.parse would give it, numbers as doubles. */
function plain(value: JsonValue): unknown {
  if (value instanceof NumberText) return Number.parseFloat(value.text);
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

/** The texts of all numbers, in order. */
function numberTexts(value: unknown): string[] {
  if (value instanceof NumberText) return [value.text];
  if (isLosslessNumber(value)) return [value.value];
  if (value instanceof Map) return [...value.values()].flatMap(numberTexts);
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(numberTexts);
  return [];
}

it('keeps the text of a number, digit for digit', () => {
  const texts = [
    '23933.017647058823',
    '9007199254740993',
    '0.10',
    '1E+2',
    '-0.0',
    '5e-324',
    '100000000000000000000000.5',
  ];
  expect(numberTexts(read(`[${texts.join(' , ')}]`))).toEqual(texts);
});

it.each([
  ['a comma too many', '[1,]', 'malformed_json'],
  ['a second value', '{} {}', 'malformed_json'],
  ['a stray brace, as in a published example', '{"result":[]}}', 'malformed_json'],
  ['an early end', '{"result":[[{"value":1', 'malformed_json'],
  ['an open string', '{"result', 'malformed_json'],
  ['nothing', '  ', 'malformed_json'],
  ['a byte order mark', '\uFEFF{}', 'malformed_json'],
  ['a leading zero', '[012]', 'malformed_json'],
  ['a bare point', '[.5]', 'malformed_json'],
  ['a plus', '[+1]', 'malformed_json'],
  ['a control character in a string', '["a\nb"]', 'malformed_json'],
  ['a malformed escape', '["\\x41"]', 'malformed_json'],
  ['a single quote', "['a']", 'malformed_json'],
  ['a comment', '[1 /* one */]', 'malformed_json'],
  ['deep nesting', '['.repeat(100_000), 'malformed_json'],
  ['NaN', '[NaN]', 'value_not_a_number'],
  ['Infinity', '{"value": Infinity}', 'value_not_a_number'],
  ['minus Infinity', '[-Infinity]', 'value_not_a_number'],
  ['a member twice', '{"a":1,"a":2}', 'duplicate_json_key'],
  ['a member twice with one value', '{"a":1,"a":1}', 'duplicate_json_key'],
  ['a member twice, once escaped', '{"a":1,"\\u0061":1}', 'duplicate_json_key'],
])('refuses %s', (_what, text, code) => {
  expect(codeOf(text)).toBe(code);
});

it('refuses bytes that are not UTF-8', () => {
  expect(codeOf(Buffer.from([0x22, 0xff, 0x22]))).toBe('malformed_json');
});

it('a member name reaches no prototype', () => {
  expect(read('{"__proto__":{"polluted":true}}')).toEqual(new Map([['__proto__', new Map([['polluted', true]])]]));
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

it('reads what JSON.parse reads, and number texts as lossless-json does', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.nat(3), (json, indent) => {
      const text = JSON.stringify(JSON.parse(json), null, indent);
      const value = read(text);
      expect(plain(value)).toEqual(JSON.parse(text));
      expect(numberTexts(value)).toEqual(numberTexts(parseLossless(text)));
    }),
    { numRuns: 300 },
  );
});

it('judges mangled text as JSON.parse does', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'{}[]":,\\0123.eE-+ntu \n'), fc.boolean()), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), damage, (json, hits) => {
      let text = json;
      for (const [at, character, replaces] of hits) {
        const index = at % (text.length + 1);
        text = text.slice(0, index) + character + text.slice(index + (replaces ? 1 : 0));
      }
      let expected = 'accepted';
      try {
        JSON.parse(text);
      } catch {
        expected = 'malformed_json';
      }
      const found = codeOf(text);
      // JSON.parse lets the last of two equal member names win.
      if (found !== 'duplicate_json_key') expect(found).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});
