import { applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';

/** An answer that is no JSON. */
interface OtherAnswer {
  description: string;
  /** Its media type; absent when it has no body. */
  type?: string;
}

/** Problems that every route may answer with. */
const EVERYWHERE = { 400: 'malformed request', 401: 'no API key, or an unknown one', 403: 'the key may not do this' };

/** Describes a route: what it does, what it answers, and with which problems it may refuse. */
export function Documented(
  summary: string,
  answers: Readonly<Record<number, z.ZodType | OtherAnswer>>,
  problems: Readonly<Record<number, string>> = {},
): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary }),
    ...Object.entries(answers).map(([status, answer]) => ApiResponse({ status: codeOf(status), ...described(answer) })),
    ...Object.entries({ ...EVERYWHERE, ...problems }).map(([status, description]) =>
      ApiResponse({
        status: codeOf(status),
        description,
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      }),
    ),
  );
}

function described(answer: z.ZodType | OtherAnswer): Parameters<typeof ApiResponse>[0] {
  if ('_zod' in answer) return { description: 'done', standardSchema: answer };
  const { description, type } = answer;
  const schema = type === 'text/event-stream' ? { type: 'string' } : { type: 'string', format: 'binary' };
  return type === undefined ? { description } : { description, content: { [type]: { schema } } };
}

function codeOf(status: string): number {
  return Number.parseInt(status, 10);
}
