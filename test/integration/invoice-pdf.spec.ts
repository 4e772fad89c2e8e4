import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import PDFDocument from 'pdfkit';
import { renderEInvoice } from '#e-invoice';
import { createInvoiceRenderer, type InvoiceRenderer } from '#invoice-pdf';
import { type DraftInvoice, type IssuedInvoice, totalsOf } from '#invoicing';
import { layoutInvoice } from '../../libs/invoice-pdf/src/layout-invoice.js';
import { creditNote, dollarDraft, dollarInvoice, manySites, MSISDN, rupeeInvoice } from './invoice-pdf.fixtures.js';
import { read } from '../support/readers.js';
import { GERMAN_PARTIES } from '../support/electronic-invoices.js';
import { embeddedFiles, facturXFaults, pdfaFaults } from './pdfa-structure.js';

let renderer: InvoiceRenderer;
let folder: string;

beforeAll(() => {
  renderer = createInvoiceRenderer({ threads: 1 });
  folder = mkdtempSync(join(tmpdir(), 'invoice-pdf-'));
});

afterAll(async () => {
  await renderer.close();
  rmSync(folder, { recursive: true });
});

async function fileOf(document: DraftInvoice | IssuedInvoice): Promise<string> {
  const { pdf, sha256 } = await renderer.render(document);
  const file = join(folder, `${sha256}.pdf`);
  writeFileSync(file, pdf);
  return file;
}

const textOf = (file: string, ...pages: string[]): string =>
  read('pdftotext', ['-layout', ...pages, file, '-']).toString();

const pagesOf = (file: string): number =>
  Number.parseInt(/^Pages:\s+(\d+)$/m.exec(read('pdfinfo', [file]).toString())?.[1] ?? '', 10);

describe('the page says what the document says', () => {
  it('prints parties, dates, every line with its amount, derivation, tax, totals and how to pay', async () => {
    const text = textOf(await fileOf(dollarInvoice()));
    for (const wanted of [
      /Invoice +Northwind Transit Inc\./,
      /INV-2026-000123/,
      /1201 Third Avenue, Suite 2200/,
      /Seattle, WA 98101/,
      /Tax ID 91-1144442/,
      /Harbor & Pine Logistics LLC/,
      /Issue date +4 Nov 2026/,
      /Due date +4 Dec 2026/,
      /Billing period +1 Oct 2026 – 31 Oct 2026\n.*\(America\/Los_Angeles\)/,
      /^1 +Platform fee +1 period +499\.00 +499\.00$/m,
      /^2 +Site fee +~1\.516 site +40\.00 +60\.65$/m,
      /^3 +Data transfer +~2,604\.000 GB +135\.20$/m,
      /^4 +95th percentile bandwidth +169\.62 Mbps +852\.53$/m,
      /^5 +Connected time +372 hour +0\.012 +4\.46$/m,
      /^6 +Discount 10 % on Data transfer +-13\.52$/m,
      /1 site × 40\.00 × 16\/31 = 20\.645161…/,
      /1,104\.000276396 GB × 0\.05 = 55\.2000138198/,
      /80\.00 \+ 55\.20 = 135\.20/,
      /400\.00 \+ 452\.53 = 852\.53/,
      /Site Oakland Pier 7 \(site-0042\)/,
      /rank 8,482 = 169\.62 Mbps at 2026-10-\d\d \d\d:\d\d UTC, 446 discarded, coverage 100 %/,
      /69\.62 Mbps above the commit × 6\.50 = 452\.53/,
      /^Sales tax +8\.75 ?% +1,538\.32 +134\.60/m,
      /Net +1,538\.32$/m,
      /Tax +134\.60$/m,
      /Total +1,672\.92$/m,
      /Amount due +USD 1,672\.92$/m,
      /IBAN +DE89 3704 0044 0532 0130 00/,
      /BIC +COBADEFFXXX/,
      /30 days from the issue date, by 4 Dec 2026/,
      /averages over the seconds with traffic in each 5 minutes/,
      /Page 1 of [12]$/m,
      /Inputs SHA-256 (4be93a5d){8}/,
    ]) {
      expect(text).toMatch(wanted);
    }
  });

  it('hides a subscriber number but for its last four digits', async () => {
    const text = textOf(await fileOf(dollarInvoice()));
    expect(text).toContain('MSISDN ••••0123 · Crane gateway');
    expect(text.replace(/\s/g, '')).not.toContain(MSISDN);
  });

  it('hides the number also where a name or a description repeats it', async () => {
    const document = dollarInvoice();
    const lines = document.lines.map((line) =>
      line.entity?.dimension === 'msisdn'
        ? { ...line, description: `Airtime ${MSISDN}`, entity: { ...line.entity, name: `SIM ${MSISDN}` } }
        : line,
    );
    const text = textOf(await fileOf({ ...document, lines }));
    expect(text).toContain('Airtime ••••0123');
    expect(text.replace(/\s/g, '')).not.toContain(MSISDN);
  });

  it('prints rupees with both tax components, the rounding, the measured interval and a Devanagari name', async () => {
    const text = textOf(await fileOf(rupeeInvoice()));
    for (const wanted of [
      /^1 +VSAT access, 20 Mbps committed +1 period +1,250,000\.00 +1,250,000\.00$/m,
      /^2 +Data transfer +~18,204\.336 GiB +91,381\.05$/m,
      /HSN\/SAC 998413/,
      /183 × 100 GiB × 499\.35 = 91,381\.05/,
      /^CGST +9 ?% +1,341,381\.05 +120,724\.29/m,
      /^SGST +9 ?% +1,341,381\.05 +120,724\.29/m,
      /Rounding +0\.37$/m,
      /Amount due +INR 1,582,830\.00$/m,
      /GSTIN 29AABCS1429B1ZB/,
      /Usage measured +from 30 Sep 2026 19:00 UTC\n.*to 31 Oct 2026 19:00 UTC/,
      /^हिमालय Freight Movers LLP/m,
    ]) {
      expect(text).toMatch(wanted);
    }
  });

  it('says in words why no tax is charged', async () => {
    const document = dollarInvoice();
    const none = { ...document, tax: '0.00', gross: document.net, payable: document.net };
    const group = { base: document.net, amount: '0.00', rate: '0' };
    const charged = textOf(
      await fileOf({ ...none, taxes: [{ ...group, name: 'VAT', category: 'AE', exemption_reason: 'Article 196' }] }),
    );
    expect(charged).toMatch(/^VAT · Reverse charge +0 ?% +1,538\.32 +0\.00/m);
    const outside = textOf(
      await fileOf({
        ...none,
        taxes: [{ ...group, name: 'Not subject to tax', category: 'O', exemption_reason: null }],
      }),
    );
    expect(outside).toMatch(/^Outside the scope of tax +– +1,538\.32 +0\.00/m);
  });

  it('gives a credit note its own title, names what it corrects and asks for nothing', async () => {
    const text = textOf(await fileOf(creditNote()));
    expect(text).toMatch(/Credit note/);
    expect(text).toMatch(/Corrects +INV-2026-000123/);
    expect(text).toMatch(/^1 +Data transfer +-223\.2 GB +-11\.16$/m);
    expect(text).toMatch(/now 124\.04, billed before 135\.20/);
    expect(text).toMatch(/880\.800276396 GB × 0\.05 = 44\.0400138198/);
    expect(text).toMatch(/^2 +Discount 10 % on Data transfer +1\.12$/m);
    expect(text).toMatch(/^Sales tax +8\.75 ?% +-10\.04 +-0\.88/m);
    expect(text).toMatch(/Amount credited +USD 10\.92$/m);
    expect(text).not.toMatch(/IBAN|Due date|Amount due/);
  });

  it('marks a draft across every page and gives it no number and no date to pay by', async () => {
    const { pdf } = await renderer.render({ ...manySites(40), ...withoutNumber(dollarDraft()) });
    const file = join(folder, 'draft.pdf');
    writeFileSync(file, pdf);
    expect(pagesOf(file)).toBeGreaterThan(1);
    for (let page = 1; page <= pagesOf(file); page++) {
      // The watermark is rotated text: mutool keeps its letters together.
      const letters = read('mutool', ['draw', '-F', 'txt', file, `${page}`])
        .toString()
        .replace(/\s/g, '');
      expect(letters).toContain('DRAFT');
    }
    const text = textOf(file);
    expect(text).toMatch(/Draft invoice/);
    expect(text).not.toMatch(/INV-2026|Due date|IBAN|Payment reference/);
    expect(textOf(await fileOf(dollarInvoice()))).not.toContain('DRAFT');
  });
});

describe('long documents', () => {
  it('has 300 lines in an annex with its heads on every page, none of them lost, and their sum on the first', async () => {
    const document = manySites(300);
    const file = await fileOf(document);
    const pages = pagesOf(file);
    expect(pages).toBeLessThanOrEqual(8);
    for (let page = 1; page <= pages; page++) {
      const text = textOf(file, '-f', `${page}`, '-l', `${page}`);
      if (page > 1) expect(text).toMatch(/^A1 +Managed bandwidth$/m);
      expect(text).toMatch(
        page === 1 ? /^# +Description +Amount EUR$/m : /^# +Description +Quantity Mbps +Amount EUR$/m,
      );
      expect(text).toMatch(
        new RegExp(`Wisła Łączność S\\.A\\. · Invoice INV-2026-000777 +Page ${page} of ${pages}$`, 'm'),
      );
    }
    const first = textOf(file, '-f', '1', '-l', '1');
    // By hand: fifteen times 20 sites that come to 572.00.
    expect(first).toMatch(/^A1 +Managed bandwidth +8,580\.00$/m);
    expect(first).toMatch(/300 lines, in annex A1/);
    expect(first).toMatch(/5 Mbps committed at 2\.00 · above the commit at 3\.00/);
    expect(first).toMatch(/Amount due +EUR 10,553\.40$/m);
    const rows = textOf(file)
      .split('\n')
      .flatMap(
        (row) => /^(\d+) +Site .* \d+ \((site-\d{4})\) +([\d.]+) +([\d.]+)$/.exec(row)?.slice(1).join(' ') ?? [],
      );
    expect(rows).toHaveLength(300);
    for (const [index, line] of document.lines.entries()) {
      // By hand: 10.00 for the first 5 Mbps, 3.00 for each above; the sites have 1.25, 2.25, … 20.25 Mbps in turn.
      const level = (index % 20) + 1;
      const cents = 1000 + (level >= 5 ? (level - 5) * 300 + 75 : 0);
      expect(line.amount).toBe(`${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`);
      expect(rows[index]).toBe(`${index + 1} ${line.entity?.value} ${level}.25 ${line.amount}`);
    }
    expect(textOf(file)).toMatch(/^ +300 lines +8,580\.00$/m);
  });

  it('has two lines for each of 300 sites on eight pages', async () => {
    const { lines, ...document } = manySites(300);
    const others = lines.map((line) => ({ ...line, charge: 'other', position: line.position + lines.length }));
    const file = await fileOf({ ...document, lines: [...lines, ...others] });
    expect(pagesOf(file)).toBeLessThanOrEqual(8);
    expect(textOf(file).match(/^ *\d+ +Site .*\(site-\d{4}\)/gm)).toHaveLength(600);
  });

  it('says in the annex in words what its figures leave open: a part of the period, a correction', async () => {
    const document = manySites(60);
    const lines = document.lines.map((line, index) => {
      const { basis } = line.derivation;
      if (index !== 6 || basis.kind !== 'usage') return line;
      const share = { numerator: '1', denominator: '2', proration: 'second' as const };
      return { ...line, derivation: { ...line.derivation, basis: { ...basis, share } } };
    });
    const text = textOf(await fileOf({ ...document, lines }));
    expect(text.match(/in force 1 of 2 seconds of the period/g)).toHaveLength(1);
    expect(text).toMatch(/^7 +Site .*\n +in force 1 of 2 seconds/m);
  });

  it('keeps a line with its small print on one page and the totals with the last line', async () => {
    for (let count = 8; count <= 14; count++) {
      const file = await fileOf(manySites(count));
      const pages = Array.from({ length: pagesOf(file) }, (_, index) =>
        textOf(file, '-f', `${index + 1}`, '-l', `${index + 1}`),
      );
      for (let position = 1; position <= count; position++) {
        const name = `(site-${String(position).padStart(4, '0')})`;
        const rowPage = pages.findIndex((text) => new RegExp(`^${position} +Managed`, 'm').test(text));
        expect(pages.findIndex((text) => text.includes(name))).toBe(rowPage);
      }
      const totalsPage = pages.findIndex((text) => /^ +Net +/m.test(text) || /Rate.*Net +/.test(text));
      expect(pages[totalsPage]).toMatch(new RegExp(`^${count} +Managed`, 'm'));
    }
  });

  it('wraps a very long description, also one without spaces and one longer than a page', async () => {
    const document = dollarInvoice();
    const word = 'abcdefghij'.repeat(30);
    const essay = Array.from({ length: 1500 }, (_, index) => `word${index}`).join(' ');
    const lines = document.lines.map((line, index) => ({ ...line, description: index === 0 ? word : essay }));
    const file = await fileOf({ ...document, lines: lines.slice(0, 2) });
    const text = textOf(file);
    expect(text.replace(/\s/g, '')).toContain('word1498word1499');
    expect(text.match(/^# +Description/gm)).toHaveLength(pagesOf(file));
    const boxes = read('pdftotext', ['-bbox', file, '-']).toString();
    const rights = [...boxes.matchAll(/xMax="([\d.]+)"/g)].map((match) => Number.parseFloat(match[1] ?? ''));
    expect(Math.max(...rights)).toBeLessThanOrEqual(545.5);
  });
});

describe('pictures of usage', () => {
  const file = (pdf: Buffer): string => {
    const path = join(folder, 'charts.pdf');
    writeFileSync(path, pdf);
    return path;
  };

  it('say in words which sample is billed, what is discarded and what was committed', async () => {
    const { pdf } = await renderer.render(dollarInvoice({ charts: true }));
    const text = textOf(file(pdf));
    // The rank is PostgreSQL's percentile_disc by hand: ⌈0.95 × 8,928⌉ = 8,482, which is 8,481 × 0.02 Mbps. The sample stands in
    // the slot s with 7,919 s ≡ 8,481 mod 8,928.
    const slot = Array.from({ length: 8_928 }, (_, each) => each).find((each) => (each * 7_919) % 8_928 === 8_481) ?? 0;
    const stamp = new Date(Date.parse('2026-10-01T07:00:00Z') + slot * 300_000);
    const time = stamp.toISOString().slice(11, 16);
    expect(text).toContain(`billed: 169.62 Mbps, ${stamp.getUTCDate()} Oct 2026 ${time} UTC, rank 8,482 of 8,928`);
    expect(text).toMatch(/discarded: the highest 446 +commit: 100 Mbps/);
    expect(text).toMatch(/Uplink samples, in time, lowest to highest of each 6 hours +sorted/);
    expect(text).toMatch(/by day/);
    expect(pdfaFaults(file(pdf))).toEqual([]);
  });

  it('mark the billed sample where it stands in time and among the sorted ones', async () => {
    const { pdf } = await renderer.render(dollarInvoice({ charts: true }));
    const content = contentOf(pdf);
    const all = (operators: RegExp) =>
      [...content.matchAll(operators)].map(([, place = '']) => Number.parseFloat(place));
    // The days of the picture that is drawn last begin at its ticks: the 1st, 8th, 15th, 22nd and 29th.
    const days = all(/([\d.]+) [\d.]+ 0\.5 2\.5 re f/g).slice(-5);
    const [first = 0, , , , last = 0] = days;
    const slot = Array.from({ length: 8_928 }, (_, each) => each).find((each) => (each * 7_919) % 8_928 === 8_481) ?? 0;
    const wanted = first + ((slot + 0.5) / 288 / 28) * (last - first);
    const marks = [...content.matchAll(DIAMOND)].map(([, x = '', , , y = '']) => ({
      x: Number.parseFloat(x),
      y: Number.parseFloat(y),
    }));
    // White beneath, then the mark itself; in time and sorted.
    expect(marks).toHaveLength(4);
    const [, inTime, , sorted] = marks;
    expect(Math.abs((inTime?.x ?? 0) - wanted)).toBeLessThan(0.05);
    // 95 % of the way over the plot of the sorted samples, by its lines.
    const lines = [...content.matchAll(/([\d.]+) ([\d.]+) ([\d.]+) 0\.5 re f/g)]
      .slice(-5)
      .map((line) => line.map(Number));
    const [, left = 0, , width = 0] = lines[0] ?? [];
    expect(Math.abs((sorted?.x ?? 0) - left - (8_482 / 8_928) * width)).toBeLessThan(0.05);
    // Both are 69.62 Mbps above the dashed line of the commit, by the scale of the lines at 0, 50, 100, 150 and 200.
    const [bottom, top] = [lines[0]?.[2] ?? 0, lines.at(-1)?.[2] ?? 0];
    const [commit = 0] = all(/\[2\.5\] 0 d [\d.]+ ([\d.]+) m/g);
    expect(Math.abs((inTime?.y ?? 0) - commit - (69.62 * (top - bottom)) / 200)).toBeLessThan(0.05);
    expect(Math.abs(commit - bottom - 0.25 - (top - bottom) / 2)).toBeLessThan(0.05);
    expect(sorted?.y).toBe(inTime?.y);
  });

  it('are the same bytes here and in a thread, and absent where nothing was frozen to draw them from', async () => {
    const charted = dollarInvoice({ charts: true });
    expect((await renderer.render(charted)).sha256).toBe(layoutInvoice(charted).sha256);
    const plain = textOf(await fileOf(dollarInvoice()));
    expect(plain).not.toMatch(/billed:|by day|sorted/);
    const many = { ...charted, lines: Array.from({ length: 50 }, () => charted.lines.slice(3, 4)).flat() };
    expect((await renderer.render(many)).sha256).toBe(layoutInvoice(many).sha256);
  });
});

/** The filled path of a mark: its upper corner first, in points from the lower left corner of the page. */
const DIAMOND = /([\d.]+) ([\d.]+) m ([\d.]+) ([\d.]+) l \1 [\d.]+ l [\d.]+ \4 l h f/g;

/** The operators of all pages. */
function contentOf(pdf: Buffer): string {
  const streams = [...pdf.toString('latin1').matchAll(/stream\r?\n([\s\S]*?)\r?\nendstream/g)];
  return streams
    .map(([, bytes = '']) => {
      try {
        return inflateSync(Buffer.from(bytes, 'latin1')).toString('latin1');
      } catch {
        return '';
      }
    })
    .filter((text) => text.startsWith('1 0 0 -1 0 '))
    .join('\n');
}

describe('the file is fit for an archive', () => {
  it.each([
    ['invoice', dollarInvoice],
    ['rupees', rupeeInvoice],
    ['credit note', creditNote],
    ['draft', dollarDraft],
    ['300 lines', () => manySites(300)],
  ])('%s: PDF/A-3b structure without a fault', async (_name, document) => {
    expect(pdfaFaults(await fileOf(document()))).toEqual([]);
  });

  it('is checked by a judge that finds what a plain pdfkit file lacks', async () => {
    const file = join(folder, 'plain.pdf');
    const plain = new PDFDocument();
    const written = createWriteStream(file);
    plain.pipe(written);
    plain.fillColor([0, 0, 0, 100]).text('plain').end();
    await once(written, 'finish');
    const faults = pdfaFaults(file).join('\n');
    for (const fault of [/no XMP/, /no output intent/, /font not embedded: Helvetica/, /DeviceCMYK/, /header/]) {
      expect(faults).toMatch(fault);
    }
  });

  it('keeps its metadata whole when names hold markup', async () => {
    const document = dollarInvoice();
    const supplier = { ...document.supplier, name: 'A & B <C> ]]> "quoted"' };
    const customer = { ...document.customer, name: '</rdf:li><rdf:li>&injected;' };
    const file = await fileOf({ ...document, supplier, customer });
    expect(pdfaFaults(file)).toEqual([]);
    const xmp = read('pdfinfo', ['-meta', file]).toString();
    const values = (name: string): string =>
      read('xmllint', ['--xpath', `//*[local-name()="${name}"]//*[local-name()="li"]/text()`, '-'], xmp)
        .toString()
        .trim();
    expect(values('creator')).toBe('A &amp; B &lt;C&gt; ]]&gt; "quoted"');
    expect(values('description')).toBe('&lt;/rdf:li&gt;&lt;rdf:li&gt;&amp;injected;, 1 Oct 2026 – 31 Oct 2026');
    expect(read('pdfinfo', [file]).toString()).toMatch(/^Author: +A & B <C> ]]> "quoted"$/m);
  });

  it('dates the file by the instant of issue, whatever the clock says', async () => {
    const info = read('pdfinfo', ['-isodates', await fileOf(dollarInvoice())]).toString();
    expect(info).toMatch(/^CreationDate: +2026-11-04T09:30:00Z$/m);
    expect(info).toMatch(/^ModDate: +2026-11-04T09:30:00Z$/m);
    expect(info).toMatch(/^Title: +Invoice INV-2026-000123$/m);
  });
});

/** The dollar invoice between two German parties, of whom the customer wants a form. */
function wanting(profile: string | null, of: IssuedInvoice = dollarInvoice()): IssuedInvoice {
  const { supplier, customer } = GERMAN_PARTIES;
  return { ...of, supplier, customer: { ...customer, e_invoice: { ...customer.e_invoice, profile } } };
}

describe('a hybrid', () => {
  it.each([
    ['invoice', dollarInvoice],
    ['credit note', creditNote],
  ])('of an %s is PDF/A-3b with the electronic invoice inside, as Factur-X has it', async (_name, of) => {
    const document = wanting('factur-x', of());
    const file = await fileOf(document);
    expect(pdfaFaults(file)).toEqual([]);
    expect(facturXFaults(file)).toEqual([]);
    const written = renderEInvoice('cii', document);
    if (written.outcome === 'refused') throw new Error(written.message);
    expect(embeddedFiles(file).map(({ name, bytes }) => [name, bytes.toString()])).toEqual([
      ['factur-x.xml', written.text],
    ]);
  });

  it('is the same bytes in a thread, in this process and whatever order its members come in', async () => {
    const document = wanting('factur-x');
    const here = layoutInvoice(document);
    const many = { ...document, lines: Array.from({ length: 60 }, () => document.lines).flat() };
    expect((await renderer.render(document)).sha256).toBe(here.sha256);
    expect((await renderer.render(many)).sha256).toBe(layoutInvoice(many).sha256);
    const lines = Array.from({ length: 501 }, () => document.lines.slice(0, 1)).flat();
    const vat = { name: 'VAT', category: 'S' as const, rate: '19' };
    const { currency } = document;
    const totals = totalsOf(lines, [vat], { currency, rounding: 'half_up', payableRounding: 'none' });
    const long = { ...document, lines, ...totals };
    expect(renderEInvoice('ubl', long).outcome).toBe('written');
    // A thread answers what is written here, and a refusal as well.
    for (const each of [document, long, { ...long, currency: 'BHD' }]) {
      expect(await renderer.write(each, 'ubl')).toEqual(renderEInvoice('ubl', each));
    }
    const turned = Object.fromEntries(Object.entries(document).reverse()) as unknown as IssuedInvoice;
    expect(layoutInvoice(turned).sha256).toBe(here.sha256);
  });

  it('is made of nothing else: not for another profile, not of a draft, not where there is no such form', async () => {
    const [plain, ...others] = [null, 'cii', 'xrechnung', 'peppol', 'of-tomorrow'].map((profile) => wanting(profile));
    if (!plain) throw new Error('no document');
    const { sha256 } = layoutInvoice(plain);
    expect(others.map((other) => layoutInvoice(other).sha256)).toEqual(others.map(() => sha256));
    const { reference, name, address, tax_id, email, e_invoice } = plain.customer;
    // Of what was said for electronic forms, the order is printed.
    const order = { order_reference: e_invoice?.order_reference ?? null };
    const printed = { profile: null, buyer_reference: null, endpoint: null, ...order };
    const customer = { reference, name, address, tax_id, email, e_invoice: printed };
    expect(layoutInvoice({ ...plain, customer }).sha256).toBe(sha256);
    const wants = wanting('factur-x');
    const draft: DraftInvoice = { ...dollarDraft(), supplier: wants.supplier, customer: wants.customer };
    expect(embeddedFiles(await fileOf(draft))).toEqual([]);
    const nameless = wanting('factur-x');
    const file = await fileOf({ ...nameless, supplier: { ...nameless.supplier, tax_id: null } });
    expect(embeddedFiles(file)).toEqual([]);
    expect(pdfaFaults(file)).toEqual([]);
    expect(facturXFaults(file)).not.toEqual([]);
  });
});

describe('the same document gives the same bytes', () => {
  it('twice, after other documents, in this process and in its threads', async () => {
    const first = await renderer.render(dollarInvoice());
    expect(createHash('sha256').update(first.pdf).digest('hex')).toBe(first.sha256);
    for (const other of [rupeeInvoice(), manySites(30), creditNote()]) await renderer.render(other);
    const second = await renderer.render(dollarInvoice());
    expect(second.pdf.equals(first.pdf)).toBe(true);
    // The thread runs the build, this process the sources: they also differ when the build is stale.
    const here = layoutInvoice(dollarInvoice());
    expect(here.sha256).toBe(first.sha256);
  });

  it('in a fresh process of another zone and locale', async () => {
    const script = `
      import { layoutInvoice } from ${JSON.stringify(new URL('../../dist/libs/invoice-pdf/src/layout-invoice.js', import.meta.url).href)};
      let json = '';
      for await (const chunk of process.stdin) json += chunk;
      for (const document of JSON.parse(json)) console.log(layoutInvoice(document).sha256);`;
    const documents = [dollarInvoice(), rupeeInvoice(), dollarDraft(), manySites(60), wanting('factur-x')];
    const there = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      input: JSON.stringify(documents),
      env: { ...process.env, NODE_OPTIONS: '', TZ: 'Asia/Kolkata', LANG: 'hi_IN.UTF-8', LC_ALL: 'hi_IN.UTF-8' },
    });
    const here: string[] = [];
    for (const document of documents) here.push((await renderer.render(document)).sha256);
    expect(there.toString().trim().split('\n')).toEqual(here);
  });

  it('and keeps nothing of what it drew, also in a thread that never comes to its event loop', () => {
    const script = `
      import { layoutInvoice } from ${JSON.stringify(new URL('../../dist/libs/invoice-pdf/src/layout-invoice.js', import.meta.url).href)};
      let json = '';
      for await (const chunk of process.stdin) json += chunk;
      const document = JSON.parse(json);
      const held = (times) => {
        for (let time = 0; time < times; time += 1) layoutInvoice(document);
        gc();
        return process.memoryUsage().heapUsed;
      };
      const before = held(100);
      console.log(held(300) - before);`;
    const grown = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
      input: JSON.stringify(dollarInvoice()),
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    // A page and its file are some 50 kB each.
    expect(Number(grown)).toBeLessThan(5_000_000);
  });

  it('whatever order the members of the document come in', async () => {
    const document = dollarInvoice();
    const reversed = Object.fromEntries(Object.entries(document).reverse()) as unknown as IssuedInvoice;
    expect((await renderer.render(reversed)).sha256).toBe((await renderer.render(document)).sha256);
  });

  it('but another figure gives other bytes and another file identifier', async () => {
    const identifier = (pdf: Buffer): string | undefined => /\/ID \[<([0-9a-f]+)>/.exec(pdf.toString('latin1'))?.[1];
    const one = await renderer.render(dollarInvoice());
    const other = await renderer.render({ ...dollarInvoice(), inputs_hash: '00'.repeat(32) });
    expect(identifier(one.pdf)).toMatch(/^[0-9a-f]{32}$/);
    expect(identifier(other.pdf)).not.toBe(identifier(one.pdf));
    expect(other.sha256).not.toBe(one.sha256);
  });
});

describe('what cannot be drawn', () => {
  it('is told before a document gets its number, by member and code point', () => {
    const document = dollarInvoice();
    expect(renderer.unprintable(document)).toEqual([]);
    expect(renderer.unprintable(rupeeInvoice())).toEqual([]);
    const customer = { ...document.customer, name: 'Uruk \u{12000}\u{12001} Freight \u{12000}' };
    expect(renderer.unprintable({ ...document, customer })).toEqual([
      { member: '/customer/name', characters: ['U+12000', 'U+12001'] },
    ]);
  });

  it('is written by its code points where a document has its number already, and never as a box', async () => {
    const document = dollarInvoice();
    const customer = { ...document.customer, name: 'Uruk \u{12000}\u{12001} Freight \ue000' };
    const text = textOf(await fileOf({ ...document, customer }));
    expect(text).toContain('Uruk [U+12000 U+12001] Freight [U+E000]');
  });

  it('refuses a figure that is no decimal and a stamp that is none', async () => {
    const document = dollarInvoice();
    await expect(renderer.render({ ...document, payable: '1e3' })).rejects.toMatchObject({
      code: 'malformed_document',
    });
    await expect(renderer.render({ ...document, issued_at: 'yesterday' })).rejects.toMatchObject({
      code: 'malformed_document',
    });
  });

  it('draws Latin, Greek, Cyrillic, Devanagari and Vietnamese names', async () => {
    const document = dollarInvoice();
    const names = ['Łódź Żółć Ţâșț Ğİşı Þórður', 'Ελληνικά ΑΕ', 'Київ Ґанок', 'हिन्दी क्षेत्र', 'Nguyễn Đặng ₹ € £'];
    for (const name of names) {
      const file = await fileOf({ ...document, customer: { ...document.customer, name } });
      expect(pdfaFaults(file)).toEqual([]);
      expect(statSync(file).size).toBeLessThan(60_000);
      expect(textOf(file)).toContain(name);
    }
  });

  // Names of companies and places, each with letters that its script joins, stacks or reorders.
  const NAMES = {
    bengali: 'বাংলাদেশ যোগাযোগ লিমিটেড',
    tamil: 'தமிழ்நாடு தொலைத்தொடர்பு',
    telugu: 'తెలుగు కమ్యూనికేషన్స్',
    kannada: 'ಕನ್ನಡ ಸಂವಹನ ಕ್ಷೇತ್ರ',
    malayalam: 'മലയാളം ക്ഷേത്രം കൊച്ചി',
    gujarati: 'ગુજરાત સંદેશાવ્યવહાર',
    gurmukhi: 'ਪੰਜਾਬ ਸੰਚਾਰ ਪ੍ਰਾਈਵੇਟ',
    oriya: 'ଓଡ଼ିଶା ଯୋଗାଯୋଗ କ୍ଷେତ୍ର',
    sinhala: 'ශ්‍රී ලංකා සන්නිවේදන',
    thai: 'บริษัท น้ำมัน จำกัด (มหาชน)',
    lao: 'ບໍລິສັດ ໂທລະຄົມ ລາວ',
    khmer: 'ក្រុមហ៊ុន កម្ពុជា',
    burmese: 'မြန်မာ ဆက်သွယ်ရေး',
    armenian: 'Հայաստան Տելեկոմ',
    georgian: 'საქართველოს ტელეკომი',
    ethiopic: 'ኢትዮጵያ ቴሌኮም',
    japanese: '東京通信株式会社、横浜ビル「港」',
    korean: '한국통신 주식회사',
    'simplified Chinese': '北京电信有限公司（朝阳区）',
    'traditional Chinese': '臺灣電信股份有限公司',
  };
  /** The reader of npm hands out letters from right to left as they are drawn, and halves of emoji; poppler puts both right. */
  const BY_POPPLER = {
    emoji: 'Rocket 🚀 👍 🇩🇪',
    arabic: 'شركة الاتصالات (القاهرة) المحدودة',
    vocalised: 'مُحَمَّد',
    hebrew: 'חברת תקשורת בע״מ',
  };
  const readable = Object.entries(process.env.TEST_READERS === 'system' ? { ...NAMES, ...BY_POPPLER } : NAMES);

  it('draws names, sites and descriptions in every script on one document, and gives each back as it was written', async () => {
    const document = dollarInvoice();
    const [line] = document.lines;
    if (!line) throw new Error('the fixture has a line');
    const lines = readable.map(([, name], index) => ({
      ...line,
      position: index + 1,
      description: name,
      entity: { dimension: 'customer_site_id' as const, value: `site-${index}`, name },
    }));
    const file = await fileOf({ ...document, lines });
    const text = textOf(file).replace(/[\u202a-\u202e\u200e\u200f]/g, '');
    const unread = readable.filter(([, name]) => text.split(name).length < 3);
    expect(unread).toEqual([]);
    expect(pdfaFaults(file)).toEqual([]);
    expect(statSync(file).size).toBeLessThan(900_000);
  });

  it.each(Object.entries({ ...NAMES, ...BY_POPPLER }))(
    'embeds little of a font for a customer in %s',
    async (_, name) => {
      const document = dollarInvoice();
      const file = await fileOf({ ...document, customer: { ...document.customer, name } });
      expect(pdfaFaults(file)).toEqual([]);
      expect(statSync(file).size).toBeLessThan(110_000);
    },
  );

  it('gives the same bytes in every script, whatever was drawn before and in which order fonts were opened', async () => {
    const document = dollarInvoice();
    const named = (name: string) => layoutInvoice({ ...document, customer: { ...document.customer, name } }).sha256;
    const names = Object.values({ ...NAMES, ...BY_POPPLER });
    const once = names.map(named);
    expect(names.toReversed().map(named).toReversed()).toEqual(once);
    const { sha256 } = await renderer.render({
      ...document,
      customer: { ...document.customer, name: names[16] ?? '' },
    });
    expect(sha256).toBe(once[16]);
  });

  it('draws Han letters as the country of the party has them', async () => {
    const document = dollarInvoice();
    const { address } = document.customer;
    if (!address) throw new Error('the fixture has an address');
    const fontsOf = (country: string, name: string) => {
      const { pdf } = layoutInvoice({
        ...document,
        customer: { ...document.customer, name, address: { ...address, country } },
      });
      return [...new Set(pdf.toString('latin1').match(/NotoSans(?:JP|KR|SC|TC)/g))];
    };
    expect(fontsOf('JP', '直骨')).toEqual(['NotoSansJP']);
    expect(fontsOf('KR', '直骨')).toEqual(['NotoSansKR']);
    expect(fontsOf('TW', '直骨')).toEqual(['NotoSansTC']);
    expect(fontsOf('SG', '直骨')).toEqual(['NotoSansSC']);
    expect(fontsOf('US', '直骨')).toEqual(['NotoSansSC']);
    expect(fontsOf('US', '直骨ビル')).toEqual(['NotoSansJP']);
    expect(fontsOf('US', '直骨 주식회사')).toEqual(['NotoSansKR']);
  });

  it('drops direction marks, which could rearrange what stands beside them', async () => {
    const document = dollarInvoice();
    const customer = { ...document.customer, name: 'Harbor\u202e eniP\u200f Ltd\u0007\n& Sons' };
    expect(textOf(await fileOf({ ...document, customer }))).toContain('Harbor eniP Ltd & Sons');
  });
});

describe('the renderer', () => {
  it('leaves the event loop free while it draws', async () => {
    const document = manySites(300);
    let turns = 0;
    let drawing = true;
    const turn = (): void => {
      turns++;
      if (drawing) setImmediate(turn);
    };
    setImmediate(turn);
    await renderer.render(document);
    drawing = false;
    // Drawn here, the loop would turn only between the drawing and the last chunk.
    expect(turns).toBeGreaterThan(100);
  });

  it('tells how far a large document is, up to its last page', async () => {
    const told: string[] = [];
    const { pdf } = await renderer.render(manySites(3_000), ({ drawn, of }) => told.push(`${drawn}/${of}`));
    const file = join(folder, 'told.pdf');
    writeFileSync(file, pdf);
    const pages = pagesOf(file);
    expect(pages).toBeGreaterThan(26);
    expect(told).toEqual([`25/${pages}`, `${pages}/${pages}`]);
  });

  it('draws ten thousand lines in a heap that hardly holds more than the document, one page after the other', () => {
    const script = `
      import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
      import { fileURLToPath } from 'node:url';
      if (isMainThread) {
        let json = '';
        for await (const chunk of process.stdin) json += chunk;
        const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 60 };
        const worker = new Worker(process.argv[1], { workerData: JSON.parse(json), resourceLimits });
        worker.on('message', (bytes) => console.log(bytes));
        worker.on('error', (error) => { console.log(error.code); });
      } else {
        const { layoutInvoice } = await import(${JSON.stringify(new URL('../../dist/libs/invoice-pdf/src/layout-invoice.js', import.meta.url).href)});
        parentPort.postMessage(layoutInvoice(workerData).pdf.length);
      }`;
    const file = join(folder, 'thread.mjs');
    writeFileSync(file, script);
    const answer = execFileSync(process.execPath, [file], {
      input: JSON.stringify(manySites(10_000)),
      env: { ...process.env, NODE_OPTIONS: '' },
      maxBuffer: 1e9,
    });
    expect(Number(answer)).toBeGreaterThan(300_000);
  });

  it('finishes what was asked for, then refuses', async () => {
    const own = createInvoiceRenderer({ threads: 2 });
    const pending = [dollarInvoice(), rupeeInvoice(), creditNote(), manySites(300)].map((document) =>
      own.render(document),
    );
    const closing = own.close();
    await expect(Promise.all(pending)).resolves.toHaveLength(4);
    await closing;
    await own.close();
    await expect(own.render(dollarInvoice())).rejects.toMatchObject({ code: 'renderer_closed' });
  });
});

/** What makes a draft of an issued document: its state, and no members of an issued one. */
function withoutNumber({ status, inputs_hash }: DraftInvoice): Pick<DraftInvoice, 'status' | 'inputs_hash'> {
  return { status, inputs_hash };
}
