import type { AddressInfo } from 'node:net';
import { secretKeySchema, serviceLogin } from '#persistence';
import {
  createLogger,
  listenFailure,
  type Logger,
  openCatalogueService,
  prepareQueue,
  type ServiceOptions,
} from '#runtime';
import { type ApiOptions, createApi } from '../../api/src/index.js';
import { createWorker, WorkerMetrics } from '../../worker/src/index.js';
import { takeDataFolder } from './data-folder.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';

export interface StandaloneOptions extends Omit<ServiceOptions, 'databaseUrl' | 'secretKey' | 'log'> {
  /** Where the state is kept. */
  readonly folder: string;
  /** Throws earlier state of the folder away. */
  readonly startAnew?: boolean;
  /** What one API key may ask; default: as the API has it. */
  readonly keyLimits?: ApiOptions['limits'];
  /** 0: any that is free. */
  readonly port: number;
  /** Default: this machine alone. */
  readonly host?: string;
  /** Default: made on first use and kept in the folder. */
  readonly adminKey?: string | undefined;
  readonly secretKey?: Buffer | undefined;
  readonly logLevel?: string;
}

export interface Standalone {
  /** Where the API answers, without a trailing slash. */
  readonly url: string;
  readonly adminKey: string;
  readonly adminKeyIsNew: boolean;
  /** Finishes the batches in hand, then stops the API, the worker and PostgreSQL. Safe to call twice. */
  stop(): Promise<void>;
}

/** PostgreSQL, the API and a worker in one process, state in one folder. */
export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const { host = '127.0.0.1', logLevel = 'warn' } = options;
  const logger = createLogger(logLevel);
  const folder = await takeDataFolder(options.folder, options.startAnew ?? false, options);
  // Everything that was started, to be stopped in the opposite order, also when a later part does not start.
  const started: (() => Promise<unknown>)[] = [() => folder.release()];
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= stopAll(started, logger));
  try {
    const postgres = await startEmbeddedPostgres(folder.path, (line) => logger.info(line));
    started.push(() => postgres.stop());
    const { url: databaseUrl } = await serviceLogin(postgres.url, prepareQueue);
    const metrics = new WorkerMetrics();
    const service = await openCatalogueService({
      ...options,
      databaseUrl,
      secretKey: options.secretKey ?? secretKeySchema.parse(folder.secretKey),
      log: (entry) => {
        metrics.reportApiAsked(entry);
        logger.debug(entry, 'report API');
      },
    });
    started.push(() => service.close());
    const worker = await createWorker({ ...service.parts, queue: service.queue, logger, metrics });
    started.push(() => worker.close());
    const api = await createApi({
      ...service.parts,
      closes: worker.closes,
      queue: worker,
      addresses: service.addresses,
      adminKey: folder.adminKey,
      limits: options.keyLimits,
      logger,
      metrics: [metrics],
    });
    started.push(() => api.close());
    await api.listen(options.port, host).catch((error: unknown) => {
      throw listenFailure(error, 'PORT', { port: options.port, host });
    });
    const { port } = api.getHttpServer().address() as AddressInfo;
    return {
      url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
      adminKey: folder.adminKey,
      adminKeyIsNew: folder.adminKeyIsNew,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stopAll(started: (() => Promise<unknown>)[], logger: Logger): Promise<void> {
  for (let stopPart = started.pop(); stopPart; stopPart = started.pop()) {
    await stopPart().catch((error: unknown) => logger.error({ err: error }, 'a part did not stop cleanly'));
  }
}
