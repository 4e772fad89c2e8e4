import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipArchive } from 'archiver';
import { codeOf, isRetryable } from '#close';
import { type Database, documentsOfClose, type StoredCertificate, type StoredDocument } from '#persistence';
import type { CloseCommands } from '../ports.js';

interface ClosedMonth {
  readonly database: Database;
  readonly closes: Pick<CloseCommands, 'pdf'>;
  readonly closeId: string;
  readonly certificate: StoredCertificate | undefined;
}

interface Entry {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly date: string;
}

/** The last entry of an archive: what it holds, and which documents it lacks and why. */
export interface ArchiveManifest {
  close: string;
  documents: { number: string; file: string; sha256: string }[];
  missing: { number: string; id: string; code: string }[];
}

/**
 * Sends the archive of a close: its certificate, a PDF per document that it names in the order of their numbers, and a
 * manifest. A document that cannot be had, however often it is asked for, is named there and keeps nobody from the others.
 */
export async function sendInvoices(response: Writable, month: ClosedMonth): Promise<void> {
  try {
    await pipeline(Readable.from(zipOf(entriesOf(month))), response);
  } catch (error) {
    // The caller left. Anything else has destroyed the connection, so that nobody takes a part for the whole.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

async function* entriesOf({ database, closes, closeId, certificate }: ClosedMonth): AsyncGenerator<Entry> {
  if (certificate) {
    const { issued_at } = (JSON.parse(certificate.document) as { certificate: { issued_at: string } }).certificate;
    yield { name: 'certificate.json', bytes: Buffer.from(certificate.document), date: issued_at };
  }
  const manifest: ArchiveManifest = { close: closeId, documents: [], missing: [] };
  // Of an equal close the archive is equal, so its manifest is as old as the newest document.
  let latest = FIRST_DATE;
  for await (const { id, number, issuedAt } of documentsOfClose(database, closeId)) {
    if (issuedAt > latest) latest = issuedAt;
    const pdf = await pdfOrWhyNot(closes, id);
    if ('code' in pdf) {
      manifest.missing.push({ number, id, code: pdf.code });
      continue;
    }
    const file = `${number.replaceAll('/', '-')}.pdf`;
    manifest.documents.push({ number, file, sha256: pdf.sha256 });
    yield { name: file, bytes: pdf.bytes, date: issuedAt };
  }
  yield { name: 'manifest.json', bytes: Buffer.from(JSON.stringify(manifest, null, 2)), date: latest };
}

/** The earliest that an archive can say. */
const FIRST_DATE = '1980-01-01T00:00:00Z';

/** Throws what asking again may cure: an archive that breaks off is asked for again, one that came is believed. */
async function pdfOrWhyNot(closes: ClosedMonth['closes'], id: string): Promise<StoredDocument | { code: string }> {
  try {
    return (await closes.pdf(id)) ?? { code: 'not_found' };
  } catch (error) {
    if (isRetryable(error)) throw error;
    return { code: codeOf(error) };
  }
}

/**
 * The archive piece by piece. The next entry is only read once the pieces so far were taken, so a slow caller or a large
 * close costs no memory. PDFs are compressed already and stored as they are; dates are those of the documents, so that an
 * equal close gives equal bytes.
 */
async function* zipOf(entries: AsyncIterable<Entry>): AsyncGenerator<Buffer> {
  const archive = new ZipArchive({ store: true });
  for await (const { name, bytes, date } of entries) {
    const added = once(archive, 'entry');
    archive.append(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { name, date });
    await added;
    for (let piece = taken(archive); piece !== null; piece = taken(archive)) yield piece;
  }
  const finished = archive.finalize();
  for await (const piece of archive) yield piece as Buffer;
  await finished;
}

function taken(archive: ZipArchive): Buffer | null {
  return archive.read() as Buffer | null;
}
