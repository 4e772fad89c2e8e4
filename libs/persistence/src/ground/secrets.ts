import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { PersistenceError } from './database.js';

/** The 32 bytes of METERLINE_SECRET_KEY. */
export type SecretKey = Buffer;

/** METERLINE_SECRET_KEY as it is configured: 32 bytes as 64 hexadecimal digits or in base64. */
export const secretKeySchema = z
  .string()
  .transform((text) => (/^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64')))
  .refine((bytes) => bytes.length === 32, 'must be 32 bytes: 64 hexadecimal digits, or base64');

// First byte of every sealed value. A new algorithm takes the next number, so that old values can still be opened.
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals text with AES-256-GCM: version byte, nonce, tag, ciphertext. `context` is authenticated but not stored: a sealed
 * value moved to another row, or opened for another purpose, does not open.
 */
export function sealSecret(key: SecretKey, text: string, context: string): Uint8Array<ArrayBuffer> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return new Uint8Array(Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), sealed]));
}

/** Opens what `sealSecret` sealed. Throws `secret_does_not_open` under another key or for another context. */
export function openSecret(key: SecretKey, sealed: Uint8Array, context: string): string {
  const bytes = Buffer.from(sealed);
  const nonceEnd = 1 + NONCE_BYTES;
  try {
    if (bytes[0] !== VERSION) throw new Error(`unknown version ${bytes[0]}`);
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, nonceEnd), { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes.subarray(nonceEnd, nonceEnd + TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(nonceEnd + TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch (error) {
    throw new PersistenceError(
      'secret_does_not_open',
      'a sealed secret does not open: METERLINE_SECRET_KEY has changed, or the secret was sealed for something else',
      false,
      { cause: error },
    );
  }
}
