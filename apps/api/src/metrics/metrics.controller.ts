import { Controller, Get, Header, Inject, Logger } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Catalogue } from '#persistence';
import { type MonthEndFigures, monthEndFigures } from '#persistence/closes';
import { processMetrics } from '#runtime';
import { Registry } from 'prom-client';
import { Access } from '../access/access.guard.js';
import { Documented } from '../documented.js';
import { DATABASE, METRICS, type MetricsPort } from '../ports.js';
import { monthEndMetrics } from './month-end-metrics.js';
import { RequestMetrics } from './request-metrics.js';

/** What Prometheus scrapes, with a key of its own: counts, ages and codes of sellers, and no customer. */
@ApiTags('health')
@Controller('metrics')
export class MetricsController {
  private readonly logger = new Logger(MetricsController.name);
  private reading: Promise<MonthEndFigures | undefined> | undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(RequestMetrics) private readonly requests: RequestMetrics,
    @Inject(METRICS) private readonly others: readonly MetricsPort[],
  ) {}

  @Get()
  @Access('read')
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('cache-control', 'no-store')
  @Documented("Figures for Prometheus: the month-end's, the requests' and the process's", {
    200: { description: 'the text format, version 0.0.4', type: 'text/plain' },
  })
  async scrape(): Promise<string> {
    const parts = [
      monthEndMetrics(await this.figures()),
      this.requests.text(),
      ...this.others.map((other) => other.text()),
      processMetrics(),
    ];
    return (await Promise.all(parts)).join('\n');
  }

  /** However many ask at once, the database is asked once at a time. Undefined when it does not answer. */
  private figures(): Promise<MonthEndFigures | undefined> {
    this.reading ??= monthEndFigures(this.database)
      .catch((error: unknown) => {
        this.logger.warn(`the figures cannot be read: ${error instanceof Error ? error.name : 'unknown error'}`);
        return undefined;
      })
      .finally(() => {
        this.reading = undefined;
      });
    return this.reading;
  }
}
