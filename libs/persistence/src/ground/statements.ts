import pg, { type Pool, type PoolClient, types } from 'pg';
import { Decimal, type Sql, sql } from './prisma.js';

/** A database, or a transaction on it, as far as statements in SQL go. */
export interface Statements {
  /** Answers rows as Prisma reads them: bigint as BigInt, numeric as Decimal, dates as UTC midnights, json parsed. */
  $queryRaw<Rows = unknown>(query: TemplateStringsArray | Sql, ...values: unknown[]): Promise<Rows>;
  /** Answers how many rows were written. */
  $executeRaw(query: TemplateStringsArray | Sql, ...values: unknown[]): Promise<number>;
}

export interface Transaction extends Statements {
  /** Inside of a transaction: a savepoint. */
  $transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
}

export interface Database extends Transaction {
  $disconnect(): Promise<void>;
}

/** A database for processes that send nothing but SQL, by pg itself. What statements answer is the same as by Prisma. */
export function statementsOn(pool: Pool): Database {
  return {
    ...statements((query) => pool.query(query)),
    $transaction: (work) =>
      inTransaction(pool, async (client) => {
        let ended = false;
        const send: Send = (query) => {
          // The session may be another transaction's by now.
          if (ended) throw new Error('the transaction that this statement is for has ended');
          return client.query(query);
        };
        try {
          return await work(transactionOn(send, 1));
        } finally {
          ended = true;
        }
      }),
    $disconnect: () => pool.end(),
  };
}

/** Does `work` in a transaction on a session of its own. What it throws is thrown once everything is rolled back. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // A session that could not even roll back is not given to another transaction. One that ends between two statements says so
  // by an event as well, which the pool does not hear while the session is out.
  let lost: Error | undefined;
  const lose = (error: Error) => (lost = error);
  client.on('error', lose);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(lose);
    throw error;
  } finally {
    client.off('error', lose);
    client.release(lost);
  }
}

type Send = (query: pg.QueryConfig<unknown[]>) => Promise<pg.QueryResult>;

function transactionOn(send: Send, depth: number): Transaction {
  return {
    ...statements(send),
    async $transaction(work) {
      const savepoint = `part_${depth}`;
      await send({ text: `SAVEPOINT ${savepoint}` });
      try {
        const result = await work(transactionOn(send, depth + 1));
        await send({ text: `RELEASE SAVEPOINT ${savepoint}` });
        return result;
      } catch (error) {
        // Where not even that is done, the transaction is lost, and what undid it is to be told.
        await send({ text: `ROLLBACK TO SAVEPOINT ${savepoint}` }).catch(() => undefined);
        throw error;
      }
    },
  };
}

function statements(send: Send): Statements {
  const ask = async (query: TemplateStringsArray | Sql, values: unknown[]) => {
    const { text, values: given } = 'raw' in query ? sql(query, ...values) : query;
    return send({ text, values: given.map(parameter), types: { getTypeParser: parserOf } });
  };
  return {
    $queryRaw: async <Rows>(query: TemplateStringsArray | Sql, ...values: unknown[]) =>
      (await ask(query, values)).rows as Rows,
    $executeRaw: async (query, ...values) => (await ask(query, values)).rowCount ?? 0,
  };
}

/** A value as pg sends it. Times go in UTC, whatever the zone of the process. */
function parameter(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Decimal.isDecimal(value)) return value.toString();
  return value;
}

const utcMidnight = (text: string) => new Date(`${text}T00:00:00Z`);
const utcInstant = (text: string) => new Date(`${text.replace(' ', 'T')}Z`);
const decimal = (text: string) => new Decimal(text);
const TEXT_ARRAY = 1009 as number;
const textsIn = types.getTypeParser(TEXT_ARRAY) as (text: string) => (string | null)[];
const each =
  <T>(parse: (text: string) => T) =>
  (text: string) =>
    textsIn(text).map((element) => (element === null ? null : parse(element)));

/** What Prisma reads in another way than pg does, by the types of PostgreSQL. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [types.builtins.INT8]: BigInt,
  [types.builtins.OID]: BigInt,
  [types.builtins.NUMERIC]: decimal,
  [types.builtins.DATE]: utcMidnight,
  [types.builtins.TIMESTAMP]: utcInstant,
  1016: each(BigInt),
  1028: each(BigInt),
  1231: each(decimal),
  1182: each(utcMidnight),
  1115: each(utcInstant),
};

function parserOf(type: number, format?: 'text' | 'binary') {
  return PARSERS[type] ?? types.getTypeParser(type, format);
}
