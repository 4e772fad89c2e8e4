import { monthPeriod } from '#calendar';
import { type BillingFacts, factsOfPeriod, loadSellerFacts } from './billing-facts.js';
import { type Database, PersistenceError, type Transaction } from './database.js';
import { type Snapshot, usageFingerprint, type WindowFingerprint } from './ledger.js';
import { documentFingerprints, type DocumentFingerprint } from './period-documents.js';
import { documentSha256, SEALED, type SealedDocument, unaltered, unalteredInputs } from './sealed-documents.js';

/**
 * What a document that bills a period is computed from: the billing facts that bear on it, plan versions by their hash, and
 * the usage by the hash of its values. A document's `inputs_hash` is the sha256 of this as canonical JSON, so nothing may
 * be in it whose change cannot change the document: it would hold every draft that waits for a review.
 */
export interface BillingInputs extends BillingFacts {
  readonly usage: readonly WindowFingerprint[];
  /** What was issued for the period before and taken back; absent where nothing was. */
  readonly documents?: readonly DocumentFingerprint[];
}

/**
 * Writes the inputs down as they stand in this transaction.
 *
 * @param rated the snapshots that were rated, where they are known: if another writer has brought a later revision since,
 *   the inputs of the draft must not name what the draft was not computed from
 * @param anew whether the period was billed and taken back before, so that the document says what it replaces
 */
export async function billingInputs(
  database: Database | Transaction,
  facts: BillingFacts,
  periodLabel: string,
  rated: readonly Snapshot[] = [],
  anew = false,
): Promise<BillingInputs> {
  const latest = await usageFingerprint(database, { accountId: facts.account.id, periodLabel });
  const used = new Map(rated.map((snapshot) => [`${snapshot.entity} ${snapshot.metric}`, snapshot]));
  const bearing = factsOfPeriod(facts, monthPeriod(periodLabel, facts.account.timeZone));
  const { seller, account, entities, subscriptions, versions, advances, discounted } = bearing;
  return {
    // Where, when and how usage is fetched and kept, and keys, sealed anew at will, decide nothing: the usage is below.
    seller: {
      ...seller,
      settleHours: null,
      keepRaw: false,
      // Decides whether there is a document, not what is in it.
      zeroInvoices: 'skip',
      reportApi: seller.reportApi && { dialect: seller.reportApi.dialect ?? null },
      reportApiKey: null,
    },
    account: { ...account, reportApiKey: null },
    entities,
    subscriptions,
    // Published versions are immutable and known by their hash.
    versions: versions.map((version) => ({ ...version, document: null })),
    ...(advances && { advances }),
    ...(discounted && { discounted }),
    usage: latest.map((window) => {
      const snapshot = used.get(`${window.entity} ${window.metric}`);
      return snapshot ? { ...window, revision: snapshot.revision, values_sha256: snapshot.valuesSha256 } : window;
    }),
    ...(anew && { documents: await documentFingerprints(database, { accountId: facts.account.id, periodLabel }) }),
  };
}

/**
 * The facts by which a period is looked at again: those that the document that billed it was computed from, plan documents
 * included, and the holds that an operator let pass for it. How answers are kept is as the seller wants it now.
 *
 * @throws PersistenceError `inputs_missing`, `plan_version_changed`, `document_altered`: a row was changed around the service
 */
export async function loadPinnedFacts(
  database: Database | Transaction,
  invoiceId: string,
): Promise<{ facts: BillingFacts; waived: string[] }> {
  const { facts, waived } = await loadDocumentFacts(database, invoiceId);
  return { facts: await keptAsNow(database, facts), waived };
}

/** Pinned facts, with answers of the report API kept as the seller wants it now. */
export async function keptAsNow(database: Database | Transaction, facts: BillingFacts): Promise<BillingFacts> {
  const { keepRaw } = await loadSellerFacts(database, facts.seller.id);
  return { ...facts, seller: { ...facts.seller, keepRaw } };
}

/**
 * The billing facts that the first document of a period was computed from, to the letter.
 *
 * @throws PersistenceError `inputs_missing`, `plan_version_changed`, `document_altered`: a row was changed around the service
 */
export async function loadDocumentFacts(
  database: Database | Transaction,
  invoiceId: string,
): Promise<{ facts: BillingFacts; waived: string[] }> {
  const [row] = await database.$queryRaw<(SealedDocument & { inputs: BillingInputs; waived: string[] })[]>`
    SELECT ${SEALED}, n.inputs, ARRAY(SELECT code FROM close_waiver w
                            WHERE w.close_id = i.close_id AND w.account_id = i.account_id) AS waived
      FROM invoice_inputs n JOIN invoice i ON i.id = n.invoice_id WHERE n.invoice_id = ${invoiceId}::uuid`;
  if (!row) throw new PersistenceError('inputs_missing', `the inputs of document ${invoiceId} are not kept`, false);
  const inputs = unalteredInputs(unaltered(row), row.inputs);
  return { facts: await pinnedFacts(database, inputs, `document ${invoiceId}`), waived: row.waived };
}

/**
 * Inputs as the billing facts they were written down from, with the documents of their plan versions.
 *
 * @param of what was computed from them, as an error names it
 * @throws PersistenceError `plan_version_changed`: somebody worked around the service
 */
export async function pinnedFacts(
  database: Database | Transaction,
  { seller, account, entities, subscriptions, versions, advances, discounted }: BillingInputs,
  of: string,
): Promise<BillingFacts> {
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
  };
}
