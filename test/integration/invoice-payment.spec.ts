import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IssuedInvoice } from '#invoicing';
import { layoutInvoice } from '../../libs/invoice-pdf/src/layout-invoice.js';
import { read, readQrCode } from '../support/readers.js';
import { creditNote, dollarInvoice, manySites, rupeeInvoice } from './invoice-pdf.fixtures.js';
import { pdfaFaults, streamsOf } from './pdfa-structure.js';

const folder = mkdtempSync(join(tmpdir(), 'invoice-payment-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileOf(document: IssuedInvoice): string {
  const file = join(folder, `${(files += 1)}.pdf`);
  writeFileSync(file, layoutInvoice(document).pdf);
  return file;
}

const textOf = (file: string, ...pages: string[]) => read('pdftotext', ['-layout', ...pages, file, '-']).toString();
const pagesOf = (file: string) => Number(/^Pages:\s+(\d+)$/m.exec(read('pdfinfo', [file]).toString())?.[1]);

const MM = 72 / 25.4;
/** The lower 105 mm of a page of 841.89 points. */
const SLIP = { x: 0, y: 841.89 - 105 * MM, width: 595, height: 105 * MM };

/** Where the code beside the bank's details stands, at whatever height. */
const RIGHT = { x: 430, y: 0, width: 165, height: 841 };

/** What the code beside the bank's details says; null where no page has one. */
const codeOf = (file: string) =>
  Array.from({ length: pagesOf(file) }, (_, index) => readQrCode(file, index + 1, RIGHT)).find(
    (code) => code !== null,
  ) ?? null;

const swiss = (document: IssuedInvoice, bank: IssuedInvoice['supplier']['bank']): IssuedInvoice => ({
  ...document,
  currency: 'CHF',
  supplier: {
    ...document.supplier,
    address: { line1: 'Rue du Lac 1268', line2: null, city: 'Biel', region: null, postal_code: '2501', country: 'CH' },
    bank,
  },
});

describe('how to pay', () => {
  it('is a code of a SEPA transfer where euros are owed to an IBAN', () => {
    const file = fileOf({ ...dollarInvoice(), currency: 'EUR' });
    expect(codeOf(file)).toBe(
      [
        ...['BCD', '002', '1', 'SCT', 'COBADEFFXXX', 'Northwind Transit Inc.', 'DE89370400440532013000', 'EUR1672.92'],
        ...['', '', 'INV-2026-000123'],
      ].join('\n'),
    );
    expect(textOf(file)).toMatch(/Scan to pay/);
    expect(pdfaFaults(file)).toEqual([]);
  });

  it('is a UPI code where rupees are owed to a UPI ID', () => {
    const document = rupeeInvoice();
    const { supplier } = document;
    const bank = {
      iban: null,
      bic: null,
      account_number: '50100012345678',
      ifsc: 'HDFC0000123',
      upi_id: 'nimbus@hdfcbank',
    };
    const file = fileOf({ ...document, supplier: { ...supplier, bank } });
    const code = codeOf(file) ?? '';
    expect(code).toMatch(/^upi:\/\/pay\?pa=nimbus@hdfcbank&/);
    expect(Object.fromEntries(new URL(code).searchParams)).toMatchObject({
      am: '1582830.00',
      cu: 'INR',
      pn: supplier.name,
    });
    expect(textOf(file)).toMatch(/Account number +50100012345678[^]*IFSC +HDFC0000123[^]*UPI +nimbus@hdfcbank/);
  });

  it('names the account as banks of other countries do, and a code only where there is one', () => {
    const document = dollarInvoice();
    const bank = {
      ...{ iban: null, bic: 'CHASUS33', account_holder: 'Northwind Receivables LLC', bank_name: 'JPMorgan Chase' },
      ...{ branch: 'New York', account_number: '000123456789', routing_number: '021000021', sort_code: '200000' },
    };
    const file = fileOf({ ...document, supplier: { ...document.supplier, bank } });
    const text = textOf(file);
    for (const wanted of [
      /Payee +Northwind Receivables LLC/,
      /Account number +000123456789/,
      /Routing number \(ABA\) +021000021/,
      /Sort code +20-00-00/,
      /BIC \(SWIFT\) +CHASUS33/,
      /Bank +JPMorgan Chase, New York/,
    ])
      expect(text).toMatch(wanted);
    expect(text).not.toMatch(/Scan to pay|IBAN/);
    expect(codeOf(file)).toBeNull();
  });

  it('is a Swiss QR-bill at the foot of a page where francs are owed to an account of Switzerland', () => {
    const document = swiss(dollarInvoice(), { iban: null, bic: null, qr_iban: 'CH4431999123000889012' });
    const file = fileOf(document);
    const last = pagesOf(file);
    const lines = readQrCode(file, last, SLIP)?.split('\n') ?? [];
    expect(lines.slice(0, 11)).toEqual([
      ...[
        'SPC',
        '0200',
        '1',
        'CH4431999123000889012',
        'S',
        'Northwind Transit Inc.',
        'Rue du Lac 1268',
        '',
        '2501',
        'Biel',
        'CH',
      ],
    ]);
    expect(lines.slice(18, 27)).toEqual([
      ...['1672.92', 'CHF', 'S', 'Harbor & Pine Logistics LLC', '88 Pier Road', '', '94607', 'Oakland', 'US'],
    ]);
    expect(lines).toHaveLength(31);
    const slip = textOf(file, '-f', `${last}`, '-l', `${last}`);
    for (const wanted of [
      /Receipt +Payment part/,
      /CH44 3199 9123 0008 8901 2/,
      /00 00000 00018 23312 02600 0123\d/,
      /1 672\.92/,
    ])
      expect(slip).toMatch(wanted);
    expect(pdfaFaults(file)).toEqual([]);
  });

  it('keeps the slip clear of what else is on its page, and gives it a page of its own where there is no room', () => {
    const bank = { iban: 'CH9300762011623852957', bic: null };
    const short = { ...dollarInvoice(), lines: dollarInvoice().lines.slice(0, 1), notes: [] };
    const one = fileOf(swiss(short, bank));
    expect(pagesOf(one)).toBe(1);
    expect(readQrCode(one, 1, SLIP)).toMatch(/^SPC\n/);
    const full = fileOf(swiss(dollarInvoice(), bank));
    expect(pagesOf(full)).toBe(2);
    expect(textOf(full, '-f', '2', '-l', '2')).toMatch(/Page 2 of 2[^]*Separate before paying in/);
    expect(textOf(full, '-f', '2', '-l', '2')).not.toMatch(/Amount due/);
  });

  it('is asked for on no credit note, whatever the bank', () => {
    const file = fileOf(swiss(creditNote(), { iban: 'CH9300762011623852957', bic: null }));
    expect(textOf(file)).not.toMatch(/Payment part|Scan to pay/);
  });
});

describe('what else a document says of its parties', () => {
  it('prints purchase order, contract, contact and the entry in the register', () => {
    const document = dollarInvoice();
    const text = textOf(
      fileOf({
        ...document,
        supplier: {
          ...document.supplier,
          contact: { name: 'Accounts', phone: '+1 206 555 0100', email: document.supplier.email },
          registration: { scheme: null, id: 'UBI 601 234 567' },
        },
        customer: {
          ...document.customer,
          e_invoice: {
            ...{ profile: null, buyer_reference: null, endpoint: null },
            ...{ order_reference: 'PO-4471', contract_reference: 'MSA-2024-09' },
          },
        },
      }),
    );
    for (const wanted of [
      /Purchase order +PO-4471/,
      /Contract +MSA-2024-09/,
      /Contact: Accounts, \+1 206 555 0100$/m,
      /Company no\. UBI 601 234 567/,
    ])
      expect(text).toMatch(wanted);
  });
});

describe('what a seller chose for its pages', () => {
  it('is on each of them: its colour instead of the accent of the house, and its words at the foot', () => {
    const document = manySites(14);
    const footer = 'Northwind Transit Inc., incorporated in Delaware · Directors: A. Harker, M. Murray. '
      .repeat(3)
      .trim();
    const branded = { ...document, supplier: { ...document.supplier, branding: { accent: '#7a1f5c', footer } } };
    const file = fileOf(branded);
    for (let page = 1; page <= pagesOf(file); page += 1) {
      expect(textOf(file, '-f', `${page}`, '-l', `${page}`)).toMatch(
        /Page \d of \d[^]*incorporated in Delaware[^]*Harker/,
      );
    }
    expect(pdfaFaults(file)).toEqual([]);
    // 0x12 0x54 0x6b and 0x7a 0x1f 0x5c in parts of 1.
    const colours = (of: IssuedInvoice) => {
      const raw = streamsOf(fileOf(of));
      return [raw.includes('0.0706 0.3294 0.4196 rg'), raw.includes('0.4784 0.1216 0.3608 rg')];
    };
    expect([colours(document), colours(branded)]).toEqual([
      [true, false],
      [false, true],
    ]);
  });
});

describe('a document of many pages', () => {
  it('has its slip on the last one', () => {
    const file = fileOf(swiss(manySites(30), { iban: 'CH9300762011623852957', bic: null }));
    const last = pagesOf(file);
    expect(last).toBeGreaterThan(1);
    expect(readQrCode(file, last, SLIP)).toMatch(/^SPC\n/);
    expect(textOf(file, '-f', '1', '-l', '1')).not.toMatch(/Payment part/);
  });
});
