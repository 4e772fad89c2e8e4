export { countAttempt, type Doing, letWait, sendDue } from './account-moves.js';
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
export {
  issueBatch,
  type IssuedBatch,
  loadDrafts,
  type NewDraft,
  saveDrafts,
  saveEmpties,
  storeDocuments,
  type ToIssue,
} from './batch-issue.js';
export {
  type DraftEditRefusal,
  type DraftEditView,
  type DraftInReview,
  editDraft,
  listDraftEdits,
  type NewDraftEdit,
} from './draft-edits.js';
export { type AccountInBatch, type BatchFacts, loadBatchFacts, loadBillingFacts, loadPlans } from './billing-facts.js';
export {
  certificateFacts,
  type CertificateKey,
  certifyNotes,
  findCertificate,
  keepCertificate,
  listCertificateKeys,
  rotateCertificateKey,
  type Rotation,
  signingKey,
  type StoredCertificate,
  takeUncertified,
  uncertifiedCloses,
} from './certificates.js';
export { accountsOfClose, type CloseAccountView, listCloseAccounts } from './close-account-views.js';
export {
  type CloseSchedule,
  deleteCloseSchedule,
  listCloseSchedules,
  markScheduleRun,
  type ScheduleTiming,
  setCloseSchedule,
} from './close-schedules.js';
export {
  type CloseEvent,
  type CloseProgress,
  type CloseView,
  findClose,
  listCloseEvents,
  listCloses,
  type SeriesProgress,
} from './close-views.js';
export { type CloseKind, type CloseWork, type IssueMode, loadCloseWork } from './close-work.js';
export {
  automaticCorrections,
  type CorrectionState,
  type CorrectionView,
  creditPart,
  dismissCorrection,
  noteAdjustment,
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
export {
  cancelClose,
  type CancelOutcome,
  type EarlyAccounts,
  earlyAccounts,
  releaseDrafts,
  retryAccounts,
  retryEarly,
} from './desk.js';
export { type IssueOutcome } from './drafts.js';
export { bringForward } from './early-tries.js';
export { type EmptyPeriod, loadEmptyPeriod, reopenEmpty } from './empty-periods.js';
export { type MonthBefore, monthBefore } from './month-before.js';
export { type MonthEndFigures, monthEndFigures } from './month-end-figures.js';
export { openClose, type OpenOutcome } from './open-close.js';
export { SIGN_OF_LIFE_SECONDS } from './signs-of-life.js';
export { claimStalledBatches, settleClose, unsettledCloses } from './sweep.js';
export { type NewWaiver, waiveHold, type WaiverRefusal } from './waivers.js';
