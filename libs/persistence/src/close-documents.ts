import { type Database, stamp } from './database.js';

/** A document of a close, without its content. */
export interface CloseDocument {
  readonly id: string;
  readonly number: string;
  /** RFC 3339, UTC. */
  readonly issuedAt: string;
}

const PAGE = 200;

/** Every document of a close in the order of its numbers: kind, fiscal year, sequence. Reads page by page. */
export async function* documentsOfClose(database: Database, closeId: string): AsyncGenerator<CloseDocument> {
  let after = { kind: '', fiscalYear: 0, sequence: 0n };
  for (;;) {
    const page = await database.$queryRaw<(CloseDocument & typeof after)[]>`
      SELECT id, number, ${stamp('issued_at')} AS "issuedAt", kind, fiscal_year AS "fiscalYear", sequence FROM invoice
       WHERE close_id = ${closeId}::uuid
         AND (kind, fiscal_year, sequence) > (${after.kind}, ${after.fiscalYear}::int, ${after.sequence}::bigint)
       ORDER BY kind, fiscal_year, sequence LIMIT ${PAGE}`;
    for (const { id, number, issuedAt } of page) yield { id, number, issuedAt };
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = { kind: last.kind, fiscalYear: last.fiscalYear, sequence: last.sequence };
  }
}
