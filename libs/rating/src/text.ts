/**
 * Characters that have no place in a name, a reason or an address: controls, those that are not seen or turn the direction
 * of what stands beside them (Unicode TR 36, 3.1: a bidi override lets "Acme" read otherwise than it is stored), separators
 * of lines, halves of a surrogate pair and noncharacters.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/u;

/**
 * Format characters that names are written with: the two joiners of Indic scripts and Persian, and the number signs of
 * Arabic, Syriac and Kaithi, which are seen.
 */
const WRITTEN = new Set(
  '\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}',
);

/** The blank of Braille is a letter to Unicode, and not seen. */
const SEEN = /[^\s\u2800\p{Default_Ignorable_Code_Point}]/u;

/**
 * Why a text that people write and read may not be taken as it is, for the place where it is written; undefined when it may.
 * The one rule for names, addresses, reasons and plans. A text that an earlier version took is still read and printed.
 */
export function textFault(text: string): string | undefined {
  const hidden = [...text].find((character) => HIDDEN.test(character) && !WRITTEN.has(character));
  if (hidden !== undefined) {
    const codePoint = (hidden.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return `must not hold U+${codePoint}, a control character that is not seen`;
  }
  if (text.includes('\ufffd')) return 'must not hold U+FFFD, which stands for a character that was lost before';
  return SEEN.test(text) ? undefined : 'must have a character that is seen';
}
