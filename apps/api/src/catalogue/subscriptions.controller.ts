import { Body, Controller, Get, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Catalogue, Page } from '#persistence';
import {
  findSubscription,
  listSubscriptions,
  subscribe,
  type Subscription,
  updateSubscription,
} from '#persistence/catalogue';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { code, id, listQuery, localDate, pageOf, pathId, stamp } from '../contract.js';
import { Documented } from '../documented.js';
import { DATABASE } from '../ports.js';
import { accepted, found } from '../problems/problem.js';

const newSubscription = z
  .strictObject({ account: id, plan: code, starts_at: localDate, ends_at: localDate.nullable().default(null) })
  .meta({ id: 'NewSubscription' });

const subscriptionChange = z
  .strictObject({ plan: code, starts_at: localDate, ends_at: localDate.nullable() })
  .partial()
  .meta({ id: 'SubscriptionChange' });

const subscription = z
  .object({ id, account: id, plan: code, starts_at: localDate, ends_at: localDate.nullable(), created_at: stamp })
  .meta({ id: 'Subscription' });

const query = z.strictObject({ account: id.optional(), plan: code.optional(), ...listQuery });

@ApiTags('subscriptions')
@Controller('v1/subscriptions')
export class SubscriptionsController {
  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  @Post()
  @Access('write')
  @Documented(
    'Subscribe an account to a plan',
    { 201: subscription },
    {
      409: '`subscription_overlaps`, `period_already_billed`',
      422: '`invalid_request`, `account_not_found`, `unknown_plan`, `plan_not_in_force`, `currency_mismatch`, `empty_range`',
    },
  )
  async create(
    @Body({ schema: newSubscription }) body: z.output<typeof newSubscription>,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Subscription> {
    const created = accepted(await subscribe(this.database, caller.actor, body));
    response.location(`/v1/subscriptions/${created.id}`);
    return created;
  }

  @Get()
  @Access('read', 'narrowed')
  @Documented('List subscriptions', { 200: pageOf(subscription) })
  list(@Query({ schema: query }) page: z.output<typeof query>, @From() caller: Caller): Promise<Page<Subscription>> {
    return listSubscriptions(this.database, { account: caller.narrow(page.account), plan: page.plan }, page);
  }

  @Get(':id')
  @Access('read', 'narrowed')
  @Documented('Read a subscription', { 200: subscription }, { 404: '`not_found`' })
  async read(@Param('id', pathId) subscriptionId: string, @From() caller: Caller): Promise<Subscription> {
    const read = await findSubscription(this.database, subscriptionId);
    return found(read && caller.sees(read.account) ? read : undefined, 'subscription of that id');
  }

  @Patch(':id')
  @Access('write')
  @Documented(
    'Change plan or dates outside issued periods, usually to end the subscription',
    { 200: subscription },
    {
      404: '`subscription_not_found`',
      409: '`subscription_overlaps`, `period_already_billed`',
      422: '`invalid_request`, `unknown_plan`, `plan_not_in_force`, `currency_mismatch`, `empty_range`',
    },
  )
  async change(
    @Param('id', pathId) subscriptionId: string,
    @Body({ schema: subscriptionChange }) body: z.output<typeof subscriptionChange>,
    @From() caller: Caller,
  ): Promise<Subscription> {
    return accepted(await updateSubscription(this.database, caller.actor, subscriptionId, body));
  }
}
