import * as fc from 'fast-check';
import { rate, type RatingInput } from '#rating';
import { recomputeByFractions } from '../../../test/support/exact-recompute.js';
import { storiesOf } from '../../../test/support/random-stories.js';
import { inputOf } from '../../../test/support/rating-story.js';
import type { AccountTax } from './invoice.js';
import { totalsOf } from './totals.js';

const PLANS = 2_000;
const USAGES = 10;
const CURRENCIES = [
  ['USD', 2],
  ['JPY', 0],
  ['BHD', 3],
] as const;

/** Taxes that answer to every category a random plan may ask for. */
const TAXES: readonly (readonly AccountTax[])[] = [
  [],
  [
    { name: 'VAT', category: 'S', rate: '19' },
    { name: 'VAT', category: 'Z', rate: '0' },
  ],
  [
    { name: 'CGST', category: 'S', rate: '9' },
    { name: 'SGST', category: 'S', rate: '9' },
  ],
  [
    { name: 'VAT', category: 'S', rate: '0.0001' },
    { name: 'VAT', category: 'Z', rate: '0', valid_from: '2026-01-01' },
  ],
  [
    { name: 'VAT', category: 'Z', rate: '0' },
    { name: 'State', category: 'S', rate: '6.25', valid_until: '2026-03-16', component_of: 'Sales tax' },
    { name: 'State', category: 'S', rate: '7.125', valid_from: '2026-03-16', component_of: 'Sales tax' },
    { name: 'City', category: 'S', rate: '0.9999', component_of: 'Sales tax' },
  ],
];

/** Minor units of an amount with exactly `digits` decimals; it must have exactly so many. */
function units(text: string, digits: number): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  if (fraction.length !== digits) throw new Error(`${text} has not ${digits} decimals`);
  return BigInt(whole + fraction);
}

function total(amounts: readonly string[], digits: number): bigint {
  return amounts.reduce((sum, amount) => sum + units(amount, digits), 0n);
}

/** Numbers between 0 and 2^32 that look random and are the same in every run. */
function* noise(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state;
  }
}

function* usages(seed: number): Generator<NonNullable<RatingInput['quantities']>> {
  const numbers = noise(seed);
  const next = (below: number) => numbers.next().value % below;
  for (let count = 0; count < USAGES; count += 1) {
    // From nothing to far beyond what doubles hold.
    const digits = '0'.repeat(next(4) * 4);
    yield [
      { metric: 'bytes', quantity: `${next(5_000_000)}${digits}` },
      { metric: 'time', quantity: `${next(9_000_000)}.${next(1_000_000)}` },
      { metric: 'bandwidth', quantity: `${next(3_000)}.${next(1_000_000_000)}` },
    ];
  }
}

describe('fuzzed invoices', () => {
  it('100,000 of them: Σ lines = net, Σ groups = tax, net + tax = gross, and lines follow from their derivations', () => {
    let invoices = 0;
    const seen = { lines: 0, credits: 0, discounts: 0, trueUps: 0, rounded: 0 };
    fc.sample(storiesOf(2), { numRuns: PLANS, seed: 20_261_123 }).forEach((story, position) => {
      const [currency, digits] = CURRENCIES[position % 3] ?? CURRENCIES[0];
      const input = inputOf({ ...story, currency: 'USD' });
      const billed = { ...input, currency, segments: inCurrency(input.segments, currency) };
      for (const quantities of usages(position)) {
        const rated = rate({ ...billed, quantities });
        if (rated.outcome === 'held') throw new Error(JSON.stringify(rated.reasons));
        const { lines } = rated;
        const sum = total(amountsOf(lines), digits);
        // Fractions of BigInt take their time, so not every line is worked out again.
        const again = lines[invoices % (lines.length + 3)];
        if (again) expect(recomputeByFractions(again.derivation).amount).toBe(again.amount);
        for (const [taxed, taxes] of TAXES.entries()) {
          const payableRounding = (['none', '1', '0.05'] as const)[(position + taxed) % 3] ?? 'none';
          const totals = totalsOf(lines, taxes, { currency, rounding: input.rounding, payableRounding });
          const net = units(totals.net, digits);
          const tax = units(totals.tax, digits);
          const gross = units(totals.gross, digits);
          const rounding = totals.rounding;
          const kept =
            sum === net &&
            total(amountsOf(totals.taxes), digits) === tax &&
            net + tax === gross &&
            gross + units(rounding, digits) === units(totals.payable, digits);
          // A hundred thousand expectations would take longer than what they expect.
          if (!kept) expect({ story, quantities, lines, totals }).toBe('conserved');
          invoices += 1;
          if (gross < 0n) seen.credits += 1;
          if (/[1-9]/.test(rounding)) seen.rounded += 1;
        }
        seen.lines += lines.length;
        seen.discounts += lines.filter(({ kind }) => kind === 'discount').length;
        seen.trueUps += lines.filter(({ kind }) => kind === 'minimum_spend').length;
      }
    });
    expect(invoices).toBe(100_000);
    expect(Object.entries(seen).filter(([, count]) => count < 1_000)).toEqual([]);
  });
});

function amountsOf(items: readonly { amount: string }[]): string[] {
  return items.map(({ amount }) => amount);
}

/** The same plans in another currency; nothing is converted. */
function inCurrency(segments: RatingInput['segments'], currency: string): RatingInput['segments'] {
  return segments.map((segment) => ({
    ...segment,
    version: { ...segment.version, plan: { ...segment.version.plan, currency } },
  }));
}
