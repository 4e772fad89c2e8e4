import type { BillingTerms, Notice } from '#billing';
import type {
  CreditRefusal,
  CreditRefusalCode,
  CreditRequest,
  DraftInvoice,
  InvoiceLine,
  IssuedInvoice,
  TaxGroup,
} from '#invoicing';
import type { WindowFingerprint } from '#proof';
import type { Adjustment } from '#rating';
import { v7 as uuid } from 'uuid';
import { recordAudit } from '../ground/audit.js';
import { type Database, stamp, transaction, type Transaction } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import { giveBack, keepAdjustment, type AdjustmentRefusal, type NewAdjustment } from '../documents/adjustments.js';
import { askAnew } from '../documents/confirming-pulls.js';
import { loadDocumentFacts } from '../documents/invoice-inputs.js';
import { insertingInvoices } from '../documents/invoices.js';
import { type IssueOutcome, lockDraft, settleDraft } from './drafts.js';
import { type Numbering, type NumberTaken, takeNumbers } from '../documents/number-series.js';
import { type Snapshot, usageFingerprint } from '../ledger/ledger.js';
import { IS_NOTE } from '../ground/issued.js';
import { sellerOf, where } from '../ground/page.js';
import {
  type AccountPeriod,
  documentFingerprints,
  type DocumentFingerprint,
  loadPeriodDocuments,
} from '../documents/period-documents.js';
import { isRefusal, refusal, type Refusal, Undone } from '../ground/refusal.js';
import { documentSha256 } from '../ground/document-sha256.js';
import { SEALED, type SealedDocument, unaltered, unalteredDraft } from '../documents/sealed-documents.js';
import { ISSUES_CORRECTIONS } from '../catalogue/seller-settings.js';

export type CorrectionState = 'proposed' | 'issued' | 'dismissed' | 'superseded';

/** A correction as the REST contract shows it. Amounts are what is added to the documents of the period: signed. */
export interface CorrectionView {
  id: string;
  seller: string;
  account: string;
  period: { label: string; start: string; end: string };
  state: CorrectionState;
  /** A pull brought other usage, or an operator voided the documents, credited a part of them, or had an adjustment noted. */
  cause: 'usage' | 'void' | 'credit' | 'adjustment';
  kind: DraftInvoice['kind'];
  /** The document that billed the period, the last time it did. */
  corrects: { id: string; number: string };
  currency: string;
  lines: InvoiceLine[];
  taxes: TaxGroup[];
  net: string;
  tax: string;
  gross: string;
  rounding: string;
  payable: string;
  /** Whether it was proposed to be issued without an operator. */
  automatic: boolean;
  /** The note it was issued as. */
  invoice: string | null;
  /** Why it was dismissed, or why the documents were voided or a part of them credited. */
  reason: string | null;
  decided_by: string | null;
  decided_at: string | null;
  created_at: string;
}

/** Whether two states of a period's usage are equal in every value, however often it was pulled in between. */
export function sameUsage(a: readonly WindowFingerprint[], b: readonly WindowFingerprint[]): boolean {
  return usageSha256(a) === usageSha256(b);
}

function usageSha256(usage: readonly WindowFingerprint[]): string {
  return documentSha256(usage.map(({ entity, metric, values_sha256 }) => ({ entity, metric, values_sha256 })));
}

/** What a note is computed from beside the pinned facts of the original. Its hash is the note's `inputs_hash`. */
interface CorrectionInputs {
  readonly original: string;
  readonly documents: readonly DocumentFingerprint[];
  /** Absent on a void, which takes everything back, whatever was used, and on a credit by hand. */
  readonly usage?: readonly WindowFingerprint[];
  /** What an operator asked to be credited. */
  readonly credit?: CreditRequest;
  /** The one that an operator had noted at once. */
  readonly adjustments?: readonly Adjustment[];
  readonly dialect_sha256?: string | null;
}

/**
 * Serialises transactions that correct one account's period, void it or bill it anew: locks the account's row in the close
 * that billed it, of which a period has one. Within a close of corrections the account's row there is locked before it, and
 * number series come after, as everywhere.
 */
async function lockPeriod(tx: Transaction, { accountId, periodLabel }: AccountPeriod): Promise<void> {
  await tx.$queryRaw`
    SELECT 1 FROM invoice i JOIN close_account a ON a.close_id = i.close_id AND a.account_id = i.account_id
     WHERE i.account_id = ${accountId}::uuid AND i.period_label = ${periodLabel} AND i.revision = 1 FOR UPDATE OF a`;
}

export interface Proposal {
  readonly original: IssuedInvoice;
  /** The last revision that the proposal takes into account. */
  readonly baseRevision: number;
  /** What the pull saved. */
  readonly snapshots: readonly Snapshot[];
  readonly dialectSha256: string;
  /** What is to be corrected; null when nothing is. */
  readonly draft: Omit<DraftInvoice, 'inputs_hash'> | null;
}

export type ProposeOutcome =
  | { readonly outcome: 'proposed'; readonly id: string; readonly state: CorrectionState; readonly automatic: boolean }
  | { readonly outcome: 'nothing_to_correct' }
  | { readonly outcome: 'voided' }
  /** Meanwhile another pull brought other usage or another note was issued: what was computed no longer holds. */
  | { readonly outcome: 'overtaken' };

/**
 * Makes the proposal that a pull led to the open one of its period, once: the same usage on the same documents finds the
 * proposal that exists, also one that an operator dismissed. A credit by hand makes them no other documents: what it is about
 * is not the usage. Open proposals of other usage are superseded, and come back
 * when that usage does.
 */
export async function proposeCorrection(database: Database, proposal: Proposal): Promise<ProposeOutcome> {
  const { original, draft } = proposal;
  const of = { accountId: original.account, periodLabel: original.period.label };
  return transaction(database, async (tx): Promise<ProposeOutcome> => {
    await lockPeriod(tx, of);
    if (await isVoided(tx, original.id)) return { outcome: 'voided' };
    const documents = await documentFingerprints(tx, of);
    const usage = await usageFingerprint(tx, of);
    if (documents.at(-1)?.revision !== proposal.baseRevision || !areLatest(proposal.snapshots, usage)) {
      return { outcome: 'overtaken' };
    }
    const baseRevision = await lastRated(tx, of);
    const sha256 = usageSha256(usage);
    await tx.$executeRaw`
      UPDATE correction SET state = 'superseded', updated_at = clock_timestamp()
       WHERE account_id = ${of.accountId}::uuid AND period_label = ${of.periodLabel} AND state = 'proposed'
         AND NOT (${draft !== null} AND base_revision = ${baseRevision} AND usage_sha256 = ${sha256})`;
    if (draft === null) return { outcome: 'nothing_to_correct' };

    const inputs: CorrectionInputs = {
      original: original.id,
      documents,
      usage,
      dialect_sha256: proposal.dialectSha256,
    };
    const inputsHash = documentSha256(inputs);
    const document: DraftInvoice = { ...draft, inputs_hash: inputsHash };
    const [made] = await tx.$queryRaw<{ id: string; sellerId: string }[]>`
      INSERT INTO correction (id, seller_id, account_id, period_label, original_id, base_revision, cause, state,
                              usage_sha256, inputs, inputs_hash, document, document_sha256, automatic)
      SELECT ${uuid()}::uuid, s.id, ${of.accountId}::uuid, ${of.periodLabel}, ${original.id}::uuid, ${baseRevision},
             'usage', 'proposed', ${sha256}, ${JSON.stringify(inputs)}::jsonb, ${inputsHash},
             ${JSON.stringify(document)}::jsonb, ${documentSha256(document)},
             ${ISSUES_CORRECTIONS}
        FROM seller s JOIN invoice i ON i.seller_id = s.id WHERE i.id = ${original.id}::uuid
      ON CONFLICT (account_id, period_label, base_revision, usage_sha256) WHERE cause = 'usage' DO UPDATE
         SET state = 'proposed', inputs = excluded.inputs, inputs_hash = excluded.inputs_hash,
             document = excluded.document, document_sha256 = excluded.document_sha256, automatic = excluded.automatic,
             updated_at = clock_timestamp()
       WHERE correction.state = 'superseded'
      RETURNING id, seller_id AS "sellerId"`;
    if (made) {
      await recordAudit(tx, {
        sellerId: made.sellerId,
        actor: 'service',
        action: 'correction.proposed',
        subject: `correction:${made.id}`,
        data: { corrects: original.number, kind: draft.kind, gross: draft.gross, currency: draft.currency },
      });
    }
    const [open] = await tx.$queryRaw<{ id: string; state: CorrectionState; automatic: boolean }[]>`
      SELECT id, state, automatic FROM correction
       WHERE account_id = ${of.accountId}::uuid AND period_label = ${of.periodLabel}
         AND base_revision = ${baseRevision} AND usage_sha256 = ${sha256}`;
    return open ? { outcome: 'proposed', ...open } : { outcome: 'overtaken' };
  });
}

/** The last revision of a period of which usage was rated: what an operator credits is no other usage. */
async function lastRated(tx: Transaction, { accountId, periodLabel }: AccountPeriod): Promise<number> {
  const [row] = await tx.$queryRaw<{ revision: number | null }[]>`
    SELECT max(i.revision) AS revision FROM invoice i JOIN invoice_inputs n ON n.invoice_id = i.id
     WHERE i.account_id = ${accountId}::uuid AND i.period_label = ${periodLabel} AND jsonb_exists(n.inputs, 'usage')`;
  return row?.revision ?? 1;
}

function areLatest(snapshots: readonly Snapshot[], usage: readonly WindowFingerprint[]): boolean {
  const latest = new Map(usage.map(({ entity, metric, values_sha256 }) => [`${entity} ${metric}`, values_sha256]));
  return snapshots.every(({ entity, metric, valuesSha256 }) => latest.get(`${entity} ${metric}`) === valuesSha256);
}

async function isVoided(tx: Transaction, invoiceId: string): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ voided: boolean }[]>`
    SELECT EXISTS (SELECT FROM invoice_event WHERE invoice_id = ${invoiceId}::uuid AND type = 'voided') AS voided`;
  return row?.voided ?? false;
}

/**
 * The open proposal of an account's period, or undefined.
 *
 * @throws DocumentAltered
 */
export async function findOpenCorrection(
  database: Database | Transaction,
  { accountId, periodLabel }: AccountPeriod,
): Promise<{ id: string; inputsHash: string; document: DraftInvoice } | undefined> {
  const [open] = await database.$queryRaw<
    { id: string; inputsHash: string; document: DraftInvoice; document_sha256: string | null }[]
  >`
    SELECT id, inputs_hash AS "inputsHash", document, document_sha256 FROM correction
     WHERE account_id = ${accountId}::uuid AND period_label = ${periodLabel} AND state = 'proposed'`;
  if (!open) return undefined;
  const { id, inputsHash } = open;
  return { id, inputsHash, document: unalteredDraft(`correction:${id}`, open) };
}

/** Open proposals that no operator needs to see: oldest first. */
export async function automaticCorrections(database: Database, limit: number): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT id FROM correction WHERE state = 'proposed' AND automatic ORDER BY id LIMIT ${limit}`;
  return rows.map(({ id }) => id);
}

/** How notes are issued. */
export interface NoteIssue {
  readonly actor: string;
  readonly numbering: Numbering;
  /** Why a note may not get a number, asked before one is taken; undefined when it may. */
  readonly objection: (tx: Transaction, draft: DraftInvoice) => Promise<Notice | undefined>;
  /** Writes the document; pure. */
  readonly write: (
    draft: DraftInvoice,
    id: string,
    taken: NumberTaken,
    corrects: { id: string; number: string },
  ) => IssuedInvoice;
}

/** Issues an open proposal as the next note of its series: one short transaction, as for invoices. */
export async function issueCorrection(
  database: Database,
  correctionId: string,
  request: NoteIssue,
): Promise<
  | { readonly outcome: 'issued'; readonly invoice: IssuedInvoice }
  | Refusal<'correction_not_found' | 'correction_not_open' | 'correction_superseded' | 'document_unprintable'>
> {
  return transaction(database, async (tx) => {
    const before = await findCorrection(tx, correctionId);
    if (!before) return correctionNotFound(correctionId);
    const of = { accountId: before.account, periodLabel: before.period.label };
    await lockPeriod(tx, of);
    const open = await lockOpen(tx, of);
    if (open?.id !== correctionId) return correctionNotOpen((await findCorrection(tx, correctionId)) ?? before);
    const note = { id: uuid(), draft: open.document, closeId: null };
    const issued = await issueOpen(tx, open, note, request);
    if (issued.outcome === 'issued') return issued;
    if (issued.outcome === 'objected') return objectedTo(issued);
    return refusal(
      'correction_superseded',
      'usage or documents of the period have changed since this was proposed; its next confirming pull proposes anew',
    );
  });
}

/** Issues what a close of corrections drafted for an account, if it is still what the open proposal says. */
export async function issueCorrectionDraft(
  database: Database,
  of: AccountPeriod & { readonly closeId: string },
  request: NoteIssue,
): Promise<IssueOutcome> {
  return transaction(database, async (tx): Promise<IssueOutcome> => {
    const stored = await lockDraft(tx, of);
    if (!stored) return { outcome: 'nothing_to_issue' };
    await lockPeriod(tx, of);
    const open = await lockOpen(tx, of);
    if (open?.inputsHash !== stored.inputsHash) return { outcome: 'inputs_changed' };
    const issued = await issueOpen(tx, open, { ...stored, closeId: of.closeId }, request);
    if (issued.outcome === 'issued') await settleDraft(tx, of, { id: issued.invoice.id, round: stored.round });
    return issued;
  });
}

interface OpenCorrection extends AccountPeriod {
  readonly id: string;
  readonly sellerId: string;
  readonly originalId: string;
  readonly originalNumber: string;
  readonly inputs: CorrectionInputs;
  readonly inputsHash: string;
  readonly document: DraftInvoice;
}

async function lockOpen(tx: Transaction, of: AccountPeriod): Promise<OpenCorrection | undefined> {
  const [open] = await tx.$queryRaw<(OpenCorrection & { document_sha256: string | null })[]>`
    SELECT c.id, c.seller_id AS "sellerId", c.account_id AS "accountId", c.period_label AS "periodLabel",
           c.original_id AS "originalId", i.number AS "originalNumber", c.inputs, c.inputs_hash AS "inputsHash",
           c.document, c.document_sha256
      FROM correction c JOIN invoice i ON i.id = c.original_id
     WHERE c.account_id = ${of.accountId}::uuid AND c.period_label = ${of.periodLabel} AND c.state = 'proposed'
       FOR UPDATE OF c`;
  if (open) unalteredDraft(`correction:${open.id}`, open);
  return open;
}

async function issueOpen(
  tx: Transaction,
  open: OpenCorrection,
  note: Pick<Note, 'id' | 'draft' | 'closeId'>,
  request: NoteIssue,
): Promise<NoteOutcome | { readonly outcome: 'inputs_changed' }> {
  const inputs = {
    ...open.inputs,
    documents: await documentFingerprints(tx, open),
    usage: await usageFingerprint(tx, open),
  };
  if (documentSha256(inputs) !== open.inputsHash) {
    await tx.$executeRaw`
      UPDATE correction SET state = 'superseded', updated_at = clock_timestamp() WHERE id = ${open.id}::uuid`;
    return { outcome: 'inputs_changed' };
  }
  const corrects = { id: open.originalId, number: open.originalNumber };
  const { sellerId, accountId } = open;
  const inserted = await insertNote(tx, { ...note, sellerId, accountId, inputs, corrects }, request);
  if (inserted.outcome === 'objected') {
    // What cannot be issued now waits for an operator, so that it keeps none of those waiting that can.
    await tx.$executeRaw`
      UPDATE correction SET automatic = false, updated_at = clock_timestamp() WHERE id = ${open.id}::uuid AND automatic`;
    return inserted;
  }
  const { invoice } = inserted;
  await tx.$executeRaw`
    UPDATE correction SET state = 'issued', invoice_id = ${invoice.id}::uuid, decided_by = ${request.actor},
           decided_at = ${invoice.issued_at}::timestamptz, updated_at = clock_timestamp()
     WHERE id = ${open.id}::uuid`;
  await recordEvent(tx, [open.originalId], invoice.kind === 'credit_note' ? 'credited' : 'debited', invoice);
  return inserted;
}

interface Note {
  readonly id: string;
  readonly sellerId: string;
  readonly accountId: string;
  /** Null: no close issues it. */
  readonly closeId: string | null;
  readonly draft: DraftInvoice;
  readonly inputs: CorrectionInputs;
  readonly corrects: { id: string; number: string };
}

type NoteOutcome = Extract<IssueOutcome, { outcome: 'issued' | 'objected' }>;

async function insertNote(
  tx: Transaction,
  { id, sellerId, accountId, closeId, draft, inputs, corrects }: Note,
  { actor, numbering, objection, write }: NoteIssue,
): Promise<NoteOutcome> {
  const reason = await objection(tx, draft);
  if (reason) return { outcome: 'objected', reason };
  const taken = await takeNumbers((sql) => tx.$queryRaw(sql), numbering, draft.kind, 1);
  const invoice = write(draft, id, taken, corrects);
  const document = { accountId, invoice, taken, inputs, confirmed: false };
  await tx.$executeRaw(insertingInvoices({ sellerId, closeId, actor }, [document]));
  return { outcome: 'issued', invoice };
}

function objectedTo({ reason }: { reason: Notice }): Refusal<'document_unprintable'> {
  return refusal('document_unprintable', reason.message);
}

/** Says on the documents that a note concerns what became of them. */
async function recordEvent(
  tx: Transaction,
  invoiceIds: readonly string[],
  type: 'credited' | 'debited' | 'voided',
  note: IssuedInvoice,
): Promise<void> {
  await recordEvents(tx, invoiceIds, type, note.issued_at, { invoice: note.id, number: note.number });
}

/** @param at RFC 3339; null: now */
async function recordEvents(
  tx: Transaction,
  invoiceIds: readonly string[],
  type: 'credited' | 'debited' | 'voided',
  at: string | null,
  data: object,
): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO invoice_event (id, invoice_id, type, at, data)
    SELECT event::uuid, invoice::uuid, ${type}, coalesce(${at}::timestamptz, date_trunc('second', clock_timestamp())),
           ${JSON.stringify(data)}::jsonb
      FROM unnest(${invoiceIds.map(() => uuid())}::text[], ${[...invoiceIds]}::text[]) AS t (event, invoice)`;
}

/** The document that an operator names, with the period it is of, locked against everything that corrects the period. */
interface NamedOriginal extends AccountPeriod {
  readonly sellerId: string;
  readonly original: IssuedInvoice;
  /** Every document of the period, in the order of revisions. */
  readonly documents: readonly IssuedInvoice[];
}

type NamedRefusal = Refusal<'invoice_not_found' | 'not_an_original' | 'invoice_voided'>;

async function lockNamed(tx: Transaction, invoiceId: string, asked: string): Promise<NamedOriginal | NamedRefusal> {
  const [found] = await tx.$queryRaw<(AccountPeriod & SealedDocument & { sellerId: string })[]>`
    SELECT ${SEALED}, seller_id AS "sellerId", account_id AS "accountId", period_label AS "periodLabel"
      FROM invoice i WHERE i.id = ${invoiceId}::uuid`;
  if (!found) return refusal('invoice_not_found', `there is no document ${invoiceId}`);
  const { sellerId, accountId, periodLabel } = found;
  const original = unaltered(found);
  if (original.corrects) {
    return refusal('not_an_original', `${original.number} corrects ${original.corrects.number}; ${asked}`);
  }
  await lockPeriod(tx, found);
  // As the issue of another period does, which counts on what this one billed in advance: either sees the other done.
  await tx.$queryRaw`SELECT 1 FROM account WHERE id = ${accountId}::uuid FOR NO KEY UPDATE`;
  const { documents, original: present, voided } = await loadPeriodDocuments(tx, found);
  if (voided || present?.id !== original.id) return refusal('invoice_voided', `${original.number} is voided already`);
  return { sellerId, accountId, periodLabel, original, documents };
}

async function supersedeOpen(tx: Transaction, { accountId, periodLabel }: AccountPeriod): Promise<number> {
  return tx.$executeRaw`
    UPDATE correction SET state = 'superseded', updated_at = clock_timestamp()
     WHERE account_id = ${accountId}::uuid AND period_label = ${periodLabel} AND state = 'proposed'`;
}

/** Keeps what an operator decided as a correction that is issued. */
async function recordDecision(
  tx: Transaction,
  { sellerId, accountId, periodLabel, original }: NamedOriginal,
  of: {
    cause: Exclude<CorrectionView['cause'], 'usage'>;
    inputs: CorrectionInputs;
    note: DraftInvoice;
    invoice: IssuedInvoice;
    reason: string;
    actor: string;
  },
): Promise<void> {
  const { cause, inputs, note, invoice, reason, actor } = of;
  await tx.$executeRaw`
    INSERT INTO correction (id, seller_id, account_id, period_label, original_id, base_revision, cause, state, inputs,
                            inputs_hash, document, document_sha256, invoice_id, reason, decided_by, decided_at)
    VALUES (${uuid()}::uuid, ${sellerId}::uuid, ${accountId}::uuid, ${periodLabel}, ${original.id}::uuid,
            ${invoice.revision - 1}, ${cause}, 'issued', ${JSON.stringify(inputs)}::jsonb, ${note.inputs_hash},
            ${JSON.stringify(note)}::jsonb, ${documentSha256(note)}, ${invoice.id}::uuid, ${reason}, ${actor},
            ${invoice.issued_at}::timestamptz)`;
}

/**
 * Credits a part of what was billed for a document's period, as an operator asks for it. Two who ask at once are answered one
 * after the other, under the lock of the account in the close that billed it, so neither credits what the other has credited.
 * An open proposal of the period is superseded, and a pull is asked for that proposes anew.
 *
 * @param request.draft the note, from everything that stands; pure
 */
export async function creditPart(
  database: Database,
  invoiceId: string,
  request: NoteIssue & {
    readonly credit: CreditRequest;
    readonly draft: (
      of: Pick<NamedOriginal, 'original' | 'documents'>,
      terms: BillingTerms,
    ) => Omit<DraftInvoice, 'inputs_hash'> | CreditRefusal;
  },
): Promise<
  | { readonly outcome: 'issued'; readonly invoice: IssuedInvoice }
  | NamedRefusal
  | Refusal<'document_unprintable' | CreditRefusalCode>
> {
  return transaction(database, async (tx) => {
    const named = await lockNamed(tx, invoiceId, 'name that one, whose credit is about both');
    if (isRefusal(named)) return named;
    const { sellerId, accountId, original } = named;
    const { facts } = await loadDocumentFacts(tx, original.id);
    const draft = request.draft(named, facts);
    if ('outcome' in draft) return draft;
    const { actor, credit } = request;
    const inputs: CorrectionInputs = {
      original: original.id,
      documents: await documentFingerprints(tx, named),
      credit,
    };
    const note: DraftInvoice = { ...draft, inputs_hash: documentSha256(inputs) };
    const corrects = { id: original.id, number: original.number };
    const inserted = await insertNote(
      tx,
      { id: uuid(), sellerId, accountId, closeId: null, draft: note, inputs, corrects },
      request,
    );
    if (inserted.outcome === 'objected') return objectedTo(inserted);
    const { invoice } = inserted;
    const { reason } = credit;
    if ((await supersedeOpen(tx, named)) > 0) await askAnew(tx, original.id, { sellerId, actor });
    await recordEvents(tx, [original.id], 'credited', invoice.issued_at, {
      ...{ invoice: invoice.id, number: invoice.number, reason, actor },
    });
    await recordDecision(tx, named, { cause: 'credit', inputs, note, invoice, reason, actor });
    await recordAudit(tx, {
      sellerId,
      actor,
      action: 'invoice.credited',
      subject: `invoice:${original.id}`,
      data: { number: original.number, by: invoice.number, net: invoice.net, gross: invoice.gross, reason },
    });
    return inserted;
  });
}

export type AdjustmentNoteRefusal =
  AdjustmentRefusal | CreditRefusalCode | 'nothing_billed' | 'document_unprintable' | NamedRefusal['code'];

/**
 * Makes an adjustment and says it at once, by a note on the month that is named, or on the last one that stands billed: one
 * transaction, so there is never one without the other.
 *
 * @param request.draft the note, from everything that stands; pure
 */
export async function noteAdjustment(
  database: Database,
  adjustment: NewAdjustment,
  request: Omit<NoteIssue, 'actor' | 'numbering' | 'write'> & {
    readonly actor: string;
    /** How the seller of a document issues notes. */
    readonly issuing: (tx: Transaction, sellerId: string) => Promise<Pick<NoteIssue, 'numbering' | 'write'>>;
    readonly draft: (
      of: Pick<NamedOriginal, 'original' | 'documents'>,
      terms: BillingTerms,
      kept: Adjustment,
    ) => Omit<DraftInvoice, 'inputs_hash'> | CreditRefusal;
  },
): Promise<
  | { readonly outcome: 'issued'; readonly invoice: IssuedInvoice; readonly adjustment: string }
  | Refusal<AdjustmentNoteRefusal>
> {
  const { actor, objection, issuing } = request;
  const { account: accountId, period } = adjustment;
  const work = transaction(database, async (tx) => {
    const [last] = await tx.$queryRaw<{ id: string }[]>`
      SELECT i.id FROM invoice i
       WHERE i.account_id = ${accountId}::uuid AND NOT ${IS_NOTE} AND (${period}::text IS NULL OR i.period_label = ${period})
         AND NOT EXISTS (SELECT FROM invoice_event e WHERE e.invoice_id = i.id AND e.type = 'voided')
       ORDER BY i.period_label DESC, i.revision DESC LIMIT 1`;
    if (!last) {
      const message = `no invoice of the account${period === null ? '' : ` for ${period}`} stands that a note could be about`;
      return refusal('nothing_billed', `${message}; leave the adjustment to the next invoice`);
    }
    const named = await lockNamed(tx, last.id, 'name that one');
    if (isRefusal(named)) return named;
    const { sellerId, original } = named;
    const kept = await keepAdjustment(tx, actor, adjustment);
    if ('outcome' in kept) return kept;
    const { facts } = await loadDocumentFacts(tx, original.id);
    const draft = request.draft(named, facts, kept);
    if ('outcome' in draft) throw new Undone(draft);
    const inputs: CorrectionInputs = {
      original: original.id,
      documents: await documentFingerprints(tx, named),
      adjustments: [kept],
    };
    const note: DraftInvoice = { ...draft, inputs_hash: documentSha256(inputs) };
    const corrects = { id: original.id, number: original.number };
    const inserted = await insertNote(
      tx,
      { id: uuid(), sellerId, accountId, closeId: null, draft: note, inputs, corrects },
      { actor, objection, ...(await issuing(tx, sellerId)) },
    );
    if (inserted.outcome === 'objected') throw new Undone(objectedTo(inserted));
    const { invoice } = inserted;
    if ((await supersedeOpen(tx, named)) > 0) await askAnew(tx, original.id, { sellerId, actor });
    await recordEvent(tx, [original.id], invoice.kind === 'credit_note' ? 'credited' : 'debited', invoice);
    await recordDecision(tx, named, { cause: 'adjustment', inputs, note, invoice, reason: adjustment.reason, actor });
    return { outcome: 'issued' as const, invoice, adjustment: kept.id };
  });
  return work.catch((error: unknown) => {
    if (error instanceof Undone) return error.refused;
    throw error;
  });
}

/** What a void led to. */
export type VoidOutcome =
  /** `invoice` is the note. */
  | { readonly outcome: 'issued'; readonly invoice: IssuedInvoice }
  /** There was nothing to credit; `invoice` is the document that was voided. */
  | { readonly outcome: 'voided'; readonly invoice: IssuedInvoice };

/**
 * Takes everything back that was issued for a document's period with one note, and marks all of it voided. Where it comes to
 * nothing already it is voided without a note. Open proposals of the period are superseded; what comes of later pulls is
 * nothing, until its close bills the period anew. Adjustments that they had drawn are open again: the next invoice draws them.
 *
 * @param request.draft the note that brings the documents to zero; null when they come to zero already
 */
export async function voidPeriod(
  database: Database,
  invoiceId: string,
  request: NoteIssue & {
    readonly reason: string;
    readonly draft: (documents: readonly IssuedInvoice[]) => Omit<DraftInvoice, 'inputs_hash'> | null;
  },
): Promise<VoidOutcome | Refusal<'invoice_not_found' | 'not_an_original' | 'invoice_voided' | 'document_unprintable'>> {
  return transaction(database, async (tx) => {
    const named = await lockNamed(tx, invoiceId, 'void that one, which takes back both');
    if (isRefusal(named)) return named;
    const { sellerId, accountId, original, documents } = named;
    const draft = request.draft(documents);
    // What was billed and taken back before is voided already.
    const standing = documents.filter(({ revision }) => revision >= original.revision).map(({ id }) => id);
    const { actor, reason } = request;
    const audited = { sellerId, actor, action: 'invoice.voided', subject: `invoice:${original.id}` };
    if (!draft) {
      await supersedeOpen(tx, named);
      await giveBack(tx, standing);
      await recordEvents(tx, standing, 'voided', null, { invoice: null, number: null, reason, actor });
      await callForCertificate(tx, original.id);
      await recordAudit(tx, { ...audited, data: { number: original.number, by: null, reason } });
      return { outcome: 'voided', invoice: original };
    }

    const inputs: CorrectionInputs = { original: original.id, documents: await documentFingerprints(tx, named) };
    const note: DraftInvoice = { ...draft, inputs_hash: documentSha256(inputs) };
    const corrects = { id: original.id, number: original.number };
    const inserted = await insertNote(
      tx,
      { id: uuid(), sellerId, accountId, closeId: null, draft: note, inputs, corrects },
      request,
    );
    if (inserted.outcome === 'objected') return objectedTo(inserted);
    const { invoice } = inserted;
    await supersedeOpen(tx, named);
    // What was promised to the customer, or owed by it, is not lost with the document that said so.
    await giveBack(tx, standing);
    await recordEvent(tx, standing, 'voided', invoice);
    await recordDecision(tx, named, { cause: 'void', inputs, note, invoice, reason, actor });
    await recordAudit(tx, { ...audited, data: { number: original.number, by: invoice.number, reason } });
    return inserted;
  });
}

/** Puts a document that was voided without a note where notes wait for the next certificate of the close that issued it. */
async function callForCertificate(tx: Transaction, invoiceId: string): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO invoice_uncertified (invoice_id, close_id)
    SELECT id, close_id FROM invoice WHERE id = ${invoiceId}::uuid`;
}

/** Decides that an open proposal is not issued. The same usage will not be proposed again. */
export async function dismissCorrection(
  database: Database,
  id: string,
  { actor, reason }: { actor: string; reason: string },
): Promise<CorrectionView | Refusal<'correction_not_found' | 'correction_not_open'>> {
  return transaction(database, async (tx) => {
    const dismissed = await tx.$executeRaw`
      UPDATE correction SET state = 'dismissed', reason = ${reason}, decided_by = ${actor},
             decided_at = clock_timestamp(), updated_at = clock_timestamp()
       WHERE id = ${id}::uuid AND state = 'proposed'`;
    const correction = await findCorrection(tx, id);
    if (!correction) return correctionNotFound(id);
    if (dismissed === 0) return correctionNotOpen(correction);
    const [owner] = await tx.$queryRaw<{ sellerId: string }[]>`
      SELECT seller_id AS "sellerId" FROM correction WHERE id = ${id}::uuid`;
    await recordAudit(tx, {
      sellerId: owner?.sellerId ?? null,
      actor,
      action: 'correction.dismissed',
      subject: `correction:${id}`,
      data: { corrects: correction.corrects.number, reason },
    });
    return correction;
  });
}

function correctionNotFound(id: string): Refusal<'correction_not_found'> {
  return refusal('correction_not_found', `there is no correction ${id}`);
}

function correctionNotOpen({ id, state }: Pick<CorrectionView, 'id' | 'state'>): Refusal<'correction_not_open'> {
  return refusal('correction_not_open', `correction ${id} is ${state}; only a proposed one can be issued or dismissed`);
}

export interface CorrectionFilter {
  readonly id?: string | undefined;
  readonly account?: string | undefined;
  readonly seller?: string | undefined;
  readonly period?: string | undefined;
  readonly state?: CorrectionState | undefined;
  /** The id of the last one already seen. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/**
 * Corrections in the order in which they were first proposed.
 *
 * @throws DocumentAltered
 */
export async function listCorrections(
  database: Database | Transaction,
  filter: CorrectionFilter,
): Promise<CorrectionView[]> {
  const { id, account, seller, period, state, after, limit } = filter;
  const rows = await database.$queryRaw<
    (Omit<CorrectionView, DocumentMembers | 'period'> & { document: DraftInvoice; document_sha256: string | null })[]
  >`
    SELECT c.id, (SELECT code FROM seller WHERE id = c.seller_id) AS seller, c.account_id AS account, c.state, c.cause,
           c.automatic, c.invoice_id AS invoice,
           (SELECT jsonb_build_object('id', i.id, 'number', i.number) FROM invoice i WHERE i.id = c.original_id) AS corrects,
           c.reason, c.decided_by, ${stamp('c.decided_at')} AS decided_at, ${stamp('c.created_at')} AS created_at,
           c.document, c.document_sha256
      FROM correction c
    ${where(
      id !== undefined && Prisma.sql`c.id = ${id}::uuid`,
      account !== undefined && Prisma.sql`c.account_id = ${account}::uuid`,
      seller !== undefined && Prisma.sql`c.seller_id = ${sellerOf(seller)}`,
      period !== undefined && Prisma.sql`c.period_label = ${period}`,
      state !== undefined && Prisma.sql`c.state = ${state}`,
      after !== undefined && Prisma.sql`c.id > ${after}::uuid`,
    )}
     ORDER BY c.id LIMIT ${limit}`;
  return rows.map(({ document, document_sha256, ...row }) => {
    unalteredDraft(`correction:${row.id}`, { document, document_sha256 });
    const { kind, currency, lines, taxes, net, tax, gross, rounding, payable } = document;
    const { label, start, end } = document.period;
    return {
      ...row,
      period: { label, start, end },
      kind,
      currency,
      lines,
      taxes,
      net,
      tax,
      gross,
      rounding,
      payable,
    };
  });
}

type DocumentMembers = 'kind' | 'currency' | 'lines' | 'taxes' | 'net' | 'tax' | 'gross' | 'rounding' | 'payable';

/** One correction, or undefined. */
export async function findCorrection(
  database: Database | Transaction,
  id: string,
): Promise<CorrectionView | undefined> {
  const [correction] = await listCorrections(database, { id, limit: 1 });
  return correction;
}
