import { pino } from 'pino';
import {
  Closes,
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
import { apiEnvironment, createApi, openCloseQueue, prepareQueue } from './index.js';

const environment = readEnvironment();
const logger = pino({ level: environment.LOG_LEVEL, base: { app: 'api' } });
const databaseUrl = await serviceDatabase(environment.DATABASE_URL, prepareQueue, logger);
const patience = databasePatience(environment);
const database = openDatabase(databaseUrl, undefined, patience);
const queue = await openCloseQueue(queueSettings(environment.QUEUE_URL ?? databaseUrl, patience), (entry) =>
  entry.event === 'queue_away'
    ? logger.warn(entry, 'the queue is away; commands are written down and sent when it is back')
    : logger.info(entry, 'the queue is back'),
);
const renderer = createInvoiceRenderer();
const connectors = createConnectors({
  database,
  configured: { baseUrl: environment.REPORT_API_URL, apiKey: environment.REPORT_API_KEY },
  limits: reportLimits(environment),
  addresses: environment.OUTBOUND_ALLOW,
  databaseUrl,
  patience,
  secretKey: environment.METERLINE_SECRET_KEY,
});
const closes = new Closes({
  database,
  connectors,
  renderer,
  enqueue: (jobs) => queue.enqueue(jobs),
  secretKey: environment.METERLINE_SECRET_KEY,
  settleHours: environment.SETTLE_HOURS,
});
const app = await createApi({
  database,
  closes,
  queue,
  secretKey: environment.METERLINE_SECRET_KEY,
  addresses: environment.OUTBOUND_ALLOW.withOrigin(environment.REPORT_API_URL),
  adminKey: environment.METERLINE_ADMIN_KEY,
  limits: { requestsPerMinute: environment.API_REQUESTS_PER_MINUTE, streams: environment.API_STREAMS },
  logger,
});
const { PORT: port, HOST: host } = environment;
try {
  await app.listen(port, host);
  logger.info({ port }, 'the API answers');
} catch (error) {
  process.stderr.write(`${(listenFailure(error, 'PORT', { port, host }) as Error).message}\n`);
  process.exitCode = 1;
  await stop();
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    logger.info({ signal }, 'stopping');
    // A client of a Redis that is away would keep the process for ever.
    void stop().then(() => process.exit());
  });
}

async function stop(): Promise<void> {
  await app.close();
  await Promise.all([queue.close(), connectors.close(), renderer.close()]);
  await database.$disconnect();
}

function readEnvironment() {
  try {
    return parseEnvironment(apiEnvironment, process.env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}
