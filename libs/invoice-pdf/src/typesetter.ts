import { directionOf, type Direction, inVisualOrder, levelsOf } from './bidi.js';
import { typefaceOf, type Han } from './families.js';
import { utf16 } from './font-block.js';
import { breakablePieces } from './line-breaks.js';
import { clustersOf, scriptRuns } from './script-runs.js';
import type { Face, Line, Word } from './typefaces.js';

/** What decides how a text is set, but for its size and colour. */
export interface Setting {
  readonly face: Face;
  /** Which shapes Han letters have where the text does not tell it. */
  readonly han: Han;
  /** Which way the whole text runs; by its first letter where nothing is said. */
  readonly direction?: Direction | undefined;
}

/**
 * Latin, Greek, Cyrillic and the signs among them, which the typeface of the page has and sets from left to right: nearly every
 * text of nearly every document. A spec holds the fonts to that.
 */
export const OF_THE_PAGE = /^[ -\u03e1\u03f0-\u052f\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]*$/;

/** Sets a text that `printable` gave on one line. A pure function of the text and its setting. */
export function setLine(text: string, setting: Setting): Line {
  if (setting.direction !== 'rtl' && OF_THE_PAGE.test(text)) return typefaceOf('base', setting.face).set(text);
  const levels = levelsOf(text, setting.direction ?? directionOf(text));
  const isMixed = levels.some((level) => level > 0);
  const ends = pieceEnds(text);
  const runs: { level: number; words: readonly Word[] }[] = [];
  let unit = 0;
  for (const { family, text: run } of scriptRuns(text, setting.han)) {
    const typeface = typefaceOf(family, setting.face);
    for (let start = 0; start < run.length;) {
      const level = levels[unit + start] ?? 0;
      let end = start + 1;
      while (end < run.length && levels[unit + end] === level && !ends.has(unit + end)) end += 1;
      const part = run.slice(start, end);
      const forwards = (word: Word): Word => (isMixed && !word.isItself ? { ...word, actual: utf16(part) } : word);
      const words = level % 2 === 1 ? typeface.backwards(part) : [forwards(typeface.word(part))];
      runs.push({ level, words });
      start = end;
    }
    unit += run.length;
  }
  const words = inVisualOrder(runs).flatMap((each) => each.words);
  return {
    advance: words.reduce((sum, { advance }) => sum + advance, 0),
    words,
    actual: isMixed || words.every(({ isItself }) => isItself) ? null : utf16(text),
  };
}

/** Where one piece ends and the next begins, so that each is shaped once, wherever it stands. */
function pieceEnds(text: string): ReadonlySet<number> {
  let end = 0;
  return new Set(breakablePieces(text).map((piece) => (end += piece.length)));
}

/** Base direction of a line, where the first letter on it would tell another: U+200E and U+200F, which are never drawn. */
const MARKS: Readonly<Record<Direction, string>> = { ltr: '\u200e', rtl: '\u200f' };

/** The direction that the first character of a line says. */
export function markedDirection(text: string): Direction | undefined {
  if (text.startsWith(MARKS.rtl)) return 'rtl';
  return text.startsWith(MARKS.ltr) ? 'ltr' : undefined;
}

/**
 * Breaks a text that `printable` gave into lines of at most `room` thousandths of the type size, in the order of reading. A line
 * that runs another way than its own first letter says begins with a mark of direction.
 */
export function breakLines(text: string, room: number, setting: Setting): string[] {
  const direction = setting.direction ?? directionOf(text);
  const set = (part: string): number => setLine(part, { ...setting, direction }).advance;
  const lines: string[] = [];
  let pieces = breakablePieces(text);
  while (pieces.length > 0) {
    let count = filled(pieces, room, set);
    if (count === 0) {
      const [first = '', ...others] = pieces;
      const clusters = clustersOf(first);
      if (clusters.length > 1) pieces = [...clusters, ...others];
      count = Math.max(1, filled(pieces, room, set));
    }
    const line = pieces.slice(0, count).join('').trimEnd();
    pieces = pieces.slice(count);
    if (line !== '') lines.push(directionOf(line) === direction ? line : MARKS[direction] + line);
  }
  return lines;
}

/** How many of the first pieces fit on a line: by the sum of their widths, then held against the line as it is set. */
function filled(pieces: readonly string[], room: number, set: (text: string) => number): number {
  let advance = 0;
  let count = 0;
  for (const piece of pieces) {
    if (advance + set(piece.trimEnd()) > room) break;
    advance += set(piece);
    count += 1;
  }
  while (count > 1 && set(pieces.slice(0, count).join('').trimEnd()) > room) count -= 1;
  return count;
}
