import type { BillingPeriod, LocalDate } from '#calendar';
import type { AccountTax, Address } from '#invoicing';
import type { BilledDiscount, FeeBilledAhead } from '#rating';
import { advancesOfAccount, type DecidingDocument, decidingDocuments, demandUnaltered } from './advances.js';
import type { Database, Transaction } from './database.js';
import { DISCOUNTED_OF_ACCOUNT } from './discounted.js';
import { Prisma } from './generated/client.js';

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
  /**
   * What other documents have billed ahead, for facts of one period: by the one before, and by this one as the next one's
   * document counts it, where that is issued already. Absent from inputs of documents that were issued before it was kept.
   */
  readonly advances?: {
    readonly billed: readonly FeeBilledAhead[];
    readonly counted: readonly FeeBilledAhead[] | null;
  };
  /**
   * The months that standing documents have discounted by discounts that are limited to some periods. Absent where no plan
   * of the account has such a discount, and from inputs of documents that were issued before it was kept.
   */
  readonly discounted?: readonly BilledDiscount[];
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
  /** What an account gets whose lines are all zero. */
  readonly zeroInvoices: 'skip' | 'issue';
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

/** The facts of a seller `s` but for its key, which is no text. */
const SELLER = Prisma.sql`
  jsonb_build_object(
    'id', s.id, 'code', s.code, 'name', s.name, 'country', s.country, 'currency', s.currency, 'timeZone', s.time_zone,
    'taxId', s.tax_id, 'address', s.address, 'email', s.email, 'invoicePrefix', s.invoice_prefix,
    'fiscalYearStart', s.fiscal_year_start, 'numberStart', s.number_start, 'rounding', s.rounding,
    'payableRounding', s.payable_rounding, 'paymentTermsDays', s.payment_terms_days, 'settleHours', s.settle_hours,
    'edgePolicy', s.edge_policy, 'bank', s.bank, 'reportApi', s.report_api,
    'unregisteredUsage', coalesce(s.settings->>'unregistered_usage', 'warn'),
    'keepRaw', coalesce((s.settings->>'keep_raw')::boolean, false),
    'zeroInvoices', coalesce(s.settings->>'zero_invoices', 'skip'))`;

type SellerRow = { seller: Omit<SellerFacts, 'reportApiKey'>; sellerKey: Uint8Array | null };

/**
 * Reads the facts of one account, in a fixed order so that equal facts read equal. Undefined when there is none. In one
 * statement: they are read twice for every account of a close, and are the facts of one moment outside a transaction too.
 *
 * @param periodLabel the month `YYYY-MM` that they are to bill; absent = of no period, and without advances
 * @throws DocumentAltered when a document that decides what was billed in advance or discounted is not as it was issued
 */
export async function loadBillingFacts(
  database: Database | Transaction,
  accountId: string,
  periodLabel?: string,
): Promise<BillingFacts | undefined> {
  const [row] = await database.$queryRaw<
    (AccountFacts &
      SellerRow &
      Pick<BillingFacts, 'entities' | 'subscriptions' | 'versions'> & {
        advances: NonNullable<BillingFacts['advances']> | null;
        discounted: NonNullable<BillingFacts['discounted']> | null;
        deciding: DecidingDocument[] | null;
      })[]
  >`
    SELECT a.id, a.external_id AS "externalId", a.name, a.currency, a.time_zone AS "timeZone", a.address,
           a.tax_id AS "taxId", a.email, a.taxes, a.payment_terms_days AS "paymentTermsDays",
           a.edge_policy AS "edgePolicy", a.report_api_key AS "reportApiKey",
           ${SELLER} AS seller, s.report_api_key AS "sellerKey",
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'dimension', e.dimension, 'value', e.value, 'name', e.name,
                     'activeFrom', e.active_from::text, 'activeUntil', e.active_until::text)
                   ORDER BY e.dimension, e.value, e.active_from NULLS FIRST), '[]')
              FROM entity e WHERE e.account_id = a.id) AS entities,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'planCode', b.plan_code, 'startDate', b.starts_at::text, 'endDate', b.ends_at::text)
                   ORDER BY b.starts_at), '[]')
              FROM subscription b WHERE b.account_id = a.id) AS subscriptions,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'code', v.code, 'version', v.version, 'effectiveFrom', v.effective_from::text,
                     'document', v.document, 'sha256', v.document_sha256)
                   ORDER BY v.code, v.effective_from), '[]')
              FROM tariff_plan_version v
             WHERE v.status = 'published'
               AND v.code IN (SELECT b.plan_code FROM subscription b WHERE b.account_id = a.id)) AS versions,
           ${periodLabel === undefined ? Prisma.sql`NULL::jsonb` : advancesOfAccount(periodLabel)} AS advances,
           ${DISCOUNTED_OF_ACCOUNT} AS discounted,
           ${periodLabel === undefined ? Prisma.sql`NULL::jsonb` : decidingDocuments(periodLabel)} AS deciding
      FROM account a JOIN seller s ON s.id = a.seller_id WHERE a.id = ${accountId}::uuid`;
  if (!row) return undefined;
  const { seller, sellerKey, entities, subscriptions, versions, advances, discounted, deciding, ...account } = row;
  demandUnaltered(deciding);
  const facts = { seller: { ...seller, reportApiKey: sellerKey }, account, entities, subscriptions, versions };
  return { ...facts, ...(advances && { advances }), ...(discounted && { discounted }) };
}

/**
 * The facts that can bear on one period, and no others: what was registered, agreed or published for later is none of its
 * business. A subscription that ended the day before is, for its fee may have been billed in advance. Pure; whoever rates
 * and whoever hashes what was rated look through this, so that nothing is rated by what no hash covers.
 */
export function factsOfPeriod(facts: BillingFacts, { startDate, endDate }: BillingPeriod): BillingFacts {
  const subscriptions = facts.subscriptions.filter(
    (each) => each.startDate < endDate && (each.endDate === null || each.endDate >= startDate),
  );
  const plans = new Set(subscriptions.map(({ planCode }) => planCode));
  return {
    ...facts,
    subscriptions,
    entities: facts.entities.filter(
      ({ activeFrom, activeUntil }) =>
        (activeFrom === null || activeFrom < endDate) && (activeUntil === null || activeUntil > startDate),
    ),
    versions: facts.versions.filter(({ code, effectiveFrom }) => plans.has(code) && effectiveFrom < endDate),
    ...(facts.discounted && { discounted: facts.discounted.filter(({ planCode }) => plans.has(planCode)) }),
  };
}

/** Reads one seller by id. The row must exist: accounts and closes refer to it. */
export async function loadSellerFacts(database: Database | Transaction, sellerId: string): Promise<SellerFacts> {
  const [{ seller, sellerKey }] = await database.$queryRaw<[SellerRow]>`
    SELECT ${SELLER} AS seller, s.report_api_key AS "sellerKey" FROM seller s WHERE s.id = ${sellerId}::uuid`;
  return { ...seller, reportApiKey: sellerKey };
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
