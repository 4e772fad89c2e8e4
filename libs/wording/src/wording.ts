import type { DocumentNote, DraftInvoice, InvoiceLine, Language, TaxCategory } from '#invoicing';
import type { ExplanationWords, LineTitle } from '#rating';

type Kind = DraftInvoice['kind'];
type Dimension = NonNullable<InvoiceLine['entity']>['dimension'];

/** What a note of the service is about: a date and a number of a document, each as it is printed. */
type NoteWords = {
  readonly [Code in DocumentNote['code']]: Extract<DocumentNote, { code: Code }> extends { number: string }
    ? (number: string, date: string) => string
    : string;
};

/** A discount as it is said: how much, and the names of the charges that it is on; null: on all. */
type TitleWords = {
  readonly [Code in Exclude<LineTitle['code'], 'discount'>]: (name: string) => string;
} & {
  discount(much: string, on: string | null): string;
  /** Of what a refund takes back. */
  unusedShareOf(title: string): string;
};

/**
 * All that a document says in one language but for names and texts that people wrote. Figures, dates and stamps come in as they
 * stand in the document and are put into the language's form here. Parts that explain how an amount came about are asked for by
 * `#rating`'s `explain`.
 */
export interface Wording extends ExplanationWords {
  /** BCP 47; the file says that it is in this language. */
  readonly language: Language;

  /** `31 Oct 2026`; months count from 1. */
  date(year: string, month: number, day: number): string;
  /** Two dates, both included. */
  days(first: string, last: string): string;
  /** A date and a time of day in UTC. */
  instant(date: string, time: string): string;

  title(kind: Kind, isDraft: boolean): string;
  /** What invoices of a seller with a GSTIN are called in India, and what stands on them besides. */
  readonly gst: {
    title(isDraft: boolean): string;
    readonly placeOfSupply: string;
    readonly reverseCharge: string;
    readonly supply: string;
    readonly yes: string;
    readonly no: string;
    readonly acknowledgement: string;
    readonly acknowledged: string;
  };
  readonly notIssued: string;
  readonly billedTo: string;
  readonly issueDate: string;
  readonly dueDate: string;
  readonly corrects: string;
  readonly billingPeriod: string;
  readonly usageMeasured: string;
  from(instant: string): string;
  to(instant: string): string;
  readonly customerReference: string;
  readonly purchaseOrder: string;
  readonly contract: string;
  /** Who answers questions about the document. */
  readonly contact: string;
  /** The entry in a register of companies. */
  readonly registrationNumber: string;
  readonly currency: string;

  /** What the document's last figure means to the payer. */
  readonly payable: Readonly<Record<'credited' | 'in_favour' | 'would_be_due' | 'due', string>>;
  dueBy(date: string): string;

  readonly description: string;
  readonly quantity: string;
  readonly unit: string;
  readonly unitPrice: string;
  amountIn(currency: string): string;
  /** Units that are words, one of each; others are symbols in any language. */
  readonly things: Readonly<Record<Dimension | 'period' | 'item' | 'second' | 'minute' | 'hour' | 'day', string>>;
  site(name: string): string;
  readonly commodityCode: string;
  taxCategoryOf(code: string, name: string): string;
  taxOf(name: string): string;
  exactQuantity(decimals: number, quantity: string): string;
  nowAndBefore(now: string, before: string): string;

  readonly taxCategories: Readonly<Record<TaxCategory, string>>;
  readonly tax: string;
  readonly rate: string;
  readonly taxableAmount: string;
  taxIn(currency: string): string;
  readonly net: string;
  readonly total: string;
  readonly rounding: string;

  readonly payment: string;
  readonly status: string;
  readonly terms: string;
  readonly paymentReference: string;
  readonly payee: string;
  readonly bankName: string;
  readonly accountNumber: string;
  /** Of the United States. */
  readonly routingNumber: string;
  /** Of the United Kingdom. */
  readonly sortCode: string;
  /** What names a bank in other countries. */
  readonly bankCode: string;
  /** Above a code that a payer's telephone reads. */
  readonly scanToPay: string;
  termsOf(days: number): string;
  termsBy(days: number, date: string): string;
  readonly nothingToPay: Readonly<Record<'draft' | 'credit_note' | 'settled', string>>;
  readonly notes: string;
  /** What the service notes, by code: what is corrected or replaced, mentions that the law asks for, how bandwidth is billed. */
  readonly note: NoteWords;
  readonly lineTitle: TitleWords;
  /** What stands on the pages behind the totals: the lines of charges that have many. */
  readonly annex: {
    readonly title: string;
    /** How many lines there are, and which part of the annex has them. */
    linesIn(count: string, mark: string): string;
    lines(count: string): string;
    readonly uplink: string;
    readonly downlink: string;
    /** The share of samples that were not reported. */
    readonly missing: string;
    /** What a charge costs; quantities come with their unit. */
    readonly terms: {
      included(quantity: string): string;
      per(quantity: string, price: string): string;
      upTo(quantity: string, price: string): string;
      above(quantity: string, price: string): string;
      commit(quantity: string, price: string): string;
      aboveCommit(price: string): string;
      minimum(amount: string): string;
      maximum(amount: string): string;
    };
  };
  /** Pictures of usage; values come with their unit. */
  readonly chart: {
    /** The lowest and the highest sample of each so many hours. */
    inTime(hours: number): string;
    readonly sorted: string;
    /** What a sample is. */
    readonly samples: Readonly<Record<'uplink' | 'downlink' | 'greater' | 'sum', string>>;
    billed(value: string, at: string, rank: string, of: string): string;
    discarded(count: string): string;
    commit(value: string): string;
    readonly byDay: string;
  };
  /** Why something was credited, in the words of the operator. */
  reason(given: string): string;
  /** What was billed, with its currency, and what is left of it after a credit; both with tax. */
  billedAndLeft(billed: string, left: string): string;
  /** The same in an electronic invoice. */
  billedAndNow(billed: string, now: string): string;
  /** Why no tax is charged on what no tax applies to. */
  readonly notSubjectToTax: string;

  page(number: number, of: number): string;
  issued(stamp: string): string;
  revision(number: number): string;
  inputs(sha256: string): string;
  /** Across the pages of what may still change; in letters of the strong face. */
  readonly draft: string;

  /** What a party's tax number is called where it lives. */
  readonly taxNumber: Readonly<Record<'vat' | 'other', string>>;
}
