import { Body, Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { CreditRequest } from '#invoicing';
import type { Catalogue } from '#persistence';
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
import { decimalText, pathId, text } from '../contract.js';
import { Documented } from '../documented.js';
import { invoice } from '../invoices/invoices.controller.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { accepted, found } from '../problems/problem.js';
import { confirmingPull } from './confirming-pull.js';

const positive = decimalText.refine(
  (value) => !value.startsWith('-') && /[1-9]/.test(value),
  'must be above 0: what is credited is said without a sign',
);

const position = z.int().min(1).meta({ description: 'Of the line on the invoice.' });

const CREDITED_LINES = 10_000;

const creditNoteRequest = z
  .strictObject({
    reason: text(500).meta({ description: 'Printed on a credit note of a part. Of a void it is kept for the audit.' }),
    full: z.literal(true, 'must be true, or left out for a credit note of a part').optional(),
    amount: positive.optional().meta({ description: 'Net; spread over what stands, by largest remainder.' }),
    lines: z
      .array(
        z
          .strictObject({
            position,
            amount: positive.optional().meta({ description: 'Net.' }),
            quantity: positive
              .optional()
              .meta({ description: 'In the unit of the line; worth its share of the line.' }),
          })
          .refine(({ amount, quantity }) => (amount === undefined) !== (quantity === undefined), {
            error: 'must have either an amount or a quantity',
          }),
      )
      .min(1)
      .max(CREDITED_LINES)
      .optional(),
  })
  .refine(({ full, amount, lines }) => [full, amount, lines].filter((each) => each !== undefined).length === 1, {
    error: 'must have exactly one of full, amount and lines',
  })
  .meta({ id: 'CreditNoteRequest' });

/** The part that a request asks for; undefined: all of it. */
function partOf({ reason, amount, lines }: z.output<typeof creditNoteRequest>): CreditRequest | undefined {
  if (amount !== undefined) return { reason, amount };
  const of = lines?.map(({ position, amount, quantity }) =>
    amount === undefined ? { position, quantity: quantity ?? '0' } : { position, amount },
  );
  return of && { reason, lines: of };
}

const ORIGINAL_ONLY = '`not_an_original`: it is a note; `invoice_voided`';

/** What is done to a document after it was issued: never to the document itself. */
@ApiTags('invoices')
@Controller('v1/invoices/:id')
export class InvoiceCorrectionsController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Post('credit-notes')
  @Access('close')
  @Documented(
    'Credit a part of what was billed for the account and period of an invoice: an `amount`, or `lines` with an amount or a ' +
      'quantity each, never more than stands. `full` voids the invoice: one note (201) takes back everything issued for its ' +
      'account and period; where that comes to nothing already there is no note, and the answer is the voided document (200)',
    { 200: invoice, 201: invoice },
    {
      404: '`invoice_not_found`',
      409:
        `${ORIGINAL_ONLY}; \`credit_exceeds_what_stands\`: more than is left of a line, of the lines under one tax, or in ` +
        'all; `quantity_not_creditable`: no quantity is left of the line; `credit_not_computable`: what was billed does not ' +
        'follow from lines and taxes; `document_unprintable`: the reason has characters that cannot be printed',
      422:
        '`invalid_request`; `line_not_found`; `too_many_decimals`: of the currency; `credit_of_nothing`: it comes to 0 once ' +
        'it is rounded',
    },
  )
  async credit(
    @Param('id', pathId) invoiceId: string,
    @Body({ schema: creditNoteRequest }) asked: z.output<typeof creditNoteRequest>,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<InvoiceView> {
    const { corrections } = this.closes;
    const { actor } = caller;
    const part = partOf(asked);
    const { outcome, invoice } = accepted(
      await (part
        ? corrections.credit(invoiceId, part, actor)
        : corrections.voidInvoice(invoiceId, { actor, reason: asked.reason })),
    );
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
