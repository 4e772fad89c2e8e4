import { english } from './en.js';
import type { Wording } from './wording.js';

/** The languages that pages are written in, by their BCP 47 tags. A new one is a file and a row here. */
const LANGUAGES = { en: english } as const satisfies Readonly<Record<string, Wording>>;

export type Language = keyof typeof LANGUAGES;

/** The language of documents that name none: every one that was issued so far. */
const DEFAULT_LANGUAGE: Language = 'en';

export function wordingIn(language: Language = DEFAULT_LANGUAGE): Wording {
  return LANGUAGES[language];
}

export type { Wording } from './wording.js';
