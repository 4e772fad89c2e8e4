import { accountId, type ReportSimulator, startReportSimulator } from '../../apps/report-simulator/src/index.js';
import { type BatchJob, Closes, Corrections } from '#close';
import { type Connectors, createConnectors } from '#usage';
import { Plans } from '#billing';
import type { AccountTax } from '#invoicing';
import { type Catalogue, documentSha256, openDatabase } from '#persistence';
import { updateAccount, updateSeller } from '#persistence/catalogue';
import { loadSnapshots } from '#persistence/ledger';
import { billingInputs, listDrafts, listInvoices, loadInvoiceEvidence } from '#persistence/documents';
import { findCertificate, findClose, listCloseAccounts, loadBillingFacts } from '#persistence/closes';
import { invoiceEvidence, type SignedCertificate, verifyInvoice } from '#proof';
import type { UsageAnswer } from '#report-client';
import { feePlan, granted, makeAccount, makePlan, makeSeller, SECRET_KEY, trafficPlan } from '../support/catalogue.js';
import { drawn, writesAtOnce } from '../support/closing.js';
import { createTestDatabase } from '../support/postgres.js';

const PERIOD = '2026-08';

/** A renderer that is slow and wrong on demand: what a PDF looks like is not the close's business. */
class PlainRenderer {
  readonly layoutVersion = 1;
  failing = false;
  rendered = 0;

  readonly write = writesAtOnce;

  unprintable(): [] {
    return [];
  }

  async render(document: { status: string }): Promise<{ pdf: Uint8Array; sha256: string }> {
    if (this.failing) throw new Error('the renderer died');
    this.rendered += 1;
    return drawn(JSON.stringify(document));
  }
}

describe('closing a month', () => {
  let url: string;
  let database: Catalogue;
  let simulator: ReportSimulator;
  let renderer: PlainRenderer;
  const opened: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    simulator = await startReportSimulator({ fleet: { accounts: 8, sites: 1, subscribers: 1 }, seed: 7 });
  });
  afterAll(() => simulator.close());

  beforeEach(async () => {
    ({ url, database } = await createTestDatabase());
    renderer = new PlainRenderer();
    simulator.setFaults([]);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()));
    await database.$disconnect();
  });

  /** A process that closes: its own connections and its own queue, which keeps the jobs until they are worked on. */
  function process(
    options: { batchSize?: number; reportUrl?: string; answer?: (of: UsageAnswer) => UsageAnswer } = {},
  ): {
    closes: Closes;
    corrections: Corrections;
    jobs: BatchJob[];
  } {
    const jobs: BatchJob[] = [];
    const own = openDatabase(url, 5);
    const pulling = createConnectors({
      database: own,
      configured: { baseUrl: options.reportUrl ?? simulator.url, apiKey: 'sim-fleet-key' },
      secretKey: SECRET_KEY,
      retry: { retries: 1, firstDelayMs: 1, longestDelayMs: 2 },
    });
    // Another connector than that of the documented API, where a test says what it answers.
    const { answer } = options;
    const connectors: Connectors = answer
      ? {
          connect: async (account, patience) => {
            const { client, ...rest } = await pulling.connect(account, patience);
            const fetchUsage: typeof client.fetchUsage = async (request) => answer(await client.fetchUsage(request));
            return { ...rest, client: { ...client, fetchUsage } };
          },
          close: () => pulling.close(),
        }
      : pulling;
    opened.push({
      close: async () => {
        await pulling.close();
        await own.$disconnect();
      },
    });
    const closes = new Closes({
      database: own,
      connectors,
      renderer,
      secretKey: SECRET_KEY,
      settleHours: 72,
      batchSize: options.batchSize ?? 25,
      enqueue: async (added) => void jobs.push(...added),
    });
    const corrections = new Corrections({
      database: own,
      connectors,
      renderer,
      plans: new Plans(documentSha256),
      enqueue: async () => undefined,
    });
    return { closes, corrections, jobs };
  }

  async function open(
    closes: Closes,
    over: Partial<{ issue: 'automatic' | 'after_review'; dryRun: boolean; accounts: string[]; period: string }> = {},
  ): Promise<{ id: string; created: boolean }> {
    const outcome = await closes.desk.open({
      seller: 'acme',
      period: PERIOD,
      kind: 'regular',
      dryRun: false,
      issue: 'automatic',
      actor: 'test',
      ...over,
    });
    if (outcome.outcome !== 'opened') throw new Error(`refused: ${outcome.code}`);
    return outcome;
  }

  const numbers = async () =>
    (await listInvoices(database, { seller: 'acme', limit: 200 })).map(({ number }) => number);
  const states = async (closeId: string) =>
    (await listCloseAccounts(database, closeId, { limit: 200 })).map(({ state, reason }) => reason?.code ?? state);

  it('issues each account once when four workers take the same batch at the same time', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, trafficPlan('traffic'));
    for (let number = 0; number < 8; number += 1) {
      await makeAccount(database, { seller: 'acme', external_id: accountId(number) }, 'traffic');
    }
    const first = process();
    const { id } = await open(first.closes);
    const workers = [first.closes, process().closes, process().closes, process().closes];
    await Promise.all(workers.map((closes) => closes.work({ closeId: id, batch: 0 })));

    expect(await numbers()).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `INV-2026-00000${n}`));
    const [windows] = await database.$queryRaw<{ windows: bigint; snapshots: bigint; revisions: number }[]>`
      SELECT (SELECT count(*) FROM usage_window) AS windows, count(*) AS snapshots, max(revision) AS revisions
        FROM usage_snapshot`;
    expect(windows).toEqual({ windows: 16n, snapshots: 16n, revisions: 1 });
    expect(await findClose(database, id)).toMatchObject({ state: 'finished', counts: { issued: 8 } });
  });

  it('gives 64 issuers of one series the numbers 1 to 64 in the order of time', async () => {
    await makeSeller(database, { code: 'acme', number_start: 1 });
    await makePlan(database, feePlan('fee', '10.00'));
    for (let number = 0; number < 64; number += 1) {
      await makeAccount(database, { seller: 'acme', external_id: `a${number}` }, 'fee');
    }
    const workers = Array.from({ length: 4 }, () => process({ batchSize: 1 }));
    const [first] = workers;
    if (!first) throw new Error('no worker');
    const { id } = await open(first.closes);
    expect(first.jobs).toHaveLength(64);
    await Promise.all(first.jobs.map((job, index) => workers[index % 4]?.closes.work(job)));

    const invoices = await listInvoices(database, { seller: 'acme', limit: 200 });
    const ordered = [...invoices].sort((a, b) => (a.number < b.number ? -1 : 1));
    expect(ordered.map(({ number }) => number)).toEqual(
      Array.from({ length: 64 }, (_, index) => `INV-2026-${String(index + 1).padStart(6, '0')}`),
    );
    const stamps = ordered.map(({ issued_at }) => issued_at);
    expect([...stamps].sort()).toEqual(stamps);
    expect(await findClose(database, id)).toMatchObject({ state: 'finished', totals: [{ net: '640.00' }] });
  });

  it('holds an account whose usage cannot be had, bills the others, and issues it with the next number on retry', async () => {
    await makeSeller(database, { code: 'acme', settings: { report_api_wait_hours: 0 } });
    await makePlan(database, trafficPlan('traffic'));
    for (const number of [0, 1, 2]) {
      await makeAccount(database, { seller: 'acme', external_id: accountId(number) }, 'traffic');
    }
    simulator.setFaults([{ fault: 'unavailable_503', match: { account: accountId(1) } }]);
    const { closes, jobs } = process();
    const { id } = await open(closes);
    await closes.work({ closeId: id, batch: 0 });
    expect(await states(id)).toEqual(['issued', 'report_api_unavailable', 'issued']);
    expect(await findClose(database, id)).toMatchObject({ state: 'finished', counts: { issued: 2, held: 1 } });

    simulator.setFaults([]);
    jobs.length = 0;
    expect(await closes.desk.retry(id)).toBe(1);
    for (const job of jobs) await closes.work(job);
    expect(await states(id)).toEqual(['issued', 'issued', 'issued']);
    expect(await numbers()).toEqual(['INV-2026-000001', 'INV-2026-000002', 'INV-2026-000003']);
  });

  it('holds an account whose usage has more digits than a bill keeps exactly, and bills the others', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, trafficPlan('traffic'));
    for (const number of [0, 1, 2]) {
      await makeAccount(database, { seller: 'acme', external_id: accountId(number) }, 'traffic');
    }
    const LONG = `1${'0'.repeat(398)}1`;
    const { closes } = process({
      answer: (usage) => {
        if (!('series' in usage) || usage.series[0]?.entity.value !== accountId(1)) return usage;
        const series = usage.series.map((each) => ({
          ...each,
          values: each.values.map((_, at) => (at === 0 ? LONG : '0')),
        }));
        const tallies = series.map(({ values }) => ({
          fetched: { buckets: values.length, total: LONG },
          margin: { buckets: 0, total: '0' },
        }));
        return { ...usage, series, tallies };
      },
    });
    const { id } = await open(closes);
    await closes.work({ closeId: id, batch: 0 });
    expect(await states(id)).toEqual(['issued', 'inexact_result', 'issued']);
    const [held] = await listCloseAccounts(database, id, { state: 'held', limit: 10 });
    expect(held?.reason?.message).toContain('charge traffic comes to a number of more digits than are kept exactly');
    expect(await numbers()).toEqual(['INV-2026-000001', 'INV-2026-000002']);
    const certified = await findCertificate(database, id);
    expect(certified && (JSON.parse(certified.document) as SignedCertificate).certificate.holds).toMatchObject([
      { external_id: accountId(1), code: 'inexact_result' },
    ]);
  });

  it('holds what is unsettled in the catalogue by its code, bills the others, and bills it once it is settled', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '5.00'));
    await makePlan(database, {
      ...feePlan('standard', '5.00'),
      charges: [{ code: 'fee', name: 'Fee', type: 'recurring', amount: '5.00', tax_category: 'S' }],
    });
    const vat = (over: object = {}) => ({ name: 'VAT', category: 'S' as const, rate: '19', ...over });
    const of = (number: number, plan: string, taxes: AccountTax[]) =>
      makeAccount(database, { seller: 'acme', external_id: accountId(number), taxes }, plan);
    await of(0, 'fee', [vat()]);
    const unmatched = await of(1, 'standard', [vat({ valid_until: '2020-01-01' })]);
    const twice = await of(2, 'fee', [vat(), vat({ rate: '20' })]);
    // Subscribing refuses this; it can come about by hand only.
    const bare = await of(3, 'fee', [vat()]);
    await database.$executeRaw`UPDATE subscription SET plan_code = 'bare' WHERE account_id = ${bare}::uuid`;
    // Accounts that were registered before their taxes were looked at.
    const contradicted = await of(4, 'fee', [vat({ category: 'AE' })]);
    const inOtherLetters = await of(5, 'fee', [vat(), vat({ name: 'vat ' })]);
    const twoRates = await of(6, 'fee', [vat(), vat({ name: 'VAT reduced', rate: '7' })]);
    await makePlan(database, {
      ...feePlan('named', '5.00'),
      charges: [{ code: 'fee', name: 'Fee', type: 'recurring', amount: '5.00', tax: 'VAT' }],
    });
    const unnamed = await of(7, 'named', [vat({ name: 'MwSt' })]);
    const { closes, jobs } = process();
    const { id } = await open(closes);
    await closes.work({ closeId: id, batch: 0 });
    expect(await states(id)).toEqual([
      ...['issued', 'tax_category_unmatched', 'ambiguous_taxes', 'no_version_in_force'],
      ...['tax_rate_contradicts_category', 'ambiguous_taxes', 'ambiguous_taxes', 'tax_name_unmatched'],
    ]);

    for (const account of [unmatched, twice, contradicted, inOtherLetters, twoRates, unnamed]) {
      granted(await updateAccount(database, 'test', account, { taxes: [vat()] }, SECRET_KEY));
    }
    await database.$executeRaw`UPDATE subscription SET plan_code = 'fee' WHERE account_id = ${bare}::uuid`;
    jobs.length = 0;
    await closes.desk.retry(id);
    for (const job of jobs) await closes.work(job);
    expect(await states(id)).toEqual(Array.from({ length: 8 }, () => 'issued'));
  });

  it('bills two rates of one category as two groups, on the invoice, in its evidence and on the note that takes it back', async () => {
    await makeSeller(database, { code: 'acme' });
    const fee = (code: string, amount: string, tax: string) => ({ code, name: code, type: 'recurring', amount, tax });
    await makePlan(database, {
      ...feePlan('plan', '100.00'),
      charges: [fee('line', '100.00', 'VAT'), { ...fee('books', '50.00', 'VAT reduced'), timing: 'in_advance' }],
      discounts: [{ type: 'percentage', value: '10' }],
    });
    const taxes: AccountTax[] = [
      { name: 'VAT', category: 'S', rate: '19' },
      { name: 'VAT reduced', category: 'S', rate: '7' },
    ];
    await makeAccount(database, { seller: 'acme', external_id: accountId(0), taxes }, 'plan');
    const { closes, corrections } = process();
    await closes.work({ closeId: (await open(closes)).id, batch: 0 });
    const [issued] = await listInvoices(database, { seller: 'acme', limit: 2 });
    const evidence = await loadInvoiceEvidence(database, issued?.id ?? '');
    if (!evidence) throw new Error('there is no such document');
    // 100.00 and twice 50.00, August and ahead September, less 10 %: 19 % of 90.00 and 7 % of 90.00.
    expect(evidence.document.taxes.map(({ name, base, amount }) => [name, base, amount])).toEqual([
      ['VAT', '90.00', '17.10'],
      ['VAT reduced', '90.00', '6.30'],
    ]);
    const verdict = (of: typeof evidence) => verifyInvoice(JSON.stringify(invoiceEvidence(of)));
    expect(verdict(evidence)).toMatchObject({ outcome: 'valid', recomputed_from: 'usage' });

    const voided = await corrections.voidInvoice(issued?.id ?? '', { actor: 'test', reason: 'test' });
    if (voided.outcome !== 'issued') throw new Error(JSON.stringify(voided));
    expect(voided.invoice.taxes.map(({ name, base, amount }) => [name, base, amount])).toEqual([
      ['VAT', '-90.00', '-17.10'],
      ['VAT reduced', '-90.00', '-6.30'],
    ]);
    const note = await loadInvoiceEvidence(database, voided.invoice.id);
    if (!note) throw new Error('there is no such note');
    expect(verdict(note)).toMatchObject({ outcome: 'valid' });
  });

  it('holds on a missing bucket, whatever the plan, and keeps what was pulled', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, trafficPlan('traffic'));
    await makeAccount(database, { seller: 'acme', external_id: accountId(0) }, 'traffic');
    simulator.setFaults([{ fault: 'missing_bucket', match: { account: accountId(0) } }]);
    const { closes } = process();
    const { id } = await open(closes);
    await closes.work({ closeId: id, batch: 0 });
    expect(await states(id)).toEqual(['missing_buckets']);
    expect(await numbers()).toEqual([]);
    const [kept] = await database.$queryRaw<{ expected: number; received: number }[]>`
      SELECT min(expected) AS expected, min(received) AS received FROM usage_snapshot`;
    expect(kept).toEqual({ expected: 31, received: 30 });
  });

  it('finishes what a dead worker left: an invoice without a PDF, a batch without a job', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    const dying = process();
    const { id } = await open(dying.closes);
    renderer.failing = true;
    await expect(dying.closes.work({ closeId: id, batch: 0 })).rejects.toThrow('the renderer died');
    expect((await listInvoices(database, { limit: 10 })).map(({ pdf_sha256 }) => pdf_sha256)).toEqual([null]);

    renderer.failing = false;
    const survivor = process();
    await survivor.closes.sweep(0);
    expect((await listInvoices(database, { limit: 10 })).map(({ pdf_sha256 }) => pdf_sha256)).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ]);
    expect(await findClose(database, id)).toMatchObject({ state: 'finished' });

    await makeAccount(database, { seller: 'acme', external_id: 'b' }, 'fee');
    await open(dying.closes); // its jobs are never worked on
    await survivor.closes.sweep(0);
    expect(survivor.jobs).toEqual([{ closeId: id, batch: 1 }]);
    for (const job of survivor.jobs) await survivor.closes.work(job);
    expect(await numbers()).toEqual(['INV-2026-000001', 'INV-2026-000002']);
  });

  it('waits for a review, holds a draft whose inputs changed, and drafts it anew on retry', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    const second = await makeAccount(database, { seller: 'acme', external_id: 'b' }, 'fee');
    const { closes, jobs } = process();
    const { id } = await open(closes, { issue: 'after_review' });
    await closes.work({ closeId: id, batch: 0 });
    expect(await findClose(database, id)).toMatchObject({
      state: 'review',
      counts: { drafted: 2 },
      totals: [{ net: '20.00' }],
    });
    expect(await numbers()).toEqual([]);

    await closes.desk.release(id, [second]);
    await closes.work({ closeId: id, batch: 0 });
    expect((await states(id)).sort()).toEqual(['drafted', 'issued']);
    expect(await findClose(database, id)).toMatchObject({ state: 'review' });

    granted(await updateSeller(database, 'test', 'acme', { name: 'Acme Renamed' }, SECRET_KEY));
    await closes.desk.release(id);
    await closes.work({ closeId: id, batch: 0 });
    expect((await states(id)).sort()).toEqual(['inputs_changed', 'issued']);

    jobs.length = 0;
    await closes.desk.retry(id);
    for (const job of jobs) await closes.work(job);
    await closes.desk.release(id);
    await closes.work({ closeId: id, batch: 0 });
    expect(await states(id)).toEqual(['issued', 'issued']);
    const names = (await listInvoices(database, { limit: 10 })).map(({ number, supplier }) => [number, supplier.name]);
    expect(names).toEqual([
      ['INV-2026-000001', 'Seller acme'],
      ['INV-2026-000002', 'Acme Renamed'],
    ]);
  });

  it('makes a draft anew for whoever names it, also when it was released, and leaves the others as they were', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    const wrong = await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    await makeAccount(database, { seller: 'acme', external_id: 'b' }, 'fee');
    const { closes, jobs } = process();
    const work = async () => {
      for (const job of jobs.splice(0)) await closes.work(job);
    };
    const { id } = await open(closes, { issue: 'after_review' });
    await work();
    const drafts = async () =>
      (await listDrafts(database, { close: id, limit: 9 })).map(({ account, id: draft, customer }) => [
        account,
        draft,
        customer.name,
      ]);
    const before = await drafts();
    expect(before).toHaveLength(2);

    granted(await updateAccount(database, 'test', wrong, { name: 'Mended' }, SECRET_KEY));
    await database.$executeRaw`UPDATE close_account SET released = true WHERE account_id = ${wrong}::uuid`;
    // A retry of all is for what is held.
    expect(await closes.desk.retry(id)).toBe(0);
    expect(await closes.desk.retry(id, [wrong])).toBe(1);
    await work();
    expect(await drafts()).toEqual(
      before.map(([account, invoice, name]) => [account, invoice, account === wrong ? 'Mended' : name]),
    );
    expect(await findClose(database, id)).toMatchObject({ state: 'review', counts: { drafted: 2, issued: 0 } });

    await closes.desk.release(id);
    await work();
    expect(await states(id)).toEqual(['issued', 'issued']);
    expect((await numbers()).sort()).toEqual(['INV-2026-000001', 'INV-2026-000002']);

    const dry = await open(closes, { dryRun: true });
    await work();
    expect(await closes.desk.retry(dry.id, [wrong])).toBe(0);
  });

  it('names in the inputs of a draft the usage it was rated from, not what another worker brought since', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, trafficPlan('traffic'));
    const account = await makeAccount(database, { seller: 'acme', external_id: accountId(0) }, 'traffic');
    const { closes } = process();
    const { id } = await open(closes, { issue: 'after_review' });
    await closes.work({ closeId: id, batch: 0 });
    const of = { accountId: account, periodLabel: PERIOD };
    const rated = await loadSnapshots(database, of);
    expect(rated.map(({ revision }) => revision)).toEqual([1, 1]);

    // Another worker pulled after a late correction upstream and kept its values as the next revision.
    simulator.setFaults([{ fault: 'late_correction' }]);
    const other = process();
    await database.$executeRaw`UPDATE close_account SET state = 'pending' WHERE close_id = ${id}::uuid`;
    await other.closes.work({ closeId: id, batch: 0 });
    expect((await loadSnapshots(database, of)).map(({ revision }) => revision)).toEqual([2, 2]);

    const facts = await loadBillingFacts(database, account);
    if (!facts) throw new Error('the account is gone');
    const now = await billingInputs(database, facts, PERIOD);
    const then = await billingInputs(database, facts, PERIOD, rated);
    expect(now.usage.map(({ revision }) => revision)).toEqual([2, 2]);
    expect(then.usage.map(({ revision }) => revision)).toEqual([1, 1]);
    expect(documentSha256(then)).not.toBe(documentSha256(now));
  });

  it('cancels before issue, leaves no draft and no number, and lets the period be closed anew', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('fee', '10.00'));
    await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    const { closes } = process();
    const { id } = await open(closes, { issue: 'after_review' });
    await closes.work({ closeId: id, batch: 0 });
    expect(await closes.desk.cancel(id)).toEqual({ outcome: 'cancelled' });
    const [left] = await database.$queryRaw<{ drafts: bigint; series: bigint }[]>`
      SELECT (SELECT count(*) FROM draft_invoice) AS drafts, (SELECT count(*) FROM number_series) AS series`;
    expect(left).toEqual({ drafts: 0n, series: 0n });
    await closes.desk.release(id);
    await closes.work({ closeId: id, batch: 0 });
    expect(await numbers()).toEqual([]);

    const anew = await open(closes, { issue: 'automatic' });
    expect(anew).toMatchObject({ created: true });
    expect(anew.id).not.toBe(id);
    await closes.work({ closeId: anew.id, batch: 0 });
    expect(await numbers()).toEqual(['INV-2026-000001']);
    expect(await closes.desk.cancel(anew.id)).toEqual({ outcome: 'refused', issued: 1 });
  });

  it('refuses a period that has not ended, an unknown seller, a stranger as account, and another issue mode', async () => {
    await makeSeller(database, { code: 'acme', settle_hours: null });
    await makeSeller(database, { code: 'other' });
    await makePlan(database, feePlan('fee', '10.00'));
    await makeAccount(database, { seller: 'acme', external_id: 'a' }, 'fee');
    const stranger = await makeAccount(database, { seller: 'other', external_id: 'a' }, 'fee');
    const { closes } = process();
    const ask = {
      seller: 'acme',
      period: PERIOD,
      kind: 'regular',
      dryRun: false,
      issue: 'automatic',
      actor: 't',
    } as const;
    expect(await closes.desk.open({ ...ask, period: '2999-12' })).toMatchObject({
      code: 'period_not_billable',
      billableAt: '3000-01-04T00:00:00Z',
    });
    expect(await closes.desk.open({ ...ask, period: '2026-13' })).toMatchObject({ code: 'malformed_period' });
    expect(await closes.desk.open({ ...ask, seller: 'nobody' })).toMatchObject({ code: 'unknown_seller' });
    expect(await closes.desk.open({ ...ask, accounts: [stranger] })).toMatchObject({ code: 'unknown_account' });
    await open(closes);
    expect(await closes.desk.open({ ...ask, issue: 'after_review' })).toMatchObject({ code: 'close_differs' });
  });

  it('leaves an account without a subscription in the period out, and one with nothing to pay without a number', async () => {
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, feePlan('free', '0.00'));
    await makePlan(database, feePlan('fee', '10.00'));
    await makeAccount(database, { seller: 'acme', external_id: 'none' }, null);
    await makeAccount(database, { seller: 'acme', external_id: 'zero' }, 'free');
    await makeAccount(database, { seller: 'acme', external_id: 'pays' }, 'fee');
    const { closes } = process();
    const { id } = await open(closes);
    await closes.work({ closeId: id, batch: 0 });
    expect((await states(id)).sort()).toEqual(['empty', 'issued']);
    expect(await numbers()).toEqual(['INV-2026-000001']);
  });
});
