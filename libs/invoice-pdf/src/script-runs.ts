import { covers, type Family, familiesOf, type Han, isOfScript } from './families.js';

/** A part of a text that one font sets. */
export interface ScriptRun {
  readonly family: Family;
  readonly text: string;
}

/**
 * What stays together: a letter with its marks, letters that a virama or coeng joins, the parts of a Hangul syllable, of a flag and
 * of a sequence of emoji, a Thai or Lao vowel that is written before its letter or behind it. Spelt out because the clusters of
 * `Intl.Segmenter` differ between the Nodes that draw the same page.
 */
const CLUSTER = new RegExp(
  [
    String.raw`[\u{1f1e6}-\u{1f1ff}]{2}`,
    String.raw`\p{Extended_Pictographic}[\p{M}\u{1f3fb}-\u{1f3ff}]*(?:\u200d\p{Extended_Pictographic}[\p{M}\u{1f3fb}-\u{1f3ff}]*)*`,
    String.raw`[\u1100-\u115f\ua960-\ua97c]+[\u1160-\u11a7\ud7b0-\ud7c6]*[\u11a8-\u11ff\ud7cb-\ud7fb]*`,
    String.raw`[\u0e40-\u0e44\u0ec0-\u0ec4]*[\s\S][\p{M}\u200c-\u200d\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3]*` +
      // A letter behind a virama, wherever marks stand around it.
      String.raw`(?:(?<=[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0c4d\u0ccd\u0d4d\u0dca\u1039\u17d2]\p{M}*[\u200c-\u200d]?)\p{L}[\p{M}\u200c-\u200d]*)*`,
  ].join('|'),
  'gu',
);

/** The clusters of a text, in its order. */
export function clustersOf(text: string): string[] {
  return text.match(CLUSTER) ?? [];
}

/**
 * Cuts a text into runs by font. A letter is in the font of its script. What belongs to no script (signs, quotation marks) takes
 * the font of the letters before it, or else of those behind it, where that has it; ASCII but for the space is always in the font
 * of the page, so that figures look the same everywhere. Marks and joiners stay with their letter.
 */
export function scriptRuns(text: string, han: Han): ScriptRun[] {
  const variant = hanOf(text) ?? han;
  const parts = clustersOf(text).flatMap((cluster) => partsOf(cluster, variant));
  const runs: { family: Family; text: string }[] = [];
  let before: Family | null = null;
  parts.forEach((part, index) => {
    let { family } = part;
    if (part.isNeutral) {
      const near = before ?? parts.slice(index + 1).find(({ isNeutral }) => !isNeutral)?.family ?? 'base';
      if (near !== 'base' && near !== 'emoji' && coversAll(near, part.text)) family = near;
    } else {
      before = family;
    }
    const last = runs.at(-1);
    if (last?.family === family) last.text += part.text;
    else runs.push({ family, text: part.text });
  });
  return runs;
}

interface Part {
  readonly family: Family;
  readonly text: string;
  /** Whether its neighbours may choose its font. */
  readonly isNeutral: boolean;
}

/** A cluster in the first font that has all of it, or else each of its characters in one that has that. */
function partsOf(cluster: string, han: Han): Part[] {
  const first = cluster.codePointAt(0) ?? 0;
  const family = familiesOf(first, han).find((each) => coversAll(each, cluster));
  if (family !== undefined) {
    const isNeutral =
      (first === 0x20 || first > 0x7f) && !isOfScript(first) && !LETTER.test(cluster) && family !== 'emoji';
    return [{ family, text: cluster, isNeutral }];
  }
  return [...cluster].map((character) => {
    const codePoint = character.codePointAt(0) ?? 0;
    const own = familiesOf(codePoint, han).find((each) => covers(each, codePoint));
    return { family: own ?? 'base', text: character, isNeutral: false };
  });
}

const LETTER = /[\p{L}\p{Nd}]/u;

function coversAll(family: Family, text: string): boolean {
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    if (!isJoiner(codePoint) && !covers(family, codePoint)) return false;
  }
  return true;
}

/** They choose between shapes and have none. */
function isJoiner(codePoint: number): boolean {
  return codePoint === 0x200c || codePoint === 0x200d;
}

/** The variant that a text tells itself: kana are Japanese, Hangul is Korean. */
function hanOf(text: string): Han | undefined {
  if (KANA.test(text)) return 'jp';
  return HANGUL.test(text) ? 'kr' : undefined;
}

const KANA = /[\u3041-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff9f]/;
const HANGUL = /[\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb]/;

/** The variant of Han for a reader, by the language of a document, or else by a country. */
export function hanFor(language: string | null | undefined, country: string | null | undefined): Han | undefined {
  const [code = '', ...subtags] = (language ?? '').toLowerCase().split('-');
  if (code === 'ja') return 'jp';
  if (code === 'ko') return 'kr';
  if (code === 'zh') return subtags.some((tag) => ['hant', 'tw', 'hk', 'mo'].includes(tag)) ? 'tc' : 'sc';
  return country ? HAN_OF_COUNTRY[country] : undefined;
}

const HAN_OF_COUNTRY: Readonly<Record<string, Han>> = {
  ...{ JP: 'jp', KR: 'kr', KP: 'kr', TW: 'tc', HK: 'tc', MO: 'tc', CN: 'sc', SG: 'sc', MY: 'sc' },
};
