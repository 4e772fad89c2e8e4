import { DEFAULT_LANGUAGE, type Language } from '#invoicing';
import { english } from './en.js';
import type { Wording } from './wording.js';

/** What documents say in each language. A new one is a file and a row here. */
const WORDINGS: Readonly<Partial<Record<Language, Wording>>> = { en: english };

export function wordingIn(language: Language = DEFAULT_LANGUAGE): Wording {
  return WORDINGS[language] ?? english;
}

export type { Wording } from './wording.js';
