import { type ChargeChange, chargeChanges } from '#billing';
import { previousMonth } from '#calendar';
import { type CloseAccountView, type CloseWork, type Database, loadPeriodDocuments } from '#persistence';
import type { RatedLine } from '#rating';

/** An account of a close against what it was billed for the month before. */
export interface MonthOnMonth {
  /** The month before, `YYYY-MM`. */
  period: string;
  /** All that was issued for it, in the order of revisions; what is compared with is their sum. */
  documents: { id: string; number: string }[];
  currency: string;
  charges: ChargeChange[];
}

/**
 * Compares an account of a regular close with its month before, charge by charge. Null where there is nothing to compare:
 * nothing is drafted (yet), the month before has no document, or it was billed in another currency.
 */
export async function monthOnMonth(
  database: Database,
  { kind, periodLabel }: Pick<CloseWork, 'kind' | 'periodLabel'>,
  { account, state, lines, totals }: Pick<CloseAccountView, 'account' | 'state' | 'lines' | 'totals'>,
): Promise<MonthOnMonth | null> {
  if (kind !== 'regular' || (totals === null && state !== 'empty')) return null;
  const period = previousMonth(periodLabel);
  const { documents } = await loadPeriodDocuments(database, { accountId: account, periodLabel: period });
  const [first] = documents;
  if (!first || (totals && totals.currency !== first.currency)) return null;
  const before = documents.flatMap((document) => document.lines);
  return {
    period,
    documents: documents.map(({ id, number }) => ({ id, number })),
    currency: first.currency,
    charges: chargeChanges(lines as RatedLine[], before, first.currency),
  };
}
