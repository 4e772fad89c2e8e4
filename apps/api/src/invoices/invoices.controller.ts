import { Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { type FormatKind, isRefusal, type Refusal, wantedForm, XML_KINDS } from '#e-invoice';
import { type Catalogue, type Page, pageOf as cut, recordAudit, uuidAfter } from '#persistence';
import { findSeller } from '#persistence/catalogue';
import {
  type DraftView,
  findInvoice,
  type InvoiceView,
  listDrafts,
  listInvoices,
  loadInvoiceEvidence,
} from '#persistence/documents';
import { invoiceEvidence } from '#proof';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { amount, code, id, language, listQuery, localDate, pageOf, pathId, stamp, text } from '../contract.js';
import { GrowsWithAccount } from '../bounded-reads.interceptor.js';
import { Documented } from '../documented.js';
import { hasBytes, sha256Of } from '../known-bytes.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { found, Problem } from '../problems/problem.js';
import { ratedLine, totals } from '../rating/rated-line.js';

const status = z.enum(['draft', 'issued', 'credited', 'voided']);

export const documentKind = z.enum(['invoice', 'credit_note', 'debit_note']);

export const documentLine = ratedLine.extend({
  position: z.int(),
  correction: z.object({ rerated: amount, billed: amount }).optional().meta({
    description: 'On notes: what the line comes to now and what was billed for it before; `amount` is the difference.',
  }),
  credit: z.object({ billed: amount, left: amount }).optional().meta({
    description:
      'On credit notes by hand: what stood of the line before and what is left of it; `amount` is the difference.',
  }),
});

export const invoice = z
  .looseObject({
    id,
    number: z.string().nullable().meta({ description: 'Null on drafts, as are the dates below.' }),
    status,
    kind: documentKind,
    language: language.optional().meta({
      description: 'What its words are in; absent on documents from before there was a choice: English.',
    }),
    seller: code,
    account: id,
    period: z.looseObject({ start: stamp, end: stamp, label: z.string() }),
    currency: z.string(),
    issued_at: stamp.nullable(),
    issue_date: localDate.nullable(),
    due_date: localDate.nullable(),
    lines: z.array(documentLine),
    ...totals,
    notes: z
      .array(
        z.union([
          z.string(),
          z.object({ code: z.enum(['corrects', 'replaces']), number: z.string(), date: localDate }),
          z.object({
            code: z.enum(['reverse_charge', 'intra_community_supply', 'export_supply', 'bandwidth_as_reported']),
          }),
        ]),
      )
      .meta({
        description:
          'What the service notes, by code, and what an account or an operator wrote. On documents from before there were codes: text.',
      }),
    pdf_sha256: z.string().nullable(),
    revision: z.int(),
    corrects: z
      .object({ id, number: z.string() })
      .nullable()
      .optional()
      .meta({ description: 'On notes: the document that billed the period.' }),
    replaces: z
      .object({ id, number: z.string() })
      .optional()
      .meta({ description: 'On a document that bills a voided period anew: the one that was voided.' }),
    credit: z.object({ reason: z.string(), billed: amount, left: amount }).optional().meta({
      description: 'On credit notes by hand: why, and what the month came to before and comes to now, with tax.',
    }),
    close: id.optional().meta({ description: 'On drafts: the close that drafted it.' }),
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

const pdfQuery = z.strictObject({
  rendition: z.enum(['issued', 'irn']).default('issued').meta({
    description: 'The page as it was issued, or the one with what an e-invoice portal of India answered, once it has.',
  }),
});

const xmlQuery = z.strictObject({
  format: z.enum(XML_KINDS).optional().meta({
    description: "The electronic form. Default: the one of the account's profile, as it was when this was issued.",
  }),
});

@ApiTags('invoices')
@Controller('v1/invoices')
export class InvoicesController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Get()
  @Access('read', 'narrowed')
  @Documented(
    'List issued documents in the order of issue, or drafts with `status=draft`. Documents that are issued while the list is ' +
      'walked through may be missing from it',
    { 200: pageOf(invoice) },
  )
  async list(
    @Query({ schema: query }) page: z.output<typeof query>,
    @From() caller: Caller,
  ): Promise<Page<InvoiceView | DraftView>> {
    const { limit, seller, period, status, number, close } = page;
    const account = caller.narrow(page.account);
    const filter = { account, seller, period, close, after: uuidAfter(page), limit: limit + 1 };
    const rows: (InvoiceView | DraftView)[] =
      status === 'draft'
        ? // No draft has a number.
          number === undefined
          ? await listDrafts(this.database, filter)
          : []
        : await listInvoices(this.database, { ...filter, status, number });
    return cut(
      rows,
      limit,
      (row) => row.id,
      (row) => row,
    );
  }

  @Get(':id')
  @Access('read', 'narrowed')
  @Documented('Read a document; a draft keeps its id when it is issued', { 200: invoice }, { 404: '`not_found`' })
  async read(@Param('id', pathId) invoiceId: string, @From() caller: Caller): Promise<InvoiceView | DraftView> {
    const [draft] = await listDrafts(this.database, { id: invoiceId, limit: 1 });
    const read = draft ?? (await findInvoice(this.database, invoiceId));
    return found(read && caller.sees(read.account) ? read : undefined, 'invoice of that id');
  }

  @Post(':id/issue')
  @HttpCode(202)
  @Access('close')
  @Documented(
    'Release a draft for issuing; a worker issues it',
    { 202: invoice },
    { 404: '`not_found`', 409: '`already_issued`, `not_drafted`' },
  )
  async issue(
    @Param('id', pathId) invoiceId: string,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DraftView> {
    const [draft] = await listDrafts(this.database, { id: invoiceId, limit: 1 });
    if (!draft) {
      const { number } = found(await findInvoice(this.database, invoiceId), 'invoice of that id');
      throw new Problem(409, 'already_issued', `this document is issued as ${number}`);
    }
    if ((await this.closes.desk.release(draft.close, [draft.account], caller.actor)) === 0) {
      throw new Problem(409, 'not_drafted', 'this draft was issued, held or cancelled meanwhile; read it again');
    }
    response.location(`/v1/invoices/${invoiceId}`);
    return draft;
  }

  @Get(':id/pdf')
  @GrowsWithAccount()
  @Access(['read', 'audit'], 'narrowed')
  @Documented(
    'Download the PDF: the same bytes for ever, each download an audit event; of a draft, one with a watermark',
    {
      200: { description: 'the document, with the sha256 of its bytes as ETag', type: 'application/pdf' },
      304: { description: 'the caller has these bytes already' },
    },
    { 404: '`not_found`: no such document, or not registered yet' },
  )
  async pdf(
    @Param('id', pathId) invoiceId: string,
    @Query({ schema: pdfQuery }) { rendition }: z.output<typeof pdfQuery>,
    @From() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile | undefined> {
    const document = await this.read(invoiceId, caller);
    if (document.status === 'draft') {
      if (rendition === 'irn') throw notIssued();
      const draft = found(await this.closes.draftPdf(invoiceId), 'draft of that id');
      response.set('cache-control', 'private, no-cache');
      if (hasBytes(request, response, sha256Of(draft))) return undefined;
      response.attachment('draft.pdf').type('application/pdf');
      return new StreamableFile(draft, { length: draft.length });
    }
    const isIrn = rendition === 'irn';
    const { sha256, bytes } = isIrn
      ? found(await this.closes.registrations.pdf(invoiceId), 'registration of that invoice')
      : found(await this.closes.pdf(invoiceId), 'PDF of that invoice');
    response.set({ 'cache-control': 'private, no-cache', 'x-content-sha256': sha256 });
    if (hasBytes(request, response, sha256)) return undefined;
    response.attachment(`${document.number.replaceAll('/', '-')}${isIrn ? '-irn' : ''}.pdf`).type('application/pdf');
    await this.auditDownload(request, caller, document, { kind: isIrn ? 'pdf_irn' : 'pdf', sha256 });
    return new StreamableFile(bytes, { length: bytes.length });
  }

  @Get(':id/xml')
  @GrowsWithAccount()
  @Access(['read', 'audit'], 'narrowed')
  @Documented(
    'Download an electronic form of an issued document: written once, then the same bytes for ever; each download is an audit event',
    {
      200: { description: 'the file, with the sha256 of its bytes as ETag', type: 'application/xml' },
      304: { description: 'the caller has these bytes already' },
    },
    {
      404: '`not_found`: no such document, or not issued yet',
      409:
        'there is no such form of this document, and its PDF stands alone: `e_invoice_incomplete` (`errors` names every ' +
        'member that is missing), `currency_not_in_e_invoices`, `several_taxes_on_a_line`, `tax_of_a_line_unclear`, ' +
        '`outside_scope_beside_taxed`, `amounts_not_exact`, `character_not_in_xml`',
      422: '`format_missing`: the account wanted no profile when this was issued; name a format',
    },
  )
  async xml(
    @Param('id', pathId) invoiceId: string,
    @Query({ schema: xmlQuery }) { format }: z.output<typeof xmlQuery>,
    @From() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile | undefined> {
    const document = await this.read(invoiceId, caller);
    if (document.status === 'draft') throw notIssued();
    const wanted = wantedForm(document)?.kind;
    const kind = format ?? (wanted === INV01 ? undefined : wanted);
    if (kind === undefined) {
      const message = `must be one of ${XML_KINDS.join(', ')}: the account wanted none of them when this was issued`;
      throw new Problem(422, 'format_missing', `format ${message}`, { errors: [{ pointer: '/format', message }] });
    }
    return this.sendForm(document, kind, { caller, request, response });
  }

  @Get(':id/inv01')
  @GrowsWithAccount()
  @Access(['read', 'audit'], 'narrowed')
  @Documented(
    'Download the INV-01 1.1 payload of an issued document, for an e-invoice portal of India: written once, then the same bytes ' +
      'for ever; each download is an audit event',
    {
      200: z.looseObject({ Version: z.string(), DocDtls: z.looseObject({ No: z.string() }) }),
      304: { description: 'the caller has these bytes already' },
    },
    {
      404: '`not_found`: no such document, or not issued yet',
      409:
        'there is no INV-01 of this document: `e_invoice_incomplete` (`errors` names every member that is missing), ' +
        '`currency_not_in_e_invoices`, `tax_not_in_inv01`, `tax_of_a_line_unclear`, `several_taxes_on_a_line`, `amounts_not_exact`',
    },
  )
  async inv01(
    @Param('id', pathId) invoiceId: string,
    @From() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile | undefined> {
    const document = await this.read(invoiceId, caller);
    if (document.status === 'draft') throw notIssued();
    return this.sendForm(document, INV01, { caller, request, response });
  }

  @Get(':id/evidence')
  @GrowsWithAccount()
  @Access(['read', 'audit'], 'narrowed')
  @Documented(
    'Download everything the document is computed from, for `meterline verify invoice`; every download is an audit event',
    {
      200: z.looseObject({ format: z.string(), document: z.looseObject({}), document_sha256: z.string() }),
      304: { description: 'the caller has these bytes already' },
    },
    { 404: '`not_found`: no such document, or not issued yet' },
  )
  async evidence(
    @Param('id', pathId) invoiceId: string,
    @From() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile | undefined> {
    const document = await this.read(invoiceId, caller);
    if (document.status !== 'draft') {
      // Evidence of the form that the customer was to get, also where a worker died before it was written.
      const form = wantedForm(document);
      if (form) await this.closes.xml(invoiceId, form.kind);
    }
    const evidence = found(await loadInvoiceEvidence(this.database, invoiceId), 'issued document of that id');
    const bytes = Buffer.from(JSON.stringify(invoiceEvidence(evidence)));
    // Kept by no cache on the way: it holds the values of subscribers.
    response.set('cache-control', 'private, no-store');
    if (hasBytes(request, response, sha256Of(bytes))) return undefined;
    const name = (document.number ?? invoiceId).replaceAll('/', '-');
    response.attachment(`${name}-evidence.json`).type('application/json');
    await this.auditDownload(request, caller, document, { kind: 'evidence', sha256: evidence.document_sha256 });
    return new StreamableFile(bytes, { length: bytes.length });
  }

  private async sendForm(
    document: InvoiceView,
    kind: FormatKind,
    { caller, request, response }: { caller: Caller; request: Request; response: Response },
  ): Promise<StreamableFile | undefined> {
    const file = found(await this.closes.xml(document.id, kind), 'issued document of that id');
    if (isRefusal(file)) throw noSuchForm(file);
    const { sha256, bytes } = file;
    response.set({ 'cache-control': 'private, no-cache', 'x-content-sha256': sha256 });
    if (hasBytes(request, response, sha256)) return undefined;
    const extension = kind === INV01 ? 'json' : 'xml';
    response
      .attachment(`${document.number.replaceAll('/', '-')}-${kind}.${extension}`)
      .type(kind === INV01 ? 'application/json' : 'application/xml');
    await this.auditDownload(request, caller, document, { kind, sha256 });
    return new StreamableFile(bytes, { length: bytes.length });
  }

  /** A caller that only looks at the headers has downloaded nothing. */
  private async auditDownload(
    request: Request,
    caller: Caller,
    { id, number, seller: sellerCode }: InvoiceView | DraftView,
    data: { kind: string; sha256: string },
  ): Promise<void> {
    if (request.method === 'HEAD') return;
    const seller = await findSeller(this.database, sellerCode);
    await recordAudit(this.database, {
      sellerId: seller?.id ?? null,
      actor: caller.actor,
      action: 'invoice.downloaded',
      subject: `invoice:${id}`,
      data: { number, ...data },
    });
  }
}

/** The form of India, which is no XML and has a path of its own. */
const INV01 = 'inv01';

function notIssued(): Problem {
  return new Problem(404, 'not_found', 'this is a draft; an electronic invoice is made of an issued document');
}

/** The members that are missing stand in the errors, by their paths: those of the seller below `/seller`. */
function noSuchForm({ code, message, members = [] }: Refusal): Problem {
  const errors = members.map((pointer) => ({
    pointer,
    message: 'is required by the format and was not given at issue',
  }));
  return new Problem(409, code, message, { errors });
}
