import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { type ApiKey, isConfiguredKey } from '#persistence/catalogue';
import { Problem } from '../problems/problem.js';

/** Who sent the request: the API key it was sent with. */
export class Caller {
  constructor(private readonly key: ApiKey) {}

  get keyId(): string {
    return this.key.id;
  }

  /** As audit events name it. */
  get actor(): string {
    return `api_key:${this.key.id}`;
  }

  /** Whether the key is METERLINE_ADMIN_KEY. */
  get isConfigured(): boolean {
    return isConfiguredKey(this.key);
  }

  /** The one account the key is bound to, or null. */
  get account(): string | null {
    return this.key.account;
  }

  may(scope: ApiKey['scopes'][number]): boolean {
    return this.key.scopes.includes('admin') || this.key.scopes.includes(scope);
  }

  /** Whether the key may see what belongs to an account. */
  sees(account: string): boolean {
    return this.key.account === null || this.key.account === account;
  }

  /** The account a list is narrowed to: the one asked for, or the one the key is bound to. Throws 403 for another. */
  narrow(asked: string | undefined): string | undefined {
    if (asked !== undefined && !this.sees(asked)) throw forbiddenAccount();
    return asked ?? this.key.account ?? undefined;
  }
}

export interface AuthenticatedRequest extends Request {
  caller?: Caller;
}

export function forbiddenAccount(): Problem {
  return new Problem(403, 'forbidden', 'this API key is bound to another account');
}

/** The caller, in a handler's parameters. */
export const From = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!caller) throw new Problem(401, 'unauthorized', 'this route needs an API key');
  return caller;
});
