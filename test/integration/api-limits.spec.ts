import { type AddressInfo, connect } from 'node:net';
import pg from 'pg';
import request from 'supertest';
import { PATIENCE, readingBounded } from '#persistence';
import { openCatalogue } from '#persistence/catalogue';
import { ACME, ADMIN_KEY, startApi, type TestApi } from '../support/api.js';
import { eventually } from '../support/eventually.js';

const READING_MS = 300;

let api: TestApi;

beforeAll(async () => {
  api = await startApi({
    limits: { requestsPerMinute: 3, streams: 1, unauthorizedPerMinute: 10_000 },
    readingMs: READING_MS,
  });
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
    const patient = await startApi({
      beside: api,
      limits: { requestsPerMinute: 10_000, streams: 1, unauthorizedPerMinute: 10_000 },
    });
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
    await eventually(async () => (await follow(key, rest.signal)).status === 200 || undefined);
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
    const database = await openCatalogue(api.serviceUrl, 2, { ...PATIENCE, reading_ms: READING_MS });
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

describe('requests without a known key', () => {
  const LIMIT = 4;
  let guarded: TestApi;
  beforeAll(async () => {
    guarded = await startApi({
      beside: api,
      limits: { requestsPerMinute: 10_000, streams: 1, unauthorizedPerMinute: LIMIT },
    });
  });
  afterAll(() => guarded.stop());
  const ask = (key?: string) => {
    const asked = request(guarded.server).get('/v1/sellers');
    return key === undefined ? asked : asked.set('authorization', `Bearer ${key}`);
  };

  it('beyond the limit of their address are 429 before the database is asked, and lock no known key out', async () => {
    const [{ key: known }, { key: new_ }] = [await newKey(), await newKey()];
    await ask(known).expect(200);
    await ask().expect(401);
    for (let asked = 1; asked < LIMIT; asked += 1) await ask(`unknown-${asked}`).expect(401);
    await owner(async (client) => {
      // Whoever asks for a key of the database waits until this ends.
      await client.query('BEGIN; LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE');
      for (const stranger of [undefined, 'unknown-0', 'one-more', new_]) {
        const { body, headers } = await ask(stranger).expect(429);
        expect(body).toMatchObject({ code: 'rate_limited', detail: expect.stringContaining('address') as string });
        expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      }
      await client.query('ROLLBACK');
    });
    for (let asked = 0; asked <= LIMIT; asked += 1) {
      await ask(known).expect(200);
      await ask(ADMIN_KEY).expect(200);
    }
    await request(guarded.server).get('/health/live').expect(200);
    // A key that was revoked is a stranger's from its next request on.
    await owner((client) =>
      client.query('UPDATE api_key SET revoked_at = clock_timestamp() WHERE prefix = left($1, length(prefix))', [
        known,
      ]),
    );
    await ask(known).expect(401);
    await ask(known).expect(429);
  });
});

describe('requests that are too large', () => {
  const ids = (count: number) =>
    Array.from({ length: count }, (_, at) => `01900000-0000-7000-8000-${`${at}`.padStart(12, '0')}`);
  let closeId: string;
  beforeAll(async () => {
    const { body } = await api.post('/v1/closes', { seller: 'acme', period: '2026-02', dry_run: true }).expect(201);
    closeId = (body as { id: string }).id;
  });

  it.each([
    ['a', 256],
    ['a', 8_000],
    ['é', 1],
  ])('an Idempotency-Key of %s × %d', async (letter, times) => {
    const sent = api
      .post('/v1/sellers', ACME)
      .set('idempotency-key', Buffer.from(letter.repeat(times)).toString('latin1'));
    expect((await sent.expect(400)).body).toMatchObject({ code: 'malformed_idempotency_key' });
  });

  it.each([
    ['accounts', 'external_id', 201],
    ['accounts', 'seller', 65],
    ['invoices', 'number', 65],
    ['invoices', 'period', 41],
    ['invoices', 'account', 37],
    ['closes', 'period', 8],
    ['subscriptions', 'plan', 65],
    ['audit-events', 'subject', 4_000],
    ['audit-events', 'action', 4_000],
    ['sellers', 'cursor', 401],
    ['sellers', 'limit', 400],
  ])('a list of %s filtered by %s of %d letters', async (list, filter, letters) => {
    const { body } = await api.get(`/v1/${list}?${filter}=${'9'.repeat(letters)}`).expect(400);
    expect((body as { code: string }).code).toMatch(/^(invalid_query|malformed_cursor)$/);
  });

  it('a filter of entities that is longer than an entity', async () => {
    const made = await api.post('/v1/accounts', { external_id: 'long', seller: 'acme', name: 'Long' }).expect(201);
    const { id } = made.body as { id: string };
    const { body } = await api.get(`/v1/accounts/${id}/entities?value=${'1'.repeat(4_000)}`).expect(400);
    expect(body).toMatchObject({ code: 'invalid_query' });
  });

  it('lists of accounts', async () => {
    const [retry, issue] = [`/v1/closes/${closeId}/retry`, `/v1/closes/${closeId}/issue`];
    const close = { seller: 'acme', period: '2026-02', dry_run: true };
    for (const [path, body] of [
      ['/v1/closes', close],
      [retry, {}],
      [issue, {}],
    ] as const) {
      for (const accounts of [[], ['x']]) {
        expect((await api.post(path, { ...body, accounts }).expect(422)).body).toMatchObject({
          code: 'invalid_request',
        });
      }
    }
    // The reader of bodies counts the entries, for every path alike.
    const tooMany = await api.post(retry, { accounts: ids(100_001) }).expect(400);
    expect(tooMany.body).toMatchObject({ code: 'too_many_entries' });
    const { body: problem } = await api.post(retry, { accounts: Array<string>(100_000).fill('x') }).expect(422);
    expect(problem).toMatchObject({
      code: 'invalid_request',
      detail: expect.stringMatching(/; and 99900 more$/) as string,
    });
    expect((problem as { errors: object[] }).errors).toHaveLength(100);
  });

  it('an address or headers beyond 16 KiB, and what is no HTTP, are problems too', async () => {
    const patient = await startApi({ beside: api });
    await new Promise<void>((done) => patient.server.listen(0, '127.0.0.1', done));
    const { port } = patient.server.address() as AddressInfo;
    /** The last answer to what is sent over one connection, each once there is an answer to the one before. */
    const answered = async ([first, ...further]: readonly [string, ...string[]]) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => void socket.write(first));
        let answer = '';
        socket
          .on('data', (bytes) => {
            answer += bytes.toString();
            const next = answer.endsWith('}') ? further.shift() : undefined;
            if (next === undefined) return;
            answer = '';
            socket.write(next);
          })
          .on('end', () => resolve(answer))
          .on('error', reject);
      });
    const long = 'a'.repeat(17_000);
    const headers = `Host: a\r\nAuthorization: Bearer ${ADMIN_KEY}\r\nIdempotency-Key: ${long}\r\n`;
    for (const [sent, status, code] of [
      [[`GET /v1/sellers?${long} HTTP/1.1\r\nHost: a\r\n\r\n`], 431, 'headers_too_large'],
      [[`GET /v1/sellers HTTP/1.1\r\nHost: a\r\nX-Long: ${long}\r\n\r\n`], 431, 'headers_too_large'],
      [
        ['GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n', `POST /v1/sellers HTTP/1.1\r\n${headers}\r\n`],
        431,
        'headers_too_large',
      ],
      [['\x16\x03\x01 no HTTP at all\r\n\r\n'], 400, 'malformed_request'],
    ] as const) {
      const [head = '', body = ''] = (await answered(sent)).split('\r\n\r\n');
      expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} .*\\r\\nConnection: close\\r\\n`));
      expect(head).toContain('Content-Type: application/problem+json');
      expect(JSON.parse(body)).toMatchObject({ code, status, type: `urn:meterline:problem:${code}` });
    }
    await patient.stop();
  });
});
