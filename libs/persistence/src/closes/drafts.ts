import type { Notice } from '#billing';
import type { DraftInvoice, IssuedInvoice } from '#invoicing';
import { v7 as uuid } from 'uuid';
import { documentSha256, unalteredDraft } from '../documents/sealed-documents.js';
import { type Database, PersistenceError, transaction, type Transaction } from '../ground/database.js';
import { lockCloseAccount, moveAccount, type Outcome } from './account-moves.js';

/**
 * Keeps the draft of an account that is being billed, and moves it to `drafted`. A draft that is made already stays as it
 * is, because it may have been reviewed; what sends the account back takes the release away.
 *
 * @returns whether this call made the draft
 */
export async function saveDraft(
  database: Database,
  closeId: string,
  accountId: string,
  { inputsHash, document, ...move }: Outcome & { inputsHash: string; document: unknown },
): Promise<boolean> {
  return transaction(database, async (tx) => {
    // Cancelling locks the accounts before it deletes their drafts: it is either waited for, or finds this one.
    if (!(await lockCloseAccount(tx, closeId, accountId))) return false;
    const moved = await moveAccount(tx, closeId, accountId, { to: 'drafted', ...move });
    if (!moved) return false;
    await tx.$executeRaw`
      INSERT INTO draft_invoice (id, close_id, account_id, inputs_hash, document, document_sha256)
      VALUES (${uuid()}::uuid, ${closeId}::uuid, ${accountId}::uuid, ${inputsHash}, ${JSON.stringify(document)}::jsonb,
              ${documentSha256(document)})
      ON CONFLICT (close_id, account_id) DO UPDATE
        SET inputs_hash = excluded.inputs_hash, document = excluded.document, document_sha256 = excluded.document_sha256,
            updated_at = clock_timestamp()`;
    return true;
  });
}

/**
 * The draft of an account, or undefined.
 *
 * @throws DocumentAltered
 */
export async function loadDraft(
  database: Database | Transaction,
  closeId: string,
  accountId: string,
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
  const account = await lockCloseAccount(tx, closeId, accountId);
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
