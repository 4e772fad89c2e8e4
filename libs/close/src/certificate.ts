import { createHash, sign } from 'node:crypto';
import { canonicalJson } from '#invoicing';
import {
  certificateFacts,
  type CertificateFacts,
  type CloseAccountState,
  keepCertificate,
  type SecretKey,
  signingKey,
  type Transaction,
} from '#persistence';

/** The form of the certificates that this version writes. */
export const CERTIFICATE_FORMAT = 'meterline.close-certificate.2';

/** Written before a voided period could be billed anew; those that were written stay valid. */
export const FIRST_CERTIFICATE_FORMAT = 'meterline.close-certificate.1';

/** What a finished close certifies. Integers and strings only; amounts carry their currency's decimals. */
export interface CloseCertificate {
  format: typeof CERTIFICATE_FORMAT | typeof FIRST_CERTIFICATE_FORMAT;
  /** Counts the times the close has finished, from 1. */
  revision: number;
  /** sha256 of the revision before; null on the first. */
  previous_sha256: string | null;
  /** The database's clock when the close finished. */
  issued_at: string;
  close: Omit<CertificateFacts['close'], 'finished_at'>;
  accounts: { total: number; by_state: Record<CloseAccountState, number> };
  documents: {
    count: number;
    /** Of these, taken back and no longer what their account has. Absent in the first format, when there could be none. */
    replaced?: number;
    ranges: CertificateFacts['ranges'];
    /** sha256 over a line `<number> <sha256 of the document's canonical JSON>\n` per document, in the order of the ranges. */
    sha256: string;
  };
  totals: CertificateFacts['totals'];
  taxes: CertificateFacts['taxes'];
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

/** Signs and keeps the next revision of a close's certificate, on the transaction that finishes the close. */
export async function certifyClose(tx: Transaction, closeId: string, secretKey: SecretKey): Promise<void> {
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

const NO_ACCOUNTS: Readonly<Record<CloseAccountState, number>> = {
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
  const { finished_at, ...close } = facts.close;
  const byState = { ...NO_ACCOUNTS, ...facts.states };
  return {
    format: CERTIFICATE_FORMAT,
    revision: (facts.previous?.revision ?? 0) + 1,
    previous_sha256: facts.previous?.sha256 ?? null,
    issued_at: finished_at,
    close,
    accounts: { total: total(Object.values(byState)), by_state: byState },
    documents: {
      count: total(facts.ranges.map(({ count }) => count)),
      replaced: facts.replaced,
      ranges: facts.ranges,
      sha256: facts.documentsSha256,
    },
    totals: facts.totals,
    taxes: facts.taxes,
    holds: facts.holds,
    waivers: facts.waivers,
    usage: facts.usage,
    plans: facts.plans,
    dialects: facts.dialects,
  };
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
