import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { isFault, LARGEST_LOGO, readLogo } from '#invoice-pdf';
import type { Catalogue } from '#persistence';
import { findSellerLogo, setSellerLogo } from '#persistence/catalogue';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { atMost, pathCode } from '../contract.js';
import { Documented } from '../documented.js';
import { hasBytes } from '../known-bytes.js';
import { DATABASE } from '../ports.js';
import { accepted, found, Problem } from '../problems/problem.js';

/** Four characters for three bytes. */
const LONGEST_BASE64 = Math.ceil(LARGEST_LOGO / 3) * 4;

const newLogo = z
  .strictObject({
    data: z
      .string()
      .max(LONGEST_BASE64, atMost(LONGEST_BASE64))
      .refine((text) => Buffer.from(text, 'base64').toString('base64') === text, 'must be base64 with its padding')
      .meta({ description: 'The bytes of a PNG, or of an SVG of filled shapes, in base64.' }),
  })
  .meta({ id: 'NewLogo' });

const logo = z.object({ sha256: z.string().nullable() }).meta({ id: 'Logo' });

@ApiTags('sellers')
@Controller('v1/sellers/:code/logo')
export class LogosController {
  constructor(@Inject(DATABASE) private readonly database: Catalogue) {}

  @Put()
  @HttpCode(200)
  @Access('write')
  @Documented(
    'Give a seller a logo, for documents that are drafted from now on; those that have one already keep it',
    { 200: logo },
    { 404: '`seller_not_found`', 422: '`invalid_request`, `logo_refused`' },
  )
  async replace(
    @Param('code', pathCode) code: string,
    @Body({ schema: newLogo }) { data }: z.output<typeof newLogo>,
    @From() caller: Caller,
  ): Promise<z.output<typeof logo>> {
    const bytes = Buffer.from(data, 'base64');
    const read = readLogo(bytes);
    if (isFault(read)) {
      const errors = [{ pointer: '/data', message: read.fault }];
      throw new Problem(422, 'logo_refused', `/data ${read.fault}`, { errors });
    }
    const { mediaType } = read;
    return accepted(await setSellerLogo(this.database, caller.actor, code, { mediaType, bytes }));
  }

  @Delete()
  @HttpCode(200)
  @Access('write')
  @Documented(
    'Take the logo from a seller; documents that have it keep it',
    { 200: logo },
    { 404: '`seller_not_found`' },
  )
  async remove(@Param('code', pathCode) code: string, @From() caller: Caller): Promise<z.output<typeof logo>> {
    return accepted(await setSellerLogo(this.database, caller.actor, code, null));
  }

  @Get()
  @Access('read')
  @Documented(
    'The logo of a seller',
    {
      200: { description: 'the file, with the sha256 of its bytes as ETag', type: 'application/octet-stream' },
      304: { description: 'the caller has these bytes already' },
    },
    { 404: '`not_found`' },
  )
  async read(
    @Param('code', pathCode) code: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile | undefined> {
    const { sha256, mediaType, bytes } = found(await findSellerLogo(this.database, code), 'logo of that seller');
    response.set('cache-control', 'private, no-cache');
    if (hasBytes(request, response, sha256)) return undefined;
    // As a download: an SVG that is opened in a page of this origin could run there.
    response.attachment(mediaType === 'image/png' ? 'logo.png' : 'logo.svg').type('application/octet-stream');
    return new StreamableFile(bytes, { length: bytes.length });
  }
}
