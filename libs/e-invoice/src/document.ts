import type { InvoiceContent, IssuedInvoice } from '#invoicing';

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

/** What an electronic invoice says of the seller beyond what is printed. */
export interface SupplierTerms {
  registration?: Registration | null;
  contact?: Contact | null;
  e_invoice?: { endpoint: ElectronicAddress | null } | null;
}

/** What an electronic invoice says of the customer beyond what is printed. */
export interface CustomerTerms {
  registration?: Registration | null;
  e_invoice?: {
    /** What the buyer asked to be told back: in Germany the Leitweg-ID of an authority. */
    buyer_reference: string | null;
    /** The number of the buyer's purchase order. */
    order_reference: string | null;
    endpoint: ElectronicAddress | null;
  } | null;
}

type WithTerms<Content extends InvoiceContent> = Content & {
  readonly supplier: SupplierTerms;
  readonly customer: CustomerTerms;
};

/** What an electronic invoice is made from, whether or not it is issued. A document without any terms is one, too. */
export type ElectronicContent = WithTerms<InvoiceContent>;

/** An issued document with the terms that were frozen on it. */
export type ElectronicDocument = WithTerms<IssuedInvoice>;
