import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipArchive } from 'archiver';
import { codeOf, isRetryable } from '#close';
import { canonicalJson } from '#canonical-json';
import { type FormatKind, isRefusal, type Refusal, wantedForm } from '#e-invoice';
import { type Catalogue, documentSha256 } from '#persistence';
import { documentsOfClose, noteAlteration, type StoredDocument } from '#persistence/documents';
import type { StoredCertificate } from '#persistence/closes';
import { ARCHIVE_FORMAT, type ArchiveManifest, CERTIFICATE_FILE, MANIFEST_FILE } from '#proof';
import type { CloseCommands } from '../ports.js';

interface ClosedMonth {
  readonly database: Catalogue;
  readonly closes: Pick<CloseCommands, 'pdf' | 'xml'> & {
    readonly registrations: Pick<CloseCommands['registrations'], 'pdf'>;
  };
  readonly closeId: string;
  readonly certificate: StoredCertificate | undefined;
}

interface Entry {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly date: string;
}

/**
 * Sends the archive of a close: its certificate, each document that it names as JSON, as PDF and in the electronic form that its
 * customer wants, in the order of their numbers, and a manifest. What cannot be had, however often it is asked for, is named there; the archive holds all the others.
 */
export async function sendInvoices(response: Writable, month: ClosedMonth): Promise<void> {
  try {
    await pipeline(Readable.from(zipOf(entriesOf(month))), response);
  } catch (error) {
    // The caller left. Anything else has destroyed the connection, so that no reader takes a part for the whole.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

async function* entriesOf({ database, closes, closeId, certificate }: ClosedMonth): AsyncGenerator<Entry> {
  if (certificate) {
    const { issued_at } = (JSON.parse(certificate.document) as { certificate: { issued_at: string } }).certificate;
    yield { name: CERTIFICATE_FILE, bytes: Buffer.from(certificate.document), date: issued_at };
  }
  const manifest: ArchiveManifest = { format: ARCHIVE_FORMAT, close: closeId, documents: [], missing: [] };
  // Of an equal close the archive is equal, so its manifest is as old as the newest document.
  let latest = FIRST_DATE;
  for await (const { id, number, issuedAt: date, content } of documentsOfClose(database, closeId)) {
    if (date > latest) latest = date;
    const file = number.replaceAll('/', '-');
    if (content instanceof Error) {
      await note(database, content);
      manifest.missing.push({ number, id, part: 'document', code: content.code });
      continue;
    }
    // Byte for byte what the certificate has the hash of.
    const json = { name: `${file}.json`, bytes: Buffer.from(canonicalJson(content)), date };
    yield json;
    const pdf = await fileOrWhyNot(database, () => closes.pdf(id));
    if ('code' in pdf) manifest.missing.push({ number, id, part: 'pdf', code: pdf.code });
    else yield { name: `${file}.pdf`, bytes: pdf.bytes, date };
    const registered = content.gst && (await fileOrWhyNot(database, () => closes.registrations.pdf(id)));
    if (registered && 'bytes' in registered) yield { name: `${file}-irn.pdf`, bytes: registered.bytes, date };
    else if (registered && registered.code !== 'not_found') {
      manifest.missing.push({ number, id, part: 'pdf_irn', code: registered.code });
    }
    const form = wantedForm(content);
    const xml = form && (await fileOrWhyNot(database, () => closes.xml(id, form.kind)));
    // A document is JSON itself.
    const formFile = form?.kind === 'inv01' ? `${file}-inv01.json` : `${file}.xml`;
    if (xml && 'bytes' in xml) yield { name: formFile, bytes: xml.bytes, date };
    else if (xml && !isRefusal(xml)) manifest.missing.push({ number, id, part: 'xml', code: xml.code });
    manifest.documents.push({
      number,
      json: { file: json.name, sha256: documentSha256(content) },
      pdf: 'code' in pdf ? null : { file: `${file}.pdf`, sha256: pdf.sha256, layout: pdf.layout },
      ...(registered &&
        'bytes' in registered && {
          pdf_irn: { file: `${file}-irn.pdf`, sha256: registered.sha256, layout: registered.layout },
        }),
      ...(form && xml && { xml: listed(form.kind, formFile, xml) }),
    });
  }
  yield { name: MANIFEST_FILE, bytes: Buffer.from(JSON.stringify(manifest, null, 2)), date: latest };
}

/** The earliest that an archive can say. */
const FIRST_DATE = '1980-01-01T00:00:00Z';

/** Throws what asking again may cure: an archive that breaks off is asked for again, one that came is believed. */
async function fileOrWhyNot<File extends object>(
  database: Catalogue,
  read: () => Promise<File | undefined>,
): Promise<File | { code: string }> {
  try {
    return (await read()) ?? { code: 'not_found' };
  } catch (error) {
    if (isRetryable(error)) throw error;
    await note(database, error);
    return { code: codeOf(error) };
  }
}

function listed(
  kind: FormatKind,
  file: string,
  xml: StoredDocument | Refusal | { code: string },
): ArchiveManifest['documents'][number]['xml'] {
  if ('bytes' in xml) return { kind, file, sha256: xml.sha256, layout: xml.layout };
  return isRefusal(xml) ? { kind, refused: xml.code } : null;
}

/** Whatever keeps an alteration from being written down, the manifest tells of it. */
function note(database: Catalogue, error: unknown): Promise<void> {
  return noteAlteration(database, error).catch(() => undefined);
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
