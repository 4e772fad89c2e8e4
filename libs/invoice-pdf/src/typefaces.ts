import { createRequire } from 'node:module';
import { type Font, type GlyphRun, openSync } from 'fontkit';
import { blocksOf, type FontBlock, utf16 } from './font-block.js';
import { InvoicePdfError } from './invoice-pdf-error.js';
import { Recent } from './recent.js';

/** The two weights of the house. */
export type Face = 'regular' | 'strong';

/** Glyphs of one block on one height, as an operand of TJ shows them: hex codes and, between them, what moves the next. */
export interface Strip {
  readonly block: FontBlock;
  /** Above the baseline, in thousandths of the type size. */
  readonly rise: number;
  readonly show: string;
}

/** A word as it is set, with the space behind it. It is shared between documents and never changed. */
export interface Word {
  /** Width in thousandths of the type size. */
  readonly advance: number;
  readonly strips: readonly Strip[];
  /** Whether its glyphs stand for its letters, one by one and in this order, when it is copied out. */
  readonly isItself: boolean;
}

/** A text on one line. */
export interface Line {
  readonly advance: number;
  readonly words: readonly Word[];
  /** The text in UTF-16 hex where a word of it is not itself. */
  readonly actual: string | null;
}

interface Letter {
  readonly glyph: number;
  readonly block: FontBlock;
  readonly code: string;
  readonly advance: number;
  /** Whether the glyph stands for this very letter when it is copied out. */
  readonly isItself: boolean;
}

/** Shaped words kept per face, about 0.5 kB each. Words with digits hardly come twice and are set letter by letter anew. */
const WORDS_KEPT = 2_000;
const HAS_DIGIT = /\d/;

/** Whole texts kept per face that are short and hold no digit: the words of the page itself, which stand on every document. */
const LINES_KEPT = 500;
const LONGEST_KEPT = 120;

/** Kerned pairs kept per face. A text of one language has some hundreds. */
const PAIRS_KEPT = 8_000;

const FILES: Readonly<Record<Face, string>> = {
  regular: '@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf',
  strong: '@expo-google-fonts/noto-sans/600SemiBold/NotoSans_600SemiBold.ttf',
};

/**
 * Scripts in which a word is its letters side by side, moved by pairs: Latin, Greek, Cyrillic, and the signs among them.
 * Combining marks and other scripts are shaped as whole words.
 */
const SIDE_BY_SIDE =
  /^[ -~\u00a1-\u024f\u0370-\u0482\u048a-\u052f\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]+$/u;

/**
 * One parsed font and how texts are set in it, shared by every document of a thread. Shaping a word by the font's tables
 * takes 0.2 ms and more. In Latin, Greek and Cyrillic it comes to the advance of each letter and the kerning of each pair,
 * so that only pairs are ever shaped, each once; a pair that joins (f and i) sends its word to the tables. A spec holds the
 * fonts to that.
 *
 * Setting is a pure function of the text: what a thread drew before cannot change the bytes of the next document.
 */
export class Typeface {
  readonly blockOf: (glyph: number) => FontBlock;
  readonly #scale: number;
  /** By UTF-16 unit. */
  readonly #letters: (Letter | null | undefined)[] = [];
  /** By the first unit and the second. */
  #kerns: (number | 'joined' | undefined)[][] = [];
  #kernsKept = 0;
  readonly #words = new Recent<string, Word>(WORDS_KEPT);
  readonly #lines = new Recent<string, Line>(LINES_KEPT);

  /** @param prefix one capital, the first letter of the names of this face's font resources */
  constructor(
    readonly font: Font,
    prefix: string,
  ) {
    this.blockOf = blocksOf(font, prefix);
    this.#scale = 1_000 / font.unitsPerEm;
  }

  /**
   * Sets a text on one line, word by word.
   *
   * Throws `glyph_missing` when the font cannot draw a character, which no text that `printable` let through holds: a box in
   * place of a customer's name is no invoice, and PDF/A forbids it (6.2.11.8).
   */
  set(text: string): Line {
    if (text.length > LONGEST_KEPT || HAS_DIGIT.test(text)) return this.#setLine(text);
    const known = this.#lines.get(text);
    if (known) return known;
    const line = this.#setLine(text);
    this.#lines.set(text, line);
    return line;
  }

  #setLine(text: string): Line {
    const words: Word[] = [];
    let advance = 0;
    for (let start = 0; start < text.length;) {
      const space = text.indexOf(' ', start);
      const end = space === -1 ? text.length : space + 1;
      const word = this.word(text.slice(start, end));
      words.push(word);
      advance += word.advance;
      start = end;
    }
    return { advance, words, actual: words.every(({ isItself }) => isItself) ? null : utf16(text) };
  }

  /** Sets one word with the space behind it, if it has one. */
  word(text: string): Word {
    if (HAS_DIGIT.test(text)) return this.#setWord(text);
    const known = this.#words.get(text);
    if (known) return known;
    const word = this.#setWord(text);
    this.#words.set(text, word);
    return word;
  }

  #setWord(text: string): Word {
    return (SIDE_BY_SIDE.test(text) ? this.#sideBySide(text) : null) ?? this.#shaped(text);
  }

  /** The word letter by letter, or null when two of its letters join. */
  #sideBySide(text: string): Word | null {
    const strips: Strip[] = [];
    let block: FontBlock | null = null;
    let show = '';
    let advance = 0;
    let isItself = true;
    let unit = text.charCodeAt(0);
    for (let index = 0; index < text.length; index += 1) {
      const next = index + 1 < text.length ? text.charCodeAt(index + 1) : 0;
      const letter = this.#letter(unit);
      const kern = next === 0 ? 0 : this.#kern(unit, next);
      unit = next;
      if (!letter || kern === 'joined') return null;
      if (letter.block !== block) {
        if (block) strips.push({ block, rise: 0, show: `${show}>` });
        ({ block } = letter);
        show = '<';
      }
      show += kern === 0 ? letter.code : `${letter.code}>${-kern}<`;
      advance += letter.advance + kern;
      isItself &&= letter.isItself;
    }
    if (block) strips.push({ block, rise: 0, show: `${show}>` });
    return { advance, strips, isItself };
  }

  /** A letter alone; null when it comes to several glyphs or to one that is moved. */
  #letter(unit: number): Letter | null {
    const known = this.#letters[unit];
    if (known !== undefined) return known;
    const character = String.fromCharCode(unit);
    const { glyphs, positions } = this.#layOut(character);
    const [glyph] = glyphs;
    const [position] = positions;
    let letter: Letter | null = null;
    if (glyph && position && glyphs.length === 1 && isPlain(position, glyph.advanceWidth)) {
      const block = this.blockOf(glyph.id);
      letter = {
        ...{ glyph: glyph.id, block, code: block.codes.get(glyph.id) ?? '' },
        advance: position.xAdvance * this.#scale,
        isItself: block.texts.get(glyph.id) === character,
      };
    }
    this.#letters[unit] = letter;
    return letter;
  }

  /** How far the second letter of a pair is moved, in thousandths of the type size. */
  #kern(unit: number, next: number): number | 'joined' {
    const known = this.#kerns[unit]?.[next];
    if (known !== undefined) return known;
    const kern = this.#measureKern(unit, next);
    if (this.#kernsKept >= PAIRS_KEPT) [this.#kerns, this.#kernsKept] = [[], 0];
    (this.#kerns[unit] ??= [])[next] = kern;
    this.#kernsKept += 1;
    return kern;
  }

  #measureKern(unit: number, next: number): number | 'joined' {
    const [one, other] = [this.#letter(unit), this.#letter(next)];
    const { glyphs, positions } = this.#layOut(String.fromCharCode(unit, next));
    const [first, second] = positions;
    const isPair = glyphs.length === 2 && glyphs[0]?.id === one?.glyph && glyphs[1]?.id === other?.glyph;
    if (!one || !other || !first || !second || !isPair) return 'joined';
    if (!isPlain(first, first.xAdvance) || !isPlain(second, glyphs[1]?.advanceWidth)) return 'joined';
    return first.xAdvance * this.#scale - one.advance;
  }

  /** The word by the font's own tables: ligatures, marks, scripts that reorder. */
  #shaped(text: string): Word {
    const { glyphs, positions } = this.#layOut(text);
    const strips: Strip[] = [];
    let current: { block: FontBlock; rise: number; show: string } | null = null;
    let advance = 0;
    let letters = '';
    glyphs.forEach((glyph, index) => {
      const { xAdvance = 0, xOffset = 0, yOffset = 0 } = positions[index] ?? {};
      const block = this.blockOf(glyph.id);
      const rise = yOffset * this.#scale;
      if (current?.block !== block || current.rise !== rise) {
        if (current) strips.push(current);
        current = { block, rise, show: '' };
      }
      const before = -xOffset * this.#scale;
      const after = (glyph.advanceWidth - xAdvance + xOffset) * this.#scale;
      current.show += `${before === 0 ? '' : ` ${before}`}<${block.codes.get(glyph.id) ?? ''}>${after === 0 ? '' : after}`;
      advance += xAdvance * this.#scale;
      letters += block.texts.get(glyph.id) ?? '';
    });
    if (current) strips.push(current);
    return { advance, strips, isItself: letters === text };
  }

  /** fontkit labels each glyph with the first text that used it and shapes by those labels, so they are forgotten first. */
  #layOut(text: string): GlyphRun {
    this.font._glyphs = {};
    const run = this.font.layout(text);
    if (run.glyphs.some((glyph) => glyph.id === 0)) throw this.#missing(text);
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

/** Whether a glyph stands where the pen is and moves it by `advance`. */
function isPlain({ xAdvance, xOffset, yOffset }: GlyphRun['positions'][number], advance: number | undefined): boolean {
  return xAdvance === advance && xOffset === 0 && yOffset === 0;
}

let opened: Readonly<Record<Face, Typeface>> | undefined;

/** The faces of this thread, opened on first use. */
export function typefaces(): Readonly<Record<Face, Typeface>> {
  if (!opened) {
    const { resolve } = createRequire(import.meta.url);
    opened = {
      regular: new Typeface(openSync(resolve(FILES.regular)), 'R'),
      strong: new Typeface(openSync(resolve(FILES.strong)), 'S'),
    };
  }
  return opened;
}
