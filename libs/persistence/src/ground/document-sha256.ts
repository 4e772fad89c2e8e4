import { createHash } from 'node:crypto';
import { canonicalJson } from '#canonical-json';

/** sha256 over the canonical form of a document: the same for every way to print the JSON. */
export function documentSha256(document: unknown): string {
  return createHash('sha256').update(canonicalJson(document)).digest('hex');
}
