import { type Patience, QUEUE_SCHEMA, serviceSession } from '#persistence';
import type { RedisOptions } from 'ioredis';
import { type RedisPlace, redisPlace } from './redis-places.js';

/** The queue of batches: what its jobs are called and how often they are tried. */
export const CLOSE_QUEUE = {
  name: 'close',
  batchJob: 'batch',
  jobOptions: {
    attempts: 5,
    backoff: { type: 'exponential', delay: 2_000 },
    removeOnComplete: true,
    removeOnFail: { age: 7 * 24 * 3_600 },
  },
} as const;

/** Keys of one queue lie in one slot of a cluster: Redis hashes what stands in braces. */
const CLUSTER_PREFIX = '{meterline}';

export type QueueSettings =
  | {
      readonly backend: 'postgres';
      readonly connection: ReturnType<typeof serviceSession> & { schema: string; max: number };
    }
  | {
      readonly backend: 'redis';
      readonly connection: ({ url: string } | RedisOptions) & { maxRetriesPerRequest: null };
      /** Set for a cluster: every connection is to all of it. */
      readonly cluster?: Extract<RedisPlace, { kind: 'cluster' }>;
    };

/**
 * Where the queue lives: `postgres://…` (a schema of its own in that database, which `migrate` makes), or a Redis or Valkey as
 * `redisPlace` reads it.
 */
export function queueSettings(url: string, patience?: Patience): QueueSettings {
  const place = redisPlace(url);
  switch (place?.kind) {
    case 'server':
      return { backend: 'redis', connection: { url: place.url, maxRetriesPerRequest: null } };
    case 'sentinel':
      return { backend: 'redis', connection: { ...place.options, maxRetriesPerRequest: null } };
    case 'cluster':
      return { backend: 'redis', connection: { ...place.options, maxRetriesPerRequest: null }, cluster: place };
    case undefined:
      return {
        backend: 'postgres',
        connection: {
          ...serviceSession(url, patience && { idle_in_transaction_session_timeout: patience.idleTransaction_ms }),
          schema: QUEUE_SCHEMA,
          max: 5,
        },
      };
  }
}

/** What a queue and a worker of BullMQ are opened with, once `selectBackend` was called. */
export function queueOptions(settings: QueueSettings): { connection: object; prefix?: string } {
  const isCluster = settings.backend === 'redis' && settings.cluster !== undefined;
  // The connection of the PostgreSQL backend is not among the types that BullMQ was written for.
  return { connection: settings.connection as object, ...(isCluster && { prefix: CLUSTER_PREFIX }) };
}
