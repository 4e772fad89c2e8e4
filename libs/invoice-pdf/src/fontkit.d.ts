/** The part of fontkit that this room touches; fontkit ships no types of its own. */
declare module 'fontkit' {
  export interface Glyph {
    id: number;
    codePoints: number[];
    advanceWidth: number;
  }

  export interface GlyphRun {
    glyphs: Glyph[];
    positions: { xAdvance: number; yAdvance: number; xOffset: number; yOffset: number; advanceWidth?: number }[];
    advanceWidth: number;
  }

  export interface Font {
    postscriptName: string;
    /** Glyphs seen so far, each with the code points of the first text that used it. */
    _glyphs: Record<number, Glyph>;
    /** Code points that the font has a glyph for. */
    characterSet: number[];
    hasGlyphForCodePoint(codePoint: number): boolean;
    layout(text: string): GlyphRun;
  }

  export function openSync(path: string): Font;
}
