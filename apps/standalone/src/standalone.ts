import type { AddressInfo } from 'node:net';
import { type Logger, pino } from 'pino';
import { createConnectors, listenFailure, queueSettings } from '#close';
import { createInvoiceRenderer } from '#invoice-pdf';
import {
  type ConfiguredReportApi,
  openDatabase,
  type Patience,
  type ReportLimits,
  secretKeySchema,
  serviceLogin,
} from '#persistence';
import { OutboundAddresses } from '#report-client';
import { type ApiOptions, createApi, prepareQueue } from '../../api/src/index.js';
import { createWorker, WorkerMetrics } from '../../worker/src/index.js';
import { takeDataFolder } from './data-folder.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';

export interface StandaloneOptions {
  /** Where the state is kept. */
  readonly folder: string;
  /** Throws earlier state of the folder away. */
  readonly startAnew?: boolean;
  /** The report API for sellers that name none of their own. */
  readonly reportApi?: ConfiguredReportApi | undefined;
  /** Where other report APIs may be; default: at public addresses over HTTPS. */
  readonly addresses?: OutboundAddresses;
  /** What one API key may ask; default: as the API has it. */
  readonly limits?: ApiOptions['limits'];
  /** How often it may be asked, and others that say nothing themselves. */
  readonly reportLimits?: ReportLimits;
  /** How long the database bears with a process that froze. */
  readonly patience?: Patience;
  readonly settleHours: number;
  /** Default: the embedded database. */
  readonly queueUrl?: string | undefined;
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
  const logger = pino({ level: options.logLevel ?? 'warn' });
  const { host = '127.0.0.1' } = options;
  const folder = await takeDataFolder(options.folder, options.startAnew ?? false, options);
  // Everything that was started, to be stopped in the opposite order, also when a later part does not start.
  const started: (() => Promise<unknown>)[] = [() => folder.release()];
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= stopAll(started, logger));
  try {
    const postgres = await startEmbeddedPostgres(folder.path, (line) => logger.info(line));
    started.push(() => postgres.stop());
    const { url: databaseUrl } = await serviceLogin(postgres.url, prepareQueue);
    const database = openDatabase(databaseUrl, undefined, options.patience);
    started.push(() => database.$disconnect());
    const renderer = createInvoiceRenderer();
    started.push(() => renderer.close());
    const secretKey = options.secretKey ?? secretKeySchema.parse(folder.secretKey);
    const metrics = new WorkerMetrics();
    const addresses = options.addresses ?? OutboundAddresses.PUBLIC;
    const connectors = createConnectors({
      database,
      configured: options.reportApi,
      addresses,
      ...(options.reportLimits && { limits: options.reportLimits }),
      databaseUrl,
      ...(options.patience && { patience: options.patience }),
      secretKey,
      log: (entry) => {
        metrics.reportApiAsked(entry);
        logger.debug(entry, 'report API');
      },
    });
    started.push(() => connectors.close());
    const worker = await createWorker({
      database,
      connectors,
      renderer,
      secretKey,
      settleHours: options.settleHours,
      queue: queueSettings(options.queueUrl ?? databaseUrl, options.patience),
      logger,
      metrics,
    });
    started.push(() => worker.close());
    const api = await createApi({
      database,
      closes: worker.closes,
      queue: worker,
      secretKey,
      addresses: options.reportApi ? addresses.withOrigin(options.reportApi.baseUrl) : addresses,
      adminKey: folder.adminKey,
      ...(options.limits && { limits: options.limits }),
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
