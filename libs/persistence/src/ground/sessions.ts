import { SERVICE_ROLE } from './privileges.js';

/** How long PostgreSQL bears with a process that has stopped in the middle of something. */
export interface Patience {
  /** A transaction in which no statement came for so long is rolled back, and its session ended. */
  readonly idleTransaction_ms: number;
  /** A statement that waits so long for a lock of another transaction fails, and its work is done later. */
  readonly lock_ms: number;
  /** How long a statement of `readingBounded` may take. */
  readonly reading_ms: number;
}

/** The first is twenty times what the longest step between two statements of a loaded worker takes. */
export const PATIENCE: Patience = { idleTransaction_ms: 60_000, lock_ms: 10_000, reading_ms: 30_000 };

/**
 * A host that lost its power, or whose network did, is asked after 30 s of silence and given up 40 s later: PostgreSQL then
 * rolls back and gives locks free, which by the defaults of TCP takes two hours.
 */
const KEEP_ALIVE = { tcp_keepalives_idle: 30, tcp_keepalives_interval: 10, tcp_keepalives_count: 4 };

/** What a driver of PostgreSQL needs to know to open sessions of the service. */
export interface SessionSettings {
  readonly connectionString: string;
  readonly options: string;
  readonly keepAlive: true;
  readonly keepAliveInitialDelayMillis: number;
}

/**
 * Sessions of the service: they act as its role, whichever login opened them, and a peer that is gone is noticed.
 *
 * `options` of the URL are kept and come last but for the role: left in the URL, they would replace all that is said here.
 *
 * @param settings further parameters of the session, times in milliseconds
 */
export function serviceSession(url: string, settings: Readonly<Record<string, number>> = {}): SessionSettings {
  const address = new URL(url);
  const own = address.searchParams.get('options') ?? '';
  address.searchParams.delete('options');
  const parameters = Object.entries({
    idle_in_transaction_session_timeout: PATIENCE.idleTransaction_ms,
    ...KEEP_ALIVE,
    ...settings,
  }).map(([name, value]) => `-c ${name}=${value}`);
  return {
    connectionString: address.href,
    options: [...parameters, own, `-c role=${SERVICE_ROLE}`].filter(Boolean).join(' '),
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
  };
}
