/** The smallest thing that is placed whole: one line of text, a rule, a box. `y` runs downwards from its top edge. */
export interface Piece {
  height: number;
  draw(y: number): void;
}

/** Pieces that belong together, such as an invoice line with its derivation. */
export interface Chunk {
  pieces: Piece[];
  /** Wants the table's header above it when it opens a page. */
  tabular: boolean;
  /** Must stand on the page on which the chunk before it ends. */
  joinsPrevious: boolean;
}

/** Where the pieces of one page stand. */
export interface PlannedPage {
  tableHeaderAt: number | null;
  placed: { piece: Piece; y: number }[];
}

export interface PageSpace {
  /** Top of what may be filled on the first page, and on the ones after it. */
  firstTop: number;
  nextTop: number;
  bottom: number;
  tableHeaderHeight: number;
}

/**
 * Cuts a document into pages. A chunk is torn only when it is longer than a page; chunks that join the one before them
 * go to a new page together with it, so that totals never stand alone. The table's header is repeated on every page
 * that a tabular chunk opens.
 */
export function paginate(chunks: readonly Chunk[], space: PageSpace): PlannedPage[] {
  const pages: PlannedPage[] = [];
  let page: PlannedPage = { tableHeaderAt: null, placed: [] };
  let y = space.firstTop;

  const turn = (): void => {
    pages.push(page);
    page = { tableHeaderAt: null, placed: [] };
    y = space.nextTop;
  };
  const headerNeeded = (tabular: boolean): number =>
    tabular && page.tableHeaderAt === null ? space.tableHeaderHeight : 0;
  const place = (piece: Piece, tabular: boolean): void => {
    if (headerNeeded(tabular) > 0) {
      page.tableHeaderAt = y;
      y += space.tableHeaderHeight;
    }
    page.placed.push({ piece, y });
    y += piece.height;
  };
  const fits = (height: number, tabular: boolean): boolean => y + headerNeeded(tabular) + height <= space.bottom;
  // Nothing is gained by leaving an empty page, unless it is the first, which holds less than the others.
  const fresh = (): boolean => page.placed.length === 0 && pages.length > 0;

  const placeChunk = (chunk: Chunk): void => {
    const height = heightOf([chunk]);
    const room = space.bottom - space.nextTop - (chunk.tabular ? space.tableHeaderHeight : 0);
    if (!fits(height, chunk.tabular) && height <= room) turn();
    for (const piece of chunk.pieces) {
      if (!fits(piece.height, chunk.tabular) && !fresh()) turn();
      place(piece, chunk.tabular);
    }
  };

  for (const cluster of clusters(chunks)) {
    const tabular = cluster.some((chunk) => chunk.tabular);
    const room = space.bottom - space.nextTop - (tabular ? space.tableHeaderHeight : 0);
    const height = heightOf(cluster);
    if (!fits(height, tabular) && height <= room) turn();
    for (const chunk of cluster) placeChunk(chunk);
  }
  pages.push(page);
  return pages;
}

function clusters(chunks: readonly Chunk[]): Chunk[][] {
  const joined: Chunk[][] = [];
  for (const chunk of chunks) {
    const last = joined.at(-1);
    if (chunk.joinsPrevious && last) last.push(chunk);
    else joined.push([chunk]);
  }
  return joined;
}

function heightOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.pieces.reduce((height, piece) => height + piece.height, 0), 0);
}
