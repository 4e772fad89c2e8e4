import {
  accountId,
  activePercentile,
  customerSiteId,
  msisdnOf,
  type Switches,
  usageOfDays,
  utcDays,
} from '../../apps/report-simulator/src/index.js';
import { monthPeriod } from '#calendar';
import { listInvoices, loadInvoiceEvidence } from '#persistence/documents';
import type { CloseAccountView } from '#persistence/closes';
import { invoiceEvidence, verifyInvoice } from '#proof';
import { makeAccount, makePlan, makeSeller, PERCENTILE_95, planOf, usageCharge } from '../support/catalogue.js';
import { type Closing, endOf, startClosing, warned } from '../support/closing.js';
import { activeSeconds, quarterBytes } from '../support/expected-usage.js';

const PERIOD = '2026-08';
const SEED = 7;
const FLEET = { accounts: 60, sites: 2, subscribers: 1 };
/** Its first site is busy and its second one, leaf 49, has no traffic all year. */
const HALF_IDLE = 24;
const MODEL = { seed: SEED, idle: true };
const AUGUST = utcDays(PERIOD + '-01', 31);
const AVERAGE_DOWN = {
  metric: 'bandwidth',
  aggregation: 'average',
  direction: 'downlink',
  missing: 'zero',
  unit: 'Mbps',
};
const P95_DOWN = { ...PERCENTILE_95, direction: 'downlink', unit: 'Mbps' };
const site = (account: number, of: number) => ({
  dimension: 'customer_site_id' as const,
  value: customerSiteId(FLEET, account, of),
});
/** Leaf n of site s of account a is n = 2a + s. */
const p95Of = (leaf: number) => String(activePercentile(leaf, 'downlink', AUGUST, 95, MODEL));

/** Nearest rank of 95 over the month's downlink rates of a leaf, 0 in the first hours of each UTC day. */
function p95WithRests(leaf: number, hours: number, { start, end } = monthPeriod(PERIOD, 'UTC')): string {
  const rates: number[] = [];
  for (let window = Math.ceil(start / 300); window < end / 300; window += 1) {
    const rests = (window % 288) * 300 < hours * 3_600;
    rates.push(
      rests ? 0 : ((Number(quarterBytes(leaf, window, 'down', SEED)) / 4) * 8) / 1e6 / Number(activeSeconds(window)),
    );
  }
  rates.sort((a, b) => a - b);
  return String(rates[Math.floor((95 * rates.length + 99) / 100) - 1]);
}

/** As a site reports that is left out where it has no traffic. */
const LEFT_OUT: Partial<Switches> = { percentile_rows: 'traffic_only' };
const AS_ALWAYS: Partial<Switches> = {
  percentile_rows: 'all_windows',
  idle_window: 'zero',
  idle_hours: 0,
  max_items: 'none',
  filter_logic: 'and',
};

describe('samples that are not there', () => {
  let closing: Closing;
  beforeAll(async () => {
    closing = await startClosing({ fleet: FLEET, seed: SEED, profiles: { idle: true } });
    const { database } = closing;
    for (const missing of ['zero', 'exclude', 'hold']) {
      await makePlan(database, planOf(missing, usageCharge('burst', { ...P95_DOWN, missing })));
    }
    await makePlan(database, planOf('each', usageCharge('burst', { ...P95_DOWN, sites: 'each_then_sum' })));
    const perSite = { ...P95_DOWN, per: 'customer_site_id' };
    await makePlan(database, planOf('per-site', usageCharge('burst', perSite)));
    await makePlan(database, planOf('average', usageCharge('burst', AVERAGE_DOWN)));
    await makePlan(database, planOf('airtime', usageCharge('airtime', { metric: 'bytes', per: 'msisdn', unit: 'B' })));
    await makePlan(database, planOf('volume', usageCharge('volume', { metric: 'bytes', unit: 'B' })));
  });
  afterAll(() => closing.stop());
  afterEach(() => {
    closing.simulator.setSwitches(AS_ALWAYS);
    closing.simulator.setFaults([]);
  });

  let sellers = 0;
  /** A seller of its own with one account. */
  async function alone(
    plan: string,
    account: number,
    entities: Parameters<typeof makeAccount>[3],
    over: { time_zone?: string; dialect?: Record<string, unknown>; strict?: boolean } = {},
  ): Promise<{ seller: string; account: string }> {
    sellers += 1;
    const seller = `seller-${sellers}`;
    const { time_zone = 'UTC', dialect = null, strict = false } = over;
    const reportApi = { base_url: null, api_key: null, strict, dialect };
    await makeSeller(closing.database, { code: seller, time_zone, report_api: reportApi });
    return {
      seller,
      account: await makeAccount(closing.database, { seller, external_id: accountId(account) }, plan, entities),
    };
  }
  const only = (accounts: CloseAccountView[]): CloseAccountView => {
    const [account] = accounts;
    if (!account || accounts.length > 1) throw new Error(`${accounts.length} accounts`);
    return account;
  };
  async function documentOf(seller: string) {
    const [document] = await listInvoices(closing.database, { seller, limit: 1 });
    const loaded = document && (await loadInvoiceEvidence(closing.database, document.id));
    if (!loaded) throw new Error('nothing was issued');
    return { document: loaded.document, verdict: verifyInvoice(JSON.stringify(invoiceEvidence(loaded))) };
  }
  const basisOf = ({ lines }: Awaited<ReturnType<typeof documentOf>>['document']) => {
    const basis = lines[0]?.derivation.basis;
    if (basis?.kind !== 'usage' || basis.evidence?.metric !== 'bandwidth') throw new Error('no bandwidth');
    return basis.evidence;
  };
  /** Whether anything is said about samples that are missing. */
  const doubts = (account: CloseAccountView) => warned(account).filter((code) => code === 'samples_unexplained');
  const levelsOf = ({ lines }: Awaited<ReturnType<typeof documentOf>>['document']) =>
    lines.map(({ derivation: { basis } }) => basis.kind === 'usage' && basis.measured.numerator);
  const waive = async (account: CloseAccountView, code: string) => {
    const done = await closing.closes.desk.waive({
      closeId: closing.lastClose(),
      accountId: account.account,
      code,
      reason: 'seen',
      actor: 'test',
    });
    if (typeof done !== 'number') throw new Error(done.message);
    return only(await closing.retry(closing.lastClose()));
  };

  it.each(['zero', 'exclude', 'hold', 'each'])('an idle site beside a busy one adds 0: %s', async (plan) => {
    closing.simulator.setSwitches(LEFT_OUT);
    const { seller } = await alone(plan, HALF_IDLE, [site(HALF_IDLE, 0), site(HALF_IDLE, 1)]);
    const account = only(await closing.run(seller, PERIOD));
    expect([endOf(account), doubts(account)]).toEqual(['issued', []]);
    const { document, verdict } = await documentOf(seller);
    expect(levelsOf(document)[0]).toBe(p95Of(48));
    expect(basisOf(document)).toMatchObject({
      coverage: '1',
      unreported: { missing: 8_928, proven_idle: 8_928, lost: 0, unexplained: 0 },
    });
    expect(verdict).toMatchObject({ outcome: 'valid', recomputed_from: 'usage' });
  });

  it('a dry run and a site of its own line say the same', async () => {
    closing.simulator.setSwitches(LEFT_OUT);
    const { seller } = await alone('per-site', HALF_IDLE, [site(HALF_IDLE, 0), site(HALF_IDLE, 1)]);
    expect(endOf(only(await closing.run(seller, PERIOD, { dryRun: true })))).toBe('drafted');
    expect(endOf(only(await closing.run(seller, PERIOD)))).toBe('issued');
    const { document, verdict } = await documentOf(seller);
    expect(levelsOf(document)).toEqual([p95Of(48), '0']);
    expect(verdict.outcome).toBe('valid');
  });

  it.each<[string, string, Partial<Switches>, string[]]>([
    ['UTC', 'zero', {}, []],
    ['UTC', 'exclude', {}, []],
    ['Asia/Kolkata', 'hold', {}, []],
    // Left out of every answer: nothing says that the site was idle, and nothing speaks against it.
    ['UTC', 'zero', { idle_window: 'omit' }, ['samples_unexplained']],
  ])('a month of nights without traffic is billed: %s, %s, %p', async (zone, plan, switches, warnings) => {
    closing.simulator.setSwitches({ ...LEFT_OUT, idle_hours: 8, ...switches });
    const { seller } = await alone(plan, 3, [site(3, 0)], { time_zone: zone });
    const account = only(await closing.run(seller, PERIOD));
    expect([endOf(account), doubts(account)]).toEqual(['issued', warnings]);
    const { document, verdict } = await documentOf(seller);
    expect(levelsOf(document)[0]).toBe(p95WithRests(6, 8, monthPeriod(PERIOD, zone)));
    expect(verdict).toMatchObject({ outcome: 'valid', recomputed_from: 'usage' });
  });

  it('a confirming pull of such a month finds nothing to correct', async () => {
    closing.simulator.setSwitches({ ...LEFT_OUT, idle_hours: 8 });
    const { seller } = await alone('zero', 4, [site(4, 0)]);
    expect(endOf(only(await closing.run(seller, PERIOD)))).toBe('issued');
    const { document } = await documentOf(seller);
    const { corrections } = closing.closes;
    expect(await corrections.confirm(document.id)).toEqual({ outcome: 'equal' });
    // The nights come after all, as zeros: other usage, and the same rate.
    closing.simulator.setSwitches({ percentile_rows: 'all_windows' });
    expect(await corrections.confirm(document.id)).toEqual({ outcome: 'no_difference' });
  });

  it.each<[string, string, Partial<Switches>, Parameters<Closing['simulator']['setFaults']>[0]]>([
    ['half of the answer', 'zero', { max_items: 3_000 }, []],
    ['the last tenth', 'zero', {}, [{ fault: 'tail_cut', keep: 0.9, match: { metric: 'downlink_bandwidth' } }]],
    ['half of the answer', 'average', { max_items: 3_000 }, []],
    ['the last tenth', 'exclude', {}, [{ fault: 'tail_cut', keep: 0.9, match: { metric: 'downlink_bandwidth' } }]],
  ])(
    'a series that lacks %s holds (%s), names hours, and is billed whole when it is whole',
    async (_what, plan, switches, faults) => {
      const { seller } = await alone(plan, 5, [site(5, 0)]);
      closing.simulator.setSwitches(switches);
      closing.simulator.setFaults(faults);
      const held = only(await closing.run(seller, PERIOD));
      expect(endOf(held)).toBe('held samples_implausible');
      expect(held.reason?.message).toMatch(/hours: 2026-08-\d\dT\d\d:00:00Z, /);
      closing.simulator.setSwitches(AS_ALWAYS);
      closing.simulator.setFaults([]);
      expect(endOf(only(await closing.retry(closing.lastClose())))).toBe('issued');
      const { document, verdict } = await documentOf(seller);
      if (plan !== 'average') expect(levelsOf(document)[0]).toBe(p95Of(10));
      expect(verdict.outcome).toBe('valid');
    },
  );

  it('what an operator lets pass is on the line and recomputed off-line', async () => {
    const { seller } = await alone('zero', 6, [site(6, 0)]);
    closing.simulator.setSwitches({ max_items: 3_000 });
    const held = only(await closing.run(seller, PERIOD));
    expect(endOf(held)).toBe('held samples_implausible');
    const passed = await waive(held, 'samples_implausible');
    expect([endOf(passed), doubts(passed)]).toEqual(['issued', ['samples_unexplained']]);
    expect(warned(passed)).toContain('waived');
    const { document, verdict } = await documentOf(seller);
    expect(basisOf(document).unreported?.lost_hours.length).toBeGreaterThan(100);
    expect(verdict.outcome).toBe('valid');
  });

  it('a site that is not known upstream is no answer; let pass, it counts 0', async () => {
    const unknown = { dimension: 'customer_site_id' as const, value: 'ffffffffffffffffffffffff' };
    const { seller } = await alone('zero', 7, [unknown]);
    const held = only(await closing.run(seller, PERIOD));
    expect(endOf(held)).toBe('held no_samples');
    expect(endOf(await waive(held, 'no_samples'))).toBe('empty');
  });

  it('one request more for a site that lacks samples, and none for one that lacks none', async () => {
    const { seller } = await alone('hold', HALF_IDLE, [site(HALF_IDLE, 0), site(HALF_IDLE, 1)], {
      dialect: { chunk_days: { DAY: 31, HOUR: 31, SLOT: 31 } },
    });
    const asked = async () => {
      const before = closing.simulator.counters().requests;
      await closing.run(seller, PERIOD, { dryRun: true });
      return closing.simulator.counters().requests - before;
    };
    const whole = await asked();
    closing.simulator.setSwitches(LEFT_OUT);
    expect((await asked()) - whole).toBe(1);
  });

  it('an estimate shows what there is, and what a close would hold', async () => {
    const { account } = await alone('zero', 8, [site(8, 0)]);
    closing.simulator.setSwitches({ max_items: 3_000 });
    const estimate = await closing.closes.usage.estimate(account, PERIOD);
    expect(estimate).toMatchObject({ outcome: 'estimated', would_hold: [{ code: 'samples_implausible' }] });
  });

  it('filters that are known to be OR-ed hold whatever is asked of an entity, and no account', async () => {
    closing.simulator.setSwitches({ filter_logic: 'or' });
    const dialect = { filter_logic: 'or' };
    const ofSite = await alone('zero', 9, [site(9, 0)], { dialect });
    expect(endOf(only(await closing.run(ofSite.seller, PERIOD)))).toBe('held filter_logic_or');
    const whole = await alone('volume', 10, [site(10, 0)], { dialect });
    expect(endOf(only(await closing.run(whole.seller, PERIOD)))).toBe('issued');
    expect(await closing.closes.usage.live(ofSite.account, { entity: site(9, 0), aggregation: 'AVG' })).toMatchObject({
      outcome: 'refused',
      kind: 'state',
      code: 'filter_logic_or',
    });
  });

  it.each(['unproven', 'and'])(
    'a silent subscriber does not make the other one suspect: filters %s',
    async (filter_logic) => {
      closing.simulator.setSwitches({ idle_window: 'omit' });
      const msisdns = [48, 49].map((leaf) => ({ dimension: 'msisdn' as const, value: msisdnOf(leaf) }));
      const { seller } = await alone('airtime', HALF_IDLE, msisdns, { dialect: { filter_logic } });
      const held = only(await closing.run(seller, PERIOD));
      expect(endOf(held)).toBe('held missing_buckets');
      expect(endOf(await waive(held, 'missing_buckets'))).toBe('issued');
      const { document } = await documentOf(seller);
      const { uplinkQuarterBytes, downlinkQuarterBytes } = usageOfDays({ firstLeaf: 48, leaves: 1 }, AUGUST, MODEL);
      const [first, second] = document.lines.map(({ quantity }) => quantity);
      expect([Number(first) * 4, second]).toEqual([Number(uplinkQuarterBytes + downlinkQuarterBytes), '0']);
    },
  );
});
