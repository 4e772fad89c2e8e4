import { createHash } from 'node:crypto';
import type { EntityRef } from '#metering';
import type { SpokenDialect, WrittenRequest } from './dialect.js';
import type { Gate } from './gate.js';
import { type RawAnswer, type Refusal, RuleBroken } from './refusal.js';
import { retryAfterSeconds, type RetryPolicy, type Tried, withRetries } from './retry.js';
import type { SealedKey } from './sealed-key.js';
import { faultMessage, type HttpAnswer, isFault, type ReportTransport, type TransportFault } from './transport.js';

/** What happened, for the log of the caller. Never the key, never a subscriber's number. */
export interface ReportLogEntry {
  readonly event: 'report_api_answered' | 'report_api_faulted' | 'report_api_refused';
  readonly account: string;
  readonly dimension: EntityRef['dimension'];
  readonly attempt: number;
  readonly status?: number;
  readonly bytes?: number;
  readonly code?: string;
  readonly transportCode?: string;
}

/** Where requests go, with which key, and how patiently. */
export interface Line {
  readonly origin: string;
  /** Path of the report API, with what a gateway adds before the dialect's own. */
  readonly path: string;
  readonly apiKey: SealedKey;
  readonly transport: ReportTransport;
  readonly retry: RetryPolicy;
  /** What requests with this key wait for. */
  readonly gate?: Gate | undefined;
}

/** Where a request carries the key and how much of an answer is read. */
type Form = Pick<SpokenDialect, 'key' | 'bodyLimitBytes'>;

/** The request line and the body of a request, without the key. */
function sentTo(line: Line, request: WrittenRequest): { path: string; body: string | undefined } {
  return request.method === 'GET'
    ? { path: `${line.path}?${request.query}`, body: undefined }
    : { path: line.path, body: request.body };
}

/**
 * Sends one request until the API answers it: what a transport loses and the API's own "not now" (408, 429, 5xx) are no
 * answers and are asked for again. The only way in which anything is asked.
 *
 * @param judge what an answer is: a value, or one more reason to ask again
 * @throws ReportApiError when there is no answer
 */
export function answered<T>(
  line: Line,
  form: Form,
  request: WrittenRequest,
  judge: (answer: HttpAnswer, attempt: number) => Tried<T>,
  of: { readonly signal?: AbortSignal | undefined; readonly onFault?: OnFault } = {},
): Promise<T> {
  const { path: bare, body } = sentTo(line, request);
  const { path, headers } = line.apiKey.authorise(bare, form.key);
  let attempt = 0;
  const attemptOnce = async (timeoutMs: number): Promise<Tried<T>> => {
    attempt += 1;
    const sent = await line.transport.send({
      origin: line.origin,
      method: request.method,
      path,
      headers,
      body,
      bodyLimit: form.bodyLimitBytes,
      timeoutMs,
      signal: of.signal,
    });
    if (isFault(sent)) {
      of.onFault?.(attempt, sent);
      return { done: false, ...sent, message: faultMessage(sent) };
    }
    const busy = notNow(sent, line.retry);
    if (busy) {
      of.onFault?.(attempt, { status: sent.status, code: busy.code });
      return busy;
    }
    return judge(sent, attempt);
  };
  return withRetries(line.retry, of.signal, attemptOnce, line.gate);
}

type OnFault = (attempt: number, fault: TransportFault | { status: number; code: string }) => void;

/** The API's own "not now". */
function notNow(
  { status, headers }: HttpAnswer,
  retry: RetryPolicy,
): Extract<Tried<never>, { done: false }> | undefined {
  if (status !== 408 && status !== 429 && status < 500) return undefined;
  return {
    done: false,
    code: status === 429 ? 'report_api_rate_limited' : 'report_api_unavailable',
    message: `the report API answered ${status}`,
    retryAfterSeconds: retryAfterSeconds(headers['retry-after'], headers['date'], retry.wallClock),
  };
}

/** Who asks, for the log, and until when. */
export interface Asking {
  readonly account: string;
  readonly entity: EntityRef;
  readonly signal?: AbortSignal;
}

/** An answer that was believed, or why not. */
export type Exchanged<T> =
  | {
      readonly refusal?: undefined;
      readonly read: T;
      readonly raw: RawAnswer;
      /** The answer itself, the API key blotted out. */
      readonly body: Buffer;
      readonly requests: number;
    }
  | { readonly refusal: Refusal; readonly requests: number };

/**
 * One question and its answer, as far as it may be believed. An answer that is no JSON is asked for again, as a body cut on
 * its way looks the same; what breaks another rule is handed back as a refusal with the evidence.
 *
 * @param write the request; throws `RuleBroken` where nothing may be asked
 * @param read throws `RuleBroken` at the first rule that the answer breaks
 * @throws ReportApiError when there is no answer
 */
export async function exchange<T>(
  line: Line,
  form: Form,
  asking: Asking,
  {
    write,
    read,
    log,
  }: { write: () => WrittenRequest; read: (body: Buffer) => T; log: (entry: ReportLogEntry) => void },
): Promise<Exchanged<T>> {
  const request = written(write);
  if ('refusal' in request) return request;
  const { path, body: asked } = sentTo(line, request);
  const text = [`${request.method} ${path}`, ...(asked === undefined ? [] : [asked])].join('\n');
  const requestSha256 = createHash('sha256').update(text).digest('hex');
  const { account, signal } = asking;
  const tell = (event: ReportLogEntry['event'], attempt: number, details: Partial<ReportLogEntry>) =>
    log({ event, account, dimension: asking.entity.dimension, attempt, ...details });
  let malformed = 0;
  const judge = (sent: HttpAnswer, attempt: number): Tried<Exchanged<T>> => {
    const { status, body } = sent;
    const raw = { sha256: sent.sha256, bytes: body.length, requestSha256 };
    try {
      requireReport(sent);
      const value = read(body);
      tell('report_api_answered', attempt, { status, bytes: body.length });
      return { done: true, value: { read: value, raw, body: line.apiKey.scrub(body), requests: attempt } };
    } catch (error) {
      if (!(error instanceof RuleBroken)) throw error;
      const { code, message, outcome } = error;
      tell('report_api_refused', attempt, { status, code, bytes: body.length });
      if (code === 'malformed_json' || code === 'duplicate_json_key') {
        malformed += 1;
        const attemptsLeft = malformed <= line.retry.malformedRetries && attempt <= line.retry.retries;
        if (attemptsLeft) return { done: false, code: 'report_api_unavailable', message };
      }
      const rawBody = line.apiKey.scrub(body);
      const refusal = { outcome, code, message, status, rawBody, raw, requests: attempt };
      return { done: true, value: { refusal, requests: attempt } };
    }
  };
  const onFault: OnFault = (attempt, fault) => tell('report_api_faulted', attempt, fault);
  return answered(line, form, request, judge, { signal, onFault });
}

function written(write: () => WrittenRequest): WrittenRequest | { refusal: Refusal; requests: number } {
  try {
    return write();
  } catch (error) {
    if (!(error instanceof RuleBroken)) throw error;
    const { outcome, code, message } = error;
    return { refusal: { outcome, code, message, requests: 0 }, requests: 0 };
  }
}

/** Rule 1 as far as it can be told without reading the body: status, content type, encoding, size. */
function requireReport({ status, headers, fault }: HttpAnswer): void {
  if (status === 401) throw new RuleBroken('api_key_refused', 'the report API does not know the key (401)', 'stopped');
  if (status === 403) {
    throw new RuleBroken('account_forbidden', 'the report API does not let this key read the account (403)', 'stopped');
  }
  if (status >= 300 && status < 400) {
    throw new RuleBroken('redirect_refused', `the report API answered ${status}; redirects are not followed`);
  }
  if (status !== 200) throw new RuleBroken('unexpected_status', `the report API answered ${status}`);
  if (!/^\s*application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(headers['content-type'] ?? '')) {
    throw new RuleBroken('not_json_content', 'the answer is not application/json in UTF-8');
  }
  if (fault === 'unsupported_encoding') {
    throw new RuleBroken('unsupported_encoding', 'the answer is encoded in a way that was not asked for');
  }
  if (fault === 'too_large') throw new RuleBroken('body_too_large', 'the answer is larger than the dialect allows');
}
