export {
  assertWritable,
  type Database,
  isDatabaseAway,
  isSeriesLocked,
  isStatementTimeout,
  openDatabase,
  PersistenceError,
  type Transaction,
} from './ground/database.js';
export { bringForward } from './closes/early-tries.js';
export { type Patience, PATIENCE, serviceSession } from './ground/sessions.js';
export { createDatabase, migrate, type PrepareQueue } from './ground/migrate.js';
export { type Credentials, provideLogin, serviceLogin, type ServiceLogin } from './ground/logins.js';
export { QUEUE_SCHEMA, READER_ROLE, SERVICE_ROLE } from './ground/privileges.js';
export { DEFAULT_SETTINGS, type SellerSettings } from './catalogue/seller-settings.js';
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
} from './closes/closes.js';
export type { CountedNotice } from './documents/notice.js';
export { type CloseDocument, documentsOfClose, standsAsCertified } from './documents/close-documents.js';
export {
  type CloseSchedule,
  deleteCloseSchedule,
  listCloseSchedules,
  markScheduleRun,
  type ScheduleTiming,
  setCloseSchedule,
} from './closes/close-schedules.js';
export { type MonthBefore, monthBefore } from './closes/month-before.js';
export { type MonthEndFigures, monthEndFigures } from './closes/month-end-figures.js';
export { type NewWaiver, waiveHold, type WaiverRefusal } from './closes/waivers.js';
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
} from './closes/certificates.js';
export { checkDocuments, type CheckedSlice, type DocumentCheckOptions } from './documents/document-check.js';
export { noteAlteration } from './documents/alterations.js';
export { type Alteration, DocumentAltered, documentSha256, unalteredDraft } from './documents/sealed-documents.js';
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
} from './documents/invoices.js';
export { loadInvoiceEvidence } from './documents/invoice-evidence.js';
export { type BillingInputs, billingInputs, inputsOf, loadPinnedFacts } from './documents/invoice-inputs.js';
export { documentFingerprintsIn, loadPeriodDocuments, type PeriodDocuments } from './documents/period-documents.js';
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
} from './closes/corrections.js';
export { type EmptyPeriod, loadEmptyPeriod, reopenEmpty } from './closes/empty-periods.js';
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
} from './documents/confirming-pulls.js';
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
} from './ledger/ledger.js';
export {
  type CountedUsage,
  type SeriesConservation,
  type UsageConservation,
  usageConservation,
  type WindowConservation,
} from './ledger/usage-conservation.js';
export { dropExpiredUsageDetail, keepEvidence, type UsageEvidence } from './ledger/usage-evidence.js';
export {
  type AccountInBatch,
  accountsOfSeller,
  type BatchFacts,
  findSellerId,
  loadBatchFacts,
  loadBillingFacts,
  loadPlans,
  loadSellerFacts,
} from './closes/billing-facts.js';

// Catalogue: who sells, who pays, what is metered, at which tariff, and who may ask.
export { type Changes } from './ground/columns.js';
export { isRefusal, type Refusal } from './ground/refusal.js';
export { type Page, pageOf, type PageRequest, keyAfter, uuidAfter } from './ground/page.js';
export { secretKeySchema, type SecretKey } from './ground/secrets.js';
export { type AuditEntry, type AuditEvent, listAuditEvents, recordAudit } from './ground/audit.js';
export {
  type ConfiguredReportApi,
  loadAccess,
  reportAccess,
  type StoredAccess,
  type ReportAccess,
  type ReportApiSettings,
  requestsPerSecondSchema,
} from './catalogue/report-access.js';
export { ReportGates, type ReportLimits } from './catalogue/report-gates.js';
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
} from './catalogue/sellers.js';
export {
  type Account,
  type AccountChange,
  createAccount,
  findAccount,
  listAccounts,
  type NewAccount,
  updateAccount,
} from './catalogue/accounts.js';
export {
  type Entity,
  listEntities,
  type NewEntity,
  registerEntity,
  replaceEntities,
  updateEntity,
} from './catalogue/entities.js';
export {
  deleteDraftPlan,
  findTariffPlanVersion,
  listTariffPlans,
  listTariffPlanVersions,
  publishTariffPlan,
  replaceDraftPlan,
  saveDraftPlan,
  type TariffPlanVersion,
} from './catalogue/plans.js';
export {
  findSubscription,
  listSubscriptions,
  type NewSubscription,
  subscribe,
  type Subscription,
  updateSubscription,
} from './catalogue/subscriptions.js';
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
} from './catalogue/api-keys.js';
export {
  answerOnce,
  doOnce,
  dropOldIdempotencyKeys,
  type KeptAnswer,
  type Once,
  type RepeatableRequest,
} from './ground/idempotency.js';
export { afterCommit, readingBounded } from './ground/request-transaction.js';

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
} from './closes/batch-accounts.js';
export { keepFirstUsage, type PreparedUsage, prepareUsage, unconservedAccounts } from './ledger/batch-usage.js';
export {
  type IssuedBatch,
  issueBatch,
  loadDrafts,
  type NewDraft,
  saveDrafts,
  saveEmpties,
  storeDocuments,
  type ToIssue,
} from './closes/batch-issue.js';
export { type Session, session } from './ground/sets.js';
export { SIGN_OF_LIFE_SECONDS } from './closes/signs-of-life.js';
