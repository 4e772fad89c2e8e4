import { partiesTo, corrected, GERMAN_PARTIES, issued, taxed } from '../../../test/support/electronic-invoices.js';
import { goldenStory } from '../../../test/support/golden-story.js';
import { arithmeticFaults, readInvoice, readXml } from '../../../test/support/written-invoice.js';
import { fromStamp } from '#calendar';
import { creditOf, type CreditRequest, issueInvoice } from '#invoicing';
import type { ElectronicDocument } from './document.js';
import { XML_KINDS, type FormatKind } from './formats/index.js';
import { missingFor, renderEInvoice } from './render.js';

const { draft } = await goldenStory('one-line');
const VAT = [{ name: 'VAT', category: 'S' as const, rate: '19' }];
const document = issued(taxed(draft, VAT));

function xmlOf(kind: FormatKind, of: ElectronicDocument = document): string {
  const rendition = renderEInvoice(kind, of);
  if (rendition.outcome === 'refused') throw new Error(rendition.message);
  return rendition.text;
}

const unnamed = { reference: 'x', name: '', address: null, tax_id: null, email: null };
const bare: ElectronicDocument = { ...document, supplier: { ...unnamed, bank: null }, customer: unnamed };

describe('what a format requires', () => {
  const EN_16931 = ['/seller/name', '/seller/address', '/seller/tax_id', '/name', '/address'];
  const GERMANY = [
    '/seller/address/city',
    '/seller/address/postal_code',
    '/seller/contact/name',
    '/seller/contact/phone',
    '/seller/contact/email',
    '/seller/bank/iban',
    '/address/city',
    '/address/postal_code',
    '/e_invoice/buyer_reference',
  ];
  const ENDPOINTS = ['/seller/e_invoice/endpoint', '/e_invoice/endpoint'];

  it.each<[FormatKind, string[]]>([
    ['cii', EN_16931],
    ['ubl', EN_16931],
    ['xrechnung', [...EN_16931, ...GERMANY, ...ENDPOINTS]],
    ['xrechnung-ubl', [...EN_16931, ...GERMANY, ...ENDPOINTS]],
    ['peppol', [...EN_16931, ...ENDPOINTS, '/e_invoice/buyer_reference']],
  ])('%s is told of parties that have no name, in one refusal', (kind, members) => {
    expect(missingFor(kind, bare)).toEqual(members);
    expect(renderEInvoice(kind, bare)).toMatchObject({ outcome: 'refused', code: 'e_invoice_incomplete', members });
  });

  it.each(XML_KINDS)('%s finds nothing missing of whole parties', (kind) => {
    expect(missingFor(kind, document)).toEqual([]);
    expect(missingFor(kind, { ...draft, ...GERMAN_PARTIES })).toEqual([]);
  });

  const { supplier, customer } = GERMAN_PARTIES;
  const missing = (kind: FormatKind, parties: Partial<ElectronicDocument>, taxes = document.taxes) =>
    missingFor(kind, { ...document, taxes, ...parties });
  const category = (of: 'K' | 'AE' | 'G' | 'E' | 'O') =>
    document.taxes.map((tax) => ({ ...tax, category: of, rate: '0' }));

  it('depends on the tax', () => {
    const untaxed = { supplier: { ...supplier, tax_id: null }, customer: { ...customer, tax_id: null } };
    expect(missing('cii', untaxed, category('O'))).toEqual([]);
    expect(missing('cii', untaxed, category('K'))).toEqual(['/seller/tax_id', '/tax_id']);
    expect(missing('cii', untaxed, category('AE'))).toEqual(['/seller/tax_id', '/tax_id']);
    expect(
      missing(
        'cii',
        { customer: { ...customer, tax_id: null, registration: { scheme: null, id: '1' } } },
        category('AE'),
      ),
    ).toEqual([]);
    // A number of a tax office is none that crosses a border.
    expect(missing('cii', { supplier: { ...supplier, tax_id: '12/345/678' } }, category('G'))).toEqual([
      '/seller/tax_id',
    ]);
    expect(missing('cii', { supplier: { ...supplier, tax_id: '12/345/678' } })).toEqual([]);
    expect(missing('cii', {}, category('E'))).toEqual(['/taxes/0/exemption_reason']);
  });

  it('depends on the countries, on the Peppol network', () => {
    const of = (seller: string, buyer: string): Partial<ElectronicDocument> => ({
      supplier: {
        ...supplier,
        tax_id: `${seller}1`,
        address: { ...supplier.address, country: seller, postal_code: '' },
        bank: null,
      },
      customer: { ...customer, tax_id: `${buyer}1`, address: { ...customer.address, country: buyer, postal_code: '' } },
    });
    expect(missing('peppol', of('FR', 'BE'))).toEqual([]);
    expect(missing('peppol', of('DK', 'BE'))).toEqual(['/seller/registration']);
    expect(missing('peppol', of('NL', 'NL'))).toEqual([
      ...[
        '/seller/registration',
        '/registration',
        '/seller/address/postal_code',
        '/address/postal_code',
        '/seller/bank/iban',
      ],
    ]);
    expect(missing('peppol', of('DE', 'DE'))).toEqual([
      ...['/seller/address/postal_code', '/seller/bank/iban', '/address/postal_code'],
    ]);
  });

  it('takes an e-mail address for an electronic address in Germany only', () => {
    const parties = {
      supplier: { ...supplier, e_invoice: null },
      customer: { ...customer, e_invoice: { ...customer.e_invoice, endpoint: null } },
    };
    expect(missing('xrechnung', parties)).toEqual([]);
    expect(xmlOf('xrechnung', { ...document, ...parties })).toContain('schemeID="EM">amt@stadt.example<');
    expect(missing('peppol', parties)).toEqual(['/seller/e_invoice/endpoint', '/e_invoice/endpoint']);
  });

  it('refuses an address of a scheme that is on no list, and a telephone without a number', () => {
    const parties = {
      supplier: { ...supplier, contact: { ...supplier.contact, phone: 'ask' } },
      customer: { ...customer, e_invoice: { ...customer.e_invoice, endpoint: { scheme: '0000', id: ' ' } } },
    };
    expect(missing('xrechnung', parties)).toEqual([
      ...['/e_invoice/endpoint/scheme', '/e_invoice/endpoint/id', '/seller/contact/phone'],
    ]);
  });

  it('takes no address for one of Peppol that has another network', () => {
    for (const scheme of ['EM', '0037', '0220']) {
      const endpoint = { scheme, id: '1' };
      const elsewhere = { ...customer, e_invoice: { ...customer.e_invoice, endpoint } };
      expect(missing('peppol', { customer: elsewhere })).toEqual(['/e_invoice/endpoint']);
      expect(missing('ubl', { customer: elsewhere })).toEqual([]);
    }
  });

  it.each([
    ['0002', []],
    ['0204', []],
    ['0248', []],
    ['0001', ['/registration/scheme']],
    ['0181', ['/registration/scheme']],
    ['0249', ['/registration/scheme']],
    ['HRB', ['/registration/scheme']],
  ])('knows registers of companies by ISO 6523: %s', (scheme, members) => {
    expect(missing('cii', { customer: { ...customer, registration: { scheme, id: '1' } } })).toEqual(members);
  });

  it('is satisfied by an order reference on the Peppol network', () => {
    const ordered = { ...customer, e_invoice: { ...customer.e_invoice, buyer_reference: null } };
    const abroad = { ...ordered, tax_id: 'FR1', address: { ...customer.address, country: 'FR' } };
    expect(missing('peppol', { customer: abroad })).toEqual([]);
  });
});

describe('an electronic invoice', () => {
  it('is the same text each time', () => {
    for (const kind of XML_KINDS) expect(xmlOf(kind)).toBe(xmlOf(kind, structuredClone(document)));
  });

  it('says which specification it follows', () => {
    const said = XML_KINDS.map((kind) => [kind, readInvoice(xmlOf(kind)).customization]);
    expect(Object.fromEntries(said)).toEqual({
      cii: 'urn:cen.eu:en16931:2017',
      ubl: 'urn:cen.eu:en16931:2017',
      xrechnung: 'urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0',
      'xrechnung-ubl': 'urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0',
      peppol: 'urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0',
    });
  });

  it('carries what is written between angle brackets', () => {
    const notes = ['a < b & "c"\r\nd'];
    for (const kind of XML_KINDS) {
      const read = readInvoice(xmlOf(kind, { ...document, notes }));
      expect([read.seller, read.buyer, read.note]).toEqual([
        'Acme Netz & Söhne GmbH',
        'Freie und Hansestadt <Amt>',
        notes[0],
      ]);
    }
  });

  it.each(['\u0007', '\ud800', '\uffff'])('refuses a character that is none in XML: %j', (character) => {
    for (const kind of XML_KINDS) {
      expect(renderEInvoice(kind, { ...document, notes: [`a${character}`] })).toMatchObject({
        code: 'character_not_in_xml',
      });
    }
  });

  it('carries letters beyond the basic plane', () => {
    expect(xmlOf('cii', { ...document, notes: ['𠮷'] })).toContain('𠮷');
  });

  it('hides the number of a subscriber', () => {
    const lines = document.lines.map((line) => ({
      ...line,
      description: 'SIM 4917012345678',
      entity: { dimension: 'msisdn' as const, value: '4917012345678', name: 'Van 4917012345678' },
    }));
    for (const kind of XML_KINDS) {
      const xml = xmlOf(kind, { ...document, lines });
      expect(xml).not.toContain('4917012345678');
      expect(xml).toContain('MSISDN ••••5678, Van ••••5678');
    }
  });

  it('turns a credit note and names what it credits, in type 381 and where nothing is to be paid', () => {
    const note = corrected(document, 'nothing');
    if (!note) throw new Error('nothing to take back');
    for (const kind of XML_KINDS) {
      const xml = xmlOf(kind, note);
      const read = readInvoice(xml);
      expect([read.typeCode, read.preceding, read.totals.payable]).toEqual(['381', document.number, document.payable]);
      expect(read.lines.map(({ net }) => net)).toEqual(document.lines.map(({ amount }) => amount));
      expect(xml).not.toContain('DueDate');
      expect(xml).not.toContain('DE89370400440532013000');
    }
    expect(readXml(xmlOf('peppol', note)).name).toBe('CreditNote');
  });

  it('has the types that each format has for a debit note', () => {
    const debit = { ...document, kind: 'debit_note' as const, corrects: { id: 'i', number: 'INV-1' } };
    const types = XML_KINDS.map((kind) => readInvoice(xmlOf(kind, debit)).typeCode);
    expect(types).toEqual(['383', '383', '380', '380', '383']);
  });

  it('names no VAT identifier outside the scope of VAT, and stands alone there', () => {
    const outside = issued(taxed(draft, []));
    for (const kind of XML_KINDS) {
      const xml = xmlOf(kind, outside);
      expect(xml).not.toMatch(/schemeID="VA"|<cbc:CompanyID>DE\d+<\/cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</);
      expect(readInvoice(xml).lines.map(({ rate }) => rate)).toEqual([null]);
      const mixed = { ...outside, taxes: [...outside.taxes, ...document.taxes] };
      expect(renderEInvoice(kind, mixed)).toMatchObject({ code: 'outside_scope_beside_taxed' });
    }
  });

  it('says where an intra-Community supply goes, and why no tax is charged', () => {
    const parties = partiesTo('AT', 'ATU12345678');
    const supply = issued(taxed(draft, [{ name: 'VAT', category: 'K', rate: '0' }]), parties);
    for (const kind of XML_KINDS) {
      const xml = xmlOf(kind, supply);
      expect(xml).toMatch(/ShipToTradeParty.*>AT<|cac:Delivery>.*>AT</);
      expect(readInvoice(xml).taxes[0]).toMatchObject({
        category: 'K',
        reason: 'Intra-Community supply, exempt from VAT',
      });
    }
  });

  it('knows Kosovo by the code that the list has', () => {
    const { supplier, customer } = GERMAN_PARTIES;
    const parties = {
      supplier,
      customer: { ...customer, tax_id: null, address: { ...customer.address, country: 'XK' } },
    };
    for (const kind of XML_KINDS) {
      expect(xmlOf(kind, { ...document, ...parties })).toContain('>1A<');
      expect(xmlOf(kind, { ...document, ...parties })).not.toContain('XK');
    }
  });

  it('is none in a currency that is not on the list', () => {
    for (const kind of XML_KINDS) {
      expect(renderEInvoice(kind, { ...document, currency: 'STN' })).toMatchObject({
        code: 'currency_not_in_e_invoices',
      });
    }
  });

  it('refuses amounts that do not add up', () => {
    const wrong = {
      ...document,
      gross: document.payable.replace(/\d$/, (digit) => `${(Number.parseInt(digit, 10) + 1) % 10}`),
    };
    for (const kind of XML_KINDS) expect(renderEInvoice(kind, wrong)).toMatchObject({ code: 'amounts_not_exact' });
  });
});

describe('a credit note by hand', () => {
  const [line] = document.lines;
  const requests: CreditRequest[] = [
    { reason: 'two days down', amount: '1.00' },
    { reason: 'half of it', lines: [{ position: 1, quantity: String(Number(line?.quantity ?? 0) / 2) }] },
    { reason: 'all of it', lines: [{ position: 1, amount: line?.amount ?? '' }] },
  ];

  it.each(requests.flatMap((request) => XML_KINDS.map((kind) => [kind, request] as const)))(
    '%s says %j with positive amounts, the invoice and the reason',
    (kind, request) => {
      const taxing = {
        taxes: VAT,
        options: { currency: document.currency, rounding: 'half_up' as const, payableRounding: 'none' as const },
      };
      const note = creditOf({ original: document, issued: [document], request, taxing, layoutVersion: 1 });
      if ('outcome' in note) throw new Error(note.message);
      const corrects = { id: document.id, number: document.number };
      const of = { id: 'note', number: 'CN-2026-000001', issuedAt: fromStamp('2026-11-06T08:00:00Z'), corrects };
      const issuedNote = issueInvoice({ ...note, inputs_hash: 'inputs' }, { ...of, sellerTimeZone: 'UTC' });
      const xml = xmlOf(kind, { ...issuedNote, ...GERMAN_PARTIES });
      const written = readInvoice(xml);
      expect(arithmeticFaults(written, 2)).toEqual([]);
      expect(xml).toContain(`Reason: ${request.reason}`);
      expect(xml).toContain(document.number);
      expect(xml).toContain(`>${note.gross.replace('-', '')}<`);
    },
  );
});

describe('an account without an IBAN, and a contract', () => {
  const { supplier, customer } = document;
  const wanted = { profile: null, buyer_reference: null, order_reference: 'PO-77', endpoint: null };
  const bank = { iban: null, bic: 'CHASUS33', account_holder: 'Acme Receivables', account_number: '000123456789' };
  const named: ElectronicDocument = {
    ...document,
    supplier: { ...supplier, bank },
    customer: { ...customer, e_invoice: { ...wanted, contract_reference: 'MSA-2024-09' } },
  };
  // EN 16931-3: BT-84 is a proprietary id in CII, BT-85 the holder, BT-12 the contract; 30 is a credit transfer outside of SEPA.
  it('stand where EN 16931 has them', () => {
    const cii = xmlOf('cii', named).replace(/\s*\n\s*/g, '');
    expect(cii).toContain(
      '<ram:AccountName>Acme Receivables</ram:AccountName><ram:ProprietaryID>000123456789</ram:ProprietaryID>',
    );
    expect(cii).toContain('<ram:TypeCode>30</ram:TypeCode>');
    expect(cii).toMatch(/<ram:ContractReferencedDocument><ram:IssuerAssignedID>MSA-2024-09<\/ram:IssuerAssignedID>/);
    expect(cii).not.toContain('IBANID');
    const ubl = xmlOf('ubl', named).replace(/\s*\n\s*/g, '');
    expect(ubl).toContain(
      '<cac:PayeeFinancialAccount><cbc:ID>000123456789</cbc:ID><cbc:Name>Acme Receivables</cbc:Name>',
    );
    expect(ubl).toContain(
      '<cac:ContractDocumentReference><cbc:ID>MSA-2024-09</cbc:ID></cac:ContractDocumentReference>',
    );
  });
});
