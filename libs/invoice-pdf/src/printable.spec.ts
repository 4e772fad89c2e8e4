import fc from 'fast-check';
import { printable, undrawable } from './printable.js';
import type { Line } from './typefaces.js';
import { setLine } from './typesetter.js';
import { FAMILIES, typefaceOf } from './families.js';

/** The code of every glyph that a line shows; what is no code shows nothing. */
const codesOf = ({ words }: Line): string[] =>
  words
    .flatMap(({ strips }) => strips)
    .flatMap(({ show }) => [...show.matchAll(/<(.*?)>/g)].map(([, codes = '']) => codes));

describe('what can be printed', () => {
  it('is what every face lays out without a box, whatever the text: the rest is written by code point', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.string({ unit: fc.constantFrom(...'aé\u0301हिमालय\u094d\u200dѢΩ'), maxLength: 6 }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = printable(text);
        for (const face of ['regular', 'strong'] as const) {
          expect(codesOf(setLine(shown, { face, han: 'jp' }))).not.toContain('');
        }
        const missing = undrawable(text);
        for (const character of missing) {
          for (const family of FAMILIES) {
            expect(typefaceOf(family, 'regular').font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0)).toBe(false);
          }
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
    ['東京 한국 עברית ไทย مصر বাংলা \u{1f680}', []],
    // Scripts that no typeface of ours has, and what is no letter of any.
    ['ᠮᠣᠩ', ['ᠮ', 'ᠣ', 'ᠩ']],
    ['\u{12000}\u{12000}', ['\u{12000}']],
    ['\ue000\u0378', ['\ue000', '\u0378']],
    ['\ud800', ['\ud800']],
  ])('of %j the faces lack %j', (text, missing) => {
    expect(undrawable(text)).toEqual(missing);
  });
});
