import {
  BillingError,
  type Drafted,
  driftWarning,
  eInvoiceHold,
  held,
  type Held,
  type Notice,
  partWarnings,
  type FailureCode,
  type Plans,
  waiverNotices,
  type WarningCode,
} from '#billing';
import { rebilled, type DraftInvoice } from '#invoicing';
import { Decimal, formatAmount } from '#money';
import { type Database, documentSha256, isDatabaseAway, isSeriesLocked, session, type Session } from '#persistence';
import type { Snapshot } from '#persistence/ledger';
import {
  type BillingInputs,
  DocumentAltered,
  documentFingerprintsIn,
  inputsOf,
  loadIssued,
  loadPeriodDocuments,
  type NewFile,
  noteAlteration,
  type PeriodDocuments,
  unalteredDraft,
  unrenderedOfBatch,
} from '#persistence/documents';
import {
  type AccountOutcome,
  type BatchFacts,
  type Claim,
  type CloseWork,
  countAttempt,
  type Doing,
  giveBack,
  issueBatch,
  type IssuedBatch,
  type InRound,
  letWait,
  loadBatch,
  loadBatchFacts,
  loadCloseWork,
  loadDrafts,
  loadPlans,
  markRated,
  moveToOutcome,
  type NewDraft,
  saveDrafts,
  saveEmpties,
  isDone,
  storeDocuments,
  takeUp,
  type ToIssue,
  type UnfinishedAccount,
} from '#persistence/closes';
import { v7 as uuid } from 'uuid';
import { ReadWriteLock } from './read-write-lock.js';
import { CloseError } from './close-error.js';
import type { Corrections } from './corrections.js';
import { eachOf } from './each-of.js';
import { InHand } from './in-hand.js';
import { numberingOf, type PagesDrawn, renderOnce, unprintableHold, wantedFile, writeDocument } from './issuing.js';
import { keepBatch, type Kept } from './keep-usage.js';
import { LockedSeries, SeriesLocked } from './locked-series.js';
import { rateOne, type Rating, type RatingOptions } from './rating.js';
import { codeOf, isRetryable, passes } from './retry-policy.js';

/** A part of a close that one job works on. Working on it again is harmless. */
export interface BatchJob {
  readonly closeId: string;
  readonly batch: number;
}

/** The steps of one account on its way to an invoice, and where else it may end. */
export type CloseStep =
  'pulled' | 'rated' | 'drafted' | 'issuing' | 'issued' | 'rendered' | 'empty' | 'waiting' | 'held' | 'failed';

/** `error`: final, for a human. `warn`: tried again by itself. `debug`: one of many such, told together as well. */
export interface CloseLogEntry {
  event: string;
  level: 'debug' | 'warn' | 'error';
  closeId?: string;
  accountId?: string;
  invoiceId?: string;
  code?: string;
  /** Of a large document while it is drawn. */
  pages?: PagesDrawn;
  /** Accounts, by the code of what they met. */
  accounts?: Readonly<Record<string, number>>;
  error?: unknown;
}

export interface BatchesOptions extends RatingOptions {
  readonly corrections: Corrections;
  readonly plans: Plans;
  /** Accounts of a batch that are pulled, and documents that are drawn, at the same time. */
  readonly concurrency?: number;
  /** How often a worker looks whether the close that it works on was cancelled. */
  readonly lookout_ms?: number;
  /** Hands a batch back to the queue. */
  readonly enqueue: (jobs: readonly BatchJob[]) => Promise<void>;
  /** Ends a close of which nothing is left to do. */
  readonly settle: (closeId: string) => Promise<void>;
  /**
   * Told as an account passes a step, `issuing` with the number taken and nothing committed. For what counts them, and for
   * tests that end the process there; it must not throw. `code`: why it is held or failed.
   */
  readonly onStep?: (step: CloseStep, of: { closeId: string; accountId: string; code?: string }) => void;
  /** In [0, 1): how long within its bounds a pause before a next try is. Default: by lot. */
  readonly random?: () => number;
  readonly log?: (entry: CloseLogEntry) => void;
}

/** Attempts at one account before an unexpected error is final. */
const MAX_ATTEMPTS = 5;
/** Workers that fell silent over one account, the last of them with nothing else in hand, before it is taken for the cause. */
const MAX_LOST = 10;
const ENDS_WORKERS: Notice<FailureCode> = {
  code: 'attempts_used_up',
  message:
    `${MAX_LOST} workers ended while they billed this account and left no error; find out from their logs what its usage ` +
    'does to them, then retry it',
};
const LATE_USAGE: Notice<WarningCode> = {
  code: 'late_usage',
  message: 'the period came to nothing when it was closed first; usage that arrived later sent the account back',
};
const REBILLED: Notice<WarningCode> = {
  code: 'billed_anew',
  message: 'the period was billed before and taken back; what is billed now replaces it',
};
const INPUTS_CHANGED: Held = held(
  'inputs_changed',
  'what the draft was computed from has changed since; retry the account to draft it anew',
);
const ALREADY_BILLED: Held = held('already_billed', 'the period is billed; void its invoice before it is billed anew');

/** An account of a set on its way: what its period came to, and nothing of it written down yet. */
interface Billed extends Rating {
  readonly account: UnfinishedAccount;
  readonly claim: Claim;
  /** What was issued for the period before and taken back. */
  readonly earlier: PeriodDocuments | undefined;
}

/**
 * Works on the batches of closes. A batch is worked on as a set, from top to bottom: claim, facts, pull, keep, rate, draft,
 * issue, render; each step is one statement or one transaction for all accounts of the set. What one account meets stops
 * none of the others. Whatever dies in between is done again by the next worker: an account is issued by the one transaction
 * that finds it as this worker left it.
 */
export class Batches {
  readonly #database: Database;
  readonly #options: BatchesOptions;
  readonly #lock = new ReadWriteLock();
  readonly #lockedSeries = new LockedSeries();
  /** Documents of published plan versions by their hash: immutable, and few. */
  readonly #planDocuments = new Map<string, unknown>();
  #draining = false;

  constructor(options: BatchesOptions) {
    this.#database = options.database;
    this.#options = options;
  }

  /** Takes up no further account: a batch in hand goes back to the queue once the accounts in work are done. */
  drain(): void {
    this.#draining = true;
  }

  /**
   * Works on one batch: bills and issues what is not done yet, renders what is issued, ends the close when it is the
   * last. Throws a retryable CloseError when an account met a passing error and has attempts left, and a SeriesLocked when
   * the seller's numbers cannot be taken now.
   */
  async work(job: BatchJob): Promise<void> {
    const batch = await loadBatch(this.#database, job);
    if (!batch || batch.close.state === 'cancelled') return;
    const { close, accounts } = batch;
    const drafted = accounts.filter((account) => account.state === 'drafted' && isToIssue(close, account));
    const toBill = accounts.filter(({ state }) => state !== 'drafted');
    const issues = drafted.length > 0 || (toBill.length > 0 && isToIssue(close));
    // Each of its accounts would wait as long, and keep a place in which another seller could be billed.
    if (issues && !this.#lockedSeries.mayTry(close.sellerId)) throw new SeriesLocked();

    const work = new Work(close);
    if (close.kind === 'correction') {
      await eachOf([...drafted, ...toBill], this.#atOnce, (account) => this.#correct(work, account));
    } else {
      // Drafts that are issued wait for no account that is pulled, nor the other way round.
      await Promise.all([this.#issueDrafted(work, drafted), this.#billSets(work, toBill)]);
    }
    if (work.left) {
      await this.#options.enqueue([job]);
      return;
    }
    await this.renderAll(job.closeId, (after, limit) => unrenderedOfBatch(this.#database, job, after, limit));
    if (work.notDrawn.length > 0) throw work.notDrawn[0];
    this.#throwUnfinished(work);
    if (await isDone(this.#database, close.id)) await this.#options.settle(close.id);
  }

  async #billSets(work: Work, accounts: readonly UnfinishedAccount[]): Promise<void> {
    for (const set of inSets(accounts)) {
      if (this.#draining) work.left = true;
      else if (set.suspect) await this.#lock.exclusive(() => this.#billSet(work, set.accounts));
      else await this.#lock.shared(() => this.#billSet(work, set.accounts));
    }
  }

  /** Bills a set of accounts, from the claim to their documents. */
  async #billSet(work: Work, accounts: readonly UnfinishedAccount[]): Promise<void> {
    const { close } = work;
    const ids = accounts.map(({ accountId }) => accountId);
    const claimed = await takeUp(this.#database, close.id, ids);
    const claims: Claim[] = [];
    for (const claim of claimed) {
      if (claim.lost < MAX_LOST) claims.push(claim);
      else await this.#fail(work, claim, 'billing', ENDS_WORKERS);
    }
    if (claims.length === 0) return;
    const hand = new InHand(this.#database, close.id, claims);
    try {
      // What accounts were billed by is let go before the next step: of a large one it weighs as much as its document.
      await this.#draw(work, await this.#issueRated(work, await this.#billClaimed(work, accounts, claims, hand)));
    } catch (error) {
      // What failed was a statement for all of them, which says nothing of any account.
      for (const claim of claims) await this.#failed(work, claim, 'billing', error);
    } finally {
      hand.letGo();
    }
  }

  async #billClaimed(
    work: Work,
    accounts: readonly UnfinishedAccount[],
    claims: readonly Claim[],
    hand: InHand,
  ): Promise<readonly NewDraft[]> {
    const { close } = work;
    const of = {
      closeId: close.id,
      periodLabel: close.periodLabel,
      accountIds: claims.map((claim) => claim.accountId),
    };
    const facts = await loadBatchFacts(session(this.#database), of);
    if (!facts) return [];
    const known = new Map(accounts.map((account) => [account.accountId, account]));
    const billed: Billed[] = [];
    const left: Claim[] = [];
    const cancelled = this.#lookoutFor(close);
    await eachOf(claims, this.#atOnce, async (claim) => {
      const account = known.get(claim.accountId);
      if (!account || (await cancelled())) return;
      if (this.#draining) left.push(claim);
      else
        await this.#caught(
          work,
          claim,
          async () => void billed.push(await this.#rate(work, facts, account, claim, hand)),
        );
    });
    if (left.length > 0) {
      await giveBack(this.#database, close.id, left);
      work.left = true;
    }
    const kept = await this.#keep(work, billed);
    return this.#writeDown(work, facts, billed, kept);
  }

  /** Looks from time to time whether a close is cancelled: nothing more is pulled for it then. */
  #lookoutFor(close: CloseWork): () => Promise<boolean> {
    const { lookout_ms = LOOKOUT_MS } = this.#options;
    let lookedAt = performance.now();
    let isCancelled = false;
    return async () => {
      if (isCancelled || performance.now() - lookedAt < lookout_ms) return isCancelled;
      lookedAt = performance.now();
      isCancelled = (await loadCloseWork(this.#database, close.id))?.state === 'cancelled';
      return isCancelled;
    };
  }

  /** Pulls and rates one account in memory. */
  async #rate(work: Work, facts: BatchFacts, account: UnfinishedAccount, claim: Claim, hand: InHand): Promise<Billed> {
    const { close } = work;
    const { accountId } = claim;
    const inBatch = facts.accounts.get(accountId);
    if (!inBatch) throw new CloseError('unknown_account', 'the account vanished from the database');
    const plans = await this.#readPlans(inBatch.facts().versions.map(({ sha256 }) => sha256));
    // A dry run only tells what a period comes to, also one that stands billed.
    const earlier =
      account.billed && !close.dryRun
        ? await loadPeriodDocuments(this.#database, { accountId, periodLabel: close.periodLabel })
        : undefined;
    if (earlier && !earlier.voided) return { result: ALREADY_BILLED, pullWarnings: [], account, claim, earlier };
    const rating = await rateOne(this.#options, close, inBatch, {
      now: facts.now,
      waived: account.waived,
      planDocument: (sha256) => plans.get(sha256),
      note: (series) => hand.note(accountId, series),
      tell: (series) => hand.tell(accountId, series),
    });
    return { ...rating, account, claim, earlier };
  }

  /** The documents of plan versions: those that are remembered, and the others read now. */
  async #readPlans(sha256s: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
    const missing = sha256s.filter((sha256) => !this.#planDocuments.has(sha256));
    const known = new Map(sha256s.map((sha256) => [sha256, this.#planDocuments.get(sha256)]));
    if (missing.length === 0) return known;
    // What is forgotten here is still in the hands of the accounts that asked for it.
    if (this.#planDocuments.size >= PLANS_KEPT) this.#planDocuments.clear();
    for (const [sha256, document] of await loadPlans(this.#database, missing)) {
      this.#planDocuments.set(sha256, document);
      known.set(sha256, document);
    }
    return known;
  }

  /** Keeps what was pulled, all accounts in one statement; account by account where that fails, to find the one. */
  async #keep(work: Work, billed: readonly Billed[]): Promise<Map<string, Kept | Held>> {
    const usage = billed.flatMap(({ usage }) => usage ?? []);
    let kept: Map<string, Kept | Held>;
    try {
      kept = await keepBatch(this.#database, usage);
    } catch (error) {
      if (isDatabaseAway(error) || usage.length === 1) throw error;
      kept = new Map();
      for (const { claim, usage: own } of billed) {
        if (!own) continue;
        await this.#caught(work, claim, async () => {
          for (const [accountId, one] of await keepBatch(this.#database, [own])) kept.set(accountId, one);
        });
      }
    }
    for (const { claim, kept: own, usage: packed, result } of billed) {
      if (own) kept.set(claim.accountId, own);
      const now = kept.get(claim.accountId);
      const isPulled = packed || own || (work.close.dryRun && result.outcome !== 'held');
      if (isPulled && now?.outcome !== 'held') this.#step('pulled', work, claim);
    }
    return kept;
  }

  /**
   * Writes down what each account came to: holds, what is empty, and drafts where an operator reviews them.
   *
   * @returns the drafts that are issued at once
   */
  async #writeDown(
    work: Work,
    facts: BatchFacts,
    billed: readonly Billed[],
    kept: ReadonlyMap<string, Kept | Held>,
  ): Promise<readonly NewDraft[]> {
    const { close } = work;
    const holds: AccountOutcome[] = [];
    const ready: {
      of: Billed;
      result: Exclude<Drafted, Held>;
      outcome: AccountOutcome;
      snapshots: readonly Snapshot[];
    }[] = [];
    for (const of of billed) {
      const { claim, pullWarnings } = of;
      const keptOf = kept.get(claim.accountId);
      if (of.usage && !keptOf) continue;
      const result = keptOf?.outcome === 'held' ? { ...keptOf, warnings: pullWarnings } : of.result;
      const outcome = { ...claim, ...this.#told(facts, of, result) };
      if (result.outcome === 'held') {
        if (result.passing) await this.#wait(work, claim, 'billing', { ...result, ...outcome, otherwise: 'held' });
        else holds.push({ ...outcome, reason: result.reason });
      } else {
        ready.push({ of, result, outcome, snapshots: keptOf?.outcome === 'kept' ? keptOf.snapshots : [] });
      }
    }
    await this.#hold(work, holds, 'billing');
    if (ready.length === 0) return [];
    const rated = await markRated(
      this.#database,
      close.id,
      ready.map(({ outcome }) => outcome),
    );
    const empties: (AccountOutcome & { inputs: BillingInputs })[] = [];
    const drafts: NewDraft[] = [];
    const reports: { to: 'draft' | 'find_empty'; outcome: AccountOutcome }[] = [];
    for (const { of, result, outcome, snapshots } of ready) {
      if (!rated.has(of.claim.accountId)) continue;
      this.#step('rated', work, of.claim);
      if (close.dryRun) {
        // A dry run keeps nothing but its report; `drafted` says that a real run would have drafted this.
        if (result.outcome === 'empty') reports.push({ to: 'find_empty', outcome });
        else reports.push({ to: 'draft', outcome: { ...outcome, report: result.draft } });
        continue;
      }
      await this.#caught(work, of.claim, async () => {
        const inputs = await this.#inputs(close, facts, of, snapshots);
        if (result.outcome === 'empty') empties.push({ ...outcome, inputs });
        else {
          const draft = of.earlier ? rebilled(result.draft, of.earlier.documents) : result.draft;
          const document: DraftInvoice = { ...draft, inputs_hash: documentSha256(inputs) };
          const rated = facts.accounts.get(of.claim.accountId)?.facts().edits && result.plan;
          drafts.push({ ...outcome, id: uuid(), draft: document, rated });
        }
      });
    }
    for (const to of ['draft', 'find_empty'] as const) {
      const some = reports.filter((report) => report.to === to).map((report) => report.outcome);
      const moved = await moveToOutcome(session(this.#database).rows, close.id, to, some);
      this.#stepped(to === 'draft' ? 'drafted' : 'empty', work, some, moved);
    }
    this.#stepped('empty', work, empties, await saveEmpties(this.#database, close.id, empties));
    if (isToIssue(close)) return drafts;
    this.#stepped('drafted', work, drafts, await saveDrafts(this.#database, close.id, drafts));
    return [];
  }

  /** What is to be said of an account, and what its usage says of the vendor. */
  #told(facts: BatchFacts, { account, earlier }: Billed, result: Drafted | Held) {
    const before = [...(earlier ? [REBILLED] : []), ...(account.reopened ? [LATE_USAGE] : [])];
    const drift = driftOf(facts, account.accountId, result);
    return partWarnings([...before, ...waiverNotices(account.waived), ...result.warnings, ...(drift ? [drift] : [])]);
  }

  /** What a draft is computed from, by the facts that were read and the usage that was kept. */
  async #inputs(
    { periodLabel }: CloseWork,
    facts: BatchFacts,
    { claim: { accountId }, earlier }: Billed,
    snapshots: readonly Snapshot[],
  ): Promise<BillingInputs> {
    const inBatch = facts.accounts.get(accountId);
    if (!inBatch) throw new CloseError('unknown_account', 'the account vanished from the database');
    const replaced = earlier && (await documentFingerprintsIn(session(this.#database), { accountId, periodLabel }));
    return inputsOf(inBatch.facts(), periodLabel, inBatch.usage, snapshots, replaced);
  }

  /**
   * Issues what was just rated. Drafts that cannot be issued now are stored, so that nothing is pulled again for them.
   *
   * @returns the documents that are to be drawn
   */
  async #issueRated(work: Work, drafts: readonly NewDraft[]): Promise<IssuedBatch['issued']> {
    const toIssue = drafts.map(({ warnings, vendorWarnings, ...draft }) => ({
      ...draft,
      outcome: { warnings, vendorWarnings },
    }));
    const { issued, locked } = await this.#issueSet(work, toIssue);
    if (locked) this.#stepped('drafted', work, drafts, await saveDrafts(this.#database, work.close.id, drafts));
    return issued;
  }

  /** Issues drafts that were stored: released by an operator, or left by a worker. */
  async #issueDrafted(work: Work, accounts: readonly UnfinishedAccount[]): Promise<void> {
    const { close } = work;
    if (accounts.length === 0) return;
    const rounds = accounts.map(({ accountId, round }) => ({ accountId, round, lost: 0 }));
    const drafts: ToIssue[] = [];
    const holds: AccountOutcome[] = [];
    try {
      const stored = await loadDrafts(
        this.#database,
        close.id,
        accounts.map(({ accountId }) => accountId),
      );
      for (const claim of rounds) {
        const row = stored.get(claim.accountId);
        // Another worker has issued it meanwhile.
        if (!row) continue;
        await this.#caught(
          work,
          claim,
          () => {
            const draft = unalteredDraft(`draft:${row.id}`, row);
            // A draft of an earlier version was not looked at when it was made.
            const objection = unprintableHold(this.#options.renderer, draft) ?? eInvoiceHold(draft);
            if (objection) holds.push({ ...claim, reason: objection.reason });
            else drafts.push({ ...claim, id: row.id, draft });
            return Promise.resolve();
          },
          'issuing',
        );
      }
      await this.#hold(work, holds, 'issuing');
      await this.#draw(work, (await this.#issueSet(work, drafts)).issued);
    } catch (error) {
      for (const claim of rounds) await this.#failed(work, claim, 'issuing', error);
    }
  }

  /**
   * Issues drafts in one transaction. One that cannot be issued does not stop the others: the set is halved until it is found.
   *
   * @returns what was issued, and whether another process keeps the seller's numbers locked, so that some were not
   */
  async #issueSet(
    work: Work,
    drafts: readonly ToIssue[],
  ): Promise<{ readonly issued: IssuedBatch['issued']; readonly locked: boolean }> {
    const { close } = work;
    const [first] = drafts;
    if (!first) return { issued: [], locked: false };
    const phase = first.outcome ? 'billing' : 'issuing';
    try {
      const { issued, changed } = await this.#issue(work, drafts);
      if (issued.length > 0) this.#lockedSeries.freed(close.sellerId);
      for (const { accountId } of issued) this.#step('issued', work, { accountId });
      const holds = changed.map(({ accountId, round, outcome }) => ({
        accountId,
        round,
        ...outcome,
        reason: INPUTS_CHANGED.reason,
      }));
      await this.#hold(work, holds, phase);
      return { issued, locked: false };
    } catch (error) {
      if (isSeriesLocked(error)) {
        this.#lockedSeries.found(close.sellerId);
        this.#options.log?.({ event: 'series_locked', level: 'warn', closeId: close.id, code: codeOf(error), error });
        work.unfinished.push(...drafts.map(() => codeOf(error)));
        return { issued: [], locked: true };
      }
      if (drafts.length === 1 || isDatabaseAway(error)) {
        for (const { accountId, round } of drafts) await this.#failed(work, { accountId, round }, phase, error);
        return { issued: [], locked: false };
      }
    }
    const half = Math.ceil(drafts.length / 2);
    const before = await this.#issueSet(work, drafts.slice(0, half));
    const after = await this.#issueSet(work, drafts.slice(half));
    return { issued: [...before.issued, ...after.issued], locked: before.locked || after.locked };
  }

  #issue(work: Work, drafts: readonly ToIssue[]): Promise<IssuedBatch> {
    const { close } = work;
    return issueBatch(this.#database, {
      close,
      drafts,
      actor: `close:${close.id}`,
      numberingOf,
      inputsOf: (tx, facts, draft) => currentInputs(tx, close, facts, draft),
      write: ({ draft, id }, taken, seller) => writeDocument(draft, id, taken, seller),
      onNumbered: (accountIds) => {
        for (const accountId of accountIds) this.#step('issuing', work, { accountId });
      },
    });
  }

  /** Draws documents from memory and stores them as a set. One that cannot be drawn stops none of the others. */
  async #draw(work: Work, issued: IssuedBatch['issued']): Promise<void> {
    const { renderer } = this.#options;
    const files: NewFile[] = [];
    const drawn: { accountId: string }[] = [];
    await eachOf(issued, this.#atOnce, async ({ accountId, invoice }) => {
      try {
        const { pdf, sha256 } = await renderer.render(invoice, this.#pagesOf(invoice.id));
        const eInvoice = await wantedFile(renderer, invoice);
        if (eInvoice) files.push(eInvoice);
        files.push({ invoiceId: invoice.id, kind: 'pdf', layout: renderer.layoutVersion, sha256, bytes: pdf });
        drawn.push({ accountId });
      } catch (error) {
        await this.#notDrawn(invoice.id, error);
        work.notDrawn.push(error);
      }
    });
    // They are issued whatever happens here: what is not stored now is drawn again.
    await storeDocuments(this.#database, files).then(
      () => drawn.forEach((of) => this.#step('rendered', work, of)),
      (error: unknown) => work.notDrawn.push(error),
    );
  }

  /** A large document is drawn in a thread for a while: the log says how far it is. */
  #pagesOf(invoiceId: string): (pages: PagesDrawn) => void {
    return (pages) => this.#options.log?.({ event: 'document_being_drawn', level: 'debug', invoiceId, pages });
  }

  /** Renders what `find` finds, in the order of ids. Throws the first failure when everything else is done. */
  async renderAll(
    closeId: string,
    find: (after: string | undefined, limit: number) => Promise<string[]>,
  ): Promise<void> {
    const failures: unknown[] = [];
    let after: string | undefined;
    while (!this.#draining) {
      const missing = await find(after, RENDERED_AT_A_TIME);
      if (missing.length === 0) break;
      await eachOf(missing, this.#atOnce, async (id) => {
        try {
          const invoice = await loadIssued(this.#database, id);
          if (!invoice) return;
          await renderOnce(this.#database, this.#options.renderer, invoice, this.#pagesOf(id));
          this.#options.onStep?.('rendered', { closeId, accountId: invoice.account });
        } catch (error) {
          await this.#notDrawn(id, error);
          failures.push(error);
        }
      });
      if (missing.length < RENDERED_AT_A_TIME) break;
      after = missing.at(-1);
    }
    if (failures.length > 0) throw failures[0];
  }

  async #notDrawn(invoiceId: string, error: unknown): Promise<void> {
    this.#options.log?.({ event: 'document_not_rendered', level: 'error', invoiceId, code: codeOf(error), error });
    await noteAlteration(this.#database, error);
  }

  /** Drafts and issues the correction of one account: there are few, and each reads documents of its own. */
  async #correct(work: Work, account: UnfinishedAccount): Promise<void> {
    const { close } = work;
    const { corrections } = this.#options;
    const { accountId } = account;
    let doing: Doing = { round: account.round, phase: 'issuing' };
    if (this.#draining) {
      work.left = true;
      return;
    }
    try {
      if (account.state !== 'drafted') {
        const [claim] = await takeUp(this.#database, close.id, [accountId]);
        // Another worker has drafted it meanwhile, and goes on with it.
        if (!claim) return;
        doing = { round: claim.round, phase: 'billing' };
        if (claim.lost >= MAX_LOST) return await this.#fail(work, claim, 'billing', ENDS_WORKERS);
        const hand = new InHand(this.#database, close.id, [claim]);
        const result = await corrections.draftForClose(close, accountId, doing).finally(() => hand.letGo());
        if (result)
          this.#step(result.outcome, work, { accountId }, 'reason' in result ? result.reason.code : undefined);
        doing = { round: claim.round, phase: 'issuing' };
      }
      if (!isToIssue(close, account)) return;
      const issued = await corrections.issueForClose(close, accountId);
      if (issued.outcome === 'issued') {
        this.#lockedSeries.freed(close.sellerId);
        this.#step('issued', work, { accountId });
      }
      if (issued.outcome === 'inputs_changed' || issued.outcome === 'objected') {
        const { reason } = issued.outcome === 'objected' ? issued : INPUTS_CHANGED;
        await this.#hold(work, [{ accountId, round: doing.round, reason }], 'issuing');
      }
    } catch (error) {
      if (isSeriesLocked(error)) {
        this.#lockedSeries.found(close.sellerId);
        this.#options.log?.({
          event: 'series_locked',
          level: 'warn',
          closeId: close.id,
          accountId,
          code: codeOf(error),
        });
        work.unfinished.push(codeOf(error));
      } else await this.#failed(work, { accountId, round: doing.round }, doing.phase, error);
    }
  }

  async #hold(work: Work, holds: readonly AccountOutcome[], phase: Doing['phase']): Promise<void> {
    const moved = await moveToOutcome(session(this.#database).rows, work.close.id, 'hold', holds, phase);
    for (const { accountId, reason } of holds) {
      if (moved.has(accountId)) this.#step('held', work, { accountId }, reason?.code);
    }
  }

  async #fail(work: Work, { accountId, round }: InRound, phase: Doing['phase'], reason: Notice): Promise<void> {
    const failed = [{ accountId, round, reason }];
    const moved = await moveToOutcome(session(this.#database).rows, work.close.id, 'fail', failed, phase);
    if (moved.has(accountId)) this.#step('failed', work, { accountId }, reason.code);
  }

  /** What passes by itself is waited for and tried again; the sweep sends the account then. */
  async #wait(
    work: Work,
    { accountId, round }: InRound,
    phase: Doing['phase'],
    cause: Pick<Held, 'passing'> & {
      reason: Notice;
      warnings?: readonly Notice[] | undefined;
      otherwise: 'held' | 'failed';
    },
  ): Promise<void> {
    const { reason, warnings, passing, otherwise } = cause;
    const random = (this.#options.random ?? Math.random)();
    const doing = { round, phase };
    const of = { doing, reason, warnings, otherwise, random, leftAloneSeconds: passing?.leftAloneSeconds };
    const now = await letWait(this.#database, { closeId: work.close.id, accountId }, of);
    if (now) this.#step(now, work, { accountId }, reason.code);
  }

  /** Does one account's part; what goes wrong with it is its own. */
  async #caught(work: Work, of: InRound, part: () => Promise<void>, phase: Doing['phase'] = 'billing'): Promise<void> {
    try {
      await part();
    } catch (error) {
      await this.#failed(work, of, phase, error);
    }
  }

  /** Records what went wrong with one account, and whether it is tried again. */
  async #failed(work: Work, of: InRound, phase: Doing['phase'], error: unknown): Promise<void> {
    const { accountId, round } = of;
    const closeId = work.close.id;
    const code = codeOf(error);
    const tell = (event: string, level: 'debug' | 'warn' | 'error') =>
      this.#options.log?.({ event, level, closeId, accountId, code, error });
    // Told before anything is written: what went wrong may be the database.
    tell('account_stopped', 'debug');
    await noteAlteration(this.#database, error);
    // A database that is away or read-only says nothing of the account, nor does a lock that another process keeps: no
    // attempt is used up.
    if (isDatabaseAway(error)) {
      work.unfinished.push(code);
      return;
    }
    const attempts = await countAttempt(this.#database, { closeId, accountId }, { round, phase });
    // Another worker was faster.
    if (attempts === undefined) return;
    if (isRetryable(error) && attempts < MAX_ATTEMPTS) {
      work.unfinished.push(code);
      return;
    }
    const isTold = error instanceof CloseError || error instanceof DocumentAltered || error instanceof BillingError;
    const message = isTold ? error.message : `an unexpected error ended the account: ${code}`;
    if (phase === 'billing' && passes(error)) {
      tell('account_waits', 'warn');
      await this.#wait(work, of, phase, { reason: { code, message }, warnings: [], otherwise: 'failed' });
    } else {
      tell('account_failed', 'error');
      await this.#fail(work, of, phase, { code, message });
    }
  }

  #throwUnfinished({ close, unfinished }: Work): void {
    if (unfinished.length === 0) return;
    if (this.#lockedSeries.isLocked(close.sellerId)) throw new SeriesLocked();
    const accounts: Record<string, number> = {};
    for (const code of unfinished) accounts[code] = (accounts[code] ?? 0) + 1;
    this.#options.log?.({ event: 'accounts_to_retry', level: 'warn', closeId: close.id, accounts });
    throw new CloseError('batch_unfinished', `${unfinished.length} accounts of the batch must be tried again`, true);
  }

  get #atOnce(): number {
    return this.#options.concurrency ?? 4;
  }

  #stepped(step: CloseStep, work: Work, of: readonly InRound[], moved: ReadonlySet<string>): void {
    for (const { accountId } of of) if (moved.has(accountId)) this.#step(step, work, { accountId });
  }

  #step(step: CloseStep, { close }: Work, { accountId }: { accountId: string }, code?: string): void {
    this.#options.onStep?.(step, { closeId: close.id, accountId, ...(code !== undefined && { code }) });
  }
}

/** What one job has met so far. */
class Work {
  /** Codes of what accounts met that are to be tried again. */
  readonly unfinished: string[] = [];
  /** Why documents of what was issued are not stored. */
  readonly notDrawn: unknown[] = [];
  /** Accounts are left because the process is to end. */
  left = false;

  constructor(readonly close: CloseWork) {}
}

const LOOKOUT_MS = 1_000;
/** Documents of plan versions that a process remembers. */
const PLANS_KEPT = 500;
const RENDERED_AT_A_TIME = 50;

/**
 * Sets that are worked on one after the other. Accounts that a dead worker had in hand are billed with nothing else beside
 * them, in sets that are halved each time their worker dies: the one that ends the process is soon alone in its set.
 */
function inSets(accounts: readonly UnfinishedAccount[]): { suspect: boolean; accounts: UnfinishedAccount[] }[] {
  const sets = accounts.some(({ lost }) => lost === 0)
    ? [{ suspect: false, accounts: accounts.filter(({ lost }) => lost === 0) }]
    : [];
  const lost = accounts.filter((account) => account.lost > 0);
  const deaths = Math.max(0, ...lost.map((account) => account.lost));
  const size = Math.max(1, Math.floor(lost.length / 2 ** deaths));
  for (let first = 0; first < lost.length; first += size) {
    sets.push({ suspect: true, accounts: lost.slice(first, first + size) });
  }
  return sets;
}

function isToIssue({ dryRun, issue }: CloseWork, account?: UnfinishedAccount): boolean {
  return !dryRun && (issue === 'automatic' || account?.released === true);
}

/** What a draft would be computed from now, on the transaction that is to issue it. */
async function currentInputs(
  tx: Session,
  { periodLabel }: CloseWork,
  facts: BatchFacts,
  { accountId, draft }: ToIssue,
): Promise<BillingInputs | undefined> {
  const inBatch = facts.accounts.get(accountId);
  if (!inBatch) return undefined;
  const replaced =
    draft.replaces === undefined ? undefined : await documentFingerprintsIn(tx, { accountId, periodLabel });
  return inputsOf(inBatch.facts(), periodLabel, inBatch.usage, [], replaced);
}

function driftOf(facts: BatchFacts, accountId: string, result: Drafted | Held): Notice<'drift'> | undefined {
  const inBatch = facts.accounts.get(accountId);
  if (result.outcome === 'held' || !inBatch) return undefined;
  const { currency } = inBatch.facts().account;
  const net = result.outcome === 'drafted' ? result.draft.net : formatAmount(new Decimal(0), currency);
  return driftWarning(net, currency, inBatch.before);
}
