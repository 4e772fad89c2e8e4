import type { Notice } from '#billing';
import type { Database, Transaction } from '../ground/database.js';

/** A warning of a close as a whole. */
export interface CountedNotice extends Notice {
  /** How many accounts of the close it is about; 1 where it is about one document. */
  readonly count: number;
}

/** Puts warnings that no account brings on a close as a whole, each once, however often it is said. */
export async function warnClose(
  database: Database | Transaction,
  closeId: string,
  warnings: readonly Notice[],
): Promise<void> {
  if (warnings.length === 0) return;
  const entries = JSON.stringify(warnings);
  await database.$executeRaw`
    UPDATE close
       SET warnings = warnings || (SELECT jsonb_agg(entry)
                                     FROM jsonb_array_elements(${entries}::jsonb) AS of (entry)
                                    WHERE NOT warnings @> jsonb_build_array(entry))
     WHERE id = ${closeId}::uuid AND NOT warnings @> ${entries}::jsonb`;
}
