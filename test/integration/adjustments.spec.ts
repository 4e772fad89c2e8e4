import { isRefusal } from '#persistence';
import {
  cancelAdjustment,
  createAdjustment,
  type InvoiceView,
  listAdjustments,
  listInvoices,
  loadInvoiceEvidence,
  type NewAdjustment,
} from '#persistence/documents';
import { listCorrections } from '#persistence/closes';
import { invoiceEvidence, verifyInvoice } from '#proof';
import { startApi, type TestApi } from '../support/api.js';
import { BYTES_CHARGE, bytesOf, lateBytesOf, makeBytesAccount, PERIOD, SEED } from '../support/billed-bytes.js';
import { granted, makePlan, makeSeller, planOf, SECRET_KEY } from '../support/catalogue.js';
import { type Closing, startClosing } from '../support/closing.js';
import { amount, cents, halfUp } from '../support/expected-usage.js';

const TAX = [{ name: 'Tax', category: 'S' as const, rate: '10' }];
const FEE = 10_000n;
const FEE_CHARGE = { code: 'fee', name: 'Fee', type: 'recurring', amount: '100.00' };

describe('adjustments', () => {
  let closing: Closing;
  let next = 0;
  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 300, sites: 1, subscribers: 1 }, seed: SEED });
    await makePlan(closing.database, planOf('plan', BYTES_CHARGE, FEE_CHARGE));
    await makePlan(closing.database, { ...planOf('fee', FEE_CHARGE), minimum_spend: '100.00' });
  });
  afterAll(() => closing.stop());

  /** A seller of its own with one account: what another test leaves open is none of its business. */
  async function newAccount(plan = 'fee'): Promise<{ seller: string; account: string; leaf: number }> {
    const leaf = next;
    next += 1;
    const seller = `seller-${leaf}`;
    closing.setLate(false);
    await makeSeller(closing.database, { code: seller });
    return { seller, account: await makeBytesAccount(closing.database, leaf, { seller, taxes: TAX }, plan), leaf };
  }
  const adjust = async (account: string, of: string, over: Partial<NewAdjustment> = {}) =>
    granted(await createAdjustment(closing.database, 'test', { ...asked(account, of), ...over }));
  const asked = (account: string, of: string): NewAdjustment => ({
    ...{ account, amount: of, reason: `adjusted by ${of}`, tax: null, taxCategory: null, period: null },
  });
  const atOnce = (account: string, of: string) => closing.closes.corrections.adjustAtOnce(asked(account, of), 'test');
  const outcomeOf = (result: object) => (isRefusal(result) ? result.code : (result as { outcome: string }).outcome);
  const states = async (account: string) =>
    (await listAdjustments(closing.database, { account, limit: 99 })).map(({ amount: of, state, invoice }) => [
      of,
      state,
      invoice?.number ?? null,
    ]);
  const documents = async (account: string) =>
    (await listInvoices(closing.database, { account, limit: 200 })).sort(
      (a, b) => a.period.label.localeCompare(b.period.label) || a.revision - b.revision,
    );
  const only = async (account: string): Promise<InvoiceView> => {
    const all = await documents(account);
    expect(all).toHaveLength(1);
    return all[0] as InvoiceView;
  };

  /** Every document follows from its evidence, and the tax of each month from all of its documents together. */
  async function expectProven(account: string): Promise<void> {
    const sums = new Map<string, { net: bigint; tax: bigint }>();
    for (const { id, number, net, tax, period } of await documents(account)) {
      const evidence = await loadInvoiceEvidence(closing.database, id);
      if (!evidence) throw new Error('there is no evidence');
      expect(verifyInvoice(JSON.stringify(invoiceEvidence(evidence)))).toMatchObject({ outcome: 'valid', number });
      const before = sums.get(period.label) ?? { net: 0n, tax: 0n };
      sums.set(period.label, { net: before.net + cents(net), tax: before.tax + cents(tax) });
    }
    for (const { net, tax } of sums.values()) {
      expect(tax).toBe((net < 0n ? -1n : 1n) * halfUp((net < 0n ? -net : net) * 10n, 100n));
    }
  }

  it('the next invoice draws them, once, after the lines of the plan, which count none of them', async () => {
    const { seller, account } = await newAccount();
    await adjust(account, '-30.00');
    await adjust(account, '12.5', { taxCategory: 'Z', reason: 'a router' });
    await adjust(account, '5.00', { period: '2026-09' });
    await closing.run(seller, PERIOD);
    const invoice = await only(account);
    // The minimum spend of 100.00 is met by the fee, however much is credited.
    expect(invoice.lines.map(({ kind, description, amount: of }) => [kind, description, of])).toEqual([
      ['recurring', 'Fee', '100.00'],
      ['adjustment', 'adjusted by -30.00', '-30.00'],
      ['adjustment', 'a router', '12.50'],
    ]);
    expect(invoice.taxes.map(({ category, base, amount: of }) => [category, base, of])).toEqual([
      ['S', '70.00', '7.00'],
      ['Z', '12.50', '0.00'],
    ]);
    expect(invoice.lines[1]?.derivation.basis).toMatchObject({ kind: 'adjustment', by: 'test', amount: '-30.00' });
    await closing.run(seller, '2026-09');
    expect(await states(account)).toEqual([
      ['-30.00', 'drawn', invoice.number],
      ['12.50', 'drawn', invoice.number],
      ['5.00', 'drawn', (await documents(account))[1]?.number],
    ]);
    expect((await documents(account)).map(({ net }) => net)).toEqual(['82.50', '105.00']);
    for (const { id } of await documents(account)) {
      const evidence = await loadInvoiceEvidence(closing.database, id);
      expect(verifyInvoice(JSON.stringify(evidence && invoiceEvidence(evidence)))).toMatchObject({ outcome: 'valid' });
    }
  });

  it('of two months that are issued at once, one draws it', async () => {
    const { seller, account } = await newAccount();
    await adjust(account, '-1.00');
    const opened = await Promise.all(
      [PERIOD, '2026-09', '2026-10'].map((period) =>
        closing.closes.desk.open({ seller, period, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' }),
      ),
    );
    const workers = closing.processes(3);
    await Promise.all(
      opened.map((close, at) =>
        close.outcome === 'opened' ? workers[at]?.work({ closeId: close.id, batch: 0 }) : undefined,
      ),
    );
    for (const close of opened) {
      if (close.outcome === 'opened') {
        await closing.closes.desk.retry(close.id);
        await closing.closes.work({ closeId: close.id, batch: 0 });
      }
    }
    const nets = (await documents(account)).map(({ net }) => net).sort();
    expect(nets).toEqual(['100.00', '100.00', '99.00']);
    await expectProven(account);
  });

  it('a draft in review is not issued without one that came later, nor with one that was cancelled', async () => {
    const { seller, account } = await newAccount();
    const cancelled = await adjust(account, '-2.00');
    await closing.run(seller, PERIOD, { review: true });
    const close = closing.lastClose();
    granted(
      await cancelAdjustment(
        closing.database,
        { accountId: account, id: cancelled.id },
        { actor: 'test', reason: 'a mistake' },
      ),
    );
    await adjust(account, '-3.00');
    const [held] = await closing.issue(close);
    expect(held).toMatchObject({ state: 'held', reason: { code: 'inputs_changed' } });
    await closing.retry(close);
    await closing.issue(close);
    expect((await only(account)).net).toBe('97.00');
    expect(await states(account)).toEqual([
      ['-2.00', 'cancelled', null],
      ['-3.00', 'drawn', (await only(account)).number],
    ]);
    const [, drawn] = await listAdjustments(closing.database, { account, limit: 9 });
    const cancel = (id: string) =>
      cancelAdjustment(closing.database, { accountId: account, id }, { actor: 'test', reason: 'r' });
    expect(outcomeOf(await cancel(cancelled.id))).toBe('adjustment_cancelled');
    expect(outcomeOf(await cancel(drawn?.id ?? ''))).toBe('adjustment_drawn');
  });

  it('a void gives them back, and the invoice that bills the month anew draws them again', async () => {
    const { seller, account } = await newAccount();
    await adjust(account, '-40.00');
    await closing.run(seller, PERIOD);
    const first = await only(account);
    granted(await atOnce(account, '7.00'));
    granted(await closing.closes.corrections.voidInvoice(first.id, { actor: 'test', reason: 'wrong address' }));
    expect(await states(account)).toEqual([
      ['-40.00', 'open', null],
      ['7.00', 'open', null],
    ]);
    await closing.closes.desk.retry(closing.lastClose(), [account]);
    await closing.work();
    const anew = (await documents(account)).at(-1);
    expect(anew).toMatchObject({ replaces: { id: first.id }, net: '67.00' });
    expect(await states(account)).toEqual([
      ['-40.00', 'drawn', anew?.number],
      ['7.00', 'drawn', anew?.number],
    ]);
    await expectProven(account);
  });

  it('a total below 0 is a credit note for the whole, numbered with the credit notes', async () => {
    const { seller, account } = await newAccount();
    await adjust(account, '-150.00');
    await makeBytesAccount(closing.database, next++, { seller, taxes: TAX }, 'fee');
    await closing.run(seller, PERIOD);
    expect(await only(account)).toMatchObject({ kind: 'credit_note', number: 'CN-2026-000001', net: '-50.00' });
    const numbers = (await listInvoices(closing.database, { seller, limit: 9 })).map(({ number }) => number);
    expect(numbers.sort()).toEqual(['CN-2026-000001', 'INV-2026-000001']);
    await expectProven(account);
  });

  it('at once they are notes: a credit within what stands, a charge without a bound; late usage leaves both', async () => {
    const { seller, account, leaf } = await newAccount('plan');
    expect(outcomeOf(await atOnce(account, '-1.00'))).toBe('nothing_billed');
    expect(await states(account)).toEqual([]);
    await closing.run(seller, PERIOD);
    const original = await only(account);
    const billed = bytesOf(leaf) + FEE;
    expect(cents(original.net)).toBe(billed);
    expect(outcomeOf(await atOnce(account, amount(-(billed + 1n))))).toBe('credit_exceeds_what_stands');
    expect(await states(account)).toEqual([]);

    const { invoice: credit } = granted(await atOnce(account, '-20.00'));
    expect(credit).toMatchObject({
      kind: 'credit_note',
      corrects: { id: original.id },
      lines: [{ kind: 'adjustment', description: 'adjusted by -20.00', amount: '-20.00' }],
      credit: { reason: 'adjusted by -20.00', billed: original.gross },
    });
    const { invoice: debit } = granted(await atOnce(account, '15.00'));
    expect(debit).toMatchObject({ kind: 'debit_note', net: '15.00' });
    expect(await states(account)).toEqual([
      ['-20.00', 'drawn', credit.number],
      ['15.00', 'drawn', debit.number],
    ]);
    // Of several at once, no more than what stands.
    const more = await Promise.all(
      closing
        .processes(4)
        .map((closes) => closes.corrections.adjustAtOnce(asked(account, amount(-(billed - 500n) / 2n - 100n)), 'test')),
    );
    expect(more.map(outcomeOf).sort()).toEqual([...Array<string>(3).fill('credit_exceeds_what_stands'), 'issued']);

    closing.setLate(true);
    await closing.closes.corrections.confirm(original.id);
    const proposal = (await listCorrections(closing.database, { account, limit: 9 })).find(
      ({ state }) => state === 'proposed',
    );
    expect(proposal).toMatchObject({ net: amount(lateBytesOf(leaf)), kind: 'debit_note' });
    granted(await closing.closes.corrections.issue(proposal?.id ?? '', 'test'));
    expect(await closing.closes.corrections.confirm(original.id)).toEqual({ outcome: 'equal' });
    await expectProven(account);
  });

  describe('over REST', () => {
    let api: TestApi;
    let account: string;
    beforeAll(async () => {
      ({ account } = await newAccount());
      const { url: ownerUrl, serviceUrl } = closing;
      api = await startApi({ beside: { ownerUrl, serviceUrl }, secretKey: SECRET_KEY });
    });
    afterAll(() => api.stop());

    it('makes one for one Idempotency-Key, lists and cancels it', async () => {
      const post = () =>
        api
          .post(`/v1/accounts/${account}/adjustments`, { amount: '-9.50', reason: 'goodwill', tax: 'Tax' })
          .set('idempotency-key', 'adjust-1');
      const { body } = (await post().expect(201)) as { body: { id: string } };
      expect(body).toMatchObject({ amount: '-9.50', currency: 'USD', state: 'open', invoice: null, tax: 'Tax' });
      expect((await post().expect(201)).body).toEqual(body);
      const list = () => api.get(`/v1/accounts/${account}/adjustments?state=open`).expect(200);
      expect((await list()).body).toEqual({ data: [body], next_cursor: null });
      const cancel = () => api.post(`/v1/accounts/${account}/adjustments/${body.id}/cancel`, { reason: 'a mistake' });
      expect((await cancel().expect(200)).body).toMatchObject({ state: 'cancelled', cancel_reason: 'a mistake' });
      expect((await cancel().expect(409)).body).toMatchObject({ code: 'adjustment_cancelled' });
      expect((await list()).body).toEqual({ data: [], next_cursor: null });
    });

    it.each([
      [{ amount: '0.00', reason: 'r' }, 422, 'invalid_request'],
      [{ amount: '1.00' }, 422, 'invalid_request'],
      [{ amount: '1.001', reason: 'r' }, 422, 'too_many_decimals'],
      [{ amount: '1.00', reason: 'r', tax: 'VAT' }, 422, 'tax_not_of_account'],
      [{ amount: '1.00', reason: 'r', tax: 'Tax', tax_category: 'S' }, 422, 'invalid_request'],
      [{ amount: '1.00', reason: 'r', period: '2026-13' }, 422, 'invalid_request'],
      [{ amount: '-1.00', reason: 'r', issue: 'at_once' }, 409, 'nothing_billed'],
    ])('refuses %j with %s %s', async (body, status, code) => {
      const { body: problem } = await api.post(`/v1/accounts/${account}/adjustments`, body).expect(status);
      expect(problem).toMatchObject({ code });
    });
  });
});
