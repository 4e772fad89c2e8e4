import { invoiceEvidence, verifyInvoice } from '#close';
import { findCertificate, listInvoices, loadInvoiceEvidence, updateSeller } from '#persistence';
import { feePlan, granted, makeAccount, makePlan, makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

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

  it('holds no draft when the seller changes its mind', async () => {
    await setZero('issue');
    await closing.run('acme', '2026-08', { review: true });
    await setZero('skip');
    expect((await closing.issue(closing.lastClose())).map(endOf)).toEqual(['issued', 'empty']);
  });
});

const ONE_TIME = { code: 'setup', name: 'Setup', type: 'one_time', amount: '10.00' };
