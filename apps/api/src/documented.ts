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
const EVERYWHERE = {
  400:
    '`malformed_request`, `invalid_query`, `malformed_cursor`; of a body `malformed_json`, `malformed_utf8`, ' +
    '`duplicate_member`, `reserved_member`, `body_too_deep`, `invalid_request`',
  401: '`unauthorized`: no API key, or one that is unknown, expired or revoked',
  403: '`forbidden`: the key may not do this',
  429: '`rate_limited`, with `Retry-After`',
  500: '`internal_error`',
  503: '`database_unavailable`, `query_too_slow`, `try_again`: trying again helps',
};

type Answers = Readonly<Record<number, z.ZodType | OtherAnswer>>;
type Problems = Readonly<Record<number, string>>;

/** Describes a route: what it does, what it answers, and with which problems it may refuse. */
export function Documented(summary: string, answers: Answers, problems: Problems = {}): MethodDecorator {
  return applyDecorators(ApiOperation({ summary }), ...responses(answers, { ...EVERYWHERE, ...problems }));
}

/** A problem as an operation of the OpenAPI document answers it. */
export function problemResponse(description: string) {
  return {
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

function responses(answers: Answers, problems: Problems): MethodDecorator[] {
  return [
    ...Object.entries(answers).map(([status, answer]) => ApiResponse({ status: codeOf(status), ...described(answer) })),
    ...Object.entries(problems).map(([status, description]) =>
      ApiResponse({ status: codeOf(status), ...problemResponse(description) }),
    ),
  ];
}

function described(answer: z.ZodType | OtherAnswer): Parameters<typeof ApiResponse>[0] {
  if ('_zod' in answer) return { description: 'done', standardSchema: answer };
  const { description, type } = answer;
  const schema = type?.startsWith('text/') ? { type: 'string' } : { type: 'string', format: 'binary' };
  return type === undefined ? { description } : { description, content: { [type]: { schema } } };
}

function codeOf(status: string): number {
  return Number.parseInt(status, 10);
}
