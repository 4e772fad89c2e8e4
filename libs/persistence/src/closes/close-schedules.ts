import { type EpochSeconds, fromStamp } from '#calendar';
import { recordAudit } from '../ground/audit.js';
import { findSellerId } from '../catalogue/seller-facts.js';
import { databaseNow } from '../ground/clock.js';
import type { IssueMode } from './close-work.js';
import { type Database, stamp, transaction, type Transaction } from '../ground/database.js';
import { refusal, type Refusal } from '../ground/refusal.js';

/** When a seller's months are closed without anybody asking: the month before, on a day of each month. */
export interface ScheduleTiming {
  /** 1–31; a day that a month does not have is its last day. */
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly timeZone: string;
}

export interface CloseSchedule extends ScheduleTiming {
  readonly sellerId: string;
  /** Code. */
  readonly seller: string;
  readonly issue: IssueMode;
  /** What was due before this instant is not made up for. */
  readonly effectiveFrom: EpochSeconds;
  /** The last month that the schedule has opened; null: none yet. */
  readonly lastRun: { readonly period: string; readonly close: string | null; readonly at: EpochSeconds } | null;
}

/** All schedules, or that of one seller, by the seller's code. */
export async function listCloseSchedules(database: Database | Transaction, seller?: string): Promise<CloseSchedule[]> {
  const rows = await database.$queryRaw<ScheduleRow[]>`
    SELECT k.seller_id AS "sellerId", s.code AS seller, k.day, k.hour, k.minute, k.time_zone AS "timeZone", k.issue,
           ${stamp("date_trunc('second', k.effective_from)")} AS "effectiveFrom", k.last_period AS period,
           k.last_close_id AS close, ${stamp('k.last_opened_at')} AS at
      FROM close_schedule k JOIN seller s ON s.id = k.seller_id
     WHERE ${seller ?? null}::text IS NULL OR s.code = ${seller ?? null} ORDER BY s.code`;
  return rows.map(({ period, close, at, effectiveFrom, ...schedule }) => ({
    ...schedule,
    effectiveFrom: fromStamp(effectiveFrom),
    lastRun: period === null || at === null ? null : { period, close, at: fromStamp(at) },
  }));
}

interface ScheduleRow extends ScheduleTiming {
  sellerId: string;
  seller: string;
  issue: IssueMode;
  effectiveFrom: string;
  period: string | null;
  close: string | null;
  at: string | null;
}

/**
 * Sets a seller's schedule; it holds from now on. A month that the schedule before was due for and that still waits to be
 * billable is not forgotten: then the new one holds from when the old one did.
 *
 * @param isWaiting whether a schedule as it stands is due for a month
 */
export async function setCloseSchedule(
  database: Database,
  actor: string,
  seller: string,
  schedule: ScheduleTiming & { issue: IssueMode },
  isWaiting: (before: CloseSchedule, now: EpochSeconds) => boolean,
): Promise<Refusal<'seller_not_found'> | undefined> {
  const { day, hour, minute, timeZone, issue } = schedule;
  return transaction(database, async (tx) => {
    const sellerId = await findSellerId(tx, seller);
    if (sellerId === undefined) return sellerNotFound(seller);
    await tx.$queryRaw`SELECT 1 FROM close_schedule WHERE seller_id = ${sellerId}::uuid FOR UPDATE`;
    const [before] = await listCloseSchedules(tx, seller);
    const keepsFrom = before !== undefined && isWaiting(before, await databaseNow(tx));
    await tx.$executeRaw`
      INSERT INTO close_schedule (seller_id, day, hour, minute, time_zone, issue, actor)
      VALUES (${sellerId}::uuid, ${day}, ${hour}, ${minute}, ${timeZone}, ${issue}, ${actor})
      ON CONFLICT (seller_id) DO UPDATE
        SET day = excluded.day, hour = excluded.hour, minute = excluded.minute, time_zone = excluded.time_zone,
            issue = excluded.issue, actor = excluded.actor,
            effective_from = CASE WHEN ${keepsFrom} THEN close_schedule.effective_from ELSE excluded.effective_from END`;
    const data = { day, hour, minute, time_zone: timeZone, issue };
    await recordAudit(tx, { sellerId, actor, action: 'close_schedule.set', subject: `seller:${sellerId}`, data });
    return undefined;
  });
}

/** Takes a seller's schedule away. Answers whether there was one. */
export async function deleteCloseSchedule(
  database: Database,
  actor: string,
  seller: string,
): Promise<boolean | Refusal<'seller_not_found'>> {
  return transaction(database, async (tx) => {
    const sellerId = await findSellerId(tx, seller);
    if (sellerId === undefined) return sellerNotFound(seller);
    const deleted = await tx.$executeRaw`DELETE FROM close_schedule WHERE seller_id = ${sellerId}::uuid`;
    if (deleted === 0) return false;
    await recordAudit(tx, { sellerId, actor, action: 'close_schedule.deleted', subject: `seller:${sellerId}` });
    return true;
  });
}

/** Notes that a schedule has done its work for a month, so that no worker does it again. */
export async function markScheduleRun(
  database: Database,
  run: { sellerId: string; period: string; closeId: string | null },
): Promise<void> {
  await database.$executeRaw`
    UPDATE close_schedule
       SET last_period = ${run.period}, last_close_id = ${run.closeId}::uuid, last_opened_at = clock_timestamp()
     WHERE seller_id = ${run.sellerId}::uuid AND (last_period IS NULL OR last_period < ${run.period})`;
}

function sellerNotFound(code: string): Refusal<'seller_not_found'> {
  return refusal('seller_not_found', `there is no seller with the code ${JSON.stringify(code)}`);
}
