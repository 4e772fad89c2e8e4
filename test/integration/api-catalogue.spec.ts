import pg from 'pg';
import { loadAccess, reportAccess } from '#persistence/catalogue';
import { ACME, FLAT_PLAN, SECRET_KEY, setUpCatalogue, startApi, type TestApi } from '../support/api.js';
import { issueOne } from '../support/issued-invoice.js';

let api: TestApi;
/** An account of Acme with nothing billed. */
let account: string;
/** An account of Acme whose June 2026 is invoiced, on the flat plan from 2026-01-01. */
let billed: string;

beforeAll(async () => {
  api = await startApi();
  account = await setUpCatalogue(api);
  billed = await newAccount('2001');
  await api.post('/v1/tariff-plans', { ...FLAT_PLAN, code: 'second' }).expect(201);
  await api.post('/v1/tariff-plans/second/versions/1/publish').expect(200);
  await api.post('/v1/subscriptions', { account: billed, plan: 'flat', starts_at: '2026-01-01' }).expect(201);
  await api.put(`/v1/accounts/${billed}/entities`, { entities: [site('A'), site('B')] }).expect(200);
  await issueOne(api.ownerUrl, { seller: 'acme', accountId: billed, period: '2026-06', amount: '499.00' });
});
afterAll(() => api.stop());

async function newAccount(external_id: string, seller = 'acme', more: object = {}): Promise<string> {
  const { body } = await api.post('/v1/accounts', { external_id, seller, name: external_id, ...more }).expect(201);
  return (body as { id: string }).id;
}

function site(value: string, more: object = {}): object {
  return { dimension: 'customer_site_id', value, ...more };
}

interface ListedEntity {
  id: string;
  value: string;
  name: string | null;
  active_from: string | null;
  active_until: string | null;
}

async function entitiesOf(id: string): Promise<ListedEntity[]> {
  const { body } = await api.get(`/v1/accounts/${id}/entities?limit=200`).expect(200);
  return (body as { data: ListedEntity[] }).data;
}

/** Asks the database as its owner. */
async function owner<T extends object>(sql: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: api.ownerUrl });
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

describe('sellers', () => {
  it('are created with defaults, read, changed and listed', async () => {
    const created = await api.post('/v1/sellers', { ...ACME, code: 'nimbus', payable_rounding: '1' }).expect(201);
    expect(created.headers.location).toBe('/v1/sellers/nimbus');
    expect(created.body).toMatchObject({
      code: 'nimbus',
      invoice_prefix: 'INV',
      fiscal_year_start: 1,
      number_start: 1,
      rounding: 'half_up',
      payable_rounding: '1',
      payment_terms_days: 30,
      settle_hours: null,
      edge_policy: 'own_by_start',
      address: { ...ACME.address, line2: null },
      report_api: { base_url: null, dialect: null, strict: false, has_api_key: false },
    });
    const changed = await api
      .patch('/v1/sellers/nimbus', { settle_hours: 0, report_api: { strict: true } })
      .expect(200);
    expect(changed.body).toMatchObject({
      settle_hours: 0,
      name: ACME.name,
      report_api: { strict: true, base_url: null },
    });
    const read = await api.get('/v1/sellers/nimbus').expect(200);
    expect(read.body).toEqual(changed.body);
    const again = await api.post('/v1/sellers', { ...ACME, code: 'nimbus' }).expect(409);
    expect(again.body).toMatchObject({ code: 'seller_exists', errors: [{ pointer: '/code' }] });
    await api.patch('/v1/sellers/nobody', { name: 'x' }).expect(404);
    await api.patch('/v1/sellers/nimbus', { code: 'other' }).expect(422);
  });

  it('may not number documents as the law of their country forbids', async () => {
    const india = { ...ACME, code: 'kaveri', country: 'IN', currency: 'INR' };
    // INVOI-2026-000001 has 17 characters; CGST rule 46 (b) allows 16.
    const long = await api.post('/v1/sellers', { ...india, invoice_prefix: 'INVOI' }).expect(422);
    expect(long.body).toMatchObject({ code: 'number_not_legal', errors: [{ pointer: '/invoice_prefix' }] });
    await api.post('/v1/sellers', { ...india, invoice_prefix: 'INVO' }).expect(201);
    for (const change of [{ invoice_prefix: 'INVOI' }, { number_start: 1_000_000 }]) {
      const { body } = await api.patch('/v1/sellers/kaveri', change).expect(422);
      expect(body).toMatchObject({ code: 'number_not_legal' });
    }
    await api.patch('/v1/sellers/kaveri', { invoice_prefix: 'INV', number_start: 1_000_000 }).expect(200);
    await api.patch('/v1/sellers/kaveri', { country: 'NL', invoice_prefix: 'INVOICES' }).expect(200);
    await api.patch('/v1/sellers/kaveri', { country: 'IN' }).expect(422);
  });

  it('of the same code at once: one is created, the others refused', async () => {
    const attempts = await Promise.all(
      Array.from({ length: 5 }, () => api.post('/v1/sellers', { ...ACME, code: 'race' })),
    );
    expect(attempts.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
  });
});

describe('a dialect of the report API', () => {
  const withDialect = (code: string, dialect: unknown) =>
    api.post('/v1/sellers', { ...ACME, code, report_api: { dialect } });

  it('is kept as it was given, and may be but a name', async () => {
    const partial = { label: 'end', chunk_days: { SLOT: 1 } };
    const { body } = await withDialect('partly', partial).expect(201);
    expect(body.report_api.dialect).toEqual(partial);
    const named = await withDialect('named', 'alef-v1-2022').expect(201);
    expect(named.body.report_api.dialect).toEqual({ name: 'alef-v1-2022' });
  });

  it.each([
    [{ label: 'middle' }, '/report_api/dialect/label'],
    [{ labels: 'end' }, '/report_api/dialect/labels'],
    [{ chunk_days: { SLOT: 0 } }, '/report_api/dialect/chunk_days/SLOT'],
    ['alef-v9', '/report_api/dialect'],
  ])('%j is refused where it is written, not when a close reads it', async (dialect, pointer) => {
    const { body } = await withDialect('wrongly', dialect).expect(422);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
    const changed = await api.patch('/v1/sellers/partly', { report_api: { dialect } }).expect(422);
    expect(changed.body).toMatchObject({ errors: [{ pointer }] });
  });
});

describe('report API keys', () => {
  const configured = { baseUrl: 'https://report.example', apiKey: 'configured-key' };
  const own = { base_url: 'https://vendor.example/api', api_key: 'seller-secret-key' };

  beforeAll(() => api.post('/v1/sellers', { ...ACME, code: 'keyed', report_api: own }).expect(201));

  it('are write-only and sealed', async () => {
    const read = await api.get('/v1/sellers/keyed').expect(200);
    expect(read.body).toMatchObject({ report_api: { base_url: own.base_url, has_api_key: true } });
    expect(read.text).not.toContain(own.api_key);
    const rows = await owner<{ row: string }>('SELECT row_to_json(s)::text AS row FROM seller s');
    const hex = Buffer.from(own.api_key).toString('hex');
    expect(rows.map(({ row }) => row).join()).not.toMatch(new RegExp(`${own.api_key}|${hex}`));
    expect(api.log.join('')).not.toContain(own.api_key);
  });

  it('hold no blanks, at either door', async () => {
    for (const key of ['a key', ' key', 'key\n', 'schlüssel', '']) {
      const seller = await api.patch('/v1/sellers/keyed', { report_api: { api_key: key } }).expect(422);
      expect(seller.body).toMatchObject({ errors: [{ pointer: '/report_api/api_key' }] });
      const body = { external_id: 'blank', seller: 'acme', name: 'Blank', report_api_key: key };
      const account = await api.post('/v1/accounts', body).expect(422);
      expect(account.body).toMatchObject({ errors: [{ pointer: '/report_api_key' }] });
    }
  });

  it.each(['http://vendor.example', 'https://10.0.0.1', 'https://169.254.169.254/latest', 'https://localhost:9'])(
    'go to no address that nobody allowed: %s',
    async (base_url) => {
      for (const answer of [
        await api.patch('/v1/sellers/keyed', { report_api: { base_url } }),
        await api.post('/v1/sellers', { ...ACME, code: 'inward', report_api: { base_url } }),
      ]) {
        expect([answer.status, answer.body as object]).toMatchObject([
          422,
          { code: 'address_not_permitted', errors: [{ pointer: '/report_api/base_url' }] },
        ]);
      }
    },
  );

  it.each(['http://', 'http://127.0.0.1:99999', 'http://xn--a:1', 'https://a:b@vendor.example'])(
    'go to no address that is none: %s',
    async (base_url) => {
      const { body } = await api.patch('/v1/sellers/keyed', { report_api: { base_url } }).expect(422);
      expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/report_api/base_url' }] });
    },
  );

  it('go to the origin they came with and to no other', async () => {
    const id = await newAccount('k1', 'keyed');
    const access = async () => reportAccess(await loadAccess(api.database, id), SECRET_KEY, configured);
    expect(await access()).toMatchObject({ baseUrl: own.base_url, apiKey: own.api_key });

    const moved = await api
      .patch('/v1/sellers/keyed', { report_api: { base_url: 'https://evil.example' } })
      .expect(422);
    expect(moved.body).toMatchObject({ code: 'report_api_key_needed', errors: [{ pointer: '/report_api/api_key' }] });
    // Whoever writes past the service still gets no key out.
    await owner(`UPDATE seller SET report_api = '{"base_url": "https://evil.example"}' WHERE code = 'keyed'`);
    await expect(access()).rejects.toMatchObject({ code: 'secret_does_not_open' });
    await owner(`UPDATE seller SET report_api_key = NULL WHERE code = 'keyed'`);
    await expect(access()).rejects.toMatchObject({ code: 'report_api_key_missing' });

    const fresh = { base_url: 'https://new.example', api_key: 'new-key' };
    await api.patch('/v1/sellers/keyed', { report_api: fresh }).expect(200);
    expect(await access()).toMatchObject({ baseUrl: fresh.base_url, apiKey: fresh.api_key });
  });

  it('of an account go before its seller’s, and the configured one is the last', async () => {
    const id = await newAccount('k2', 'acme', { report_api_key: 'account-secret-key' });
    const read = await api.get(`/v1/accounts/${id}`).expect(200);
    expect(read.text).not.toContain('account-secret-key');
    expect(read.body).toMatchObject({ has_report_api_key: true });
    expect(reportAccess(await loadAccess(api.database, id), SECRET_KEY, configured)).toMatchObject({
      baseUrl: configured.baseUrl,
      apiKey: 'account-secret-key',
    });
    await api.patch(`/v1/accounts/${id}`, { report_api_key: null }).expect(200);
    expect(reportAccess(await loadAccess(api.database, id), SECRET_KEY, configured)).toMatchObject({
      apiKey: 'configured-key',
    });
  });
});

describe('accounts', () => {
  it('take currency and zone of their seller, and are found by external id and seller', async () => {
    await api.post('/v1/sellers', {
      ...ACME,
      code: 'bharat',
      country: 'IN',
      currency: 'INR',
      time_zone: 'Asia/Kolkata',
    });
    const id = await newAccount('007', 'bharat', { taxes: [{ name: 'CGST', category: 'S', rate: '9' }] });
    const found = await api.get('/v1/accounts?external_id=007&seller=bharat').expect(200);
    expect(found.body).toMatchObject({
      data: [{ id, external_id: '007', seller: 'bharat', currency: 'INR', time_zone: 'Asia/Kolkata' }],
      next_cursor: null,
    });
    const none = await api.get('/v1/accounts?external_id=007&seller=acme').expect(200);
    expect(none.body).toEqual({ data: [], next_cursor: null });
  });

  it('have taxes whose rate is that of their category, and each once', async () => {
    const vat = { name: 'VAT', category: 'S', rate: '21' };
    const id = await newAccount('taxed', 'acme', { taxes: [vat, { ...vat, category: 'AE', rate: '0' }] });
    const body = { external_id: 'taxed-2', seller: 'acme', name: 'Taxed' };
    for (const [taxes, pointer] of [
      [[{ ...vat, category: 'AE' }], '/taxes/0/rate'],
      [[vat, { ...vat, category: 'Z' }], '/taxes/1/rate'],
      [[{ ...vat, rate: '0' }], '/taxes/0/rate'],
      [[vat, { ...vat, name: 'ＶＡＴ ' }], '/taxes/1/name'],
      [[{ ...vat, valid_from: '2026-01-02', valid_until: '2026-01-01' }], '/taxes/0/valid_until'],
      [[{ ...vat, component_of: 'vat' }], '/taxes/0/component_of'],
    ] as const) {
      for (const answer of [
        await api.post('/v1/accounts', { ...body, taxes }),
        await api.patch(`/v1/accounts/${id}`, { taxes }),
      ]) {
        expect([answer.status, answer.body]).toMatchObject([422, { code: 'invalid_request', errors: [{ pointer }] }]);
      }
    }
    expect((await api.get(`/v1/accounts/${id}`).expect(200)).body).toMatchObject({ taxes: [vat, { category: 'AE' }] });
  });

  it('are unique by external id within a seller', async () => {
    const body = { external_id: '1001', seller: 'acme', name: 'again' };
    const taken = await api.post('/v1/accounts', body).expect(409);
    expect(taken.body).toMatchObject({ code: 'external_id_taken', errors: [{ pointer: '/external_id' }] });
    const unknown = await api.post('/v1/accounts', { ...body, seller: 'nobody' }).expect(422);
    expect(unknown.body).toMatchObject({ code: 'unknown_seller', errors: [{ pointer: '/seller' }] });
  });

  it.each([
    ['a rate that is a number', { rate: 19 }, '/taxes/0/rate'],
    ['a rate above 100 %', { rate: '100.1' }, '/taxes/0/rate'],
    ['a category that is none', { category: 'X' }, '/taxes/0/category'],
    ['a date that is none', { valid_from: '2026-02-30' }, '/taxes/0/valid_from'],
  ])('refuse a tax with %s', async (_, wrong, pointer) => {
    const taxes = [{ name: 'VAT', category: 'S', rate: '19', ...wrong }];
    const { body } = await api.patch(`/v1/accounts/${account}`, { taxes }).expect(422);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
  });

  it('are written to in one of eleven languages, and no other', async () => {
    const languages = ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'pl', 'hi', 'ja', 'ar'];
    for (const path of [`/v1/accounts/${account}`, '/v1/sellers/acme']) {
      expect((await api.get(path).expect(200)).body.language).toBeNull();
      for (const language of languages) {
        expect((await api.patch(path, { language }).expect(200)).body.language).toBe(language);
      }
      for (const language of ['sv', 'DE', 'de-AT', '']) {
        const { body } = await api.patch(path, { language }).expect(422);
        expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/language' }] });
        expect(body.errors[0].message).toContain(languages.join(', '));
      }
      expect((await api.patch(path, { language: null }).expect(200)).body.language).toBeNull();
    }
  });

  it('freeze currency, zone and seller with their first invoice', async () => {
    for (const change of [{ currency: 'EUR' }, { time_zone: 'Europe/Berlin' }, { seller: 'bharat' }]) {
      const { body } = await api.patch(`/v1/accounts/${billed}`, change).expect(409);
      expect(body).toMatchObject({ code: 'account_frozen', errors: [{ pointer: `/${Object.keys(change)[0]}` }] });
    }
    const same = { currency: 'USD', time_zone: 'UTC', seller: 'acme', name: 'Renamed' };
    const { body } = await api.patch(`/v1/accounts/${billed}`, same).expect(200);
    expect(body).toMatchObject(same);
  });

  it('cut their entities anew when their zone changes before that', async () => {
    const id = await newAccount('moved');
    await api.post(`/v1/accounts/${id}/entities`, site('M', { active_from: '2026-07-01' })).expect(201);
    await api.patch(`/v1/accounts/${id}`, { time_zone: 'Asia/Kolkata' }).expect(200);
    const [row] = await owner<{ active: string }>(
      `SELECT tstzrange(lower(active) AT TIME ZONE 'UTC' AT TIME ZONE 'UTC', NULL)::text AS active,
              extract(epoch FROM lower(active))::text AS epoch FROM entity WHERE account_id = $1`,
      [id],
    );
    // 2026-07-01T00:00+05:30 = 2026-06-30T18:30Z
    expect(row).toMatchObject({ epoch: '1782844200.000000' });
  });

  it('keep the currency of the plans they subscribe to', async () => {
    const id = await newAccount('subscribed');
    await api.post('/v1/subscriptions', { account: id, plan: 'flat', starts_at: '2026-03-01' }).expect(201);
    const { body } = await api.patch(`/v1/accounts/${id}`, { currency: 'EUR' }).expect(422);
    expect(body).toMatchObject({ code: 'currency_mismatch', errors: [{ pointer: '/currency' }] });
  });

  it('are listed page by page, each once', async () => {
    await api.post('/v1/sellers', { ...ACME, code: 'paged' }).expect(201);
    const ids: string[] = [];
    for (let n = 0; n < 7; n += 1) ids.push(await newAccount(`p${n}`, 'paged'));
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const next = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = await api.get(`/v1/accounts?seller=paged&limit=3${next}`).expect(200);
      const { data, next_cursor } = page.body as { data: { id: string }[]; next_cursor: string | null };
      expect(data.length).toBeLessThanOrEqual(3);
      seen.push(...data.map(({ id }) => id));
      cursor = next_cursor;
    }
    expect(seen).toEqual(ids);
  });
});

describe('entities', () => {
  it('keep leading zeros and are registered one by one', async () => {
    const id = await newAccount('e1');
    const entity = { dimension: 'msisdn', value: '0049170', name: 'Truck 1', active_from: '2026-02-01' };
    const { body } = await api.post(`/v1/accounts/${id}/entities`, entity).expect(201);
    expect(body).toMatchObject({ ...entity, account: id, active_until: null });
    const found = await api.get(`/v1/accounts/${id}/entities?dimension=msisdn&value=0049170`).expect(200);
    expect((found.body as { data: unknown[] }).data).toEqual([body]);
  });

  it('have a value that one account of a seller holds at a time', async () => {
    const first = await newAccount('e2');
    const second = await newAccount('e3');
    const until = { active_until: '2026-04-01' };
    await api.post(`/v1/accounts/${first}/entities`, site('SHARED', until)).expect(201);
    const taken = await api
      .post(`/v1/accounts/${second}/entities`, site('SHARED', { active_from: '2026-03-31' }))
      .expect(409);
    expect(taken.body).toMatchObject({ code: 'entity_taken', errors: [{ pointer: '/value' }] });
    await api.post(`/v1/accounts/${second}/entities`, site('SHARED', { active_from: '2026-04-01' })).expect(201);
    const elsewhere = await newAccount('e4', 'bharat');
    await api.post(`/v1/accounts/${elsewhere}/entities`, site('SHARED')).expect(201);
  });

  it('are replaced as a set: same registrations keep their id, absent ones go', async () => {
    const id = await newAccount('e5');
    const set = (entities: object[]) => api.put(`/v1/accounts/${id}/entities`, { entities });
    await set([
      site('R1'),
      site('R2', { active_until: '2026-03-01' }),
      site('R2', { active_from: '2026-05-01' }),
    ]).expect(200, {
      registered: 3,
      changed: 0,
      ended: 0,
      removed: 0,
    });
    const before = await entitiesOf(id);
    await set([site('R1', { name: 'Head office' }), site('R2', { active_until: '2026-04-01' }), site('R3')]).expect(
      200,
      {
        registered: 1,
        changed: 2,
        ended: 0,
        removed: 1,
      },
    );
    const after = await entitiesOf(id);
    expect(after.map(({ value, name, active_until }) => [value, name, active_until])).toEqual([
      ['R1', 'Head office', null],
      ['R2', null, '2026-04-01'],
      ['R3', null, null],
    ]);
    expect(after.slice(0, 2).map((entity) => entity.id)).toEqual(before.slice(0, 2).map((entity) => entity.id));
  });

  it('are replaced wholly or not at all', async () => {
    const id = await newAccount('e6');
    await api.put(`/v1/accounts/${id}/entities`, { entities: [site('X1')] }).expect(200);
    // A is held by the billed account since ever.
    const taken = await api
      .put(`/v1/accounts/${id}/entities`, { entities: [site('X2'), site('X3'), site('A')] })
      .expect(409);
    expect(taken.body).toMatchObject({ code: 'entity_taken', errors: [{ pointer: '/entities/2/value' }] });
    const twice = await api.put(`/v1/accounts/${id}/entities`, { entities: [site('X2'), site('X2')] }).expect(409);
    expect(twice.body).toMatchObject({ errors: [{ pointer: '/entities/1/value' }] });
    expect((await entitiesOf(id)).map(({ value }) => value)).toEqual(['X1']);
  });

  it('that were billed are ended where the last issued period ends, not removed', async () => {
    await api.put(`/v1/accounts/${billed}/entities`, {
      entities: [site('A'), site('NEW', { active_from: '2026-07-01' })],
    });
    expect((await entitiesOf(billed)).map(({ value, active_until }) => [value, active_until])).toEqual([
      ['A', null],
      ['B', '2026-07-01'],
      ['NEW', null],
    ]);
    // Registered after the issued period: never billed, so it may go.
    const { body } = await api.put(`/v1/accounts/${billed}/entities`, {
      entities: [site('A'), site('B', { active_until: '2026-07-01' })],
    });
    expect(body).toEqual({ registered: 0, changed: 0, ended: 0, removed: 1 });
  });

  it('are ended by date', async () => {
    const id = await newAccount('e7');
    const { body } = await api.post(`/v1/accounts/${id}/entities`, site('Z')).expect(201);
    const path = `/v1/accounts/${id}/entities/${(body as { id: string }).id}`;
    const ended = await api.patch(path, { active_until: '2026-10-17' }).expect(200);
    expect(ended.body).toMatchObject({ value: 'Z', active_from: null, active_until: '2026-10-17' });
    const empty = await api.patch(path, { active_from: '2026-10-17' }).expect(422);
    expect(empty.body).toMatchObject({ code: 'empty_range' });
    await api.patch(`/v1/accounts/${account}/entities/${(body as { id: string }).id}`, { name: 'x' }).expect(404);
  });

  it('of 10,000 subscribers are registered in one request', async () => {
    const id = await newAccount('e8');
    const entities = Array.from({ length: 10_000 }, (_, n) => ({
      dimension: 'imsi',
      value: `00101${`${n}`.padStart(10, '0')}`,
    }));
    await api.put(`/v1/accounts/${id}/entities`, { entities }).expect(200);
    const [count] = await owner<{ count: string }>('SELECT count(*) FROM entity WHERE account_id = $1', [id]);
    expect(count?.count).toBe('10000');
  });

  it.each([
    ['a value that is a number', { value: 491701 }, '/value'],
    ['a dimension that is none', { dimension: 'account' }, '/dimension'],
    ['a range that holds no day', { active_from: '2026-02-01', active_until: '2026-02-01' }, '/active_until'],
  ])('refuse %s', async (_, wrong, pointer) => {
    const { body } = await api.post(`/v1/accounts/${account}/entities`, { ...site('S'), ...wrong }).expect(422);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
  });

  it('of no account are 404', async () => {
    const nobody = '/v1/accounts/01900000-0000-7000-8000-000000000000/entities';
    await api.get(nobody).expect(404);
    await api.post(nobody, site('S')).expect(404);
    await api.put(nobody, { entities: [] }).expect(404);
  });
});

describe('tariff plans', () => {
  const plan = { ...FLAT_PLAN, code: 'versions' };

  it('are drafted, changed, published, and immutable from then on', async () => {
    const first = await api.post('/v1/tariff-plans', plan).expect(201);
    expect(first.headers.location).toBe('/v1/tariff-plans/versions/versions/1');
    expect(first.body).toMatchObject({ code: 'versions', version: 1, status: 'draft', published_at: null });
    await api.put('/v1/tariff-plans/versions/versions/1', { ...plan, name: 'Better' }).expect(200);
    const published = await api.post('/v1/tariff-plans/versions/versions/1/publish').expect(200);
    expect(published.body).toMatchObject({ status: 'published', name: 'Better' });

    const path = '/v1/tariff-plans/versions/versions/1';
    for (const refused of [api.put(path, plan), api.delete(path), api.post(`${path}/publish`)]) {
      const { body } = await refused.expect(409);
      expect(body).toMatchObject({ code: 'plan_already_published' });
    }
    await expect(owner(`UPDATE tariff_plan_version SET name = 'x' WHERE code = 'versions'`)).rejects.toThrow('refused');
    const read = await api.get(path).expect(200);
    expect(read.body).toEqual(published.body);
  });

  it('get their next version from the same code, effective from another date', async () => {
    await api.post('/v1/tariff-plans', { ...plan, name: 'Same date' }).expect(201);
    const taken = await api.post('/v1/tariff-plans/versions/versions/2/publish').expect(409);
    expect(taken.body).toMatchObject({ code: 'effective_from_taken', errors: [{ pointer: '/effective_from' }] });
    await api.delete('/v1/tariff-plans/versions/versions/2').expect(204);
    await api.get('/v1/tariff-plans/versions/versions/2').expect(404);
    await api.post('/v1/tariff-plans', { ...plan, effective_from: '2027-01-01' }).expect(201);
    await api.post('/v1/tariff-plans/versions/versions/2/publish').expect(200);
    const { body } = await api.get('/v1/tariff-plans/versions').expect(200);
    expect(body).toMatchObject({ version: 2, versions: [{ version: 2 }, { version: 1, status: 'published' }] });
    const mismatch = await api.post('/v1/tariff-plans', { ...plan, currency: 'EUR' }).expect(422);
    expect(mismatch.body).toMatchObject({ code: 'currency_mismatch', errors: [{ pointer: '/currency' }] });
  });

  it('drafted at once get a version each', async () => {
    const drafts = await Promise.all(
      Array.from({ length: 5 }, () => api.post('/v1/tariff-plans', { ...plan, code: 'raced' })),
    );
    expect(drafts.map(({ body }) => (body as { version: number }).version).sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it('have a hash that does not depend on the order of their members', async () => {
    const reversed = Object.fromEntries(Object.entries({ ...FLAT_PLAN, code: 'hashed' }).reverse());
    const one = await api.post('/v1/tariff-plans', { ...FLAT_PLAN, code: 'hashed' }).expect(201);
    const two = await api.post('/v1/tariff-plans', reversed).expect(201);
    const sha = ({ body }: { body: unknown }) => (body as { document_sha256: string }).document_sha256;
    expect(sha(one)).toMatch(/^[0-9a-f]{64}$/);
    expect(sha(two)).toBe(sha(one));
  });

  it('are exported as the document that is imported again, member by member', async () => {
    const document = {
      ...FLAT_PLAN,
      code: 'exported',
      charges: [
        ...FLAT_PLAN.charges,
        {
          code: 'traffic',
          name: 'Data transfer',
          type: 'usage',
          measure: { metric: 'bytes', unit: 'GB' },
          included: '500',
          price: {
            model: 'graduated',
            tiers: [
              { up_to: '1000', unit_price: '0.080' },
              { up_to: null, unit_price: '0.05', flat_fee: '1.00' },
            ],
          },
        },
        {
          code: 'burst',
          name: 'Burst',
          type: 'usage',
          measure: {
            metric: 'bandwidth',
            aggregation: 'percentile',
            percentile: '99.9',
            direction: 'percentile_of_sum',
            missing: 'exclude',
            unit: 'Mbps',
          },
          price: { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' },
        },
      ],
      minimum_spend: '250.00',
      discounts: [{ type: 'percentage', value: '10', applies_to: ['traffic'], periods: 6 }],
    };
    type Version = { body: { document: object; document_sha256: string } };
    const path = '/v1/tariff-plans/exported/versions';
    await api.post('/v1/tariff-plans', document).expect(201);
    const exported: Version = await api.get(`${path}/1`).expect(200);
    expect(exported.body.document).toMatchObject(document);
    await api.post('/v1/tariff-plans', exported.body.document).expect(201);
    const imported: Version = await api.get(`${path}/2`).expect(200);
    expect(imported.body.document).toEqual(exported.body.document);
    expect(imported.body.document_sha256).toBe(exported.body.document_sha256);
  });

  it('are refused with every fault named', async () => {
    const { body } = await api
      .post('/v1/tariff-plans', {
        ...FLAT_PLAN,
        colour: 'red',
        charges: [{ code: 'platform', name: 'Platform fee', type: 'recurring', amount: 499 }],
      })
      .expect(422);
    expect(body).toMatchObject({ code: 'invalid_plan' });
    const pointers = (body as { errors: { pointer: string }[] }).errors.map(({ pointer }) => pointer);
    expect(pointers.sort()).toEqual(['/charges/0/amount', '/colour']);
    const later = await api.post('/v1/tariff-plans', { ...FLAT_PLAN, rollover: true }).expect(422);
    expect(later.body).toMatchObject({ code: 'not_supported_yet', errors: [{ pointer: '/rollover' }] });
    const elsewhere = await api.put('/v1/tariff-plans/raced/versions/1', { ...plan, code: 'other' }).expect(422);
    expect(elsewhere.body).toMatchObject({ errors: [{ pointer: '/code' }] });
    await api.post('/v1/tariff-plans').set('content-type', 'application/json').send('[]').expect(400);
  });

  it('may not take effect inside an issued period of an account that subscribes to them', async () => {
    const inside = await api.post('/v1/tariff-plans', { ...FLAT_PLAN, effective_from: '2026-06-30' }).expect(201);
    const version = (inside.body as { version: number }).version;
    const { body } = await api.post(`/v1/tariff-plans/flat/versions/${version}/publish`).expect(409);
    expect(body).toMatchObject({ code: 'period_already_billed', errors: [{ pointer: '/effective_from' }] });
    const after = { ...FLAT_PLAN, effective_from: '2026-07-01' };
    await api.put(`/v1/tariff-plans/flat/versions/${version}`, after).expect(200);
    await api.post(`/v1/tariff-plans/flat/versions/${version}/publish`).expect(200);
  });

  it('are listed by code with their newest version, and described by a JSON Schema', async () => {
    const { body } = await api.get('/v1/tariff-plans?limit=2').expect(200);
    const { data, next_cursor } = body as { data: { code: string; version: number }[]; next_cursor: string };
    expect(data.map(({ code, version }) => `${code} ${version}`)).toEqual(['exported 2', 'flat 2']);
    const next = await api.get(`/v1/tariff-plans?limit=2&cursor=${next_cursor}`).expect(200);
    const more = (next.body as typeof body as { data: { code: string; version: number }[] }).data;
    expect(more.map(({ code, version }) => `${code} ${version}`)).toEqual(['hashed 2', 'raced 5']);
    const schema = await api.get('/v1/schemas/tariff-plan').expect(200);
    expect(schema.body).toMatchObject({
      type: 'object',
      required: expect.arrayContaining(['code', 'charges']) as unknown,
    });
  });
});

describe('subscriptions', () => {
  const subscribeTo = (body: object) => api.post('/v1/subscriptions', { plan: 'flat', ...body });

  it('are made, read, listed and ended', async () => {
    const id = await newAccount('s1');
    const made = await subscribeTo({ account: id, starts_at: '2026-08-15' }).expect(201);
    expect(made.body).toMatchObject({ account: id, plan: 'flat', starts_at: '2026-08-15', ends_at: null });
    const path = made.headers.location ?? '';
    const ended = await api.patch(path, { ends_at: '2026-09-01' }).expect(200);
    expect((await api.get(path).expect(200)).body).toEqual(ended.body);
    await subscribeTo({ account: id, starts_at: '2026-09-01' }).expect(201);
    const { body } = await api.get(`/v1/subscriptions?account=${id}`).expect(200);
    const dates = (body as { data: { starts_at: string; ends_at: string | null }[] }).data;
    expect(dates.map(({ starts_at, ends_at }) => [starts_at, ends_at])).toEqual([
      ['2026-08-15', '2026-09-01'],
      ['2026-09-01', null],
    ]);
  });

  it('do not overlap', async () => {
    const id = await newAccount('s2');
    await subscribeTo({ account: id, starts_at: '2026-03-01', ends_at: '2026-05-01' }).expect(201);
    const overlaps = await subscribeTo({ account: id, starts_at: '2026-04-30' }).expect(409);
    expect(overlaps.body).toMatchObject({ code: 'subscription_overlaps', errors: [{ pointer: '/starts_at' }] });
    const attempts = await Promise.all(
      Array.from({ length: 4 }, () => subscribeTo({ account: id, starts_at: '2026-05-01' })),
    );
    expect(attempts.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });

  it.each([
    [{ account: '01900000-0000-7000-8000-000000000000' }, 'account_not_found', '/account'],
    [{ plan: 'nothing' }, 'unknown_plan', '/plan'],
    [{ plan: 'raced' }, 'plan_not_in_force', '/starts_at'],
    [{ starts_at: '2025-12-31' }, 'plan_not_in_force', '/starts_at'],
    [{ starts_at: '2026-02-01', ends_at: '2026-02-01' }, 'empty_range', '/ends_at'],
  ])('refuse %j with %s', async (wrong, code, pointer) => {
    const { body } = await subscribeTo({ account, starts_at: '2026-02-01', ...wrong }).expect(422);
    expect(body).toMatchObject({ code, errors: [{ pointer }] });
  });

  it('are in the currency of the account', async () => {
    const id = await newAccount('s3', 'bharat');
    const { body } = await subscribeTo({ account: id, starts_at: '2026-02-01' }).expect(422);
    expect(body).toMatchObject({ code: 'currency_mismatch', errors: [{ pointer: '/plan' }] });
  });

  it('change nothing inside an issued period', async () => {
    const { body } = await api.get(`/v1/subscriptions?account=${billed}`).expect(200);
    const [running] = (body as { data: { id: string }[] }).data;
    const path = `/v1/subscriptions/${running?.id}`;
    const refused = [{ ends_at: '2026-06-30' }, { starts_at: '2026-06-02' }, { plan: 'second' }];
    for (const change of refused) {
      const { body: problem } = await api.patch(path, change).expect(409);
      expect(problem).toMatchObject({ code: 'period_already_billed' });
    }
    await api.patch(path, { ends_at: '2026-07-01' }).expect(200);
    await api.patch(path, { starts_at: '2026-05-01' }).expect(200);
    await subscribeTo({ account: billed, starts_at: '2026-07-01' }).expect(201);
    await api.patch(path, { starts_at: '2026-07-01', ends_at: '2026-08-01' }).expect(409);

    const left = await newAccount('s4');
    await subscribeTo({ account: left, starts_at: '2026-05-01', ends_at: '2026-05-16' }).expect(201);
    await issueOne(api.ownerUrl, { seller: 'acme', accountId: left, period: '2026-05', amount: '1.00' });
    const inside = await subscribeTo({ account: left, starts_at: '2026-05-31' }).expect(409);
    expect(inside.body).toMatchObject({ code: 'period_already_billed' });
    await subscribeTo({ account: left, starts_at: '2026-06-01' }).expect(201);
  });
});

describe('audit events', () => {
  it('tell who did what, without secrets or subscribers’ numbers', async () => {
    const { body } = await api.get('/v1/audit-events?seller=acme&action=account.created&limit=1').expect(200);
    const [event] = (body as { data: { actor: string; subject: string }[] }).data;
    expect(event).toMatchObject({ seller: 'acme', action: 'account.created', subject: `account:${account}` });
    expect(event?.actor).toMatch(/^api_key:[0-9a-f-]{36}$/);
    const all = await owner<{ data: string }>('SELECT data::text FROM audit_event');
    expect(all.map(({ data }) => data).join()).not.toMatch(/secret|0049170|00101/);
    const at = await api.get('/v1/audit-events?from=2099-01-01T00:00:00Z').expect(200);
    expect(at.body).toEqual({ data: [], next_cursor: null });
    await api.get('/v1/audit-events?from=yesterday').expect(400);
  });
});
