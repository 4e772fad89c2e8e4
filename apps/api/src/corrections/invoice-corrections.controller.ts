import { Body, Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Database } from '#persistence';
import {
  type ConfirmingPull,
  findInvoice,
  type InvoiceView,
  listConfirmingPulls,
  requestConfirmingPull,
} from '#persistence/documents';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { pathId, text } from '../contract.js';
import { Documented } from '../documented.js';
import { invoice } from '../invoices/invoices.controller.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { accepted, found } from '../problems/problem.js';
import { confirmingPull } from './confirming-pull.js';

const fullCreditNote = z
  .strictObject({
    reason: text(500).meta({ description: 'For the audit; it is not printed.' }),
    full: z.literal(true, 'must be true: a part is corrected through the proposals of /v1/corrections'),
  })
  .meta({ id: 'FullCreditNote' });

const ORIGINAL_ONLY = '`not_an_original`: it is a note; `invoice_voided`';

/** What is done to a document after it was issued: never to the document itself. */
@ApiTags('invoices')
@Controller('v1/invoices/:id')
export class InvoiceCorrectionsController {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Post('credit-notes')
  @Access('close')
  @Documented(
    'Void an invoice: one note (201) takes back everything issued for its account and period; where that comes to nothing ' +
      'already there is no note, and the answer is the voided document (200)',
    { 200: invoice, 201: invoice },
    { 404: '`invoice_not_found`', 409: ORIGINAL_ONLY, 422: '`invalid_request`' },
  )
  async creditInFull(
    @Param('id', pathId) invoiceId: string,
    @Body({ schema: fullCreditNote }) { reason }: z.output<typeof fullCreditNote>,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<InvoiceView> {
    const request = { actor: caller.actor, reason };
    const { outcome, invoice } = accepted(await this.closes.corrections.voidInvoice(invoiceId, request));
    response.status(outcome === 'issued' ? 201 : 200).location(`/v1/invoices/${invoice.id}`);
    return found(await findInvoice(this.database, invoice.id), 'document that was just issued or voided');
  }

  @Get('confirming-pulls')
  @Access('read')
  @Documented(
    'List the pulls that confirm the usage of an invoice',
    { 200: z.object({ data: z.array(confirmingPull) }) },
    { 404: '`not_found`' },
  )
  async pulls(@Param('id', pathId) invoiceId: string): Promise<{ data: ConfirmingPull[] }> {
    found(await findInvoice(this.database, invoiceId), 'invoice of that id');
    return { data: await listConfirmingPulls(this.database, invoiceId) };
  }

  @Post('confirming-pulls')
  @HttpCode(202)
  @Access('close')
  @Documented(
    'Pull the usage of an invoice again, soon; a difference becomes a proposal under /v1/corrections',
    { 202: confirmingPull },
    { 404: '`invoice_not_found`', 409: ORIGINAL_ONLY },
  )
  async pullAgain(@Param('id', pathId) invoiceId: string, @From() caller: Caller): Promise<ConfirmingPull> {
    return accepted(await requestConfirmingPull(this.database, invoiceId, caller.actor));
  }
}
