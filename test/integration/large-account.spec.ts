import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { loadSnapshots } from '#persistence/ledger';
import { type CloseAccountView, findClose, listCloseAccounts } from '#persistence/closes';
import { accountId, customerSiteId } from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, makeSeller, planOf, usageCharge } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

const PERIOD = '2026-08';
const SITES = 300;
const FLEET = { accounts: 1, sites: SITES, subscribers: 1 };
/** Both directions of every site, and of the account as their control. */
const SERIES = 2 * (SITES + 1);

describe('an account with 300 sites', () => {
  let closing: Closing;
  /** A session with work of its own, and one that looks at what sessions do. */
  let other: pg.Client;
  let watcher: pg.Client;
  let account: string;

  beforeAll(async () => {
    closing = await startClosing({ fleet: FLEET, seed: 7 });
    await makeSeller(closing.database, { code: 'acme' });
    const perSite = { metric: 'bytes', direction: 'total', per: 'customer_site_id', unit: 'kB' };
    await makePlan(closing.database, planOf('by-site', usageCharge('traffic', perSite, '0.01')));
    const sites = Array.from({ length: SITES }, (_, site) => ({
      dimension: 'customer_site_id' as const,
      value: customerSiteId(FLEET, 0, site),
    }));
    account = await makeAccount(closing.database, { seller: 'acme', external_id: accountId(0) }, 'by-site', sites);
    [other, watcher] = [1, 2].map(() => new pg.Client({ connectionString: closing.url })) as [pg.Client, pg.Client];
    await Promise.all([other.connect(), watcher.connect()]);
  });
  afterAll(async () => {
    await Promise.all([other.end(), watcher.end()]);
    await closing.stop();
  });

  const view = async (): Promise<CloseAccountView | undefined> => {
    const closeId = closing.lastClose();
    return closeId === '' ? undefined : (await listCloseAccounts(closing.database, closeId, { account, limit: 1 }))[0];
  };
  /** Waits for the first answer that is one. */
  const until = async <T>(ask: () => Promise<T | undefined>): Promise<T> => {
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      await delay(20);
    }
  };
  /** A session that waits for a lock, in a transaction that began after the one given. */
  const waiting = async (after: Date) => {
    const { rows } = await watcher.query<{ pid: number; began: Date }>(
      `SELECT pid, xact_start AS began FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND xact_start > $1`,
      [after],
    );
    return rows[0];
  };

  it('is kept piece by piece: one that is interrupted is kept again, nothing is pulled again, and its progress is seen', async () => {
    await watcher.query(`SELECT open_month('${PERIOD}-01')`);
    // Another session has the last window in hand, so the last piece waits for it.
    await other.query('BEGIN');
    await other.query(
      `INSERT INTO usage_window (id, account_id, entity, metric, period_label, owned)
       VALUES (gen_random_uuid(), $1, $2, 'uplink_bytes', $3, tstzrange('2026-08-01T00:00:00Z', '2026-09-01T00:00:00Z'))`,
      [
        account,
        `customer_site_id:${[...Array(SITES).keys()]
          .map((site) => customerSiteId(FLEET, 0, site))
          .sort()
          .at(-1)}`,
        PERIOD,
      ],
    );
    const running = closing.run('acme', PERIOD);
    let last = new Date(0);
    for (let interruption = 1; interruption <= 3; interruption += 1) {
      const { pid, began } = await until(() => waiting(last));
      last = began;
      await watcher.query('SELECT pg_cancel_backend($1)', [pid]);
    }
    await until(() => waiting(last));
    const kept = 50 * Math.floor(SERIES / 50);
    const progress = await until(async () => {
      const now = (await view())?.progress;
      return now?.kept === kept ? now : undefined;
    });
    expect(progress).toMatchObject({ needed: SERIES, pulled: SERIES, kept });
    expect(await findClose(closing.database, closing.lastClose())).toMatchObject({
      state: 'running',
      progress: { done: 0, total: 1, series: { needed: SERIES, pulled: SERIES, kept } },
    });
    expect(Date.parse(progress.seen_at)).toBeGreaterThan(0);

    await other.query('ROLLBACK');
    expect((await running).map(endOf)).toEqual(['issued']);
    const issued = await view();
    expect([issued?.attempts, issued?.progress, issued?.lines.length]).toEqual([0, null, SITES]);
    expect(closing.failures).toEqual([]);
    expect(closing.simulator.counters().requests).toBe(SITES + 1);
    const snapshots = await loadSnapshots(closing.database, { accountId: account, periodLabel: PERIOD });
    expect(snapshots.map(({ revision }) => revision)).toEqual(Array(SERIES).fill(1));
    expect(await findClose(closing.database, closing.lastClose())).toMatchObject({
      state: 'finished',
      progress: { series: null, seen_at: null },
    });
  });
});
