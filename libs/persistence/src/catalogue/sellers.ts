import { type EpochSeconds, fiscalYear, fromStamp, localDateAt } from '#calendar';
import {
  type Address,
  type BankAccount,
  type Branding,
  type Contact,
  documentNumber,
  type ElectronicAddress,
  InvoicingError,
  type Language,
  stateOfGstin,
  type Registration,
} from '#invoicing';
import type { RoundingMode } from '#money';
import { v7 as uuid } from 'uuid';
import { recordAudit } from '../ground/audit.js';
import { type Changes, defined, jsonColumn } from '../ground/columns.js';
import { stamp, transaction } from '../ground/database.js';
import type { Catalogue, CatalogueTransaction } from '../ground/prisma.js';
import type { Prisma, Seller as SellerRow } from '../generated/client.js';
import { hasInvoiced } from '../ground/issued.js';
import { keyAfter, type Page, pageOf, type PageRequest } from '../ground/page.js';
import { refusal, type Refusal, refusing } from '../ground/refusal.js';
import { keyDestination, readReportApi, type ReportApiSettings, sealReportKey } from './report-access.js';
import type { SecretKey } from '../ground/secrets.js';
import { readSettings, type SellerSettings } from './seller-settings.js';

/** What happens to a bucket that a period's edge cuts: the period in which it starts owns it, or the account is held. */
export type EdgePolicy = 'own_by_start' | 'refuse';
/** What the payable amount is rounded to, beside an exact gross. */
export type PayableRounding = 'none' | '1' | '0.05';

/** The legal entity that issues, as it goes over the wire. */
export interface Seller {
  id: string;
  code: string;
  name: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
  currency: string;
  time_zone: string;
  tax_id: string | null;
  address: Address | null;
  email: string | null;
  /** First part of every invoice number. */
  invoice_prefix: string;
  /** How numbers are written, as `{prefix}-{year}-{sequence}`. */
  number_format: string;
  /** Month 1–12. */
  fiscal_year_start: number;
  /** The sequence of the first invoice; every other series begins with 1. */
  number_start: number;
  rounding: RoundingMode;
  payable_rounding: PayableRounding;
  payment_terms_days: number;
  /** Hours after the end of a period before it is billable; null: as the service is configured. */
  settle_hours: number | null;
  edge_policy: EdgePolicy;
  /** What documents are written in for accounts that have no language of their own; null: English. */
  language: Language | null;
  bank: BankAccount | null;
  /** Who answers questions about an invoice. */
  contact: Contact | null;
  /** Its entry in a register of companies. */
  registration: Registration | null;
  /** Where it is reached by electronic documents. */
  e_invoice: { endpoint: ElectronicAddress | null } | null;
  /** How its pages look; null: as the house draws them. */
  branding: Omit<Branding, 'logo'> | null;
  /** sha256 of the logo's bytes. */
  logo: string | null;
  /** What goods and services tax of India it charges; null: as the taxes of its accounts say. */
  gst: { rate: string | null; sac: string | null } | null;
  report_api: ReportApiSettings & { has_api_key: boolean };
  settings: SellerSettings;
  created_at: string;
  updated_at: string;
}

/** A new seller. `report_api.api_key` is sealed and never read back over the wire. */
export type NewSeller = Omit<Seller, 'id' | 'logo' | 'report_api' | 'settings' | 'created_at' | 'updated_at'> & {
  /** What is not said has its default. */
  report_api: Changes<ReportApiSettings> & { api_key: string | null };
  /** What is not said has its default. */
  settings: Changes<SellerSettings>;
};

/** Members that are absent or undefined stay as they are; those of `report_api` and `settings` one by one. */
export type SellerChange = Changes<Omit<NewSeller, 'code' | 'report_api' | 'settings'>> & {
  report_api?: Changes<NewSeller['report_api']> | undefined;
  settings?: Changes<SellerSettings> | undefined;
};

export async function createSeller(
  database: Catalogue,
  actor: string,
  seller: NewSeller,
  secretKey: SecretKey,
): Promise<Seller | Refusal<'seller_exists' | 'number_not_legal'>> {
  const illegal = illegalNumber(seller);
  if (illegal) return illegal;
  const id = uuid();
  const { api_key: apiKey, ...said } = seller.report_api;
  const reportApi = { ...readReportApi(null), ...defined(said) };
  return refusing(
    () =>
      transaction(database, async (tx) => {
        const row = await tx.seller.create({
          data: {
            ...columnsOf(seller),
            id,
            code: seller.code,
            reportApi: jsonColumn(reportApi),
            settings: jsonColumn(defined(seller.settings)),
            reportApiKey: apiKey === null ? null : sealReportKey(secretKey, `seller:${id}`, reportApi.base_url, apiKey),
          } as Prisma.SellerCreateInput,
        });
        await recordAudit(tx, { sellerId: id, actor, action: 'seller.created', subject: `seller:${id}` });
        return view(row);
      }),
    { seller_code_key: refusal('seller_exists', `a seller with the code ${seller.code} exists already`, '/code') },
  );
}

/**
 * Changes a seller. A stored report API key is never sent to another origin than the one it came with, so a change of
 * `report_api.base_url` to another origin needs the key again.
 */
export async function updateSeller(
  database: Catalogue,
  actor: string,
  code: string,
  change: SellerChange,
  secretKey: SecretKey,
): Promise<Seller | Refusal<'seller_not_found' | 'report_api_key_needed' | 'number_not_legal' | NumberingRefusal>> {
  return transaction(database, async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM seller WHERE code = ${code} FOR NO KEY UPDATE`;
    const before = await tx.seller.findUnique({ where: { code } });
    if (!before) return sellerNotFound(code);
    const illegal = illegalNumber({ ...view(before), ...defined(change) });
    if (illegal) return illegal;
    const broken = await brokenNumbering(tx, view(before), change);
    if (broken) return broken;
    const settings = readReportApi(before.reportApi);
    const { api_key: apiKey, ...changed } = change.report_api ?? {};
    const next = { ...settings, ...defined(changed) };
    if (
      before.reportApiKey !== null &&
      apiKey === undefined &&
      keyDestination(settings.base_url) !== keyDestination(next.base_url)
    ) {
      return refusal(
        'report_api_key_needed',
        'the stored key belongs to the former base_url; send api_key together with the new one, or null for none',
        '/report_api/api_key',
      );
    }
    const row = await tx.seller.update({
      where: { code },
      data: {
        ...columnsOf(change),
        reportApi: jsonColumn(next),
        settings: jsonColumn({ ...readSettings(before.settings), ...defined(change.settings ?? {}) }),
        ...(apiKey !== undefined && {
          reportApiKey: apiKey === null ? null : sealReportKey(secretKey, `seller:${before.id}`, next.base_url, apiKey),
        }),
        updatedAt: new Date(),
      },
    });
    await recordAudit(tx, {
      sellerId: before.id,
      actor,
      action: 'seller.changed',
      subject: `seller:${before.id}`,
      data: { members: Object.keys(defined(change)) },
    });
    return view(row);
  });
}

/** Undefined when there is no seller of that code. */
export async function findSeller(
  database: Catalogue | CatalogueTransaction,
  code: string,
): Promise<Seller | undefined> {
  const row = await database.seller.findUnique({ where: { code } });
  return row ? view(row) : undefined;
}

/** All sellers by code. */
export async function listSellers(
  database: Catalogue | CatalogueTransaction,
  request: PageRequest,
): Promise<Page<Seller>> {
  const after = keyAfter(request);
  const rows = await database.seller.findMany({
    where: after === undefined ? {} : { code: { gt: after } },
    orderBy: { code: 'asc' },
    take: request.limit + 1,
  });
  return pageOf(rows, request.limit, (row) => row.code, view);
}

/** The columns of the members that are there; the report API's are sealed and merged by the callers. */
function columnsOf(seller: SellerChange): Prisma.SellerUpdateInput {
  return defined({
    name: seller.name,
    country: seller.country,
    currency: seller.currency,
    timeZone: seller.time_zone,
    taxId: seller.tax_id,
    address: seller.address === undefined ? undefined : jsonColumn(seller.address),
    email: seller.email,
    invoicePrefix: seller.invoice_prefix,
    numberFormat: seller.number_format,
    fiscalYearStart: seller.fiscal_year_start,
    numberStart: seller.number_start,
    rounding: seller.rounding,
    payableRounding: seller.payable_rounding,
    paymentTermsDays: seller.payment_terms_days,
    settleHours: seller.settle_hours,
    edgePolicy: seller.edge_policy,
    bank: seller.bank === undefined ? undefined : jsonColumn(seller.bank),
    language: seller.language,
    contact: seller.contact === undefined ? undefined : jsonColumn(seller.contact),
    registration: seller.registration === undefined ? undefined : jsonColumn(seller.registration),
    eInvoice: seller.e_invoice === undefined ? undefined : jsonColumn(seller.e_invoice),
    branding: seller.branding === undefined ? undefined : jsonColumn(seller.branding),
    gst: seller.gst === undefined ? undefined : jsonColumn(seller.gst),
  });
}

type NumberingRefusal = 'numbering_has_begun' | 'fiscal_year_left';

/**
 * Refuses what would break the numbers of documents that are out: another first number of a series that has begun, and a
 * calendar by which a fiscal year would be open that numbers were given out after. Another prefix breaks nothing: sequences
 * go on below it.
 */
async function brokenNumbering(
  tx: CatalogueTransaction,
  seller: Seller,
  change: SellerChange,
): Promise<Refusal<NumberingRefusal> | undefined> {
  const next = { ...seller, ...defined(change) };
  const yearBy = (of: Pick<Seller, 'time_zone' | 'fiscal_year_start'>, now: EpochSeconds) =>
    fiscalYear(localDateAt(now, of.time_zone), of.fiscal_year_start);
  const [series] = await tx.$queryRaw<
    { latest: number | null; invoiced: boolean; now: string }[]
  >`SELECT (SELECT max(fiscal_year) FROM number_series WHERE seller_id = ${seller.id}::uuid) AS latest,
           ${hasInvoiced(seller.id)} AS invoiced, ${stamp('clock_timestamp()')} AS now`;
  if (!series || series.latest === null) return undefined;
  const now = fromStamp(series.now);
  if (next.number_start !== seller.number_start && series.invoiced) {
    const year = yearBy(seller, now);
    const [present] = await tx.$queryRaw<{ sequence: bigint }[]>`
      SELECT next_sequence AS sequence FROM number_series
       WHERE seller_id = ${seller.id}::uuid AND kind = 'invoice' AND fiscal_year = ${year}`;
    const of = {
      prefix: seller.invoice_prefix,
      year,
      sequence: Number(present?.sequence ?? 1),
      country: seller.country,
      format: seller.number_format,
    };
    const message = `${seller.code} has issued invoices, and the next is ${documentNumber(of)}; number_start is that of the first only`;
    return refusal('numbering_has_begun', message, '/number_start');
  }
  const year = yearBy(next, now);
  if (year >= series.latest || year === yearBy(seller, now)) return undefined;
  const member = next.fiscal_year_start === seller.fiscal_year_start ? 'time_zone' : 'fiscal_year_start';
  const message =
    `with this ${member} it is the fiscal year ${year} now, and ${seller.code} has given out numbers of ${series.latest}; ` +
    `change it when ${series.latest} has begun by it`;
  return refusal('fiscal_year_left', message, `/${member}`);
}

/** Four digits, as every fiscal year has for a long time to come. */
const SOME_YEAR = 2026;

/** Zones in which it is the same time as in all of India. */
const INDIAN_ZONES: ReadonlySet<string> = new Set(['Asia/Kolkata', 'Asia/Calcutta']);

/** Refuses what would give the first invoice or note a number that the law of the seller's country forbids. */
function illegalNumber(
  seller: Pick<
    Seller,
    'invoice_prefix' | 'number_format' | 'number_start' | 'fiscal_year_start' | 'country' | 'tax_id' | 'time_zone'
  >,
): Refusal<'number_not_legal'> | undefined {
  const { invoice_prefix: prefix, number_start: sequence, country, number_format: format, time_zone: zone } = seller;
  if (format.includes('{fy}') && seller.fiscal_year_start === 1) {
    const message =
      'a fiscal year that begins in January lies in one year; write {year} in number_format instead of {fy}';
    return refusal('number_not_legal', message, '/number_format');
  }
  // The financial year of the law turns at midnight in India (General Clauses Act 1897 s. 3 (21)), and dates are those there.
  if (country === 'IN' && stateOfGstin(seller.tax_id) !== undefined && !INDIAN_ZONES.has(zone)) {
    const message = `documents of a seller with a GSTIN have the dates of India, not those of ${zone}; set time_zone to Asia/Kolkata`;
    return refusal('number_not_legal', message, '/time_zone');
  }
  try {
    documentNumber({ prefix, year: SOME_YEAR, sequence, country, format });
    documentNumber({ prefix: 'CN', year: SOME_YEAR, sequence: 1, country, format });
    return undefined;
  } catch (error) {
    if (error instanceof InvoicingError) return refusal('number_not_legal', error.message, '/invoice_prefix');
    throw error;
  }
}

function view(row: SellerRow): Seller {
  return {
    id: row.id,
    code: row.code,
    name: row.name,
    country: row.country,
    currency: row.currency,
    time_zone: row.timeZone,
    tax_id: row.taxId,
    address: row.address as Address | null,
    email: row.email,
    invoice_prefix: row.invoicePrefix,
    number_format: row.numberFormat,
    fiscal_year_start: row.fiscalYearStart,
    number_start: row.numberStart,
    rounding: row.rounding as RoundingMode,
    payable_rounding: row.payableRounding as PayableRounding,
    payment_terms_days: row.paymentTermsDays,
    settle_hours: row.settleHours,
    edge_policy: row.edgePolicy as EdgePolicy,
    bank: row.bank as Seller['bank'],
    language: row.language as Language | null,
    contact: row.contact as Seller['contact'],
    registration: row.registration as Seller['registration'],
    e_invoice: row.eInvoice as Seller['e_invoice'],
    branding: row.branding as Seller['branding'],
    logo: row.logo,
    gst: row.gst as Seller['gst'],
    report_api: { ...readReportApi(row.reportApi), has_api_key: row.reportApiKey !== null },
    settings: readSettings(row.settings),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

function sellerNotFound(code: string): Refusal<'seller_not_found'> {
  return refusal('seller_not_found', `there is no seller with the code ${JSON.stringify(code)}`);
}
