import { PersistenceError } from './database.js';

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
