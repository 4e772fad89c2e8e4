import { createHash } from 'node:crypto';
import { type AccountTax, gstSupplyOf, gstTaxes, isUnclear, type IssuedInvoice, totalsOf } from '#invoicing';
import { goldenStory } from '../../../../../test/support/golden-story.js';
import { corrected, issued } from '../../../../../test/support/electronic-invoices.js';
import type { ElectronicDocument } from '../../document.js';
import { isRefusal } from '../../refusal.js';
import { missingFor, renderEInvoice } from '../../render.js';
import { financialYear, irnText, irnTextOf } from './irn.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const at = (city: string, region: string | null, postal_code: string, country = 'IN') => ({
  ...{ line1: '4th Floor', line2: 'Nariman Point', city, region, postal_code, country },
});
const SUPPLIER = {
  ...{ reference: 'bharat', name: 'Bharat Mobile Data Pvt. Ltd.', email: null, bank: null },
  ...{ tax_id: '27AAPFU0939F1ZV', address: at('Mumbai', 'Maharashtra', '400 021') },
};
const BUYERS = {
  same: { tax_id: '27AABCU9603R1ZN', address: at('Pune', 'Maharashtra', '411001') },
  other: { tax_id: '29AAGCB7383J1Z4', address: at('Bengaluru', 'Karnataka', '560001') },
  abroad: { tax_id: null, address: at('Delft', null, '2611 AB', 'NL') },
  person: { tax_id: null, address: at('Nashik', 'Maharashtra', '422001') },
};

interface Case {
  buyer: keyof typeof BUYERS;
  gst?: { sez?: boolean; with_payment?: boolean };
}

/** The golden story of India, lines of 12,345.67 and 0.04, as the document of a buyer. */
async function documentTo({ buyer, gst }: Case, payableRounding: 'none' | '1' = '1'): Promise<ElectronicDocument> {
  const { draft } = await goldenStory('india-gst');
  const customer = { reference: '1', name: 'Pune Traders', email: null, ...BUYERS[buyer] };
  const terms = { place_of_supply: null, sez: false, with_payment: true, ...gst };
  const supply = gstSupplyOf(
    { country: 'IN', taxId: SUPPLIER.tax_id, address: SUPPLIER.address },
    { taxId: customer.tax_id, address: customer.address, gst: terms },
  );
  if (supply === undefined || isUnclear(supply)) throw new Error('no place of supply');
  const options = { currency: 'INR', rounding: 'half_up', payableRounding } as const;
  const totals = totalsOf(draft.lines, gstTaxes(supply, '18'), options);
  return issued({ ...draft, ...totals, gst: { ...supply, sac: '998422' } }, { supplier: SUPPLIER, customer });
}

function textOf(document: ElectronicDocument): string {
  const rendition = renderEInvoice('inv01', document);
  if (isRefusal(rendition)) throw new Error(rendition.message);
  return rendition.text;
}

type Members = Record<string, string>;

interface Written {
  TranDtls: Members;
  DocDtls: Members;
  SellerDtls: Members;
  BuyerDtls: Members;
  ItemList: Members[];
  ValDtls: Members;
  RefDtls: { PrecDocDtls?: Members[] };
}

/** The file with its numbers as they are written, so that no binary float is compared. */
function read(text: string): Written {
  const quoted = text.replace(/:(-?\d+(?:\.\d+)?)(?=[,}\]])/g, ':"#$1"');
  return JSON.parse(quoted) as Written;
}

// What the schema of INV-01 1.1 says of the members that are written here: kind, bounds or pattern, and which there must be.
const NO_QUOTES = /^[^\\"]*$/;
const TEXT = (least: number, most: number) => (value: string) =>
  [...value].length >= least && [...value].length <= most && NO_QUOTES.test(value);
const MATCH = (pattern: RegExp) => (value: string) => pattern.test(value);
const AMOUNT = (value: string) => /^#\d{1,12}\.\d{2}$/.test(value);
const DAY = MATCH(/^[0-3]\d\/[01]\d\/20[12]\d$/);
const GSTIN = /[0-9]{2}[0-9A-Z]{13}/;
const STATE = MATCH(/^(?!0+$)\d{1,2}$/);
const PIN = (value: string) => /^#\d{6}$/.test(value) && value >= '#100000';
type Check = ((value: string) => boolean) | { [member: string]: Check } | [Check];
const PARTY = {
  LglNm: TEXT(3, 100),
  Addr1: TEXT(1, 100),
  'Addr2?': TEXT(3, 100),
  Loc: TEXT(3, 50),
  Pin: PIN,
  Stcd: STATE,
};
const SCHEMA: { [member: string]: Check } = {
  Version: MATCH(/^1\.1$/),
  TranDtls: {
    TaxSch: MATCH(/^GST$/),
    SupTyp: MATCH(/^(B2B|SEZWP|SEZWOP|EXPWP|EXPWOP|DEXP)$/),
    RegRev: MATCH(/^[YN]$/),
  },
  DocDtls: { Typ: MATCH(/^(INV|CRN|DBN)$/), No: MATCH(/^[a-zA-Z1-9][a-zA-Z0-9/-]{0,15}$/), Dt: DAY },
  SellerDtls: { Gstin: MATCH(new RegExp(`^${GSTIN.source}$`)), ...PARTY },
  BuyerDtls: { Gstin: MATCH(new RegExp(`^(${GSTIN.source}|URP)$`)), Pos: STATE, ...PARTY },
  ItemList: [
    {
      ...{ SlNo: MATCH(/^\d{1,6}$/), PrdDesc: TEXT(3, 300), IsServc: MATCH(/^[YN]$/) },
      ...{
        HsnCd: MATCH(/^(?!0+$)(\d{4}|\d{6}|\d{8})$/),
        'Qty?': MATCH(/^#\d+(\.\d{1,3})?$/),
        'Unit?': MATCH(/^[A-Za-z]{3,8}$/),
      },
      ...{ UnitPrice: MATCH(/^#\d{1,12}(\.\d{1,3})?$/), TotAmt: AMOUNT, 'Discount?': AMOUNT, AssAmt: AMOUNT },
      ...{
        GstRt: MATCH(/^#\d{1,3}(\.\d{1,3})?$/),
        IgstAmt: AMOUNT,
        CgstAmt: AMOUNT,
        SgstAmt: AMOUNT,
        TotItemVal: AMOUNT,
      },
    },
  ],
  ValDtls: {
    ...{ AssVal: AMOUNT, CgstVal: AMOUNT, SgstVal: AMOUNT, IgstVal: AMOUNT, RndOffAmt: MATCH(/^#-?\d{1,2}\.\d{2}$/) },
    TotInvVal: AMOUNT,
  },
  RefDtls: {
    DocPerdDtls: { InvStDt: DAY, InvEndDt: DAY },
    'PrecDocDtls?': [{ InvNo: MATCH(/^[1-9A-Za-z][0-9A-Za-z/-]{0,15}$/), InvDt: DAY }],
  },
};

function schemaFaults(value: unknown, check: Check, path = ''): string[] {
  if (typeof check === 'function') return typeof value === 'string' && check(value) ? [] : [`${path} ${String(value)}`];
  if (Array.isArray(check)) {
    if (!Array.isArray(value) || value.length === 0) return [`${path} is no list`];
    return value.flatMap((each, index) => schemaFaults(each, check[0], `${path}/${index}`));
  }
  if (typeof value !== 'object' || value === null) return [`${path} is no object`];
  const given = value as Record<string, unknown>;
  const known = new Set(Object.keys(check).map((name) => name.replace('?', '')));
  return [
    ...Object.keys(given).flatMap((name) => (known.has(name) ? [] : [`${path}/${name} is not known`])),
    ...Object.entries(check).flatMap(([name, of]) => {
      const member = name.replace('?', '');
      if (given[member] === undefined) return name.endsWith('?') ? [] : [`${path}/${member} is missing`];
      return schemaFaults(given[member], of, `${path}/${member}`);
    }),
  ];
}

const paise = (written: string) => BigInt(written.replace(/[#.]/g, ''));
const total = (written: readonly string[]) => written.reduce((sum, each) => sum + paise(each), 0n);

/** What of the sums in a file is not what its items come to, to the paisa. */
function arithmeticFaults({ ItemList: items, ValDtls }: Written): string[] {
  const column = (name: string) => items.map((item) => item[name] ?? '#0.00');
  const same = (what: string, a: bigint, b: bigint) => (a === b ? [] : [`${what}: ${a} and ${b}`]);
  return [
    ...items.flatMap((item) => [
      ...same('AssAmt', paise(item.AssAmt ?? ''), paise(item.TotAmt ?? '') - paise(item.Discount ?? '#0')),
      ...same(
        'TotItemVal',
        paise(item.TotItemVal ?? ''),
        total([item.AssAmt, item.IgstAmt, item.CgstAmt, item.SgstAmt].map((each) => each ?? '')),
      ),
    ]),
    ...same('AssVal', paise(ValDtls.AssVal ?? ''), total(column('AssAmt'))),
    ...same('CgstVal', paise(ValDtls.CgstVal ?? ''), total(column('CgstAmt'))),
    ...same('SgstVal', paise(ValDtls.SgstVal ?? ''), total(column('SgstAmt'))),
    ...same('IgstVal', paise(ValDtls.IgstVal ?? ''), total(column('IgstAmt'))),
    ...same('TotInvVal', paise(ValDtls.TotInvVal ?? ''), total(column('TotItemVal')) + paise(ValDtls.RndOffAmt ?? '')),
  ];
}

describe('INV-01', () => {
  // 12,345.67 + 0.04 = 12,345.71: 9 % is 1,111.1139, 18 % is 2,222.2278. 14,567.93 and 14,567.94 in whole rupees are 14,568.
  it.each<[string, Case, string, Record<string, string>]>([
    [
      'the same state',
      { buyer: 'same' },
      'B2B',
      { Cgst: '1111.11', Sgst: '1111.11', Igst: '0.00', Rnd: '0.07', Tot: '14568.00' },
    ],
    [
      'another state',
      { buyer: 'other' },
      'B2B',
      { Cgst: '0.00', Sgst: '0.00', Igst: '2222.23', Rnd: '0.06', Tot: '14568.00' },
    ],
    [
      'a zone with payment',
      { buyer: 'same', gst: { sez: true } },
      'SEZWP',
      { Cgst: '0.00', Sgst: '0.00', Igst: '2222.23', Rnd: '0.06', Tot: '14568.00' },
    ],
    [
      'a zone without payment',
      { buyer: 'same', gst: { sez: true, with_payment: false } },
      'SEZWOP',
      { Cgst: '0.00', Sgst: '0.00', Igst: '0.00', Rnd: '0.29', Tot: '12346.00' },
    ],
    [
      'an export with payment',
      { buyer: 'abroad' },
      'EXPWP',
      { Cgst: '0.00', Sgst: '0.00', Igst: '2222.23', Rnd: '0.06', Tot: '14568.00' },
    ],
    [
      'an export without payment',
      { buyer: 'abroad', gst: { with_payment: false } },
      'EXPWOP',
      { Cgst: '0.00', Sgst: '0.00', Igst: '0.00', Rnd: '0.29', Tot: '12346.00' },
    ],
  ])('of %s: types and totals worked by hand, within the schema', async (_, of, type, totals) => {
    const file = read(textOf(await documentTo(of)));
    expect(schemaFaults(file, SCHEMA)).toEqual([]);
    expect(arithmeticFaults(file)).toEqual([]);
    expect(file.TranDtls).toEqual({ TaxSch: 'GST', SupTyp: type, RegRev: 'N' });
    expect(file.ValDtls).toEqual({
      ...{ AssVal: '#12345.71', CgstVal: `#${totals.Cgst}`, SgstVal: `#${totals.Sgst}`, IgstVal: `#${totals.Igst}` },
      ...{ RndOffAmt: `#${totals.Rnd}`, TotInvVal: `#${totals.Tot}` },
    });
    const isAbroad = of.buyer === 'abroad';
    expect([file.BuyerDtls.Gstin, file.BuyerDtls.Pos, file.BuyerDtls.Stcd, file.BuyerDtls.Pin]).toEqual(
      isAbroad
        ? ['URP', '96', '96', '#999999']
        : [
            BUYERS[of.buyer].tax_id,
            ...Array.from({ length: 2 }, () => BUYERS[of.buyer].tax_id?.slice(0, 2)),
            `#${BUYERS[of.buyer].address.postal_code}`,
          ],
    );
    expect([file.SellerDtls.Pin, file.SellerDtls.Stcd]).toEqual(['#400021', '27']);
  });

  it('says items with their taxes; what was rounded once comes to the document', async () => {
    const { ItemList } = read(textOf(await documentTo({ buyer: 'same' })));
    const items = ItemList;
    expect(
      items.map(({ AssAmt, GstRt, CgstAmt, SgstAmt, TotItemVal }) => [AssAmt, GstRt, CgstAmt, SgstAmt, TotItemVal]),
    ).toEqual([
      ['#12345.67', '#18', '#1111.11', '#1111.11', '#14567.89'],
      // 9 % of 0.04 is 0.0036: nothing, as the rounded tax of both is that of the first.
      ['#0.04', '#18', '#0.00', '#0.00', '#0.04'],
    ]);
    expect(items.map(({ HsnCd, IsServc }) => [HsnCd, IsServc])).toEqual([
      ['998422', 'Y'],
      ['998422', 'Y'],
    ]);
  });

  it('turns a credit note, and names what it is about', async () => {
    const original = await documentTo({ buyer: 'same' }, 'none');
    const note = corrected(original, 'nothing');
    const file = read(textOf(note as IssuedInvoice));
    expect(schemaFaults(file, SCHEMA)).toEqual([]);
    expect(arithmeticFaults(file)).toEqual([]);
    expect(file.DocDtls.Typ).toBe('CRN');
    expect(file.ValDtls).toMatchObject({
      AssVal: '#12345.71',
      CgstVal: '#1111.11',
      RndOffAmt: '#0.00',
      TotInvVal: '#14567.93',
    });
    expect(file.RefDtls.PrecDocDtls).toEqual([
      { InvNo: original.number, InvDt: original.issue_date.split('-').reverse().join('/') },
    ]);
  });

  it('spreads a discount over the items of its rate', async () => {
    const document = await documentTo({ buyer: 'other' }, 'none');
    const [first] = document.lines;
    if (first === undefined) throw new Error('no line');
    const lines = [
      { ...first, position: 1, amount: '100.00' },
      { ...first, position: 2, amount: '200.00' },
      { ...first, position: 3, kind: 'discount' as const, amount: '-10.00' },
    ];
    // 290.00 at 18 % is 52.20. A third of 10.00 is 3.33, and the remainder goes to the larger share: 3.33 and 6.67.
    const taxes: AccountTax[] = [{ name: 'IGST', category: 'S', rate: '18' }];
    const totals = totalsOf(lines, taxes, { currency: 'INR', rounding: 'half_up', payableRounding: 'none' });
    const file = read(textOf({ ...document, lines, ...totals }));
    expect(schemaFaults(file, SCHEMA)).toEqual([]);
    expect(arithmeticFaults(file)).toEqual([]);
    const items = file.ItemList;
    expect(items.map(({ TotAmt, Discount, AssAmt, IgstAmt }) => [TotAmt, Discount, AssAmt, IgstAmt])).toEqual([
      // 52.20 × 96.67 ÷ 290 = 17.4006, 52.20 × 193.33 ÷ 290 = 34.7994
      ['#100.00', '#3.33', '#96.67', '#17.40'],
      ['#200.00', '#6.67', '#193.33', '#34.80'],
    ]);
    expect(file.ValDtls.TotInvVal).toBe('#342.20');
  });

  it('keeps two rates apart', async () => {
    const document = await documentTo({ buyer: 'same' }, 'none');
    const [first] = document.lines;
    if (first === undefined) throw new Error('no line');
    const lines = [
      { ...first, position: 1, amount: '100.00', tax: 'GST 18' },
      { ...first, position: 2, amount: '200.00', tax: 'GST 5' },
    ];
    const taxes: AccountTax[] = [
      ...['CGST', 'SGST'].map((name) => ({
        name: `${name} 9`,
        category: 'S' as const,
        rate: '9',
        component_of: 'GST 18',
      })),
      ...['CGST', 'SGST'].map((name) => ({
        name: `${name} 2.5`,
        category: 'S' as const,
        rate: '2.5',
        component_of: 'GST 5',
      })),
    ];
    const totals = totalsOf(lines, taxes, { currency: 'INR', rounding: 'half_up', payableRounding: 'none' });
    const file = read(textOf({ ...document, lines, ...totals }));
    expect(arithmeticFaults(file)).toEqual([]);
    const items = file.ItemList;
    expect(items.map(({ GstRt, CgstAmt, SgstAmt }) => [GstRt, CgstAmt, SgstAmt])).toEqual([
      ['#18', '#9.00', '#9.00'],
      ['#5', '#5.00', '#5.00'],
    ]);
  });

  it('names every member that is missing', async () => {
    const document = await documentTo({ buyer: 'same' });
    expect(missingFor('inv01', document)).toEqual([]);
    const gst = { place_of_supply: '27', supply: 'intra_state', with_payment: true } as const;
    const poor = {
      ...document,
      gst,
      supplier: { ...SUPPLIER, name: 'Q"', address: { ...SUPPLIER.address, postal_code: '0123' } },
      customer: { ...document.customer, tax_id: null, address: null },
    };
    const members = ['/seller/name', '/seller/address/postal_code', '/tax_id', '/address', '/seller/gst/sac'];
    expect(missingFor('inv01', poor)).toEqual(members);
    expect(renderEInvoice('inv01', poor)).toMatchObject({ code: 'e_invoice_incomplete', members });
    const person = await documentTo({ buyer: 'person' });
    expect(missingFor('inv01', person)).toEqual(['/tax_id']);
  });

  it('is refused where it would not be exact', async () => {
    const document = await documentTo({ buyer: 'other' }, 'none');
    expect(renderEInvoice('inv01', { ...document, currency: 'USD' })).toMatchObject({
      code: 'currency_not_in_e_invoices',
    });
    const cess = [
      { name: 'Cess', category: 'S' as const, rate: '1', base: '12345.71', amount: '123.46', exemption_reason: null },
    ];
    expect(renderEInvoice('inv01', { ...document, taxes: cess })).toMatchObject({ code: 'tax_not_in_inv01' });
    expect(renderEInvoice('inv01', { ...document, payable: '1.00' })).toMatchObject({ code: 'amounts_not_exact' });
  });
});

describe('the invoice reference number', () => {
  // Answers of the portal.
  it.each([
    ['SINV-CFY-00067', '706daeccda0ef6f818da78f3a2a05a1288731057373002289b46c3229289a2e7'],
    ['g2qxhY', '68fb4fab44aee99fb23292478c4bd838e664837c9f1b04e3d9134ffed0b40b60'],
  ])('of %s is that of the portal: of the number as it is written', (number, irn) => {
    const of = { gstin: '01AMBPG7773M002', financialYear: '2022-23', type: 'INV' as const, number };
    expect(sha256(irnText(of))).toBe(irn);
    // Another case is another number; what this service writes is in capitals.
    const other = number === number.toUpperCase() ? number.toLowerCase() : number.toUpperCase();
    expect(sha256(irnText({ ...of, number: other }))).not.toBe(irn);
  });

  it.each([
    ['2026-03-31', '2025-26'],
    ['2026-04-01', '2026-27'],
    ['2099-12-31', '2099-00'],
  ])('of %s has the financial year %s', (date, year) => {
    expect(financialYear(date)).toBe(year);
  });

  it('of a document is made of its own members', async () => {
    const document = await documentTo({ buyer: 'same' });
    const year = document.issue_date >= '2026-04-01' ? '2026-27' : '2025-26';
    expect(irnTextOf({ ...document, number: 'AB/26-27/000001' })).toBe(`27AAPFU0939F1ZV${year}INVAB/26-27/000001`);
    expect(irnTextOf({ ...document, kind: 'credit_note', number: 'CN/1' })).toBe(`27AAPFU0939F1ZV${year}CRNCN/1`);
  });
});
