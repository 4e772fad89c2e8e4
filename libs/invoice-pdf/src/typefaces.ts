import { createRequire } from 'node:module';
import { type Font, type GlyphRun, openSync } from 'fontkit';
import { InvoicePdfError } from './invoice-pdf-error.js';

/** The two weights of the house. */
export type Face = 'regular' | 'strong';

/** Laid-out words kept per face; a run is about 1 kB, so a thread keeps a few megabytes at most. */
const RUNS_KEPT = 4_000;

/**
 * Figures are laid out sign by sign: hardly one comes twice, and digits, points and commas neither join nor kern. A spec
 * holds the font to that.
 */
const FIGURE = /^-?[\d.,]+ ?$/;

const FILES: Readonly<Record<Face, string>> = {
  regular: '@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf',
  strong: '@expo-google-fonts/noto-sans/600SemiBold/NotoSans_600SemiBold.ttf',
};

/**
 * One parsed font and the words already laid out with it, shared by every document of a thread: parsing and shaping are
 * nine tenths of what a small PDF costs.
 *
 * Laying out is a pure function of the text, so that what a thread drew before cannot change the bytes of the next
 * document: fontkit labels each glyph with the code points of the first text that used it, and those labels end up in
 * the PDF's ToUnicode map. They are forgotten before every layout.
 */
export class Typeface {
  readonly #runs = new Map<string, GlyphRun>();

  constructor(readonly font: Font) {}

  /**
   * The glyphs of a word, from `layOut` or from memory. The run is shared: nobody may change it.
   *
   * Throws `glyph_missing` when the font cannot draw a character, which no text that `printable` let through holds: a box in
   * place of a customer's name is no invoice, and PDF/A forbids it (6.2.11.8).
   */
  run(word: string, layOut: (word: string) => GlyphRun): GlyphRun {
    const known = this.#runs.get(word);
    if (known) return known;
    const run =
      word.length > 1 && FIGURE.test(word)
        ? joined(Array.from(word, (sign) => this.run(sign, layOut)))
        : this.#layOut(word, layOut);
    if (this.#runs.size >= RUNS_KEPT) this.#runs.clear();
    this.#runs.set(word, run);
    return run;
  }

  #layOut(word: string, layOut: (word: string) => GlyphRun): GlyphRun {
    this.font._glyphs = {};
    const run = layOut(word);
    if (run.glyphs.some((glyph) => glyph.id === 0)) throw this.#missing(word);
    return run;
  }

  #missing(word: string): InvoicePdfError {
    const character = [...word].find((one) => !this.font.hasGlyphForCodePoint(one.codePointAt(0) ?? 0)) ?? word;
    const codePoint = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return new InvoicePdfError(
      'glyph_missing',
      `the font ${this.font.postscriptName} has no glyph for U+${codePoint} (${character}); ` +
        'write the text with Latin, Greek, Cyrillic or Devanagari letters',
    );
  }
}

function joined(runs: readonly GlyphRun[]): GlyphRun {
  return {
    glyphs: runs.flatMap((run) => run.glyphs),
    positions: runs.flatMap((run) => run.positions),
    advanceWidth: runs.reduce((width, run) => width + run.advanceWidth, 0),
  };
}

let opened: Readonly<Record<Face, Typeface>> | undefined;

/** The faces of this thread, opened on first use. */
export function typefaces(): Readonly<Record<Face, Typeface>> {
  if (!opened) {
    const { resolve } = createRequire(import.meta.url);
    opened = {
      regular: new Typeface(openSync(resolve(FILES.regular))),
      strong: new Typeface(openSync(resolve(FILES.strong))),
    };
  }
  return opened;
}
