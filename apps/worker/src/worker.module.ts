import { BullModule, InjectQueue, OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { type DynamicModule, Inject, Injectable, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { createPostgresBackend, type Job, Queue, setDefaultBackendFactory, UnrecoverableError } from 'bullmq';
import {
  type BatchJob,
  CLOSE_QUEUE,
  Closes,
  type ClosesOptions,
  isRetryable,
  type QueueSettings,
  SWEEP_QUEUE,
} from '#close';
import type { Logger } from 'pino';

/** What a worker is made of. The queue is the worker's own; everything else is handed in. */
export interface WorkerOptions extends Omit<ClosesOptions, 'enqueue' | 'log'> {
  readonly queue: QueueSettings;
  readonly logger: Logger;
}

const OPTIONS = Symbol('worker options');

/** The closes of this worker, sending what is left over back to the queue. */
@Injectable()
export class WorkerCloses extends Closes {
  constructor(@Inject(OPTIONS) options: WorkerOptions, @InjectQueue(CLOSE_QUEUE.name) queue: Queue<BatchJob>) {
    super({
      ...options,
      enqueue: async (jobs) => {
        await queue.addBulk(
          jobs.map((data) => ({ name: CLOSE_QUEUE.batchJob, data, opts: { ...CLOSE_QUEUE.jobOptions } })),
        );
      },
      log: ({ error, ...entry }) => options.logger.error({ ...entry, err: error }, 'an account of a close failed'),
    });
  }
}

// A batch renews its lock while it works; one that stops renewing (its worker died) goes to another worker.
@Processor(CLOSE_QUEUE.name, { concurrency: 2, lockDuration: 30_000, maxStalledCount: 10 })
class CloseProcessor extends WorkerHost {
  constructor(
    private readonly closes: WorkerCloses,
    @Inject(OPTIONS) private readonly options: WorkerOptions,
  ) {
    super();
  }

  async process(job: Job<BatchJob>): Promise<void> {
    try {
      await this.closes.work(job.data);
    } catch (error) {
      throw isRetryable(error) ? error : new UnrecoverableError(error instanceof Error ? error.message : 'failed');
    }
  }

  @OnWorkerEvent('error')
  onError(error: Error): void {
    this.options.logger.warn({ err: error }, 'the queue reported an error');
  }
}

@Processor(SWEEP_QUEUE.name, { concurrency: 1 })
class SweepProcessor extends WorkerHost implements OnApplicationBootstrap {
  constructor(
    private readonly closes: WorkerCloses,
    @Inject(OPTIONS) private readonly options: WorkerOptions,
    @InjectQueue(SWEEP_QUEUE.name) private readonly queue: Queue,
  ) {
    super();
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.queue.upsertJobScheduler(
      SWEEP_QUEUE.sweepJob,
      { every: SWEEP_QUEUE.every_ms },
      { name: SWEEP_QUEUE.sweepJob, opts: { removeOnComplete: true, removeOnFail: { count: 100 } } },
    );
  }

  async process(): Promise<void> {
    await this.closes.sweep();
  }

  @OnWorkerEvent('error')
  onError(error: Error): void {
    this.options.logger.warn({ err: error }, 'the queue reported an error');
  }
}

@Module({})
export class WorkerModule {
  static with(options: WorkerOptions): DynamicModule {
    if (options.queue.backend === 'postgres') setDefaultBackendFactory(createPostgresBackend);
    return {
      module: WorkerModule,
      imports: [
        // The connection of the PostgreSQL backend is not among the types that the module was written for.
        BullModule.forRoot({ connection: options.queue.connection as object }),
        BullModule.registerQueue({ name: CLOSE_QUEUE.name }, { name: SWEEP_QUEUE.name }),
      ],
      providers: [{ provide: OPTIONS, useValue: options }, WorkerCloses, CloseProcessor, SweepProcessor],
    };
  }
}
