import type { Language } from '#invoicing';
import { NAMES as arabic } from './ar.js';
import { NAMES as german } from './de.js';
import { NAMES as english } from './en.js';
import { NAMES as spanish } from './es.js';
import { NAMES as french } from './fr.js';
import { NAMES as hindi } from './hi.js';
import { NAMES as italian } from './it.js';
import { NAMES as japanese } from './ja.js';
import { NAMES as dutch } from './nl.js';
import { NAMES as polish } from './pl.js';
import { NAMES as portuguese } from './pt.js';

/** `DE Germany|…` per language; Intl is not asked, for its names change with the host's ICU. */
const TEXTS: Readonly<Record<Language, string>> = {
  ...{ en: english, de: german, fr: french, es: spanish, it: italian, pt: portuguese, nl: dutch, pl: polish },
  ...{ hi: hindi, ja: japanese, ar: arabic },
};

/** Names by code, of the languages that were asked for. */
const known = new Map<Language, ReadonlyMap<string, string>>();

function namesIn(language: Language): ReadonlyMap<string, string> {
  let names = known.get(language);
  if (!names) {
    names = new Map(TEXTS[language].split('|').map((entry) => [entry.slice(0, 2), entry.slice(3)] as const));
    known.set(language, names);
  }
  return names;
}

/** Whether a code of two capital letters is one of ISO 3166-1 (the United Kingdom is `GB`). */
export function isCountry(code: string): boolean {
  return namesIn('en').has(code);
}

/** The name to print under an address; a code that is not in the list is printed as it is. */
export function countryName(code: string, language: Language): string {
  return namesIn(language).get(code) ?? code;
}
