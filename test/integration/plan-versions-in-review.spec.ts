import pg from 'pg';
import { accountId } from '../../apps/report-simulator/src/index.js';
import type { TariffPlanVersion } from '#persistence/catalogue';
import { listInvoices } from '#persistence/documents';
import type { CloseAccountView } from '#persistence/closes';
import { feePlan, makeAccount, makePlan, makeSeller, trafficPlan } from '../support/catalogue.js';
import { type Closing, startClosing } from '../support/closing.js';
import { type CloseResource, settled, startService, type TestService } from '../support/service.js';

const PERIOD = '2026-08';

/**
 * A plan gets a new version between a draft and its issue. August has 31 days; from the 16th on 16 of them are billed by
 * the new version: 100.00 × 15/31 = 48.387… and 200.00 × 16/31 = 103.225…, together 151.62.
 */
describe('a plan that changes while its drafts wait for a review', () => {
  let service: TestService;
  let closeId: string;
  let account: string;
  let bystander: string;

  beforeAll(async () => {
    service = await startService({ fleet: { accounts: 1, sites: 1, subscribers: 1 } });
    const { database, rest } = service;
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '100.00'));
    await makePlan(database, feePlan('other', '10.00'));
    account = await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    bystander = await makeAccount(database, { seller: 'acme', external_id: 'b' }, 'other');
    closeId = (await rest.post<CloseResource>('/v1/closes', { seller: 'acme', period: PERIOD })).id;
    expect(await settled(rest, closeId)).toMatchObject({ state: 'review', counts: { drafted: 2 } });
  });
  afterAll(() => service.stop());

  const draftVersion = (amount: string, effectiveFrom: string) =>
    service.rest.post<TariffPlanVersion>('/v1/tariff-plans', {
      ...feePlan('fee', amount),
      effective_from: effectiveFrom,
    });
  const publish = async (version: number) => {
    const answer = await fetch(`${service.url}/v1/tariff-plans/fee/versions/${version}/publish`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.adminKey}` },
    });
    return { status: answer.status, body: (await answer.json()) as { code?: string; errors?: { pointer: string }[] } };
  };
  const view = (id: string) => service.rest.get<CloseAccountView>(`/v1/closes/${closeId}/accounts/${id}`);
  const issue = async () => {
    await service.rest.post(`/v1/closes/${closeId}/issue`, {});
    return settled(service.rest, closeId);
  };
  const numbers = async () =>
    (await listInvoices(service.database, { limit: 10 })).map(({ number, net }) => [number, net]);

  it('takes the version, holds the draft that it concerns with inputs_changed, and issues the others', async () => {
    const { version } = await draftVersion('200.00', '2026-08-16');
    // A draft of a version changes nothing yet: it is not what the account is billed by.
    expect(await view(account)).toMatchObject({ state: 'drafted', totals: { net: '100.00' } });
    expect(await publish(version)).toMatchObject({ status: 200 });

    expect(await issue()).toMatchObject({ state: 'finished', counts: { held: 1, issued: 1 } });
    expect(await view(account)).toMatchObject({ state: 'held', reason: { code: 'inputs_changed' }, invoice: null });
    expect(await view(bystander)).toMatchObject({ state: 'issued' });
    // The held draft took no number.
    expect(await numbers()).toEqual([['INV-2026-000001', '10.00']]);
  });

  it('drafts it anew on retry, by both versions, and issues that', async () => {
    await service.rest.post(`/v1/closes/${closeId}/retry`, {});
    expect(await settled(service.rest, closeId)).toMatchObject({ state: 'review', counts: { drafted: 1, issued: 1 } });
    const drafted = await view(account);
    const lines = drafted.lines as { amount: string; segment: object; derivation: { plan: { version: number } } }[];
    expect(lines.map(({ amount, derivation }) => [derivation.plan.version, amount])).toEqual([
      [1, '48.39'],
      [2, '103.23'],
    ]);
    expect(drafted.totals?.net).toBe('151.62');
    expect(await issue()).toMatchObject({ state: 'finished', counts: { issued: 2 } });
    expect(await numbers()).toEqual([
      ['INV-2026-000001', '10.00'],
      ['INV-2026-000002', '151.62'],
    ]);
  });

  it('refuses a version with effect in the period once it is issued, and takes one from the next day on', async () => {
    for (const day of ['2026-08-01', '2026-08-31']) {
      const { version } = await draftVersion('300.00', day);
      const refused = await publish(version);
      expect([day, refused.status, refused.body.code]).toEqual([day, 409, 'period_already_billed']);
      expect(refused.body.errors).toMatchObject([{ pointer: '/effective_from' }]);
      await fetch(`${service.url}/v1/tariff-plans/fee/versions/${version}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${service.adminKey}` },
      });
    }
    const { version } = await draftVersion('300.00', '2026-09-01');
    expect(await publish(version)).toMatchObject({ status: 200 });
    expect(await numbers()).toEqual([
      ['INV-2026-000001', '10.00'],
      ['INV-2026-000002', '151.62'],
    ]);
  });
});

describe('a published version that was changed behind the back of the service', () => {
  let closing: Closing;
  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 }, seed: 7 });
    await makeSeller(closing.database, { code: 'acme' });
    await makePlan(closing.database, trafficPlan('traffic'));
    await makeAccount(closing.database, { seller: 'acme', external_id: accountId(0) }, 'traffic');
    await closing.run('acme', PERIOD);
  });
  afterAll(() => closing.stop());

  it('is refused by the database, and by a confirming pull where the owner forced it', async () => {
    const [invoice] = await listInvoices(closing.database, { limit: 1 });
    const confirm = () => closing.closes.corrections.confirm(invoice?.id ?? '');
    expect(await confirm()).toEqual({ outcome: 'equal' });
    const change = `UPDATE tariff_plan_version SET document_sha256 = repeat('0', 64)`;
    await expect(closing.database.$executeRawUnsafe(change)).rejects.toThrow(/only ever inserted/);

    const owner = new pg.Client({ connectionString: closing.url });
    await owner.connect();
    await owner.query('ALTER TABLE tariff_plan_version DISABLE TRIGGER tariff_plan_version_is_frozen');
    await owner.query(change);
    await owner.query('ALTER TABLE tariff_plan_version ENABLE TRIGGER tariff_plan_version_is_frozen');
    await owner.end();
    closing.simulator.setFaults([{ fault: 'late_correction' }]);
    await expect(confirm()).rejects.toMatchObject({ code: 'plan_version_changed', retryable: false });
    const [proposed] = await closing.database.$queryRaw<[{ count: number }]>`
      SELECT count(*)::int AS count FROM correction`;
    expect(proposed.count).toBe(0);
  });
});
