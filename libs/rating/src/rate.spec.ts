import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import type { BillingPeriod } from '#calendar';
import type { BucketSeries, EntityRef } from '#metering';
import { decimal, Ratio } from '#money';
import { ACCOUNT, FULL_STORY, inputOf, linesOf, series, site, type Story } from '../../../test/support/rating-story.js';
import { rate } from './rate.js';

const P95 = {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  direction: 'percentile_of_greater',
  missing: 'zero',
  unit: 'Mbps',
};
const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/Sao_Paulo', 'Pacific/Auckland');
const months = fc.constantFrom('2026-02', '2026-03', '2026-10', '2026-11', '2028-02');
/** A day inside the month, never its first. */
const dayInside = fc.integer({ min: 2, max: 28 }).map((day) => `${day}`.padStart(2, '0'));

const siteRef: EntityRef = { dimension: 'customer_site_id', value: 'A' };
const constantLevel =
  (level: string) =>
  (period: BillingPeriod): BucketSeries[] => [
    series(period, siteRef, 'uplink_bandwidth', 'SLOT', () => level),
    series(period, siteRef, 'downlink_bandwidth', 'SLOT', () => '0'),
  ];
const exactSum = (lines: ReturnType<typeof linesOf>) =>
  Ratio.sum(lines.map(({ derivation: { amount } }) => Ratio.of(amount.numerator, amount.denominator)));

describe('an unchanged plan, cut at any local midnights', () => {
  const cutStory = (story: Story, month: string, days: string[]): Story => ({
    ...story,
    period: month,
    versions: [...new Set(days)].map((day) => ({ from: `${month}-${day}`, charges: story.charges ?? [] })),
  });

  it('charges a rate of the same level the same before rounding', () => {
    fc.assert(
      fc.property(
        zones,
        months,
        fc.array(dayInside, { minLength: 1, maxLength: 3 }),
        fc.nat(400_000),
        (timeZone, month, days, level) => {
          const price = { model: 'commit_burst', commit: '100', commit_unit_price: '4.00', burst_unit_price: '6.50' };
          const charges = [
            {
              code: 'burst',
              name: 'Burst',
              type: 'usage',
              measure: P95,
              price,
              included: '10',
              maximum_amount: '1500.00',
            },
            { code: 'fee', name: 'Fee', type: 'recurring', amount: '99.99' },
          ];
          const whole: Story = {
            timeZone,
            period: month,
            charges,
            entities: [site('A')],
            usage: constantLevel(`${level / 1000}`),
          };
          const cut = linesOf(cutStory(whole, month, days));
          expect(cut.length).toBe(2 * (new Set(days).size + 1));
          expect(exactSum(cut).compare(exactSum(linesOf(whole)))).toBe(0);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('conserves the quantity of a sum', () => {
    fc.assert(
      fc.property(
        zones,
        months,
        fc.array(dayInside, { minLength: 1, maxLength: 3 }),
        fc.infiniteStream(fc.nat(10 ** 9)),
        (timeZone, month, days, values) => {
          const texts = [...values.take(800)].map((value, position) => `${value}.${position}`);
          const whole: Story = {
            timeZone,
            period: month,
            charges: [
              {
                code: 'u',
                name: 'U',
                type: 'usage',
                measure: { metric: 'bytes', unit: 'B' },
                price: { model: 'per_unit', unit_price: '1' },
              },
            ],
            usage: (period) => [
              series(period, ACCOUNT, 'uplink_bytes', 'HOUR', (_, hour) => texts[hour % 800] ?? '0'),
              series(period, ACCOUNT, 'downlink_bytes', 'HOUR', (_, hour) => texts[(hour * 7) % 800] ?? '0'),
            ],
          };
          expect(exactSum(linesOf(cutStory(whole, month, days))).compare(exactSum(linesOf(whole)))).toBe(0);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('graduated prices', () => {
  const tiers = fc.uniqueArray(fc.integer({ min: 1, max: 5_000 }), { minLength: 0, maxLength: 5 }).chain((edges) =>
    fc.tuple(
      ...[...edges.sort((a, b) => a - b), null].map((edge) =>
        fc.record({
          up_to: fc.constant(edge === null ? null : `${edge / 4}`),
          unit_price: fc.nat(1_000).map((price) => `${price / 1000}`),
          flat_fee: fc.nat(9).map(String),
        }),
      ),
    ),
  );
  const lineAt = (price: unknown, bytes: bigint, included?: string) => {
    const charge = {
      code: 'u',
      name: 'U',
      type: 'usage',
      measure: { metric: 'bytes', unit: 'kB' },
      price,
      ...(included ? { included } : {}),
    };
    const [line] = linesOf({ charges: [charge], quantities: [{ metric: 'bytes', quantity: `${bytes}` }] });
    if (!line) throw new Error('no line');
    return line;
  };
  const bytes = fc.bigInt({ min: 0n, max: 2_000_000n });

  it('the steps add up to the quantity, the allowance among them', () => {
    fc.assert(
      fc.property(tiers, bytes, fc.nat(500).map(String), (drawn, quantity, included) => {
        const line = lineAt({ model: 'graduated', tiers: drawn }, quantity, included);
        const counted = line.derivation.steps.map((step) => Ratio.of(decimal(step.quantity ?? '0')));
        expect(Ratio.sum(counted).compare(Ratio.of(`${quantity}`, '1000'))).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('never fall when usage grows', () => {
    fc.assert(
      fc.property(tiers, bytes, bytes, (drawn, a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        const amount = (quantity: bigint) => exactSum([lineAt({ model: 'graduated', tiers: drawn }, quantity)]);
        expect(amount(less).compare(amount(more))).toBeLessThanOrEqual(0);
      }),
      { numRuns: 200 },
    );
  });
});

it('gives the same bytes for the same input in any order', () => {
  const input = inputOf(FULL_STORY);
  const expected = JSON.stringify(rate(input));
  expect(JSON.parse(expected).lines.length).toBeGreaterThan(9);
  const shuffled = <T>(values: readonly T[]) => fc.shuffledSubarray([...values], { minLength: values.length });
  fc.assert(
    fc.property(
      shuffled(input.segments),
      shuffled(input.entities),
      shuffled(input.usage),
      (segments, entities, usage) => {
        expect(JSON.stringify(rate({ ...input, segments, entities, usage }))).toBe(expected);
      },
    ),
    { numRuns: 15 },
  );
});

it('gives the same bytes in any time zone of the host', () => {
  // The zone of a process is read once, so each one needs its own.
  const script = `
    import { FULL_STORY, linesOf } from './test/support/rating-story.ts';
    console.log(new Date(0).getTimezoneOffset(), JSON.stringify(linesOf(FULL_STORY)));
  `;
  const source = ['-C', 'source', '--import', './test/support/run-source.mjs', '--input-type=module', '-e', script];
  const inZone = (TZ: string) =>
    execFileSync(process.execPath, source, { env: { PATH: process.env['PATH'], TZ }, encoding: 'utf8' }).trim();
  const expected = JSON.stringify(linesOf(FULL_STORY));
  expect(inZone('UTC')).toBe(`0 ${expected}`);
  expect(inZone('Pacific/Kiritimati')).toBe(`640 ${expected}`);
  expect(inZone('America/St_Johns')).toBe(`210 ${expected}`);
});
