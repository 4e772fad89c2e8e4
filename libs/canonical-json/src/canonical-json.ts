/** Thrown for a value that JSON would change or cannot carry. */
export class CanonicalJsonError extends Error {
  readonly code = 'not_json';
  readonly retryable = false;
  constructor(message: string) {
    super(message);
    this.name = 'CanonicalJsonError';
  }
}

/**
 * JSON in the one form of RFC 8785 (JSON Canonicalization Scheme): members in the order of their names by UTF-16 code
 * units, numbers and strings as ECMAScript writes them, no white space. Equal values give equal text, so that a hash over
 * it depends on what a document says and not on who wrote it. Members that are undefined are left out.
 *
 * @throws CanonicalJsonError `not_json` for what JSON would silently change: dates, maps, decimals, NaN, holes in arrays,
 *   and texts that are no Unicode (a surrogate without its other half)
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => canonicalJson(item)).join(',')}]`;
  if (isPlainObject(value)) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, member]) => `${textOf(name)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'string') return textOf(value);
  if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return JSON.stringify(value);
  throw new CanonicalJsonError(`a ${typeof value} cannot be written as JSON without changing it`);
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function textOf(text: string): string {
  if (LONE_SURROGATE.test(text)) throw new CanonicalJsonError('a text with half a surrogate pair is no Unicode');
  return JSON.stringify(text);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm, such as one that a test's sandbox parsed, has another Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
