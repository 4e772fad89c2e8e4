import { createPostgresBackend, Queue, runMigrations, setDefaultBackendFactory } from 'bullmq';
import { type BatchJob, CLOSE_QUEUE, type QueueSettings } from '#close';
import { type PrepareQueue, QUEUE_SCHEMA } from '#persistence';

/** The sending end of the queue of batches. */
export interface CloseQueue {
  enqueue(jobs: readonly BatchJob[]): Promise<void>;
  /** Resolves when the queue answers. */
  ping(): Promise<unknown>;
  close(): Promise<void>;
}

/** Opens the sending end. Waits until the queue can be reached. */
export async function openCloseQueue(settings: QueueSettings): Promise<CloseQueue> {
  // Without a factory BullMQ talks to Redis; said either way, because a process may have been told otherwise before.
  setDefaultBackendFactory(settings.backend === 'postgres' ? createPostgresBackend : undefined);
  // The connection of the PostgreSQL backend is not among the types that the queue was written for.
  const queue = new Queue<BatchJob>(CLOSE_QUEUE.name, { connection: settings.connection as object });
  await queue.waitUntilReady();
  return {
    async enqueue(jobs) {
      await queue.addBulk(
        jobs.map((data) => ({ name: CLOSE_QUEUE.batchJob, data, opts: { ...CLOSE_QUEUE.jobOptions } })),
      );
    },
    ping: () => queue.count(),
    close: () => queue.close(),
  };
}

/** Makes the queue's tables, or brings them up to date, as the owner of the database. */
export const prepareQueue: PrepareQueue = (client) => runMigrations(client, QUEUE_SCHEMA);
