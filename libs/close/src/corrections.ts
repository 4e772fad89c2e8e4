import {
  accountTotals,
  BillingError,
  billingTask,
  type BillingFacts,
  type BillingTask,
  controlAccount,
  type Held,
  orHeld,
  type Plans,
  rateAccount,
  type Rated,
  reversalOf,
  type SellerFacts,
  strictly,
  taxingOf,
} from '#billing';
import { monthPeriod } from '#calendar';
import {
  adjustmentNoteOf,
  correctionOf,
  creditOf,
  type CreditRequest,
  type DraftInvoice,
  InvoicingError,
  isEmpty,
  type IssuedInvoice,
} from '#invoicing';
import { afterCommit, type Database, databaseNow, isRefusal, session, type Transaction } from '#persistence';
import { findSellerId, loadSellerFacts } from '#persistence/catalogue';
import { usageFingerprint } from '#persistence/ledger';
import {
  claimConfirmingPulls,
  type ClaimedPull,
  DocumentAltered,
  finishConfirmingPull,
  letPullWait,
  loadIssued,
  loadPeriodDocuments,
  loadPinnedFacts,
  type NewAdjustment,
  noteAlteration,
  postponeConfirmingPull,
  renewConfirmingPull,
} from '#persistence/documents';
import {
  type AccountOutcome,
  automaticCorrections,
  type CloseWork,
  type CorrectionState,
  creditPart,
  type Doing,
  findCorrection,
  findOpenCorrection,
  issueCorrection,
  issueCorrectionDraft,
  type IssueOutcome,
  loadEmptyPeriod,
  type InRound,
  markRated,
  moveToOutcome,
  noteAdjustment,
  type NoteIssue,
  proposeCorrection,
  reopenEmpty,
  sameUsage,
  saveDrafts,
  voidPeriod,
} from '#persistence/closes';
import { adjustmentLine } from '#rating';
import { connected, type Connection, type Connectors, type Pulled, pullUsage } from '#usage';
import { v7 as uuid } from 'uuid';
import { CloseError } from './close-error.js';
import { eachOf } from './each-of.js';
import { numberingOf, renderOnce, type Renderer, unprintableHold, writeDocument } from './issuing.js';
import { evidenceKeeper, keepDoubted, type Kept, keepUsage } from './keep-usage.js';
import { codeOf, isRetryable } from './retry-policy.js';

export interface CorrectionsOptions {
  readonly database: Database;
  readonly connectors: Connectors;
  readonly renderer: Renderer;
  readonly plans: Plans;
  /** Accounts that are pulled at the same time. */
  readonly concurrency?: number;
  /** Hands batches of accounts that were sent back to work to the queue. */
  readonly enqueue: (jobs: readonly { closeId: string; batch: number }[]) => Promise<void>;
  /** In [0, 1): how long within its bounds a pause before a next try is. Default: by lot. */
  readonly random?: () => number;
  readonly log?: (entry: {
    event: string;
    level: 'warn' | 'error';
    invoiceId?: string;
    closeId?: string;
    accountId?: string;
    correctionId?: string;
    code: string;
    error: unknown;
  }) => void;
}

/** What a confirming pull came to. */
export type Confirmation =
  /** The usage is as it was billed, or what differs changes no amount, or there is nothing left to confirm. */
  | { readonly outcome: 'equal' | 'no_difference' | 'voided' }
  /** There is a proposal: open, or decided when the same usage was pulled before. */
  | { readonly outcome: 'proposed'; readonly correction: string; readonly state: CorrectionState }
  /** Of a period that billed nothing: it now costs something and was sent back to work, by this pull or before it. */
  | { readonly outcome: 'reopened' | 'superseded' }
  | Held;

// Few, because a worker that stops finishes what it took.
const PULLS_AT_ONCE = 10;
// A worker renews its hold while it is at a pull, however long that takes; one that does not is taken for dead.
const LEASE_SECONDS = 15 * 60;
const RENEW_SECONDS = 3 * 60;
const RETRY_SECONDS = 60 * 60;
const MAX_ATTEMPTS = 5;
const SERVICE = 'service';

/** What comes after an invoice: pulls that confirm its usage, notes that correct it, and its undoing. */
export class Corrections {
  readonly #database: Database;
  readonly #options: CorrectionsOptions;

  constructor(options: CorrectionsOptions) {
    this.#database = options.database;
    this.#options = options;
  }

  /**
   * Takes confirming pulls that are due and issues what is to be issued without an operator. Any number of workers may do
   * so at once.
   *
   * @returns whether there may be more that are due
   */
  async confirmDue(limit = PULLS_AT_ONCE): Promise<boolean> {
    const claimed = await claimConfirmingPulls(this.#database, limit, LEASE_SECONDS);
    await eachOf(claimed, this.#options.concurrency ?? 4, (pull) => this.#confirmClaimed(pull));
    // The worker that proposed these was to issue them and died.
    for (const correctionId of await automaticCorrections(this.#database, limit)) {
      // One that cannot be issued keeps no other waiting.
      await this.#issueProposed(correctionId).catch((error: unknown) =>
        this.#options.log?.({
          event: 'correction_not_issued',
          level: 'error',
          correctionId,
          code: codeOf(error),
          error,
        }),
      );
    }
    return claimed.length === limit;
  }

  async #confirmClaimed({ id, of, attempts }: ClaimedPull): Promise<void> {
    const renewing = setInterval(() => {
      // A renewal that does not get through leaves the hold as it is; the next one may.
      renewConfirmingPull(this.#database, id, LEASE_SECONDS).catch(() => undefined);
    }, RENEW_SECONDS * 1_000);
    try {
      const confirmed = await ('invoice' in of ? this.confirm(of.invoice) : this.confirmEmpty(of.empty));
      if (confirmed.outcome === 'held' && confirmed.passing && (await this.#letWait(id, confirmed))) return;
      if (confirmed.outcome === 'held' && attempts < MAX_ATTEMPTS) {
        await postponeConfirmingPull(this.#database, id, RETRY_SECONDS, confirmed.reason);
      } else {
        const reason = confirmed.outcome === 'held' ? confirmed.reason : undefined;
        await finishConfirmingPull(this.#database, id, confirmed.outcome, reason);
      }
    } catch (error) {
      const code = codeOf(error);
      const again = isRetryable(error) && attempts < MAX_ATTEMPTS;
      const level = again ? 'warn' : 'error';
      this.#options.log?.({ event: 'confirming_pull_failed', level, ...named(of), code, error });
      await noteAlteration(this.#database, error);
      const isTold = error instanceof CloseError || error instanceof BillingError || error instanceof DocumentAltered;
      const message = isTold ? error.message : `an unexpected error ended the pull: ${code}`;
      if (again) {
        await postponeConfirmingPull(this.#database, id, RETRY_SECONDS, { code, message });
      } else {
        await finishConfirmingPull(this.#database, id, 'failed', { code, message });
      }
    } finally {
      clearInterval(renewing);
    }
  }

  /** Puts a pull off that met what passes by itself; false when the seller's hours for that are used up. */
  #letWait(id: string, { reason, passing }: Held): Promise<boolean> {
    const random = (this.#options.random ?? Math.random)();
    return letPullWait(this.#database, id, { reason, random, leftAloneSeconds: passing?.leftAloneSeconds });
  }

  /**
   * Pulls the period of an invoice again as its close did, by the facts of that time, and proposes what the documents of
   * the period must be corrected by. Equal usage means nothing. However often and by however many it is done, the same
   * usage makes one proposal.
   *
   * @param invoiceId the document that billed the period
   * @throws CloseError `confirmation_overtaken`, retryable: another pull or note came in between
   */
  async confirm(invoiceId: string): Promise<Confirmation> {
    const original = await loadIssued(this.#database, invoiceId);
    if (!original) throw new CloseError('unknown_invoice', `there is no document ${invoiceId}`);
    const of = { accountId: original.account, periodLabel: original.period.label };
    const standing = await loadPeriodDocuments(this.#database, of);
    if (standing.voided || standing.original?.id !== invoiceId) return { outcome: 'voided' };

    const { facts, waived } = await loadPinnedFacts(this.#database, invoiceId);
    const task = orHeld(() => billingTask(facts, of.periodLabel, this.#options.plans, waived));
    if ('outcome' in task) return task;
    const again = await this.#pullAgain(facts, task);
    if (again.outcome === 'held') return again;
    const { snapshots, dialectSha256 } = again;

    const { documents, billedUsage } = await loadPeriodDocuments(this.#database, of);
    const baseRevision = Math.max(...documents.map(({ revision }) => revision));
    const basis = { original, baseRevision, snapshots, dialectSha256 };
    if (sameUsage(billedUsage, await usageFingerprint(this.#database, of))) {
      await this.#propose({ ...basis, draft: null });
      return { outcome: 'equal' };
    }

    const rated = await this.#rateAgain(task, again);
    if (rated.outcome === 'held') return rated;
    const { lines } = rated;
    const corrected = orHeld(() => ({
      draft: correctionOf({
        original,
        issued: documents,
        rerated: { lines, totals: accountTotals(task, lines) },
        taxing: taxingOf(task.facts),
        dialectSha256,
        layoutVersion: this.#options.renderer.layoutVersion,
      }),
    }));
    if ('outcome' in corrected) return corrected;
    return this.#propose({ ...basis, draft: corrected.draft });
  }

  /**
   * Pulls a period that billed an account nothing again, by the facts of that time. When it now costs something, the
   * account goes back to the start of its close, which bills it as it bills any other: once, however often and by however
   * many it is pulled.
   *
   * @param emptyId the `empty_period`
   */
  async confirmEmpty(emptyId: string): Promise<Confirmation> {
    const { closeId, accountId, periodLabel, facts, waived, usage, stands } = await loadEmptyPeriod(
      this.#database,
      emptyId,
    );
    if (!stands) return { outcome: 'superseded' };
    const task = orHeld(() => billingTask(facts, periodLabel, this.#options.plans, waived));
    if ('outcome' in task) return task;
    const again = await this.#pullAgain(facts, task);
    if (again.outcome === 'held') return again;
    if (sameUsage(usage, await usageFingerprint(this.#database, { accountId, periodLabel }))) {
      return { outcome: 'equal' };
    }
    const rated = await this.#rateAgain(task, again);
    if (rated.outcome === 'held') return rated;
    if (isEmpty(rated.lines)) return { outcome: 'no_difference' };
    const batches = await reopenEmpty(this.#database, emptyId, SERVICE);
    if (batches.length === 0) return { outcome: 'superseded' };
    // It is reopened whether or not the queue takes it: the sweep finds a batch whose job was lost.
    await this.#options.enqueue(batches.map((batch) => ({ closeId, batch }))).catch((error: unknown) =>
      this.#options.log?.({
        event: 'batch_not_enqueued',
        level: 'warn',
        closeId,
        accountId,
        code: codeOf(error),
        error,
      }),
    );
    return { outcome: 'reopened' };
  }

  /** Controls and rates usage that was pulled again, and keeps the answers when they contradict each other. */
  async #rateAgain(task: BillingTask, { traits, ...pulled }: PulledAgain): Promise<Rated | Held> {
    const controlled = controlAccount(task, pulled, traits);
    if (controlled.outcome === 'clear') {
      const usage = pulled.series.map(({ series }) => series);
      const rated = strictly<Rated>(rateAccount(task, usage), task, traits);
      if (rated.outcome === 'held' && rated.reason.code === 'samples_implausible') {
        await keepDoubted(this.#database, task, pulled, rated);
      }
      return rated;
    }
    await keepDoubted(this.#database, task, pulled, controlled);
    return controlled;
  }

  /** Pulls a period as its close did and keeps what came. */
  async #pullAgain({ seller }: BillingFacts, task: BillingTask): Promise<PulledAgain | Held> {
    const connection = await connected(this.#options.connectors, task.facts.account.id);
    if ('outcome' in connection) return connection;
    const now = await databaseNow(this.#database);
    const pulled = await pullUsage(task, connection, now, {
      keepAnswer: evidenceKeeper(this.#database, task),
      keepAll: seller.operations.keepRaw,
    });
    if (pulled.outcome === 'held') return pulled;
    const kept = await keepUsage(this.#database, task, pulled);
    if (kept.outcome === 'held') return kept;
    const { traits, dialectSha256 } = connection;
    return { ...pulled, traits, dialectSha256, snapshots: kept.snapshots };
  }

  async #propose(proposal: Parameters<typeof proposeCorrection>[1]): Promise<Confirmation> {
    const proposed = await proposeCorrection(this.#database, proposal);
    switch (proposed.outcome) {
      case 'overtaken':
        throw new CloseError('confirmation_overtaken', 'another pull or note of the period came in between', true);
      case 'nothing_to_correct':
        return { outcome: 'no_difference' };
      case 'voided':
        return { outcome: 'voided' };
      case 'proposed': {
        const { id, state, automatic } = proposed;
        const issued = automatic && state === 'proposed' && (await this.#issueProposed(id));
        return { outcome: 'proposed', correction: id, state: issued ? 'issued' : state };
      }
    }
  }

  /** Issues a proposal by the seller's setting. What cannot be issued stays for an operator. */
  async #issueProposed(correctionId: string): Promise<boolean> {
    return (await this.issue(correctionId, SERVICE)).outcome === 'issued';
  }

  /** Issues an open proposal as a note of its own. */
  async issue(correctionId: string, actor: string): ReturnType<typeof issueCorrection> {
    const correction = await findCorrection(this.#database, correctionId);
    const request = correction && (await this.#noteIssue(correction.seller, actor));
    if (!request) {
      return { outcome: 'refused', code: 'correction_not_found', message: `there is no correction ${correctionId}` };
    }
    const issued = await issueCorrection(this.#database, correctionId, request);
    if (!isRefusal(issued)) await this.#render(issued.invoice);
    return issued;
  }

  /** Takes back everything issued for the period of an invoice by one note; by none where it comes to nothing already. */
  async voidInvoice(
    invoiceId: string,
    { actor, reason }: { actor: string; reason: string },
  ): ReturnType<typeof voidPeriod> {
    const invoice = await loadIssued(this.#database, invoiceId);
    const request = invoice && (await this.#noteIssue(invoice.seller, actor));
    if (!request)
      return { outcome: 'refused', code: 'invoice_not_found', message: `there is no document ${invoiceId}` };
    const { layoutVersion } = this.#options.renderer;
    const voided = await voidPeriod(this.#database, invoiceId, {
      ...request,
      reason,
      draft: (documents) => reversalOf(documents, layoutVersion),
    });
    if (voided.outcome === 'issued') await this.#render(voided.invoice);
    return voided;
  }

  /** Credits a part of what was billed for the period of an invoice, as an operator asks for it. */
  async credit(invoiceId: string, credit: CreditRequest, actor: string): ReturnType<typeof creditPart> {
    const invoice = await loadIssued(this.#database, invoiceId);
    const request = invoice && (await this.#noteIssue(invoice.seller, actor));
    if (!request)
      return { outcome: 'refused', code: 'invoice_not_found', message: `there is no document ${invoiceId}` };
    const { layoutVersion } = this.#options.renderer;
    const credited = await creditPart(this.#database, invoiceId, {
      ...request,
      credit,
      draft: ({ original, documents }, terms) =>
        creditOf({ original, issued: documents, request: credit, taxing: taxingOf(terms), layoutVersion }),
    });
    if (credited.outcome === 'issued') await this.#render(credited.invoice);
    return credited;
  }

  /**
   * Makes an adjustment and says it at once, by a note on the month that it names, or on the last one that stands billed.
   */
  async adjustAtOnce(adjustment: NewAdjustment, actor: string): ReturnType<typeof noteAdjustment> {
    const { layoutVersion } = this.#options.renderer;
    const noted = await noteAdjustment(this.#database, adjustment, {
      actor,
      objection: async (tx, draft) => (await this.#unprintable(tx, draft))?.reason,
      issuing: async (tx, sellerId) => this.#noteOf(await loadSellerFacts(tx, sellerId), actor),
      draft: ({ original, documents }, terms, kept) => {
        const period = monthPeriod(original.period.label, original.period.time_zone);
        const line = adjustmentLine(kept, period, original.currency);
        try {
          const taxing = taxingOf(terms);
          return adjustmentNoteOf({ original, issued: documents, line, taxing, layoutVersion });
        } catch (error) {
          // A tax of today need not be one of the account when the month was billed.
          if (!(error instanceof InvoicingError)) throw error;
          return { outcome: 'refused', code: 'credit_not_computable', message: error.message, pointer: '/tax' };
        }
      },
    });
    if (noted.outcome === 'issued') await this.#render(noted.invoice);
    return noted;
  }

  /**
   * Drafts an account of a close of corrections: what its open proposal says.
   *
   * @returns what it came to; undefined when the account is no longer at what the caller is doing, because another worker was
   *   faster
   */
  async draftForClose(
    close: CloseWork,
    accountId: string,
    doing: Doing,
  ): Promise<{ readonly outcome: 'empty' | 'drafted' } | Held | undefined> {
    const { round, phase } = doing;
    const move = async (to: 'hold' | 'find_empty' | 'draft', outcome: Omit<AccountOutcome, keyof InRound>) => {
      const moved = await moveToOutcome(
        session(this.#database).rows,
        close.id,
        to,
        [{ accountId, round, ...outcome }],
        phase,
      );
      return moved.size === 1;
    };
    const open = await findOpenCorrection(this.#database, { accountId, periodLabel: close.periodLabel });
    const unprintable = open && (await this.#unprintable(this.#database, open.document));
    if (unprintable) return (await move('hold', { reason: unprintable.reason })) ? unprintable : undefined;
    const rated = await markRated(this.#database, close.id, [{ accountId, round }]);
    if (rated.size === 0) return undefined;
    if (!open) return (await move('find_empty', {})) ? { outcome: 'empty' } : undefined;
    const { document: draft } = open;
    if (close.dryRun) return (await move('draft', { report: draft })) ? { outcome: 'drafted' } : undefined;
    const saved = await saveDrafts(this.#database, close.id, [{ id: uuid(), accountId, round, draft, warnings: [] }]);
    return saved.size === 1 ? { outcome: 'drafted' } : undefined;
  }

  /** Issues what a close of corrections drafted for an account. */
  async issueForClose(close: CloseWork, accountId: string): Promise<IssueOutcome> {
    const seller = await loadSellerFacts(this.#database, close.sellerId);
    return issueCorrectionDraft(
      this.#database,
      { closeId: close.id, accountId, periodLabel: close.periodLabel },
      this.#noteOf(seller, `close:${close.id}`),
    );
  }

  async #noteIssue(sellerCode: string, actor: string): Promise<NoteIssue | undefined> {
    const sellerId = await findSellerId(this.#database, sellerCode);
    if (sellerId === undefined) return undefined;
    return this.#noteOf(await loadSellerFacts(this.#database, sellerId), actor);
  }

  #noteOf(seller: SellerFacts, actor: string): NoteIssue {
    return {
      actor,
      numbering: numberingOf(seller),
      objection: async (tx, draft) => (await this.#unprintable(tx, draft))?.reason,
      write: (draft, id, taken, corrects) => writeDocument(draft, id, taken, seller, corrects),
    };
  }

  /** A hold for a note that says something that cannot be drawn and stands on no document of its period. */
  async #unprintable(database: Database | Transaction, draft: DraftInvoice): Promise<Held | undefined> {
    const { renderer } = this.#options;
    if (!unprintableHold(renderer, draft)) return undefined;
    const of = { accountId: draft.account, periodLabel: draft.period.label };
    const { documents } = await loadPeriodDocuments(database, of);
    return unprintableHold(renderer, draft, documents);
  }

  /**
   * A note that could not be rendered is issued all the same; the sweep renders it later. Rendering comes after the commit,
   * because until then the note's number keeps every other document of its seller waiting.
   */
  #render(note: IssuedInvoice): Promise<void> {
    return afterCommit(() =>
      renderOnce(this.#database, this.#options.renderer, note).then(
        () => undefined,
        (error: unknown) =>
          this.#options.log?.({
            event: 'note_not_rendered',
            level: 'warn',
            invoiceId: note.id,
            code: codeOf(error),
            error,
          }),
      ),
    );
  }
}

/** Usage that was pulled again, as it was read and kept. */
type PulledAgain = Pulled & Pick<Connection, 'traits' | 'dialectSha256'> & Pick<Kept, 'snapshots'>;

/** What a log says a pull was of. */
function named(of: ClaimedPull['of']): { invoiceId: string } | { closeId: string; accountId: string } {
  return 'invoice' in of ? { invoiceId: of.invoice } : { closeId: of.close, accountId: of.account };
}
