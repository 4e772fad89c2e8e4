import type { GlyphRun } from 'fontkit';
import { InvoicePdfError } from './invoice-pdf-error.js';
import { type Typeface, typefaces } from './typefaces.js';

const faces = Object.entries(typefaces());

const shaped = ({ font }: Typeface, text: string): GlyphRun => font.layout(text);
const letters = (run: GlyphRun): number[] => run.glyphs.flatMap((glyph) => glyph.codePoints);

describe.each(faces)('the %s face', (_name, face) => {
  it('labels a glyph by the text at hand, not by the first text that ever used it', () => {
    // Both are drawn by one glyph: the ligature of f and i, and the old code point U+FB01.
    const old = face.run('\ufb01', (text) => shaped(face, text));
    const typed = face.run('fi', (text) => shaped(face, text));
    expect(old.glyphs[0]?.id).toBe(typed.glyphs[0]?.id);
    expect(letters(old)).toEqual([0xfb01]);
    expect(letters(typed)).toEqual([0x66, 0x69]);
  });

  it('lays figures out sign by sign exactly as the font does', () => {
    const signs = [...'0123456789.,-'];
    for (const figure of signs.flatMap((a) => signs.flatMap((b) => [`${a}${b}`, `-1${a}${b} `]))) {
      const run = face.run(figure, (text) => shaped(face, text));
      const whole = shaped(face, figure);
      expect(run.advanceWidth).toBe(whole.advanceWidth);
      expect(run.glyphs.map((glyph) => glyph.id)).toEqual(whole.glyphs.map((glyph) => glyph.id));
      expect(run.positions.map((position) => position.xAdvance)).toEqual(
        whole.positions.map((position) => position.xAdvance),
      );
    }
  });

  it('has digits of one width, so that columns of amounts stand under each other', () => {
    const widths = [...'0123456789'].map((digit) => shaped(face, digit).advanceWidth);
    expect(new Set(widths).size).toBe(1);
  });

  it('refuses what it cannot draw and names the code point', () => {
    const draw = (): GlyphRun => face.run('ع', (text) => shaped(face, text));
    expect(draw).toThrow(InvoicePdfError);
    expect(draw).toThrow(/U\+0639/);
  });

  it('remembers a word and forgets it before memory grows without end', () => {
    let layouts = 0;
    const layOut = (text: string): GlyphRun => {
      layouts++;
      return shaped(face, text);
    };
    face.run('remembered', layOut);
    face.run('remembered', layOut);
    expect(layouts).toBe(1);
    const one = shaped(face, 'a');
    for (let index = 0; index < 4_001; index++) face.run(`word${index}`, () => one);
    face.run('remembered', layOut);
    expect(layouts).toBe(2);
  });
});
