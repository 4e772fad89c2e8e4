import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipArchive } from 'archiver';
import { type Database, documentsOfClose, type StoredCertificate } from '#persistence';
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

/** Sends the archive of a close: its certificate, then a PDF per document that it names, in the order of their numbers. */
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
  for await (const { id, number, issuedAt } of documentsOfClose(database, closeId)) {
    const pdf = await closes.pdf(id);
    if (!pdf) throw new Error(`document ${number} has no PDF`);
    yield { name: `${number.replaceAll('/', '-')}.pdf`, bytes: pdf.bytes, date: issuedAt };
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
