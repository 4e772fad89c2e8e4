import * as fc from 'fast-check';
import { site, type Story } from './rating-story.js';

/** A decimal string of up to `decimals` places. */
const decimals = (most: number, places: number) =>
  fc
    .tuple(fc.nat(most), fc.nat(10 ** places - 1), fc.integer({ min: 0, max: places }))
    .map(([whole, fraction, kept]) => {
      const digits = `${fraction}`.padStart(places, '0').slice(0, kept);
      return digits === '' ? `${whole}` : `${whole}.${digits}`;
    });
const amount = decimals(500, 2);
const price = decimals(20, 6);
const above0 = decimals(500, 3).filter((text) => /[1-9]/.test(text));

/** Rising edges, the last one open. */
const edges = fc
  .uniqueArray(fc.integer({ min: 1, max: 2_000_000 }), { minLength: 0, maxLength: 4 })
  .map((units) => [
    ...units.sort((a, b) => a - b).map((unit) => `${Math.floor(unit / 1000)}.${`${unit % 1000}`.padStart(3, '0')}`),
    null,
  ]);
const unitTiers = edges.chain((upTos) =>
  fc.tuple(
    ...upTos.map((upTo) =>
      fc.record(
        { up_to: fc.constant(upTo), unit_price: price, flat_fee: amount },
        { requiredKeys: ['up_to', 'unit_price'] },
      ),
    ),
  ),
);
const amountTiers = edges.chain((upTos) =>
  fc.tuple(...upTos.map((upTo) => fc.record({ up_to: fc.constant(upTo), amount }))),
);

const prices = fc.oneof(
  fc.record({ model: fc.constant('flat'), amount }),
  fc.record({ model: fc.constant('per_unit'), unit_price: price }),
  fc.record({ model: fc.constant('graduated'), tiers: unitTiers }),
  fc.record({ model: fc.constant('volume'), tiers: unitTiers }),
  fc.record({
    model: fc.constant('package'),
    size: above0,
    package_price: price,
    partial: fc.constantFrom('whole', 'prorated'),
  }),
  fc.record({ model: fc.constant('stairstep'), tiers: amountTiers }),
  fc.record({
    model: fc.constant('commit_burst'),
    commit: decimals(500, 3),
    commit_unit_price: price,
    burst_unit_price: price,
  }),
  fc.record({
    model: fc.constant('commit_burst'),
    commit: decimals(500, 3),
    commit_amount: amount,
    burst_tiers: unitTiers,
  }),
);

const measures = fc.constantFrom(
  { metric: 'bytes', unit: 'GB' },
  { metric: 'bytes', unit: 'GiB' },
  { metric: 'time', unit: 'hour' },
  { metric: 'time', unit: 'minute', round: { to: '0.5', mode: 'up' } },
  { metric: 'time', unit: 'hour', round: { to: '7', mode: 'half_up' } },
  { metric: 'bandwidth', aggregation: 'average', direction: 'uplink', unit: 'Mbps' },
  { metric: 'bandwidth', aggregation: 'maximum', direction: 'uplink', unit: 'kbps', round: { to: '3', mode: 'down' } },
);

const usageCharge = fc
  .record(
    {
      type: fc.constant('usage'),
      measure: measures,
      price: prices,
      included: decimals(300, 3),
      minimum_amount: decimals(40, 2),
      proration: fc.constantFrom('second', 'day', 'none'),
      tax_category: fc.constantFrom('S', 'Z'),
    },
    { requiredKeys: ['type', 'measure', 'price'] },
  )
  .chain((charge) =>
    fc.option(decimals(500, 2), { nil: undefined }).map((most) => ({
      ...charge,
      // A maximum above any minimum that may be drawn.
      ...(most === undefined ? {} : { maximum_amount: `${Number.parseInt(most, 10) + 41}` }),
    })),
  );
const recurringCharge = fc.record(
  {
    type: fc.constant('recurring'),
    amount,
    per: fc.constantFrom('account', 'customer_site_id'),
    timing: fc.constantFrom('in_arrears', 'in_advance'),
    proration: fc.constantFrom('second', 'day', 'none'),
    tax_category: fc.constantFrom('S', 'Z'),
  },
  { requiredKeys: ['type', 'amount'] },
);
const chargesOf = (most: number) =>
  fc
    .array(fc.oneof(usageCharge, recurringCharge, fc.record({ type: fc.constant('one_time'), amount })), {
      minLength: 1,
      maxLength: most,
    })
    .map((all) => all.map((charge, position) => ({ code: `c${position}`, name: `Charge ${position}`, ...charge })));
const discounts = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('percentage'), value: fc.integer({ min: 1, max: 100 }).map(String) }),
    fc.record({
      type: fc.constant('fixed'),
      value: fc
        .integer({ min: 1, max: 30_000 })
        .map((cents) => `${Math.floor(cents / 100)}.${`${cents % 100}`.padStart(2, '0')}`),
    }),
  ),
  { maxLength: 3 },
);
const day = fc.integer({ min: 1, max: 28 }).map((number) => `2026-03-${`${number}`.padStart(2, '0')}`);

/**
 * Plans of every kind of charge, discount and minimum, cut, begun and ended in the middle of a month, with usage.
 *
 * @param most charges of a plan
 */
export const storiesOf = (most: number): fc.Arbitrary<Story> =>
  fc
    .record({
      charges: chargesOf(most),
      discounts,
      minimum: fc.option(amount, { nil: undefined }),
      rounding: fc.constantFrom('half_up' as const, 'half_even' as const),
      timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/New_York'),
      starts: fc.oneof(fc.constant('2020-01-01'), day),
      ends: fc.option(day, { nil: null }),
      cut: fc.option(day, { nil: null }),
      siteFrom: day,
      siteUntil: fc.option(day, { nil: null }),
      bytes: fc.bigInt({ min: 0n, max: 5_000_000_000_000n }).map(String),
      seconds: decimals(9_000_000, 6),
      level: decimals(3_000, 9),
    })
    .map(({ charges: drawn, discounts: off, minimum, cut, bytes, seconds, level, siteFrom, siteUntil, ...story }) => {
      const plan = { discounts: off, ...(minimum === undefined ? {} : { minimum_spend: minimum }) };
      // Measured sums cannot be divided over versions, so a cut plan has none.
      const kept =
        cut === null
          ? drawn
          : drawn.filter((charge) => !('measure' in charge) || charge.measure.metric === 'bandwidth');
      const versions = cut === null || kept.length === 0 ? [] : [{ from: cut, charges: kept, plan }];
      return {
        ...story,
        period: '2026-03',
        ends: story.ends === null || story.ends > story.starts ? story.ends : null,
        plan,
        charges: versions.length > 0 ? kept : drawn,
        versions,
        entities: [site('A'), site('B', siteFrom, siteUntil), site('C', '2020-01-01', siteUntil)],
        quantities: [
          { metric: 'bytes' as const, quantity: bytes },
          { metric: 'time' as const, quantity: seconds },
          { metric: 'bandwidth' as const, quantity: level },
        ],
      };
    });
