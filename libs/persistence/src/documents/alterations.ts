import { v7 as uuid } from 'uuid';
import { recordAudit } from '../ground/audit.js';
import { type Database, transaction, type Transaction } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import { warnClose } from './notice.js';
import { type Alteration, DocumentAltered } from './sealed-documents.js';

/** Records what an error says was altered, when that is what it says. For callers that catch what a read threw. */
export async function noteAlteration(database: Database, error: unknown): Promise<void> {
  if (error instanceof DocumentAltered) {
    await transaction(database, (tx) => recordAlteration(tx, error.alteration, 'read'));
  }
}

/**
 * Writes down that something is not as it was stored: once while it is so, with an audit event, and as a warning on the
 * close that bills its period. What is written down here is what metrics count.
 */
export async function recordAlteration(tx: Transaction, of: Alteration, foundBy: 'read' | 'check'): Promise<void> {
  const { subject, part, name } = of;
  const place = await placeOf(tx, subject);
  if (!place) return;
  const { sellerId, closeId } = place;
  const written = await tx.$executeRaw`
    INSERT INTO document_alteration (id, seller_id, subject, part, name, found_by)
    VALUES (${uuid()}::uuid, ${sellerId}::uuid, ${subject}, ${part}, ${name}, ${foundBy})
    ON CONFLICT (subject, part) WHERE mended_at IS NULL DO NOTHING`;
  if (written === 0) return;
  const data = { part, name, found_by: foundBy };
  await recordAudit(tx, { sellerId, actor: 'service', action: 'document.altered', subject, data });
  if (closeId !== null) {
    await warnClose(tx, closeId, [{ code: 'document_altered', message: new DocumentAltered(of).message }]);
  }
}

/** Whose it is, and the close that bills its period; undefined when what was altered is gone. */
async function placeOf(
  tx: Transaction,
  subject: Alteration['subject'],
): Promise<{ sellerId: string; closeId: string | null } | undefined> {
  const [kind, id = ''] = subject.split(':');
  const regular = (row: Prisma.Sql) => Prisma.sql`
    (SELECT c.id FROM close c
      WHERE c.seller_id = ${row}.seller_id AND c.period_label = ${row}.period_label AND c.kind = 'regular' AND NOT c.dry_run
        AND c.state <> 'cancelled')`;
  const [place] = await tx.$queryRaw<{ sellerId: string; closeId: string | null }[]>`
    SELECT i.seller_id AS "sellerId", coalesce(i.close_id, ${regular(Prisma.raw('i'))}) AS "closeId"
      FROM invoice i WHERE ${kind} = 'invoice' AND i.id = ${id}::uuid
    UNION ALL
    SELECT k.seller_id, ${regular(Prisma.raw('k'))} FROM correction k WHERE ${kind} = 'correction' AND k.id = ${id}::uuid
    UNION ALL
    SELECT c.seller_id, c.id FROM draft_invoice d JOIN close c ON c.id = d.close_id
     WHERE ${kind} = 'draft' AND d.id = ${id}::uuid
    UNION ALL
    SELECT c.seller_id, c.id FROM empty_period e JOIN close c ON c.id = e.close_id
     WHERE ${kind} = 'empty_period' AND e.id = ${id}::uuid
    UNION ALL
    SELECT seller_id, id FROM close WHERE ${kind} = 'close' AND id = ${id}::uuid`;
  return place;
}
