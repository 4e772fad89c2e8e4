import pg from 'pg';
import { pino } from 'pino';
import { monthAt, previousMonth } from '#calendar';
import { dueRuns } from '#close';
import type { Catalogue } from '#persistence';
import { updateSeller } from '#persistence/catalogue';
import {
  deleteCloseSchedule,
  findClose,
  listCloseSchedules,
  listCloses,
  type ScheduleTiming,
  setCloseSchedule,
} from '#persistence/closes';
import { queueSettings } from '#runtime';
import { createWorker, type RunningWorker } from '../../apps/worker/src/index.js';
import { feePlan, granted, makeAccount, makePlan, makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { closingFees } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase } from '../support/postgres.js';

const HOUR_MS = 3_600_000;
const now = () => new Date(Date.now());
const LAST_MONTH = previousMonth(monthAt(Math.floor(Date.now() / 1000), 'UTC'));

/** The minute of a schedule in UTC. */
function at(time: Date): ScheduleTiming {
  return { day: time.getUTCDate(), hour: time.getUTCHours(), minute: time.getUTCMinutes(), timeZone: 'UTC' };
}

describe('a schedule', () => {
  let url: string;
  let database: Catalogue;
  const workers: RunningWorker[] = [];

  beforeEach(async () => {
    ({ url, database } = await createTestDatabase());
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
    await database.$disconnect();
  });

  const start = async (every_ms: number) => {
    const worker = await createWorker({
      ...closingFees(database),
      settleHours: 72,
      queue: queueSettings(url),
      logger: pino({ level: 'error' }),
      recovery: { lock_ms: 30_000, lookout_ms: 30_000, idle_s: 60, sweep_ms: every_ms },
    });
    workers.push(worker);
    return worker;
  };
  const schedule = (timing: ScheduleTiming, issue: 'automatic' | 'after_review' = 'automatic') =>
    setCloseSchedule(database, 'test', 'acme', { ...timing, issue }, (before, now) => dueRuns(before, now).length > 0);
  /** As if it had been set a week ago, or longer: what is due this month is due now. */
  const longAgo = async (since = '7 days') => {
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    await owner.query('UPDATE close_schedule SET effective_from = effective_from - $1::interval', [since]);
    await owner.end();
  };
  const opened = async () => (await listCloses(database, { seller: 'acme', limit: 10 }))[0];

  it('fires at its minute, closes last month, once for several workers that look at the same time', async () => {
    // A minute that is not too near, so that the workers are up before it.
    const due = new Date(Math.ceil((Date.now() + 4_000) / 60_000) * 60_000);
    await schedule(at(due));
    await Promise.all([start(100), start(100), start(100)]);
    expect(await opened()).toBeUndefined();
    const close = await eventually(opened);
    expect(Date.parse(close.created_at)).toBeGreaterThanOrEqual(due.getTime());
    expect(close).toMatchObject({ period: { label: LAST_MONTH }, issue: 'automatic', dry_run: false });
    const finished = await eventually(async () => {
      const view = await findClose(database, close.id);
      return view?.state === 'finished' ? view : undefined;
    });
    expect(finished.counts.issued).toBe(1);
    const [run] = await eventually(async () => {
      const stored = await listCloseSchedules(database);
      return stored[0]?.lastRun ? stored : undefined;
    });
    expect(run?.lastRun).toMatchObject({ period: LAST_MONTH, close: close.id });
    expect(await listCloses(database, { limit: 10 })).toHaveLength(1);
  });

  it('that nobody was there for is made up for by the next worker that starts', async () => {
    await schedule(at(now()), 'after_review');
    await longAgo();
    await start(HOUR_MS);
    const close = await eventually(opened);
    expect(close).toMatchObject({ period: { label: LAST_MONTH }, issue: 'after_review' });
  });

  it('that nobody was there for in months opens them all, oldest first', async () => {
    await schedule(at(now()), 'after_review');
    await longAgo('3 months 1 day');
    await start(HOUR_MS);
    const all = await eventually(async () => {
      const closes = await listCloses(database, { seller: 'acme', limit: 10 });
      return closes.length === 4 ? closes : undefined;
    });
    const months = [LAST_MONTH];
    for (let month = LAST_MONTH; months.length < 4;) months.push((month = previousMonth(month)));
    expect(all.map(({ period }) => period.label)).toEqual(months);
  });

  it('waits for a month that is not billable yet', async () => {
    granted(await updateSeller(database, 'test', 'acme', { settle_hours: 8_760 }, SECRET_KEY));
    await schedule(at(now()));
    await longAgo();
    const worker = await start(HOUR_MS);
    // It looks when it starts, and ends what it began.
    await worker.close();
    workers.splice(0);
    expect(await opened()).toBeUndefined();
    granted(await updateSeller(database, 'test', 'acme', { settle_hours: 0 }, SECRET_KEY));
    await start(HOUR_MS);
    expect(await eventually(opened)).toMatchObject({ period: { label: LAST_MONTH } });
  });

  it('keeps a month that waits when it is changed, and nothing else that was before the change', async () => {
    granted(await updateSeller(database, 'test', 'acme', { settle_hours: 8_760 }, SECRET_KEY));
    const isWaiting = async () => {
      const [stored] = await listCloseSchedules(database, 'acme');
      return stored && dueRuns(stored, Math.floor(Date.now() / 1000)).at(-1)?.period;
    };
    await schedule(at(now()), 'after_review');
    await longAgo();
    expect(await isWaiting()).toBe(LAST_MONTH);
    await schedule(at(now()), 'automatic');
    expect(await isWaiting()).toBe(LAST_MONTH);
    const worker = await start(HOUR_MS);
    // It ends what it began when it started.
    await worker.close();
    workers.splice(0);
    expect(await opened()).toBeUndefined();
    await deleteCloseSchedule(database, 'test', 'acme');
    await schedule(at(new Date(Date.now() - 60_000)), 'automatic');
    await schedule(at(new Date(Date.now() - 60_000)), 'after_review');
    expect(await isWaiting()).toBeUndefined();
  });

  it('leaves a month alone that somebody closes in another way', async () => {
    const worker = await start(HOUR_MS);
    const ask = { seller: 'acme', period: LAST_MONTH, kind: 'regular', dryRun: false, issue: 'after_review' } as const;
    await worker.closes.desk.open({ ...ask, actor: 'test' });
    await schedule(at(now()), 'automatic');
    await longAgo();
    await start(HOUR_MS);
    const stored = await eventually(async () => {
      const [kept] = await listCloseSchedules(database, 'acme');
      return kept?.lastRun ? kept : undefined;
    });
    expect(stored.lastRun).toMatchObject({ period: LAST_MONTH, close: null });
    expect(await listCloses(database, { limit: 10 })).toMatchObject([{ issue: 'after_review' }]);
  });
});
