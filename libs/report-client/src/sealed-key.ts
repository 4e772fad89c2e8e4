import { inspect } from 'node:util';
import { ReportApiError } from './report-api-error.js';

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

  /** The request line and headers that carry the key, in the dialect's form. */
  authorise(path: string, form: 'query' | 'header'): { path: string; headers: Record<string, string> } {
    return form === 'query'
      ? { path: `${path}?apikey=${encodeURIComponent(this.#key)}`, headers: {} }
      : { path, headers: { apikey: this.#key } };
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
