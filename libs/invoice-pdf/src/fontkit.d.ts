/** The part of fontkit that this room touches; fontkit ships no types of its own. */
declare module 'fontkit' {
  export interface Glyph {
    id: number;
    name: string | null;
    codePoints: number[];
    advanceWidth: number;
  }

  export interface GlyphRun {
    glyphs: Glyph[];
    positions: { xAdvance: number; yAdvance: number; xOffset: number; yOffset: number }[];
    advanceWidth: number;
  }

  /** Some glyphs of a font, numbered from 1 in the order in which they were included; 0 is .notdef. */
  export interface Subset {
    includeGlyph(glyph: number): number;
    encode(): Uint8Array;
  }

  export interface AnchorProcessor {
    applyAnchor(mark: object, base: object | null, baseGlyph: number): void;
  }

  export interface Font {
    postscriptName: string;
    numGlyphs: number;
    unitsPerEm: number;
    ascent: number;
    descent: number;
    capHeight: number;
    xHeight: number;
    italicAngle: number;
    bbox: { minX: number; minY: number; maxX: number; maxY: number };
    /** Glyphs seen so far, each with the code points of the first text that used it. */
    _glyphs: Record<number, Glyph>;
    /** Code points that the font has a glyph for. */
    characterSet: number[];
    hasGlyphForCodePoint(codePoint: number): boolean;
    glyphForCodePoint(codePoint: number): Glyph;
    getGlyph(glyph: number, codePoints?: number[]): Glyph;
    /** The table of characters; 0 is what it has no glyph for. */
    _cmapProcessor: { lookup(codePoint: number): number };
    /** How glyphs are placed by the tables of OpenType, if the font has such. */
    _layoutEngine: { engine: { GPOSProcessor: AnchorProcessor | null } | null };
    layout(
      text: string,
      features?: readonly string[],
      script?: undefined,
      language?: undefined,
      direction?: 'ltr' | 'rtl',
    ): GlyphRun;
    createSubset(): Subset;
  }

  export function openSync(path: string): Font;
}
