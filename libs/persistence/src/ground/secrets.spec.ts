import { createDecipheriv } from 'node:crypto';
import { openSecret, sealSecret, secretKeySchema } from './secrets.js';

const key = Buffer.alloc(32, 1);

describe('sealing', () => {
  it('gives back what was sealed, and never the same bytes twice', () => {
    const text = 'a key, ключ, 鍵';
    const sealed = sealSecret(key, text, 'seller:1');
    expect(openSecret(key, sealed, 'seller:1')).toBe(text);
    expect(Buffer.from(sealed).equals(Buffer.from(sealSecret(key, text, 'seller:1')))).toBe(false);
    expect(Buffer.from(sealed).includes(Buffer.from(text))).toBe(false);
  });

  it('is version 1, a nonce of 12 bytes, a tag of 16 and AES-256-GCM over the context', () => {
    const sealed = Buffer.from(sealSecret(key, 'secret', 'context'));
    expect(sealed.length).toBe(1 + 12 + 16 + 'secret'.length);
    expect(sealed[0]).toBe(1);
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 13));
    decipher.setAAD(Buffer.from('context')).setAuthTag(sealed.subarray(13, 29));
    expect(Buffer.concat([decipher.update(sealed.subarray(29)), decipher.final()]).toString()).toBe('secret');
  });

  it.each([
    ['another key', (sealed: Uint8Array) => openSecret(Buffer.alloc(32, 2), sealed, 'seller:1')],
    ['another context', (sealed: Uint8Array) => openSecret(key, sealed, 'seller:2')],
    ['another version', (sealed: Uint8Array) => openSecret(key, Buffer.from(sealed).fill(2, 0, 1), 'seller:1')],
    [
      'a bit turned',
      (sealed: Uint8Array) =>
        openSecret(
          key,
          sealed.map((byte, at) => (at === 29 ? byte ^ 1 : byte)),
          'seller:1',
        ),
    ],
    ['bytes cut off', (sealed: Uint8Array) => openSecret(key, sealed.subarray(0, 20), 'seller:1')],
    ['a tag cut short', (sealed: Uint8Array) => openSecret(key, sealed.subarray(0, 17), 'seller:1')],
    ['nothing', () => openSecret(key, new Uint8Array(), 'seller:1')],
  ])('does not open with %s', (_, open) => {
    const sealed = sealSecret(key, 'secret', 'seller:1');
    expect(() => open(sealed)).toThrow(
      expect.objectContaining({ code: 'secret_does_not_open', retryable: false }) as Error,
    );
  });
});

describe('METERLINE_SECRET_KEY', () => {
  const hex = '00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF';

  it('is 32 bytes, in hexadecimal or base64', () => {
    expect(secretKeySchema.parse(hex).toString('hex')).toBe(hex.toLowerCase());
    expect(secretKeySchema.parse(Buffer.from(hex, 'hex').toString('base64')).toString('hex')).toBe(hex.toLowerCase());
  });

  it.each(['', 'short', hex.slice(2), `${hex}00`])('is not %j', (text) => {
    const parsed = secretKeySchema.safeParse(text);
    expect(parsed.error?.issues.map(({ message }) => message)).toEqual([
      'must be 32 bytes: 64 hexadecimal digits, or base64',
    ]);
  });
});
