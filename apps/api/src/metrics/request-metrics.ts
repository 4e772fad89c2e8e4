import { Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { Counter, Histogram, Registry } from 'prom-client';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const UNMATCHED = 'unmatched';

/**
 * Counts and times what this process answers. Labels are of this application and never of the caller: the template of the
 * route (`/v1/accounts/:id`), so that no id, no query and no made-up path can become a series.
 */
@Injectable()
export class RequestMetrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: 'meterline_http_requests_total',
    help: 'Requests answered, by method, template of the route and status.',
    labelNames: ['method', 'route', 'status'],
    registers: [this.#registry],
  });
  readonly #durations = new Histogram({
    name: 'meterline_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer, by method and template of the route.',
    labelNames: ['method', 'route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [this.#registry],
  });

  /** Stands before everything else, so that what is refused at the door is counted too. */
  readonly watch = (request: Request, response: Response, next: NextFunction): void => {
    const seconds = this.#durations.startTimer();
    response.once('close', () => {
      const of = { method: METHODS.has(request.method) ? request.method : 'other', route: routeOf(request) };
      // A caller who left before there was an answer was told no status.
      this.#requests.inc({ ...of, status: response.headersSent ? `${response.statusCode}` : 'aborted' });
      seconds(of);
    });
    next();
  };

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function routeOf({ route }: Request): string {
  const path: unknown = (route as { path?: unknown } | undefined)?.path;
  return typeof path === 'string' ? path : UNMATCHED;
}
