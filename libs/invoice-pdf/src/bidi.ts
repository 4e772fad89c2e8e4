import { createRequire } from 'node:module';
import type { Bidi } from 'bidi-js';

/** Which way a text runs where its letters leave it open. */
export type Direction = 'ltr' | 'rtl';

let algorithm: Bidi | undefined;

/** Loaded with the first text that needs it: most documents have none. */
function bidi(): Bidi {
  algorithm ??= (createRequire(import.meta.url)('bidi-js') as () => Bidi)();
  return algorithm;
}

/** Letters that are written from right to left and that a typeface has: Hebrew and Arabic with their presentation forms. */
const RIGHT_TO_LEFT = /[\u0590-\u05ff\u0600-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Whether a text has letters that run from right to left. */
export function runsBackwards(text: string): boolean {
  return RIGHT_TO_LEFT.test(text);
}

/** The direction of a text's first letter that has one (UAX #9, P2 and P3); from left to right if none has. */
export function directionOf(text: string): Direction {
  if (!runsBackwards(text)) return 'ltr';
  return bidi().getEmbeddingLevels(text, 'auto').paragraphs[0]?.level === 1 ? 'rtl' : 'ltr';
}

/** The embedding level of each UTF-16 unit of a text on one line (UAX #9, up to L1). */
export function levelsOf(text: string, direction: Direction): Uint8Array {
  if (direction === 'ltr' && !runsBackwards(text)) return new Uint8Array(text.length);
  // Behind an Arabic word a hyphen would part a number: 91-1144442 is one, and would stand as 1144442-91. A point parts none.
  // A product is read from left to right, also behind a word that is not: the sign takes part as a letter that is.
  const whole = text.replace(/(?<=[0-9])-(?=[0-9])/g, '.').replaceAll('×', 'x');
  return bidi().getEmbeddingLevels(whole, direction).levels;
}

/** Runs with a level each, in the order in which they stand from left to right (UAX #9, L2). */
export function inVisualOrder<Run extends { readonly level: number }>(runs: readonly Run[]): Run[] {
  const ordered = [...runs];
  const levels = ordered.map(({ level }) => level);
  const highest = Math.max(0, ...levels);
  for (let level = highest; level > 0; level -= 1) {
    for (let start = 0; start < ordered.length; start += 1) {
      let end = start;
      while (end < ordered.length && (ordered[end]?.level ?? 0) >= level) end += 1;
      if (end > start) ordered.splice(start, end - start, ...ordered.slice(start, end).reverse());
      start = end;
    }
  }
  return ordered;
}

/** A text of a level that runs from right to left, with brackets as they are drawn there (UAX #9, L4). */
export function mirrored(text: string): string {
  return [...text].map((character) => bidi().getMirroredCharacter(character) ?? character).join('');
}
