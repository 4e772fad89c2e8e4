export { isNameOfCategory, type TaxFault, taxFaults } from './account-taxes.js';
export type { BankAccount } from './bank-account.js';
export type { Branding } from './branding.js';
export { correctionOf, type CorrectionInput } from './correction.js';
export {
  adjustmentNoteOf,
  type CreditInput,
  creditOf,
  type CreditRefusal,
  type CreditRefusalCode,
  type CreditRequest,
  type LineToCredit,
} from './credit.js';
export { DEFAULT_LANGUAGE, type Language, languageFor, LANGUAGES } from './language.js';
export { documentNumber, isNumberFormat, NUMBER_FORMAT } from './document-number.js';
export {
  gstContradiction,
  type GstFault,
  gstSupplyOf,
  gstTaxes,
  type GstTerms,
  isUnclear,
  levyOf,
  shownState,
  STATE_CODES,
  stateName,
  stateOfGstin,
  stateOfRegion,
} from './gst.js';
export {
  assertConserved,
  rebilled,
  type DraftInput,
  draftInvoice,
  type InvoicedAccount,
  isEmpty,
  issueInvoice,
  type IssuingSeller,
  missingFields,
  originalOf,
  partiesOf,
} from './documents.js';
export type {
  AccountTax,
  Address,
  Contact,
  CreditByHand,
  Customer,
  CustomerEInvoice,
  DocumentKind,
  DocumentNote,
  DraftInvoice,
  ElectronicAddress,
  GstSupply,
  InvoiceContent,
  InvoiceLine,
  IssuedInvoice,
  LineCorrection,
  LineCredit,
  Party,
  Registration,
  Supplier,
  TaxCategory,
  TaxGroup,
  Totals,
} from './invoice.js';
export { InvoicingError } from './invoicing-error.js';
export { shownValue, withoutSubscriberNumber } from './subscriber-number.js';
export { asRated, lineKey, type Taxing } from './standing.js';
export { totalsOf, type TotalsOptions } from './totals.js';
