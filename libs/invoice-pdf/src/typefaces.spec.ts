import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { InvoicePdfError } from './invoice-pdf-error.js';
import { Recent } from './recent.js';
import { typefaceOf } from './families.js';
import type { Line, Typeface, Word } from './typefaces.js';

const faces = (['regular', 'strong'] as const).map((face) => [face, typefaceOf('base', face)] as const);

interface Placed {
  glyph: number;
  x: number;
  y: number;
}

/** Where the font's own tables put each glyph of a word; fontkit's units are thousandths for these fonts. */
function byTables({ font }: Typeface, word: string): { placed: Placed[]; advance: number } {
  font._glyphs = {};
  const { glyphs, positions } = font.layout(word);
  let advance = 0;
  const placed = glyphs.map(({ id }, index) => {
    const { xAdvance = 0, xOffset = 0, yOffset = 0 } = positions[index] ?? {};
    const at = { glyph: id, x: advance + xOffset, y: yOffset };
    advance += xAdvance;
    return at;
  });
  return { placed, advance };
}

/** Where a PDF reader puts them: TJ moves by the width of each code and back by each number (ISO 32000-1, 9.4.3). */
function byReader({ font }: Typeface, { strips }: Word): { placed: Placed[]; advance: number } {
  let advance = 0;
  const placed: Placed[] = [];
  for (const { block, rise, show } of strips) {
    for (const [, codes, number] of show.matchAll(/<([0-9a-f]*)>|(-?[\d.]+)/g)) {
      advance -= Number(number ?? 0);
      for (const code of codes?.match(/.{4}/g) ?? []) {
        const glyph = block.glyphs[Number.parseInt(code, 16) - 1] ?? 0;
        placed.push({ glyph, x: advance, y: rise });
        advance += font.getGlyph(glyph).advanceWidth;
      }
    }
  }
  return { placed, advance };
}

/** What is copied out of a line: what it says itself, or else what the codes of its blocks are mapped to. */
function copied({ words, actual }: Line): string {
  if (actual !== null) return Buffer.from(actual, 'hex').swap16().toString('utf16le');
  return words
    .flatMap(({ strips }) => strips)
    .flatMap(({ block, show }) => {
      const map = inflateSync(block.embedded.toUnicode).toString();
      const texts = new Map([...map.matchAll(/^<(.{4})> <(.+)>$/gm)].map(([, code, text]) => [code, text]));
      const codes = [...show.matchAll(/<([0-9a-f]*)>/g)].flatMap(([, hex]) => hex?.match(/.{4}/g) ?? []);
      return codes.map((code) =>
        Buffer.from(texts.get(code) ?? '', 'hex')
          .swap16()
          .toString('utf16le'),
      );
    })
    .join('');
}

describe.each(faces)('the %s face', (_name, face) => {
  const signs = [...'fiflffTAVaYo.,-1270/–…·×€₹ÄßéŁźñçΑΔςКйЂґấ\u0301ṃǹ\ufb01Ωµहिमालयक्षेत्र '].filter((sign) =>
    face.font.hasGlyphForCodePoint(sign.codePointAt(0) ?? 0),
  );
  const latin = Array.from({ length: 0x24f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index)).filter((sign) =>
    face.font.hasGlyphForCodePoint(sign.charCodeAt(0)),
  );
  const words = fc.oneof(
    fc.string({ unit: fc.constantFrom(...signs), minLength: 1, maxLength: 7 }),
    fc.string({ unit: fc.constantFrom(...latin), minLength: 1, maxLength: 9 }),
  );

  it('sets every word exactly where the tables of the font put its glyphs', () => {
    fc.assert(
      fc.property(words, (text) => {
        const word = face.word(text);
        const { placed, advance } = byTables(face, text);
        expect(byReader(face, word)).toEqual({ placed, advance });
        expect(word.advance).toBe(advance);
      }),
      { numRuns: 400 },
    );
  });

  it('lets every text be copied out as it was written', () => {
    fc.assert(
      fc.property(words, (text) => {
        expect(copied(face.set(text))).toBe(text);
      }),
      { numRuns: 100 },
    );
  });

  it('lets a word that is drawn as another one say so itself, and a ligature have its letters', () => {
    expect(copied(face.set('\ufb01 a'))).toBe('\ufb01 a');
    for (const text of ['fi', 'official waffles']) {
      expect([face.set(text).actual, copied(face.set(text))]).toEqual([null, text]);
    }
  });

  it('has digits of one width, so that columns of amounts stand under each other', () => {
    const widths = [...'0123456789'].map((digit) => face.word(digit).advance);
    expect(new Set(widths).size).toBe(1);
  });

  it('refuses what it cannot draw and names the code point', () => {
    expect(() => face.word('ع')).toThrow(InvoicePdfError);
    expect(() => face.word('ع')).toThrow(/U\+0639/);
  });

  it('has each glyph in one block, under a name that no other block has', () => {
    const blocks = Array.from({ length: face.font.numGlyphs - 1 }, (_, index) => face.blockOf(index + 1));
    for (const [index, block] of blocks.entries()) expect(block.codes.has(index + 1)).toBe(true);
    const all = [...new Set(blocks)];
    expect(all.flatMap(({ glyphs }) => glyphs)).toHaveLength(face.font.numGlyphs - 1);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  it('needs one block for the words and figures of any invoice in English', () => {
    const line = face.set('Amount due: “EUR 1,234.50” – 10 % of 5 × 2… · official, final, offshore waffle’s flow_~');
    expect(new Set(line.words.flatMap(({ strips }) => strips.map(({ block }) => block.name))).size).toBe(1);
  });
});

describe('what was asked for lately', () => {
  it('is remembered, and forgotten before memory grows without end', () => {
    const recent = new Recent<number, number>(100);
    for (let index = 0; index < 1_000; index += 1) {
      recent.set(index, index);
      expect(recent.get(0)).toBe(0);
    }
    const kept = Array.from({ length: 1_000 }, (_, index) => recent.get(index)).filter((value) => value !== undefined);
    expect(kept.length).toBeLessThanOrEqual(200);
    expect(recent.get(999)).toBe(999);
  });
});
