import { type EpochSeconds, fromStamp } from '#calendar';
import type { Database, Transaction } from './database.js';

/** The database's clock: the one that decides what is billable. */
export async function databaseNow(database: Database | Transaction): Promise<EpochSeconds> {
  const [row] = await database.$queryRaw<{ now: string }[]>`
    SELECT to_char(date_trunc('second', clock_timestamp()) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS now`;
  return fromStamp(row?.now ?? '');
}
