import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { accountId, msisdnOf } from '../../apps/report-simulator/src/index.js';
import type { Catalogue } from '#persistence';
import { ACME, ADMIN_KEY, setUpCatalogue, startApi, type TestApi } from '../support/api.js';
import { makeAccount, makePlan, makeSeller, SECRET_KEY, trafficPlan } from '../support/catalogue.js';
import { eventually } from '../support/eventually.js';
import { sampleKey, samplesOf, scrape } from '../support/metrics.js';
import { settled, startService, type TestService } from '../support/service.js';

const PERIOD = '2026-08';
const OF = { seller: 'acme', period: PERIOD, kind: 'regular', dry_run: 'false' };
const NO_ACCOUNTS = { pending: 0, pulling: 0, rated: 0, drafted: 0, issued: 0, empty: 0, held: 0, failed: 0 };

/** Figures by state, as samples are keyed. */
const byState = (counts: Record<string, number>) =>
  Object.fromEntries(Object.entries(counts).map(([state, count]) => [sampleKey('', { ...OF, state }), count]));

describe('/metrics around a close', () => {
  const fleet = { accounts: 6, sites: 1, subscribers: 1 };
  let service: TestService;
  const ids: string[] = [];

  beforeAll(async () => {
    service = await startService({ fleet, seed: 7 });
    const { database, simulator } = service;
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, trafficPlan('traffic'));
    for (const number of [0, 1, 2, 3, 4, 5]) {
      const of = { seller: 'acme', external_id: accountId(number), name: `Customer of number ${number}` };
      ids.push(await makeAccount(database, of, 'traffic'));
    }
    simulator.setFaults([
      { fault: 'missing_bucket', match: { account: accountId(0) } },
      { fault: 'missing_bucket', match: { account: accountId(1) } },
      { fault: 'forbidden_403', match: { account: accountId(2) } },
      { fault: 'unavailable_503', match: { account: accountId(3) }, times: 1 },
    ]);
  });
  afterAll(() => service.stop());

  /** Moves of accounts as the database recorded them, keyed as the worker's samples are. */
  async function recordedMoves(database: Catalogue): Promise<Record<string, number>> {
    const moves = await database.$queryRaw<{ outcome: string; code: string; count: number }[]>`
      SELECT to_state AS outcome, coalesce(CASE WHEN to_state IN ('held', 'failed') THEN reason_code END, '') AS code,
             count(*)::int AS count
        FROM close_event
       WHERE account_id IS NOT NULL AND to_state IN ('drafted', 'issued', 'empty', 'held', 'failed')
       GROUP BY 1, 2`;
    return Object.fromEntries(moves.map(({ count, ...labels }) => [sampleKey('', labels), count]));
  }

  it('tells nothing of a close while there is none', async () => {
    const api = await scrape(service.url, service.adminKey);
    expect(api.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(samplesOf(api, 'meterline_database_up')).toEqual({ '': 1 });
    for (const name of ['closes', 'close_idle_seconds', 'close_accounts', 'accounts_held', 'accounts_failed']) {
      expect([name, samplesOf(api, `meterline_${name}`)]).toEqual([name, {}]);
    }
    expect(samplesOf(api, 'meterline_oldest_unfinished_close_age_seconds')).toEqual({
      '{state="running"}': 0,
      '{state="review"}': 0,
    });
    expect(samplesOf(api, 'meterline_invoices_unrendered')).toEqual({ '': 0 });
    const worker = await scrape(service.workerUrl);
    expect(worker.contentType).toBe(api.contentType);
    expect(samplesOf(worker, 'meterline_batches_total')).toEqual({
      '{outcome="worked"}': 0,
      '{outcome="to_retry"}': 0,
      '{outcome="failed"}': 0,
    });
    for (const { samples } of [api, worker]) {
      expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
      expect(samples.get('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
    }
  });

  it('tells of a review what REST tells of it', async () => {
    const opened = await service.rest.post<{ id: string }>('/v1/closes', { seller: 'acme', period: PERIOD });
    const close = await settled(service.rest, opened.id);
    expect(close).toMatchObject({ state: 'review', counts: { ...NO_ACCOUNTS, drafted: 3, held: 3 } });
    const before = await age(service.database, opened.id);
    const api = await scrape(service.url, service.adminKey);
    const after = await age(service.database, opened.id);
    expect(samplesOf(api, 'meterline_closes')).toEqual({ [sampleKey('', { ...OF, state: 'review' })]: 1 });
    expect(samplesOf(api, 'meterline_close_accounts')).toEqual(byState(close.counts));
    expect(samplesOf(api, 'meterline_close_idle_seconds')).toEqual({});
    const { seller, period, kind } = OF;
    expect(samplesOf(api, 'meterline_accounts_held')).toEqual({
      [sampleKey('', { seller, period, kind, code: 'missing_buckets' })]: 2,
      [sampleKey('', { seller, period, kind, code: 'account_forbidden' })]: 1,
    });
    const { '{state="review"}': review, '{state="running"}': running } = samplesOf(
      api,
      'meterline_oldest_unfinished_close_age_seconds',
    );
    expect(running).toBe(0);
    expect(review).toBeGreaterThanOrEqual(before);
    expect(review).toBeLessThanOrEqual(after);

    const worker = await scrape(service.workerUrl);
    expect(samplesOf(worker, 'meterline_account_outcomes_total')).toEqual({
      [sampleKey('', { outcome: 'issued', code: '' })]: 0,
      [sampleKey('', { outcome: 'empty', code: '' })]: 0,
      ...(await recordedMoves(service.database)),
    });
    const { by_status: answers } = service.simulator.counters();
    // A missing bucket is an answer; whether it may be billed is not for the client to say.
    expect(samplesOf(worker, 'meterline_report_api_requests_total')).toEqual({
      [sampleKey('', { outcome: 'answered', code: '' })]: answers['200'],
      [sampleKey('', { outcome: 'refused', code: 'account_forbidden' })]: answers['403'],
      [sampleKey('', { outcome: 'faulted', code: 'report_api_unavailable' })]: answers['503'],
    });
    expect(answers).toMatchObject({ '403': 1, '503': 1 });
  });

  it('lets a close go when it has finished, but not what it left unbilled', async () => {
    const [close] = (await service.rest.get<{ data: { id: string }[] }>('/v1/closes')).data;
    await service.rest.post(`/v1/closes/${close?.id}/issue`, {});
    const finished = await settled(service.rest, close?.id ?? '');
    expect(finished).toMatchObject({ state: 'finished', counts: { issued: 3, held: 3 } });
    const api = await scrape(service.url, service.adminKey);
    expect(samplesOf(api, 'meterline_closes')).toEqual({});
    expect(samplesOf(api, 'meterline_close_accounts')).toEqual({});
    expect(Object.values(samplesOf(api, 'meterline_accounts_held'))).toEqual([1, 2]);
    // Pages are drawn, and the batch is counted, after the last account of a close is issued.
    const worker = await eventually(async () => {
      const scraped = await scrape(service.workerUrl);
      const drawn = samplesOf(scraped, 'meterline_documents_rendered_total')[''] ?? 0;
      const worked = samplesOf(scraped, 'meterline_batches_total')['{outcome="worked"}'] ?? 0;
      return drawn >= 3 && worked >= 2 ? scraped : undefined;
    });
    expect(samplesOf(worker, 'meterline_account_outcomes_total')).toEqual({
      [sampleKey('', { outcome: 'empty', code: '' })]: 0,
      ...(await recordedMoves(service.database)),
    });
    expect(samplesOf(worker, 'meterline_account_outcomes_total')['{code="",outcome="issued"}']).toBe(3);
    expect(samplesOf(worker, 'meterline_documents_rendered_total')).toEqual({ '': 3 });
    expect(samplesOf(worker, 'meterline_batches_total')['{outcome="worked"}']).toBeGreaterThanOrEqual(2);
  });

  it('tells what follows a close: PDFs that are missing, pulls that are due, proposals nobody has decided', async () => {
    const { database } = service;
    const [first, second] = await database.$queryRaw<{ id: string; account: string; seller: string }[]>`
      SELECT id, account_id AS account, seller_id AS seller FROM invoice ORDER BY sequence`;
    await database.$executeRaw`INSERT INTO invoice_unrendered VALUES (${first?.id}::uuid)`;
    // Due, and in the hand of a worker that is at it for a while.
    for (const [invoice, minutes] of [
      [first?.id, 90],
      [second?.id, 10],
    ] as const) {
      await database.$executeRaw`
        UPDATE confirming_pull SET due_at = now() - make_interval(mins => ${minutes}::int),
                                   next_attempt_at = now() + interval '10 minutes'
         WHERE id = (SELECT id FROM confirming_pull WHERE invoice_id = ${invoice}::uuid ORDER BY due_at LIMIT 1)`;
    }
    for (const { id, account, seller } of [first, second].flatMap((each) => each ?? [])) {
      await database.$executeRaw`
        INSERT INTO correction (id, seller_id, account_id, period_label, original_id, base_revision, cause, state,
                                inputs, inputs_hash, document)
        VALUES (${randomUUID()}::uuid, ${seller}::uuid, ${account}::uuid, ${PERIOD}, ${id}::uuid, 1, 'void', 'proposed',
                '{}', 'none', '{}')`;
    }
    const age = async () => {
      const [row] = await database.$queryRaw<[{ seconds: number }]>`
        SELECT extract(epoch FROM now() - issued_at)::float8 AS seconds FROM invoice WHERE id = ${first?.id}::uuid`;
      return row.seconds;
    };
    const before = await age();
    const api = await scrape(service.url, service.adminKey);
    const after = await age();
    await database.$executeRaw`DELETE FROM invoice_unrendered`;
    expect(samplesOf(api, 'meterline_invoices_unrendered')).toEqual({ '': 1 });
    expect(api.samples.get('meterline_oldest_unrendered_invoice_age_seconds')).toBeGreaterThanOrEqual(before);
    expect(api.samples.get('meterline_oldest_unrendered_invoice_age_seconds')).toBeLessThanOrEqual(after);
    expect(samplesOf(api, 'meterline_confirming_pulls_due')).toEqual({ '': 2 });
    expect(samplesOf(api, 'meterline_confirming_pulls_overdue')).toEqual({ '': 1 });
    expect(samplesOf(api, 'meterline_corrections_open')).toEqual({
      [sampleKey('', { seller: 'acme', automatic: 'false' })]: 2,
    });
  });

  it('counts requests by the template of their route, and names no key, no account and no customer', async () => {
    const { rest, url } = service;
    for (const id of ids) await rest.get(`/v1/accounts/${id}`);
    await fetch(`${url}/v1/accounts/${ids[0]}?secret=canary-query`);
    await fetch(`${url}/canary-path/${ids[0]}`, { headers: { authorization: `Bearer ${service.adminKey}` } });
    await fetch(`${url}/v1/sellers/canary-seller`, { headers: { authorization: `Bearer ${service.adminKey}` } });
    const api = await scrape(url, service.adminKey);
    const requests = samplesOf(api, 'meterline_http_requests_total');
    const GET = (route: string, status: string) => sampleKey('', { method: 'GET', route, status });
    expect(requests[GET('/v1/accounts/:id', '200')]).toBe(ids.length);
    expect(requests[GET('/v1/sellers/:code', '404')]).toBe(1);
    expect(requests[GET('unmatched', '401')]).toBe(1);
    expect(requests[GET('unmatched', '404')]).toBe(1);
    expect(requests[GET('/metrics', '200')]).toBe(4);
    const durations = samplesOf(api, 'meterline_http_request_duration_seconds_count');
    expect(durations[sampleKey('', { method: 'GET', route: '/v1/accounts/:id' })]).toBe(ids.length);

    const worker = await scrape(service.workerUrl);
    for (const { text } of [api, worker]) {
      expect(text.length).toBeGreaterThan(1_000);
      const numbers = ids.map((_, number) => [accountId(number), msisdnOf(number)]).flat();
      for (const canary of [
        ...[service.adminKey, 'sim-fleet-key', SECRET_KEY.toString('hex'), ...ids, ...numbers],
        ...['Customer of number', 'canary', 'Bearer', 'mtl_'],
      ]) {
        expect(text.includes(canary)).toBe(false);
      }
      expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
    }
  });

  it('has every metric explained in the operations guide, and nothing there that is not told', async () => {
    const guide = await readFile('docs/operations.md', 'utf8');
    const explained = new Set([...guide.matchAll(/`(meterline_[a-z_]+)/g)].map(([, name]) => name));
    const told = [await scrape(service.url, service.adminKey), await scrape(service.workerUrl)].flatMap(({ types }) => [
      ...types.keys(),
    ]);
    expect([...explained].sort()).toEqual(told.filter((name) => name.startsWith('meterline_')).sort());
    for (const name of explained) expect(name).toMatch(/^meterline_[a-z]+(_[a-z]+)*$/);
  });
});

/** How long a close has been in its state, by its last recorded move. */
async function age(database: Catalogue, closeId: string): Promise<number> {
  const [row] = await database.$queryRaw<[{ seconds: number }]>`
    SELECT extract(epoch FROM now() - max(at))::float8 AS seconds
      FROM close_event WHERE close_id = ${closeId}::uuid AND account_id IS NULL`;
  return row.seconds;
}

describe('/metrics of an API', () => {
  let api: TestApi;
  let url: string;
  let owner: pg.Client;

  beforeAll(async () => {
    api = await startApi();
    const listening = await new Promise<Server>((resolve) => {
      const server = api.server.listen(0, '127.0.0.1', () => resolve(server));
    });
    url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    owner = new pg.Client({ connectionString: api.ownerUrl });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await api.stop();
  });

  it('tells how long a running close has run, and for how long nothing has moved in it', async () => {
    const account = await setUpCatalogue(api);
    await api.post('/v1/subscriptions', { account, plan: 'flat', starts_at: '2026-01-01' }).expect(201);
    const opened = await api.post('/v1/closes', { seller: ACME.code, period: PERIOD }).expect(201);
    const closeId = (opened.body as { id: string }).id;
    await api.post('/v1/closes', { seller: ACME.code, period: PERIOD, dry_run: true }).expect(201);
    await api.post('/v1/closes', { seller: ACME.code, period: PERIOD, dry_run: true }).expect(201);
    // It was opened long ago, rested, and was set going again.
    await owner.query(`UPDATE close SET created_at = now() - interval '40 days' WHERE id = $1`, [closeId]);
    const idle = async () => {
      const { rows } = await owner.query<{ seconds: number }>(
        'SELECT extract(epoch FROM now() - max(at))::float8 AS seconds FROM close_event WHERE close_id = $1',
        [closeId],
      );
      return rows[0]?.seconds;
    };
    const before = [await age(api.database, closeId), await idle()];
    const { samples, ...told } = await scrape(url, ADMIN_KEY);
    const after = [await age(api.database, closeId), await idle()];
    const running = { ...OF, state: 'running' };
    expect(samplesOf({ samples }, 'meterline_closes')).toEqual({
      [sampleKey('', running)]: 1,
      [sampleKey('', { ...running, dry_run: 'true' })]: 2,
    });
    expect(samples.get(sampleKey('meterline_close_accounts', { ...OF, state: 'pending' }))).toBe(1);
    expect(samples.get(sampleKey('meterline_close_accounts', { ...OF, dry_run: 'true', state: 'pending' }))).toBe(2);
    expect(told.types.get('meterline_closes')).toBe('gauge');
    [
      samples.get(sampleKey('meterline_oldest_unfinished_close_age_seconds', { state: 'running' })),
      samples.get(sampleKey('meterline_close_idle_seconds', OF)),
    ].forEach((seconds, index) => {
      expect(seconds).toBeGreaterThanOrEqual(before[index] ?? NaN);
      expect(seconds).toBeLessThanOrEqual(after[index] ?? NaN);
    });
  });

  it('tells of accounts that failed, not of those of dry runs, and forgets after 35 days', async () => {
    const [real, dry] = await api.database.$queryRaw<{ id: string }[]>`SELECT id FROM close ORDER BY dry_run, id`;
    for (const close of [real, dry]) {
      await api.database.$executeRaw`
        UPDATE close_account SET state = 'failed', reason_code = 'unexpected_error', reason_message = 'so'
         WHERE close_id = ${close?.id}::uuid`;
    }
    const failed = async () => samplesOf(await scrape(url, ADMIN_KEY), 'meterline_accounts_failed');
    const one = { [sampleKey('', { seller: 'acme', period: PERIOD, kind: 'regular', code: 'unexpected_error' })]: 1 };
    expect(await failed()).toEqual(one);
    const finish = (days: number) =>
      owner.query(
        `UPDATE close SET state = 'finished', finished_at = now() - make_interval(days => $2) WHERE id = $1`,
        [real?.id, days],
      );
    await finish(34);
    expect(await failed()).toEqual(one);
    await finish(36);
    expect(await failed()).toEqual({});
  });

  it('is answered while the database is not, and says so', async () => {
    await owner.query('REVOKE SELECT ON invoice_unrendered FROM meterline_service');
    const without = await scrape(url, ADMIN_KEY);
    await owner.query('GRANT SELECT ON invoice_unrendered TO meterline_service');
    expect(without.samples.get('meterline_database_up')).toBe(0);
    expect(samplesOf(without, 'meterline_invoices_unrendered')).toEqual({});
    expect(without.samples.get('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(api.log.filter((line) => line.includes('the figures cannot be read'))).toHaveLength(1);
    expect((await scrape(url, ADMIN_KEY)).samples.get('meterline_database_up')).toBe(1);
  });

  it('asks the database once at a time, however many ask it', async () => {
    await owner.query('BEGIN');
    await owner.query('LOCK TABLE invoice_unrendered IN ACCESS EXCLUSIVE MODE');
    const scrapes = Array.from({ length: 8 }, () => scrape(url, ADMIN_KEY));
    const waiting = async () => {
      // A transaction sees the activity as it was when it first looked.
      await owner.query('SELECT pg_stat_clear_snapshot()');
      const { rows } = await owner.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%invoice_unrendered%'`,
      );
      return rows[0]?.count ?? 0;
    };
    while ((await waiting()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await waiting()).toBe(1);
    await owner.query('COMMIT');
    for (const { samples } of await Promise.all(scrapes)) expect(samples.get('meterline_database_up')).toBe(1);
  });

  it('is not logged at every scrape, and needs a key that may read and is bound to no account', async () => {
    const logged = api.log.length;
    await scrape(url, ADMIN_KEY);
    expect(api.log.slice(logged)).toEqual([]);
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await fetch(`${url}/metrics/`)).status).toBe(401);
    const withKey = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    expect(withKey.headers.get('cache-control')).toBe('no-store');
  });
});
