import { createHash } from 'node:crypto';
import type { Catalogue } from './prisma.js';
import { inOneTransaction } from './request-transaction.js';
import { openSecret, sealSecret, type SecretKey } from './secrets.js';

/** An answer as it was given. */
export interface KeptAnswer {
  status: number;
  /** Headers that belong to the answer, such as `location`. */
  headers: Record<string, string>;
  body: unknown;
}

/** A request that may be sent again: who sent it, under which Idempotency-Key, and what it asks for. */
export interface RepeatableRequest {
  apiKeyId: string;
  key: string;
  method: string;
  path: string;
  body: unknown;
}

/** What came of a request that may be sent again. */
export type Once =
  /** It was done now, or else before; this is what is answered. */
  | { outcome: 'done'; answer: KeptAnswer }
  | { outcome: 'repeated'; answer: KeptAnswer }
  /** The key stands for another request. */
  | { outcome: 'reused' }
  /** The same request is being worked on at this moment. */
  | { outcome: 'in_progress' };

const KEPT_DAYS = 30;

/**
 * Does a request once: its work, its Idempotency-Key and its answer are one transaction, so that there is either all of it
 * or nothing, however the process or its connection ends. Who sends the request again gets the first answer, for 30 days.
 * When `work` throws nothing was done, and the key is free. Keys belong to the API key that sent them.
 *
 * @param work does the request and says what is answered; its statements on `database` join the transaction
 */
export async function doOnce(
  database: Catalogue,
  request: RepeatableRequest,
  secretKey: SecretKey,
  work: () => Promise<KeptAnswer>,
): Promise<Once> {
  return inOneTransaction(database, async () => {
    const [lock] = await database.$queryRaw<[{ had: boolean }]>`
      SELECT pg_try_advisory_xact_lock(hashtextextended(${sealingContext(request)}, 0)) AS had`;
    if (!lock.had) return { outcome: 'in_progress' };
    const known = await answerOf(database, request, secretKey);
    if (known) return known;
    const answer = await work();
    await keepAnswer(database, request, answer, secretKey);
    return { outcome: 'done', answer };
  });
}

/**
 * As `doOnce`, for a request that writes nothing and may compute for long: no transaction is open meanwhile. Of two that
 * are worked on at once both are answered alike, with the answer that was kept first.
 */
export async function answerOnce(
  database: Catalogue,
  request: RepeatableRequest,
  secretKey: SecretKey,
  work: () => Promise<KeptAnswer>,
): Promise<Once> {
  const known = await answerOf(database, request, secretKey);
  if (known) return known;
  const answer = await work();
  if (await keepAnswer(database, request, answer, secretKey)) return { outcome: 'done', answer };
  return (await answerOf(database, request, secretKey)) ?? { outcome: 'in_progress' };
}

/** What is kept under the request's key; undefined when nothing is, or not any more. */
async function answerOf(
  database: Catalogue,
  request: RepeatableRequest,
  secretKey: SecretKey,
): Promise<Once | undefined> {
  const [known] = await database.$queryRaw<KeptRow[]>`
    SELECT request_sha256, status, headers, body FROM idempotency_key
     WHERE api_key_id = ${request.apiKeyId}::uuid AND key = ${request.key}
       AND created_at >= clock_timestamp() - make_interval(days => ${KEPT_DAYS})`;
  if (!known) return undefined;
  if (known.request_sha256 !== requestSha256(request)) return { outcome: 'reused' };
  const body = openSecret(secretKey, Buffer.from(known.body, 'base64'), sealingContext(request));
  const { status, headers } = known;
  return { outcome: 'repeated', answer: { status, headers, body: JSON.parse(body) as unknown } };
}

interface KeptRow {
  request_sha256: string;
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Keeps an answer, sealed, because it may hold a subscriber's number. Returns whether it is the first under its key. */
async function keepAnswer(
  database: Catalogue,
  request: RepeatableRequest,
  answer: KeptAnswer,
  secretKey: SecretKey,
): Promise<boolean> {
  const sealed = sealSecret(secretKey, JSON.stringify(answer.body ?? null), sealingContext(request));
  const kept = await database.$executeRaw`
    INSERT INTO idempotency_key AS known (api_key_id, key, request_sha256, status, headers, body)
    VALUES (${request.apiKeyId}::uuid, ${request.key}, ${requestSha256(request)}, ${answer.status},
            ${JSON.stringify(answer.headers)}::jsonb, to_jsonb(${Buffer.from(sealed).toString('base64')}::text))
    ON CONFLICT (api_key_id, key) DO UPDATE
      SET request_sha256 = excluded.request_sha256, status = excluded.status, headers = excluded.headers,
          body = excluded.body, created_at = clock_timestamp()
      WHERE known.created_at < clock_timestamp() - make_interval(days => ${KEPT_DAYS})`;
  return kept === 1;
}

/** Forgets keys that are older than 30 days. Returns how many. */
export async function dropOldIdempotencyKeys(database: Catalogue): Promise<number> {
  return database.$executeRaw`
    DELETE FROM idempotency_key WHERE created_at < clock_timestamp() - make_interval(days => ${KEPT_DAYS})`;
}

function requestSha256({ method, path, body }: RepeatableRequest): string {
  return createHash('sha256')
    .update(`${method} ${path}\n${JSON.stringify(body ?? null)}`)
    .digest('hex');
}

function sealingContext({ apiKeyId, key }: RepeatableRequest): string {
  return `idempotent-answer ${apiKeyId} ${key}`;
}
