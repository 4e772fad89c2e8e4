import { Body, Controller, Get, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Catalogue, Page, SecretKey } from '#persistence';
import { type Account, createAccount, findAccount, listAccounts, updateAccount } from '#persistence/catalogue';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import {
  accountTaxes,
  address,
  code,
  currency,
  givenTaxes,
  id,
  language,
  listQuery,
  pageOf,
  pathId,
  reportApiKey,
  stamp,
  text,
  timeZone,
} from '../contract.js';
import { Documented } from '../documented.js';
import { accountEInvoice, accountGst, email, refuseForeignTaxId, registration, taxNumber } from '../identity.js';
import { DATABASE, SECRET_KEY } from '../ports.js';
import { accepted, found } from '../problems/problem.js';

const members = {
  external_id: text(),
  seller: code,
  name: text(),
  currency,
  time_zone: timeZone,
  address: address.nullable(),
  tax_id: taxNumber.nullable(),
  email: email.nullable(),
  taxes: givenTaxes,
  payment_terms_days: z.int().min(0).max(365).nullable(),
  edge_policy: z.enum(['own_by_start', 'refuse']).nullable(),
  language: language
    .nullable()
    .meta({ description: "What its documents are written in. Null: the seller's language." }),
  registration: registration.nullable(),
  e_invoice: accountEInvoice.nullable(),
  gst: accountGst.nullable(),
};

const ownReportApiKey = reportApiKey.nullable().meta({ writeOnly: true });

const newAccount = z
  .strictObject({
    ...members,
    currency: currency.nullable().default(null).meta({ description: "Default: the seller's." }),
    time_zone: timeZone.nullable().default(null).meta({ description: "Default: the seller's." }),
    address: members.address.default(null),
    tax_id: members.tax_id.default(null),
    email: members.email.default(null),
    taxes: members.taxes.default([]),
    payment_terms_days: members.payment_terms_days.default(null),
    edge_policy: members.edge_policy.default(null),
    language: members.language.default(null),
    registration: members.registration.default(null),
    e_invoice: members.e_invoice.default(null),
    gst: members.gst.default(null),
    report_api_key: ownReportApiKey.default(null),
  })
  .meta({ id: 'NewAccount' });

const accountChange = z
  .strictObject({ ...members, report_api_key: ownReportApiKey })
  .partial()
  .meta({ id: 'AccountChange' });

export const account = z
  .object({
    id,
    ...members,
    taxes: accountTaxes,
    has_report_api_key: z.boolean(),
    created_at: stamp,
    updated_at: stamp,
  })
  .meta({ id: 'Account' });

const query = z.strictObject({ seller: code.optional(), external_id: text().optional(), ...listQuery });

@ApiTags('accounts')
@Controller('v1/accounts')
export class AccountsController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(SECRET_KEY) private readonly secretKey: SecretKey,
  ) {}

  @Post()
  @Access('write')
  @Documented(
    'Register an account of a seller',
    { 201: account },
    { 409: '`external_id_taken`', 422: '`invalid_request`, `unknown_seller`, `currency_not_in_e_invoices`' },
  )
  async create(
    @Body({ schema: newAccount }) body: z.output<typeof newAccount>,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Account> {
    refuseForeignTaxId(body);
    const created = accepted(await createAccount(this.database, caller.actor, body, this.secretKey));
    response.location(`/v1/accounts/${created.id}`);
    return created;
  }

  @Get()
  @Access('read', 'narrowed')
  @Documented('List accounts in the order they were registered', { 200: pageOf(account) })
  list(@Query({ schema: query }) page: z.output<typeof query>, @From() caller: Caller): Promise<Page<Account>> {
    const { seller, external_id } = page;
    return listAccounts(this.database, { id: caller.narrow(undefined), seller, external_id }, page);
  }

  @Get(':id')
  @Access('read', 'path')
  @Documented('Read an account', { 200: account }, { 404: '`not_found`' })
  async read(@Param('id', pathId) accountId: string): Promise<Account> {
    return found(await findAccount(this.database, accountId), 'account of that id');
  }

  @Patch(':id')
  @Access('write')
  @Documented(
    'Change an account; absent members stay',
    { 200: account },
    {
      404: '`account_not_found`',
      409: '`account_frozen`, `external_id_taken`, `entity_taken`',
      422: '`invalid_request`, `unknown_seller`, `currency_mismatch`, `currency_not_in_e_invoices`',
    },
  )
  async change(
    @Param('id', pathId) accountId: string,
    @Body({ schema: accountChange }) body: z.output<typeof accountChange>,
    @From() caller: Caller,
  ): Promise<Account> {
    refuseForeignTaxId(body, await findAccount(this.database, accountId));
    return accepted(await updateAccount(this.database, caller.actor, accountId, body, this.secretKey));
  }
}
