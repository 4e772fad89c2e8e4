import { monthAt, monthPeriod, previousMonth } from '#calendar';
import { updateAccount, updateSeller } from '#persistence/catalogue';
import { findCertificate, listCloseEvents } from '#persistence/closes';
import { feePlan, granted, makeAccount, makePlan, makeSeller, SECRET_KEY, trafficPlan } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

const EAST = 'Pacific/Kiritimati';
// 25 hours west of it.
const WEST = 'Pacific/Pago_Pago';

describe('an account in a zone west of its seller', () => {
  let closing: Closing;
  beforeEach(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 } });
  });
  afterEach(() => closing.stop());

  it('is retried by the sweep when its own month has settled, it alone, and once by several workers', async () => {
    const { database } = closing;
    const now = Math.floor(Date.now() / 1_000);
    const period = previousMonth(previousMonth(monthAt(now, EAST)));
    // The seller's month has settled 12 hours ago, so the account's will in 13.
    const settle_hours = Math.floor((now - monthPeriod(period, EAST).end) / 3_600) - 12;
    await makeSeller(database, { code: 'acme', time_zone: EAST, settle_hours });
    await makePlan(database, feePlan('fee', '10.00'));
    await makePlan(database, trafficPlan('traffic'));
    await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    const west = await makeAccount(database, { seller: 'acme', external_id: 'b', time_zone: WEST }, 'fee');
    // The report API does not know it.
    await makeAccount(database, { seller: 'acme', external_id: 'c' }, 'traffic');
    const early = ['issued', 'held period_not_billable', 'held account_forbidden'];
    await closing.run('acme', period, { dryRun: true });
    expect((await closing.run('acme', period)).map(endOf)).toEqual(early);
    const worked = async () => (await closing.issue(closing.lastClose())).map(endOf);

    await closing.closes.sweep();
    expect(await worked()).toEqual(early);
    granted(await updateSeller(database, 'test', 'acme', { settle_hours: settle_hours - 14 }, SECRET_KEY));
    await Promise.all([closing.closes.sweep(), closing.another().sweep(), closing.another().sweep()]);
    expect(await worked()).toEqual(['issued', 'issued', 'held account_forbidden']);

    const moves = await listCloseEvents(database, closing.lastClose(), { account: west, limit: 20 });
    expect(moves.filter(({ from }) => from === 'held')).toMatchObject([
      { to: 'pending', actor: 'service', reason: { code: 'retried' } },
    ]);
    expect(await findCertificate(database, closing.lastClose())).toMatchObject({ revision: 2 });
    await closing.closes.sweep();
    expect(await findCertificate(database, closing.lastClose())).toMatchObject({ revision: 2 });
  });

  it('is held, and keeps none of the others, where an earlier version took an abbreviation for its zone', async () => {
    const { database } = closing;
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    const old = await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    await makeAccount(database, { seller: 'acme', external_id: 'b' }, 'fee');
    await database.$executeRaw`UPDATE account SET time_zone = 'IST' WHERE id = ${old}::uuid`;
    expect((await closing.run('acme', '2026-08')).map(endOf)).toEqual(['held unknown_time_zone', 'issued']);
    granted(await updateAccount(database, 'test', old, { time_zone: 'Asia/Kolkata' }, SECRET_KEY));
    expect((await closing.retry(closing.lastClose())).map(endOf)).toEqual(['issued', 'issued']);
  });
});
