import type { SellerFacts, SellerTerms } from '#billing';
import * as Prisma from '../ground/prisma.js';
import type { Database, Transaction } from '../ground/database.js';
import { readSettings, type SellerSettings } from './seller-settings.js';

/** What of a seller `s` decides what its accounts are billed by; settings that it never chose are added by `sellerFacts`. */
export const SELLER = Prisma.sql`
  jsonb_build_object(
    'id', s.id, 'code', s.code, 'name', s.name, 'country', s.country, 'currency', s.currency, 'timeZone', s.time_zone,
    'taxId', s.tax_id, 'address', s.address, 'email', s.email, 'invoicePrefix', s.invoice_prefix, 'numberFormat', s.number_format,
    'fiscalYearStart', s.fiscal_year_start, 'numberStart', s.number_start, 'rounding', s.rounding,
    'payableRounding', s.payable_rounding, 'paymentTermsDays', s.payment_terms_days, 'edgePolicy', s.edge_policy,
    'bank', s.bank, 'reportApi', CASE WHEN s.report_api IS NOT NULL
                                       THEN jsonb_build_object('dialect', s.report_api->'dialect') END,
    'contact', s.contact, 'registration', s.registration, 'eInvoice', s.e_invoice, 'language', s.language,
    'branding', NULLIF(jsonb_strip_nulls(COALESCE(s.branding, '{}') || jsonb_build_object('logo', s.logo)), '{}'),
    'gst', s.gst, 'settleHours', s.settle_hours, 'settings', s.settings)`;

export type SellerRow = Omit<SellerTerms, 'unregisteredUsage'> & { settleHours: number | null; settings: unknown };

export function sellerFacts({ settleHours, settings, ...terms }: SellerRow): SellerFacts {
  const {
    unregistered_usage: unregisteredUsage,
    keep_raw: keepRaw,
    zero_invoices: zeroInvoices,
  } = readSettings(settings);
  return { ...terms, unregisteredUsage, operations: { settleHours, keepRaw, zeroInvoices } };
}

/** Reads one seller by id. The row must exist: accounts and closes refer to it. */
export async function loadSellerFacts(database: Database | Transaction, sellerId: string): Promise<SellerFacts> {
  const [{ seller }] = await database.$queryRaw<[{ seller: SellerRow }]>`
    SELECT ${SELLER} AS seller FROM seller s WHERE s.id = ${sellerId}::uuid`;
  return sellerFacts(seller);
}

/** The settings of a seller by its code, or undefined. */
export async function loadSettings(
  database: Database | Transaction,
  code: string,
): Promise<SellerSettings | undefined> {
  const [seller] = await database.$queryRaw<{ settings: unknown }[]>`SELECT settings FROM seller WHERE code = ${code}`;
  return seller && readSettings(seller.settings);
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
