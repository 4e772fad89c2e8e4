import type { AddressInfo } from 'node:net';
import pg from 'pg';
import request from 'supertest';
import { openDatabase, PATIENCE, readingBounded } from '#persistence';
import { ACME, ADMIN_KEY, startApi, type TestApi } from '../support/api.js';
import { eventually } from '../support/eventually.js';

const READING_MS = 300;

let api: TestApi;

beforeAll(async () => {
  api = await startApi({ limits: { requestsPerMinute: 3, streams: 1 }, readingMs: READING_MS });
  await api.post('/v1/sellers', ACME).expect(201);
});
afterAll(() => api.stop());

async function owner<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: api.ownerUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function newKey(more: object = {}): Promise<{ id: string; key: string; expires_at: string | null }> {
  const { body } = await api.post('/v1/api-keys', { name: 'limited', scopes: ['read'], ...more }).expect(201);
  return body as { id: string; key: string; expires_at: string | null };
}

describe('requests of a key', () => {
  it('beyond its limit are 429 until the minute is over, and the answers before say how many are left', async () => {
    const [{ key }, other] = [await newKey(), await newKey()];
    for (const left of ['2', '1', '0']) {
      const { headers } = await api.get('/v1/sellers', key).expect(200);
      expect(headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': left });
      expect(Number(headers['ratelimit-reset'])).toBeLessThanOrEqual(60);
    }
    const { body, headers } = await api.get('/v1/no-such-path', key).expect(429);
    expect(body).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(headers['retry-after']).toBe(headers['ratelimit-reset']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    // Nobody else is kept out by it, least of all whoever runs the service.
    await api.get('/v1/sellers', other.key).expect(200);
    for (let asked = 0; asked < 5; asked += 1) {
      const admin = await api.get('/v1/sellers').expect(200);
      expect(admin.headers['ratelimit-limit']).toBeUndefined();
    }
  });
});

describe('event streams of a key', () => {
  it('beyond its limit are 429 until one ends', async () => {
    const opened = await api.post('/v1/closes', { seller: 'acme', period: '2026-01', dry_run: true });
    const closeId = (opened.body as { id: string }).id;
    await owner((client) =>
      client.query(`UPDATE close SET state = 'running', finished_at = NULL WHERE id = $1`, [closeId]),
    );
    const patient = await startApi({ beside: api, limits: { requestsPerMinute: 10_000, streams: 1 } });
    await new Promise<void>((done) => patient.server.listen(0, '127.0.0.1', done));
    const { port } = patient.server.address() as AddressInfo;
    const follow = (key: string, signal: AbortSignal) =>
      fetch(`http://127.0.0.1:${port}/v1/closes/${closeId}/progress`, {
        headers: { authorization: `Bearer ${key}` },
        signal,
      });
    const { key } = await newKey();
    const [first, rest] = [new AbortController(), new AbortController()];
    expect((await follow(key, first.signal)).status).toBe(200);
    const second = await follow(key, rest.signal);
    expect(second.status).toBe(429);
    expect(await second.json()).toMatchObject({ code: 'too_many_streams' });
    expect(second.headers.get('retry-after')).not.toBeNull();
    for (let open = 0; open < 3; open += 1) expect((await follow(ADMIN_KEY, rest.signal)).status).toBe(200);
    first.abort();
    await eventually(async () => (await follow(key, rest.signal)).status === 200 || undefined, 60_000);
    rest.abort();
    await patient.stop();
  });
});

describe('a key that expires', () => {
  it('is unknown from then on, by the clock of the database', async () => {
    const { id, key, expires_at } = await newKey({ expires_at: '2999-01-01T00:00:00+01:00' });
    expect(expires_at).toBe('2998-12-31T23:00:00.000Z');
    await api.get('/v1/sellers', key).expect(200);
    await owner((client) =>
      client.query(`UPDATE api_key SET expires_at = clock_timestamp() - interval '1 s' WHERE id = $1`, [id]),
    );
    const { body } = await api.get('/v1/sellers', key).expect(401);
    expect(body).toMatchObject({ code: 'unauthorized', detail: 'this API key is unknown, expired or revoked' });
  });

  it('is not made expired', async () => {
    const past = { name: 'past', scopes: ['read'], expires_at: '2020-01-01T00:00:00Z' };
    const { body } = await api.post('/v1/api-keys', past).expect(422);
    expect(body).toMatchObject({ code: 'expiry_passed', errors: [{ pointer: '/expires_at' }] });
  });
});

describe('two APIs with different METERLINE_ADMIN_KEY', () => {
  it('let in each its own and leave the other alone', async () => {
    const other = 'another-key-of-another-administrator';
    const second = await startApi({ beside: api, adminKey: other });
    const ask = (at: TestApi, key: string) =>
      request(at.server).get('/v1/sellers').set('authorization', `Bearer ${key}`);
    await ask(api, ADMIN_KEY).expect(200);
    await ask(second, other).expect(200);
    await ask(api, other).expect(401);
    await ask(second, ADMIN_KEY).expect(401);
    await second.stop();
    await ask(api, ADMIN_KEY).expect(200);
  });
});

describe('statements that only read', () => {
  it('are given up after their time, those of other work are not', async () => {
    const database = openDatabase(api.serviceUrl, 2, { ...PATIENCE, reading_ms: READING_MS });
    await expect(readingBounded(database, () => database.$queryRaw`SELECT 1 FROM pg_sleep(60)`)).rejects.toMatchObject({
      meta: { driverAdapterError: { cause: { originalCode: '57014' } } },
    });
    expect(await database.$queryRaw`SELECT 1 AS slept FROM pg_sleep(0.6)`).toEqual([{ slept: 1 }]);
    await database.$disconnect();
  });

  it('are answered 503 then', async () => {
    await owner(async (client) => {
      await client.query('BEGIN; LOCK TABLE seller');
      const { body, headers } = await api.get('/v1/sellers').expect(503);
      expect(body).toMatchObject({ code: 'query_too_slow' });
      expect(headers['retry-after']).toBe('5');
      await client.query('COMMIT');
    });
    await api.get('/v1/sellers').expect(200);
  });
});
