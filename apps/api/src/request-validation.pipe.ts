import { type ArgumentMetadata, StandardSchemaValidationPipe } from '@nestjs/common';
import { z } from 'zod';
import { pointerTo, Problem, type ProblemEntry } from './problems/problem.js';

/**
 * Validates what a request carries against the schema of its parameter. A body that is JSON but cannot be meant so is
 * 422, one that is no JSON object is 400, as is a query that cannot be meant; a path that names nothing possible is 404.
 */
export class RequestValidationPipe extends StandardSchemaValidationPipe {
  override transform<T>(value: T, { type, schema }: ArgumentMetadata): Promise<T> {
    if (!(schema instanceof z.ZodType)) return Promise.resolve(value);
    this.stripProtoKeys(value);
    const parsed = schema.safeParse(value, { error: inWords });
    return parsed.success ? Promise.resolve(parsed.data as T) : Promise.reject(problemFor(type, parsed.error.issues));
  }
}

/** A caller who sends a list of what cannot be meant is told of its first entries. */
const MOST_ERRORS = 100;

/** The problem of what does not pass a schema. `below`: where in the request what was parsed stands. */
export function problemFor(
  type: ArgumentMetadata['type'],
  found: readonly z.core.$ZodIssue[],
  below: readonly PropertyKey[] = [],
): Problem {
  const issues = found.map((issue) => ({ ...issue, path: [...below, ...issue.path] }));
  if (type === 'param') return new Problem(404, 'not_found', 'there is nothing at this path: its id is malformed');
  const all = issues.flatMap(entriesOf);
  const errors = all.slice(0, MOST_ERRORS);
  const more = all.length > errors.length ? `; and ${all.length - errors.length} more` : '';
  const detail = errors.map(({ pointer, message }) => `${pointer || 'the body'} ${message}`).join('; ') + more;
  if (type === 'query') return new Problem(400, 'invalid_query', `the query is not usable: ${detail}`, { errors });
  const noObject = issues.some(({ path, code }) => path.length === 0 && code === 'invalid_type');
  return noObject
    ? new Problem(400, 'invalid_request', 'the body must be a JSON object, sent as application/json', { errors })
    : new Problem(422, 'invalid_request', detail, { errors });
}

/** An unknown member is pointed at itself, not at its parent. */
function entriesOf(issue: z.core.$ZodIssue): ProblemEntry[] {
  const { path, message } = issue;
  if (issue.code !== 'unrecognized_keys') return [{ pointer: pointerTo(path), message }];
  return issue.keys.map((key) => ({
    pointer: pointerTo([...path, key]),
    message: 'is not a member that is known here',
  }));
}

/** What would be right, for the schemas that do not say it themselves. */
export function inWords(issue: z.core.$ZodRawIssue): string {
  const missing = issue.input === undefined ? 'is required and ' : '';
  switch (issue.code) {
    case 'invalid_type':
      return `${missing}must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `${missing}must be ${oneOf(issue.values)}`;
    case 'invalid_format':
      return `must be ${FORMATS[issue.format] ?? issue.format}`;
    case 'too_small':
      return `must ${issue.origin === 'array' ? 'have at least' : 'be at least'} ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `must ${issue.origin === 'array' ? 'have at most' : 'be at most'} ${issue.maximum}${unitOf(issue.origin)}`;
    default:
      return 'is not valid';
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
};

const FORMATS: Readonly<Record<string, string>> = { uuid: 'an id of this service, a UUID' };

function unitOf(origin: string): string {
  return origin === 'array' ? ' entries' : origin === 'string' ? ' characters long' : '';
}

function oneOf(values: readonly unknown[]): string {
  const texts = values.map((value) => JSON.stringify(value));
  return texts.length === 1 ? `${texts[0]}` : `one of ${texts.join(', ')}`;
}
