import { gzipSync } from 'node:zlib';
import { Validator } from '@seriousme/openapi-schema-validator';
import pg from 'pg';
import request from 'supertest';
import { ADMIN_KEY, setUpCatalogue, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
let account: string;

beforeAll(async () => {
  api = await startApi();
  account = await setUpCatalogue(api);
});
afterAll(() => api.stop());

async function keyWith(scopes: string[], bound: string | null = null): Promise<string> {
  const made = await api.post('/v1/api-keys', { name: `${scopes}`, scopes, account: bound }).expect(201);
  return (made.body as { key: string }).key;
}

const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`m${n}`, 1]));

describe('no key, no answer', () => {
  it.each([
    '/v1/sellers',
    '/v1/no-such-path',
    '/openapi.json',
    '/',
    '/health',
    '/metrics',
    '/metrics/',
    '/v1/metrics',
    '/v1/docs/',
  ])('%s is closed', async (path) => {
    const { body, headers, status } = await request(api.server).get(path);
    expect(status).toBe(401);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(headers['www-authenticate']).toBe('Bearer realm="meterline"');
    expect(body).toEqual({
      type: 'urn:meterline:problem:unauthorized',
      title: 'Unauthorized',
      status: 401,
      detail: 'send your API key as "Authorization: Bearer <key>"',
      code: 'unauthorized',
      errors: [],
    });
  });

  it.each(['/health/live', '/health/ready'])('%s is open', async (path) => {
    await request(api.server).get(path).expect(200, { status: 'ok' });
  });

  it.each(['Bearer mtl_unknown', 'Basic dXNlcjpwYXNz', 'Bearer', `bearer ${ADMIN_KEY}x`])(
    'refuses %s',
    async (header) => {
      const { status, headers } = await request(api.server).get('/v1/sellers').set('authorization', header);
      expect(status).toBe(401);
      expect(headers['www-authenticate']).toMatch(/^Bearer realm="meterline"/);
    },
  );

  // An idle connection to nginx's upstreams, and through load balancers of AWS, is kept for 60 s: the server must end it later.
  it('keeps an idle connection longer than a proxy does', async () => {
    const { headers } = await request(api.server).get('/health/live').set('connection', 'keep-alive').expect(200);
    const [, seconds] = /^timeout=(\d+)$/.exec(headers['keep-alive'] ?? '') ?? [];
    expect(Number(seconds)).toBeGreaterThan(60);
  });

  it('takes the scheme in any case', async () => {
    await request(api.server).get('/v1/sellers').set('authorization', `bEaReR ${ADMIN_KEY}`).expect(200);
  });

  it('refuses the body of a caller who may not send it unread', async () => {
    const key = await keyWith(['read']);
    const sent = api.post('/v1/sellers', undefined, key).set('content-type', 'application/json');
    await sent.send('{"code":').expect(403);
    const form = api.post('/v1/sellers', undefined, key).set('content-type', 'text/csv');
    await form.send('code;name').expect(403);
  });

  it('refuses the body of a stranger unread', async () => {
    const { status } = await request(api.server).post('/v1/sellers').set('content-type', 'application/json').send('{');
    expect(status).toBe(401);
  });
});

describe('API keys', () => {
  it('are shown once, kept as a hash, and stop working when revoked', async () => {
    const made = await api.post('/v1/api-keys', { name: 'billing UI', scopes: ['read', 'write'] }).expect(201);
    const { id, key, prefix } = made.body as { id: string; key: string; prefix: string };
    expect(key).toMatch(/^mtl_[0-9A-Za-z]{43}$/);
    expect(key.startsWith(prefix)).toBe(true);
    expect(made.headers['cache-control']).toBe('no-store');
    await api.get('/v1/sellers', key).expect(200);

    const listed = await api.get('/v1/api-keys?limit=200').expect(200);
    expect(JSON.stringify(listed.body)).not.toContain(key);
    const owner = new pg.Client({ connectionString: api.ownerUrl });
    await owner.connect();
    const { rows } = await owner.query<{ row: string }>('SELECT row_to_json(k)::text AS row FROM api_key k');
    await owner.end();
    expect(rows.map(({ row }) => row).join()).not.toContain(key);

    const revoked = await api.delete(`/v1/api-keys/${id}`).expect(200);
    expect(revoked.body).toMatchObject({ id, revoked_at: expect.any(String) as string });
    await api.get('/v1/sellers', key).expect(401);
    await api.delete(`/v1/api-keys/${id}`).expect(200);
  });

  it('of the configuration is never revoked over the API', async () => {
    const { body } = await api.get('/v1/api-keys?limit=1').expect(200);
    const [configured] = (body as { data: { id: string; name: string }[] }).data;
    expect(configured?.name).toBe('METERLINE_ADMIN_KEY');
    const { body: problem } = await api.delete(`/v1/api-keys/${configured?.id}`).expect(409);
    expect(problem).toMatchObject({ code: 'api_key_configured' });
  });

  it('do what their scopes say and nothing else', async () => {
    const seller = { code: 'other', name: 'Other', country: 'DE', currency: 'EUR', time_zone: 'Europe/Berlin' };
    const read = await keyWith(['read']);
    const write = await keyWith(['write']);
    const close = await keyWith(['close']);
    const audit = await keyWith(['audit']);
    const { body } = await api.post('/v1/sellers', seller, read).expect(403);
    expect(body).toMatchObject({ code: 'forbidden', detail: 'this API key lacks the scope "write"' });
    await api.get('/v1/sellers', write).expect(403);
    await api.post('/v1/sellers', seller, write).expect(201);
    await api.post('/v1/closes', { seller: 'other', period: '2026-01' }, write).expect(403);
    await api.post('/v1/closes', { seller: 'other', period: '2026-01' }, close).expect(201);
    await api.get('/v1/audit-events', read).expect(403);
    await api.get('/v1/audit-events', audit).expect(200);
    // What an auditor checks a month by; a document that is not there is not forbidden.
    await api.get('/v1/certificate-keys', audit).expect(200);
    const nothing = '01900000-0000-7000-8000-000000000000';
    for (const path of [`closes/${nothing}/certificate`, `invoices/${nothing}/pdf`, `invoices/${nothing}/evidence`]) {
      await api.get(`/v1/${path}`, audit).expect(404);
    }
    await api.get('/v1/api-keys', audit).expect(403);
  });

  it('bound to an account see that account and nothing else', async () => {
    const other = await api.post('/v1/accounts', { external_id: '1002', seller: 'acme', name: 'Other' }).expect(201);
    const otherId = (other.body as { id: string }).id;
    const key = await keyWith(['read'], account);
    await api.get(`/v1/accounts/${account}`, key).expect(200);
    await api.get(`/v1/accounts/${account}/entities`, key).expect(200);
    await api.get(`/v1/accounts/${otherId}`, key).expect(403);
    await api.get(`/v1/accounts/${otherId}/entities`, key).expect(403);
    const { body } = await api.get('/v1/accounts', key).expect(200);
    expect((body as { data: { id: string }[] }).data.map(({ id }) => id)).toEqual([account]);
    await api.get(`/v1/subscriptions?account=${otherId}`, key).expect(403);
    await api.get(`/v1/invoices?account=${otherId}`, key).expect(403);
    const refused = ['/v1/sellers', '/v1/closes', '/v1/tariff-plans', '/v1/audit-events', '/v1/api-keys'];
    for (const path of refused) await api.get(path, key).expect(403);
  });

  it('bound to an account can only read, and only an account that exists', async () => {
    const { body } = await api.post('/v1/api-keys', { name: 'x', scopes: ['read', 'write'], account }).expect(422);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/scopes' }] });
    const nobody = '01900000-0000-7000-8000-000000000000';
    const unknown = await api.post('/v1/api-keys', { name: 'x', scopes: ['read'], account: nobody }).expect(422);
    expect(unknown.body).toMatchObject({ code: 'account_not_found', errors: [{ pointer: '/account' }] });
  });
});

// Supertest would write bytes as the JSON of a buffer.
const asItIs = (bytes: unknown) => bytes as string;

describe('problems', () => {
  it('404 of a path that is none', async () => {
    const { body, headers } = await api.get('/v1/no-such-path').expect(404);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(body).toMatchObject({ type: 'urn:meterline:problem:not_found', title: 'Not Found', code: 'not_found' });
  });

  it.each(['/v1/accounts/not-an-id', '/v1/tariff-plans/flat/versions/one', '/v1/sellers/%00', '/v1/sellers/nobody'])(
    '404 of %s, which names nothing',
    async (path) => {
      const { body } = await api.get(path).expect(404);
      expect(body).toMatchObject({ code: 'not_found', errors: [] });
    },
  );

  it('400 of a path with a broken percent sign', async () => {
    const { body } = await api.get('/v1/sellers/%FF').expect(400);
    expect(body).toMatchObject({ status: 400, code: 'malformed_request' });
  });

  it.each([
    ['no JSON', '{"code":', 400, 'malformed_json'],
    ['a list', '[]', 400, 'invalid_request'],
    ['a bare text', '"acme"', 400, 'malformed_json'],
    ['text that cannot be stored', '{"code":"a\\u0000"}', 400, 'malformed_json'],
    ['half a surrogate pair', '{"code":"\\ud800"}', 400, 'malformed_json'],
    ['a member given twice', '{"code":"a","code":"b"}', 400, 'duplicate_member'],
    ['a member given twice in two spellings', '{"code":"a","c\\u006fde":"b"}', 400, 'duplicate_member'],
    ['a member given twice further in', '{"code":"a","bank":{"iban":"1","iban":"2"}}', 400, 'duplicate_member'],
    ['a prototype', '{"code":"a","__proto__":{"admin":true}}', 400, 'reserved_member'],
    ['a constructor', '{"bank":[{"constructor":{"prototype":{}}}]}', 400, 'reserved_member'],
    ['33 lists inside each other', `{"code":${'['.repeat(32)}${']'.repeat(32)}}`, 400, 'body_too_deep'],
    ['a million lists inside each other', '['.repeat(1_000_000), 400, 'body_too_deep'],
    ['1,001 members of an object', JSON.stringify(members(1_001)), 400, 'too_many_entries'],
    ['1,000 members of an object', JSON.stringify(members(1_000)), 422, 'invalid_request'],
    ['a million values', `{"code":[${`[${'1,'.repeat(99_999)}1],`.repeat(10)}1]}`, 400, 'too_many_entries'],
    ['32 lists inside each other', `{"code":${'['.repeat(31)}${']'.repeat(31)}}`, 422, 'invalid_request'],
  ])('%s in the body', async (_, sent, status, code) => {
    const { body } = await api.post('/v1/sellers').set('content-type', 'application/json').send(sent).expect(status);
    expect(body).toMatchObject({ status, code });
  });

  it('400 of no body where one is needed, 415 of a form', async () => {
    const { body } = await api.post('/v1/sellers').expect(400);
    expect(body).toMatchObject({ code: 'invalid_request' });
    const form = await api.post('/v1/sellers').type('form').send('code=acme').expect(415);
    expect(form.body).toMatchObject({ code: 'unsupported_media_type' });
  });

  it('names the place of a member that is given twice', async () => {
    const sent = api.post('/v1/api-keys').set('content-type', 'application/json');
    const { body } = await sent.send('{"name":"x","scopes":["read"],"scopes":["admin"]}').expect(400);
    expect(body).toMatchObject({ code: 'duplicate_member', errors: [{ pointer: '/scopes' }] });
  });

  it.each([
    ['bytes that are not UTF-8', 'application/json', 400, 'malformed_utf8'],
    ['another encoding', 'application/json; charset=iso-8859-1', 415, 'unsupported_media_type'],
  ])('%s in the body', async (_, type, status, code) => {
    // "Café" as ISO 8859-1 has it.
    const bytes = Buffer.from('{"code":"cafe","name":"Caf\u00e9","country":"FR"}', 'latin1');
    const { body } = await api
      .post('/v1/sellers')
      .set('content-type', type)
      .serialize(asItIs)
      .send(bytes)
      .expect(status);
    expect(body).toMatchObject({ status, code });
  });

  it('takes a body in UTF-8 that says so, also compressed', async () => {
    const seller = { code: 'cafe', name: 'Caf\u00e9', country: 'FR', currency: 'EUR', time_zone: 'Europe/Paris' };
    const sent = api.post('/v1/sellers').set('content-type', 'application/json; charset=UTF-8');
    const { body } = await sent
      .set('content-encoding', 'gzip')
      .serialize(asItIs)
      .send(gzipSync(JSON.stringify(seller)));
    expect(body).toMatchObject({ code: 'cafe', name: 'Caf\u00e9' });
  });

  it.each(['external_id=%E9', 'external_id=%', 'external_id=%C3%28', '%FF=1'])(
    '400 of the address ?%s',
    async (query) => {
      const { body } = await api.get(`/v1/accounts?${query}`).expect(400);
      expect(body).toMatchObject({ code: 'malformed_request' });
    },
  );

  it.each([
    ['put', '/v1/sellers', 'GET, HEAD, POST'],
    ['post', '/v1/sellers/acme', 'GET, HEAD, PATCH'],
    ['post', '/v1/audit-events', 'GET, HEAD'],
    ['put', '/V1/Sellers/', 'GET, HEAD, POST'],
    ['put', '/v1/closes/01900000-0000-7000-8000-000000000000/retry', 'POST'],
  ] as const)('405 of %s %s, with what is allowed', async (method, path, allow) => {
    const { body, headers } = await api[method](path, {}).expect(405);
    expect(body).toMatchObject({ code: 'method_not_allowed' });
    expect(headers.allow).toBe(allow);
  });

  it('takes letters of either case in an id for the same id, whoever asks', async () => {
    const key = await keyWith(['read'], account);
    for (const path of [`/v1/accounts/${account}`, `/v1/accounts/${account}/entities`]) {
      const { body } = await api.get(path, key).expect(200);
      const shouted = await api.get(path.replace(account, account.toUpperCase()), key).expect(200);
      expect(shouted.body).toEqual(body);
    }
    const { body } = await api.get(`/v1/accounts/${account.toUpperCase()}`).expect(200);
    expect(body).toMatchObject({ id: account });
    const events = await api.get(`/v1/audit-events?subject=account:${account.toUpperCase()}`).expect(200);
    expect((events.body as { data: unknown[] }).data).toHaveLength(1);
  });

  it('tells nothing by a cursor that is not of the list and the caller', async () => {
    const page = await api.get('/v1/api-keys?limit=1').expect(200);
    const cursor = String((page.body as { next_cursor: string }).next_cursor);
    await api.get(`/v1/api-keys?limit=1&cursor=${cursor}`).expect(200);
    const bound = await keyWith(['read'], account);
    const made = Buffer.from(account).toString('base64url');
    const answers = await Promise.all([
      api.get(`/v1/accounts?cursor=${cursor}`),
      api.get(`/v1/accounts?cursor=${cursor}`, bound),
      api.get(`/v1/accounts?cursor=${made}`, bound),
      api.get('/v1/accounts?cursor=!', bound),
      api.get(`/v1/api-keys?cursor=${cursor.slice(0, -1)}`),
    ]);
    for (const { status, body } of answers) {
      expect(status).toBe(400);
      expect(body).toEqual(answers[0]?.body);
    }
    expect(answers[0]?.body).toMatchObject({ code: 'malformed_cursor' });
  });

  it('413 of a body beyond the limit', async () => {
    const { body } = await api.post('/v1/sellers', { name: 'x'.repeat(9 * 1024 * 1024) }).expect(413);
    expect(body).toMatchObject({ code: 'body_too_large' });
  });

  it('422 names every fault with its pointer', async () => {
    const { body } = await api
      .post('/v1/sellers', {
        code: '-bad',
        name: '',
        country: 'Germany',
        currency: 'DEM',
        time_zone: '+01:00',
        fiscal_year_start: 13,
        colour: 'red',
        report_api: { base_url: 'ftp://example.com', 'a/b': 1 },
        address: { line1: 'x', country: 'DE' },
      })
      .expect(422);
    const { errors, code } = body as { errors: { pointer: string; message: string }[]; code: string };
    expect(code).toBe('invalid_request');
    expect(Object.fromEntries(errors.map(({ pointer, message }) => [pointer, message]))).toEqual({
      '/code': 'must be 1 to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit',
      '/name': 'must not be empty',
      '/country': 'must be an ISO 3166-1 country code of two letters such as "DE"',
      '/currency': 'must be an active ISO 4217 currency code such as "EUR"',
      '/time_zone': 'must be an IANA time zone such as "Europe/Berlin"',
      '/fiscal_year_start': 'must be at most 12',
      '/colour': 'is not a member that is known here',
      '/report_api/base_url':
        'must be https://host[:port][/path], with no user, query or fragment; the key has a member of its own',
      '/report_api/a~1b': 'is not a member that is known here',
      '/address/city': 'is required and must be a string',
    });
  });

  it.each(['limit=0', 'limit=201', 'limit=x', 'limit=1&limit=2', 'limti=1', 'cursor=!', 'cursor=AAA'])(
    '400 of the query %s',
    async (query) => {
      const { body } = await api.get(`/v1/accounts?${query}`).expect(400);
      expect((body as { code: string }).code).toMatch(/^(invalid_query|malformed_cursor)$/);
    },
  );

  it('500 says nothing of the inside, and the log nothing of the row', async () => {
    const owner = new pg.Client({ connectionString: api.ownerUrl });
    await owner.connect();
    await owner.query('ALTER TABLE entity ADD CONSTRAINT broken_for_a_test CHECK (value <> $$491700000001$$)');
    const entity = { dimension: 'msisdn', value: '491700000001' };
    const { body, headers } = await api.post(`/v1/accounts/${account}/entities`, entity).expect(500);
    await owner.query('ALTER TABLE entity DROP CONSTRAINT broken_for_a_test');
    await owner.end();
    expect(body).toEqual({
      type: 'urn:meterline:problem:internal_error',
      title: 'Internal Server Error',
      status: 500,
      detail: 'something went wrong on our side; the request id leads to the log',
      code: 'internal_error',
      errors: [],
    });
    const requestId = headers['x-request-id'] ?? '';
    expect(api.log.filter((line) => line.includes(requestId) && line.includes('broken_for_a_test'))).toHaveLength(1);
    expect(api.log.join('')).not.toContain('491700000001');
  });
});

describe('the log', () => {
  it('holds no key, no query and no body', async () => {
    await api.get('/v1/accounts?external_id=secret-customer').expect(200);
    await api.post('/v1/sellers', {
      code: 'acme',
      name: 'secret-body',
      country: 'US',
      currency: 'USD',
      time_zone: 'UTC',
    });
    const log = api.log.join('');
    expect(log).toContain('"path":"/v1/accounts"');
    for (const secret of [ADMIN_KEY, 'Bearer', 'secret-customer', 'secret-body', 'mtl_']) {
      expect(log).not.toContain(secret);
    }
  });
});

describe('the documentation', () => {
  type Operation = { method: 'get' | 'post' | 'put' | 'patch' | 'delete'; path: string; body: boolean };
  type Paths = Record<string, Record<string, { requestBody?: object }>>;

  /** Every operation that is documented, on ids that nothing has. */
  async function operations(): Promise<Operation[]> {
    const { body } = await api.get('/openapi.json').expect(200);
    const { paths } = body as { paths: Paths };
    const found = Object.entries(paths).flatMap(([path, each]) =>
      Object.entries(each).map(([method, { requestBody }]) => ({
        method: method as Operation['method'],
        path: path.replaceAll(/\{\w+\}/g, '01900000-0000-7000-8000-000000000000'),
        body: requestBody !== undefined,
      })),
    );
    expect(found.length).toBeGreaterThan(50);
    return found;
  }

  // `api` holds each answer against the document by itself: one whose status is not there fails.
  it('knows of every operation that a stranger is refused', async () => {
    const closed = (await operations()).filter(({ path }) => !path.startsWith('/health/'));
    expect(closed.map(({ path }) => path)).toContain('/metrics');
    for (const { method, path } of closed) {
      const { status } = await api[method](path, {} as never, 'mtl_of_a_stranger');
      expect([method, path, status]).toEqual([method, path, 401]);
    }
  });

  it('knows of every operation with a body that another type and too long a body are refused', async () => {
    const taking = (await operations()).filter(({ body }) => body);
    expect(taking.length).toBeGreaterThan(20);
    // Larger than any body may be once it is unpacked.
    const blanks = gzipSync(Buffer.alloc(9 * 1024 * 1024, ' '));
    for (const { method, path } of taking) {
      const form = await api[method](path, undefined as never)
        .type('form')
        .send('code=acme');
      expect([method, path, form.status]).toEqual([method, path, 415]);
      const long = await api[method](path, undefined as never)
        .set({ 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .serialize(asItIs)
        .send(blanks);
      expect([method, path, long.status]).toEqual([method, path, 413]);
    }
  });

  it('is a valid OpenAPI document', async () => {
    const { body } = await api.get('/openapi.json').expect(200);
    const validator = new Validator();
    const checked = await validator.validate(body as Record<string, unknown>);
    expect(checked.errors ?? []).toEqual([]);
    expect(checked.valid).toBe(true);
    // Throws for a reference that leads nowhere.
    validator.resolveRefs();
    expect((body as { openapi: string }).openapi).toBe('3.1.0');
  });

  it('lists every route that the application answers', async () => {
    const { body } = await api.get('/openapi.json').expect(200);
    const listed = Object.entries((body as { paths: Record<string, object> }).paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const answered = api.routes.map((route) => route.replaceAll(/:(\w+)/g, '{$1}'));
    const ofThePage = /^GET \/(docs|openapi\.json)/;
    expect(listed.sort()).toEqual([...new Set(answered)].filter((route) => !ofThePage.test(route)).sort());
    expect(listed).toContain('POST /v1/closes');
    expect(listed).toContain('GET /v1/invoices/{id}/pdf');
  });

  it('is shown by a page that is open and holds nothing of it', async () => {
    const page = await request(api.server).get('/docs').expect(200);
    expect(page.text).toContain('swagger-ui');
    for (const script of page.text.matchAll(/src="([^"]+)"|src='([^']+)'/g)) {
      const path = new URL(script[1] ?? script[2] ?? '', 'http://here/docs').pathname;
      const { text } = await request(api.server).get(path).expect(200);
      expect(text).not.toContain('/v1/sellers');
    }
  });
});
