import { createHash, createPublicKey, verify } from 'node:crypto';

/** sha256 in hexadecimal, of a text as UTF-8 or of bytes. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** sha256 of what comes piece by piece. */
export class Sha256 {
  readonly #hash = createHash('sha256');

  update(piece: string | Uint8Array): void {
    this.#hash.update(piece);
  }

  /** Hexadecimal. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** A key that certificates are checked with. */
export interface PublicKey {
  readonly isEd25519: boolean;
  /** sha256 over its DER, hexadecimal. */
  readonly id: string;
  /** The form in which keys are published: SPKI in PEM. */
  readonly pem: string;
  verify(text: string, signature: Uint8Array): boolean;
}

/** Reads a key in PEM. @throws Error when it is no public key */
export function readPublicKey(pem: string): PublicKey {
  const key = createPublicKey(pem);
  return {
    isEd25519: key.asymmetricKeyType === 'ed25519',
    id: sha256(key.export({ type: 'spki', format: 'der' })),
    pem: key.export({ type: 'spki', format: 'pem' }).toString(),
    verify: (text, signature) => verify(null, new TextEncoder().encode(text), key, signature),
  };
}
