import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { ADMIN_KEY, RENDERED, RENDERED_SHA256, setUpCatalogue, startApi, type TestApi } from '../support/api.js';
import { issueOne } from '../support/issued-invoice.js';

let api: TestApi;
let account: string;
let other: string;

beforeAll(async () => {
  api = await startApi();
  account = await setUpCatalogue(api);
  const { body } = await api.post('/v1/accounts', { external_id: '1002', seller: 'acme', name: 'Ocean Line' });
  other = (body as { id: string }).id;
  await api.post('/v1/subscriptions', { account, plan: 'flat', starts_at: '2026-01-01' }).expect(201);
  await api.post('/v1/subscriptions', { account: other, plan: 'flat', starts_at: '2026-03-01' }).expect(201);
});
afterAll(() => api.stop());

interface Close {
  id: string;
  state: string;
  counts: Record<string, number>;
}

/** What a worker would do: hold an account, end a close. */
const HOLD = `UPDATE close_account SET state = 'held', reason_code = 'usage_missing', reason_message = 'x'
               WHERE close_id = $1 AND account_id = $2`;
const FINISH = `UPDATE close SET state = 'finished', finished_at = now() WHERE id = $1`;

async function owner(sql: string, values: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: api.ownerUrl });
  await client.connect();
  await client.query(sql, values).finally(() => client.end());
}

const close = (body: object) => api.post('/v1/closes', { seller: 'acme', ...body });

describe('closes', () => {
  it('are opened once, and again answer the same', async () => {
    const created = await close({ period: '2026-02' }).expect(201);
    const { id } = created.body as Close;
    expect(created.headers.location).toBe(`/v1/closes/${id}`);
    expect(created.body).toMatchObject({
      seller: 'acme',
      period: { start: '2026-02-01T00:00:00Z', end: '2026-03-01T00:00:00Z', label: '2026-02' },
      kind: 'regular',
      dry_run: false,
      issue: 'after_review',
      state: 'running',
      counts: { pending: 1, pulling: 0, rated: 0, drafted: 0, issued: 0, empty: 0, held: 0, failed: 0 },
      totals: [],
      warnings: [],
    });
    expect(api.queued.filter(({ closeId }) => closeId === id)).toHaveLength(1);
    const again = await close({ period: '2026-02' }).expect(200);
    expect(again.body).toEqual(created.body);
    const differs = await close({ period: '2026-02', issue: 'automatic' }).expect(409);
    const detail = `close ${id} of this period has issue after_review; ask with that, or cancel it first`;
    expect(differs.body).toMatchObject({ code: 'close_differs', detail, errors: [{ pointer: '/issue' }] });
  });

  it('asked for twice at once are one', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => close({ period: '2026-03' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => (body as Close).id)).size).toBe(1);
    expect((answers[0]?.body as Close).counts.pending).toBe(2);
  });

  it('that run dry never answer for a real one', async () => {
    const dry = await close({ period: '2026-04', dry_run: true }).expect(201);
    const real = await close({ period: '2026-04' }).expect(201);
    const dryAgain = await close({ period: '2026-04', dry_run: true }).expect(201);
    expect(new Set([dry, real, dryAgain].map(({ body }) => (body as Close).id)).size).toBe(3);
  });

  it.each([
    [{ period: '2026-13' }, 422, 'invalid_request', '/period'],
    [{ period: '0000-01' }, 422, 'invalid_request', '/period'],
    [{ period: '0001-01' }, 422, 'invalid_request', '/period'],
    [{ period: '1900-01' }, 422, 'invalid_request', '/period'],
    [{ period: '1969-12', dry_run: true }, 422, 'invalid_request', '/period'],
    [{ period: '2026-02', seller: 'nobody' }, 422, 'unknown_seller', '/seller'],
    [{ period: '2026-02', accounts: ['01900000-0000-7000-8000-000000000000'] }, 422, 'unknown_account', '/accounts/0'],
    [{ period: '2026-02', accounts: ['1001'] }, 422, 'invalid_request', '/accounts/0'],
    [{ period: '2099-01' }, 422, 'period_not_billable', '/period'],
  ])('refuse %j', async (body, status, code, pointer) => {
    const { body: problem } = await close(body).expect(status);
    expect(problem).toMatchObject({ code, errors: [{ pointer }] });
  });

  it('know an account by its id in letters of either case', async () => {
    const named = { period: '2026-01', accounts: [account.toUpperCase(), account] };
    const opened = (await close(named).expect(201)).body as Close;
    expect(opened.counts.pending).toBe(1);
    await api.post(`/v1/closes/${opened.id.toUpperCase()}/cancel`).expect(200);
  });

  it('say which of the accounts that are named have nothing to bill', async () => {
    const made = await api.post('/v1/accounts', { external_id: 'unsubscribed', seller: 'acme', name: 'No Plan' });
    const { id: unsubscribed } = made.body as { id: string };
    const named = { period: '2026-01', accounts: [account, unsubscribed, unsubscribed] };
    const opened = (await close(named).expect(201)).body as Close & { warnings: object[] };
    expect(opened).toMatchObject({
      counts: { pending: 1 },
      warnings: [
        {
          code: 'not_eligible',
          message: `1 of the accounts named are not in this close, for no subscription is in force in 2026-01: ${unsubscribed}`,
          count: 1,
        },
      ],
    });
    expect((await api.get(`/v1/closes/${opened.id}`)).body).toMatchObject({ warnings: [] });
    const correction = await close({ ...named, kind: 'correction' }).expect(201);
    expect((correction.body as typeof opened).warnings).toMatchObject([{ code: 'not_eligible' }]);
    await api.post(`/v1/closes/${opened.id}/cancel`).expect(200);
  });

  it('say of a number in a query what it may be', async () => {
    const message = async (path: string) => {
      const { body } = await api.get(path).expect(400);
      return (body as { errors: { message: string }[] }).errors.map((error) => error.message);
    };
    expect(await message('/v1/closes?limit=0')).toEqual(['must be at least 1']);
    expect(await message('/v1/closes?limit=201')).toEqual(['must be at most 200']);
    expect(await message('/v1/closes?limit=1.5')).toEqual(['must be a whole number']);
    expect(await message('/v1/closes?limit=ten')).toEqual(['must be a number']);
    const { id } = (await close({ period: '2026-03' })).body as Close;
    expect(await message(`/v1/closes/${id}/certificate?revision=99999999999`)).toEqual(['must be at most 2147483647']);
  });

  it('that run dry have no certificate', async () => {
    const { id } = (await close({ period: '2026-09', dry_run: true }).expect(201)).body as Close;
    const { body } = await api.get(`/v1/closes/${id}/certificate`).expect(404);
    expect(body).toMatchObject({ detail: 'there is no certificate: the close is a dry run' });
  });

  it('say when a period becomes billable', async () => {
    const { body } = await close({ period: '2099-01' }).expect(422);
    // The end of the month and 72 hours.
    expect(body).toMatchObject({ code: 'period_not_billable', billable_at: '2099-02-04T00:00:00Z' });
  });

  it('show their accounts, with filter and pages', async () => {
    const { id } = (await close({ period: '2026-03' })).body as Close;
    const first = await api.get(`/v1/closes/${id}/accounts?state=pending&limit=1`).expect(200);
    const { data, next_cursor } = first.body as { data: { account: string }[]; next_cursor: string };
    expect(data).toMatchObject([
      { account, external_id: '1001', state: 'pending', reason: null, invoice: null, lines: [] },
    ]);
    const second = await api.get(`/v1/closes/${id}/accounts?limit=1&cursor=${next_cursor}`).expect(200);
    expect(second.body).toMatchObject({ data: [{ account: other }], next_cursor: null });
    const one = await api.get(`/v1/closes/${id}/accounts/${other}`).expect(200);
    expect(one.body).toMatchObject({ account: other, name: 'Ocean Line' });
    await api.get(`/v1/closes/${id}/accounts?state=done`).expect(400);
    await api.get(`/v1/closes/${id}/accounts/01900000-0000-7000-8000-000000000000`).expect(404);
    await api.get('/v1/closes/01900000-0000-7000-8000-000000000000/accounts').expect(404);
  });

  it('are listed newest first', async () => {
    const page = await api.get('/v1/closes?seller=acme&limit=2').expect(200);
    const { data, next_cursor } = page.body as { data: Close[]; next_cursor: string };
    const rest = await api.get(`/v1/closes?seller=acme&limit=200&cursor=${next_cursor}`).expect(200);
    const ids = [...data, ...(rest.body as { data: Close[] }).data].map(({ id }) => id);
    expect(ids).toEqual([...ids].sort().reverse());
    const march = await api.get('/v1/closes?period=2026-03').expect(200);
    expect((march.body as { data: Close[] }).data).toHaveLength(1);
  });

  it('that run dry are not issued, and accounts that are not theirs are refused', async () => {
    const dry = (await close({ period: '2026-09', dry_run: true }).expect(201)).body as Close;
    expect((await api.post(`/v1/closes/${dry.id}/issue`).expect(409)).body).toMatchObject({ code: 'close_is_dry_run' });
    await api.post(`/v1/closes/${dry.id}/retry`, { accounts: [account] }).expect(202);
    const real = (await close({ period: '2026-09', accounts: [account] }).expect(201)).body as Close;
    for (const action of ['retry', 'issue']) {
      const refused = await api.post(`/v1/closes/${real.id}/${action}`, { accounts: [account, other] }).expect(422);
      expect(refused.body).toMatchObject({ code: 'unknown_account', errors: [{ pointer: '/accounts/1' }] });
    }
  });

  it('are retried, issued and cancelled', async () => {
    const { id } = (await close({ period: '2026-05' }).expect(201)).body as Close;
    await owner(HOLD, [id, account]);
    const held = await api.get(`/v1/closes/${id}`).expect(200);
    expect(held.body).toMatchObject({ counts: { held: 1, pending: 1 } });
    const before = api.queued.length;
    const retried = await api.post(`/v1/closes/${id}/retry`, { accounts: [account] }).expect(202);
    expect(retried.body).toMatchObject({ counts: { held: 0, pending: 2 } });
    expect(api.queued.length).toBe(before + 1);
    await api.post(`/v1/closes/${id}/retry`).expect(202);
    await api.post(`/v1/closes/${id}/issue`).expect(202);
    const cancelled = await api.post(`/v1/closes/${id}/cancel`).expect(200);
    expect(cancelled.body).toMatchObject({ id, state: 'cancelled' });
    for (const action of ['retry', 'issue']) {
      const { body } = await api.post(`/v1/closes/${id}/${action}`).expect(409);
      expect(body).toMatchObject({ code: 'close_cancelled' });
    }
    await close({ period: '2026-05' }).expect(201);
    for (const action of ['retry', 'issue', 'cancel']) {
      await api.post(`/v1/closes/01900000-0000-7000-8000-000000000000/${action}`).expect(404);
    }
  });

  it('are followed as server-sent events until they rest', async () => {
    const { id } = (await close({ period: '2026-07', accounts: [account] }).expect(201)).body as Close;
    await new Promise<void>((resolve) => api.server.listen(0, '127.0.0.1', resolve));
    const { port } = api.server.address() as AddressInfo;
    const events = await new Promise<string>((resolve, reject) => {
      const headers = { authorization: `Bearer ${ADMIN_KEY}` };
      get({ port, path: `/v1/closes/${id}/progress`, headers }, (response) => {
        let text = '';
        expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
        response.setEncoding('utf8').on('data', (chunk: string) => {
          if (text === '') {
            void owner(HOLD, [id, account])
              .then(() => owner(FINISH, [id]))
              .catch(reject);
          }
          text += chunk;
        });
        response.on('end', () => resolve(text));
      }).on('error', reject);
    });
    const closes = [...events.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as Close);
    expect(events.match(/^event: progress$/gm)).toHaveLength(closes.length);
    expect(closes[0]).toMatchObject({ id, state: 'running', counts: { pending: 1 } });
    expect(closes.at(-1)).toMatchObject({ id, state: 'finished', counts: { pending: 0, held: 1 } });
    const none = await api.get('/v1/closes/01900000-0000-7000-8000-000000000000/progress').expect(404);
    expect(none.body).toMatchObject({ code: 'not_found' });
  });
});

describe('invoices', () => {
  let june: string;
  let ofOther: string;

  beforeAll(async () => {
    june = await issueOne(api.ownerUrl, { seller: 'acme', accountId: account, period: '2026-06', amount: '499.00' });
    ofOther = await issueOne(api.ownerUrl, { seller: 'acme', accountId: other, period: '2026-06', amount: '1.50' });
  });

  it('are read and found by every filter', async () => {
    const { body } = await api.get(`/v1/invoices/${june}`).expect(200);
    const invoice = body as { number: string; issue_date: string };
    expect(invoice).toMatchObject({
      id: june,
      status: 'issued',
      seller: 'acme',
      account,
      period: { label: '2026-06', start: '2026-06-01T00:00:00Z', end: '2026-07-01T00:00:00Z' },
      currency: 'USD',
      lines: [{ position: 1, charge: 'platform', amount: '499.00' }],
      net: '499.00',
      payable: '499.00',
      revision: 1,
      pdf_sha256: null,
    });
    expect(invoice.number).toMatch(/^INV-\d{4}-000001$/);
    const filters = [
      `account=${account}`,
      'seller=acme',
      'period=2026-06',
      'status=issued',
      `number=${invoice.number}`,
    ];
    const found = await api.get(`/v1/invoices?${filters.join('&')}`).expect(200);
    expect((found.body as { data: { id: string }[] }).data.map(({ id }) => id)).toEqual([june]);
    for (const none of [`account=${other}`, 'seller=nobody', 'period=2026-01', 'status=voided', 'number=INV-1']) {
      const wanted = filters.filter((filter) => filter.split('=')[0] !== none.split('=')[0]);
      const { body: empty } = await api.get(`/v1/invoices?${[...wanted, none].join('&')}`).expect(200);
      expect(empty).toEqual({ data: [], next_cursor: null });
    }
    // Nothing can set it yet, so it is no status to ask for.
    await api.get('/v1/invoices?status=paid').expect(400);
    const first = await api.get('/v1/invoices?limit=1').expect(200);
    const next = await api.get(`/v1/invoices?limit=1&cursor=${(first.body as { next_cursor: string }).next_cursor}`);
    expect(next.body).toMatchObject({ data: [{ id: ofOther }], next_cursor: null });
  });

  it('are downloaded as the same bytes for ever, with their hash as ETag, and each download is told', async () => {
    const download = await api.get(`/v1/invoices/${june}/pdf`).buffer(true).expect(200);
    expect(Buffer.compare(download.body as Buffer, RENDERED)).toBe(0);
    expect(download.headers).toMatchObject({
      'content-type': 'application/pdf',
      'content-length': `${RENDERED.length}`,
      etag: `"${RENDERED_SHA256}"`,
    });
    expect(download.headers['content-disposition']).toMatch(/^attachment; filename=INV-\d{4}-000001\.pdf$/);
    const { body } = await api.get(`/v1/invoices/${june}`).expect(200);
    expect(body).toMatchObject({ pdf_sha256: RENDERED_SHA256 });

    const known = await api.get(`/v1/invoices/${june}/pdf`).set('if-none-match', `"${RENDERED_SHA256}"`).expect(304);
    expect(known.headers.etag).toBe(`"${RENDERED_SHA256}"`);
    // What fetch adds by itself to such a request is about caches on the way, not about us.
    const tags = {
      'if-none-match': `W/"other", "${RENDERED_SHA256}"`,
      'cache-control': 'no-cache',
      pragma: 'no-cache',
    };
    await api.get(`/v1/invoices/${june}/pdf`).set(tags).expect(304);
    await api.get(`/v1/invoices/${june}/pdf`).set('if-none-match', '"other"').expect(200);
    const events = await api.get(`/v1/audit-events?subject=invoice:${june}&action=invoice.downloaded`).expect(200);
    expect((events.body as { data: unknown[] }).data).toMatchObject([
      { seller: 'acme', data: { kind: 'pdf', sha256: RENDERED_SHA256 } },
      { seller: 'acme' },
    ]);
  });

  it('of another account are not there for a bound key', async () => {
    const made = await api.post('/v1/api-keys', { name: 'customer', scopes: ['read'], account }).expect(201);
    const { key } = made.body as { key: string };
    await api.get(`/v1/invoices/${june}`, key).expect(200);
    await api.get(`/v1/invoices/${june}/pdf`, key).expect(200);
    await api.get(`/v1/invoices/${ofOther}`, key).expect(404);
    await api.get(`/v1/invoices/${ofOther}/pdf`, key).expect(404);
    const { body } = await api.get('/v1/invoices', key).expect(200);
    expect((body as { data: { id: string }[] }).data.map(({ id }) => id)).toEqual([june]);
  });

  it('stop their close from being cancelled', async () => {
    const { body } = await api.get('/v1/closes?period=2026-06').expect(200);
    const [found] = (body as { data: Close[] }).data;
    const refused = await api.post(`/v1/closes/${found?.id}/cancel`).expect(409);
    expect(refused.body).toMatchObject({ code: 'close_has_issued' });
  });

  it('that do not exist are 404', async () => {
    await api.get('/v1/invoices/01900000-0000-7000-8000-000000000000').expect(404);
    await api.get('/v1/invoices/01900000-0000-7000-8000-000000000000/pdf').expect(404);
  });
});
