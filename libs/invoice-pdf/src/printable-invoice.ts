import type { DraftInvoice, IssuedInvoice } from '#invoicing';

/** What an e-invoice portal of India answered, as far as a page shows it. */
export interface ShownRegistration {
  readonly irn: string;
  readonly ack_no: string;
  readonly ack_date: string;
  readonly signed_qr_code: string;
}

/** A document of either state, as it is printed; with its registration where the page shows one. */
export type PrintableInvoice = (DraftInvoice | IssuedInvoice) & { readonly registration?: ShownRegistration };
