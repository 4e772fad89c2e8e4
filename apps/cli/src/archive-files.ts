import { type ArchiveFile, printableName } from '#proof';
import { createReadStream, createWriteStream, type Dirent } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Entry, openPromise, type ZipFile } from 'yauzl';

/** The files of an archive of a close, to be read in any order until it is closed. */
export interface OpenArchive {
  readonly files: readonly ArchiveFile[];
  close(): Promise<void>;
}

/** Bounds for archives of strangers: files, bytes of one file, bytes of all, and how many times larger than the zip. */
const MOST_FILES = 1_000_000;
const FILE_BYTES = 256 * 2 ** 20;
const ARCHIVE_BYTES = 256 * 2 ** 30;
// Text of one kind, again and again, comes to some thirtieth; what comes to less than that was made to fill a machine.
const INFLATION = 200;
const SMALL = 64 * 2 ** 20;

/**
 * Opens what an auditor has of a close: the zip as the service sent it, a folder into which it was unpacked, or the address of
 * the close, `https://…/v1/closes/{id}`, from which it is fetched into a temporary file.
 *
 * @param key for an address
 * @throws Error when it cannot be read, is no such thing, or is beyond the bounds
 */
export async function openArchive(source: string, key: string | undefined): Promise<OpenArchive> {
  if (/^https?:\/\//i.test(source)) return fetched(closeAddress(source), key);
  return (await stat(source)).isDirectory() ? folder(source) : zip(source);
}

async function folder(path: string): Promise<OpenArchive> {
  const entries = await readdir(path, { withFileTypes: true });
  if (entries.length > MOST_FILES) throw new Error(`there are more than ${MOST_FILES} files`);
  const files = entries.map((entry) => ({ name: entry.name, read: () => fileOf(path, entry) }));
  return { files, close: () => Promise.resolve() };
}

async function* fileOf(path: string, entry: Dirent): AsyncGenerator<Uint8Array> {
  // A pipe would never end.
  if (!entry.isFile()) throw new Error(`${printableName(entry.name)} is not a file`);
  yield* bounded(entry.name, createReadStream(join(path, entry.name)));
}

async function zip(path: string): Promise<OpenArchive> {
  // Files are found by the directory at the end, as every reader of zips does, and what it says of a size is enforced.
  const archive = await openPromise(path, { lazyEntries: true, autoClose: false, strictFileNames: true });
  try {
    const entries: Entry[] = [];
    let bytes = 0;
    for await (const entry of archive.eachEntry()) {
      bytes += entry.uncompressedSize;
      if (entries.push(entry) > MOST_FILES) throw new Error(`there are more than ${MOST_FILES} files`);
    }
    if (bytes > ARCHIVE_BYTES || bytes > SMALL + INFLATION * archive.fileSize) {
      throw new Error(`its files come to ${bytes} bytes, more than is unpacked of a zip of ${archive.fileSize}`);
    }
    const files = entries.map((entry) => ({ name: entry.fileName, read: () => unpacked(archive, entry) }));
    return { files, close: () => Promise.resolve(archive.close()) };
  } catch (error) {
    archive.close();
    throw error;
  }
}

async function* unpacked(archive: ZipFile, entry: Entry): AsyncGenerator<Uint8Array> {
  const { fileName: name } = entry;
  try {
    yield* bounded(name, await archive.openReadStreamPromise(entry));
  } catch (error) {
    throw new Error(`${printableName(name)} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function* bounded(name: string, stream: Readable): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > FILE_BYTES) throw new Error(`${printableName(name)} is larger than ${FILE_BYTES} bytes`);
    yield piece;
  }
}

async function fetched(close: URL, key: string | undefined): Promise<OpenArchive> {
  const { fetch } = await import('undici');
  if (!key) throw new Error('the environment variable METERLINE_KEY must hold a key with the scope read');
  const temporary = await mkdtemp(join(tmpdir(), 'meterline-archive-'));
  const remove = () => rm(temporary, { recursive: true, force: true });
  try {
    // A key is not handed on to where an answer points.
    const answer = await fetch(`${close.href}/invoices.zip`, {
      headers: { authorization: `Bearer ${key}` },
      redirect: 'error',
    });
    if (answer.status !== 200 || !answer.body) throw new Error(`${close.href}/invoices.zip answers ${answer.status}`);
    const path = join(temporary, 'invoices.zip');
    await pipeline(Readable.fromWeb(answer.body), atMost(ARCHIVE_BYTES), createWriteStream(path));
    const archive = await zip(path);
    return { files: archive.files, close: () => archive.close().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** @throws Error for what is not the address of a close, or would send a key where others can read it */
function closeAddress(source: string): URL {
  const url = new URL(source);
  const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url.protocol !== 'https:' && !isLoopback) throw new Error('an address must begin with https://');
  if (url.username || url.password) throw new Error('an address may hold no password; give the key as METERLINE_KEY');
  if (url.search || url.hash || !/\/v1\/closes\/[0-9a-f-]{36}$/.test(url.pathname)) {
    throw new Error('an address must be that of a close: https://…/v1/closes/{id}');
  }
  return url;
}

function atMost(most: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(piece: Uint8Array, _encoding, done) {
      bytes += piece.length;
      if (bytes > most) done(new Error(`the archive is larger than ${most} bytes`));
      else done(null, piece);
    },
  });
}
