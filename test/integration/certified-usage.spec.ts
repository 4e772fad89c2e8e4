import { accountId, lateCorrection, usageOfDays, utcDays } from '../../apps/report-simulator/src/index.js';
import { Decimal } from '#money';
import { listInvoices } from '#persistence/documents';
import { findCertificate } from '#persistence/closes';
import type { SignedCertificate } from '#proof';
import { makeAccount, makePlan, makeSeller, trafficPlan } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

const PERIOD = '2026-08';
const SEED = 7;
const AUGUST = { start: Date.parse('2026-08-01T00:00:00Z') / 1000, end: Date.parse('2026-09-01T00:00:00Z') / 1000 };

/** Bytes of August, both directions, of accounts with one leaf each, from the oracle's closed form. */
function bytesOf(leaves: readonly number[]): string {
  const each = leaves.map((firstLeaf) =>
    usageOfDays({ firstLeaf, leaves: 1 }, utcDays('2026-08-01', 31), { seed: SEED }),
  );
  const quarters = each.reduce((sum, of) => sum + of.uplinkQuarterBytes + of.downlinkQuarterBytes, 0n);
  return new Decimal(quarters.toString()).dividedBy(4).toFixed();
}

describe('usage that comes after the documents', () => {
  let closing: Closing;

  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 3, sites: 1, subscribers: 1 }, seed: SEED });
    await makeSeller(closing.database, { code: 'acme', settings: { report_api_wait_hours: 0 } });
    await makePlan(closing.database, trafficPlan('traffic'));
    const [charge] = trafficPlan('free').charges;
    await makePlan(closing.database, {
      ...trafficPlan('free'),
      charges: [{ ...charge, price: { model: 'per_unit', unit_price: '0.00' } }],
    });
    await makeAccount(closing.database, { seller: 'acme', external_id: accountId(0) }, 'traffic');
    await makeAccount(closing.database, { seller: 'acme', external_id: accountId(1) }, 'free');
    await makeAccount(closing.database, { seller: 'acme', external_id: accountId(2) }, 'traffic');
  });
  afterAll(() => closing.stop());

  const certified = async (revision: number) => {
    const stored = await findCertificate(closing.database, closing.lastClose(), revision);
    const { certificate } = JSON.parse(stored?.document ?? '{}') as SignedCertificate;
    const owned = certificate.usage.map((each) => each.owned);
    return {
      bytes: owned.reduce((sum, { total }) => sum.plus(total), new Decimal(0)).toFixed(),
      buckets: owned.reduce((sum, { buckets }) => sum + Number(buckets), 0),
    };
  };

  it('is on no certificate until a document is billed by it', async () => {
    closing.simulator.setFaults([{ fault: 'error_500', match: { account: accountId(2) } }]);
    const ends = ['issued', 'empty', 'held report_api_unavailable'];
    expect((await closing.run('acme', PERIOD)).map(endOf)).toEqual(ends);
    expect(await certified(1)).toEqual({ bytes: bytesOf([0, 1]), buckets: 4 * 31 });

    closing.simulator.setFaults([{ fault: 'late_correction' }]);
    const [invoice] = await listInvoices(closing.database, { limit: 1 });
    expect(await closing.closes.corrections.confirm(invoice?.id ?? '')).toEqual({ outcome: 'no_difference' });
    const [empty] = await closing.database.$queryRaw<{ id: string }[]>`SELECT id FROM empty_period`;
    expect(await closing.closes.corrections.confirmEmpty(empty?.id ?? '')).toEqual({ outcome: 'no_difference' });
    closing.simulator.setFaults([]);
    expect((await closing.retry(closing.lastClose())).map(endOf)).toEqual(['issued', 'empty', 'issued']);

    expect(lateCorrection(0, AUGUST.start, AUGUST.end).bytesPerDirection).toBeGreaterThan(0);
    expect(await certified(2)).toEqual({ bytes: bytesOf([0, 1, 2]), buckets: 6 * 31 });
  });
});
