import type { Notice } from '#billing';
import { createHash } from 'node:crypto';
import { type EpochSeconds, fiscalYear, localDateAt, startOfDay, toStamp } from '#calendar';
import type { DocumentKind, DraftInvoice, IssuedInvoice } from '#invoicing';
import { v7 as uuid } from 'uuid';
import { loadDraft, lockAccount, moveAccount } from '../closes/closes.js';
import { CONFIRM_AFTER_HOURS } from './confirming-pulls.js';
import { type Database, PersistenceError, seriesFailure, type Transaction } from '../ground/database.js';
import { Prisma } from '../generated/client.js';
import { also, sellerOf, where } from '../ground/page.js';
import type { Ask } from '../ground/sets.js';
import {
  DocumentAltered,
  documentSha256,
  SEALED,
  type SealedDocument,
  unaltered,
  unalteredDraft,
  witness,
} from './sealed-documents.js';

/** What a number is made of. The pure room writes it out. */
export interface NumberTaken {
  readonly fiscalYear: number;
  readonly sequence: number;
  readonly issuedAt: EpochSeconds;
}

/** How a seller numbers its documents. */
export interface Numbering {
  readonly sellerId: string;
  readonly timeZone: string;
  /** Month in which the fiscal year begins, 1–12. */
  readonly fiscalYearStart: number;
  /** The sequence of the seller's first invoice. Every other series, of later years and of notes, begins with 1. */
  readonly numberStart: number;
}

export type IssueOutcome =
  | { readonly outcome: 'issued'; readonly invoice: IssuedInvoice }
  /** Somebody else issued it, or it is not drafted (any more). Nothing was done. */
  | { readonly outcome: 'nothing_to_issue' }
  /** What the draft was computed from is no longer so; nothing was issued. */
  | { readonly outcome: 'inputs_changed' }
  /** It may not get a number; nothing was issued. */
  | { readonly outcome: 'objected'; readonly reason: Notice };

interface DraftPlace {
  readonly closeId: string;
  readonly accountId: string;
}

/**
 * Locks the account's row in the close and reads its draft; undefined when there is nothing to issue (any more). Whether a
 * draft is released is looked at here and nowhere before: one that was made anew meanwhile has not been reviewed.
 */
export async function lockDraft(
  tx: Transaction,
  { closeId, accountId }: DraftPlace,
): Promise<{ id: string; inputsHash: string; draft: DraftInvoice } | undefined> {
  const account = await lockAccount(tx, closeId, accountId);
  if (account?.state !== 'drafted' || !(account.released || account.issue === 'automatic')) return undefined;
  const stored = await loadDraft(tx, closeId, accountId);
  if (!stored) throw new PersistenceError('draft_missing', 'the account is drafted but has no draft', false);
  return { id: stored.id, inputsHash: stored.inputsHash, draft: stored.document as DraftInvoice };
}

/** Moves the account of a draft that was just issued to `issued`. */
export async function settleDraft(tx: Transaction, { closeId, accountId }: DraftPlace, id: string): Promise<void> {
  const moved = await moveAccount(tx, closeId, accountId, { to: 'issued', invoiceId: id });
  if (!moved) throw new PersistenceError('account_moved', 'the account changed its state under our lock', false);
  await tx.$executeRaw`
    DELETE FROM draft_invoice WHERE close_id = ${closeId}::uuid AND account_id = ${accountId}::uuid`;
}

/**
 * Takes the next numbers of a series. The counter row stays locked until the transaction ends, so numbers are given out one
 * transaction after the other, and `issuedAt` is read under that lock and never runs backwards: number order is time order.
 *
 * @param ask on the transaction that issues
 * @returns the first of them
 * @throws PersistenceError `series_locked` when another process kept the row for longer than the session waits for a lock
 */
export async function takeNumbers(
  ask: Ask,
  numbering: Numbering,
  kind: DocumentKind,
  count: number,
): Promise<NumberTaken> {
  const { sellerId, numberStart } = numbering;
  for (;;) {
    const [clock] = await ask<{ now: string }>(Prisma.sql`
      SELECT floor(extract(epoch FROM clock_timestamp()))::bigint::text AS now`);
    const year = fiscalYearAt(Number(clock?.now), numbering);
    const yearEnd = toStamp(fiscalYearEnd(year, numbering));
    // One statement, because everybody else waits meanwhile. PostgreSQL computes what it sets when it has the row's lock.
    // A fiscal year that turned while the lock was waited for gives no number any more: a series never goes back.
    const [taken] = await ask<{ next: string; issuedAt: string }>(Prisma.sql`
      INSERT INTO number_series AS series (seller_id, kind, fiscal_year, next_sequence, last_issued_at)
      SELECT ${sellerId}::uuid, ${kind}, ${year}::int,
             CASE WHEN ${kind} = 'invoice' AND NOT ${hasInvoiced(sellerId)} THEN ${numberStart}::bigint ELSE 1 END
             + ${count}::bigint,
             date_trunc('second', clock_timestamp())
       WHERE clock_timestamp() < ${yearEnd}::timestamptz
      ON CONFLICT (seller_id, kind, fiscal_year) DO UPDATE
        SET next_sequence = series.next_sequence + ${count}::bigint,
            last_issued_at = greatest(series.last_issued_at, date_trunc('second', clock_timestamp()))
        WHERE clock_timestamp() < ${yearEnd}::timestamptz
      RETURNING next_sequence::text AS next, extract(epoch FROM last_issued_at)::bigint::text AS "issuedAt"`).catch(
      (error: unknown) => {
        throw seriesFailure(error);
      },
    );
    if (taken) return { fiscalYear: year, sequence: Number(taken.next) - count, issuedAt: Number(taken.issuedAt) };
  }
}

/** The first instant that no longer belongs to a seller's fiscal year. */
function fiscalYearEnd(year: number, { fiscalYearStart, timeZone }: Numbering): EpochSeconds {
  return startOfDay(`${year + 1}-${String(fiscalYearStart).padStart(2, '0')}-01`, timeZone);
}

/** Whether a seller has issued an invoice, in whatever year. */
export function hasInvoiced(sellerId: string): Prisma.Sql {
  return Prisma.sql`EXISTS (SELECT FROM invoice WHERE seller_id = ${sellerId}::uuid AND kind = 'invoice')`;
}

function fiscalYearAt(instant: EpochSeconds, numbering: Numbering): number {
  return fiscalYear(localDateAt(instant, numbering.timeZone), numbering.fiscalYearStart);
}

/** A document with its number, and what it was computed from. */
export interface NewDocument {
  readonly accountId: string;
  readonly invoice: IssuedInvoice;
  readonly taken: NumberTaken;
  readonly inputs: object;
  /** Whether its usage is pulled again later, to confirm it. */
  readonly confirmed: boolean;
}

/**
 * The statement that inserts documents with their lines, taxes, inputs, events and confirming pulls: once and never again, in
 * the order of their numbers. Lines and taxes are read out of the documents by the database, so that beside a document stands
 * what it says. One statement for all tables: the series is locked, and every round trip is one that the next issuer waits for.
 *
 * @param of.closeId null for notes that no close issues
 */
export function insertingInvoices(
  { sellerId, closeId, actor }: { sellerId: string; closeId: string | null; actor: string },
  documents: readonly NewDocument[],
): Prisma.Sql {
  const given = JSON.stringify(
    documents.map(({ accountId, invoice, taken, inputs, confirmed }) => {
      const sha256 = documentSha256(invoice);
      return {
        id: invoice.id,
        account_id: accountId,
        fiscal_year: taken.fiscalYear,
        sequence: taken.sequence,
        sha256,
        inputs,
        document: invoice,
        event_id: uuid(),
        audit_id: uuid(),
        audit: { number: invoice.number, close: closeId, sha256 },
        pulls: confirmed ? CONFIRM_AFTER_HOURS.map((hours) => ({ id: uuid(), hours })) : [],
      };
    }),
  );
  return Prisma.sql`
    WITH given AS MATERIALIZED (
      SELECT * FROM json_to_recordset(${given}::json) AS g (
        id uuid, account_id uuid, fiscal_year int, sequence bigint, sha256 text, inputs jsonb, document jsonb, event_id uuid,
        audit_id uuid, audit jsonb, pulls jsonb)
    ), issued AS (
      INSERT INTO invoice (id, seller_id, account_id, close_id, kind, number, fiscal_year, sequence, period_label, period,
                           revision, currency, net, tax, gross, rounding, payable, issued_at, issue_date, due_date,
                           document, document_sha256, inputs_hash, layout_version)
      SELECT g.id, ${sellerId}::uuid, g.account_id, ${closeId}::uuid, d.kind, d.number, g.fiscal_year, g.sequence,
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
    SELECT audit_id, ${sellerId}::uuid, ${actor}, 'invoice.issued', 'invoice:' || id, audit
      FROM given ORDER BY sequence`;
}

/** An invoice as the REST contract shows it: the frozen document, its derived status and the hash of its stored PDF. */
export type InvoiceView = Omit<IssuedInvoice, 'status'> & {
  status: 'issued' | 'credited' | 'voided';
  pdf_sha256: string | null;
};

export interface InvoiceFilter {
  readonly id?: string | undefined;
  readonly account?: string | undefined;
  readonly seller?: string | undefined;
  readonly period?: string | undefined;
  readonly status?: string | undefined;
  readonly number?: string | undefined;
  readonly close?: string | undefined;
  /** The id of the last one already seen. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/**
 * Issued documents in the order of issue. What a page costs does not grow with what is before or after it.
 *
 * @throws DocumentAltered when one of them is not as it was issued: the others are listed by what leaves it out
 */
export async function listInvoices(database: Database, filter: InvoiceFilter): Promise<InvoiceView[]> {
  const rows = await database.$queryRaw<(SealedDocument & { status: InvoiceView['status']; pdf: string | null })[]>`
    SELECT ${SEALED}, ${STATUS} AS status,
           (SELECT sha256 FROM stored_document WHERE invoice_id = i.id AND kind = 'pdf') AS pdf
      FROM (${pageOfInvoices(filter)}) AS page JOIN invoice i ON i.id = page.id
     ORDER BY i.issued_at, i.sequence, i.id`;
  return rows.map(({ status, pdf, ...row }) => ({ ...unaltered(row), status, pdf_sha256: pdf }));
}

const STATUS = Prisma.sql`(SELECT status FROM invoice_status WHERE invoice_id = i.id)`;

/**
 * The ids of a page. Few documents have one account or one number: of those the status is looked up. For everything else
 * that has a status there is an index that has it too.
 */
function pageOfInvoices(filter: InvoiceFilter): Prisma.Sql {
  const { id, account, seller, period, status, number, close, after, limit } = filter;
  const few = id !== undefined || account !== undefined || number !== undefined;
  const byStatus = status !== undefined && !few;
  const key = byStatus ? Prisma.sql`i.invoice_id` : Prisma.sql`i.id`;
  return Prisma.sql`
    SELECT ${key} AS id FROM ${byStatus ? Prisma.sql`invoice_status` : Prisma.sql`invoice`} i
    ${where(
      id !== undefined && Prisma.sql`i.id = ${id}::uuid`,
      account !== undefined && Prisma.sql`i.account_id = ${account}::uuid`,
      number !== undefined &&
        (account === undefined ? Prisma.sql`i.number = ${number}` : also(Prisma.sql`i.number = ${number}`)),
      ...placedIn(Prisma.sql`i`, { seller, period, close }, few),
      status !== undefined && (byStatus ? Prisma.sql`i.status = ${status}` : also(Prisma.sql`${STATUS} = ${status}`)),
      after !== undefined &&
        Prisma.sql`(i.issued_at, i.sequence, ${key}) > (SELECT issued_at, sequence, id FROM invoice
                                                         WHERE id = ${after}::uuid)`,
    )}
     ORDER BY i.issued_at, i.sequence, ${key} LIMIT ${limit}`;
}

/**
 * Conditions on where a document or draft belongs. What a close has is of the close's seller and period: of the close it is
 * asked, once, and when another is asked for nothing else is read.
 *
 * @param few another condition finds few rows
 */
function placedIn(
  of: Prisma.Sql,
  { seller, period, close }: Pick<InvoiceFilter, 'seller' | 'period' | 'close'>,
  few: boolean,
): (Prisma.Sql | false)[] {
  const found = (condition: Prisma.Sql) => (few ? also(condition) : condition);
  if (close === undefined) {
    return [
      seller !== undefined && found(Prisma.sql`${of}.seller_id = ${sellerOf(seller)}`),
      period !== undefined && found(Prisma.sql`${of}.period_label = ${period}`),
    ];
  }
  const ofClose = (condition: Prisma.Sql) =>
    Prisma.sql`EXISTS (SELECT FROM close WHERE id = ${close}::uuid AND ${also(condition)})`;
  return [
    found(Prisma.sql`${of}.close_id = ${close}::uuid`),
    seller !== undefined && ofClose(Prisma.sql`seller_id = ${sellerOf(seller)}`),
    period !== undefined && ofClose(Prisma.sql`period_label = ${period}`),
  ];
}

/** One issued document, or undefined. */
export async function findInvoice(database: Database, id: string): Promise<InvoiceView | undefined> {
  const [invoice] = await listInvoices(database, { id, limit: 1 });
  return invoice;
}

/** A draft as the REST contract shows it: an invoice that has no number yet. It keeps its id when it is issued. */
export type DraftView = DraftInvoice & {
  id: string;
  number: null;
  issued_at: null;
  issue_date: null;
  due_date: null;
  pdf_sha256: null;
};

/**
 * Drafts that wait for their release or for a worker, in the order of their ids.
 *
 * @throws DocumentAltered
 */
export async function listDrafts(
  database: Database,
  filter: Omit<InvoiceFilter, 'status' | 'number'>,
): Promise<(DraftView & { close: string })[]> {
  const { id, account, after, limit } = filter;
  const rows = await database.$queryRaw<
    { id: string; close: string; document: DraftInvoice; document_sha256: string | null }[]
  >`
    SELECT d.id, d.close_id AS close, d.document, d.document_sha256
      FROM draft_invoice d
    ${where(
      Prisma.sql`(SELECT state = 'drafted' FROM close_account WHERE close_id = d.close_id AND account_id = d.account_id)`,
      Prisma.sql`(SELECT state <> 'cancelled' FROM close WHERE id = d.close_id)`,
      id !== undefined && Prisma.sql`d.id = ${id}::uuid`,
      account !== undefined && Prisma.sql`d.account_id = ${account}::uuid`,
      ...placedIn(Prisma.sql`d`, filter, id !== undefined || account !== undefined),
      after !== undefined && Prisma.sql`d.id > ${after}::uuid`,
    )}
     ORDER BY d.id LIMIT ${limit}`;
  return rows.map(({ id, close, ...draft }) => ({
    ...unalteredDraft(`draft:${id}`, draft),
    id,
    close,
    number: null,
    issued_at: null,
    issue_date: null,
    due_date: null,
    pdf_sha256: null,
  }));
}

/**
 * The frozen document itself, as it was issued: what a renderer needs.
 *
 * @throws DocumentAltered
 */
export async function loadIssued(database: Database, id: string): Promise<IssuedInvoice | undefined> {
  const [row] = await database.$queryRaw<SealedDocument[]>`
    SELECT ${SEALED} FROM invoice i WHERE i.id = ${id}::uuid`;
  return row && unaltered(row);
}

/** A rendered file of an invoice. */
export interface StoredDocument {
  /** The version of the page's look that it was drawn with. */
  readonly layout: number;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/**
 * Keeps a rendered file unless one is kept already, and answers the one that is kept: the first is served for ever. The
 * audit event beside it has its hash too, so that a hash and its file cannot be changed together unseen.
 *
 * @throws DocumentAltered when one is kept and is not as it was stored
 */
export async function storeDocument(
  database: Database,
  invoiceId: string,
  file: { kind: 'pdf'; layout: number; sha256: string; bytes: Uint8Array },
): Promise<StoredDocument> {
  const { kind, layout, sha256, bytes } = file;
  const inserted = await database.$executeRaw(storingDocuments([{ invoiceId, layout, sha256, bytes }]));
  if (inserted === 1) return { layout, sha256, bytes };
  const stored = await loadDocument(database, invoiceId, kind);
  if (!stored) throw new PersistenceError('document_missing', 'a stored document could not be read back', true);
  return stored;
}

/** A rendered file of an issued document. */
export interface NewFile {
  readonly invoiceId: string;
  readonly layout: number;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** The statement that keeps PDFs, with an audit event for each; one that is kept already stays. */
export function storingDocuments(files: readonly NewFile[]): Prisma.Sql {
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
  return Prisma.sql`
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
    SELECT g.audit_id, i.seller_id, 'service', 'document.stored', 'invoice:' || g.invoice_id,
           jsonb_build_object('kind', 'pdf', 'layout', g.layout, 'sha256', g.sha256)
      FROM given g JOIN stored USING (invoice_id) JOIN invoice i ON i.id = g.invoice_id ORDER BY g.position`;
}

/**
 * The kept file, or undefined when none was rendered yet.
 *
 * @throws DocumentAltered
 */
export async function loadDocument(
  database: Database,
  invoiceId: string,
  kind: 'pdf',
): Promise<StoredDocument | undefined> {
  const [row] = await database.$queryRaw<(StoredDocument & { number: string; witnessed: string | null })[]>`
    SELECT d.layout, d.sha256, d.bytes, i.number, ${witness('document.stored')} AS witnessed
      FROM stored_document d JOIN invoice i ON i.id = d.invoice_id
     WHERE d.invoice_id = ${invoiceId}::uuid AND d.kind = ${kind}`;
  if (!row) return undefined;
  const { layout, sha256, bytes, number, witnessed } = row;
  if (sha256 !== (witnessed ?? sha256) || createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new DocumentAltered({ subject: `invoice:${invoiceId}`, part: kind, name: number });
  }
  return { layout, sha256, bytes };
}

/**
 * Documents without a PDF that were issued a while ago, in the order of their ids: a worker died between commit and
 * render. What was issued just now is about to be drawn by whoever issued it.
 */
export async function unrenderedInvoices(
  database: Database,
  idleSeconds: number,
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT invoice_id AS id FROM invoice_unrendered u JOIN invoice i ON i.id = u.invoice_id
     WHERE i.issued_at <= clock_timestamp() - make_interval(secs => ${idleSeconds})
       AND (${after ?? null}::uuid IS NULL OR invoice_id > ${after ?? null}::uuid)
     ORDER BY invoice_id LIMIT ${limit}`;
  return rows.map((row) => row.id);
}

/**
 * The same of one batch of a close. Not of the whole close: every batch would search through it anew, and batches that
 * are worked on at the same time would draw each other's documents.
 */
export async function unrenderedOfBatch(
  database: Database,
  { closeId, batch }: { closeId: string; batch: number },
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT a.invoice_id AS id FROM close_account a
     WHERE a.close_id = ${closeId}::uuid AND a.batch = ${batch} AND a.invoice_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM stored_document d WHERE d.invoice_id = a.invoice_id AND d.kind = 'pdf')
       AND (${after ?? null}::uuid IS NULL OR a.invoice_id > ${after ?? null}::uuid)
     ORDER BY a.invoice_id LIMIT ${limit}`;
  return rows.map((row) => row.id);
}
