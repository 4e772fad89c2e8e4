import { addDays } from '#calendar';
import { type Address, type InvoiceContent, stateOfGstin, stateOfRegion } from '#invoicing';
import { Decimal, decimal, sum } from '#money';
import type { ElectronicContent, ElectronicDocument } from '../../document.js';
import { isRefusal, type Refusal, refused } from '../../refusal.js';
import { present } from '../../requirements.js';
import { DOCUMENT_TYPES } from './irn.js';
import { COLUMNS, type Column, type Item, itemsOf } from './items.js';
import { type Json, type JsonNumber, jsonText, plainNumber, rupees } from './json.js';

/** INV-01 1.1, the JSON that e-invoice portals of India register: `write` gives the payload of one document. */
export const inv01 = { kind: 'inv01', mediaType: 'application/json', layoutVersion: 1, missing, write } as const;

/** The currency that all amounts are in. */
const RUPEE = 'INR';
/** Of a buyer abroad: unregistered person, other country, and a postal code that there is not. */
const ABROAD = { gstin: 'URP', code: '96', pin: '999999' } as const;

type Content = Pick<ElectronicContent, 'supplier' | 'customer' | 'lines' | 'gst'>;

/** Members that INV-01 asks for and that are not given, or not as it takes them; each by its REST path. */
function missing({ supplier, customer, lines, gst }: Content): string[] {
  const isAbroad = gst?.supply === 'export';
  return present([
    gst === undefined && '/seller/tax_id',
    !isText(supplier.name, 3, 100) && '/seller/name',
    ...missingOfAddress('/seller/address', supplier.address, 50),
    supplier.address !== null && !isPin(supplier.address.postal_code) && '/seller/address/postal_code',
    !isText(customer.name, 3, 100) && '/name',
    !isAbroad && stateOfGstin(customer.tax_id) === undefined && '/tax_id',
    ...missingOfAddress('/address', customer.address, 100),
    !isAbroad && customer.address !== null && !isPin(customer.address.postal_code) && '/address/postal_code',
    lines.some((line) => !CODE.test(codeOf(line, gst))) && '/seller/gst/sac',
  ]);
}

function missingOfAddress(path: string, address: Address | null, longestCity: number): (string | false)[] {
  if (address === null) return [path];
  const { line1, line2, city } = address;
  return [
    !isText(line1, 1, 100) && `${path}/line1`,
    line2 !== null && !isText(line2, 0, 100) && `${path}/line2`,
    !isText(city, 3, longestCity) && `${path}/city`,
  ];
}

/** HSN or SAC: 4, 6 or 8 digits. */
const CODE = /^(?!0+$)(?:\d{4}|\d{6}|\d{8})$/;

/** A line's own code, else that of what the seller sells. */
function codeOf(line: { readonly commodity_code: string | null }, gst: InvoiceContent['gst']): string {
  return line.commodity_code ?? gst?.sac ?? '';
}

/** No text of INV-01 holds a quotation mark or a backslash. */
function isText(text: string, shortest: number, longest: number): boolean {
  const length = [...text.trim()].length;
  return length >= shortest && length <= longest && !/["\\]/.test(text);
}

const digitsOf = (postalCode: string) => postalCode.replace(/\s+/g, '');

function isPin(postalCode: string): boolean {
  return /^[1-9]\d{5}$/.test(digitsOf(postalCode));
}

/** The payload of an issued document, or why there is none. */
function write(document: ElectronicDocument): string | Refusal {
  const { gst, supplier, currency, kind } = document;
  if (currency !== RUPEE) {
    const message = `INV-01 is in ${RUPEE}, and documents hold no exchange rate; the PDF in ${currency} is the invoice`;
    return refused('currency_not_in_e_invoices', message);
  }
  const lacking = missing(document);
  if (lacking.length > 0 || gst === undefined || supplier.address === null) {
    return refused('e_invoice_incomplete', `the format inv01 requires ${lacking.join(', ')}`, lacking);
  }
  const items = itemsOf(document);
  if (isRefusal(items)) return items;
  const totals = totalsOf(document, items);
  if (isRefusal(totals)) return totals;
  const { preceding } = gst;
  return jsonText({
    Version: '1.1',
    TranDtls: { TaxSch: 'GST', SupTyp: supplyType(gst), RegRev: 'N' },
    DocDtls: { Typ: DOCUMENT_TYPES[kind], No: document.number, Dt: dayOf(document.issue_date) },
    SellerDtls: {
      Gstin: supplier.tax_id ?? '',
      LglNm: supplier.name.trim(),
      ...addressOf(supplier.address),
      Pin: plainNumber(digitsOf(supplier.address.postal_code)),
      Stcd: stateOfGstin(supplier.tax_id),
    },
    BuyerDtls: buyerOf(document),
    ItemList: items.map((item, at) => itemOf(item, at + 1, gst)),
    ValDtls: totals,
    RefDtls: {
      DocPerdDtls: periodOf(document),
      ...(preceding && {
        PrecDocDtls: [{ InvNo: preceding.number, InvDt: dayOf(preceding.issue_date) }],
      }),
    },
  });
}

function supplyType({ supply, with_payment: withPayment }: NonNullable<InvoiceContent['gst']>): string {
  if (supply === 'sez') return withPayment ? 'SEZWP' : 'SEZWOP';
  if (supply === 'export') return withPayment ? 'EXPWP' : 'EXPWOP';
  return 'B2B';
}

/** `31/10/2026`. */
function dayOf(date: string): string {
  return date.split('-').reverse().join('/');
}

/** The first and the last day of what is billed. */
function periodOf({ period, lines }: ElectronicDocument): Json {
  const last = lines.reduce((end, { segment }) => (segment.end_date > end ? segment.end_date : end), period.end_date);
  const first = lines.reduce(
    (start, { segment }) => (segment.start_date < start ? segment.start_date : start),
    period.start_date,
  );
  return { InvStDt: dayOf(first), InvEndDt: dayOf(addDays(last, -1)) };
}

function addressOf({ line1, line2, city }: Address): Record<string, Json | undefined> {
  const second = (line2 ?? '').trim();
  // A second line shorter than three characters is none to the portal.
  return { Addr1: line1.trim(), Addr2: second.length < 3 ? undefined : second, Loc: city.trim() };
}

function buyerOf({ customer: { name, tax_id: gstin, address }, gst }: ElectronicDocument): Json {
  const isAbroad = gst?.supply === 'export';
  return {
    Gstin: isAbroad ? ABROAD.gstin : (gstin ?? ''),
    LglNm: name.trim(),
    Pos: gst?.place_of_supply,
    ...(address && addressOf(address)),
    Pin: plainNumber(isAbroad ? ABROAD.pin : digitsOf(address?.postal_code ?? '')),
    Stcd: isAbroad ? ABROAD.code : (stateOfGstin(gstin) ?? stateOfRegion(address?.region)),
  };
}

/** Characters that a description has at most. */
const LONGEST_DESCRIPTION = 300;

function itemOf(item: Item, position: number, gst: InvoiceContent['gst']): Json {
  const { line, total, discount, taxable, rate, taxes } = item;
  const code = codeOf(line, gst);
  return {
    SlNo: String(position),
    PrdDesc: describe(line.description),
    IsServc: code.startsWith('99') ? 'Y' : 'N',
    HsnCd: code,
    // What is billed by usage has prices of any number of decimals, tiers and allowances: the whole of it is one unit here.
    Qty: plainNumber('1'),
    Unit: 'OTH',
    UnitPrice: rupees(total),
    TotAmt: rupees(total),
    Discount: discount.isZero() ? undefined : rupees(discount),
    AssAmt: rupees(taxable),
    GstRt: plainNumber(rate.toFixed()),
    IgstAmt: rupees(taxes.Igst),
    CgstAmt: rupees(taxes.Cgst),
    SgstAmt: rupees(taxes.Sgst),
    TotItemVal: rupees(sum([taxable, ...COLUMNS.map((column) => taxes[column])])),
  };
}

/** A description without the two characters that INV-01 does not take, cut visibly where it is too long. */
function describe(description: string): string {
  const plain = description.replaceAll('"', "'").replaceAll('\\', '/').padEnd(3, '.');
  const letters = [...plain];
  return letters.length <= LONGEST_DESCRIPTION ? plain : `${letters.slice(0, LONGEST_DESCRIPTION - 1).join('')}…`;
}

type Totals = Readonly<Record<string, JsonNumber>>;

/** What the items come to, which must be what the document comes to, to the paisa. */
function totalsOf(document: ElectronicDocument, items: readonly Item[]): Totals | Refusal {
  const isCredit = document.kind === 'credit_note';
  const of = (member: 'net' | 'tax' | 'rounding' | 'payable') => {
    const amount = decimal(document[member]);
    return isCredit ? amount.negated() : amount;
  };
  const taxable = sum(items.map((item) => item.taxable));
  const taxes = (column: Column) => sum(items.map((item) => item.taxes[column]));
  const tax = sum(COLUMNS.map(taxes));
  const payable = sum([taxable, tax, of('rounding')]);
  const isExact = taxable.equals(of('net')) && tax.equals(of('tax')) && payable.equals(of('payable'));
  if (!isExact || payable.lessThan(new Decimal(0))) {
    return refused(
      'amounts_not_exact',
      `the items of INV-01 come to ${payable.toFixed()}, the document to ${of('payable').toFixed()}`,
    );
  }
  return {
    AssVal: rupees(taxable),
    CgstVal: rupees(taxes('Cgst')),
    SgstVal: rupees(taxes('Sgst')),
    IgstVal: rupees(taxes('Igst')),
    RndOffAmt: rupees(of('rounding')),
    TotInvVal: rupees(payable),
  };
}
