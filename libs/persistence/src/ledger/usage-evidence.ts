import { type EntityRef, entityKey } from '#metering';
import { v7 as uuid } from 'uuid';
import { type EpochSeconds, toStamp } from '#calendar';
import { type Database, transaction, type Transaction } from '../ground/database.js';
import { DETAIL_KEPT } from '../catalogue/seller-settings.js';
import { deflated } from './deflated.js';

/** An answer of the report API as it came, the key blotted out of it. */
export interface UsageEvidence {
  readonly accountId: string;
  readonly periodLabel: string;
  readonly entity: EntityRef;
  readonly family: 'bytes' | 'time' | 'bandwidth' | 'bandwidth_max';
  readonly outcome: 'complete' | 'gaps' | 'refused' | 'held' | 'stopped';
  /** Why it was not believed; null where it was. */
  readonly code: string | null;
  /** Hash and length of the answer before anything was blotted out. */
  readonly rawSha256: string;
  readonly rawBytes: number;
  /** sha256 of what was asked, without the key. */
  readonly requestSha256: string;
  readonly body: Buffer;
}

/** Keeps an answer; the same answer to the same question is kept once. */
export async function keepEvidence(database: Database, evidence: UsageEvidence): Promise<void> {
  const { accountId, periodLabel, entity, family, outcome, code, rawSha256, rawBytes, requestSha256 } = evidence;
  const body = await deflated(evidence.body);
  await database.$executeRaw`
    INSERT INTO usage_evidence (id, account_id, period_label, entity, family, outcome, code, raw_sha256, raw_bytes, request_sha256,
                                body)
    VALUES (${uuid()}::uuid, ${accountId}::uuid, ${periodLabel}, ${entityKey(entity)}, ${family}, ${outcome}, ${code},
            ${rawSha256}, ${rawBytes}, ${requestSha256}, ${body})
    ON CONFLICT DO NOTHING`;
}

/** Rows deleted at a time, so that no lock is held for long. */
const BATCH = 2_000;

/**
 * Deletes the single values and answers of periods that ended longer ago than their seller keeps them. Snapshots with
 * their hashes and sums stay, and so does everything on a document.
 *
 * @returns how many were deleted
 */
export async function dropExpiredUsageDetail(
  database: Database,
  now: EpochSeconds,
): Promise<{ values: number; answers: number }> {
  const at = toStamp(now);
  const values = await untilNone(
    database,
    (tx) => tx.$executeRaw`
      DELETE FROM usage_values WHERE (month, snapshot_id) IN (
        SELECT v.month, v.snapshot_id
          FROM usage_values v
          JOIN usage_snapshot sn ON sn.month = v.month AND sn.id = v.snapshot_id
          JOIN usage_window w ON w.id = sn.window_id
          JOIN account a ON a.id = w.account_id
          JOIN seller s ON s.id = a.seller_id
         WHERE upper(w.owned) + ${DETAIL_KEPT}
               <= ${at}::timestamptz
         LIMIT ${BATCH})`,
  );
  const answers = await untilNone(
    database,
    (tx) => tx.$executeRaw`
      DELETE FROM usage_evidence WHERE id IN (
        SELECT e.id
          FROM usage_evidence e JOIN account a ON a.id = e.account_id JOIN seller s ON s.id = a.seller_id
         WHERE ((e.period_label || '-01')::date + interval '1 month')::timestamp AT TIME ZONE a.time_zone
               + ${DETAIL_KEPT}
               <= ${at}::timestamptz
         LIMIT ${BATCH})`,
  );
  return { values, answers };
}

/** Batch by batch; while another process is at it, this one leaves it to that. */
async function untilNone(database: Database, deleteSome: (tx: Transaction) => Promise<number>): Promise<number> {
  let deleted = 0;
  for (;;) {
    const count = await transaction(database, async (tx) => {
      const [mine] = await tx.$queryRaw<{ locked: boolean }[]>`
        SELECT pg_try_advisory_xact_lock(hashtextextended('drop_expired_usage_detail', 0)) AS locked`;
      return mine?.locked ? deleteSome(tx) : 0;
    });
    deleted += count;
    if (count < BATCH) return deleted;
  }
}
