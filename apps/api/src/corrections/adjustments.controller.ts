import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { type Catalogue, type Page, pageOf as cut, uuidAfter } from '#persistence';
import { findAccount } from '#persistence/catalogue';
import {
  type AdjustmentView,
  cancelAdjustment,
  createAdjustment,
  findAdjustment,
  listAdjustments,
} from '#persistence/documents';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { amount, decimalText, id, listQuery, month, pageOf, pathId, stamp, text } from '../contract.js';
import { Documented } from '../documented.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { accepted, found } from '../problems/problem.js';

const state = z.enum(['open', 'drawn', 'cancelled']);

const newAdjustment = z
  .strictObject({
    amount: decimalText
      .refine((value) => /[1-9]/.test(value), 'must not be 0')
      .meta({ description: 'Net: below 0 a credit, above 0 a charge.' }),
    reason: text(500).meta({ description: 'Printed on the document, as the description of its line.' }),
    tax: text(40).nullable().default(null).meta({ description: 'The name of the tax of the account that it bears.' }),
    tax_category: z.enum(['S', 'Z', 'E', 'AE', 'K', 'G', 'O']).nullable().default(null),
    period: month
      .nullable()
      .default(null)
      .meta({
        description:
          'The first month whose invoice draws it; null: the next one. With `at_once`: the month that the note is about; null: ' +
          'the last one that stands billed.',
      }),
    issue: z
      .enum(['next_invoice', 'at_once'])
      .default('next_invoice')
      .meta({ description: '`at_once`: a credit note or debit note of its own, now.' }),
  })
  .refine(({ tax, tax_category }) => tax === null || tax_category === null, {
    path: ['tax_category'],
    error: 'must be left out where the tax is named',
  })
  .meta({ id: 'NewAdjustment' });

const cancellation = z.strictObject({ reason: text(500) }).meta({ id: 'Cancellation' });

const adjustment = z
  .object({
    id,
    account: id,
    period: z.string().nullable(),
    amount,
    currency: z.string(),
    reason: z.string(),
    tax: z.string().nullable(),
    tax_category: z.string().nullable(),
    state: state.meta({
      description: '`drawn`: a document that stands has it. A void of that document opens it again.',
    }),
    invoice: z.object({ id, number: z.string() }).nullable(),
    created_by: z.string(),
    created_at: stamp,
    cancelled_by: z.string().nullable(),
    cancelled_at: stamp.nullable(),
    cancel_reason: z.string().nullable(),
  })
  .meta({ id: 'Adjustment', description: 'What an operator credits or charges an account once, beside its plan.' });

const query = z.strictObject({ state: state.optional(), ...listQuery });

@ApiTags('accounts')
@Controller('v1/accounts/:account/adjustments')
export class AdjustmentsController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Post()
  @Access('close')
  @Documented(
    'Credit or charge an account once, beside its plan: on its next invoice, or by a note at once',
    { 201: adjustment },
    {
      404: '`account_not_found`',
      409:
        '`nothing_billed`, `credit_exceeds_what_stands`, `credit_not_computable`, `invoice_voided`, `document_unprintable`: a ' +
        'note at once is not possible',
      422: '`invalid_request`; `too_many_decimals`: of the currency; `tax_not_of_account`',
    },
  )
  async create(
    @Param('account', pathId) account: string,
    @Body({ schema: newAdjustment }) body: z.output<typeof newAdjustment>,
    @From() { actor }: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AdjustmentView> {
    const { amount, reason, tax, tax_category: taxCategory, period, issue } = body;
    const asked = { account, amount, reason, tax, taxCategory, period };
    let made: string;
    if (issue === 'at_once') {
      found(await findAccount(this.database, account), 'account of that id');
      made = accepted(await this.closes.corrections.adjustAtOnce(asked, actor)).adjustment;
    } else made = accepted(await createAdjustment(this.database, actor, asked)).id;
    response.location(`/v1/accounts/${account}/adjustments`);
    return found(await findAdjustment(this.database, made), 'adjustment that was just made');
  }

  @Get()
  @Access('read', 'path')
  @Documented(
    'List the adjustments of an account in the order in which they were made',
    { 200: pageOf(adjustment) },
    { 404: '`not_found`' },
  )
  async list(
    @Param('account', pathId) account: string,
    @Query({ schema: query }) page: z.output<typeof query>,
  ): Promise<Page<AdjustmentView>> {
    found(await findAccount(this.database, account), 'account of that id');
    const { limit, state } = page;
    const rows = await listAdjustments(this.database, { account, state, after: uuidAfter(page), limit: limit + 1 });
    return cut(
      rows,
      limit,
      (row) => row.id,
      (row) => row,
    );
  }

  @Post(':adjustment/cancel')
  @HttpCode(200)
  @Access('close')
  @Documented(
    'Cancel an adjustment that no document has drawn',
    { 200: adjustment },
    {
      404: '`account_not_found`, `adjustment_not_found`',
      409: '`adjustment_drawn`; `adjustment_cancelled`',
      422: '`invalid_request`',
    },
  )
  async cancel(
    @Param('account', pathId) accountId: string,
    @Param('adjustment', pathId) id: string,
    @Body({ schema: cancellation }) { reason }: z.output<typeof cancellation>,
    @From() { actor }: Caller,
  ): Promise<AdjustmentView> {
    return accepted(await cancelAdjustment(this.database, { accountId, id }, { actor, reason }));
  }
}
