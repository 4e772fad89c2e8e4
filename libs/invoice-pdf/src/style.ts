import { ACCENT } from './accent.js';
import type { TextStyle } from './sheet.js';

export { ACCENT } from './accent.js';

/** One accent, a few greys; everything else is ink on paper. */
export const INK = '#1b2430';
export const GREY = '#66707d';
const SOFT_INK = '#414c58';
export const HAIRLINE = '#dde3e8';
export const TINT = '#f2f6f8';
export const PAPER = '#ffffff';

const regular = (size: number, colour = INK): TextStyle => ({ face: 'regular', size, colour });
const strong = (size: number, colour = INK): TextStyle => ({ face: 'strong', size, colour });

export const STYLES = {
  title: strong(24),
  number: regular(11, ACCENT),
  partyName: strong(9.6),
  partyLine: regular(8.4),
  label: regular(8.4, GREY),
  fact: regular(8.4),
  factStrong: strong(8.4),
  summary: regular(9),
  columnHead: strong(7.2, ACCENT),
  cell: regular(8.8),
  cellStrong: strong(8.8),
  cellQuiet: regular(8.8, GREY),
  subject: regular(7.8, SOFT_INK),
  step: regular(7.2, GREY),
  grand: strong(11, PAPER),
  grandLabel: regular(9, PAPER),
  note: regular(7.8),
  quiet: regular(7.2, GREY),
  faint: regular(6.2, GREY),
  chartTitle: strong(7.8),
  annexTitle: strong(14),
  annexSection: strong(8.2),
  annexMark: strong(8.2, ACCENT),
  annexHead: strong(6.3, ACCENT),
  annexCell: regular(6.4),
  annexStrong: strong(6.4),
  annexWords: regular(6, GREY),
} as const;

/** Content edges, in points. */
export const LEFT = 50;
export const RIGHT = 545.28;
export const WIDTH = RIGHT - LEFT;
