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
export { BillingError } from './billing-error.js';
export { Plans } from './plans.js';
export {
  accountTotals,
  billableFrom,
  type BillingTask,
  billingTask,
  draftAccount,
  type Drafted,
  notBillable,
  orHeld,
  rateAccount,
  type Rated,
  seriesNeeded,
} from './bill-account.js';
export {
  type Clear,
  controlAccount,
  openQuestions,
  partWarnings,
  type PulledUsage,
  type ReportTraits,
  strictly,
} from './controls.js';
export { type ChargeChange, chargeChanges, type ChargeTotal, driftWarning, type MonthBilled } from './drift.js';
export { distinct, held, type Held, type Notice, toNotice } from './holds.js';
export { reversalOf } from './reversal.js';
