import { compareMonths, type MonthOnMonth } from '#billing';
import { previousMonth } from '#calendar';
import type { Database } from '#persistence';
import { loadPeriodDocuments } from '#persistence/documents';
import type { CloseAccountView, CloseWork } from '#persistence/closes';
import type { RatedLine } from '#rating';

/** Compares an account of a regular close with its month before. Null also where nothing is drafted (yet). */
export async function monthOnMonth(
  database: Database,
  { kind, periodLabel }: Pick<CloseWork, 'kind' | 'periodLabel'>,
  { account, state, lines, totals }: Pick<CloseAccountView, 'account' | 'state' | 'lines' | 'totals'>,
): Promise<MonthOnMonth | null> {
  if (kind !== 'regular' || (totals === null && state !== 'empty')) return null;
  const period = previousMonth(periodLabel);
  const { documents } = await loadPeriodDocuments(database, { accountId: account, periodLabel: period });
  return compareMonths({ currency: totals?.currency ?? null, lines: lines as RatedLine[] }, { period, documents });
}
