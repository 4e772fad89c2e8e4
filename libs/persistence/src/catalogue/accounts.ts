import { startOfDay, toStamp } from '#calendar';
import { hasElectronicForm } from '#e-invoice';
import type { AccountTax, Address, CustomerEInvoice, GstTerms, Language, Registration } from '#invoicing';
import { v7 as uuid } from 'uuid';
import { recordAudit } from '../ground/audit.js';
import { type Changes, defined, jsonColumn, localDateOf } from '../ground/columns.js';
import { transaction } from '../ground/database.js';
import type { Catalogue, CatalogueTransaction } from '../ground/prisma.js';
import type { Account as AccountRow, Prisma } from '../generated/client.js';
import { type Page, pageOf, type PageRequest, uuidAfter } from '../ground/page.js';
import { refusal, type Refusal, refusing } from '../ground/refusal.js';
import { readReportApi, sealReportKey } from './report-access.js';
import type { SecretKey } from '../ground/secrets.js';
import type { EdgePolicy } from './sellers.js';

/** The customer, as it goes over the wire. */
export interface Account {
  id: string;
  /** What the report API calls the account; unique per seller. */
  external_id: string;
  /** The seller's code. */
  seller: string;
  name: string;
  currency: string;
  time_zone: string;
  address: Address | null;
  tax_id: string | null;
  email: string | null;
  taxes: AccountTax[];
  /** Null: the seller's. */
  payment_terms_days: number | null;
  /** Null: the seller's. */
  edge_policy: EdgePolicy | null;
  /** What its documents are written in; null: the seller's. */
  language: Language | null;
  /** Its entry in a register of companies. */
  registration: Registration | null;
  /** The electronic form of its documents that it wants, and what that form says of it; null: nothing. */
  e_invoice: CustomerEInvoice | null;
  /** Where its supplies take place in India, where its GSTIN and its address do not say so; null: they do. */
  gst: GstTerms | null;
  has_report_api_key: boolean;
  created_at: string;
  updated_at: string;
}

/** A new account. Currency and zone are the seller's when null. `report_api_key` is sealed and never read back. */
export type NewAccount = Omit<
  Account,
  'id' | 'currency' | 'time_zone' | 'has_report_api_key' | 'created_at' | 'updated_at'
> & { currency: string | null; time_zone: string | null; report_api_key: string | null };

/** Members that are absent or undefined stay as they are. */
export type AccountChange = Changes<
  Omit<NewAccount, 'currency' | 'time_zone'> & { currency: string; time_zone: string }
>;

const SELLER_CODE = { seller: { select: { code: true } } } as const;

export async function createAccount(
  database: Catalogue,
  actor: string,
  account: NewAccount,
  secretKey: SecretKey,
): Promise<Account | Refusal<'unknown_seller' | 'external_id_taken' | 'currency_not_in_e_invoices'>> {
  return refusing(
    () =>
      transaction(database, async (tx) => {
        const seller = await tx.seller.findUnique({ where: { code: account.seller } });
        if (!seller) return unknownSeller(account.seller);
        const id = uuid();
        const currency = account.currency ?? seller.currency;
        const formless = noElectronicForm(account.e_invoice, currency);
        if (formless) return formless;
        const row = await tx.account.create({
          data: {
            ...(columnsOf(account) as Prisma.AccountUncheckedCreateInput),
            id,
            sellerId: seller.id,
            currency,
            timeZone: account.time_zone ?? seller.timeZone,
            reportApiKey: sealed(secretKey, id, seller.reportApi, account.report_api_key),
          },
          include: SELLER_CODE,
        });
        await recordAudit(tx, { sellerId: seller.id, actor, action: 'account.created', subject: `account:${id}` });
        return view(row);
      }),
    { account_seller_id_external_id_key: externalIdTaken(account.external_id) },
  );
}

/**
 * Changes an account. Currency, zone and seller are part of what was issued and cannot change after the first invoice;
 * the zone not even after usage was kept, because the instants that a period owns are cut in it.
 */
export async function updateAccount(
  database: Catalogue,
  actor: string,
  id: string,
  change: AccountChange,
  secretKey: SecretKey,
): Promise<
  | Account
  | Refusal<
      | 'account_not_found'
      | 'unknown_seller'
      | 'external_id_taken'
      | 'account_frozen'
      | 'currency_mismatch'
      | 'currency_not_in_e_invoices'
      | 'entity_taken'
    >
> {
  return refusing(
    () =>
      transaction(database, async (tx) => {
        const before = await lockAccount(tx, id);
        if (!before) return accountNotFound(id);
        const seller = await tx.seller.findUnique({ where: { code: change.seller ?? before.seller.code } });
        if (!seller) return unknownSeller(change.seller ?? '');
        const moved = {
          currency: change.currency !== undefined && change.currency !== before.currency,
          time_zone: change.time_zone !== undefined && change.time_zone !== before.timeZone,
          seller: seller.id !== before.sellerId,
        };
        const frozen = await frozenMember(tx, id, moved);
        if (frozen) return frozen;
        const formless = noElectronicForm(
          change.e_invoice === undefined ? (before.eInvoice as CustomerEInvoice | null) : change.e_invoice,
          change.currency ?? before.currency,
        );
        if (formless) return formless;
        if (moved.currency) {
          const [other] = await tx.$queryRaw<{ code: string; currency: string }[]>`
            SELECT p.code, p.currency FROM subscription s JOIN tariff_plan_version p ON p.code = s.plan_code
             WHERE s.account_id = ${id}::uuid AND p.status = 'published' AND p.currency <> ${change.currency} LIMIT 1`;
          if (other) {
            return refusal(
              'currency_mismatch',
              `the account subscribes to plan ${other.code}, which is in ${other.currency}; nothing is converted`,
              '/currency',
            );
          }
        }
        const row = await tx.account.update({
          where: { id },
          data: {
            ...columnsOf(change),
            seller: { connect: { id: seller.id } },
            ...(change.report_api_key !== undefined && {
              reportApiKey: sealed(secretKey, id, seller.reportApi, change.report_api_key),
            }),
            updatedAt: new Date(),
          },
          include: SELLER_CODE,
        });
        if (moved.time_zone || moved.seller) await recutEntities(tx, row);
        await recordAudit(tx, {
          sellerId: seller.id,
          actor,
          action: 'account.changed',
          subject: `account:${id}`,
          data: { members: Object.keys(defined(change)) },
        });
        return view(row);
      }),
    {
      account_seller_id_external_id_key: externalIdTaken(change.external_id),
      entity_seller_id_dimension_value_active_excl: refusal(
        'entity_taken',
        'an entity of the account is already registered for another account of that seller',
        '/seller',
      ),
    },
  );
}

/** Undefined when there is no such account. */
export async function findAccount(
  database: Catalogue | CatalogueTransaction,
  id: string,
): Promise<Account | undefined> {
  const row = await database.account.findUnique({ where: { id }, include: SELLER_CODE });
  return row ? view(row) : undefined;
}

/** Accounts in the order they were created. */
export async function listAccounts(
  database: Catalogue | CatalogueTransaction,
  filter: { id?: string | undefined; seller?: string | undefined; external_id?: string | undefined },
  request: PageRequest,
): Promise<Page<Account>> {
  const after = uuidAfter(request);
  const of =
    filter.seller === undefined ? undefined : await database.seller.findUnique({ where: { code: filter.seller } });
  if (of === null) return { data: [], next_cursor: null };
  const rows = await database.account.findMany({
    where: {
      id: { ...(filter.id !== undefined && { equals: filter.id }), ...(after !== undefined && { gt: after }) },
      ...(of && { sellerId: of.id }),
      ...(filter.external_id !== undefined && { externalId: filter.external_id }),
    },
    include: SELLER_CODE,
    orderBy: { id: 'asc' },
    take: request.limit + 1,
  });
  return pageOf(rows, request.limit, (row) => row.id, view);
}

export function accountNotFound(id: string): Refusal<'account_not_found'> {
  return refusal('account_not_found', `there is no account ${id}`);
}

/**
 * The account, locked against every other writer of its subscriptions and entities and against the issuing of an invoice,
 * whose foreign key waits for this lock. Undefined when there is none.
 */
export async function lockAccount(
  tx: CatalogueTransaction,
  id: string,
): Promise<(AccountRow & { seller: { code: string } }) | null> {
  await tx.$queryRaw`SELECT 1 FROM account WHERE id = ${id}::uuid FOR UPDATE`;
  return tx.account.findUnique({ where: { id }, include: SELLER_CODE });
}

/** The instants in which local dates of an account hold, as two stamps for `tstzrange`; null is unbounded. */
export function activeRange(
  from: string | null,
  until: string | null,
  timeZone: string,
): { start: string | null; end: string | null } {
  return {
    start: from === null ? null : toStamp(startOfDay(from, timeZone)),
    end: until === null ? null : toStamp(startOfDay(until, timeZone)),
  };
}

async function frozenMember(
  tx: CatalogueTransaction,
  id: string,
  moved: { currency: boolean; time_zone: boolean; seller: boolean },
): Promise<Refusal<'account_frozen'> | undefined> {
  const member = (['currency', 'time_zone', 'seller'] as const).find((name) => moved[name]);
  if (member === undefined) return undefined;
  const [used] = await tx.$queryRaw<{ invoiced: boolean; metered: boolean; closing: boolean }[]>`
    SELECT EXISTS (SELECT FROM invoice WHERE account_id = ${id}::uuid) AS invoiced,
           EXISTS (SELECT FROM usage_window WHERE account_id = ${id}::uuid) AS metered,
           EXISTS (SELECT FROM close_account JOIN close ON close.id = close_id
                    WHERE account_id = ${id}::uuid AND NOT dry_run AND close.state IN ('running', 'review')) AS closing`;
  if (used?.invoiced) {
    return refusal('account_frozen', `${member} cannot change after the account's first invoice`, `/${member}`);
  }
  if (used?.metered && moved.time_zone) {
    return refusal('account_frozen', 'time_zone cannot change after usage was kept for the account', '/time_zone');
  }
  if (used?.closing) {
    return refusal('account_frozen', `${member} cannot change while a close bills the account`, `/${member}`);
  }
  return undefined;
}

/** Cuts the active ranges of all entities anew, in the account's zone and under its seller. */
async function recutEntities(tx: CatalogueTransaction, account: AccountRow): Promise<void> {
  const entities = await tx.entity.findMany({ where: { accountId: account.id } });
  for (const entity of entities) {
    const { start, end } = activeRange(
      entity.activeFrom && localDateOf(entity.activeFrom),
      entity.activeUntil && localDateOf(entity.activeUntil),
      account.timeZone,
    );
    await tx.$executeRaw`
      UPDATE entity SET seller_id = ${account.sellerId}::uuid, active = tstzrange(${start}::timestamptz, ${end}::timestamptz)
       WHERE id = ${entity.id}::uuid`;
  }
}

function sealed(
  secretKey: SecretKey,
  id: string,
  sellerReportApi: unknown,
  apiKey: string | null,
): Uint8Array<ArrayBuffer> | null {
  return apiKey === null
    ? null
    : sealReportKey(secretKey, `account:${id}`, readReportApi(sellerReportApi).base_url, apiKey);
}

/** The columns of the members that are there; seller and key are resolved by the callers. */
function columnsOf(account: Changes<NewAccount>): Prisma.AccountUpdateInput {
  return defined({
    externalId: account.external_id,
    name: account.name,
    currency: account.currency ?? undefined,
    timeZone: account.time_zone ?? undefined,
    address: account.address === undefined ? undefined : jsonColumn(account.address),
    taxId: account.tax_id,
    email: account.email,
    taxes: account.taxes as Prisma.InputJsonValue[] | undefined,
    paymentTermsDays: account.payment_terms_days,
    edgePolicy: account.edge_policy,
    language: account.language,
    registration: account.registration === undefined ? undefined : jsonColumn(account.registration),
    eInvoice: account.e_invoice === undefined ? undefined : jsonColumn(account.e_invoice),
    gst: account.gst === undefined ? undefined : jsonColumn(account.gst),
  });
}

function view(row: AccountRow & { seller: { code: string } }): Account {
  return {
    id: row.id,
    external_id: row.externalId,
    seller: row.seller.code,
    name: row.name,
    currency: row.currency,
    time_zone: row.timeZone,
    address: row.address as Address | null,
    tax_id: row.taxId,
    email: row.email,
    taxes: row.taxes as unknown as AccountTax[],
    payment_terms_days: row.paymentTermsDays,
    edge_policy: row.edgePolicy as EdgePolicy | null,
    language: row.language as Language | null,
    registration: row.registration as Registration | null,
    e_invoice: row.eInvoice as CustomerEInvoice | null,
    gst: row.gst as GstTerms | null,
    has_report_api_key: row.reportApiKey !== null,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

/** A profile is no wish that could ever be met where the account's currency has no place in EN 16931. */
function noElectronicForm(
  eInvoice: CustomerEInvoice | null | undefined,
  currency: string,
): Refusal<'currency_not_in_e_invoices'> | undefined {
  if (!eInvoice?.profile || hasElectronicForm(currency, eInvoice.profile)) return undefined;
  return refusal(
    'currency_not_in_e_invoices',
    `there are no electronic invoices in ${currency}: EN 16931 has at most two decimals and a list of currencies; leave the ` +
      'profile out, and the PDF is the invoice',
    '/e_invoice/profile',
  );
}

function unknownSeller(code: string): Refusal<'unknown_seller'> {
  return refusal('unknown_seller', `there is no seller with the code ${JSON.stringify(code)}`, '/seller');
}

function externalIdTaken(externalId: string | undefined): Refusal<'external_id_taken'> {
  return refusal(
    'external_id_taken',
    `an account with the external_id ${JSON.stringify(externalId)} exists already at this seller`,
    '/external_id',
  );
}
