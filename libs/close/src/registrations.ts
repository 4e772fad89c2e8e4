import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { answerFault, irnTextOf, isRefusal } from '#e-invoice';
import type { Database, Refusal } from '#persistence';
import { loadSettings } from '#persistence/catalogue';
import {
  keepRegistration,
  loadDocument,
  loadIssued,
  loadRegistration,
  type NewFile,
  type Registration,
  type StoredDocument,
  storeDocument,
} from '#persistence/documents';
import { sha256 } from '#proof';
import type { IssuedInvoice } from '#invoicing';
import type { Renderer } from './issuing.js';

export type RegistrationRefusal =
  | 'invoice_not_found'
  | 'no_inv01'
  | 'portal_key_missing'
  | 'signature_invalid'
  | 'answer_differs'
  | 'already_registered';

/** What e-invoice portals of India answered documents, and the pages that show it. */
export class Registrations {
  readonly #database: Database;
  readonly #renderer: Renderer;

  constructor({ database, renderer }: { database: Database; renderer: Renderer }) {
    this.#database = database;
    this.#renderer = renderer;
  }

  /**
   * Keeps a portal's answer beside the document that it is about, and draws the page with its code; the page that was issued
   * stays as it is. The signatures are verified first, then every claim is compared with the document. The same answer again
   * is answered alike.
   */
  async register(
    invoiceId: string,
    given: Registration,
    actor: string,
  ): Promise<{ readonly isNew: boolean; readonly registration: Registration } | Refusal<RegistrationRefusal>> {
    const document = await loadIssued(this.#database, invoiceId);
    if (!document) return refusal('invoice_not_found', `there is no issued document ${invoiceId}`);
    const keys = ((await loadSettings(this.#database, document.seller))?.irp_public_keys ?? []).map(readRsaKey);
    if (keys.length === 0) {
      const message = `${document.seller} has no key of a portal to verify the answer with; set settings.irp_public_keys`;
      return refusal('portal_key_missing', message);
    }
    const claims: unknown[] = [];
    for (const member of ['signed_qr_code', 'signed_invoice'] as const) {
      const claim = await verifiedClaims(given[member], keys);
      if (claim === undefined) {
        const message = `no key of settings.irp_public_keys of ${document.seller} verifies it as a JWS with RS256`;
        return refusal('signature_invalid', `/${member}: ${message}`, `/${member}`);
      }
      claims.push(claim);
    }
    const [qrCode, invoice] = claims;
    const { irn, ack_no: ackNo, ack_date: ackDate } = given;
    const fault = answerFault(document, { irn, ackNo, ackDate, qrCode, invoice }, sha256(irnTextOf(document)));
    if (fault && isRefusal(fault)) return refusal('no_inv01', `there is no INV-01 of this document: ${fault.message}`);
    if (fault) return refusal('answer_differs', `${fault.pointer} ${fault.message}`, fault.pointer);
    const known = await loadRegistration(this.#database, invoiceId);
    const kept = known
      ? { isNew: false, registration: known }
      : await keepRegistration(this.#database, {
          ...{ invoiceId, registration: given, actor },
          page: await this.#draw(document, given),
        });
    const isSame = (['irn', 'ack_no', 'ack_date'] as const).every(
      (member) => kept.registration[member] === given[member],
    );
    if (isSame) return kept;
    const message = `the document is registered already, by the acknowledgement ${kept.registration.ack_no} of ${kept.registration.ack_date}`;
    return refusal('already_registered', message);
  }

  /** The registration of a document; undefined when there is none. */
  find(invoiceId: string): Promise<Registration | undefined> {
    return loadRegistration(this.#database, invoiceId);
  }

  /** The page that shows the registration of a document: the stored one, or drawn now and stored once. Undefined: not registered. */
  async pdf(invoiceId: string): Promise<StoredDocument | undefined> {
    const stored = await loadDocument(this.#database, invoiceId, 'pdf_irn');
    if (stored) return stored;
    const registration = await loadRegistration(this.#database, invoiceId);
    const document = registration && (await loadIssued(this.#database, invoiceId));
    return document && storeDocument(this.#database, await this.#draw(document, registration));
  }

  async #draw(document: IssuedInvoice, { irn, ack_no, ack_date, signed_qr_code }: Registration): Promise<NewFile> {
    const { pdf, sha256 } = await this.#renderer.render({
      ...document,
      registration: { irn, ack_no, ack_date, signed_qr_code },
    });
    const { layoutVersion: layout } = this.#renderer;
    return { invoiceId: document.id, kind: 'pdf_irn', layout, sha256, bytes: pdf };
  }
}

/** The shortest modulus of RS256 (RFC 7518, 3.3). */
const LEAST_BITS = 2_048;

/**
 * Reads a public key of a portal, in PEM, as a key or as a certificate.
 *
 * @throws Error when it is no RSA key of at least 2048 bits, or a private one
 */
export function readRsaKey(pem: string): KeyObject {
  // A public key would be read out of it, and the settings are shown to operators.
  if (pem.includes('PRIVATE KEY')) throw new Error('must be a public key');
  const key = pem.includes('BEGIN CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= LEAST_BITS) return key;
  throw new Error(`must be an RSA key of at least ${LEAST_BITS} bits`);
}

/**
 * The claims of a JWS in its compact form that one of the keys verifies; undefined when none does. Portals put the claims as a
 * text into the member `data`.
 */
async function verifiedClaims(jws: string, keys: readonly KeyObject[]): Promise<unknown> {
  // Few processes ever verify an answer, so the library is loaded with the first.
  const { compactVerify } = await import('jose');
  for (const key of keys) {
    const payload = await compactVerify(jws, key, { algorithms: ['RS256'] }).then(
      (verified) => verified.payload,
      () => undefined,
    );
    if (payload === undefined) continue;
    return claimsIn(new TextDecoder().decode(payload));
  }
  return undefined;
}

/** Claims of a payload; null where it is no JSON. */
function claimsIn(payload: string): unknown {
  try {
    const claims = JSON.parse(payload) as { data?: unknown };
    if (typeof claims.data === 'string') return JSON.parse(claims.data) as unknown;
    return claims.data ?? claims;
  } catch {
    return null;
  }
}

function refusal(code: RegistrationRefusal, message: string, pointer?: string): Refusal<RegistrationRefusal> {
  return { outcome: 'refused', code, message, ...(pointer !== undefined && { pointer }) };
}
