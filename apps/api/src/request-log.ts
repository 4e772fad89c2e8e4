import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import type { AuthenticatedRequest } from './access/caller.js';

/**
 * One log line per request: method, path, status, time, and which key asked. No header, no query string and no body is
 * ever logged: they carry keys and customers' data.
 */
export function requestLog(logger: Logger) {
  return pinoHttp({
    logger,
    genReqId: (_request, response) => {
      const id = randomUUID();
      response.setHeader('x-request-id', id);
      return id;
    },
    serializers: {
      req: (request: { id: unknown; method: string; url: string }) => ({
        id: request.id,
        method: request.method,
        path: request.url.split('?', 1)[0],
      }),
      res: (response: { statusCode: number }) => ({ status: response.statusCode }),
      // The filter logs what failed; here it would be said twice, with the driver's details.
      err: () => undefined,
    },
    customProps: (request: IncomingMessage) => ({ key: (request as AuthenticatedRequest).caller?.keyId }),
    customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'warn' : 'info'),
    autoLogging: { ignore: (request) => /^\/(health\/|metrics$)/.test(request.url ?? '') },
  });
}
