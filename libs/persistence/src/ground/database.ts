import { Pool } from 'pg';
import { type Catalogue, type CatalogueTransaction, raw, type Sql } from './prisma.js';
import { type Patience, PATIENCE, serviceSession } from './sessions.js';
import { type Database, statementsOn, type Statements, type Transaction } from './statements.js';

export type { Database, Statements, Transaction };

/** Opens the database as the service's role. `connections` bounds the pool of this process. */
export function openDatabase(
  connectionString: string,
  connections = 10,
  patience: Partial<Patience> = PATIENCE,
): Database {
  const pool = openPool(connectionString, connections, sessionBounds(patience));
  return withPool(statementsOn(pool), pool);
}

/** What PostgreSQL bounds in every session of the service, in milliseconds. */
export function sessionBounds(patience: Partial<Patience>) {
  const { idleTransaction_ms, lock_ms } = { ...PATIENCE, ...patience };
  return { idle_in_transaction_session_timeout: idleTransaction_ms, lock_timeout: lock_ms };
}

/** Sessions of the service's role. */
export function openPool(
  connectionString: string,
  connections: number,
  settings: Readonly<Record<string, number>>,
): Pool {
  const session = serviceSession(connectionString, settings);
  const pool = new Pool({ ...session, max: connections, application_name: 'meterline' });
  // A session that ends while it is idle is replaced by the pool; the statement that needs one opens it.
  return pool.on('error', () => undefined);
}

const pools = new WeakMap<Database, Pool>();

/** Notes the sessions behind a database, so that statements of a batch share their bound. */
export function withPool<D extends Database>(database: D, pool: Pool): D {
  pools.set(database, pool);
  return database;
}

/** The sessions behind a database that was opened here. */
export function poolOf(database: Database): Pool {
  const pool = pools.get(database);
  if (!pool) throw new Error('this database was not opened by this room, so that its sessions are not known');
  return pool;
}

/** Thrown by this room; `code` is stable. */
export class PersistenceError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'PersistenceError';
  }
}

/** Deadlock and serialization failures: the transaction did nothing and may simply be run again. */
const RETRYABLE_SQLSTATES = new Set(['40P01', '40001']);
export const TRANSACTION_ATTEMPTS = 5;

/** Whether PostgreSQL aborted a transaction for others beside it, so that it may be run again at once. */
export function isDeadlock(error: unknown): boolean {
  return RETRYABLE_SQLSTATES.has(sqlState(error) ?? '');
}

/** Runs one transaction, again when PostgreSQL aborted it for a deadlock. The work must have no effect outside `tx`. */
export function transaction<T>(database: Catalogue, work: (tx: CatalogueTransaction) => Promise<T>): Promise<T>;
export function transaction<T>(database: Database, work: (tx: Transaction) => Promise<T>): Promise<T>;
export async function transaction<T>(database: Database, work: (tx: never) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await database.$transaction(work as (tx: Transaction) => Promise<T>);
    } catch (error) {
      if (attempt >= TRANSACTION_ATTEMPTS || !isDeadlock(error)) throw error;
    }
  }
}

/** Prisma's codes for a database that cannot be reached or has no free connection. */
const UNREACHABLE = new Set(['P1000', 'P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037']);
const CONNECTION_LOST = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN']);
/**
 * By SQLSTATE: connection exceptions, insufficient resources, read-only or in recovery, an idle transaction that was ended,
 * a lock that was not had, shutting down or starting, and deadlocks and serialization failures that were met again and again.
 */
const PASSING_SQLSTATE = /^(08...|53...|25006|25P03|55P03|57P0[1-5]|40001|40P01)$/;
/** What pg says, without any code, of a session that ended and of every statement that comes after. */
const SESSION_ENDED =
  /^(Connection terminated( unexpectedly)?|Client (has encountered a connection error|was closed) and is not queryable)$/;

/** Whether a statement failed for what passes by itself: nothing is known against the work, and it may be done later. */
export function isDatabaseAway(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && (UNREACHABLE.has(code) || CONNECTION_LOST.has(code))) return true;
  if (error instanceof Error && SESSION_ENDED.test(error.message)) return true;
  return isSeriesLocked(error) || isSocketLost(error) || PASSING_SQLSTATE.test(sqlState(error) ?? '');
}

/** What Prisma's driver makes of the errors of a socket, which it passes on without any code. */
const SOCKET_LOST = new Set(['ConnectionClosed', 'DatabaseNotReachable', 'SocketTimeout']);

function isSocketLost(error: unknown): boolean {
  const { meta, cause } = (error ?? {}) as { meta?: DriverError; cause?: { kind?: unknown } };
  const kind = meta?.driverAdapterError?.cause?.kind ?? cause?.kind;
  return typeof kind === 'string' && SOCKET_LOST.has(kind);
}

interface DriverError {
  readonly code?: unknown;
  readonly driverAdapterError?: { readonly cause?: { readonly kind?: unknown; readonly originalCode?: unknown } };
}

const SERIES_LOCKED = 'series_locked';

/** Whether a number could not be taken because another process keeps the seller's series locked. */
export function isSeriesLocked(error: unknown): boolean {
  return error instanceof PersistenceError && error.code === SERIES_LOCKED;
}

/** What taking a number failed for: a lock that was not had within the session's `lock_timeout` gets a name of its own. */
export function seriesFailure(error: unknown): unknown {
  if (sqlState(error) !== '55P03') return error;
  const message = "another process keeps the seller's number series locked; what needs a number is tried again";
  return new PersistenceError(SERIES_LOCKED, message, true, { cause: error });
}

/** Answers when the database can be written to. Throws when it does not answer, is read-only, or is in recovery. */
export async function assertWritable(database: Database): Promise<void> {
  const [row] = await database.$queryRaw<{ readOnly: boolean }[]>`
    SELECT current_setting('transaction_read_only')::boolean AS "readOnly"`;
  if (row?.readOnly !== false) {
    throw new PersistenceError('database_read_only', 'the database takes no changes now', true);
  }
}

/** Whether a statement of `readingBounded` took longer than it may. */
export function isStatementTimeout(error: unknown): boolean {
  return sqlState(error) === '57014';
}

/** Whether a transaction ended for what says nothing of its work, its statement's time included: it may be run again. */
export function isInterrupted(error: unknown): boolean {
  return isDatabaseAway(error) || isStatementTimeout(error);
}

/** The SQLSTATE of a failed statement, wherever the driver put it. */
function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, meta, cause } = error as { code?: unknown; meta?: unknown; cause?: unknown };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^P\d{4}$/.test(code)) return code;
  const inner = meta as DriverError | undefined;
  const original =
    inner?.driverAdapterError?.cause?.originalCode ?? (cause as { originalCode?: unknown })?.originalCode;
  if (typeof original === 'string') return original;
  if (typeof inner?.code === 'string') return inner.code;
  return undefined;
}

/** The name of the constraint a failed statement ran into, or undefined. */
export function violatedConstraint(error: unknown): string | undefined {
  const { meta, message } = error as { meta?: unknown; message?: unknown };
  const driver = (meta as { driverAdapterError?: { cause?: { originalMessage?: unknown } } } | undefined)
    ?.driverAdapterError;
  // Prisma rewords unique violations; only the driver's own message always quotes the constraint.
  return /constraint "([^"]+)"/.exec(String(driver?.cause?.originalMessage ?? message))?.[1];
}

/** A timestamptz expression as an RFC 3339 stamp in UTC, whole seconds. For constant expressions only. */
export function stamp(expression: string): Sql {
  return raw(`to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`);
}
