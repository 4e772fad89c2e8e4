import type { LocalDate } from '#calendar';
import type { AccountTax, Address } from '#invoicing';
import type { Database, Transaction } from './database.js';

/** Everything that stands in the database and decides what an account pays for a period, usage apart. */
export interface BillingFacts {
  readonly seller: SellerFacts;
  readonly account: AccountFacts;
  readonly entities: readonly {
    readonly dimension: 'customer_site_id' | 'msisdn' | 'imsi';
    readonly value: string;
    readonly name: string | null;
    readonly activeFrom: LocalDate | null;
    readonly activeUntil: LocalDate | null;
  }[];
  readonly subscriptions: readonly {
    readonly planCode: string;
    readonly startDate: LocalDate;
    readonly endDate: LocalDate | null;
  }[];
  /** Published versions of the plans the account is subscribed to. */
  readonly versions: readonly {
    readonly code: string;
    readonly version: number;
    readonly effectiveFrom: LocalDate;
    readonly document: unknown;
    readonly sha256: string;
  }[];
}

export interface SellerFacts {
  readonly id: string;
  readonly code: string;
  readonly name: string;
  readonly country: string;
  readonly currency: string;
  readonly timeZone: string;
  readonly taxId: string | null;
  readonly address: Address | null;
  readonly email: string | null;
  readonly invoicePrefix: string;
  readonly fiscalYearStart: number;
  readonly numberStart: number;
  readonly rounding: 'half_up' | 'half_even';
  readonly payableRounding: 'none' | '1' | '0.05';
  readonly paymentTermsDays: number;
  readonly settleHours: number | null;
  readonly edgePolicy: 'own_by_start' | 'refuse';
  /** What usage that belongs to no registered entity does to an account. */
  readonly unregisteredUsage: 'warn' | 'hold';
  /** Whether answers of the report API are kept also when nothing is wrong with them. */
  readonly keepRaw: boolean;
  readonly bank: { readonly iban: string | null; readonly bic: string | null } | null;
  readonly reportApi: ReportApiFacts | null;
  /** Sealed; opened by whoever asks the report API. */
  readonly reportApiKey: Uint8Array | null;
}

export interface ReportApiFacts {
  readonly base_url?: string | null;
  readonly dialect?: unknown;
  readonly strict?: boolean | null;
}

export interface AccountFacts {
  readonly id: string;
  readonly externalId: string;
  readonly name: string;
  readonly currency: string;
  readonly timeZone: string;
  readonly address: Address | null;
  readonly taxId: string | null;
  readonly email: string | null;
  readonly taxes: readonly AccountTax[];
  readonly paymentTermsDays: number | null;
  readonly edgePolicy: 'own_by_start' | 'refuse' | null;
  readonly reportApiKey: Uint8Array | null;
}

/** Reads the facts of one account, in a fixed order so that equal facts read equal. Undefined when there is none. */
export async function loadBillingFacts(
  database: Database | Transaction,
  accountId: string,
): Promise<BillingFacts | undefined> {
  const [account] = await database.$queryRaw<(AccountFacts & { sellerId: string })[]>`
    SELECT id, seller_id AS "sellerId", external_id AS "externalId", name, currency, time_zone AS "timeZone", address,
           tax_id AS "taxId", email, taxes, payment_terms_days AS "paymentTermsDays", edge_policy AS "edgePolicy",
           report_api_key AS "reportApiKey"
      FROM account WHERE id = ${accountId}::uuid`;
  if (!account) return undefined;
  const { sellerId, ...facts } = account;
  const seller = await loadSellerFacts(database, sellerId);
  const entities = await database.$queryRaw<BillingFacts['entities']>`
    SELECT dimension, value, name, active_from::text AS "activeFrom", active_until::text AS "activeUntil"
      FROM entity WHERE account_id = ${accountId}::uuid ORDER BY dimension, value, active_from NULLS FIRST`;
  const subscriptions = await database.$queryRaw<BillingFacts['subscriptions']>`
    SELECT plan_code AS "planCode", starts_at::text AS "startDate", ends_at::text AS "endDate"
      FROM subscription WHERE account_id = ${accountId}::uuid ORDER BY starts_at`;
  const codes = [...new Set(subscriptions.map(({ planCode }) => planCode))];
  const versions = await database.$queryRaw<BillingFacts['versions']>`
    SELECT code, version, effective_from::text AS "effectiveFrom", document, document_sha256 AS sha256
      FROM tariff_plan_version WHERE status = 'published' AND code = ANY(${codes}::text[])
     ORDER BY code, effective_from`;
  return { seller, account: facts, entities, subscriptions, versions };
}

/** Reads one seller by id. The row must exist: accounts and closes refer to it. */
export async function loadSellerFacts(database: Database | Transaction, sellerId: string): Promise<SellerFacts> {
  const [seller] = await database.$queryRaw<[SellerFacts]>`
    SELECT id, code, name, country, currency, time_zone AS "timeZone", tax_id AS "taxId", address, email,
           invoice_prefix AS "invoicePrefix", fiscal_year_start AS "fiscalYearStart", number_start AS "numberStart",
           rounding, payable_rounding AS "payableRounding", payment_terms_days AS "paymentTermsDays",
           settle_hours AS "settleHours", edge_policy AS "edgePolicy", bank, report_api AS "reportApi",
           report_api_key AS "reportApiKey", coalesce(settings->>'unregistered_usage', 'warn') AS "unregisteredUsage",
           coalesce((settings->>'keep_raw')::boolean, false) AS "keepRaw"
      FROM seller WHERE id = ${sellerId}::uuid`;
  return seller;
}

/** The id of a seller by its code, or undefined. */
export async function findSellerId(database: Database | Transaction, code: string): Promise<string | undefined> {
  const [seller] = await database.$queryRaw<{ id: string }[]>`SELECT id FROM seller WHERE code = ${code}`;
  return seller?.id;
}

/** Which of the ids are accounts of the seller. */
export async function accountsOfSeller(
  database: Database | Transaction,
  sellerId: string,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await database.$queryRaw<{ id: string }[]>`
    SELECT id FROM account WHERE seller_id = ${sellerId}::uuid AND id = ANY(${[...ids]}::uuid[])`;
  return rows.map((row) => row.id);
}
