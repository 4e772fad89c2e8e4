import type { InvoiceEvidence } from '#proof';
import type { Database } from '../ground/database.js';
import { loadDocumentFacts } from './invoice-inputs.js';
import { loadSnapshots } from '../ledger/ledger.js';
import { loadPeriodDocuments } from './period-documents.js';
import { loadRegistration } from './registrations.js';
import { listForms } from './stored-documents.js';
import { SEALED, type SealedDocument, unaltered, unalteredInputs } from './sealed-documents.js';

/**
 * The evidence of an issued document, or undefined when there is no such document.
 *
 * @throws DocumentAltered
 */
export async function loadInvoiceEvidence(database: Database, invoiceId: string): Promise<InvoiceEvidence | undefined> {
  const [row] = await database.$queryRaw<
    (SealedDocument & { inputs: InvoiceEvidence['inputs'] })[]
  >`SELECT ${SEALED}, n.inputs
      FROM invoice i JOIN invoice_inputs n ON n.invoice_id = i.id WHERE i.id = ${invoiceId}::uuid`;
  if (!row) return undefined;
  const document = unaltered(row);
  const inputs = unalteredInputs(document, row.inputs);
  const of = { accountId: document.account, periodLabel: document.period.label };
  const { documents } = await loadPeriodDocuments(database, of);
  const earlier = documents.filter(({ revision }) => revision < document.revision);
  const { facts, waived } = await loadDocumentFacts(database, document.corrects?.id ?? document.id);
  const forms = await listForms(database, invoiceId);
  const registration = await loadRegistration(database, invoiceId);
  const snapshots = await loadSnapshots(database, of, inputs.usage ?? []);
  return {
    document,
    document_sha256: row.document_sha256,
    inputs,
    earlier,
    facts,
    waived: [...waived].sort(),
    ...(forms.length > 0 && { renditions: forms }),
    ...(registration && { irn: registration }),
    usage: snapshots.map(({ entity, metric, revision, valuesSha256, rawSha256, dialectSha256, series }) => {
      const hashes = { values_sha256: valuesSha256, raw_sha256: rawSha256, dialect_sha256: dialectSha256 };
      return { entity, metric, revision, ...hashes, series };
    }),
  };
}
