import { textFault } from './text.js';

describe('a text that people write', () => {
  it.each([
    'Acme Ltd.',
    'Zażółć & Söhne',
    'קפה',
    'مقهى',
    // Persian with a non-joiner, Hindi with a joiner, an Arabic number sign, an emoji with its selector.
    'نامه\u200cای',
    'क्\u200dष',
    '\u0600١٢',
    'Café \u2615\ufe0f',
  ])('%j is taken', (text) => {
    expect(textFault(text)).toBeUndefined();
  });

  it.each([
    ['a right-to-left override', 'Acme \u202eDTL', 'U+202E'],
    ['an isolate', 'Acme\u2066x\u2069', 'U+2066'],
    ['a mark of direction', 'Acme\u200f', 'U+200F'],
    ['an Arabic letter mark', 'Acme\u061c', 'U+061C'],
    ['a space without width', 'Ac\u200bme', 'U+200B'],
    ['a byte order mark', '\ufeffAcme', 'U+FEFF'],
    ['a soft hyphen', 'Ac\u00adme', 'U+00AD'],
    ['a tag', 'Acme\u{e0041}', 'U+E0041'],
    ['a line separator', 'Acme\u2028Ltd', 'U+2028'],
    ['a tabulator', 'Acme\tLtd', 'U+0009'],
    ['half a pair', 'Acme\ud83d', 'U+D83D'],
    ['what is left of a lost character', 'Caf\ufffd', 'U+FFFD'],
    ['a noncharacter', 'Acme\uffff', 'U+FFFF'],
  ])('%s is refused by its code point', (_name, text, codePoint) => {
    expect(textFault(text)).toContain(codePoint);
  });

  it.each([' ', '\u00a0 ', '\u3164', '\u2800', '\ufe0f'])('%j has nothing to see', (text) => {
    expect(textFault(text)).toBe('must have a character that is seen');
  });
});
