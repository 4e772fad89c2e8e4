import { DEFAULT_LANGUAGE, type Language } from '#invoicing';
import { arabic } from './ar.js';
import { german } from './de.js';
import { english } from './en.js';
import { spanish } from './es.js';
import { french } from './fr.js';
import { hindi } from './hi.js';
import { italian } from './it.js';
import { japanese } from './ja.js';
import { dutch } from './nl.js';
import { polish } from './pl.js';
import { portuguese } from './pt.js';
import type { Wording } from './wording.js';

/** What documents say in each language. A new one is a file and a row here, and its tag in `#invoicing`. */
const WORDINGS: Readonly<Record<Language, Wording>> = {
  en: english,
  de: german,
  fr: french,
  es: spanish,
  it: italian,
  pt: portuguese,
  nl: dutch,
  pl: polish,
  hi: hindi,
  ja: japanese,
  ar: arabic,
};

export function wordingIn(language: Language = DEFAULT_LANGUAGE): Wording {
  return WORDINGS[language];
}
