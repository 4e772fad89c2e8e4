import type { MonthBilled } from '#billing';
import { previousMonth } from '#calendar';
import type { Database, Transaction } from '../ground/database.js';
import { readSettings } from '../catalogue/seller-settings.js';

/** What an account was billed for the month before a period. */
export interface MonthBefore extends MonthBilled {
  /** Whether it was closed and came to nothing. */
  readonly empty: boolean;
}

/** Reads the month before `periodLabel` (`YYYY-MM`) of one account. */
export async function monthBefore(
  database: Database | Transaction,
  of: { accountId: string; periodLabel: string },
): Promise<MonthBefore> {
  const label = previousMonth(of.periodLabel);
  const [row] = await database.$queryRaw<(Pick<MonthBefore, 'net' | 'empty'> & { settings: unknown })[]>`
    SELECT s.settings,
           (SELECT sum(net)::text FROM invoice WHERE account_id = a.id AND period_label = ${label}) AS net,
           EXISTS (SELECT FROM close_account c JOIN close ON close.id = c.close_id
                    WHERE c.account_id = a.id AND c.state = 'empty' AND close.period_label = ${label}
                      AND close.kind = 'regular' AND NOT close.dry_run AND close.state <> 'cancelled') AS empty
      FROM account a JOIN seller s ON s.id = a.seller_id WHERE a.id = ${of.accountId}::uuid`;
  return {
    label,
    net: row?.net ?? null,
    empty: row?.empty ?? false,
    driftPercent: readSettings(row?.settings).drift_percent,
  };
}
