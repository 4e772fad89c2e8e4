import { Agent, request } from 'undici';

/** The service's own API, as the demo calls it: JSON in, JSON out, a problem becomes an error in its own words. */
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

  async #json<T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<T> {
    const { body: answer } = await this.#send(method, path, body);
    return (answer.length === 0 ? undefined : JSON.parse(answer.toString('utf8'))) as T;
  }

  async #send(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<{ body: Buffer }> {
    const answer = await request(`${this.origin}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    if (answer.statusCode >= 400) {
      throw new RestProblem(`${method} ${path}`, answer.statusCode, bytes.toString('utf8'));
    }
    return { body: bytes };
  }
}

/** An answer that is no success, in the service's own words. */
export class RestProblem extends Error {
  /** Undefined when somebody else answered, such as a proxy. */
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
