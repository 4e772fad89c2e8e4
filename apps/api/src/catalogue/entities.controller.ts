import { Body, Controller, Get, Inject, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Catalogue, Page } from '#persistence';
import {
  type Entity,
  findAccount,
  listEntities,
  registerEntity,
  replaceEntities,
  updateEntity,
} from '#persistence/catalogue';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { id, listQuery, localDate, pageOf, pathId, stamp, text } from '../contract.js';
import { Documented } from '../documented.js';
import { DATABASE } from '../ports.js';
import { accepted, found } from '../problems/problem.js';

const dimension = z.enum(['customer_site_id', 'msisdn', 'imsi']);
// Subscribers' numbers are digits; sites are whatever the operator calls them.
const value = text(128);

const range = {
  active_from: localDate.nullable().default(null),
  active_until: localDate.nullable().default(null),
};

const inOrder = ({ active_from, active_until }: { active_from: string | null; active_until: string | null }) =>
  active_from === null || active_until === null || active_from < active_until;
const ORDER = { path: ['active_until'], message: 'must be later than active_from' };

const newEntity = z
  .strictObject({ dimension, value, name: text().nullable().default(null), ...range })
  .refine(inOrder, ORDER)
  .meta({ id: 'NewEntity' });

const entitySet = z
  .strictObject({ entities: z.array(newEntity).max(20_000) })
  .meta({ id: 'EntitySet', description: 'All entities of the account: what is not named is removed or ended.' });

const entityChange = z
  .strictObject({ name: text().nullable(), active_from: localDate.nullable(), active_until: localDate.nullable() })
  .partial()
  .meta({ id: 'EntityChange' });

const entity = z
  .object({
    id,
    account: id,
    dimension,
    value,
    name: z.string().nullable(),
    active_from: localDate.nullable(),
    active_until: localDate.nullable(),
    created_at: stamp,
  })
  .meta({ id: 'Entity' });

const replaced = z.object({ registered: z.int(), changed: z.int(), ended: z.int(), removed: z.int() });

const query = z.strictObject({ dimension: dimension.optional(), value: value.optional(), ...listQuery });

@ApiTags('accounts')
@Controller('v1/accounts/:account/entities')
export class EntitiesController {
  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  @Post()
  @Access('write')
  @Documented(
    'Register one entity',
    { 201: entity },
    { 404: '`account_not_found`', 409: '`entity_taken`', 422: '`invalid_request`' },
  )
  async register(
    @Param('account', pathId) account: string,
    @Body({ schema: newEntity }) body: z.output<typeof newEntity>,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Entity> {
    const registered = accepted(await registerEntity(this.database, caller.actor, account, body));
    response.location(`/v1/accounts/${account}/entities?dimension=${registered.dimension}`);
    return registered;
  }

  @Put()
  @Access('write')
  @Documented(
    'Make the registered entities the ones given',
    { 200: replaced },
    { 404: '`account_not_found`', 409: '`entity_taken`', 422: '`invalid_request`' },
  )
  async replace(
    @Param('account', pathId) account: string,
    @Body({ schema: entitySet }) body: z.output<typeof entitySet>,
    @From() caller: Caller,
  ): Promise<z.output<typeof replaced>> {
    return accepted(await replaceEntities(this.database, caller.actor, account, body.entities));
  }

  @Get()
  @Access('read', 'path')
  @Documented('List the entities of an account', { 200: pageOf(entity) }, { 404: '`not_found`' })
  async list(
    @Param('account', pathId) account: string,
    @Query({ schema: query }) page: z.output<typeof query>,
  ): Promise<Page<Entity>> {
    found(await findAccount(this.database, account), 'account of that id');
    return listEntities(this.database, account, page, page);
  }

  @Patch(':entity')
  @Access('write')
  @Documented(
    'Rename an entity or set when it is active',
    { 200: entity },
    { 404: '`account_not_found`, `entity_not_found`', 409: '`entity_taken`', 422: '`invalid_request`, `empty_range`' },
  )
  async change(
    @Param('account', pathId) account: string,
    @Param('entity', pathId) entityId: string,
    @Body({ schema: entityChange }) body: z.output<typeof entityChange>,
    @From() caller: Caller,
  ): Promise<Entity> {
    return accepted(await updateEntity(this.database, caller.actor, { accountId: account, id: entityId }, body));
  }
}
