import { directionOf, inVisualOrder, levelsOf, type Direction } from './bidi.js';

/** A line as it stands on paper, from left to right. */
function shown(text: string, direction: Direction): string {
  const levels = levelsOf(text, direction);
  const units = Array.from({ length: text.length }, (_, index) => ({ level: levels[index] ?? 0, unit: text[index] }));
  return inVisualOrder(units)
    .map(({ unit }) => unit)
    .join('');
}

describe('a line of two directions', () => {
  // The first two are of UAX #9, 3.4; Hebrew letters stand for its capitals: CAR, MEANS.
  it.each<[memory: string, direction: Direction, display: string]>([
    ['car means רעכ.', 'ltr', 'car means כער.'],
    ['רעכ car.', 'rtl', '.car כער'],
    ['91-1144442 רעכ', 'rtl', 'כער 91-1144442'],
    ['רעכ 91-1144442', 'rtl', '91-1144442 כער'],
  ])('%s', (memory, direction, display) => {
    expect(shown(memory, direction)).toBe(display);
  });

  it('has a product from left to right, also behind a word of the other direction', () => {
    expect(shown('258 kbps فوق × 1.35 = 348.61', 'ltr')).toBe('258 kbps قوف × 1.35 = 348.61');
    expect(shown('258 kbps فوق × 1.35 = 348.61', 'rtl')).toBe('× 1.35 = 348.61 قوف kbps 258');
  });

  it('runs as its first letter says', () => {
    expect([directionOf('258 kbps فوق'), directionOf('12 رعك'), directionOf('12')]).toEqual(['ltr', 'rtl', 'ltr']);
  });
});
