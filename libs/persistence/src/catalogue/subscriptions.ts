import type { LocalDate } from '#calendar';
import { v7 as uuid } from 'uuid';
import { accountNotFound, lockAccount } from './accounts.js';
import { recordAudit } from '../ground/audit.js';
import { type Changes, dateColumn, defined, localDateOf } from '../ground/columns.js';
import { transaction } from '../ground/database.js';
import type { Catalogue, CatalogueTransaction } from '../ground/prisma.js';
import type { Subscription as SubscriptionRow } from '../generated/client.js';
import { type Page, pageOf, type PageRequest, uuidAfter } from '../ground/page.js';
import { BILLED_DAYS, BILLS } from '../ground/issued.js';
import { refusal, type Refusal, refusing } from '../ground/refusal.js';

/** Binds an account to a plan code over local dates, `ends_at` exclusive; at most one is in force at a time. */
export interface Subscription {
  id: string;
  account: string;
  /** The plan's code: each part of a period is rated by the version in force then. */
  plan: string;
  starts_at: LocalDate;
  ends_at: LocalDate | null;
  created_at: string;
}

export type NewSubscription = Omit<Subscription, 'id' | 'created_at'>;

type WriteRefusal =
  | 'account_not_found'
  | 'unknown_plan'
  | 'plan_not_in_force'
  | 'currency_mismatch'
  | 'empty_range'
  | 'period_already_billed'
  | 'subscription_overlaps';

export async function subscribe(
  database: Catalogue,
  actor: string,
  subscription: NewSubscription,
): Promise<Subscription | Refusal<WriteRefusal>> {
  return refusing(
    () =>
      transaction(database, async (tx) => {
        const refused = await refusedTerms(tx, subscription, null);
        if (refused) return refused;
        const id = uuid();
        const row = await tx.subscription.create({
          data: { ...columnsOf(subscription), id, accountId: subscription.account },
        });
        await audit(tx, actor, 'subscription.created', row);
        return view(row);
      }),
    OVERLAPS,
  );
}

/** Changes plan or dates of a subscription, as far as no issued period is concerned. Usually to end it. */
export async function updateSubscription(
  database: Catalogue,
  actor: string,
  id: string,
  change: Changes<Omit<NewSubscription, 'account'>>,
): Promise<Subscription | Refusal<WriteRefusal | 'subscription_not_found'>> {
  return refusing(
    () =>
      transaction(database, async (tx) => {
        const found = await tx.subscription.findUnique({ where: { id } });
        if (!found) return subscriptionNotFound(id);
        await lockAccount(tx, found.accountId);
        const before = view(await tx.subscription.findUniqueOrThrow({ where: { id } }));
        const next = { ...before, ...defined(change) };
        const refused = await refusedTerms(tx, next, before);
        if (refused) return refused;
        const row = await tx.subscription.update({ where: { id }, data: columnsOf(next) });
        await audit(tx, actor, 'subscription.changed', row);
        return view(row);
      }),
    OVERLAPS,
  );
}

/** Undefined when there is no such subscription. */
export async function findSubscription(
  database: Catalogue | CatalogueTransaction,
  id: string,
): Promise<Subscription | undefined> {
  const row = await database.subscription.findUnique({ where: { id } });
  return row ? view(row) : undefined;
}

/** Subscriptions in the order they were made. */
export async function listSubscriptions(
  database: Catalogue | CatalogueTransaction,
  filter: { account?: string | undefined; plan?: string | undefined },
  request: PageRequest,
): Promise<Page<Subscription>> {
  const after = uuidAfter(request);
  const rows = await database.subscription.findMany({
    where: {
      ...(filter.account !== undefined && { accountId: filter.account }),
      ...(filter.plan !== undefined && { planCode: filter.plan }),
      ...(after !== undefined && { id: { gt: after } }),
    },
    orderBy: { id: 'asc' },
    take: request.limit + 1,
  });
  return pageOf(rows, request.limit, (row) => row.id, view);
}

const OVERLAPS = {
  subscription_account_id_daterange_excl: refusal(
    'subscription_overlaps',
    'the account has another subscription in that time; end it first, or start later',
    '/starts_at',
  ),
};

/** Why the terms cannot hold, or undefined. `before` is what they replace, null for a new subscription. */
async function refusedTerms(
  tx: CatalogueTransaction,
  terms: NewSubscription,
  before: Subscription | null,
): Promise<Refusal<WriteRefusal> | undefined> {
  if (terms.ends_at !== null && terms.ends_at <= terms.starts_at) {
    return refusal('empty_range', 'ends_at must be later than starts_at', '/ends_at');
  }
  const account = await lockAccount(tx, terms.account);
  if (!account) return { ...accountNotFound(terms.account), pointer: '/account' };
  const versions = await tx.tariffPlanVersion.findMany({
    where: { code: terms.plan },
    orderBy: { effectiveFrom: 'asc' },
  });
  if (versions.length === 0) {
    return refusal('unknown_plan', `there is no tariff plan ${JSON.stringify(terms.plan)}`, '/plan');
  }
  const published = versions.filter((version) => version.status === 'published');
  const foreign = published.find((version) => version.currency !== account.currency);
  if (foreign) {
    return refusal(
      'currency_mismatch',
      `plan ${terms.plan} is in ${foreign.currency}, the account in ${account.currency}; nothing is converted`,
      '/plan',
    );
  }
  const [first] = published;
  if (!first || localDateOf(first.effectiveFrom) > terms.starts_at) {
    return refusal(
      'plan_not_in_force',
      first
        ? `plan ${terms.plan} is in force from ${localDateOf(first.effectiveFrom)}; start then or later`
        : `plan ${terms.plan} has no published version; publish one first`,
      '/starts_at',
    );
  }
  const billed = await billedDay(tx, terms, before);
  if (billed === undefined) return undefined;
  return refusal(
    'period_already_billed',
    `this would change ${billed.day}, which invoice ${billed.number} has billed; choose dates outside its period`,
    before === null || before.starts_at !== terms.starts_at ? '/starts_at' : '/ends_at',
  );
}

/** A day inside an issued period on which the change has effect: in force before or after it, but not the same plan. */
async function billedDay(
  tx: CatalogueTransaction,
  terms: NewSubscription,
  before: Subscription | null,
): Promise<{ day: LocalDate; number: string } | undefined> {
  const kept = before !== null && before.plan === terms.plan;
  const [billed] = await tx.$queryRaw<{ day: LocalDate; number: string }[]>`
    WITH effect AS (
      SELECT datemultirange(daterange(${terms.starts_at}::date, ${terms.ends_at}::date)) AS after,
             CASE WHEN ${before !== null} THEN
               datemultirange(daterange(${before?.starts_at ?? null}::date, ${before?.ends_at ?? null}::date))
             ELSE '{}' END AS before
    ), changed AS (
      SELECT CASE WHEN ${kept} THEN (after + before) - (after * before) ELSE after + before END AS days FROM effect
    ), issued AS (
      SELECT number, datemultirange(${BILLED_DAYS}) AS days
        FROM invoice i WHERE account_id = ${terms.account}::uuid AND ${BILLS}
    )
    SELECT lower(issued.days * changed.days)::text AS day, issued.number FROM issued, changed
     WHERE issued.days && changed.days ORDER BY 1 LIMIT 1`;
  return billed;
}

function subscriptionNotFound(id: string): Refusal<'subscription_not_found'> {
  return refusal('subscription_not_found', `there is no subscription ${id}`);
}

function columnsOf(terms: Omit<NewSubscription, 'account'>) {
  return {
    planCode: terms.plan,
    startsAt: dateColumn(terms.starts_at),
    endsAt: terms.ends_at === null ? null : dateColumn(terms.ends_at),
  };
}

async function audit(tx: CatalogueTransaction, actor: string, action: string, row: SubscriptionRow): Promise<void> {
  const { sellerId } = await tx.account.findUniqueOrThrow({ where: { id: row.accountId } });
  const { account, plan, starts_at, ends_at } = view(row);
  await recordAudit(tx, {
    sellerId,
    actor,
    action,
    subject: `subscription:${row.id}`,
    data: { account, plan, starts_at, ends_at },
  });
}

function view(row: SubscriptionRow): Subscription {
  return {
    id: row.id,
    account: row.accountId,
    plan: row.planCode,
    starts_at: localDateOf(row.startsAt),
    ends_at: row.endsAt && localDateOf(row.endsAt),
    created_at: row.createdAt.toISOString(),
  };
}
