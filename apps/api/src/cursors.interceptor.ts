import { createHmac, timingSafeEqual } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import type { SecretKey } from '#persistence';
import type { AuthenticatedRequest } from './access/caller.js';
import { SECRET_KEY } from './ports.js';
import { Problem } from './problems/problem.js';

const SIGNATURE = /^[A-Za-z0-9_-]{22}/;

/**
 * Signs the cursors of lists, each for its list and for the account that its caller is bound to. A cursor that was made up
 * or taken from elsewhere is answered as any malformed one is, so that nothing can be learned by trying.
 */
@Injectable()
export class CursorsInterceptor implements NestInterceptor {
  readonly #key: Buffer;

  constructor(@Inject(SECRET_KEY) secretKey: SecretKey) {
    this.#key = createHmac('sha256', secretKey).update('cursors of lists').digest();
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if (request.method !== 'GET' && request.method !== 'HEAD') return next.handle();
    const list = `${request.path.toLowerCase().replace(/\/$/, '')} ${request.caller?.account ?? ''}`;
    const { cursor } = request.query;
    if (typeof cursor === 'string') {
      // Express reads the query anew each time that it is asked for.
      Object.defineProperty(request, 'query', { value: { ...request.query, cursor: this.#opened(list, cursor) } });
    }
    return next.handle().pipe(
      map((answer: unknown) => {
        const page = answer as { next_cursor?: unknown } | null | undefined;
        return typeof page?.next_cursor === 'string'
          ? { ...page, next_cursor: this.#signature(list, page.next_cursor) + page.next_cursor }
          : answer;
      }),
    );
  }

  #opened(list: string, cursor: string): string {
    const signature = SIGNATURE.exec(cursor)?.[0] ?? '';
    const inner = cursor.slice(signature.length);
    const right = Buffer.from(this.#signature(list, inner));
    const given = Buffer.from(signature);
    if (given.length !== right.length || !timingSafeEqual(given, right)) {
      throw new Problem(400, 'malformed_cursor', 'the cursor is not one that this list has answered');
    }
    return inner;
  }

  /** 128 bits of an HMAC. */
  #signature(list: string, inner: string): string {
    return createHmac('sha256', this.#key).update(`${list}\n${inner}`).digest().subarray(0, 16).toString('base64url');
  }
}
