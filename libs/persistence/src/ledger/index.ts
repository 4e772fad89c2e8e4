export { keepFirstUsage, type PreparedUsage, prepareUsage, unconservedAccounts } from './batch-usage.js';
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
