import { ownedBuckets, type BucketSeries } from '#metering';
import { parseTariffPlan, RatingError } from '#rating';
import { accountTotals, billingTask, orHeld, rateAccount } from './bill-account.js';
import type { BillingTerms } from './facts.js';
import { remedyOf } from './holds.js';
import { Plans } from './plans.js';

const MONTH = '2026-08';

function termsBy(charges: object[], taxes: BillingTerms['account']['taxes'] = []): BillingTerms {
  const parsed = parseTariffPlan({
    ...{ code: 'plan', name: 'Plan', currency: 'USD', effective_from: '2020-01-01' },
    charges,
  });
  if (parsed.outcome !== 'valid') throw new Error(JSON.stringify(parsed.errors));
  const document = parsed.plan;
  const party = { name: 'x', currency: 'USD', timeZone: 'UTC', taxId: null, address: null, email: null } as const;
  return {
    seller: {
      ...party,
      ...{ id: 's', code: 'acme', country: 'US', invoicePrefix: 'INV', fiscalYearStart: 1, numberStart: 1 },
      ...{ rounding: 'half_up', payableRounding: 'none', paymentTermsDays: 14, edgePolicy: 'own_by_start' },
      ...{ unregisteredUsage: 'warn', bank: null, reportApi: null },
    },
    account: { ...party, id: 'a', externalId: '4711', taxes, paymentTermsDays: null, edgePolicy: null },
    entities: [],
    subscriptions: [{ planCode: 'plan', startDate: '2020-01-01', endDate: null }],
    versions: [{ code: 'plan', version: 1, effectiveFrom: '2020-01-01', document, sha256: 'hash' }],
  };
}

const traffic = (unit_price: string) => ({
  ...{ code: 'traffic', name: 'Traffic', type: 'usage' },
  measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'B' },
  price: { model: 'per_unit', unit_price },
});

describe('rating an account', () => {
  const plans = () => new Plans(() => 'hash');
  const taskOf = (terms: BillingTerms) => billingTask(terms, MONTH, plans());
  const used = (task: ReturnType<typeof taskOf>, first: string): BucketSeries[] =>
    (['uplink_bytes', 'downlink_bytes'] as const).map((metric) => {
      const { firstStart, count } = ownedBuckets(task.period, 'HOUR');
      const values = Array.from({ length: count }, (_, position) => (position === 0 ? first : '0'));
      return { entity: task.account, metric, grid: 'HOUR', owned: task.period, firstStart, values };
    });

  it('bills long numbers exactly, and holds the account at the charge where 400 digits do not keep one', () => {
    const task = taskOf(termsBy([traffic('1.5')]));
    const rated = rateAccount(task, used(task, `1${'0'.repeat(360)}1`));
    expect(rated).toMatchObject({ outcome: 'rated', lines: [{ amount: `3${'0'.repeat(360)}3.00` }] });
    const held = rateAccount(task, used(task, `1${'0'.repeat(398)}1`));
    expect(held).toMatchObject({ outcome: 'held', reason: { code: 'inexact_result' } });
    expect(held.outcome === 'held' && held.reason.message).toContain('charge traffic comes to a number of more digits');
    expect(remedyOf('inexact_result')).toBe('publish a version of the plan with shorter numbers, then retry');
  });

  it('holds what is unsettled in the catalogue, and throws what no clerk can settle there', () => {
    const tax = { name: 'VAT', category: 'S', rate: '20' } as const;
    const task = taskOf(termsBy([traffic('1')], [tax, tax]));
    const rated = rateAccount(task, used(task, '1'));
    if (rated.outcome === 'held') throw new Error(rated.reason.message);
    expect(orHeld(() => accountTotals(task, rated.lines))).toMatchObject({
      outcome: 'held',
      reason: { code: 'ambiguous_taxes' },
    });
    const broken = () => {
      throw new RatingError('unknown_derivation', 'a derivation of a later version');
    };
    expect(() => orHeld(broken)).toThrow('a derivation of a later version');
  });

  it('uses no plan whose document has another hash', () => {
    const altered = new Plans(() => 'other');
    expect(() => billingTask(termsBy([traffic('1')]), MONTH, altered)).toThrow(
      expect.objectContaining({ code: 'document_altered', retryable: false }),
    );
  });
});
