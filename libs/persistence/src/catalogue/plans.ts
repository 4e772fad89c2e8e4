import type { LocalDate } from '#calendar';
import type { TariffPlan } from '#rating';
import { v7 as uuid } from 'uuid';
import { recordAudit } from '../ground/audit.js';
import { dateColumn, jsonColumn, localDateOf } from '../ground/columns.js';
import { PersistenceError, transaction } from '../ground/database.js';
import type { Catalogue, CatalogueTransaction } from '../ground/prisma.js';
import { documentSha256 } from '../ground/document-sha256.js';
import type { Prisma, TariffPlanVersion as VersionRow } from '../generated/client.js';
import { keyAfter, type Page, pageOf, type PageRequest } from '../ground/page.js';
import { BILLED_DAYS, BILLS } from '../ground/issued.js';
import { refusal, type Refusal, refusing } from '../ground/refusal.js';

/** A version of a tariff plan, as it goes over the wire. A draft may change; a published version never. */
export interface TariffPlanVersion {
  code: string;
  version: number;
  status: 'draft' | 'published';
  name: string;
  currency: string;
  effective_from: LocalDate;
  document: TariffPlan;
  /** sha256 of the document's canonical JSON; rated lines cite it. */
  document_sha256: string;
  created_at: string;
  published_at: string | null;
}

/** Keeps a plan as the next version of its code, a draft. All versions of a code are in one currency. */
export async function saveDraftPlan(
  database: Catalogue,
  actor: string,
  plan: TariffPlan,
): Promise<TariffPlanVersion | Refusal<'currency_mismatch'>> {
  return transaction(database, async (tx) => {
    await lockPlan(tx, plan.code);
    const mismatch = await otherCurrency(tx, plan);
    if (mismatch) return mismatch;
    const last = await tx.tariffPlanVersion.aggregate({ where: { code: plan.code }, _max: { version: true } });
    const version = (last._max.version ?? 0) + 1;
    const row = await tx.tariffPlanVersion.create({
      data: { ...columnsOf(plan), id: uuid(), code: plan.code, version },
    });
    await audit(tx, actor, 'tariff_plan.drafted', row);
    return view(row);
  });
}

/** Replaces the document of a draft. */
export async function replaceDraftPlan(
  database: Catalogue,
  actor: string,
  version: number,
  plan: TariffPlan,
): Promise<TariffPlanVersion | Refusal<'plan_not_found' | 'plan_already_published' | 'currency_mismatch'>> {
  return transaction(database, async (tx) => {
    await lockPlan(tx, plan.code);
    const draft = await findDraft(tx, plan.code, version);
    if ('outcome' in draft) return draft;
    const mismatch = await otherCurrency(tx, plan);
    if (mismatch) return mismatch;
    const row = await tx.tariffPlanVersion.update({ where: { id: draft.id }, data: columnsOf(plan) });
    await audit(tx, actor, 'tariff_plan.redrafted', row);
    return view(row);
  });
}

/** Throws a draft away. Its number may be given to a later draft; published numbers are never reused. */
export async function deleteDraftPlan(
  database: Catalogue,
  actor: string,
  code: string,
  version: number,
): Promise<{ outcome: 'deleted' } | Refusal<'plan_not_found' | 'plan_already_published'>> {
  return transaction(database, async (tx) => {
    await lockPlan(tx, code);
    const draft = await findDraft(tx, code, version);
    if ('outcome' in draft) return draft;
    await tx.tariffPlanVersion.delete({ where: { id: draft.id } });
    await audit(tx, actor, 'tariff_plan.draft_deleted', draft);
    return { outcome: 'deleted' };
  });
}

/**
 * Publishes a draft: from then on it is immutable, and in force from its `effective_from` until the next published
 * version's. It may not reach into a period that is issued to an account which subscribes to the plan then.
 */
export async function publishTariffPlan(
  database: Catalogue,
  actor: string,
  code: string,
  version: number,
): Promise<
  | TariffPlanVersion
  | Refusal<
      | 'plan_not_found'
      | 'plan_already_published'
      | 'effective_from_taken'
      | 'period_already_billed'
      | 'currency_mismatch'
    >
> {
  return refusing(
    () =>
      transaction(database, async (tx) => {
        await lockPlan(tx, code);
        const draft = await findDraft(tx, code, version);
        if ('outcome' in draft) return draft;
        const mismatch = await otherCurrency(tx, draft);
        if (mismatch) return mismatch;
        const effectiveFrom = localDateOf(draft.effectiveFrom);
        // Invoices that are being issued to subscribers are waited for, and then seen below.
        await tx.$queryRaw`
          SELECT 1 FROM account WHERE id IN (SELECT account_id FROM subscription WHERE plan_code = ${code})
           ORDER BY id FOR UPDATE`;
        // Most of what was ever issued ended before: the day of grace is that of zones.
        const [billed] = await tx.$queryRaw<{ account: string; number: string }[]>`
          SELECT s.account_id AS account, i.number
            FROM subscription s JOIN invoice i ON i.account_id = s.account_id
           WHERE s.plan_code = ${code} AND ${BILLS}
             AND upper(i.period) > (${effectiveFrom}::date - 1)::timestamp AT TIME ZONE 'UTC'
             AND daterange(s.starts_at, s.ends_at)
               * ${BILLED_DAYS}
              && daterange(${effectiveFrom}::date, (SELECT min(effective_from) FROM tariff_plan_version
                                                     WHERE code = ${code} AND status = 'published'
                                                       AND effective_from > ${effectiveFrom}::date))
           ORDER BY i.issued_at DESC LIMIT 1`;
        if (billed) {
          return refusal(
            'period_already_billed',
            `effective_from ${effectiveFrom} reaches into the period of invoice ${billed.number} of account ` +
              `${billed.account}; choose a later date`,
            '/effective_from',
          );
        }
        const [clock] = await tx.$queryRaw<[{ now: Date }]>`SELECT clock_timestamp() AS now`;
        const row = await tx.tariffPlanVersion.update({
          where: { id: draft.id },
          data: { status: 'published', publishedAt: clock.now },
        });
        await audit(tx, actor, 'tariff_plan.published', row);
        return view(row);
      }),
    {
      tariff_plan_effective: refusal(
        'effective_from_taken',
        'another published version of the plan is effective from the same date',
        '/effective_from',
      ),
    },
  );
}

/** Undefined when there is no such version. */
export async function findTariffPlanVersion(
  database: Catalogue | CatalogueTransaction,
  code: string,
  version: number,
): Promise<TariffPlanVersion | undefined> {
  const row = await database.tariffPlanVersion.findUnique({ where: { code_version: { code, version } } });
  return row ? view(row) : undefined;
}

/** All versions of one plan, newest first; empty when there is no such plan. */
export async function listTariffPlanVersions(
  database: Catalogue | CatalogueTransaction,
  code: string,
): Promise<TariffPlanVersion[]> {
  const rows = await database.tariffPlanVersion.findMany({ where: { code }, orderBy: { version: 'desc' } });
  return rows.map(view);
}

/** The newest version of every plan, by code. */
export async function listTariffPlans(
  database: Catalogue | CatalogueTransaction,
  request: PageRequest,
): Promise<Page<TariffPlanVersion>> {
  const after = keyAfter(request);
  const rows = await database.tariffPlanVersion.findMany({
    where: after === undefined ? {} : { code: { gt: after } },
    distinct: ['code'],
    orderBy: [{ code: 'asc' }, { version: 'desc' }],
    take: request.limit + 1,
  });
  return pageOf(rows, request.limit, (row) => row.code, view);
}

/** Serialises the writers of one plan code, also of one that has no row yet. */
async function lockPlan(tx: CatalogueTransaction, code: string): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('tariff_plan ' || ${code}, 0))`;
}

async function findDraft(
  tx: CatalogueTransaction,
  code: string,
  version: number,
): Promise<VersionRow | Refusal<'plan_not_found' | 'plan_already_published'>> {
  const row = await tx.tariffPlanVersion.findUnique({ where: { code_version: { code, version } } });
  if (!row) return refusal('plan_not_found', `there is no version ${version} of a tariff plan ${JSON.stringify(code)}`);
  if (row.status === 'published') {
    return refusal(
      'plan_already_published',
      `version ${version} of ${code} is published and stays as it is; post the plan again for the next version`,
    );
  }
  return row;
}

/** Accounts subscribe to a code and pay in one currency, so its published versions must agree. */
async function otherCurrency(
  tx: CatalogueTransaction,
  plan: { code: string; currency: string },
): Promise<Refusal<'currency_mismatch'> | undefined> {
  const other = await tx.tariffPlanVersion.findFirst({
    where: { code: plan.code, status: 'published', currency: { not: plan.currency } },
  });
  if (!other) return undefined;
  return refusal(
    'currency_mismatch',
    `the published versions of ${plan.code} are in ${other.currency}, this one is in ${plan.currency}; use another code`,
    '/currency',
  );
}

function columnsOf(plan: TariffPlan) {
  return {
    name: plan.name,
    currency: plan.currency,
    effectiveFrom: dateColumn(plan.effective_from),
    document: jsonColumn(plan) as Prisma.InputJsonObject,
    documentSha256: documentSha256(plan),
  };
}

async function audit(tx: CatalogueTransaction, actor: string, action: string, row: VersionRow): Promise<void> {
  await recordAudit(tx, {
    sellerId: null,
    actor,
    action,
    subject: `tariff_plan:${row.code}`,
    data: { version: row.version, document_sha256: row.documentSha256 },
  });
}

/** @throws PersistenceError `document_altered` when the document is not the one that its hash was taken of */
function view(row: VersionRow): TariffPlanVersion {
  if (documentSha256(row.document) !== row.documentSha256) {
    const message = `version ${row.version} of plan ${row.code} was altered after it was stored and is not used`;
    throw new PersistenceError('document_altered', `${message}; restore it from a backup`, false);
  }
  return {
    code: row.code,
    version: row.version,
    status: row.status as TariffPlanVersion['status'],
    name: row.name,
    currency: row.currency,
    effective_from: localDateOf(row.effectiveFrom),
    document: row.document as unknown as TariffPlan,
    document_sha256: row.documentSha256,
    created_at: row.createdAt.toISOString(),
    published_at: row.publishedAt?.toISOString() ?? null,
  };
}
