import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';
import { type Database, isDeadlock, poolOf, TRANSACTION_ATTEMPTS } from './database.js';
import type * as Prisma from './prisma.js';
import { inTransaction } from './statements.js';

/**
 * Statements over sets of rows, sent by the driver itself. What a batch of a close does again and again is prepared once per
 * session and takes one round trip; Prisma stays for the catalogue (ADR 0009).
 */
export interface Session {
  /** Answers the rows as the driver reads them: bigint and numeric as strings, json parsed, bytea as Buffer. */
  readonly rows: Ask;
  /** Answers how many rows were written. */
  run(sql: Prisma.Sql): Promise<number>;
}

/** Sends a statement, on a session or on a transaction of Prisma's: for work that both do. */
export type Ask = <Row>(sql: Prisma.Sql) => Promise<Row[]>;

/** Statements by their text. They come from templates, so there are as many as the source has. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = `set_${createHash('sha256').update(text).digest('base64url').slice(0, 20)}`;
    names.set(text, name);
  }
  return name;
}

function sessionOn(client: Pick<PoolClient, 'query'>): Session {
  const query = ({ text, values }: Prisma.Sql) => client.query<never>({ name: nameOf(text), text, values });
  return {
    rows: async <Row>(sql: Prisma.Sql) => (await query(sql)).rows as Row[],
    run: async (sql) => (await query(sql)).rowCount ?? 0,
  };
}

/** Single statements, each a transaction of its own on any free session, and run again after a deadlock. */
export function session(database: Database): Session {
  const single = sessionOn(poolOf(database) as Pick<PoolClient, 'query'>);
  return { rows: (sql) => again(() => single.rows(sql)), run: (sql) => again(() => single.run(sql)) };
}

/** Runs one transaction, again when PostgreSQL aborted it for a deadlock. The work must have no effect outside of it. */
export function inOneSession<T>(database: Database, work: (tx: Session) => Promise<T>): Promise<T> {
  return again(() => inTransaction(poolOf(database), (client) => work(sessionOn(client))));
}

async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= TRANSACTION_ATTEMPTS || !isDeadlock(error)) throw error;
    }
  }
}
