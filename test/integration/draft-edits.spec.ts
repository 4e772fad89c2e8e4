import type { AskedEdit } from '#close';
import { isRefusal, listAuditEvents } from '#persistence';
import { updateAccount } from '#persistence/catalogue';
import { type DraftView, listDrafts, listInvoices, loadInvoiceEvidence } from '#persistence/documents';
import { type DraftEditView, listCorrections, listDraftEdits } from '#persistence/closes';
import { invoiceEvidence, verifyInvoice } from '#proof';
import { startApi, type TestApi } from '../support/api.js';
import { BYTES_CHARGE, bytesOf, lateBytesOf, makeBytesAccount, PERIOD, SEED } from '../support/billed-bytes.js';
import { granted, makePlan, makeSeller, planOf, SECRET_KEY } from '../support/catalogue.js';
import { type Closing, startClosing } from '../support/closing.js';
import { amount } from '../support/expected-usage.js';

const TAX = [{ name: 'Tax', category: 'S' as const, rate: '10' }];
const FEES = [
  { code: 'platform', name: 'Platform', type: 'recurring', amount: '100.00' },
  { code: 'support', name: 'Support', type: 'recurring', amount: '40.00' },
];
const LINE: AskedEdit = { kind: 'line', amount: '12.5', reason: 'a router', tax: null, taxCategory: 'Z' };
const NOTE: AskedEdit = { kind: 'note', text: 'As agreed with Ms. Brook on 3 September.' };
const LEAVE_OUT: AskedEdit = { kind: 'leave_out', position: 2, reason: 'not delivered' };

describe('drafts in review', () => {
  let closing: Closing;
  let next = 0;
  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 300, sites: 1, subscribers: 1 }, seed: SEED });
    await makePlan(closing.database, planOf('fees', ...FEES));
    await makePlan(closing.database, planOf('bytes', BYTES_CHARGE, ...FEES));
  });
  afterAll(() => closing.stop());

  interface InReview {
    readonly seller: string;
    readonly accountId: string;
    readonly closeId: string;
    readonly leaf: number;
  }

  async function inReview(plan = 'fees'): Promise<InReview> {
    const leaf = next;
    next += 1;
    const seller = `seller-${leaf}`;
    closing.setLate(false);
    await makeSeller(closing.database, { code: seller });
    const accountId = await makeBytesAccount(closing.database, leaf, { seller, taxes: TAX }, plan);
    await closing.run(seller, PERIOD, { review: true });
    return { seller, accountId, closeId: closing.lastClose(), leaf };
  }
  const edit = (of: InReview, asked: AskedEdit, actor = 'clerk') => closing.closes.reviews.edit(of, asked, actor);
  const made = async (of: InReview, ...asked: AskedEdit[]) => {
    const edits: DraftEditView[] = [];
    for (const each of asked) edits.push(granted(await edit(of, each)));
    return edits;
  };
  const draftOf = async ({ accountId }: InReview): Promise<DraftView> => {
    const [draft] = await listDrafts(closing.database, { account: accountId, limit: 1 });
    if (!draft) throw new Error('there is no draft');
    return draft;
  };
  const documents = async ({ accountId }: InReview) =>
    (await listInvoices(closing.database, { account: accountId, limit: 9 })).sort((a, b) => a.revision - b.revision);
  const told = (lines: readonly { description: string; amount: string }[]) =>
    lines.map(({ description, amount: of }) => [description, of]);
  const codeOf = (result: object) => (isRefusal(result) ? result.code : 'done');

  async function expectProven(of: InReview): Promise<void> {
    for (const { id, number } of await documents(of)) {
      const evidence = await loadInvoiceEvidence(closing.database, id);
      expect(verifyInvoice(JSON.stringify(evidence && invoiceEvidence(evidence)))).toMatchObject({
        outcome: 'valid',
        number,
      });
    }
  }

  it('take lines and notes and leave lines out; what was reviewed is issued, and the evidence says who did what', async () => {
    const of = await inReview();
    const [line, note, leftOut] = await made(of, LINE, NOTE, LEAVE_OUT);
    expect(line).toMatchObject({ kind: 'line', amount: '12.50', by: 'clerk', withdrawn_at: null });
    const draft = await draftOf(of);
    expect(told(draft.lines)).toEqual([
      ['Platform', '100.00'],
      ['a router', '12.50'],
    ]);
    expect(draft).toMatchObject({ net: '112.50', tax: '10.00', gross: '122.50' });
    expect(draft.notes).toContain('As agreed with Ms. Brook on 3 September.');
    await closing.issue(of.closeId);
    const [invoice] = await documents(of);
    expect(invoice).toMatchObject({
      id: draft.id,
      lines: draft.lines,
      notes: draft.notes,
      inputs_hash: draft.inputs_hash,
    });
    await expectProven(of);
    const evidence = await loadInvoiceEvidence(closing.database, draft.id);
    expect(evidence?.facts.edits).toMatchObject([
      { id: line?.id, by: 'clerk', reason: 'a router' },
      { id: note?.id, by: 'clerk' },
      { id: leftOut?.id, by: 'clerk', description: 'Support', reason: 'not delivered' },
    ]);
    // Another operator is not believed to have done it.
    const altered = JSON.parse(JSON.stringify(evidence && invoiceEvidence(evidence))) as ReturnType<
      typeof invoiceEvidence
    >;
    (altered.facts.edits?.[2] as { by: string }).by = 'nobody';
    expect(verifyInvoice(JSON.stringify(altered))).toMatchObject({ outcome: 'invalid', path: 'facts.edits[2].by' });
    const { data } = await listAuditEvents(closing.database, { subject: `draft:${draft.id}` }, { limit: 9 });
    expect(data.map(({ actor, action }) => [actor, action])).toEqual(Array(3).fill(['clerk', 'draft.edited']));
  });

  it('are as they were when every edit is withdrawn, also after they were drawn up anew in between', async () => {
    const of = await inReview();
    const before = await draftOf(of);
    const [line, leftOut] = await made(of, LINE, LEAVE_OUT);
    const withdraw = async (id = '') => granted(await closing.closes.reviews.withdraw(of, id, 'other'));
    expect(await withdraw(line?.id)).toMatchObject({ withdrawn_by: 'other' });
    await withdraw(leftOut?.id);
    expect(await draftOf(of)).toEqual(before);
    expect(codeOf(await closing.closes.reviews.withdraw(of, line?.id ?? '', 'other'))).toBe('draft_edit_withdrawn');

    const [again] = await made(of, LEAVE_OUT);
    const renamed = { name: 'Renamed' };
    granted(await updateAccount(closing.database, 'test', of.accountId, renamed, SECRET_KEY));
    expect(codeOf(await edit(of, NOTE))).toBe('inputs_changed');
    const [held] = await closing.issue(of.closeId);
    expect(held).toMatchObject({ state: 'held', reason: { code: 'inputs_changed' } });
    await closing.retry(of.closeId);
    expect(told((await draftOf(of)).lines)).toEqual([['Platform', '100.00']]);
    await withdraw(again?.id);
    expect(told((await draftOf(of)).lines)).toEqual(told(before.lines));
    await made(of, LEAVE_OUT);
    await closing.issue(of.closeId);
    await expectProven(of);
    expect((await documents(of))[0]).toMatchObject({ net: '100.00', customer: { name: 'Renamed' } });
  });

  it('are edited by several at once, and an edit is either in what is issued or refused', async () => {
    const of = await inReview();
    const workers = closing.processes(4);
    const asked = (position: number): AskedEdit => ({ ...LINE, reason: `part ${position}`, amount: '1.00' });
    const [results] = await Promise.all([
      Promise.all(workers.map((closes, at) => closes.reviews.edit(of, asked(at), 'clerk'))),
      closing.closes.desk.release(of.closeId),
    ]);
    await closing.work();
    const done = results.filter((result) => !isRefusal(result)).length;
    expect(results.map(codeOf).filter((code) => code !== 'done' && code !== 'not_in_review')).toEqual([]);
    const [invoice] = await documents(of);
    expect(invoice?.net).toBe(amount(14_000n + BigInt(done) * 100n));
    expect(await listDraftEdits(closing.database, of)).toHaveLength(done);
    expect(codeOf(await edit(of, NOTE))).toBe('not_in_review');
    await expectProven(of);
  });

  it('keep what was decided when late usage corrects them, and when they are voided and billed anew', async () => {
    const of = await inReview('bytes');
    const bytes = bytesOf(of.leaf);
    await made(of, LINE, { ...LEAVE_OUT, position: 3 });
    await closing.issue(of.closeId);
    const [original] = await documents(of);
    const billed = bytes + 10_000n + 1_250n;
    expect(original?.net).toBe(amount(billed));
    closing.setLate(true);
    const { corrections } = closing.closes;
    await corrections.confirm(original?.id ?? '');
    const [proposal] = await listCorrections(closing.database, { account: of.accountId, limit: 9 });
    expect(proposal).toMatchObject({ net: amount(lateBytesOf(of.leaf)), lines: [{ charge: 'traffic' }] });
    granted(await corrections.issue(proposal?.id ?? '', 'test'));
    granted(await corrections.voidInvoice(original?.id ?? '', { actor: 'test', reason: 'wrong' }));
    await closing.closes.desk.retry(of.closeId, [of.accountId]);
    await closing.work();
    await made(of, NOTE);
    await closing.issue(of.closeId);
    const anew = (await documents(of)).at(-1);
    expect(anew).toMatchObject({ replaces: { id: original?.id }, net: amount(billed + lateBytesOf(of.leaf)) });
    expect(anew?.notes[0]).toMatchObject({ code: 'replaces' });
    expect(anew?.notes.at(-1)).toBe('As agreed with Ms. Brook on 3 September.');
    await expectProven(of);
  });

  it('refuse what makes no sense, and stay as they were', async () => {
    const of = await inReview();
    const before = await draftOf(of);
    const refusals: [AskedEdit, string][] = [
      [{ ...LEAVE_OUT, position: 3 }, 'line_not_found'],
      [{ ...LINE, amount: '1.001' }, 'too_many_decimals'],
      [{ ...LINE, tax: 'VAT', taxCategory: null }, 'draft_would_be_held'],
    ];
    for (const [asked, code] of refusals) expect([asked, codeOf(await edit(of, asked))]).toEqual([asked, code]);
    await made(of, LEAVE_OUT);
    expect(codeOf(await edit(of, { ...LEAVE_OUT, position: 1 }))).toBe('nothing_left_to_bill');
    await made(of, LINE);
    expect(codeOf(await edit(of, LEAVE_OUT))).toBe('line_not_found');
    for (const { id } of await listDraftEdits(closing.database, of))
      await closing.closes.reviews.withdraw(of, id, 'clerk');
    expect(await draftOf(of)).toEqual(before);
    expect(codeOf(await edit({ ...of, accountId: of.closeId }, NOTE))).toBe('close_account_not_found');
  });

  describe('over REST', () => {
    let api: TestApi;
    let of: InReview;
    beforeAll(async () => {
      of = await inReview();
      const { url: ownerUrl, serviceUrl } = closing;
      api = await startApi({ beside: { ownerUrl, serviceUrl }, secretKey: SECRET_KEY });
    });
    afterAll(() => api.stop());
    const path = () => `/v1/closes/${of.closeId}/accounts/${of.accountId}/edits`;

    it('make, list and withdraw edits, and show the draft', async () => {
      const body = { kind: 'line', amount: '-5.00', reason: 'goodwill' };
      const post = () => api.post(path(), body).set('idempotency-key', 'edit-1').expect(201);
      const { body: line } = (await post()) as { body: DraftEditView };
      expect((await post()).body).toEqual(line);
      const { body: out } = await api.post(path(), { kind: 'leave_out', position: 1, reason: 'r' }).expect(201);
      expect((await api.get(path()).expect(200)).body).toEqual({ data: [line, out] });
      const draft = await draftOf(of);
      expect((await api.get(`/v1/invoices/${draft.id}`).expect(200)).body).toMatchObject({ net: '35.00' });
      await api.post(`${path()}/${line.id}/withdraw`).expect(200);
      expect((await api.post(`${path()}/${line.id}/withdraw`).expect(409)).body).toMatchObject({
        code: 'draft_edit_withdrawn',
      });
      expect((await api.get(`/v1/invoices/${draft.id}`).expect(200)).body).toMatchObject({ net: '40.00' });
    });

    it.each([
      [{ kind: 'line', amount: '0', reason: 'r' }, 422, 'invalid_request'],
      [{ kind: 'line', amount: '1.00' }, 422, 'invalid_request'],
      [{ kind: 'note', text: '' }, 422, 'invalid_request'],
      [{ kind: 'leave_out', position: 1 }, 422, 'invalid_request'],
      [{ kind: 'other' }, 422, 'invalid_request'],
      [{ kind: 'leave_out', position: 77, reason: 'r' }, 422, 'line_not_found'],
    ])('refuses %j with %s %s', async (body, status, code) => {
      const { body: problem } = await api.post(path(), body).expect(status);
      expect(problem).toMatchObject({ code });
    });
  });
});
