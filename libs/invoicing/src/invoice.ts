import type { RatedLine } from '#rating';
import type { Language } from './language.js';
import type { BankAccount } from './bank-account.js';
import type { Branding } from './branding.js';

/** A postal address as it is printed. */
export interface Address {
  line1: string;
  line2: string | null;
  city: string;
  region: string | null;
  postal_code: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
}

/** Where a party receives electronic documents; the scheme is a code of the EAS list of the Connecting Europe Facility. */
export interface ElectronicAddress {
  scheme: string;
  id: string;
}

/** The entry of a party in a register of companies; the scheme is a code of ISO 6523 ICD, null where none is known. */
export interface Registration {
  scheme: string | null;
  id: string;
}

/** The person or department that answers questions about an invoice. */
export interface Contact {
  name: string | null;
  phone: string | null;
  email: string | null;
}

/** What an electronic invoice says of the customer beyond what is printed. */
export interface CustomerEInvoice {
  /** The electronic form that the customer wants beside the PDF, by its name in the table of formats; null: none. */
  profile: string | null;
  /** What the buyer asked to be told back: in Germany the Leitweg-ID of an authority. */
  buyer_reference: string | null;
  /** The number of the buyer's purchase order. */
  order_reference: string | null;
  /** The number of the contract; absent where none was known at issue. */
  contract_reference?: string | null | undefined;
  endpoint: ElectronicAddress | null;
}

/** A party frozen on the document: later changes of a seller or an account do not reach issued invoices. */
export interface Party {
  /** The seller's code or the account's upstream id. */
  reference: string;
  name: string;
  address: Address | null;
  tax_id: string | null;
  email: string | null;
  /** Absent where none was known at issue, as are the members below. */
  registration?: Registration | null;
}

/** Who issues. */
export interface Supplier extends Party {
  bank: BankAccount | null;
  contact?: Contact | null;
  e_invoice?: { endpoint: ElectronicAddress | null } | null;
  branding?: Branding;
}

/** Who pays. */
export interface Customer extends Party {
  e_invoice?: CustomerEInvoice | null;
}

/** One tax of an account; `rate` in percent ("19"). Category of UNCL5305. */
export interface AccountTax {
  name: string;
  category: TaxCategory;
  rate: string;
  valid_from?: string | null | undefined;
  valid_until?: string | null | undefined;
  exemption_reason?: string | null | undefined;
  /** What it is called together with the other taxes that fall on the same supply; absent = it stands alone. */
  component_of?: string | null | undefined;
}

export type TaxCategory = 'S' | 'Z' | 'E' | 'AE' | 'K' | 'G' | 'O';

/** Tax of one group (component name, category, rate), rounded once on the sum of its line nets. */
export interface TaxGroup {
  name: string;
  category: TaxCategory;
  rate: string;
  base: string;
  amount: string;
  exemption_reason: string | null;
}

/** What a set of rated lines comes to. Σ lines = net, Σ taxes = tax, net + tax = gross, gross + rounding = payable. */
export interface Totals {
  taxes: TaxGroup[];
  net: string;
  tax: string;
  gross: string;
  rounding: string;
  payable: string;
}

/** Where a supply takes place by Indian law, and how it is taxed therefore, frozen on a document (CGST rule 46). */
export interface GstSupply {
  /** The code of the state, as the first two digits of a GSTIN; 96: outside India. */
  place_of_supply: string;
  supply: 'intra_state' | 'inter_state' | 'sez' | 'export';
  /** Of a supply to a special economic zone or abroad: whether integrated tax is paid on it, or it goes out under a bond or letter of undertaking. */
  with_payment: boolean;
  /** HSN or SAC of lines that have none of their own; absent where the seller says none. */
  sac?: string;
  /** Of a note: the document that it is about. */
  preceding?: { number: string; issue_date: string };
}

export type DocumentKind = 'invoice' | 'credit_note' | 'debit_note';

/** A line with its position on the document, counted from 1. */
export interface InvoiceLine extends RatedLine {
  position: number;
  /** On corrections only. `amount` is `rerated` minus `billed`; the derivation is that of `rerated`. */
  correction?: LineCorrection;
  /** On credit notes by hand only. `amount` is `left` minus `billed`, `quantity` what was given back, 0 where an amount was. */
  credit?: LineCredit;
}

/** What a corrected line comes to now, and what the documents before billed for it. */
export interface LineCorrection {
  /** 0 when the line fell away; its derivation is then that of the line as it was last billed. */
  rerated: string;
  billed: string;
}

/** What the documents of a period came to for a line before it was credited by hand, and what is left of it. */
export interface LineCredit {
  billed: string;
  left: string;
}

/** Why an operator credited a part of what was billed, and what the documents of the period came to before and come to now. */
export interface CreditByHand {
  reason: string;
  /** Gross. */
  billed: string;
  left: string;
}

/** What the service notes on a document; its words are the language's. Documents from before there were codes have sentences. */
export type DocumentNote =
  | { code: 'corrects'; number: string; date: string }
  | { code: 'replaces'; number: string; date: string }
  | { code: 'reverse_charge' }
  | { code: 'intra_community_supply' }
  | { code: 'export_supply' }
  | { code: 'bandwidth_as_reported' };

/** What an invoice says, whether or not it is issued. */
export interface InvoiceContent extends Totals {
  kind: DocumentKind;
  /** What its words are in, frozen as everything else. Absent on documents from before there was a choice: English. */
  language?: Language;
  /** Our ids: the seller's code, the account's UUID. */
  seller: string;
  account: string;
  supplier: Supplier;
  customer: Customer;
  period: {
    label: string;
    start: string;
    end: string;
    start_date: string;
    end_date: string;
    time_zone: string;
    /** The instants whose buckets were measured, when they differ from the period because an edge cuts a bucket. */
    measured: { start: string; end: string } | null;
  };
  currency: string;
  lines: InvoiceLine[];
  revision: number;
  payment_terms_days: number;
  /** On a document that bills a period anew: the one that it replaces, which was taken back. */
  replaces?: { id: string; number: string };
  /** On credit notes that an operator gave for a part of what was billed. */
  credit?: CreditByHand;
  /** On documents of a seller with a GSTIN: where the supply takes place, and how it is taxed. Absent on all others. */
  gst?: GstSupply;
  /** What is printed under the totals: what the service says by code, what an account or an operator wrote as it stands. */
  notes: (string | DocumentNote)[];
  /** The report dialect the usage was read with. */
  dialect_sha256: string | null;
  layout_version: number;
}

/** May still change; has no number. */
export interface DraftInvoice extends InvoiceContent {
  status: 'draft';
  /** sha256 over everything the draft was computed from; issuing recomputes it. */
  inputs_hash: string;
}

/** Frozen. Only ever inserted. */
export interface IssuedInvoice extends InvoiceContent {
  status: 'issued';
  id: string;
  number: string;
  issued_at: string;
  /** Local date of the seller at `issued_at`. */
  issue_date: string;
  due_date: string;
  inputs_hash: string;
  /** The document this one corrects. */
  corrects: { id: string; number: string } | null;
}
