import { accountId, customerSiteId, msisdnOf } from '../../apps/report-simulator/src/index.js';
import { monthPeriod, toStamp } from '#calendar';
import type { BatchJob } from '#close';
import { updateSeller } from '#persistence/catalogue';
import { findClose, listCloseAccounts } from '#persistence/closes';
import {
  makeAccount,
  makePlan,
  makeSeller,
  PERCENTILE_95,
  planOf,
  SECRET_KEY,
  usageCharge,
} from '../support/catalogue.js';
import { type Closing, endOf, startClosing, warned } from '../support/closing.js';

const PERIOD = '2026-08';
const FLEET = { accounts: 6, sites: 2, subscribers: 2 };
const subscribersOf = (account: number) => [0, 1, 2, 3].map((each) => msisdnOf(account * 4 + each));
const sitesOf = (account: number) => [0, 1].map((site) => customerSiteId(FLEET, account, site));
const msisdns = (values: string[]) => values.map((value) => ({ dimension: 'msisdn' as const, value }));
const sites = (values: string[]) => values.map((value) => ({ dimension: 'customer_site_id' as const, value }));

const plan = (code: string, ...measures: object[]) =>
  planOf(code, ...measures.map((measure, index) => usageCharge(`c${index}`, measure)));
const SUBSCRIBER_BYTES = { metric: 'bytes', direction: 'total', per: 'msisdn', unit: 'GB' };
const SITE_BYTES = { metric: 'bytes', direction: 'total', per: 'customer_site_id', unit: 'GB' };
const BURST = { ...PERCENTILE_95, direction: 'percentile_of_greater', sites: 'pooled', unit: 'Mbps' };

describe('controls of a close', () => {
  let closing: Closing;
  beforeEach(async () => {
    closing = await startClosing({ fleet: FLEET, seed: 7 });
    await makePlan(closing.database, plan('airtime', SUBSCRIBER_BYTES));
    await makePlan(closing.database, plan('sites', SITE_BYTES, BURST));
    await makePlan(closing.database, plan('burst', BURST));
  });
  afterEach(() => closing.stop());

  const account = (number: number, of: string, entities: Parameters<typeof makeAccount>[3], seller = 'acme') =>
    makeAccount(closing.database, { seller, external_id: accountId(number) }, of, entities);

  it('all subscribers registered: fine; one missing: a warning with the difference; the seller may hold it', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await makeSeller(closing.database, { code: 'strictly', settings: { unregistered_usage: 'hold' } });
    await account(0, 'airtime', msisdns(subscribersOf(0)));
    await account(1, 'airtime', msisdns(subscribersOf(1).slice(1)));
    await account(2, 'airtime', msisdns(subscribersOf(2)), 'strictly');
    await account(3, 'airtime', msisdns(subscribersOf(3).slice(1)), 'strictly');

    const [whole, part] = await closing.run('acme', PERIOD);
    expect([whole && endOf(whole), whole && warned(whole)]).toEqual(['issued', []]);
    expect([part && endOf(part), part && warned(part)]).toEqual(['issued', ['unregistered_usage']]);
    // 31 days from 2026-08-01 (day 20,666 since 1970, 5 mod 97): Σ days mod 97 = 5 + … + 35 = 620.
    // Leaf 4 (n = 4): 288·31·(50,000 + 40) + 41,328·31·200 + 288·2·620 + 108·31.
    const uplink = 288 * 31 * 50_040 + 41_328 * 31 * 200 + 288 * 2 * 620 + 108 * 31;
    expect(part?.warnings.map(({ message }) => message).join('\n')).toContain(
      `${uplink} (24.99 %) of the account's uplink_bytes`,
    );

    const held = await closing.run('strictly', PERIOD);
    expect(held.map(endOf)).toEqual(['issued', 'held unregistered_usage']);
  });

  it('filters that are OR-ed make every subscriber the account: held at the first run', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    closing.simulator.setSwitches({ filter_logic: 'or' });
    await account(0, 'airtime', msisdns(subscribersOf(0)));
    await account(1, 'airtime', msisdns(subscribersOf(1).slice(0, 1)));
    await account(2, 'burst', sites(sitesOf(2)));
    const ended = await closing.run('acme', PERIOD);
    expect(ended.map(({ state }) => state)).toEqual(['held', 'issued', 'held']);
    expect([ended[0]?.reason?.code, ...(ended[0] ? warned(ended[0]) : [])]).toEqual([
      'filter_suspect',
      'entities_exceed_account',
    ]);
    // The one subscriber that is registered may well be the account: nothing is known of any other.
    expect(ended[1]?.warnings.map(({ code }) => code)).toEqual([]);
    expect(ended[2]?.reason?.code).toBe('filter_suspect');
  });

  it('entities that exceed their account hold', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await account(0, 'sites', sites(sitesOf(0)));
    closing.simulator.setFaults([{ fault: 'bytes_x8', match: { site: sitesOf(0)[1] ?? '' } }]);
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(['held entities_exceed_account']);
  });

  it.each(['sites', 'burst'])('%s: bytes × 8 and rates × 1000 hold, also where rates alone are billed', async (of) => {
    const fleet = { accounts: 1, sites: 2, subscribers: 1 };
    const single = await startClosing({ fleet, seed: 7 });
    await makePlan(single.database, plan('sites', SITE_BYTES, BURST));
    await makePlan(single.database, plan('burst', BURST));
    await makeSeller(single.database, { code: 'acme' });
    const registered = sites([0, 1].map((site) => customerSiteId(fleet, 0, site)));
    await makeAccount(single.database, { seller: 'acme', external_id: accountId(0) }, of, registered);
    const contradicted = ['held rates_disagree_with_bytes'];
    single.simulator.setFaults([{ fault: 'bytes_x8' }]);
    expect((await single.run('acme', PERIOD)).map(endOf)).toEqual(contradicted);
    single.simulator.setFaults([{ fault: 'rates_x1000' }]);
    expect((await single.run('acme', '2026-07')).map(endOf)).toEqual(contradicted);
    single.simulator.setFaults([]);
    const [fine] = await single.run('acme', '2026-06');
    expect([fine && endOf(fine), fine && warned(fine)]).toEqual(['issued', []]);
    expect((await findClose(single.database, single.lastClose()))?.warnings).toContainEqual(
      expect.objectContaining({ code: 'samples_exceed_bytes', count: 1 }),
    );
    await single.stop();
  });

  it('bytes × 8 of several subscribers are as many as their seconds may hide: a warning, until the rates are proven', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await account(0, 'sites', sites(sitesOf(0)));
    closing.simulator.setFaults([{ fault: 'bytes_x8' }]);
    const [view] = await closing.run('acme', PERIOD);
    expect([view && endOf(view), view && warned(view)]).toEqual(['issued', ['rates_disagree_with_bytes']]);
  });

  it('rates of the busiest subscriber and rounded rates are doubts: warnings, and holds of a strict seller', async () => {
    const busy = await startClosing({
      fleet: { accounts: 2, sites: 1, subscribers: 6 },
      seed: 7,
      profiles: { big: true },
    });
    const value = customerSiteId({ accounts: 2, sites: 1, subscribers: 6 }, 0, 0);
    const dialect = { line_rate_mbps: 100_000_000 };
    await makeSeller(busy.database, {
      code: 'acme',
      report_api: { base_url: null, api_key: null, strict: false, dialect },
    });
    await makePlan(busy.database, plan('burst', BURST));
    await makeAccount(busy.database, { seller: 'acme', external_id: accountId(0) }, 'burst', sites([value]));
    await makeSeller(busy.database, {
      code: 'strict',
      report_api: {
        base_url: null,
        api_key: null,
        strict: true,
        dialect: { ...dialect, filter_logic: 'and', scope: 'all_ues', proven: { label: true, unit: true } },
      },
    });
    const other = customerSiteId({ accounts: 2, sites: 1, subscribers: 6 }, 1, 0);
    await makeAccount(busy.database, { seller: 'strict', external_id: accountId(1) }, 'burst', sites([other]));
    busy.simulator.setSwitches({ scope: 'top_ue' });
    const [doubted] = await busy.run('acme', '2026-07');
    expect([doubted && endOf(doubted), doubted && warned(doubted)]).toEqual(['issued', ['rates_disagree_with_bytes']]);
    expect((await busy.run('strict', PERIOD)).map(endOf)).toEqual(['held rates_disagree_with_bytes']);
    busy.simulator.setSwitches({ scope: 'all_ues', round_dp: 2 });
    const [rounded] = await busy.run('acme', PERIOD);
    expect([rounded && endOf(rounded), rounded && warned(rounded)]).toEqual(['issued', ['drift']]);
    const ofVendor = (await findClose(busy.database, busy.lastClose()))?.warnings.map(({ code }) => code);
    expect(ofVendor).toEqual(expect.arrayContaining(['rates_look_rounded', 'samples_exceed_bytes']));
    expect((await busy.run('strict', '2026-07')).map(endOf)).toEqual(['held rates_look_rounded']);
    busy.simulator.setSwitches({ round_dp: 'none' });
    expect((await busy.retry(busy.lastClose())).map(endOf)).toEqual(['issued']);
    await busy.stop();
  });

  it('a percentile whose series was cut to its lowest samples holds, though a missing sample counts 0', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await account(0, 'burst', sites(sitesOf(0)));
    // The server takes 1 for one percent: the lowest hundredth of the samples comes back.
    closing.simulator.setSwitches({ percentile_scale: 'percent' });
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(['held samples_implausible']);
    closing.simulator.setSwitches({ percentile_scale: 'fraction' });
    expect((await closing.retry(closing.lastClose())).map(endOf)).toEqual(['issued']);
  });

  it('nobody registered: what the account used is nobody’s, a warning or a hold as the seller chose', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await makeSeller(closing.database, { code: 'strictly', settings: { unregistered_usage: 'hold' } });
    await account(0, 'airtime', []);
    await account(1, 'airtime', [], 'strictly');
    const [view] = await closing.run('acme', PERIOD);
    expect([view && endOf(view), view && warned(view)]).toEqual(['empty', ['unregistered_usage', 'no_entities']]);
    expect((await closing.run('strictly', PERIOD)).map(endOf)).toEqual(['held unregistered_usage']);
  });

  it('gaps in what only stands beside the rates of a site hold nothing', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await account(0, 'burst', sites(sitesOf(0)));
    closing.simulator.setFaults([{ fault: 'missing_bucket', match: { metric: 'uplink_bytes' } }]);
    const [view] = await closing.run('acme', PERIOD);
    expect([view && endOf(view), view && warned(view)]).toEqual(['issued', ['missing_buckets']]);
  });

  it('what nobody has probed yet is said once on the close, with how many accounts it is about; strict ones wait', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    const dialect = { filter_logic: 'and', scope: 'all_ues', proven: { label: true, unit: true } };
    await makeSeller(closing.database, {
      code: 'proven',
      report_api: { base_url: null, api_key: null, strict: false, dialect },
    });
    await makeSeller(closing.database, {
      code: 'strict',
      report_api: { base_url: null, api_key: null, dialect: null, strict: true },
    });
    for (const number of [0, 1]) await account(number, 'sites', sites(sitesOf(number)));
    await account(3, 'airtime', msisdns(subscribersOf(3)));
    await account(2, 'sites', sites(sitesOf(2)), 'strict');
    await account(4, 'sites', sites(sitesOf(4)), 'proven');
    closing.simulator.setFaults([{ fault: 'bytes_x8', match: { site: sitesOf(1)[1] ?? '' } }]);
    const jobs: BatchJob[] = [];
    const [one, other] = [0, 1].map(() => closing.another({ enqueue: async (added) => void jobs.push(...added) }));
    const opened = await one?.desk.open({
      seller: 'acme',
      period: PERIOD,
      kind: 'regular',
      dryRun: false,
      issue: 'automatic',
      actor: 'test',
    });
    if (opened?.outcome !== 'opened') throw new Error('not opened');
    // Every batch goes to two workers at once, and once more to one of them.
    const work = async () => {
      for (let job = jobs.shift(); job; job = jobs.shift())
        await Promise.all([one?.work(job), other?.work(job), one?.work(job)]);
    };
    const told = async (closeId: string) =>
      (await findClose(closing.database, closeId))?.warnings.map(({ code, count }) => [code, count]);
    const toldOnce = [
      ['filter_logic_unproven', 3],
      ['label_unproven', 3],
      // Airtime asks for no rates.
      ['rate_scope_unknown', 2],
      ['rate_unit_unproven', 2],
    ];
    await work();
    const before = await listCloseAccounts(closing.database, opened.id, { limit: 10 });
    expect(before.map(endOf).sort()).toEqual(['held entities_exceed_account', 'issued', 'issued']);
    expect(await told(opened.id)).toEqual([...toldOnce, ['samples_exceed_bytes', 2]]);
    // A held account that is tried again counts as one account.
    closing.simulator.setFaults([]);
    await one?.desk.retry(opened.id);
    await work();
    const after = await listCloseAccounts(closing.database, opened.id, { limit: 10 });
    expect(after.map((view) => [endOf(view), warned(view)])).toEqual(Array.from({ length: 3 }, () => ['issued', []]));
    expect(await told(opened.id)).toEqual([...toldOnce, ['samples_exceed_bytes', 2]]);

    expect((await closing.run('proven', PERIOD)).map((view) => [endOf(view), warned(view)])).toEqual([['issued', []]]);
    expect(await told(closing.lastClose())).toEqual([]);
    expect((await closing.run('strict', PERIOD)).map(endOf)).toEqual(['held label_unproven']);
  });

  it('keeps the usage of an account that a control holds, and bills it when it is retried in better times', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await account(0, 'airtime', msisdns(subscribersOf(0)));
    closing.simulator.setSwitches({ filter_logic: 'or' });
    await closing.run('acme', PERIOD);
    const kept = () => closing.database.$queryRaw<{ revision: number; count: bigint }[]>`
      SELECT revision, count(*) FROM usage_snapshot GROUP BY revision ORDER BY revision`;
    expect(await kept()).toEqual([{ revision: 1, count: 10n }]);
    // What the answers say together is not believed, so each of them is evidence: ten series in five answers.
    const evidence = () => closing.database.$queryRaw<{ outcome: string; code: string; answers: number }[]>`
      SELECT outcome, code, count(*)::int AS answers FROM usage_evidence GROUP BY outcome, code`;
    expect(await evidence()).toEqual([{ outcome: 'held', code: 'filter_suspect', answers: 5 }]);
    // What was asked is known of every answer and of everything that is kept of them.
    const asked = await closing.database.$queryRaw<{ hashes: number }[]>`
      SELECT count(*)::int AS hashes FROM usage_evidence WHERE request_sha256 ~ '^[0-9a-f]{64}$'
       UNION ALL SELECT count(*)::int FROM usage_snapshot WHERE request_sha256 ~ '^[0-9a-f]{64}$'`;
    expect(asked.map(({ hashes }) => hashes)).toEqual([5, 10]);
    closing.simulator.setSwitches({ filter_logic: 'and' });
    expect((await closing.retry(closing.lastClose())).map(endOf)).toEqual(['issued']);
    expect(await evidence()).toHaveLength(1);
    // The account's own series was right before; its subscribers' are new.
    expect(await kept()).toEqual([
      { revision: 1, count: 10n },
      { revision: 2, count: 8n },
    ]);
  });

  it('a key that is missing is a hold that names it, and is filled in', async () => {
    const reportApi = { base_url: closing.simulator.url, dialect: null, strict: false };
    await makeSeller(closing.database, {
      code: 'acme',
      report_api: { ...reportApi, base_url: 'http://127.0.0.2:1', api_key: null },
    });
    await account(0, 'burst', sites(sitesOf(0)));
    const [view] = await closing.run('acme', PERIOD);
    expect(view && endOf(view)).toBe('held report_api_key_missing');
    expect(view?.reason?.message).toContain('set report_api.api_key; then retry');
    await updateSeller(closing.database, 'test', 'acme', { report_api: { base_url: null } }, SECRET_KEY);
    expect((await closing.retry(closing.lastClose())).map(endOf)).toEqual(['issued']);
  });

  it('a month that cuts an hour refuses no plan without hours', async () => {
    await makeSeller(closing.database, { code: 'exact', time_zone: 'Asia/Kolkata', edge_policy: 'refuse' });
    await account(0, 'burst', sites(sitesOf(0)), 'exact');
    expect((await closing.run('exact', '2026-07')).map(endOf)).toEqual(['issued']);
    const [invoice] = await closing.database.$queryRaw<{ measured: unknown }[]>`
      SELECT document->'period'->'measured' AS measured FROM invoice`;
    expect(invoice).toEqual({ measured: null });
  });

  it('a percentile without a site, and one without a sample, hold', async () => {
    const { database, simulator } = closing;
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, plan('sampled', { ...BURST, missing: 'exclude' }));
    await account(0, 'burst', []);
    await account(1, 'sampled', sites(sitesOf(1)));
    // A tail cut to nothing: an answer that holds no sample at all.
    simulator.setFaults([{ fault: 'tail_cut', keep: 0, match: { account: accountId(1) } }]);
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(['held no_entities', 'held no_samples']);
  });

  it('a site that reports zeros in every slot used nothing: that is no gap', async () => {
    const idle = await startClosing({
      fleet: { accounts: 50, sites: 1, subscribers: 1 },
      seed: 7,
      profiles: { idle: true },
    });
    await makeSeller(idle.database, { code: 'acme' });
    await makePlan(idle.database, plan('sampled', { ...BURST, missing: 'exclude' }));
    // Leaf 49 has no traffic.
    const value = customerSiteId({ accounts: 50, sites: 1, subscribers: 1 }, 49, 0);
    await makeAccount(idle.database, { seller: 'acme', external_id: accountId(49) }, 'sampled', sites([value]));
    expect((await idle.run('acme', PERIOD)).map(endOf)).toEqual(['empty']);
    await idle.stop();
  });

  it.each(['Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Lord_Howe'])(
    'a month of %s cuts an hour: the edge policy owns by start and says what was measured, or refuses',
    async (zone) => {
      await makeSeller(closing.database, { code: 'acme', time_zone: zone });
      await makeSeller(closing.database, { code: 'exact', time_zone: zone, edge_policy: 'refuse' });
      await account(0, 'airtime', msisdns(subscribersOf(0)));
      await account(1, 'airtime', msisdns(subscribersOf(1)), 'exact');
      const period = '2026-07';
      expect((await closing.run('acme', period)).map(endOf)).toEqual(['issued']);
      expect((await closing.run('exact', period)).map(endOf)).toEqual(['held edge_inside_bucket']);
      const [{ measured } = { measured: null }] = await closing.database.$queryRaw<
        { measured: { start: string; end: string } | null }[]
      >`SELECT document->'period'->'measured' AS measured FROM invoice`;
      const { start, end } = monthPeriod(period, zone);
      const [first, last] = [start, end].map((edge) => toStamp(Math.ceil(edge / 3_600) * 3_600));
      expect(measured).toEqual({ start: first, end: last });
    },
  );
});
