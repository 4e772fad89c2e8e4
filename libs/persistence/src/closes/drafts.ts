import type { Notice } from '#billing';
import type { DraftInvoice, IssuedInvoice } from '#invoicing';
import { unalteredDraft } from '../documents/sealed-documents.js';
import { type Database, PersistenceError, type Transaction } from '../ground/database.js';
import { type AccountInClose, lockCloseAccount } from './account-moves.js';
import { moveToOutcome } from './batch-accounts.js';

/**
 * The draft of an account, or undefined.
 *
 * @throws DocumentAltered
 */
export async function loadDraft(
  database: Database | Transaction,
  { closeId, accountId }: AccountInClose,
): Promise<{ id: string; inputsHash: string; document: unknown } | undefined> {
  const [draft] = await database.$queryRaw<
    { id: string; inputsHash: string; document: unknown; document_sha256: string | null }[]
  >`
    SELECT id, inputs_hash AS "inputsHash", document, document_sha256 FROM draft_invoice
     WHERE close_id = ${closeId}::uuid AND account_id = ${accountId}::uuid`;
  if (!draft) return undefined;
  const { id, inputsHash } = draft;
  return { id, inputsHash, document: unalteredDraft(`draft:${id}`, draft) };
}

export type IssueOutcome =
  | { readonly outcome: 'issued'; readonly invoice: IssuedInvoice }
  /** Another worker issued it, or it is not drafted (any more). Nothing was done. */
  | { readonly outcome: 'nothing_to_issue' }
  /** What the draft was computed from is no longer so; nothing was issued. */
  | { readonly outcome: 'inputs_changed' }
  /** It may not get a number; nothing was issued. */
  | { readonly outcome: 'objected'; readonly reason: Notice };

/**
 * Locks the account's row in the close and reads its draft; undefined when there is nothing to issue (any more). Whether a
 * draft is released is looked at here and nowhere before: one that was made anew meanwhile has not been reviewed.
 */
export async function lockDraft(
  tx: Transaction,
  of: AccountInClose,
): Promise<{ id: string; round: number; inputsHash: string; draft: DraftInvoice } | undefined> {
  const account = await lockCloseAccount(tx, of);
  if (account?.state !== 'drafted' || !(account.released || account.issue === 'automatic')) return undefined;
  const stored = await loadDraft(tx, of);
  if (!stored) throw new PersistenceError('draft_missing', 'the account is drafted but has no draft', false);
  return {
    id: stored.id,
    round: account.round,
    inputsHash: stored.inputsHash,
    draft: stored.document as DraftInvoice,
  };
}

/** Moves the account of a draft that was just issued to `issued`. */
export async function settleDraft(
  tx: Transaction,
  { closeId, accountId }: AccountInClose,
  { id, round }: { id: string; round: number },
): Promise<void> {
  const issued = { accountId, round, invoiceId: id };
  const moved = await moveToOutcome(tx.$queryRaw.bind(tx), closeId, 'issue', [issued]);
  if (moved.size === 0) {
    throw new PersistenceError('account_moved', 'the account changed its state under our lock', false);
  }
  await tx.$executeRaw`
    DELETE FROM draft_invoice WHERE close_id = ${closeId}::uuid AND account_id = ${accountId}::uuid`;
}
