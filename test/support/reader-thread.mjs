/**
 * Readers of PDF and XML that come with npm, behind the command lines of the ones that distributions have: as much of
 * pdftotext, pdfinfo, pdffonts, mutool, qpdf and xmllint as the tests ask. Runs as a worker thread, so that a test may ask
 * and wait without awaiting. Libraries are loaded when they are first asked, so that a failure to load is an answer too.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

const require = createRequire(import.meta.url);

const READERS = { pdftotext, pdfinfo, pdffonts, mutool, qpdf, xmllint, qrcode };

const { port, flag } = workerData;
port.on('message', async ({ tool, args, input }) => {
  const answer = await Promise.resolve()
    .then(() => READERS[tool](args, input))
    .catch((error) => failure(error));
  port.postMessage(answer);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
});
parentPort?.unref();

const success = (stdout) => ({ status: 0, stdout: Buffer.from(stdout), stderr: '' });
const failure = (error) => ({ status: 1, stdout: Buffer.alloc(0), stderr: String(error?.stack ?? error) });

let library;

/** Opens a PDF with PDFium, hands its functions and the document to `use`, and closes it. */
async function withPdf(bytes, use) {
  const { PDFiumLibrary } = await import('@hyzyla/pdfium');
  library ??= await PDFiumLibrary.init();
  const document = await library.loadDocument(new Uint8Array(bytes));
  try {
    return await use(library.module, document);
  } finally {
    document.destroy();
  }
}

/**
 * The pieces of text of a page (the first is 1), as they were drawn one by one, in points from the lower left corner. A
 * piece has the text that a reader copies out, which is its ActualText where it has one.
 */
function piecesOf(pdfium, pdf, number) {
  const page = pdf.getPage(number - 1);
  const text = pdfium._FPDFText_LoadPage(page.pageIdx);
  const at = pdfium.wasmExports.malloc(16);
  const pieces = [];
  let last;
  for (let index = 0; index < pdfium._FPDFText_CountChars(text); index += 1) {
    if (pdfium._FPDFText_IsGenerated(text, index) === 1) continue;
    const object = pdfium._FPDFText_GetTextObject(text, index);
    pdfium._FPDFText_GetLooseCharBox(text, index, at);
    const [left, , right] = new Float32Array(pdfium.HEAPU8.buffer, at, 4);
    if (object !== last) {
      pdfium._FPDFText_GetCharOrigin(text, index, at, at + 8);
      const [x, y] = new Float64Array(pdfium.HEAPU8.buffer, at, 2);
      const isLevel = pdfium._FPDFText_GetCharAngle(text, index) === 0;
      pieces.push({ str: '', x, y, end: x, size: pdfium._FPDFText_GetFontSize(text, index), isLevel });
      last = object;
    }
    const piece = pieces.at(-1);
    const character = String.fromCodePoint(pdfium._FPDFText_GetUnicode(text, index));
    piece.str += character;
    piece.x = Math.min(piece.x, left);
    if (character !== ' ') piece.end = Math.max(piece.end, right);
  }
  pdfium.wasmExports.free(at);
  pdfium._FPDFText_ClosePage(text);
  pdfium._FPDF_ClosePage(page.pageIdx);
  return pieces.filter(({ str }) => str.trim() !== '');
}

/** `[-layout] [-f n] [-l n] file -`: text by rows, columns kept apart; `-bbox file -`: where each piece ends. */
async function pdftotext(args, input) {
  const option = (name) => (args.includes(name) ? Number(args[args.indexOf(name) + 1]) : undefined);
  const file = args.at(-2);
  return withPdf(file === '-' ? input : readFileSync(file), (pdfium, pdf) => {
    const pages = [];
    for (let page = option('-f') ?? 1; page <= (option('-l') ?? pdf.getPageCount()); page += 1) {
      const pieces = piecesOf(pdfium, pdf, page);
      pages.push(
        args.includes('-bbox')
          ? pieces.map(({ x, end }) => `<word xMin="${x.toFixed(3)}" xMax="${end.toFixed(3)}"/>`).join('\n')
          : rowsOf(pieces.filter(({ isLevel }) => isLevel)).join('\n'),
      );
    }
    return success(`${pages.join('\n\f')}\n`);
  });
}

/** Points that a column of the printed text stands for. */
const COLUMN = 5;

/** What stands on one line: its baselines differ by less than this share of the larger type. */
const SAME_ROW = 0.3;

function rowsOf(pieces) {
  const left = Math.min(...pieces.map(({ x }) => x));
  const rows = [];
  for (const piece of pieces.toSorted((one, other) => other.y - one.y)) {
    const row = rows.at(-1);
    if (row !== undefined && row.y - piece.y < SAME_ROW * Math.max(row.size, piece.size)) row.pieces.push(piece);
    else rows.push({ y: piece.y, size: piece.size, pieces: [piece] });
  }
  return rows.map((row) => {
    let text = '';
    let end = left;
    for (const piece of row.pieces.toSorted((one, other) => one.x - other.x)) {
      const gap = piece.x - end;
      if (text === '') text = ' '.repeat(Math.max(0, Math.round(gap / COLUMN)));
      else if (gap > piece.size) text += ' '.repeat(Math.max(2, Math.round(gap / COLUMN)));
      else if (gap > piece.size * 0.15 && !text.endsWith(' ')) text += ' ';
      text += piece.str;
      ({ end } = piece);
    }
    return text.trimEnd();
  });
}

const MEMBERS = ['Title', 'Subject', 'Keywords', 'Author', 'Creator', 'Producer', 'CreationDate', 'ModDate'];

/** `file`, `-isodates file`, `-meta file`. */
async function pdfinfo(args) {
  const bytes = readFileSync(args.at(-1));
  if (args.includes('-meta')) {
    const { objects, catalog } = await structureOf(bytes);
    return success(Buffer.from(objects[`obj:${catalog['/Metadata']}`].stream.data, 'base64'));
  }
  const date = (text) => text.replace(/^D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d).*$/, '$1-$2-$3T$4:$5:$6Z');
  return withPdf(bytes, (pdfium, pdf) => {
    const lines = MEMBERS.map((name) => [name, metaOf(pdfium, pdf, name)])
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `${`${name}:`.padEnd(16)}${/Date$/.test(name) ? date(value) : value}`);
    return success([...lines, `${'Pages:'.padEnd(16)}${pdf.getPageCount()}`, ''].join('\n'));
  });
}

/** A member of the document's information; empty where it has none. */
function metaOf(pdfium, pdf, member) {
  const name = pdfium.wasmExports.malloc(member.length + 1);
  pdfium.HEAPU8.set(Buffer.from(`${member}\0`), name);
  const size = pdfium._FPDF_GetMetaText(pdf.documentIdx, name, 0, 0);
  const value = pdfium.wasmExports.malloc(size);
  pdfium._FPDF_GetMetaText(pdf.documentIdx, name, value, size);
  const text = Buffer.from(pdfium.HEAPU8.slice(value, value + size)).toString('utf16le');
  for (const pointer of [name, value]) pdfium.wasmExports.free(pointer);
  return text.replace(/\0$/, '');
}

/** `file`: a row a font, `emb sub uni object ID` at its end. */
async function pdffonts([file]) {
  const { objects } = await structureOf(readFileSync(file));
  const look = (value) => (typeof value === 'string' ? (objects[`obj:${value}`]?.value ?? value) : value);
  const rows = Object.entries(objects).flatMap(([name, { value }]) => {
    if (value?.['/Type'] !== '/Font' || /^\/CIDFont/.test(value['/Subtype'])) return [];
    const font = value['/DescendantFonts'] ? look(look(value['/DescendantFonts'])[0]) : value;
    const descriptor = look(font['/FontDescriptor']) ?? {};
    const isEmbedded = ['/FontFile', '/FontFile2', '/FontFile3'].some((member) => descriptor[member] !== undefined);
    const base = String(value['/BaseFont']).slice(1);
    const says = (isTrue) => (isTrue ? 'yes' : 'no ');
    const [number] = name.slice('obj:'.length).split(' ');
    const columns = [says(isEmbedded), says(/^[A-Z]{6}\+/.test(base)), says(value['/ToUnicode'] !== undefined)];
    return [
      `${base.padEnd(36)} ${value['/Subtype'].slice(1).padEnd(17)} - ${columns.join(' ')} ${number.padStart(6)}  0`,
    ];
  });
  return success(['name', '----', ...rows, ''].join('\n'));
}

/** `draw -F txt file page`: all text, rotated text too. */
async function mutool([, , , file, page]) {
  return withPdf(readFileSync(file), (pdfium, pdf) =>
    success(
      piecesOf(pdfium, pdf, Number(page))
        .map(({ str }) => str)
        .join('\n'),
    ),
  );
}

/** Pixels along a point: a module of the densest code on a page has three. */
const PIXELS = 4;

/** `file page area`: what the QR code in an area of the page says, or null, as JSON. */
async function qrcode([file, number, area]) {
  const { default: jsQR } = await import('jsqr');
  return withPdf(readFileSync(file), async (pdfium, pdf) => {
    const page = await pdf.getPage(Number(number) - 1).render({ scale: PIXELS, render: 'bitmap' });
    const { x, y, width, height } = JSON.parse(area) ?? {
      x: 0,
      y: 0,
      width: page.width / PIXELS,
      height: page.height / PIXELS,
    };
    const [left, top, columns, rows] = [x, y, width, height].map((points) => Math.floor(points * PIXELS));
    const pixels = new Uint8ClampedArray(columns * rows * 4);
    for (let row = 0; row < rows; row += 1) {
      const from = ((top + row) * page.width + left) * 4;
      pixels.set(page.data.subarray(from, from + columns * 4), row * columns * 4);
    }
    const code = jsQR(pixels, columns, rows, { inversionAttempts: 'dontInvert' });
    return success(JSON.stringify(code && Buffer.from(code.binaryData).toString('utf8')));
  });
}

async function structureOf(bytes) {
  const { stdout } = await runQpdf(['--json=2', '--json-stream-data=inline', '--decode-level=generalized'], bytes);
  const [, objects] = JSON.parse(stdout.toString()).qpdf;
  return { objects, catalog: objects[`obj:${objects.trailer.value['/Root']}`].value };
}

/** `--check file`, `--json=2 … file`. */
async function qpdf(args) {
  return runQpdf(args.slice(0, -1), readFileSync(args.at(-1)));
}

async function runQpdf(args, bytes) {
  const { default: createQpdf } = await import('@neslinesli93/qpdf-wasm');
  const said = [];
  const module = await createQpdf({
    locateFile: () => require.resolve('@neslinesli93/qpdf-wasm/dist/qpdf.wasm'),
    noInitialRun: true,
    print: (line) => said.push(line),
    printErr: (line) => said.push(line),
  });
  module.FS.writeFile('/in.pdf', bytes);
  const isJson = args.some((arg) => arg.startsWith('--json'));
  const status = module.callMain([...args, '/in.pdf', ...(isJson ? ['/out.json'] : [])]);
  const stdout = isJson && status === 0 ? Buffer.from(module.FS.readFile('/out.json')) : Buffer.from(said.join('\n'));
  return { status, stdout, stderr: said.join('\n') };
}

/** `--noout -`, `--xpath expression -`. */
async function xmllint(args, input) {
  const { validateXML } = await import('xmllint-wasm');
  const [option, expression] = args;
  const file = { fileName: 'input.xml', contents: Buffer.from(input).toString() };
  const asked = option === '--xpath' ? [option, expression, file.fileName] : [option, file.fileName];
  const { valid, errors, rawOutput, normalized } = await validateXML({
    xml: file,
    normalization: 'format',
    modifyArguments: () => asked,
  });
  const stderr = errors.map(({ rawMessage }) => rawMessage).join('\n');
  return { status: valid ? 0 : 1, stdout: Buffer.from(normalized || rawOutput || ''), stderr };
}
