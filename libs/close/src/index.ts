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
export { monthOnMonth } from './month-on-month.js';
export { SeriesLocked } from './locked-series.js';
export type { Renderer } from './issuing.js';
export { checkStoredDocuments } from './stored-documents.js';
export { dueRuns, nextRun, openDueCloses, type ScheduledRun } from './schedule.js';
export { codeOf, isRetryable } from './retry-policy.js';
