import { feePlan, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { read } from '../support/readers.js';
import { settled, startService, type TestService } from '../support/service.js';
import { eventually } from '../support/eventually.js';

interface Draft {
  id: string;
  status: string;
  number: string | null;
  net: string;
}

describe('a draft over REST', () => {
  let service: TestService;
  let closeId: string;

  beforeAll(async () => {
    service = await startService({ fleet: { accounts: 1, sites: 1, subscribers: 1 }, seed: 1 });
    await makeSeller(service.database, { code: 'acme' });
    await makePlan(service.database, feePlan('fee', '10.00'));
    for (const name of ['a', 'b']) await makeAccount(service.database, { seller: 'acme', external_id: name }, 'fee');
    ({ id: closeId } = await service.rest.post<{ id: string }>('/v1/closes', { seller: 'acme', period: '2026-08' }));
    expect((await settled(service.rest, closeId)).state).toBe('review');
  });
  afterAll(() => service.stop());

  const drafts = async () =>
    (await service.rest.get<{ data: Draft[] }>('/v1/invoices?status=draft&seller=acme&period=2026-08')).data;

  it('is listed and read as an invoice without a number, and is no issued document', async () => {
    const [first, second] = await drafts();
    expect([first?.status, first?.number, first?.net, second?.status]).toEqual(['draft', null, '10.00', 'draft']);
    expect(await service.rest.get(`/v1/invoices/${first?.id}`)).toEqual(first);
    expect((await service.rest.get<{ data: Draft[] }>('/v1/invoices?seller=acme')).data).toEqual([]);
  });

  it('has a PDF that says so and is kept nowhere', async () => {
    const [first] = await drafts();
    const pdf = await service.rest.bytes(`/v1/invoices/${first?.id}/pdf`);
    const text = read('pdftotext', ['-', '-'], pdf).toString();
    expect(text).toContain('A draft. Nothing is to be paid');
    const [stored] = await service.database.$queryRaw<{ count: bigint }[]>`SELECT count(*) FROM stored_document`;
    expect(stored).toEqual({ count: 0n });
  });

  it('is issued by its id and keeps it; a second issue is refused', async () => {
    const [first, second] = await drafts();
    await service.rest.post(`/v1/invoices/${second?.id}/issue`, {});
    const issued = await eventually(async () => {
      const invoice = await service.rest.get<Draft>(`/v1/invoices/${second?.id}`);
      return invoice.number !== null && invoice;
    });
    expect([issued.status, issued.number]).toEqual(['issued', 'INV-2026-000001']);
    await expect(service.rest.post(`/v1/invoices/${second?.id}/issue`, {})).rejects.toThrow(/409.*already_issued/);
    expect((await drafts()).map(({ id }) => id)).toEqual([first?.id]);
    // The other draft still waits for its review.
    expect((await settled(service.rest, closeId)).state).toBe('review');
  });

  it('of a cancelled close is gone, also when something of it was left behind', async () => {
    const { id } = await service.rest.post<{ id: string }>('/v1/closes', { seller: 'acme', period: '2026-07' });
    await settled(service.rest, id);
    const left = (await service.rest.get<{ data: Draft[] }>(`/v1/invoices?status=draft&close=${id}`)).data[0]?.id;
    await service.rest.post(`/v1/closes/${id}/cancel`, {});
    await service.database.$executeRaw`
      INSERT INTO draft_invoice (id, close_id, account_id, inputs_hash, document)
      SELECT ${left}::uuid, close_id, account_id, 'left', '{}' FROM close_account WHERE close_id = ${id}::uuid LIMIT 1`;
    await expect(service.rest.post(`/v1/invoices/${left}/issue`, {})).rejects.toThrow(/404.*not_found/);
    expect((await service.rest.get<{ data: Draft[] }>(`/v1/invoices?status=draft&close=${id}`)).data).toEqual([]);
  });
});
