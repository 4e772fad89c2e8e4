/** Features of OpenType that Burmese needs and that fontkit, which has no shaper for it, does not ask for. */
const BURMESE = ['rphf', 'pref', 'blwf', 'pstf', 'pres', 'abvs', 'blws', 'psts'] as const;

/** What fontkit 2.0.4 must be told of a family: the order in which it expects letters, and features beyond its own. */
export interface Shaping {
  order(text: string): string;
  readonly features?: readonly string[];
}

/** A consonant with what stands around it: kinzi, stacked letters, asat, medials, the vowel that is written before it. */
const BURMESE_SYLLABLE =
  /(\u1004\u103a\u1039)?([\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e])((?:\u1039[\u1000-\u1021])*)(\u103a?\u103b?)(\u103c?)([\u103d\u103e]*\u103a?)(\u1031?)/g;

/**
 * By family: what shapers of OpenType do before they look at a font's tables, for the scripts of which fontkit leaves it out: the vowel am of
 * Thai and Lao is a ring below the tone mark and a letter, shadda stands on its letter and the vowel on shadda, and Burmese has
 * a vowel and a medial in front of their consonant.
 */
export const SHAPINGS: Readonly<Partial<Record<string, Shaping>>> = {
  thai: { order: (text) => text.replace(/([\u0e48-\u0e4b]*)\u0e33/g, '\u0e4d$1\u0e32') },
  lao: { order: (text) => text.replace(/([\u0ec8-\u0ecb]*)\u0eb3/g, '\u0ecd$1\u0eb2') },
  arabic: { order: (text) => text.replace(/([\u064b-\u0650]+)\u0651/g, '\u0651$1') },
  myanmar: { order: (text) => text.replace(BURMESE_SYLLABLE, '$7$5$2$1$3$4$6'), features: BURMESE },
};
