import * as fc from 'fast-check';
import { lowestTerms, recomputeByFractions, sumOfSteps } from '../../../test/support/exact-recompute.js';
import { storiesOf } from '../../../test/support/random-stories.js';
import { linesOf } from '../../../test/support/rating-story.js';
import { type Derivation, recompute } from './derivation.js';

const stories = storiesOf(5);

describe('a line follows from its derivation alone', () => {
  it('by the rating itself and by a second writing in BigInt fractions', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(stories, (story) => {
        for (const line of linesOf(story)) {
          const stored = JSON.parse(JSON.stringify(line.derivation)) as Derivation;
          const second = recomputeByFractions(stored);
          expect(second.amount).toBe(line.amount);
          expect(second.exact).toBe(lowestTerms(stored.amount));
          expect(sumOfSteps(stored)).toBe(second.exact);
          expect(recompute(stored)).toEqual({ amount: line.amount, exact: stored.amount, steps: stored.steps });
          kinds.add(stored.basis.kind === 'usage' ? `usage ${stored.basis.price.model}` : stored.basis.kind);
        }
      }),
      { numRuns: 500 },
    );
    expect([...kinds].sort()).toEqual([
      'discount',
      'minimum_spend',
      'one_time',
      'recurring',
      'usage commit_burst',
      'usage flat',
      'usage graduated',
      'usage package',
      'usage per_unit',
      'usage stairstep',
      'usage volume',
    ]);
  });

  it('Σ discounts never exceed what they are taken from, and a minimum spend is reached', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const cents = (text: string) => BigInt(text.replace('.', ''));
        const lines = linesOf(story);
        const sum = (kinds: string[]) =>
          lines
            .filter(({ kind, amount: text }) => kinds.includes(kind) && (kind === 'discount' || !text.startsWith('-')))
            .reduce((total, line) => total + cents(line.amount), 0n);
        expect(sum(['usage', 'recurring', 'one_time', 'discount']) >= 0n).toBe(true);
        expect(lines.filter(({ kind, amount: text }) => kind === 'minimum_spend' && text.startsWith('-'))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('its form', () => {
  const [line] = linesOf({
    period: '2026-02',
    starts: '2026-02-26',
    charges: [{ code: 'fee', name: 'Fee', type: 'recurring', amount: '0.14' }],
  });

  it('holds numerator and denominator, and cuts only what is shown', () => {
    expect(line).toEqual({
      charge: 'fee',
      kind: 'recurring',
      description: 'Fee',
      entity: null,
      segment: {
        start: '2026-02-26T00:00:00Z',
        end: '2026-03-01T00:00:00Z',
        start_date: '2026-02-26',
        end_date: '2026-03-01',
      },
      quantity: '0.107142857142',
      unit: 'period',
      amount: '0.02',
      unrounded_amount: '0.015',
      tax_category: null,
      commodity_code: null,
      derivation: {
        version: 1,
        plan: { code: 'plan', version: 1, sha256: 'sha256 of plan version 1' },
        basis: {
          kind: 'recurring',
          billing: 'arrears',
          unit_amount: '0.14',
          shares: [{ proration: 'second', numerator: '259200', denominator: '2419200', count: 1 }],
        },
        steps: [
          {
            kind: 'fee',
            quantity: '0.107142857142',
            unit_price: '0.14',
            tier: null,
            amount: { numerator: '0.015', denominator: '1' },
          },
        ],
        amount: { numerator: '0.015', denominator: '1' },
        rounding: { mode: 'half_up', digits: 2 },
      },
    });
  });

  it('is one spelling: lowest terms, or a decimal where it ends', () => {
    const third = linesOf({
      period: '2026-11',
      ends: '2026-11-11',
      charges: [{ code: 'fee', name: 'Fee', type: 'recurring', amount: '2.00' }],
    });
    expect(third[0]?.derivation.amount).toEqual({ numerator: '2', denominator: '3' });
    expect(third[0]?.unrounded_amount).toBe('0.666666666666');
  });

  it('of a version or a kind from the future is refused, not guessed', () => {
    const stored = JSON.parse(JSON.stringify(line?.derivation)) as Derivation;
    const unknown = expect.objectContaining({ code: 'unknown_derivation', retryable: false });
    expect(() => recompute({ ...stored, version: 2 } as unknown as Derivation)).toThrow(unknown);
    expect(() => recompute({ ...stored, basis: { kind: 'barter' } } as unknown as Derivation)).toThrow(unknown);
  });
});
