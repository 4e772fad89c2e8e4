import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';

/** The service's own API: JSON in, JSON out, a problem becomes an error in its own words. */
export class RestClient {
  readonly #agent = new Agent();

  constructor(
    private readonly origin: string,
    private readonly key: string,
  ) {}

  get<T>(path: string): Promise<T> {
    return this.#json('GET', path);
  }

  post<T = unknown>(path: string, body: unknown): Promise<T> {
    return this.#json('POST', path, body);
  }

  put<T = unknown>(path: string, body: unknown): Promise<T> {
    return this.#json('PUT', path, body);
  }

  async bytes(path: string): Promise<Buffer> {
    return (await this.#send('GET', path)).body;
  }

  /** Writes an answer to a file, piece by piece. A file that is there is whole: it gets its name when the answer has ended. */
  async save(path: string, file: string): Promise<void> {
    const answer = await this.#answer('GET', path);
    const part = `${file}.part`;
    try {
      await pipeline(answer.body, createWriteStream(part, { mode: 0o600 }));
      await rename(part, file);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  /** Every item of a list, page by page. */
  async *pages<T>(path: string): AsyncGenerator<T> {
    let cursor: string | null = null;
    do {
      const page: { data: T[]; next_cursor: string | null } = await this.get(
        `${path}${path.includes('?') ? '&' : '?'}limit=200${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      yield* page.data;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  async #json<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const { body: answer } = await this.#send(method, path, body);
    return (answer.length === 0 ? undefined : JSON.parse(answer.toString('utf8'))) as T;
  }

  async #send(method: Method, path: string, body?: unknown): Promise<{ body: Buffer }> {
    const answer = await this.#answer(method, path, body);
    return { body: Buffer.from(await answer.body.arrayBuffer()) };
  }

  async #answer(method: Method, path: string, body?: unknown): Promise<Dispatcher.ResponseData> {
    const answer = await request(`${this.origin}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (answer.statusCode >= 400) {
      throw new RestProblem(`${method} ${path}`, answer.statusCode, await answer.body.text());
    }
    return answer;
  }
}

type Method = 'GET' | 'POST' | 'PUT';

const POLL_MS = 500;
/** A service that is restarted for an upgrade comes back. */
const PATIENCE_MS = 10 * 60_000;

/** Asks again while the service does not answer, or wants fewer requests; any other refusal is final. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (const since = Date.now(); ; await sleep(POLL_MS)) {
    try {
      return await ask();
    } catch (error) {
      const passing = !(error instanceof RestProblem) || error.status >= 500 || error.status === 429;
      if (!passing || Date.now() - since > PATIENCE_MS) throw error;
    }
  }
}

/** An answer that is no success, in the service's own words. */
export class RestProblem extends Error {
  /** Undefined when another program answered, such as a proxy. */
  readonly problem: { readonly code: string; readonly detail: string } | undefined;

  constructor(
    request: string,
    readonly status: number,
    body: string,
  ) {
    super(`${request} was answered ${status}: ${body.slice(0, 2_000)}`);
    this.name = 'RestProblem';
    this.problem = problemIn(body);
  }
}

function problemIn(body: string): { code: string; detail: string } | undefined {
  try {
    const { code, detail } = JSON.parse(body) as { code?: unknown; detail?: unknown };
    return typeof code === 'string' && typeof detail === 'string' ? { code, detail } : undefined;
  } catch {
    return undefined;
  }
}
