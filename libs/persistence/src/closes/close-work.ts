import type { CloseState } from '#billing';
import type { Database, Transaction } from '../ground/database.js';

export type CloseKind = 'regular' | 'correction';

export type IssueMode = 'after_review' | 'automatic';

/** What a worker needs to know of a close. */
export interface CloseWork {
  readonly id: string;
  readonly sellerId: string;
  readonly periodLabel: string;
  readonly kind: CloseKind;
  readonly dryRun: boolean;
  readonly issue: IssueMode;
  readonly state: CloseState;
}

/** Undefined when there is no such close. */
export async function loadCloseWork(database: Database | Transaction, closeId: string): Promise<CloseWork | undefined> {
  const [close] = await database.$queryRaw<CloseWork[]>`
    SELECT id, seller_id AS "sellerId", period_label AS "periodLabel", kind, dry_run AS "dryRun", issue, state
      FROM close WHERE id = ${closeId}::uuid`;
  return close;
}
