import type { Database, Transaction } from '#persistence';
import {
  type Alteration,
  checkDocuments,
  type CheckedSlice,
  DocumentAltered,
  standsAsCertified,
} from '#persistence/documents';
import { findCertificate, listCertificateKeys, type StoredCertificate } from '#persistence/closes';
import { verifyCertificates } from '#proof';
import { certificateIn } from './certify.js';

/** Everything that is stored is looked at once in so many days. */
const SPAN_SECONDS = 27 * 86_400;

/**
 * Checks the next slice of all stored documents and certificates. Any number of workers may call it at once and as often as
 * they like: one at a time does something, and only what is due.
 *
 * @param spanSeconds how long it takes to check everything once; 0: as fast as it can be done
 */
export function checkStoredDocuments(database: Database, spanSeconds = SPAN_SECONDS): Promise<CheckedSlice> {
  return checkDocuments(database, { spanSeconds, certificateFault });
}

/** The first thing that is wrong with a close's certificates: with one, with their order, or with what the last one counts. */
async function certificateFault(tx: Transaction, closeId: string): Promise<Alteration | undefined> {
  const subject = `close:${closeId}` as const;
  const revisions: StoredCertificate[] = [];
  try {
    const latest = await findCertificate(tx, closeId);
    if (!latest) return undefined;
    for (let revision = 1; revision < latest.revision; revision += 1) {
      const stored = await findCertificate(tx, closeId, revision);
      if (!stored) return { subject, part: 'certificate', name: nameOf({ revision }) };
      revisions.push(stored);
    }
    const keys = (await listCertificateKeys(tx)).map((key) => key.public_key);
    const files = [...revisions, latest].map((each) => ({ name: nameOf(each), text: each.document }));
    const verdict = verifyCertificates(files, keys);
    if (verdict.outcome === 'invalid') return { subject, part: 'certificate', name: verdict.name };
    const stands = await standsAsCertified(tx, closeId, certificateIn(latest));
    return stands ? undefined : { subject, part: 'documents', name: nameOf(latest) };
  } catch (error) {
    if (error instanceof DocumentAltered) return error.alteration;
    throw error;
  }
}

function nameOf({ revision }: Pick<StoredCertificate, 'revision'>): string {
  return `revision ${revision}`;
}
