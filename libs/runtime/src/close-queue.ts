import {
  createIORedisClient,
  createPostgresBackend,
  Queue,
  RedisConnection,
  type RedisQueueBackend,
  runMigrations,
  setDefaultBackendFactory,
} from 'bullmq';
import { Cluster } from 'ioredis';
import type { BatchJob } from '#close';
import { type PrepareQueue, QUEUE_SCHEMA } from '#persistence';
import { endsWithin, oneAtATime, QueueOutage, type QueueOutageEntry } from './queue-outage.js';
import { CLOSE_QUEUE, queueOptions, type QueueSettings } from './queue-settings.js';
import { clusterOptions } from './redis-places.js';

/** How long a connection may take to end; to a Redis that is away it would never. */
const CLOSE_PATIENCE_MS = 3_000;

/** The sending end of the queue of batches. */
export interface CloseQueue {
  enqueue(jobs: readonly BatchJob[]): Promise<void>;
  /** Resolves when the queue answers. */
  ping(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Opens the sending end. A queue in PostgreSQL has its tables made first; the API does not wait for a Redis that is away: what is
 * asked for is written down, and the sweep of a worker sends it.
 *
 * @param tell told once when the queue is away and once when it is back
 */
export async function openCloseQueue(
  settings: QueueSettings,
  tell: (entry: QueueOutageEntry) => void = () => undefined,
): Promise<CloseQueue> {
  selectBackend(settings);
  const queue = new Queue<BatchJob>(CLOSE_QUEUE.name, queueOptions(settings));
  const ping = oneAtATime(() => queue.count());
  const outage = new QueueOutage(ping, tell);
  queue.on('error', (error) => outage.failed(error));
  const ready = queue.waitUntilReady();
  if (settings.backend === 'postgres') await ready;
  else ready.catch((error: unknown) => outage.failed(error));
  return {
    enqueue: (jobs) => addBatches(queue, jobs),
    ping,
    close: async () => {
      const closed = queue.close();
      if (!(await endsWithin(closed, CLOSE_PATIENCE_MS))) await endsWithin(cutOff(queue), CLOSE_PATIENCE_MS);
    },
  };
}

/**
 * Ends the connections of a queue or worker that was told to close and still waits for its server. BullMQ's own way to do so
 * does nothing once it was told to close gently, and a client whose commands are unanswered would look for its server for ever.
 */
export async function cutOff({ backend }: Pick<Queue, 'backend'>): Promise<void> {
  const { client, blockingClient } = backend as Partial<RedisQueueBackend>;
  for (const each of [client, blockingClient]) {
    each?.then(
      (opened) => opened.disconnect(),
      () => undefined,
    );
  }
  await backend.close(true);
}

/**
 * Has BullMQ keep what this process opens from now on where the settings say. Without a factory it talks to Redis; said
 * either way, because a process may have been told otherwise before.
 */
export function selectBackend(settings: QueueSettings): void {
  setDefaultBackendFactory(settings.backend === 'postgres' ? createPostgresBackend : undefined);
  const cluster = settings.backend === 'redis' ? settings.cluster : undefined;
  if (cluster) {
    RedisConnection.clientFactory = () =>
      createIORedisClient(new Cluster(cluster.nodes, clusterOptions(cluster.options)));
  } else {
    delete RedisConnection.clientFactory;
  }
}

/** Sends batches to the queue. */
export async function addBatches(queue: Queue<BatchJob>, jobs: readonly BatchJob[]): Promise<void> {
  await queue.addBulk(jobs.map((data) => ({ name: CLOSE_QUEUE.batchJob, data, opts: { ...CLOSE_QUEUE.jobOptions } })));
}

/** Makes the queue's tables, or brings them up to date, as the owner of the database. */
export const prepareQueue: PrepareQueue = (client) => runMigrations(client, QUEUE_SCHEMA);
