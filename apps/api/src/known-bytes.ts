import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';

export function sha256Of(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Tags a download with the sha256 of its bytes. Answers whether the caller has them already: then the status is 304, and
 * there is no body to send. Nothing but the tag decides. Express would also look at `Cache-Control: no-cache`, which is about
 * caches on the way and which `fetch` adds by itself to every request with an `If-None-Match`.
 */
export function hasBytes(request: Request, response: Response, sha256: string): boolean {
  const etag = `"${sha256}"`;
  response.set('etag', etag);
  const known = (request.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!known.includes(etag) && !known.includes('*')) return false;
  response.status(304);
  return true;
}
