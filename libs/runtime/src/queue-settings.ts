import { type Patience, QUEUE_SCHEMA, serviceSession } from '#persistence';

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

export type QueueSettings =
  | {
      readonly backend: 'postgres';
      readonly connection: ReturnType<typeof serviceSession> & { schema: string; max: number };
    }
  | { readonly backend: 'redis'; readonly connection: { url: string; maxRetriesPerRequest: null } };

/** Where the queue lives: `postgres://…` (a schema of its own in that database, which `migrate` makes) or `redis://…`. */
export function queueSettings(url: string, patience?: Patience): QueueSettings {
  return /^rediss?:/.test(url)
    ? { backend: 'redis', connection: { url, maxRetriesPerRequest: null } }
    : {
        backend: 'postgres',
        connection: {
          ...serviceSession(url, patience && { idle_in_transaction_session_timeout: patience.idleTransaction_ms }),
          schema: QUEUE_SCHEMA,
          max: 5,
        },
      };
}
