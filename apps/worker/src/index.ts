import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { Closes } from '#close';
import { signingKey } from '#persistence/closes';
import { endsWithin, nestLogger } from '#runtime';
import { WorkerMetrics } from './metrics.js';
import type { Recurring } from './recurring.js';
import { PROCESSOR, RECURRING, WorkerCloses, WorkerModule, type WorkerModuleOptions } from './worker.module.js';

/** How long the queue may take to let go once all work is done; a Redis that is away never would. */
const QUEUE_PATIENCE_MS = 10_000;

export { boundHeapGrowth } from './heap.js';
export { WorkerMetrics } from './metrics.js';

/** What a worker is made of. Metrics that the report clients count into as well are handed in. */
export type WorkerOptions = Omit<WorkerModuleOptions, 'metrics'> & { readonly metrics?: WorkerMetrics };

export interface RunningWorker {
  /** The closes this worker works on; what it opens or retries goes to the worker's queue. */
  readonly closes: Closes;
  /** Resolves when the queue answers. */
  ping(): Promise<unknown>;
  /**
   * Takes up no further account, gives what is left of the batches in hand back to the queue, and ends. A queue that is away
   * is not waited for: its connections are cut.
   */
  close(): Promise<void>;
}

/** Starts a worker: it takes batches of closes from the queue until it is closed. Throws when it cannot start. */
export async function createWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { logger } = options;
  // A METERLINE_SECRET_KEY that opens nothing is found now and not when the first close finishes.
  await signingKey(options.database, options.secretKey);
  const app = await NestFactory.createApplicationContext(
    WorkerModule.with({ metrics: new WorkerMetrics(), ...options }),
    {
      logger: nestLogger(logger),
      abortOnError: false,
    },
  );
  const closes = app.get(WorkerCloses);
  return {
    closes,
    ping: () => closes.ping(),
    async close() {
      const closed = app.close();
      const working = RECURRING.map((part) => app.get<Recurring>(part).beforeApplicationShutdown());
      await Promise.race([closed, Promise.allSettled([closes.settled(), ...working])]);
      if (!(await endsWithin(closed, QUEUE_PATIENCE_MS))) {
        logger.warn('the queue does not answer: the batches that were in hand go to other workers when it is back');
        const abandoned = app.get<{ abandon(): Promise<void> }>(PROCESSOR).abandon();
        await endsWithin(Promise.all([abandoned, closed]), QUEUE_PATIENCE_MS);
      }
    },
  };
}
