import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goldenStory } from '../../../test/support/golden-story.js';
import { pdfaFaults } from '../../../test/integration/pdfa-structure.js';
import { issued } from '../../../test/support/electronic-invoices.js';
import { read, readQrCode } from '../../../test/support/readers.js';
import { layoutInvoice } from './layout-invoice.js';
import type { PrintableInvoice } from './printable-invoice.js';

const folder = process.env.INDIA_PAGES ?? mkdtempSync(join(tmpdir(), 'gst-'));
afterAll(() => process.env.INDIA_PAGES || rmSync(folder, { recursive: true }));

const at = (city: string, region: string, postal_code: string) => ({
  ...{ line1: '4th Floor, Nariman Bhavan', line2: null, city, region, postal_code, country: 'IN' },
});
const PARTIES = {
  supplier: {
    ...{ reference: 'bharat', name: 'Bharat Mobile Data Pvt. Ltd.', email: null, bank: null },
    ...{ tax_id: '27AAPFU0939F1ZV', address: at('Mumbai', 'Maharashtra', '400021') },
  },
  customer: {
    ...{ reference: '4711', name: 'Pune Traders', email: null },
    ...{ tax_id: '27AABCU9603R1ZN', address: at('Pune', 'Maharashtra', '411001') },
  },
};
const WITHIN = { place_of_supply: '27', supply: 'intra_state', with_payment: true, sac: '998422' } as const;
/** As long as what a portal signs. */
const CODE = `eyJhbGciOiJSUzI1NiJ9.${'eyJkYXRhIjoie1wiU2VsbGVyR3N0aW5cIjpc'.repeat(17)}.${'Zz09_-8A'.repeat(43)}`;

async function pageOf(over: Partial<PrintableInvoice>, name: string): Promise<{ file: string; text: string }> {
  const { draft } = await goldenStory('india-gst');
  const document = issued({ ...draft, gst: WITHIN }, PARTIES);
  const file = join(folder, `${name}.pdf`);
  writeFileSync(file, layoutInvoice({ ...document, ...over } as PrintableInvoice).pdf);
  return { file, text: read('pdftotext', [file, '-']).toString().replace(/\s+/g, ' ') };
}

describe('the page of a seller with a GSTIN', () => {
  it('is a tax invoice with its place of supply, reverse charge and the code of each line', async () => {
    const { text, file } = await pageOf({}, 'within');
    expect(text).toContain('Tax invoice');
    for (const part of [
      'GSTIN 27AAPFU0939F1ZV',
      'GSTIN 27AABCU9603R1ZN',
      'Place of supply',
      '27 Maharashtra',
      'Reverse charge',
    ]) {
      expect(text).toContain(part);
    }
    expect(text.match(/HSN\/SAC 998422/g)).toHaveLength(2);
    expect(text).not.toContain('IRN');
    expect(readQrCode(file, 1)).toBeNull();
  });

  it.each([
    [{ supply: 'export', with_payment: true }, 'SUPPLY MEANT FOR EXPORT ON PAYMENT OF INTEGRATED TAX'],
    [{ supply: 'sez', with_payment: false }, 'WITHOUT PAYMENT OF INTEGRATED TAX'],
  ] as const)('endorses %j', async (of, says) => {
    const gst = { ...WITHIN, place_of_supply: of.supply === 'export' ? '96' : '27', ...of };
    const { text } = await pageOf({ gst }, of.supply);
    expect(text).toContain(says);
    expect(text).toContain(of.supply === 'export' ? '96 Other Country' : '27 Maharashtra');
  });

  it('shows what a portal answered, and its code is read back; the page is PDF/A', async () => {
    const irn = '706daeccda0ef6f818da78f3a2a05a1288731057373002289b46c3229289a2e7';
    const registration = { irn, ack_no: '112010000011474', ack_date: '2026-11-30 17:10:00', signed_qr_code: CODE };
    const { file, text } = await pageOf({ registration }, 'registered');
    expect(readQrCode(file, 1)).toBe(CODE);
    for (const part of [irn, '112010000011474', '2026-11-30 17:10:00'])
      expect(text.replaceAll(' ', '')).toContain(part.replaceAll(' ', ''));
    expect(await pdfaFaults(file)).toEqual([]);
  });
});
