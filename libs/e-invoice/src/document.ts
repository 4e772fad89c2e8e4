import type { InvoiceContent, IssuedInvoice } from '#invoicing';

/**
 * What an electronic invoice is made from, whether or not it is issued: a document with the terms of both parties that were
 * frozen on it. One without any terms is one, too.
 */
export type ElectronicContent = InvoiceContent;

/** An issued document with the terms that were frozen on it. */
export type ElectronicDocument = IssuedInvoice;
