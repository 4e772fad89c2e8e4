import { type ConfiguredReportApi, type Database, reportAccess, type SecretKey } from '#persistence';
import {
  createReportClient,
  type Dialect,
  dialectSchema,
  dialectSha256,
  type ReportClient,
  type ReportLogEntry,
  ReportTransport,
  type RetryPolicy,
  SealedKey,
  type TransportOptions,
} from '#report-client';

export interface ConnectorOptions {
  readonly database: Database;
  /** The service's own report API, for sellers that name none. */
  readonly configured: ConfiguredReportApi | undefined;
  readonly secretKey: SecretKey;
  readonly retry?: Partial<RetryPolicy>;
  /** Connections per origin and how long silence may last. */
  readonly connections?: TransportOptions;
  readonly log?: (entry: ReportLogEntry) => void;
}

/** The report API as one account is to ask it. */
export interface Connection {
  readonly client: ReportClient;
  readonly dialect: Dialect;
  readonly dialectSha256: string;
}

export interface Connectors {
  /**
   * Throws what `reportAccess` throws when there is no key for this account.
   *
   * @param patience what differs from the patience of a close
   */
  connect(accountId: string, patience?: Partial<RetryPolicy>): Promise<Connection>;
  close(): Promise<void>;
}

/** Opens a client per account on demand; all share one pool of connections per origin. */
export function createConnectors(options: ConnectorOptions): Connectors {
  const transport = new ReportTransport(options.connections);
  return {
    async connect(accountId, patience) {
      const access = await reportAccess(options.database, accountId, options.secretKey, options.configured);
      const dialect = dialectSchema.parse({ ...access.dialect, strict: access.strict });
      const client = createReportClient({
        baseUrl: access.baseUrl,
        apiKey: new SealedKey(access.apiKey),
        dialect,
        transport,
        retry: { ...options.retry, ...patience },
        ...(options.log && { log: options.log }),
      });
      return { client, dialect, dialectSha256: dialectSha256(dialect) };
    },
    close: () => transport.close(),
  };
}
