import { Plans } from '#billing';
import type { FormatKind, Refusal } from '#e-invoice';
import { type Database, documentSha256, type SecretKey } from '#persistence';
import { listDrafts, loadDocument, loadIssued, type StoredDocument } from '#persistence/documents';
import { UsageViews } from '#usage';
import { Batches, type BatchesOptions, type BatchJob } from './batch.js';
import { Corrections } from './corrections.js';
import { Desk } from './desk.js';
import { Registrations } from './registrations.js';
import { Reviews } from './reviews.js';
import { renderOnce, writeOnce } from './issuing.js';
import { settle, Sweep } from './sweep.js';
import { withTimeout } from './with-timeout.js';

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

/** The month-end: its parts, wired. */
export class Closes {
  readonly #database: Database;
  readonly #options: ClosesOptions;
  /** What is asked to be done with a close. */
  readonly desk: Desk;
  /** What is done to drafts before they are released. */
  readonly reviews: Reviews;
  /** What e-invoice portals answered documents. */
  readonly registrations: Registrations;
  /** What comes after the invoices. */
  readonly corrections: Corrections;
  /** What is shown of usage and never billed. */
  readonly usage: UsageViews;
  readonly #batches: Batches;
  readonly #sweep: Sweep;

  constructor(given: ClosesOptions) {
    const options = { ...given, enqueue: withTimeout(given.enqueue) };
    const { database, secretKey } = options;
    this.#database = database;
    this.#options = options;
    const plans = new Plans(documentSha256);
    const settled = (closeId: string) => settle(database, secretKey, closeId);
    this.desk = new Desk({ ...options, settle: settled });
    this.reviews = new Reviews({ ...options, plans });
    this.registrations = new Registrations(options);
    this.corrections = new Corrections({ ...options, plans });
    this.usage = new UsageViews({ ...options, plans });
    this.#batches = new Batches({ ...options, plans, corrections: this.corrections, settle: settled });
    this.#sweep = new Sweep(options, this.desk, this.#batches);
  }

  /** Works on one batch: see `Batches.work`. */
  work(job: BatchJob): Promise<void> {
    return this.#batches.work(job);
  }

  /** Takes up no further account: a batch in hand goes back to the queue once the accounts in work are done. */
  drain(): void {
    this.#batches.drain();
  }

  /** Finishes what was left behind: see `Sweep.run`. */
  sweep(idleSeconds?: number): Promise<void> {
    return this.#sweep.run(idleSeconds);
  }

  /** The PDF of an issued invoice: the stored one, or rendered now and stored once. Undefined: no such invoice. */
  async pdf(invoiceId: string): Promise<StoredDocument | undefined> {
    const stored = await loadDocument(this.#database, invoiceId, 'pdf');
    if (stored) return stored;
    const invoice = await loadIssued(this.#database, invoiceId);
    return invoice && renderOnce(this.#database, this.#options.renderer, invoice);
  }

  /** An electronic form of an issued invoice: the stored one, or written now and stored once. Undefined: no such invoice. */
  async xml(invoiceId: string, kind: FormatKind): Promise<StoredDocument | Refusal | undefined> {
    const invoice = await loadIssued(this.#database, invoiceId);
    return invoice && writeOnce(this.#database, this.#options.renderer, invoice, kind);
  }

  /** The PDF of a draft: rendered now, with a watermark, and kept nowhere. Undefined: no such draft. */
  async draftPdf(draftId: string): Promise<Uint8Array | undefined> {
    const [draft] = await listDrafts(this.#database, { id: draftId, limit: 1 });
    return draft && (await this.#options.renderer.render(draft)).pdf;
  }
}
