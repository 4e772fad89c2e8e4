import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { accountId } from '../../apps/report-simulator/src/index.js';
import { canonicalJson } from '#canonical-json';
import { type IssuedInvoice } from '#invoicing';
import { databaseNow, isRefusal } from '#persistence';
import { updateSeller } from '#persistence/catalogue';
import { documentsOfClose, type InvoiceView, listInvoices } from '#persistence/documents';
import { certifyNotes, findClose, listCorrections } from '#persistence/closes';
import { type SignedCertificate, verifyCertificates } from '#proof';
import { BYTES_PLAN, bytesOf, lateBytesOf, makeBytesAccount, PERIOD, SEED } from '../support/billed-bytes.js';
import { granted, makePlan, makeSeller, SECRET_KEY } from '../support/catalogue.js';
import { certificatesOf, certified, type Closing, startClosing } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { amount, halfUp } from '../support/expected-usage.js';

const FLEET = { accounts: 12, sites: 1, subscribers: 1 };
const VAT = [{ name: 'VAT', category: 'S' as const, rate: '19' }];

/** 19 %, rounded half-up to the cent. */
const vat = (net: bigint) => halfUp(net * 19n, 100n);

describe('notes that no close issues', () => {
  let closing: Closing;
  beforeEach(async () => {
    closing = await startClosing({ fleet: FLEET, seed: SEED });
    await makeSeller(closing.database, { code: 'acme' });
    await makePlan(closing.database, BYTES_PLAN);
  });
  afterEach(() => closing.stop());

  const newAccount = (leaf: number) => makeBytesAccount(closing.database, leaf, { taxes: VAT });
  const documents = (filter: { account?: string; close?: string } = {}) =>
    listInvoices(closing.database, { ...filter, limit: 200 });
  const invoiceOf = async (account: string) =>
    (await documents({ account })).findLast(({ corrects }) => corrects === null) as InvoiceView;

  const files = (closeId = closing.lastClose()) => certificatesOf(closing, closeId);
  const certificates = async (closeId?: string) => (await files(closeId)).map(certified);
  const latest = async () => (await certificates()).at(-1) as SignedCertificate['certificate'];

  /** Proposes what late usage comes to for an account, without issuing it. */
  async function propose(account: string): Promise<string> {
    closing.setLate(true);
    await closing.closes.corrections.confirm((await invoiceOf(account)).id);
    const [open] = await listCorrections(closing.database, { account, state: 'proposed', limit: 1 });
    return open?.id ?? '';
  }
  const issue = async (correction: string, by = closing.closes) =>
    granted(await by.corrections.issue(correction, 'test'));
  const takeBack = async (account: string) =>
    granted(
      await closing.closes.corrections.voidInvoice((await invoiceOf(account)).id, { actor: 'clerk', reason: 'wrong' }),
    );
  const hashOf = (issued: readonly IssuedInvoice[]) => {
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    return sha256(issued.map((each) => `${each.number} ${sha256(canonicalJson(each))}\n`).join(''));
  };

  it('call for the next revision of the certificate of the close that billed their period, once', async () => {
    const [corrected, taken] = [await newAccount(3), await newAccount(5)];
    await closing.run('acme', PERIOD);
    const billed = await invoiceOf(taken);
    // Stamps are whole seconds: the next revision is seen to be dated by itself and not by the end of the close.
    const ended = Date.parse((await findClose(closing.database, closing.lastClose()))?.finished_at ?? '') / 1_000;
    await eventually(async () => (await databaseNow(closing.database)) > ended || undefined);
    const debit = (await issue(await propose(corrected))).invoice;
    const credit = (await takeBack(taken)).invoice;
    const { finished_at } = (await findClose(closing.database, closing.lastClose())) ?? {};

    // A minute's notes make one revision.
    await closing.closes.sweep(60);
    expect(await certificates()).toHaveLength(1);
    await Promise.all(closing.processes(4).map((closes) => closes.sweep(0)));
    const [first, second, ...more] = await certificates();
    expect(more).toEqual([]);
    expect(verifyCertificates(await files())).toMatchObject({ outcome: 'valid' });
    expect(first).toMatchObject({
      issued_at: finished_at,
      documents: { count: 2 },
      notes: { count: 0, ranges: [], totals: [], taxes: [], sha256: createHash('sha256').update('').digest('hex') },
      voids: [],
    });
    const [late, back] = [lateBytesOf(3), -bytesOf(5)];
    // The tax of the debit note is what the whole comes to now, less what was billed.
    const tax = vat(bytesOf(3) + late) - vat(bytesOf(3)) - vat(bytesOf(5));
    expect(second).toEqual({
      ...first,
      revision: 2,
      previous_sha256: createHash('sha256')
        .update((await files())[0]?.text ?? '')
        .digest('hex'),
      issued_at: expect.stringMatching(/Z$/) as string,
      notes: {
        count: 2,
        ranges: [
          {
            ...{ kind: 'credit_note', fiscal_year: 2026, first_sequence: 1, last_sequence: 1, count: 1 },
            ...{ first: credit.number, last: credit.number },
          },
          {
            ...{ kind: 'debit_note', fiscal_year: 2026, first_sequence: 1, last_sequence: 1, count: 1 },
            ...{ first: debit.number, last: debit.number },
          },
        ],
        sha256: hashOf([credit, debit]),
        totals: [
          {
            ...{ currency: 'USD', documents: 2, rounding: '0.00', net: amount(late + back) },
            ...{
              tax: amount(tax),
              gross: amount(late + back + tax),
              payable: amount(late + back + tax),
            },
          },
        ],
        taxes: [
          {
            ...{ currency: 'USD', name: 'VAT', category: 'S', rate: '19' },
            ...{ base: amount(late + back), amount: amount(tax) },
          },
        ],
      },
      voids: [
        {
          ...{ account: taken, external_id: accountId(5), document: billed.number, note: credit.number },
          ...{ reason: 'wrong', actor: 'clerk', at: credit.issued_at },
        },
      ],
    });
    expect(Date.parse(second?.issued_at ?? '')).toBeGreaterThanOrEqual(Date.parse(credit.issued_at));
    expect((await findClose(closing.database, closing.lastClose()))?.finished_at).toBe(finished_at);
    await closing.closes.sweep(0);
    expect(await certificates()).toHaveLength(2);

    // What the archive of the close holds: what it issued, then the notes.
    const archived: string[] = [];
    for await (const { number } of documentsOfClose(closing.database, closing.lastClose())) archived.push(number);
    expect(archived).toEqual(['INV-2026-000001', 'INV-2026-000002', credit.number, debit.number]);
  });

  it('wait for a close that has not finished', async () => {
    const account = await newAccount(3);
    await closing.run('acme', PERIOD, { review: true });
    await closing.closes.desk.release(closing.lastClose());
    await closing.closes.work({ closeId: closing.lastClose(), batch: 0 });
    await newAccount(5);
    await closing.run('acme', PERIOD, { review: true });
    expect((await findClose(closing.database, closing.lastClose()))?.state).toBe('review');
    await issue(await propose(account));
    await closing.closes.sweep(0);
    // Also when it was finished a moment ago, as the sweep found it.
    await certifyNotes(closing.database, closing.lastClose(), () => Promise.reject(new Error('it runs')));
    expect((await certificates()).map(({ notes }) => notes?.count)).toEqual([0]);
    await closing.closes.desk.release(closing.lastClose());
    await closing.closes.work({ closeId: closing.lastClose(), batch: 1 });
    expect((await certificates()).map(({ notes, documents }) => [notes?.count, documents.count])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    await closing.closes.sweep(0);
    expect(await files()).toHaveLength(2);
    expect(verifyCertificates(await files()).outcome).toBe('valid');
  });

  it('are not those of a close of corrections, which has a certificate of its own', async () => {
    const [gathered, alone] = [await newAccount(3), await newAccount(5)];
    await closing.run('acme', PERIOD);
    const regular = closing.lastClose();
    // Issued and certified before there is a close of corrections: it is none of its notes.
    await issue(await propose(alone));
    await closing.closes.sweep(0);
    await propose(gathered);
    const opened = await closing.closes.desk.open({
      ...{ seller: 'acme', period: PERIOD, kind: 'correction', dryRun: false, issue: 'automatic', actor: 'test' },
    } as const);
    if (opened.outcome !== 'opened') throw new Error(`refused: ${opened.code}`);
    await closing.closes.work({ closeId: opened.id, batch: 0 });
    await closing.closes.sweep(0);
    expect((await certificates(regular)).map(({ notes }) => notes?.ranges)).toMatchObject([
      [],
      [{ first: 'DN-2026-000001', last: 'DN-2026-000001' }],
    ]);
    expect(await certificates(opened.id)).toMatchObject([
      { close: { kind: 'correction' }, documents: { count: 1, replaced: 0 }, notes: { count: 0 }, voids: [] },
    ]);
    for (const id of [regular, opened.id]) expect(verifyCertificates(await files(id)).outcome).toBe('valid');
  });

  it('stand on the revision of the close that bills a voided period anew, and call for no other', async () => {
    const account = await newAccount(3);
    await closing.run('acme', PERIOD);
    await takeBack(account);
    await closing.closes.desk.retry(closing.lastClose(), [account], 'test');
    await closing.closes.work({ closeId: closing.lastClose(), batch: 0 });
    await closing.closes.sweep(0);
    expect(
      (await certificates()).map(({ documents, notes, voids }) => [documents.replaced, notes?.count, voids]),
    ).toEqual([
      [0, 0, []],
      [1, 1, [expect.objectContaining({ document: 'INV-2026-000001', note: 'CN-2026-000001' })]],
    ]);
    expect(verifyCertificates(await files()).outcome).toBe('valid');
  });

  it('are each certified, and every revision adds up, while others are issued and workers sweep', async () => {
    const leaves = [0, 1, 2, 3, 5, 7, 8, 9];
    const accounts: string[] = [];
    for (const leaf of leaves) accounts.push(await newAccount(leaf));
    await closing.run('acme', PERIOD);
    const proposals: string[] = [];
    for (const account of accounts) proposals.push(await propose(account));
    const [issuing, sweeping] = [closing.processes(4), closing.processes(3)];
    let issued = 0;
    const issuers = issuing.map(async (closes, worker) => {
      for (const [index, proposal] of proposals.entries()) {
        if (index % 4 !== worker) continue;
        const note = await closes.corrections.issue(proposal, 'test');
        expect(isRefusal(note)).toBe(false);
        issued += 1;
      }
    });
    const sweepers = sweeping.map(async (closes) => {
      while (issued < proposals.length) await closes.sweep(0);
    });
    await Promise.all([...issuers, ...sweepers]);
    await closing.closes.sweep(0);
    const counts = (await certificates()).map(({ notes }) => notes?.count ?? 0);
    expect(counts.at(-1)).toBe(leaves.length);
    expect(counts.length).toBeGreaterThan(2);
    expect(counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0))).toBe(true);
    expect(verifyCertificates(await files()).outcome).toBe('valid');
    expect((await latest()).notes?.totals).toMatchObject([
      { documents: leaves.length, net: amount(leaves.reduce((sum, leaf) => sum + lateBytesOf(leaf), 0n)) },
    ]);
  });

  it('name a document with another prefix in one run of numbers, and the certificate is valid', async () => {
    await newAccount(3);
    await closing.run('acme', PERIOD);
    granted(await updateSeller(closing.database, 'test', 'acme', { invoice_prefix: 'AC' }, SECRET_KEY));
    const renamed = await newAccount(5);
    await closing.run('acme', PERIOD);
    await takeBack(renamed);
    await closing.closes.sweep(0);
    const { documents: certified, voids } = await latest();
    expect(certified.ranges).toMatchObject([
      { first: 'INV-2026-000001', last: 'INV-2026-000001', count: 1 },
      { first: 'AC-2026-000002', last: 'AC-2026-000002', count: 1 },
    ]);
    expect(voids).toMatchObject([{ document: 'AC-2026-000002' }]);
    expect(verifyCertificates(await files())).toMatchObject({ outcome: 'valid' });
  });

  it('that were tampered with are found out by what contradicts them, whoever signs', async () => {
    const [corrected, taken] = [await newAccount(3), await newAccount(5)];
    await closing.run('acme', PERIOD);
    await issue(await propose(corrected));
    await takeBack(taken);
    await closing.closes.sweep(0);
    const body = await latest();
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const resigned = (certificate: SignedCertificate['certificate']) =>
      JSON.stringify({
        certificate,
        signature: {
          algorithm: 'Ed25519',
          key_id: createHash('sha256')
            .update(publicKey.export({ type: 'spki', format: 'der' }))
            .digest('hex'),
          public_key: publicKey.export({ type: 'spki', format: 'pem' }),
          value: sign(null, Buffer.from(canonicalJson(certificate)), privateKey).toString('base64'),
        },
      });
    type Notes = NonNullable<typeof body.notes>;
    const named = (tamper: (copy: typeof body, notes: Notes) => void) => {
      const copy = structuredClone(body);
      tamper(copy, copy.notes as Notes);
      const verdict = verifyCertificates([{ name: 'tampered', text: resigned(copy) }]);
      return verdict.outcome === 'invalid' ? verdict.pointer : verdict.outcome;
    };
    expect(named(() => undefined)).toBe('valid');
    expect([
      named((_, notes) => (notes.count = 3)),
      named((_, notes) => Object.assign(notes.ranges[0] ?? {}, { last_sequence: 2 })),
      named((_, notes) => Object.assign(notes.ranges[0] ?? {}, { kind: 'invoice' })),
      named((_, notes) => Object.assign(notes.totals[0] ?? {}, { gross: '0.01' })),
      named((_, notes) => Object.assign(notes.taxes[0] ?? {}, { amount: '0.01' })),
      named((copy) => Object.assign(copy.voids?.[0] ?? {}, { note: 'CN-2026-000002' })),
      named((copy) => Object.assign(copy.voids?.[0] ?? {}, { document: 'INV-2026-000003' })),
      named((copy) => Object.assign(copy.voids?.[0] ?? {}, { document: 'AC-2026-000001' })),
      named((copy) => Object.assign(copy, { voids: [...(copy.voids ?? []), ...(copy.voids ?? [])] })),
      named((copy) => Object.assign(copy.close, { kind: 'correction' })),
      named((copy) => {
        copy.documents.replaced = 2;
        copy.accounts.total = 0;
        copy.accounts.by_state.issued = 0;
      }),
      named((copy) => {
        const own = {
          kind: 'debit_note',
          fiscal_year: 2026,
          first: 'DN-2026-000001',
          last: 'DN-2026-000001',
          count: 1,
        };
        copy.documents.ranges = [{ ...own, first_sequence: 1, last_sequence: 1 }, ...copy.documents.ranges];
        copy.documents.count = 3;
        copy.accounts.by_state.issued = 3;
        copy.accounts.total = 3;
        Object.assign(copy.totals[0] ?? {}, { documents: 3 });
      }),
      named((copy) => delete copy.notes),
    ]).toEqual([
      '/certificate/notes/count',
      '/certificate/notes/ranges/0/count',
      '/certificate/notes/ranges/0/kind',
      '/certificate/notes/totals/0/gross',
      '/certificate/notes/totals/0/tax',
      '/certificate/voids/0/note',
      '/certificate/voids/0/document',
      '/certificate/voids/0/document',
      '/certificate/voids/1',
      '/certificate/notes/count',
      '/certificate/documents/replaced',
      '/certificate/notes/ranges/1/first_sequence',
      '/certificate/notes',
    ]);
  });
});
