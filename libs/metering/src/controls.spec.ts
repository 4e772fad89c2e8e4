import fc from 'fast-check';
import { fromStamp, type Interval } from '#calendar';
import { controlUsage } from './controls.js';
import type { ControlFinding } from './controlled-usage.js';
import type { ActiveEntity } from './measure-spec.js';
import {
  type BucketSeries,
  type Dimension,
  type EntityRef,
  type Grid,
  GRID_SECONDS,
  type Metric,
  ownedBuckets,
} from './usage.js';

const START = fromStamp('2026-10-01T00:00:00Z');
const HOURS_4: Interval = { start: START, end: START + 4 * 3_600 };
const ACCOUNT: EntityRef = { dimension: 'account', value: 'a1' };
const [A, B, C] = ['8020010000001', '8020010000002', '8020010000003'].map((value): EntityRef => ({
  dimension: 'msisdn',
  value,
})) as [EntityRef, EntityRef, EntityRef];
const SITE: EntityRef = { dimension: 'customer_site_id', value: 'c5' };
const BRANCH: EntityRef = { dimension: 'customer_site_id', value: 'c6' };

function series(entity: EntityRef, metric: Metric, values: (string | null)[], grid: Grid = 'HOUR', over = HOURS_4) {
  const { firstStart, count } = ownedBuckets(over, grid);
  expect(values).toHaveLength(count);
  return { entity, metric, grid, owned: over, firstStart, values } satisfies BucketSeries;
}

function active(ref: EntityRef, ...ranges: Interval[]): ActiveEntity {
  return { ref, name: null, active: ranges.length > 0 ? ranges : [{ start: 0, end: START * 2 }] };
}

function control(
  entities: ActiveEntity[],
  usage: BucketSeries[],
  over: Interval[] = [HOURS_4],
  of: {
    ratesAreOfAll?: boolean;
    filtersWork?: boolean;
    roundedByMbps?: string;
    billed?: Metric[];
    per?: Dimension;
  } = {},
): ControlFinding[] {
  const { ratesAreOfAll = false, billed = ['uplink_bytes', 'downlink_bytes', 'time_usage_seconds'] } = of;
  const per = new Set([of.per ?? 'account']);
  return controlUsage({
    over,
    account: ACCOUNT,
    entities,
    usage,
    ratesAreOfAll,
    filtersWork: of.filtersWork ?? false,
    roundedByMbps: of.roundedByMbps ?? '0',
    billed: new Map(billed.map((metric) => [metric, per])),
  });
}
const told = (findings: ControlFinding[]) => findings.map(({ code, holds }) => `${code} ${holds}`);
const bytes = (entity: EntityRef, ...values: (string | null)[]) => series(entity, 'uplink_bytes', values);

describe('Σ entities against the account', () => {
  const both = [active(A), active(B)];

  it.each([
    ['equal', ['600', '400'], []],
    // 0.1 % of 1000 is 1.
    ['0.1 % less', ['599', '400'], []],
    ['a little more than 0.1 % less', ['598.9', '400'], ['unregistered_usage if_chosen']],
    ['0.1 % more', ['601', '400'], []],
    ['a little more than 0.1 % more', ['601.1', '400'], ['entities_exceed_account always']],
  ])('%s', (_what, [a, b], expected) => {
    const usage = [
      bytes(ACCOUNT, '1000', '0', '0', '0'),
      bytes(A, a ?? '', '0', '0', '0'),
      bytes(B, b ?? '', '0', '0', '0'),
    ];
    expect(told(control(both, usage))).toEqual(expected);
  });

  it('says how much belongs to nobody, exactly', () => {
    const usage = [
      bytes(ACCOUNT, '22196.5', '0', '0.25', '0'),
      bytes(A, '20000', '0', '0', '0'),
      bytes(B, '1', '0', '0', '0'),
    ];
    expect(control(both, usage)[0]?.message).toContain("2195.75 (9.89 %) of the account's uplink_bytes");
  });

  it('beyond what a double can tell apart', () => {
    const usage = [
      bytes(ACCOUNT, '9007199254740993000', '0', '0', '0'),
      bytes(A, '9007199254740992999', '0', '0', '0'),
      bytes(B, '9007199254740995', '0', '0', '0'),
    ];
    expect(told(control(both, usage))).toEqual(['entities_exceed_account always']);
  });

  it('is for each metric by itself', () => {
    const usage = [
      bytes(ACCOUNT, '10', '10', '10', '10'),
      bytes(A, '10', '10', '10', '10'),
      series(ACCOUNT, 'time_usage_seconds', ['900', '900', '900', '900']),
      series(A, 'time_usage_seconds', ['900', '900', '900', '901']),
      series(ACCOUNT, 'downlink_bytes', ['90', '90', '90', '90']),
      series(A, 'downlink_bytes', ['90', '90', '90', '80']),
    ];
    expect(
      control([active(A)], usage).map(({ code, message }) => [code, /(\w+_(bytes|seconds))/.exec(message)?.[1]]),
    ).toEqual([['unregistered_usage', 'downlink_bytes']]);
  });

  it("counts an entity only while it is registered; what comes before is nobody's", () => {
    const late = active(A, { start: START + 2 * 3_600, end: START * 2 });
    const usage = [bytes(ACCOUNT, '5', '5', '5', '5'), bytes(A, '5', '5', '5', '5')];
    const [finding] = control([late], usage);
    expect([finding?.code, finding?.message]).toEqual(['unregistered_usage', expect.stringContaining('10 (50 %)')]);
  });

  it('looks at what is billed of the period and at nothing else', () => {
    const usage = [bytes(ACCOUNT, '900', '5', '5', '900'), bytes(A, '1', '5', '5', '1')];
    expect(control([active(A)], usage, [{ start: START + 3_600, end: START + 3 * 3_600 }])).toEqual([]);
    expect(told(control([active(A)], usage))).toEqual(['unregistered_usage if_chosen']);
  });

  it('takes a part of the entities for a part: less than the account is right, more is not', () => {
    const three = [active(A), active(B), active(C)];
    const some = [bytes(ACCOUNT, '100', '100', '100', '100'), bytes(A, '10', '10', '10', '10')];
    expect(control(three, some)).toEqual([]);
    const more = [bytes(ACCOUNT, '100', '100', '100', '100'), bytes(A, '10', '10', '10', '371')];
    expect(told(control(three, more))).toEqual(['entities_exceed_account always']);
  });

  it('compares dimensions apart: sites and subscribers are two views of one usage', () => {
    const usage = [bytes(ACCOUNT, '7', '7', '7', '7'), bytes(A, '7', '7', '7', '7'), bytes(SITE, '7', '7', '7', '7')];
    expect(control([active(A), active(SITE)], usage)).toEqual([]);
  });

  it("holds when the account's own series has a gap, for nothing can be held against it", () => {
    const usage = [bytes(ACCOUNT, '7', null, null, '7'), bytes(A, '7', '7', '7', '7')];
    const [finding] = control([active(A)], usage);
    expect([finding?.code, finding?.holds]).toEqual(['missing_buckets', 'always']);
    expect(finding?.message).toContain(
      "2 of 4 buckets of the account's own uplink_bytes are missing, the first at 2026-10-01T01:00:00Z",
    );
    // Bytes that only stand beside rates leave nothing unbilled.
    expect(told(control([active(A)], usage, [HOURS_4], { billed: ['uplink_bandwidth'] }))).toEqual([
      'missing_buckets never',
    ]);
  });

  it('leaves a gap of an entity to its measure and compares the rest', () => {
    const usage = [bytes(ACCOUNT, '7', '900', '7', '7'), bytes(A, '7', null, '7', '7')];
    expect(control([active(A)], usage)).toEqual([]);
  });

  it('says nothing where no entity was pulled, or no account', () => {
    expect(control(both, [bytes(ACCOUNT, '9', '9', '9', '9')])).toEqual([]);
    expect(control(both, [bytes(A, '9', '9', '9', '9')])).toEqual([]);
    expect(control([], [bytes(ACCOUNT, '9', '9', '9', '9')])).toEqual([]);
    // Charged per subscriber, and there is none: all of it is nobody's.
    expect(told(control([], [bytes(ACCOUNT, '9', '9', '9', '9')], [HOURS_4], { per: 'msisdn' }))).toEqual([
      'unregistered_usage if_chosen',
    ]);
    expect(control([], [bytes(ACCOUNT, '0', '0', '0', '0')], [HOURS_4], { per: 'msisdn' })).toEqual([]);
  });

  it('never names a subscriber', () => {
    const usage = [bytes(ACCOUNT, '1', '1', '1', '1'), bytes(A, '2', '2', '2', '2'), bytes(B, '0', '0', '0', '0')];
    const findings = control(both, usage);
    expect(findings).toHaveLength(1);
    expect(JSON.stringify(findings)).not.toMatch(/80200100/);
  });
});

describe('filter_suspect', () => {
  const whole = bytes(ACCOUNT, '30', '0', '50', '7');

  it('an entity that is the account although another reported traffic holds', () => {
    const or = [whole, bytes(A, '30', '0', '50', '7'), bytes(B, '30', '0', '50', '7')];
    expect(told(control([active(A), active(B)], or))).toEqual([
      'filter_suspect always',
      'entities_exceed_account always',
    ]);
  });

  it('equal in digits, not in letters', () => {
    const usage = [whole, bytes(A, '30.0', '0', '5e1', '7'), bytes(B, '1', '0', '0', '0')];
    expect(told(control([active(A), active(B)], usage))).toEqual([
      'filter_suspect always',
      'entities_exceed_account always',
    ]);
  });

  it.each<[string, BucketSeries[]]>([
    ['one that the API left out, because it was idle', [bytes(B, null, null, null, null)]],
    ['one that reported zeros', [bytes(B, '0', '0', '0', '0')]],
    ['one that reported traffic only when the account had none', [bytes(B, null, '5', null, null)]],
    ['one that was not pulled', []],
  ])('%s is no other one with traffic: nothing is suspect', (_what, of) => {
    const found = told(control([active(A), active(B)], [whole, bytes(A, '30', '0', '50', '7'), ...of]));
    expect(found.filter((finding) => finding.startsWith('filter_suspect'))).toEqual([]);
  });

  it('nothing is suspect once filters are known to work', () => {
    const or = [whole, bytes(A, '30', '0', '50', '7'), bytes(B, '30', '0', '50', '7')];
    expect(told(control([active(A), active(B)], or, [HOURS_4], { filtersWork: true }))).toEqual([
      'entities_exceed_account always',
    ]);
  });

  it('one bucket that differs proves that the filter works', () => {
    expect(control([active(A), active(B)], [whole, bytes(A, '30', '0', '50', '6')])).toEqual([]);
  });

  it('one metric that differs proves it, too', () => {
    const usage = [
      whole,
      bytes(A, '30', '0', '50', '7'),
      series(ACCOUNT, 'downlink_bytes', ['9', '9', '9', '9']),
      series(A, 'downlink_bytes', ['9', '9', '9', '8']),
    ];
    expect(control([active(A), active(B)], usage)).toEqual([]);
  });

  it('the only entity of an account is the account', () => {
    expect(control([active(A)], [whole, bytes(A, '30', '0', '50', '7')])).toEqual([]);
    expect(control([active(A), active(SITE)], [whole, bytes(A, '30', '0', '50', '7')])).toEqual([]);
  });

  it('two entities of which each was alone in its time are both right', () => {
    const cut = START + 2 * 3_600;
    const first = active(A, { start: 0, end: cut });
    const second = active(B, { start: cut, end: START * 2 });
    const usage = [whole, bytes(A, '30', '0', '0', '0'), bytes(B, '0', '0', '50', '7')];
    expect(control([first, second], usage)).toEqual([]);
  });

  it('an idle account says nothing', () => {
    const usage = [bytes(ACCOUNT, '0', '0', '0', '0'), bytes(A, '0', '0', '0', '0')];
    expect(control([active(A), active(B)], usage)).toEqual([]);
  });

  it('two sites whose 5-minute rates never differ', () => {
    const slots = (entity: EntityRef, changed: number) =>
      (['uplink_bandwidth', 'downlink_bandwidth'] as const).map((metric) =>
        series(
          entity,
          metric,
          Array.from({ length: 48 }, (_, slot) => `${slot}.${slot === changed ? 7 : 5}`),
          'SLOT',
        ),
      );
    const sites = [active(SITE), active(BRANCH)];
    expect(told(control(sites, [...slots(SITE, -1), ...slots(BRANCH, -1)]))).toEqual(['filter_suspect always']);
    expect(control(sites, [...slots(SITE, -1), ...slots(BRANCH, 47)])).toEqual([]);
  });

  it('two sites are alike when every sample that both reported while both were there is, and more than a dozen differ', () => {
    const value = fc.constantFrom(null, '0', '0.00', '1', '1.0', '2', '3.5');
    const values = fc.array(value, { minLength: 48, maxLength: 48 });
    const story = fc.record({
      one: values,
      // Alike, but for what is gone and a sample or two.
      gone: fc.uniqueArray(fc.nat(47), { maxLength: 3 }),
      changed: fc.uniqueArray(fc.nat(47), { maxLength: 1 }),
      from: fc.nat(24),
      spread: fc.boolean(),
    });
    fc.assert(
      fc.property(story, ({ one, gone, changed, from, spread }) => {
        const distinct = one.map((text, slot) => (spread && text !== null && Number(text) > 0 ? `${slot + 1}` : text));
        const other = distinct.map((text, slot) => (gone.includes(slot) ? null : changed.includes(slot) ? '99' : text));
        const usage = ([SITE, BRANCH] as const).flatMap((site, at) =>
          (['uplink_bandwidth', 'downlink_bandwidth'] as const).map((metric) =>
            series(site, metric, at === 0 ? distinct : other, 'SLOT'),
          ),
        );
        const sites = [active(SITE), active(BRANCH, { start: START + from * 300, end: START * 2 })];
        const both = distinct
          .map((text, slot) => [text, other[slot] ?? null] as const)
          .filter(([mine, theirs], slot) => slot >= from && mine !== null && theirs !== null);
        const alike = both.every(([mine, theirs]) => Number(mine) === Number(theirs));
        const busy = new Set(both.map(([mine]) => mine).filter((mine) => Number(mine) > 0));
        expect(told(control(sites, usage))).toEqual(alike && busy.size > 12 ? ['filter_suspect always'] : []);
      }),
    );
  });

  it('every site of a hundred is held against every other without reading all samples again for each pair', () => {
    const month: Interval = { start: START, end: START + 31 * 86_400 };
    const sites = Array.from({ length: 100 }, (_, site): EntityRef => ({
      dimension: 'customer_site_id',
      value: `${site}`,
    }));
    let reads = 0;
    const counted = (values: (string | null)[]) =>
      new Proxy(values, {
        get: (target, key, receiver): unknown => {
          if (typeof key === 'string' && /^\d/.test(key)) reads += 1;
          return Reflect.get(target, key, receiver);
        },
      });
    const usage = sites.flatMap((site, at) =>
      (['uplink_bandwidth', 'downlink_bandwidth'] as const).map((metric) => {
        // Idle until the middle of the month, all of them alike.
        const values = Array.from({ length: 31 * 288 }, (_, slot) => (slot < 4_500 ? '0.00' : `${at}.${slot}`));
        return { ...series(site, metric, values, 'SLOT', month), values: counted(values) };
      }),
    );
    const samples = usage.length * 31 * 288;
    expect(
      control(
        sites.map((site) => active(site)),
        usage,
        [month],
      ),
    ).toEqual([]);
    expect(reads).toBeGreaterThanOrEqual(samples);
    expect(reads).toBeLessThan(2 * samples);
  });
});

describe('rates against bytes', () => {
  /** Four hours of 12 slots: one value for each. */
  const rates = (entity: EntityRef, mbps: string, metric: Metric = 'uplink_bandwidth') =>
    series(
      entity,
      metric,
      Array.from({ length: 48 }, () => mbps),
      'SLOT',
    );
  const seconds = (entity: EntityRef, each: number) =>
    series(entity, 'time_usage_seconds', Array<string>(4).fill(String(each)));
  const of = (entity: EntityRef, hourBytes: string, mbps: string) => [
    bytes(entity, hourBytes, hourBytes, hourBytes, hourBytes),
    rates(entity, mbps),
  ];
  // 8 Mbps for 3600 s are 3.6e9 bytes; traffic in a third of the seconds leaves 1.2e9.
  const ALL_SECONDS = '3600000000';

  it.each<[string, string, string, string[]]>([
    ['traffic in every second', ALL_SECONDS, '8', []],
    ['in 96 of 100 seconds', '3456000000', '8', []],
    ['in a third of them, as the seed shows', '1200000000', '8', ['samples_exceed_bytes never']],
    ['in one of 300', '12000000', '8', ['samples_exceed_bytes never']],
    ['in less than one: bits for megabits', '12000000', '8000', ['rates_disagree_with_bytes always']],
    ['rates without any byte', '0', '8', ['rates_disagree_with_bytes always']],
    ['a rounding of 2 %', '3672000000', '8', []],
    ['more bytes than the rates can carry', '3672000001', '8', ['rates_disagree_with_bytes if_strict']],
    ['bytes × 8 of busy seconds', '9600000000', '8', ['rates_disagree_with_bytes if_strict']],
    ['an idle site', '0', '0', []],
    // Beyond what a double can tell apart: 8.0000000000000000001 Mbps carry 3,600,000,000.000000000045 bytes an hour.
    ['2 % exactly, of a rate with twenty digits', '3672000000.0000000000459', '8.0000000000000000001', []],
    [
      'a little more than that',
      '3672000000.00000000004590001',
      '8.0000000000000000001',
      ['rates_disagree_with_bytes if_strict'],
    ],
    ['5 % more than all seconds carry', '3428571428.5714285714285714285715', '8', []],
    ['a little more than that, too', '3428571428.5714285714285714285714', '8', ['samples_exceed_bytes never']],
    // 12 slots of 1 s at 8 Mbps are 12,000,000 bytes, and 2 % less of them 11,764,705.88235…
    ['one second of each slot, 2 % less', '11764705.8823529411764705882353', '8', ['samples_exceed_bytes never']],
    ['less than that', '11764705.8823529411764705882352', '8', ['rates_disagree_with_bytes always']],
  ])('%s', (_what, hourBytes, mbps, expected) => {
    expect(told(control([active(SITE)], of(SITE, hourBytes, mbps)))).toEqual(expected);
  });

  it('more bytes than the rates can carry contradict rates that are known to be of all subscribers', () => {
    const usage = of(SITE, '3672000001', '8');
    expect(told(control([active(SITE)], usage, [HOURS_4], { ratesAreOfAll: true }))).toEqual([
      'rates_disagree_with_bytes always',
    ]);
  });

  it('counts the buckets and says where the first one is', () => {
    const usage = [bytes(SITE, '1200000000', '9600000000', '1200000000', '9600000000'), rates(SITE, '8')];
    expect(control([active(SITE)], usage)[0]?.message).toContain(
      'in 2 of 4 HOUR buckets (customer_site_id), the first at 2026-10-01T01:00:00Z',
    );
  });

  it('with the connected seconds at hand, averages differ by 4 at most, times the subscribers that share the seconds', () => {
    // 1.2e9 bytes over 1200 s are 8 Mbps, over 12,000 s 0.8.
    const usage = of(SITE, '1200000000', '8');
    const usual = ['samples_exceed_bytes never'];
    const apart = ['rates_disagree_with_bytes always'];
    /** Subscribers that share the seconds evenly, and the account that adds them up. */
    const shared = (subscribers: EntityRef[], each: number) => [
      ...usage,
      ...subscribers.map((subscriber) => seconds(subscriber, each / subscribers.length)),
      seconds(SITE, each),
      seconds(ACCOUNT, each),
    ];
    const of3 = [A, B, C];
    expect(told(control([active(SITE), active(A)], shared([A], 1_200)))).toEqual(usual);
    expect(told(control([active(SITE), active(A)], shared([A], 4_800)))).toEqual(usual);
    expect(told(control([active(SITE), active(A)], shared([A], 4_801)))).toEqual(apart);
    const all = of3.map((ref) => active(ref));
    expect(told(control([active(SITE), ...all], shared(of3, 12_000)))).toEqual(usual);
    expect(told(control([active(SITE), ...all], shared(of3, 14_403)))).toEqual(apart);
    // Two of three are registered, so nobody knows how many there are.
    const two = shared(of3, 14_403).filter(({ entity }) => entity !== C);
    expect(told(control([active(SITE), active(A), active(B)], two))).toContain('samples_exceed_bytes never');
    expect(told(control([active(SITE)], [...usage, seconds(SITE, 4_801)]))).toEqual(usual);
    expect(told(control([active(SITE)], [...usage, seconds(SITE, 300)]))).toEqual(usual);
    expect(told(control([active(SITE)], [...usage, seconds(SITE, 299)]))).toEqual(apart);
  });

  it('adds up the connected time of the subscribers once, however many sites there are', () => {
    let reads = 0;
    const shared = series(A, 'time_usage_seconds', ['4800', '4800', '4800', '4800']);
    const watched = Object.defineProperty({ ...shared }, 'values', {
      get: () => {
        reads += 1;
        return shared.values;
      },
    });
    const readsBeside = (count: number) => {
      const sites = Array.from({ length: count }, (_, site): EntityRef => ({ ...SITE, value: `c${site}` }));
      const usage = sites.flatMap((site) => [
        bytes(site, '1200000000', '1200000000', '1200000000', '1200000000'),
        rates(site, `${8 + site.value.length}`),
        seconds(site, 1_200),
      ]);
      reads = 0;
      control(
        [...sites, A].map((ref) => active(ref)),
        [...usage, watched, seconds(ACCOUNT, 4_800)],
      );
      return reads;
    };
    expect(readsBeside(2)).toBeGreaterThan(0);
    expect(readsBeside(20)).toBe(readsBeside(2));
  });

  it("takes the account's bytes when the rates of all its sites are there", () => {
    const usage = [
      bytes(ACCOUNT, '7200000000', '7200000000', '7200000000', '7200000000'),
      rates(SITE, '8'),
      rates(BRANCH, '8'),
    ];
    expect(control([active(SITE), active(BRANCH)], usage)).toEqual([]);
    expect(told(control([active(SITE)], usage))).toEqual(['rates_disagree_with_bytes if_strict']);
    expect(control([active(SITE), active(BRANCH), active({ ...SITE, value: 'c7' })], usage)).toEqual([]);
  });

  it('a gap makes bytes too many for nobody, and rates that are too high no better', () => {
    const withGap = (mbps: string) => {
      const series = rates(SITE, mbps);
      return { ...series, values: series.values.map((value, slot) => (slot % 12 === 5 ? null : value)) };
    };
    const busy = bytes(SITE, '3600000000', '3600000000', '3600000000', '3600000000');
    expect(control([active(SITE)], [busy, withGap('8')])).toEqual([]);
    // Eleven samples of 8,000 Mbps for a second each are 11,000,000,000 bytes.
    expect(told(control([active(SITE)], [busy, withGap('8000')]))).toEqual(['rates_disagree_with_bytes always']);
    // Which of the samples is missing decides whether they are too low: a doubt.
    const seconds = series(SITE, 'time_usage_seconds', Array<string>(4).fill('800'));
    expect(told(control([active(SITE)], [busy, seconds, withGap('8')]))).toEqual([
      'rates_disagree_with_bytes if_strict',
    ]);
  });

  it('rates that are rounded up are not too high for the little that was used', () => {
    // Twelve seconds an hour at 0.006 Mbps are 9,000 bytes; rounded to 0.01 they would be 15,000.
    const usage = of(SITE, '9000', '0.01');
    expect(told(control([active(SITE)], usage))).toEqual(['rates_disagree_with_bytes always']);
    expect(told(control([active(SITE)], usage, [HOURS_4], { roundedByMbps: '0.005' }))).toEqual([
      'samples_exceed_bytes never',
    ]);
  });

  it('says nothing of a bucket in which a site begins', () => {
    const late = active(SITE, { start: START + 1_800, end: START + 3_600 });
    expect(control([late], of(SITE, '1', '8'))).toEqual([]);
  });
});

describe('days against hours', () => {
  const DAY: Interval = { start: START, end: START + 2 * 86_400 };
  const hours = series(
    ACCOUNT,
    'uplink_bytes',
    Array.from({ length: 48 }, (_, hour) => `${hour}.25`),
    'HOUR',
    DAY,
  );
  // 0 + … + 23 = 276 and 24 + … + 47 = 852, and 24 quarters each.
  it.each<[string, (string | null)[], string[]]>([
    ['each day is the sum of its hours', ['282', '858'], []],
    ['the last digit of a double is no contradiction', ['282.0000000000001', '858'], []],
    ['a byte is', ['282', '859'], ['day_differs_from_hours always']],
    ['a day that is missing says nothing', [null, '858'], []],
  ])('%s', (_what, days, expected) => {
    const usage = [hours, series(ACCOUNT, 'uplink_bytes', days, 'DAY', DAY)];
    expect(told(control([], usage, [DAY]))).toEqual(expected);
  });

  it('a day that lacks an hour says nothing', () => {
    const values = hours.values.map((value, hour) => (hour === 30 ? null : value));
    const usage = [{ ...hours, values }, series(ACCOUNT, 'uplink_bytes', ['282', '1'], 'DAY', DAY)];
    expect(control([], usage, [DAY])).toEqual([]);
  });
});

it('a series that is not what it claims to be is no finding but an error', () => {
  const broken = { ...bytes(ACCOUNT, '1', '1', '1', '1'), firstStart: START + GRID_SECONDS.HOUR };
  expect(() => control([], [broken])).toThrow(/series/);
});

it('looks at each of thousands of idle entities a few times, not once for each other one', () => {
  let looks = 0;
  const counted = (values: (string | null)[]) =>
    new Proxy(values, {
      get(target, name, receiver) {
        if (typeof name === 'string' && /^\d+$/.test(name)) looks += 1;
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
  const entities = Array.from({ length: 2_000 }, (_, at): EntityRef => ({
    dimension: 'msisdn',
    value: `${8e12 + at}`,
  }));
  const found = control(
    entities.map((entity) => active(entity)),
    [
      series(ACCOUNT, 'uplink_bytes', ['5', '5', '5', '5']),
      ...entities.map((entity) => series(entity, 'uplink_bytes', counted(['0', '0', '0', '0']))),
    ],
    [HOURS_4],
    { per: 'msisdn' },
  );
  // All that the account used is of no entity: no bucket tells an answer for the account from one for an entity.
  expect(found.map(({ code }) => code)).toEqual(['unregistered_usage']);
  expect(looks).toBeLessThan(20 * 4 * entities.length);
});
