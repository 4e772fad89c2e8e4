import {
  billableFrom,
  type BillingFacts,
  type BillingTask,
  billingTask,
  controlAccount,
  draftAccount,
  type Drafted,
  eInvoiceHold,
  gstHold,
  type Held,
  notBillable,
  openQuestions,
  orHeld,
  type Plans,
  seriesNeeded,
  strictly,
} from '#billing';
import type { EpochSeconds } from '#calendar';
import type { Database } from '#persistence';
import { prepareUsage, type PreparedUsage } from '#persistence/ledger';
import type { AccountInBatch, CloseWork, SeriesProgress } from '#persistence/closes';
import { connected, type Connectors, pullUsage } from '#usage';
import { type Renderer, unprintableHold } from './issuing.js';
import { evidenceKeeper, keepDoubted, type Kept, keepUsage, notToKeep } from './keep-usage.js';

/** What an account's period comes to, rated in memory. `warnings` hold those of the usage too. */
export interface Rating {
  readonly result: Drafted | Held;
  /** Pulled, believed and not kept yet. */
  readonly usage?: PreparedUsage;
  /** What of the usage is kept already, because it would not fit a batch. */
  readonly kept?: Kept | Held;
  /** What the pull alone said. */
  readonly pullWarnings: Held['warnings'];
}

export interface RatingOptions {
  readonly database: Database;
  readonly connectors: Connectors;
  readonly renderer: Renderer;
  readonly plans: Plans;
  /** Hours after a period's end before it may be billed, for sellers that say nothing. */
  readonly settleHours: number;
}

/** Series from which on the usage of an account is kept by itself, piece by piece, instead of with its batch. */
export const MANY_SERIES = 100;

/**
 * Pulls and rates one account. Keeps nothing but evidence, unless the account has too many series to be kept with others.
 *
 * @param of.now the database's clock
 * @param of.note told how many series are needed, there and kept
 * @param of.tell the same where it is worth a sign of life
 * @param of.planDocument the document of a published plan version by its hash
 */
export async function rateOne(
  options: RatingOptions,
  close: CloseWork,
  inBatch: AccountInBatch,
  of: {
    readonly now: EpochSeconds;
    readonly waived: readonly string[];
    readonly planDocument: (sha256: string) => unknown;
    readonly note: (series: SeriesProgress) => void;
    readonly tell: (series: SeriesProgress) => Promise<void>;
  },
): Promise<Rating> {
  const { database, renderer } = options;
  const stop = (result: Held): Rating => ({ result, pullWarnings: [] });
  const facts = withPlans(inBatch.facts(), of.planDocument);
  const task = orHeld(() => billingTask(facts, close.periodLabel, options.plans, of.waived));
  if ('outcome' in task) return stop(task);
  const { settleHours, keepRaw, zeroInvoices } = facts.seller.operations;
  const early = notBillable(task, of.now, billableFrom(task.period, settleHours, options.settleHours));
  if (early) return stop(early);
  const connection = await connected(options.connectors, inBatch.access);
  if ('outcome' in connection) return stop(connection);
  const needed = seriesNeeded(task);
  // Controls of missing samples are asked for on top of what was needed.
  const progress = (pulled: number, kept: number) => ({ needed: Math.max(needed, pulled), pulled, kept });
  await of.tell(progress(0, 0));
  const pulled = await pullUsage(task, connection, of.now, {
    keepAnswer: close.dryRun ? undefined : evidenceKeeper(database, task),
    keepAll: keepRaw,
    onPulled: (series) => of.note(progress(series, 0)),
  });
  if (pulled.outcome === 'held') return stop(pulled);
  await of.tell(progress(pulled.series.length, 0));
  const kept = close.dryRun
    ? await notToKeep(database, task, pulled)
    : pulled.series.length > MANY_SERIES
      ? await keepUsage(database, task, pulled, (series) => of.note(progress(pulled.series.length, series)))
      : undefined;
  const pullWarnings = pulled.warnings;
  if (kept?.outcome === 'held') return { result: { ...kept, warnings: pullWarnings }, pullWarnings };
  const { traits, dialectSha256 } = connection;
  const open = traits.strict ? [] : openQuestions(traits, task.needs);
  // Thousands of entities take seconds to control, to rate and to look through, during which no timer runs: others must see
  // in between that this worker lives.
  const tellKept = () => of.tell(progress(pulled.series.length, kept ? pulled.series.length : 0));
  await tellKept();
  const controlled = controlAccount(task, pulled, traits);
  await tellKept();
  const result =
    controlled.outcome === 'held'
      ? controlled
      : strictly<Drafted>(
          draftAccount(
            task,
            pulled.series.map(({ series }) => series),
            { dialectSha256, layoutVersion: renderer.layoutVersion, revision: 1, zero: zeroInvoices },
          ),
          task,
          traits,
        );
  // Its answers are evidence of what is not believed of them.
  const isDoubted =
    controlled === result || (result.outcome === 'held' && result.reason.code === 'samples_implausible');
  if (result.outcome === 'held' && isDoubted && !close.dryRun) await keepDoubted(database, task, pulled, result);
  const warnings = [...open, ...(controlled === result ? [] : controlled.warnings), ...result.warnings];
  await tellKept();
  const objection = result.outcome === 'drafted' ? objectionTo(task, renderer, result.draft) : undefined;
  const rating = { result: { ...(objection ?? result), warnings }, pullWarnings, ...(kept && { kept }) };
  if (kept || close.dryRun) return rating;
  return { ...rating, usage: await prepareUsage(usageOf(task), pulled.series) };
}

/** What holds a draft that was rated, before anything is written down of it. */
function objectionTo(
  { facts }: BillingTask,
  renderer: RatingOptions['renderer'],
  draft: Parameters<typeof eInvoiceHold>[0],
): Held | undefined {
  return unprintableHold(renderer, draft) ?? gstHold(facts, draft) ?? eInvoiceHold(draft);
}

function usageOf({ facts, period }: BillingTask): Omit<PreparedUsage, 'rows'> {
  const owned = { start: period.start, end: period.end };
  return { accountId: facts.account.id, periodLabel: period.label, owned };
}

function withPlans(facts: BillingFacts, planDocument: (sha256: string) => unknown): BillingFacts {
  const versions = facts.versions.map((version) => ({ ...version, document: planDocument(version.sha256) }));
  return { ...facts, versions };
}
