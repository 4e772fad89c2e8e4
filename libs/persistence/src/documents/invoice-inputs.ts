import { type BillingFacts, type BillingTerms, termsOf } from '#billing';
import { monthPeriod } from '#calendar';
import type { WindowFingerprint } from '#proof';
import { loadSellerFacts } from '../catalogue/seller-facts.js';
import { type Database, PersistenceError, type Transaction } from '../ground/database.js';
import { inOrderOfWindows, type Snapshot, usageFingerprint } from '../ledger/ledger.js';
import { documentFingerprints, type DocumentFingerprint } from './period-documents.js';
import { documentSha256 } from '../ground/document-sha256.js';
import { SEALED, type SealedDocument, unaltered, unalteredInputs } from './sealed-documents.js';

/**
 * What a document that bills a period is computed from: the terms that bear on it (`termsOf`), plan versions by their hash,
 * and the usage by the hash of its values. A document's `inputs_hash` is the sha256 of this as canonical JSON.
 */
export interface BillingInputs extends BillingTerms {
  readonly usage: readonly WindowFingerprint[];
  /** What was issued for the period before and taken back; absent where nothing was. */
  readonly documents?: readonly DocumentFingerprint[];
}

/**
 * Writes the inputs of a period down; pure.
 *
 * @param usage the latest usage of every window of the month
 * @param rated the snapshots that were rated, where they are known: if another writer has brought a later revision since,
 *   the inputs of the draft must not name what the draft was not computed from
 * @param documents what the document replaces, where the period was billed and taken back before
 */
export function inputsOf(
  facts: BillingTerms,
  periodLabel: string,
  usage: readonly WindowFingerprint[],
  rated: readonly Snapshot[] = [],
  documents?: readonly DocumentFingerprint[],
): BillingInputs {
  const used = new Map(
    [...usage, ...rated.map(fingerprintOf)].map((window) => [`${window.entity} ${window.metric}`, window]),
  );
  return {
    ...termsOf(facts, monthPeriod(periodLabel, facts.account.timeZone)),
    usage: inOrderOfWindows([...used.values()]),
    ...(documents && { documents }),
  };
}

function fingerprintOf({ entity, metric, revision, valuesSha256 }: Snapshot): WindowFingerprint {
  return { entity, metric, revision, values_sha256: valuesSha256 };
}

/** Reads what is missing of the inputs and writes them down as they stand in this transaction. */
export async function billingInputs(
  database: Database | Transaction,
  facts: BillingTerms,
  periodLabel: string,
  rated: readonly Snapshot[] = [],
  anew = false,
): Promise<BillingInputs> {
  const of = { accountId: facts.account.id, periodLabel };
  const documents = anew ? await documentFingerprints(database, of) : undefined;
  return inputsOf(facts, periodLabel, await usageFingerprint(database, of), rated, documents);
}

/**
 * The facts by which a period is looked at again: those that the document that billed it was computed from, plan documents
 * included, and the holds that an operator let pass for it. How the service works for the seller is as it is now.
 *
 * @throws PersistenceError `inputs_missing`, `plan_version_changed`, `document_altered`: a row was changed around the service
 */
export async function loadPinnedFacts(
  database: Database | Transaction,
  invoiceId: string,
): Promise<{ facts: BillingFacts; waived: string[] }> {
  const { facts, waived } = await loadDocumentFacts(database, invoiceId);
  return { facts: await workedAsNow(database, facts), waived };
}

/** Pinned terms, with the service working for the seller as it wants it now. */
export async function workedAsNow(database: Database | Transaction, terms: BillingTerms): Promise<BillingFacts> {
  const { operations } = await loadSellerFacts(database, terms.seller.id);
  return { ...terms, seller: { ...terms.seller, operations } };
}

/**
 * The terms that the first document of a period was computed from, to the letter, and the holds that were let pass for it.
 *
 * @throws PersistenceError `inputs_missing`, `plan_version_changed`, `document_altered`: a row was changed around the service
 */
export async function loadDocumentFacts(
  database: Database | Transaction,
  invoiceId: string,
): Promise<{ facts: BillingTerms; waived: string[] }> {
  const [row] = await database.$queryRaw<(SealedDocument & { inputs: BillingInputs; waived: string[] })[]>`
    SELECT ${SEALED}, n.inputs, ARRAY(SELECT code FROM close_waiver w
                            WHERE w.close_id = i.close_id AND w.account_id = i.account_id) AS waived
      FROM invoice_inputs n JOIN invoice i ON i.id = n.invoice_id WHERE n.invoice_id = ${invoiceId}::uuid`;
  if (!row) throw new PersistenceError('inputs_missing', `the inputs of document ${invoiceId} are not kept`, false);
  const inputs = unalteredInputs(unaltered(row), row.inputs);
  return { facts: await pinnedFacts(database, inputs, `document ${invoiceId}`), waived: row.waived };
}

/**
 * Inputs as the terms they were written down from, with the documents of their plan versions.
 *
 * @param of what was computed from them, as an error names it
 * @throws PersistenceError `plan_version_changed`: somebody worked around the service
 */
export async function pinnedFacts(
  database: Database | Transaction,
  { seller, account, entities, subscriptions, versions, advances, discounted, adjustments, edits }: BillingInputs,
  of: string,
): Promise<BillingTerms> {
  const documents = await database.$queryRaw<{ code: string; version: number; document: unknown; sha256: string }[]>`
    SELECT code, version, document, document_sha256 AS sha256 FROM tariff_plan_version
     WHERE (code, version) IN (SELECT * FROM unnest(${versions.map(({ code }) => code)}::text[],
                                                    ${versions.map(({ version }) => version)}::int[]))`;
  const rated = versions.map((pinned) => {
    const stored = documents.find(({ code, version }) => code === pinned.code && version === pinned.version);
    if (stored?.sha256 !== pinned.sha256 || documentSha256(stored.document) !== pinned.sha256) {
      const message = `version ${pinned.version} of plan ${pinned.code} is not the one that ${of} was rated by`;
      throw new PersistenceError('plan_version_changed', message, false);
    }
    return { ...pinned, document: stored.document };
  });
  return {
    ...{ seller, account, entities, subscriptions, versions: rated },
    ...(advances && { advances }),
    ...(discounted && { discounted }),
    ...(adjustments && { adjustments }),
    ...(edits && { edits }),
  };
}
