import type { AccountTerms, BillingFacts, CloseState, SellerFacts } from '#billing';
import { type EpochSeconds, previousMonth } from '#calendar';
import type { WindowFingerprint } from '#proof';
import type { StoredAccess } from '../catalogue/report-access.js';
import { SELLER, sellerFacts, type SellerRow } from '../catalogue/seller-facts.js';
import { readSettings } from '../catalogue/seller-settings.js';
import { advancesOfAccount, type DecidingDocument, decidingDocuments, demandUnaltered } from '../documents/advances.js';
import { adjustmentsOfAccount } from '../documents/adjustments.js';
import { editsOfAccount } from './edits-of-account.js';
import { DISCOUNTED_OF_ACCOUNT } from '../documents/discounted.js';
import * as Prisma from '../ground/prisma.js';
import type { Database, Transaction } from '../ground/database.js';
import { type Session, session } from '../ground/sets.js';
import { inOrderOfWindows, monthOf } from '../ledger/ledger.js';
import type { IssueMode } from './close-work.js';
import type { MonthBefore } from './month-before.js';

interface FactsRow extends Pick<BillingFacts, 'entities' | 'subscriptions' | 'versions'> {
  readonly account: AccountTerms;
  readonly advances: BillingFacts['advances'] | null;
  readonly discounted: BillingFacts['discounted'] | null;
  readonly adjustments: BillingFacts['adjustments'] | null;
  readonly edits: BillingFacts['edits'] | null;
  readonly deciding: DecidingDocument[] | null;
}

/**
 * The facts of an account `a` as columns, in a fixed order so that equal facts read equal.
 *
 * @param periodLabel the month `YYYY-MM` that they are to bill; absent = of no period, and without advances
 * @param documents whether plan versions come with their documents, or by their hashes alone
 * @param closeId the close whose draft they are for, with what operators did to it; absent = of no draft
 */
function factsOf(periodLabel: string | undefined, documents: boolean, closeId?: string): Prisma.Sql {
  const document = documents ? Prisma.sql`v.document` : Prisma.sql`NULL`;
  return Prisma.sql`
    jsonb_build_object(
      'id', a.id, 'externalId', a.external_id, 'name', a.name, 'currency', a.currency, 'timeZone', a.time_zone,
      'address', a.address, 'taxId', a.tax_id, 'email', a.email, 'taxes', a.taxes,
      'paymentTermsDays', a.payment_terms_days, 'edgePolicy', a.edge_policy, 'registration', a.registration,
      'eInvoice', a.e_invoice, 'language', a.language, 'gst', a.gst) AS account,
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
              'document', ${document}, 'sha256', v.document_sha256)
            ORDER BY v.code, v.effective_from), '[]')
       FROM tariff_plan_version v
      WHERE v.status = 'published'
        AND v.code IN (SELECT b.plan_code FROM subscription b WHERE b.account_id = a.id)) AS versions,
    ${periodLabel === undefined ? Prisma.sql`NULL::jsonb` : advancesOfAccount(periodLabel)} AS advances,
    ${DISCOUNTED_OF_ACCOUNT} AS discounted,
    ${periodLabel === undefined ? Prisma.sql`NULL::jsonb` : adjustmentsOfAccount(periodLabel)} AS adjustments,
    ${closeId === undefined ? Prisma.sql`NULL::jsonb` : editsOfAccount(closeId)} AS edits,
    ${periodLabel === undefined ? Prisma.sql`NULL::jsonb` : decidingDocuments(periodLabel)} AS deciding`;
}

/** @throws DocumentAltered when a document that decides what was billed in advance or discounted is not as it was issued */
function toFacts(seller: SellerFacts, row: FactsRow): BillingFacts {
  demandUnaltered(row.deciding);
  const { account, entities, subscriptions, versions, advances, discounted, adjustments, edits } = row;
  return {
    ...{ seller, account, entities, subscriptions, versions },
    ...(advances && { advances }),
    ...(discounted && { discounted }),
    ...(adjustments && { adjustments }),
    ...(edits && { edits }),
  };
}

/**
 * Reads the facts of one account; undefined when there is none. In one statement: they are the facts of one moment outside
 * a transaction too.
 *
 * @throws DocumentAltered when a document that decides what was billed in advance or discounted is not as it was issued
 */
export async function loadBillingFacts(
  database: Database | Transaction,
  accountId: string,
  periodLabel?: string,
  closeId?: string,
): Promise<BillingFacts | undefined> {
  const [row] = await database.$queryRaw<(FactsRow & { seller: SellerRow })[]>`
    SELECT ${SELLER} AS seller, ${factsOf(periodLabel, true, closeId)}
      FROM account a JOIN seller s ON s.id = a.seller_id WHERE a.id = ${accountId}::uuid`;
  return row && toFacts(sellerFacts(row.seller), row);
}

/** What accounts of one close are billed by, as it stood at one moment. */
export interface BatchFacts {
  readonly now: EpochSeconds;
  readonly closeState: CloseState;
  readonly issue: IssueMode;
  readonly seller: SellerFacts;
  /** By account. */
  readonly accounts: ReadonlyMap<string, AccountInBatch>;
}

/** Plan versions of the facts are without their documents: `loadPlans` reads those. */
export interface AccountInBatch {
  /** @throws DocumentAltered when a document that decides what was billed in advance or discounted was altered */
  readonly facts: () => BillingFacts;
  /** What went before it, for the drift from month to month. */
  readonly before: MonthBefore;
  /** The latest usage of every window of its month. */
  readonly usage: readonly WindowFingerprint[];
  /** What says where its usage is pulled from, and with which key. */
  readonly access: StoredAccess;
}

/** Reads all facts of some accounts of a close in one statement. Undefined when there is no such close. */
export async function loadBatchFacts(
  tx: Session,
  { closeId, periodLabel, accountIds }: { closeId: string; periodLabel: string; accountIds: readonly string[] },
): Promise<BatchFacts | undefined> {
  const before = previousMonth(periodLabel);
  // The seller and the close stand on the first row alone; a close without any of the accounts has that row as well.
  const rows = await tx.rows<
    Omit<FactsRow, 'account'> & {
      head: { now: string; state: CloseState; issue: IssueMode; seller: SellerRow; reportApi: unknown };
      sellerKey: Uint8Array | null;
      account: AccountTerms | null;
      accountKey: Uint8Array | null;
      before: Pick<MonthBefore, 'net' | 'empty'>;
      usage: WindowFingerprint[];
    }
  >(Prisma.sql`
    SELECT CASE WHEN a.first THEN jsonb_build_object(
                  'now', floor(extract(epoch FROM clock_timestamp()))::bigint, 'state', c.state, 'issue', c.issue,
                  'seller', ${SELLER}, 'reportApi', s.report_api) END AS head,
           CASE WHEN a.first THEN s.report_api_key END AS "sellerKey", a.*
      FROM close c JOIN seller s ON s.id = c.seller_id
      LEFT JOIN LATERAL (
           SELECT row_number() OVER (ORDER BY a.id) = 1 AS first, a.report_api_key AS "accountKey",
                  ${factsOf(periodLabel, false, closeId)},
                  jsonb_build_object(
                    'net', (SELECT sum(net)::text FROM invoice WHERE account_id = a.id AND period_label = ${before}),
                    'empty', EXISTS (SELECT FROM close_account c JOIN close ON close.id = c.close_id
                                      WHERE c.account_id = a.id AND c.state = 'empty' AND close.period_label = ${before}
                                        AND close.kind = 'regular' AND NOT close.dry_run
                                        AND close.state <> 'cancelled')) AS before,
                  (SELECT coalesce(jsonb_agg(jsonb_build_object('entity', u.entity, 'metric', u.metric,
                                     'revision', u.revision, 'values_sha256', u.values_sha256)), '[]')
                     FROM (SELECT DISTINCT ON (w.id) w.entity, w.metric, r.revision, r.values_sha256
                             FROM usage_window w JOIN usage_snapshot r ON r.window_id = w.id AND r.month = w.month
                            WHERE w.account_id = a.id AND w.month = ${monthOf(periodLabel)}::date
                            ORDER BY w.id, r.revision DESC) AS u) AS usage
             FROM account a WHERE a.id = ANY(${[...accountIds]}::uuid[])
            ORDER BY a.id) AS a ON true
     WHERE c.id = ${closeId}::uuid`);
  const head = rows.find((row) => row.head !== null);
  if (!head) return undefined;
  const { state, issue, now, reportApi } = head.head;
  const { sellerKey } = head;
  const seller = sellerFacts(head.head.seller);
  const driftPercent = readSettings(head.head.seller.settings).drift_percent;
  const accounts = rows.flatMap(({ account, accountKey, before: was, usage, ...row }) => {
    if (!account) return [];
    let facts: BillingFacts | undefined;
    const inBatch: AccountInBatch = {
      // Asked for several times on an account's way, and its deciding documents are hashed for it.
      facts: () => (facts ??= toFacts(seller, { ...row, account })),
      before: { label: before, ...was, driftPercent },
      usage: inOrderOfWindows(usage),
      access: { accountId: account.id, accountKey, sellerId: seller.id, code: seller.code, reportApi, sellerKey },
    };
    return [[account.id, inBatch] as const];
  });
  return { now: Number(now), closeState: state, issue, seller, accounts: new Map(accounts) };
}

/** The documents of published plan versions by their hashes. */
export async function loadPlans(database: Database, sha256s: readonly string[]): Promise<Map<string, unknown>> {
  const rows = await session(database).rows<{ sha256: string; document: unknown }>(Prisma.sql`
    SELECT DISTINCT ON (document_sha256) document_sha256 AS sha256, document FROM tariff_plan_version
     WHERE status = 'published' AND document_sha256 = ANY(${[...sha256s]}::text[])`);
  return new Map(rows.map(({ sha256, document }) => [sha256, document]));
}
