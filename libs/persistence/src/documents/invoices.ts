import type { IssuedInvoice } from '#invoicing';
import { v7 as uuid } from 'uuid';
import * as Prisma from '../ground/prisma.js';
import type { Database } from '../ground/database.js';
import { also, sellerOf, where } from '../ground/page.js';
import { DRAWING } from './adjustments.js';
import { CONFIRM_AFTER_HOURS } from './confirming-pulls.js';
import type { NumberTaken } from './number-series.js';
import { documentSha256 } from '../ground/document-sha256.js';
import { SEALED, type SealedDocument, unaltered } from './sealed-documents.js';

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
 * The statement that inserts documents with their lines, taxes, inputs, events, confirming pulls and the adjustments that they
 * draw: once and never again, in the order of their numbers. Lines and taxes are read out of the documents by the database, so that beside a document stands
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
        audit: { number: invoice.number, close: closeId, sha256 },
        pulls: confirmed ? CONFIRM_AFTER_HOURS.map((hours) => ({ id: uuid(), hours })) : [],
      };
    }),
  );
  return Prisma.sql`
    WITH given AS MATERIALIZED (
      SELECT * FROM json_to_recordset(${given}::json) AS g (
        id uuid, account_id uuid, fiscal_year int, sequence bigint, sha256 text, inputs jsonb, document jsonb, event_id uuid,
        audit jsonb, pulls jsonb)
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
      INSERT INTO invoice_line (month, invoice_id, position, charge, kind, description, dimension, entity, quantity, unit,
                                amount, tax_category)
      SELECT month_of(g.document->'period'->>'label'), g.id, l.position, l.charge, l.kind, l.description,
             l.entity->>'dimension', l.entity->>'value', l.quantity, l.unit, l.amount, l.tax_category
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
    ), drawn AS (
      ${DRAWING}
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
    INSERT INTO audit_event (seller_id, actor, action, subject, data)
    SELECT ${sellerId}::uuid, ${actor}, 'invoice.issued', 'invoice:' || id, audit
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
           (SELECT d.sha256 FROM stored_document d
             WHERE d.month = i.month AND d.invoice_id = i.id AND d.kind = 'pdf') AS pdf
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
export function placedIn(
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
