import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { type Catalogue, keyAfter, type Page, pageOf as cut, recordAudit } from '#persistence';
import { findSeller } from '#persistence/catalogue';
import { type CloseEvent, findCertificate, findClose, listCloseEvents } from '#persistence/closes';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { id, listQuery, notice, pageOf, pathId, stamp } from '../contract.js';
import { GrowsWithAccount } from '../bounded-reads.interceptor.js';
import { Documented } from '../documented.js';
import { hasBytes } from '../known-bytes.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { found, Problem } from '../problems/problem.js';
import { sendInvoices } from './invoices-zip.js';

const closeEvent = z
  .object({
    id: z.string(),
    account: id.nullable().meta({ description: 'Null: the close itself.' }),
    from: z.string().nullable(),
    to: z.string(),
    reason: notice.extend({ message: z.string().nullable() }).nullable(),
    actor: z.string().nullable(),
    at: stamp,
  })
  .meta({ id: 'CloseEvent' });

const listOfEvents = z.strictObject({ account: id.optional(), ...listQuery });

const certificateQuery = z.strictObject({ revision: z.coerce.number().int().min(1).max(2_147_483_647).optional() });

const signedCertificate = z
  .looseObject({
    certificate: z.looseObject({ format: z.string(), revision: z.int(), previous_sha256: z.string().nullable() }),
    signature: z.object({
      algorithm: z.literal('Ed25519'),
      key_id: z.string(),
      public_key: z.string(),
      value: z.string(),
    }),
  })
  .meta({ id: 'CloseCertificate' });

/** What proves a close to an auditor. */
@ApiTags('closes')
@Controller('v1/closes/:id')
export class CloseProofController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Get('events')
  @Access('read')
  @Documented(
    'List the moves of a close and of its accounts, each with its reason, who asked, and when',
    { 200: pageOf(closeEvent) },
    { 404: '`not_found`' },
  )
  async events(
    @Param('id', pathId) closeId: string,
    @Query({ schema: listOfEvents }) query: z.output<typeof listOfEvents>,
  ): Promise<Page<CloseEvent>> {
    found(await findClose(this.database, closeId), 'close of that id');
    const after = keyAfter(query);
    if (after !== undefined && !/^\d{1,18}$/.test(after)) {
      throw new Problem(400, 'malformed_cursor', 'the cursor is not one that this list has answered');
    }
    const { limit, account } = query;
    const rows = await listCloseEvents(this.database, closeId, { account, after, limit: limit + 1 });
    return cut(
      rows,
      limit,
      (row) => row.id,
      (row) => row,
    );
  }

  @Get('certificate')
  @GrowsWithAccount()
  @Access(['read', 'audit'])
  @Documented(
    'Download the signed certificate of a finished close: the latest revision, or a given one',
    { 200: signedCertificate, 304: { description: 'the caller has this revision already' } },
    { 404: '`not_found`: not finished yet, or no such revision' },
  )
  async certificate(
    @Param('id', pathId) closeId: string,
    @Query({ schema: certificateQuery }) { revision }: z.output<typeof certificateQuery>,
    @From() caller: Caller,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const close = found(await findClose(this.database, closeId), 'close of that id');
    const certificate = found(
      await findCertificate(this.database, closeId, revision),
      revision !== undefined
        ? 'certificate of that revision'
        : `certificate: the close is ${close.dry_run ? 'a dry run' : close.state}`,
    );
    response.set('cache-control', 'private, no-cache');
    if (hasBytes(request, response, certificate.sha256)) {
      response.end();
      return;
    }
    await this.audit(request, caller, close, { kind: 'certificate', revision: certificate.revision });
    const name = `close-${close.seller}-${close.period.label}-certificate-${certificate.revision}.json`;
    // Byte for byte what was signed and hashed, hence not through the JSON writer.
    response.attachment(name).type('application/json').send(certificate.document);
  }

  @Get('invoices.zip')
  @GrowsWithAccount()
  @Access('read')
  @Documented(
    'Download each document of a close, and each note that its certificate names beside them, as JSON and PDF, the latest ' +
      'certificate, and a manifest of the files that names what is missing',
    { 200: { description: 'the archive; equal bytes for an equal close', type: 'application/zip' } },
    { 404: '`not_found`' },
  )
  async invoices(
    @Param('id', pathId) closeId: string,
    @From() caller: Caller,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const close = found(await findClose(this.database, closeId), 'close of that id');
    const certificate = await findCertificate(this.database, closeId);
    response.attachment(`close-${close.seller}-${close.period.label}-invoices.zip`).type('application/zip');
    response.set({ 'cache-control': 'private, no-store' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    await this.audit(request, caller, close, { kind: 'invoices.zip' });
    await sendInvoices(response, { database: this.database, closes: this.closes, closeId, certificate });
  }

  private async audit(
    request: Request,
    caller: Caller,
    close: { id: string; seller: string },
    data: { kind: string; revision?: number },
  ): Promise<void> {
    if (request.method === 'HEAD') return;
    const seller = await findSeller(this.database, close.seller);
    await recordAudit(this.database, {
      sellerId: seller?.id ?? null,
      actor: caller.actor,
      action: 'close.downloaded',
      subject: `close:${close.id}`,
      data,
    });
  }
}
