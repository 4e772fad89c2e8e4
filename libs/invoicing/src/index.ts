export type {
  AccountTax,
  Address,
  DocumentKind,
  DraftInvoice,
  InvoiceContent,
  InvoiceLine,
  IssuedInvoice,
  Party,
  TaxCategory,
  TaxGroup,
  Totals,
} from './invoice.js';
