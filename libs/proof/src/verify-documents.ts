import { type FormatKind, isRefusal, layoutVersionOf, renderEInvoice, wantedForm } from '#e-invoice';
import type { IssuedInvoice } from '#invoicing';
import { decimal, type Decimal, isPlainDecimal, plus } from '#money';
import { z } from 'zod';
import { ARCHIVE_FORMAT, type ArchiveManifest, CERTIFICATE_FILE, MANIFEST_FILE } from './archive.js';
import type { CloseCertificate } from './certificate.js';
import { Sha256, sha256 } from './crypto.js';
import type { CheckedCertificate } from './verify-certificate.js';

/** A file of an archive. The names of several files may be equal: that is for the check to say. */
export interface ArchiveFile {
  readonly name: string;
  /** Its content piece by piece. What is larger than the reader bears makes it throw. */
  read(): AsyncIterable<Uint8Array>;
}

/** Draws a document again, to compare it with a PDF. The version of the page's look is the same for equal bytes. */
export interface DocumentRenderer {
  readonly layoutVersion: number;
  render(document: IssuedInvoice): Promise<{ readonly sha256: string }>;
}

/** What is there beside what was certified. */
export interface DocumentsVerdict {
  /** In the order of the certificate; no more than `MOST_NAMED`. Empty: everything is there as it was certified. */
  readonly differences: readonly Difference[];
  /** How many more there are than are named. */
  readonly unnamed: number;
  readonly sums: readonly GroupSum[];
  readonly pdfs: {
    readonly found: number;
    /** Of these, drawn again from the certified document with the same bytes. */
    readonly redrawn: number;
    /** Of these, drawn with another version of the page's look, so that only the manifest vouches for them. */
    readonly otherLayout: number;
  };
  /** Electronic forms; `otherLayout`: written in another version of the form. */
  readonly xmls: { readonly found: number; readonly rewritten: number; readonly otherLayout: number };
}

export interface Difference {
  readonly what: 'missing' | 'extra' | 'altered';
  /** A document's number or a file's name, fit to be printed. */
  readonly name: string;
  readonly message: string;
}

/** The documents of one currency, as they were certified and as they are there; undefined where there are none. */
export interface GroupSum {
  readonly group: 'documents' | 'notes';
  readonly currency: string;
  readonly certified: CurrencySum | undefined;
  readonly found: CurrencySum | undefined;
  readonly agrees: boolean;
}

export interface CurrencySum {
  readonly documents: number;
  readonly net: string;
  readonly tax: string;
  readonly payable: string;
}

const MOST_NAMED = 1000;
/** More than any close has: what a certificate of a stranger counts must not keep this from ending. */
const MOST_DOCUMENTS = 5_000_000;

/**
 * Compares the files of an archive with what the latest of certificates counted, with nothing but these. Every document that
 * was counted must be there once, as it was hashed, its PDF and its electronic form as the manifest has them; where the certified document can be
 * drawn in the same look, its PDF must also be what comes out, and so must the form. Nothing else may be there.
 *
 * @param certificates as `verifyCertificates` found them valid, in their order
 * @throws Error when a file cannot be read, or the certificate counts more than can be checked
 */
export async function verifyDocuments(
  certificates: readonly CheckedCertificate[],
  files: readonly ArchiveFile[],
  renderer: DocumentRenderer,
): Promise<DocumentsVerdict> {
  const latest = certificates.at(-1)?.certificate;
  if (!latest) throw new Error('there is no certificate to compare the documents with');
  const archive = new Archive(files);
  await archive.readCertificate(certificates);
  await archive.readManifest(latest.close.id);
  await archive.readDocuments();
  const sums: GroupSum[] = [];
  const certified: FoundDocument[] = [];
  for (const group of ['documents', 'notes'] as const) {
    const counted = group === 'documents' ? { ...latest.documents, totals: latest.totals } : latest.notes;
    if (!counted) continue;
    const found = archive.compare(group, counted);
    certified.push(...found.certified);
    sums.push(...found.sums);
  }
  const pdfs = await archive.comparePdfs(certified, renderer);
  const xmls = await archive.compareForms(certified);
  await archive.compareRegistered(certified);
  archive.nameExtras();
  return { differences: archive.differences, unnamed: archive.unnamed, sums, pdfs, xmls };
}

/** A name as a terminal may show it: nothing that moves the cursor or turns the line, and not too long. */
export function printableName(name: string): string {
  const escaped = name
    .slice(0, 200)
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`);
  return name.length > 200 ? `${escaped}…` : escaped;
}

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const manifestForm: z.ZodType<ArchiveManifest> = z.object({
  format: z.literal(ARCHIVE_FORMAT),
  close: z.string(),
  documents: z.array(
    z.object({
      number: z.string(),
      json: z.object({ file: z.string(), sha256: hash }),
      pdf: z.object({ file: z.string(), sha256: hash, layout: z.int() }).nullable(),
      pdf_irn: z.object({ file: z.string(), sha256: hash, layout: z.int() }).optional(),
      xml: z
        .union([
          z.object({ kind: z.string(), file: z.string(), sha256: hash, layout: z.int() }),
          z.object({ kind: z.string(), refused: z.string() }),
        ])
        .nullish(),
    }),
  ),
  missing: z.array(
    z.object({
      number: z.string(),
      id: z.string(),
      part: z.enum(['document', 'pdf', 'pdf_irn', 'xml']),
      code: z.string(),
    }),
  ),
});

const amount = z.string().max(100).refine(isPlainDecimal);

const documentForm = z.object({
  number: z.string(),
  kind: z.string(),
  currency: z.string(),
  net: amount,
  tax: amount,
  payable: amount,
});

interface FoundDocument extends z.output<typeof documentForm> {
  readonly file: ArchiveFile;
  readonly sha256: string;
}

type Counted = Pick<CloseCertificate['documents'], 'count' | 'ranges' | 'sha256'> & Pick<CloseCertificate, 'totals'>;

class Archive {
  readonly differences: Difference[] = [];
  unnamed = 0;
  readonly #files = new Map<string, ArchiveFile>();
  /** Names that were accounted for: whatever is left over does not belong there. */
  readonly #expected = new Set([CERTIFICATE_FILE, MANIFEST_FILE]);
  readonly #documents = new Map<string, FoundDocument>();
  readonly #listed = new Map<string, ArchiveManifest['documents'][number]>();
  readonly #lacking = new Map<string, string>();
  #hasManifest = false;

  constructor(files: readonly ArchiveFile[]) {
    for (const file of files) {
      if (this.#files.has(file.name)) this.#differs('extra', file.name, 'is there more than once');
      else this.#files.set(file.name, file);
    }
  }

  async readCertificate(given: readonly CheckedCertificate[]): Promise<void> {
    const text = await this.#textOf(CERTIFICATE_FILE);
    if (text === undefined) return;
    const hash = sha256(text);
    if (given.some((each) => each.sha256 === hash)) return;
    this.#differs(
      'altered',
      CERTIFICATE_FILE,
      'is none of the certificates that were given: give the latest of the close',
    );
  }

  async readManifest(closeId: string): Promise<void> {
    const text = await this.#textOf(MANIFEST_FILE);
    if (text === undefined) return;
    const manifest = manifestForm.safeParse(parsed(text));
    if (!manifest.success) {
      this.#differs('altered', MANIFEST_FILE, `is not a manifest of the form ${ARCHIVE_FORMAT}`);
      return;
    }
    this.#hasManifest = true;
    const { close, documents, missing } = manifest.data;
    if (close !== closeId)
      this.#differs('altered', MANIFEST_FILE, `is of the close ${printableName(close)}, not of ${closeId}`);
    for (const each of documents) {
      if (this.#listed.has(each.number))
        this.#differs('altered', MANIFEST_FILE, `names ${printableName(each.number)} twice`);
      else this.#listed.set(each.number, each);
    }
    for (const { number, part, code } of missing) this.#lacking.set(`${number} ${part}`, code);
  }

  async readDocuments(): Promise<void> {
    for (const [name, file] of this.#files) {
      if (!name.endsWith('.json') || this.#expected.has(name)) continue;
      const bytes = await bytesOf(file);
      const form = documentForm.safeParse(parsed(textOf(bytes)));
      if (!form.success) continue;
      const other = this.#documents.get(form.data.number);
      if (other) {
        this.#expected.add(name);
        const number = printableName(form.data.number);
        this.#differs('extra', name, `holds document ${number}, as does ${printableName(other.file.name)}`);
        continue;
      }
      const hash = sha256(bytes);
      this.#documents.set(form.data.number, { ...form.data, file, sha256: hash });
    }
  }

  /** Holds the documents against what was counted. Answers those whose hash the certificate vouches for. */
  compare(group: GroupSum['group'], counted: Counted): { certified: FoundDocument[]; sums: GroupSum[] } {
    if (counted.count > MOST_DOCUMENTS) {
      throw new Error(
        `the certificate counts ${counted.count} ${group}, more than the ${MOST_DOCUMENTS} that are checked`,
      );
    }
    const before = this.differences.length + this.unnamed;
    const [there, listed] = [new Sha256(), new Sha256()];
    for (const number of numbersOf(counted)) {
      there.update(`${number} ${this.#documents.get(number)?.sha256 ?? ''}\n`);
      listed.update(`${number} ${this.#listed.get(number)?.json.sha256 ?? ''}\n`);
    }
    // Where all hashes together are as certified, each of them is.
    const isThere = there.digest() === counted.sha256;
    const isListed = listed.digest() === counted.sha256;
    const sums = new Map<string, Sum>();
    const certified: FoundDocument[] = [];
    for (const number of numbersOf(counted)) {
      const entry = this.#listed.get(number);
      const found = this.#documents.get(number);
      const fileName = nameOf(number, 'json');
      this.#expected.add(fileName).add(nameOf(number, 'pdf'));
      if (this.#hasManifest && !entry && !this.#lacking.has(`${number} document`)) {
        this.#differs('altered', MANIFEST_FILE, `does not name ${printableName(number)}, which was counted`);
      }
      if (!found) {
        if (this.#files.has(fileName)) this.#differs('altered', number, `is not in ${printableName(fileName)}`);
        else this.#differs('missing', number, `was counted and is not there${this.#because(number, 'document')}`);
        continue;
      }
      const { currency, net, tax, payable } = found;
      const sum = sums.get(currency) ?? NOTHING;
      sums.set(currency, {
        documents: sum.documents + 1,
        net: plus(sum.net, decimal(net)),
        tax: plus(sum.tax, decimal(tax)),
        payable: plus(sum.payable, decimal(payable)),
      });
      if (found.file.name !== fileName) {
        this.#expected.add(found.file.name);
        this.#differs('altered', found.file.name, `holds document ${printableName(number)}`);
      }
      if (isThere || (isListed && entry?.json.sha256 === found.sha256)) certified.push(found);
      if (entry && entry.json.sha256 !== found.sha256) {
        const by = isThere
          ? 'the manifest is altered'
          : isListed
            ? 'the document is altered'
            : 'one of them is altered';
        this.#differs('altered', number, `is ${found.sha256} and in the manifest ${entry.json.sha256}: ${by}`);
      }
    }
    if (!isThere && before === this.differences.length + this.unnamed) {
      const message = `together are not the ${counted.count} that were counted: one at least is altered, and the manifest with it`;
      this.#differs('altered', `the ${group}`, message);
    }
    const groups = sumsOf(group, counted.totals, sums);
    for (const { currency, agrees } of isThere ? groups : []) {
      if (!agrees)
        this.#differs('altered', `the ${group}`, `in ${currency} do not come to the sums that were certified`);
    }
    return { certified, sums: groups };
  }

  async comparePdfs(
    documents: readonly FoundDocument[],
    renderer: DocumentRenderer,
  ): Promise<DocumentsVerdict['pdfs']> {
    let [found, redrawn, otherLayout] = [0, 0, 0];
    const certified = new Set(documents.map(({ number }) => number));
    for (const document of this.#documents.values()) {
      const { number } = document;
      const name = nameOf(number, 'pdf');
      if (!this.#expected.has(name)) continue;
      const file = this.#files.get(name);
      if (!file) {
        this.#differs('missing', name, `is not there${this.#because(number, 'pdf')}`);
        continue;
      }
      found += 1;
      const hash = await hashOf(file);
      const listed = this.#listed.get(number)?.pdf;
      if (!listed && this.#hasManifest)
        this.#differs('altered', name, 'is not vouched for: the manifest has no hash of it');
      if (listed && listed.sha256 !== hash) {
        this.#differs('altered', name, `is ${hash} and in the manifest ${listed.sha256}`);
        continue;
      }
      if (!certified.has(number)) continue;
      if (listed && listed.layout !== renderer.layoutVersion) {
        otherLayout += 1;
        continue;
      }
      const content = parsed(textOf(await bytesOf(document.file))) as IssuedInvoice;
      const drawn = await renderer.render(content).catch((error: unknown) => error as Error);
      // The logo is kept by the service: off-line the manifest alone vouches for such a page.
      if (drawn instanceof Error && (drawn as { code?: string }).code === 'logo_missing') otherLayout += 1;
      else if (drawn instanceof Error)
        this.#differs('altered', name, `cannot be drawn again: ${printableName(drawn.message)}`);
      else if (drawn.sha256 === hash) redrawn += 1;
      else this.#differs('altered', name, 'is not what its certified document comes to when it is drawn again');
    }
    return { found, redrawn, otherLayout };
  }

  /**
   * Compares the electronic forms of certified documents with what each comes to when it is written again. Where a document
   * has no such form, as the auditor's own writing of it says, none is missed.
   */
  async compareForms(documents: readonly FoundDocument[]): Promise<DocumentsVerdict['xmls']> {
    let [found, rewritten, otherLayout] = [0, 0, 0];
    for (const document of documents) {
      const content = parsed(textOf(await bytesOf(document.file))) as IssuedInvoice;
      const form = wantedForm(content);
      if (!form) continue;
      const { number } = document;
      const name = form.kind === 'inv01' ? nameOf(`${number}-inv01`, 'json') : nameOf(number, 'xml');
      this.#expected.add(name);
      const file = this.#files.get(name);
      const entry = this.#listed.get(number)?.xml;
      const listed = entry && 'file' in entry ? entry : undefined;
      const written = writtenAgain(form.kind, content);
      if (!file) {
        if (!(written instanceof Error) && isRefusal(written) && !listed) continue;
        this.#differs('missing', name, `is not there${this.#because(number, 'xml')}`);
        continue;
      }
      found += 1;
      const hash = await hashOf(file);
      if (!listed && this.#hasManifest)
        this.#differs('altered', name, 'is not vouched for: the manifest has no hash of it');
      if (listed && listed.sha256 !== hash) {
        this.#differs('altered', name, `is ${hash} and in the manifest ${listed.sha256}`);
        continue;
      }
      if (listed && listed.layout !== layoutVersionOf(form.kind)) otherLayout += 1;
      else if (written instanceof Error || isRefusal(written)) {
        this.#differs('altered', name, `cannot be written again: ${printableName(written.message)}`);
      } else if (sha256(written.text) === hash) rewritten += 1;
      else this.#differs('altered', name, 'is not what its certified document comes to when it is written again');
    }
    return { found, rewritten, otherLayout };
  }

  /** Compares the pages of registered documents with the manifest: what a portal answered is no part of what is certified. */
  async compareRegistered(documents: readonly FoundDocument[]): Promise<void> {
    for (const { number } of documents) {
      const listed = this.#listed.get(number)?.pdf_irn;
      if (!listed) continue;
      const name = nameOf(`${number}-irn`, 'pdf');
      this.#expected.add(name);
      const file = this.#files.get(name);
      const hash = file && (await hashOf(file));
      if (hash === undefined) this.#differs('missing', name, 'is not there');
      else if (hash !== listed.sha256)
        this.#differs('altered', name, `is ${hash} and in the manifest ${listed.sha256}`);
    }
  }

  /** Names everything that nothing was expected of. */
  nameExtras(): void {
    for (const name of this.#files.keys()) {
      if (!this.#expected.has(name)) this.#differs('extra', name, 'is no file of a document that was counted');
    }
    for (const number of this.#listed.keys()) {
      if (this.#expected.has(nameOf(number, 'json')) || this.#files.has(nameOf(number, 'json'))) continue;
      this.#differs('altered', MANIFEST_FILE, `names ${printableName(number)}, which was not counted`);
    }
  }

  async #textOf(name: string): Promise<string | undefined> {
    const file = this.#files.get(name);
    if (file) return textOf(await bytesOf(file));
    this.#differs('missing', name, 'is not there');
    return undefined;
  }

  #because(number: string, part: 'document' | 'pdf' | 'xml'): string {
    const code = this.#lacking.get(`${number} ${part}`);
    return code === undefined ? '' : `; the manifest says ${printableName(code)}`;
  }

  #differs(what: Difference['what'], name: string, message: string): void {
    if (this.differences.length < MOST_NAMED) this.differences.push({ what, name: printableName(name), message });
    else this.unnamed += 1;
  }
}

interface Sum {
  readonly documents: number;
  readonly net: Decimal;
  readonly tax: Decimal;
  readonly payable: Decimal;
}

const NOTHING: Sum = { documents: 0, net: decimal('0'), tax: decimal('0'), payable: decimal('0') };

function sumsOf(
  group: GroupSum['group'],
  totals: CloseCertificate['totals'],
  sums: ReadonlyMap<string, Sum>,
): GroupSum[] {
  const currencies = new Set([...totals.map(({ currency }) => currency), ...sums.keys()]);
  return [...currencies].map((currency) => {
    const certified = totals.find((each) => each.currency === currency);
    const found = sums.get(currency);
    const agrees =
      certified?.documents === found?.documents &&
      (['net', 'tax', 'payable'] as const).every(
        (of) => certified && found && decimal(certified[of]).equals(found[of]),
      );
    return {
      group,
      currency: printableName(currency),
      certified,
      found: found && {
        documents: found.documents,
        net: found.net.toFixed(),
        tax: found.tax.toFixed(),
        payable: found.payable.toFixed(),
      },
      agrees,
    };
  });
}

/** Every number of the ranges, in their order: it is that of the hash as well. */
function* numbersOf({ ranges }: Counted): Generator<string> {
  for (const { first, first_sequence, last_sequence } of ranges) {
    const digits = /\d+$/.exec(first)?.[0].length ?? 0;
    const letters = first.slice(0, first.length - digits);
    for (let sequence = first_sequence; sequence <= last_sequence; sequence += 1) {
      yield `${letters}${String(sequence).padStart(digits, '0')}`;
    }
  }
}

/** What a file of a document is called. */
function nameOf(number: string, extension: 'json' | 'pdf' | 'xml'): string {
  return `${number.replaceAll('/', '-')}.${extension}`;
}

/** A certified document may have been issued by another version, which knew other members. */
function writtenAgain(kind: FormatKind, document: IssuedInvoice): ReturnType<typeof renderEInvoice> | Error {
  try {
    return renderEInvoice(kind, document);
  } catch (error) {
    return error as Error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function bytesOf(file: ArchiveFile): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of file.read()) pieces.push(piece);
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

async function hashOf(file: ArchiveFile): Promise<string> {
  const hash = new Sha256();
  for await (const piece of file.read()) hash.update(piece);
  return hash.digest();
}
