import { createHash } from 'node:crypto';
import pg from 'pg';
import { accountId, customerSiteId, type FaultRule } from '../../apps/report-simulator/src/index.js';
import { type Closes } from '#close';
import { type Catalogue, documentSha256, isRefusal } from '#persistence';
import { replaceEntities, updateAccount, updateSeller } from '#persistence/catalogue';
import { loadSnapshots } from '#persistence/ledger';
import {
  type InvoiceView,
  listConfirmingPulls,
  listDrafts,
  listInvoices,
  loadDocument,
  loadIssued,
  requestConfirmingPull,
} from '#persistence/documents';
import {
  type CorrectionView,
  dismissCorrection,
  findCertificate,
  findClose,
  listCloseAccounts,
  listCorrections,
  proposeCorrection,
} from '#persistence/closes';
import { type SignedCertificate, verifyCertificates } from '#proof';
import { AUGUST, BYTES_PLAN, bytesOf, lateBytesOf, makeBytesAccount, PERIOD, SEED } from '../support/billed-bytes.js';
import {
  granted,
  makeAccount,
  makePlan,
  makeSeller,
  PERCENTILE_95,
  planOf,
  SECRET_KEY,
  usageCharge,
} from '../support/catalogue.js';
import { type Closing, LATE, startClosing } from '../support/closing.js';
import {
  activeSeconds,
  amount,
  cents,
  halfUp,
  nearestRank,
  quarterBytes,
  scaled,
  windowsOwned,
} from '../support/expected-usage.js';
import { settled, startService, type TestService } from '../support/service.js';
import { eventually } from '../support/eventually.js';

const FLEET = { accounts: 300, sites: 1, subscribers: 1 };

/** One leaf is one site of one subscriber; of these the 95th percentile of August changes when the late usage shows. */
const LATE_CHANGES_PERCENTILE = [27, 75] as const;

const VAT = [{ name: 'VAT', category: 'S' as const, rate: '19' }];

const address = (city: string) => ({
  line1: '1 Test Street',
  line2: null,
  city,
  region: null,
  postal_code: '10000',
  country: 'US',
});

/** 100.00 a kbps of the 95th percentile. */
const BURST_PLAN = planOf(
  'burst',
  { code: 'platform', name: 'Platform', type: 'recurring', amount: '10.00' },
  usageCharge('burst', { ...PERCENTILE_95, direction: 'downlink', unit: 'kbps' }, '100.00'),
);

/** An account of one leaf, which pays for its percentile. */
const makeBurstAccount = (database: Catalogue, leaf: number, over: object = {}) =>
  makeAccount(database, { seller: 'acme', external_id: accountId(leaf), ...over }, 'burst', [
    { dimension: 'customer_site_id', value: customerSiteId(FLEET, leaf, 0) },
  ]);

/** Cents of the burst charge of a leaf, sorted out of every window by the formula of the traffic. */
function burstOf(leaf: number, late: boolean): bigint {
  const samples = windowsOwned(AUGUST.start, AUGUST.end, 86_400).map((window) => {
    const more = late && window % 1009 === leaf % 1009 ? 4n * 4096n : 0n;
    const quarters = quarterBytes(leaf, window, 'down', SEED) + more;
    return scaled(((Number(quarters) / 4) * 8) / 1e6 / Number(activeSeconds(window)));
  });
  // 10^-30 Mbps; 100.00 a kbps is 10^7 cents a Mbps.
  return halfUp(nearestRank(samples, 95) * 10_000_000n, 10n ** 30n);
}

describe('corrections of issued invoices', () => {
  let closing: Closing;
  beforeEach(async () => {
    closing = await startClosing({ fleet: FLEET, seed: SEED });
    await makePlan(closing.database, BYTES_PLAN);
    await makePlan(closing.database, BURST_PLAN);
  });
  afterEach(() => closing.stop());

  /** In the order of issue; of those that were issued in one second, an invoice before its notes. */
  const documents = async (account?: string) =>
    (await listInvoices(closing.database, { account, limit: 200 })).sort((a, b) => a.revision - b.revision);
  const corrections = (account?: string) => listCorrections(closing.database, { account, limit: 200 });

  const burstAccount = (leaf: number, over?: object) => makeBurstAccount(closing.database, leaf, over);
  const bytesAccount = (leaf: number, over?: object) => makeBytesAccount(closing.database, leaf, over);

  /** Closes August and answers its invoices in the order of their numbers. */
  async function closeMonth(): Promise<InvoiceView[]> {
    const accounts = await closing.run('acme', PERIOD);
    expect(accounts.map(({ state }) => state)).toEqual(accounts.map(() => 'issued'));
    return documents();
  }

  const only = <T>(items: readonly T[]): T => {
    expect(items).toHaveLength(1);
    return items[0] as T;
  };

  /** Everything that is stored about an issued document and its PDF, as text. */
  async function stored(id: string): Promise<string> {
    const rows = await closing.database.$queryRaw<unknown[]>`
      SELECT i.*::text AS invoice, n.inputs::text AS inputs, encode(d.bytes, 'hex') AS pdf,
             (SELECT string_agg(l::text, '|' ORDER BY l.position) FROM invoice_line l WHERE l.invoice_id = i.id) AS lines,
             (SELECT string_agg(t::text, '|' ORDER BY t.position) FROM invoice_tax t WHERE t.invoice_id = i.id) AS taxes
        FROM invoice i JOIN invoice_inputs n ON n.invoice_id = i.id JOIN stored_document d ON d.invoice_id = i.id
       WHERE i.id = ${id}::uuid`;
    return JSON.stringify(only(rows));
  }

  interface Pinned {
    account: { taxes: object[] };
    subscriptions: object[];
    versions: object[];
  }

  /** As if an earlier release had issued a document by facts that this one does not rate. */
  async function changePinned(id: string, change: (inputs: Pinned) => void): Promise<void> {
    const owner = new pg.Client({ connectionString: closing.url });
    await owner.connect();
    try {
      const { rows } = await owner.query<{ inputs: Pinned }>(
        'SELECT inputs FROM invoice_inputs WHERE invoice_id = $1',
        [id],
      );
      const { inputs } = only(rows);
      change(inputs);
      // As if the document had been issued by these facts: its hash of them, and the hashes of itself, go with them.
      const issued = await owner.query<{ document: object }>('SELECT document FROM invoice WHERE id = $1', [id]);
      const inputsHash = documentSha256(inputs);
      const document = { ...only(issued.rows).document, inputs_hash: inputsHash };
      const tables = ['invoice_inputs', 'invoice', 'audit_event'];
      for (const table of tables) await owner.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
      await owner.query('UPDATE invoice_inputs SET inputs = $2 WHERE invoice_id = $1', [id, JSON.stringify(inputs)]);
      await owner.query('UPDATE invoice SET document = $2, inputs_hash = $3, document_sha256 = $4 WHERE id = $1', [
        id,
        JSON.stringify(document),
        inputsHash,
        documentSha256(document),
      ]);
      await owner.query(
        `UPDATE audit_event SET data = data || jsonb_build_object('sha256', $2::text)
          WHERE subject = 'invoice:' || $1 AND action = 'invoice.issued'`,
        [id, documentSha256(document)],
      );
      for (const table of tables) await owner.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
    } finally {
      await owner.end();
    }
  }

  const total = (items: readonly { net: string }[]) => items.reduce((sum, { net }) => sum + cents(net), 0n);

  it.each([
    { name: 'raises', leaf: LATE_CHANGES_PERCENTILE[0], first: false, kind: 'debit_note', number: 'DN-2026-000001' },
    { name: 'lowers', leaf: LATE_CHANGES_PERCENTILE[1], first: true, kind: 'credit_note', number: 'CN-2026-000001' },
  ])(
    'a late pull that $name a percentile gives one $kind, however often and by however many it is pulled and issued',
    async ({ leaf, first, kind, number }) => {
      await makeSeller(closing.database, { code: 'acme' });
      const account = await burstAccount(leaf);
      closing.setLate(first);
      const original = only(await closeMonth());
      expect(cents(original.net)).toBe(1_000n + burstOf(leaf, first));
      const before = await stored(original.id);

      closing.setLate(!first);
      const workers = closing.processes(4);
      const pulled = await Promise.all(
        [...workers, ...workers].map((closes) => closes.corrections.confirm(original.id)),
      );
      expect(new Set(pulled.map(({ outcome }) => outcome))).toEqual(new Set(['proposed']));
      const delta = burstOf(leaf, !first) - burstOf(leaf, first);
      expect(delta).not.toBe(0n);
      const proposal = only(await corrections(account));
      expect(proposal).toMatchObject({ state: 'proposed', kind, cause: 'usage', net: amount(delta) });
      expect(proposal.lines.map((line) => [line.charge, line.amount])).toEqual([['burst', amount(delta)]]);
      expect(await documents()).toHaveLength(1);

      const decided = await Promise.all(workers.map((closes) => closes.corrections.issue(proposal.id, 'test')));
      expect(decided.map((each) => (isRefusal(each) ? each.code : each.outcome)).sort()).toEqual([
        'correction_not_open',
        'correction_not_open',
        'correction_not_open',
        'issued',
      ]);
      const [, note, ...more] = await documents(account);
      expect(more).toEqual([]);
      expect(note).toMatchObject({
        kind,
        number,
        revision: 2,
        net: amount(delta),
        corrects: { id: original.id, number: original.number },
      });
      expect(await loadDocument(closing.database, note?.id ?? '', 'pdf')).toBeDefined();
      expect(await corrections(account)).toMatchObject([{ state: 'issued', invoice: note?.id, decided_by: 'test' }]);

      const again = await Promise.all(workers.map((closes) => closes.corrections.confirm(original.id)));
      expect(new Set(again.map(({ outcome }) => outcome))).toEqual(new Set(['equal']));
      expect(await documents()).toHaveLength(2);
      expect(await stored(original.id)).toBe(before);
      const status = (await documents())[0]?.status;
      expect(status).toBe(kind === 'credit_note' ? 'credited' : 'issued');
    },
  );

  it('late bytes are charged by what they add, at the price and the tax of the original', async () => {
    await makeSeller(closing.database, { code: 'acme', payable_rounding: '1' });
    const account = await bytesAccount(3, { taxes: [{ name: 'Tax', category: 'S', rate: '10.25' }] });
    const original = only(await closeMonth());
    expect(cents(original.net)).toBe(bytesOf(3));

    closing.setLate(true);
    const { corrections: after } = closing.closes;
    expect(await after.confirm(original.id)).toMatchObject({ outcome: 'proposed' });
    const proposal = only(await corrections(account));
    granted(await after.issue(proposal.id, 'test'));
    const [, note] = await documents(account);
    // Nine windows of leaf 3 in August have w mod 1009 = 3: 9 × 2 × 4096 bytes, a cent each.
    expect(lateBytesOf(3)).toBe(9n * 2n * 4096n);
    const tax = halfUp((bytesOf(3) + lateBytesOf(3)) * 1025n, 10_000n) - halfUp(bytesOf(3) * 1025n, 10_000n);
    expect(note).toMatchObject({ kind: 'debit_note', net: '737.28', tax: amount(tax) });
    expect(note?.taxes).toEqual([
      { name: 'Tax', category: 'S', rate: '10.25', base: '737.28', amount: amount(tax), exemption_reason: null },
    ]);
    const all = await documents(account);
    const sum = (of: 'gross' | 'payable') => all.reduce((minor, each) => minor + cents(each[of]), 0n);
    const gross = bytesOf(3) + lateBytesOf(3) + halfUp((bytesOf(3) + lateBytesOf(3)) * 1025n, 10_000n);
    expect(sum('gross')).toBe(gross);
    expect(sum('payable')).toBe(halfUp(gross, 100n) * 100n);
  });

  it('a second and a third late change are corrected against everything issued before', async () => {
    await makeSeller(closing.database, { code: 'acme', settings: { corrections: 'automatic' } });
    const account = await bytesAccount(0);
    const original = only(await closeMonth());
    const bytes = bytesOf(0);
    const changes: [FaultRule[], bigint][] = [
      [LATE, bytes + lateBytesOf(0)],
      [[{ fault: 'bytes_x8' }], 8n * bytes],
      [[], bytes],
      [LATE, bytes + lateBytesOf(0)],
    ];
    for (const [faults, expected] of changes) {
      closing.simulator.setFaults(faults);
      const workers = closing.processes(2);
      await Promise.all(
        workers.map((closes) =>
          closes.corrections.confirm(original.id).catch((error: { code: string }) => {
            // Another one has issued the note while we were computing it.
            expect(error.code).toBe('confirmation_overtaken');
          }),
        ),
      );
      expect(total(await documents(account))).toBe(expected);
    }
    const notes = await documents(account);
    expect(notes.map(({ number, revision }) => [number, revision])).toEqual([
      [original.number, 1],
      ['DN-2026-000001', 2],
      ['DN-2026-000002', 3],
      ['CN-2026-000001', 4],
      ['DN-2026-000003', 5],
    ]);
    expect(new Set(notes.slice(1).map(({ corrects }) => corrects?.number))).toEqual(new Set([original.number]));
    expect(await corrections(account)).toMatchObject(
      notes.slice(1).map(({ id }) => ({ state: 'issued', invoice: id })),
    );
  });

  it('what was edited after the issue does not reach the note', async () => {
    await makeSeller(closing.database, { code: 'acme', address: address('Oldtown') });
    const [leaf] = LATE_CHANGES_PERCENTILE;
    const account = await burstAccount(leaf, { taxes: [{ name: 'Tax', category: 'S', rate: '10' }] });
    const original = only(await closeMonth());

    granted(
      await updateSeller(
        closing.database,
        'test',
        'acme',
        { name: 'Renamed', address: address('Newtown'), rounding: 'half_even', payable_rounding: '1' },
        SECRET_KEY,
      ),
    );
    granted(
      await updateAccount(
        closing.database,
        'test',
        account,
        { name: 'Renamed too', taxes: [{ name: 'VAT', category: 'S', rate: '50' }] },
        SECRET_KEY,
      ),
    );
    const entities = [leaf, leaf + 1].map((site) => ({
      dimension: 'customer_site_id' as const,
      value: customerSiteId(FLEET, site, 0),
      name: 'later',
      active_from: null,
      active_until: null,
    }));
    granted(await replaceEntities(closing.database, 'test', account, entities));

    closing.setLate(true);
    await closing.closes.corrections.confirm(original.id);
    granted(await closing.closes.corrections.issue(only(await corrections()).id, 'test'));
    const [, note] = await documents();
    const delta = burstOf(leaf, true) - burstOf(leaf, false);
    expect(note).toMatchObject({
      net: amount(delta),
      supplier: { name: 'Seller acme', address: { city: 'Oldtown' } },
      customer: { name: original.customer.name },
      taxes: [{ name: 'Tax', rate: '10', base: amount(delta) }],
      rounding: '0.00',
    });
    expect(note?.lines).toHaveLength(1);
  });

  it('keeps with each document what its inputs_hash is the hash of, and lets nobody change it', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await bytesAccount(0);
    const original = only(await closeMonth());
    closing.setLate(true);
    await closing.closes.corrections.confirm(original.id);
    const proposal = only(await corrections());
    granted(await closing.closes.corrections.issue(proposal.id, 'test'));
    const rows = await closing.database.$queryRaw<
      { inputs: object; hash: string; document: { inputs_hash: string } }[]
    >`
      SELECT n.inputs, i.inputs_hash AS hash, i.document FROM invoice i JOIN invoice_inputs n ON n.invoice_id = i.id`;
    expect(rows).toHaveLength(2);
    for (const { inputs, hash, document } of rows) {
      expect(documentSha256(inputs)).toBe(hash);
      expect(document.inputs_hash).toBe(hash);
    }
    for (const change of [
      `UPDATE invoice_inputs SET inputs = '{}'`,
      `DELETE FROM invoice_inputs`,
      `UPDATE correction SET document = '{}'`,
      `DELETE FROM correction`,
    ]) {
      await expect(closing.database.$executeRawUnsafe(change)).rejects.toThrow(/denied|refused/);
    }
  });

  it('usage that differs in no amount proposes nothing', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    // Nine of its samples change, the ranked one does not.
    const leaf = 1;
    expect(burstOf(leaf, true)).toBe(burstOf(leaf, false));
    await burstAccount(leaf);
    const original = only(await closeMonth());
    closing.setLate(true);
    expect(await closing.closes.corrections.confirm(original.id)).toEqual({ outcome: 'no_difference' });
    expect(await corrections()).toEqual([]);
    const [windows] = await closing.database.$queryRaw<{ revisions: number }[]>`
      SELECT max(revision) AS revisions FROM usage_snapshot`;
    expect(windows).toEqual({ revisions: 2 });
  });

  it('a dismissed proposal stays dismissed; one that was superseded comes back with its usage', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    const account = await bytesAccount(0);
    const original = only(await closeMonth());
    const { corrections: after } = closing.closes;
    const states = async () => (await corrections(account)).map(({ state, net }) => [state, net]);
    const late = amount(lateBytesOf(0));
    const eightfold = amount(7n * bytesOf(0));

    closing.setLate(true);
    await after.confirm(original.id);
    closing.simulator.setFaults([{ fault: 'bytes_x8' }]);
    await after.confirm(original.id);
    expect(await states()).toEqual([
      ['superseded', late],
      ['proposed', eightfold],
    ]);
    const wrong = (await corrections(account))[1]?.id ?? '';
    granted(await dismissCorrection(closing.database, wrong, { actor: 'test', reason: 'a fault of the vendor' }));
    expect(await after.confirm(original.id)).toMatchObject({ outcome: 'proposed', state: 'dismissed' });
    expect(await after.issue(wrong, 'test')).toMatchObject({ code: 'correction_not_open' });
    expect(await dismissCorrection(closing.database, wrong, { actor: 'test', reason: 'again' })).toMatchObject({
      code: 'correction_not_open',
    });

    closing.setLate(true);
    await after.confirm(original.id);
    expect(await states()).toEqual([
      ['proposed', late],
      ['dismissed', eightfold],
    ]);
    // Usage came back to what was billed: nothing is to be corrected.
    closing.setLate(false);
    expect(await after.confirm(original.id)).toEqual({ outcome: 'equal' });
    expect(await states()).toEqual([
      ['superseded', late],
      ['dismissed', eightfold],
    ]);
    expect(await documents()).toHaveLength(1);
  });

  it('is held like a close by answers that contradict each other, which are kept, and by a key that is missing', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await burstAccount(0);
    const original = only(await closeMonth());
    closing.simulator.setFaults([{ fault: 'rates_x1000' }]);
    expect(await closing.closes.corrections.confirm(original.id)).toMatchObject({
      outcome: 'held',
      reason: { code: 'rates_disagree_with_bytes' },
    });
    const evidence = await closing.database.$queryRaw<{ outcome: string; code: string; families: string }[]>`
      SELECT outcome, code, string_agg(DISTINCT family, ' ') AS families FROM usage_evidence GROUP BY outcome, code`;
    expect(evidence).toEqual([
      { outcome: 'held', code: 'rates_disagree_with_bytes', families: 'bandwidth bytes time' },
    ]);

    closing.simulator.setFaults([]);
    const elsewhere = { base_url: 'http://127.0.0.2:1', api_key: null };
    await updateSeller(closing.database, 'test', 'acme', { report_api: elsewhere }, SECRET_KEY);
    expect(await closing.closes.corrections.confirm(original.id)).toMatchObject({
      outcome: 'held',
      reason: { code: 'report_api_key_missing' },
    });
    expect(await corrections()).toEqual([]);
  });

  it('does not issue what newer usage contradicts', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await bytesAccount(0);
    const original = only(await closeMonth());
    closing.setLate(true);
    await closing.closes.corrections.confirm(original.id);
    const proposal = only(await corrections());
    // An answer without a bucket is kept as usage that was pulled, and cannot be rated.
    closing.simulator.setFaults([{ fault: 'missing_bucket' }]);
    expect(await closing.closes.corrections.confirm(original.id)).toMatchObject({
      outcome: 'held',
      reason: { code: 'missing_buckets' },
    });
    expect(await closing.closes.corrections.issue(proposal.id, 'test')).toMatchObject({
      code: 'correction_superseded',
    });
    expect(await documents()).toHaveLength(1);

    closing.setLate(true);
    await closing.closes.corrections.confirm(original.id);
    expect(only(await corrections())).toMatchObject({ id: proposal.id, state: 'proposed' });
    granted(await closing.closes.corrections.issue(proposal.id, 'test'));
    expect((await documents()).map(({ number }) => number)).toEqual(['INV-2026-000001', 'DN-2026-000001']);
  });

  it('is issued or dismissed, never both, when two operators decide at once', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    for (let leaf = 0; leaf < 8; leaf += 1) await bytesAccount(leaf);
    const invoices = await closeMonth();
    closing.setLate(true);
    for (const { id } of invoices) await closing.closes.corrections.confirm(id);
    const decided = await Promise.all(
      (await corrections()).flatMap(({ id }) => [
        closing.closes.corrections.issue(id, 'test'),
        dismissCorrection(closing.database, id, { actor: 'test', reason: 'x' }),
      ]),
    );
    const codes = decided.map((each) => (isRefusal(each) ? each.code : 'done')).sort();
    expect(codes).toEqual([...invoices.map(() => 'correction_not_open'), ...invoices.map(() => 'done')]);
    const issued = (await corrections()).filter(({ state }) => state === 'issued');
    const notes = (await documents()).filter(({ kind }) => kind === 'debit_note');
    expect(notes.map(({ number }) => number).sort()).toEqual(
      issued.map((_, index) => `DN-2026-${String(index + 1).padStart(6, '0')}`),
    );
  });

  it('does not propose what was computed before another note, or from usage that another pull has replaced', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    await bytesAccount(0);
    const { id } = only(await closeMonth());
    closing.setLate(true);
    await closing.closes.corrections.confirm(id);
    granted(await closing.closes.corrections.issue(only(await corrections()).id, 'test'));
    const original = await loadIssued(closing.database, id);
    if (!original) throw new Error('the invoice vanished');
    const of = { accountId: original.account, periodLabel: PERIOD };
    const snapshots = await loadSnapshots(closing.database, of);
    const draft = { ...original, status: 'draft' as const, revision: 3 };
    const proposal = { original, baseRevision: 2, snapshots, dialectSha256: 'x', draft };
    expect(await proposeCorrection(closing.database, { ...proposal, baseRevision: 1 })).toEqual({
      outcome: 'overtaken',
    });
    const older = snapshots.map((snapshot) => ({ ...snapshot, valuesSha256: 'replaced' }));
    expect(await proposeCorrection(closing.database, { ...proposal, snapshots: older })).toEqual({
      outcome: 'overtaken',
    });
    expect(await corrections()).toHaveLength(1);
    expect(await proposeCorrection(closing.database, proposal)).toMatchObject({ outcome: 'proposed' });
  });

  it('a void takes back invoice and notes to 0.00 in every total and tax group, once', async () => {
    await makeSeller(closing.database, { code: 'acme', payable_rounding: '0.05' });
    const account = await bytesAccount(3, { taxes: [{ name: 'Tax', category: 'S', rate: '10.25' }] });
    const original = only(await closeMonth());
    const { corrections: after } = closing.closes;
    closing.setLate(true);
    await after.confirm(original.id);
    granted(await after.issue(only(await corrections()).id, 'test'));
    closing.simulator.setFaults([{ fault: 'bytes_x8' }]);
    await after.confirm(original.id);

    const [, debit] = await documents();
    expect(await after.voidInvoice(debit?.id ?? '', { actor: 'test', reason: 'x' })).toMatchObject({
      code: 'not_an_original',
    });
    const asked = await Promise.all(
      closing
        .processes(4)
        .map((closes) => closes.corrections.voidInvoice(original.id, { actor: 'test', reason: 'wrong customer' })),
    );
    expect(asked.map((each) => (isRefusal(each) ? each.code : each.outcome)).sort()).toEqual([
      'invoice_voided',
      'invoice_voided',
      'invoice_voided',
      'issued',
    ]);
    const all = await documents(account);
    expect(all.map(({ number, status }) => [number, status])).toEqual([
      ['INV-2026-000001', 'voided'],
      ['DN-2026-000001', 'voided'],
      ['CN-2026-000001', 'issued'],
    ]);
    for (const member of ['net', 'tax', 'gross', 'rounding', 'payable'] as const) {
      expect([member, all.reduce((sum, each) => sum + cents(each[member]), 0n)]).toEqual([member, 0n]);
    }
    const taxes = all.flatMap((each) => each.taxes);
    expect(taxes.reduce((sum, { base }) => sum + cents(base), 0n)).toBe(0n);
    expect((await corrections()).map(({ cause, state, reason }) => [cause, state, reason])).toEqual([
      ['usage', 'issued', null],
      ['usage', 'superseded', null],
      ['void', 'issued', 'wrong customer'],
    ]);
    const { requests } = closing.simulator.counters();
    expect(await after.confirm(original.id)).toEqual({ outcome: 'voided' });
    expect(closing.simulator.counters().requests).toBe(requests);
    expect(await requestConfirmingPull(closing.database, original.id, 'test')).toMatchObject({
      code: 'invoice_voided',
    });
    expect(await documents()).toHaveLength(3);
  });

  it('numbers the notes of many accounts without gap, in the order of time, whoever issues them', async () => {
    await makeSeller(closing.database, { code: 'acme' });
    const leaves = Array.from({ length: 16 }, (_, leaf) => leaf);
    for (const leaf of leaves) await bytesAccount(leaf);
    closing.setLate(true);
    const invoices = await closeMonth();
    closing.setLate(false);
    const workers = closing.processes(4);
    await Promise.all(invoices.map(({ id }, index) => workers[index % 4]?.corrections.confirm(id)));
    const proposals = await corrections();
    expect(proposals).toHaveLength(16);
    await Promise.all(proposals.map(({ id }, index) => workers[index % 4]?.corrections.issue(id, 'test')));
    const notes = (await documents())
      .filter(({ kind }) => kind === 'credit_note')
      .sort((a, b) => (a.number < b.number ? -1 : 1));
    expect(notes.map(({ number }) => number)).toEqual(
      leaves.map((leaf) => `CN-2026-${String(leaf + 1).padStart(6, '0')}`),
    );
    const stamps = notes.map(({ issued_at }) => issued_at);
    expect([...stamps].sort()).toEqual(stamps);
    expect(total(notes)).toBe(-leaves.reduce((sum, leaf) => sum + lateBytesOf(leaf), 0n));
  });

  describe('confirming pulls', () => {
    const dueNow = (invoiceId: string) => closing.database.$executeRaw`
      UPDATE confirming_pull SET next_attempt_at = clock_timestamp()
       WHERE id = (SELECT id FROM confirming_pull WHERE invoice_id = ${invoiceId}::uuid AND done_at IS NULL
                    ORDER BY due_at LIMIT 1)`;

    it('are due 24 hours, 7 and 30 days after issue, where anything was pulled', async () => {
      await makeSeller(closing.database, { code: 'acme' });
      await bytesAccount(0);
      await makePlan(closing.database, { ...BURST_PLAN, code: 'fee', charges: BURST_PLAN.charges.slice(0, 1) });
      await makeAccount(closing.database, { seller: 'acme', external_id: 'pays a fee' }, 'fee');
      for (const { id, issued_at, lines } of await closeMonth()) {
        const issued = Date.parse(issued_at) / 3_600_000;
        const due = (await listConfirmingPulls(closing.database, id)).map(
          ({ due_at }) => Date.parse(due_at) / 3_600_000,
        );
        expect(due.map((hours) => hours - issued)).toEqual(lines[0]?.charge === 'traffic' ? [24, 168, 720] : []);
      }
      const requests = closing.simulator.counters().requests;
      expect(await closing.closes.corrections.confirmDue()).toBe(false);
      expect(closing.simulator.counters().requests).toBe(requests);
    });

    it('are taken once by four workers, find the difference and stop asking when it is issued by setting', async () => {
      await makeSeller(closing.database, { code: 'acme', settings: { corrections: 'automatic' } });
      const leafOf = new Map<string, number>();
      for (let leaf = 0; leaf < 6; leaf += 1) leafOf.set(await bytesAccount(leaf), leaf);
      const invoices = await closeMonth();
      closing.setLate(true);
      for (const { id } of invoices) await dueNow(id);
      const before = closing.simulator.counters().requests;
      const takeAll = async ({ corrections: after }: Closes): Promise<void> => {
        while (await after.confirmDue(1));
      };
      await Promise.all(closing.processes(4).map(takeAll));
      const perPull = (closing.simulator.counters().requests - before) / invoices.length;
      expect(Number.isInteger(perPull)).toBe(true);
      for (const { id, account } of invoices) {
        const leaf = leafOf.get(account) ?? -1;
        const [first, second] = await listConfirmingPulls(closing.database, id);
        expect([first?.outcome, first?.attempts, second?.outcome]).toEqual(['proposed', 1, null]);
        expect(total(await documents(account))).toBe(bytesOf(leaf) + lateBytesOf(leaf));
      }
      const notes = (await documents()).filter(({ kind }) => kind === 'debit_note').map(({ number }) => number);
      expect(notes.sort()).toEqual([1, 2, 3, 4, 5, 6].map((sequence) => `DN-2026-00000${sequence}`));

      for (const { id } of invoices) await dueNow(id);
      await closing.closes.corrections.confirmDue();
      for (const { id } of invoices) {
        expect((await listConfirmingPulls(closing.database, id))[1]).toMatchObject({ outcome: 'equal', attempts: 1 });
      }
      expect((await documents()).filter(({ kind }) => kind === 'debit_note')).toHaveLength(6);
    });

    it('that meet a fault are put off with its reason, given up after five attempts, and gate nothing', async () => {
      await makeSeller(closing.database, { code: 'acme', settings: { report_api_wait_hours: 0 } });
      await bytesAccount(0);
      const original = only(await closeMonth());
      closing.simulator.setFaults([{ fault: 'unavailable_503' }]);
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        await dueNow(original.id);
        await closing.closes.corrections.confirmDue();
        const [pull] = await listConfirmingPulls(closing.database, original.id);
        expect(pull).toMatchObject({
          attempts: attempt,
          outcome: attempt < 5 ? null : 'held',
          reason: { code: 'report_api_unavailable' },
        });
      }
      // The second of the schedule is not touched, and one that an operator asks for comes before it.
      closing.setLate(true);
      const [asked, same] = await Promise.all(
        [1, 2].map(async () => granted(await requestConfirmingPull(closing.database, original.id, 'test'))),
      );
      expect(asked?.id).toBe(same?.id);
      await closing.closes.corrections.confirmDue();
      const pulls = await listConfirmingPulls(closing.database, original.id);
      expect(pulls.map(({ outcome, requested_by }) => [outcome, requested_by])).toEqual([
        ['proposed', 'test'],
        ['held', null],
        [null, null],
        [null, null],
      ]);
      expect(await corrections()).toMatchObject([{ state: 'proposed', net: amount(lateBytesOf(0)) }]);
    });

    it.each([
      ['ambiguous_taxes', { account: { taxes: ['2020-01-01', '2021-01-01'] } }],
      ['overlapping_subscriptions', { subscriptions: 2 }],
      ['no_version_in_force', { versions: 0 }],
    ] as const)('of facts that may not be rated any more are held with %s, and retried', async (code, wrong) => {
      await makeSeller(closing.database, { code: 'acme' });
      await bytesAccount(0, { taxes: VAT });
      const original = only(await closeMonth());
      await changePinned(original.id, (inputs) => {
        if ('account' in wrong)
          inputs.account.taxes = wrong.account.taxes.map((from) => ({ ...VAT[0], valid_from: from }));
        if ('subscriptions' in wrong) inputs.subscriptions.push(...inputs.subscriptions);
        if ('versions' in wrong) inputs.versions = [];
      });
      closing.setLate(true);
      expect(await closing.closes.corrections.confirm(original.id)).toMatchObject({
        outcome: 'held',
        reason: { code },
      });
      await dueNow(original.id);
      await closing.closes.corrections.confirmDue();
      expect((await listConfirmingPulls(closing.database, original.id))[0]).toMatchObject({
        attempts: 1,
        outcome: null,
        reason: { code },
      });
      expect(closing.failures).toEqual([]);
      expect(await corrections()).toEqual([]);
    });

    it('let the holds pass that the close let pass', async () => {
      await makeSeller(closing.database, { code: 'acme' });
      const account = await bytesAccount(0);
      const missing: FaultRule = { fault: 'missing_bucket' };
      closing.simulator.setFaults([missing]);
      expect(await closing.run('acme', PERIOD)).toMatchObject([{ reason: { code: 'missing_buckets' } }]);
      const closeId = closing.lastClose();
      await closing.closes.desk.waive({
        closeId,
        accountId: account,
        code: 'missing_buckets',
        reason: 'the vendor lost it',
        actor: 'test',
      });
      await closing.retry(closeId);
      const original = only(await documents());
      expect(cents(original.net)).toBeLessThan(bytesOf(0));

      closing.simulator.setFaults([missing, ...LATE]);
      expect(await closing.closes.corrections.confirm(original.id)).toMatchObject({ outcome: 'proposed' });
      closing.simulator.setFaults([]);
      await closing.closes.corrections.confirm(original.id);
      const open = only((await corrections()).filter(({ state }) => state === 'proposed'));
      granted(await closing.closes.corrections.issue(open.id, 'test'));
      expect(total(await documents())).toBe(bytesOf(0));
    });

    it('of a worker that died are taken by another, and what it proposed is issued', async () => {
      await makeSeller(closing.database, { code: 'acme', settings: { corrections: 'automatic' } });
      await bytesAccount(0);
      const original = only(await closeMonth());
      closing.setLate(true);
      // It died after the proposal and before the note.
      await updateSeller(closing.database, 'test', 'acme', { settings: { corrections: 'propose' } }, SECRET_KEY);
      await closing.closes.corrections.confirm(original.id);
      await closing.database.$executeRaw`UPDATE correction SET automatic = true`;
      await closing.closes.corrections.confirmDue();
      expect((await documents()).map(({ number }) => number)).toEqual(['INV-2026-000001', 'DN-2026-000001']);
    });
  });

  describe('a close of kind correction', () => {
    async function open(over: { issue?: 'automatic' | 'after_review'; dryRun?: boolean } = {}) {
      const opened = await closing.closes.desk.open({
        seller: 'acme',
        period: PERIOD,
        kind: 'correction',
        dryRun: over.dryRun ?? false,
        issue: over.issue ?? 'after_review',
        actor: 'test',
      });
      if (opened.outcome !== 'opened') throw new Error(`refused: ${opened.code}`);
      return opened;
    }
    const work = (closeId: string, workers = [closing.closes]) =>
      Promise.all(workers.map((closes) => closes.work({ closeId, batch: 0 })));
    const states = async (closeId: string) =>
      (await listCloseAccounts(closing.database, closeId, { limit: 50 })).map(
        ({ state, reason }) => reason?.code ?? state,
      );

    async function proposals(leaves: readonly number[]): Promise<{ invoices: InvoiceView[]; open: CorrectionView[] }> {
      for (const leaf of leaves) await bytesAccount(leaf);
      // In the order of the leaves; who of them is issued first is anybody's guess.
      const invoices = (await closeMonth()).sort((a, b) => (a.customer.reference < b.customer.reference ? -1 : 1));
      closing.setLate(true);
      for (const { id } of invoices) await closing.closes.corrections.confirm(id);
      return { invoices, open: await corrections() };
    }

    it('gathers the open proposals, waits for a review, and issues each once', async () => {
      await makeSeller(closing.database, { code: 'acme' });
      const { open: found, invoices } = await proposals([0, 1, 2]);
      // One is decided before the close, and one account has nothing to correct.
      granted(await closing.closes.corrections.issue(found[0]?.id ?? '', 'test'));

      const dry = await open({ dryRun: true });
      await work(dry.id);
      expect(await findClose(closing.database, dry.id)).toMatchObject({
        state: 'finished',
        counts: { drafted: 2, empty: 0 },
      });

      const { id, created } = await open();
      expect(created).toBe(true);
      await work(id);
      const lateTotal = lateBytesOf(1) + lateBytesOf(2);
      expect(await findClose(closing.database, id)).toMatchObject({
        state: 'review',
        kind: 'correction',
        counts: { drafted: 2, empty: 0 },
        totals: [{ net: amount(lateTotal) }],
      });
      expect(await open()).toEqual({ outcome: 'opened', id, created: false });
      expect(await documents()).toHaveLength(4);
      const drafts = await listDrafts(closing.database, { close: id, limit: 50 });

      await closing.closes.desk.release(id);
      await work(id, closing.processes(4));
      expect(await findClose(closing.database, id)).toMatchObject({ state: 'finished', counts: { issued: 2 } });
      const certificate = await findCertificate(closing.database, id);
      expect(verifyCertificates([{ name: 'correction', text: certificate?.document ?? '' }])).toMatchObject({
        outcome: 'valid',
        certificates: [{ certificate: { close: { kind: 'correction' }, documents: { count: 2 } } }],
      });
      const notes = (await documents()).filter(({ kind }) => kind === 'debit_note');
      expect(notes.map(({ number }) => number)).toEqual(['DN-2026-000001', 'DN-2026-000002', 'DN-2026-000003']);
      expect(
        notes
          .slice(1)
          .map((note) => note.id)
          .sort(),
      ).toEqual(drafts.map((draft) => draft.id).sort());
      expect(notes.every(({ pdf_sha256 }) => pdf_sha256 !== null)).toBe(true);
      expect(total(await documents())).toBe(total(invoices) + lateTotal + lateBytesOf(0));
      expect((await corrections()).map(({ state }) => state)).toEqual(['issued', 'issued', 'issued']);
      // Nothing is left to gather: the same close answers.
      expect(await open()).toEqual({ outcome: 'opened', id, created: false });
    });

    it('runs again for accounts that are to be corrected after it has finished, and certifies them beside the others', async () => {
      await makeSeller(closing.database, { code: 'acme' });
      for (const leaf of [0, 1]) await bytesAccount(leaf);
      const invoices = (await closeMonth()).sort((a, b) => (a.customer.reference < b.customer.reference ? -1 : 1));
      // There is nothing to correct yet, then one account, then the other.
      const { id } = await open({ issue: 'automatic' });
      expect(await findClose(closing.database, id)).toMatchObject({ state: 'finished', counts: { issued: 0 } });
      closing.setLate(true);
      for (const [batch, invoice] of invoices.entries()) {
        await closing.closes.corrections.confirm(invoice.id);
        expect(await open({ issue: 'automatic' })).toEqual({ outcome: 'opened', id, created: false });
        expect(await findClose(closing.database, id)).toMatchObject({ state: 'running' });
        await closing.closes.work({ closeId: id, batch });
        expect(await findClose(closing.database, id)).toMatchObject({
          state: 'finished',
          counts: { issued: batch + 1 },
        });
      }
      const files = await Promise.all(
        [1, 2, 3].map(async (revision) => ({
          name: `revision ${revision}`,
          text: (await findCertificate(closing.database, id, revision))?.document ?? '',
        })),
      );
      expect(verifyCertificates(files)).toMatchObject({
        outcome: 'valid',
        certificates: [0, 1, 2].map((count) => ({ certificate: { documents: { count } } })),
      });
      expect(total(await documents())).toBe(total(invoices) + lateBytesOf(0) + lateBytesOf(1));
    });

    it('is followed by another when it has finished and one of its accounts is to be corrected once more', async () => {
      await makeSeller(closing.database, { code: 'acme' });
      const { invoices } = await proposals([0]);
      const first = await open({ issue: 'automatic' });
      await work(first.id);
      expect(await states(first.id)).toEqual(['issued']);

      closing.setLate(false);
      await closing.closes.corrections.confirm(only(invoices).id);
      const asked = await Promise.all([open({ issue: 'automatic' }), open({ issue: 'automatic' })]);
      const second = asked[0]?.id ?? '';
      expect(asked.map(({ id }) => id)).toEqual([second, second]);
      expect(asked.map(({ created }) => created).sort()).toEqual([false, true]);
      expect(second).not.toBe(first.id);
      await work(second);
      expect(await states(second)).toEqual(['issued']);
      expect((await documents()).map(({ number }) => number)).toEqual([
        'INV-2026-000001',
        'DN-2026-000001',
        'CN-2026-000001',
      ]);
      expect(total(await documents())).toBe(bytesOf(0));
    });

    it('holds a draft whose proposal no longer stands, and drafts the new one on retry', async () => {
      await makeSeller(closing.database, { code: 'acme' });
      const { invoices } = await proposals([0, 1]);
      const { id } = await open();
      await work(id);
      // Other usage comes for the first account; an operator dismisses the second.
      closing.simulator.setFaults([{ fault: 'bytes_x8' }]);
      await closing.closes.corrections.confirm(invoices[0]?.id ?? '');
      const [dismissed] = await corrections(invoices[1]?.account);
      granted(await dismissCorrection(closing.database, dismissed?.id ?? '', { actor: 'test', reason: 'no' }));
      await closing.closes.desk.release(id);
      await work(id);
      expect(await states(id)).toEqual(['inputs_changed', 'inputs_changed']);
      expect(await documents()).toHaveLength(2);

      await closing.closes.desk.retry(id);
      await work(id);
      expect((await states(id)).sort()).toEqual(['drafted', 'empty']);
      await closing.closes.desk.release(id);
      await work(id);
      expect((await states(id)).sort()).toEqual(['empty', 'issued']);
      expect(total(await documents(invoices[0]?.account))).toBe(8n * bytesOf(0));
      expect(await documents(invoices[1]?.account)).toHaveLength(1);
    });
  });
});

describe('corrections over REST', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ fleet: FLEET, seed: SEED });
    await makeSeller(service.database, { code: 'acme', invoice_prefix: 'AC' });
    await makePlan(service.database, BURST_PLAN);
  });
  afterAll(() => service.stop());

  interface Document {
    id: string;
    number: string;
    status: string;
    kind: string;
    net: string;
    pdf_sha256: string;
    account: string;
    corrects: { number: string } | null;
  }
  const documents = async () => (await service.rest.get<{ data: Document[] }>('/v1/invoices?seller=acme')).data;
  const problem = (request: Promise<unknown>) =>
    request.then(
      () => 'no problem',
      (error: unknown) => (error as Error).message,
    );

  it('a late percentile becomes a note with a PDF of its own, and the first PDF stays as it is', async () => {
    const [leaf] = LATE_CHANGES_PERCENTILE;
    await makeBurstAccount(service.database, leaf);
    const close = await service.rest.post<{ id: string }>('/v1/closes', {
      seller: 'acme',
      period: PERIOD,
      issue: 'automatic',
    });
    await settled(service.rest, close.id);
    const [original] = await documents();
    const invoice = `/v1/invoices/${original?.id}`;
    const pdf = await service.rest.bytes(`${invoice}/pdf`);

    service.simulator.setFaults(LATE);
    await service.rest.post(`${invoice}/confirming-pulls`, {});
    const open = `/v1/corrections?seller=acme&period=${PERIOD}&state=proposed`;
    const proposals = await eventually(async () => {
      const { data } = await service.rest.get<{ data: CorrectionView[] }>(open);
      return data.length > 0 && data;
    });
    const delta = amount(burstOf(leaf, true) - burstOf(leaf, false));
    expect(proposals).toMatchObject([{ kind: 'debit_note', net: delta, corrects: { number: original?.number } }]);

    const correction = `/v1/corrections/${proposals[0]?.id}`;
    const issued = await service.rest.post<CorrectionView>(`${correction}/issue`, {});
    expect(issued).toMatchObject({ state: 'issued' });
    expect(await problem(service.rest.post(`${correction}/issue`, {}))).toContain('correction_not_open');
    expect(await problem(service.rest.post(`${correction}/dismiss`, { reason: 'late' }))).toContain(
      'correction_not_open',
    );
    const [, note] = await documents();
    expect(note).toMatchObject({ id: issued.invoice, kind: 'debit_note', number: 'DN-2026-000001', net: delta });
    const notePdf = await service.rest.bytes(`/v1/invoices/${note?.id}/pdf`);
    expect(notePdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(createHash('sha256').update(notePdf).digest('hex')).toBe(note?.pdf_sha256);
    expect((await service.rest.bytes(`${invoice}/pdf`)).equals(pdf)).toBe(true);

    expect(await problem(service.rest.post(`${invoice}/credit-notes`, { reason: 'x' }))).toContain('invalid_request');
    const full = { reason: 'sent to the wrong company', full: true };
    expect(await problem(service.rest.post(`/v1/invoices/${note?.id}/credit-notes`, full))).toContain(
      'not_an_original',
    );
    const credit = await service.rest.post<Document>(`${invoice}/credit-notes`, full);
    expect(credit).toMatchObject({
      kind: 'credit_note',
      number: 'CN-2026-000001',
      corrects: { number: original?.number },
    });
    expect(await problem(service.rest.post(`${invoice}/credit-notes`, full))).toContain('invoice_voided');
    expect(await problem(service.rest.post(`${invoice}/confirming-pulls`, {}))).toContain('invoice_voided');
    const all = await documents();
    expect(all.map(({ number, status }) => [number.replace(/-\d{4}-0+/, ' '), status])).toEqual([
      ['AC 1', 'voided'],
      ['DN 1', 'voided'],
      ['CN 1', 'issued'],
    ]);
    expect(all.reduce((sum, { net }) => sum + cents(net), 0n)).toBe(0n);
    expect((await service.rest.bytes(`${invoice}/pdf`)).equals(pdf)).toBe(true);
    const { data: pulls } = await service.rest.get<{ data: { outcome: string | null }[] }>(
      `${invoice}/confirming-pulls`,
    );
    expect(pulls.map(({ outcome }) => outcome)).toEqual(['proposed', null, null, null]);

    // Naming the account in a retry bills the month anew.
    const account = original?.account ?? '';
    await service.rest.post(`/v1/closes/${close.id}/retry`, {});
    expect(await documents()).toHaveLength(3);
    await service.rest.post(`/v1/closes/${close.id}/retry`, { accounts: [account] });
    expect(await settled(service.rest, close.id)).toMatchObject({ state: 'finished', counts: { issued: 1 } });
    const anew = (await documents()).filter(({ kind }) => kind === 'invoice').at(-1);
    expect(anew).toMatchObject({
      number: original?.number.replace(/1$/, '2'),
      revision: 4,
      status: 'issued',
      corrects: null,
      replaces: { id: original?.id, number: original?.number },
    });
    expect(await service.rest.get(`/v1/closes/${close.id}/accounts/${account}`)).toMatchObject({
      invoice: anew?.id,
      warnings: expect.arrayContaining([expect.objectContaining({ code: 'billed_anew' })]) as unknown,
    });
    expect((await service.rest.bytes(`/v1/invoices/${anew?.id}/pdf`)).subarray(0, 5).toString()).toBe('%PDF-');
    const certificate = await service.rest.get<SignedCertificate>(`/v1/closes/${close.id}/certificate`);
    expect(certificate.certificate).toMatchObject({
      revision: 2,
      documents: { count: 2, replaced: 1 },
      notes: { count: 2 },
      voids: [{ document: original?.number, note: credit.number, reason: full.reason }],
    });
  });

  it('answers for what is not there', async () => {
    const nobody = '01900000-0000-7000-8000-000000000000';
    for (const [path, body] of [
      [`corrections/${nobody}/issue`, {}],
      [`corrections/${nobody}/dismiss`, { reason: 'x' }],
      [`invoices/${nobody}/credit-notes`, { reason: 'x', full: true }],
      [`invoices/${nobody}/confirming-pulls`, {}],
    ] as const) {
      expect(await problem(service.rest.post(`/v1/${path}`, body))).toMatch(/404/);
    }
    expect(await problem(service.rest.get(`/v1/corrections/${nobody}`))).toMatch(/404/);
    expect(await problem(service.rest.get(`/v1/invoices/${nobody}/confirming-pulls`))).toMatch(/404/);
    const prefix = { code: 'other', name: 'O', country: 'US', currency: 'USD', time_zone: 'UTC', invoice_prefix: 'CN' };
    expect(await problem(service.rest.post('/v1/sellers', prefix))).toContain('invalid_request');
  });
});
