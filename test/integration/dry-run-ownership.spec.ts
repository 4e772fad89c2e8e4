import { accountId } from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, makeSeller, trafficPlan } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

/** An account whose zone has other rules than when July was pulled: its August begins in the July of the former zone, which is kept. */
describe('a dry run of a period of which another one owns usage', () => {
  let closing: Closing;
  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 } });
    const { database } = closing;
    await makeSeller(database, { code: 'acme' });
    const [charge] = trafficPlan('free').charges;
    const free = { ...charge, price: { model: 'per_unit', unit_price: '0.00' } };
    await makePlan(database, { ...trafficPlan('free'), charges: [free] });
    const account = await makeAccount(database, { seller: 'acme', external_id: accountId(0) }, 'free');
    expect((await closing.run('acme', '2026-07')).map(endOf)).toEqual(['empty']);
    // The service refuses that since usage is kept; the rules of a zone may change without being asked.
    await database.$executeRaw`UPDATE account SET time_zone = 'Asia/Tokyo' WHERE id = ${account}::uuid`;
  });
  afterAll(() => closing.stop());

  const windows = () => closing.database.$queryRaw`SELECT period_label, count(*)::int FROM usage_window GROUP BY 1`;

  it('holds what the real run holds, and keeps nothing', async () => {
    const before = await windows();
    const held = ['held usage_owned_by_another_period'];
    expect((await closing.run('acme', '2026-08', { dryRun: true })).map(endOf)).toEqual(held);
    expect(await windows()).toEqual(before);
    expect((await closing.run('acme', '2026-08')).map(endOf)).toEqual(held);
  });

  it('holds no other', async () => {
    expect((await closing.run('acme', '2026-06', { dryRun: true })).map(endOf)).toEqual(['empty']);
    expect((await closing.run('acme', '2026-06')).map(endOf)).toEqual(['empty']);
    // Its own windows are no other period's.
    expect((await closing.run('acme', '2026-06', { dryRun: true })).map(endOf)).toEqual(['empty']);
  });
});
