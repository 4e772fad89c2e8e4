import { documentSha256 } from '#persistence';
import { registerEntity, subscribe } from '#persistence/catalogue';
import { listInvoices, loadInvoiceEvidence } from '#persistence/documents';
import { invoiceEvidence, verifyInvoice } from '#proof';
import pg from 'pg';
import { feePlan, granted, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';

const AUGUST = '2026-08';
const SEPTEMBER = '2026-09';
const OCTOBER = '2026-10';

/** Discounts of some billed periods, close by close. Each story has a seller of its own, for a close is a seller's month. */
describe('a discount of n periods', () => {
  let closing: Closing;
  beforeAll(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 } });
    const { database } = closing;
    const off = (value: string, periods: number, type = 'percentage') => ({ discounts: [{ type, value, periods }] });
    const perSite = { code: 'site', name: 'Site', type: 'recurring', amount: '100.00', per: 'customer_site_id' };
    await makePlan(database, { ...feePlan('sites', '1.00'), charges: [perSite], ...off('50.00', 1, 'fixed') });
    await makePlan(database, { ...feePlan('once', '100.00'), ...off('10', 1) });
    const [fee] = feePlan('ahead', '100.00').charges;
    const ahead = { ...feePlan('ahead', '100.00'), charges: [{ ...fee, timing: 'in_advance' }] };
    await makePlan(database, { ...ahead, ...off('10', 2) });
  });
  afterAll(() => closing.stop());

  async function account(seller: string, plan: string): Promise<string> {
    await makeSeller(closing.database, { code: seller });
    const id = await makeAccount(closing.database, { seller, external_id: seller }, null);
    granted(await subscribe(closing.database, 'test', { account: id, plan, starts_at: '2026-08-01', ends_at: null }));
    return id;
  }
  const close = async (seller: string, period: string) => (await closing.run(seller, period)).map(endOf);
  const documents = async (of: string, period: string) =>
    (await listInvoices(closing.database, { account: of, period, limit: 20 })).sort((a, b) => a.revision - b.revision);
  const nets = async (of: string, period: string) => (await documents(of, period)).map(({ net }) => net);
  async function takeBack(of: string, period: string): Promise<void> {
    const standing = (await documents(of, period)).findLast(({ corrects }) => corrects === null);
    const voided = await closing.closes.corrections.voidInvoice(standing?.id ?? '', { actor: 'test', reason: 'test' });
    expect(voided.outcome).toBe('issued');
  }

  it('is given for the first month that is billed, not for an idle one before it', async () => {
    const a = await account('idle', 'sites');
    const site = { dimension: 'customer_site_id' as const, value: 'site-1', name: null };
    const registered = { ...site, active_from: '2026-09-01', active_until: null };
    granted(await registerEntity(closing.database, 'test', a, registered));
    expect(await close('idle', AUGUST)).toEqual(['empty']);
    expect(await close('idle', SEPTEMBER)).toEqual(['issued']);
    expect(await close('idle', OCTOBER)).toEqual(['issued']);
    expect([await nets(a, SEPTEMBER), await nets(a, OCTOBER)]).toEqual([['50.00'], ['100.00']]);
  });

  it('is given once, whatever the order in which months are billed', async () => {
    const a = await account('late', 'once');
    await close('late', SEPTEMBER);
    await close('late', AUGUST);
    await close('late', OCTOBER);
    expect(await nets(a, SEPTEMBER)).toEqual(['90.00']);
    expect([await nets(a, AUGUST), await nets(a, OCTOBER)]).toEqual([['100.00'], ['100.00']]);
  });

  it('is given for another month, or for the same one anew, when its document was taken back', async () => {
    const a = await account('voided', 'once');
    await close('voided', AUGUST);
    await takeBack(a, AUGUST);
    await close('voided', SEPTEMBER);
    expect([await nets(a, AUGUST), await nets(a, SEPTEMBER)]).toEqual([['90.00', '-90.00'], ['90.00']]);
    // September has it now: August, billed anew, has not; and has it again once September is taken back too.
    const [first] = await closing.run('voided', AUGUST, { dryRun: true });
    expect(first).toMatchObject({ totals: { net: '100.00' } });
    await takeBack(a, SEPTEMBER);
    const [second] = await closing.run('voided', AUGUST, { dryRun: true });
    expect(second).toMatchObject({ totals: { net: '90.00' } });
  });

  it('is not given again because the document that has it was altered', async () => {
    const a = await account('altered', 'once');
    await close('altered', AUGUST);
    const owner = new pg.Client({ connectionString: closing.url });
    await owner.connect();
    await owner.query('ALTER TABLE invoice DISABLE TRIGGER USER; ALTER TABLE invoice_line DISABLE TRIGGER USER');
    const lines = `jsonb_path_query_array(document, '$.lines[*] ? (@.kind != "discount")')`;
    const altered = `UPDATE invoice SET document = document || jsonb_build_object('lines', ${lines}) WHERE account_id = $1`;
    expect((await owner.query(altered, [a])).rowCount).toBe(1);
    await owner.query(
      `DELETE FROM invoice_line WHERE kind = 'discount' AND invoice_id IN (SELECT id FROM invoice WHERE account_id = $1)`,
      [a],
    );
    await owner.end();
    expect(await close('altered', SEPTEMBER)).toEqual(['failed document_altered']);
    // Not the month after alone: every document of the account says how many periods were discounted.
    expect(await close('altered', OCTOBER)).toEqual(['failed document_altered']);
  });

  it('follows a fee in advance to the month that it is for', async () => {
    const a = await account('ahead', 'ahead');
    for (const period of [AUGUST, SEPTEMBER]) expect(await close('ahead', period)).toEqual(['issued']);
    // August bills itself and September, 10 % off each; October is the third month.
    expect([await nets(a, AUGUST), await nets(a, SEPTEMBER)]).toEqual([['180.00'], ['100.00']]);
  });

  it('holds a draft in review when another month has taken the discount meanwhile', async () => {
    const a = await account('review', 'once');
    await closing.run('review', AUGUST, { review: true });
    const august = closing.lastClose();
    await closing.run('review', SEPTEMBER, { review: true });
    const september = closing.lastClose();
    expect((await closing.issue(august)).map(endOf)).toEqual(['issued']);
    expect((await closing.issue(september)).map(endOf)).toEqual(['held inputs_changed']);
    await closing.retry(september);
    expect((await closing.issue(september)).map(endOf)).toEqual(['issued']);
    expect([await nets(a, AUGUST), await nets(a, SEPTEMBER)]).toEqual([['90.00'], ['100.00']]);
  });

  describe('in evidence', () => {
    type Evidence = ReturnType<typeof invoiceEvidence>;
    async function evidenceOf(of: string, period: string): Promise<Evidence> {
      const [invoice] = await documents(of, period);
      const loaded = await loadInvoiceEvidence(closing.database, invoice?.id ?? '');
      if (!loaded) throw new Error('no evidence');
      return JSON.parse(JSON.stringify(invoiceEvidence(loaded))) as Evidence;
    }
    /** As it would stand with other months discounted, every hash made to fit. */
    function withDiscounted(
      { facts, inputs, document, ...rest }: Evidence,
      discounted: object[] | undefined,
    ): Evidence {
      const replaced = (of: object) => {
        const others = Object.fromEntries(Object.entries(of).filter(([member]) => member !== 'discounted'));
        return discounted ? { ...others, discounted } : others;
      };
      const changed = replaced(inputs);
      const again = { ...document, inputs_hash: documentSha256(changed) };
      return {
        ...rest,
        facts: replaced(facts) as unknown as Evidence['facts'],
        inputs: changed,
        document: again,
        document_sha256: documentSha256(again),
      };
    }
    const verdict = (evidence: Evidence) => verifyInvoice(JSON.stringify(evidence));

    it('names the months it was given for, and an invoice follows from no others', async () => {
      const a = await account('proof', 'once');
      await close('proof', AUGUST);
      await close('proof', SEPTEMBER);
      const [august, september] = [await evidenceOf(a, AUGUST), await evidenceOf(a, SEPTEMBER)];
      const given = { planCode: 'once', discount: 1, month: AUGUST, onDate: '2026-08-01' };
      expect(august.inputs).toMatchObject({ discounted: [] });
      expect(september.inputs).toMatchObject({ discounted: [given] });
      for (const evidence of [august, september]) {
        expect(verdict(evidence)).toMatchObject({ outcome: 'valid', recomputed_from: 'usage' });
      }
      expect(verdict(withDiscounted(september, []))).toMatchObject({ outcome: 'invalid' });
      expect(verdict(withDiscounted(august, [{ ...given, month: OCTOBER }]))).toMatchObject({ outcome: 'invalid' });
      // Documents that were issued before it was kept counted the months of their subscription.
      expect(verdict(withDiscounted(september, undefined))).toMatchObject({ outcome: 'valid' });
    });
  });
});
