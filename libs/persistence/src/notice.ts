import type { Database, Transaction } from './database.js';

/** A reason or a warning that a machine can branch on and a clerk can read. */
export interface Notice {
  readonly code: string;
  readonly message: string;
}

/** Puts warnings on a close as a whole, each once, however many accounts bring them. */
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
