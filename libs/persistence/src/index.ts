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
export { type Alteration, DocumentAltered, documentSha256, unalteredDraft } from './sealed-documents.js';
export {
  type DraftView,
  findInvoice,
  type InvoiceFilter,
  type InvoiceView,
  type IssueOutcome,
  listDrafts,
  listInvoices,
  loadDocument,
  loadIssued,
  type NewFile,
  type Numbering,
  type NumberTaken,
  type StoredDocument,
  storeDocument,
  unrenderedInvoices,
  unrenderedOfBatch,
} from './invoices.js';
export { loadInvoiceEvidence } from './invoice-evidence.js';
export { type BillingInputs, billingInputs, inputsOf, loadPinnedFacts } from './invoice-inputs.js';
export { documentFingerprintsIn, loadPeriodDocuments, type PeriodDocuments } from './period-documents.js';
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
export { type EmptyPeriod, loadEmptyPeriod, reopenEmpty } from './empty-periods.js';
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
  savePrepared,
  saveSnapshots,
  type Snapshot,
  type Tally,
  usageFingerprint,
} from './ledger.js';
export {
  type CountedUsage,
  type SeriesConservation,
  type UsageConservation,
  usageConservation,
  type WindowConservation,
} from './usage-conservation.js';
export { dropExpiredUsageDetail, keepEvidence, type UsageEvidence } from './usage-evidence.js';
export {
  type AccountInBatch,
  accountsOfSeller,
  type BatchFacts,
  findSellerId,
  loadBatchFacts,
  loadBillingFacts,
  loadPlans,
  loadSellerFacts,
} from './billing-facts.js';

// Catalogue: who sells, who pays, what is metered, at which tariff, and who may ask.
export { type Changes } from './columns.js';
export { isRefusal, type Refusal } from './refusal.js';
export { type Page, pageOf, type PageRequest, keyAfter, uuidAfter } from './page.js';
export { secretKeySchema, type SecretKey } from './secrets.js';
export { type AuditEntry, type AuditEvent, listAuditEvents, recordAudit } from './audit.js';
export {
  type ConfiguredReportApi,
  loadAccess,
  reportAccess,
  type StoredAccess,
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

export {
  type AccountOutcome,
  type Claim,
  giveBack,
  giveSigns,
  type InRound,
  isDone,
  loadBatch,
  markRated,
  moveToOutcome,
  takeUp,
  type UnfinishedAccount,
} from './batch-accounts.js';
export { keepFirstUsage, type PreparedUsage, prepareUsage, unconservedAccounts } from './batch-usage.js';
export {
  type IssuedBatch,
  issueBatch,
  loadDrafts,
  type NewDraft,
  saveDrafts,
  saveEmpties,
  storeDocuments,
  type ToIssue,
} from './batch-issue.js';
export { type Session, session } from './sets.js';
export { SIGN_OF_LIFE_SECONDS } from './signs-of-life.js';
