import { remedyOf } from '#billing';
import { listConfirmingPulls, listInvoices } from '#persistence/documents';
import {
  type CloseAccountView,
  findCertificate,
  findClose,
  listCloseAccounts,
  listCloseEvents,
} from '#persistence/closes';
import { accountId, type FaultRule } from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, makeSeller, trafficPlan } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

const PERIOD = '2026-08';
const AWAY: FaultRule[] = [{ fault: 'unavailable_503', match: { account: accountId(1) } }];

const seconds = (stamp: string | null | undefined) => Date.parse(stamp ?? '') / 1_000;

/** What a report API does for a while is waited for by the service, not by an operator. */
describe('an account whose report API is away for a while', () => {
  let closing: Closing;
  let closeId: string;
  let seller: string;
  let sellers = 0;

  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 3, sites: 1, subscribers: 1 }, seed: 7 });
    await makePlan(closing.database, trafficPlan('traffic'));
  });
  afterAll(() => closing.stop());
  beforeEach(() => {
    seller = `seller-${(sellers += 1)}`;
  });

  const run = async (faults: FaultRule[] = AWAY, hours?: number) => {
    const settings = hours === undefined ? {} : { report_api_wait_hours: hours };
    await makeSeller(closing.database, { code: seller, settings });
    for (const number of [0, 1, 2]) {
      await makeAccount(closing.database, { seller, external_id: accountId(number) }, 'traffic');
    }
    closing.simulator.setFaults(faults);
    const accounts = await closing.run(seller, PERIOD);
    closeId = closing.lastClose();
    return accounts;
  };
  const second = async (): Promise<CloseAccountView> => {
    const accounts = await listCloseAccounts(closing.database, closeId, { limit: 9 });
    const found = accounts.find(({ external_id }) => external_id === accountId(1));
    if (!found) throw new Error('no such account');
    return found;
  };
  /** As if the pause were over. */
  const makeDue = () =>
    closing.database.$executeRaw`
      UPDATE close_account SET next_try_at = clock_timestamp() - interval '1 second' 
       WHERE state = 'waiting' AND close_id = ${closeId}::uuid`;

  it('waits with the stamp of its next try, and is counted; the others are billed and the close goes on', async () => {
    expect((await run()).map(endOf)).toEqual(['issued', 'waiting report_api_unavailable', 'issued']);
    const { account, waiting, reason, attempts } = await second();
    const close = await findClose(closing.database, closeId);
    expect(close).toMatchObject({
      state: 'running',
      counts: { issued: 2, waiting: 1, held: 0 },
      progress: { done: 2, total: 3, eta: null, next_try_at: waiting?.next_try_at },
      waits: [{ code: 'report_api_unavailable', count: 1 }],
      holds: [],
    });
    expect(await findCertificate(closing.database, closeId)).toBeUndefined();
    expect(reason?.message).toContain('503');
    expect({ attempts, tries: waiting?.tries }).toEqual({ attempts: 0, tries: 1 });
    expect(seconds(waiting?.until) - seconds(waiting?.since)).toBe(24 * 3_600);
    const pause = seconds(waiting?.next_try_at) - seconds(waiting?.since);
    expect(pause).toBeGreaterThanOrEqual(15);
    expect(pause).toBeLessThanOrEqual(30);
    // What passes is no error of the log, however often it is tried.
    const told = (closing.failures as { level?: string; event: string; accountId?: string }[]).filter(
      ({ accountId: of, level }) => of === account && level !== 'debug',
    );
    expect(told.map(({ event, level }) => [event, level])).toEqual([]);
  });

  it('is sent by the sweep when the try is due and not before, and billed when the API is back', async () => {
    await run();
    const since = (await second()).waiting?.since;
    await closing.closes.sweep(0);
    expect(await closing.work().then((accounts) => accounts.map(endOf))).toContain('waiting report_api_unavailable');
    expect((await second()).waiting).toMatchObject({ since, tries: 1 });

    await makeDue();
    await closing.closes.sweep(0);
    await closing.work();
    // Still away: since when it waits is kept.
    expect((await second()).waiting).toMatchObject({ since, tries: 2 });

    closing.simulator.setFaults([]);
    await makeDue();
    await closing.closes.sweep(0);
    expect((await closing.work()).map(endOf)).toEqual(['issued', 'issued', 'issued']);
    expect(await findClose(closing.database, closeId)).toMatchObject({ state: 'finished', waits: [] });
    const moves = await listCloseEvents(closing.database, closeId, { account: (await second()).account, limit: 99 });
    expect(moves.map(({ to, actor }) => `${to}${actor === null ? '' : ` by ${actor}`}`)).toEqual([
      ...['pending by test', 'pulling', 'waiting', 'pending', 'pulling', 'waiting', 'pending', 'pulling', 'rated'],
      'issued',
    ]);
    expect(await listInvoices(closing.database, { seller, limit: 9 })).toHaveLength(3);
  });

  describe('for long', () => {
    const LONG = 1_800;
    /** As if the outage had lasted until the pauses are long. Answers the pauses left, in the order of the accounts. */
    const pauses = async () => {
      const accounts = await listCloseAccounts(closing.database, closeId, { limit: 9 });
      const [{ now }] = await closing.database.$queryRaw<[{ now: Date }]>`SELECT clock_timestamp() AS now`;
      return accounts
        .sort((a, b) => a.external_id.localeCompare(b.external_id))
        .map(({ waiting }) => (waiting ? seconds(waiting.next_try_at) - now.getTime() / 1_000 : null));
    };
    const waitForLong = () => closing.database.$executeRaw`
      UPDATE close_account SET next_try_at = clock_timestamp() + make_interval(secs => ${LONG})
       WHERE state = 'waiting' AND close_id = ${closeId}::uuid`;
    /** An account comes back by itself. */
    const probe = async (number = 0) => {
      await closing.database.$executeRaw`
        UPDATE close_account c SET next_try_at = clock_timestamp() - interval '1 second' FROM account a
         WHERE a.id = c.account_id AND a.external_id = ${accountId(number)} AND c.state = 'waiting'
           AND c.close_id = ${closeId}::uuid`;
      await closing.closes.sweep(0);
      return (await closing.work()).map(endOf);
    };
    const AWAY_FOR_ALL: FaultRule[] = [{ fault: 'unavailable_503' }];
    const WAITS = 'waiting report_api_unavailable';

    it('comes back within a minute, by lot, once another one that waited got through', async () => {
      expect((await run(AWAY_FOR_ALL)).map(endOf)).toEqual([WAITS, WAITS, WAITS]);
      await waitForLong();
      // It is away still: the one that asks tells nothing of the others.
      expect(await probe()).toEqual([WAITS, WAITS, WAITS]);
      await waitForLong();
      await closing.closes.sweep(0);
      for (const pause of await pauses()) expect(pause).toBeGreaterThan(LONG - 120);

      closing.simulator.setFaults([]);
      expect(await probe()).toEqual(['issued', WAITS, WAITS]);
      await closing.closes.sweep(0);
      const [, ...others] = await pauses();
      for (const pause of others) expect(pause).toBeLessThanOrEqual(60);
      await makeDue();
      await closing.closes.sweep(0);
      expect((await closing.work()).map(endOf)).toEqual(['issued', 'issued', 'issued']);
    });

    it('is left alone by what says nothing of it: a pause that was asked for, a key of its own', async () => {
      await run(AWAY_FOR_ALL);
      await waitForLong();
      await closing.database.$executeRaw`
        UPDATE close_account c SET reason_code = 'report_api_rate_limited' FROM account a
         WHERE a.id = c.account_id AND a.external_id = ${accountId(1)} AND c.close_id = ${closeId}::uuid`;
      await closing.database.$executeRaw`
        UPDATE account a SET report_api_key = '\\x00' FROM close_account c
         WHERE a.id = c.account_id AND a.external_id = ${accountId(2)} AND c.close_id = ${closeId}::uuid`;
      closing.simulator.setFaults([]);
      expect((await probe())[0]).toBe('issued');
      await closing.closes.sweep(0);
      const [, ...others] = await pauses();
      for (const pause of others) expect(pause).toBeGreaterThan(LONG - 120);
    });

    it('waits for the next one that gets through when it fails again', async () => {
      await run(AWAY_FOR_ALL);
      await waitForLong();
      closing.simulator.setFaults(AWAY);
      expect(await probe()).toEqual(['issued', WAITS, WAITS]);
      expect(await probe(1)).toEqual(['issued', WAITS, WAITS]);
      await waitForLong();
      await closing.closes.sweep(0);
      const [, again, first] = await pauses();
      expect(again).toBeGreaterThan(LONG - 120);
      expect(first).toBeLessThanOrEqual(60);
    });
  });

  it('is found again when the queue loses what the sweep sent', async () => {
    await run();
    closing.simulator.setFaults([]);
    await makeDue();
    const away = closing.another({ enqueue: () => Promise.reject(new Error('no queue')) });
    await expect(away.sweep(0)).rejects.toThrow('no queue');
    expect(endOf(await second())).toBe('pending');
    await closing.closes.sweep(0);
    expect((await closing.work()).map(endOf)).toEqual(['issued', 'issued', 'issued']);
  });

  it.each([
    ['429 with Retry-After', { fault: 'rate_limited_429', retry_after_s: 120 }, 'report_api_rate_limited', 120],
    ['500', { fault: 'error_500' }, 'report_api_unavailable', undefined],
    ['a reset', { fault: 'reset_mid_body' }, 'report_api_unavailable', undefined],
  ] as const)('waits for %s, and not less than it is asked to', async (_, rule, code, pause) => {
    await run([{ ...rule, match: { account: accountId(1) } }]);
    const { waiting, state, reason } = await second();
    expect([state, reason?.code]).toEqual(['waiting', code]);
    if (pause !== undefined) expect(seconds(waiting?.next_try_at) - seconds(waiting?.since)).toBe(pause);
  });

  it('is tried at once when an operator retries, whoever else is named or nobody', async () => {
    await run();
    expect((await closing.retry(closeId)).map(endOf)).toContain('waiting report_api_unavailable');
    // The operator's retry begins anew.
    expect((await second()).waiting?.tries).toBe(1);
    closing.simulator.setFaults([]);
    await closing.closes.desk.retry(closeId, [(await second()).account], 'test');
    expect((await closing.work()).map(endOf)).toEqual(['issued', 'issued', 'issued']);
  });

  it('is held with its cause when the hours of its seller are used up, or when there are none', async () => {
    await run(AWAY, 6);
    const { waiting } = await second();
    expect(seconds(waiting?.until) - seconds(waiting?.since)).toBe(6 * 3_600);
    await closing.database.$executeRaw`
      UPDATE close_account SET waiting_since = waiting_since - interval '6 hours'
       WHERE state = 'waiting' AND close_id = ${closeId}::uuid`;
    await makeDue();
    await closing.closes.sweep(0);
    expect((await closing.work()).map(endOf)).toEqual(['issued', 'held report_api_unavailable', 'issued']);
    const held = await second();
    expect(held.reason?.message).toContain('the service tried 2 times');
    expect(held.waiting).toBeNull();
    expect(remedyOf(held.reason?.code ?? '')).toContain('find out why the report API does not answer');
    expect(await findClose(closing.database, closeId)).toMatchObject({ state: 'finished', counts: { held: 1 } });
    expect((await findCertificate(closing.database, closeId))?.revision).toBe(1);

    await closing.database
      .$executeRaw`UPDATE seller SET settings = '{"report_api_wait_hours": 0}' WHERE code = ${seller}`;
    expect((await closing.retry(closeId)).map(endOf)).toContain('held report_api_unavailable');
  });

  it('is held at once by what contradicts, also after it waited', async () => {
    await run();
    closing.simulator.setFaults([{ fault: 'wrong_account', match: { account: accountId(1) } }]);
    await makeDue();
    await closing.closes.sweep(0);
    expect((await closing.work()).map(endOf)).toEqual(['issued', 'held echo_mismatch', 'issued']);
  });

  it('is not tried any more once its close is cancelled', async () => {
    await run([{ fault: 'unavailable_503' }]);
    expect(await closing.closes.desk.cancel(closeId)).toEqual({ outcome: 'cancelled' });
    await makeDue();
    const asked = closing.simulator.counters().requests;
    await closing.closes.sweep(0);
    expect(await findClose(closing.database, closeId)).toMatchObject({
      state: 'cancelled',
      progress: { next_try_at: null },
    });
    expect((await second()).waiting).toBeNull();
    expect(closing.simulator.counters().requests).toBe(asked);
  });

  it('in a dry run waits as well', async () => {
    await run([]);
    closing.simulator.setFaults(AWAY);
    const dry = await closing.run(seller, PERIOD, { dryRun: true });
    expect(dry.map(endOf)).toEqual(['drafted', 'waiting report_api_unavailable', 'drafted']);
    closeId = closing.lastClose();
    closing.simulator.setFaults([]);
    await makeDue();
    await closing.closes.sweep(0);
    expect((await closing.work()).map(endOf)).toEqual(['drafted', 'drafted', 'drafted']);
    expect(await findClose(closing.database, closeId)).toMatchObject({ state: 'finished' });
  });

  it('puts its confirming pull off for those hours, without counting such tries among those that may fail', async () => {
    await run([], 6);
    const [invoice] = await listInvoices(closing.database, { account: (await second()).account, limit: 1 });
    const id = invoice?.id ?? '';
    const pullDue = async () => {
      await closing.database.$executeRaw`
        UPDATE confirming_pull SET due_at = clock_timestamp() - interval '1 second',
               next_attempt_at = clock_timestamp() - interval '1 second'
         WHERE id = (SELECT id FROM confirming_pull WHERE invoice_id = ${id}::uuid ORDER BY due_at LIMIT 1)`;
      await closing.closes.corrections.confirmDue();
      const [pull] = await listConfirmingPulls(closing.database, id);
      return pull;
    };
    closing.simulator.setFaults(AWAY);
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      const pull = await pullDue();
      expect(pull).toMatchObject({ attempts: attempt, outcome: null, reason: { code: 'report_api_unavailable' } });
      expect(seconds(pull?.next_attempt_at)).toBeGreaterThan(seconds(pull?.due_at));
    }
    closing.simulator.setFaults([]);
    expect(await pullDue()).toMatchObject({ attempts: 8, outcome: 'equal', next_attempt_at: null });
  });
});
