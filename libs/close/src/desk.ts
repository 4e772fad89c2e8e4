import { billableFrom } from '#billing';
import { CalendarError, monthPeriod, toStamp } from '#calendar';
import { afterCommit, type Database, databaseNow, isRefusal } from '#persistence';
import { accountsOfSeller, findSellerId, loadSellerFacts } from '#persistence/catalogue';
import {
  cancelClose,
  type CloseKind,
  type IssueMode,
  type NewWaiver,
  openClose,
  releaseDrafts,
  retryAccounts,
} from '#persistence/closes';
import type { BatchJob, CloseLogEntry } from './batch.js';
import { codeOf } from './retry-policy.js';
import { waive, type WaiveRefusal } from './waivers.js';

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

/** The actor that events and the audit name where the service acts by itself. */
export const SERVICE = 'service';

/** Accounts per job. */
const BATCH_SIZE = 25;

export interface DeskOptions {
  readonly database: Database;
  /** Hands batches to the queue. */
  readonly enqueue: (jobs: readonly BatchJob[]) => Promise<void>;
  /** Hours between the end of a period and its close, where a seller says nothing else. */
  readonly settleHours: number;
  /** Accounts per job. */
  readonly batchSize?: number;
  /** Ends a close of which nothing is left to do. */
  readonly settle: (closeId: string) => Promise<void>;
  readonly log?: (entry: CloseLogEntry) => void;
}

/**
 * What an operator, a schedule or a UI asks to be done with a close. Each request is written down by one transaction, and
 * its batches are handed to the queue after the commit.
 */
export class Desk {
  readonly #database: Database;
  readonly #options: DeskOptions;

  constructor(options: DeskOptions) {
    this.#database = options.database;
    this.#options = options;
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
    const batchSize = this.#options.batchSize ?? BATCH_SIZE;
    const asked = { sellerId, period, kind, dryRun, issue, accountIds, batchSize, actor };
    const opened = await openClose(this.#database, asked);
    if (opened.outcome === 'differs') {
      const message = `close ${opened.id} of this period has ${opened.field} ${opened.is}; ask with that, or cancel it first`;
      return refused('close_differs', message, `/${opened.field}`);
    }
    await this.enqueue(opened.id, opened.batches);
    if (opened.created && opened.batches.length === 0) await this.#options.settle(opened.id);
    return { outcome: 'opened', id: opened.id, created: opened.created };
  }

  /**
   * Sends held, failed and waiting accounts back to the start; of those that are named also empty ones, and issued ones whose
   * invoice was voided. Returns how many batches were sent.
   */
  async retry(closeId: string, accountIds?: readonly string[], actor = SERVICE): Promise<number> {
    return this.enqueue(closeId, await retryAccounts(this.#database, closeId, accountIds, actor));
  }

  /** Releases drafts for issuing. Returns how many batches were sent. */
  async release(closeId: string, accountIds?: readonly string[], actor = SERVICE): Promise<number> {
    return this.enqueue(closeId, await releaseDrafts(this.#database, closeId, accountIds, actor));
  }

  /** Lets one hold of one account pass and sends the account back to the start. Returns how many batches were sent. */
  async waive(waiver: NewWaiver): Promise<number | WaiveRefusal> {
    const batches = await waive(this.#database, waiver);
    return isRefusal(batches) ? batches : this.enqueue(waiver.closeId, batches);
  }

  /** Cancels a close of which nothing is issued. */
  cancel(closeId: string, actor = SERVICE): ReturnType<typeof cancelClose> {
    return cancelClose(this.#database, closeId, actor);
  }

  /**
   * Hands batches to the queue after the commit. What was asked for is written down by now: a queue that does not take it puts
   * it off, and the sweep finds it.
   *
   * @returns how many
   */
  async enqueue(closeId: string, batches: readonly number[]): Promise<number> {
    if (batches.length > 0) {
      // A worker that was told before the commit would find nothing to do.
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
