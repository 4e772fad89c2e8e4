import { type Database, PersistenceError, type Transaction } from '../ground/database.js';
import { openSecret, sealSecret, type SecretKey } from '../ground/secrets.js';
import { z } from 'zod';

/** How a seller's usage is read. The key is write-only and stands elsewhere, sealed. */
export interface ReportApiSettings {
  /** Null: the report API that the service is configured with. */
  base_url: string | null;
  /** What deviates from the documented form of the API; null: nothing. */
  dialect: Record<string, unknown> | null;
  /** Whether open questions about the vendor hold accounts. */
  strict: boolean;
  /** Requests with one key in flight, of all processes together; null: as the service is configured. */
  concurrency: number | null;
  /** Requests a second with one key; null: as the service is configured. */
  requests_per_second: string | null;
}

/** A rate of requests, as a positive decimal string. */
export const requestsPerSecondSchema = z
  .string()
  .regex(/^\d{1,4}(\.\d{1,3})?$/, 'must be a positive decimal such as "5" or "0.5"')
  .refine((text) => /[1-9]/.test(text), 'must be a positive decimal such as "5" or "0.5"');

/** Where and with which key an account's usage is pulled. */
export interface ReportAccess {
  baseUrl: string;
  apiKey: string;
  dialect: Record<string, unknown>;
  strict: boolean;
  concurrency: number | null;
  requestsPerSecond: string | null;
}

/** The service's own report API, for sellers that name none. Its key is sent nowhere else. */
export interface ConfiguredReportApi {
  baseUrl: string;
  apiKey: string;
}

// Stands for whichever report API the service is configured with.
const CONFIGURED = 'configured';

/** The one place a key may be sent to: the origin of the base_url it came with. */
export function keyDestination(baseUrl: string | null): string {
  return baseUrl === null ? CONFIGURED : new URL(baseUrl).origin;
}

/** Seals a report API key for its owner and for the origin of `baseUrl` alone. */
export function sealReportKey(
  secretKey: SecretKey,
  owner: ReportKeyOwner,
  baseUrl: string | null,
  apiKey: string,
): Uint8Array<ArrayBuffer> {
  return sealSecret(secretKey, apiKey, sealingContext(owner, baseUrl));
}

/** Who a report API key belongs to: an account's own key goes before its seller's. */
export type ReportKeyOwner = `seller:${string}` | `account:${string}`;

/** What is stored of where an account's usage is pulled from; keys are sealed. */
export interface StoredAccess {
  readonly accountId: string;
  readonly accountKey: Uint8Array | null;
  readonly sellerId: string;
  /** The seller's. */
  readonly code: string;
  readonly reportApi: unknown;
  readonly sellerKey: Uint8Array | null;
}

/** @throws PersistenceError `unknown_account` */
export async function loadAccess(database: Database | Transaction, accountId: string): Promise<StoredAccess> {
  const [row] = await database.$queryRaw<StoredAccess[]>`
    SELECT a.id AS "accountId", a.report_api_key AS "accountKey", s.id AS "sellerId", s.code,
           s.report_api AS "reportApi", s.report_api_key AS "sellerKey"
      FROM account a JOIN seller s ON s.id = a.seller_id WHERE a.id = ${accountId}::uuid`;
  if (!row) throw new PersistenceError('unknown_account', `there is no account ${accountId}`, false);
  return row;
}

/**
 * Where and with which key an account's usage is pulled: its own key, else its seller's, else the configured one, which
 * goes to the configured origin only.
 *
 * @throws PersistenceError `report_api_unconfigured`; `report_api_key_missing` when the seller has a base_url of its own and
 *   no key for it; `secret_does_not_open` when the key was given for another base_url
 */
export function reportAccess(
  stored: StoredAccess,
  secretKey: SecretKey,
  configured: ConfiguredReportApi | undefined,
): ReportAccess {
  const settings = readReportApi(stored.reportApi);
  const apiKey = stored.accountKey
    ? openSecret(secretKey, stored.accountKey, sealingContext(`account:${stored.accountId}`, settings.base_url))
    : stored.sellerKey
      ? openSecret(secretKey, stored.sellerKey, sealingContext(`seller:${stored.sellerId}`, settings.base_url))
      : configuredKeyFor(settings.base_url, configured);
  const baseUrl = settings.base_url ?? configured?.baseUrl;
  if (baseUrl === undefined) {
    throw new PersistenceError(
      'report_api_unconfigured',
      `there is no report API for seller ${stored.code}; set its report_api.base_url, or REPORT_API_URL`,
      false,
    );
  }
  if (apiKey === undefined) {
    throw new PersistenceError(
      'report_api_key_missing',
      `seller ${stored.code} has a report_api.base_url of its own but no key for it; set report_api.api_key`,
      false,
    );
  }
  return {
    baseUrl,
    apiKey,
    dialect: settings.dialect ?? {},
    strict: settings.strict,
    concurrency: settings.concurrency,
    requestsPerSecond: settings.requests_per_second,
  };
}

/** The settings as stored; a seller that says nothing uses the configured report API. */
export function readReportApi(stored: unknown): ReportApiSettings {
  return {
    base_url: null,
    dialect: null,
    strict: false,
    concurrency: null,
    requests_per_second: null,
    ...(stored as Partial<ReportApiSettings> | null),
  };
}

function configuredKeyFor(baseUrl: string | null, configured: ConfiguredReportApi | undefined): string | undefined {
  if (configured === undefined) return undefined;
  const ownOrigin = baseUrl === null || new URL(baseUrl).origin === new URL(configured.baseUrl).origin;
  return ownOrigin ? configured.apiKey : undefined;
}

function sealingContext(owner: ReportKeyOwner, baseUrl: string | null): string {
  return `report-api-key ${owner} ${keyDestination(baseUrl)}`;
}
