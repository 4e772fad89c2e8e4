import { type BillingTask, held, type Held } from '#billing';
import { entityKey } from '#metering';
import { type Database, session } from '#persistence';
import {
  keepEvidence,
  keepFirstUsage,
  ownedByAnotherPeriod,
  type PreparedUsage,
  savePrepared,
  saveSnapshots,
  type Snapshot,
  unconservedAccounts,
} from '#persistence/ledger';
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
  const windows = series.map((pulled) => ({ entity: entityKey(pulled.series.entity), metric: pulled.series.metric }));
  const other = await ownedByAnotherPeriod(database, { accountId: facts.account.id, owned, windows });
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
  const leak = (await unconservedAccounts(session(database).rows, [of.accountId], of.periodLabel)).get(of.accountId);
  return leak ? notConserved(leak) : { outcome: 'kept', snapshots: saved.snapshots };
}

function notConserved({ dimension, metric, revision }: { dimension: string; metric: string; revision: number }): Held {
  const message =
    `what the period owns of ${metric} (${dimension}, revision ${revision}) is not what was fetched without its margin; ` +
    'GET /v1/accounts/{id}/usage/conservation shows where';
  return held('usage_not_conserved', message);
}

/**
 * The same for the accounts of one batch and month, in one statement where a month is pulled for the first time.
 *
 * @returns by account
 */
export async function keepBatch(
  database: Database,
  accounts: readonly PreparedUsage[],
): Promise<Map<string, Kept | Held>> {
  const kept = new Map<string, Kept | Held>();
  const [first] = accounts;
  if (!first) return kept;
  const pulled = accounts.filter(({ rows }) => rows.length > 0);
  const atOnce = await keepFirstUsage(database, pulled);
  for (const usage of accounts) {
    const { accountId } = usage;
    const snapshots = usage.rows.length === 0 ? [] : atOnce.get(accountId);
    if (snapshots) {
      kept.set(accountId, { outcome: 'kept', snapshots });
      continue;
    }
    const saved = await savePrepared(database, usage);
    const isOurs = saved.outcome === 'saved';
    kept.set(accountId, isOurs ? { outcome: 'kept', snapshots: saved.snapshots } : notOurs(saved.metric));
  }
  if (pulled.length === 0) return kept;
  const leaks = await unconservedAccounts(
    session(database).rows,
    pulled.map(({ accountId }) => accountId),
    first.periodLabel,
  );
  for (const [accountId, leak] of leaks) {
    if (kept.get(accountId)?.outcome === 'kept') kept.set(accountId, notConserved(leak));
  }
  return kept;
}
