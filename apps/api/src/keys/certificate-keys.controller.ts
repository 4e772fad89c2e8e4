import { Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Catalogue, SecretKey } from '#persistence';
import { type CertificateKey, listCertificateKeys, rotateCertificateKey, type Rotation } from '#persistence/closes';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { type Caller, From } from '../access/caller.js';
import { stamp, text } from '../contract.js';
import { Documented } from '../documented.js';
import { DATABASE, SECRET_KEY } from '../ports.js';

const certificateKey = z
  .object({
    id: z.string().meta({ description: 'sha256 over the public key (SPKI, DER).' }),
    algorithm: z.literal('Ed25519'),
    public_key: z.string().meta({ description: 'PEM.' }),
    created_at: stamp,
    retired_at: stamp.nullable(),
  })
  .meta({ id: 'CertificateKey' });

const newRotation = z
  .strictObject({ reason: text(500).meta({ description: 'Why, for the audit.' }) })
  .meta({ id: 'NewCertificateKeyRotation' });

const rotation = z
  .object({
    retired: certificateKey.nullable().meta({ description: 'Null: no certificate was ever signed.' }),
    in_use: certificateKey,
  })
  .meta({ id: 'CertificateKeyRotation' });

/** What certificates of closes are signed with. A private key never leaves the database. */
@ApiTags('certificate keys')
@Controller('v1/certificate-keys')
export class CertificateKeysController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(SECRET_KEY) private readonly secretKey: SecretKey,
  ) {}

  @Get()
  @Access(['read', 'audit'], 'narrowed')
  @Documented('List the public keys that certificates are checked with, retired ones too', {
    200: z.object({ data: z.array(certificateKey) }),
  })
  async list(): Promise<{ data: CertificateKey[] }> {
    return { data: await listCertificateKeys(this.database) };
  }

  @Post('rotate')
  @HttpCode(200)
  @Access('admin')
  @Documented(
    'Retire the key in use for ever and make the next one; certificates signed with a retired key stay valid',
    { 200: rotation },
    { 422: '`invalid_request`' },
  )
  rotate(
    @Body({ schema: newRotation }) { reason }: z.output<typeof newRotation>,
    @From() caller: Caller,
  ): Promise<Rotation> {
    return rotateCertificateKey(this.database, this.secretKey, { actor: caller.actor, reason });
  }
}
