import { listAuditEvents } from '#persistence';
import { updateSeller } from '#persistence/catalogue';
import { listInvoices, loadInvoiceEvidence, requestConfirmingPull } from '#persistence/documents';
import { findCertificate } from '#persistence/closes';
import { invoiceEvidence, verifyCertificates, verifyInvoice } from '#proof';
import { feePlan, granted, makeAccount, makePlan, makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { certificatesOf, certified, type Closing, endOf, startClosing } from '../support/closing.js';
import { settled, startService, type TestService } from '../support/service.js';

const VAT = { name: 'VAT', category: 'S' as const, rate: '19', note: null };

describe('an account whose lines are all zero', () => {
  let closing: Closing;

  beforeEach(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 } });
    await makeSeller(closing.database, { code: 'acme' });
    await makePlan(closing.database, feePlan('free', '0.00'));
    await makePlan(closing.database, { ...feePlan('nothing', '0.00'), charges: [ONE_TIME] });
    await makeAccount(closing.database, { seller: 'acme', external_id: 'a', taxes: [VAT] }, 'free');
    // Its one charge was due in the first period: no line at all.
    await makeAccount(closing.database, { seller: 'acme', external_id: 'b' }, 'nothing');
  });
  afterEach(() => closing.stop());

  const setZero = async (zero_invoices: 'skip' | 'issue') =>
    granted(await updateSeller(closing.database, 'test', 'acme', { settings: { zero_invoices } }, SECRET_KEY));
  const invoices = () => listInvoices(closing.database, { limit: 5 });

  it('gets no document unless the seller says so', async () => {
    expect((await closing.run('acme', '2026-08')).map(endOf)).toEqual(['empty', 'empty']);
    expect(await invoices()).toEqual([]);
  });

  it('gets an invoice of 0.00 where the seller issues them; without any line there is none', async () => {
    await setZero('issue');
    expect((await closing.run('acme', '2026-08', { dryRun: true })).map(endOf)).toEqual(['drafted', 'empty']);
    expect((await closing.run('acme', '2026-08')).map(endOf)).toEqual(['issued', 'empty']);
    const [invoice] = await invoices();
    expect(invoice).toMatchObject({
      ...{ kind: 'invoice', number: 'INV-2026-000001', net: '0.00', tax: '0.00', gross: '0.00', payable: '0.00' },
      lines: [{ charge: 'fee', quantity: '1', amount: '0.00' }],
      taxes: [{ name: 'VAT', category: 'S', rate: '19', base: '0.00', amount: '0.00' }],
    });
    const evidence = await loadInvoiceEvidence(closing.database, invoice?.id ?? '');
    expect(verifyInvoice(JSON.stringify(evidence && invoiceEvidence(evidence)))).toMatchObject({ outcome: 'valid' });
    const certificate = await findCertificate(closing.database, closing.lastClose());
    expect(certificate?.document).toContain('"count":1');
  });

  it('of an invoice of 0.00 is voided without a note and billed anew, and the certificate says so', async () => {
    await setZero('issue');
    await closing.run('acme', '2026-08');
    const [zero] = await invoices();
    const id = zero?.id ?? '';
    const takeBack = (closes = closing.closes) =>
      closes.corrections.voidInvoice(id, { actor: 'clerk', reason: 'wrong plan' });
    const asked = await Promise.all([takeBack(), takeBack(closing.another()), takeBack(closing.another())]);
    expect(asked.map((each) => ('code' in each ? each.code : each.outcome)).sort()).toEqual([
      ...['invoice_voided', 'invoice_voided'],
      'voided',
    ]);
    expect(await invoices()).toMatchObject([{ id, status: 'voided' }]);
    expect(await requestConfirmingPull(closing.database, id, 'test')).toMatchObject({ code: 'invoice_voided' });
    const { data: audited } = await listAuditEvents(closing.database, { action: 'invoice.voided' }, { limit: 5 });
    expect(audited).toMatchObject([
      { actor: 'clerk', subject: `invoice:${id}`, data: { number: zero?.number, by: null, reason: 'wrong plan' } },
    ]);

    const certificates = () => certificatesOf(closing, closing.lastClose());
    const revisions = async () => (await certificates()).map(certified);
    await closing.closes.sweep(0);
    const taken = { document: zero?.number, note: null, reason: 'wrong plan', actor: 'clerk' };
    expect((await revisions()).map(({ documents, voids }) => [documents.replaced, voids])).toMatchObject([
      [0, []],
      [0, [taken]],
    ]);

    await makePlan(closing.database, { ...feePlan('free', '10.00'), effective_from: '2026-08-01' });
    expect(await closing.closes.desk.retry(closing.lastClose(), [zero?.account ?? ''], 'test')).toBe(1);
    await closing.closes.work({ closeId: closing.lastClose(), batch: 0 });
    const [, anew] = await invoices();
    expect(anew).toMatchObject({ revision: 2, net: '10.00', replaces: { id, number: zero?.number } });
    const evidence = await loadInvoiceEvidence(closing.database, anew?.id ?? '');
    expect(verifyInvoice(JSON.stringify(evidence && invoiceEvidence(evidence)))).toMatchObject({ outcome: 'valid' });
    expect((await revisions()).at(-1)).toMatchObject({ documents: { count: 2, replaced: 1 }, voids: [taken] });
    expect(verifyCertificates(await certificates()).outcome).toBe('valid');
    // One that stood before is taken back by a note again.
    const billed = await closing.closes.corrections.voidInvoice(anew?.id ?? '', { actor: 'clerk', reason: 'x' });
    expect(billed).toMatchObject({ outcome: 'issued', invoice: { kind: 'credit_note', net: '-10.00' } });
    await closing.closes.sweep(0);
    expect((await revisions()).at(-1)?.voids).toMatchObject([taken, { document: anew?.number }]);
    expect(verifyCertificates(await certificates()).outcome).toBe('valid');
  });

  it('holds no draft when the seller changes its mind', async () => {
    await setZero('issue');
    await closing.run('acme', '2026-08', { review: true });
    await setZero('skip');
    expect((await closing.issue(closing.lastClose())).map(endOf)).toEqual(['issued', 'empty']);
  });
});

const ONE_TIME = { code: 'setup', name: 'Setup', type: 'one_time', amount: '10.00' };

describe('an invoice of 0.00 over REST', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ fleet: { accounts: 1, sites: 1, subscribers: 1 } });
    await makeSeller(service.database, { code: 'acme', settings: { zero_invoices: 'issue' } });
    await makePlan(service.database, feePlan('free', '0.00'));
    await makeAccount(service.database, { seller: 'acme', external_id: 'a' }, 'free');
  });
  afterAll(() => service.stop());

  it('is what its void answers', async () => {
    const asked = { seller: 'acme', period: '2026-08', issue: 'automatic' };
    const { id } = await service.rest.post<{ id: string }>('/v1/closes', asked);
    await settled(service.rest, id);
    const [invoice] = await listInvoices(service.database, { limit: 2 });
    const answer = await fetch(`${service.url}/v1/invoices/${invoice?.id}/credit-notes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'wrong plan', full: true }),
    });
    expect([answer.status, answer.headers.get('location')]).toEqual([200, `/v1/invoices/${invoice?.id}`]);
    expect(await answer.json()).toMatchObject({ id: invoice?.id, number: invoice?.number, status: 'voided' });
  });
});
