import type { Database, Transaction } from '../ground/database.js';

/**
 * The bytes of a logo by their sha256, which documents name; undefined where none has it. What is kept is never changed: the
 * database compares bytes and hash.
 */
export async function loadLogo(database: Database | Transaction, sha256: string): Promise<Uint8Array | undefined> {
  const [logo] = await database.$queryRaw<{ bytes: Uint8Array }[]>`SELECT bytes FROM logo WHERE sha256 = ${sha256}`;
  return logo?.bytes;
}
