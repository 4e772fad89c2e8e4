import { createHash, createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { PersistenceError } from '../ground/database.js';
import type { SecretKey } from '../ground/secrets.js';
import { type Patience, PATIENCE, serviceSession } from '../ground/sessions.js';

/** How a report API may be asked with one key, by all processes together. */
export interface ReportLimits {
  /** Requests in flight. */
  readonly concurrency: number;
  /** A positive decimal; null: as many as the answers take. */
  readonly requestsPerSecond: string | null;
}

/** A process stops handing a place from one of its requests to the next after so long, so that others get their turn. */
const TURN_MS = 2_000;
/** A place that no request of this process waits for is kept for so long: most often its next request is about to come. */
const LINGER_MS = 250;
/** Between two looks for a free place. */
const LOOK_MS = 25;
/** A database that answers nothing for so long is taken for away, and its connection for lost. */
const SILENCE_MS = 10_000;
/** How long a request waits for a database that is away: over a restart, say. */
const PATIENCE_MS = 60_000;
const RECONNECT_MS = 500;
/** Turns of a rate that one process takes at a time, at most: for half a second, so that what a dead one took soon lapses. */
const MOST_TURNS_AHEAD = 32;
const TURNS_AHEAD_SECONDS = 0.5;
/** Where processes tell each other that an API wants to be left alone. The payload is the key's id. */
const CHANNEL = 'meterline_report_pace';
/** An API cannot close its gate for longer by one answer; it may say so again. */
const LONGEST_PAUSE_SECONDS = 600;

/**
 * The limits of report API keys, shared by every process on one database. A place among the requests in flight is a session
 * lock of PostgreSQL, so that of a process that dies is free at once; it is handed from request to request without asking.
 * Turns of a rate are taken some at a time from one row per key; pauses are told by a notification.
 */
export class ReportGates {
  readonly #connectionString: string;
  readonly #secretKey: SecretKey;
  readonly #silence_ms: number;
  readonly #gates = new Map<string, KeyGate>();
  #session: Session | undefined;
  #closed = false;

  /** @param patience how long a process that froze keeps its places: as long as it would keep a transaction */
  constructor(connectionString: string, secretKey: SecretKey, patience: Patience = PATIENCE) {
    this.#connectionString = connectionString;
    this.#secretKey = secretKey;
    this.#silence_ms = patience.idleTransaction_ms;
  }

  /** The gate of a key at an origin. Asked for with other limits, it goes on with those. */
  of(origin: string, apiKey: string, limits: ReportLimits): KeyGate {
    const id = createHmac('sha256', this.#secretKey)
      .update(`report-gate ${origin} ${apiKey}`)
      .digest('hex')
      .slice(0, 32);
    let gate = this.#gates.get(id);
    if (!gate) this.#gates.set(id, (gate = new KeyGate(id, () => this.#connect())));
    gate.limits = limits;
    return gate;
  }

  /** Gives every place back. Requests that still wait for one are turned away. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const gate of this.#gates.values()) gate.close();
    await this.#session?.end();
  }

  async #connect(): Promise<Session> {
    if (this.#closed) throw closed();
    if (!this.#session || this.#session.lost) {
      this.#session = new Session(this.#connectionString, this.#silence_ms, (id) => this.#gates.get(id)?.hear());
      // What was told while no session listened is asked for.
      for (const gate of this.#gates.values()) gate.hear();
    }
    await this.#session.ready;
    return this.#session;
  }
}

/** Signs of life in the time after which PostgreSQL takes a session for frozen. */
const SIGNS = 4;

/**
 * One connection, whose locks are gone when it is. A frozen process would keep them, and its connection too: so PostgreSQL
 * ends a session that says nothing, and a living one says something from time to time.
 */
class Session {
  readonly ready: Promise<unknown>;
  readonly #client: Client;
  /** The statement before: a connection takes one at a time. */
  #before: Promise<unknown> = Promise.resolve();
  readonly #signs: NodeJS.Timeout;
  lost = false;

  /** @param onPaced told the id of a key whose API wants to be left alone */
  constructor(connectionString: string, silence_ms: number, onPaced: (id: string) => void) {
    this.#client = new Client({
      ...serviceSession(connectionString, { idle_session_timeout: silence_ms }),
      application_name: 'meterline-report-gates',
      connectionTimeoutMillis: SILENCE_MS,
      query_timeout: SILENCE_MS,
    });
    this.#signs = setInterval(() => void this.query('SELECT 1', []).catch(() => undefined), silence_ms / SIGNS);
    this.#signs.unref();
    const lose = () => {
      this.lost = true;
      clearInterval(this.#signs);
    };
    this.#client.on('error', lose).on('end', lose);
    this.#client.on('notification', ({ payload }) => {
      if (payload !== undefined) onPaced(payload);
    });
    this.ready = this.#client
      .connect()
      .then(() => this.#client.query(`LISTEN ${CHANNEL}`))
      .catch((error: unknown) => this.#lose(error));
  }

  async query<Row>(text: string, values: unknown[]): Promise<Row | undefined> {
    const answered = this.#before.then(() => this.#client.query(text, values));
    this.#before = answered.catch(() => undefined);
    try {
      return (await answered).rows[0] as Row | undefined;
    } catch (error) {
      return this.#lose(error);
    }
  }

  async end(): Promise<void> {
    clearInterval(this.#signs);
    if (!this.lost) await this.#client.end().catch(() => undefined);
  }

  /** After an error it is not known which locks this session still has; without it, it has none. */
  #lose(error: unknown): never {
    this.lost = true;
    clearInterval(this.#signs);
    void this.#client.end().catch(() => undefined);
    throw unavailable(error);
  }
}

interface Place {
  readonly lock: string;
  readonly session: Session;
  readonly takenAt: number;
  /** Gives it back, while it is spare. */
  lingers?: NodeJS.Timeout;
}

interface Waiting {
  readonly take: (place: Place) => void;
  readonly fail: (error: unknown) => void;
}

/** The gate of one key, as this process stands before it. */
export class KeyGate {
  limits: ReportLimits = { concurrency: 1, requestsPerSecond: null };
  readonly #id: string;
  readonly #connect: () => Promise<Session>;
  readonly #queue: Waiting[] = [];
  readonly #held = new Set<Place>();
  /** Held, and used by no request. */
  readonly #spare: Place[] = [];
  #looking = false;
  #closed = false;
  /** Until when the API wants to be left alone, and turns of its rate that were taken ahead; both by `performance.now()`. */
  #pausedUntil = 0;
  #turns: number[] = [];
  #ahead = 1;
  /** What is known of the key's pace may be out of date. */
  #stale = true;
  /** Turns are taken by one request after the other. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(id: string, connect: () => Promise<Session>) {
    this.#id = id;
    this.#connect = connect;
  }

  async enter(signal?: AbortSignal): Promise<{ leave(): void }> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.#pass(signal);
      } catch (error) {
        const isAway = error instanceof PersistenceError && error.code === UNAVAILABLE;
        if (!isAway || signal?.aborted || performance.now() > until) throw error;
        await sleep(RECONNECT_MS * (0.5 + Math.random()));
      }
    }
  }

  async #pass(signal?: AbortSignal): Promise<{ leave(): void }> {
    const place = await this.#place(signal);
    try {
      const turn = this.#before.then(() => this.#turn(place.session));
      this.#before = turn.catch(() => undefined);
      const wait_ms = await turn;
      if (wait_ms > 0) await sleep(wait_ms, undefined, signal && { signal });
    } catch (error) {
      this.#leave(place);
      throw signal?.aborted ? signal.reason : error;
    }
    let left = false;
    return {
      leave: () => {
        if (!left) this.#leave(place);
        left = true;
      },
    };
  }

  async pause(seconds: number): Promise<void> {
    const session = await this.#connect();
    await session.query(
      `WITH paused AS (
         INSERT INTO report_pace (key_id, paused_until) VALUES ($1, clock_timestamp() + make_interval(secs => $2))
         ON CONFLICT (key_id) DO UPDATE SET paused_until = greatest(report_pace.paused_until, EXCLUDED.paused_until))
       SELECT pg_notify('${CHANNEL}', $1)`,
      [this.#id, Math.min(seconds, LONGEST_PAUSE_SECONDS)],
    );
    this.hear();
  }

  /** Another process was told to leave the API alone: turns that were taken ahead no longer count. */
  hear(): void {
    this.#stale = true;
  }

  close(): void {
    this.#closed = true;
    for (const { lingers } of this.#spare.splice(0)) clearTimeout(lingers);
    for (const { fail } of this.#queue.splice(0)) fail(closed());
  }

  /** A place among the requests in flight, first come, first served within this process. */
  #place(signal?: AbortSignal): Promise<Place> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        take: (place) => {
          signal?.removeEventListener('abort', abort);
          resolve(place);
        },
        fail: (error) => {
          signal?.removeEventListener('abort', abort);
          reject(error as Error);
        },
      };
      const abort = () => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#queue.push(waiting);
      if (!this.#looking) void this.#look();
    });
  }

  /** Looks for free places until no request waits. */
  async #look(): Promise<void> {
    this.#looking = true;
    try {
      while (this.#queue.length > 0) {
        const found = await this.#find();
        if (found === undefined) {
          await sleep(LOOK_MS * (0.5 + Math.random()));
          continue;
        }
        this.#held.add(found);
        const next = this.#queue.shift();
        if (next) next.take(found);
        else this.#leave(found);
      }
    } catch (error) {
      for (const { fail } of this.#queue.splice(0)) fail(error);
    } finally {
      this.#looking = false;
    }
  }

  async #find(): Promise<Place | undefined> {
    for (let spare = this.#spare.pop(); spare; spare = this.#spare.pop()) {
      clearTimeout(spare.lingers);
      if (!spare.session.lost && isTurnOf(spare)) return spare;
      this.#giveBack(spare);
    }
    const session = await this.#connect();
    // A session is granted the same lock twice: only those that are not held are asked for. A place that was lost with its
    // session is held while its request is under way.
    const mine = new Set([...this.#held].map(({ lock }) => lock));
    const locks = this.#locks().filter((lock) => !mine.has(lock));
    if (locks.length === 0) return undefined;
    const row = await session.query<{ lock: string }>(
      'SELECT lock FROM unnest($1::bigint[]) AS lock WHERE pg_try_advisory_lock(lock) LIMIT 1',
      [locks],
    );
    return row && { lock: row.lock, session, takenAt: performance.now() };
  }

  #locks(): string[] {
    return Array.from({ length: this.limits.concurrency }, (_, place) =>
      createHash('sha256').update(`${this.#id} ${place}`).digest().readBigInt64BE().toString(),
    );
  }

  /** Milliseconds until it is this request's turn, by the rate of the key and by the pause its API asked for. */
  async #turn(session: Session): Promise<number> {
    const { requestsPerSecond } = this.limits;
    if (requestsPerSecond !== null) return this.#turnOfRate(session, Number.parseFloat(requestsPerSecond));
    if (this.#stale) {
      // Before the answer: a pause that is told meanwhile is asked for by the next request.
      this.#stale = false;
      const row = await session.query<{ wait_ms: string }>(
        `SELECT extract(epoch FROM paused_until - clock_timestamp()) * 1000 AS wait_ms
           FROM report_pace WHERE key_id = $1 AND paused_until > clock_timestamp()`,
        [this.#id],
      );
      this.#pausedUntil = row ? performance.now() + Number.parseFloat(row.wait_ms) : 0;
    }
    return untilThen(this.#pausedUntil);
  }

  /**
   * Turns are taken some at a time and used one after the other. One that passed unused is dropped, so that turns never come
   * closer than the rate; a process that lets them pass takes fewer, and leaves more to the others.
   */
  async #turnOfRate(session: Session, rate: number): Promise<number> {
    const interval_ms = 1_000 / rate;
    const now = performance.now();
    const left = this.#stale ? [] : this.#turns.filter((at) => at > now - interval_ms);
    const most = Math.max(1, Math.min(MOST_TURNS_AHEAD, Math.floor(rate * TURNS_AHEAD_SECONDS)));
    if (left.length < this.#turns.length) this.#ahead = 1;
    this.#turns = left;
    if (left.length === 0) {
      this.#stale = false;
      const taken = this.#ahead;
      const row = await session.query<{ wait_ms: string }>(
        `INSERT INTO report_pace AS pace (key_id, next_at) VALUES ($1, clock_timestamp() + $2::interval)
         ON CONFLICT (key_id) DO UPDATE
            SET next_at = greatest(pace.next_at, pace.paused_until, clock_timestamp()) + $2::interval
         RETURNING extract(epoch FROM next_at - $2::interval - clock_timestamp()) * 1000 AS wait_ms`,
        [this.#id, `${taken / rate} seconds`],
      );
      const first = performance.now() + Math.max(0, Number.parseFloat(row?.wait_ms ?? '0'));
      this.#turns = Array.from({ length: taken }, (_, turn) => first + turn * interval_ms);
      this.#ahead = Math.min(most, taken * 2);
    }
    return untilThen(this.#turns.shift() ?? 0);
  }

  #leave(place: Place): void {
    const mayKeep = !place.session.lost && !this.#closed && isTurnOf(place);
    const next = mayKeep ? this.#queue.shift() : undefined;
    if (next) next.take(place);
    else if (mayKeep) {
      place.lingers = setTimeout(() => {
        this.#spare.splice(this.#spare.indexOf(place), 1);
        this.#giveBack(place);
      }, LINGER_MS).unref();
      this.#spare.push(place);
    } else this.#giveBack(place);
  }

  #giveBack(place: Place): void {
    this.#held.delete(place);
    // A session that cannot give a lock back has lost it.
    if (place.session.lost || this.#closed) return;
    place.session.query('SELECT pg_advisory_unlock($1)', [place.lock]).catch(() => undefined);
  }
}

/** A place goes back after a while, however much this process has to ask, so that others get their turn. */
function isTurnOf({ takenAt }: Place): boolean {
  return performance.now() - takenAt < TURN_MS;
}

function untilThen(at: number): number {
  return Math.max(0, Math.ceil(at - performance.now()));
}

const UNAVAILABLE = 'report_gates_unavailable';

function closed(): PersistenceError {
  return new PersistenceError('report_gates_closed', 'this process asks report APIs no more', true);
}

function unavailable(cause: unknown): PersistenceError {
  const message = 'the database that limits requests to report APIs cannot be reached';
  return new PersistenceError(UNAVAILABLE, message, true, { cause });
}
