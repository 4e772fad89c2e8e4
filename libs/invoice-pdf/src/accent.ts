/** The accent of the house, where a seller has none of its own. */
export const ACCENT = '#12546b';
