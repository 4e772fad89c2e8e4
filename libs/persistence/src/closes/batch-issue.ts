import type { SellerFacts } from '#billing';
import type { DraftInvoice, IssuedInvoice } from '#invoicing';
import type { RatedLine } from '#rating';
import { v7 as uuid } from 'uuid';
import { type AccountOutcome, type InRound, lockAccounts, moveToOutcome } from './batch-accounts.js';
import { type BatchFacts, loadBatchFacts } from './billing-facts.js';
import type { CloseWork } from './close-work.js';
import { CONFIRM_AFTER_HOURS } from '../documents/confirming-pulls.js';
import { type Database, PersistenceError } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import type { BillingInputs } from '../documents/invoice-inputs.js';
import { insertingInvoices } from '../documents/invoices.js';
import { type NewFile, storingDocuments } from '../documents/stored-documents.js';
import { type Numbering, type NumberTaken, takeNumbers } from '../documents/number-series.js';
import { documentSha256 } from '../ground/document-sha256.js';
import { inOneSession, type Session, session } from '../ground/sets.js';

/** A draft that is about to be issued: one that was just rated, or one that waited in the database. */
export interface ToIssue extends InRound {
  /** Becomes the id of the document. */
  readonly id: string;
  readonly draft: DraftInvoice;
  /** Absent: the draft is stored, and its account is `drafted`. */
  readonly outcome?: Pick<AccountOutcome, 'warnings' | 'vendorWarnings'>;
}

export interface IssueBatch {
  readonly close: CloseWork;
  readonly drafts: readonly ToIssue[];
  readonly numberingOf: (seller: SellerFacts) => Numbering;
  readonly actor: string;
  /** What each draft is computed from, by the facts as they stand on the issuing transaction; pure but for `tx`. */
  readonly inputsOf: (tx: Session, facts: BatchFacts, draft: ToIssue) => Promise<BillingInputs | undefined>;
  /** Writes one document; pure. */
  readonly write: (draft: ToIssue, taken: NumberTaken, seller: SellerFacts) => IssuedInvoice;
  /** Told when the numbers are taken and nothing is committed. */
  readonly onNumbered: (accountIds: readonly string[]) => void;
}

/** What became of a batch that was to be issued; of every other draft, another worker was faster. */
export interface IssuedBatch {
  readonly issued: readonly { readonly accountId: string; readonly invoice: IssuedInvoice }[];
  /** What they were computed from is no longer so; nothing was issued. */
  readonly changed: readonly ToIssue[];
}

/**
 * Issues the drafts of one batch in one transaction. It locks the accounts in the order of their ids, compares what each
 * draft was computed from with what stands now, takes all numbers in one statement, and writes the documents with their
 * lines, taxes, inputs, events and confirming pulls as sets, in the order of their numbers. The row of the number series is
 * locked last and for two round trips. Whatever fails gives all numbers back.
 */
export async function issueBatch(database: Database, batch: IssueBatch): Promise<IssuedBatch> {
  const { close } = batch;
  return inOneSession(database, async (tx): Promise<IssuedBatch> => {
    const ids = batch.drafts.map(({ accountId }) => accountId);
    const rows = await lockAccounts(tx, close.id, ids);
    const facts = await loadBatchFacts(tx, { closeId: close.id, periodLabel: close.periodLabel, accountIds: ids });
    if (!facts || facts.closeState === 'cancelled') return { issued: [], changed: [] };
    const ready: { of: ToIssue; inputs: BillingInputs }[] = [];
    const changed: ToIssue[] = [];
    for (const each of batch.drafts) {
      if (!mayIssue(rows.get(each.accountId), each, facts.issue)) continue;
      const inputs = await batch.inputsOf(tx, facts, each);
      if (inputs && documentSha256(inputs) === each.draft.inputs_hash) ready.push({ of: each, inputs });
      else changed.push(each);
    }
    if (ready.length === 0) return { issued: [], changed };
    const numbering = batch.numberingOf(facts.seller);
    const issued: Numbered[] = [];
    // Each kind has its series, locked in one order everywhere. A total below 0 made a first document a credit note.
    for (const kind of KINDS_OF_FIRST) {
      const some = ready.filter(({ of }) => of.draft.kind === kind);
      if (some.length === 0) continue;
      const taken = await takeNumbers(tx.rows, numbering, kind, some.length);
      some.forEach(({ of, inputs }, position) => {
        const number = { ...taken, sequence: taken.sequence + position };
        issued.push({ of, inputs, number, invoice: batch.write(of, number, facts.seller) });
      });
    }
    batch.onNumbered(issued.map(({ of }) => of.accountId));
    const documents = issued.map(({ of, inputs, number, invoice }) => ({
      ...{ accountId: of.accountId, invoice, taken: number, inputs },
      // Where nothing was pulled there is nothing to confirm.
      confirmed: inputs.usage.length > 0,
    }));
    const { sellerId } = close;
    await tx.run(insertingInvoices({ sellerId, closeId: close.id, actor: batch.actor }, documents));
    await settleIssued(tx, close.id, issued);
    return { issued: issued.map(({ of, invoice }) => ({ accountId: of.accountId, invoice })), changed };
  });
}

/** A draft that was just rated is issued where its account still is as the worker left it; a stored one once it is released. */
function mayIssue(
  row: { state: string; round: number; released: boolean } | undefined,
  { round, outcome }: ToIssue,
  issue: CloseWork['issue'],
): boolean {
  if (row?.round !== round) return false;
  if (outcome) return row.state === 'rated' && issue === 'automatic';
  return row.state === 'drafted' && (row.released || issue === 'automatic');
}

const KINDS_OF_FIRST = ['credit_note', 'invoice'] as const;

interface Numbered {
  readonly of: ToIssue;
  readonly inputs: BillingInputs;
  readonly number: NumberTaken;
  readonly invoice: IssuedInvoice;
}

/** Moves the accounts of documents that were just issued. Drafts that were stored go. */
async function settleIssued(tx: Session, closeId: string, issued: readonly Numbered[]): Promise<void> {
  const stored = issued.filter(({ of }) => of.outcome === undefined);
  const outcomes = (some: readonly Numbered[]) =>
    some.map(({ of, invoice }) => ({ ...of.outcome, accountId: of.accountId, round: of.round, invoiceId: invoice.id }));
  const atOnce = issued.filter(({ of }) => of.outcome !== undefined);
  const moved =
    (await moveToOutcome(tx.rows, closeId, 'issue_at_once', outcomes(atOnce))).size +
    (await moveToOutcome(tx.rows, closeId, 'issue', outcomes(stored))).size;
  if (moved !== issued.length) {
    throw new PersistenceError('account_moved', 'an account changed its state under our lock', false);
  }
  if (stored.length > 0)
    await deleteDrafts(
      tx,
      closeId,
      stored.map(({ of }) => of.accountId),
    );
}

async function deleteDrafts(tx: Session, closeId: string, accountIds: readonly string[]): Promise<void> {
  await tx.run(Prisma.sql`
    DELETE FROM draft_invoice WHERE close_id = ${closeId}::uuid AND account_id = ANY(${[...accountIds]}::uuid[])`);
}

/** A rated account whose draft is to be looked at, or cannot be issued now. */
export interface NewDraft extends AccountOutcome {
  /** Becomes the id of the document once it is issued. */
  readonly id: string;
  readonly draft: DraftInvoice;
  /** The lines of the plan, where an operator left some out. */
  readonly rated?: readonly RatedLine[] | undefined;
}

/**
 * Keeps drafts of accounts that are being billed and moves them to `drafted`. A draft that is made already stays as it is,
 * because it may have been reviewed; what sends the account back takes the release away.
 *
 * @returns the accounts whose draft this call made
 */
export async function saveDrafts(
  database: Database,
  closeId: string,
  drafts: readonly NewDraft[],
): Promise<ReadonlySet<string>> {
  if (drafts.length === 0) return new Set();
  return inOneSession(database, async (tx) => {
    // Cancelling locks the accounts before it deletes their drafts: it is either waited for, or finds these.
    if (!(await lockOpen(tx, closeId, drafts))) return new Set<string>();
    const moved = await moveToOutcome(tx.rows, closeId, 'draft', drafts);
    const given = JSON.stringify(
      drafts
        .filter(({ accountId }) => moved.has(accountId))
        .map(({ id, accountId, draft, rated }) => ({
          id,
          account_id: accountId,
          inputs_hash: draft.inputs_hash,
          document: draft,
          sha256: documentSha256(draft),
          rated: rated ?? null,
        })),
    );
    await tx.run(Prisma.sql`
      INSERT INTO draft_invoice (id, close_id, account_id, inputs_hash, document, document_sha256, rated)
      SELECT id, ${closeId}::uuid, account_id, inputs_hash, document, sha256, rated
        FROM json_to_recordset(${given}::json) AS g (id uuid, account_id uuid, inputs_hash text, document jsonb, sha256 text,
             rated jsonb)
       ORDER BY account_id
      ON CONFLICT (close_id, account_id) DO UPDATE
        SET inputs_hash = excluded.inputs_hash, document = excluded.document, document_sha256 = excluded.document_sha256,
            rated = excluded.rated, updated_at = clock_timestamp()`);
    return moved;
  });
}

/** Locks the rows of accounts in a close; false where the close is cancelled, which is read once they are locked. */
async function lockOpen(tx: Session, closeId: string, accounts: readonly InRound[]): Promise<boolean> {
  await tx.run(Prisma.sql`
    SELECT 1 FROM close_account WHERE close_id = ${closeId}::uuid
        AND account_id = ANY(${accounts.map(({ accountId }) => accountId)}::uuid[]) ORDER BY account_id FOR UPDATE`);
  const [close] = await tx.rows<{ state: string }>(Prisma.sql`SELECT state FROM close WHERE id = ${closeId}::uuid`);
  return close !== undefined && close.state !== 'cancelled';
}

/**
 * Moves accounts to `empty`, keeps what came to nothing, and schedules the pulls that confirm it. Where nothing was pulled
 * there is nothing to confirm. The audit event beside each has the hash of what is kept.
 *
 * @returns the accounts that moved
 */
export async function saveEmpties(
  database: Database,
  closeId: string,
  empties: readonly (AccountOutcome & { readonly inputs: BillingInputs })[],
): Promise<ReadonlySet<string>> {
  if (empties.length === 0) return new Set();
  return inOneSession(database, async (tx) => {
    if (!(await lockOpen(tx, closeId, empties))) return new Set<string>();
    const moved = await moveToOutcome(tx.rows, closeId, 'find_empty', empties);
    const pulled = empties.filter(({ accountId, inputs }) => moved.has(accountId) && inputs.usage.length > 0);
    if (pulled.length > 0) {
      const given = JSON.stringify(
        pulled.map(({ accountId, inputs }) => ({
          id: uuid(),
          account_id: accountId,
          inputs,
          audit: { account: accountId, close: closeId, sha256: documentSha256(inputs) },
          pulls: CONFIRM_AFTER_HOURS.map((hours) => ({ id: uuid(), hours })),
        })),
      );
      await tx.run(Prisma.sql`
        WITH given AS MATERIALIZED (
          SELECT * FROM json_to_recordset(${given}::json) AS g (
            id uuid, account_id uuid, inputs jsonb, audit jsonb, pulls jsonb)
        ), kept AS (
          INSERT INTO empty_period (id, close_id, account_id, inputs)
          SELECT id, ${closeId}::uuid, account_id, inputs FROM given ORDER BY account_id RETURNING id, at
        ), witnessed AS (
          INSERT INTO audit_event (seller_id, actor, action, subject, data)
          SELECT (SELECT seller_id FROM close WHERE id = ${closeId}::uuid), 'service', 'period.empty',
                 'empty_period:' || id, audit
            FROM given ORDER BY account_id
        )
        INSERT INTO confirming_pull (id, empty_id, due_at, next_attempt_at)
        SELECT p.id, g.id, due, due
          FROM given g JOIN kept ON kept.id = g.id
         CROSS JOIN LATERAL jsonb_to_recordset(g.pulls) AS p (id uuid, hours int)
         CROSS JOIN LATERAL (SELECT date_trunc('milliseconds', kept.at) + make_interval(hours => p.hours) AS due) AS d
         ORDER BY g.account_id, p.hours`);
    }
    return moved;
  });
}

/** Stored drafts of accounts, held against their hashes by `unalteredDraft`; by account. */
export async function loadDrafts(
  database: Database,
  closeId: string,
  accountIds: readonly string[],
): Promise<Map<string, { id: string; document: DraftInvoice; document_sha256: string | null }>> {
  const rows = await session(database).rows<{
    account_id: string;
    id: string;
    document: DraftInvoice;
    document_sha256: string | null;
  }>(Prisma.sql`
    SELECT account_id, id, document, document_sha256 FROM draft_invoice
     WHERE close_id = ${closeId}::uuid AND account_id = ANY(${[...accountIds]}::uuid[])`);
  return new Map(rows.map(({ account_id, ...draft }) => [account_id, draft]));
}

/**
 * Keeps files of documents; one that is kept already stays. The audit event beside each has its hash too, so that a hash
 * and its file cannot be changed together unseen.
 */
export async function storeDocuments(database: Database, files: readonly NewFile[]): Promise<void> {
  if (files.length > 0) await session(database).run(storingDocuments(files));
}
