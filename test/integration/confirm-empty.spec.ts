import { customerSiteId } from '../../apps/report-simulator/src/index.js';
import { listAuditEvents } from '#persistence';
import {
  publishTariffPlan,
  registerEntity,
  replaceEntities,
  saveDraftPlan,
  updateAccount,
} from '#persistence/catalogue';
import {
  listEmptyConfirmingPulls,
  listInvoices,
  listConfirmingPulls,
  requestEmptyConfirmingPull,
} from '#persistence/documents';
import { findCertificate, findClose, listCloseAccounts, listCloseEvents, reopenEmpty } from '#persistence/closes';
import { verifyCertificates } from '#proof';
import { parseTariffPlan } from '#rating';
import pg from 'pg';
import { bytesAbove, bytesOf, lateBytesOf, makeBytesAccount, PERIOD, SEED } from '../support/billed-bytes.js';
import { feePlan, granted, makeAccount, makePlan, makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { certificatesOf, certified, type Closing, endOf, LATE, startClosing, warned } from '../support/closing.js';
import { amount } from '../support/expected-usage.js';
import { settled, startService, type TestService } from '../support/service.js';
import { eventually } from '../support/eventually.js';

const FLEET = { accounts: 12, sites: 1, subscribers: 1 };

describe('a period that billed an account nothing', () => {
  let closing: Closing;
  beforeEach(async () => {
    closing = await startClosing({ fleet: FLEET, seed: SEED });
    await makeSeller(closing.database, { code: 'acme', settings: { report_api_wait_hours: 0 } });
  });
  afterEach(() => closing.stop());

  const requests = () => closing.simulator.counters().requests;

  /** An account that uses exactly what its plan includes, and as much more as is said. */
  async function withinPlan(leaf: number, spare = 0n): Promise<string> {
    await makePlan(closing.database, bytesAbove(`leaf-${leaf}`, bytesOf(leaf) + spare));
    return makeBytesAccount(closing.database, leaf, {}, `leaf-${leaf}`);
  }

  const pullsOf = (account: string) =>
    listEmptyConfirmingPulls(closing.database, { closeId: closing.lastClose(), accountId: account });

  /** The pulls of a schedule that are not done become due, all of them or the next. */
  const makeDue = (count = 3) => closing.database.$executeRaw`
    UPDATE confirming_pull SET next_attempt_at = clock_timestamp()
     WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY empty_id, invoice_id ORDER BY due_at) AS nth
                                    FROM confirming_pull WHERE done_at IS NULL) AS open WHERE nth <= ${count})`;
  const emptyIds = async (account?: string) => {
    const rows = await closing.database.$queryRaw<{ id: string }[]>`
      SELECT id FROM empty_period WHERE ${account ?? null}::uuid IS NULL OR account_id = ${account ?? null}::uuid ORDER BY at`;
    return rows.map(({ id }) => id);
  };
  const accounts = async () =>
    (await listCloseAccounts(closing.database, closing.lastClose(), { limit: 50 })).sort((a, b) =>
      a.external_id < b.external_id ? -1 : 1,
    );
  const invoices = (account?: string) => listInvoices(closing.database, { account, limit: 50 });
  /** The jobs that reopening has sent, to the end. */
  const finish = async () => (await closing.retry(closing.lastClose())).map(endOf);

  it('is pulled again 24 hours, 7 and 30 days after it came to nothing, where anything was pulled', async () => {
    const account = await withinPlan(0);
    await makePlan(closing.database, feePlan('free', '0.00'));
    const free = await makeAccount(closing.database, { seller: 'acme', external_id: 'pays nothing' }, 'free');
    await closing.run('acme', PERIOD, { dryRun: true });
    expect([await pullsOf(account), await emptyIds()]).toEqual([[], []]);

    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(['empty', 'empty']);
    const events = await listCloseEvents(closing.database, closing.lastClose(), { account, limit: 10 });
    const emptied = Date.parse(events.find(({ to }) => to === 'empty')?.at ?? '');
    const pulls = await pullsOf(account);
    const hours = pulls.map(({ due_at }) => Math.round((Date.parse(due_at) - emptied) / 3_600_000));
    expect(hours).toEqual([24, 168, 720]);
    expect(pulls).toMatchObject(pulls.map(() => ({ invoice: null, requested_by: null, attempts: 0, outcome: null })));
    expect(await pullsOf(free)).toEqual([]);
    const before = requests();
    expect(await closing.closes.corrections.confirmDue()).toBe(false);
    expect(requests()).toBe(before);
  });

  it('is billed by its close when usage comes late, once, however often and by however many it is pulled', async () => {
    const leaves = [0, 3, 5];
    const ids = new Map<number, string>();
    for (const leaf of leaves) ids.set(leaf, await withinPlan(leaf));
    await makePlan(closing.database, feePlan('fee', '10.00'));
    await makeAccount(closing.database, { seller: 'acme', external_id: 'zz pays' }, 'fee');
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(['empty', 'empty', 'empty', 'issued']);

    closing.setLate(true);
    const empties = await emptyIds();
    const workers = closing.processes(4);
    const pulled = await Promise.all(
      workers.flatMap(({ corrections }) => empties.map((id) => corrections.confirmEmpty(id))),
    );
    const outcomes = pulled.map(({ outcome }) => outcome).sort();
    expect(outcomes).toEqual([
      ...leaves.map(() => 'reopened'),
      ...Array.from({ length: outcomes.length - leaves.length }, () => 'superseded'),
    ]);
    expect((await findClose(closing.database, closing.lastClose()))?.state).toBe('running');
    expect(await finish()).toEqual(['issued', 'issued', 'issued', 'issued']);

    for (const [leaf, account] of ids) {
      const [invoice, ...more] = await invoices(account);
      expect(more).toEqual([]);
      expect(invoice).toMatchObject({ kind: 'invoice', revision: 1, net: amount(lateBytesOf(leaf)) });
      const events = await listCloseEvents(closing.database, closing.lastClose(), { account, limit: 20 });
      expect(events.filter(({ from }) => from === 'empty')).toMatchObject([
        { to: 'pending', reason: { code: 'reopened' }, actor: 'service' },
      ]);
      expect((await accounts()).find((each) => each.account === account)?.warnings[0]?.code).toBe('late_usage');
      // What confirms it from here on hangs off the invoice.
      expect(await listConfirmingPulls(closing.database, invoice?.id ?? '')).toHaveLength(3);
    }
    expect((await invoices()).map(({ number }) => number).sort()).toEqual(
      [1, 2, 3, 4].map((sequence) => `INV-2026-00000${sequence}`),
    );
    const { data: audited } = await listAuditEvents(closing.database, { action: 'close.reopened' }, { limit: 10 });
    expect(audited.map(({ data }) => (data as { account: string }).account).sort()).toEqual([...ids.values()].sort());

    const files = await certificatesOf(closing, closing.lastClose());
    expect(verifyCertificates(files).outcome).toBe('valid');
    expect(files.map((file) => certified(file).accounts.by_state)).toMatchObject([
      { empty: 3, issued: 1 },
      { empty: 0, issued: 4 },
    ]);

    const before = requests();
    await makeDue();
    while (await closing.closes.corrections.confirmDue(2));
    expect((await pullsOf(ids.get(0) ?? '')).map(({ outcome }) => outcome)).toEqual([
      'superseded',
      'superseded',
      'superseded',
    ]);
    // Only the three invoices with usage were pulled again, thrice each: one request for both directions.
    expect(requests() - before).toBe(9);
    expect(await invoices()).toHaveLength(4);
  });

  it('waits in review where its close does, and says why it is back', async () => {
    const account = await withinPlan(0);
    expect((await closing.run('acme', PERIOD, { review: true })).map(endOf)).toEqual(['empty']);
    closing.setLate(true);
    await makeDue(1);
    expect(await closing.closes.corrections.confirmDue()).toBe(false);
    expect((await pullsOf(account)).map(({ outcome, attempts }) => [outcome, attempts])).toEqual([
      ['reopened', 1],
      [null, 0],
      [null, 0],
    ]);
    expect(await finish()).toEqual(['drafted']);
    expect((await accounts()).map(warned)).toEqual([['late_usage']]);
    expect(await findClose(closing.database, closing.lastClose())).toMatchObject({
      state: 'review',
      finished_at: null,
    });
    expect(await invoices()).toEqual([]);
    await closing.closes.desk.release(closing.lastClose());
    expect(await finish()).toEqual(['issued']);
    expect(await invoices(account)).toMatchObject([{ net: amount(lateBytesOf(0)) }]);
  });

  it('stays as it is while its usage costs nothing, whatever else was changed meanwhile', async () => {
    const [equal, within] = [await withinPlan(0), await withinPlan(3, lateBytesOf(3))];
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(['empty', 'empty']);
    const states = async () => (await accounts()).map(endOf);
    await makeDue(1);
    await closing.closes.corrections.confirmDue();
    // Every byte costs a cent from here on, says a later version, but not by the facts of the close.
    for (const leaf of [0, 3]) {
      const parsed = parseTariffPlan({ ...bytesAbove(`leaf-${leaf}`, 0n), effective_from: '2026-08-01' });
      if (parsed.outcome !== 'valid') throw new Error('the plan is not valid');
      const { version } = granted(await saveDraftPlan(closing.database, 'test', parsed.plan));
      granted(await publishTariffPlan(closing.database, 'test', `leaf-${leaf}`, version));
    }
    granted(await updateAccount(closing.database, 'test', equal, { name: 'Renamed' }, SECRET_KEY));
    const site = { dimension: 'customer_site_id' as const, value: customerSiteId(FLEET, 7, 0), name: null };
    granted(await registerEntity(closing.database, 'test', within, { ...site, active_from: null, active_until: null }));
    await makeDue(1);
    await closing.closes.corrections.confirmDue();
    closing.setLate(true);
    await makeDue(1);
    const [stillWithin] = await emptyIds(within);
    expect(await closing.closes.corrections.confirmEmpty(stillWithin ?? '')).toEqual({ outcome: 'no_difference' });
    closing.setLate(false);
    await closing.closes.corrections.confirmDue();
    expect((await pullsOf(equal)).map(({ outcome }) => outcome)).toEqual(['equal', 'equal', 'equal']);
    expect((await pullsOf(within)).map(({ outcome }) => outcome)).toEqual(['equal', 'equal', 'equal']);
    expect(await states()).toEqual(['empty', 'empty']);
    expect(await findCertificate(closing.database, closing.lastClose(), 2)).toBeUndefined();
  });

  it('that comes to nothing again when it is worked on is confirmed from then on, and billed when the usage is back', async () => {
    const account = await withinPlan(0);
    await closing.run('acme', PERIOD);
    closing.setLate(true);
    const [first] = await emptyIds();
    expect(await closing.closes.corrections.confirmEmpty(first ?? '')).toEqual({ outcome: 'reopened' });
    closing.setLate(false);
    expect(await finish()).toEqual(['empty']);
    const [, second, ...more] = await emptyIds();
    expect(more).toEqual([]);
    closing.setLate(true);
    // A worker that was slow finds out with what is no longer so.
    expect(await closing.closes.corrections.confirmEmpty(first ?? '')).toEqual({ outcome: 'superseded' });
    expect(await reopenEmpty(closing.database, first ?? '', 'test')).toEqual([]);
    expect((await accounts()).map(endOf)).toEqual(['empty']);
    expect(await closing.closes.corrections.confirmEmpty(second ?? '')).toEqual({ outcome: 'reopened' });
    expect(await finish()).toEqual(['issued']);
    expect(await invoices(account)).toMatchObject([{ net: amount(lateBytesOf(0)) }]);
    expect(await pullsOf(account)).toHaveLength(6);
  });

  it('whose pull meets a fault is put off with its reason, and given up after five attempts', async () => {
    const account = await withinPlan(0);
    await closing.run('acme', PERIOD);
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      // Twice it does not answer, then it leaves out a day: what came is kept, and may not be rated.
      closing.simulator.setFaults([{ fault: attempt <= 2 ? 'unavailable_503' : 'missing_bucket' }]);
      await makeDue(1);
      await closing.closes.corrections.confirmDue();
      expect((await pullsOf(account))[0]).toMatchObject({
        attempts: attempt,
        outcome: attempt < 5 ? null : 'held',
        reason: { code: attempt <= 2 ? 'report_api_unavailable' : 'missing_buckets' },
      });
    }
    expect((await accounts()).map(endOf)).toEqual(['empty']);
    closing.setLate(true);
    const of = { closeId: closing.lastClose(), accountId: account };
    const asked = await Promise.all([1, 2].map(() => requestEmptyConfirmingPull(closing.database, of, 'test')));
    expect(new Set(asked.map((each) => granted(each).id)).size).toBe(1);
    await closing.closes.corrections.confirmDue();
    expect(await finish()).toEqual(['issued']);
    expect(await requestEmptyConfirmingPull(closing.database, of, 'test')).toMatchObject({ code: 'account_not_empty' });
  });

  it('costs nothing while it waits, however many wait with it', async () => {
    await withinPlan(0);
    await closing.run('acme', PERIOD);
    const owner = new pg.Client({ connectionString: closing.url });
    await owner.connect();
    try {
      await owner.query(`
        INSERT INTO confirming_pull (id, empty_id, due_at, next_attempt_at)
        SELECT gen_random_uuid(), e.id, d, d
          FROM empty_period e, generate_series(now() + interval '1 day', now() + interval '30 days', interval '3 minutes') AS d`);
      await owner.query('ANALYZE confirming_pull');
      const read = async () => {
        const { rows } = await owner.query<{ scans: number; entries: number }>(`
          SELECT idx_scan::int AS scans, idx_tup_read::int AS entries FROM pg_stat_user_indexes
           WHERE indexrelname = 'confirming_pull_due'`);
        return rows[0] ?? { scans: 0, entries: 0 };
      };
      const before = await read();
      expect(await closing.closes.corrections.confirmDue()).toBe(false);
      // Counters of a connection are published with a delay.
      let after = before;
      await eventually(async () => {
        await closing.closes.corrections.confirmDue();
        after = await read();
        return after.scans !== before.scans;
      });
      expect(after.scans).toBeGreaterThan(before.scans);
      expect(after.entries).toBe(before.entries);
    } finally {
      await owner.end();
    }
  });

  it('is billed by its close when a retry names it, once the catalogue is mended', async () => {
    const fee = feePlan('sites', '40.00');
    const perSite = fee.charges.map((charge) => ({ ...charge, per: 'customer_site_id' }));
    await makePlan(closing.database, { ...fee, charges: perSite });
    const account = await makeAccount(closing.database, { seller: 'acme', external_id: 'late sites' }, 'sites');
    const other = await makeAccount(closing.database, { seller: 'acme', external_id: 'no sites' }, 'sites');
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(['empty', 'empty']);
    const registered = ['1', '2'].map((value) => ({
      ...{ dimension: 'customer_site_id' as const, value, name: null },
      ...{ active_from: null, active_until: null },
    }));
    granted(await replaceEntities(closing.database, 'test', account, registered));
    const retry = (accountIds?: string[], by = closing.closes) =>
      by.desk.retry(closing.lastClose(), accountIds, 'test');
    // Nothing to pay is an outcome: nobody is asked for who is not named.
    expect(await retry()).toBe(0);
    const asked = await Promise.all(closing.processes(4).map((closes) => retry([account, other], closes)));
    expect(asked.sort()).toEqual([0, 0, 0, 1]);
    expect((await findClose(closing.database, closing.lastClose()))?.state).toBe('running');
    await closing.closes.work({ closeId: closing.lastClose(), batch: 0 });
    expect((await accounts()).map(endOf)).toEqual(['issued', 'empty']);
    expect((await accounts()).map(warned)).toEqual([[], []]);
    expect(await invoices()).toMatchObject([{ account, revision: 1, net: '80.00' }]);
    const events = await listCloseEvents(closing.database, closing.lastClose(), { account: other, limit: 20 });
    expect(events.map(({ to }) => to)).toEqual([
      'pending',
      'pulling',
      'rated',
      'empty',
      'pending',
      'pulling',
      'rated',
      'empty',
    ]);
    expect(events[4]).toMatchObject({ from: 'empty', reason: { code: 'retried' }, actor: 'test' });
    expect(await retry([account])).toBe(0);

    const files = await certificatesOf(closing, closing.lastClose());
    expect(verifyCertificates(files).outcome).toBe('valid');
    expect(files.map((file) => certified(file).accounts.by_state)).toMatchObject([
      { empty: 2, issued: 0 },
      { empty: 1, issued: 1 },
    ]);
  });

  it('that a retry leaves empty is confirmed by what it was retried with, and no longer by what was before', async () => {
    const account = await withinPlan(0);
    await closing.run('acme', PERIOD);
    const again = async () => {
      expect(await closing.closes.desk.retry(closing.lastClose(), [account], 'test')).toBe(1);
      await closing.closes.work({ closeId: closing.lastClose(), batch: 0 });
      expect((await accounts()).map(endOf)).toEqual(['empty']);
    };
    const [first] = await emptyIds();
    expect(await closing.closes.desk.retry(closing.lastClose(), [account], 'test')).toBe(1);
    // While it is on its way nothing stands to be confirmed.
    expect(await closing.closes.corrections.confirmEmpty(first ?? '')).toEqual({ outcome: 'superseded' });
    await closing.closes.work({ closeId: closing.lastClose(), batch: 0 });
    expect((await accounts()).map(warned)).toEqual([[]]);
    expect(await pullsOf(account)).toHaveLength(6);

    // From here on nothing of it costs anything, whatever it uses: by these facts it is confirmed.
    await makePlan(closing.database, { ...feePlan('leaf-0', '0.00'), effective_from: '2026-08-01' });
    await again();
    closing.setLate(true);
    const outcomes = [];
    for (const id of await emptyIds()) outcomes.push((await closing.closes.corrections.confirmEmpty(id)).outcome);
    expect(outcomes).toEqual(['superseded', 'superseded', 'equal']);
    expect((await accounts()).map(endOf)).toEqual(['empty']);
    const files = await certificatesOf(closing, closing.lastClose());
    expect(files.map((file) => certified(file).revision)).toEqual([1, 2, 3]);
  });

  it('is found by the sweep when the queue did not take it', async () => {
    const account = await withinPlan(0);
    await closing.run('acme', PERIOD);
    closing.setLate(true);
    const [empty] = await emptyIds();
    const unheard = closing.another({ enqueue: () => Promise.reject(new Error('the queue is away')) });
    expect(await unheard.corrections.confirmEmpty(empty ?? '')).toEqual({ outcome: 'reopened' });
    expect(closing.failures).toMatchObject([{ event: 'batch_not_enqueued', accountId: account }]);
    await closing.closes.sweep(0);
    expect(await finish()).toEqual(['issued']);
  });

  it('of a close that was cancelled is left to the next close of the month', async () => {
    const account = await withinPlan(0);
    await closing.run('acme', PERIOD);
    const cancelled = closing.lastClose();
    const [empty] = await emptyIds();
    await closing.closes.desk.cancel(cancelled, 'test');
    closing.setLate(true);
    const before = requests();
    expect(await closing.closes.corrections.confirmEmpty(empty ?? '')).toEqual({ outcome: 'superseded' });
    expect(requests()).toBe(before);
    expect(
      await requestEmptyConfirmingPull(closing.database, { closeId: cancelled, accountId: account }, 'test'),
    ).toMatchObject({ code: 'account_not_empty' });
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(['issued']);
    expect(closing.lastClose()).not.toBe(cancelled);
    expect(await invoices(account)).toHaveLength(1);
  });
});

describe('a period that billed nothing, over REST', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ fleet: FLEET, seed: SEED });
    await makeSeller(service.database, { code: 'acme' });
  });
  afterAll(() => service.stop());

  const problem = (request: Promise<unknown>) =>
    request.then(
      () => 'no problem',
      (error: unknown) => (error as Error).message,
    );

  it('is pulled again when an operator asks, and billed by its close', async () => {
    await makePlan(service.database, bytesAbove('within', bytesOf(0)));
    const account = await makeBytesAccount(service.database, 0, {}, 'within');
    const { id } = await service.rest.post<{ id: string }>('/v1/closes', {
      seller: 'acme',
      period: PERIOD,
      issue: 'automatic',
    });
    await settled(service.rest, id);
    const path = `/v1/closes/${id}/accounts/${account}`;
    expect(await service.rest.get(path)).toMatchObject({ state: 'empty', invoice: null });
    const pulls = async () =>
      (await service.rest.get<{ data: { outcome: string | null; invoice: null }[] }>(`${path}/confirming-pulls`)).data;
    expect(await pulls()).toMatchObject([1, 2, 3].map(() => ({ outcome: null, invoice: null })));

    service.simulator.setFaults(LATE);
    expect(await service.rest.post(`${path}/confirming-pulls`, {})).toMatchObject({ invoice: null, outcome: null });
    await eventually(async () => (await service.rest.get<{ state: string }>(path)).state === 'issued');
    expect(await service.rest.get(path)).toMatchObject({
      state: 'issued',
      totals: { net: amount(lateBytesOf(0)) },
      warnings: [{ code: 'late_usage' }],
    });
    expect((await pulls()).map(({ outcome }) => outcome)).toEqual(['reopened', null, null, null]);
    expect(await problem(service.rest.post(`${path}/confirming-pulls`, {}))).toContain('account_not_empty');
    const nobody = '01900000-0000-7000-8000-000000000000';
    const stranger = `/v1/closes/${id}/accounts/${nobody}/confirming-pulls`;
    expect(await problem(service.rest.get(stranger))).toMatch(/404/);
    expect(await problem(service.rest.post(stranger, {}))).toContain('close_account_not_found');
  });
});
