import { setTimeout as wait } from 'node:timers/promises';
import type { EpochSeconds } from '#calendar';
import type { Gate } from './gate.js';
import { ReportApiError, type ReportApiErrorCode } from './report-api-error.js';

/** How patient a client is. Chance and time are handed in, so that a test of ten minutes takes none. */
export interface RetryPolicy {
  /** Attempts after the first. */
  readonly retries: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** All attempts and waits of one request together, but for those before the gate. */
  readonly budgetMs: number;
  /** Longest wait before the gate of the key, for each attempt. */
  readonly gateMs: number;
  /**
   * Attempts after the first when an answer is no JSON: a body cut in transit looks like that, but a server that always
   * answers so is not cured by patience.
   */
  readonly malformedRetries: number;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Resolves after the time, or rejects when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** A clock that never goes back. */
  readonly elapsedMs: () => number;
  /** The time of day, for a Retry-After that names one. */
  readonly wallClock: () => EpochSeconds;
}

export const DEFAULT_RETRY: RetryPolicy = {
  retries: 5,
  firstDelayMs: 500,
  longestDelayMs: 60_000,
  budgetMs: 600_000,
  gateMs: 3_600_000,
  malformedRetries: 2,
  random: Math.random,
  sleep: (ms, signal) => wait(ms, undefined, signal ? { signal } : {}),
  elapsedMs: () => performance.now(),
  wallClock: () => Math.floor(Date.now() / 1000),
};

/** One attempt: a value to hand back, or a fault that another attempt may cure. */
export type Tried<T> =
  | { readonly done: true; readonly value: T }
  | {
      readonly done: false;
      readonly code: ReportApiErrorCode;
      readonly message: string;
      readonly transportCode?: string;
      readonly retryAfterSeconds?: number | undefined;
    };

/**
 * Tries until a value comes, waiting between attempts: exponential, with full jitter (AWS Architecture Blog, 2015), and
 * never less than the API asked for, which closes the gate for others too. Time before the gate is not the API's fault and not
 * counted.
 *
 * @throws ReportApiError the last fault when attempts or budget are used up, when it is not retryable, and
 *   `pull_aborted` when the signal aborts
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  attempt: (timeoutMs: number) => Promise<Tried<T>>,
  gate?: Gate,
): Promise<T> {
  let startedMs = policy.elapsedMs();
  const left = () => policy.budgetMs - (policy.elapsedMs() - startedMs);
  for (let retry = 0; ; retry += 1) {
    const arrivedMs = policy.elapsedMs();
    const place = gate && (await pass(gate, policy.gateMs, signal));
    startedMs += policy.elapsedMs() - arrivedMs;
    const tried = await attempt(Math.max(1, left())).finally(() => place?.leave());
    if (tried.done) return tried.value;
    if (tried.retryAfterSeconds !== undefined) await gate?.pause(tried.retryAfterSeconds);
    const error = new ReportApiError(tried.code, tried.message, tried);
    const delayMs = Math.max(
      policy.random() * Math.min(policy.longestDelayMs, policy.firstDelayMs * 2 ** retry),
      (tried.retryAfterSeconds ?? 0) * 1000,
    );
    const isLast = retry >= policy.retries || !error.retryable || tried.code === 'pull_aborted';
    if (isLast || delayMs >= left()) throw error;
    try {
      await policy.sleep(delayMs, signal);
    } catch {
      throw new ReportApiError('pull_aborted', 'the pull was aborted while waiting to ask again');
    }
    if (signal?.aborted) throw new ReportApiError('pull_aborted', 'the pull was aborted while waiting to ask again');
  }
}

async function pass(gate: Gate, gateMs: number, signal: AbortSignal | undefined): ReturnType<Gate['enter']> {
  const tooLong = AbortSignal.timeout(gateMs);
  try {
    return await gate.enter(signal ? AbortSignal.any([signal, tooLong]) : tooLong);
  } catch (error) {
    if (signal?.aborted) throw new ReportApiError('pull_aborted', 'the pull was aborted while waiting its turn');
    if (!tooLong.aborted) throw error;
    const message = `for ${gateMs / 1_000} s no request with this key could be sent: others take all that the API bears`;
    throw new ReportApiError('report_api_rate_limited', message);
  }
}

/**
 * Seconds to wait by a Retry-After header in either form (RFC 9110, 10.2.3). A date is measured against the answer's own
 * Date where it has one, so that no clock needs to agree with the API's. Undefined when absent or unreadable.
 */
export function retryAfterSeconds(
  retryAfter: string | undefined,
  date: string | undefined,
  wallClock: () => EpochSeconds,
): number | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d{1,9}$/.test(retryAfter.trim())) return Number.parseInt(retryAfter.trim(), 10);
  // Date.parse makes a date of nearly anything; an HTTP date ends in GMT.
  const until = / GMT$/.test(retryAfter) ? Date.parse(retryAfter) : Number.NaN;
  if (Number.isNaN(until)) return undefined;
  const answered = date === undefined ? Number.NaN : Date.parse(date);
  const from = Number.isNaN(answered) ? wallClock() : answered / 1000;
  return Math.max(0, until / 1000 - from);
}
