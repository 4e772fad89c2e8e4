import { PersistenceError } from './database.js';
import * as Prisma from './prisma.js';

/** Which part of a list is wanted. `cursor` is a `next_cursor` answered before; opaque to callers. */
export interface PageRequest {
  limit: number;
  cursor?: string | undefined;
}

/** Part of a list, in key order; `next_cursor` is null on the last page. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/**
 * The WHERE of those conditions that are asked for. A list leaves out what its filter does not name, so that PostgreSQL plans
 * each set of filters for itself and reads it from its own index.
 */
export function where(...conditions: readonly (Prisma.Sql | false)[]): Prisma.Sql {
  const asked = conditions.filter((condition) => condition !== false);
  return asked.length === 0 ? Prisma.empty : Prisma.sql`WHERE ${Prisma.join(asked, ' AND ')}`;
}

/**
 * The same condition, which no index is searched by: for the few rows that another condition finds. PostgreSQL would else
 * read what two indexes have and put it together, to sort it.
 */
export function also(condition: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(${condition}) IS TRUE`;
}

/**
 * A part of the index on (`columns`, `key`), in the order of `key`. The columns are bound as a row and named in the order, so
 * that PostgreSQL does not walk through another index that has the order alone, hoping to meet such rows soon.
 *
 * @param columns each with the value it has
 * @param bounds values of `key`; `after` and `before` are exclusive
 */
export function indexed(
  columns: readonly { readonly column: Prisma.Sql; readonly value: Prisma.Sql }[],
  key: Prisma.Sql,
  bounds: {
    readonly from?: Prisma.Sql | false;
    readonly after?: Prisma.Sql | false;
    readonly before?: Prisma.Sql | false;
  },
): { readonly conditions: (Prisma.Sql | false)[]; readonly order: Prisma.Sql } {
  const names = columns.map(({ column }) => column);
  const values = columns.map(({ value }) => value);
  const bound = (comparison: string, limit?: Prisma.Sql | false) => {
    const [left, right] = limit
      ? [
          [...names, key],
          [...values, limit],
        ]
      : [names, values];
    return (
      left.length > 0 && Prisma.sql`ROW(${Prisma.join(left)}) ${Prisma.raw(comparison)} ROW(${Prisma.join(right)})`
    );
  };
  const { from, after, before } = bounds;
  return {
    conditions: [after ? bound('>', after) : bound('>=', from), before ? bound('<', before) : bound('<=')],
    order: Prisma.join([...names, key]),
  };
}

/** The id of the seller of a code, asked once per statement; null when there is none. */
export function sellerOf(code: string): Prisma.Sql {
  return Prisma.sql`(SELECT id FROM seller WHERE code = ${code})`;
}

/** The key after which a page starts, or undefined for the first page. Throws `malformed_cursor`. */
export function keyAfter(request: PageRequest): string | undefined {
  if (request.cursor === undefined) return undefined;
  const key = Buffer.from(request.cursor, 'base64url').toString('utf8');
  if (key === '' || /\p{Cc}/u.test(key) || Buffer.from(key, 'utf8').toString('base64url') !== request.cursor) {
    throw new PersistenceError('malformed_cursor', 'the cursor is not one that a list has answered', false);
  }
  return key;
}

/** As `keyAfter`, for lists whose key is a UUID. Throws `malformed_cursor`. */
export function uuidAfter(request: PageRequest): string | undefined {
  const key = keyAfter(request);
  if (key !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(key)) {
    throw new PersistenceError('malformed_cursor', 'the cursor is not one that this list has answered', false);
  }
  return key;
}

/** Cuts rows that were read with `limit + 1` into a page. `keyOf` gives the key the rows are ordered by. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => string,
  present: (row: Row) => T,
): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return {
    data: kept.map(present),
    next_cursor: rows.length > limit && last !== undefined ? Buffer.from(keyOf(last)).toString('base64url') : null,
  };
}
