import type { CreditRequest } from '#invoicing';
import { isRefusal, listAuditEvents } from '#persistence';
import { type InvoiceView, listConfirmingPulls, listInvoices, loadInvoiceEvidence } from '#persistence/documents';
import { listCorrections } from '#persistence/closes';
import { invoiceEvidence, verifyInvoice } from '#proof';
import { startApi, type TestApi } from '../support/api.js';
import { AUGUST, BYTES_CHARGE, bytesOf, lateBytesOf, makeBytesAccount, PERIOD, SEED } from '../support/billed-bytes.js';
import { granted, makePlan, makeSeller, planOf, SECRET_KEY } from '../support/catalogue.js';
import { type Closing, startClosing } from '../support/closing.js';
import { amount, cents, halfUp } from '../support/expected-usage.js';

const TAX = [{ name: 'Tax', category: 'S' as const, rate: '10' }];
const FEE = 10_000n;

/** A cent a byte, and a fee of 100.00. */
const PLAN = planOf('plan', BYTES_CHARGE, { code: 'fee', name: 'Fee', type: 'recurring', amount: '100.00' });

describe('credits by hand', () => {
  let closing: Closing;
  let leaf = 0;
  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 300, sites: 1, subscribers: 1 }, seed: SEED });
    await makePlan(closing.database, PLAN);
    await makeSeller(closing.database, { code: 'acme' });
  });
  afterAll(() => closing.stop());

  /** Bills August of one more account. */
  async function billed(): Promise<{ account: string; original: InvoiceView; bytes: bigint; late: bigint }> {
    const of = leaf;
    leaf += 1;
    closing.setLate(false);
    const account = await makeBytesAccount(closing.database, of, { taxes: TAX }, 'plan');
    await closing.run('acme', PERIOD);
    const [original] = await documents(account);
    if (!original) throw new Error('nothing was billed');
    expect(AUGUST.end).toBeGreaterThan(AUGUST.start);
    return { account, original, bytes: bytesOf(of), late: lateBytesOf(of) };
  }

  const documents = async (account: string) =>
    (await listInvoices(closing.database, { account, limit: 200 })).sort((a, b) => a.revision - b.revision);
  const total = async (account: string, of: 'net' | 'tax' | 'gross') =>
    (await documents(account)).reduce((sum, document) => sum + cents(document[of]), 0n);
  const credit = (id: string, request: CreditRequest, closes = closing.closes) =>
    closes.corrections.credit(id, request, 'test');
  const noted = async (id: string, request: CreditRequest) => granted(await credit(id, request)).invoice;
  const outcomeOf = (result: Awaited<ReturnType<typeof credit>>) => (isRefusal(result) ? result.code : result.outcome);

  /** Every document of the account follows from its evidence, and the tax from all of them together. */
  async function expectProven(account: string): Promise<void> {
    for (const { id, number } of await documents(account)) {
      const evidence = await loadInvoiceEvidence(closing.database, id);
      if (!evidence) throw new Error('there is no evidence');
      expect(verifyInvoice(JSON.stringify(invoiceEvidence(evidence)))).toMatchObject({ outcome: 'valid', number });
    }
    const net = await total(account, 'net');
    expect(await total(account, 'tax')).toBe(halfUp(net * 10n, 100n));
  }

  it('a line is credited by amount or quantity, in the next number of its series, and verified from its evidence', async () => {
    const { account, original, bytes } = await billed();
    expect(original.lines.map(({ charge, amount }) => [charge, cents(amount)])).toEqual([
      ['traffic', bytes],
      ['fee', FEE],
    ]);
    const note = await noted(original.id, { reason: 'two days down', lines: [{ position: 2, amount: '33.33' }] });
    expect(note).toMatchObject({
      kind: 'credit_note',
      number: 'CN-2026-000001',
      revision: 2,
      corrects: { id: original.id, number: original.number },
      lines: [{ charge: 'fee', amount: '-33.33', credit: { billed: '100.00', left: '66.67' } }],
      taxes: [{ name: 'Tax', base: '-33.33' }],
      credit: { reason: 'two days down', billed: original.gross },
    });
    const quarter = (bytes / 4n).toString();
    const second = await noted(original.id, { reason: 'r', lines: [{ position: 1, quantity: quarter }] });
    expect(second).toMatchObject({
      net: amount(-(bytes / 4n)),
      lines: [{ charge: 'traffic', quantity: `-${quarter}` }],
    });
    await expectProven(account);
    expect(await total(account, 'net')).toBe(bytes + FEE - 3_333n - bytes / 4n);
    expect((await documents(account))[0]?.status).toBe('credited');
    const [decided] = await listCorrections(closing.database, { account, limit: 9 });
    expect(decided).toMatchObject({ cause: 'credit', state: 'issued', invoice: note.id, reason: 'two days down' });
    const { data: events } = await listAuditEvents(
      closing.database,
      { subject: `invoice:${original.id}` },
      { limit: 50 },
    );
    expect(events.filter(({ action }) => action === 'invoice.credited')).toMatchObject([
      { actor: 'test', data: { by: 'CN-2026-000001', reason: 'two days down', net: '-33.33' } },
      { actor: 'test' },
    ]);
  });

  it('of ten who credit more than half of a line at once, one does', async () => {
    const { account, original, bytes } = await billed();
    const request: CreditRequest = { reason: 'at once', lines: [{ position: 2, amount: '60.00' }] };
    const outcomes = await Promise.all(
      closing.processes(5).flatMap((closes) => [1, 2].map(() => credit(original.id, request, closes))),
    );
    expect(outcomes.map(outcomeOf).sort()).toEqual([...Array<string>(9).fill('credit_exceeds_what_stands'), 'issued']);
    expect(await total(account, 'net')).toBe(bytes + FEE - 6_000n);
    await expectProven(account);
  });

  it('late usage leaves a credit alone, and a proposal that it makes obsolete comes back', async () => {
    const { account, original, bytes, late } = await billed();
    const { corrections: after } = closing.closes;
    closing.setLate(true);
    expect(await after.confirm(original.id)).toMatchObject({ outcome: 'proposed' });
    await noted(original.id, { reason: 'goodwill', amount: '50.00' });
    const states = async () =>
      (await listCorrections(closing.database, { account, limit: 9 })).map(({ cause, state, net }) => [
        cause,
        state,
        net,
      ]);
    const credited = ['credit', 'issued', '-50.00'];
    expect(await states()).toEqual([['usage', 'superseded', amount(late)], credited]);
    const asked = (await listConfirmingPulls(closing.database, original.id)).filter(
      (pull) => pull.requested_by !== null,
    );
    expect(asked).toMatchObject([{ requested_by: 'test', outcome: null }]);

    expect(await after.confirm(original.id)).toMatchObject({ outcome: 'proposed', state: 'proposed' });
    expect(await states()).toEqual([['usage', 'proposed', amount(late)], credited]);
    const [proposal] = await listCorrections(closing.database, { account, limit: 9 });
    granted(await after.issue(proposal?.id ?? '', 'test'));
    expect(await total(account, 'net')).toBe(bytes + late + FEE - 5_000n);
    expect(await after.confirm(original.id)).toEqual({ outcome: 'equal' });
    await noted(original.id, { reason: 'more goodwill', amount: '50.00' });
    // The last document says nothing of usage; what was billed is still known.
    expect(await after.confirm(original.id)).toEqual({ outcome: 'equal' });
    await expectProven(account);
  });

  it('a void takes back what is left; the month billed anew is without the credit', async () => {
    const { account, original, bytes } = await billed();
    await noted(original.id, { reason: 'goodwill', amount: '77.77' });
    const taken = granted(
      await closing.closes.corrections.voidInvoice(original.id, { actor: 'test', reason: 'wrong' }),
    );
    expect(taken.invoice).toMatchObject({ kind: 'credit_note', net: amount(-(bytes + FEE - 7_777n)) });
    for (const part of ['net', 'tax', 'gross'] as const) expect(await total(account, part)).toBe(0n);
    expect(outcomeOf(await credit(original.id, { reason: 'late', amount: '1.00' }))).toBe('invoice_voided');
    expect(outcomeOf(await credit(taken.invoice.id, { reason: 'late', amount: '1.00' }))).toBe('not_an_original');
    await closing.closes.desk.retry(closing.lastClose(), [account]);
    await closing.work();
    expect((await documents(account)).at(-1)).toMatchObject({ replaces: { id: original.id }, net: original.net });
    await expectProven(account);
  });

  it('all of it can be credited, and then no cent more', async () => {
    const { account, original } = await billed();
    await noted(original.id, { reason: 'all of it', amount: original.net });
    for (const part of ['net', 'tax', 'gross'] as const) expect(await total(account, part)).toBe(0n);
    expect(outcomeOf(await credit(original.id, { reason: 'r', amount: '0.01' }))).toBe('credit_exceeds_what_stands');
    const voided = granted(await closing.closes.corrections.voidInvoice(original.id, { actor: 'test', reason: 'r' }));
    expect(voided.outcome).toBe('voided');
    await expectProven(account);
  });

  describe('over REST', () => {
    let api: TestApi;
    let original: InvoiceView;
    beforeAll(async () => {
      ({ original } = await billed());
      const { url: ownerUrl, serviceUrl } = closing;
      api = await startApi({ beside: { ownerUrl, serviceUrl }, secretKey: SECRET_KEY });
    });
    afterAll(() => api.stop());
    const post = (body: object) => api.post(`/v1/invoices/${original.id}/credit-notes`, body);

    it('answers the note, once for one Idempotency-Key', async () => {
      const body = { reason: 'goodwill', amount: '10.00' };
      const answers = await Promise.all([1, 2].map(() => post(body).set('idempotency-key', 'credit-1')));
      const [first, second] = answers;
      const created = first?.status === 201 ? first : second;
      expect(created?.status).toBe(201);
      expect(created?.body).toMatchObject({ kind: 'credit_note', net: '-10.00', credit: { reason: 'goodwill' } });
      const again = await post(body).set('idempotency-key', 'credit-1').expect(201);
      expect(again.body).toEqual(created?.body);
      expect(await documents(original.account)).toHaveLength(2);
    });

    it.each([
      [{ reason: 'r' }, 422, 'invalid_request', ''],
      [{ reason: 'r', amount: '1.00', full: true }, 422, 'invalid_request', ''],
      [{ reason: 'r', amount: '-1.00' }, 422, 'invalid_request', '/amount'],
      [{ reason: 'r', amount: '0.00' }, 422, 'invalid_request', '/amount'],
      [{ amount: '1.00' }, 422, 'invalid_request', '/reason'],
      [{ reason: 'r', lines: [{ position: 1 }] }, 422, 'invalid_request', '/lines/0'],
      [{ reason: 'r', amount: '1.001' }, 422, 'too_many_decimals', '/amount'],
      [{ reason: 'r', lines: [{ position: 9, amount: '1.00' }] }, 422, 'line_not_found', '/lines/0/position'],
      [{ reason: 'r', lines: [{ position: 2, quantity: '0.00001' }] }, 422, 'credit_of_nothing', '/lines/0/quantity'],
      [{ reason: 'r', amount: '99999999999999999999.00' }, 409, 'credit_exceeds_what_stands', '/amount'],
    ])('refuses %j with %s %s at %s', async (body, status, code, pointer) => {
      const { body: problem } = await post(body).expect(status);
      expect(problem).toMatchObject({ code, errors: [{ pointer }] });
    });
  });
});
