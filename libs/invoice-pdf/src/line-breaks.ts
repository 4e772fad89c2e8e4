import { createRequire } from 'node:module';

interface LineBreaker {
  nextBreak(): { position: number } | null;
}

let Breaker: (new (text: string) => LineBreaker) | undefined;

/** Han, kana and their punctuation, which are written without spaces. Hangul has spaces and breaks at them. */
const WITHOUT_SPACES =
  /[\u2e80-\u303f\u3041-\u30ff\u3105-\u312f\u31a0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uffef\u{20000}-\u{3ffff}]/u;

const HANGUL_AROUND = /^[\u1100-\u11ff\u3131-\u318e\uac00-\ud7fb]{2}$/;

/**
 * A text in the pieces that a line may end behind. Chinese and Japanese break by UAX #14: between any two letters, but neither
 * before what closes (`。`, `）`) nor behind what opens. The rules and their table come with the package `linebreak`, so that no
 * version of Node or its ICU has a say. All other scripts break at spaces: where Thai, Lao, Khmer and Burmese words end is known
 * to dictionaries alone, and those of ICU differ from Node to Node. A word that is wider than its column is cut between clusters.
 */
export function breakablePieces(text: string): string[] {
  if (!WITHOUT_SPACES.test(text)) return text.match(/[^ ]* |[^ ]+$/g) ?? [];
  Breaker ??= createRequire(import.meta.url)('linebreak') as new (text: string) => LineBreaker;
  const breaker = new Breaker(text);
  const pieces: string[] = [];
  let start = 0;
  for (let next = breaker.nextBreak(); next; next = breaker.nextBreak()) {
    const { position } = next;
    const around = text.slice(position - 1, position + 1);
    // Words of other scripts are never broken here, as they are not where they stand alone.
    if (
      position < text.length &&
      text[position - 1] !== ' ' &&
      (HANGUL_AROUND.test(around) || !WITHOUT_SPACES.test(text.slice(Math.max(0, position - 2), position + 2)))
    )
      continue;
    pieces.push(text.slice(start, position));
    start = position;
  }
  return start < text.length ? [...pieces, text.slice(start)] : pieces;
}
