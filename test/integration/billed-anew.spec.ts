import { documentSha256, isRefusal } from '#persistence';
import {
  listSubscriptions,
  publishTariffPlan,
  replaceEntities,
  saveDraftPlan,
  updateAccount,
  updateSubscription,
} from '#persistence/catalogue';
import {
  type InvoiceView,
  listConfirmingPulls,
  listDrafts,
  listInvoices,
  loadInvoiceEvidence,
  requestConfirmingPull,
} from '#persistence/documents';
import { findClose, listCloseAccounts, listCloseEvents, listCorrections } from '#persistence/closes';
import { invoiceEvidence, verifyCertificates, verifyInvoice } from '#proof';
import { parseTariffPlan } from '#rating';
import pg from 'pg';
import {
  BYTES_CHARGE,
  BYTES_PLAN,
  bytesAbove,
  bytesOf,
  lateBytesOf,
  makeBytesAccount,
  PERIOD,
  SEED,
} from '../support/billed-bytes.js';
import { feePlan, granted, makeAccount, makePlan, makeSeller, planOf, SECRET_KEY } from '../support/catalogue.js';
import { certificatesOf, certified, type Closing, endOf, startClosing, warned } from '../support/closing.js';
import { amount, cents, halfUp } from '../support/expected-usage.js';

const FLEET = { accounts: 12, sites: 1, subscribers: 1 };

describe('a voided period that is billed anew', () => {
  let closing: Closing;
  beforeEach(async () => {
    closing = await startClosing({ fleet: FLEET, seed: SEED });
    await makeSeller(closing.database, { code: 'acme' });
    await makePlan(closing.database, BYTES_PLAN);
  });
  afterEach(() => closing.stop());

  const bytesAccount = (leaf: number, over?: object, plan?: string) =>
    makeBytesAccount(closing.database, leaf, over, plan);
  const documents = async (account: string) =>
    (await listInvoices(closing.database, { account, limit: 200 })).sort((a, b) => a.revision - b.revision);
  const numbers = async (account: string) =>
    (await documents(account)).map(({ number, status }) => `${number.replace(/-\d{4}-0+/, ' ')} ${status}`);
  const total = async (account: string, of: 'net' | 'tax' | 'gross' = 'net') =>
    (await documents(account)).reduce((sum, document) => sum + cents(document[of]), 0n);
  const last = async (account: string) => (await documents(account)).at(-1) as InvoiceView;

  const takeBack = (id: string, by = closing.closes) =>
    by.corrections.voidInvoice(id, { actor: 'test', reason: 'sent to the wrong company' });
  const retry = (account: string, by = closing.closes) => by.desk.retry(closing.lastClose(), [account], 'test');
  const work = (by = closing.closes) => by.work({ closeId: closing.lastClose(), batch: 0 });
  const state = async (account: string) => {
    const [row] = await listCloseAccounts(closing.database, closing.lastClose(), { account, limit: 1 });
    return row && endOf(row);
  };
  const certificates = () => certificatesOf(closing, closing.lastClose());

  /** Proposes what the usage now says, and issues it. */
  async function correct(invoice: string): Promise<void> {
    expect(await closing.closes.corrections.confirm(invoice)).toMatchObject({ outcome: 'proposed' });
    const [open] = await listCorrections(closing.database, { state: 'proposed', limit: 2 });
    granted(await closing.closes.corrections.issue(open?.id ?? '', 'test'));
  }

  it('gets one invoice with the next number, however many ask and work; nobody is who was not named', async () => {
    const account = await bytesAccount(3, { taxes: [{ name: 'Tax', category: 'S', rate: '10.25' }] });
    await closing.run('acme', PERIOD);
    const other = await bytesAccount(5);
    await closing.run('acme', PERIOD);
    const [first] = await documents(account);
    const [kept] = await documents(other);
    closing.setLate(true);
    await correct(first?.id ?? '');
    expect(await retry(account)).toBe(0);
    granted(await takeBack(first?.id ?? ''));
    granted(await takeBack(kept?.id ?? ''));
    // To bill nothing at all may be what the void was for.
    expect(await closing.closes.desk.retry(closing.lastClose())).toBe(0);
    granted(
      await updateAccount(
        closing.database,
        'test',
        account,
        { name: 'The right company', taxes: [{ name: 'VAT', category: 'S', rate: '50' }] },
        SECRET_KEY,
      ),
    );
    const usage = async () =>
      closing.database.$queryRaw`SELECT count(*)::int AS revisions, max(revision) AS last FROM usage_snapshot`;
    const before = await usage();

    const workers = closing.processes(4);
    const asked = await Promise.all(workers.map((closes) => retry(account, closes)));
    expect(asked.sort()).toEqual([0, 0, 0, 1]);
    expect(await state(account)).toBe('pending');
    await Promise.all([...workers, ...workers].map((closes) => work(closes)));
    expect(await numbers(account)).toEqual(['INV 1 voided', 'DN 1 voided', 'CN 1 issued', 'INV 3 issued']);
    expect(await numbers(other)).toEqual(['INV 2 voided', 'CN 2 issued']);
    expect(await usage()).toEqual(before);

    const net = bytesOf(3) + lateBytesOf(3);
    const invoice = await last(account);
    expect(invoice).toMatchObject({
      kind: 'invoice',
      revision: 4,
      corrects: null,
      replaces: { id: first?.id, number: first?.number },
      customer: { name: 'The right company' },
      net: amount(net),
      gross: amount(net + halfUp(net, 2n)),
    });
    expect(invoice.notes[0]).toEqual({ code: 'replaces', number: first?.number, date: first?.issue_date });
    expect([await total(account), await total(account, 'gross')]).toEqual([net, net + halfUp(net, 2n)]);
    const [row] = await listCloseAccounts(closing.database, closing.lastClose(), { account, limit: 1 });
    expect([row?.state, row?.invoice, row && warned(row)]).toEqual(['issued', invoice.id, ['billed_anew']]);
    const events = await listCloseEvents(closing.database, closing.lastClose(), { account, limit: 50 });
    expect(events.filter(({ from }) => from === 'issued')).toMatchObject([
      { to: 'pending', reason: { code: 'retried' }, actor: 'test' },
    ]);

    expect(await retry(account)).toBe(0);
    await work();
    expect(await numbers(account)).toHaveLength(4);
    // What the accounts of the close have: the voided invoice that nobody replaced, and the new one.
    expect(await findClose(closing.database, closing.lastClose())).toMatchObject({
      counts: { issued: 2 },
      totals: [{ net: amount(net + bytesOf(5)) }],
    });
    const files = await certificates();
    expect(verifyCertificates(files).outcome).toBe('valid');
    expect(files.map((file) => certified(file).documents)).toMatchObject([
      { count: 1, replaced: 0 },
      { count: 2, replaced: 0 },
      { count: 3, replaced: 1, ranges: [{ first: 'INV-2026-000001', last: 'INV-2026-000003' }] },
    ]);
    expect(files.map((file) => certified(file).accounts.by_state.issued)).toEqual([1, 2, 2]);
  });

  it('is corrected, voided and billed again like any other, and everything comes to what the usage costs', async () => {
    const account = await bytesAccount(0);
    await closing.run('acme', PERIOD);
    const [first] = await documents(account);
    granted(await takeBack(first?.id ?? ''));
    closing.setLate(true);
    await retry(account);
    await work();
    const second = await last(account);
    expect(cents(second.net)).toBe(bytesOf(0) + lateBytesOf(0));

    // The first is history: nothing confirms it, takes it back, or is proposed for it.
    const { requests } = closing.simulator.counters();
    expect(await closing.closes.corrections.confirm(first?.id ?? '')).toEqual({ outcome: 'voided' });
    expect(closing.simulator.counters().requests).toBe(requests);
    expect(await requestConfirmingPull(closing.database, first?.id ?? '', 'test')).toMatchObject({
      code: 'invoice_voided',
    });
    expect(await takeBack(first?.id ?? '')).toMatchObject({ code: 'invoice_voided' });

    expect(await listConfirmingPulls(closing.database, second.id)).toHaveLength(3);
    expect(granted(await requestConfirmingPull(closing.database, second.id, 'test')).invoice).toBe(second.id);
    expect(await closing.closes.corrections.confirm(second.id)).toEqual({ outcome: 'equal' });
    closing.setLate(false);
    await correct(second.id);
    const note = await last(account);
    expect(note).toMatchObject({
      kind: 'credit_note',
      revision: 4,
      net: `-${amount(lateBytesOf(0))}`,
      corrects: { id: second.id, number: second.number },
    });
    expect(note.lines[0]?.correction).toEqual({
      rerated: amount(bytesOf(0)),
      billed: amount(bytesOf(0) + lateBytesOf(0)),
    });
    expect(await total(account)).toBe(bytesOf(0));

    expect(await takeBack(note.id)).toMatchObject({ code: 'not_an_original' });
    const taken = await Promise.all(closing.processes(4).map((closes) => takeBack(second.id, closes)));
    expect(taken.map((each) => (isRefusal(each) ? each.code : each.outcome)).sort()).toEqual([
      ...['invoice_voided', 'invoice_voided', 'invoice_voided'],
      'issued',
    ]);
    expect(await last(account)).toMatchObject({ kind: 'credit_note', net: `-${amount(bytesOf(0))}` });
    expect(await total(account)).toBe(0n);
    await retry(account);
    await work();
    expect(await numbers(account)).toEqual([
      'INV 1 voided',
      'CN 1 issued',
      'INV 2 voided',
      'CN 2 voided',
      'CN 3 issued',
      'INV 3 issued',
    ]);
    expect(await last(account)).toMatchObject({ revision: 6, replaces: { number: second.number } });
    expect(await total(account)).toBe(bytesOf(0));
    const files = await certificates();
    expect(verifyCertificates(files).outcome).toBe('valid');
    expect(files.map((file) => certified(file).documents.replaced)).toEqual([0, 1, 2]);
  });

  it('waits in review where its close does; a close with documents is not cancelled meanwhile', async () => {
    const account = await bytesAccount(0);
    await closing.run('acme', PERIOD, { review: true });
    await closing.closes.desk.release(closing.lastClose());
    await work();
    const [first] = await documents(account);
    granted(await takeBack(first?.id ?? ''));
    await retry(account);
    expect(await closing.closes.desk.cancel(closing.lastClose(), 'test')).toEqual({ outcome: 'refused', issued: 1 });
    await work();
    expect(await state(account)).toBe('drafted');
    const [draft] = await listDrafts(closing.database, { account, limit: 2 });
    expect(draft).toMatchObject({ revision: 3, replaces: { number: first?.number } });
    expect(await findClose(closing.database, closing.lastClose())).toMatchObject({
      state: 'review',
      totals: [{ net: amount(bytesOf(0)) }],
    });
    expect(await closing.closes.desk.cancel(closing.lastClose(), 'test')).toEqual({ outcome: 'refused', issued: 1 });
    // Made anew as often as somebody asks, it still replaces the same document.
    expect(await retry(account)).toBe(1);
    await work();
    expect(await listDrafts(closing.database, { account, limit: 2 })).toEqual([draft]);
    await closing.closes.desk.release(closing.lastClose());
    await Promise.all(closing.processes(3).map((closes) => work(closes)));
    expect(await last(account)).toMatchObject({ id: draft?.id, number: 'INV-2026-000002' });
    expect(await total(account)).toBe(bytesOf(0));
  });

  it('that now comes to nothing has no invoice, until usage comes that costs something', async () => {
    await makePlan(closing.database, bytesAbove('within', bytesOf(0)));
    const account = await bytesAccount(0, {}, 'within');
    closing.setLate(true);
    await closing.run('acme', PERIOD);
    const [first] = await documents(account);
    expect(cents(first?.net ?? '')).toBe(lateBytesOf(0));
    granted(await takeBack(first?.id ?? ''));
    closing.setLate(false);
    await retry(account);
    await work();
    expect(await state(account)).toBe('empty');
    expect(certified((await certificates()).at(-1) ?? { text: '' })).toMatchObject({
      accounts: { by_state: { issued: 0, empty: 1 } },
      documents: { count: 1, replaced: 1 },
    });
    closing.setLate(true);
    const [empty] = await closing.database.$queryRaw<{ id: string }[]>`SELECT id FROM empty_period`;
    expect(await closing.closes.corrections.confirmEmpty(empty?.id ?? '')).toEqual({ outcome: 'reopened' });
    await work();
    expect(await last(account)).toMatchObject({ revision: 3, replaces: { number: first?.number } });
    expect(await total(account)).toBe(lateBytesOf(0));
    expect(verifyCertificates(await certificates()).outcome).toBe('valid');
  });

  it('that was credited down to nothing is voided without a note', async () => {
    await makePlan(closing.database, bytesAbove('within', bytesOf(0)));
    const account = await bytesAccount(0, {}, 'within');
    closing.setLate(true);
    await closing.run('acme', PERIOD);
    const [first] = await documents(account);
    closing.setLate(false);
    await correct(first?.id ?? '');
    expect(await total(account)).toBe(0n);
    expect(granted(await takeBack(first?.id ?? ''))).toMatchObject({ outcome: 'voided', invoice: { id: first?.id } });
    expect(await numbers(account)).toEqual(['INV 1 voided', 'CN 1 voided']);
    expect(await takeBack(first?.id ?? '')).toMatchObject({ code: 'invoice_voided' });
    closing.setLate(true);
    await retry(account);
    await work();
    expect(await last(account)).toMatchObject({ revision: 3, replaces: { number: first?.number } });
    expect(await total(account)).toBe(lateBytesOf(0));
    expect(certified((await certificates()).at(-1) ?? { text: '' })).toMatchObject({
      documents: { count: 2, replaced: 1 },
      voids: [{ document: first?.number, note: null }],
    });
    expect(verifyCertificates(await certificates()).outcome).toBe('valid');
  });

  it('is recomputed off-line from its evidence, as is every other document of the period', async () => {
    const account = await bytesAccount(0);
    await closing.run('acme', PERIOD);
    granted(await takeBack((await last(account)).id));
    // Another tax: the second invoice is rated by other facts than the first.
    granted(
      await updateAccount(
        closing.database,
        'test',
        account,
        { taxes: [{ name: 'VAT', category: 'S', rate: '19' }] },
        SECRET_KEY,
      ),
    );
    await retry(account);
    await work();
    const second = await last(account);
    closing.setLate(true);
    await correct(second.id);
    granted(await takeBack(second.id));
    const all = await documents(account);
    expect(all.map(({ kind }) => kind)).toEqual(['invoice', 'credit_note', 'invoice', 'debit_note', 'credit_note']);
    for (const { id } of all) {
      const evidence = await loadInvoiceEvidence(closing.database, id);
      if (!evidence) throw new Error('there is no evidence');
      expect(documentSha256(evidence.inputs)).toBe(evidence.document.inputs_hash);
      expect(verifyInvoice(JSON.stringify(invoiceEvidence(evidence)))).toMatchObject({
        outcome: 'valid',
        recomputed_from: 'usage',
      });
    }
    const evidence = await loadInvoiceEvidence(closing.database, second.id);
    if (!evidence) throw new Error('there is no evidence');
    const file = invoiceEvidence(evidence);
    const { earlier } = evidence;
    const verdict = (changed: object) => verifyInvoice(JSON.stringify({ ...file, ...changed }));
    expect(verdict({ earlier: earlier.slice(1) })).toMatchObject({ outcome: 'invalid', path: 'earlier[0]' });
    expect(verdict({ earlier: earlier.map((each) => ({ ...each, currency: 'EUR' })) })).toMatchObject({
      path: 'earlier[0]',
    });
    const another = { ...evidence.document, replaces: { ...evidence.document.replaces, number: 'INV-2026-000009' } };
    expect(verdict({ document: another })).toMatchObject({ path: 'document.replaces.number' });
  });

  it('may be billed by another plan version, which is refused while the period stands billed', async () => {
    const account = await bytesAccount(0);
    await closing.run('acme', PERIOD);
    const doubled = planOf('bytes', { ...BYTES_CHARGE, price: { ...BYTES_CHARGE.price, unit_price: '0.02' } });
    const parsed = parseTariffPlan({ ...doubled, effective_from: '2026-08-01' });
    if (parsed.outcome !== 'valid') throw new Error('the plan is not valid');
    const { version } = granted(await saveDraftPlan(closing.database, 'test', parsed.plan));
    const publish = () => publishTariffPlan(closing.database, 'test', 'bytes', version);
    const [subscription] = (await listSubscriptions(closing.database, { account }, { limit: 1 })).data;
    const end = (ends_at: string) => updateSubscription(closing.database, 'test', subscription?.id ?? '', { ends_at });
    expect(await publish()).toMatchObject({ code: 'period_already_billed' });
    expect(await end('2026-08-20')).toMatchObject({ code: 'period_already_billed' });

    granted(await takeBack((await last(account)).id));
    granted(await publish());
    await retry(account);
    await work();
    expect(await last(account)).toMatchObject({ revision: 3, net: amount(2n * bytesOf(0)) });
    expect(await end('2026-08-20')).toMatchObject({ code: 'period_already_billed' });
  });

  it('is billed without the site that should not have been registered', async () => {
    const fee = feePlan('sites', '40.00');
    const perSite = fee.charges.map((charge) => ({ ...charge, per: 'customer_site_id' }));
    await makePlan(closing.database, { ...fee, charges: perSite });
    const site = (value: string) => ({ dimension: 'customer_site_id' as const, value });
    const of = { seller: 'acme', external_id: 'two sites' };
    const account = await makeAccount(closing.database, of, 'sites', [site('right'), site('wrong')]);
    await closing.run('acme', PERIOD);
    expect((await last(account)).net).toBe('80.00');
    granted(await takeBack((await last(account)).id));
    const right = { ...site('right'), name: null, active_from: null, active_until: null };
    expect(granted(await replaceEntities(closing.database, 'test', account, [right]))).toMatchObject({
      ended: 0,
      removed: 1,
    });
    await retry(account);
    await work();
    expect(await last(account)).toMatchObject({ revision: 3, net: '40.00' });
    // This one stands: what it billed was registered.
    expect(granted(await replaceEntities(closing.database, 'test', account, []))).toMatchObject({
      ended: 1,
      removed: 0,
    });
  });

  it('a period that stands billed is held, whatever sent it back', async () => {
    const account = await bytesAccount(0);
    await closing.run('acme', PERIOD);
    const client = new pg.Client({ connectionString: closing.url });
    await client.connect();
    await client.query(`UPDATE close_account SET state = 'pending', invoice_id = NULL`);
    await client.query(`UPDATE close SET state = 'running'`);
    await client.end();
    await work();
    expect(await state(account)).toBe('held already_billed');
    expect(await documents(account)).toHaveLength(1);
  });

  it('comes to what its usage costs or to nothing, whoever voids, retries, corrects and works at the same time', async () => {
    const leaves = [0, 3, 5, 7];
    const ids = new Map<string, number>();
    for (const leaf of leaves) ids.set(await bytesAccount(leaf), leaf);
    await closing.run('acme', PERIOD);
    const workers = closing.processes(3);
    const busy = ['confirmation_overtaken', 'batch_unfinished'];
    const calmly = <T>(work: Promise<T>) =>
      work.catch((error: { code?: string }) => {
        if (!busy.includes(error.code ?? '')) throw error;
      });
    for (let round = 0; round < 5; round += 1) {
      closing.setLate(round % 2 === 0);
      await Promise.all(
        [...ids.keys()].flatMap((account, index) =>
          workers.map(async (closes, worker) => {
            const all = await documents(account);
            const original = all.findLast(({ corrects }) => corrects === null);
            if ((index + round + worker) % 2 === 0) await takeBack(original?.id ?? '', closes);
            else await calmly(closes.corrections.confirm(original?.id ?? ''));
            await retry(account, closes);
            const open = await listCorrections(closing.database, { account, state: 'proposed', limit: 1 });
            if (open[0]) await closes.corrections.issue(open[0].id, 'test');
            await calmly(work(closes));
          }),
        ),
      );
    }
    closing.setLate(true);
    await Promise.all([...ids.keys()].map((account) => retry(account)));
    await calmly(work());
    for (const [account, leaf] of ids) {
      const all = await documents(account);
      expect(all.map(({ revision }) => revision)).toEqual(all.map((_, index) => index + 1));
      const originals = all.filter(({ corrects }) => corrects === null);
      expect(originals.length).toBeGreaterThan(1);
      // Only the last one may stand, and each replaces the one before.
      expect(originals.slice(0, -1).every(({ status }) => status === 'voided')).toBe(true);
      expect(originals.map(({ replaces }) => replaces?.id)).toEqual([
        undefined,
        ...originals.slice(0, -1).map(({ id }) => id),
      ]);
      const standing = originals.at(-1);
      expect(standing?.status).not.toBe('voided');
      if ((await closing.closes.corrections.confirm(standing?.id ?? '')).outcome === 'proposed') {
        const [open] = await listCorrections(closing.database, { account, state: 'proposed', limit: 1 });
        granted(await closing.closes.corrections.issue(open?.id ?? '', 'test'));
      }
      expect(await total(account)).toBe(bytesOf(leaf) + lateBytesOf(leaf));
    }
    const all = (await Promise.all([...ids.keys()].map(documents))).flat();
    for (const kind of ['invoice', 'credit_note', 'debit_note'] as const) {
      const sequences = all.filter((each) => each.kind === kind).map(({ number }) => Number(number.slice(-6)));
      expect(sequences.sort((a, b) => a - b)).toEqual(sequences.map((_, index) => index + 1));
    }
    expect(verifyCertificates(await certificates()).outcome).toBe('valid');
  });
});
