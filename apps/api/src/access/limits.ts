import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { NextFunction, Response } from 'express';
import ipaddr from 'ipaddr.js';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { LIMITS } from '../ports.js';
import { Problem } from '../problems/problem.js';
import type { AuthenticatedRequest, Caller } from './caller.js';

/**
 * What one API key may ask of one process, and one address without a key. METERLINE_ADMIN_KEY is not limited: its operator
 * must get in.
 */
export interface Limits {
  readonly requestsPerMinute: number;
  /** Event streams that are open at the same time. */
  readonly streams: number;
  /** Requests of one address that come without a key that is known. */
  readonly unauthorizedPerMinute: number;
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

/** Keys that are remembered as known; of more, the ones that were let in first are forgotten. */
const KNOWN_KEYS = 10_000;
/** What one customer of a network provider has of IPv6. */
const IPV6_PREFIX_BITS = 64;

/**
 * Counts, for each address, the requests that come without a known key. Beyond the limit they are refused before the
 * database is asked. Keys that were let in since this process began are asked for as ever: a proxy, or a machine that
 * others use too, has one address for all its clients.
 */
export class Strangers {
  readonly #limiter: RateLimiterMemory;
  readonly #known = new Set<string>();

  constructor({ unauthorizedPerMinute }: Pick<Limits, 'unauthorizedPerMinute'>, configuredKey: string) {
    this.#limiter = new RateLimiterMemory({ points: unauthorizedPerMinute, duration: WINDOW_SECONDS });
    this.letIn(configuredKey);
  }

  /** Throws 429 when the address has used up its minute, unless the key was let in before. */
  async admit(address: string, presented: string | undefined): Promise<void> {
    if (presented !== undefined && this.#known.has(digestOf(presented))) return;
    const counted = await this.#limiter.get(networkOf(address));
    if (counted !== null && counted.remainingPoints <= 0) {
      const seconds = Math.ceil(counted.msBeforeNext / 1000);
      throw tooMany('rate_limited', 'this address has sent too many requests without a known API key', seconds);
    }
  }

  letIn(presented: string): void {
    const digest = digestOf(presented);
    this.#known.delete(digest);
    this.#known.add(digest);
    const [first] = this.#known.size > KNOWN_KEYS ? this.#known : [];
    if (first !== undefined) this.#known.delete(first);
  }

  async refused(address: string, presented: string | undefined): Promise<void> {
    if (presented !== undefined) this.#known.delete(digestOf(presented));
    await this.#limiter.consume(networkOf(address)).catch(() => undefined);
  }
}

function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('base64');
}

/** An IPv4 address, also where it is written as IPv6; of IPv6 the network that its holder may choose addresses from. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toNormalizedString()}/${IPV6_PREFIX_BITS}`).toString();
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
