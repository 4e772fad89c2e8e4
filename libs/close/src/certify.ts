import { canonicalJson } from '#canonical-json';
import type { SecretKey, Transaction } from '#persistence';
import { DocumentAltered, standsAsCertified } from '#persistence/documents';
import {
  certificateFacts,
  findCertificate,
  keepCertificate,
  signingKey,
  type StoredCertificate,
  takeUncertified,
} from '#persistence/closes';
import { certificateOf, type CloseCertificate, sha256, type SignedCertificate } from '#proof';
import { sign } from 'node:crypto';

/**
 * Signs and keeps the next revision of a close's certificate, on a transaction that has the close's row locked.
 *
 * @throws DocumentAltered when a document is not as it was issued, or not as the revision before counted it
 */
export async function certifyClose(tx: Transaction, closeId: string, secretKey: SecretKey): Promise<void> {
  await takeUncertified(tx, closeId);
  const before = await findCertificate(tx, closeId);
  if (before && !(await standsAsCertified(tx, closeId, certificateIn(before)))) {
    const name = `revision ${before.revision}`;
    throw new DocumentAltered({ subject: `close:${closeId}`, part: 'documents', name });
  }
  const facts = await certificateFacts(tx, closeId);
  const key = await signingKey(tx, secretKey);
  const certificate = certificateOf(facts);
  const value = sign(null, Buffer.from(canonicalJson(certificate)), key.privateKey).toString('base64');
  const signed: SignedCertificate = {
    certificate,
    signature: { algorithm: 'Ed25519', key_id: key.id, public_key: key.publicKey, value },
  };
  const document = canonicalJson(signed);
  await keepCertificate(tx, closeId, {
    revision: certificate.revision,
    sha256: sha256(document),
    previousSha256: certificate.previous_sha256,
    keyId: key.id,
    document,
    issuedAt: certificate.issued_at,
  });
}

/** What a stored revision certifies. */
export function certificateIn({ document }: StoredCertificate): CloseCertificate {
  return (JSON.parse(document) as SignedCertificate).certificate;
}
