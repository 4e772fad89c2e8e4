import { applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { problemDetails } from './contract.js';

/**
 * Describes a route: what it does, what it answers, and with which problems it may refuse beyond those that every route
 * has (400 malformed, 401 no key, 403 not allowed).
 */
export function Documented(
  summary: string,
  answers: Readonly<Record<number, z.ZodType | string>>,
  problems: Readonly<Record<number, string>> = {},
): MethodDecorator {
  const everywhere = { 400: 'malformed request', 401: 'no API key, or an unknown one', 403: 'the key may not do this' };
  return applyDecorators(
    ApiOperation({ summary }),
    ...Object.entries(answers).map(([status, answer]) =>
      ApiResponse(
        typeof answer === 'string'
          ? { status: statusCode(status), description: answer }
          : { status: statusCode(status), description: 'done', standardSchema: answer },
      ),
    ),
    ...Object.entries({ ...everywhere, ...problems }).map(([status, description]) =>
      ApiResponse({ status: statusCode(status), description, standardSchema: problemDetails }),
    ),
  );
}

function statusCode(status: string): number {
  return Number.parseInt(status, 10);
}
