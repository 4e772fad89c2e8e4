import { createLogger, environmentOrExit, listenFailure, openService, serviceDatabase, serviceOptions } from '#runtime';
import { workerEnvironment } from './environment.js';
import { serveHealth, type WorkerHealth } from './health.js';
import { boundHeapGrowth, createWorker, WorkerMetrics } from './index.js';

boundHeapGrowth();

const environment = environmentOrExit(workerEnvironment);
const logger = createLogger(environment.LOG_LEVEL, 'worker');
const databaseUrl = await serviceDatabase(environment.DATABASE_URL, logger);
const metrics = new WorkerMetrics();
const service = openService({
  ...serviceOptions(environment),
  databaseUrl,
  log: (entry) => {
    metrics.reportApiAsked(entry);
    logger.debug(entry, 'report API');
  },
});
const worker = await createWorker({ ...service.parts, queue: service.queue, logger, metrics });
let health: WorkerHealth | undefined;
// Before it is said that the worker is there: it may be told to end at once.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    logger.info({ signal }, 'finishing the batches in hand');
    // A client of a Redis that is away would keep the process for ever.
    void stop().then(() => process.exit());
  });
}

try {
  const { HEALTH_PORT: port } = environment;
  health =
    port === undefined ? undefined : await serveHealth(port, { database: service.parts.database, worker, metrics });
  logger.info('the worker takes batches');
} catch (error) {
  const failure = listenFailure(error, 'HEALTH_PORT', { port: environment.HEALTH_PORT ?? 0 }) as Error;
  process.stderr.write(`${failure.message}\n`);
  process.exitCode = 1;
  await stop();
}

async function stop(): Promise<void> {
  health?.drain();
  await worker.close();
  await health?.close();
  await service.close();
}
