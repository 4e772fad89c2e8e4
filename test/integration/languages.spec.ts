import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInvoiceRenderer, type InvoiceRenderer } from '#invoice-pdf';
import type { DocumentNote, IssuedInvoice, Language } from '#invoicing';
import { read } from '../support/readers.js';
import { creditNote, dollarInvoice } from './invoice-pdf.fixtures.js';

let renderer: InvoiceRenderer;
let folder: string;

beforeAll(() => {
  renderer = createInvoiceRenderer({ threads: 1 });
  folder = mkdtempSync(join(tmpdir(), 'languages-'));
});
afterAll(async () => {
  await renderer.close();
  rmSync(folder, { recursive: true });
});

async function textOf(document: IssuedInvoice): Promise<string> {
  const { pdf, sha256 } = await renderer.render(document);
  const file = join(folder, `${sha256}.pdf`);
  writeFileSync(file, pdf);
  // pdftotext has a plain space for what holds figures together, and breaks lines where the page does.
  return read('pdftotext', ['-layout', file, '-']).toString().replace(/\s+/g, ' ');
}

const ADDRESS = { line1: 'x', line2: null, city: 'x', region: null, postal_code: '1' };
const NOTES: (string | DocumentNote)[] = [
  { code: 'replaces', number: 'INV-2026-000122', date: '2026-11-03' },
  { code: 'reverse_charge' },
  { code: 'bandwidth_as_reported' },
  'As agreed with Ms. Brook.',
];

/** The dollar invoice with a reverse charge, its parties in Germany and the Netherlands, and every kind of note. */
function invoiceIn(language: Language): IssuedInvoice {
  const document = dollarInvoice();
  const group = { base: document.net, amount: '0.00', rate: '0', exemption_reason: null };
  return {
    ...document,
    ...{ language, tax: '0.00', gross: document.net, payable: document.net, notes: NOTES },
    taxes: [{ ...group, name: 'Reverse charge', category: 'AE' }],
    supplier: { ...document.supplier, address: { ...ADDRESS, country: 'DE' }, tax_id: 'DE136695976' },
    customer: { ...document.customer, address: { ...ADDRESS, country: 'NL' }, tax_id: 'NL123456789B01' },
  };
}

/**
 * What stands on that page: title, countries, both dates, the discount, a product of a derivation with its unit, the level that
 * is billed, the category of the tax, what is to be paid by when, and the notes.
 */
const WORDS: Readonly<Partial<Record<Language, readonly string[]>>> = {
  en: [
    ...['Invoice', 'Germany', 'Netherlands', '4 Nov 2026', '4 Dec 2026', 'Discount 10 % on Data transfer'],
    ...['1,104.000276396 GB × 0.05 = 55.2000138198', '95th percentile of 8,928 slots', 'coverage 100 %'],
    ...['Reverse charge 0 %', 'Amount due', 'USD 1,538.32', '30 days from the issue date, by 4 Dec 2026'],
    ...['Replaces INV-2026-000122 of 3 Nov 2026', 'Bandwidth is billed as reported'],
  ],
  de: [
    ...['Rechnung', 'Deutschland', 'Niederlande', '04.11.2026', '04.12.2026', 'Rabatt 10 % auf Data transfer'],
    ...['1.104,000276396 GB × 0,05 = 55,2000138198', '95. Perzentil aus 8.928 Intervallen', 'Abdeckung 100 %'],
    ...['Steuerschuldnerschaft des', 'Zahlbetrag', 'USD 1.538,32', '30 Tage ab Rechnungsdatum, bis 04.12.2026'],
    ...[
      'Ersetzt INV-2026-000122 vom 03.11.2026',
      'Bandbreite wird wie gemeldet berechnet',
      '69,62 Mbps über der Zusage',
    ],
  ],
  fr: [
    ...['Facture', 'Allemagne', 'Pays-Bas', '4 nov. 2026', '4 déc. 2026', 'Remise 10 % sur Data transfer'],
    ...['1 104,000276396 GB × 0,05 = 55,2000138198', '95e centile de 8 928 intervalles', 'couverture 100 %'],
    ...['Autoliquidation 0 %', 'Montant à payer', 'USD 1 538,32', '30 jours à compter de la date d’émission'],
    ...['Remplace INV-2026-000122 du 3 nov. 2026', 'La bande passante est facturée telle que rapportée'],
  ],
  es: [
    ...['Factura', 'Alemania', 'Países Bajos', '4 nov 2026', '4 dic 2026', 'Descuento 10 % sobre Data transfer'],
    // No separator within four digits.
    ...['1104,000276396 GB × 0,05 = 55,2000138198', 'percentil 95 de 8928 intervalos', 'cobertura 100 %'],
    ...['Inversión del sujeto pasivo', 'Importe a pagar', 'USD 1538,32', '30 días desde la fecha de expedición'],
    ...['Sustituye a INV-2026-000122 de 3 nov 2026', 'El ancho de banda se factura'],
  ],
  it: [
    ...['Fattura', 'Germania', 'Paesi Bassi', '4 nov 2026', '4 dic 2026', 'Sconto 10% su Data transfer'],
    ...['1.104,000276396 GB × 0,05 = 55,2000138198', '95º percentile di 8.928 intervalli', 'copertura 100%'],
    ...['Inversione contabile 0%', 'Importo da pagare', 'USD 1.538,32', '30 giorni dalla data di emissione'],
    ...['Sostituisce INV-2026-000122 del 3 nov 2026', 'La banda è fatturata come comunicata'],
  ],
  pt: [
    ...['Fatura', 'Alemanha', 'Países Baixos', '4 de nov. de 2026', '4 de dez. de 2026'],
    ...['Desconto 10% sobre Data transfer', '1.104,000276396 GB × 0,05 = 55,2000138198'],
    ...['percentil 95 de 8.928 intervalos', 'cobertura 100%', 'Autoliquidação 0%', 'Montante a pagar', 'USD 1.538,32'],
    ...['30 dias a contar da data de emissão', 'Substitui INV-2026-000122 de 3 de nov. de 2026'],
  ],
  nl: [
    ...['Factuur', 'Duitsland', 'Nederland', '4 nov 2026', '4 dec 2026', 'Korting 10% op Data transfer'],
    ...['1.104,000276396 GB × 0,05 = 55,2000138198', '95e percentiel van 8.928 intervallen', 'dekking 100%'],
    ...['Btw verlegd 0%', 'Te betalen', 'USD 1.538,32', '30 dagen na factuurdatum, uiterlijk 4 dec 2026'],
    ...['Vervangt INV-2026-000122 van 3 nov 2026', 'Bandbreedte wordt gefactureerd zoals gemeld'],
  ],
  hi: [
    ...['बीजक', 'जर्मनी', 'नीदरलैंड', '4 नवंबर 2026', '4 दिसंबर 2026', 'Data transfer पर छूट 10%'],
    ...['1,104.000276396 GB × 0.05 = 55.2000138198', 'कवरेज 100%', 'रिवर्स चार्ज 0%', 'देय राशि', 'USD 1,538.32'],
    ...['जारी करने की तिथि से 30 दिन', '3 नवंबर 2026 के INV-2026-000122 का स्थान लेता है'],
  ],
  ja: [
    ...['請求書', 'ドイツ', 'オランダ', '2026年11月4日', '2026年12月4日', 'ご請求金額', 'USD 1,538.32'],
    ...['1,104.000276396 GB × 0.05 = 55.2000138198', 'リバースチャージ', '発行日から30日'],
  ],
  pl: [
    ...['Faktura', 'Niemcy', 'Holandia', '4 lis 2026', '4 gru 2026', 'Rabat 10% na Data transfer'],
    ...['1104,000276396 GB × 0,05 = 55,2000138198', '95. percentyl z 8928 przedziałów', 'pokrycie 100%'],
    ...['Odwrotne obciążenie 0%', 'Do zapłaty', 'USD 1538,32', '30 dni od daty wystawienia, do 4 gru 2026'],
    ...['Zastępuje wycofaną INV-2026-000122 z dnia 3 lis 2026', 'Przepustowość jest rozliczana'],
  ],
};

const cases = Object.entries(WORDS) as [Language, readonly string[]][];

describe('the same document', () => {
  it.each(cases)('says in %s what it says', async (language, words) => {
    const text = await textOf(invoiceIn(language));
    for (const word of words) expect(text).toContain(word);
    // What people wrote stands as they wrote it; what the service writes in English stands nowhere else.
    for (const name of ['Platform fee', 'As agreed with Ms. Brook.', 'Oakland Pier 7']) expect(text).toContain(name);
    if (language !== 'en') expect(text).not.toMatch(/Discount|Reverse charge|issue date|coverage|Page 1 of|Inputs/);
  });

  it.each(cases)('says in %s what it corrects', async (language) => {
    const text = await textOf({ ...creditNote(), language });
    expect(text).toContain('INV-2026-000123');
    if (language !== 'en') expect(text).not.toMatch(/Corrects|billed before|Credit note|in your favour/);
  });
});
