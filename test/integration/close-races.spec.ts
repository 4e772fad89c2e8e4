import pg from 'pg';
import { pino } from 'pino';
import { v7 as uuid } from 'uuid';
import { Closes, type ClosesOptions } from '#close';
import type { Connectors } from '#usage';
import { type Catalogue, session as asking } from '#persistence';
import type { DraftInvoice } from '#invoicing';
import { listInvoices } from '#persistence/documents';
import {
  claimStalledBatches,
  findClose,
  listCloseAccounts,
  listCloses,
  markRated,
  moveToOutcome,
  releaseDrafts,
  retryAccounts,
  saveDrafts,
  setCloseSchedule,
  settleClose,
  takeUp,
} from '#persistence/closes';
import { queueSettings } from '#runtime';
import { createWorker } from '../../apps/worker/src/index.js';
import { feePlan, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { BLANK_PAGES, closingFees, drawn as drawnAs } from '../support/closing.js';
import { createTestDatabase } from '../support/postgres.js';
import { eventually } from '../support/eventually.js';

/** Two at once, in the order that does harm: brought about by locks and by calls, never by waiting for luck. */
describe('a close', () => {
  let url: string;
  let database: Catalogue;
  /** Another session, as the owner. */
  let session: pg.Client;
  let ids: string[];
  let jobs: { closeId: string; batch: number }[];

  beforeEach(async () => {
    ({ url, database } = await createTestDatabase());
    session = new pg.Client({ connectionString: url });
    await session.connect();
    // Who waits is asked anew each time, also within a transaction.
    await session.query("SET stats_fetch_consistency = 'none'");
    jobs = [];
    ids = [];
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    for (const name of ['a', 'b']) {
      ids.push(await makeAccount(database, { seller: 'acme', external_id: name }, 'fee'));
    }
  });
  afterEach(async () => {
    await session.end();
    await database.$disconnect();
  });

  const connectors = () => closingFees(database).connectors;
  /** A process on the database. */
  const process = (over: Partial<ClosesOptions> = {}) =>
    new Closes({
      ...closingFees(database),
      enqueue: async (added) => void jobs.push(...added),
      settleHours: 0,
      ...over,
    });
  /** A process whose pulls wait until they are told to go on, or to fail by what trying again does not cure. */
  const slowProcess = (over: Partial<ClosesOptions> = {}) => {
    const pulls: { goOn(): void; fail(): void }[] = [];
    const connect: Connectors['connect'] = async (account) => {
      await new Promise<void>((goOn, reject) => pulls.push({ goOn, fail: () => reject(new TypeError('too late')) }));
      return connectors().connect(account);
    };
    return { closes: process({ connectors: { ...connectors(), connect }, ...over }), pulls };
  };
  const open = async (closes: Closes, issue: 'automatic' | 'after_review' = 'automatic') => {
    const request = {
      seller: 'acme',
      period: '2026-08',
      kind: 'regular',
      dryRun: false,
      issue,
      actor: 'test',
    } as const;
    const opened = await closes.desk.open(request);
    if (opened.outcome !== 'opened') throw new Error('refused');
    return opened.id;
  };
  const states = async (closeId: string) =>
    (await listCloseAccounts(database, closeId, { limit: 9 }))
      .sort((a, b) => (a.external_id < b.external_id ? -1 : 1))
      .map(({ state, reason }) => (reason ? `${state} ${reason.code}` : state));
  /** Resolves when some session of the database waits for a lock. */
  const somebodyWaits = () =>
    eventually(async () => {
      const { rowCount } = await session.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return (rowCount ?? 0) > 0;
    });
  /** Ends a close and does something while its end is written and not committed yet; answers what came of that. */
  const whileSettling = async <T>(closeId: string, meanwhile: () => Promise<T>): Promise<T> => {
    let doing: Promise<T> | undefined;
    const settling = settleClose(database, closeId, async () => {
      doing = meanwhile();
      await Promise.race([doing, somebodyWaits()]);
    });
    await settling;
    if (!doing) throw new Error('the close did not end');
    return doing;
  };
  const hold = async (closeId: string, accountId: string) => {
    const reason = { code: 'missing_buckets', message: 'two' };
    const claims = await takeUp(database, closeId, [accountId]);
    const holds = claims.map((claim) => ({ ...claim, reason }));
    expect(await moveToOutcome(asking(database).rows, closeId, 'hold', holds)).toEqual(new Set([accountId]));
  };

  /** What a slow worker drafted in the first round. */
  const draftOf = (accountId: string, net: string) => ({
    id: uuid(),
    accountId,
    round: 1,
    draft: { inputs_hash: 'other', net } as DraftInvoice,
  });

  it('that ends while an operator retries an account goes on with it', async () => {
    const closeId = await open(process());
    for (const account of ids) await hold(closeId, account);
    const batches = await whileSettling(closeId, () => retryAccounts(database, closeId, [ids[0] as string], 'test'));
    expect(batches).toEqual([0]);
    expect(await states(closeId)).toEqual(['pending', 'held missing_buckets']);
    expect(await findClose(database, closeId)).toMatchObject({ state: 'running', finished_at: null });
  });

  it('that goes to review while its drafts are released goes on with them', async () => {
    const closes = process();
    const closeId = await open(closes, 'after_review');
    await closes.work({ closeId, batch: 0 });
    // What settleClose does, from another session: the close is running, and its rest is not committed yet.
    await session.query("UPDATE close SET state = 'running' WHERE id = $1", [closeId]);
    await session.query('BEGIN');
    await session.query("UPDATE close SET state = 'review' WHERE id = $1", [closeId]);
    const releasing = releaseDrafts(database, closeId, undefined, 'test');
    await Promise.race([releasing, somebodyWaits()]);
    await session.query('COMMIT');
    expect(await releasing).toEqual([0]);
    expect(await findClose(database, closeId)).toMatchObject({ state: 'running' });
  });

  it('that ended with work in it is found, finished and certified again', async () => {
    const closes = process();
    const closeId = await open(closes);
    await closes.work({ closeId, batch: 0 });
    expect(await findClose(database, closeId)).toMatchObject({ state: 'finished' });
    const late = await makeAccount(database, { seller: 'acme', external_id: 'c' }, 'fee');
    await session.query('INSERT INTO close_account (close_id, account_id, batch) VALUES ($1, $2, 1)', [closeId, late]);
    jobs = [];
    await closes.sweep(0);
    expect(jobs).toEqual([{ closeId, batch: 1 }]);
    for (const job of jobs) await closes.work(job);
    expect(await states(closeId)).toEqual(['issued', 'issued', 'issued']);
    const certificates = await session.query('SELECT revision FROM close_certificate ORDER BY revision');
    expect(certificates.rows).toEqual([{ revision: 1 }, { revision: 2 }]);
  });

  it('issues no draft that was made anew after an old job saw its release', async () => {
    const closes = process({ concurrency: 1 });
    const closeId = await open(closes, 'after_review');
    await closes.work({ closeId, batch: 0 });
    await closes.desk.release(closeId);
    // The old job has read that both are released and waits for the first.
    await session.query('BEGIN');
    await session.query('SELECT 1 FROM close_account WHERE account_id = $1 FOR UPDATE', [ids[0]]);
    const old = closes.work({ closeId, batch: 0 });
    await somebodyWaits();
    const changed = { code: 'inputs_changed', message: 'the second one' };
    const second = { accountId: ids[1] as string, round: 1, reason: changed };
    expect((await moveToOutcome(asking(database).rows, closeId, 'hold', [second], 'issuing')).size).toBe(1);
    await retryAccounts(database, closeId, [ids[1] as string], 'test');
    const young = process().work({ closeId, batch: 0 });
    await eventually(async () => (await states(closeId))[1] === 'drafted');
    await session.query('COMMIT');
    await Promise.all([old, young]);
    expect(await states(closeId)).toEqual(['issued', 'drafted']);
    expect(await findClose(database, closeId)).toMatchObject({ state: 'review' });
  });

  it('keeps the draft that was reviewed when a slower delivery brings another', async () => {
    const closes = process();
    const closeId = await open(closes, 'after_review');
    await closes.work({ closeId, batch: 0 });
    await closes.desk.release(closeId);
    const [account = ''] = ids;
    const reviewed = await session.query('SELECT * FROM draft_invoice WHERE account_id = $1', [account]);
    expect(await saveDrafts(database, closeId, [draftOf(account, '118.10')])).toEqual(new Set());
    const kept = await session.query('SELECT * FROM draft_invoice WHERE account_id = $1', [account]);
    expect(kept.rows).toEqual(reviewed.rows);
  });

  it('keeps a good result when a second delivery of its job fails later', async () => {
    const closeId = await open(process(), 'after_review');
    const slow = slowProcess();
    const second = slow.closes.work({ closeId, batch: 0 });
    await eventually(async () => slow.pulls.length === 2);
    await process().work({ closeId, batch: 0 });
    expect(await states(closeId)).toEqual(['drafted', 'drafted']);
    for (const pull of slow.pulls) pull.fail();
    await second;
    expect(await states(closeId)).toEqual(['drafted', 'drafted']);
  });

  it('takes nothing from a job of the round before a retry', async () => {
    const closeId = await open(process(), 'after_review');
    const old = slowProcess();
    const before = old.closes.work({ closeId, batch: 0 });
    await eventually(async () => old.pulls.length === 2);
    for (const account of ids) await hold(closeId, account);
    await retryAccounts(database, closeId, undefined, 'test');
    const young = slowProcess();
    const after = young.closes.work({ closeId, batch: 0 });
    await eventually(async () => young.pulls.length === 2);
    old.pulls[0]?.fail();
    old.pulls[1]?.goOn();
    await before;
    expect(await states(closeId)).toEqual(['pulling', 'pulling']);
    for (const pull of young.pulls) pull.goOn();
    await after;
    expect(await states(closeId)).toEqual(['drafted', 'drafted']);
  });

  /** Cancels a close from another session as far as it goes before its commit; what is waited for is its locks. */
  const cancelling = async (closeId: string) => {
    await session.query('BEGIN');
    await session.query('SELECT 1 FROM close_account WHERE close_id = $1 ORDER BY account_id FOR UPDATE', [closeId]);
    await session.query('DELETE FROM draft_invoice WHERE close_id = $1', [closeId]);
    await session.query("UPDATE close SET state = 'cancelled' WHERE id = $1", [closeId]);
  };
  const drafts = async () => (await session.query('SELECT count(*)::int AS count FROM draft_invoice')).rows[0]?.count;

  it('that is cancelled keeps no draft that comes at the same time, or later', async () => {
    const closeId = await open(process(), 'after_review');
    const [first = '', second = ''] = ids;
    for (const account of ids) await takeUp(database, closeId, [account]);
    await cancelling(closeId);
    const saving = saveDrafts(database, closeId, [draftOf(first, '1.00')]);
    await Promise.race([saving, somebodyWaits()]);
    await session.query('COMMIT');
    expect(await saving).toEqual(new Set());
    expect(await saveDrafts(database, closeId, [draftOf(second, '1.00')])).toEqual(new Set());
    expect(await drafts()).toBe(0);
  });

  it('that is cancelled while its drafts are being issued issues none, and nothing fails', async () => {
    const errors: unknown[] = [];
    const closes = process({ log: (entry) => void errors.push(entry) });
    const closeId = await open(closes, 'after_review');
    await closes.work({ closeId, batch: 0 });
    await closes.desk.release(closeId);
    await cancelling(closeId);
    const issuing = closes.work({ closeId, batch: 0 });
    await somebodyWaits();
    await session.query('COMMIT');
    await issuing;
    expect([await states(closeId), errors]).toEqual([['drafted', 'drafted'], []]);
  });

  it('that is cancelled while a batch is worked on pulls nothing more', async () => {
    const closeId = await open(process());
    const slow = slowProcess({ concurrency: 1, lookout_ms: 0 });
    let ended = false;
    const work = slow.closes.work({ closeId, batch: 0 }).then(() => (ended = true));
    await eventually(async () => slow.pulls.length === 1);
    await slow.closes.desk.cancel(closeId);
    slow.pulls[0]?.goOn();
    await eventually(async () => slow.pulls.length > 1 || ended);
    const pulled = slow.pulls.length;
    for (const pull of slow.pulls) pull.goOn();
    await work;
    expect([pulled, await states(closeId), await drafts()]).toEqual([1, ['pulling', 'pulling'], 0]);
  });

  it('whose batches wait for a worker is not taken for one whose jobs are lost', async () => {
    const closeId = await open(process({ batchSize: 1 }));
    const quietFor = (seconds: number) =>
      session.query('UPDATE close_account SET updated_at = clock_timestamp() - make_interval(secs => $1)', [seconds]);
    await quietFor(300);
    await takeUp(database, closeId, [ids[0] as string]);
    expect(await claimStalledBatches(database, 60)).toEqual([]);
    // The worker of the first is dead; the second moves.
    await quietFor(300);
    await session.query('UPDATE close_account SET updated_at = clock_timestamp() WHERE account_id = $1', [ids[1]]);
    expect(await claimStalledBatches(database, 60)).toEqual([{ closeId, batch: 0 }]);
    // Nothing moves any more: both are lost, and told of once.
    await quietFor(300);
    const lost = await claimStalledBatches(database, 60);
    expect(lost.map(({ batch }) => batch).sort()).toEqual([0, 1]);
    expect(await claimStalledBatches(database, 60)).toEqual([]);
  });

  it('has each document drawn once, and by the sweep only when nobody else came to it', async () => {
    const drawn: string[] = [];
    const closes = process({
      renderer: { ...BLANK_PAGES, render: () => Promise.reject(new Error('dead')) },
    });
    const closeId = await open(closes);
    await expect(closes.work({ closeId, batch: 0 })).rejects.toThrow('dead');
    const [, second] = (await listInvoices(database, { limit: 9 })).map(({ id }) => id).sort();
    const other = process();
    const sweeper = process({
      concurrency: 1,
      renderer: {
        ...BLANK_PAGES,
        render: async (document) => {
          if ('id' in document) drawn.push(document.id);
          // While the first is drawn somebody downloads the second, which the sweep has found missing as well.
          await other.pdf(second as string);
          return drawnAs('%PDF-');
        },
      },
    });
    await sweeper.sweep(60);
    expect(drawn).toEqual([]);
    await sweeper.sweep(0);
    expect([drawn.length, drawn.includes(second as string)]).toEqual([1, false]);
    expect((await listInvoices(database, { limit: 9 })).map(({ pdf_sha256 }) => pdf_sha256)).toEqual([
      drawnAs('%PDF-').sha256,
      drawnAs('%PDF-').sha256,
    ]);
  });

  it('of one seller that cannot be opened keeps neither a worker from its start nor other sellers from theirs', async () => {
    await makeSeller(database, { code: 'zeta' });
    await makeAccount(database, { seller: 'zeta', external_id: 'z' }, 'fee');
    const timing = { day: 1, hour: 0, minute: 0, timeZone: 'UTC', issue: 'automatic' } as const;
    for (const seller of ['acme', 'zeta']) await setCloseSchedule(database, 'test', seller, timing, () => false);
    await session.query("UPDATE close_schedule SET effective_from = effective_from - interval '32 days'");
    const acme = await session.query("SELECT id FROM seller WHERE code = 'acme'");
    await session.query(`CREATE TRIGGER disorder BEFORE INSERT ON close
      FOR EACH ROW WHEN (NEW.seller_id = '${acme.rows[0]?.id}') EXECUTE FUNCTION refuse_change()`);
    const worker = await createWorker({
      ...closingFees(database),
      settleHours: 0,
      queue: queueSettings(url),
      logger: pino({ level: 'silent' }),
      // Only what is done at the start.
      recovery: { lock_ms: 30_000, lookout_ms: 30_000, idle_s: 60, sweep_ms: 3_600_000 },
    });
    const opened = async () => (await listCloses(database, { limit: 9 })).map(({ seller }) => seller);
    await eventually(async () => (await opened()).length > 0);
    await worker.close();
    expect(await opened()).toEqual(['zeta']);
  });

  /** Lets an account look as if whoever bills it had given no sign for a minute. */
  const silence = (accountId: string) =>
    session.query("UPDATE close_account SET seen_at = clock_timestamp() - interval '1 minute' WHERE account_id = $1", [
      accountId,
    ]);
  /** So many workers took the account up and died over it. */
  const killedBy = async (closeId: string, accountId: string, deaths: number) => {
    for (let death = 0; death < deaths; death += 1) {
      await takeUp(database, closeId, [accountId]);
      await silence(accountId);
    }
  };

  it('ends although an account ends every worker that bills it', async () => {
    const closes = process();
    const closeId = await open(closes);
    const [poison = '', innocent = ''] = ids;
    await killedBy(closeId, poison, 10);
    await killedBy(closeId, innocent, 9);
    await closes.work({ closeId, batch: 0 });
    expect(await states(closeId)).toEqual(['failed attempts_used_up', 'issued']);
    expect(await findClose(database, closeId)).toMatchObject({ state: 'finished' });
    // When its cause is mended it has all its attempts again.
    await closes.desk.retry(closeId);
    await closes.work({ closeId, batch: 0 });
    expect(await states(closeId)).toEqual(['issued', 'issued']);
  });

  it('finds and ends an account that ends every worker when it is rated, and takes nothing from one that is late', async () => {
    const closes = process();
    const closeId = await open(closes);
    const [poison = ''] = ids;
    for (let death = 0; death < 10; death += 1) {
      const round = (await takeUp(database, closeId, [poison]))[0]?.round ?? 0;
      await silence(poison);
      expect((await markRated(database, closeId, [{ accountId: poison, round }])).size).toBe(1);
      expect(await states(closeId)).toEqual(['rated', 'pending']);
    }
    await session.query("UPDATE close_account SET updated_at = clock_timestamp() - interval '5 minutes'");
    expect(await claimStalledBatches(database, 60)).toEqual([{ closeId, batch: 0 }]);
    await closes.work({ closeId, batch: 0 });
    expect(await states(closeId)).toEqual(['failed attempts_used_up', 'issued']);
    await closes.desk.retry(closeId);
    const round = (await takeUp(database, closeId, [poison]))[0]?.round ?? 0;
    expect((await markRated(database, closeId, [{ accountId: poison, round: round - 1 }])).size).toBe(0);
    expect(await states(closeId)).toEqual(['pulling', 'issued']);
  });

  it('suspects nobody of whom a living worker is only told again, or after an error', async () => {
    const closes = process();
    const closeId = await open(closes);
    for (let delivery = 0; delivery < 30; delivery += 1) await takeUp(database, closeId, [ids[0] as string]);
    await killedBy(closeId, ids[1] as string, 9);
    await silence(ids[1] as string);
    const connect = () => Promise.reject(new Error('this may pass'));
    const failing = process({ connectors: { ...connectors(), connect } });
    await expect(failing.work({ closeId, batch: 0 })).rejects.toMatchObject({ code: 'batch_unfinished' });
    const lost = await session.query('SELECT lost, seen_at FROM close_account');
    expect(lost.rows).toEqual([
      { lost: 0, seen_at: null },
      { lost: 0, seen_at: null },
    ]);
    await closes.work({ closeId, batch: 0 });
    expect(await states(closeId)).toEqual(['issued', 'issued']);
  });

  it('is told by a slow pull that it is still on', async () => {
    const closeId = await open(process());
    const slow = slowProcess();
    const work = slow.closes.work({ closeId, batch: 0 });
    await eventually(async () => slow.pulls.length === 2);
    await session.query("UPDATE close_account SET updated_at = clock_timestamp() - interval '5 minutes'");
    for (const account of ids) await silence(account);
    const silent = "SELECT FROM close_account WHERE seen_at < clock_timestamp() - interval '15 seconds'";
    await eventually(async () => (await session.query(silent)).rowCount === 0);
    // Nor does the sweep send its batch again.
    expect(await claimStalledBatches(database, 60)).toEqual([]);
    for (const pull of slow.pulls) pull.goOn();
    await work;
    expect(await states(closeId)).toEqual(['issued', 'issued']);
  });

  it('has a suspect billed while its process bills nothing else', async () => {
    const closeId = await open(process({ batchSize: 1 }));
    await killedBy(closeId, ids[0] as string, 1);
    const slow = slowProcess();
    const suspect = slow.closes.work({ closeId, batch: 0 });
    await eventually(async () => slow.pulls.length === 1);
    const other = slow.closes.work({ closeId, batch: 1 });
    // More than long enough for the other to begin, if it did.
    for (let look = 0; look < 30; look += 1) await states(closeId);
    expect(await states(closeId)).toEqual(['pulling', 'pending']);
    slow.pulls[0]?.goOn();
    await eventually(async () => slow.pulls.length === 2);
    slow.pulls[1]?.goOn();
    await Promise.all([suspect, other]);
    expect(await states(closeId)).toEqual(['issued', 'issued']);
  });
});
