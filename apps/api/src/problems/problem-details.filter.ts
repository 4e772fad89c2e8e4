import { STATUS_CODES } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import type { AllowedMethods } from './allowed-methods.js';
import { isDatabaseAway, isStatementTimeout } from '#persistence';
import { Problem, type ProblemDetails } from './problem.js';

/** Codes that the rooms throw and the caller can do something about. Any other thrown error is ours: 500. */
const STATUS_OF_THROWN: Readonly<Record<string, number>> = {
  malformed_cursor: 400,
  malformed_date: 422,
  malformed_month: 422,
  malformed_stamp: 422,
  unknown_time_zone: 422,
  empty_period: 422,
  inexact_result: 422,
  ambiguous_taxes: 422,
  tax_category_unmatched: 422,
  tax_name_unmatched: 422,
  tax_rate_contradicts_category: 422,
  close_vanished: 503,
  // Ours all the same: said by name, so that the operator knows what to restore.
  document_altered: 500,
};

const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'malformed_request',
};

/** The one translator from errors to HTTP: whatever is thrown, the caller gets problem details and nothing internal. */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly allowedMethods: AllowedMethods,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request & { id?: unknown }>();
    const response = http.getResponse<Response>();
    const problem = toProblem(thrown, () => this.allowedMethods(request.path));
    if (problem.status >= 500) {
      this.logger.error({ requestId: request.id, err: loggable(thrown) }, 'a request failed');
    }
    if (response.headersSent) {
      response.end();
      return;
    }
    response
      .status(problem.status)
      .set({ 'cache-control': 'no-store', ...problem.more.headers })
      .type('application/problem+json')
      .send(JSON.stringify(detailsOf(problem)));
  }
}

export function detailsOf(problem: Problem): ProblemDetails {
  return {
    type: `urn:meterline:problem:${problem.code}`,
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    errors: [...(problem.more.errors ?? [])],
    ...problem.more.members,
  };
}

function toProblem(thrown: unknown, allowedHere: () => string | undefined): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof HttpException) return fromHttp(thrown, allowedHere);
  const code = codeOf(thrown);
  const status = code === undefined ? undefined : STATUS_OF_THROWN[code];
  if (code !== undefined && status !== undefined) return new Problem(status, code, (thrown as Error).message);
  if (isStatementTimeout(thrown)) {
    return new Problem(
      503,
      'query_too_slow',
      'this takes too long to read now; narrow it by a filter or a smaller limit',
      {
        headers: { 'retry-after': '5' },
      },
    );
  }
  if (isDatabaseAway(thrown)) {
    return new Problem(503, 'database_unavailable', 'the database does not answer; try again', {
      headers: { 'retry-after': '5' },
    });
  }
  if (thrown instanceof Error && (thrown as { retryable?: unknown }).retryable === true) {
    return new Problem(503, 'try_again', 'the request could not be completed now; try again', {
      headers: { 'retry-after': '1' },
    });
  }
  return new Problem(500, 'internal_error', 'something went wrong on our side; the request id leads to the log');
}

/** What Express and Nest's router throw. */
function fromHttp(thrown: HttpException, allowedHere: () => string | undefined): Problem {
  const status = thrown.getStatus();
  if (status === 404) {
    const allow = allowedHere();
    return allow === undefined
      ? new Problem(404, 'not_found', 'there is nothing at this path; /openapi.json lists the paths')
      : new Problem(405, 'method_not_allowed', `this path answers ${allow}`, { headers: { allow } });
  }
  if (status >= 500) {
    return new Problem(500, 'internal_error', 'something went wrong on our side; the request id leads to the log');
  }
  return new Problem(status, CODE_OF_STATUS[status] ?? 'bad_request', thrown.message);
}

/** An error without the rows it was about: drivers quote them in front of their last line, in the stack, and beside both. */
function loggable(thrown: unknown): object {
  if (!(thrown instanceof Error)) return { name: typeof thrown };
  const { name, message, stack = '', cause } = thrown;
  const frames = stack.split('\n').filter((line) => /^ +at /.test(line));
  return {
    name,
    code: codeOf(thrown),
    message: message.trimEnd().split('\n').at(-1),
    frames,
    ...(cause instanceof Error && { cause: loggable(cause) }),
  };
}

function codeOf(thrown: unknown): string | undefined {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
