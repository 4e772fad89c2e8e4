import { Body, Controller, Delete, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Catalogue, Page } from '#persistence';
import { API_KEY_SCOPES, type ApiKey, createApiKey, listApiKeys, revokeApiKey } from '#persistence/catalogue';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { id, listQuery, pageOf, pathId, stamp, text } from '../contract.js';
import { Documented } from '../documented.js';
import { ShownOnce } from '../idempotency.interceptor.js';
import { DATABASE } from '../ports.js';
import { accepted } from '../problems/problem.js';

const scope = z.enum(API_KEY_SCOPES);

const newApiKey = z
  .strictObject({
    name: text(),
    scopes: z.array(scope).min(1).max(API_KEY_SCOPES.length),
    account: id.nullable().default(null),
    expires_at: z.iso
      .datetime({ offset: true, error: 'must be an RFC 3339 stamp such as "2026-10-01T00:00:00Z"' })
      .nullable()
      .default(null)
      .meta({ description: 'From then on the key is unknown. Null: it does not expire.' }),
  })
  .refine(({ scopes, account }) => account === null || scopes.every((each) => each === 'read'), {
    path: ['scopes'],
    message: 'must be ["read"]: a key bound to one account can only read',
  })
  .meta({ id: 'NewApiKey' });

const apiKey = z
  .object({
    id,
    name: z.string(),
    prefix: z.string(),
    scopes: z.array(scope),
    account: id.nullable(),
    created_at: stamp,
    expires_at: stamp.nullable(),
    revoked_at: stamp.nullable(),
  })
  .meta({ id: 'ApiKey' });

const newKeyAnswer = apiKey
  .extend({
    key: z.string().nullable().meta({
      description: 'The key itself. Shown this once; only a hash is kept, and an answer that is repeated says null.',
    }),
  })
  .meta({ id: 'ApiKeyWithSecret' });

const query = z.strictObject(listQuery);

@ApiTags('api keys')
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  @Post()
  @Access('admin')
  @ShownOnce('key')
  @Documented(
    'Make an API key',
    { 201: newKeyAnswer },
    { 422: '`invalid_request`, `account_not_found`, `expiry_passed`' },
  )
  async create(
    @Body({ schema: newApiKey }) body: z.output<typeof newApiKey>,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ApiKey & { key: string }> {
    const created = accepted(await createApiKey(this.database, caller.actor, body));
    response.location(`/v1/api-keys/${created.id}`).set('cache-control', 'no-store');
    return created;
  }

  @Get()
  @Access('admin')
  @Documented('List API keys, revoked ones too', { 200: pageOf(apiKey) })
  list(@Query({ schema: query }) page: z.output<typeof query>): Promise<Page<ApiKey>> {
    return listApiKeys(this.database, page);
  }

  @Delete(':id')
  @Access('admin')
  @Documented(
    'Revoke an API key for ever',
    { 200: apiKey },
    { 404: '`api_key_not_found`', 409: '`api_key_configured`: the key of METERLINE_ADMIN_KEY' },
  )
  async revoke(@Param('id', pathId) keyId: string, @From() caller: Caller): Promise<ApiKey> {
    return accepted(await revokeApiKey(this.database, caller.actor, keyId));
  }
}
