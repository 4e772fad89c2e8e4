import type { CloseAccountState } from '#billing';
import { createHash, sign } from 'node:crypto';
import { canonicalJson } from '#canonical-json';
import {
  certificateFacts,
  type CertificateFacts,
  type CertifiedDocuments,
  DocumentAltered,
  findCertificate,
  keepCertificate,
  type SecretKey,
  signingKey,
  standsAsCertified,
  type StoredCertificate,
  takeUncertified,
  type Transaction,
} from '#persistence';

/** The form of the certificates that this version writes. */
export const CERTIFICATE_FORMAT = 'meterline.close-certificate.2';

/** Written before notes stood on certificates and voided periods were billed anew; those that were written stay valid. */
export const FIRST_CERTIFICATE_FORMAT = 'meterline.close-certificate.1';

/** Documents as a certificate names them. */
interface NamedDocuments {
  count: number;
  ranges: CertifiedDocuments['ranges'];
  /** sha256 over a line `<number> <sha256 of the document's canonical JSON>\n` per document, in the order of the ranges. */
  sha256: string;
}

/** What a finished close certifies. Integers and strings only; amounts carry their currency's decimals. */
export interface CloseCertificate {
  format: typeof CERTIFICATE_FORMAT | typeof FIRST_CERTIFICATE_FORMAT;
  /** Counts from 1: one each time the close finishes, and one after notes that came between. */
  revision: number;
  /** sha256 of the revision before; null on the first. */
  previous_sha256: string | null;
  /** The database's clock when the close finished, or when this revision followed a note. */
  issued_at: string;
  close: CertificateFacts['close'];
  accounts: { total: number; by_state: Record<Exclude<CloseAccountState, 'waiting'>, number> };
  /** What the close issued. */
  documents: NamedDocuments & {
    /** Of these, taken back and no longer what their account has. Absent in the first format, when there could be none. */
    replaced?: number;
  };
  totals: CertifiedDocuments['totals'];
  taxes: CertifiedDocuments['taxes'];
  /** What was issued for the close's period by no close: corrections one by one, voids. Absent in the first format. */
  notes?: NamedDocuments & Pick<CertifiedDocuments, 'totals' | 'taxes'>;
  /** Who took back which of the documents, by which of the notes if there was anything to credit, and why. Absent in the first format. */
  voids?: CertificateFacts['voids'];
  holds: CertificateFacts['holds'];
  waivers: CertificateFacts['waivers'];
  usage: CertificateFacts['usage'];
  plans: CertificateFacts['plans'];
  dialects: CertificateFacts['dialects'];
}

/** A certificate with its signature over the canonical JSON of `certificate`. */
export interface SignedCertificate {
  certificate: CloseCertificate;
  signature: {
    algorithm: 'Ed25519';
    /** sha256 over the public key (SPKI, DER), hexadecimal. */
    key_id: string;
    /** PEM, so that a certificate can be checked with nothing else; who it belongs to is for the reader to know. */
    public_key: string;
    /** Base64. */
    value: string;
  };
}

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

const NO_ACCOUNTS: CloseCertificate['accounts']['by_state'] = {
  pending: 0,
  pulling: 0,
  rated: 0,
  drafted: 0,
  issued: 0,
  empty: 0,
  held: 0,
  failed: 0,
};

function certificateOf(facts: CertificateFacts): CloseCertificate {
  const byState = { ...NO_ACCOUNTS, ...facts.states };
  return {
    format: CERTIFICATE_FORMAT,
    revision: (facts.previous?.revision ?? 0) + 1,
    previous_sha256: facts.previous?.sha256 ?? null,
    issued_at: facts.certified_at,
    close: facts.close,
    accounts: { total: total(Object.values(byState)), by_state: byState },
    documents: { ...named(facts.documents), replaced: facts.replaced },
    totals: facts.documents.totals,
    taxes: facts.documents.taxes,
    notes: { ...named(facts.notes), totals: facts.notes.totals, taxes: facts.notes.taxes },
    voids: facts.voids,
    holds: facts.holds,
    waivers: facts.waivers,
    usage: facts.usage,
    plans: facts.plans,
    dialects: facts.dialects,
  };
}

function named({ ranges, sha256 }: CertifiedDocuments): NamedDocuments {
  return { count: total(ranges.map(({ count }) => count)), ranges, sha256 };
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
