import { AsyncLocalStorage } from 'node:async_hooks';
import type { Catalogue, CatalogueTransaction } from './prisma.js';

/** Where the statements of a piece of work go, known to everything it calls. */
interface Context {
  readonly client: Catalogue;
  readonly source: Catalogue | CatalogueTransaction;
  readonly afterCommit?: (() => Promise<void>)[];
  /** Work that outlives the transaction must not speak to it any more. */
  ended: boolean;
}

const contexts = new AsyncLocalStorage<Context>();
/** The clients behind each of those that `joinable` gave out. */
const clients = new WeakMap<Catalogue, { client: Catalogue; reader: () => Catalogue }>();

const WAIT_FOR_CONNECTION_MS = 30_000;
// The longest timer there is. The work of a request may grow with the catalogue, as opening a close does.
const UNBOUNDED_MS = 2 ** 31 - 1;

/**
 * A client that joins the transaction of `inOneTransaction` or the reader of `readingBounded` while the caller runs inside
 * one, and is itself otherwise. A `$transaction` inside a transaction becomes a savepoint.
 */
export function joinable(client: Catalogue, openReader: () => Catalogue): Catalogue {
  let reader: Catalogue | undefined;
  const joining = new Proxy(client, {
    get(target, member) {
      if (member === '$disconnect') {
        return () => Promise.all([target.$disconnect(), reader?.$disconnect()]).then(() => undefined);
      }
      const current = contexts.getStore();
      const joins = current !== undefined && !current.ended && current.client === target && member in current.source;
      const source = joins ? current.source : target;
      const value: unknown = Reflect.get(source, member);
      return typeof value === 'function' ? (value.bind(source) as unknown) : value;
    },
  });
  clients.set(joining, { client, reader: () => (reader ??= openReader()) });
  return joining;
}

/**
 * Runs `work` in one transaction, which every statement joins that `work` makes on `database`. Once it is committed, what
 * was given to `afterCommit` is done, in that order.
 */
export async function inOneTransaction<T>(database: Catalogue, work: () => Promise<T>): Promise<T> {
  const { client } = behind(database);
  const following: (() => Promise<void>)[] = [];
  const result = await client.$transaction(
    async (tx) => {
      const current: Context = { client, source: tx, afterCommit: following, ended: false };
      try {
        return await contexts.run(current, work);
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
  const current = contexts.getStore();
  if (current?.afterCommit === undefined || current.ended) await follow();
  else current.afterCommit.push(follow);
}

/**
 * Runs `work` with every statement on `database` bounded in time, on connections of their own: a question that takes too
 * long fails by itself, and many of them keep no writer waiting. For what is read page by page, never for work that grows
 * with an account.
 */
export function readingBounded<T>(database: Catalogue, work: () => Promise<T>): Promise<T> {
  const { client, reader } = behind(database);
  return contexts.run({ client, source: reader(), ended: false }, work);
}

function behind(database: Catalogue): { client: Catalogue; reader: () => Catalogue } {
  const found = clients.get(database);
  if (!found) throw new Error('this client was not opened by openCatalogue, so that nothing can join');
  return found;
}
