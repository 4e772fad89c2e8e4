import { deflateSync } from 'node:zlib';
import type { Font } from 'fontkit';

/**
 * The letters that names in one language have are in one block, or in two: a block is embedded whole, 4 to 7 kB of it. The
 * first is all that an invoice in English needs, with the signs of its own words and the ligatures of ASCII.
 */
const BLOCKS: readonly (readonly number[])[] = [
  [...range(0x20, 0x7e), ...Array.from('–—‘’“”•…·×°€£₹\ufb00\ufb01\ufb02\ufb03\ufb04', codePointOf)],
  // Western Europe, then the Latin letters of the rest of it, Greek, Cyrillic, Vietnamese.
  range(0xa1, 0xff),
  [...range(0x100, 0x17f), ...range(0x218, 0x21b)],
  range(0x386, 0x3ce),
  [...range(0x401, 0x45f), 0x490, 0x491],
  [...range(0x1ea0, 0x1ef9), 0x1a0, 0x1a1, 0x1af, 0x1b0],
];

/** Neighbours in the font that share a block where they are in none of those. */
const NEIGHBOURS = 32;

/**
 * Some glyphs of a face, always the same ones under the same codes, so that the font's program, widths and texts are
 * encoded and deflated once per process and stand as ready bytes in every document that uses one of them.
 */
export class FontBlock {
  /** The 2-byte code of each glyph in hex, as page content shows it. */
  readonly codes: ReadonlyMap<number, string>;
  #embedded: EmbeddedBlock | undefined;

  /**
   * @param name of the font resource on a page, unique among all blocks of all faces
   * @param texts what a glyph stands for; see `textsOf`
   */
  constructor(
    readonly name: string,
    readonly font: Font,
    readonly glyphs: readonly number[],
    readonly texts: ReadonlyMap<number, string>,
  ) {
    this.codes = new Map(glyphs.map((glyph, index) => [glyph, hex(index + 1)]));
  }

  /** What a document embeds of this block, made on first use. */
  get embedded(): EmbeddedBlock {
    this.#embedded ??= embed(this);
    return this.#embedded;
  }
}

/** Streams are deflated already; lengths are in thousandths of the type size. */
export interface EmbeddedBlock {
  /** PostScript name with the tag of a subset. */
  baseFont: string;
  program: Uint8Array;
  programLength: number;
  toUnicode: Uint8Array;
  /** The array `W` of a composite font. */
  widths: PdfText;
  metrics: {
    FontBBox: number[];
    ItalicAngle: number;
    Ascent: number;
    Descent: number;
    CapHeight: number;
    XHeight: number;
  };
}

/** A part of an object that pdfkit writes as it is: anything but a plain object is asked for its text. */
class PdfText {
  readonly [Symbol.toStringTag] = 'PdfText';

  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

/**
 * The block of each glyph of a font, made when it is first asked for.
 *
 * @param prefix capitals that the names of these blocks begin with
 * @param fixed whether the font is the one of the page, whose letters are in the blocks above; others have neighbours only
 * @param neighbours how many glyphs beside each other share a block
 */
export function blocksOf(
  font: Font,
  prefix: string,
  { fixed = true, neighbours = NEIGHBOURS }: { fixed?: boolean; neighbours?: number } = {},
): (glyph: number) => FontBlock {
  const letters = lettersOf(font);
  const blocks = new Map<number, FontBlock>();
  const make = (number: number, glyphs: readonly number[]): void => {
    const free = [...new Set(glyphs)].filter((glyph) => glyph !== 0 && !blocks.has(glyph));
    const block = new FontBlock(`${prefix}${number}`, font, free, textsOf(font, free, letters));
    for (const glyph of free) blocks.set(glyph, block);
  };
  if (fixed) {
    BLOCKS.forEach((codePoints, number) =>
      make(
        number,
        codePoints.map((each) => font.glyphForCodePoint(each).id),
      ),
    );
  }
  return (glyph) => {
    const known = blocks.get(glyph);
    if (known) return known;
    const number = Math.floor(glyph / neighbours);
    make(BLOCKS.length + number, range(number * neighbours, Math.min((number + 1) * neighbours, font.numGlyphs) - 1));
    const block = blocks.get(glyph);
    if (!block) throw new RangeError(`${font.postscriptName} has no glyph ${glyph}`);
    return block;
  };
}

/** The lowest code point of each glyph that has one. */
function lettersOf(font: Font): ReadonlyMap<number, number> {
  const letters = new Map<number, number>();
  const printing = font.characterSet.filter((codePoint) => codePoint >= 0x20);
  for (const codePoint of printing.sort((one, other) => one - other)) {
    // Asked for by number: a glyph as an object would be kept by the font, thirty thousand of them in one of Han.
    const glyph = font._cmapProcessor.lookup(codePoint);
    if (!letters.has(glyph)) letters.set(glyph, codePoint);
  }
  return letters;
}

/**
 * The text that each glyph stands for, wherever it is used: its lowest code point, the letters of a ligature, or what its
 * name says by the rule of the Adobe Glyph List (`uni0928094D.alt` is U+0928 U+094D). Where a document means another text (an
 * ohm sign is drawn as an omega), its words say so themselves.
 */
function textsOf(
  font: Font,
  glyphs: readonly number[],
  letters: ReadonlyMap<number, number>,
): ReadonlyMap<number, string> {
  const texts = new Map<number, string>();
  for (const glyph of glyphs) {
    const letter = letters.get(glyph);
    if (letter !== undefined) {
      const character = String.fromCodePoint(letter);
      texts.set(glyph, LIGATURE.test(character) ? character.normalize('NFKD') : character);
      continue;
    }
    const units = NAME.exec(font.getGlyph(glyph).name ?? '')?.[1]?.match(/.{4}/g);
    if (units) texts.set(glyph, String.fromCharCode(...units.map((unit) => Number.parseInt(unit, 16))));
  }
  return texts;
}

const LIGATURE = /[\ufb00-\ufb06]/;
const NAME = /^uni((?:[0-9A-F]{4})+)(?:\.|$)/;

function embed({ name, font, glyphs, texts }: FontBlock): EmbeddedBlock {
  const scale = 1_000 / font.unitsPerEm;
  const subset = font.createSubset();
  for (const glyph of glyphs) subset.includeGlyph(glyph);
  const program = subset.encode();
  const { bbox } = font;
  return {
    baseFont: `${subsetTag(name)}+${font.postscriptName.replaceAll(' ', '_')}`,
    program: deflateSync(program, { level: 9 }),
    programLength: program.length,
    toUnicode: deflateSync(toUnicodeMap(glyphs, texts), { level: 9 }),
    widths: new PdfText(`[0 [${[0, ...glyphs].map((glyph) => font.getGlyph(glyph).advanceWidth * scale).join(' ')}]]`),
    metrics: {
      FontBBox: [bbox.minX, bbox.minY, bbox.maxX, bbox.maxY].map((edge) => edge * scale),
      ItalicAngle: font.italicAngle,
      Ascent: font.ascent * scale,
      Descent: font.descent * scale,
      CapHeight: font.capHeight * scale,
      XHeight: font.xHeight * scale,
    },
  };
}

/** Six capitals that no other block has, as ISO 32000-1 (9.6.4) wants them before the name of a subset: `R12` is `RAAABC`. */
function subsetTag(name: string): string {
  const prefix = name.replace(/\d+$/, '');
  const digits = name.slice(prefix.length).padStart(6 - prefix.length, '0');
  return prefix + Array.from(digits, (digit) => String.fromCharCode(65 + Number(digit))).join('');
}

/** Codes to text, as ISO 32000-1 (9.10.3) has it; at most 100 entries in a section. */
function toUnicodeMap(glyphs: readonly number[], texts: ReadonlyMap<number, string>): string {
  const entries = glyphs.flatMap((glyph, index) => {
    const text = texts.get(glyph);
    return text === undefined ? [] : [`<${hex(index + 1)}> <${utf16(text)}>`];
  });
  const sections: string[] = [];
  for (let first = 0; first < entries.length; first += 100) {
    const section = entries.slice(first, first + 100);
    sections.push(`${section.length} beginbfchar\n${section.join('\n')}\nendbfchar`);
  }
  return [
    '/CIDInit /ProcSet findresource begin',
    '12 dict begin',
    'begincmap',
    '/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def',
    '/CMapName /Adobe-Identity-UCS def',
    '/CMapType 2 def',
    '1 begincodespacerange',
    '<0000> <ffff>',
    'endcodespacerange',
    ...sections,
    'endcmap',
    'CMapName currentdict /CMap defineresource pop',
    'end',
    'end',
  ].join('\n');
}

/** A text in UTF-16, big-endian, in hex. */
export function utf16(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex');
}

function hex(code: number): string {
  return code.toString(16).padStart(4, '0');
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

function codePointOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}
