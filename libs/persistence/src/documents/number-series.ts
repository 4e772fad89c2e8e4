import { type EpochSeconds, fiscalYear, localDateAt, startOfDay, toStamp } from '#calendar';
import type { DocumentKind } from '#invoicing';
import * as Prisma from '../ground/prisma.js';
import { seriesFailure } from '../ground/database.js';
import { hasInvoiced } from '../ground/issued.js';
import type { Ask } from '../ground/sets.js';

/** What a number is made of. The pure room writes it out. */
export interface NumberTaken {
  readonly fiscalYear: number;
  readonly sequence: number;
  readonly issuedAt: EpochSeconds;
}

/** How a seller numbers its documents. */
export interface Numbering {
  readonly sellerId: string;
  readonly timeZone: string;
  /** Month in which the fiscal year begins, 1–12. */
  readonly fiscalYearStart: number;
  /** The sequence of the seller's first invoice. Every other series, of later years and of notes, begins with 1. */
  readonly numberStart: number;
}

/**
 * Takes the next numbers of a series. The counter row stays locked until the transaction ends, so numbers are given out one
 * transaction after the other, and `issuedAt` is read under that lock and never runs backwards: number order is time order.
 *
 * @param ask on the transaction that issues
 * @returns the first of them
 * @throws PersistenceError `series_locked` when another process kept the row for longer than the session waits for a lock
 */
export async function takeNumbers(
  ask: Ask,
  numbering: Numbering,
  kind: DocumentKind,
  count: number,
): Promise<NumberTaken> {
  const { sellerId, numberStart } = numbering;
  for (;;) {
    const [clock] = await ask<{ now: string }>(Prisma.sql`
      SELECT floor(extract(epoch FROM clock_timestamp()))::bigint::text AS now`);
    const year = fiscalYearAt(Number(clock?.now), numbering);
    const yearEnd = toStamp(fiscalYearEnd(year, numbering));
    // One statement, because everybody else waits meanwhile. PostgreSQL computes what it sets when it has the row's lock.
    // A fiscal year that turned while the lock was waited for gives no number any more: a series never goes back.
    const [taken] = await ask<{ next: string; issuedAt: string }>(Prisma.sql`
      INSERT INTO number_series AS series (seller_id, kind, fiscal_year, next_sequence, last_issued_at)
      SELECT ${sellerId}::uuid, ${kind}, ${year}::int,
             CASE WHEN ${kind} = 'invoice' AND NOT ${hasInvoiced(sellerId)} THEN ${numberStart}::bigint ELSE 1 END
             + ${count}::bigint,
             date_trunc('second', clock_timestamp())
       WHERE clock_timestamp() < ${yearEnd}::timestamptz
      ON CONFLICT (seller_id, kind, fiscal_year) DO UPDATE
        SET next_sequence = series.next_sequence + ${count}::bigint,
            last_issued_at = greatest(series.last_issued_at, date_trunc('second', clock_timestamp()))
        WHERE clock_timestamp() < ${yearEnd}::timestamptz
      RETURNING next_sequence::text AS next, extract(epoch FROM last_issued_at)::bigint::text AS "issuedAt"`).catch(
      (error: unknown) => {
        throw seriesFailure(error);
      },
    );
    if (taken) return { fiscalYear: year, sequence: Number(taken.next) - count, issuedAt: Number(taken.issuedAt) };
  }
}

/** The first instant that no longer belongs to a seller's fiscal year. */
function fiscalYearEnd(year: number, { fiscalYearStart, timeZone }: Numbering): EpochSeconds {
  return startOfDay(`${year + 1}-${String(fiscalYearStart).padStart(2, '0')}-01`, timeZone);
}

function fiscalYearAt(instant: EpochSeconds, numbering: Numbering): number {
  return fiscalYear(localDateAt(instant, numbering.timeZone), numbering.fiscalYearStart);
}
