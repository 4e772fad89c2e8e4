import type { Font, Glyph, GlyphRun } from 'fontkit';
import { mirrored } from './bidi.js';
import { blocksOf, type FontBlock, utf16 } from './font-block.js';
import { InvoicePdfError } from './invoice-pdf-error.js';
import { Recent } from './recent.js';
import type { Shaping } from './shaping-order.js';

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
  /** Its text in UTF-16 hex where it is not itself and stands on a line that is not told as a whole. */
  readonly actual?: string;
}

/** A text on one line. */
export interface Line {
  readonly advance: number;
  readonly words: readonly Word[];
  /** The text in UTF-16 hex where a word of it is not itself. */
  readonly actual: string | null;
}

/** Nothing but marks, or nothing at all, as the dots of an Arabic letter that are glyphs of their own. */
const MARKS_ONLY = /^\p{M}*$/u;

type Position = GlyphRun['positions'][number];

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

/** Shaped words from right to left kept per face, each some words of their own. */
const BACKWARDS_KEPT = 300;

/** Whole texts kept per face that are short and hold no digit: the words of the page itself, which stand on every document. */
const LINES_KEPT = 500;
const LONGEST_KEPT = 120;

/** Kerned pairs kept per face. A text of one language has some hundreds. */
const PAIRS_KEPT = 8_000;

/** A font that is not the page's: how many glyphs share a block, and how many shaped words are kept. */
export interface OtherFont {
  readonly neighbours: number;
  readonly wordsKept: number;
  /** What its script needs before the font's tables are asked. */
  readonly shaping?: Shaping | undefined;
}

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
  readonly #words: Recent<string, Word>;
  readonly #lines = new Recent<string, Line>(LINES_KEPT);
  readonly #backwards = new Recent<string, readonly Word[]>(BACKWARDS_KEPT);

  /**
   * @param prefix capitals that the names of this face's font resources begin with
   * @param other how it differs from the fonts of the page, if it does: its words are then shaped whole
   */
  constructor(
    readonly font: Font,
    prefix: string,
    readonly other?: OtherFont,
  ) {
    this.blockOf = blocksOf(font, prefix, other && { fixed: false, neighbours: other.neighbours });
    this.#scale = 1_000 / font.unitsPerEm;
    this.#words = new Recent(other?.wordsKept ?? WORDS_KEPT);
    if (other) skipMissingAnchors(font);
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

  /**
   * Sets a part of a text that runs from right to left (UAX #9, L4: its brackets mirrored), letter by letter from left to right.
   * Readers go by where letters stand and turn such runs round themselves, so each letter that its glyph does not stand for says
   * itself, and with it its marks, the last one first.
   */
  backwards(text: string): readonly Word[] {
    const known = this.#backwards.get(text);
    if (known) return known;
    const words = this.#setBackwards(text);
    this.#backwards.set(text, words);
    return words;
  }

  #setBackwards(text: string): Word[] {
    const { glyphs, positions } = this.#layOut(mirrored(text), 'rtl');
    const clusters: { glyph: Glyph; position: Position; text: string; x: number }[] = [];
    const loose: { glyph: Glyph; x: number; y: number }[] = [];
    let pen = positions.reduce((sum, { xAdvance }) => sum + xAdvance, 0);
    const advance = pen;
    for (let index = glyphs.length - 1; index >= 0; index -= 1) {
      const [glyph, position] = [glyphs[index], positions[index]];
      if (!glyph || !position) continue;
      pen -= position.xAdvance;
      const letters = mirrored(String.fromCodePoint(...glyph.codePoints));
      const last = clusters.at(-1);
      if (last && position.xAdvance === 0 && MARKS_ONLY.test(letters)) {
        last.text += letters;
        loose.push({ glyph, x: pen + position.xOffset, y: position.yOffset });
      } else {
        clusters.push({ glyph, position, text: letters, x: pen });
      }
    }
    // In the order of shaping, shadda comes before the vowel; in that of `printable`, behind it.
    for (const cluster of clusters) cluster.text = cluster.text.normalize('NFC');
    if (clusters.map((cluster) => cluster.text).join('') !== text) {
      const word = this.#place({ glyphs, positions }, text);
      return [{ ...word, isItself: false, actual: utf16([...text].reverse().join('')) }];
    }
    const words = clusters.reverse().map((cluster) => {
      const letters = [...cluster.text].reverse().join('');
      const word = this.#place({ glyphs: [cluster.glyph], positions: [cluster.position] }, letters);
      return word.isItself ? word : { ...word, actual: utf16(letters) };
    });
    return loose.length === 0 ? words : [...words, this.#over(advance, loose)];
  }

  /** Marks over and under a word that was drawn already; they say nothing, because their letters say them. */
  #over(advance: number, marks: readonly { glyph: Glyph; x: number; y: number }[]): Word {
    const strips: Strip[] = [];
    let pen = advance;
    marks.forEach(({ glyph, x, y }, index) => {
      const block = this.blockOf(glyph.id);
      const back = thousandths((pen - x) * this.#scale);
      pen = x + glyph.advanceWidth;
      const home = index === marks.length - 1 ? thousandths((pen - advance) * this.#scale) : 0;
      const show = `${back === 0 ? '' : back}<${block.codes.get(glyph.id) ?? ''}>${home === 0 ? '' : home}`;
      strips.push({ block, rise: thousandths(y * this.#scale), show });
    });
    return { advance: 0, strips, isItself: false, actual: '' };
  }

  #setWord(text: string): Word {
    const isSideBySide = !this.other && SIDE_BY_SIDE.test(text);
    return (isSideBySide ? this.#sideBySide(text) : null) ?? this.#shaped(text);
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
    return this.#place(this.#layOut(text), text);
  }

  /** Glyphs where the tables put them; `text` is what they stand for. */
  #place({ glyphs, positions }: Pick<GlyphRun, 'glyphs' | 'positions'>, text: string): Word {
    const strips: Strip[] = [];
    let current: { block: FontBlock; rise: number; show: string } | null = null;
    let advance = 0;
    let letters = '';
    let isMoved = false;
    glyphs.forEach((glyph, index) => {
      const { xAdvance = 0, xOffset = 0, yOffset = 0 } = positions[index] ?? {};
      const block = this.blockOf(glyph.id);
      const rise = thousandths(yOffset * this.#scale);
      if (current?.block !== block || current.rise !== rise) {
        if (current) strips.push(current);
        current = { block, rise, show: '' };
      }
      const before = thousandths(-xOffset * this.#scale);
      const after = thousandths((glyph.advanceWidth - xAdvance + xOffset) * this.#scale);
      current.show += `${before === 0 ? '' : ` ${before}`}<${block.codes.get(glyph.id) ?? ''}>${after === 0 ? '' : after}`;
      advance += xAdvance * this.#scale;
      letters += block.texts.get(glyph.id) ?? '';
      isMoved ||= xAdvance === 0 || xOffset !== 0 || yOffset !== 0;
    });
    if (current) strips.push(current);
    // Readers take a mark that stands over its letter for the begin of another word.
    return { advance, strips, isItself: letters === text && !(this.other && isMoved) };
  }

  /** fontkit labels each glyph with the first text that used it and shapes by those labels, so they are forgotten first. */
  #layOut(text: string, direction: 'ltr' | 'rtl' = 'ltr'): GlyphRun {
    this.font._glyphs = {};
    const shaping = this.other?.shaping;
    const ordered = shaping ? shaping.order(text) : text;
    const run = direction === 'ltr' ? this.font.layout(ordered, shaping?.features) : labelled(this.font, ordered);
    return run.glyphs.some((glyph) => glyph.id === 0) ? this.#side(text, direction) : run;
  }

  /**
   * Letters as they are, where shaping comes to a glyph that the font has not: for marks without a letter it puts a dotted circle
   * in, which not every font can draw.
   */
  #side(text: string, direction: 'ltr' | 'rtl'): GlyphRun {
    const characters = [...text].filter((character) => !/[\u200c\u200d]/.test(character));
    const glyphs = characters.map((character) => this.font.glyphForCodePoint(character.codePointAt(0) ?? 0));
    if (glyphs.some((glyph) => glyph.id === 0)) throw this.#missing(text);
    if (direction === 'rtl') glyphs.reverse();
    const advances = glyphs.map((glyph) => glyph.advanceWidth);
    const positions = advances.map((xAdvance) => ({ xAdvance, yAdvance: 0, xOffset: 0, yOffset: 0 }));
    return { glyphs, positions, advanceWidth: advances.reduce((sum, advance) => sum + advance, 0) };
  }

  #missing(word: string): InvoicePdfError {
    const character = [...word].find((one) => !this.font.hasGlyphForCodePoint(one.codePointAt(0) ?? 0)) ?? word;
    const codePoint = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return new InvoicePdfError(
      'glyph_missing',
      `the font ${this.font.postscriptName} has no glyph for U+${codePoint} (${character}); write the text in other letters`,
    );
  }
}

/**
 * A mark may have no anchor on a letter (GPOS leaves it null), and then stays where it is. fontkit 2.0.4 fails on such a letter, of
 * which Gurmukhi has many.
 */
function skipMissingAnchors(font: Font): void {
  const processor = font._layoutEngine.engine?.GPOSProcessor;
  if (!processor) return;
  const apply = processor.applyAnchor.bind(processor);
  processor.applyAnchor = (mark, base, baseGlyph) => {
    if (base) apply(mark, base, baseGlyph);
  };
}

/**
 * A text laid out from right to left, each glyph labelled with the letters that it stands for where it stands: two letters may have
 * one skeleton, of which fontkit knows the label of the first.
 */
function labelled(font: Font, text: string): GlyphRun {
  const { getGlyph } = font;
  font.getGlyph = (glyph, codePoints) => {
    font._glyphs = {};
    return getGlyph.call(font, glyph, codePoints);
  };
  try {
    return font.layout(text, undefined, undefined, undefined, 'rtl');
  } finally {
    font.getGlyph = getGlyph;
  }
}

/** A thousandth of what widths are measured in is far below what any device shows. */
function thousandths(value: number): number {
  return Math.round(value * 1e3) / 1e3;
}

/** Whether a glyph stands where the pen is and moves it by `advance`. */
function isPlain({ xAdvance, xOffset, yOffset }: Position, advance: number | undefined): boolean {
  return xAdvance === advance && xOffset === 0 && yOffset === 0;
}
