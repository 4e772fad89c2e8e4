import type { NextFunction, Request, Response } from 'express';
import { Problem } from './problems/problem.js';

/**
 * Refuses an address that is not ASCII, or whose percent signs do not spell UTF-8. The parser of queries would put U+FFFD
 * in the place of what it cannot read, and so look for another text than the caller meant.
 */
export function wellFormedUrl({ originalUrl }: Request, _response: Response, next: NextFunction): void {
  next(isWellFormed(originalUrl) ? undefined : malformed());
}

function isWellFormed(url: string): boolean {
  if (!/^[\x21-\x7e]*$/.test(url)) return false;
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

function malformed(): Problem {
  return new Problem(
    400,
    'malformed_request',
    'the address must be ASCII, with everything else percent-encoded as UTF-8',
  );
}
