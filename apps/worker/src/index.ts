import 'reflect-metadata';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Closes } from '#close';
import { signingKey } from '#persistence';
import { WorkerCloses, WorkerModule, type WorkerOptions } from './worker.module.js';

export type { WorkerOptions } from './worker.module.js';

export interface RunningWorker {
  /** The closes this worker works on; what it opens or retries goes to the worker's queue. */
  readonly closes: Closes;
  /** Resolves when the queue answers. */
  ping(): Promise<unknown>;
  /** Takes up no further account, gives what is left of the batches in hand back to the queue, and ends. */
  close(): Promise<void>;
}

/** Starts a worker: it takes batches of closes from the queue until it is closed. Throws when it cannot start. */
export async function createWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { logger } = options;
  const nestLogger: LoggerService = {
    log: () => undefined,
    warn: (message: unknown) => logger.warn(String(message)),
    error: (message: unknown, stack?: unknown) => logger.error({ stack }, String(message)),
  };
  // A METERLINE_SECRET_KEY that opens nothing is found now and not when the first close finishes.
  await signingKey(options.database, options.secretKey);
  const app = await NestFactory.createApplicationContext(WorkerModule.with(options), {
    logger: nestLogger,
    abortOnError: false,
  });
  const closes = app.get(WorkerCloses);
  return { closes, ping: () => closes.ping(), close: () => app.close() };
}
