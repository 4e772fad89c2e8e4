import {
  apiLimits,
  createLogger,
  environmentOrExit,
  listenFailure,
  openCatalogueService,
  serviceDatabase,
  serviceOptions,
} from '#runtime';
import { apiEnvironment, createApi } from './index.js';

const environment = environmentOrExit(apiEnvironment);
const logger = createLogger(environment.LOG_LEVEL, 'api');
const databaseUrl = await serviceDatabase(environment.DATABASE_URL, logger);
const service = await openCatalogueService({ ...serviceOptions(environment), databaseUrl });
const queue = await service.openQueue((entry) =>
  entry.event === 'queue_away'
    ? logger.warn(entry, 'the queue is away; commands are written down and sent when it is back')
    : logger.info(entry, 'the queue is back'),
);
const app = await createApi({
  ...service.parts,
  closes: service.closes((jobs) => queue.enqueue(jobs)),
  queue,
  addresses: service.addresses,
  adminKey: environment.METERLINE_ADMIN_KEY,
  limits: apiLimits(environment),
  logger,
});
const { PORT: port, HOST: host } = environment;
// Before it is said that the API answers: it may be told to end at once.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    logger.info({ signal }, 'stopping');
    // A client of a Redis that is away would keep the process for ever.
    void stop().then(() => process.exit());
  });
}

try {
  await app.listen(port, host);
  logger.info({ port }, 'the API answers');
} catch (error) {
  process.stderr.write(`${(listenFailure(error, 'PORT', { port, host }) as Error).message}\n`);
  process.exitCode = 1;
  await stop();
}

async function stop(): Promise<void> {
  await app.close();
  await queue.close();
  await service.close();
}
