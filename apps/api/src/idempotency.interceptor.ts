import { type CallHandler, type ExecutionContext, Injectable, Inject, type NestInterceptor } from '@nestjs/common';
import type { Response } from 'express';
import { catchError, from, mergeMap, type Observable, of, switchMap, throwError } from 'rxjs';
import {
  claimIdempotencyKey,
  type Database,
  keepAnswer,
  releaseClaim,
  type RepeatableRequest,
  type SecretKey,
} from '#persistence';
import type { AuthenticatedRequest } from './access/caller.js';
import { DATABASE, SECRET_KEY } from './ports.js';
import { Problem } from './problems/problem.js';

/** Headers that are part of an answer. */
const KEPT_HEADERS = ['location'];

/**
 * Makes a POST with an Idempotency-Key safe to send again: it is done once, and its answer repeated for 30 days. Only
 * what was done is kept; a refused or failed request may be sent again with the same key.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SECRET_KEY) private readonly secretKey: SecretKey,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const response = context.switchToHttp().getResponse<Response>();
    const repeatable = repeatableRequest(request);
    if (repeatable === undefined) return next.handle();
    return from(claimIdempotencyKey(this.database, repeatable, this.secretKey)).pipe(
      mergeMap((claim) => {
        switch (claim.outcome) {
          case 'claimed':
            return this.once(repeatable, response, next);
          case 'repeated':
            response.status(claim.answer.status).set({ ...claim.answer.headers, 'idempotent-replayed': 'true' });
            return of(claim.answer.body);
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
      }),
    );
  }

  private once(repeatable: RepeatableRequest, response: Response, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      switchMap((body: unknown) => {
        const headers = KEPT_HEADERS.flatMap((name) => {
          const value = response.getHeader(name);
          return typeof value === 'string' ? [[name, value]] : [];
        });
        const answer = {
          status: response.statusCode,
          headers: Object.fromEntries(headers) as Record<string, string>,
          body,
        };
        return from(keepAnswer(this.database, repeatable, answer, this.secretKey).then(() => body));
      }),
      catchError((error: unknown) =>
        from(releaseClaim(this.database, repeatable)).pipe(mergeMap(() => throwError(() => error))),
      ),
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
    path: request.originalUrl,
    body: request.body as unknown,
  };
}
