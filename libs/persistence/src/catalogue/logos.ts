import { createHash } from 'node:crypto';
import { recordAudit } from '../ground/audit.js';
import { transaction } from '../ground/database.js';
import type { Catalogue } from '../ground/prisma.js';
import { refusal, type Refusal } from '../ground/refusal.js';

export interface SellerLogo {
  readonly sha256: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/**
 * Gives a seller a logo, or takes it away by null, and answers its sha256. Documents that name an earlier one are drawn with
 * that one for ever: bytes that were kept once stay.
 */
export async function setSellerLogo(
  database: Catalogue,
  actor: string,
  code: string,
  logo: Omit<SellerLogo, 'sha256'> | null,
): Promise<{ sha256: string | null } | Refusal<'seller_not_found'>> {
  const sha256 = logo && createHash('sha256').update(logo.bytes).digest('hex');
  return transaction(database, async (tx) => {
    if (logo) {
      await tx.$executeRaw`
        INSERT INTO logo (sha256, media_type, bytes) VALUES (${sha256}, ${logo.mediaType}, ${Buffer.from(logo.bytes)})
        ON CONFLICT DO NOTHING`;
    }
    const [seller] = await tx.$queryRaw<{ id: string }[]>`
      UPDATE seller SET logo = ${sha256}, updated_at = clock_timestamp() WHERE code = ${code} RETURNING id`;
    if (!seller) return refusal('seller_not_found', `there is no seller with the code ${JSON.stringify(code)}`);
    const subject = `seller:${seller.id}`;
    await recordAudit(tx, { sellerId: seller.id, actor, action: 'seller.logo_changed', subject, data: { sha256 } });
    return { sha256 };
  });
}

/** The logo that the seller has now; undefined where there is no such seller, or none on it. */
export async function findSellerLogo(database: Catalogue, code: string): Promise<SellerLogo | undefined> {
  const [logo] = await database.$queryRaw<SellerLogo[]>`
    SELECT l.sha256, l.media_type AS "mediaType", l.bytes FROM seller s JOIN logo l ON l.sha256 = s.logo WHERE s.code = ${code}`;
  return logo;
}
