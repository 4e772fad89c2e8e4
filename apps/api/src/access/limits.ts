import { Inject, Injectable } from '@nestjs/common';
import type { NextFunction, Response } from 'express';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { LIMITS } from '../ports.js';
import { Problem } from '../problems/problem.js';
import type { AuthenticatedRequest, Caller } from './caller.js';

/** What one API key may ask of one process. METERLINE_ADMIN_KEY is not limited: its operator must get in. */
export interface Limits {
  readonly requestsPerMinute: number;
  /** Event streams that are open at the same time. */
  readonly streams: number;
}

const WINDOW_SECONDS = 60;
const STREAM_RETRY_SECONDS = 5;

/** Counts the requests of each key, says in `RateLimit-*` how many are left, and refuses those beyond with 429. */
export function rateLimit({ requestsPerMinute }: Limits) {
  const limiter = new RateLimiterMemory({ points: requestsPerMinute, duration: WINDOW_SECONDS });
  return async ({ caller }: AuthenticatedRequest, response: Response, next: NextFunction): Promise<void> => {
    if (caller === undefined || caller.isConfigured) {
      next();
      return;
    }
    const [counted, refused] = await limiter.consume(caller.keyId).then(
      (left) => [left, false] as const,
      (left: RateLimiterRes) => [left, true] as const,
    );
    const seconds = Math.ceil(counted.msBeforeNext / 1000);
    response.set({
      'ratelimit-limit': `${requestsPerMinute}`,
      'ratelimit-remaining': `${counted.remainingPoints}`,
      'ratelimit-reset': `${seconds}`,
    });
    next(refused ? tooMany('rate_limited', 'this API key has sent too many requests', seconds) : undefined);
  };
}

/** Counts the event streams that each key has open. */
@Injectable()
export class Streams {
  readonly #open = new Map<string, number>();

  constructor(@Inject(LIMITS) private readonly limits: Limits) {}

  /** Runs a stream to its end. Throws 429 when the key has too many open. */
  async run(caller: Caller, stream: () => Promise<void>): Promise<void> {
    const open = this.#open.get(caller.keyId) ?? 0;
    if (!caller.isConfigured && open >= this.limits.streams) {
      throw tooMany(
        'too_many_streams',
        `this API key has ${open} event streams open; end one first`,
        STREAM_RETRY_SECONDS,
      );
    }
    this.#open.set(caller.keyId, open + 1);
    try {
      await stream();
    } finally {
      const left = (this.#open.get(caller.keyId) ?? 1) - 1;
      if (left === 0) this.#open.delete(caller.keyId);
      else this.#open.set(caller.keyId, left);
    }
  }
}

function tooMany(code: string, detail: string, seconds: number): Problem {
  return new Problem(429, code, `${detail}; try again in ${seconds} s`, { headers: { 'retry-after': `${seconds}` } });
}
