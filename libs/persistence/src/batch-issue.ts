import type { SellerFacts } from '#billing';
import { type EpochSeconds, toStamp } from '#calendar';
import type { DraftInvoice, IssuedInvoice } from '#invoicing';
import { v7 as uuid } from 'uuid';
import { type AccountOutcome, type InRound, lockAccounts, moveToOutcome } from './batch-accounts.js';
import { type BatchFacts, loadBatchFacts } from './billing-facts.js';
import type { CloseWork } from './closes.js';
import { CONFIRM_AFTER_HOURS } from './confirming-pulls.js';
import { type Database, PersistenceError, seriesFailure } from './database.js';
import { Prisma } from './generated/client.js';
import type { BillingInputs } from './invoice-inputs.js';
import { fiscalYearAt, fiscalYearEnd, hasInvoiced, type Numbering, type NumberTaken } from './invoices.js';
import { documentSha256 } from './sealed-documents.js';
import { inOneSession, type Session, session } from './sets.js';

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
    const taken = await takeNumbers(tx, batch.numberingOf(facts.seller), ready.length);
    const issued = ready.map(({ of, inputs }, position) => {
      const number = { ...taken, sequence: taken.sequence + position };
      return { of, inputs, number, invoice: batch.write(of, number, facts.seller) };
    });
    batch.onNumbered(issued.map(({ of }) => of.accountId));
    await insertInvoices(tx, batch, issued);
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

/**
 * Takes the next numbers of a seller's invoices. The counter row stays locked until the transaction ends, so numbers are
 * given out one batch after the other, and `issuedAt` is read under that lock and never runs backwards: number order is
 * time order.
 *
 * @returns the first of them
 * @throws PersistenceError `series_locked` when another process kept the row for longer than the session waits for a lock
 */
async function takeNumbers(tx: Session, numbering: Numbering, count: number): Promise<NumberTaken> {
  const { sellerId, numberStart } = numbering;
  for (;;) {
    const year = fiscalYearAt(await clockOf(tx), numbering);
    const yearEnd = toStamp(fiscalYearEnd(year, numbering));
    // A fiscal year that turned while the lock was waited for gives no number any more: a series never goes back.
    const [taken] = await tx
      .rows<{ next: string; issuedAt: string }>(
        Prisma.sql`
          INSERT INTO number_series AS series (seller_id, kind, fiscal_year, next_sequence, last_issued_at)
          SELECT ${sellerId}::uuid, 'invoice', ${year},
                 CASE WHEN NOT ${hasInvoiced(sellerId)} THEN ${numberStart}::bigint ELSE 1 END + ${count},
                 date_trunc('second', clock_timestamp())
           WHERE clock_timestamp() < ${yearEnd}::timestamptz
          ON CONFLICT (seller_id, kind, fiscal_year) DO UPDATE
            SET next_sequence = series.next_sequence + ${count},
                last_issued_at = greatest(series.last_issued_at, date_trunc('second', clock_timestamp()))
            WHERE clock_timestamp() < ${yearEnd}::timestamptz
          RETURNING next_sequence::text AS next, extract(epoch FROM last_issued_at)::bigint::text AS "issuedAt"`,
      )
      .catch((error: unknown) => {
        throw seriesFailure(error);
      });
    if (taken) return { fiscalYear: year, sequence: Number(taken.next) - count, issuedAt: Number(taken.issuedAt) };
  }
}

async function clockOf(tx: Session): Promise<EpochSeconds> {
  const [row] = await tx.rows<{ now: string }>(Prisma.sql`
    SELECT floor(extract(epoch FROM clock_timestamp()))::bigint::text AS now`);
  return Number(row?.now);
}

interface Numbered {
  readonly of: ToIssue;
  readonly inputs: BillingInputs;
  readonly number: NumberTaken;
  readonly invoice: IssuedInvoice;
}

/** Lines and taxes are read out of the documents by the database, so that beside a document stands what it says. */
async function insertInvoices(tx: Session, { close, actor }: IssueBatch, issued: readonly Numbered[]): Promise<void> {
  const given = JSON.stringify(
    issued.map(({ of, inputs, number, invoice }) => {
      const sha256 = documentSha256(invoice);
      return {
        id: invoice.id,
        account_id: of.accountId,
        fiscal_year: number.fiscalYear,
        sequence: number.sequence,
        sha256,
        inputs,
        document: invoice,
        event_id: uuid(),
        audit_id: uuid(),
        audit: { number: invoice.number, close: close.id, sha256 },
        // Where nothing was pulled there is nothing to confirm.
        pulls: inputs.usage.length > 0 ? CONFIRM_AFTER_HOURS.map((hours) => ({ id: uuid(), hours })) : [],
      };
    }),
  );
  await tx.run(Prisma.sql`
    WITH given AS MATERIALIZED (
      SELECT * FROM json_to_recordset(${given}::json) AS g (
        id uuid, account_id uuid, fiscal_year int, sequence bigint, sha256 text, inputs jsonb, document jsonb, event_id uuid,
        audit_id uuid, audit jsonb, pulls jsonb)
    ), issued AS (
      INSERT INTO invoice (id, seller_id, account_id, close_id, kind, number, fiscal_year, sequence, period_label, period,
                           revision, currency, net, tax, gross, rounding, payable, issued_at, issue_date, due_date,
                           document, document_sha256, inputs_hash, layout_version)
      SELECT g.id, ${close.sellerId}::uuid, g.account_id, ${close.id}::uuid, d.kind, d.number, g.fiscal_year, g.sequence,
             d.period->>'label', tstzrange((d.period->>'start')::timestamptz, (d.period->>'end')::timestamptz), d.revision,
             d.currency, d.net, d.tax, d.gross, d.rounding, d.payable, d.issued_at, d.issue_date, d.due_date, g.document,
             g.sha256, d.inputs_hash, d.layout_version
        FROM given g CROSS JOIN LATERAL jsonb_to_record(g.document) AS d (
               kind text, number text, period jsonb, revision int, currency text, net numeric, tax numeric, gross numeric,
               rounding numeric, payable numeric, issued_at timestamptz, issue_date date, due_date date, inputs_hash text,
               layout_version int)
       ORDER BY g.sequence
    ), lines AS (
      INSERT INTO invoice_line (invoice_id, position, charge, kind, description, dimension, entity, quantity, unit, amount,
                                tax_category)
      SELECT g.id, l.position, l.charge, l.kind, l.description, l.entity->>'dimension', l.entity->>'value', l.quantity,
             l.unit, l.amount, l.tax_category
        FROM given g CROSS JOIN LATERAL jsonb_to_recordset(g.document->'lines') AS l (
               position int, charge text, kind text, description text, entity jsonb, quantity numeric, unit text,
               amount numeric, tax_category text)
       ORDER BY g.sequence, l.position
    ), taxes AS (
      INSERT INTO invoice_tax (invoice_id, position, name, category, rate, base, amount)
      SELECT g.id, t.position, t.tax->>'name', t.tax->>'category', (t.tax->>'rate')::numeric, (t.tax->>'base')::numeric,
             (t.tax->>'amount')::numeric
        FROM given g CROSS JOIN LATERAL jsonb_array_elements(g.document->'taxes') WITH ORDINALITY AS t (tax, position)
       ORDER BY g.sequence, t.position
    ), inputs AS (
      INSERT INTO invoice_inputs (invoice_id, inputs) SELECT id, inputs FROM given ORDER BY sequence
    ), event AS (
      INSERT INTO invoice_event (id, invoice_id, type, at)
      SELECT event_id, id, 'issued', (document->>'issued_at')::timestamptz FROM given ORDER BY sequence
    ), pulls AS (
      INSERT INTO confirming_pull (id, invoice_id, due_at, next_attempt_at)
      SELECT p.id, g.id, due, due
        FROM given g CROSS JOIN LATERAL jsonb_to_recordset(g.pulls) AS p (id uuid, hours int)
       CROSS JOIN LATERAL (SELECT (g.document->>'issued_at')::timestamptz + make_interval(hours => p.hours) AS due) AS d
       ORDER BY g.sequence, p.hours
    )
    INSERT INTO audit_event (id, seller_id, actor, action, subject, data)
    SELECT audit_id, ${close.sellerId}::uuid, ${actor}, 'invoice.issued', 'invoice:' || id, audit
      FROM given ORDER BY sequence`);
}

/** Moves the accounts of documents that were just issued. Drafts that were stored go. */
async function settleIssued(tx: Session, closeId: string, issued: readonly Numbered[]): Promise<void> {
  const stored = issued.filter(({ of }) => of.outcome === undefined);
  const outcomes = (some: readonly Numbered[]) =>
    some.map(({ of, invoice }) => ({ ...of.outcome, accountId: of.accountId, round: of.round, invoiceId: invoice.id }));
  const atOnce = issued.filter(({ of }) => of.outcome !== undefined);
  const moved =
    (await moveToOutcome(tx, closeId, 'issue_at_once', outcomes(atOnce))).size +
    (await moveToOutcome(tx, closeId, 'issue', outcomes(stored))).size;
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
    const moved = await moveToOutcome(tx, closeId, 'draft', drafts);
    const given = JSON.stringify(
      drafts
        .filter(({ accountId }) => moved.has(accountId))
        .map(({ id, accountId, draft }) => ({
          id,
          account_id: accountId,
          inputs_hash: draft.inputs_hash,
          document: draft,
          sha256: documentSha256(draft),
        })),
    );
    await tx.run(Prisma.sql`
      INSERT INTO draft_invoice (id, close_id, account_id, inputs_hash, document, document_sha256)
      SELECT id, ${closeId}::uuid, account_id, inputs_hash, document, sha256
        FROM json_to_recordset(${given}::json) AS g (id uuid, account_id uuid, inputs_hash text, document jsonb, sha256 text)
       ORDER BY account_id
      ON CONFLICT (close_id, account_id) DO UPDATE
        SET inputs_hash = excluded.inputs_hash, document = excluded.document, document_sha256 = excluded.document_sha256,
            updated_at = clock_timestamp()`);
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
 * there is nothing to confirm.
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
    const moved = await moveToOutcome(tx, closeId, 'find_empty', empties);
    const pulled = empties.filter(({ accountId, inputs }) => moved.has(accountId) && inputs.usage.length > 0);
    if (pulled.length > 0) {
      const given = JSON.stringify(
        pulled.map(({ accountId, inputs }) => ({
          id: uuid(),
          account_id: accountId,
          inputs,
          pulls: CONFIRM_AFTER_HOURS.map((hours) => ({ id: uuid(), hours })),
        })),
      );
      await tx.run(Prisma.sql`
        WITH given AS MATERIALIZED (
          SELECT * FROM json_to_recordset(${given}::json) AS g (id uuid, account_id uuid, inputs jsonb, pulls jsonb)
        ), kept AS (
          INSERT INTO empty_period (id, close_id, account_id, inputs)
          SELECT id, ${closeId}::uuid, account_id, inputs FROM given ORDER BY account_id RETURNING id, at
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

/** A rendered file of an issued document. */
export interface NewFile {
  readonly invoiceId: string;
  readonly layout: number;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/**
 * Keeps the PDFs of documents; one that is kept already stays. The audit event beside each has its hash too, so that a hash
 * and its file cannot be changed together unseen.
 */
export async function storeDocuments(database: Database, sellerId: string, files: readonly NewFile[]): Promise<void> {
  if (files.length === 0) return;
  const given = JSON.stringify(
    files.map(({ invoiceId, layout, sha256, bytes }) => ({
      id: uuid(),
      invoice_id: invoiceId,
      layout,
      sha256,
      length: bytes.length,
      audit_id: uuid(),
    })),
  );
  // The files follow each other in one parameter, which the driver sends as it is.
  const bytes = Buffer.concat(files.map((file) => file.bytes));
  await session(database).run(Prisma.sql`
    WITH given AS MATERIALIZED (
      SELECT g.*, sum(g.length) OVER (ORDER BY g.position) - g.length + 1 AS offset
        FROM ROWS FROM (json_to_recordset(${given}::json) AS (
               id uuid, invoice_id uuid, layout int, sha256 text, length int, audit_id uuid))
             WITH ORDINALITY AS g (id, invoice_id, layout, sha256, length, audit_id, position)
    ), stored AS (
      INSERT INTO stored_document (id, invoice_id, kind, layout, sha256, bytes)
      SELECT id, invoice_id, 'pdf', layout, sha256, substring(${bytes}::bytea FROM g.offset::int FOR g.length)
        FROM given g ORDER BY invoice_id
      ON CONFLICT DO NOTHING RETURNING invoice_id
    )
    INSERT INTO audit_event (id, seller_id, actor, action, subject, data)
    SELECT g.audit_id, ${sellerId}::uuid, 'service', 'document.stored', 'invoice:' || g.invoice_id,
           jsonb_build_object('kind', 'pdf', 'layout', g.layout, 'sha256', g.sha256)
      FROM given g JOIN stored USING (invoice_id) ORDER BY g.position`);
}
