import { createRequire } from 'node:module';
import type Saxes from 'saxes';
import type SvgPath from 'svgpath';
import type { FilledPath } from '../page-content.js';

/** Why a file is no logo, in words for the one who sent it. */
export interface LogoFault {
  readonly fault: string;
}

/**
 * The part of SVG that a logo is made of: shapes that are filled with a colour, in groups, moved by transformations. Nothing in
 * it can run, load, or see through to what lies below, and what is not understood is refused rather than left out.
 */

/** Paths whose larger side is a thousand units. */
export interface SvgDrawing {
  readonly width: number;
  readonly height: number;
  readonly paths: readonly FilledPath[];
}

const UNITS = 1_000;
const MOST_ELEMENTS = 2_000;
const MOST_DEPTH = 32;

/** Without a picture of their own. */
const SILENT = new Set(['title', 'desc', 'metadata']);
/** Attributes that decide how a shape looks, and what each may say: all else of them would be drawn otherwise than meant. */
const PLAIN: Readonly<Record<string, RegExp>> = {
  stroke: /^none$/,
  opacity: /^(1(\.0+)?|100%)$/,
  'fill-opacity': /^(1(\.0+)?|100%)$/,
  'clip-path': /^none$/,
  mask: /^none$/,
  filter: /^none$/,
  display: /^inline$/,
  visibility: /^visible$/,
};
const NAMED: Readonly<Record<string, string>> = { black: '#000000', white: '#ffffff', currentcolor: '#000000' };

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface State {
  readonly transform: string;
  readonly fill: string;
  readonly evenOdd: boolean;
}

type Attributes = Readonly<Record<string, string>>;

/** Thrown within this file only. */
class Refused extends Error {}

export function isFault(read: object): read is LogoFault {
  return 'fault' in read;
}

export function readSvg(text: string): SvgDrawing | LogoFault {
  try {
    return drawingOf(text);
  } catch (error) {
    if (error instanceof Refused) return { fault: error.message };
    throw error;
  }
}

function drawingOf(text: string): SvgDrawing {
  const require = createRequire(import.meta.url);
  const { SaxesParser } = require('saxes') as typeof Saxes;
  const svgPath = require('svgpath') as typeof SvgPath;
  const parser = new SaxesParser();
  const states: State[] = [];
  const paths: FilledPath[] = [];
  const found: { box?: Box } = {};
  let elements = 0;
  /** How deep within an element without a picture. */
  let silent = 0;
  parser.on('doctype', () => refuse('has a document type; save it without'));
  parser.on('error', (error) => refuse(`is not well-formed: ${error.message}`));
  parser.on('opentag', ({ name, attributes }) => {
    elements += 1;
    if (elements > MOST_ELEMENTS) refuse(`has more than ${MOST_ELEMENTS} elements`);
    if (states.length > MOST_DEPTH) refuse(`has elements more than ${MOST_DEPTH} deep`);
    if (silent > 0 || SILENT.has(name)) {
      silent += 1;
      return;
    }
    const said = attributesOf(name, attributes as Attributes);
    const outer = states.at(-1);
    if ((outer === undefined) !== (name === 'svg'))
      refuse(`has <${name}> where a logo has ${outer ? 'shapes' : '<svg>'}`);
    if (name === 'svg') found.box = viewBoxOf(said);
    const { box } = found;
    const state = stateOf(name, said, outer);
    states.push(state);
    const data = name === 'svg' || name === 'g' ? undefined : pathOf(name, said);
    if (!data || !box || state.fill === 'none') return;
    const scale = UNITS / Math.max(box.width, box.height);
    const path = svgPath(data);
    if ((path as { err?: string }).err) refuse(`has a path that cannot be read: ${data.slice(0, 40)}`);
    const shape = path.transform(`scale(${scale}) translate(${-box.x} ${-box.y}) ${state.transform}`);
    paths.push({ path: operatorsOf(shape), colour: state.fill, evenOdd: state.evenOdd });
  });
  parser.on('closetag', () => {
    if (silent > 0) silent -= 1;
    else states.pop();
  });
  parser.write(text).close();
  const { box } = found;
  if (!box || paths.length === 0) return refuse('has no filled shape');
  const scale = UNITS / Math.max(box.width, box.height);
  return { width: box.width * scale, height: box.height * scale, paths };
}

/** Attributes with those of `style` over them. */
function attributesOf(name: string, given: Attributes): Attributes {
  const said: Record<string, string> = { ...given };
  for (const part of (given['style'] ?? '').split(';')) {
    const [property = '', value] = part.split(':', 2).map((each) => each.trim());
    if (value !== undefined) said[property] = value;
  }
  for (const [attribute, value] of Object.entries(said)) {
    if (/^on|href$/i.test(attribute)) refuse(`has ${attribute} on <${name}>, and a logo does and loads nothing`);
    if (attribute === 'class') refuse(`has a class on <${name}>; write its fill as an attribute`);
    if (PLAIN[attribute]?.test(value.trim()) === false) {
      refuse(`has ${attribute}="${value.slice(0, 40)}" on <${name}>; turn it into filled, opaque shapes`);
    }
  }
  return said;
}

function viewBoxOf({ viewBox, width, height }: Attributes): Box {
  const given = viewBox ?? `0 0 ${(width ?? '').replace(/px$/, '')} ${(height ?? '').replace(/px$/, '')}`;
  const parts = given
    .trim()
    .split(/[\s,]+/)
    .map(figure);
  const [x = NaN, y = NaN, across = NaN, down = NaN] = parts;
  if (parts.length !== 4 || !(across > 0) || !(down > 0)) refuse('has no viewBox of four numbers');
  return { x, y, width: across, height: down };
}

function stateOf(name: string, said: Attributes, outer: State | undefined): State {
  const { transform = '', fill, 'fill-rule': rule } = said;
  if (/[^a-zA-Z0-9\s,.()+-]/.test(transform)) refuse(`has a transform on <${name}> that cannot be read`);
  return {
    transform: `${outer?.transform ?? ''} ${transform}`.trim(),
    fill: fill === undefined ? (outer?.fill ?? '#000000') : colourOf(fill),
    evenOdd: rule === undefined ? (outer?.evenOdd ?? false) : rule.trim() === 'evenodd',
  };
}

function colourOf(given: string): string {
  const colour = given.trim().toLowerCase();
  if (colour === 'none' || colour === 'transparent') return 'none';
  if (/^#[0-9a-f]{6}$/.test(colour)) return colour;
  if (/^#[0-9a-f]{3}$/.test(colour)) return `#${[...colour.slice(1)].map((digit) => digit + digit).join('')}`;
  const named = NAMED[colour];
  return named ?? refuse(`has the fill ${JSON.stringify(given.slice(0, 40))}; write it as "#rrggbb"`);
}

/** The data of a shape as that of a path (SVG 2, chapter 10). */
function pathOf(name: string, said: Attributes): string {
  const of = (attribute: string) => figure(said[attribute] ?? '0');
  const ellipse = (cx: number, cy: number, rx: number, ry: number) =>
    `M${cx - rx} ${cy}A${rx} ${ry} 0 1 1 ${cx + rx} ${cy}A${rx} ${ry} 0 1 1 ${cx - rx} ${cy}Z`;
  switch (name) {
    case 'path':
      return said['d'] ?? '';
    case 'rect': {
      if (of('rx') !== 0 || of('ry') !== 0) refuse('has a rectangle with round corners; turn it into a path');
      const [x, y, width, height] = [of('x'), of('y'), of('width'), of('height')];
      return `M${x} ${y}h${width}v${height}h${-width}Z`;
    }
    case 'circle':
      return ellipse(of('cx'), of('cy'), of('r'), of('r'));
    case 'ellipse':
      return ellipse(of('cx'), of('cy'), of('rx'), of('ry'));
    case 'polygon':
    case 'polyline':
      return `M${said['points'] ?? ''}Z`;
    default:
      return refuse(`has <${name}>, and a logo is drawn of svg, g, path, rect, circle, ellipse, polygon and polyline`);
  }
}

function figure(text: string): number {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number.parseFloat(text) : Number.NaN;
  if (!Number.isFinite(value)) refuse(`has ${JSON.stringify(text.slice(0, 40))} where a number belongs`);
  return value;
}

/** A path in the operators of ISO 32000-1, 8.5.2: curves of the third order, two decimals. */
function operatorsOf(shape: ReturnType<typeof SvgPath>): string {
  const operators: string[] = [];
  const write = (operator: string, ...values: number[]) => {
    if (!values.every((value) => Math.abs(value) < 1e6)) refuse('has a path that leads too far out');
    operators.push(`${[...values.map((value) => Math.round(value * 100) / 100), operator].join(' ')}\n`);
  };
  shape
    .abs()
    .unarc()
    .unshort()
    .iterate((segment, _, x, y) => {
      const [kind, ...at] = segment as [string, ...number[]];
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = at;
      if (kind === 'M') write('m', a, b);
      else if (kind === 'L') write('l', a, b);
      else if (kind === 'H') write('l', a, y);
      else if (kind === 'V') write('l', x, a);
      else if (kind === 'C') write('c', a, b, c, d, e, f);
      else if (kind === 'Q') {
        const third = (from: number, control: number) => from + (2 * (control - from)) / 3;
        write('c', third(x, a), third(y, b), third(c, a), third(d, b), c, d);
      } else write('h');
    });
  return operators.join('');
}

function refuse(message: string): never {
  throw new Refused(message);
}
