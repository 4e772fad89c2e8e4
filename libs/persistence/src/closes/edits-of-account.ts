import * as Prisma from '../ground/prisma.js';
import { stamp } from '../ground/database.js';

/** A row `e` of draft_edit as a term that a draft is computed from. */
export const EDIT = Prisma.sql`
  e.edit || jsonb_build_object('id', e.id, 'by', e.made_by, 'at', ${stamp('e.made_at')})`;

/** What operators did to the draft of an account `a` in a close and did not withdraw, as JSON; null for nothing. */
export function editsOfAccount(closeId: string): Prisma.Sql {
  return Prisma.sql`
    (SELECT jsonb_agg(${EDIT} ORDER BY e.id) FROM draft_edit e
      WHERE e.close_id = ${closeId}::uuid AND e.account_id = a.id AND e.withdrawn_at IS NULL)`;
}
