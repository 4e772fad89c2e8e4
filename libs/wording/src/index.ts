export { wordingIn } from './languages.js';
export { titleOf, longDate, noteIn } from './sentences.js';
export type { Wording } from './wording.js';
