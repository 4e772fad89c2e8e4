import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Response } from 'express';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import {
  answerOnce,
  type Catalogue,
  doOnce,
  type KeptAnswer,
  type Once,
  type RepeatableRequest,
  type SecretKey,
} from '#persistence';
import type { AuthenticatedRequest } from './access/caller.js';
import { lowerCaseIds } from './contract.js';
import { DATABASE, SECRET_KEY } from './ports.js';
import { Problem } from './problems/problem.js';

const WRITES_NOTHING = 'writes nothing';
const SHOWN_ONCE = 'shown once';

/** A POST that only computes: it is answered alike when it is sent again, and no transaction is open meanwhile. */
export const WritesNothing = () => SetMetadata(WRITES_NOTHING, true);

/** Members of a POST's answer that are secrets: they are not kept, and null when the answer is repeated. */
export const ShownOnce = (...members: readonly string[]) => SetMetadata(SHOWN_ONCE, members);

/**
 * Makes a POST with an Idempotency-Key safe to send again: it is done once, and its answer repeated for 30 days, with the
 * status and the headers that its handler gave it. Only what was done is kept; a refused or failed request may be sent
 * again with the same key.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(SECRET_KEY) private readonly secretKey: SecretKey,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = repeatableRequest(context.switchToHttp().getRequest<AuthenticatedRequest>());
    return request === undefined ? next.handle() : defer(() => this.once(context, request, next));
  }

  private async once(context: ExecutionContext, request: RepeatableRequest, next: CallHandler): Promise<unknown> {
    const response = context.switchToHttp().getResponse<Response>();
    const handler = context.getHandler();
    const secrets = this.reflector.get<readonly string[] | undefined>(SHOWN_ONCE, handler) ?? [];
    const doing = this.reflector.get<true | undefined>(WRITES_NOTHING, handler) ? answerOnce : doOnce;
    let body: unknown;
    const once = await doing(this.database, request, this.secretKey, async () => {
      const before = response.getHeaders();
      body = await lastValueFrom(next.handle());
      return keptAnswer(response, before, body, secrets);
    });
    if (once.outcome === 'done') return body;
    const { status, headers, body: repeated } = repeatedAnswer(once);
    response.status(status).set({ ...headers, 'idempotent-replayed': 'true' });
    return repeated;
  }
}

/** The answer of a handler: its status, the headers it has set, and its body without what is shown once. */
function keptAnswer(
  response: Response,
  before: ReturnType<Response['getHeaders']>,
  body: unknown,
  secrets: readonly string[],
): KeptAnswer {
  const headers = Object.entries(response.getHeaders()).flatMap(([name, value]) =>
    value === undefined || value === before[name] ? [] : [[name, String(value)]],
  );
  const hidden = Object.fromEntries(secrets.map((member) => [member, null]));
  return {
    status: response.statusCode,
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: secrets.length > 0 ? { ...(body as object), ...hidden } : body,
  };
}

function repeatedAnswer(once: Exclude<Once, { outcome: 'done' }>): KeptAnswer {
  switch (once.outcome) {
    case 'repeated':
      return once.answer;
    case 'reused':
      throw new Problem(
        422,
        'idempotency_key_reused',
        'this Idempotency-Key was sent before with another request; use a new key for a new request',
      );
    case 'in_progress':
      throw new Problem(
        409,
        'idempotency_key_in_progress',
        'the first request with this Idempotency-Key is still being worked on; ask again in a moment',
        { headers: { 'retry-after': '1' } },
      );
  }
}

function repeatableRequest(request: AuthenticatedRequest): RepeatableRequest | undefined {
  const key = request.headers['idempotency-key'];
  if (request.method !== 'POST' || key === undefined || request.caller === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new Problem(400, 'malformed_idempotency_key', 'an Idempotency-Key is 1 to 255 printable ASCII characters');
  }
  return {
    apiKeyId: request.caller.keyId,
    key,
    method: request.method,
    path: lowerCaseIds(request.originalUrl),
    body: withLowerCaseIds(request.body),
  };
}

/** The members that name accounts, the only ids that a POST carries: letters of either case are the same id. */
function withLowerCaseIds(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const { account, accounts, ...rest } = body as { account?: unknown; accounts?: unknown };
  const lower = (value: unknown) => (typeof value === 'string' ? lowerCaseIds(value) : value);
  return {
    ...rest,
    account: lower(account),
    accounts: Array.isArray(accounts) ? accounts.map(lower) : lower(accounts),
  };
}
