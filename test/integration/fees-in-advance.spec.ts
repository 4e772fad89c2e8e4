import { documentSha256 } from '#persistence';
import {
  findSubscription,
  listSubscriptions,
  replaceEntities,
  subscribe,
  updateSubscription,
} from '#persistence/catalogue';
import { type InvoiceView, listInvoices, loadInvoiceEvidence } from '#persistence/documents';
import { loadBillingFacts } from '#persistence/closes';
import { invoiceEvidence, verifyInvoice } from '#proof';
import pg from 'pg';
import { feePlan, granted, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { type Closing, endOf, startClosing } from '../support/closing.js';
import { eventually } from '../support/eventually.js';

const AUGUST = '2026-08';
const SEPTEMBER = '2026-09';
const OCTOBER = '2026-10';

const inAdvance = (code: string, amount: string, over: object = {}) => {
  const plan = feePlan(code, amount);
  return { ...plan, charges: plan.charges.map((charge) => ({ ...charge, timing: 'in_advance', ...over })) };
};

describe('fees in advance, close by close', () => {
  let closing: Closing;
  beforeEach(async () => {
    closing = await startClosing({ fleet: { accounts: 1, sites: 1, subscribers: 1 } });
    await makeSeller(closing.database, { code: 'acme' });
    await makePlan(closing.database, inAdvance('old', '100.00'));
    await makePlan(closing.database, inAdvance('new', '300.00'));
  });
  afterEach(() => closing.stop());

  const account = (name = 'a', plan = 'old') =>
    makeAccount(closing.database, { seller: 'acme', external_id: name }, plan);
  const close = async (period: string) => (await closing.run('acme', period)).map(endOf);
  const documents = async (of: string, period?: string) =>
    (await listInvoices(closing.database, { account: of, period, limit: 200 })).sort(
      (a, b) => a.period.start.localeCompare(b.period.start) || a.revision - b.revision,
    );
  const told = ({ lines }: Pick<InvoiceView, 'lines'>) =>
    lines.map(({ segment, amount }) => `${segment.start_date.slice(0, 7)} ${amount}`);
  const billed = async (of: string, period: string) => (await documents(of, period)).map(told);

  /** What a month has cost an account over all its documents, in cents. */
  async function costs(of: string): Promise<Record<string, number>> {
    const months: Record<string, number> = {};
    for (const { segment, amount } of (await documents(of)).flatMap(({ lines }) => lines)) {
      const month = segment.start_date.slice(0, 7);
      months[month] = (months[month] ?? 0) + Math.round(Number(amount) * 100);
    }
    return months;
  }

  /** The lines of a dry run: what a close would bill if it had not billed the account before. */
  async function wouldBill(period: string): Promise<string[]> {
    const [row] = await closing.run('acme', period, { dryRun: true });
    return told(row as unknown as InvoiceView);
  }

  async function end(of: string, endsAt: string): Promise<void> {
    const { data } = await listSubscriptions(closing.database, { account: of }, { limit: 10 });
    granted(await updateSubscription(closing.database, 'test', data[0]?.id ?? '', { ends_at: endsAt }));
    expect(await findSubscription(closing.database, data[0]?.id ?? '')).toMatchObject({ ends_at: endsAt });
  }

  async function voidOnly(of: string, period: string): Promise<void> {
    const [invoice] = await documents(of, period);
    const voided = await closing.closes.corrections.voidInvoice(invoice?.id ?? '', { actor: 'test', reason: 'test' });
    expect(voided.outcome).toBe('issued');
  }

  it('the first close of a subscription since 2020 bills its own month and the next, then each the next', async () => {
    const a = await account();
    for (const period of [AUGUST, SEPTEMBER, OCTOBER]) expect(await close(period)).toEqual(['issued']);
    expect(await billed(a, AUGUST)).toEqual([['2026-08 100.00', '2026-09 100.00']]);
    expect(await billed(a, SEPTEMBER)).toEqual([['2026-10 100.00']]);
    expect(await billed(a, OCTOBER)).toEqual([['2026-11 100.00']]);
  });

  it('what a voided invoice billed ahead is billed by the month itself', async () => {
    const a = await account();
    await close(AUGUST);
    await voidOnly(a, AUGUST);
    expect(await costs(a)).toEqual({ '2026-08': 0, '2026-09': 0 });
    await close(SEPTEMBER);
    expect(await billed(a, SEPTEMBER)).toEqual([['2026-09 100.00', '2026-10 100.00']]);
    // August, billed anew, must leave September alone, for that has billed itself.
    expect(await wouldBill(AUGUST)).toEqual(['2026-08 100.00']);
    await voidOnly(a, SEPTEMBER);
    expect(await wouldBill(AUGUST)).toEqual(['2026-08 100.00', '2026-09 100.00']);
  });

  it('an invoice voided after the next one was issued is billed anew with what the next one counted on', async () => {
    const a = await account();
    await close(AUGUST);
    await close(SEPTEMBER);
    await voidOnly(a, AUGUST);
    expect(await costs(a)).toEqual({ '2026-08': 0, '2026-09': 0, '2026-10': 10_000 });
    expect((await loadBillingFacts(closing.database, a, AUGUST))?.advances).toEqual({
      billed: [],
      counted: [{ planCode: 'old', version: 1, charge: 'fee', count: 1 }],
    });
    expect(await wouldBill(AUGUST)).toEqual(['2026-08 100.00', '2026-09 100.00']);
    await voidOnly(a, SEPTEMBER);
    expect(await wouldBill(SEPTEMBER)).toEqual(['2026-09 100.00', '2026-10 100.00']);
  });

  it('an end on the first of the month that was billed ahead gives the month back, once', async () => {
    const a = await account();
    await account('b');
    await close(AUGUST);
    await end(a, '2026-09-01');
    expect(await close(SEPTEMBER)).toEqual(['issued', 'issued']);
    expect(await documents(a, SEPTEMBER)).toMatchObject([{ kind: 'credit_note', net: '-100.00', corrects: null }]);
    expect(await close(SEPTEMBER)).toEqual(['issued', 'issued']);
    expect(await close(OCTOBER)).toEqual(['issued']);
    expect(await costs(a)).toEqual({ '2026-08': 10_000, '2026-09': 0 });

    const [note] = await documents(a, SEPTEMBER);
    expect(await closing.closes.corrections.confirm(note?.id ?? '')).toEqual({ outcome: 'equal' });
    // Voided, the refund is due again; August billed anew would bill what it gave back.
    await voidOnly(a, AUGUST);
    const [row] = await closing.run('acme', AUGUST, { dryRun: true, accounts: [a] });
    expect(told(row as unknown as InvoiceView)).toEqual(['2026-08 100.00', '2026-09 100.00']);
  });

  it('another plan from the first of the month that was billed ahead gives the old fee back', async () => {
    const a = await account();
    await close(AUGUST);
    await end(a, '2026-09-01');
    granted(
      await subscribe(closing.database, 'test', { account: a, plan: 'new', starts_at: '2026-09-01', ends_at: null }),
    );
    await close(SEPTEMBER);
    await close(OCTOBER);
    expect(await billed(a, SEPTEMBER)).toEqual([['2026-09 300.00', '2026-10 300.00', '2026-09 -100.00']]);
    expect(await costs(a)).toEqual({ '2026-08': 10_000, '2026-09': 30_000, '2026-10': 30_000, '2026-11': 30_000 });
  });

  it('a new price on the first of the month is billed instead of the old one', async () => {
    const a = await account();
    await close(AUGUST);
    await makePlan(closing.database, { ...inAdvance('old', '120.00'), effective_from: '2026-09-01' });
    await close(SEPTEMBER);
    expect(await billed(a, SEPTEMBER)).toEqual([['2026-09 120.00', '2026-10 120.00', '2026-09 -100.00']]);
  });

  it('months closed out of order bill each month once', async () => {
    const a = await account();
    await close(AUGUST);
    await close(OCTOBER);
    expect(await billed(a, OCTOBER)).toEqual([['2026-10 100.00', '2026-11 100.00']]);
    // September was billed ahead and October has billed itself: there is nothing left.
    expect(await close(SEPTEMBER)).toEqual(['empty']);
    expect(await close('2026-07')).toEqual(['issued']);
    expect(await costs(a)).toEqual({
      '2026-07': 10_000,
      '2026-08': 10_000,
      '2026-09': 10_000,
      '2026-10': 10_000,
      '2026-11': 10_000,
    });
  });

  it('sites that leave on the first are given back, and sites that were registered late are billed', async () => {
    await makePlan(closing.database, inAdvance('sites', '40.00', { per: 'customer_site_id' }));
    const of = (value: string, activeUntil: string | null = null) => {
      return {
        dimension: 'customer_site_id' as const,
        value,
        name: null,
        active_from: null,
        active_until: activeUntil,
      };
    };
    const seller = { seller: 'acme', external_id: 's' };
    const s = await makeAccount(closing.database, seller, 'sites', [of('1'), of('2')]);
    await close(AUGUST);
    expect(await billed(s, AUGUST)).toEqual([['2026-08 80.00', '2026-09 80.00']]);
    granted(await replaceEntities(closing.database, 'test', s, [of('1'), of('2', '2026-09-01')]));
    await close(SEPTEMBER);
    expect(await billed(s, SEPTEMBER)).toEqual([['2026-10 40.00', '2026-09 -40.00']]);
    granted(await replaceEntities(closing.database, 'test', s, [of('1'), of('2', '2026-09-01'), of('3')]));
    await close(OCTOBER);
    expect(await billed(s, OCTOBER)).toEqual([['2026-10 40.00', '2026-11 80.00']]);
  });

  it('two months issued at the same time bill no month twice', async () => {
    const accounts = await Promise.all(Array.from({ length: 12 }, (_, number) => account(`a${number}`)));
    await closing.run('acme', AUGUST, { review: true });
    const august = closing.lastClose();
    await closing.run('acme', SEPTEMBER, { review: true });
    const september = closing.lastClose();
    const workers = [closing.another(), closing.another()] as const;
    await Promise.all([workers[0].desk.release(august), workers[1].desk.release(september)]);
    await Promise.all([
      workers[0].work({ closeId: august, batch: 0 }),
      workers[1].work({ closeId: september, batch: 0 }),
    ]);
    for (const id of [august, september]) {
      const rows = await closing.retry(id);
      expect(rows.filter(({ state, reason }) => reason !== null || !['issued', 'drafted'].includes(state))).toEqual([]);
      await closing.closes.desk.release(id);
      await closing.closes.work({ closeId: id, batch: 0 });
    }
    for (const of of accounts)
      expect(await costs(of)).toEqual({ '2026-08': 10_000, '2026-09': 10_000, '2026-10': 10_000 });
  });

  it('a draft made before the month before was issued is not issued as it is', async () => {
    const a = await account();
    await closing.run('acme', SEPTEMBER, { review: true });
    const september = closing.lastClose();
    await close(AUGUST);
    await closing.closes.desk.release(september);
    await closing.closes.work({ closeId: september, batch: 0 });
    expect((await closing.retry(september)).map(endOf)).toEqual(['drafted']);
    await closing.closes.desk.release(september);
    await closing.closes.work({ closeId: september, batch: 0 });
    expect(await billed(a, SEPTEMBER)).toEqual([['2026-10 100.00']]);
  });

  it('a month issued while the one before is being voided does not count on what that billed ahead', async () => {
    const a = await account();
    await close(AUGUST);
    const [august] = await documents(a, AUGUST);
    await closing.run('acme', SEPTEMBER, { review: true });
    const september = closing.lastClose();
    await closing.closes.desk.release(september);
    // What sessions wait for is read outside the transaction that they wait for, which would see it once.
    const [session, watcher] = [1, 2].map(() => new pg.Client({ connectionString: closing.url })) as [
      pg.Client,
      pg.Client,
    ];
    await Promise.all([session.connect(), watcher.connect()]);
    const waiting = (count: number) =>
      eventually(async () => {
        const { rowCount } = await watcher.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        return rowCount === count;
      });
    // The void has decided what it takes back, and goes on when the table of corrections is free.
    await session.query('BEGIN; LOCK TABLE correction IN EXCLUSIVE MODE');
    const reason = { actor: 'test', reason: 'test' };
    const voided = closing.another().corrections.voidInvoice(august?.id ?? '', reason);
    await waiting(1);
    const issued = closing.another().work({ closeId: september, batch: 0 });
    await Promise.race([issued, waiting(2)]);
    await session.query('ROLLBACK');
    await Promise.all([session.end(), watcher.end()]);
    expect((await voided).outcome).toBe('issued');
    await issued;
    // It was told at once that its draft no longer holds, and bills its own month when it is retried.
    expect(await documents(a, SEPTEMBER)).toEqual([]);
    expect((await closing.retry(september)).map(endOf)).toEqual(['drafted']);
    await closing.closes.desk.release(september);
    await closing.closes.work({ closeId: september, batch: 0 });
    expect(await billed(a, SEPTEMBER)).toEqual([['2026-09 100.00', '2026-10 100.00']]);
  });

  describe('documents that were altered in the database', () => {
    /** Alters a document as the database's superuser can, with nothing that would refuse it. */
    async function alter(of: string, period: string, change: string): Promise<void> {
      const owner = new pg.Client({ connectionString: closing.url });
      await owner.connect();
      for (const table of ['invoice', 'invoice_inputs']) await owner.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
      const { rowCount } = await owner.query(change, [of, period]);
      await owner.end();
      expect(rowCount).toBe(1);
    }
    const FEE_AHEAD = `'{lines,1,derivation,basis,billing}'`;

    it.each([
      ['that it billed the month', `document = jsonb_set(document, ${FEE_AHEAD}, '"arrears"')`],
      ['all its lines', `document = document || '{"lines": []}'`],
      ['how many it billed', `document = jsonb_set(document, '{lines,1,derivation,basis,shares,0,count}', '5')`],
    ])('decide nothing: %s', async (_what, set) => {
      const [a, b] = [await account('a'), await account('b')];
      await close(AUGUST);
      await alter(a, AUGUST, `UPDATE invoice SET ${set} WHERE account_id = $1 AND period_label = $2`);
      expect(await close(SEPTEMBER)).toEqual(['failed document_altered', 'issued']);
      expect(await documents(a, SEPTEMBER)).toEqual([]);
      expect(await billed(b, SEPTEMBER)).toEqual([['2026-10 100.00']]);
    });

    it('decide nothing: a month that it never billed', async () => {
      await makePlan(closing.database, feePlan('arrears', '100.00'));
      const a = await account('a', 'arrears');
      await close(AUGUST);
      await alter(
        a,
        AUGUST,
        `UPDATE invoice SET document = jsonb_set(document, '{lines,1}', jsonb_set(jsonb_set(document->'lines'->0,
                '{derivation,basis,billing}', '"advance"'), '{segment,start}', document->'period'->'end'))
          WHERE account_id = $1 AND period_label = $2`,
      );
      expect(await close(SEPTEMBER)).toEqual(['failed document_altered']);
    });

    it('decide nothing: what the next document counted on', async () => {
      const a = await account();
      await close(AUGUST);
      await close(SEPTEMBER);
      await voidOnly(a, AUGUST);
      await alter(
        a,
        SEPTEMBER,
        `UPDATE invoice_inputs n SET inputs = n.inputs - 'advances' FROM invoice i
          WHERE i.id = n.invoice_id AND i.account_id = $1 AND i.period_label = $2`,
      );
      expect((await closing.run('acme', AUGUST, { dryRun: true })).map(endOf)).toEqual(['failed document_altered']);
    });

    it('leave no account out that they billed ahead and that has no subscription any more', async () => {
      const [a, b] = [await account('a'), await account('b')];
      await close(AUGUST);
      for (const each of [a, b]) await end(each, '2026-09-01');
      const set = `document = jsonb_set(document, ${FEE_AHEAD}, '"arrears"')`;
      await alter(a, AUGUST, `UPDATE invoice SET ${set} WHERE account_id = $1 AND period_label = $2`);
      expect(await close(SEPTEMBER)).toEqual(['failed document_altered', 'issued']);
      expect(await billed(b, SEPTEMBER)).toEqual([['2026-09 -100.00']]);
    });

    it('stop a draft whose month before was altered after it was rated', async () => {
      const a = await account();
      await close(AUGUST);
      await closing.run('acme', SEPTEMBER, { review: true });
      await alter(
        a,
        AUGUST,
        `UPDATE invoice SET document = document || '{"lines": []}' WHERE account_id = $1 AND period_label = $2`,
      );
      expect((await closing.issue(closing.lastClose())).map(endOf)).toEqual(['failed document_altered']);
    });
  });

  describe('evidence', () => {
    type Evidence = ReturnType<typeof invoiceEvidence>;
    async function evidenceOf(of: string, period: string): Promise<Evidence> {
      const [invoice] = await documents(of, period);
      const loaded = await loadInvoiceEvidence(closing.database, invoice?.id ?? '');
      if (!loaded) throw new Error('no evidence');
      return JSON.parse(JSON.stringify(invoiceEvidence(loaded))) as Evidence;
    }
    /** As it would stand with other advances, every hash made to fit. */
    function withAdvances({ facts, inputs, document, ...rest }: Evidence, advances: object | undefined): Evidence {
      const replaced = (of: object) => {
        const others = Object.fromEntries(Object.entries(of).filter(([member]) => member !== 'advances'));
        return advances ? { ...others, advances } : others;
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

    it('holds what was billed ahead, and an invoice follows from no other', async () => {
      const a = await account();
      await close(AUGUST);
      await end(a, '2026-09-01');
      await close(SEPTEMBER);
      for (const period of [AUGUST, SEPTEMBER]) {
        const evidence = await evidenceOf(a, period);
        expect(verifyInvoice(JSON.stringify(evidence))).toMatchObject({ outcome: 'valid', recomputed_from: 'usage' });
        expect(evidence.inputs).toMatchObject({ advances: evidence.facts.advances });
      }
      const evidence = await evidenceOf(a, SEPTEMBER);
      const twice = { billed: [{ planCode: 'old', version: 1, charge: 'fee', count: 2 }], counted: null };
      expect(verifyInvoice(JSON.stringify(withAdvances(evidence, twice)))).toMatchObject({
        outcome: 'invalid',
        path: expect.stringContaining('document.lines[0]'),
      });
    });

    it('that was kept before advances were is recomputed as it was', async () => {
      const a = await account();
      await close(AUGUST);
      await close(SEPTEMBER);
      const evidence = withAdvances(await evidenceOf(a, SEPTEMBER), undefined);
      expect(evidence.facts.advances).toBeUndefined();
      expect(verifyInvoice(JSON.stringify(evidence))).toMatchObject({ outcome: 'valid', recomputed_from: 'usage' });
    });
  });
});
