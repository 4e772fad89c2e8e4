import { Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Catalogue } from '#persistence';
import { type ConfirmingPull, listEmptyConfirmingPulls, requestEmptyConfirmingPull } from '#persistence/documents';
import { listCloseAccounts } from '#persistence/closes';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { pathId } from '../contract.js';
import { Documented } from '../documented.js';
import { DATABASE } from '../ports.js';
import { accepted, found } from '../problems/problem.js';
import { confirmingPull } from './confirming-pull.js';

/** What comes after an account that a close billed nothing: it has no invoice that this could hang off. */
@ApiTags('closes')
@Controller('v1/closes/:id/accounts/:account/confirming-pulls')
export class EmptyAccountController {
  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  @Get()
  @Access('read')
  @Documented(
    'List the pulls that confirm that an account has nothing to pay',
    { 200: z.object({ data: z.array(confirmingPull) }) },
    { 404: '`not_found`' },
  )
  async pulls(
    @Param('id', pathId) closeId: string,
    @Param('account', pathId) accountId: string,
  ): Promise<{ data: ConfirmingPull[] }> {
    const [account] = await listCloseAccounts(this.database, closeId, { account: accountId, limit: 1 });
    found(account, 'such account in that close');
    return { data: await listEmptyConfirmingPulls(this.database, { closeId, accountId }) };
  }

  @Post()
  @HttpCode(202)
  @Access('close')
  @Documented(
    'Pull the usage of an empty account again, soon; if it now has something to pay, its close bills it',
    { 202: confirmingPull },
    {
      404: '`close_account_not_found`',
      409: '`account_not_empty`; `nothing_to_confirm`: no usage was pulled for it',
    },
  )
  async pullAgain(
    @Param('id', pathId) closeId: string,
    @Param('account', pathId) accountId: string,
    @From() caller: Caller,
  ): Promise<ConfirmingPull> {
    return accepted(await requestEmptyConfirmingPull(this.database, { closeId, accountId }, caller.actor));
  }
}
