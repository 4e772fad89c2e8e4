import type { AccountTerms, BillingFacts, SellerFacts, SellerTerms } from '#billing';
import { advancesOfAccount, type DecidingDocument, decidingDocuments, demandUnaltered } from './advances.js';
import type { Database, Transaction } from './database.js';
import { DISCOUNTED_OF_ACCOUNT } from './discounted.js';
import { Prisma } from './generated/client.js';
import { readSettings } from './seller-settings.js';

/** What of a seller `s` decides what its accounts are billed by; settings that it never chose are added by `sellerFacts`. */
const SELLER = Prisma.sql`
  jsonb_build_object(
    'id', s.id, 'code', s.code, 'name', s.name, 'country', s.country, 'currency', s.currency, 'timeZone', s.time_zone,
    'taxId', s.tax_id, 'address', s.address, 'email', s.email, 'invoicePrefix', s.invoice_prefix,
    'fiscalYearStart', s.fiscal_year_start, 'numberStart', s.number_start, 'rounding', s.rounding,
    'payableRounding', s.payable_rounding, 'paymentTermsDays', s.payment_terms_days, 'edgePolicy', s.edge_policy,
    'bank', s.bank, 'reportApi', CASE WHEN s.report_api IS NOT NULL
                                       THEN jsonb_build_object('dialect', s.report_api->'dialect') END,
    'settleHours', s.settle_hours, 'settings', s.settings)`;

type SellerRow = Omit<SellerTerms, 'unregisteredUsage'> & { settleHours: number | null; settings: unknown };

function sellerFacts({ settleHours, settings, ...terms }: SellerRow): SellerFacts {
  const {
    unregistered_usage: unregisteredUsage,
    keep_raw: keepRaw,
    zero_invoices: zeroInvoices,
  } = readSettings(settings);
  return { ...terms, unregisteredUsage, operations: { settleHours, keepRaw, zeroInvoices } };
}

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
    (AccountTerms &
      Pick<BillingFacts, 'entities' | 'subscriptions' | 'versions'> & {
        seller: SellerRow;
        advances: NonNullable<BillingFacts['advances']> | null;
        discounted: NonNullable<BillingFacts['discounted']> | null;
        deciding: DecidingDocument[] | null;
      })[]
  >`
    SELECT a.id, a.external_id AS "externalId", a.name, a.currency, a.time_zone AS "timeZone", a.address,
           a.tax_id AS "taxId", a.email, a.taxes, a.payment_terms_days AS "paymentTermsDays",
           a.edge_policy AS "edgePolicy", ${SELLER} AS seller,
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
  const { seller, entities, subscriptions, versions, advances, discounted, deciding, ...account } = row;
  demandUnaltered(deciding);
  const facts = { seller: sellerFacts(seller), account, entities, subscriptions, versions };
  return { ...facts, ...(advances && { advances }), ...(discounted && { discounted }) };
}

/** Reads one seller by id. The row must exist: accounts and closes refer to it. */
export async function loadSellerFacts(database: Database | Transaction, sellerId: string): Promise<SellerFacts> {
  const [{ seller }] = await database.$queryRaw<[{ seller: SellerRow }]>`
    SELECT ${SELLER} AS seller FROM seller s WHERE s.id = ${sellerId}::uuid`;
  return sellerFacts(seller);
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
