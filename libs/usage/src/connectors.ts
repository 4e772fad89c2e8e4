import type { HoldCode, ReportTraits } from '#billing';
import { type Database, type Patience, PersistenceError, type SecretKey } from '#persistence';
import {
  type ConfiguredReportApi,
  loadAccess,
  reportAccess,
  ReportGates,
  type ReportLimits,
  type StoredAccess,
} from '#persistence/catalogue';
import {
  createReportClient,
  DIALECTS,
  type Dialects,
  OutboundAddresses,
  type RangesTaken,
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
  /** How often the configured report API may be asked, and others that say nothing themselves. */
  readonly limits?: ReportLimits;
  /** Where processes share those limits. Absent: each process keeps to its connections. */
  readonly databaseUrl?: string;
  /** How long a process that froze keeps what it holds of them. */
  readonly patience?: Patience;
  /** Connections per origin and how long silence may last. */
  readonly connections?: TransportOptions;
  /** Where sellers' report APIs may be, beside the configured one. Default: at public addresses over HTTPS. */
  readonly addresses?: OutboundAddresses;
  /** The dialects that sellers may name. Default: those of the service. */
  readonly dialects?: Dialects;
  readonly log?: (entry: ReportLogEntry) => void;
}

/** The report API as one account is to ask it. */
export interface Connection {
  readonly client: ReportClient;
  /** What it is like, as far as what is billed depends on it. */
  readonly traits: ReportTraits;
  /** Of the settings it is read by: goes onto the invoice. */
  readonly dialectSha256: string;
}

export interface Connectors {
  /**
   * Throws what `reportAccess` throws when there is no key for this account.
   *
   * @param account its id, or what is stored of it where that is known already
   * @param patience what differs from the patience of a close
   */
  connect(account: string | StoredAccess, patience?: Partial<RetryPolicy>): Promise<Connection>;
  close(): Promise<void>;
}

/** Settings without which there is no report API to ask; an operator has to fill them in. */
const UNCONNECTED = [
  'report_api_unconfigured',
  'report_api_key_missing',
  'secret_does_not_open',
] as const satisfies readonly HoldCode[];
type UnconnectedCode = (typeof UNCONNECTED)[number];

/** Whether an error says that such a setting is missing. */
export function isUnconnected(error: unknown): error is PersistenceError & { readonly code: UnconnectedCode } {
  return error instanceof PersistenceError && UNCONNECTED.some((code) => code === error.code);
}

/** What an API bears whose limits the operator has not set: they are not published. */
const DEFAULT_LIMITS: ReportLimits = { concurrency: 8, requestsPerSecond: null };

/** Opens a client per account on demand; all share one pool of connections per origin. */
export function createConnectors(options: ConnectorOptions): Connectors {
  const { configured, addresses = OutboundAddresses.PUBLIC, dialects = DIALECTS } = options;
  const transport = new ReportTransport({
    ...options.connections,
    addresses: configured ? addresses.withOrigin(configured.baseUrl) : addresses,
  });
  const { limits = DEFAULT_LIMITS, databaseUrl, secretKey } = options;
  const rangesTaken: RangesTaken = new Map();
  const gates = databaseUrl === undefined ? undefined : new ReportGates(databaseUrl, secretKey, options.patience);
  const connectBy = (stored: StoredAccess, patience?: Partial<RetryPolicy>): Connection => {
    const access = reportAccess(stored, options.secretKey, configured);
    const dialect = dialects.speak({ ...access.dialect, strict: access.strict });
    const gate = gates?.of(new URL(access.baseUrl).origin, access.apiKey, {
      concurrency: access.concurrency ?? limits.concurrency,
      requestsPerSecond: access.requestsPerSecond ?? limits.requestsPerSecond,
    });
    const client = createReportClient({
      baseUrl: access.baseUrl,
      apiKey: new SealedKey(access.apiKey),
      dialect,
      transport,
      rangesTaken,
      ...(gate && { gate }),
      retry: { ...options.retry, ...patience },
      ...(options.log && { log: options.log }),
    });
    return { client, traits: dialect.traits, dialectSha256: dialect.sha256 };
  };
  return {
    connect: async (account, patience) => {
      const stored = typeof account === 'string' ? await loadAccess(options.database, account) : account;
      return connectBy(stored, patience);
    },
    close: async () => {
      await transport.close();
      await gates?.close();
    },
  };
}
