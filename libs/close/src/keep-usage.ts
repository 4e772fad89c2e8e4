import { type BillingTask, held, type Held } from '#billing';
import {
  type Database,
  keepEvidence,
  ownedByAnotherPeriod,
  saveSnapshots,
  type Snapshot,
  unconservedWindows,
} from '#persistence';
import type { KeepAnswer, Pulled } from '#usage';

/** Keeps answers of an account's pull as evidence. */
export function evidenceKeeper(database: Database, { facts, period }: BillingTask): KeepAnswer {
  return (answer) => keepEvidence(database, { ...answer, accountId: facts.account.id, periodLabel: period.label });
}

/** Keeps the answers of an account that is held by what they say together: each of them was believable. */
export async function keepDoubted(
  database: Database,
  task: BillingTask,
  { answers }: Pulled,
  { reason }: Held,
): Promise<void> {
  const keep = evidenceKeeper(database, task);
  for (const answer of answers) await keep({ ...answer, outcome: 'held', code: reason.code });
}

/** The snapshots of what a period owns, which may be billed. */
export interface Kept {
  readonly outcome: 'kept';
  readonly snapshots: readonly Snapshot[];
}

/** Why `keepUsage` would hold an account because of other periods, asked without keeping anything: for a dry run. */
export async function notToKeep(
  database: Database,
  { facts, period }: BillingTask,
  { series }: Pulled,
): Promise<Held | undefined> {
  const owned = { start: period.start, end: period.end };
  const other = await ownedByAnotherPeriod(database, { accountId: facts.account.id, owned, pulled: series });
  return other && notOurs(other.metric);
}

function notOurs(metric: string): Held {
  return held('usage_owned_by_another_period', `another period already owns part of this month's ${metric}`);
}

/**
 * Keeps what was pulled as what the period owns, and proves that nothing was lost or counted twice on the way.
 *
 * @param onKept told how many series are kept, from time to time
 */
export async function keepUsage(
  database: Database,
  { facts, period }: BillingTask,
  { series }: Pulled,
  onKept?: (kept: number) => void,
): Promise<Kept | Held> {
  const of = { accountId: facts.account.id, periodLabel: period.label };
  const owned = { start: period.start, end: period.end };
  const saved = await saveSnapshots(database, { ...of, owned, pulled: series }, onKept);
  if (saved.outcome === 'owned_by_another_period') return notOurs(saved.metric);
  const [leak] = await unconservedWindows(database, of);
  if (!leak) return { outcome: 'kept', snapshots: saved.snapshots };
  const { dimension, metric, revision } = leak;
  const message =
    `what the period owns of ${metric} (${dimension}, revision ${revision}) is not what was fetched without its margin; ` +
    'GET /v1/accounts/{id}/usage/conservation shows where';
  return held('usage_not_conserved', message);
}
