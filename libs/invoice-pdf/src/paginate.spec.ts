import fc from 'fast-check';
import { type Chunk, type PageSpace, paginate, type Piece } from './paginate.js';

const SPACE: PageSpace = { firstTop: 50, nextTop: 10, bottom: 110, tableHeaderHeight: 10 };
/** What a page after the first holds under its table header. */
const ROOM = 90;

const piece = (height: number): Piece => ({ height, draw: () => undefined });
const row = (...heights: number[]): Chunk => ({ pieces: heights.map(piece), tabular: true, joinsPrevious: false });
const totals = (height: number): Chunk => ({ pieces: [piece(height)], tabular: false, joinsPrevious: true });

/** Heights placed on each page. */
const heights = (chunks: Chunk[]): number[][] =>
  paginate(chunks, SPACE).map((page) => page.placed.map(({ piece: { height } }) => height));

describe('paginate', () => {
  it('fills a page and repeats the table header on the next', () => {
    const pages = paginate([row(25), row(25), row(25)], SPACE);
    expect(pages.map((page) => page.tableHeaderAt)).toEqual([50, 10]);
    expect(pages.map((page) => page.placed.map(({ y }) => y))).toEqual([[60, 85], [20]]);
  });

  it('does not tear a line that fits on a page', () => {
    expect(heights([row(30), row(10, 10, 10)])).toEqual([[30], [10, 10, 10]]);
  });

  it('tears a line that is longer than a page, from where it stands', () => {
    expect(heights([row(30), row(20, 20, 20, 20, 20)])).toEqual([
      [30, 20],
      [20, 20, 20, 20],
    ]);
  });

  it('takes the last line along when the totals go to a new page', () => {
    expect(heights([row(20), row(20), totals(20)])).toEqual([[20], [20, 20]]);
  });

  it('leaves totals alone only when they and the last line cannot share a page', () => {
    expect(heights([row(20), row(20), totals(95)])).toEqual([[20, 20], [95]]);
  });

  it('answers one page for nothing', () => {
    expect(paginate([], SPACE)).toEqual([{ tableHeaderAt: null, placed: [] }]);
  });

  const height = fc.integer({ min: 1, max: ROOM });
  const chunks = fc.array(fc.array(height, { minLength: 1, maxLength: 6 }), { maxLength: 30 });

  it('loses no piece, keeps their order and never draws below the bottom or over another', () => {
    fc.assert(
      fc.property(chunks, height, (rows, end) => {
        const all = [...rows.map((each) => row(...each)), totals(end)];
        const pages = paginate(all, SPACE);
        expect(pages.flatMap((page) => page.placed.map(({ piece: one }) => one))).toEqual(
          all.flatMap((chunk) => chunk.pieces),
        );
        pages.forEach((page, index) => {
          let free = index === 0 ? SPACE.firstTop : SPACE.nextTop;
          if (page.tableHeaderAt !== null) {
            expect(page.tableHeaderAt).toBe(free);
            free += SPACE.tableHeaderHeight;
          }
          for (const { piece: one, y } of page.placed) {
            expect(y).toBe(free);
            free += one.height;
          }
          expect(free).toBeLessThanOrEqual(SPACE.bottom);
        });
      }),
    );
  });

  it('keeps every line that fits on one page, and the totals with the last one where they fit', () => {
    fc.assert(
      fc.property(chunks, height, (rows, end) => {
        const all = [...rows.map((each) => row(...each)), totals(end)];
        const pages = paginate(all, SPACE);
        const pageOf = (one: Piece | undefined): number =>
          pages.findIndex((page) => page.placed.some((placed) => placed.piece === one));
        const length = (chunk: Chunk): number => chunk.pieces.reduce((sum, one) => sum + one.height, 0);
        for (const chunk of all.filter((each) => length(each) <= ROOM)) {
          expect(new Set(chunk.pieces.map(pageOf)).size).toBe(1);
        }
        const last = all.at(-2);
        if (last && length(last) + end <= ROOM) expect(pageOf(all.at(-1)?.pieces[0])).toBe(pageOf(last.pieces.at(-1)));
      }),
    );
  });
});
