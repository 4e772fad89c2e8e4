export { DEFAULT_DIALECT, type Dialect, dialectSchema, dialectSha256 } from './dialects/alef-v1-2022/settings.js';
export {
  probeDialect,
  type ProbedSettings,
  type ProbeFinding,
  type ProbeOptions,
  type ProbeReport,
  type ProbeTargets,
  withSettings,
} from './dialects/alef-v1-2022/probe.js';
export { REPORT_KEY_FORM, SealedKey } from './sealed-key.js';
export { ReportApiError, type ReportApiErrorCode } from './report-api-error.js';
export type { SeriesTally, Tally } from './dialects/alef-v1-2022/read-answer.js';
export { type AddressRefusal, OutboundAddresses, plainUrl } from './outbound-addresses.js';
export type { PullWarning, RawAnswer, RawAnswers, Refusal, RefusalCode, WarningCode } from './refusal.js';
export type { RetryPolicy } from './retry.js';
export type { Gate } from './gate.js';
export { ReportTransport, type TransportOptions } from './transport.js';
export {
  type BandwidthHours,
  createReportClient,
  type HourRates,
  type HoursRequest,
  type LiveBandwidth,
  type LiveRequest,
  type PulledUsage,
  type RangesTaken,
  type ReportClient,
  type ReportClientOptions,
  type ReportLogEntry,
  type UsageAnswer,
  type UsageConnector,
  type UsageFamily,
  type UsageRequest,
} from './report-client.js';
