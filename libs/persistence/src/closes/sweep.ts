import type { CloseState } from '#billing';
import * as Prisma from '../ground/prisma.js';
import { type Database, PersistenceError, type Transaction, transaction } from '../ground/database.js';
import { moveOfCloses } from './account-states.js';
import { figuresOf } from './close-views.js';
import type { IssueMode } from './close-work.js';

/**
 * Ends a close that has nothing left to do: `finished` when every account is issued, empty, held or failed; `review` when
 * drafts wait for an operator. One with accounts that wait for their next try runs on. Every worker calls it after a batch; the
 * row lock lets one of them end the close.
 *
 * @param certify writes down how a real close finished, in the transaction that finishes it
 */
export async function settleClose(
  database: Database,
  closeId: string,
  certify: (tx: Transaction) => Promise<void>,
): Promise<CloseState> {
  return transaction(database, async (tx) => {
    const [close] = await tx.$queryRaw<{ state: CloseState; issue: IssueMode; dryRun: boolean }[]>`
      SELECT state, issue, dry_run AS "dryRun" FROM close WHERE id = ${closeId}::uuid FOR UPDATE`;
    if (!close) throw new PersistenceError('unknown_close', 'there is no such close', false);
    if (close.state === 'cancelled') return close.state;
    const [open] = await tx.$queryRaw<{ working: boolean; drafted: boolean }[]>`
      SELECT EXISTS (SELECT FROM close_account WHERE close_id = ${closeId}::uuid
                        AND (state IN ('pending', 'pulling', 'rated', 'waiting')
                             OR (state = 'drafted' AND NOT ${close.dryRun} AND (released OR ${close.issue} = 'automatic')))) AS working,
             EXISTS (SELECT FROM close_account WHERE close_id = ${closeId}::uuid AND state = 'drafted') AS drafted`;
    // What a dry run drafted stays drafted: it is never issued.
    const next = open?.working ? 'running' : open?.drafted && !close.dryRun ? 'review' : 'finished';
    if (next !== close.state) {
      const move = ({ running: 'work', review: 'review', finished: 'finish' } as const)[next];
      await tx.$executeRaw(moveOfCloses(move, Prisma.sql`c.id = ${closeId}::uuid`));
      if (next === 'finished') {
        const figures = await figuresOf(tx, { id: closeId, state: next, issue: close.issue, dry_run: close.dryRun });
        await tx.$executeRaw`UPDATE close SET summary = ${JSON.stringify(figures)}::jsonb WHERE id = ${closeId}::uuid`;
        if (!close.dryRun) await certify(tx);
      }
    }
    return next;
  });
}

/**
 * Batches whose job was lost or whose worker died: begun, and nothing has moved on them for a while; or waiting for a
 * worker, and nothing has moved in their whole close, because while it does they are most likely only not the next. A worker
 * that is told of a batch has claimed it: no other is told of it for as long again. Working on one twice would be harmless.
 */
export async function claimStalledBatches(
  database: Database,
  idleSeconds: number,
): Promise<{ closeId: string; batch: number }[]> {
  await wakeCloses(database);
  const rows = await database.$queryRaw<{ closeId: string; batch: number }[]>`
    WITH stalled AS (
      SELECT close_id, batch
        FROM (SELECT a.close_id, a.batch, max(a.updated_at) AS moved_at,
                     max(max(a.updated_at)) OVER (PARTITION BY a.close_id) AS close_moved_at,
                     bool_or(a.state = 'pending' OR (a.state = 'drafted' AND a.released AND NOT c.dry_run)) AS waiting,
                     bool_or(a.state IN ('pulling', 'rated')
                             OR (a.state = 'drafted' AND c.issue = 'automatic' AND NOT c.dry_run)) AS begun
                FROM close_account a JOIN close c ON c.id = a.close_id
               WHERE c.state = 'running'
               GROUP BY a.close_id, a.batch) AS batches
       WHERE CASE WHEN begun THEN moved_at WHEN waiting THEN close_moved_at END
             < clock_timestamp() - make_interval(secs => ${idleSeconds})
       ORDER BY close_id, batch LIMIT 1000
    )
    UPDATE close_account a SET updated_at = clock_timestamp()
      FROM stalled s
     WHERE a.close_id = s.close_id AND a.batch = s.batch
       AND a.updated_at < clock_timestamp() - make_interval(secs => ${idleSeconds})
    RETURNING a.close_id AS "closeId", a.batch`;
  const batches = new Map(rows.map((row) => [`${row.closeId} ${row.batch}`, row]));
  return [...batches.values()];
}

/** Sets going again a close that ended with work in it: no path does that on purpose, and a fault is not to hide accounts. */
async function wakeCloses(database: Database): Promise<void> {
  const unfinished = Prisma.sql`EXISTS (
    SELECT FROM close_account a
     WHERE a.close_id = c.id
       AND (a.state IN ('pending', 'pulling', 'rated', 'waiting') OR (a.state = 'drafted' AND a.released)))`;
  await database.$executeRaw(moveOfCloses('work', unfinished));
}

/**
 * Running closes in which no account is left to work on: the worker that should have ended them died. One whose row is locked
 * is being ended: the certificate of a large close takes minutes.
 */
export async function unsettledCloses(database: Database): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT c.id FROM close c
     WHERE c.state = 'running'
       AND NOT EXISTS (SELECT FROM close_account a
                        WHERE a.close_id = c.id AND a.state IN ('pending', 'pulling', 'rated', 'waiting'))
       FOR UPDATE OF c SKIP LOCKED`;
  return rows.map((row) => row.id);
}
