import type { ArgumentMetadata } from '@nestjs/common';
import { StandardSchemaValidationPipe } from '@nestjs/common';
import { Problem, type ProblemEntry } from './problems/problem.js';

type Issues = readonly {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
  readonly code?: unknown;
  readonly keys?: unknown;
}[];

/**
 * Validates what a request carries against the schema of its parameter. A body that is JSON but not meant so is 422, one
 * of another shape altogether is 400, as is a query nobody can mean; a path that names nothing possible is 404.
 */
export class RequestValidationPipe extends StandardSchemaValidationPipe {
  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    const { schema } = metadata;
    if (!schema || !this.toValidate(metadata)) return value;
    // Express parses a query into an object without a prototype and leaves an absent body undefined.
    this.stripProtoKeys(value);
    const result = await this.validate<T>(value, schema);
    if (!result.issues) return result.value;
    throw problemFor(metadata.type, result.issues as Issues);
  }
}

function problemFor(type: ArgumentMetadata['type'], issues: Issues): Problem {
  const errors = entriesOf(issues);
  const detail = errors.map(({ pointer, message }) => `${pointer || 'the body'}: ${message}`).join('; ');
  if (type === 'param') return new Problem(404, 'not_found', 'there is nothing at this path: its id is malformed');
  if (type === 'query') return new Problem(400, 'invalid_query', `the query is not usable: ${detail}`, { errors });
  const shapeless = issues.some(({ path, code }) => code === 'invalid_type' && (path ?? []).length === 0);
  return shapeless
    ? new Problem(400, 'invalid_request', 'the body must be a JSON object, sent as application/json', { errors })
    : new Problem(422, 'invalid_request', detail, { errors });
}

/** Issues of a schema as entries with JSON pointers; an unknown member is pointed at itself, not at its parent. */
export function entriesOf(issues: Issues, below = ''): ProblemEntry[] {
  return issues.flatMap(({ path = [], message, code, keys }): ProblemEntry[] => {
    const parts = path.map((part) => (typeof part === 'object' ? part.key : part));
    if (code !== 'unrecognized_keys' || !Array.isArray(keys)) return [{ pointer: pointerTo(parts, below), message }];
    return keys.map((key: string) => ({
      pointer: pointerTo([...parts, key], below),
      message: 'is not a member that is known here',
    }));
  });
}

function pointerTo(parts: readonly PropertyKey[], below: string): string {
  return below + parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
