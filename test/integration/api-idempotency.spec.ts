import pg from 'pg';
import { dropOldIdempotencyKeys } from '#persistence';
import { ACME, FLAT_PLAN, setUpCatalogue, startApi, type TestApi } from '../support/api.js';
import { eventually } from '../support/eventually.js';

let api: TestApi;
let account: string;

beforeAll(async () => {
  api = await startApi();
  account = await setUpCatalogue(api);
});
afterAll(() => api.stop());

const send = (path: string, key: string, body: object, apiKey?: string) =>
  api.post(path, body, apiKey).set('idempotency-key', key);

async function owner(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: api.ownerUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('a POST with an Idempotency-Key', () => {
  it('is done once and answered alike ever after', async () => {
    const body = { external_id: 'once', seller: 'acme', name: 'Once' };
    const first = await send('/v1/accounts', 'k1', body).expect(201);
    const second = await send('/v1/accounts', 'k1', body).expect(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers.location).toBe(first.headers.location);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(first.headers['idempotent-replayed']).toBeUndefined();
  });

  it('sent five times at once is done once', async () => {
    const draft = () => send('/v1/tariff-plans', 'k2', { ...FLAT_PLAN, code: 'once' });
    const answers = await Promise.all(Array.from({ length: 5 }, draft));
    for (const { status, body } of answers) {
      expect([201, 409]).toContain(status);
      if (status === 409) expect(body).toMatchObject({ code: 'idempotency_key_in_progress' });
    }
    expect(answers.some(({ status }) => status === 201)).toBe(true);
    const settled = await draft().expect(201);
    expect(settled.body).toMatchObject({ version: 1 });
  });

  it('is refused when the key stood for another body or another path', async () => {
    const body = { external_id: 'reused', seller: 'acme', name: 'Reused' };
    await send('/v1/accounts', 'k3', body).expect(201);
    const other = await send('/v1/accounts', 'k3', { ...body, name: 'Other' }).expect(422);
    expect(other.body).toMatchObject({ code: 'idempotency_key_reused' });
    await send('/v1/sellers', 'k3', body).expect(422);
  });

  it('that did nothing leaves its key free', async () => {
    await send('/v1/sellers', 'k4', { code: 'later' }).expect(422);
    await send('/v1/sellers', 'k4', { ...ACME, code: 'acme' }).expect(409);
    await send('/v1/sellers', 'k4', { ...ACME, code: 'later' }).expect(201);
  });

  it('of one caller is nothing to another', async () => {
    const made = await api.post('/v1/api-keys', { name: 'second', scopes: ['write'] }).expect(201);
    const second = (made.body as { key: string }).key;
    await send('/v1/sellers', 'k5', { ...ACME, code: 'mine' }).expect(201);
    await send('/v1/sellers', 'k5', { ...ACME, code: 'yours' }, second).expect(201);
  });

  it('does not show a new API key again, but answers with the same status, headers and members', async () => {
    const body = { name: 'kept', scopes: ['read'] };
    const first = await send('/v1/api-keys', 'k6', body).expect(201);
    const second = await send('/v1/api-keys', 'k6', body).expect(201);
    const { key } = first.body as { key: string };
    expect(key).toMatch(/^mtl_/);
    expect(second.body).toEqual({ ...(first.body as object), key: null });
    for (const header of ['location', 'cache-control', 'content-type']) {
      expect(second.headers[header]).toBe(first.headers[header]);
    }
    expect(first.headers['cache-control']).toBe('no-store');
    const { body: listed } = await api.get('/v1/api-keys?limit=200').expect(200);
    const named = (listed as { data: { name: string }[] }).data.filter(({ name }) => name === 'kept');
    expect(named).toHaveLength(1);
    const rows = await owner('SELECT row_to_json(k)::text AS row FROM idempotency_key k');
    expect(JSON.stringify(rows)).not.toContain(key);
    expect(rows.length).toBeGreaterThan(0);
  });

  it('takes letters of either case in an id for the same id', async () => {
    const subscription = { account, plan: 'flat', starts_at: '2026-02-01' };
    const first = await send('/v1/subscriptions', 'k8', subscription).expect(201);
    const shouted = await send('/v1/subscriptions', 'k8', { ...subscription, account: account.toUpperCase() });
    expect(shouted.body).toEqual(first.body);
    expect(shouted.headers['idempotent-replayed']).toBe('true');

    const site = { dimension: 'customer_site_id', value: 'site-1' };
    const entity = await send(`/v1/accounts/${account}/entities`, 'k9', site).expect(201);
    const again = await send(`/v1/accounts/${account.toUpperCase()}/entities`, 'k9', site).expect(201);
    expect(again.body).toEqual(entity.body);
  });

  it('tells the queue of a close once it can be seen, once', async () => {
    const before = api.queued.length;
    const month = { seller: 'acme', period: '2026-03', accounts: [account] };
    const first = await send('/v1/closes', 'k10', month).expect(201);
    const closeId = (first.body as { id: string }).id;
    expect(api.queued.slice(before)).toEqual([{ closeId, batch: 0 }]);
    const second = await send('/v1/closes', 'k10', month).expect(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers.location).toBe(first.headers.location);
    expect(api.queued.slice(before)).toHaveLength(1);
  });

  it('keeps the status of an answer that is no 201', async () => {
    const question = { plan: { code: 'flat', version: 1 }, period: '2026-10' };
    const first = await send('/v1/rating/preview', 'k7', question).expect(200);
    const second = await send('/v1/rating/preview', 'k7', question).expect(200);
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotent-replayed']).toBe('true');
  });

  it('whose connection is lost between work and answer did nothing, and is done by the next', async () => {
    const plan = { ...FLAT_PLAN, code: 'lost' };
    const holder = new pg.Client({ connectionString: api.ownerUrl });
    await holder.connect();
    // Lets everything pass but the answer, which waits for this lock.
    await holder.query('BEGIN; LOCK TABLE idempotency_key IN SHARE MODE');
    try {
      const first = send('/v1/tariff-plans', 'k11', plan).then((response) => response);
      const waiting = `SELECT pid FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%idempotency_key%'`;
      // Each look is a transaction of its own, which sees the activity anew.
      const pid = await eventually(async () => (await owner(waiting))[0]?.pid);
      const meanwhile = await send('/v1/tariff-plans', 'k11', plan).expect(409);
      expect(meanwhile.body).toMatchObject({ code: 'idempotency_key_in_progress' });
      await holder.query('SELECT pg_terminate_backend($1)', [pid]);
      expect((await first).status).toBe(503);
    } finally {
      await holder.end();
    }
    await api.get('/v1/tariff-plans/lost').expect(404);

    const done = await send('/v1/tariff-plans', 'k11', plan).expect(201);
    expect(done.body).toMatchObject({ version: 1 });
    const repeated = await send('/v1/tariff-plans', 'k11', plan).expect(201);
    expect(repeated.body).toEqual(done.body);
    expect(repeated.headers['idempotent-replayed']).toBe('true');
  });

  it('is forgotten after 30 days', async () => {
    await owner(`UPDATE idempotency_key SET created_at = now() - interval '31 days' WHERE key = 'k1'`);
    await send('/v1/accounts', 'k1', { external_id: 'new', seller: 'acme', name: 'New' }).expect(201);
    await owner(`UPDATE idempotency_key SET created_at = now() - interval '31 days' WHERE key IN ('k1', 'k3')`);
    expect(await dropOldIdempotencyKeys(api.database)).toBe(2);
  });

  it('takes no key that could not be one', async () => {
    const body = { ...ACME, code: 'never' };
    for (const key of ['', 'two words', 'x'.repeat(256)]) {
      const { body: problem } = await send('/v1/sellers', key, body).expect(400);
      expect(problem).toMatchObject({ code: 'malformed_idempotency_key' });
    }
  });
});
