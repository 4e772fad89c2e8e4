import { AsyncLocalStorage } from 'node:async_hooks';
import type { Prisma, PrismaClient } from './generated/client.js';

// The same as in database.ts, which opens its clients through this file.
type Database = PrismaClient;
type Transaction = Prisma.TransactionClient;

/** The transaction that a piece of work runs in, known to everything it calls. */
interface Joined {
  readonly client: Database;
  readonly tx: Transaction;
  readonly afterCommit: (() => Promise<void>)[];
  /** Work that outlives the transaction must not speak to it any more. */
  ended: boolean;
}

const joined = new AsyncLocalStorage<Joined>();
/** The client behind each of those that `joinable` gave out. */
const clients = new WeakMap<Database, Database>();

const WAIT_FOR_CONNECTION_MS = 30_000;
// The longest timer there is. The work of a request may grow with the catalogue, as opening a close does.
const UNBOUNDED_MS = 2 ** 31 - 1;

/**
 * A client that joins the transaction of `inOneTransaction` while the caller runs inside one, and is itself otherwise. A
 * `$transaction` inside becomes a savepoint.
 */
export function joinable(client: Database): Database {
  const joining = new Proxy(client, {
    get(target, member) {
      const current = joined.getStore();
      const joins = current !== undefined && !current.ended && current.client === target && member in current.tx;
      const source = joins ? current.tx : target;
      const value: unknown = Reflect.get(source, member);
      return typeof value === 'function' ? (value.bind(source) as unknown) : value;
    },
  });
  clients.set(joining, client);
  return joining;
}

/**
 * Runs `work` in one transaction, which every statement joins that `work` makes on `database`. Once it is committed, what
 * was given to `afterCommit` is done, in that order.
 */
export async function inOneTransaction<T>(database: Database, work: () => Promise<T>): Promise<T> {
  const client = clients.get(database);
  if (client === undefined) throw new Error('this client was not opened by openDatabase, so that nothing can join');
  const following: (() => Promise<void>)[] = [];
  const result = await client.$transaction(
    async (tx) => {
      const current: Joined = { client, tx, afterCommit: following, ended: false };
      try {
        return await joined.run(current, work);
      } finally {
        current.ended = true;
      }
    },
    { maxWait: WAIT_FOR_CONNECTION_MS, timeout: UNBOUNDED_MS },
  );
  for (const follow of following) await follow();
  return result;
}

/**
 * Does what must not happen before the transaction of `inOneTransaction` is committed, such as telling a queue; at once
 * where the caller is in none. `follow` must not throw: what it follows is done by then.
 */
export async function afterCommit(follow: () => Promise<void>): Promise<void> {
  const current = joined.getStore();
  if (current === undefined || current.ended) await follow();
  else current.afterCommit.push(follow);
}
