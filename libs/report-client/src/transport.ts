import { createHash } from 'node:crypto';
import { constants, gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { type Dispatcher, Pool } from 'undici';
import { ADDRESS_REFUSED, OutboundAddresses } from './outbound-addresses.js';
import { ReportApiError } from './report-api-error.js';

export interface TransportOptions {
  /** Requests in flight per origin; further ones wait their turn. Default 32. */
  concurrency?: number;
  connectTimeoutMs?: number;
  /** Silence until the first byte of an answer. A month of slots is computed while we wait: default 60 s. */
  firstByteTimeoutMs?: number;
  /** Silence within an answer. */
  idleTimeoutMs?: number;
  /** A whole attempt, so that an answer that drips cannot keep a place for ever. */
  attemptTimeoutMs?: number;
  /** Where connections may lead. Default: public addresses over HTTPS. */
  addresses?: OutboundAddresses;
}

export interface Attempt {
  readonly origin: string;
  readonly method: 'GET' | 'POST';
  /** With the API key in it where the dialect puts it there: never logged, never quoted. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string | undefined;
  readonly bodyLimit: number;
  /** No attempt may outlast it. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded. Cut short when `tooLarge`. */
  readonly body: Buffer;
  readonly sha256: string;
  readonly fault?: 'too_large' | 'unsupported_encoding';
}

/** Why no answer came. Says what happened by a code, never by a transport's own words. */
export interface TransportFault {
  readonly code:
    | 'report_api_unavailable'
    | 'report_api_timeout'
    | 'report_api_untrusted'
    | 'report_api_address_refused'
    | 'pull_aborted';
  readonly transportCode: string;
}

/** Bodies that are no report are evidence only; this much of them is kept. */
const EVIDENCE_LIMIT = 65_536;

const inflate = promisify(gunzip);

/**
 * Connections to report APIs, one pool per origin, to be shared by every client of a process: a fleet of accounts with a
 * key each still opens `concurrency` connections to their one API. Redirects are not followed.
 */
export class ReportTransport {
  readonly #pools = new Map<string, Pool>();
  readonly #options: Required<TransportOptions>;
  #closed = false;

  constructor(options: TransportOptions = {}) {
    this.#options = {
      concurrency: options.concurrency ?? 32,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      firstByteTimeoutMs: options.firstByteTimeoutMs ?? 60_000,
      idleTimeoutMs: options.idleTimeoutMs ?? 30_000,
      attemptTimeoutMs: options.attemptTimeoutMs ?? 120_000,
      addresses: options.addresses ?? OutboundAddresses.PUBLIC,
    };
  }

  /** Sends one request. Every way a transport can fail is a value; nothing of the transport's own errors gets out. */
  async send(attempt: Attempt): Promise<HttpAnswer | TransportFault> {
    if (this.#options.addresses.refusalOf(attempt.origin)) return faultOf({ code: ADDRESS_REFUSED });
    const pool = this.#poolFor(attempt.origin);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), Math.min(attempt.timeoutMs, this.#options.attemptTimeoutMs));
    const giveUp = () => deadline.abort();
    attempt.signal?.addEventListener('abort', giveUp, { once: true });
    try {
      if (attempt.signal?.aborted) return { code: 'pull_aborted', transportCode: 'ABORTED' };
      const response = await pool.request({
        method: attempt.method,
        path: attempt.path,
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          ...(attempt.body !== undefined && { 'content-type': 'application/json' }),
          'user-agent': 'meterline',
          ...attempt.headers,
        },
        ...(attempt.body !== undefined && { body: attempt.body }),
        signal: deadline.signal,
      });
      return await readAnswer(response, attempt.bodyLimit);
    } catch (error) {
      if (attempt.signal?.aborted) return { code: 'pull_aborted', transportCode: 'ABORTED' };
      if (deadline.signal.aborted) return { code: 'report_api_timeout', transportCode: 'ATTEMPT_TIMEOUT' };
      return faultOf(error);
    } finally {
      clearTimeout(timer);
      attempt.signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Closes every connection once the requests in flight have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  #poolFor(origin: string): Pool {
    if (this.#closed) throw new ReportApiError('client_closed', 'the connections to the report API are closed');
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: this.#options.concurrency,
        pipelining: 1,
        // Node's autoSelectFamily asks for all addresses of a name; each of them is checked before any is connected to.
        connect: { timeout: this.#options.connectTimeoutMs, lookup: this.#options.addresses.lookupFor(origin) },
        headersTimeout: this.#options.firstByteTimeoutMs,
        bodyTimeout: this.#options.idleTimeoutMs,
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }
}

/** What happened, in words that tell what to do about it. */
export function faultMessage({ code, transportCode }: TransportFault): string {
  return code === 'report_api_address_refused'
    ? 'the address of the report API is one that this service does not connect to: report_api.base_url must lead to a public ' +
        'address over HTTPS, or the operator names it in OUTBOUND_ALLOW'
    : `the report API gave no answer (${transportCode})`;
}

export function isFault(sent: HttpAnswer | TransportFault): sent is TransportFault {
  return 'transportCode' in sent;
}

async function readAnswer(response: Dispatcher.ResponseData, bodyLimit: number): Promise<HttpAnswer> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  const status = response.statusCode;
  const limit = status === 200 ? bodyLimit : Math.min(bodyLimit, EVIDENCE_LIMIT);
  const { body, tooLarge } = await readAtMost(response.body, limit, headers['content-length']);
  const fail = (fault: 'too_large' | 'unsupported_encoding') => ({
    status,
    headers,
    body,
    sha256: sha256(body),
    fault,
  });
  if (tooLarge) return fail('too_large');

  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return { status, headers, body, sha256: sha256(body) };
  if (encoding !== 'gzip' && encoding !== 'x-gzip') return fail('unsupported_encoding');
  try {
    const decoded = await inflate(body, { maxOutputLength: limit, finishFlush: constants.Z_FINISH });
    return { status, headers, body: decoded, sha256: sha256(decoded) };
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') return fail('too_large');
    throw error;
  }
}

async function readAtMost(
  body: AsyncIterable<Buffer>,
  limit: number,
  declared: string | undefined,
): Promise<{ body: Buffer; tooLarge: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  const declaredLength = /^\d{1,15}$/.test(declared ?? '') ? Number.parseInt(declared ?? '', 10) : 0;
  // Leaving the loop destroys the stream, and with it the connection: nothing more is read.
  for await (const chunk of body) {
    if (declaredLength > limit || length + chunk.length > limit) {
      return {
        body: Buffer.concat([...chunks, chunk.subarray(0, EVIDENCE_LIMIT)]).subarray(0, EVIDENCE_LIMIT),
        tooLarge: true,
      };
    }
    chunks.push(chunk);
    length += chunk.length;
  }
  return { body: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length), tooLarge: false };
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);
const UNTRUSTED = /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_)/;

function faultOf(error: unknown): TransportFault {
  const transportCode = codeOf(error);
  if (TIMEOUTS.has(transportCode)) return { code: 'report_api_timeout', transportCode };
  if (transportCode === ADDRESS_REFUSED) return { code: 'report_api_address_refused', transportCode };
  if (UNTRUSTED.test(transportCode)) return { code: 'report_api_untrusted', transportCode };
  return { code: 'report_api_unavailable', transportCode };
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'UNKNOWN';
}

function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}
