import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { INestApplication } from '@nestjs/common';
import { z } from 'zod';
import { problemDetails } from './contract.js';
import { problemResponse } from './documented.js';

/** The OpenAPI document, made from the schemas that requests are validated with. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Meterline')
    .setDescription(
      'Billing and invoicing for network usage. Amounts and quantities are decimal strings, stamps RFC 3339 in UTC, ' +
        'dates local and half-open. Errors are problem details (RFC 9457) with a stable `code`. A POST may carry an ' +
        'Idempotency-Key, which is kept for 30 days.',
    )
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key, `mtl_…`' }, 'api_key')
    .addSecurityRequirements('api_key')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    standardSchemaConverter: convert,
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  for (const { post, put, patch } of Object.values(document.paths)) {
    post?.parameters?.push(IDEMPOTENCY_KEY);
    if (post) describe(post, OF_IDEMPOTENCY);
    for (const operation of [post, put, patch]) {
      if (operation?.requestBody) describe(operation, OF_BODIES);
    }
  }
  return {
    ...document,
    components: { ...document.components, schemas: { ...document.components?.schemas, ...PROBLEM } },
  };
}

const OF_BODIES = {
  413: '`body_too_large`',
  415: '`unsupported_media_type`: the body is not JSON in UTF-8',
};

const OF_IDEMPOTENCY = {
  400: '`malformed_idempotency_key`',
  409: '`idempotency_key_in_progress`, with `Retry-After`',
  422: '`idempotency_key_reused`',
};

/** Adds problems to those that an operation is documented with. */
function describe({ responses }: OperationObject, problems: Readonly<Record<number, string>>): void {
  for (const [status, description] of Object.entries(problems)) {
    const known = responses[status];
    const before = known && 'description' in known ? `${known.description}; ` : '';
    responses[status] = problemResponse(before + description);
  }
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header' as const,
  required: false,
  description: 'Makes it safe to send the request again: it is done once, its answer repeated for 30 days.',
  schema: { type: 'string', maxLength: 255 },
};

/**
 * Zod's own JSON Schema, with every schema that has an id as a component. The default conversion inlines the outermost
 * schema and so repeats each resource at every route.
 */
function convert(schema: unknown, { schemaType }: { schemaType: 'input' | 'output' }) {
  if (!(schema instanceof z.ZodType)) return undefined;
  const { $defs: definitions = {}, ...root } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: schemaType,
  }) as Record<string, unknown> & { $defs?: Record<string, Record<string, unknown>> };
  const components = Object.fromEntries(Object.entries(definitions).map(([name, one]) => [name, cleaned(one)]));
  const { id } = root;
  if (typeof id !== 'string') return { schema: cleaned(root), components };
  return { schema: { $ref: `#/components/schemas/${id}` }, components: { ...components, [id]: cleaned(root) } };
}

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['post']>;

const PROBLEM = convert(problemDetails, { schemaType: 'output' })?.components;

function cleaned({ id: _id, $schema: _dialect, ...schema }: Record<string, unknown>): Record<string, unknown> {
  return schema;
}
