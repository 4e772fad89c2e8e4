import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { ApiKeyScope } from '#persistence/catalogue';
import { Problem } from '../problems/problem.js';
import { type AuthenticatedRequest, forbiddenAccount } from './caller.js';

/** How a route treats a key that is bound to one account. */
export type BoundKeys =
  /** Not let in: the route is not about one account. The default. */
  | 'refused'
  /** Let in when the path's `account` or `id` is the key's account. */
  | 'path'
  /** Let in: the handler narrows what it answers to the key's account. */
  | 'narrowed';

interface Rule {
  /** Any of them lets in; none is needed by an open route. */
  scopes: readonly ApiKeyScope[] | 'none';
  boundKeys: BoundKeys;
}

const RULE = 'access rule';

/** The scope a route needs, or those of which one is enough, and whether keys bound to one account may use it. */
export const Access = (scope: ApiKeyScope | readonly ApiKeyScope[], boundKeys: BoundKeys = 'refused') =>
  SetMetadata(RULE, { scopes: typeof scope === 'string' ? [scope] : scope, boundKeys } satisfies Rule);

/** A route that is answered without a key. */
export const Open = () => SetMetadata(RULE, { scopes: 'none', boundKeys: 'refused' } satisfies Rule);

/** Checks the scope of the caller's key. A route that states no rule is closed. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const rule = this.reflector.getAllAndOverride<Rule | undefined>(RULE, [context.getHandler(), context.getClass()]);
    if (rule === undefined) throw new Problem(403, 'forbidden', 'this route states no access rule, so it is closed');
    if (rule.scopes === 'none') return true;
    const { caller, params } = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if (!caller) throw new Problem(401, 'unauthorized', 'this route needs an API key');
    if (!rule.scopes.some((scope) => caller.may(scope))) {
      throw new Problem(403, 'forbidden', `this API key lacks the scope "${rule.scopes.join('" or "')}"`);
    }
    if (caller.account === null || rule.boundKeys === 'narrowed') return true;
    const named = params.account ?? params.id;
    // Letters of either case are the same id.
    if (rule.boundKeys === 'path' && String(named).toLowerCase() === caller.account) return true;
    throw rule.boundKeys === 'path'
      ? forbiddenAccount()
      : new Problem(403, 'forbidden', 'this API key is bound to one account; the route is not about one account');
  }
}
