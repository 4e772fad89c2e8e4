import { inspect } from 'node:util';
import { ReportApiError } from './report-api-error.js';

/** Where a request carries the key: as a parameter of its query, or in a header, `scheme` (as `Bearer`, RFC 6750) before it. */
export type KeyPlace =
  | { readonly in: 'query'; readonly name: string }
  | { readonly in: 'header'; readonly name: string; readonly scheme?: string };

/** The form of a report API key, wherever one is written. */
export const REPORT_KEY_FORM = /^[\x21-\x7e]{1,512}$/;

const SHOWN = '[redacted]';

/**
 * The key of the report API. It shows itself nowhere: text, JSON and inspection give `[redacted]`, and the only way out
 * is `authorise`, the one place where a request line with the key is put together.
 */
export class SealedKey {
  readonly #key: string;

  /** @throws ReportApiError `invalid_configuration` when the text is empty or could not stand in a header */
  constructor(key: string) {
    if (!REPORT_KEY_FORM.test(key)) {
      throw new ReportApiError(
        'invalid_configuration',
        'the report API key must be 1 to 512 printable ASCII characters without spaces',
      );
    }
    this.#key = key;
  }

  /** The request line, which may have a query already, and headers that carry the key where the dialect has its place. */
  authorise(path: string, place: KeyPlace): { path: string; headers: Record<string, string> } {
    if (place.in === 'query') {
      const joint = path.includes('?') ? '&' : '?';
      return { path: `${path}${joint}${place.name}=${encodeURIComponent(this.#key)}`, headers: {} };
    }
    const { name, scheme } = place;
    return { path, headers: { [name]: scheme === undefined ? this.#key : `${scheme} ${this.#key}` } };
  }

  /** A body with every occurrence of the key blotted out: gateways like to quote the request line in error pages. */
  scrub(body: Buffer): Buffer {
    let scrubbed = body;
    for (const form of new Set([this.#key, encodeURIComponent(this.#key)])) {
      if (scrubbed.includes(form)) {
        scrubbed = Buffer.from(scrubbed.toString('latin1').replaceAll(form, SHOWN), 'latin1');
      }
    }
    return scrubbed;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
