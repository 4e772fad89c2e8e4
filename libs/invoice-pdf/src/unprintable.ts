import type { Language } from '#invoicing';
import { wordingIn } from '#wording';
import type { PrintableInvoice } from './printable-invoice.js';
import { codePointOf, undrawable } from './printable.js';

/** A text of a document with characters that no typeface has. */
export interface UnprintableText {
  /** RFC 6901, such as `/customer/name`. */
  readonly member: string;
  /** Each once, in the order of the text: `U+6771`. */
  readonly characters: readonly string[];
}

/** The characters of one text that no typeface has, as `U+6771`, each once. */
export function unprintableCharacters(text: string): string[] {
  return undrawable(text).map(codePointOf);
}

/**
 * The texts of a document that cannot be drawn as they are written. Every text counts, whether this layout prints it or the
 * next one does, and so do the words of its language (`/language`). Costs one look at each text where all are ASCII.
 */
export function unprintableTexts(document: Omit<PrintableInvoice, 'inputs_hash'>): UnprintableText[] {
  const found: UnprintableText[] = [];
  const look = (value: unknown, member: string): void => {
    if (typeof value === 'string') {
      const characters = unprintableCharacters(value);
      if (characters.length > 0) found.push({ member, characters });
    } else if (typeof value === 'object' && value !== null) {
      // Members of documents are named by this service: none has a name that a pointer would have to escape.
      for (const [name, part] of Object.entries(value)) look(part, `${member}/${name}`);
    }
  };
  look(document, '');
  const words = document.language === undefined ? [] : unprintableWords(document.language);
  if (words.length > 0) found.push({ member: '/language', characters: words });
  return found;
}

/** Characters of a language's words that no typeface has, by language; found out once. */
const wordsOf = new Map<Language, readonly string[]>();

function unprintableWords(language: Language): readonly string[] {
  let characters = wordsOf.get(language);
  if (!characters) {
    const words = wordingIn(language);
    const months = Array.from({ length: 12 }, (_, month) => words.date('2026', month + 1, 1));
    characters = unprintableCharacters([...saidIn(words), ...months].join(' '));
    wordsOf.set(language, characters);
  }
  return characters;
}

/** Every text that stands as it is in the words of a language. */
function saidIn(words: unknown): string[] {
  if (typeof words === 'string') return [words];
  return typeof words === 'object' && words !== null ? Object.values(words).flatMap(saidIn) : [];
}
