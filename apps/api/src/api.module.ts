import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import type { Catalogue, SecretKey } from '#persistence';
import { OutboundAddresses } from '#report-client';
import { AccessGuard } from './access/access.guard.js';
import { AuditEventsController } from './audit/audit-events.controller.js';
import { type Limits, Streams } from './access/limits.js';
import { BodyInterceptor } from './body.js';
import { BoundedReadsInterceptor } from './bounded-reads.interceptor.js';
import { AccountsController } from './catalogue/accounts.controller.js';
import { AdjustmentsController } from './corrections/adjustments.controller.js';
import { EntitiesController } from './catalogue/entities.controller.js';
import { LogosController } from './catalogue/logos.controller.js';
import { SellersController } from './catalogue/sellers.controller.js';
import { SubscriptionsController } from './catalogue/subscriptions.controller.js';
import { SchemasController, TariffPlansController } from './catalogue/tariff-plans.controller.js';
import { DraftEditsController } from './closes/draft-edits.controller.js';
import { CloseProofController } from './closes/close-proof.controller.js';
import { CloseScheduleController } from './closes/close-schedule.controller.js';
import { ClosesController } from './closes/closes.controller.js';
import { CorrectionsController } from './corrections/corrections.controller.js';
import { EmptyAccountController } from './corrections/empty-account.controller.js';
import { InvoiceCorrectionsController } from './corrections/invoice-corrections.controller.js';
import { CursorsInterceptor } from './cursors.interceptor.js';
import { Drain } from './health/drain.js';
import { HealthController } from './health/health.controller.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { IdempotencySweep } from './idempotency-sweep.js';
import { AlteredDocumentsInterceptor } from './invoices/altered-documents.interceptor.js';
import { InvoicesController } from './invoices/invoices.controller.js';
import { RegistrationsController } from './invoices/registrations.controller.js';
import { ApiKeysController } from './keys/api-keys.controller.js';
import { CertificateKeysController } from './keys/certificate-keys.controller.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { RequestMetrics } from './metrics/request-metrics.js';
import {
  ADDRESSES,
  CLOSES,
  type CloseCommands,
  DATABASE,
  LIMITS,
  METRICS,
  type MetricsPort,
  QUEUE,
  type QueuePort,
  SECRET_KEY,
} from './ports.js';
import { Previews } from './rating/previews.js';
import { RatingController } from './rating/rating.controller.js';
import { UsageController } from './usage/usage.controller.js';

/** What the routes need from outside. */
export interface ApiPorts {
  readonly database: Catalogue;
  readonly closes: CloseCommands;
  readonly queue: QueuePort;
  readonly secretKey: SecretKey;
  /** Where sellers may name their report APIs. Default: at public addresses over HTTPS. */
  readonly addresses?: OutboundAddresses;
  /** Shown on /metrics beside this application's own: those of a worker in the same process. */
  readonly metrics?: readonly MetricsPort[];
}

/** All routes. They share their few ports and have no services between them: the rules live in the rooms below. */
@Module({})
export class ApiModule {
  static with(
    { database, closes, queue, secretKey, addresses = OutboundAddresses.PUBLIC, metrics = [] }: ApiPorts,
    limits: Limits,
  ): DynamicModule {
    return {
      module: ApiModule,
      controllers: [
        SellersController,
        LogosController,
        AccountsController,
        EntitiesController,
        AdjustmentsController,
        TariffPlansController,
        SchemasController,
        SubscriptionsController,
        RatingController,
        UsageController,
        ClosesController,
        DraftEditsController,
        CloseProofController,
        CloseScheduleController,
        InvoicesController,
        RegistrationsController,
        InvoiceCorrectionsController,
        EmptyAccountController,
        CorrectionsController,
        ApiKeysController,
        CertificateKeysController,
        AuditEventsController,
        HealthController,
        MetricsController,
      ],
      providers: [
        { provide: DATABASE, useValue: database },
        { provide: CLOSES, useValue: closes },
        { provide: QUEUE, useValue: queue },
        { provide: SECRET_KEY, useValue: secretKey },
        { provide: ADDRESSES, useValue: addresses },
        { provide: METRICS, useValue: metrics },
        { provide: LIMITS, useValue: limits },
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_INTERCEPTOR, useClass: BodyInterceptor },
        { provide: APP_INTERCEPTOR, useClass: CursorsInterceptor },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        { provide: APP_INTERCEPTOR, useClass: AlteredDocumentsInterceptor },
        { provide: APP_INTERCEPTOR, useClass: BoundedReadsInterceptor },
        IdempotencySweep,
        Drain,
        Streams,
        RequestMetrics,
        Previews,
      ],
    };
  }
}
