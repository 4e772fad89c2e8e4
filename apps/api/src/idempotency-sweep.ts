import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type Catalogue, dropOldIdempotencyKeys } from '#persistence';
import { DATABASE } from './ports.js';

const EVERY_MS = 60 * 60 * 1000;

/** Forgets Idempotency-Keys once their time is over. Every process of the API does so; doing it twice is harmless. */
@Injectable()
export class IdempotencySweep implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(IdempotencySweep.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  onModuleInit(): void {
    this.timer = setInterval(() => {
      dropOldIdempotencyKeys(this.database).catch((error: unknown) => {
        this.logger.warn(`old idempotency keys stay for now: ${error instanceof Error ? error.name : 'unknown error'}`);
      });
    }, EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }
}
