import { findClose, listCloses } from '#persistence/closes';
import { accountId } from '../../apps/report-simulator/src/index.js';
import { feePlan, makeAccount, makePlan, makeSeller, trafficPlan } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

const VAT = { name: 'VAT', category: 'S' as const, rate: '19', note: null };
// 10.00 and 20.50, and 19 % of them.
const TOTALS = [{ currency: 'USD', net: '30.50', tax: '5.80', gross: '36.30' }];

describe('what a close comes to', () => {
  let closing: Closing;
  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 } });
    const { database } = closing;
    await makeSeller(database, { code: 'acme', settings: { report_api_wait_hours: 0 } });
    await makePlan(database, feePlan('ten', '10.00'));
    await makePlan(database, feePlan('twenty', '20.50'));
    await makePlan(database, trafficPlan('traffic'));
    await makeAccount(database, { seller: 'acme', external_id: 'a', taxes: [VAT] }, 'ten');
    await makeAccount(database, { seller: 'acme', external_id: 'b', taxes: [VAT] }, 'twenty');
    await makeAccount(database, { seller: 'acme', external_id: accountId(0), taxes: [VAT] }, 'traffic');
    closing.simulator.setFaults([{ fault: 'error_500' }]);
  });
  afterAll(() => closing.stop());

  const view = async () => {
    const close = await findClose(closing.database, closing.lastClose());
    if (!close) throw new Error('there is no such close');
    const [listed] = await listCloses(closing.database, { limit: 1 });
    expect(listed).toEqual(close);
    return close;
  };
  const summaries = async () => {
    const rows = await closing.database.$queryRaw<{ summary: object | null }[]>`
      SELECT summary FROM close WHERE id = ${closing.lastClose()}::uuid`;
    return rows.map(({ summary }) => summary);
  };

  it('is the sum of a dry run, of drafts and of documents alike', async () => {
    await closing.run('acme', '2026-08', { dryRun: true });
    expect(await view()).toMatchObject({ state: 'finished', counts: { drafted: 2, held: 1 }, totals: TOTALS });
    await closing.run('acme', '2026-08', { review: true });
    expect(await view()).toMatchObject({ state: 'review', counts: { drafted: 2, held: 1 }, totals: TOTALS });
    expect(await summaries()).toEqual([null]);
    await closing.issue(closing.lastClose());
    expect(await view()).toMatchObject({ state: 'finished', counts: { issued: 2, held: 1 }, totals: TOTALS });
  });

  it('is kept while the close is finished, as it would be counted, and counted again when the close goes on', async () => {
    const kept = await view();
    expect(kept).toMatchObject({
      progress: { done: 3, total: 3, rate_per_minute: null, eta: null },
      holds: [{ code: 'report_api_unavailable', count: 1 }],
    });
    expect(await summaries()).toEqual([expect.objectContaining({ totals: TOTALS })]);
    await closing.database.$executeRaw`UPDATE close SET summary = NULL`;
    expect(await view()).toEqual(kept);

    // Finished anew, held for the same.
    expect((await closing.retry(closing.lastClose())).map(endOf)).toContain('held report_api_unavailable');
    expect(await summaries()).toEqual([expect.objectContaining({ totals: TOTALS })]);
    await closing.closes.desk.retry(closing.lastClose());
    expect(await summaries()).toEqual([null]);
    expect(await view()).toMatchObject({ state: 'running', counts: { pending: 1, issued: 2 }, holds: [] });
  });
});
