export type { Derivation, DerivationStep, Fraction } from './derivation.js';
export type { LineSegment, RatedLine } from './rated-line.js';
