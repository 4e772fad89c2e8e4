import 'reflect-metadata';
import type { Server } from 'node:http';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Express } from 'express';
import helmet from 'helmet';
import { admitConfiguredKey } from '#persistence/catalogue';
import { signingKey } from '#persistence/closes';
import { DEFAULT_LIMITS, type Logger, nestLogger } from '#runtime';
import { authentication } from './access/authentication.js';
import { type Limits, rateLimit, Strangers } from './access/limits.js';
import { ApiModule, type ApiPorts } from './api.module.js';
import { serveDocs } from './docs/docs-page.js';
import { RequestMetrics } from './metrics/request-metrics.js';
import { openApiDocument } from './openapi.js';
import { type AllowedMethods, allowedMethods } from './problems/allowed-methods.js';
import { answerUnreadable } from './problems/unreadable-requests.js';
import { ProblemDetailsFilter } from './problems/problem-details.filter.js';
import { requestLog } from './request-log.js';
import { RequestValidationPipe } from './request-validation.pipe.js';
import { wellFormedUrl } from './well-formed-url.js';

export type { ApiPorts } from './api.module.js';
export { apiEnvironment } from './environment.js';
export type { CloseCommands } from './ports.js';

/**
 * How long a connection waits for its next request: longer than the client's side of it, 60 s at nginx and at most load
 * balancers. The server that ends it first may cut a request that is on its way.
 */
const KEEP_ALIVE_MS = 75_000;

export interface ApiOptions extends ApiPorts {
  /** The key of the first administrator, as it is configured. */
  readonly adminKey: string;
  /** What one key, and one address without a key, may ask of this process. */
  readonly limits?: Limits | undefined;
  readonly logger: Logger;
}

/**
 * Builds the REST application; `listen` starts it, `close` stops it. The ports stay open: who made them closes them.
 * Lets the configured admin key in; those that other processes are started with are let in there and nowhere else.
 *
 * @throws PersistenceError `secret_does_not_open` when METERLINE_SECRET_KEY is not the one this database was set up with
 */
export async function createApi({
  adminKey,
  logger,
  limits = DEFAULT_LIMITS,
  ...ports
}: ApiOptions): Promise<NestExpressApplication> {
  // A METERLINE_SECRET_KEY that opens nothing is found now and not when the first close finishes.
  await signingKey(ports.database, ports.secretKey);
  await admitConfiguredKey(ports.database, adminKey);
  const app = await NestFactory.create<NestExpressApplication>(ApiModule.with(ports, limits), {
    bodyParser: false,
    logger: nestLogger(logger),
    abortOnError: false,
    // What has not ended by itself while draining is cut.
    forceCloseConnections: true,
  });
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(app.get(RequestMetrics).watch);
  app.use(requestLog(logger));
  app.use(helmet({ contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } } }));
  app.use(authentication(ports.database, adminKey, new Strangers(limits, adminKey)));
  app.use(rateLimit(limits));
  app.use(wellFormedUrl);
  app.useGlobalPipes(new RequestValidationPipe());
  let allowed: AllowedMethods = () => undefined;
  app.useGlobalFilters(new ProblemDetailsFilter(logger, (path) => allowed(path)));
  serveDocs(app, openApiDocument(app));
  await app.init();
  const server = app.getHttpServer() as Server;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  answerUnreadable(server);
  allowed = allowedMethods(app.getHttpAdapter().getInstance() as Express);
  return app;
}
