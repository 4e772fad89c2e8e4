import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import PDFDocument from 'pdfkit';
import type { FontBlock } from './font-block.js';
import { type FilledPath, PageContent, type Point, type Size } from './page-content.js';
import type { Direction } from './bidi.js';
import { type Han, releaseFonts, typefaceOf } from './families.js';
import { printable } from './printable.js';
import { clustersOf } from './script-runs.js';
import { breakLines, markedDirection, OF_THE_PAGE, setLine, type Setting } from './typesetter.js';
import type { Face, Line, Typeface } from './typefaces.js';

/** A4 in points. */
export const PAGE_WIDTH = 595.28;
export const PAGE_HEIGHT = 841.89;

/** How a text looks; `colour` is RGB `#rrggbb`, the only colour space the output intent covers. */
export interface TextStyle {
  face: Face;
  size: number;
  colour: string;
  /** Which shapes Han letters have, where it is not those of the document: a party's name has those of its country. */
  han?: Han | undefined;
  /** Which way the text runs, where its first letter must not decide: a line that a name begins and the page goes on with. */
  direction?: Direction;
}

/** What stands in the file's properties, in the Info dictionary and in XMP. */
export interface SheetInfo {
  /** BCP 47. */
  language: string;
  title: string;
  author: string;
  subject: string;
  /** Creation and modification date. */
  instant: Date;
  /** Which shapes Han letters have where neither their text nor its style tells it. */
  han?: Han | undefined;
  /** `#rrggbb` where the seller has an accent of its own. */
  accent?: string | undefined;
}

/** A file inside of the file that says the same in another form, and what XMP has to say of it. */
export interface Attachment {
  name: string;
  /** MIME. */
  type: string;
  bytes: Uint8Array;
  /** RDF descriptions, well-formed. */
  xmp: string;
}

/** An object of the file; `end` writes it, with the bytes of its stream. */
interface PdfObject {
  data: Record<string, unknown>;
  end(stream?: Uint8Array): void;
}

/** What pdfkit has but does not declare. */
interface PdfkitSeams {
  _id: Uint8Array;
  _root: { data: Record<string, unknown> };
  _addInfo(): void;
  _addColorOutputIntent(): void;
  appendXML(xml: string): void;
  file(
    bytes: Uint8Array,
    of: { name: string; type: string; relationship: string; creationDate: Date; modifiedDate: Date },
  ): void;
  page: {
    write(content: Uint8Array): void;
    fonts: Record<string, PdfObject>;
    ext_gstates: Record<string, PdfObject>;
    xobjects: Record<string, PdfObject>;
  };
  ref(data: object): PdfObject;
}

/**
 * A document that keeps its pieces. As a stream it would wait for a turn of the event loop to hand each on, and a drawing thread
 * that has work takes no such turn: what waits would never be let go.
 */
class CollectedDocument extends PDFDocument {
  /** Made by the first piece, which the constructor of the base class writes. */
  declare pieces: Uint8Array[] | undefined;

  override push(piece: Uint8Array | null): boolean {
    if (piece) (this.pieces ??= []).push(piece);
    return true;
  }
}

/** The name of the one graphics state with an opacity of its own. */
const WATERMARK_STATE = 'Faint';
/** And of the one image: the seller's logo. */
const IMAGE = 'Logo';
const WATERMARK_OPACITY = 0.09;

/**
 * A PDF/A-3b file being written, in points from the top left corner. Everything drawn goes through here, so that what
 * PDF/A forbids cannot be reached: fonts are embedded, colours are RGB, no glyph is missing, nothing comes from the
 * host's clock or zone.
 *
 * pdfkit writes the file: its objects, cross references, metadata. What it would do anew for each document (shaping texts,
 * subsetting, encoding and deflating fonts, deflating the colour profile) is done once per process; the objects are handed
 * to it ready.
 */
export class Sheet {
  readonly #doc: CollectedDocument;
  readonly #seams: PdfkitSeams;
  readonly #han: Han;
  readonly #fonts = new Map<FontBlock, PdfObject>();
  /** Of all that is drawn: names the content in the trailer. */
  readonly #id = createHash('sha256');
  readonly #instant: Date;
  /** Whether left is right: the page of a language that runs from right to left. */
  readonly isMirrored: boolean;
  #isTurned: boolean;
  #watermarkState: PdfObject | undefined;
  readonly #accent: string | undefined;
  #image: PdfObject | undefined;
  #page: PageContent | undefined;

  constructor({ language, han, accent, ...info }: SheetInfo) {
    releaseFonts();
    this.#han = han ?? 'sc';
    this.isMirrored = RIGHT_TO_LEFT.has(language.split('-')[0] ?? '');
    this.#isTurned = this.isMirrored;
    this.#accent = accent;
    this.#doc = new CollectedDocument({
      // The default, 1.3, would write no XMP at all.
      pdfVersion: '1.7',
      subset: 'PDF/A-3b',
      // Null keeps pdfkit from opening Helvetica, which it does not embed; its types know only names.
      font: null as unknown as string,
      size: [PAGE_WIDTH, PAGE_HEIGHT],
      margin: 0,
      autoFirstPage: false,
      lang: language,
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
    this.#seams = this.#doc as unknown as PdfkitSeams;
    this.#instant = info.instant;
    this.#id.update(JSON.stringify(info));
    this.#seams._addColorOutputIntent = () => this.#addOutputIntent();
    this.#escapeXmp();
  }

  addPage(): void {
    this.#endPage();
    this.#doc.addPage();
    this.#page = new PageContent(PAGE_HEIGHT, this.#accent);
  }

  /** Width of a text on one line. */
  width(text: string, style: TextStyle): number {
    return (this.#set(text, style).advance * style.size) / 1_000;
  }

  /**
   * Draws one line of text with its baseline at `baseline`; `x` is its left edge, or its right edge when `align` says so. On a
   * mirrored page, `x` runs from the right and left is right.
   */
  text(text: string, x: number, baseline: number, style: TextStyle, align: 'left' | 'right' = 'left'): void {
    const line = this.#set(text, style);
    if (line.words.length === 0) return;
    const width = (line.advance * style.size) / 1_000;
    const left = align === 'left' ? x : x - width;
    this.#content().text(line, this.#mirror(left, width), baseline, style.size, style.colour);
  }

  /**
   * Breaks a text into lines of at most `width`, at spaces, and inside a word only when the word alone is too long; Chinese and
   * Japanese break between letters. A line is to be handed to `text` as it is: it may begin with a mark of its direction.
   */
  wrap(text: string, width: number, style: TextStyle): string[] {
    const shown = printable(text);
    if (shown === '') return [];
    const room = (width * 1_000) / style.size;
    if (style.direction === 'rtl' || !OF_THE_PAGE.test(shown)) return breakLines(shown, room, this.#settingOf(style));
    const typeface = typefaceOf('base', style.face);
    if (typeface.set(shown).advance <= room) return [shown];
    const lines: string[] = [];
    let line = '';
    /** Of the words on the line, each with the space behind it. */
    let advance = 0;
    for (const word of shown.split(' ')) {
      if (advance + typeface.word(word).advance <= room) {
        line = line === '' ? word : `${line} ${word}`;
        advance += typeface.word(`${word} `).advance;
        continue;
      }
      if (line !== '') lines.push(line);
      const parts = cutWord(word, room, typeface);
      line = parts.pop() ?? '';
      lines.push(...parts);
      advance = typeface.word(`${line} `).advance;
    }
    return line === '' ? lines : [...lines, line];
  }

  #set(text: string, style: TextStyle): Line {
    return setLine(printable(text), this.#settingOf(style, markedDirection(text)));
  }

  #settingOf({ face, han, direction }: TextStyle, marked?: Direction): Setting {
    return { face, han: han ?? this.#han, direction: direction ?? marked };
  }

  /** Where something stands whose left edge is at `x` on a page that is not mirrored. */
  #mirror(x: number, width: number): number {
    return this.#isTurned ? PAGE_WIDTH - x - width : x;
  }

  #mirrorAll(points: readonly Point[]): readonly Point[] {
    return this.#isTurned ? points.map(([x, y]) => [PAGE_WIDTH - x, y] as const) : points;
  }

  /** Draws what stands on any page as it is laid down, such as the slip of a bank: `x` runs from the left. */
  unmirrored(draw: () => void): void {
    const turned = this.#isTurned;
    this.#isTurned = false;
    draw();
    this.#isTurned = turned;
  }

  rule(x: number, y: number, width: number, colour: string, thickness = 0.6): void {
    this.fill(x, y, width, thickness, colour);
  }

  fill(x: number, y: number, width: number, height: number, colour: string, radius = 0): void {
    this.#content().fill(this.#mirror(x, width), y, width, height, colour, radius);
  }

  /**
   * Fills paths of units of their own, y downwards, with their origin at `x`, `y`; `unit` points are one of them. On a mirrored
   * page the drawing as a whole, `width` points of it, stands on the other side; it is not turned round itself.
   */
  drawing(paths: readonly FilledPath[], x: number, y: number, unit: number, width: number, clip?: Size): void {
    this.#content().drawing(paths, this.#mirror(x, width), y, unit, clip);
  }

  /** Draws pixels, RGB and deflated, `of` so many, as large as `shown` in points. Written once however often it is drawn. */
  image(pixels: Uint8Array, of: Size, x: number, y: number, shown: Size): void {
    this.#image ??= this.#object(
      {
        ...{ Type: 'XObject', Subtype: 'Image', Width: of.width, Height: of.height, ColorSpace: 'DeviceRGB' },
        ...{ BitsPerComponent: 8, Filter: 'FlateDecode' },
      },
      pixels,
    );
    this.#seams.page.xobjects[IMAGE] = this.#image;
    this.#id.update(pixels);
    this.#content().image(IMAGE, this.#mirror(x, shown.width), y, shown);
  }

  /** As the methods of `PageContent`. */
  fillAll(rectangles: Parameters<PageContent['fillAll']>[0], colour: string): void {
    const mirror = () => rectangles.map(([x, y, width, height]) => [this.#mirror(x, width), y, width, height] as const);
    this.#content().fillAll(this.#isTurned ? mirror() : rectangles, colour);
  }

  shape(points: readonly Point[], colour: string): void {
    this.#content().shape(this.#mirrorAll(points), colour);
  }

  stroke(points: readonly Point[], colour: string, width: number, dash = 0): void {
    this.#content().stroke(this.#mirrorAll(points), colour, width, dash);
  }

  /** Writes a word across the whole page, behind nothing: what lies above it could hide it. */
  watermark(word: string, colour: string): void {
    const style: TextStyle = { face: 'strong', size: 150, colour };
    const half = this.width(word, style) / 2;
    this.#watermarkState ??= this.#object({ Type: 'ExtGState', ca: WATERMARK_OPACITY });
    this.#seams.page.ext_gstates[WATERMARK_STATE] = this.#watermarkState;
    this.#content().turned(52, PAGE_WIDTH / 2, PAGE_HEIGHT / 2, WATERMARK_STATE, () =>
      this.text(word, PAGE_WIDTH / 2 - half, PAGE_HEIGHT / 2 + 53, style),
    );
  }

  /** Puts a file inside, as an alternative to the pages (ISO 19005-3, 6.8). Its dates are those of the document. */
  attach({ name, type, bytes, xmp }: Attachment): void {
    const [creationDate, modifiedDate] = [this.#instant, this.#instant];
    this.#seams.file(bytes, { name, type, relationship: 'Alternative', creationDate, modifiedDate });
    this.#seams.appendXML(xmp);
    this.#id.update(bytes);
  }

  /** Closes the file and answers its bytes. */
  finish(): Buffer {
    this.#endPage();
    for (const [block, font] of this.#fonts) this.#endFont(block, font);
    this.#seams._id = this.#id.digest().subarray(0, 16);
    this.#doc.end();
    return Buffer.concat(this.#doc.pieces ?? []);
  }

  #content(): PageContent {
    if (!this.#page) throw new Error('nothing can be drawn before the first page');
    return this.#page;
  }

  #endPage(): void {
    if (!this.#page) return;
    const { page } = this.#seams;
    for (const block of this.#page.blocks) {
      const font = this.#fonts.get(block) ?? this.#seams.ref({});
      this.#fonts.set(block, font);
      page.fonts[block.name] = font;
    }
    const content = this.#page.bytes();
    this.#id.update(content);
    page.write(content);
    this.#page = undefined;
  }

  /** A composite font (ISO 32000-1, 9.7) whose codes are the glyphs of the embedded program. */
  #endFont({ embedded }: FontBlock, font: PdfObject): void {
    const { baseFont, program, programLength, toUnicode, widths, metrics } = embedded;
    const descriptor = this.#object({
      ...{ Type: 'FontDescriptor', FontName: baseFont, Flags: SYMBOLIC, ...metrics, StemV: 0 },
      FontFile2: this.#object({ Length1: programLength, Filter: 'FlateDecode' }, program),
    });
    const descendant = this.#object({
      ...{ Type: 'Font', Subtype: 'CIDFontType2', BaseFont: baseFont, CIDToGIDMap: 'Identity' },
      CIDSystemInfo: { Registry: new String('Adobe'), Ordering: new String('Identity'), Supplement: 0 },
      FontDescriptor: descriptor,
      W: widths,
    });
    font.data = {
      ...{ Type: 'Font', Subtype: 'Type0', BaseFont: baseFont, Encoding: 'Identity-H' },
      DescendantFonts: [descendant],
      ToUnicode: this.#object({ Filter: 'FlateDecode' }, toUnicode),
    };
    font.end();
  }

  #addOutputIntent(): void {
    const name = new String('sRGB IEC61966-2.1');
    const intent = this.#object({
      ...{ Type: 'OutputIntent', S: 'GTS_PDFA1', Info: name, OutputConditionIdentifier: name },
      DestOutputProfile: this.#object({ N: 3, Filter: 'FlateDecode' }, colourProfile()),
    });
    this.#seams._root.data['OutputIntents'] = [intent];
  }

  /** Writes an object; a stream comes with the filter that it was deflated by. */
  #object(data: object, stream?: Uint8Array): PdfObject {
    const object = this.#seams.ref(data);
    object.end(stream);
    return object;
  }

  /** pdfkit 0.20 copies the properties into XMP as they are: a customer "A & B" would break the metadata. */
  #escapeXmp(): void {
    const addInfo = this.#seams._addInfo.bind(this.#doc);
    this.#seams._addInfo = () => {
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
}

/** Languages whose pages begin at the right. */
const RIGHT_TO_LEFT: ReadonlySet<string> = new Set(['ar', 'fa', 'he', 'ur']);

/** Flag of a font whose glyphs are named by code alone (ISO 32000-1, table 123). */
const SYMBOLIC = 4;

/** A word that is wider than its column, in parts that are not. */
function cutWord(word: string, room: number, typeface: Typeface): string[] {
  if (typeface.word(word).advance <= room) return [word];
  const parts: string[] = [];
  let part = '';
  for (const segment of clustersOf(word)) {
    if (part !== '' && typeface.word(part + segment).advance > room) {
      parts.push(part);
      part = '';
    }
    part += segment;
  }
  return [...parts, part];
}

let profile: Uint8Array | undefined;

/** The profile of sRGB that comes with pdfkit, deflated. */
function colourProfile(): Uint8Array {
  if (!profile) {
    const pdfkit = createRequire(import.meta.url).resolve('pdfkit');
    profile = deflateSync(readFileSync(join(dirname(pdfkit), 'data', 'sRGB_IEC61966_2_1.icc')), { level: 9 });
  }
  return profile;
}

function escapeXml(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}
