export {
  apiLimits,
  COMMAND_VARIABLES,
  databasePatience,
  DEFAULT_LIMITS,
  EnvironmentError,
  environmentOrExit,
  listenFailure,
  parseEnvironment,
  reportLimits,
  SERVICE_VARIABLES,
  variables,
} from './environment.js';
export { addBatches, cutOff, type CloseQueue, openCloseQueue, prepareQueue, selectBackend } from './close-queue.js';
export { CLOSE_QUEUE, queueOptions, type QueueSettings, queueSettings } from './queue-settings.js';
export { endsWithin, oneAtATime, QueueOutage, type QueueOutageEntry } from './queue-outage.js';
export { createLogger, type Logger, nestLogger } from './logger.js';
export { processMetrics } from './process-metrics.js';
export {
  openCatalogueService,
  openService,
  type Service,
  serviceDatabase,
  type ServiceOptions,
  serviceOptions,
  type ServiceParts,
} from './service.js';
