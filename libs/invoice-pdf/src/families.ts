import { createRequire } from 'node:module';
import { type Font, openSync } from 'fontkit';
import { SHAPINGS } from './shaping-order.js';
import { type Face, type OtherFont, Typeface } from './typefaces.js';

/** Fonts for Han: its letters are one code point and four shapes, by the country that reads them. */
export type Han = 'jp' | 'kr' | 'sc' | 'tc';

/** The family of the page itself has Latin, Greek, Cyrillic and Devanagari; each other script is in one of its own. */
export type Family = 'base' | Own | Han | 'emoji';
type Own = keyof typeof OWN_BLOCKS;

/**
 * The Unicode blocks that each family is asked for. A property of characters (`\p{Script=…}`) would come from the ICU that Node was
 * built with, and could change bytes with it; blocks never change.
 */
const OWN_BLOCKS = {
  arabic: [0x600, 0x6ff, 0x750, 0x77f, 0x870, 0x8ff, 0xfb50, 0xfdff, 0xfe70, 0xfefc],
  armenian: [0x530, 0x58f, 0xfb13, 0xfb17],
  bengali: [0x980, 0x9ff],
  ethiopic: [0x1200, 0x139f, 0x2d80, 0x2ddf, 0xab00, 0xab2f],
  georgian: [0x10a0, 0x10ff, 0x1c90, 0x1cbf, 0x2d00, 0x2d2f],
  gujarati: [0xa80, 0xaff],
  gurmukhi: [0xa00, 0xa7f],
  hebrew: [0x590, 0x5ff, 0xfb1d, 0xfb4f],
  kannada: [0xc80, 0xcff],
  khmer: [0x1780, 0x17ff, 0x19e0, 0x19ff],
  lao: [0xe80, 0xeff],
  malayalam: [0xd00, 0xd7f],
  myanmar: [0x1000, 0x109f, 0xa9e0, 0xa9ff, 0xaa60, 0xaa7f],
  oriya: [0xb00, 0xb7f],
  sinhala: [0xd80, 0xdff],
  tamil: [0xb80, 0xbff],
  telugu: [0xc00, 0xc7f],
  thai: [0xe00, 0xe7f],
} as const;

const HAN_BLOCKS = [
  ...[0x1100, 0x11ff, 0x2e80, 0x33ff, 0x3400, 0x4dbf, 0x4e00, 0x9fff, 0xa960, 0xa97f, 0xac00, 0xd7ff],
  ...[0xf900, 0xfaff, 0xfe10, 0xfe1f, 0xfe30, 0xfe4f, 0xff00, 0xffef, 0x20000, 0x3ffff],
];

const HANS: readonly Han[] = ['sc', 'jp', 'kr', 'tc'];

/** Where a sign that belongs to no script is looked for. */
const SIGNS: readonly Family[] = ['base', 'emoji', 'jp', 'sc', 'kr', 'tc'];

const OWNS = Object.keys(OWN_BLOCKS) as Own[];
/** All of them, in the order that their letters in font names come from. */
export const FAMILIES: readonly Family[] = ['base', ...OWNS, ...HANS, 'emoji'];

/** Which family has a block, as edges that both belong to it, in ascending order, so that one search finds it. */
const EDGES = [
  ...OWNS.flatMap((family) =>
    pairs(OWN_BLOCKS[family]).map((edges) => ({ family: family as Family | 'han', ...edges })),
  ),
  ...pairs(HAN_BLOCKS).map((edges) => ({ family: 'han' as const, ...edges })),
].sort((one, other) => one.first - other.first);

/** The families that may have a character, the likeliest first. */
export function familiesOf(codePoint: number, han: Han): readonly Family[] {
  const family = codePoint < 0x530 ? undefined : blockFamily(codePoint);
  if (family === undefined) return SIGNS;
  if (family === 'han') return [han, ...HANS.filter((other) => other !== han)];
  return [family, ...SIGNS];
}

/** Whether a character belongs to a script with a family of its own. */
export function isOfScript(codePoint: number): boolean {
  return codePoint >= 0x530 && blockFamily(codePoint) !== undefined;
}

function blockFamily(codePoint: number): Family | 'han' | undefined {
  let [low, high] = [0, EDGES.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const edges = EDGES[middle];
    if (!edges) return undefined;
    if (codePoint < edges.first) high = middle - 1;
    else if (codePoint > edges.last) low = middle + 1;
    else return edges.family;
  }
  return undefined;
}

/**
 * Fonts of Han that stay parsed from one document to the next. One takes its file, 5 to 10 MB, and some 4 MB more; a month of
 * Japanese accounts needs two of them, regular and strong.
 */
const LARGE_KEPT = 4;

const opened = new Map<string, Typeface>();
/** Those of Han, the one used last at the end. */
const large = new Set<string>();
const coverages = new Map<Family, Uint32Array>();

/** A family in one weight, parsed when a text first needs it. */
export function typefaceOf(family: Family, face: Face): Typeface {
  const key = `${family} ${face}`;
  if (isHan(family)) {
    large.delete(key);
    large.add(key);
  }
  const known = opened.get(key);
  if (known) return known;
  const typeface = new Typeface(openFont(family, face), prefixOf(family, face), otherFont(family));
  opened.set(key, typeface);
  return typeface;
}

/**
 * Lets go of large fonts that were not used lately. Asked between documents only: within one, a font that is parsed again would
 * stand in the file twice.
 */
export function releaseFonts(): void {
  for (const key of large) {
    if (large.size <= LARGE_KEPT) return;
    large.delete(key);
    opened.delete(key);
  }
}

/** Whether a family has a glyph for a character; both weights have the same. Kept as a map of bits, 136 kB a family. */
export function covers(family: Family, codePoint: number): boolean {
  let bits = coverages.get(family);
  if (!bits) {
    bits = new Uint32Array(0x110000 / 32);
    for (const each of typefaceOf(family, 'regular').font.characterSet) {
      if (each >= 0x20) bits[each >> 5] = (bits[each >> 5] ?? 0) | (1 << (each & 31));
    }
    coverages.set(family, bits);
  }
  return (((bits[codePoint >> 5] ?? 0) >> (codePoint & 31)) & 1) === 1;
}

/** A text of Han takes each of its letters from another corner of the font: small blocks keep its file small. */
function otherFont(family: Family): OtherFont | undefined {
  if (family === 'base') return undefined;
  if (isHan(family)) return { neighbours: 8, wordsKept: 4_000 };
  return { neighbours: 32, wordsKept: 500, shaping: SHAPINGS[family] };
}

function isHan(family: Family): family is Han {
  return (HANS as readonly Family[]).includes(family);
}

function openFont(family: Family, face: Face): Font {
  const weight = face === 'regular' ? '400Regular' : '600SemiBold';
  const [folder, name] = namesOf(family);
  const { resolve } = createRequire(import.meta.url);
  return openSync(resolve(`@expo-google-fonts/${folder}/${weight}/${name}_${weight}.ttf`));
}

function namesOf(family: Family): [folder: string, name: string] {
  if (family === 'base') return ['noto-sans', 'NotoSans'];
  if (family === 'emoji') return ['noto-emoji', 'NotoEmoji'];
  const suffix = isHan(family) ? family.toUpperCase() : family.charAt(0).toUpperCase() + family.slice(1);
  return [`noto-sans-${family}`, `NotoSans${suffix}`];
}

/** The capitals that the names of a face's font resources begin with. They stand in files: new families go to the end. */
function prefixOf(family: Family, face: Face): string {
  if (family === 'base') return face === 'regular' ? 'R' : 'S';
  return `${face === 'regular' ? 'T' : 'U'}${String.fromCharCode(64 + FAMILIES.indexOf(family))}`;
}

function pairs(edges: readonly number[]): { first: number; last: number }[] {
  return edges.flatMap((first, index) => (index % 2 === 0 ? [{ first, last: edges[index + 1] ?? first }] : []));
}
