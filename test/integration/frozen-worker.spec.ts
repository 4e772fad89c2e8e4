import { Client } from 'pg';
import { accountId, type ReportSimulator, startReportSimulator } from '../../apps/report-simulator/src/index.js';
import { type BatchJob, Closes } from '#close';
import { type Catalogue, openDatabase, PATIENCE, type Patience } from '#persistence';
import { listInvoices } from '#persistence/documents';
import { findClose } from '#persistence/closes';
import { type CloseQueue, openCloseQueue, queueSettings } from '#runtime';
import { feePlan, makeAccount, makePlan, makeSeller, SECRET_KEY, trafficPlan } from '../support/catalogue.js';
import { closingFees } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase } from '../support/postgres.js';
import { type Program, run } from '../support/process.js';

const PERIOD = '2026-08';
const ACCOUNTS = 6;
/** Longer than any test: as good as none. */
const HOUR_MS = 3_600_000;

// Whole processes, and batches that wait to be tried again.

describe('a worker that freezes while it holds the number series of a seller', () => {
  let url: string;
  let serviceUrl: string;
  let database: Catalogue;
  let simulator: ReportSimulator;
  let queue: CloseQueue;
  let closes: Closes;
  const programs: Program[] = [];

  beforeAll(async () => {
    simulator = await startReportSimulator({ fleet: { accounts: 2 * ACCOUNTS, sites: 1, subscribers: 1 }, seed: 7 });
  });
  afterAll(() => simulator.close());
  beforeEach(async () => {
    ({ url, serviceUrl, database } = await createTestDatabase());
    await makePlan(database, trafficPlan('traffic'));
    for (const [position, code] of ['acme', 'other'].entries()) {
      await makeSeller(database, { code });
      for (let number = position * ACCOUNTS; number < (position + 1) * ACCOUNTS; number += 1) {
        await makeAccount(database, { seller: code, external_id: accountId(number) }, 'traffic');
      }
    }
    queue = await openCloseQueue(queueSettings(serviceUrl));
    closes = new Closes({
      ...closingFees(database),
      settleHours: 72,
      batchSize: 2,
      enqueue: (jobs) => queue.enqueue(jobs),
    });
  });
  afterEach(async () => {
    for (const program of programs.splice(0)) program.child.kill('SIGKILL');
    await queue.close();
    await database.$disconnect();
  });

  const start = async (patience: Patience, freeze?: { steps: string[]; nth: number }) => {
    const worker = run(
      'test/crash/worker.mjs',
      [
        JSON.stringify({
          ...{ databaseUrl: serviceUrl, queueUrl: serviceUrl, reportUrl: simulator.url },
          ...{ secretKey: SECRET_KEY.toString('hex'), patience, freeze },
        }),
      ],
      {},
    );
    programs.push(worker);
    await worker.says(/working/);
    return worker;
  };
  const open = async (seller: string) => {
    const opened = await closes.desk.open({
      ...{ seller, period: PERIOD, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
    } as const);
    if (opened.outcome !== 'opened') throw new Error(`refused: ${opened.code}`);
    return opened.id;
  };
  const finished = (id: string) =>
    eventually(async () => ((await findClose(database, id))?.state === 'finished' ? true : undefined));
  const invoicesOf = (seller: string) => listInvoices(database, { seller, limit: 200 });
  /** Sessions that hold a series and say nothing; only the owner sees them. */
  const frozenSessions = async () => {
    const owner = new Client({ connectionString: url });
    await owner.connect();
    const { rowCount } = await owner.query(`
      SELECT FROM pg_locks l JOIN pg_stat_activity s USING (pid)
       WHERE l.relation = 'number_series'::regclass AND l.mode = 'RowExclusiveLock' AND s.state = 'idle in transaction'`);
    await owner.end();
    return rowCount;
  };
  const expectIssuedOnce = async (seller: string) => {
    const invoices = await invoicesOf(seller);
    expect(invoices.map(({ number }) => number).sort()).toEqual(
      Array.from({ length: ACCOUNTS }, (_, index) => `INV-2026-${String(index + 1).padStart(6, '0')}`),
    );
    expect(new Set(invoices.map(({ account }) => account)).size).toBe(ACCOUNTS);
    const [series] = await database.$queryRaw<{ next: number }[]>`
      SELECT next_sequence::int AS next FROM number_series n JOIN seller s ON s.id = n.seller_id WHERE s.code = ${seller}`;
    expect(series?.next).toBe(ACCOUNTS + 1);
  };

  it('keeps no other seller from being billed, and goes on where it was when it wakes', async () => {
    const frozen = await start(
      { ...PATIENCE, idleTransaction_ms: HOUR_MS, lock_ms: 500 },
      { steps: ['issuing'], nth: 1 },
    );
    const first = await open('acme');
    await frozen.says(/froze at issuing/);
    const living = await start({ ...PATIENCE, idleTransaction_ms: HOUR_MS, lock_ms: 500 });
    await finished(await open('other'));
    await expectIssuedOnce('other');
    expect([await frozenSessions(), await invoicesOf('acme')]).toEqual([1, []]);

    frozen.child.kill('SIGCONT');
    await finished(first);
    expect([await frozen.terminate(), await living.terminate()]).toEqual([0, 0]);
    await expectIssuedOnce('acme');
  });

  it('loses the series, so that its seller is billed too, and writes nothing of it when it wakes', async () => {
    const frozen = await start(
      { ...PATIENCE, idleTransaction_ms: 2_000, lock_ms: 500 },
      { steps: ['issuing'], nth: 1 },
    );
    const first = await open('acme');
    await frozen.says(/froze at issuing/);
    const living = await start({ ...PATIENCE, idleTransaction_ms: HOUR_MS, lock_ms: 500 });
    await finished(first);
    await expectIssuedOnce('acme');
    const before = await invoicesOf('acme');

    frozen.child.kill('SIGCONT');
    await finished(await open('other'));
    expect([await frozen.terminate(), await living.terminate()]).toEqual([0, 0]);
    expect(await invoicesOf('acme')).toEqual(before);
    await expectIssuedOnce('acme');
    await expectIssuedOnce('other');
  });
});

describe('a batch whose seller has a locked series', () => {
  it('is given back after it was found so once, without an attempt of any, and is issued by the next', async () => {
    const { serviceUrl, database } = await createTestDatabase();
    const impatient = openDatabase(serviceUrl, 6, { ...PATIENCE, idleTransaction_ms: HOUR_MS, lock_ms: 100 });
    try {
      await makeSeller(database, { code: 'acme' });
      await makePlan(database, feePlan('fee', '10.00'));
      for (let number = 0; number < 25; number += 1) {
        await makeAccount(database, { seller: 'acme', external_id: accountId(number) }, 'fee');
      }
      const jobs: BatchJob[] = [];
      const waited: unknown[] = [];
      const options = { settleHours: 72, enqueue: async (added: readonly BatchJob[]) => void jobs.push(...added) };
      const closes = new Closes({
        ...closingFees(impatient),
        ...options,
        log: ({ event, code, level }) => waited.push([event, code, level]),
      });
      const opened = await closes.desk.open({
        ...{ seller: 'acme', period: PERIOD, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
      } as const);
      if (opened.outcome !== 'opened') throw new Error(`refused: ${opened.code}`);
      const [job] = jobs;
      if (!job) throw new Error('no job');
      const found = await database.$transaction(async (holder) => {
        await holder.$executeRaw`LOCK TABLE number_series IN SHARE MODE`;
        const once = await closes.work(job).catch((error: unknown) => error);
        const again = await closes.work(job).catch((error: unknown) => error);
        return [once, again];
      });
      expect(found).toEqual([1, 2].map(() => expect.objectContaining({ code: 'series_locked', retryable: true })));
      // The batch has waited once, for all of its accounts, and keeps what it has drafted.
      expect(waited).toEqual([['series_locked', 'series_locked', 'warn']]);
      const tried = await database.$queryRaw`
        SELECT state, attempts, count(*)::int FROM close_account GROUP BY 1, 2 ORDER BY 3`;
      expect(tried).toEqual([{ state: 'drafted', attempts: 0, count: 25 }]);
      await new Closes({ ...closingFees(database), ...options }).work(job);
      expect(await findClose(database, job.closeId)).toMatchObject({ state: 'finished', counts: { issued: 25 } });
    } finally {
      await Promise.all([impatient.$disconnect(), database.$disconnect()]);
    }
  });
});
