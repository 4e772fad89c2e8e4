import { Body, Controller, Get, Inject, Param, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Catalogue } from '#persistence';
import { findInvoice, type Registration } from '#persistence/documents';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { pathId } from '../contract.js';
import { Documented } from '../documented.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { accepted, found } from '../problems/problem.js';

/** What the largest QR code holds at its lowest level of correction (ISO/IEC 18004). */
const LONGEST_CODE = 2_953;
const LONGEST_INVOICE = 200_000;

/** Three parts of base64url (RFC 7515, 3.1). */
const jws = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/, 'must be a JWS in its compact form');

const registration = z.object({
  irn: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex')
    .meta({ description: 'The invoice reference number, `Irn` of the portal.' }),
  ack_no: z
    .string()
    .regex(/^\d{1,20}$/, 'must be the number of an acknowledgement')
    .meta({ description: '`AckNo`.' }),
  ack_date: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/, 'must be as the portal writes it: "2026-11-30 17:10:00"')
    .meta({ description: '`AckDt`, in the time of India.' }),
  signed_qr_code: jws(LONGEST_CODE).meta({ description: '`SignedQRCode`, the JWS that the code on the page says.' }),
  signed_invoice: jws(LONGEST_INVOICE).meta({ description: '`SignedInvoice`, a JWS.' }),
});

const given = z.strictObject(registration.shape).meta({ id: 'InvoiceRegistration' });

/** The registration of documents by e-invoice portals of India. */
@ApiTags('invoices')
@Controller('v1/invoices/:id/irn')
export class RegistrationsController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Post()
  @Access('close')
  @Documented(
    'Keep what an e-invoice portal answered an INV-01: both signatures are verified with `settings.irp_public_keys` of the ' +
      'seller, and every claim is compared with the document. A page with the code is made, `/pdf?rendition=irn`; the one that ' +
      'was issued stays. The same answer again is answered alike (200)',
    { 200: registration, 201: registration },
    {
      404: '`invoice_not_found`',
      409: '`already_registered`: by another acknowledgement; `portal_key_missing`; `no_inv01`: there is none of this document',
      422:
        '`invalid_request`; `signature_invalid`: `errors` names the member; `answer_differs`: `errors` names the claim that is ' +
        'not what the document says, as `/signed_qr_code/TotInvVal`',
    },
  )
  async register(
    @Param('id', pathId) invoiceId: string,
    @Body({ schema: given }) body: z.output<typeof given>,
    @From() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Registration> {
    const kept = accepted(await this.closes.registrations.register(invoiceId, body, caller.actor));
    response.status(kept.isNew ? 201 : 200).location(`/v1/invoices/${invoiceId}/irn`);
    return kept.registration;
  }

  @Get()
  @Access(['read', 'audit'], 'narrowed')
  @Documented(
    'Read what an e-invoice portal of India answered a document',
    { 200: registration },
    { 404: '`not_found`: no such document, or not registered' },
  )
  async read(@Param('id', pathId) invoiceId: string, @From() caller: Caller): Promise<Registration> {
    const invoice = await findInvoice(this.database, invoiceId);
    const seen = invoice && caller.sees(invoice.account) ? invoice : undefined;
    return found(seen && (await this.closes.registrations.find(invoiceId)), 'registration of an invoice of that id');
  }
}
