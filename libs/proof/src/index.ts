export { ARCHIVE_FORMAT, type ArchiveManifest, CERTIFICATE_FILE, MANIFEST_FILE } from './archive.js';
export {
  type CertificateFacts,
  certificateOf,
  type CertifiedDocuments,
  type CloseCertificate,
  type SignedCertificate,
} from './certificate.js';
export { sha256 } from './crypto.js';
export { type InvoiceEvidence, invoiceEvidence, type WindowFingerprint } from './evidence.js';
export {
  type CertificateFile,
  type CertificateVerdict,
  type CheckedCertificate,
  verifyCertificates,
} from './verify-certificate.js';
export {
  type ArchiveFile,
  type DocumentRenderer,
  type DocumentsVerdict,
  type GroupSum,
  printableName,
  verifyDocuments,
} from './verify-documents.js';
export { type InvoiceVerdict, verifyInvoice } from './verify-invoice.js';
