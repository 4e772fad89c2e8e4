import { createHash, randomInt } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import { accountNotFound } from './accounts.js';
import { recordAudit } from '../ground/audit.js';
import { transaction } from '../ground/database.js';
import type { Catalogue, CatalogueTransaction } from '../ground/prisma.js';
import type { ApiKey as ApiKeyRow } from '../generated/client.js';
import { type Page, pageOf, type PageRequest, uuidAfter } from '../ground/page.js';
import { refusal, type Refusal } from '../ground/refusal.js';

/** What a key may do. `admin` includes the others. */
export const API_KEY_SCOPES = ['read', 'write', 'close', 'audit', 'admin'] as const;
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

/** A key to this service's own API. Only a hash is kept: the key itself is shown once, when it is made. */
export interface ApiKey {
  id: string;
  name: string;
  /** The first characters of the key, for telling keys apart. */
  prefix: string;
  scopes: ApiKeyScope[];
  /** The one account the key is bound to, or null. */
  account: string | null;
  created_at: string;
  /** From then on the key is unknown, by the clock of the database. Null: it does not expire. */
  expires_at: string | null;
  revoked_at: string | null;
}

const MARK = 'mtl_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 43 characters of 62 carry 256 bits. */
const LENGTH = 43;
const SHOWN = MARK.length + 6;

// The prefix of a key that the configuration gives. No made key can have it.
const CONFIGURED = 'configured';

/** Whether a key is METERLINE_ADMIN_KEY, which nothing locks out. */
export function isConfiguredKey({ prefix }: ApiKey): boolean {
  return prefix === CONFIGURED;
}

/** A new random key: `mtl_` and 43 letters and digits. */
export function newApiKey(): string {
  return MARK + Array.from({ length: LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
}

/** Makes a key. `key` in the answer is the only copy there will ever be. */
export async function createApiKey(
  database: Catalogue,
  actor: string,
  of: { name: string; scopes: readonly ApiKeyScope[]; account: string | null; expires_at: string | null },
): Promise<(ApiKey & { key: string }) | Refusal<'account_not_found' | 'expiry_passed'>> {
  const key = newApiKey();
  return transaction(database, async (tx) => {
    const account = of.account === null ? null : await tx.account.findUnique({ where: { id: of.account } });
    if (of.account !== null && !account) return { ...accountNotFound(of.account), pointer: '/account' };
    const expiresAt = of.expires_at === null ? null : new Date(of.expires_at);
    const [clock] = await tx.$queryRaw<[{ now: Date }]>`SELECT clock_timestamp() AS now`;
    if (expiresAt !== null && expiresAt <= clock.now) {
      return refusal('expiry_passed', `expires_at must be after ${clock.now.toISOString()}`, '/expires_at');
    }
    const row = await tx.apiKey.create({
      data: {
        id: uuid(),
        name: of.name,
        prefix: key.slice(0, SHOWN),
        hash: hashOf(key),
        scopes: [...of.scopes],
        accountId: of.account,
        expiresAt,
      },
    });
    await recordAudit(tx, {
      sellerId: account?.sellerId ?? null,
      actor,
      action: 'api_key.created',
      subject: `api_key:${row.id}`,
      data: { name: row.name, scopes: row.scopes, account: row.accountId, expires_at: of.expires_at },
    });
    return { ...view(row), key };
  });
}

/**
 * The key that a caller presents, or undefined when it is unknown, expired or revoked. Of configured keys only the one
 * that this process was started with is known to it.
 */
export async function authenticate(
  database: Catalogue | CatalogueTransaction,
  presented: string,
  configuredKey: string,
): Promise<ApiKey | undefined> {
  const hash = hashOf(presented);
  const [row] = await database.$queryRaw<Omit<ApiKeyRow, 'hash'>[]>`
    SELECT id, name, prefix, scopes, account_id AS "accountId", created_at AS "createdAt", expires_at AS "expiresAt",
           revoked_at AS "revokedAt"
      FROM api_key
     WHERE hash = ${hash} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
       AND (prefix <> ${CONFIGURED} OR hash = ${hashOf(configuredKey)})`;
  return row && view(row);
}

/** Revokes a key for ever; revoking a revoked key changes nothing. */
export async function revokeApiKey(
  database: Catalogue,
  actor: string,
  id: string,
): Promise<ApiKey | Refusal<'api_key_not_found' | 'api_key_configured'>> {
  return transaction(database, async (tx) => {
    const row = await tx.apiKey.findUnique({ where: { id } });
    if (!row) return refusal('api_key_not_found', `there is no API key ${id}`);
    if (row.prefix === CONFIGURED) {
      return refusal('api_key_configured', 'this key comes from METERLINE_ADMIN_KEY; change it there and restart');
    }
    if (row.revokedAt) return view(row);
    const [clock] = await tx.$queryRaw<[{ now: Date }]>`SELECT clock_timestamp() AS now`;
    const revoked = await tx.apiKey.update({ where: { id }, data: { revokedAt: clock.now } });
    await recordAudit(tx, { sellerId: null, actor, action: 'api_key.revoked', subject: `api_key:${id}` });
    return view(revoked);
  });
}

/** All keys in the order they were made, revoked ones too. */
export async function listApiKeys(
  database: Catalogue | CatalogueTransaction,
  request: PageRequest,
): Promise<Page<ApiKey>> {
  const after = uuidAfter(request);
  const rows = await database.apiKey.findMany({
    where: after === undefined ? {} : { id: { gt: after } },
    orderBy: { id: 'asc' },
    take: request.limit + 1,
  });
  return pageOf(rows, request.limit, (row) => row.id, view);
}

/**
 * Makes the configured admin key known. Safe to run at every start. Others are left alone: processes with another key run
 * beside this one, and a key that no process is started with any more lets in nowhere.
 */
export async function admitConfiguredKey(database: Catalogue, key: string): Promise<void> {
  await transaction(database, async (tx) => {
    // Revoked is revoked for ever: a key that is configured again is let in as a row of its own.
    const id = uuid();
    const admitted = await tx.$executeRaw`
      INSERT INTO api_key (id, name, prefix, hash, scopes)
      VALUES (${id}::uuid, 'METERLINE_ADMIN_KEY', ${CONFIGURED}, ${hashOf(key)}, ARRAY['admin'])
      ON CONFLICT (hash) WHERE revoked_at IS NULL DO NOTHING`;
    if (admitted > 0) {
      await recordAudit(tx, {
        sellerId: null,
        actor: 'configuration',
        action: 'api_key.admitted',
        subject: `api_key:${id}`,
        data: { name: 'METERLINE_ADMIN_KEY' },
      });
    }
  });
}

// A key is 256 random bits, so a fast hash is enough: there is nothing to guess.
function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function view(row: Omit<ApiKeyRow, 'hash'>): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes as ApiKeyScope[],
    account: row.accountId,
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt?.toISOString() ?? null,
    revoked_at: row.revokedAt?.toISOString() ?? null,
  };
}
