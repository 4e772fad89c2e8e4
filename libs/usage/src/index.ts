export {
  type Connection,
  type ConnectorOptions,
  type Connectors,
  createConnectors,
  isUnconnected,
} from './connectors.js';
export { connected, type KeepAnswer, type Pulled, type Pulling, pullUsage } from './pulling.js';
export type { Estimate } from './estimate-rating.js';
export {
  type LiveRequest,
  type SeriesRequest,
  type SeriesValue,
  type UsageSeries,
  type UsageView,
  UsageViews,
  type ViewRefusal,
} from './usage-views.js';
