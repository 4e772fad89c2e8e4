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
  if (typeof value === 'string') return textOf(value);
  if (Array.isArray(value)) {
    let items = '';
    for (let at = 0; at < value.length; at += 1) items += `${at === 0 ? '' : ','}${canonicalJson(value[at])}`;
    return `[${items}]`;
  }
  if (isPlainObject(value)) {
    let members = '';
    for (const name of inOrder(Object.keys(value))) {
      const member = value[name];
      if (member === undefined) continue;
      members += `${members === '' ? '' : ','}${textOf(name)}:${canonicalJson(member)}`;
    }
    return `{${members}}`;
  }
  if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return JSON.stringify(value);
  throw new CanonicalJsonError(`a ${typeof value} cannot be written as JSON without changing it`);
}

/** By UTF-16 code units, as texts are compared. Most documents were read from a canonical form and have that order. */
function inOrder(names: string[]): string[] {
  for (let at = 1; at < names.length; at += 1) {
    if ((names[at - 1] ?? '') > (names[at] ?? '')) return names.sort();
  }
  return names;
}

function textOf(text: string): string {
  if (!text.isWellFormed()) throw new CanonicalJsonError('a text with half a surrogate pair is no Unicode');
  return JSON.stringify(text);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm, such as one that a test's sandbox parsed, has another Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
