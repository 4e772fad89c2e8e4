import { addDays } from '#calendar';
import {
  type ElectronicAddress,
  type InvoiceLine,
  type Party,
  shownValue,
  type TaxCategory,
  withoutSubscriberNumber,
} from '#invoicing';
import { Decimal, decimal, formatAmount, minorUnits, minus, sum } from '#money';
import { explain } from '#rating';
import { titleOf, noteIn, type Wording, wordingIn } from '#wording';
import type { ElectronicDocument } from '../document.js';
import type { Format } from '../format.js';
import { isBlank } from '../requirements.js';
import { vatIdOf } from '../vat-id.js';
import { linePrice } from './line-price.js';
import type {
  AllowanceOrCharge,
  Days,
  LineTax,
  Payment,
  SemanticInvoice,
  SemanticLine,
  SemanticParty,
  TaxBreakdown,
} from './semantic-invoice.js';
import type { MergedGroup } from './taxes-of-lines.js';

/**
 * An issued document in the terms of EN 16931. A credit note's amounts, negative on the document, are turned. A discount is an
 * allowance of the document (BG-20), one that a refund takes back a charge (BG-21), unless there is nothing else on it.
 *
 * @param lineTaxes of each line of the document, in order
 */
export function semanticInvoice(
  document: ElectronicDocument,
  format: Format,
  groups: readonly MergedGroup[],
  lineTaxes: readonly LineTax[],
): SemanticInvoice {
  const { supplier, customer, currency, kind } = document;
  const words = wordingIn(document.language);
  const sign = kind === 'credit_note' ? -1 : 1;
  const turned = (amount: Decimal) => formatAmount(sign === -1 ? amount.negated() : amount, currency);
  const taxed = document.lines.map((line, index) => ({ line, tax: taxOf(lineTaxes[index]) }));
  const isAllLines = document.lines.every(({ kind: of }) => of === 'discount');
  const isLine = ({ line }: { line: InvoiceLine }) => isAllLines || line.kind !== 'discount';
  const discounts = taxed
    .filter((each) => !isLine(each))
    .map(({ line, tax }) => discountOf(line, tax, sign, currency, words));
  const charges = discounts.filter(({ isCharge }) => isCharge);
  const allowances = discounts.filter(({ isCharge }) => !isCharge);
  const lines = taxed.filter(isLine);
  const totalOf = (parts: readonly AllowanceOrCharge[]) => sum(parts.map(({ amount }) => decimal(amount)));
  const isOutsideScope = groups.some(({ category }) => category === 'O');

  return {
    isCreditNote: kind === 'credit_note',
    customization: format.customization,
    process: format.process,
    number: document.number,
    issueDate: document.issue_date,
    typeCode: format.typeCodes[kind],
    currency,
    dueDate: kind === 'credit_note' ? null : document.due_date,
    paymentTerms: kind === 'credit_note' ? words.nothingToPay.credit_note : null,
    note: notesOf(document, words),
    buyerReference: given(customer.e_invoice?.buyer_reference),
    orderReference: given(customer.e_invoice?.order_reference),
    contractReference: given(customer.e_invoice?.contract_reference),
    precedingNumber: (document.corrects ?? document.replaces)?.number ?? null,
    period: coveredBy(document),
    seller: {
      ...partyOf(supplier, supplier.e_invoice?.endpoint, format, isOutsideScope),
      taxNumber: isOutsideScope || vatIdOf(supplier) === null ? given(supplier.tax_id) : null,
      contact: {
        name: given(supplier.contact?.name),
        phone: given(supplier.contact?.phone),
        email: given(supplier.contact?.email) ?? given(supplier.email),
      },
    },
    buyer: partyOf(customer, customer.e_invoice?.endpoint, format, isOutsideScope),
    // BR-IC-12: where an intra-Community supply goes decides that it is one.
    deliverTo: format.alwaysSaysWhereTo || groups.some(({ category }) => category === 'K') ? customer.address : null,
    payment: paymentOf(document, format),
    allowances,
    charges,
    taxes: groups.map((group) => breakdownOf(group, supplier.address?.country ?? '', turned, words)),
    totals: {
      lines: turned(sum(lines.map(({ line }) => decimal(line.amount)))),
      allowances: formatAmount(totalOf(allowances), currency),
      charges: formatAmount(totalOf(charges), currency),
      net: turned(decimal(document.net)),
      tax: turned(decimal(document.tax)),
      gross: turned(decimal(document.gross)),
      rounding: turned(decimal(document.rounding)),
      payable: turned(decimal(document.payable)),
    },
    lines: lines.map(({ line, tax }) => lineOf(line, tax, sign, currency, supplier.address?.country ?? '', words)),
  };
}

function taxOf(tax: LineTax | undefined): LineTax {
  if (tax === undefined) throw new RangeError('a line of the document has no tax');
  return tax;
}

function given(text: string | null | undefined): string | null {
  return isBlank(text) ? null : (text ?? null);
}

/** The days that the document bills: its period, and before or after it what fees in advance and refunds are for (BR-CO-19). */
function coveredBy({ period, lines }: ElectronicDocument): Days {
  let [first, end] = [period.start_date, period.end_date];
  for (const { segment } of lines) {
    if (segment.start_date < first) first = segment.start_date;
    if (segment.end_date > end) end = segment.end_date;
  }
  return daysOf(first, end);
}

function daysOf(start: string, end: string): Days {
  const last = addDays(end, -1);
  return { first: start, last: last < start ? start : last };
}

function partyOf(
  party: Party,
  endpoint: ElectronicAddress | null | undefined,
  { emailIsAnAddress }: Format,
  isOutsideScope: boolean,
): SemanticParty {
  const email = given(party.email);
  return {
    reference: party.reference,
    name: party.name,
    address: party.address,
    registration: party.registration ?? null,
    // BR-O-02: outside the scope of VAT no party has a VAT identifier.
    vatId: isOutsideScope ? null : vatIdOf(party),
    taxNumber: null,
    endpoint: endpoint ?? (emailIsAnAddress && email !== null ? { scheme: 'EM', id: email } : null),
    contact: null,
  };
}

/** UNCL 4461: 58 is a SEPA credit transfer, 30 any other; 1 names no means, as on a credit note that must name one. */
function paymentOf(document: ElectronicDocument, format: Format): Payment | null {
  const { supplier, currency, kind, number } = document;
  const { bank } = supplier;
  const iban = given(bank?.iban)?.replace(/\s+/g, '') ?? null;
  const id = iban ?? given(bank?.account_number);
  if (kind !== 'credit_note' && id !== null) {
    const holder = given(bank?.account_holder) ?? supplier.name;
    const account = { id, isIban: iban !== null, holder, bic: given(bank?.bic) };
    return { meansCode: currency === 'EUR' && iban !== null ? '58' : '30', reference: number, account };
  }
  return format.settlementIsRequired(document) ? { meansCode: '1', reference: number, account: null } : null;
}

/** UNCL 5189: 95 is a discount. */
function discountOf(
  line: InvoiceLine,
  tax: LineTax,
  sign: 1 | -1,
  currency: string,
  words: Wording,
): AllowanceOrCharge & { isCharge: boolean } {
  const amount = sign === -1 ? decimal(line.amount).negated() : decimal(line.amount);
  const isCharge = amount.greaterThan(0);
  return {
    isCharge,
    amount: formatAmount(amount.abs(), currency),
    reason: titleOf(line, words),
    reasonCode: isCharge ? null : '95',
    tax,
  };
}

/** What must be said where no tax is charged, unless the account says more (directive 2006/112 art. 226 (11), (11a)). */
const REASONS: Readonly<Partial<Record<TaxCategory, { textIn: (words: Wording) => string; code: string }>>> = {
  AE: { textIn: ({ note }) => note.reverse_charge, code: 'VATEX-EU-AE' },
  K: { textIn: ({ note }) => note.intra_community_supply, code: 'VATEX-EU-IC' },
  G: { textIn: ({ note }) => note.export_supply, code: 'VATEX-EU-G' },
  O: { textIn: ({ notSubjectToTax }) => notSubjectToTax, code: 'VATEX-EU-O' },
};

/** Whose exemptions have codes of the directive. */
const EU: ReadonlySet<string> = new Set(
  'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' '),
);

function breakdownOf(
  { category, rate, base, amount, reasons }: MergedGroup,
  sellerCountry: string,
  turned: (amount: Decimal) => string,
  words: Wording,
): TaxBreakdown {
  const exempt = category !== 'S' && category !== 'Z';
  const reason = REASONS[category];
  return {
    category,
    rate,
    base: turned(base),
    amount: turned(amount),
    reason: exempt ? (reasons.length > 0 ? reasons.join('; ') : (reason?.textIn(words) ?? null)) : null,
    reasonCode: exempt && EU.has(sellerCountry) ? (reason?.code ?? null) : null,
  };
}

function lineOf(
  line: InvoiceLine,
  tax: LineTax,
  sign: 1 | -1,
  currency: string,
  sellerCountry: string,
  words: Wording,
): SemanticLine {
  const amount = sign === -1 ? minus(new Decimal(0), decimal(line.amount)) : decimal(line.amount);
  const price = linePrice(line, amount, sign, minorUnits(currency));
  const hidden = (text: string) => withoutSubscriberNumber(text, line.entity);
  const saysQuantity = decimal(price.quantity).abs().equals(decimal(line.quantity).abs()) && price.unitCode !== 'C62';
  return {
    id: `${line.position}`,
    note: hidden([...tellCorrection(line, words), ...explain(line, words)].join('; ')),
    price,
    net: formatAmount(amount, currency),
    period: daysOf(line.segment.start_date, line.segment.end_date),
    tax,
    name: hidden(titleOf(line, words)),
    description: entityOf(line, words),
    code: line.charge,
    attributes: [
      ...(line.kind === 'usage' && !saysQuantity && /[1-9]/.test(line.quantity)
        ? [{ name: words.quantity, value: `${line.quantity} ${line.unit}` }]
        : []),
      ...(isBlank(line.commodity_code)
        ? []
        : [{ name: sellerCountry === 'IN' ? 'HSN/SAC' : words.commodityCode, value: line.commodity_code ?? '' }]),
    ],
  };
}

function tellCorrection({ correction, credit }: InvoiceLine, words: Wording): string[] {
  if (credit !== undefined) return [words.nowAndBefore(credit.left, credit.billed)];
  return correction === undefined ? [] : [words.nowAndBefore(correction.rerated, correction.billed)];
}

/** Notes of the document; on a credit note by hand its reason and both amounts before them. */
function notesOf({ credit, currency, notes }: ElectronicDocument, words: Wording): string | null {
  const noted = notes.map((note) => noteIn(note, words));
  const told =
    credit === undefined
      ? noted
      : [
          words.reason(credit.reason),
          words.billedAndNow(`${currency} ${credit.billed}`, `${currency} ${credit.left}`),
          ...noted,
        ];
  return told.length === 0 ? null : told.join('\n');
}

/** What the line is about, the number of a subscriber but for its last digits hidden. */
function entityOf({ entity }: InvoiceLine, words: Wording): string | null {
  if (entity === null || entity.dimension === 'account') return null;
  const value = shownValue(entity);
  const name = given(entity.name && withoutSubscriberNumber(entity.name, entity));
  const { dimension } = entity;
  const label = dimension === 'customer_site_id' ? words.site(value) : `${words.things[dimension]} ${value}`;
  return name === null || name === value ? label : `${label}${words.comma}${name}`;
}
