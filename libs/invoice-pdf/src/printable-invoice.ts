import type { DraftInvoice, IssuedInvoice } from '#invoicing';

/** A document of either state, as it is printed. */
export type PrintableInvoice = DraftInvoice | IssuedInvoice;
