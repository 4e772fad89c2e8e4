import fc from 'fast-check';
import { printable, undrawable } from './printable.js';
import { typefaces } from './typefaces.js';

const faces = Object.values(typefaces());

describe('what can be printed', () => {
  it('is what both faces lay out without a box, whatever the text: the rest is written by code point', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.string({ unit: fc.constantFrom(...'aé\u0301हिमालय\u094d\u200dѢΩ'), maxLength: 6 }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = printable(text);
        for (const { font } of faces) {
          expect(shown === '' ? [] : font.layout(shown).glyphs.filter(({ id }) => id === 0)).toEqual([]);
        }
        const missing = undrawable(text);
        for (const character of missing) {
          expect(faces.some(({ font }) => font.layout(character).glyphs.some(({ id }) => id === 0))).toBe(true);
        }
        expect(shown.includes('[U+')).toBe(missing.length > 0);
        expect(printable(shown)).toBe(shown);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['Zażółć gęślą jaźń', []],
    ['Ελληνικά, Українська, Tiếng Việt', []],
    ['हिमालय', []],
    ['e\u0301', []],
    // No shape of their own: a soft hyphen, marks of direction, the selector of a variation.
    ['a\u00adb\u202eb\u200f\u2066c\ufe0f', []],
    ['東京', ['東', '京']],
    ['京京', ['京']],
    ['עברית', ['ע', 'ב', 'ר', 'י', 'ת']],
    ['ไทย', ['ไ', 'ท', 'ย']],
    ['\u{1f680}', ['\u{1f680}']],
    ['\ud800', ['\ud800']],
  ])('of %j the faces lack %j', (text, missing) => {
    expect(undrawable(text)).toEqual(missing);
  });
});
