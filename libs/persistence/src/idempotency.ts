import { createHash } from 'node:crypto';
import type { Database } from './database.js';
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

export type Claim =
  /** Nobody has done it yet: do it, then `keepAnswer`, or `releaseClaim` when it did nothing. */
  | { outcome: 'claimed' }
  /** It was done; this is what was answered. */
  | { outcome: 'repeated'; answer: KeptAnswer }
  /** The key stands for another request. */
  | { outcome: 'reused' }
  /** The same request is being worked on at this moment. */
  | { outcome: 'in_progress' };

const KEPT_DAYS = 30;
/** A claim without an answer is taken over after this long: whoever made it died. Longer than any request lives. */
const CLAIM_LAPSES_SECONDS = 120;

/** Claims an Idempotency-Key for one request. Keys are kept for 30 days and belong to the API key that sent them. */
export async function claimIdempotencyKey(
  database: Database,
  request: RepeatableRequest,
  secretKey: SecretKey,
): Promise<Claim> {
  const sha256 = requestSha256(request);
  const claimed = await database.$executeRaw`
    INSERT INTO idempotency_key AS known (api_key_id, key, request_sha256)
    VALUES (${request.apiKeyId}::uuid, ${request.key}, ${sha256})
    ON CONFLICT (api_key_id, key) DO UPDATE
      SET request_sha256 = excluded.request_sha256, status = NULL, headers = NULL, body = NULL,
          created_at = clock_timestamp()
      WHERE known.created_at < clock_timestamp() - make_interval(days => ${KEPT_DAYS})
         OR (known.status IS NULL AND known.request_sha256 = excluded.request_sha256
             AND known.created_at < clock_timestamp() - make_interval(secs => ${CLAIM_LAPSES_SECONDS}))`;
  if (claimed === 1) return { outcome: 'claimed' };
  const known = await database.idempotencyKey.findUnique({ where: { apiKeyId_key: keyOf(request) } });
  // Released between the two statements: the caller may try again at once.
  if (known === null) return { outcome: 'in_progress' };
  if (known.requestSha256 !== sha256) return { outcome: 'reused' };
  if (known.status === null) return { outcome: 'in_progress' };
  const sealed = Buffer.from(known.body as string, 'base64');
  return {
    outcome: 'repeated',
    answer: {
      status: known.status,
      headers: known.headers as Record<string, string>,
      body: JSON.parse(openSecret(secretKey, sealed, sealingContext(request))) as unknown,
    },
  };
}

/** Keeps the answer of a claimed request. Sealed, because an answer may hold a new API key or a subscriber's number. */
export async function keepAnswer(
  database: Database,
  request: RepeatableRequest,
  answer: KeptAnswer,
  secretKey: SecretKey,
): Promise<void> {
  const sealed = sealSecret(secretKey, JSON.stringify(answer.body ?? null), sealingContext(request));
  await database.idempotencyKey.updateMany({
    where: { ...keyOf(request), requestSha256: requestSha256(request) },
    data: { status: answer.status, headers: answer.headers, body: Buffer.from(sealed).toString('base64') },
  });
}

/** Gives a claimed key back: the request did nothing and may be sent again, also with another body. */
export async function releaseClaim(database: Database, request: RepeatableRequest): Promise<void> {
  await database.idempotencyKey.deleteMany({ where: { ...keyOf(request), status: null } });
}

/** Forgets keys that are older than 30 days. Returns how many. */
export async function dropOldIdempotencyKeys(database: Database): Promise<number> {
  return database.$executeRaw`
    DELETE FROM idempotency_key WHERE created_at < clock_timestamp() - make_interval(days => ${KEPT_DAYS})`;
}

function keyOf({ apiKeyId, key }: RepeatableRequest) {
  return { apiKeyId, key };
}

function requestSha256({ method, path, body }: RepeatableRequest): string {
  return createHash('sha256')
    .update(`${method} ${path}\n${JSON.stringify(body ?? null)}`)
    .digest('hex');
}

function sealingContext({ apiKeyId, key }: RepeatableRequest): string {
  return `idempotent-answer ${apiKeyId} ${key}`;
}
