import { setTimeout as delay } from 'node:timers/promises';
import { InjectQueue, OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Queue } from 'bullmq';
import type { Logger } from 'pino';
import { CloseError, type Closes, cronPattern, openDueCloses, type QueueOutage, SCHEDULE_QUEUE } from '#close';
import { type CloseSchedule, type Database, listCloseSchedules } from '#persistence';

/** What schedules work on. */
export interface Scheduled {
  readonly database: Database;
  readonly closes: Pick<Closes, 'open'>;
  readonly logger: Logger;
  readonly outage: Pick<QueueOutage, 'failed'>;
}

export const SCHEDULED = Symbol('what schedules work on');

/**
 * Keeps the queue's job schedulers in step with the schedules in the database, which are the truth. Doing it again and
 * again mends what a lost queue forgot; that what is due is opened at the same time makes up for the jobs it forgot.
 */
@Injectable()
export class CloseSchedules implements OnApplicationBootstrap {
  /** One at a time: a Redis that is away is told of schedules once and not with every sweep. */
  #keeping: Promise<void> | undefined;

  constructor(
    @Inject(SCHEDULED) private readonly scheduled: Scheduled,
    @InjectQueue(SCHEDULE_QUEUE.name) private readonly queue: Queue,
  ) {}

  /** What fails is tried again with every sweep: one schedule in disorder is not to keep a worker from all other work. */
  async onApplicationBootstrap(): Promise<void> {
    await this.keepInStep().catch((error: unknown) =>
      this.scheduled.logger.warn({ err: error }, 'schedules could not be kept'),
    );
  }

  /** Opens what is due also when the queue cannot be reached. */
  async keepInStep(): Promise<void> {
    this.#keeping ??= this.#keepQueue().finally(() => {
      this.#keeping = undefined;
    });
    const kept = await Promise.allSettled([Promise.race([this.#keeping, impatience()]), openDue(this.scheduled)]);
    const failed = kept.find((part) => part.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #keepQueue(): Promise<void> {
    const { database } = this.scheduled;
    const wanted = new Map((await listCloseSchedules(database)).map((schedule) => [keyOf(schedule), schedule]));
    const present = new Map((await this.queue.getJobSchedulers(0, -1)).map((scheduler) => [scheduler.key, scheduler]));
    for (const key of present.keys()) {
      if (!wanted.has(key)) await this.queue.removeJobScheduler(key);
    }
    for (const [key, schedule] of wanted) {
      const scheduler = present.get(key);
      const pattern = cronPattern(schedule);
      if (scheduler?.pattern === pattern && scheduler.tz === schedule.timeZone) continue;
      await this.queue.upsertJobScheduler(
        key,
        { pattern, tz: schedule.timeZone },
        { name: SCHEDULE_QUEUE.job, opts: { removeOnComplete: true, removeOnFail: { count: 100 } } },
      );
    }
  }
}

/** A Redis that is away does not refuse, it is silent; what is due is not to wait for it. */
async function impatience(): Promise<never> {
  await delay(QUEUE_PATIENCE_MS, undefined, { ref: false });
  throw new CloseError('queue_silent', `the queue has not taken the schedules within ${QUEUE_PATIENCE_MS} ms`, true);
}

const QUEUE_PATIENCE_MS = 3_000;

function openDue({ database, closes, logger }: Scheduled): Promise<void> {
  return openDueCloses(database, closes, (entry) => {
    if (entry.event === 'scheduled_close') {
      logger.info(entry, 'a schedule opened a month');
    } else {
      const { error, ...of } = entry;
      logger.error({ ...of, err: error }, 'the months of a schedule could not be opened');
    }
  });
}

function keyOf({ sellerId }: CloseSchedule): string {
  return `seller-${sellerId}`;
}

/** A scheduler's job only says that it is time to look: what is due stands in the database. */
@Processor(SCHEDULE_QUEUE.name, { concurrency: 1 })
export class ScheduleProcessor extends WorkerHost {
  constructor(@Inject(SCHEDULED) private readonly scheduled: Scheduled) {
    super();
  }

  async process(): Promise<void> {
    await openDue(this.scheduled);
  }

  @OnWorkerEvent('error')
  onError(error: Error): void {
    this.scheduled.outage.failed(error);
  }
}
