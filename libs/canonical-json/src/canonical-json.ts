import { InvoicingError } from './invoicing-error.js';

/**
 * JSON with object members in the order of their names and no white space: equal values give equal text, so that a hash
 * over it depends on what a document says and not on who wrote it. Members that are undefined are left out.
 *
 * @throws InvoicingError `not_json` for what JSON would silently change: dates, maps, decimals, NaN, holes in arrays
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => canonicalJson(item)).join(',')}]`;
  if (isPlainObject(value)) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) {
    return JSON.stringify(value);
  }
  throw new InvoicingError('not_json', `a ${typeof value} cannot be written as JSON without changing it`);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm, such as one that a test's sandbox parsed, has another Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
