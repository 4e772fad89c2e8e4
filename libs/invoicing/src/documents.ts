import { addDays, type BillingPeriod, type EpochSeconds, type Interval, localDateAt, toStamp } from '#calendar';
import { decimal, plus, sum } from '#money';
import type { RatedLine } from '#rating';
import type { GstTerms } from './gst.js';
import type {
  Address,
  Contact,
  Customer,
  CustomerEInvoice,
  DocumentNote,
  DraftInvoice,
  ElectronicAddress,
  GstSupply,
  InvoiceContent,
  IssuedInvoice,
  Party,
  Registration,
  Supplier,
  TaxCategory,
  TaxGroup,
  Totals,
} from './invoice.js';
import { type Language, languageFor } from './language.js';
import { type BankAccount, frozenBank } from './bank-account.js';
import { type Branding, frozenBranding } from './branding.js';
import { isDocumentNumber } from './document-number.js';
import { InvoicingError } from './invoicing-error.js';

/** The first document of an account's period; every later one corrects it, or replaces it once it was taken back. */
const FIRST_REVISION = 1;

/** Who issues, as far as a document shows it. */
export interface IssuingSeller {
  readonly code: string;
  readonly name: string;
  readonly address: Address | null;
  readonly taxId: string | null;
  readonly email: string | null;
  readonly bank: BankAccount | null;
  readonly paymentTermsDays: number;
  readonly contact?: Contact | null | undefined;
  readonly registration?: Registration | null | undefined;
  readonly eInvoice?: { readonly endpoint: ElectronicAddress | null } | null | undefined;
  readonly language?: Language | null | undefined;
  readonly branding?: Branding | null | undefined;
}

/** Who pays, as far as a document shows it. */
export interface InvoicedAccount {
  readonly id: string;
  readonly externalId: string;
  readonly name: string;
  readonly address: Address | null;
  readonly taxId: string | null;
  readonly email: string | null;
  readonly currency: string;
  readonly paymentTermsDays: number | null;
  readonly registration?: Registration | null | undefined;
  readonly eInvoice?: CustomerEInvoice | null | undefined;
  /** Null: the seller's. */
  readonly language?: Language | null | undefined;
  readonly gst?: GstTerms | null | undefined;
}

export interface DraftInput {
  readonly seller: IssuingSeller;
  readonly account: InvoicedAccount;
  readonly period: BillingPeriod;
  /** The instants whose buckets were measured, where an edge of the period cuts a bucket; else null. */
  readonly measured: Interval | null;
  readonly lines: readonly RatedLine[];
  readonly totals: Totals;
  readonly revision: number;
  readonly dialectSha256: string | null;
  readonly layoutVersion: number;
  /** Where the supply takes place in India. */
  readonly gst?: GstSupply | undefined;
  /** Sentences that an operator adds to those that lines and taxes call for. */
  readonly notes?: readonly string[] | undefined;
}

/**
 * Freezes rated lines and both parties onto a draft. A total below zero makes it a credit note for the whole; amounts
 * keep their signs, so that the sum over all documents of a period is what the customer owes for it.
 */
export function draftInvoice(input: DraftInput): Omit<DraftInvoice, 'inputs_hash'> {
  const { seller, account, period, measured, totals } = input;
  const draft: Omit<DraftInvoice, 'inputs_hash'> = {
    status: 'draft',
    kind: decimal(totals.gross).lessThan(0) ? 'credit_note' : 'invoice',
    language: languageFor(seller, account),
    seller: seller.code,
    account: account.id,
    ...partiesOf(seller, account),
    period: {
      label: period.label,
      start: toStamp(period.start),
      end: toStamp(period.end),
      start_date: period.startDate,
      end_date: period.endDate,
      time_zone: period.timeZone,
      measured: measured && { start: toStamp(measured.start), end: toStamp(measured.end) },
    },
    currency: account.currency,
    lines: input.lines.map((line, index) => ({ position: index + 1, ...line })),
    ...totals,
    revision: input.revision,
    payment_terms_days: account.paymentTermsDays ?? seller.paymentTermsDays,
    ...(input.gst && { gst: input.gst }),
    notes: [...notesOn(input.lines, totals.taxes), ...(input.notes ?? [])],
    dialect_sha256: input.dialectSha256,
    layout_version: input.layoutVersion,
  };
  assertConserved(draft);
  return draft;
}

/** Both parties as a document freezes them. What is not known is left out, as on documents that were issued before it could be. */
export function partiesOf(
  seller: IssuingSeller,
  account: InvoicedAccount,
): { readonly supplier: Supplier; readonly customer: Customer } {
  const branding = frozenBranding(seller.branding);
  return {
    supplier: {
      reference: seller.code,
      name: seller.name,
      address: seller.address,
      tax_id: seller.taxId,
      email: seller.email,
      bank: seller.bank && frozenBank(seller.bank),
      ...(seller.contact && { contact: seller.contact }),
      ...(seller.registration && { registration: seller.registration }),
      ...(seller.eInvoice && { e_invoice: { endpoint: seller.eInvoice.endpoint } }),
      ...(branding && { branding }),
    },
    customer: {
      reference: account.externalId,
      name: account.name,
      address: account.address,
      tax_id: account.taxId,
      email: account.email,
      ...(account.registration && { registration: account.registration }),
      ...(account.eInvoice && { e_invoice: account.eInvoice }),
    },
  };
}

/**
 * Makes a draft bill a period anew that was billed before and taken back since: it is the next revision, and says what it
 * replaces. Pure.
 *
 * @param earlier every document issued for the account and period, in the order of their revisions
 * @throws InvoicingError `original_missing` when nothing was billed, `not_taken_back` when the documents do not come to 0
 */
export function rebilled<Draft extends Omit<DraftInvoice, 'inputs_hash'>>(
  draft: Draft,
  earlier: readonly IssuedInvoice[],
): Draft {
  const replaced = originalOf(earlier);
  if (!replaced)
    throw new InvoicingError('original_missing', 'nothing was issued for the period that could be replaced');
  for (const member of ['net', 'tax', 'gross', 'payable'] as const) {
    const left = sum(earlier.map((document) => decimal(document[member])));
    if (!left.isZero()) {
      const message = `the documents of the period still come to a ${member} of ${left.toFixed()}; void ${replaced.number} first`;
      throw new InvoicingError('not_taken_back', message);
    }
  }
  return {
    ...draft,
    revision: Math.max(...earlier.map(({ revision }) => revision)) + 1,
    replaces: { id: replaced.id, number: replaced.number },
    notes: [{ code: 'replaces', number: replaced.number, date: replaced.issue_date }, ...draft.notes],
  };
}

/**
 * The document that the others of a period correct: the first, or the last one that billed the period anew.
 *
 * @param documents in the order of their revisions
 */
export function originalOf(documents: readonly IssuedInvoice[]): IssuedInvoice | undefined {
  return documents.findLast(({ corrects }) => corrects === null);
}

/**
 * Turns a draft into the document that is issued. Pure: the id, the number and the instant are handed in.
 *
 * @param of.sellerTimeZone the issue date is the seller's local date at `issuedAt`
 * @param of.corrects the document that a later revision corrects (directive 2006/112 art. 219)
 * @throws InvoicingError `not_conserved`, `malformed_number`, and `original_missing` for a later revision without one
 */
export function issueInvoice(
  draft: DraftInvoice,
  of: {
    id: string;
    number: string;
    issuedAt: EpochSeconds;
    sellerTimeZone: string;
    corrects?: { id: string; number: string } | undefined;
  },
): IssuedInvoice {
  assertConserved(draft);
  if (!isDocumentNumber(of.number)) {
    throw new InvoicingError('malformed_number', `${JSON.stringify(of.number)} is not a document number`);
  }
  if (draft.revision > FIRST_REVISION && !of.corrects && !draft.replaces) {
    throw new InvoicingError(
      'original_missing',
      `revision ${draft.revision} of a period corrects or replaces an earlier document; name it`,
    );
  }
  const issueDate = localDateAt(of.issuedAt, of.sellerTimeZone);
  return {
    ...draft,
    status: 'issued',
    id: of.id,
    number: of.number,
    issued_at: toStamp(of.issuedAt),
    issue_date: issueDate,
    due_date: addDays(issueDate, draft.payment_terms_days),
    corrects: of.corrects ?? null,
  };
}

/** The place of supply of a note, which is that of the document that it is about. */
export function gstOfNote(original: IssuedInvoice): Pick<InvoiceContent, 'gst'> {
  const { gst, number, issue_date } = original;
  return gst ? { gst: { ...gst, preceding: { number, issue_date } } } : {};
}

/** Whether there is nothing to bill: no line other than zero. */
export function isEmpty(lines: readonly Pick<RatedLine, 'amount'>[]): boolean {
  return lines.every(({ amount }) => decimal(amount).isZero());
}

/** Throws InvoicingError `not_conserved` unless Σ lines = net, Σ groups = tax, net + tax = gross, gross + rounding = payable. */
export function assertConserved(of: Totals & { readonly lines: readonly Pick<RatedLine, 'amount'>[] }): void {
  const [net, tax, gross] = [decimal(of.net), decimal(of.tax), decimal(of.gross)];
  const faults = [
    sum(of.lines.map(({ amount }) => decimal(amount))).equals(net) || 'the lines do not add up to the net',
    sum(of.taxes.map(({ amount }) => decimal(amount))).equals(tax) || 'the tax groups do not add up to the tax',
    plus(net, tax).equals(gross) || 'net and tax do not add up to the gross',
    plus(gross, decimal(of.rounding)).equals(decimal(of.payable)) || 'gross and rounding do not add up to the payable',
  ].filter((fault) => typeof fault === 'string');
  if (faults.length > 0) throw new InvoicingError('not_conserved', faults.join('; '));
}

/**
 * What a document may not be issued without, as JSON paths (EU directive 2006/112 art. 226, India CGST rule 46): who
 * supplies to whom and where, the supplier's tax number where it charges or exempts a tax, the customer's where the
 * customer owes it, the reason of an exemption, and in India the state that is the place of supply.
 */
export function missingFields(content: Pick<InvoiceContent, 'supplier' | 'customer' | 'taxes'>): string[] {
  const { supplier, customer, taxes } = content;
  const country = supplier.address?.country ?? '';
  const charged = taxes.some(({ rate }) => !decimal(rate).isZero());
  const subject = taxes.some(({ category }) => category !== 'O');
  const supplierIdentified = VAT_NUMBER_ALWAYS.has(country) ? subject : charged && country !== 'US';
  const customerOwes = taxes.some(({ category }) => category === 'AE' || category === 'K');
  const withinIndia = country === 'IN' && customer.address?.country === 'IN';
  return [
    ...missingOfParty('supplier', supplier),
    supplierIdentified && isBlank(supplier.tax_id) && 'supplier.tax_id',
    ...missingOfParty('customer', customer),
    withinIndia && isBlank(customer.address?.region) && 'customer.address.region',
    customerOwes && isBlank(customer.tax_id) && 'customer.tax_id',
    ...taxes.map(
      ({ category, exemption_reason }, position) =>
        category === 'E' && isBlank(exemption_reason) && `taxes[${position}].exemption_reason`,
    ),
  ].filter((path) => path !== false);
}

/** Where a business that is subject to the tax prints its number, also on a document that charges none. */
const VAT_NUMBER_ALWAYS: ReadonlySet<string> = new Set(
  'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IN'.split(' '),
);

function missingOfParty(role: 'supplier' | 'customer', party: Party): (string | false)[] {
  const { address } = party;
  return [
    isBlank(party.name) && `${role}.name`,
    address === null && `${role}.address`,
    // Some countries have no postal codes and some cities no streets' second line; these three there always are.
    ...(['line1', 'city', 'country'] as const).map(
      (part) => address !== null && isBlank(address[part]) && `${role}.address.${part}`,
    ),
  ];
}

function isBlank(text: string | null | undefined): boolean {
  return text === null || text === undefined || text.trim() === '';
}

/** What the lines and taxes of a document call for. */
export function notesOn(
  lines: readonly Pick<RatedLine, 'derivation'>[],
  taxes: readonly Pick<TaxGroup, 'name' | 'category' | 'exemption_reason'>[],
): (string | DocumentNote)[] {
  const exempt = taxes.flatMap(({ name, category, exemption_reason }) => {
    const mention = exemption_reason === null ? MENTIONS[category] : `${name}: ${exemption_reason}`;
    return mention === undefined ? [] : [mention];
  });
  const rated = lines.some(
    ({ derivation: { basis } }) => basis.kind === 'usage' && basis.evidence?.metric === 'bandwidth',
  );
  return rated ? [...exempt, { code: 'bandwidth_as_reported' }] : exempt;
}

/** What must be said where no tax is charged (directive 2006/112 art. 226 (11), (11a)), unless the account says more. */
const MENTIONS: Readonly<Partial<Record<TaxCategory, DocumentNote>>> = {
  AE: { code: 'reverse_charge' },
  K: { code: 'intra_community_supply' },
  G: { code: 'export_supply' },
};
