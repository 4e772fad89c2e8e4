import { billableFrom } from '#billing';
import { isTimeZone, monthPeriod } from '#calendar';
import { type Database, databaseNow, type SecretKey } from '#persistence';
import { noteAlteration, unrenderedInvoices } from '#persistence/documents';
import {
  bringForward,
  certifyNotes,
  claimStalledBatches,
  earlyAccounts,
  retryEarly,
  sendDue,
  settleClose,
  uncertifiedCloses,
  unsettledCloses,
} from '#persistence/closes';
import type { Batches, BatchJob } from './batch.js';
import { certifyClose } from './certify.js';
import { type Desk, SERVICE } from './desk.js';

const SWEEP_IDLE_SECONDS = 60;

export interface SweepOptions {
  readonly database: Database;
  readonly enqueue: (jobs: readonly BatchJob[]) => Promise<void>;
  readonly settleHours: number;
  readonly secretKey: SecretKey;
}

/** Finishes what dead workers and lost jobs left behind. Every worker runs it; each part is claimed by one statement. */
export class Sweep {
  readonly #database: Database;
  readonly #options: SweepOptions;
  readonly #desk: Desk;
  readonly #batches: Batches;

  constructor(options: SweepOptions, desk: Desk, batches: Batches) {
    this.#database = options.database;
    this.#options = options;
    this.#desk = desk;
    this.#batches = batches;
  }

  /**
   * Finds what was left behind: batches whose job is lost, issued invoices without a PDF, closes that no worker ended, accounts
   * whose own month had not settled when their close came to them and has now, and accounts whose next try is due.
   */
  async run(idleSeconds = SWEEP_IDLE_SECONDS): Promise<void> {
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
    for (const closeId of await unsettledCloses(this.#database)) {
      await attempt(settle(this.#database, this.#options.secretKey, closeId));
    }
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
      await this.#desk.enqueue(early.closeId, await retryEarly(this.#database, early, SERVICE));
    }
  }
}

/**
 * Ends a close of which nothing is left to do, with its certificate in the same transaction.
 *
 * @throws DocumentAltered when a document that the certificate would count is not as it was issued; this is recorded
 */
export async function settle(database: Database, secretKey: SecretKey, closeId: string): Promise<void> {
  try {
    await settleClose(database, closeId, (tx) => certifyClose(tx, closeId, secretKey));
  } catch (error) {
    await noteAlteration(database, error);
    throw error;
  }
}
