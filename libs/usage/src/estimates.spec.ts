import { Plans } from '#billing';
import { canonicalJson } from '#canonical-json';
import { fromStamp, monthPeriod } from '#calendar';
import { ownedBuckets } from '#metering';
import { parseTariffPlan } from '#rating';
import { DIALECTS } from '#report-client';
import { createHash } from 'node:crypto';
import { type EstimateWork, rateMonth } from './estimate-rating.js';
import { Estimates } from './estimates.js';
import { pack, unpack } from './packed-work.js';

const sha256 = (value: unknown) => createHash('sha256').update(canonicalJson(value)).digest('hex');
const LARGE = { series: 4, buckets: 2_000_000, lines: 1 };

/** A month of a site's samples, some of which are missing. */
function work(): EstimateWork {
  const parsed = parseTariffPlan({
    ...{ code: 'rate', name: 'Rate', currency: 'USD', effective_from: '2020-01-01' },
    charges: [
      {
        ...{ code: 'rate', name: 'Rate', type: 'usage', price: { model: 'per_unit', unit_price: '2.00' } },
        measure: {
          ...{ metric: 'bandwidth', aggregation: 'percentile', percentile: '95', missing: 'zero', unit: 'Mbps' },
          direction: 'percentile_of_sum',
        },
      },
    ],
  });
  if (parsed.outcome !== 'valid') throw new Error(JSON.stringify(parsed.errors));
  const period = monthPeriod('2026-08', 'UTC');
  const site = { dimension: 'customer_site_id', value: 'A' } as const;
  const party = { name: 'x', currency: 'USD', timeZone: 'UTC', taxId: null, address: null, email: null } as const;
  const { firstStart, count } = ownedBuckets(period, 'SLOT');
  const values = Array.from({ length: count }, (_, slot) => (slot % 977 === 5 ? null : `${slot % 101}.${slot % 7}`));
  return {
    terms: {
      seller: {
        ...party,
        ...{ id: 's', code: 'acme', country: 'US', invoicePrefix: 'INV', fiscalYearStart: 1, numberStart: 1 },
        ...{ rounding: 'half_up', payableRounding: 'none', paymentTermsDays: 14, edgePolicy: 'own_by_start' },
        ...{ unregisteredUsage: 'warn', bank: null, reportApi: null },
      },
      account: { ...party, id: 'a', externalId: '4711', taxes: [], paymentTermsDays: null, edgePolicy: null },
      entities: [{ ...site, name: null, activeFrom: null, activeUntil: null }],
      subscriptions: [{ planCode: 'rate', startDate: '2020-01-01', endDate: null }],
      versions: [
        {
          ...{ code: 'rate', version: 1, effectiveFrom: '2020-01-01' },
          ...{ document: parsed.plan, sha256: sha256(parsed.plan) },
        },
      ],
    },
    label: '2026-08',
    now: fromStamp('2026-10-01T00:00:00Z'),
    pulled: {
      series: (['uplink_bandwidth', 'downlink_bandwidth'] as const).map((metric) => ({
        series: { entity: site, metric, grid: 'SLOT', owned: period, firstStart, values },
      })),
      warnings: [{ code: 'duplicate_bucket', message: 'once' }],
    },
    traits: DIALECTS.speak({}).traits,
  };
}

describe('an estimate', () => {
  it('comes to the same in a thread as where it is asked for', async () => {
    const here = rateMonth(work(), new Plans(sha256));
    const there = await new Estimates(new Plans(sha256)).rate(work(), LARGE);
    expect(here.outcome).toBe('estimated');
    expect(there).toEqual(here);
  });

  it('is handed to the thread with every value and every gap', async () => {
    const { pulled } = unpack(structuredClone(await pack(work())));
    expect(pulled.series.map(({ series }) => series)).toEqual(work().pulled.series.map(({ series }) => series));
  });

  it('is not waited for behind more than a few others', async () => {
    const estimates = new Estimates(new Plans(sha256));
    const made = await Promise.all(Array.from({ length: 12 }, () => estimates.rate(work(), LARGE)));
    const busy = made.filter((each) => each.outcome === 'none');
    expect(busy).toHaveLength(3);
    expect(busy.map((each) => each.outcome === 'none' && each.reason.code)).toEqual(busy.map(() => 'estimate_busy'));
    expect((await estimates.rate(work(), LARGE)).outcome).toBe('estimated');
  });
});
