import { createHash } from 'node:crypto';
import type { IssuedInvoice } from '#invoicing';
import { type Database, stamp, type Transaction } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import type { BillingInputs } from './invoice-inputs.js';
import {
  type Alteration,
  alterationOfEmpty,
  DocumentAltered,
  SEALED,
  SEALED_EMPTY,
  type SealedDocument,
  type SealedEmpty,
  unaltered,
} from './sealed-documents.js';

/** A document of a close. */
export interface CloseDocument {
  readonly id: string;
  readonly number: string;
  /** RFC 3339, UTC. */
  readonly issuedAt: string;
  /** The document as it was issued, or the error that says what of it was altered. */
  readonly content: IssuedInvoice | DocumentAltered;
}

const PAGE = 200;
const PAGE_WITH_CONTENT = 50;

/**
 * Every document that the latest certificate of a close names: what it issued, then the notes that were issued for its
 * period by no close; each in the order of kind, fiscal year and sequence. Reads page by page.
 */
export async function* documentsOfClose(database: Database, closeId: string): AsyncGenerator<CloseDocument> {
  const columns = Prisma.sql`${SEALED}, ${stamp('i.issued_at')} AS "issuedAt"`;
  for (const which of [issuedBy(closeId), certifiedBeside(closeId)]) {
    for await (const row of pages<SealedDocument & { issuedAt: string }>(database, which, columns, PAGE_WITH_CONTENT)) {
      yield { id: row.id, number: row.number, issuedAt: row.issuedAt, content: contentOf(row) };
    }
  }
}

function contentOf(row: SealedDocument): CloseDocument['content'] {
  try {
    return unaltered(row);
  } catch (error) {
    if (error instanceof DocumentAltered) return error;
    throw error;
  }
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

/** Documents as a certificate counts them. */
interface Counted {
  readonly count: number;
  readonly ranges: readonly { kind: string; fiscal_year: number; first_sequence: number; last_sequence: number }[];
  /** sha256 over a line `<number> <sha256 of the document>\n` per document, in the order of the ranges. */
  readonly sha256: string;
}

/**
 * Whether a close still has the documents and notes that a certificate of it counted, each with the hash that it had then:
 * none is gone, and none was changed together with its hash.
 */
export async function standsAsCertified(
  database: Database | Transaction,
  closeId: string,
  { documents, notes }: { readonly documents: Counted; readonly notes?: Counted | undefined },
): Promise<boolean> {
  return (
    (await isCounted(database, issuedBy(closeId), documents)) &&
    (notes === undefined || (await isCounted(database, certifiedBeside(closeId), notes)))
  );
}

async function isCounted(database: Database | Transaction, which: Prisma.Sql, counted: Counted): Promise<boolean> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const { kind, fiscalYear, sequence, number, sha256 } of inOrder(database, which)) {
    const isIn = counted.ranges.some(
      (range) =>
        range.kind === kind &&
        range.fiscal_year === fiscalYear &&
        range.first_sequence <= sequence &&
        sequence <= range.last_sequence,
    );
    if (!isIn) continue;
    hash.update(`${number} ${sha256}\n`);
    count += 1;
  }
  return count === counted.count && hash.digest('hex') === counted.sha256;
}

/** Documents in the order of kind, fiscal year and sequence, with what they are held against; a few at a time. */
export function sealedDocuments(database: Database | Transaction, which: Prisma.Sql): AsyncGenerator<SealedDocument> {
  return pages<SealedDocument>(database, which, SEALED, PAGE_WITH_CONTENT);
}

/** What usage a period was rated with, for what sums it up. */
export interface RatedUsage {
  readonly accountId: string;
  /** Whether it is what the account of the close ended with: not of a document that was replaced, or of an earlier try. */
  readonly isPresent: boolean;
}

/** The documents that a close issued, each with what it was computed from; null: issued before that was kept. */
export function sealedWithInputs(
  database: Database | Transaction,
  closeId: string,
): AsyncGenerator<SealedDocument & RatedUsage & { inputs: Partial<BillingInputs> | null }> {
  const columns = Prisma.sql`
    ${SEALED}, (SELECT n.inputs FROM invoice_inputs n WHERE n.invoice_id = i.id) AS inputs, i.account_id AS "accountId",
    EXISTS (SELECT FROM close_account a
             WHERE a.close_id = i.close_id AND a.account_id = i.account_id AND a.invoice_id = i.id) AS "isPresent"`;
  return pages(database, issuedBy(closeId), columns, PAGE_WITH_CONTENT);
}

/**
 * Periods that came to nothing, with what their inputs are held against; a few at a time.
 *
 * @param which a condition on `empty_period e`
 */
export async function* sealedEmpties(
  database: Database | Transaction,
  which: Prisma.Sql,
): AsyncGenerator<SealedEmpty<Partial<BillingInputs>> & RatedUsage> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const page = await database.$queryRaw<(SealedEmpty<Partial<BillingInputs>> & RatedUsage)[]>`
      SELECT ${SEALED_EMPTY}, e.account_id AS "accountId",
             EXISTS (SELECT FROM close_account a
                      WHERE a.close_id = e.close_id AND a.account_id = e.account_id AND a.state = 'empty')
             AND NOT EXISTS (SELECT FROM empty_period later
                              WHERE later.close_id = e.close_id AND later.account_id = e.account_id
                                AND (later.at, later.id) > (e.at, e.id)) AS "isPresent"
        FROM empty_period e WHERE ${which} AND e.id > ${after}::uuid ORDER BY e.id LIMIT ${PAGE_WITH_CONTENT}`;
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_WITH_CONTENT) return;
    after = last.id;
  }
}

/**
 * What of periods that came to nothing is not as it was found.
 *
 * @param which a condition on `empty_period e`
 */
export async function alteredEmpties(database: Database | Transaction, which: Prisma.Sql): Promise<Alteration[]> {
  const altered: Alteration[] = [];
  for await (const empty of sealedEmpties(database, which)) {
    const alteration = alterationOfEmpty(empty);
    if (alteration) altered.push(alteration);
  }
  return altered;
}

type Listed = Place & { number: string; sha256: string };

function inOrder(database: Database | Transaction, which: Prisma.Sql): AsyncGenerator<Listed> {
  const columns = Prisma.sql`i.number, i.document_sha256 AS sha256`;
  return pages<Listed>(database, which, columns, PAGE);
}

interface Place {
  readonly kind: string;
  readonly fiscalYear: number;
  readonly sequence: bigint;
}

async function* pages<Row>(
  database: Database | Transaction,
  which: Prisma.Sql,
  columns: Prisma.Sql,
  limit: number,
): AsyncGenerator<Row & Place> {
  let after: Place = { kind: '', fiscalYear: 0, sequence: 0n };
  for (;;) {
    const page = await database.$queryRaw<(Row & Place)[]>`
      SELECT ${columns}, i.kind, i.fiscal_year AS "fiscalYear", i.sequence FROM invoice i
       WHERE ${which}
         AND (i.kind, i.fiscal_year, i.sequence) > (${after.kind}, ${after.fiscalYear}::int, ${after.sequence}::bigint)
       ORDER BY i.kind, i.fiscal_year, i.sequence LIMIT ${limit}`;
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return;
    after = last;
  }
}
