import { Closes, type ClosesOptions } from '#close';
import { createInvoiceRenderer, type InvoiceRenderer } from '#invoice-pdf';
import { type Catalogue, type Database, openDatabase, type SecretKey, serviceLogin } from '#persistence';
import { type ConfiguredReportApi, openCatalogue } from '#persistence/catalogue';
import { loadLogo } from '#persistence/documents';
import { OutboundAddresses } from '#report-client';
import { type ConnectorOptions, type Connectors, createConnectors } from '#usage';
import type { z } from 'zod';
import { openCloseQueue, prepareQueue } from './close-queue.js';
import { databasePatience, reportLimits, type SERVICE_VARIABLES, type variables } from './environment.js';
import type { Logger } from './logger.js';
import { type QueueSettings, queueSettings } from './queue-settings.js';
import { quickenStrings } from './string-methods.js';

/** What a process is told of the service that it is a part of. */
export interface ServiceOptions extends Pick<
  ConnectorOptions,
  'limits' | 'addresses' | 'patience' | 'connections' | 'retry' | 'log'
> {
  /** The login that the process works with. */
  readonly databaseUrl: string;
  /** Connections to the database. */
  readonly pool?: number;
  /** Default: the database. */
  readonly queueUrl?: string | undefined;
  /** The report API for sellers that name none of their own. */
  readonly reportApi: ConfiguredReportApi | undefined;
  readonly secretKey: SecretKey;
  readonly settleHours: number;
  /** Threads that draw PDFs. */
  readonly drawingThreads?: number;
}

/** What closes are made of, but for what is each process's own: how it enqueues and where it logs. */
export interface ServiceParts<D extends Database = Database> {
  readonly database: D;
  readonly connectors: Connectors;
  readonly renderer: InvoiceRenderer;
  readonly secretKey: SecretKey;
  readonly settleHours: number;
}

/** The service as one process has it open. */
export interface Service<D extends Database = Database> {
  readonly parts: ServiceParts<D>;
  /** Where the queue of batches lives. */
  readonly queue: QueueSettings;
  /** Where sellers may name their report APIs: the configured one is among them. */
  readonly addresses: OutboundAddresses;
  /** Opens the sending end of the queue, for a process without a worker. The process closes it. */
  openQueue: (tell?: Parameters<typeof openCloseQueue>[1]) => ReturnType<typeof openCloseQueue>;
  /** Commands to closes whose batches are sent by `enqueue`. */
  closes(enqueue: ClosesOptions['enqueue'], over?: Partial<ClosesOptions>): Closes;
  /** Ends every connection and thread. */
  close(): Promise<void>;
}

/** Opens the database, the report APIs and the renderer. Nothing is asked of them yet. */
export function openService(options: ServiceOptions): Service {
  return serviceOn(openDatabase(options.databaseUrl, options.pool, options.patience), options);
}

/** The same for a process that works on the catalogue too. */
export async function openCatalogueService(options: ServiceOptions): Promise<Service<Catalogue>> {
  return serviceOn(await openCatalogue(options.databaseUrl, options.pool, options.patience), options);
}

function serviceOn<D extends Database>(database: D, options: ServiceOptions): Service<D> {
  quickenStrings();
  const { databaseUrl, reportApi, secretKey, settleHours, patience, drawingThreads: threads } = options;
  const { addresses = OutboundAddresses.PUBLIC } = options;
  const renderer = createInvoiceRenderer({
    ...(threads !== undefined && { threads }),
    loadLogo: (sha256) => loadLogo(database, sha256),
  });
  const connectors = createConnectors({ ...options, database, configured: reportApi });
  const parts = { database, connectors, renderer, secretKey, settleHours };
  const queue = queueSettings(options.queueUrl ?? databaseUrl, patience);
  return {
    parts,
    queue,
    addresses: reportApi ? addresses.withOrigin(reportApi.baseUrl) : addresses,
    openQueue: (tell) => openCloseQueue(queue, tell),
    closes: (enqueue, over) => new Closes({ ...parts, enqueue, ...over }),
    close: async () => {
      await Promise.all([connectors.close(), renderer.close()]);
      await database.$disconnect();
    },
  };
}

/** The service as the environment of an API or a worker describes it. `DATABASE_URL` is checked apart, by `serviceDatabase`. */
export function serviceOptions(
  environment: Pick<z.output<typeof variables>, keyof typeof SERVICE_VARIABLES>,
): Omit<ServiceOptions, 'databaseUrl'> {
  return {
    queueUrl: environment.QUEUE_URL,
    reportApi: { baseUrl: environment.REPORT_API_URL, apiKey: environment.REPORT_API_KEY },
    limits: reportLimits(environment),
    addresses: environment.OUTBOUND_ALLOW,
    patience: databasePatience(environment),
    secretKey: environment.METERLINE_SECRET_KEY,
    settleHours: environment.SETTLE_HOURS,
  };
}

/**
 * The URL that a process works with, and a warning where it was told the owner's: a reader of its environment owns the
 * tables.
 *
 * @throws PersistenceError when the login lacks a migration or a grant
 */
export async function serviceDatabase(url: string, logger: Pick<Logger, 'warn'>): Promise<string> {
  const login = await serviceLogin(url, prepareQueue);
  if (login.wasOwner) {
    logger.warn(
      { code: 'database_url_of_owner' },
      'DATABASE_URL logs in as an owner of the tables. The service works with a lesser login that was made for it, but this ' +
        "process knows the owner's password: run `meterline migrate` with MIGRATION_DATABASE_URL, and name a lesser login here",
    );
  }
  return login.url;
}
