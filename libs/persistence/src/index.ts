export {
  assertWritable,
  type Database,
  isDatabaseAway,
  isSeriesLocked,
  isStatementTimeout,
  openDatabase,
  PersistenceError,
  type Transaction,
} from './database.js';
export { bringForward } from './early-tries.js';
export { type Patience, PATIENCE, serviceSession } from './sessions.js';
export { createDatabase, migrate, type PrepareQueue } from './migrate.js';
export { type Credentials, provideLogin, serviceLogin, type ServiceLogin } from './logins.js';
export { QUEUE_SCHEMA, READER_ROLE, SERVICE_ROLE } from './privileges.js';
export { DEFAULT_SETTINGS, type SellerSettings } from './seller-settings.js';
export {
  accountRated,
  accountsOfClose,
  beginAccount,
  type CancelOutcome,
  claimStalledBatches,
  cancelClose,
  type CloseAccountView,
  type CloseKind,
  type CloseView,
  type CloseWork,
  countAttempt,
  type EarlyAccounts,
  earlyAccounts,
  databaseNow,
  type Doing,
  findClose,
  type IssueMode,
  letWait,
  listCloseAccounts,
  type CloseEvent,
  type CloseProgress,
  listCloseEvents,
  listCloses,
  loadCloseWork,
  moveAccount,
  openClose,
  type OpenOutcome,
  releaseDrafts,
  retryAccounts,
  retryEarly,
  type SeriesProgress,
  saveDraft,
  sendDue,
  settleClose,
  SIGN_OF_LIFE_SECONDS,
  stillBilling,
  type UnfinishedAccount,
  unfinishedAccounts,
  unsettledCloses,
} from './closes.js';
export type { CountedNotice } from './notice.js';
export { type CloseDocument, documentsOfClose, standsAsCertified } from './close-documents.js';
export {
  type CloseSchedule,
  deleteCloseSchedule,
  listCloseSchedules,
  markScheduleRun,
  type ScheduleTiming,
  setCloseSchedule,
} from './close-schedules.js';
export { type MonthBefore, monthBefore } from './month-before.js';
export { type MonthEndFigures, monthEndFigures } from './month-end-figures.js';
export { type NewWaiver, waiveHold, type WaiverRefusal } from './waivers.js';
export {
  certificateFacts,
  certifyNotes,
  type CertificateKey,
  findCertificate,
  keepCertificate,
  listCertificateKeys,
  type Rotation,
  rotateCertificateKey,
  signingKey,
  type StoredCertificate,
  takeUncertified,
  uncertifiedCloses,
} from './certificates.js';
export { checkDocuments, type CheckedSlice, type DocumentCheckOptions } from './document-check.js';
export { noteAlteration } from './alterations.js';
export { type Alteration, DocumentAltered, documentSha256 } from './sealed-documents.js';
export {
  type DraftView,
  findInvoice,
  type InvoiceFilter,
  type InvoiceView,
  issueDraft,
  type IssueOutcome,
  listDrafts,
  listInvoices,
  loadDocument,
  loadIssued,
  type Numbering,
  type NumberTaken,
  type StoredDocument,
  storeDocument,
  unrenderedInvoices,
  unrenderedOfBatch,
} from './invoices.js';
export { loadInvoiceEvidence } from './invoice-evidence.js';
export { type BillingInputs, billingInputs, loadPinnedFacts } from './invoice-inputs.js';
export { loadPeriodDocuments, type PeriodDocuments } from './period-documents.js';
export {
  automaticCorrections,
  type CorrectionState,
  type CorrectionView,
  dismissCorrection,
  findCorrection,
  findOpenCorrection,
  issueCorrection,
  issueCorrectionDraft,
  listCorrections,
  type NoteIssue,
  type Proposal,
  proposeCorrection,
  type ProposeOutcome,
  sameUsage,
  voidPeriod,
} from './corrections.js';
export { type EmptyPeriod, loadEmptyPeriod, reopenEmpty, saveEmpty } from './empty-periods.js';
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
export {
  loadSnapshots,
  ownedByAnotherPeriod,
  type PulledSeries,
  type SaveOutcome,
  saveSnapshots,
  type Snapshot,
  type Tally,
  usageFingerprint,
} from './ledger.js';
export {
  type CountedUsage,
  type SeriesConservation,
  unconservedWindows,
  type UsageConservation,
  usageConservation,
  type WindowConservation,
} from './usage-conservation.js';
export { dropExpiredUsageDetail, keepEvidence, type UsageEvidence } from './usage-evidence.js';
export { accountsOfSeller, findSellerId, loadBillingFacts, loadSellerFacts } from './billing-facts.js';

// Catalogue: who sells, who pays, what is metered, at which tariff, and who may ask.
export { type Changes } from './columns.js';
export { isRefusal, type Refusal } from './refusal.js';
export { type Page, pageOf, type PageRequest, keyAfter, uuidAfter } from './page.js';
export { secretKeySchema, type SecretKey } from './secrets.js';
export { type AuditEntry, type AuditEvent, listAuditEvents, recordAudit } from './audit.js';
export {
  type ConfiguredReportApi,
  reportAccess,
  type ReportAccess,
  type ReportApiSettings,
  requestsPerSecondSchema,
} from './report-access.js';
export { ReportGates, type ReportLimits } from './report-gates.js';
export {
  createSeller,
  type EdgePolicy,
  findSeller,
  listSellers,
  type NewSeller,
  type PayableRounding,
  type Seller,
  type SellerChange,
  updateSeller,
} from './sellers.js';
export {
  type Account,
  type AccountChange,
  createAccount,
  findAccount,
  listAccounts,
  type NewAccount,
  updateAccount,
} from './accounts.js';
export {
  type Entity,
  listEntities,
  type NewEntity,
  registerEntity,
  replaceEntities,
  updateEntity,
} from './entities.js';
export {
  deleteDraftPlan,
  findTariffPlanVersion,
  listTariffPlans,
  listTariffPlanVersions,
  publishTariffPlan,
  replaceDraftPlan,
  saveDraftPlan,
  type TariffPlanVersion,
} from './plans.js';
export {
  findSubscription,
  listSubscriptions,
  type NewSubscription,
  subscribe,
  type Subscription,
  updateSubscription,
} from './subscriptions.js';
export {
  admitConfiguredKey,
  API_KEY_SCOPES,
  type ApiKey,
  type ApiKeyScope,
  authenticate,
  createApiKey,
  isConfiguredKey,
  listApiKeys,
  newApiKey,
  revokeApiKey,
} from './api-keys.js';
export {
  answerOnce,
  doOnce,
  dropOldIdempotencyKeys,
  type KeptAnswer,
  type Once,
  type RepeatableRequest,
} from './idempotency.js';
export { afterCommit, readingBounded } from './request-transaction.js';
