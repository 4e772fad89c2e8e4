export { startReportSimulator } from './server.js';
export type { Counters, ReportSimulator, ReportSimulatorOptions } from './server.js';
export { ReportSimulatorError } from './simulator-error.js';
export type { Switches } from './switches.js';
export type { Profiles } from './report.js';
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
