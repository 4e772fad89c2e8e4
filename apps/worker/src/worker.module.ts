import { BullModule, getQueueToken, InjectQueue, OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { type BeforeApplicationShutdown, type DynamicModule, Inject, Injectable, Module } from '@nestjs/common';
import { DelayedError, type Job, Queue, UnrecoverableError } from 'bullmq';
import {
  type BatchJob,
  checkStoredDocuments,
  Closes,
  type ClosesOptions,
  isRetryable,
  openDueCloses,
  SeriesLocked,
} from '#close';
import { databaseNow } from '#persistence';
import { dropExpiredUsageDetail } from '#persistence/ledger';
import {
  addBatches,
  CLOSE_QUEUE,
  cutOff,
  type Logger,
  oneAtATime,
  QueueOutage,
  queueOptions,
  type QueueSettings,
  selectBackend,
} from '#runtime';
import type { WorkerMetrics } from './metrics.js';
import { Recurring } from './recurring.js';

/** What a worker is made of. The queue is the worker's own; everything else is handed in. */
export interface WorkerModuleOptions extends Omit<ClosesOptions, 'enqueue' | 'log'> {
  readonly queue: QueueSettings;
  readonly logger: Logger;
  readonly recovery?: Recovery;
  readonly metrics: WorkerMetrics;
}

/** How soon the work of a dead worker is taken up again. */
export interface Recovery {
  /** A batch whose worker has not renewed its lock for this long goes to another worker. */
  readonly lock_ms: number;
  /** How often a worker looks for such batches. */
  readonly lookout_ms: number;
  /** A batch on which nothing moved for this long is sent again by the sweep: its job was lost. */
  readonly idle_s: number;
  readonly sweep_ms: number;
}

const RECOVERY: Recovery = { lock_ms: 30_000, lookout_ms: 30_000, idle_s: 60, sweep_ms: 15_000 };

const OPTIONS = Symbol('worker options');
const OUTAGE = Symbol('outages of the queue');
export const PROCESSOR = Symbol('processor of batches');

/** The closes of this worker, sending what is left over back to the queue. */
@Injectable()
export class WorkerCloses extends Closes {
  readonly #inHand = new Set<Promise<void>>();
  readonly ping: () => Promise<unknown>;

  constructor(@Inject(OPTIONS) options: WorkerModuleOptions, @InjectQueue(CLOSE_QUEUE.name) queue: Queue<BatchJob>) {
    super({
      ...options,
      onStep: (step, of) => {
        options.metrics.stepped(step, of);
        options.onStep?.(step, of);
      },
      enqueue: (jobs) => addBatches(queue, jobs),
      // Of what is tried again the cause is enough, for it may come a hundred times; of what is final, all there is.
      log: ({ error, level, ...entry }) =>
        options.logger[level](
          { ...entry, ...(error !== undefined && (level === 'error' ? { err: error } : { cause: firstLine(error) })) },
          entry.event.replaceAll('_', ' '),
        ),
    });
    this.ping = oneAtATime(() => queue.count());
  }

  override work(job: BatchJob): Promise<void> {
    const work = super.work(job).finally(() => this.#inHand.delete(work));
    this.#inHand.add(work);
    return work;
  }

  /** Ends when the batches in hand do. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#inHand);
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n').at(-1) ?? '';
}

/** The processor of batches. A batch renews its lock while it works; one that stops renewing goes to another worker. */
function closeProcessor({ lock_ms, lookout_ms }: Recovery) {
  @Processor(CLOSE_QUEUE.name, {
    concurrency: 2,
    lockDuration: lock_ms,
    stalledInterval: lookout_ms,
    maxStalledCount: 1_000,
  })
  class CloseProcessor extends WorkerHost implements BeforeApplicationShutdown {
    constructor(
      @Inject(WorkerCloses) private readonly closes: WorkerCloses,
      @Inject(OPTIONS) private readonly options: WorkerModuleOptions,
      @Inject(OUTAGE) private readonly outage: QueueOutage,
      @InjectQueue(CLOSE_QUEUE.name) private readonly queue: Queue<BatchJob>,
    ) {
      super();
    }

    async process(job: Job<BatchJob>, token?: string): Promise<void> {
      const { metrics } = this.options;
      try {
        await this.closes.work(job.data);
        metrics.batchEnded('worked');
      } catch (error) {
        metrics.batchEnded(isRetryable(error) ? 'to_retry' : 'failed');
        if (error instanceof SeriesLocked) {
          await job.moveToDelayed(Date.now() + error.pause_ms, token);
          throw new DelayedError();
        }
        throw isRetryable(error) ? error : new UnrecoverableError(error instanceof Error ? error.message : 'failed');
      }
    }

    /** Takes no further batch first: it would take those that it gives back. */
    async beforeApplicationShutdown(): Promise<void> {
      const closed = this.worker.close();
      this.closes.drain();
      await closed;
    }

    /** Ends the connections to a queue that does not answer, so that what waits for its answers ends too. */
    async abandon(): Promise<void> {
      await Promise.allSettled([cutOff(this.worker), cutOff(this.queue)]);
    }

    @OnWorkerEvent('error')
    onError(error: Error): void {
      this.outage.failed(error);
    }
  }
  return { provide: PROCESSOR, useClass: CloseProcessor };
}

/** Finishes what others left behind. */
function sweeper({ sweep_ms, idle_s }: Recovery) {
  return {
    provide: 'sweeper',
    inject: [WorkerCloses, OPTIONS],
    useFactory: (closes: WorkerCloses, { logger }: WorkerModuleOptions) =>
      new Recurring(
        sweep_ms,
        async () => {
          await closes.sweep(idle_s);
          return false;
        },
        (error, repeated) => logger[repeated ? 'debug' : 'warn']({ err: error }, 'a sweep failed'),
      ),
  };
}

/** Pulls again what was billed. Apart from the sweep, which must not wait for a slow report API. */
function confirmer({ sweep_ms }: Recovery) {
  return {
    provide: 'confirmer',
    inject: [WorkerCloses, OPTIONS],
    useFactory: (closes: WorkerCloses, { logger }: WorkerModuleOptions) =>
      new Recurring(
        sweep_ms,
        () => closes.corrections.confirmDue(),
        (error, repeated) => logger[repeated ? 'debug' : 'warn']({ err: error }, 'confirming pulls failed'),
      ),
  };
}

/** Opens the closes that schedules are due for: when the worker starts, and then with every sweep. */
function scheduler({ sweep_ms }: Recovery) {
  return {
    provide: 'scheduler',
    inject: [WorkerCloses, OPTIONS],
    useFactory: (closes: WorkerCloses, { database, logger }: WorkerModuleOptions) =>
      new Recurring(
        sweep_ms,
        async () => {
          await openDueCloses(database, closes.desk, (entry) => {
            if (entry.event === 'scheduled_close') {
              logger.info(entry, 'a schedule opened a month');
            } else {
              const { error, ...of } = entry;
              logger.error({ ...of, err: error }, 'the months of a schedule could not be opened');
            }
          });
          return false;
        },
        (error, repeated) => logger[repeated ? 'debug' : 'warn']({ err: error }, 'schedules could not be looked at'),
        'at_start',
      ),
  };
}

/** Drops usage detail that its sellers keep no longer: at a worker's first sweep, and then once a day. */
function retention({ sweep_ms }: Recovery) {
  return {
    provide: 'retention',
    inject: [OPTIONS],
    useFactory: ({ database, logger }: WorkerModuleOptions) => {
      let dueAt = 0;
      return new Recurring(
        sweep_ms,
        async () => {
          const now = await databaseNow(database);
          if (now < dueAt) return false;
          const dropped = await dropExpiredUsageDetail(database, now);
          if (dropped.values + dropped.answers > 0) logger.info(dropped, 'usage detail was dropped');
          dueAt = now + DAY_SECONDS;
          return false;
        },
        (error, repeated) => logger[repeated ? 'debug' : 'error']({ err: error }, 'usage detail could not be dropped'),
      );
    },
  };
}

/** Checks over a month that all that is stored is as it was stored. */
function checker({ sweep_ms }: Recovery) {
  return {
    provide: 'checker',
    inject: [OPTIONS],
    useFactory: ({ database, logger }: WorkerModuleOptions) =>
      new Recurring(
        sweep_ms,
        async () => {
          const { more, altered, ended } = await checkStoredDocuments(database);
          for (const each of altered)
            logger.error({ ...each, code: 'document_altered' }, 'a stored document was altered');
          if (ended) logger.info(ended, 'stored documents were checked');
          return more;
        },
        (error) => logger.error({ err: error }, 'stored documents could not be checked'),
      ),
  };
}

const DAY_SECONDS = 86_400;

/** Parts that work by timers of their own, by the names they are provided under. */
const PARTS = { sweeper, confirmer, retention, checker, scheduler };
export const RECURRING = Object.keys(PARTS);

@Module({})
export class WorkerModule {
  static with(options: WorkerModuleOptions): DynamicModule {
    selectBackend(options.queue);
    const { recovery = RECOVERY } = options;
    return {
      module: WorkerModule,
      imports: [BullModule.forRoot(queueOptions(options.queue)), BullModule.registerQueue({ name: CLOSE_QUEUE.name })],
      providers: [
        { provide: OPTIONS, useValue: options },
        WorkerCloses,
        {
          provide: OUTAGE,
          inject: [WorkerCloses, getQueueToken(CLOSE_QUEUE.name)],
          useFactory: (closes: WorkerCloses, queue: Queue) => {
            const outage = new QueueOutage(closes.ping, (entry) =>
              entry.event === 'queue_away'
                ? options.logger.warn(entry, 'the queue is away; batches wait, sweeps and schedules go on')
                : options.logger.info(entry, 'the queue is back'),
            );
            queue.on('error', (error) => outage.failed(error));
            return outage;
          },
        },
        closeProcessor(recovery),
        ...Object.values(PARTS).map((part) => part(recovery)),
      ],
    };
  }
}
