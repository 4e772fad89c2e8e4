export { CloseError } from './close-error.js';
export {
  type BatchJob,
  type CloseOutcome,
  type CloseRefusal,
  type CloseRequest,
  Closes,
  type CloseStep,
  type ClosesOptions,
} from './closes.js';
export { type Confirmation, Corrections, type CorrectionsOptions } from './corrections.js';
export { type Connection, type ConnectorOptions, type Connectors, createConnectors } from './connectors.js';
export type { Estimate } from './estimate.js';
export {
  type LiveRequest,
  type SeriesRequest,
  type SeriesValue,
  type UsageSeries,
  type UsageView,
  UsageViews,
  type ViewRefusal,
} from './usage-views.js';
export { type MonthOnMonth, monthOnMonth } from './month-on-month.js';
export { SeriesLocked } from './locked-series.js';
export type { Renderer } from './issuing.js';
export type { CloseCertificate, SignedCertificate } from './certificate.js';
export {
  type CertificateFile,
  type CertificateVerdict,
  type CheckedCertificate,
  verifyCertificates,
} from './verify-certificate.js';
export { ARCHIVE_FORMAT, type ArchiveManifest, CERTIFICATE_FILE, MANIFEST_FILE } from './archive.js';
export {
  type ArchiveFile,
  type DocumentsVerdict,
  type GroupSum,
  printableName,
  verifyDocuments,
} from './verify-documents.js';
export { checkStoredDocuments } from './stored-documents.js';
export { invoiceEvidence, type InvoiceVerdict, verifyInvoice } from './verify-invoice.js';
export { dueRuns, nextRun, openDueCloses, type ScheduledRun } from './schedule.js';
export { codeOf, isRetryable } from './retry-policy.js';
