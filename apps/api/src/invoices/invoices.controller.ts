import { Controller, Get, Inject, Param, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import {
  type Database,
  findInvoice,
  findSeller,
  type InvoiceView,
  listInvoices,
  type Page,
  pageOf as cut,
  recordAudit,
  uuidAfter,
} from '#persistence';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { amount, code, id, listQuery, localDate, pageOf, pathId, stamp, text } from '../contract.js';
import { Documented } from '../documented.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { found } from '../problems/problem.js';
import { ratedLine, totals } from '../rating/rated-line.js';

const status = z.enum(['issued', 'credited', 'voided', 'paid']);

export const documentKind = z.enum(['invoice', 'credit_note', 'debit_note']);

export const documentLine = ratedLine.extend({
  position: z.int(),
  correction: z.object({ rerated: amount, billed: amount }).optional().meta({
    description: 'On notes: what the line comes to now and what was billed for it before; `amount` is the difference.',
  }),
});

export const invoice = z
  .looseObject({
    id,
    number: z.string(),
    status,
    kind: documentKind,
    seller: code,
    account: id,
    period: z.looseObject({ start: stamp, end: stamp, label: z.string() }),
    currency: z.string(),
    issued_at: stamp,
    issue_date: localDate,
    due_date: localDate,
    lines: z.array(documentLine),
    ...totals,
    pdf_sha256: z.string().nullable(),
    revision: z.int(),
    corrects: z
      .object({ id, number: z.string() })
      .nullable()
      .meta({ description: 'On notes: the first document of the period.' }),
  })
  .meta({ id: 'Invoice' });

const query = z.strictObject({
  account: id.optional(),
  seller: code.optional(),
  period: text(40).optional(),
  status: status.optional(),
  number: text(64).optional(),
  close: id.optional(),
  ...listQuery,
});

@ApiTags('invoices')
@Controller('v1/invoices')
export class InvoicesController {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Get()
  @Access('read', 'narrowed')
  @Documented('List issued documents in the order of issue', { 200: pageOf(invoice) })
  async list(
    @Query({ schema: query }) page: z.output<typeof query>,
    @From() caller: Caller,
  ): Promise<Page<InvoiceView>> {
    const { limit, seller, period, status, number, close } = page;
    const rows = await listInvoices(this.database, {
      account: caller.narrow(page.account),
      seller,
      period,
      status,
      number,
      close,
      after: uuidAfter(page),
      limit: limit + 1,
    });
    return cut(
      rows,
      limit,
      (row) => row.id,
      (row) => row,
    );
  }

  @Get(':id')
  @Access('read', 'narrowed')
  @Documented('Read an issued document', { 200: invoice }, { 404: '`not_found`' })
  async read(@Param('id', pathId) invoiceId: string, @From() caller: Caller): Promise<InvoiceView> {
    const read = await findInvoice(this.database, invoiceId);
    return found(read && caller.sees(read.account) ? read : undefined, 'invoice of that id');
  }

  @Get(':id/pdf')
  @Access('read', 'narrowed')
  @Documented(
    'Download the PDF: the same bytes for ever; every download is an audit event',
    {
      200: { description: 'the document, with the sha256 of its bytes as ETag', type: 'application/pdf' },
      304: { description: 'the caller has these bytes already' },
    },
    { 404: '`not_found`' },
  )
  async pdf(
    @Param('id', pathId) invoiceId: string,
    @From() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile | undefined> {
    const document = await this.read(invoiceId, caller);
    const { sha256, bytes } = found(await this.closes.pdf(invoiceId), 'PDF of that invoice');
    response.set({ etag: `"${sha256}"`, 'cache-control': 'private, no-cache', 'x-content-sha256': sha256 });
    if (request.fresh) {
      response.status(304);
      return undefined;
    }
    response.attachment(`${document.number.replaceAll('/', '-')}.pdf`).type('application/pdf');
    if (request.method !== 'HEAD') {
      const seller = await findSeller(this.database, document.seller);
      await recordAudit(this.database, {
        sellerId: seller?.id ?? null,
        actor: caller.actor,
        action: 'invoice.downloaded',
        subject: `invoice:${invoiceId}`,
        data: { number: document.number, kind: 'pdf', sha256 },
      });
    }
    return new StreamableFile(bytes, { length: bytes.length });
  }
}
