import 'reflect-metadata';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import { admitConfiguredKey, signingKey } from '#persistence';
import { authentication } from './access/authentication.js';
import { ApiModule, type ApiPorts } from './api.module.js';
import { serveDocs } from './docs/docs-page.js';
import { RequestMetrics } from './metrics/request-metrics.js';
import { openApiDocument } from './openapi.js';
import { ProblemDetailsFilter } from './problems/problem-details.filter.js';
import { Problem } from './problems/problem.js';
import { requestLog } from './request-log.js';
import { RequestValidationPipe } from './request-validation.pipe.js';

export type { ApiPorts } from './api.module.js';
export { type CloseQueue, openCloseQueue } from './close-queue.js';
export { apiEnvironment } from './environment.js';
export type { CloseCommands } from './ports.js';

export interface ApiOptions extends ApiPorts {
  /** The key of the first administrator, as it is configured. */
  readonly adminKey: string;
  readonly logger: Logger;
}

/** Largest body: a full set of entities of a large account. */
const BODY_LIMIT = '8mb';

/**
 * Builds the REST application; `listen` starts it, `close` stops it. The ports stay open: who made them closes them.
 * Lets the configured admin key in and any formerly configured one out.
 *
 * @throws PersistenceError `secret_does_not_open` when METERLINE_SECRET_KEY is not the one this database was set up with
 */
export async function createApi({ adminKey, logger, ...ports }: ApiOptions): Promise<NestExpressApplication> {
  // A METERLINE_SECRET_KEY that opens nothing is found now and not when the first close finishes.
  await signingKey(ports.database, ports.secretKey);
  await admitConfiguredKey(ports.database, adminKey);
  const app = await NestFactory.create<NestExpressApplication>(ApiModule.with(ports), {
    bodyParser: false,
    logger: quietLogger(logger),
    abortOnError: false,
    // What has not ended by itself while draining is cut.
    forceCloseConnections: true,
  });
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(app.get(RequestMetrics).watch);
  app.use(requestLog(logger));
  app.use(helmet({ contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } } }));
  app.use(authentication(ports.database));
  app.use(jsonOnly);
  app.useBodyParser('json', { limit: BODY_LIMIT, reviver: storable });
  app.useGlobalPipes(new RequestValidationPipe());
  app.useGlobalFilters(new ProblemDetailsFilter(logger));
  serveDocs(app, openApiDocument(app));
  await app.init();
  return app;
}

/** Says so when a body is not sent as JSON, instead of taking it for no body at all. */
function jsonOnly(request: Request, _response: Response, next: NextFunction): void {
  const empty = request.headers['content-length'] === '0';
  next(
    !empty && request.is('json') === false
      ? new Problem(415, 'unsupported_media_type', 'send the body as "Content-Type: application/json"')
      : undefined,
  );
}

const UNSTORABLE = /[\0\p{Cs}]/u;

/** Refuses text that PostgreSQL cannot store: the NUL character and halves of a surrogate pair. */
function storable(member: string, value: unknown): unknown {
  if (UNSTORABLE.test(member) || (typeof value === 'string' && UNSTORABLE.test(value))) {
    throw new SyntaxError('a string holds the NUL character or half of a surrogate pair');
  }
  return value;
}

/** Nest tells every route it maps; only its warnings and errors are worth a line. */
function quietLogger(logger: Logger): LoggerService {
  return {
    log: () => undefined,
    warn: (message: unknown) => logger.warn(String(message)),
    error: (message: unknown, stack?: unknown) => logger.error({ stack }, String(message)),
  };
}
