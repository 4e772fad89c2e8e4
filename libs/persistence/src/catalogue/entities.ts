import type { LocalDate } from '#calendar';
import type { Dimension } from '#metering';
import { v7 as uuid } from 'uuid';
import { accountNotFound, activeRange, lockAccount } from './accounts.js';
import { recordAudit } from '../ground/audit.js';
import { type Changes, localDateOf } from '../ground/columns.js';
import { transaction } from '../ground/database.js';
import type { Catalogue, CatalogueTransaction } from '../ground/prisma.js';
import type { Entity as EntityRow } from '../generated/client.js';
import { type Page, pageOf, type PageRequest, uuidAfter } from '../ground/page.js';
import { BILLED_DAYS, BILLS } from '../ground/issued.js';
import { refusal, type Refusal, refusing } from '../ground/refusal.js';

/** What is metered inside an account, as it goes over the wire. Dates are local to the account; `active_until` is exclusive. */
export interface Entity {
  id: string;
  account: string;
  dimension: Exclude<Dimension, 'account'>;
  /** Opaque: leading zeros are kept. */
  value: string;
  name: string | null;
  active_from: LocalDate | null;
  active_until: LocalDate | null;
  created_at: string;
}

export type NewEntity = Omit<Entity, 'id' | 'account' | 'created_at'>;

/** Registers one entity. A value belongs to one account of a seller at any instant. */
export async function registerEntity(
  database: Catalogue,
  actor: string,
  accountId: string,
  entity: NewEntity,
): Promise<Entity | Refusal<'account_not_found' | 'entity_taken'>> {
  return refusing(
    () =>
      transaction(database, async (tx) => {
        const account = await lockAccount(tx, accountId);
        if (!account) return accountNotFound(accountId);
        const row = { ...entity, id: uuid() };
        await insertEntities(tx, account, [row]);
        await recordAudit(tx, {
          sellerId: account.sellerId,
          actor,
          action: 'entity.registered',
          subject: `entity:${row.id}`,
          data: { account: accountId, dimension: entity.dimension },
        });
        return view(await tx.entity.findUniqueOrThrow({ where: { id: row.id } }));
      }),
    { [VALUE_IS_TAKEN]: taken('/value') },
  );
}

/**
 * Makes the registered entities of an account the ones given, in one transaction. An entry is the same registration as a
 * stored one when dimension, value and `active_from` agree; it keeps its id and takes the entry's name and `active_until`.
 * A stored registration that no entry names is removed if no period that stands billed overlaps its active range; otherwise
 * it ends where the last such period ends, because what was billed was registered.
 */
export async function replaceEntities(
  database: Catalogue,
  actor: string,
  accountId: string,
  entities: readonly NewEntity[],
): Promise<
  | { registered: number; changed: number; ended: number; removed: number }
  | Refusal<'account_not_found' | 'entity_taken'>
> {
  return refusing(
    () =>
      transaction(database, async (tx) => {
        const account = await lockAccount(tx, accountId);
        if (!account) return accountNotFound(accountId);
        const conflict = await firstConflict(tx, account, entities);
        if (conflict !== undefined) return taken(`/entities/${conflict}/value`);

        const stored = new Map((await storedEntities(tx, accountId)).map((row) => [identity(row), row]));
        const wanted = new Set(entities.map(identity));
        const fresh = entities.filter((entity) => !stored.has(identity(entity)));
        const changed = entities.flatMap((entity) => {
          const row = stored.get(identity(entity));
          const same = row?.name === entity.name && row.active_until === entity.active_until;
          return row === undefined || same ? [] : [{ ...row, ...entity }];
        });
        const absent = [...stored.values()].filter((row) => !wanted.has(identity(row)));
        const ended = absent.flatMap((row) =>
          row.billed_until === null || row.billed_until === row.active_until
            ? []
            : [{ ...row, active_until: row.billed_until }],
        );
        const removed = absent.filter((row) => row.billed_until === null);

        // Taken out and put back with their ids: updating ranges one by one could collide on the way to a valid end.
        const replaced = [...changed, ...ended];
        const gone = [...replaced, ...removed].map((row) => row.id);
        await tx.$executeRaw`DELETE FROM entity WHERE id = ANY(${gone}::uuid[])`;
        await insertEntities(tx, account, [...replaced, ...fresh.map((entity) => ({ ...entity, id: uuid() }))]);
        const counts = {
          registered: fresh.length,
          changed: changed.length,
          ended: ended.length,
          removed: removed.length,
        };
        await recordAudit(tx, {
          sellerId: account.sellerId,
          actor,
          action: 'entities.replaced',
          subject: `account:${accountId}`,
          data: counts,
        });
        return counts;
      }),
    { [VALUE_IS_TAKEN]: taken('/entities') },
  );
}

/** Renames an entity or sets its active range. */
export async function updateEntity(
  database: Catalogue,
  actor: string,
  { accountId, id }: { readonly accountId: string; readonly id: string },
  change: Changes<Pick<NewEntity, 'name' | 'active_from' | 'active_until'>>,
): Promise<Entity | Refusal<'account_not_found' | 'entity_not_found' | 'entity_taken' | 'empty_range'>> {
  return refusing(
    () =>
      transaction(database, async (tx) => {
        const account = await lockAccount(tx, accountId);
        if (!account) return accountNotFound(accountId);
        const row = await tx.entity.findUnique({ where: { id, accountId } });
        if (!row) return refusal('entity_not_found', `the account has no entity ${id}`);
        const before = view(row);
        const { name = before.name, active_from = before.active_from, active_until = before.active_until } = change;
        if (active_from !== null && active_until !== null && active_from >= active_until) {
          return refusal('empty_range', 'active_until must be later than active_from', '/active_until');
        }
        const { start, end } = activeRange(active_from, active_until, account.timeZone);
        await tx.$executeRaw`
          UPDATE entity SET name = ${name}, active_from = ${active_from}::date, active_until = ${active_until}::date,
                 active = tstzrange(${start}::timestamptz, ${end}::timestamptz)
           WHERE id = ${id}::uuid`;
        await recordAudit(tx, {
          sellerId: account.sellerId,
          actor,
          action: 'entity.changed',
          subject: `entity:${id}`,
          data: { account: accountId, active_from, active_until },
        });
        return { ...before, name, active_from, active_until };
      }),
    { [VALUE_IS_TAKEN]: taken('/active_from') },
  );
}

/** The entities of an account in the order they were registered. */
export async function listEntities(
  database: Catalogue | CatalogueTransaction,
  accountId: string,
  filter: { dimension?: Entity['dimension'] | undefined; value?: string | undefined },
  request: PageRequest,
): Promise<Page<Entity>> {
  const after = uuidAfter(request);
  const rows = await database.entity.findMany({
    where: {
      accountId,
      ...(filter.dimension !== undefined && { dimension: filter.dimension }),
      ...(filter.value !== undefined && { value: filter.value }),
      ...(after !== undefined && { id: { gt: after } }),
    },
    orderBy: { id: 'asc' },
    take: request.limit + 1,
  });
  return pageOf(rows, request.limit, (row) => row.id, view);
}

const VALUE_IS_TAKEN = 'entity_seller_id_dimension_value_active_excl';

function taken(pointer: string): Refusal<'entity_taken'> {
  return refusal(
    'entity_taken',
    'the value is registered for an overlapping time already; a value belongs to one account of a seller at any instant',
    pointer,
  );
}

interface StoredEntity extends NewEntity {
  id: string;
  /** End of the last period that stands billed and overlaps the active range; null when none does. */
  billed_until: LocalDate | null;
}

async function storedEntities(tx: CatalogueTransaction, accountId: string): Promise<StoredEntity[]> {
  return tx.$queryRaw`
    WITH billed AS MATERIALIZED (
      SELECT i.period, upper(${BILLED_DAYS}) AS end_date
        FROM invoice i WHERE i.account_id = ${accountId}::uuid AND ${BILLS})
    SELECT e.id, e.dimension, e.value, e.name, e.active_from::text, e.active_until::text,
           (SELECT max(least(b.end_date, e.active_until))::text FROM billed b WHERE b.period && e.active) AS billed_until
      FROM entity e WHERE e.account_id = ${accountId}::uuid`;
}

/** Index of the first entry that overlaps another entry or a registration of another account, or undefined. */
async function firstConflict(
  tx: CatalogueTransaction,
  account: { id: string; sellerId: string; timeZone: string },
  entities: readonly NewEntity[],
): Promise<number | undefined> {
  const { dimensions, values, starts, ends } = columnsOf(entities, account.timeZone);
  const [conflict] = await tx.$queryRaw<{ index: bigint }[]>`
    WITH entry AS (
      SELECT ordinal - 1 AS index, dimension, value, tstzrange("start"::timestamptz, "end"::timestamptz) AS active
        FROM unnest(${dimensions}::text[], ${values}::text[], ${starts}::text[], ${ends}::text[])
             WITH ORDINALITY AS t (dimension, value, "start", "end", ordinal)
    ), beside AS (
      SELECT index, lag(active) OVER (PARTITION BY dimension, value ORDER BY active) && active AS collides FROM entry
    )
    SELECT min(index) AS index FROM (
      SELECT index FROM beside WHERE collides
      UNION ALL
      SELECT entry.index FROM entry JOIN entity e
          ON e.seller_id = ${account.sellerId}::uuid AND e.dimension = entry.dimension AND e.value = entry.value
         AND e.active && entry.active AND e.account_id <> ${account.id}::uuid
    ) AS conflicts HAVING min(index) IS NOT NULL`;
  return conflict && Number(conflict.index);
}

async function insertEntities(
  tx: CatalogueTransaction,
  account: { id: string; sellerId: string; timeZone: string },
  rows: readonly (NewEntity & { id: string })[],
): Promise<void> {
  const { dimensions, values, starts, ends } = columnsOf(rows, account.timeZone);
  await tx.$executeRaw`
    INSERT INTO entity (id, seller_id, account_id, dimension, value, name, active_from, active_until, active)
    SELECT id::uuid, ${account.sellerId}::uuid, ${account.id}::uuid, dimension, value, name, "from"::date, "until"::date,
           tstzrange("start"::timestamptz, "end"::timestamptz)
      FROM unnest(${rows.map((row) => row.id)}::text[], ${dimensions}::text[], ${values}::text[],
                  ${rows.map((row) => row.name)}::text[], ${rows.map((row) => row.active_from)}::text[],
                  ${rows.map((row) => row.active_until)}::text[], ${starts}::text[], ${ends}::text[])
           AS t (id, dimension, value, name, "from", "until", "start", "end")`;
}

function columnsOf(entities: readonly NewEntity[], timeZone: string) {
  const ranges = entities.map((entity) => activeRange(entity.active_from, entity.active_until, timeZone));
  return {
    dimensions: entities.map((entity) => entity.dimension),
    values: entities.map((entity) => entity.value),
    starts: ranges.map((range) => range.start),
    ends: ranges.map((range) => range.end),
  };
}

function identity(entity: NewEntity): string {
  return JSON.stringify([entity.dimension, entity.value, entity.active_from]);
}

function view(row: EntityRow): Entity {
  return {
    id: row.id,
    account: row.accountId,
    dimension: row.dimension as Entity['dimension'],
    value: row.value,
    name: row.name,
    active_from: row.activeFrom && localDateOf(row.activeFrom),
    active_until: row.activeUntil && localDateOf(row.activeUntil),
    created_at: row.createdAt.toISOString(),
  };
}
