import {
  billableFrom,
  BillingError,
  type BillingFacts,
  billingTask,
  controlAccount,
  draftAccount,
  type Drafted,
  driftWarning,
  type FailureCode,
  held,
  type Held,
  notBillable,
  type Notice,
  openQuestions,
  orHeld,
  partWarnings,
  Plans,
  seriesNeeded,
  strictly,
  waiverNotices,
  type WarningCode,
} from '#billing';
import { CalendarError, isTimeZone, monthPeriod, toStamp } from '#calendar';
import { billedAnew, type DraftInvoice } from '#invoicing';
import { Decimal, formatAmount } from '#money';
import {
  accountRated,
  accountsOfSeller,
  afterCommit,
  beginAccount,
  bringForward,
  billingInputs,
  cancelClose,
  certifyNotes,
  claimStalledBatches,
  type CloseKind,
  type CloseWork,
  countAttempt,
  type Database,
  databaseNow,
  DocumentAltered,
  documentSha256,
  earlyAccounts,
  type Doing,
  findSellerId,
  isDatabaseAway,
  isRefusal,
  isSeriesLocked,
  type IssueMode,
  issueDraft,
  type IssueOutcome,
  loadBillingFacts,
  loadCloseWork,
  listDrafts,
  loadDocument,
  loadIssued,
  loadPeriodDocuments,
  loadSellerFacts,
  letWait,
  monthBefore,
  moveAccount,
  type NewWaiver,
  noteAlteration,
  openClose,
  releaseDrafts,
  retryAccounts,
  retryEarly,
  saveDraft,
  saveEmpty,
  type SecretKey,
  type SeriesProgress,
  sendDue,
  settleClose,
  SIGN_OF_LIFE_SECONDS,
  type Snapshot,
  stillBilling,
  type StoredDocument,
  uncertifiedCloses,
  type UnfinishedAccount,
  unfinishedAccounts,
  unrenderedInvoices,
  unrenderedOfBatch,
  unsettledCloses,
} from '#persistence';
import { connected, type Connectors, pullUsage, UsageViews } from '#usage';
import { Alone } from './alone.js';
import { certifyClose } from './certify.js';
import { CloseError } from './close-error.js';
import { Corrections } from './corrections.js';
import { eachOf } from './each-of.js';
import { impatient } from './impatient.js';
import { LockedSeries, SeriesLocked } from './locked-series.js';
import { numberingOf, renderOnce, type Renderer, unprintableHold, writeDocument } from './issuing.js';
import { evidenceKeeper, keepDoubted, keepUsage, notToKeep } from './keep-usage.js';
import { codeOf, isRetryable, passes } from './retry-policy.js';
import { waive, type WaiveRefusal } from './waivers.js';

/** How far a worker has come with an account, told with its signs of life. */
interface Signs {
  /** Told with the next sign. */
  note(series: SeriesProgress): void;
  /** Told at once, for an account that takes a while. */
  give(series: SeriesProgress): Promise<void>;
}

/** A part of a close that one job works on. Working on it again is harmless. */
export interface BatchJob {
  readonly closeId: string;
  readonly batch: number;
}

export interface ClosesOptions {
  readonly database: Database;
  readonly connectors: Connectors;
  readonly renderer: Renderer;
  /**
   * Hands batches to the queue. It is not waited for longer than a few seconds, because a queue that is away may not answer
   * at all; a batch that gets lost on the way is found again by `sweep`.
   */
  readonly enqueue: (jobs: readonly BatchJob[]) => Promise<void>;
  /** Opens the key that certificates are signed with. */
  readonly secretKey: SecretKey;
  /** Hours after a period's end before it may be billed, for sellers that say nothing. */
  readonly settleHours: number;
  /** Accounts per job. */
  readonly batchSize?: number;
  /** Accounts of a job that are worked on at the same time. */
  readonly concurrency?: number;
  /**
   * Told as an account passes a step, `issuing` with the number taken and nothing committed. For what counts them, and for
   * tests that end the process there; it must not throw. `code`: why it is held or failed.
   */
  readonly onStep?: (step: CloseStep, of: { closeId: string; accountId: string; code?: string }) => void;
  /** In [0, 1): how long within its bounds a pause before a next try is. Default: by lot. */
  readonly random?: () => number;
  /** `error`: final, for a human. `warn`: tried again by itself. `debug`: one of many such, told together as well. */
  readonly log?: (entry: {
    event: string;
    level: 'debug' | 'warn' | 'error';
    closeId?: string;
    accountId?: string;
    invoiceId?: string;
    code?: string;
    /** Accounts, by the code of what they met. */
    accounts?: Readonly<Record<string, number>>;
    error?: unknown;
  }) => void;
}

/** The steps of one account on its way to an invoice, and where else it may end. */
export type CloseStep =
  'pulled' | 'drafted' | 'issuing' | 'issued' | 'rendered' | 'empty' | 'waiting' | 'held' | 'failed';

/** What `POST /v1/closes` asks for. */
export interface CloseRequest {
  readonly seller: string;
  /** `YYYY-MM`. */
  readonly period: string;
  readonly kind: CloseKind;
  readonly dryRun: boolean;
  readonly issue: IssueMode;
  readonly accounts?: readonly string[] | undefined;
  /** Who asked, for the audit. */
  readonly actor: string;
}

export type CloseRefusal =
  'unknown_seller' | 'malformed_period' | 'unknown_account' | 'period_not_billable' | 'close_differs';

export type CloseOutcome =
  | { readonly outcome: 'opened'; readonly id: string; readonly created: boolean }
  | {
      readonly outcome: 'refused';
      readonly code: CloseRefusal;
      readonly message: string;
      /** With `period_not_billable`: when it will be. */
      readonly billableAt?: string;
      readonly pointer?: string;
    };

// Attempts at one account before an unexpected error is final.
const MAX_ATTEMPTS = 5;
// Workers that fell silent over one account, with nothing else in hand since the first, before it is taken for the cause.
const MAX_LOST = 10;
const ENDS_WORKERS: { reason: Notice<FailureCode> } = {
  reason: {
    code: 'attempts_used_up',
    message:
      `${MAX_LOST} workers ended while they billed this account and left no error; find out from their logs what its usage ` +
      'does to them, then retry it',
  },
};
/** Series from which on it is worth a statement to tell at once how far an account has come. */
const MANY_SERIES = 100;
const SWEEP_IDLE_SECONDS = 60;
/** Who acts when nobody asked, as events name it. */
const SERVICE = 'service';
const LATE_USAGE: Notice<WarningCode> = {
  code: 'late_usage',
  message: 'the period came to nothing when it was closed first; usage that arrived later sent the account back',
};

const BILLED_ANEW: Notice<WarningCode> = {
  code: 'billed_anew',
  message: 'the period was billed before and taken back; what is billed now replaces it',
};
const INPUTS_CHANGED: Held = held(
  'inputs_changed',
  'what the draft was computed from has changed since; retry the account to draft it anew',
);
const ALREADY_BILLED: Held = held('already_billed', 'the period is billed; void its invoice before it is billed anew');

/** The month-end: opens closes, works on their batches, finishes what others left behind. */
export class Closes {
  readonly #database: Database;
  readonly #options: ClosesOptions;
  /** What comes after the invoices. */
  readonly corrections: Corrections;
  /** What is shown of usage and never billed. */
  readonly usage: UsageViews;
  readonly #plans = new Plans(documentSha256);
  readonly #alone = new Alone();
  readonly #lockedSeries = new LockedSeries();
  #draining = false;

  constructor(options: ClosesOptions) {
    this.#database = options.database;
    this.#options = { ...options, enqueue: impatient(options.enqueue) };
    this.corrections = new Corrections({ ...this.#options, plans: this.#plans });
    this.usage = new UsageViews({ ...options, plans: this.#plans });
  }

  /** Opens a close or adds accounts to the one that exists, and sends its batches to the queue. */
  async open(request: CloseRequest): Promise<CloseOutcome> {
    const sellerId = await findSellerId(this.#database, request.seller);
    if (sellerId === undefined) {
      return refused('unknown_seller', `there is no seller ${JSON.stringify(request.seller)}`, '/seller');
    }
    const seller = await loadSellerFacts(this.#database, sellerId);
    const period = periodOf(request.period, seller.timeZone);
    if (period === undefined) return refused('malformed_period', 'period must be a month YYYY-MM', '/period');
    const billableAt = billableFrom(period, seller.operations.settleHours, this.#options.settleHours);
    if ((await databaseNow(this.#database)) < billableAt) {
      const stamp = toStamp(billableAt);
      const message = `${period.label} ends and settles for seller ${seller.code} at ${stamp}; ask again then`;
      return { ...refused('period_not_billable', message, '/period'), billableAt: stamp };
    }
    const accountIds = request.accounts;
    if (accountIds) {
      const known = new Set(await accountsOfSeller(this.#database, sellerId, accountIds));
      const unknown = accountIds.findIndex((id) => !known.has(id));
      if (unknown >= 0) {
        const message = `${accountIds[unknown]} is not an account of seller ${seller.code}`;
        return refused('unknown_account', message, `/accounts/${unknown}`);
      }
    }
    const { kind, dryRun, issue, actor } = request;
    const batchSize = this.#options.batchSize ?? 25;
    const asked = { sellerId, period, kind, dryRun, issue, accountIds, batchSize, actor };
    const opened = await openClose(this.#database, asked);
    if (opened.outcome === 'differs') {
      const message = `close ${opened.id} of this period has ${opened.field} ${opened.is}; ask with that, or cancel it first`;
      return refused('close_differs', message, `/${opened.field}`);
    }
    await this.#enqueue(opened.id, opened.batches);
    if (opened.created && opened.batches.length === 0) await this.#settle(opened.id);
    return { outcome: 'opened', id: opened.id, created: opened.created };
  }

  /**
   * Sends held, failed and waiting accounts back to the start; of those that are named also empty ones, and issued ones whose invoice
   * was voided. Returns how many batches were sent.
   */
  async retry(closeId: string, accountIds?: readonly string[], actor = SERVICE): Promise<number> {
    return this.#enqueue(closeId, await retryAccounts(this.#database, closeId, accountIds, actor));
  }

  /** Releases drafts for issuing. Returns how many batches were sent. */
  async issue(closeId: string, accountIds?: readonly string[], actor = SERVICE): Promise<number> {
    return this.#enqueue(closeId, await releaseDrafts(this.#database, closeId, accountIds, actor));
  }

  /** Lets one hold of one account pass and sends the account back to the start. Returns how many batches were sent. */
  async waive(waiver: NewWaiver): Promise<number | WaiveRefusal> {
    const batches = await waive(this.#database, waiver);
    return isRefusal(batches) ? batches : this.#enqueue(waiver.closeId, batches);
  }

  /** Takes up no further account: a batch in hand goes back to the queue once the accounts in work are done. */
  drain(): void {
    this.#draining = true;
  }

  /** Cancels a close of which nothing is issued. */
  cancel(closeId: string, actor = SERVICE): ReturnType<typeof cancelClose> {
    return cancelClose(this.#database, closeId, actor);
  }

  /**
   * Works on one batch: bills and issues what is not done yet, renders what is issued, ends the close when it is the
   * last. Throws a retryable CloseError when an account met a passing error and has attempts left, and a SeriesLocked when
   * the seller's numbers cannot be taken now.
   */
  async work(job: BatchJob): Promise<void> {
    const close = await loadCloseWork(this.#database, job.closeId);
    if (!close || close.state === 'cancelled') return;
    const accounts = await unfinishedAccounts(this.#database, job.closeId, job.batch);
    /** Codes of what accounts met that are to be tried again. */
    const unfinished: string[] = [];
    let left = 0;
    let locked = false;
    const advance = async (account: UnfinishedAccount) => {
      if (this.#draining) left += 1;
      // Each account of the batch would wait as long, and keep a place in which another seller could be billed.
      else if (isToIssue(close, account) && !this.#lockedSeries.mayTry(close.sellerId)) locked = true;
      else {
        const again = await this.#advance(close, account);
        if (again !== undefined) unfinished.push(again);
      }
    };
    const [suspects, others] = [accounts.filter((each) => each.suspect), accounts.filter((each) => !each.suspect)];
    await eachOf(others, this.#options.concurrency ?? 4, (account) => this.#alone.beside(() => advance(account)));
    // Whoever is billed beside the account that ends the process would be suspected each time that it does.
    for (const account of suspects) await this.#alone.alone(() => advance(account));
    if (left > 0) {
      await this.#options.enqueue([job]);
      return;
    }
    await this.#renderAll(job.closeId, (after, limit) => unrenderedOfBatch(this.#database, job, after, limit));
    if (locked || (unfinished.length > 0 && this.#lockedSeries.isLocked(close.sellerId))) throw new SeriesLocked();
    if (unfinished.length > 0) {
      const accounts: Record<string, number> = {};
      for (const code of unfinished) accounts[code] = (accounts[code] ?? 0) + 1;
      this.#options.log?.({ event: 'accounts_to_retry', level: 'warn', closeId: close.id, accounts });
      throw new CloseError('batch_unfinished', `${unfinished.length} accounts of the batch must be tried again`, true);
    }
    await this.#settle(close.id);
  }

  /** The PDF of an issued invoice: the stored one, or rendered now and stored once. Undefined: no such invoice. */
  async pdf(invoiceId: string): Promise<StoredDocument | undefined> {
    const stored = await loadDocument(this.#database, invoiceId, 'pdf');
    if (stored) return stored;
    const invoice = await loadIssued(this.#database, invoiceId);
    return invoice && renderOnce(this.#database, this.#options.renderer, invoice);
  }

  /** The PDF of a draft: rendered now, with a watermark, and kept nowhere. Undefined: no such draft. */
  async draftPdf(draftId: string): Promise<Uint8Array | undefined> {
    const [draft] = await listDrafts(this.#database, { id: draftId, limit: 1 });
    return draft && (await this.#options.renderer.render(draft)).pdf;
  }

  /**
   * Finds what was left behind: batches whose job is lost, issued invoices without a PDF, closes nobody ended, accounts
   * whose own month had not settled when their close came to them and has now, and accounts whose next try is due.
   */
  async sweep(idleSeconds = SWEEP_IDLE_SECONDS): Promise<void> {
    // What cannot be finished now must not keep the sweep from the rest.
    const failures: unknown[] = [];
    const attempt = (part: Promise<unknown>) =>
      part.catch(async (error: unknown) => {
        failures.push(error);
        await noteAlteration(this.#database, error);
      });
    const stalled = await claimStalledBatches(this.#database, idleSeconds);
    if (stalled.length > 0) await attempt(this.#options.enqueue(stalled));
    await attempt(this.#renderAll('', (after, limit) => unrenderedInvoices(this.#database, idleSeconds, after, limit)));
    for (const closeId of await unsettledCloses(this.#database)) await attempt(this.#settle(closeId));
    for (const closeId of await uncertifiedCloses(this.#database, idleSeconds)) {
      await attempt(certifyNotes(this.#database, closeId, (tx) => certifyClose(tx, closeId, this.#options.secretKey)));
    }
    await attempt(this.#retryEarly());
    await attempt(this.#sendDue());
    if (failures.length > 0) throw failures[0];
  }

  async #sendDue(): Promise<void> {
    await bringForward(this.#database);
    const due = await sendDue(this.#database);
    if (due.length > 0) await this.#options.enqueue(due);
  }

  /** A close opens by its seller's clock; accounts in zones west of it are billable hours later. */
  async #retryEarly(): Promise<void> {
    const now = await databaseNow(this.#database);
    for (const early of await earlyAccounts(this.#database)) {
      // One whose zone was changed to what no calendar knows is held for that when it is tried again.
      if (!isTimeZone(early.timeZone)) continue;
      const period = monthPeriod(early.periodLabel, early.timeZone);
      if (now < billableFrom(period, early.settleHours, this.#options.settleHours)) continue;
      await this.#enqueue(early.closeId, await retryEarly(this.#database, early, SERVICE));
    }
  }

  /** What was asked for is written down by now: it is not undone by a queue that does not take it, only put off. */
  async #enqueue(closeId: string, batches: readonly number[]): Promise<number> {
    if (batches.length > 0) {
      // A worker that were told before the commit would find nothing to do.
      await afterCommit(() =>
        this.#options
          .enqueue(batches.map((batch) => ({ closeId, batch })))
          .catch((error: unknown) =>
            this.#options.log?.({ event: 'batch_not_enqueued', level: 'warn', closeId, code: codeOf(error), error }),
          ),
      );
    }
    return batches.length;
  }

  async #settle(closeId: string): Promise<void> {
    try {
      await settleClose(this.#database, closeId, (tx) => certifyClose(tx, closeId, this.#options.secretKey));
    } catch (error) {
      await noteAlteration(this.#database, error);
      throw error;
    }
  }

  /** Takes one account as far as it goes. Returns the code of what it met when it should be tried again. */
  async #advance(close: CloseWork, account: UnfinishedAccount): Promise<string | undefined> {
    const { accountId, state } = account;
    let doing: Doing | undefined;
    try {
      if (state === 'drafted') {
        doing = { round: account.round, phase: 'issuing' };
      } else {
        const begun = await beginAccount(this.#database, close.id, accountId);
        // Somebody else has billed it meanwhile, and goes on with it.
        if (!begun) return undefined;
        const { round, lost } = begun;
        doing = { round, phase: 'billing' };
        if (lost >= MAX_LOST) {
          await this.#fail(close, accountId, doing, ENDS_WORKERS.reason);
          return undefined;
        }
        await this.#givingSigns(close, accountId, round, (signs) =>
          this.#bill(close, account, { round, phase: 'billing' }, signs),
        );
        doing = { round, phase: 'issuing' };
      }
      if (isToIssue(close, account)) await this.#issue(close, accountId, doing);
      return undefined;
    } catch (error) {
      return this.#failed(close, accountId, doing, error);
    }
  }

  async #bill(
    close: CloseWork,
    { accountId, waived, reopened, billed }: UnfinishedAccount,
    doing: Doing,
    signs: Signs,
  ): Promise<void> {
    if (close.kind === 'correction') {
      const result = await this.corrections.draftForClose(close, accountId, doing);
      if (result) this.#step(result.outcome, close.id, accountId, 'reason' in result ? result.reason.code : undefined);
      return;
    }
    const facts = await loadBillingFacts(this.#database, accountId, close.periodLabel);
    if (!facts) throw new CloseError('unknown_account', 'the account vanished from the database');
    const { periodLabel } = close;
    // A dry run only tells what a period comes to, also one that stands billed.
    const earlier =
      billed && !close.dryRun ? await loadPeriodDocuments(this.#database, { accountId, periodLabel }) : null;
    const result = earlier && !earlier.voided ? ALREADY_BILLED : await this.#draft(close, facts, waived, signs);
    const drift = await this.#drift(close, facts, result);
    const before = [...(earlier ? [BILLED_ANEW] : []), ...(reopened ? [LATE_USAGE] : [])];
    const told = [...before, ...waiverNotices(waived), ...result.warnings, ...(drift ? [drift] : [])];
    const outcome = { doing, ...partWarnings(told) };
    if (result.outcome !== 'held' && !(await accountRated(this.#database, close.id, accountId, doing))) return;
    let moved: boolean;
    if (result.outcome === 'held' && result.passing) {
      await this.#wait(close, accountId, doing, { ...result, warnings: outcome.warnings, otherwise: 'held' });
      return;
    }
    if (result.outcome === 'held') {
      const { outcome: to, reason } = result;
      moved = await moveAccount(this.#database, close.id, accountId, { ...outcome, to, reason });
    } else if (close.dryRun) {
      // A dry run keeps nothing but its report; `drafted` says that a real run would have drafted this.
      const move = result.outcome === 'empty' ? { to: result.outcome } : { to: result.outcome, report: result.draft };
      moved = await moveAccount(this.#database, close.id, accountId, { ...outcome, ...move });
    } else if (result.outcome === 'empty') {
      const inputs = await billingInputs(this.#database, facts, periodLabel, result.snapshots);
      moved = await saveEmpty(this.#database, close.id, accountId, { ...outcome, inputs });
    } else {
      const anew = earlier !== null;
      const inputs = await billingInputs(this.#database, facts, periodLabel, result.snapshots, anew);
      const inputsHash = documentSha256(inputs);
      const draft = earlier ? billedAnew(result.draft, earlier.documents) : result.draft;
      const document: DraftInvoice = { ...draft, inputs_hash: inputsHash };
      moved = await saveDraft(this.#database, close.id, accountId, { ...outcome, inputsHash, document });
    }
    if (moved)
      this.#step(result.outcome, close.id, accountId, result.outcome === 'held' ? result.reason.code : undefined);
  }

  async #draft(
    close: CloseWork,
    facts: BillingFacts,
    waived: readonly string[],
    signs: Signs,
  ): Promise<(Drafted | Held) & { snapshots?: readonly Snapshot[] }> {
    const task = orHeld(() => billingTask(facts, close.periodLabel, this.#plans, waived));
    if ('outcome' in task) return task;
    const now = await databaseNow(this.#database);
    const { settleHours, keepRaw, zeroInvoices } = facts.seller.operations;
    const early = notBillable(task, now, billableFrom(task.period, settleHours, this.#options.settleHours));
    if (early) return early;
    const connection = await connected(this.#options.connectors, facts.account.id);
    if ('outcome' in connection) return connection;
    const keepAnswer = close.dryRun ? undefined : evidenceKeeper(this.#database, task);
    const needed = seriesNeeded(task);
    await signs.give({ needed, pulled: 0, kept: 0 });
    // Controls of missing samples are asked for on top of what was needed.
    const progress = (pulled: number, kept: number) => ({ needed: Math.max(needed, pulled), pulled, kept });
    const pulled = await pullUsage(task, connection, now, {
      keepAnswer,
      keepAll: keepRaw,
      onPulled: (series) => signs.note(progress(series, 0)),
    });
    if (pulled.outcome === 'held') return pulled;
    await signs.give(progress(pulled.series.length, 0));
    const kept = close.dryRun
      ? await notToKeep(this.#database, task, pulled)
      : await keepUsage(this.#database, task, pulled, (series) => signs.note(progress(pulled.series.length, series)));
    if (kept?.outcome === 'held') return { ...kept, warnings: pulled.warnings };
    this.#step('pulled', close.id, facts.account.id);
    const usage = pulled.series.map(({ series }) => series);
    const { dialect, dialectSha256 } = connection;
    const open = dialect.strict ? [] : openQuestions(dialect, task.needs);
    const controlled = controlAccount(task, pulled, dialect);
    if (controlled.outcome === 'held') await keepDoubted(this.#database, task, pulled, controlled);
    const result =
      controlled.outcome === 'held'
        ? controlled
        : strictly<Drafted>(
            draftAccount(task, usage, {
              dialectSha256,
              layoutVersion: this.#options.renderer.layoutVersion,
              revision: 1,
              zero: zeroInvoices,
            }),
            task,
            dialect,
          );
    // Its answers are evidence of what is not believed of them.
    if (result.outcome === 'held' && result.reason.code === 'samples_implausible') {
      await keepDoubted(this.#database, task, pulled, result);
    }
    const warnings = controlled === result ? [] : controlled.warnings;
    const unprintable = result.outcome === 'drafted' && unprintableHold(this.#options.renderer, result.draft);
    return {
      ...(unprintable || result),
      warnings: [...open, ...warnings, ...result.warnings],
      ...(kept && { snapshots: kept.snapshots }),
    };
  }

  async #drift(
    close: CloseWork,
    { account }: BillingFacts,
    result: Drafted | Held,
  ): Promise<Notice<'drift'> | undefined> {
    if (result.outcome === 'held') return undefined;
    const before = await monthBefore(this.#database, { accountId: account.id, periodLabel: close.periodLabel });
    const net = result.outcome === 'drafted' ? result.draft.net : formatAmount(new Decimal(0), account.currency);
    return driftWarning(net, account.currency, before);
  }

  async #issue(close: CloseWork, accountId: string, doing: Doing): Promise<void> {
    const issued =
      close.kind === 'correction'
        ? await this.corrections.issueForClose(close, accountId)
        : await this.#issueBilled(close, accountId);
    if (issued.outcome === 'issued') {
      this.#lockedSeries.freed(close.sellerId);
      this.#step('issued', close.id, accountId);
    }
    if (issued.outcome === 'inputs_changed' || issued.outcome === 'objected') {
      const { reason } = issued.outcome === 'objected' ? issued : INPUTS_CHANGED;
      const moved = await moveAccount(this.#database, close.id, accountId, { to: 'held', doing, reason });
      if (moved) this.#step('held', close.id, accountId, reason.code);
    }
  }

  async #issueBilled(close: CloseWork, accountId: string): Promise<IssueOutcome> {
    const seller = await loadSellerFacts(this.#database, close.sellerId);
    return issueDraft(this.#database, {
      closeId: close.id,
      accountId,
      actor: `close:${close.id}`,
      numbering: numberingOf(seller),
      currentInputs: async (tx, { replaces }) => {
        const current = await loadBillingFacts(tx, accountId, close.periodLabel);
        return current && billingInputs(tx, current, close.periodLabel, [], replaces !== undefined);
      },
      // A draft of an earlier version was not looked at when it was made.
      objection: (_tx, draft) => Promise.resolve(unprintableHold(this.#options.renderer, draft)?.reason),
      write: (draft, id, taken) => {
        this.#step('issuing', close.id, accountId);
        return writeDocument(draft, id, taken, seller);
      },
    });
  }

  /** What passes by itself is waited for and tried again; the sweep sends the account then. */
  async #wait(
    close: CloseWork,
    accountId: string,
    doing: Doing,
    cause: Pick<Held, 'warnings' | 'passing'> & { reason: Notice; otherwise: 'held' | 'failed' },
  ): Promise<void> {
    const { reason, warnings, passing, otherwise } = cause;
    const random = (this.#options.random ?? Math.random)();
    const of = { doing, reason, warnings, otherwise, random, leftAloneSeconds: passing?.leftAloneSeconds };
    const now = await letWait(this.#database, close.id, accountId, of);
    if (now) this.#step(now, close.id, accountId, reason.code);
  }

  /** Records what went wrong with one account. Returns its code when the account should be tried again. */
  async #failed(
    close: CloseWork,
    accountId: string,
    doing: Doing | undefined,
    error: unknown,
  ): Promise<string | undefined> {
    const code = codeOf(error);
    const tell = (event: string, level: 'debug' | 'warn' | 'error') =>
      this.#options.log?.({ event, level, closeId: close.id, accountId, code, error });
    if (isSeriesLocked(error)) {
      this.#lockedSeries.found(close.sellerId);
      tell('series_locked', 'warn');
      return code;
    }
    // Told before anything is written: what went wrong may be the database.
    tell('account_stopped', 'debug');
    await noteAlteration(this.#database, error);
    // It could not even be taken up, which says nothing of the account.
    if (!doing) return code;
    // Neither does a database that is away or read-only, nor a lock that another process keeps: no attempt is used up.
    if (isDatabaseAway(error)) return code;
    const attempts = await countAttempt(this.#database, close.id, accountId, doing);
    if (attempts === undefined) return undefined;
    if (isRetryable(error) && attempts < MAX_ATTEMPTS) return code;
    const isTold = error instanceof CloseError || error instanceof BillingError || error instanceof DocumentAltered;
    const message = isTold ? error.message : `an unexpected error ended the account: ${code}`;
    if (doing.phase === 'billing' && passes(error)) {
      tell('account_waits', 'warn');
      await this.#wait(close, accountId, doing, { reason: { code, message }, warnings: [], otherwise: 'failed' });
    } else {
      tell('account_failed', 'error');
      await this.#fail(close, accountId, doing, { code, message });
    }
    return undefined;
  }

  async #fail(close: CloseWork, accountId: string, doing: Doing, reason: Notice): Promise<void> {
    const moved = await moveAccount(this.#database, close.id, accountId, { to: 'failed', doing, reason });
    if (moved) this.#step('failed', close.id, accountId, reason.code);
  }

  /** Does the work and lets it be known from time to time that it is still being done. */
  async #givingSigns(
    close: CloseWork,
    accountId: string,
    round: number,
    work: (signs: Signs) => Promise<void>,
  ): Promise<void> {
    let series: SeriesProgress | undefined;
    // One that does not get through says nothing; the next may.
    const give = () => stillBilling(this.#database, close.id, accountId, round, series).catch(() => undefined);
    const signs: Signs = {
      note: (now) => {
        series = now;
      },
      give: async (now) => {
        series = now;
        if (now.needed >= MANY_SERIES) await give();
      },
    };
    const timer = setInterval(() => void give(), SIGN_OF_LIFE_SECONDS * 1_000);
    await work(signs).finally(() => clearInterval(timer));
  }

  /** Renders what `find` finds, in the order of ids. Throws the first failure when everything else is done. */
  async #renderAll(
    closeId: string,
    find: (after: string | undefined, limit: number) => Promise<string[]>,
  ): Promise<void> {
    const failures: unknown[] = [];
    let after: string | undefined;
    while (!this.#draining) {
      const missing = await find(after, 50);
      if (missing.length === 0) break;
      await eachOf(missing, this.#options.concurrency ?? 4, async (id) => {
        try {
          const invoice = await loadIssued(this.#database, id);
          if (!invoice) return;
          await renderOnce(this.#database, this.#options.renderer, invoice);
          this.#step('rendered', closeId, invoice.account);
        } catch (error) {
          this.#options.log?.({
            event: 'document_not_rendered',
            level: 'error',
            invoiceId: id,
            code: codeOf(error),
            error,
          });
          await noteAlteration(this.#database, error);
          failures.push(error);
        }
      });
      after = missing.at(-1);
    }
    if (failures.length > 0) throw failures[0];
  }

  #step(step: CloseStep, closeId: string, accountId: string, code?: string): void {
    this.#options.onStep?.(step, { closeId, accountId, ...(code !== undefined && { code }) });
  }
}

function isToIssue({ dryRun, issue }: CloseWork, { released }: UnfinishedAccount): boolean {
  return !dryRun && (issue === 'automatic' || released);
}

function periodOf(label: string, timeZone: string) {
  try {
    return monthPeriod(label, timeZone);
  } catch (error) {
    if (error instanceof CalendarError && error.code === 'malformed_month') return undefined;
    throw error;
  }
}

function refused(code: CloseRefusal, message: string, pointer?: string) {
  return { outcome: 'refused' as const, code, message, ...(pointer !== undefined && { pointer }) };
}
