export {
  type AccountTerms,
  type BillingFacts,
  type BillingTerms,
  type EntityTerms,
  factsOfPeriod,
  type SellerFacts,
  type SellerOperations,
  type SellerTerms,
  type SubscriptionTerms,
  termsOf,
  type VersionTerms,
} from './facts.js';
export type { DraftEdit } from './draft-edits.js';
export { BillingError } from './billing-error.js';
export { Plans } from './plans.js';
export {
  accountTotals,
  billableFrom,
  type BillingTask,
  billingTask,
  draftAccount,
  draftOfLines,
  gstOf,
  type Drafted,
  notBillable,
  orHeld,
  rateAccount,
  type Rated,
  seriesNeeded,
  taxingOf,
} from './bill-account.js';
export {
  type Clear,
  controlAccount,
  type OpenQuestion,
  openQuestions,
  type PulledUsage,
  type ReportQuestion,
  type ReportTraits,
  strictly,
} from './controls.js';
export {
  type ChargeChange,
  chargeChanges,
  type ChargeTotal,
  compareMonths,
  driftWarning,
  type MonthBilled,
  type MonthOnMonth,
} from './drift.js';
export { eInvoiceHold } from './e-invoice-hold.js';
export { gstHold } from './gst-hold.js';
export {
  type Code,
  CODES,
  distinct,
  type FailureCode,
  held,
  type Held,
  type HoldCode,
  isHold,
  isWaivable,
  type Notice,
  partWarnings,
  REMEDY_WHILE_WAITING,
  remedyOf,
  toNotice,
  WAIVABLE,
  waiverNotices,
  type WarningCode,
} from './holds.js';
export {
  ACCOUNT_MOVES,
  ACCOUNT_STATES,
  type AccountGuard,
  type AccountMove,
  BILLING,
  CLOSE_MOVES,
  CLOSE_STATES,
  type CloseAccountState,
  type CloseGuard,
  type CloseMove,
  type CloseState,
} from './account-states.js';
export { type ExplainedLine, withAlternatives } from './explained-line.js';
export { preview, type PreviewAnswer, type PreviewRequest, previewWork } from './preview.js';
export type { PreviewFault, PreviewRefusal, PreviewRefusalCode } from './preview-refusal.js';
export { reversalOf } from './reversal.js';
