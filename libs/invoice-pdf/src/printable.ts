import { covers, familiesOf } from './families.js';

/** Words of Latin letters and of the signs of this layout with single spaces between them: nearly every text on an invoice. */
const PLAIN = /^[!-~À-ž·×–•…’\u00a0\u202f]+(?: [!-~À-ž·×–•…’\u00a0\u202f]+)*$/;

/** What has no shape of its own, but for the two joiners that Indic scripts are shaped by. */
const SHAPELESS = /(?![\u200c\u200d])\p{Default_Ignorable_Code_Point}/gu;

/**
 * A text as it is drawn on one line: white space of any kind becomes one space, and what has no shape of its own goes.
 * Direction marks would let a name rearrange what stands beside it.
 *
 * Characters that no typeface has are written by their code points, `[U+6771 U+4EAC]`: documents that were issued before
 * texts were checked must have a page all the same, and so must the notes that take them back.
 */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  const shown = onOneLine(text);
  return undrawn(shown).length === 0 ? shown : byCodePoint(shown);
}

/** The characters of a text that no typeface has, each once. */
export function undrawable(text: string): string[] {
  return PLAIN.test(text) ? [] : [...new Set(undrawn(onOneLine(text)))];
}

/** `U+6771`. */
export function codePointOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

function onOneLine(text: string): string {
  return (
    text
      .normalize('NFC')
      .replace(SHAPELESS, '')
      // What holds the groups of a figure together stays: a line may not end there.
      .replace(/(?:[^\S\u00a0\u202f]|\p{Cc})+/gu, ' ')
      .trim()
  );
}

function byCodePoint(shown: string): string {
  let written = '';
  let run: string[] = [];
  const endRun = () => {
    if (run.length > 0) written += `[${run.join(' ')}]`;
    run = [];
  };
  for (const character of shown) {
    if (isDrawable(character)) {
      endRun();
      written += character;
    } else {
      run.push(codePointOf(character));
    }
  }
  endRun();
  return written;
}

function undrawn(shown: string): string[] {
  return [...shown].filter((character) => !isDrawable(character));
}

function isDrawable(character: string): boolean {
  const codePoint = character.codePointAt(0) ?? 0;
  if (codePoint > 0x1f && codePoint < 0x7f) return true;
  return familiesOf(codePoint, 'sc').some((family) => covers(family, codePoint));
}
