import { billableFrom, Plans } from '#billing';
import { CalendarError, isTimeZone, monthPeriod, toStamp } from '#calendar';
import { afterCommit, type Database, databaseNow, isRefusal, type SecretKey } from '#persistence';
import { accountsOfSeller, findSellerId, loadSellerFacts } from '#persistence/catalogue';
import {
  documentSha256,
  listDrafts,
  loadDocument,
  loadIssued,
  noteAlteration,
  type StoredDocument,
  unrenderedInvoices,
} from '#persistence/documents';
import {
  bringForward,
  cancelClose,
  certifyNotes,
  claimStalledBatches,
  type CloseKind,
  earlyAccounts,
  type IssueMode,
  type NewWaiver,
  openClose,
  releaseDrafts,
  retryAccounts,
  retryEarly,
  sendDue,
  settleClose,
  uncertifiedCloses,
  unsettledCloses,
} from '#persistence/closes';
import { UsageViews } from '#usage';
import { Batches, type BatchesOptions, type BatchJob } from './batch.js';
import { certifyClose } from './certify.js';
import { Corrections } from './corrections.js';
import { impatient } from './impatient.js';
import { renderOnce } from './issuing.js';
import { codeOf } from './retry-policy.js';
import { waive, type WaiveRefusal } from './waivers.js';

export interface ClosesOptions extends Omit<BatchesOptions, 'corrections' | 'plans' | 'settle'> {
  /**
   * Hands batches to the queue. It is not waited for longer than a few seconds, because a queue that is away may not answer
   * at all; a batch that gets lost on the way is found again by `sweep`.
   */
  readonly enqueue: (jobs: readonly BatchJob[]) => Promise<void>;
  /** Opens the key that certificates are signed with. */
  readonly secretKey: SecretKey;
  /** Accounts per job. */
  readonly batchSize?: number;
}

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

const SWEEP_IDLE_SECONDS = 60;
/** Who acts when nobody asked, as events name it. */
const SERVICE = 'service';

/** The month-end: opens closes, works on their batches, finishes what others left behind. */
export class Closes {
  readonly #database: Database;
  readonly #options: ClosesOptions;
  /** What comes after the invoices. */
  readonly corrections: Corrections;
  /** What is shown of usage and never billed. */
  readonly usage: UsageViews;
  readonly #batches: Batches;

  constructor(options: ClosesOptions) {
    this.#database = options.database;
    this.#options = { ...options, enqueue: impatient(options.enqueue) };
    const plans = new Plans(documentSha256);
    this.corrections = new Corrections({ ...this.#options, plans });
    this.usage = new UsageViews({ ...options, plans });
    this.#batches = new Batches({
      ...this.#options,
      plans,
      corrections: this.corrections,
      settle: (closeId) => this.#settle(closeId),
    });
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
    this.#batches.drain();
  }

  /** Cancels a close of which nothing is issued. */
  cancel(closeId: string, actor = SERVICE): ReturnType<typeof cancelClose> {
    return cancelClose(this.#database, closeId, actor);
  }

  /** Works on one batch: see `Batches.work`. */
  work(job: BatchJob): Promise<void> {
    return this.#batches.work(job);
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
    await attempt(
      this.#batches.renderAll('', (after, limit) => unrenderedInvoices(this.#database, idleSeconds, after, limit)),
    );
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
