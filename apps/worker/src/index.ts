import 'reflect-metadata';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Closes } from '#close';
import { WorkerCloses, WorkerModule, type WorkerOptions } from './worker.module.js';

export type { WorkerOptions } from './worker.module.js';

export interface RunningWorker {
  /** The closes this worker works on; what it opens or retries goes to the worker's queue. */
  readonly closes: Closes;
  /** Takes no more batches and waits for those in hand. */
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
  const app = await NestFactory.createApplicationContext(WorkerModule.with(options), {
    logger: nestLogger,
    abortOnError: false,
  });
  return { closes: app.get(WorkerCloses), close: () => app.close() };
}
