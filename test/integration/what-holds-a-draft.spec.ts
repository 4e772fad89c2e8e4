import { accountId, customerSiteId } from '../../apps/report-simulator/src/index.js';
import {
  publishTariffPlan,
  registerEntity,
  saveDraftPlan,
  subscribe,
  updateAccount,
  updateSeller,
} from '#persistence/catalogue';
import { listInvoices } from '#persistence/documents';
import { parseTariffPlan } from '#rating';
import { granted, makeAccount, makePlan, makeSeller, SECRET_KEY, trafficPlan } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

const PERIOD = '2026-08';
const FLEET = { accounts: 1, sites: 2, subscribers: 1 };

/** August in a review: what happens meanwhile holds the draft only if it can change the document. */
describe('a draft that waits for a review', () => {
  let closing: Closing;
  let account: string;

  beforeEach(async () => {
    closing = await startClosing({ fleet: FLEET });
    const { database } = closing;
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, trafficPlan('traffic'));
    await makePlan(database, trafficPlan('later'));
    account = await makeAccount(database, { seller: 'acme', external_id: accountId(0) }, null, [
      { dimension: 'customer_site_id', value: customerSiteId(FLEET, 0, 0) },
    ]);
    const terms = { account, plan: 'traffic', starts_at: '2020-01-01', ends_at: '2026-10-01' };
    granted(await subscribe(database, 'test', terms));
    expect((await closing.run('acme', PERIOD, { review: true })).map(endOf)).toEqual(['drafted']);
  });
  afterEach(() => closing.stop());

  const publish = async (code: string, effectiveFrom: string) => {
    const parsed = parseTariffPlan({ ...trafficPlan(code), effective_from: effectiveFrom });
    if (parsed.outcome !== 'valid') throw new Error('the plan is not valid');
    const { version } = granted(await saveDraftPlan(closing.database, 'test', parsed.plan));
    granted(await publishTariffPlan(closing.database, 'test', code, version));
  };
  const register = async (site: number, activeFrom: string) =>
    granted(
      await registerEntity(closing.database, 'test', account, {
        dimension: 'customer_site_id',
        value: customerSiteId(FLEET, 0, site),
        name: null,
        active_from: activeFrom,
        active_until: null,
      }),
    );
  const seller = (change: object) => updateSeller(closing.database, 'test', 'acme', change, SECRET_KEY);
  const issued = async () => (await closing.issue(closing.lastClose())).map(endOf);

  it('is issued whatever is agreed for later, and however usage is fetched and kept', async () => {
    const { database } = closing;
    await publish('traffic', '2026-09-01');
    await publish('later', '2026-10-01');
    granted(await subscribe(database, 'test', { account, plan: 'later', starts_at: '2026-10-01', ends_at: null }));
    await register(1, '2026-09-01');
    granted(
      await seller({
        settle_hours: 90,
        report_api: { base_url: closing.simulator.url, strict: true, api_key: 'other' },
        settings: { keep_raw: true, drift_percent: '10', usage_detail_retention_months: 24 },
      }),
    );
    expect(await issued()).toEqual(['issued']);
    const [invoice] = await listInvoices(database, { limit: 1 });
    expect(invoice?.period.label).toBe(PERIOD);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a version that takes effect within the month', () => publish('traffic', '2026-08-31')],
    ['a site that belongs to the account on its last day', () => register(1, '2026-08-31')],
    ["the account's name", () => updateAccount(closing.database, 'test', account, { name: 'Else' }, SECRET_KEY)],
    ['how amounts are rounded', () => seller({ rounding: 'half_even' })],
    ['what unregistered usage does', () => seller({ settings: { unregistered_usage: 'hold' } })],
    ['how answers are read', () => seller({ report_api: { dialect: { filter_logic: 'or' } } })],
  ])('is held for %s', async (_what, change) => {
    granted((await change()) as object);
    expect(await issued()).toEqual(['held inputs_changed']);
  });
});
