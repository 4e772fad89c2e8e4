export {
  type AdjustmentRefusal,
  type AdjustmentState,
  type AdjustmentView,
  cancelAdjustment,
  createAdjustment,
  findAdjustment,
  listAdjustments,
  type NewAdjustment,
} from './adjustments.js';
export { noteAlteration } from './alterations.js';
export { loadLogo } from './logos.js';
export { type CloseDocument, documentsOfClose, standsAsCertified } from './close-documents.js';
export {
  claimConfirmingPulls,
  type ClaimedPull,
  type ConfirmingOutcome,
  type ConfirmingPull,
  finishConfirmingPull,
  letPullWait,
  listConfirmingPulls,
  listEmptyConfirmingPulls,
  postponeConfirmingPull,
  renewConfirmingPull,
  requestConfirmingPull,
  requestEmptyConfirmingPull,
} from './confirming-pulls.js';
export { checkDocuments, type CheckedSlice, type DocumentCheckOptions } from './document-check.js';
export { type DraftView, listDrafts } from './draft-views.js';
export { loadInvoiceEvidence } from './invoice-evidence.js';
export { type BillingInputs, billingInputs, inputsOf, loadPinnedFacts } from './invoice-inputs.js';
export { findInvoice, type InvoiceFilter, type InvoiceView, listInvoices, loadIssued } from './invoices.js';
export type { CountedNotice } from './notice.js';
export type { Numbering, NumberTaken } from './number-series.js';
export { documentFingerprintsIn, loadPeriodDocuments, type PeriodDocuments } from './period-documents.js';
export { type Alteration, DocumentAltered, unalteredDraft } from './sealed-documents.js';
export { keepRegistration, loadRegistration, type Registration } from './registrations.js';
export {
  type FileKind,
  listForms,
  loadDocument,
  type NewFile,
  type StoredDocument,
  storeDocument,
  unrenderedInvoices,
  unrenderedOfBatch,
} from './stored-documents.js';
