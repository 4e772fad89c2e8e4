export { startReportSimulator } from './server.js';
export type { Counters, ReportSimulator, ReportSimulatorOptions } from './server.js';
export { ReportSimulatorError } from './simulator-error.js';
export { FAULT_KINDS } from './fault-plan.js';
export type { FaultKind, FaultRule } from './fault-plan.js';
export { parseStamp } from './stamps.js';
export type { Switches } from './switches.js';
export type { Profiles } from './world.js';
export {
  accountApiKey,
  accountId,
  accountLeaves,
  customerSiteId,
  fleetLeaves,
  imsiOf,
  leafOf,
  msisdnOf,
  siteLeaves,
} from './identity.js';
export type { Fleet, LeafRange } from './identity.js';
export { bytesText } from './exact-numbers.js';
export { activePercentile, lateCorrection, usageBetween, usageOfDays, utcDays, wallPercentile } from './oracle.js';
export type { OracleModel, Usage, UtcDays } from './oracle.js';
