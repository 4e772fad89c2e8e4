import type { NextFunction, Response } from 'express';
import { authenticate, type Database } from '#persistence';
import { Problem } from '../problems/problem.js';
import { type AuthenticatedRequest, Caller } from './caller.js';

/**
 * What is answered without a key: the health checks, and the page that shows the documentation, because a browser cannot
 * send a key when it opens an address. The page holds no description itself: it asks for a key and fetches it with that.
 */
const OPEN = /^\/(health\/(live|ready)|docs(\/.*)?)$/;

/**
 * Lets requests with a known key in, before anything else of them is read. This stands before the router, so that a path
 * nobody has thought of is closed too.
 */
export function authentication(database: Database, adminKey: string) {
  return async (request: AuthenticatedRequest, _response: Response, next: NextFunction): Promise<void> => {
    if (OPEN.test(request.path)) {
      next();
      return;
    }
    try {
      request.caller = await callerOf(database, adminKey, request.headers.authorization);
      next();
    } catch (error) {
      next(error);
    }
  };
}

async function callerOf(database: Database, adminKey: string, header: string | undefined): Promise<Caller> {
  const presented = /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(header ?? '')?.[1];
  if (presented === undefined) {
    throw unauthorized('send your API key as "Authorization: Bearer <key>"', 'Bearer realm="meterline"');
  }
  const key = await authenticate(database, presented, adminKey);
  if (key === undefined) {
    throw unauthorized(
      'this API key is unknown, expired or revoked',
      'Bearer realm="meterline", error="invalid_token"',
    );
  }
  return new Caller(key);
}

function unauthorized(detail: string, challenge: string): Problem {
  return new Problem(401, 'unauthorized', detail, { headers: { 'www-authenticate': challenge } });
}
