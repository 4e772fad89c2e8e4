import { pino } from 'pino';
import {
  createConnectors,
  databasePatience,
  listenFailure,
  parseEnvironment,
  queueSettings,
  reportLimits,
  serviceDatabase,
} from '#close';
import { createInvoiceRenderer } from '#invoice-pdf';
import { openDatabase } from '#persistence';
import { workerEnvironment } from './environment.js';
import { serveHealth, type WorkerHealth } from './health.js';
import { boundHeapGrowth, createWorker, WorkerMetrics } from './index.js';
import { prepareQueue } from './prepare-queue.js';

boundHeapGrowth();

const environment = readEnvironment();
const logger = pino({ level: environment.LOG_LEVEL, base: { app: 'worker' } });
const databaseUrl = await serviceDatabase(environment.DATABASE_URL, prepareQueue, logger);
const patience = databasePatience(environment);
const database = openDatabase(databaseUrl, undefined, patience);
const renderer = createInvoiceRenderer();
const metrics = new WorkerMetrics();
const connectors = createConnectors({
  database,
  configured: { baseUrl: environment.REPORT_API_URL, apiKey: environment.REPORT_API_KEY },
  limits: reportLimits(environment),
  addresses: environment.OUTBOUND_ALLOW,
  databaseUrl,
  patience,
  secretKey: environment.METERLINE_SECRET_KEY,
  log: (entry) => {
    metrics.reportApiAsked(entry);
    logger.debug(entry, 'report API');
  },
});
const worker = await createWorker({
  database,
  connectors,
  renderer,
  secretKey: environment.METERLINE_SECRET_KEY,
  settleHours: environment.SETTLE_HOURS,
  queue: queueSettings(environment.QUEUE_URL ?? databaseUrl, patience),
  logger,
  metrics,
});
let health: WorkerHealth | undefined;
try {
  const { HEALTH_PORT: port } = environment;
  health = port === undefined ? undefined : await serveHealth(port, { database, worker, metrics });
  logger.info('the worker takes batches');
} catch (error) {
  const failure = listenFailure(error, 'HEALTH_PORT', { port: environment.HEALTH_PORT ?? 0 }) as Error;
  process.stderr.write(`${failure.message}\n`);
  process.exitCode = 1;
  await stop();
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    logger.info({ signal }, 'finishing the batches in hand');
    // A client of a Redis that is away would keep the process for ever.
    void stop().then(() => process.exit());
  });
}

async function stop(): Promise<void> {
  health?.drain();
  await worker.close();
  await health?.close();
  await Promise.all([connectors.close(), renderer.close()]);
  await database.$disconnect();
}

function readEnvironment() {
  try {
    return parseEnvironment(workerEnvironment, process.env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}
