import type { CertificateFacts, WindowFingerprint } from '#proof';
import * as Prisma from '../ground/prisma.js';
import type { Transaction } from '../ground/database.js';

/** Windows that are summed up by one statement. */
const WINDOWS_AT_ONCE = 5_000;

interface BilledWindow extends Pick<WindowFingerprint, 'entity' | 'metric' | 'revision'> {
  readonly account_id: string;
}

/** What some windows of one metric come to. Null: fetched figures of one of them were not recorded. */
interface Part {
  readonly metric: string;
  readonly windows: number;
  readonly received: string;
  readonly total: string;
  readonly fetched_buckets: string | null;
  readonly fetched_total: string | null;
  readonly margin_buckets: string | null;
  readonly margin_total: string | null;
  readonly conserved: boolean | null;
}

const SUMS = Prisma.sql`
  sum(received)::text AS received, trim_scale(sum(total))::text AS total,
  CASE WHEN bool_and(conserved IS NOT NULL) THEN sum(fetched_buckets)::text END AS fetched_buckets,
  CASE WHEN bool_and(conserved IS NOT NULL) THEN trim_scale(sum(fetched_total))::text END AS fetched_total,
  CASE WHEN bool_and(conserved IS NOT NULL) THEN sum(margin_buckets)::text END AS margin_buckets,
  CASE WHEN bool_and(conserved IS NOT NULL) THEN trim_scale(sum(margin_total))::text END AS margin_total,
  CASE WHEN bool_and(conserved IS NOT NULL) THEN bool_and(conserved) END AS conserved`;

/**
 * Sums up the usage that documents were rated with, metric by metric. It is told of their inputs as these are read to be held
 * against their hashes, so that nothing is summed that was not checked, and what an account was rated with is read once.
 */
export class CertifiedUsage {
  readonly #tx: Transaction;
  readonly #month: string;
  #windows: BilledWindow[] = [];
  readonly #parts: Part[] = [];

  /** @param month the first day of the period's month */
  constructor(tx: Transaction, month: string) {
    this.#tx = tx;
    this.#month = month;
  }

  async add(accountId: string, usage: readonly WindowFingerprint[]): Promise<void> {
    for (const { entity, metric, revision } of usage) {
      this.#windows.push({ account_id: accountId, entity, metric, revision });
      if (this.#windows.length === WINDOWS_AT_ONCE) await this.#sumUp();
    }
  }

  async total(): Promise<CertificateFacts['usage']> {
    await this.#sumUp();
    return this.#tx.$queryRaw`
      SELECT metric, windows, jsonb_build_object('buckets', received, 'total', total) AS owned,
             CASE WHEN conserved IS NOT NULL
                  THEN jsonb_build_object('buckets', fetched_buckets, 'total', fetched_total) END AS fetched,
             CASE WHEN conserved IS NOT NULL
                  THEN jsonb_build_object('buckets', margin_buckets, 'total', margin_total) END AS margin,
             conserved
        FROM (SELECT metric, sum(windows)::int AS windows, ${SUMS}
                FROM jsonb_to_recordset(${JSON.stringify(this.#parts)}::jsonb) AS part (
                       metric text, windows int, received numeric, total numeric, fetched_buckets numeric,
                       fetched_total numeric, margin_buckets numeric, margin_total numeric, conserved boolean)
               GROUP BY metric) AS sums
       ORDER BY metric`;
  }

  async #sumUp(): Promise<void> {
    if (this.#windows.length === 0) return;
    const billed = JSON.stringify(this.#windows);
    this.#windows = [];
    const parts = await this.#tx.$queryRaw<Part[]>`
      SELECT u.metric, count(*)::int AS windows, ${SUMS}
        FROM jsonb_to_recordset(${billed}::jsonb) AS billed (account_id uuid, entity text, metric text, revision int)
        JOIN usage_revision_conservation u USING (account_id, entity, metric, revision)
       WHERE u.month = ${this.#month}::date
       GROUP BY u.metric`;
    this.#parts.push(...parts);
  }
}
