import type { FontBlock } from './font-block.js';
import { ACCENT } from './accent.js';
import type { Line, Strip } from './typefaces.js';

/** A path in the operators of ISO 32000-1, 8.5.2, each ended by white space, and how it is filled. */
export interface FilledPath {
  readonly path: string;
  readonly colour: string;
  readonly evenOdd: boolean;
}

/** From the top left corner. */
export type Point = readonly [x: number, y: number];

/** In points, or in the units of a drawing. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where a control point of a Bézier curve stands that is to look like a quarter of a circle. */
const KAPPA = 4 * ((Math.SQRT2 - 1) / 3);

/**
 * The content of one page as the operators of ISO 32000-1, written into one string: what is in force on the page (text
 * object, font, colour, rise) is set only when it changes. Coordinates are pdfkit's, in points from the top left corner.
 */
export class PageContent {
  /** Fonts that the page shows. */
  readonly blocks = new Set<FontBlock>();
  #operators: string;
  #inText = false;
  #colour = '';
  #font = '';
  #rise = 0;

  /** @param accent what the house's own accent is replaced by */
  constructor(
    readonly height: number,
    readonly accent: string = ACCENT,
  ) {
    // pdfkit turns every page upside down, for its own drawing; the same turn undoes it.
    this.#operators = `1 0 0 -1 0 ${number(height)} cm\n`;
  }

  /** Shows a line of text with its left end at `x` and its baseline at `baseline`. */
  text(line: Line, x: number, baseline: number, size: number, colour: string): void {
    if (!this.#inText) this.#write('BT');
    this.#inText = true;
    this.#paint(colour);
    this.#write(`1 0 0 1 ${number(x)} ${number(this.height - baseline)} Tm`);
    let run: Strip | null = null;
    let show = '';
    const end = () => {
      if (run) this.#show(run, show, size);
      run = null;
      show = '';
    };
    if (line.actual !== null) this.#write(`/Span <</ActualText <FEFF${line.actual}>>> BDC`);
    for (const { strips, actual } of line.words) {
      if (actual !== undefined) {
        end();
        this.#write(`/Span <</ActualText <FEFF${actual}>>> BDC`);
      }
      for (const strip of strips) {
        if (run && (run.block !== strip.block || run.rise !== strip.rise)) end();
        run = strip;
        show += strip.show;
      }
      if (actual !== undefined) {
        end();
        this.#write('EMC');
      }
    }
    end();
    if (line.actual !== null) this.#write('EMC');
  }

  /** Fills a rectangle, its corners rounded by `radius`. */
  fill(x: number, y: number, width: number, height: number, colour: string, radius: number): void {
    this.#endText();
    this.#paint(colour);
    const bottom = this.height - y - height;
    this.#write(
      radius === 0
        ? `${numbers(x, bottom, width, height)} re f`
        : `${rounded(x, bottom, x + width, bottom + height, radius)} f`,
    );
  }

  /**
   * Fills paths that are drawn in units of their own, with y downwards: `unit` points are one of them, and their origin comes
   * to `x`, `y`. What would stand outside of `clip`, in those units, is not drawn.
   */
  drawing(paths: readonly FilledPath[], x: number, y: number, unit: number, clip?: Size): void {
    this.#endText();
    const scale = unit.toFixed(6);
    this.#write(`q ${scale} 0 0 -${scale} ${numbers(x, this.height - y)} cm`);
    if (clip) this.#write(`0 0 ${numbers(clip.width, clip.height)} re W n`);
    let last = '';
    for (const { path, colour, evenOdd } of paths) {
      // Colours of a drawing are its own, also where one is the house's accent.
      if (colour !== last) this.#write(`${rgb(colour)} rg`);
      last = colour;
      this.#write(`${path}${evenOdd ? 'f*' : 'f'}`);
    }
    this.#write('Q');
    this.#forget();
  }

  /** Fills rectangles of one colour as one path; each is x, y, width and height from the top left corner. */
  fillAll(
    rectangles: readonly (readonly [x: number, y: number, width: number, height: number])[],
    colour: string,
  ): void {
    if (rectangles.length === 0) return;
    this.#endText();
    this.#paint(colour);
    const path = rectangles.map(([x, y, width, height]) => `${numbers(x, this.height - y - height, width, height)} re`);
    this.#write(`${path.join(' ')} f`);
  }

  /** Fills the shape between points. */
  shape(points: readonly Point[], colour: string): void {
    this.#endText();
    this.#paint(colour);
    this.#write(`${this.#path(points)} h f`);
  }

  /** Draws a line through points; `dash` is the length of a stroke and of a gap, 0 for none. */
  stroke(points: readonly Point[], colour: string, width: number, dash = 0): void {
    this.#endText();
    const dashes = dash === 0 ? '[]' : `[${number(dash)}]`;
    this.#write(`${rgb(this.#ink(colour))} RG ${number(width)} w ${dashes} 0 d ${this.#path(points)} S`);
  }

  #path(points: readonly Point[]): string {
    return points.map(([x, y], index) => `${numbers(x, this.height - y)} ${index === 0 ? 'm' : 'l'}`).join(' ');
  }

  /** Draws an image of the page's resources with its upper left corner at `x`, `y`. */
  image(name: string, x: number, y: number, { width, height }: Size): void {
    this.#endText();
    this.#write(`q ${number(width)} 0 0 ${number(height)} ${numbers(x, this.height - y - height)} cm /${name} Do Q`);
    this.#forget();
  }

  /** Draws within a turned and translucent space: `state` is the resource that says how translucent. */
  turned(degrees: number, x: number, y: number, state: string, draw: () => void): void {
    this.#endText();
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    const up = this.height - y;
    this.#write(
      `q ${[cos, sin, -sin, cos].map((part) => part.toFixed(6)).join(' ')} ${numbers(x - x * cos + up * sin, up - x * sin - up * cos)} cm /${state} gs`,
    );
    this.#forget();
    draw();
    this.#endText();
    this.#write('Q');
    this.#forget();
  }

  /** The finished content. */
  bytes(): Uint8Array {
    this.#endText();
    return Buffer.from(this.#operators, 'latin1');
  }

  #show({ block, rise }: Strip, show: string, size: number): void {
    const font = `/${block.name} ${number(size)} Tf`;
    if (font !== this.#font) this.#write(font);
    const points = (rise * size) / 1_000;
    if (points !== this.#rise) this.#write(`${number(points)} Ts`);
    this.#font = font;
    this.#rise = points;
    this.blocks.add(block);
    this.#write(`[${show}] TJ`);
  }

  /** A colour as it is on these pages: the house's accent is the seller's. */
  #ink(colour: string): string {
    return colour === ACCENT ? this.accent : colour;
  }

  #paint(wanted: string): void {
    const colour = this.#ink(wanted);
    if (colour !== this.#colour) this.#write(`${rgb(colour)} rg`);
    this.#colour = colour;
  }

  #endText(): void {
    if (this.#inText) this.#write('ET');
    this.#inText = false;
  }

  /** What was in force before a saved state was entered or left is not any more. */
  #forget(): void {
    [this.#colour, this.#font, this.#rise] = ['', '', Number.NaN];
  }

  #write(operator: string): void {
    this.#operators += operator;
    this.#operators += '\n';
  }
}

/** A path around a rectangle, from its lower left to its upper right corner. */
function rounded(left: number, bottom: number, right: number, top: number, wanted: number): string {
  const radius = Math.min(wanted, (right - left) / 2, (top - bottom) / 2);
  const reach = radius * (1 - KAPPA);
  return [
    `${numbers(left + radius, bottom)} m`,
    `${numbers(right - radius, bottom)} l`,
    `${numbers(right - reach, bottom, right, bottom + reach, right, bottom + radius)} c`,
    `${numbers(right, top - radius)} l`,
    `${numbers(right, top - reach, right - reach, top, right - radius, top)} c`,
    `${numbers(left + radius, top)} l`,
    `${numbers(left + reach, top, left, top - reach, left, top - radius)} c`,
    `${numbers(left, bottom + radius)} l`,
    `${numbers(left, bottom + reach, left + reach, bottom, left + radius, bottom)} c h`,
  ].join(' ');
}

const colours = new Map<string, string>();

/** `#rrggbb` in parts of 1. The house has a handful of colours. */
function rgb(colour: string): string {
  const known = colours.get(colour);
  if (known !== undefined) return known;
  const parts = [1, 3, 5].map((at) => Math.round((Number.parseInt(colour.slice(at, at + 2), 16) / 255) * 1e4) / 1e4);
  colours.set(colour, parts.join(' '));
  return parts.join(' ');
}

function numbers(...values: readonly number[]): string {
  return values.map(number).join(' ');
}

/** A thousandth of a point is far below what any device shows. */
function number(value: number): number {
  return Math.round(value * 1e3) / 1e3;
}
