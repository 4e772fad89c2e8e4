import { createHash, randomInt } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import { accountNotFound } from './accounts.js';
import { recordAudit } from './audit.js';
import { type Database, transaction, type Transaction } from './database.js';
import type { ApiKey as ApiKeyRow } from './generated/client.js';
import { type Page, pageOf, type PageRequest, uuidAfter } from './page.js';
import { refusal, type Refusal } from './refusal.js';

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
  revoked_at: string | null;
}

const MARK = 'mtl_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 43 characters of 62 carry 256 bits. */
const LENGTH = 43;
const SHOWN = MARK.length + 6;

// The prefix of the key that the configuration gives. No made key can have it.
const CONFIGURED = 'configured';

/** A new random key: `mtl_` and 43 letters and digits. */
export function newApiKey(): string {
  return MARK + Array.from({ length: LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
}

/** Makes a key. `key` in the answer is the only copy there will ever be. */
export async function createApiKey(
  database: Database,
  actor: string,
  of: { name: string; scopes: readonly ApiKeyScope[]; account: string | null },
): Promise<(ApiKey & { key: string }) | Refusal<'account_not_found'>> {
  const key = newApiKey();
  return transaction(database, async (tx) => {
    const account = of.account === null ? null : await tx.account.findUnique({ where: { id: of.account } });
    if (of.account !== null && !account) return { ...accountNotFound(of.account), pointer: '/account' };
    const row = await tx.apiKey.create({
      data: {
        id: uuid(),
        name: of.name,
        prefix: key.slice(0, SHOWN),
        hash: hashOf(key),
        scopes: [...of.scopes],
        accountId: of.account,
      },
    });
    await recordAudit(tx, {
      sellerId: account?.sellerId ?? null,
      actor,
      action: 'api_key.created',
      subject: `api_key:${row.id}`,
      data: { name: row.name, scopes: row.scopes, account: row.accountId },
    });
    return { ...view(row), key };
  });
}

/** The key that a caller presents, or undefined when it is unknown or revoked. */
export async function authenticate(database: Database | Transaction, presented: string): Promise<ApiKey | undefined> {
  const row = await database.apiKey.findFirst({ where: { hash: hashOf(presented), revokedAt: null } });
  return row ? view(row) : undefined;
}

/** Revokes a key for ever; revoking a revoked key changes nothing. */
export async function revokeApiKey(
  database: Database,
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
export async function listApiKeys(database: Database | Transaction, request: PageRequest): Promise<Page<ApiKey>> {
  const after = uuidAfter(request);
  const rows = await database.apiKey.findMany({
    where: after === undefined ? {} : { id: { gt: after } },
    orderBy: { id: 'asc' },
    take: request.limit + 1,
  });
  return pageOf(rows, request.limit, (row) => row.id, view);
}

/** Lets the configured admin key in and every admin key that was configured before it out. Safe to run at every start. */
export async function admitConfiguredKey(database: Database, key: string): Promise<void> {
  await transaction(database, async (tx) => {
    await tx.$executeRaw`
      UPDATE api_key SET revoked_at = clock_timestamp()
       WHERE prefix = ${CONFIGURED} AND hash <> ${hashOf(key)} AND revoked_at IS NULL`;
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

function view(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes as ApiKeyScope[],
    account: row.accountId,
    created_at: row.createdAt.toISOString(),
    revoked_at: row.revokedAt?.toISOString() ?? null,
  };
}
