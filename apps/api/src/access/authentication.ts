import type { NextFunction, Response } from 'express';
import type { Catalogue } from '#persistence';
import { authenticate } from '#persistence/catalogue';
import { Problem } from '../problems/problem.js';
import { type AuthenticatedRequest, Caller } from './caller.js';
import type { Strangers } from './limits.js';

/**
 * What is answered without a key: the health checks, and the page that shows the documentation, because a browser cannot
 * send a key when it opens an address. The page holds no description itself: it asks for a key and fetches it with that.
 */
const OPEN = /^\/(health\/(live|ready)|docs(\/.*)?)$/;

/**
 * Lets requests with a known key in, before anything else of them is read. This stands before the router, so that a path
 * nobody has thought of is closed too.
 */
export function authentication(database: Catalogue, adminKey: string, strangers: Strangers) {
  return async (request: AuthenticatedRequest, _response: Response, next: NextFunction): Promise<void> => {
    if (OPEN.test(request.path)) {
      next();
      return;
    }
    try {
      request.caller = await callerOf(database, adminKey, strangers, request);
      next();
    } catch (error) {
      next(error);
    }
  };
}

async function callerOf(
  database: Catalogue,
  adminKey: string,
  strangers: Strangers,
  { headers, socket }: AuthenticatedRequest,
): Promise<Caller> {
  const presented = /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(headers.authorization ?? '')?.[1];
  // An address that is gone is the one of a client that no longer waits for an answer.
  const address = socket.remoteAddress ?? '';
  await strangers.admit(address, presented);
  const key = presented === undefined ? undefined : await authenticate(database, presented, adminKey);
  if (presented !== undefined && key !== undefined) {
    strangers.letIn(presented);
    return new Caller(key);
  }
  await strangers.refused(address, presented);
  throw presented === undefined
    ? unauthorized('send your API key as "Authorization: Bearer <key>"', 'Bearer realm="meterline"')
    : unauthorized('this API key is unknown, expired or revoked', 'Bearer realm="meterline", error="invalid_token"');
}

function unauthorized(detail: string, challenge: string): Problem {
  return new Problem(401, 'unauthorized', detail, { headers: { 'www-authenticate': challenge } });
}
