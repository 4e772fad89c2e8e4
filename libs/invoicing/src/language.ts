/** The languages that documents are written in, by their BCP 47 tags. */
export const LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'pl', 'hi', 'ja', 'ar'] as const;

export type Language = (typeof LANGUAGES)[number];

/** The language of documents that name none: all that were issued before there was a choice. */
export const DEFAULT_LANGUAGE: Language = 'en';

/** What an account's documents are written in: its own language, else its seller's. */
export function languageFor(
  seller: { readonly language?: Language | null | undefined },
  account: { readonly language?: Language | null | undefined },
): Language {
  return account.language ?? seller.language ?? DEFAULT_LANGUAGE;
}
