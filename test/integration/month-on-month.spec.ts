import { lateCorrection } from '../../apps/report-simulator/src/index.js';
import type { CorrectionView } from '#persistence/closes';
import { BYTES_CHARGE, bytesOf, makeBytesAccount, SEED } from '../support/billed-bytes.js';
import { makePlan, makeSeller, planOf } from '../support/catalogue.js';
import { LATE } from '../support/closing.js';
import { amount } from '../support/expected-usage.js';
import { settled, startService, type TestService } from '../support/service.js';
import { eventually } from '../support/eventually.js';

const LEAF = 3;
const JULY = { start: Date.parse('2026-07-01T00:00:00Z') / 1000, end: Date.parse('2026-08-01T00:00:00Z') / 1000 };

const fee = (code: string, price: string) => ({ code, name: `The ${code}`, type: 'recurring', amount: price });

describe('a drafted account against its month before, over REST', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ fleet: { accounts: 8, sites: 1, subscribers: 1 }, seed: SEED });
    await makeSeller(service.database, { code: 'acme' });
    const before = planOf('plan', fee('platform', '100.00'), BYTES_CHARGE, fee('legacy', '5.00'));
    const after = planOf('plan', fee('addon', '7.00'), BYTES_CHARGE, fee('platform', '100.00'));
    await makePlan(service.database, before);
    await makePlan(service.database, { ...after, effective_from: '2026-08-01' });
  });
  afterAll(() => service.stop());

  async function close(period: string, issue: 'automatic' | 'after_review'): Promise<string> {
    const { id } = await service.rest.post<{ id: string }>('/v1/closes', { seller: 'acme', period, issue });
    await settled(service.rest, id);
    return id;
  }

  it('tells every charge apart: new, gone, changed, the same; last month is the sum of its documents', async () => {
    const account = await makeBytesAccount(service.database, LEAF, {}, 'plan');
    const july = await close('2026-07', 'automatic');
    interface Read {
      invoice: string | null;
      changes?: unknown;
    }
    const first = await service.rest.get<Read>(`/v1/closes/${july}/accounts/${account}`);
    expect(first.changes).toBeNull();

    service.simulator.setFaults(LATE);
    await service.rest.post(`/v1/invoices/${first.invoice}/confirming-pulls`, {});
    const proposals = await eventually(async () => {
      const { data } = await service.rest.get<{ data: CorrectionView[] }>('/v1/corrections?seller=acme');
      return data.length > 0 && data;
    });
    const { invoice: note } = await service.rest.post<CorrectionView>(`/v1/corrections/${proposals[0]?.id}/issue`, {});
    service.simulator.setFaults([]);

    const august = await close('2026-08', 'after_review');
    const [now, then] = [
      bytesOf(LEAF),
      bytesOf(LEAF, '2026-07-01') + 2n * BigInt(lateCorrection(LEAF, JULY.start, JULY.end).bytesPerDirection),
    ];
    const platform = { quantity: '1', unit: 'period', amount: '100.00' };
    const expected = {
      period: '2026-07',
      documents: [
        { id: first.invoice, number: 'INV-2026-000001' },
        { id: note, number: 'DN-2026-000001' },
      ],
      currency: 'USD',
      charges: [
        {
          ...{ charge: 'addon', description: 'The addon', change: 'new', previous: null },
          current: { quantity: '1', unit: 'period', amount: '7.00' },
          difference: { quantity: '1', amount: '7.00' },
        },
        {
          ...{ charge: 'traffic', description: 'Data transfer', change: 'changed' },
          current: { quantity: `${now}`, unit: 'B', amount: amount(now) },
          previous: { quantity: `${then}`, unit: 'B', amount: amount(then) },
          difference: { quantity: `${now - then}`, amount: amount(now - then) },
        },
        {
          ...{ charge: 'platform', description: 'The platform', change: 'same', current: platform, previous: platform },
          difference: { quantity: '0', amount: '0.00' },
        },
        {
          ...{ charge: 'legacy', description: 'The legacy', change: 'gone', current: null },
          previous: { quantity: '1', unit: 'period', amount: '5.00' },
          difference: { quantity: '-1', amount: '-5.00' },
        },
      ],
    };
    const path = `/v1/closes/${august}/accounts`;
    expect(await service.rest.get(`${path}/${account}`)).toMatchObject({ state: 'drafted', changes: expected });
    const { data: listed } = await service.rest.get<{ data: object[] }>(path);
    expect(listed.map((each) => 'changes' in each)).toEqual([false]);

    await service.rest.post(`/v1/closes/${august}/issue`, {});
    await settled(service.rest, august);
    expect(await service.rest.get(`${path}/${account}`)).toMatchObject({ state: 'issued', changes: expected });
  });

  it('has nothing to compare while an account is held', async () => {
    const account = await makeBytesAccount(service.database, 5, {}, 'plan');
    await close('2026-07', 'automatic');
    service.simulator.setFaults([{ fault: 'answer_of_another_request' }]);
    const august = await close('2026-08', 'after_review');
    const path = `/v1/closes/${august}/accounts/${account}`;
    expect(await service.rest.get(path)).toMatchObject({ state: 'held', changes: null });
  });
});
