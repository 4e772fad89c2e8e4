export { DIALECTS, Dialects } from './dialects.js';
export {
  type Aggregation,
  type Dialect,
  type DialectSettings,
  defineDialect,
  type LiveItems,
  type Question,
  type ReportItems,
  type ReportMetric,
  type SeriesAsked,
  type SpokenDialect,
  type WrittenRequest,
} from './dialect.js';
export type { ProbedSettings, ProbeFinding, ProbeOptions, ProbeReport, ProbeTargets, Probing } from './probe.js';
export { type KeyPlace, REPORT_KEY_FORM, SealedKey } from './sealed-key.js';
export { ReportApiError, type ReportApiErrorCode } from './report-api-error.js';
export type { SeriesTally, Tally } from './buckets.js';
export { type AddressRefusal, OutboundAddresses, plainUrl } from './outbound-addresses.js';
export {
  type PullWarning,
  type RawAnswer,
  type RawAnswers,
  type Refusal,
  type RefusalCode,
  RuleBroken,
  type WarningCode,
} from './refusal.js';
export type { RetryPolicy } from './retry.js';
export type { Gate } from './gate.js';
export { ReportTransport, type TransportOptions } from './transport.js';
export type { ReportLogEntry } from './exchange.js';
export type { RangesTaken } from './ranges.js';
export { createReportClient, type ReportClientOptions } from './report-client.js';
export type {
  BandwidthHours,
  HourRates,
  HoursRequest,
  LiveBandwidth,
  LiveRequest,
  PulledUsage,
  ReportClient,
  UsageAnswer,
  UsageConnector,
  UsageFamily,
  UsageRequest,
} from './usage-connector.js';
