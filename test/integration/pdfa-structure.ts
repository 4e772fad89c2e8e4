import { readFileSync } from 'node:fs';
import { read, ReaderError } from '../support/readers.js';

/** A value of qpdf's JSON: names start with '/', references look like "12 0 R". */
type PdfValue = unknown;
type Dictionary = Record<string, PdfValue>;

interface QpdfObject {
  value?: PdfValue;
  stream?: { dict: Dictionary; data?: string };
}

/**
 * What keeps a file from being PDF/A-3b, as far as its structure shows. It looks at the mistakes that users of a PDF
 * library really make and is no replacement for veraPDF, the reference judge. No faults: an empty list.
 */
export function pdfaFaults(file: string): string[] {
  const faults = new Set<string>();
  try {
    read('qpdf', ['--check', file]);
  } catch (error) {
    if (!(error instanceof ReaderError)) throw error;
    faults.add(`qpdf --check: ${error.stdout.slice(-120).trim()}`);
  }
  const raw = readFileSync(file).toString('latin1');
  if (!/^%PDF-1\.[4-7]\r?\n%[\x80-\xff]{4}/.test(raw)) faults.add('header without binary marker');

  const pdf = new QpdfFile(file);
  for (const fault of [
    ...trailerFaults(pdf),
    ...outputIntentFaults(pdf),
    ...metadataFaults(pdf),
    ...embeddedFileFaults(pdf),
    ...fontFaults(file),
    ...contentFaults(pdf),
    ...actionFaults(pdf),
  ]) {
    faults.add(fault);
  }
  return [...faults];
}

/** All streams of a file, undone from their filters: what its pages draw is among them. */
export function streamsOf(file: string): string {
  const asked = ['--json=2', '--json-stream-data=inline', '--decode-level=generalized', file];
  const { qpdf } = JSON.parse(read('qpdf', asked).toString()) as { qpdf: [object, Record<string, QpdfObject>] };
  return Object.values(qpdf[1])
    .map(({ stream }) => Buffer.from(stream?.data ?? '', 'base64').toString('latin1'))
    .join('\n');
}

/** The files inside of a file, in the order of the catalogue. */
export function embeddedFiles(file: string): { name: string; bytes: Buffer }[] {
  const pdf = new QpdfFile(file);
  return pdf.list(pdf.catalog['/AF']).map((specification) => ({
    name: String(specification['/UF']).replace(/^[ub]:/, ''),
    bytes: pdf.stream(pdf.dictionary(specification['/EF'])['/F']) ?? Buffer.alloc(0),
  }));
}

/** What keeps a PDF/A-3 from being Factur-X 1.09 of the profile EN 16931, as far as its structure shows. */
export function facturXFaults(file: string): string[] {
  const faults: string[] = [];
  const pdf = new QpdfFile(file);
  const [specification, ...others] = pdf.list(pdf.catalog['/AF']);
  if (!specification || others.length > 0) faults.push('not one associated file');
  if (specification?.['/AFRelationship'] !== '/Alternative') faults.push('relationship');
  if (!/factur-x\.xml/.test(JSON.stringify(pdf.dictionary(pdf.catalog['/Names'])))) {
    const tree = pdf.dictionary(pdf.dictionary(pdf.catalog['/Names'])['/EmbeddedFiles']);
    if (!JSON.stringify(tree).includes('factur-x.xml')) faults.push('not among the named files');
  }
  const data = pdf.dictionary(pdf.dictionary(specification?.['/EF'])['/F']);
  if (data['/Subtype'] !== '/text/xml') faults.push(`MIME type ${String(data['/Subtype'])}`);
  const xmp = pdf.stream(pdf.catalog['/Metadata'])?.toString('utf8') ?? '';
  const said = {
    DocumentType: 'INVOICE',
    DocumentFileName: 'factur-x.xml',
    Version: '1.0',
    ConformanceLevel: 'EN 16931',
  };
  for (const [name, value] of Object.entries(said)) {
    if (!xmp.includes(`<fx:${name}>${value}</fx:${name}>`)) faults.push(`fx:${name}`);
    if (!xmp.includes(`<pdfaProperty:name>${name}</pdfaProperty:name>`)) faults.push(`the schema of fx:${name}`);
  }
  const NAMESPACE = 'urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#';
  if (!xmp.includes(`<pdfaSchema:namespaceURI>${NAMESPACE}</pdfaSchema:namespaceURI>`)) faults.push('the schema');
  return faults;
}

class QpdfFile {
  readonly objects: ReadonlyMap<string, QpdfObject>;
  readonly trailer: Dictionary;
  readonly catalog: Dictionary;

  constructor(file: string) {
    const json = read('qpdf', ['--json=2', '--json-stream-data=inline', '--decode-level=generalized', file]);
    const [, objects] = (JSON.parse(json.toString()) as { qpdf: [unknown, Record<string, QpdfObject>] }).qpdf;
    this.objects = new Map(Object.entries(objects));
    this.trailer = this.objects.get('trailer')?.value as Dictionary;
    this.catalog = this.dictionary(this.trailer['/Root']);
  }

  /** Follows a reference; anything else is answered as it is. */
  resolve(value: PdfValue): PdfValue {
    const object = typeof value === 'string' ? this.objects.get(`obj:${value}`) : undefined;
    return object ? (object.stream?.dict ?? object.value) : value;
  }

  dictionary(value: PdfValue): Dictionary {
    const resolved = this.resolve(value);
    return resolved !== null && typeof resolved === 'object' && !Array.isArray(resolved)
      ? (resolved as Dictionary)
      : {};
  }

  list(value: PdfValue): Dictionary[] {
    const resolved = this.resolve(value);
    return Array.isArray(resolved) ? resolved.map((entry) => this.dictionary(entry)) : [];
  }

  /** A stream's bytes with its filters undone. */
  stream(reference: PdfValue): Buffer | null {
    const object = this.objects.get(`obj:${String(reference)}`);
    return object?.stream ? Buffer.from(object.stream.data ?? '', 'base64') : null;
  }
}

function* trailerFaults(pdf: QpdfFile): Iterable<string> {
  if (!pdf.trailer['/ID']) yield 'no ID in the trailer';
  if (pdf.trailer['/Encrypt']) yield 'encrypted';
}

function* outputIntentFaults(pdf: QpdfFile): Iterable<string> {
  const intent = pdf.list(pdf.catalog['/OutputIntents']).find((entry) => entry['/S'] === '/GTS_PDFA1');
  const profile = intent ? pdf.stream(intent['/DestOutputProfile']) : null;
  if (!profile) yield 'no output intent GTS_PDFA1 with an ICC profile';
  else if (profile.toString('latin1', 36, 40) !== 'acsp' || profile.toString('latin1', 16, 20) !== 'RGB ') {
    yield 'the output intent is no RGB profile';
  }
}

function* metadataFaults(pdf: QpdfFile): Iterable<string> {
  const reference = pdf.catalog['/Metadata'];
  const xmp = pdf.stream(reference)?.toString('utf8');
  if (!xmp) {
    yield 'no XMP metadata';
    return;
  }
  if (pdf.dictionary(reference)['/Filter']) yield 'XMP metadata is compressed';
  try {
    read('xmllint', ['--noout', '-'], xmp.replace(/<\?xpacket[^>]*\?>/g, '').trim());
  } catch (error) {
    if (!(error instanceof ReaderError)) throw error;
    yield 'XMP metadata is not well-formed XML';
  }
  if (!/<pdfaid:part>3</.test(xmp) || !/<pdfaid:conformance>[ABU]</.test(xmp)) yield 'XMP does not say PDF/A part 3';
}

function* embeddedFileFaults(pdf: QpdfFile): Iterable<string> {
  for (const { value } of pdf.objects.values()) {
    const specification = pdf.dictionary(value);
    if (specification['/Type'] !== '/Filespec') continue;
    const relationship = String(specification['/AFRelationship']);
    if (!/^\/(Alternative|Data|Source|Supplement|Unspecified)$/.test(relationship)) yield 'embedded file: relationship';
    if (!specification['/F'] || !specification['/UF']) yield 'embedded file: F and UF';
    const file = pdf.dictionary(pdf.dictionary(specification['/EF'])['/F']);
    if (!file['/Subtype']) yield 'embedded file: MIME type';
    if (!pdf.dictionary(file['/Params'])['/ModDate']) yield 'embedded file: modification date';
  }
}

function* fontFaults(file: string): Iterable<string> {
  const rows = read('pdffonts', [file]).toString().split('\n').slice(2).filter(Boolean);
  for (const row of rows) {
    // Columns from the right: object, generation, has ToUnicode, is a subset, is embedded.
    if (!/ yes (yes|no ) (yes|no )\s+\d+\s+0$/.test(row)) yield `font not embedded: ${row.slice(0, 36).trim()}`;
  }
}

function* contentFaults(pdf: QpdfFile): Iterable<string> {
  for (const [name, object] of pdf.objects) {
    const content = Buffer.from(object.stream?.data ?? '', 'base64').toString('latin1');
    if (!/\bBT\b[\s\S]*\bET\b/.test(content)) continue;
    const glyphs = [...content.matchAll(/<([0-9A-Fa-f]+)>/g)].flatMap((match) => match[1]?.match(/.{4}/g) ?? []);
    if (glyphs.includes('0000')) yield `.notdef glyph shown in ${name}`;
    if (/\s[kK]\s|\/DeviceCMYK\s+(cs|CS)\b/.test(content)) yield `DeviceCMYK in ${name}`;
  }
}

function* actionFaults(pdf: QpdfFile): Iterable<string> {
  if (/"\/(JavaScript|JS|Launch)"/.test(JSON.stringify(pdf.catalog))) yield 'JavaScript or Launch action';
}
