import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import { PrismaClient } from '../generated/client.js';
import { openPool, sessionBounds, withPool } from './database.js';
import type { Catalogue } from './prisma.js';
import { joinable } from './request-transaction.js';
import { type Patience, PATIENCE } from './sessions.js';

/**
 * Prisma ends a transaction that lasts longer, however busy it is. What a transaction takes grows with an account and with a
 * close, so this is no bound of work: one that has stopped is ended by PostgreSQL, for being idle.
 */
const LONGEST_TRANSACTION_MS = 24 * 3_600_000;

/**
 * Opens the database through Prisma. `connections` bounds the pool of this process, and likewise the pool of `readingBounded`,
 * which is opened when it is used first.
 */
export function openClient(
  connectionString: string,
  connections = 10,
  patience: Partial<Patience> = PATIENCE,
): Catalogue {
  const bounds = sessionBounds(patience);
  const { reading_ms } = { ...PATIENCE, ...patience };
  const open = (pool: Pool) =>
    new PrismaClient({
      adapter: new PrismaPg(pool, { disposeExternalPool: true }),
      transactionOptions: { maxWait: 30_000, timeout: LONGEST_TRANSACTION_MS },
    });
  const pool = openPool(connectionString, connections, bounds);
  const openReader = () => open(openPool(connectionString, connections, { ...bounds, statement_timeout: reading_ms }));
  return withPool(joinable(open(pool), openReader), pool);
}
