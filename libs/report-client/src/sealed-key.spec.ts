import { inspect } from 'node:util';
import { SealedKey } from './sealed-key.js';

const SECRET = 'canary-8f3a+/=';
const key = new SealedKey(SECRET);

it('shows itself nowhere', () => {
  const shown = [
    String(key),
    `${key}`,
    JSON.stringify({ key }),
    inspect({ key }, { showHidden: true, depth: null }),
    inspect(key, { customInspect: false, showHidden: true }),
    JSON.stringify(Object.entries(key)),
    JSON.stringify(structuredClone(key)),
  ];
  for (const text of shown) expect(text).not.toContain('canary');
  expect(String(key)).toBe('[redacted]');
});

it('goes into the request line or the header, and nowhere else', () => {
  const query = { in: 'query', name: 'apikey' } as const;
  const header = { in: 'header', name: 'apikey' } as const;
  const bearer = { in: 'header', name: 'authorization', scheme: 'Bearer' } as const;
  expect(key.authorise('/v1/report', query)).toEqual({ path: '/v1/report?apikey=canary-8f3a%2B%2F%3D', headers: {} });
  expect(key.authorise('/v1/report?of=7', query)).toEqual({
    ...{ path: '/v1/report?of=7&apikey=canary-8f3a%2B%2F%3D', headers: {} },
  });
  expect(key.authorise('/v1/report', header)).toEqual({ path: '/v1/report', headers: { apikey: SECRET } });
  expect(key.authorise('/v1/report', bearer)).toEqual({
    ...{ path: '/v1/report', headers: { authorization: `Bearer ${SECRET}` } },
  });
});

it('is blotted out of a body that quotes it, plain or encoded', () => {
  const body = Buffer.from(`ä: /report?apikey=canary-8f3a%2B%2F%3D says ${SECRET}`);
  expect(key.scrub(body).toString()).toBe('ä: /report?apikey=[redacted] says [redacted]');
});

it.each(['', 'two words', 'line\r\nbreak', 'ключ', 'x'.repeat(513)])('refuses %j without repeating it', (text) => {
  expect(() => new SealedKey(text)).toThrow('printable ASCII');
});
