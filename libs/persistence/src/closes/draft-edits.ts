import type { BillingFacts, DraftEdit } from '#billing';
import { asRated, type DraftInvoice } from '#invoicing';
import type { RatedLine } from '#rating';
import { v7 as uuid } from 'uuid';
import { loadBillingFacts } from './billing-facts.js';
import type { AccountInClose } from './account-moves.js';
import { billingInputs } from '../documents/invoice-inputs.js';
import { unalteredDraft } from '../documents/sealed-documents.js';
import { EDIT } from './edits-of-account.js';
import { recordAudit } from '../ground/audit.js';
import { type Database, stamp, transaction, type Transaction } from '../ground/database.js';
import { documentSha256 } from '../ground/document-sha256.js';
import { isRefusal, refusal, type Refusal, Undone } from '../ground/refusal.js';

type Each<T> = T extends unknown ? Omit<T, 'id' | 'by' | 'at'> : never;

/** What an operator asks to be done to a draft. */
export type NewDraftEdit = Each<DraftEdit>;

/** An edit as the REST contract shows it. */
export type DraftEditView = DraftEdit & { withdrawn_by: string | null; withdrawn_at: string | null };

/** More edits than these are another invoice. */
const MOST_EDITS = 100;

export type DraftEditRefusal =
  | 'close_account_not_found'
  | 'draft_edit_not_found'
  | 'draft_edit_withdrawn'
  | 'not_in_review'
  | 'inputs_changed'
  | 'too_many_edits'
  | 'nothing_left_to_bill'
  | 'line_not_found'
  | 'too_many_decimals'
  | 'draft_would_be_held';

/** A draft in review, under the locks of its account. */
export interface DraftInReview extends AccountInClose {
  readonly sellerId: string;
  readonly periodLabel: string;
  readonly id: string;
  readonly document: DraftInvoice;
  /** All lines of the plan, those that were left out among them. */
  readonly plan: readonly RatedLine[];
}

export interface DraftEditing {
  readonly actor: string;
  /** The edit to make, from the draft as it is; a refusal where it makes no sense. Or the id of one to withdraw. */
  readonly edit: ((draft: DraftInReview) => NewDraftEdit | Refusal<DraftEditRefusal>) | { readonly withdraw: string };
  /** The draft as it is once the facts hold the edit; a refusal where there would be none. */
  readonly draft: (
    tx: Transaction,
    of: DraftInReview,
    facts: BillingFacts,
  ) => Promise<Omit<DraftInvoice, 'inputs_hash'> | Refusal<DraftEditRefusal>>;
}

/**
 * Makes or withdraws an edit of a draft in review and draws the draft up anew, in one transaction under the lock of its
 * account: a release that comes meanwhile waits and issues what it then finds. A draft whose inputs have changed is not edited,
 * because what its lines were rated by is no longer so.
 */
export async function editDraft(
  database: Database,
  of: AccountInClose,
  { actor, edit, draft }: DraftEditing,
): Promise<DraftEditView | Refusal<DraftEditRefusal>> {
  const work = transaction(database, async (tx) => {
    const found = await lockDraftInReview(tx, of);
    if (isRefusal(found)) return found;
    const { sellerId, periodLabel, document } = found;
    const inputs = async () => {
      const facts = await loadBillingFacts(tx, of.accountId, periodLabel, of.closeId);
      if (!facts) return undefined;
      const now = await billingInputs(tx, facts, periodLabel, [], document.replaces !== undefined);
      return { facts, hash: documentSha256(now) };
    };
    if ((await inputs())?.hash !== document.inputs_hash) {
      const message = 'what the draft was computed from is no longer so; retry the account, and edit what comes of it';
      return refusal('inputs_changed', message);
    }
    const made = await write(tx, found, edit, actor);
    if (isRefusal(made)) return made;
    const after = await inputs();
    if (!after) throw new Undone(refusal('close_account_not_found', 'there is no such account'));
    const next = await draft(tx, found, after.facts);
    if ('outcome' in next) throw new Undone(next);
    const edited: DraftInvoice = { ...next, inputs_hash: after.hash };
    await tx.$executeRaw`
      UPDATE draft_invoice
         SET document = ${JSON.stringify(edited)}::jsonb, inputs_hash = ${after.hash},
             document_sha256 = ${documentSha256(edited)}, rated = ${JSON.stringify(found.plan)}::jsonb,
             updated_at = clock_timestamp()
       WHERE id = ${found.id}::uuid`;
    await recordAudit(tx, {
      sellerId,
      actor,
      action: made.withdrawn_at === null ? 'draft.edited' : 'draft.edit_withdrawn',
      subject: `draft:${found.id}`,
      data: { close: of.closeId, account: of.accountId, edit: made, net: edited.net, before: document.net },
    });
    return made;
  });
  return work.catch((error: unknown) => {
    if (error instanceof Undone) return error.refused;
    throw error;
  });
}

async function lockDraftInReview(
  tx: Transaction,
  { closeId, accountId }: AccountInClose,
): Promise<DraftInReview | Refusal<DraftEditRefusal>> {
  const [account] = await tx.$queryRaw<{ state: string; released: boolean }[]>`
    SELECT c.state, c.released FROM close_account c JOIN account a ON a.id = c.account_id
     WHERE c.close_id = ${closeId}::uuid AND c.account_id = ${accountId}::uuid
       FOR UPDATE OF c FOR NO KEY UPDATE OF a`;
  if (!account) return refusal('close_account_not_found', 'there is no such account in that close');
  const [draft] = await tx.$queryRaw<
    {
      id: string;
      sellerId: string;
      periodLabel: string;
      document: DraftInvoice;
      document_sha256: string | null;
      rated: RatedLine[] | null;
      editable: boolean;
    }[]
  >`
    SELECT d.id, d.seller_id AS "sellerId", d.period_label AS "periodLabel", d.document, d.document_sha256, d.rated,
           c.kind = 'regular' AND NOT c.dry_run AND c.issue = 'after_review' AND c.state <> 'cancelled' AS editable
      FROM draft_invoice d JOIN close c ON c.id = d.close_id
     WHERE d.close_id = ${closeId}::uuid AND d.account_id = ${accountId}::uuid`;
  if (account.state !== 'drafted' || account.released || !draft?.editable) {
    const now = account.released ? 'released' : account.state;
    const message = `the account is ${now}; only a draft that a regular close has in review is edited`;
    return refusal('not_in_review', message);
  }
  const { id, sellerId, periodLabel } = draft;
  const document = unalteredDraft(`draft:${id}`, draft);
  const plan = draft.rated ?? document.lines.filter(({ kind }) => kind !== 'adjustment').map(asRated);
  return { closeId, accountId, sellerId, periodLabel, id, document, plan };
}

async function write(
  tx: Transaction,
  draft: DraftInReview,
  edit: DraftEditing['edit'],
  actor: string,
): Promise<DraftEditView | Refusal<DraftEditRefusal>> {
  const { closeId, accountId } = draft;
  if (typeof edit === 'function') {
    const [{ count }] = await tx.$queryRaw<[{ count: number }]>`
      SELECT count(*)::int AS count FROM draft_edit WHERE close_id = ${closeId}::uuid AND account_id = ${accountId}::uuid`;
    if (count >= MOST_EDITS) return refusal('too_many_edits', `a draft is edited at most ${MOST_EDITS} times`);
    const asked = edit(draft);
    if ('outcome' in asked) return asked;
    const id = uuid();
    await tx.$executeRaw`
      INSERT INTO draft_edit (id, close_id, account_id, edit, made_by)
      VALUES (${id}::uuid, ${closeId}::uuid, ${accountId}::uuid, ${JSON.stringify(asked)}::jsonb, ${actor})`;
    return found(await listDraftEdits(tx, draft), id);
  }
  const before = (await listDraftEdits(tx, draft)).find(({ id }) => id === edit.withdraw);
  if (!before) return refusal('draft_edit_not_found', `the draft has no edit ${edit.withdraw}`);
  if (before.withdrawn_at !== null) return refusal('draft_edit_withdrawn', 'it is withdrawn already');
  await tx.$executeRaw`
    UPDATE draft_edit SET withdrawn_by = ${actor}, withdrawn_at = clock_timestamp() WHERE id = ${edit.withdraw}::uuid`;
  return found(await listDraftEdits(tx, draft), edit.withdraw);
}

function found(edits: readonly DraftEditView[], wanted: string): DraftEditView {
  const edit = edits.find(({ id }) => id === wanted);
  if (!edit) throw new RangeError('an edit vanished under its lock');
  return edit;
}

/** What operators did to the draft of an account in a close, withdrawn edits too, in the order in which they did it. */
export async function listDraftEdits(
  database: Database | Transaction,
  { closeId, accountId }: AccountInClose,
): Promise<DraftEditView[]> {
  const rows = await database.$queryRaw<{ edit: DraftEditView }[]>`
    SELECT ${EDIT} || jsonb_build_object('withdrawn_by', e.withdrawn_by, 'withdrawn_at', ${stamp('e.withdrawn_at')}) AS edit
      FROM draft_edit e
     WHERE e.close_id = ${closeId}::uuid AND e.account_id = ${accountId}::uuid ORDER BY e.id`;
  return rows.map(({ edit }) => edit);
}
