import { once } from 'node:events';
import type { GlyphRun } from 'fontkit';
import PDFDocument from 'pdfkit';
import { printable } from './printable.js';
import { type Face, typefaces } from './typefaces.js';

/** A4 in points. */
export const PAGE_WIDTH = 595.28;
export const PAGE_HEIGHT = 841.89;

/** How a text looks; `colour` is RGB `#rrggbb`, the only colour space the output intent covers. */
export interface TextStyle {
  face: Face;
  size: number;
  colour: string;
}

/** What stands in the file's properties, in the Info dictionary and in XMP. */
export interface SheetInfo {
  title: string;
  author: string;
  subject: string;
  /** Creation and modification date. */
  instant: Date;
  /** 16 bytes that name the content; the trailer's ID. */
  id: Buffer;
}

/** What pdfkit has but does not declare. */
interface PdfkitSeams {
  _id: Uint8Array;
  _addInfo(): void;
  _font: { layoutCached(text: string): GlyphRun; layoutRun(text: string): GlyphRun };
}

/**
 * A PDF/A-3b file being written, in points from the top left corner. Everything drawn goes through here, so that what
 * PDF/A forbids cannot be reached: fonts are embedded, colours are RGB, no glyph is missing, nothing comes from the
 * host's clock or zone.
 */
export class Sheet {
  readonly #doc: PDFKit.PDFDocument;
  readonly #finished: Promise<Buffer>;
  /** The fill colour in force on the page; null after whatever may have changed it. */
  #colour: string | null = null;

  constructor(info: SheetInfo) {
    this.#doc = new PDFDocument({
      // The default, 1.3, would write no XMP at all.
      pdfVersion: '1.7',
      subset: 'PDF/A-3b',
      // Null keeps pdfkit from opening Helvetica, which it does not embed; its types know only names.
      font: null as unknown as string,
      size: [PAGE_WIDTH, PAGE_HEIGHT],
      margin: 0,
      autoFirstPage: false,
      lang: 'en',
      displayTitle: true,
      info: {
        Title: info.title,
        Author: info.author,
        Subject: info.subject,
        Creator: 'Meterline',
        CreationDate: info.instant,
        ModDate: info.instant,
      },
    });
    const seams = this.#doc as unknown as PdfkitSeams;
    seams._id = new Uint8Array(info.id);
    this.#escapeXmp(seams);
    this.#openFaces(seams);
    this.#finished = this.#collect();
  }

  addPage(): void {
    this.#doc.addPage();
    this.#colour = null;
  }

  /** Width of a text on one line. */
  width(text: string, style: TextStyle): number {
    return this.#doc.font(style.face, style.size).widthOfString(printable(text));
  }

  /** Draws one line of text with its baseline at `baseline`; `x` is its left edge, or its right edge when `align` says so. */
  text(text: string, x: number, baseline: number, style: TextStyle, align: 'left' | 'right' = 'left'): void {
    const shown = printable(text);
    if (shown === '') return;
    const left = align === 'left' ? x : x - this.width(shown, style);
    this.#paint(style.colour);
    const reordered = REORDERED.test(shown);
    if (reordered) this.#doc.markContent('Span', { actual: shown });
    this.#doc.font(style.face, style.size).text(shown, left, baseline, { lineBreak: false, baseline: 'alphabetic' });
    if (reordered) this.#doc.endMarkedContent();
  }

  /** Breaks a text into lines of at most `width`, at spaces, and inside a word only when the word alone is too long. */
  wrap(text: string, width: number, style: TextStyle): string[] {
    const shown = printable(text);
    if (shown === '') return [];
    if (this.width(shown, style) <= width) return [shown];
    const lines: string[] = [];
    let line = '';
    for (const word of shown.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (this.width(longer, style) <= width) {
        line = longer;
        continue;
      }
      if (line !== '') lines.push(line);
      const parts = this.#cutWord(word, width, style);
      line = parts.pop() ?? '';
      lines.push(...parts);
    }
    return line === '' ? lines : [...lines, line];
  }

  rule(x: number, y: number, width: number, colour: string, thickness = 0.6): void {
    this.fill(x, y, width, thickness, colour);
  }

  fill(x: number, y: number, width: number, height: number, colour: string, radius = 0): void {
    this.#paint(colour);
    if (radius > 0) this.#doc.roundedRect(x, y, width, height, radius);
    else this.#doc.rect(x, y, width, height);
    this.#doc.fill();
  }

  /** Writes a word across the whole page, behind nothing: what lies above it could hide it. */
  watermark(word: string, colour: string): void {
    const style: TextStyle = { face: 'strong', size: 150, colour };
    const half = this.width(word, style) / 2;
    this.#doc.save();
    this.#doc.rotate(-52, { origin: [PAGE_WIDTH / 2, PAGE_HEIGHT / 2] }).fillOpacity(0.09);
    this.text(word, PAGE_WIDTH / 2 - half, PAGE_HEIGHT / 2 + 53, style);
    this.#doc.restore();
    this.#colour = null;
  }

  /** Closes the file and answers its bytes. */
  async finish(): Promise<Buffer> {
    this.#doc.end();
    return this.#finished;
  }

  #paint(colour: string): void {
    if (colour === this.#colour) return;
    this.#doc.fillColor(colour);
    this.#colour = colour;
  }

  #cutWord(word: string, width: number, style: TextStyle): string[] {
    if (this.width(word, style) <= width) return [word];
    const parts: string[] = [];
    let part = '';
    for (const { segment } of graphemes.segment(word)) {
      if (part !== '' && this.width(part + segment, style) > width) {
        parts.push(part);
        part = '';
      }
      part += segment;
    }
    return [...parts, part];
  }

  /** pdfkit 0.20 copies the properties into XMP as they are: a customer "A & B" would break the metadata. */
  #escapeXmp(seams: PdfkitSeams): void {
    const addInfo = seams._addInfo.bind(this.#doc);
    seams._addInfo = () => {
      const plain = this.#doc.info;
      const escaped = Object.entries(plain).map(([key, value]) => [
        key,
        typeof value === 'string' ? escapeXml(value) : value,
      ]);
      this.#doc.info = Object.fromEntries(escaped) as typeof plain;
      addInfo();
      this.#doc.info = plain;
    };
  }

  /** Both faces, always in this order: object numbers and subset names follow it. */
  #openFaces(seams: PdfkitSeams): void {
    for (const [face, typeface] of Object.entries(typefaces())) {
      this.#doc.registerFont(face, typeface.font as unknown as string).font(face);
      const font = seams._font;
      font.layoutCached = (word) => typeface.run(word, (text) => font.layoutRun(text));
    }
  }

  async #collect(): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    this.#doc.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    await once(this.#doc, 'end');
    return Buffer.concat(chunks);
  }
}

// Only needed for a word wider than its column; the locale is fixed for the sake of equal bytes.
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Scripts whose glyphs stand in another order than their letters; the letters go along for search and copying. */
const REORDERED = /\p{Script=Devanagari}/u;

function escapeXml(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}
