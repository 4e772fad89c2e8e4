import { type Database, stamp } from './database.js';
import { Prisma } from './generated/client.js';

/** A document of a close, without its content. */
export interface CloseDocument {
  readonly id: string;
  readonly number: string;
  /** RFC 3339, UTC. */
  readonly issuedAt: string;
}

const PAGE = 200;

/**
 * Every document that the latest certificate of a close names: what it issued, then the notes that were issued for its
 * period by no close; each in the order of kind, fiscal year and sequence. Reads page by page.
 */
export async function* documentsOfClose(database: Database, closeId: string): AsyncGenerator<CloseDocument> {
  for (const which of [issuedBy(closeId), certifiedBeside(closeId)]) yield* inOrder(database, which);
}

/** Of documents `i`: what a close issued. */
export function issuedBy(closeId: string): Prisma.Sql {
  return Prisma.sql`i.close_id = ${closeId}::uuid`;
}

/** Of documents `i`: the notes of a regular close's period that no close issued, but for those on no certificate yet. */
export function certifiedBeside(closeId: string): Prisma.Sql {
  return Prisma.sql`(
    i.close_id IS NULL
    AND (i.seller_id, i.period_label) = (SELECT seller_id, period_label FROM close
                                          WHERE id = ${closeId}::uuid AND kind = 'regular' AND NOT dry_run)
    AND NOT EXISTS (SELECT FROM invoice_uncertified u WHERE u.invoice_id = i.id))`;
}

async function* inOrder(database: Database, which: Prisma.Sql): AsyncGenerator<CloseDocument> {
  let after = { kind: '', fiscalYear: 0, sequence: 0n };
  for (;;) {
    const page = await database.$queryRaw<(CloseDocument & typeof after)[]>`
      SELECT id, number, ${stamp('issued_at')} AS "issuedAt", kind, fiscal_year AS "fiscalYear", sequence FROM invoice i
       WHERE ${which}
         AND (kind, fiscal_year, sequence) > (${after.kind}, ${after.fiscalYear}::int, ${after.sequence}::bigint)
       ORDER BY kind, fiscal_year, sequence LIMIT ${PAGE}`;
    for (const { id, number, issuedAt } of page) yield { id, number, issuedAt };
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = { kind: last.kind, fiscalYear: last.fiscalYear, sequence: last.sequence };
  }
}
