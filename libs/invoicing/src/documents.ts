import { addDays, type BillingPeriod, type EpochSeconds, type Interval, localDateAt, toStamp } from '#calendar';
import { decimal, plus, sum } from '#money';
import type { RatedLine } from '#rating';
import type { Address, DraftInvoice, InvoiceContent, IssuedInvoice, Totals } from './invoice.js';
import { InvoicingError } from './invoicing-error.js';

/** Who issues, as far as a document shows it. */
export interface IssuingSeller {
  readonly code: string;
  readonly name: string;
  readonly address: Address | null;
  readonly taxId: string | null;
  readonly email: string | null;
  readonly bank: { readonly iban: string | null; readonly bic: string | null } | null;
  readonly paymentTermsDays: number;
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
    seller: seller.code,
    account: account.id,
    supplier: {
      reference: seller.code,
      name: seller.name,
      address: seller.address,
      tax_id: seller.taxId,
      email: seller.email,
      bank: seller.bank && { iban: seller.bank.iban, bic: seller.bank.bic },
    },
    customer: {
      reference: account.externalId,
      name: account.name,
      address: account.address,
      tax_id: account.taxId,
      email: account.email,
    },
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
    notes: notesOn(input),
    dialect_sha256: input.dialectSha256,
    layout_version: input.layoutVersion,
  };
  assertConserved(draft);
  return draft;
}

/**
 * Turns a draft into the document that is issued. Pure: the id, the number and the instant are handed in.
 *
 * @param of.sellerTimeZone the issue date is the seller's local date at `issuedAt`
 */
export function issueInvoice(
  draft: DraftInvoice,
  of: {
    id: string;
    number: string;
    issuedAt: EpochSeconds;
    sellerTimeZone: string;
    corrects?: { id: string; number: string };
  },
): IssuedInvoice {
  assertConserved(draft);
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

/** Whether there is nothing to bill: no line other than zero. */
export function isEmpty(lines: readonly Pick<RatedLine, 'amount'>[]): boolean {
  return lines.every(({ amount }) => decimal(amount).isZero());
}

/** Throws InvoicingError `not_conserved` unless Σ lines = net, Σ groups = tax, net + tax = gross, gross + rounding = payable. */
export function assertConserved(
  of: Pick<InvoiceContent, 'lines' | 'taxes' | 'net' | 'tax' | 'gross' | 'rounding' | 'payable'>,
): void {
  const [net, tax, gross] = [decimal(of.net), decimal(of.tax), decimal(of.gross)];
  const faults = [
    sum(of.lines.map(({ amount }) => decimal(amount))).equals(net) || 'the lines do not add up to the net',
    sum(of.taxes.map(({ amount }) => decimal(amount))).equals(tax) || 'the tax groups do not add up to the tax',
    plus(net, tax).equals(gross) || 'net and tax do not add up to the gross',
    plus(gross, decimal(of.rounding)).equals(decimal(of.payable)) || 'gross and rounding do not add up to the payable',
  ].filter((fault) => typeof fault === 'string');
  if (faults.length > 0) throw new InvoicingError('not_conserved', faults.join('; '));
}

/** What an invoice may not be issued without (EU directive 2006/112 art. 226, India CGST rule 46), as JSON paths. */
export function missingFields(content: Pick<InvoiceContent, 'supplier' | 'customer' | 'taxes'>): string[] {
  const { supplier, customer } = content;
  const owesTax = content.taxes.some(({ category }) => category === 'AE' || category === 'K');
  return [
    supplier.name.trim() === '' && 'supplier.name',
    supplier.address === null && 'supplier.address',
    customer.name.trim() === '' && 'customer.name',
    customer.address === null && 'customer.address',
    content.taxes.some(({ rate }) => !decimal(rate).isZero()) && supplier.tax_id === null && 'supplier.tax_id',
    owesTax && customer.tax_id === null && 'customer.tax_id',
  ].filter((path) => path !== false);
}

function notesOn({ lines, totals }: DraftInput): string[] {
  const exempt = totals.taxes.flatMap(({ name, category, exemption_reason }) =>
    exemption_reason !== null ? [`${name}: ${exemption_reason}`] : category === 'AE' ? ['Reverse charge'] : [],
  );
  const rated = lines.some(
    ({ derivation: { basis } }) => basis.kind === 'usage' && basis.evidence?.metric === 'bandwidth',
  );
  return rated
    ? [
        ...exempt,
        'Bandwidth is billed as reported: each sample is the average over the seconds with traffic in 5 minutes.',
      ]
    : exempt;
}
