import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { accountId } from '../../apps/report-simulator/src/index.js';
import { canonicalJson } from '#canonical-json';
import { isRefusal, listAuditEvents } from '#persistence';
import { updateSeller } from '#persistence/catalogue';
import { listInvoices } from '#persistence/documents';
import {
  type CloseAccountView,
  findCertificate,
  findClose,
  listCertificateKeys,
  listCloseAccounts,
  listCloseEvents,
} from '#persistence/closes';
import { type SignedCertificate, verifyCertificates } from '#proof';
import { feePlan, granted, makeAccount, makePlan, makeSeller, SECRET_KEY, trafficPlan } from '../support/catalogue.js';
import { type Closing, endOf, startClosing, warned } from '../support/closing.js';

const PERIOD = '2026-08';
const VAT = [{ name: 'VAT', category: 'S' as const, rate: '19' }];

describe('a close that can be watched, reviewed and proved', () => {
  let closing: Closing;
  beforeEach(async () => {
    closing = await startClosing({ fleet: { accounts: 4, sites: 1, subscribers: 1 }, seed: 7 });
    await makeSeller(closing.database, { code: 'acme', settings: { report_api_wait_hours: 0 } });
  });
  afterEach(() => closing.stop());

  const waive = (accountId: string, code: string) =>
    closing.closes.desk.waive({
      closeId: closing.lastClose(),
      accountId,
      code,
      reason: 'the vendor confirmed the outage',
      actor: 'clerk',
    });
  const certificate = async (revision?: number): Promise<SignedCertificate> => {
    const stored = await findCertificate(closing.database, closing.lastClose(), revision);
    if (!stored) throw new Error('there is no certificate');
    expect(createHash('sha256').update(stored.document).digest('hex')).toBe(stored.sha256);
    return JSON.parse(stored.document) as SignedCertificate;
  };
  const verdict = (...certificates: SignedCertificate[]) =>
    verifyCertificates(
      certificates.map((each) => ({ name: `revision-${each.certificate.revision}`, text: JSON.stringify(each) })),
    );

  describe('ways out of a hold', () => {
    it('a waiver lets that hold pass, for that account and close, and is printed on the certificate', async () => {
      await makePlan(closing.database, trafficPlan('traffic'));
      const [first, second] = await Promise.all(
        [0, 1].map((number) =>
          makeAccount(closing.database, { seller: 'acme', external_id: accountId(number) }, 'traffic'),
        ),
      );
      closing.simulator.setFaults([{ fault: 'missing_bucket' }]);
      const held = await closing.run('acme', PERIOD);
      expect(held.map(endOf)).toEqual(['held missing_buckets', 'held missing_buckets']);
      const message = held[0]?.reason?.message;

      expect(await waive(first ?? '', 'missing_buckets')).toBe(1);
      const after = await closing.retry(closing.lastClose());
      expect(after.map(endOf)).toEqual(['issued', 'held missing_buckets']);
      expect(after[0]).toMatchObject({
        warnings: [{ code: 'waived', message: 'missing_buckets was waived: what nobody reported counts 0' }],
        waivers: [{ code: 'missing_buckets', reason: 'the vendor confirmed the outage', actor: 'clerk' }],
      });
      const [invoice] = await listInvoices(closing.database, { account: first, limit: 1 });
      // August has 31 days and is asked for at once; one of the two directions lacks one.
      expect(invoice?.lines[0]?.derivation.basis).toMatchObject({
        evidence: { expected: 62, received: 61, missing: 'zero' },
      });

      const { certificate: printed } = await certificate();
      expect(printed.waivers).toEqual([
        {
          account: first,
          external_id: accountId(0),
          code: 'missing_buckets',
          message,
          reason: 'the vendor confirmed the outage',
          actor: 'clerk',
          at: expect.stringMatching(/Z$/) as string,
        },
      ]);
      expect(printed.holds).toMatchObject([{ account: second, state: 'held', code: 'missing_buckets' }]);
      const { data } = await listAuditEvents(closing.database, { action: 'close.waived' }, { limit: 10 });
      expect(data).toMatchObject([
        {
          actor: 'clerk',
          subject: `close:${closing.lastClose()}`,
          data: { account: first, code: 'missing_buckets', reason: 'the vendor confirmed the outage' },
        },
      ]);

      // Another month is another close: the waiver does not reach it.
      const next = await closing.run('acme', '2026-09');
      expect(next.map(endOf)).toEqual(['held missing_buckets', 'held missing_buckets']);
    });

    it('is refused for a hold whose cause must be mended, one that is not there, and a stranger', async () => {
      await makePlan(closing.database, trafficPlan('traffic'));
      const account = await makeAccount(closing.database, { seller: 'acme', external_id: accountId(0) }, 'traffic');
      closing.simulator.setFaults([{ fault: 'missing_bucket' }]);
      await closing.run('acme', PERIOD);
      const codes = [];
      for (const [id, code] of [
        [account, 'document_incomplete'],
        [account, 'filter_suspect'],
        [account, 'coverage_too_low'],
        ['01900000-0000-7000-8000-000000000000', 'missing_buckets'],
      ] as const) {
        const refused = await waive(id, code);
        codes.push(isRefusal(refused) && refused.code);
      }
      expect(codes).toEqual(['hold_not_waivable', 'hold_not_waivable', 'not_held_by_that', 'close_account_not_found']);
      expect((await certificate()).certificate.waivers).toEqual([]);
    });

    it('an incomplete document is held until it is completed, then issued by a retry', async () => {
      await makePlan(closing.database, feePlan('fee', '10.00'));
      await makeSeller(closing.database, { code: 'eu', country: 'DE', tax_id: null, address: null });
      await makeAccount(closing.database, { seller: 'eu', external_id: 'a', taxes: VAT }, 'fee');
      const [held] = await closing.run('eu', PERIOD);
      expect(held?.reason).toMatchObject({
        code: 'document_incomplete',
        message: expect.stringContaining('supplier.address') as string,
      });
      const address = {
        line1: 'Allee 1',
        line2: null,
        city: 'Bonn',
        region: null,
        postal_code: '53111',
        country: 'DE',
      };
      granted(await updateSeller(closing.database, 'test', 'eu', { tax_id: 'DE811907980', address }, SECRET_KEY));
      expect((await closing.retry(closing.lastClose())).map(endOf)).toEqual(['issued']);
    });
  });

  it('warns of a net that drifts from last month by more than the seller lets pass, and bills it all the same', async () => {
    const plans = async (code: string, july: string, august: string) => {
      await makePlan(closing.database, feePlan(code, july));
      await makePlan(closing.database, { ...feePlan(code, august), effective_from: '2026-08-01' });
    };
    await plans('steady', '100.00', '150.00');
    await plans('jumps', '100.00', '150.01');
    await plans('stops', '100.00', '0.00');
    for (const code of ['steady', 'jumps', 'stops']) {
      await makeAccount(closing.database, { seller: 'acme', external_id: code }, code);
    }
    const july = await closing.run('acme', '2026-07');
    expect(july.map(warned)).toEqual([[], [], []]);
    expect(july[0]).toMatchObject({ previous: null, difference: null });

    const [jumps, steady, stops] = await closing.run('acme', PERIOD);
    expect([jumps, steady, stops].map((each) => each && [endOf(each), ...warned(each)])).toEqual([
      ['issued', 'drift'],
      ['issued'],
      ['empty', 'drift'],
    ]);
    expect(jumps?.warnings[0]?.message).toContain('net 150.01 USD against 100.00 USD for 2026-07, +50.0 %');
    expect(stops?.warnings[0]?.message).toContain('net 0.00 USD against 100.00 USD for 2026-07, -100.0 %');
    const invoiceOf = (account: CloseAccountView | undefined) =>
      july.find(({ external_id }) => external_id === account?.external_id)?.invoice;
    expect(jumps).toMatchObject({
      previous: { invoice: invoiceOf(jumps), currency: 'USD', net: '100.00' },
      difference: '50.01',
    });
    expect(stops).toMatchObject({ previous: { invoice: invoiceOf(stops), net: '100.00' }, difference: null });
    granted(await updateSeller(closing.database, 'test', 'acme', { settings: { drift_percent: '0' } }, SECRET_KEY));
    expect((await closing.run('acme', PERIOD, { dryRun: true })).map(warned)).toEqual([
      ['drift'],
      ['drift'],
      ['drift'],
    ]);
  });

  it('records every move of a close and its accounts with its reason, who asked, and when', async () => {
    await makePlan(closing.database, trafficPlan('traffic'));
    await makeAccount(closing.database, { seller: 'acme', external_id: accountId(0) }, 'traffic');
    closing.simulator.setFaults([{ fault: 'unavailable_503' }]);
    await closing.run('acme', PERIOD);
    closing.simulator.setFaults([]);
    const [account] = await closing.retry(closing.lastClose());
    const events = await listCloseEvents(closing.database, closing.lastClose(), { limit: 100 });
    expect(
      events.map(({ account: of, from, to, reason, actor }) =>
        [of ? 'account' : 'close', from, to, reason?.code, actor].map((each) => each ?? '-').join(' '),
      ),
    ).toEqual([
      'close - running opened test',
      'account - pending opened test',
      'account pending pulling - -',
      'account pulling held report_api_unavailable -',
      'close running finished - -',
      'account held pending retried service',
      'close finished running retried service',
      'account pending pulling - -',
      'account pulling rated - -',
      'account rated issued - -',
      'close running finished - -',
    ]);
    const stamps = events.map(({ at }) => at);
    expect([...stamps].sort()).toEqual(stamps);
    const own = await listCloseEvents(closing.database, closing.lastClose(), { account: account?.account, limit: 3 });
    expect(own.map(({ to }) => to)).toEqual(['pending', 'pulling', 'held']);
    const rest = await listCloseEvents(closing.database, closing.lastClose(), { after: own[2]?.id, limit: 100 });
    expect(rest).toHaveLength(7);
  });

  it('counts progress and holds from what is stored', async () => {
    await makePlan(closing.database, trafficPlan('traffic'));
    await makePlan(closing.database, feePlan('fee', '10.00'));
    for (const [number, plan] of ['traffic', 'fee', 'fee', 'fee'].entries()) {
      await makeAccount(closing.database, { seller: 'acme', external_id: accountId(number) }, plan);
    }
    closing.simulator.setFaults([{ fault: 'unavailable_503' }]);
    const opened = await closing.another({ batchSize: 2, enqueue: () => Promise.resolve() }).desk.open({
      ...{ seller: 'acme', period: PERIOD, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
    } as const);
    if (opened.outcome !== 'opened') throw new Error('refused');
    expect((await findClose(closing.database, opened.id))?.progress).toEqual({
      ...{ done: 0, total: 4, rate_per_minute: 0, eta: null, next_try_at: null, series: null, seen_at: null },
    });
    await closing.closes.work({ closeId: opened.id, batch: 0 });
    const half = await findClose(closing.database, opened.id);
    expect(half).toMatchObject({
      state: 'running',
      progress: { done: 2, total: 4, eta: expect.stringMatching(/^20\d\d-.*Z$/) as string },
      holds: [{ code: 'report_api_unavailable', count: 1 }],
    });
    expect(half?.progress.rate_per_minute).toBeGreaterThan(0);
    await closing.closes.work({ closeId: opened.id, batch: 1 });
    expect(await findClose(closing.database, opened.id)).toMatchObject({
      progress: { done: 4, total: 4, rate_per_minute: null, eta: null },
    });
  });

  describe('certificate', () => {
    /** Two accounts of 10.00 with 19 % and one that is held; the second month differs in nothing. */
    const month = async () => {
      await makePlan(closing.database, feePlan('fee', '10.00'));
      await makePlan(closing.database, trafficPlan('traffic'));
      await makeAccount(closing.database, { seller: 'acme', external_id: 'a', taxes: VAT }, 'fee');
      await makeAccount(closing.database, { seller: 'acme', external_id: 'b', taxes: VAT }, 'fee');
      const held = await makeAccount(closing.database, { seller: 'acme', external_id: accountId(2) }, 'traffic');
      closing.simulator.setFaults([{ fault: 'unavailable_503' }]);
      await closing.run('acme', PERIOD);
      return held;
    };

    it('says how the close ended: accounts, numbers, totals, taxes, holds, plans; all signed', async () => {
      const held = await month();
      const signed = await certificate();
      const [first, second] = await listInvoices(closing.database, { close: closing.lastClose(), limit: 10 });
      const documentOf = (invoice: typeof first) => {
        // The hash of the PDF stands beside the document, not in it.
        const document = { ...invoice, pdf_sha256: undefined };
        return createHash('sha256').update(canonicalJson(document)).digest('hex');
      };
      expect(signed.certificate).toEqual({
        format: 'meterline.close-certificate.2',
        revision: 1,
        previous_sha256: null,
        issued_at: (await findClose(closing.database, closing.lastClose()))?.finished_at,
        close: {
          id: closing.lastClose(),
          seller: 'acme',
          seller_name: 'Seller acme',
          period: { label: PERIOD, start: '2026-08-01T00:00:00Z', end: '2026-09-01T00:00:00Z' },
          kind: 'regular',
          issue: 'automatic',
          opened_at: (await findClose(closing.database, closing.lastClose()))?.created_at,
        },
        accounts: {
          total: 3,
          by_state: { pending: 0, pulling: 0, rated: 0, drafted: 0, issued: 2, empty: 0, held: 1, failed: 0 },
        },
        documents: {
          count: 2,
          replaced: 0,
          ranges: [
            {
              ...{ kind: 'invoice', fiscal_year: 2026, first_sequence: 1, last_sequence: 2, count: 2 },
              ...{ first: 'INV-2026-000001', last: 'INV-2026-000002' },
            },
          ],
          sha256: createHash('sha256')
            .update(`INV-2026-000001 ${documentOf(first)}\nINV-2026-000002 ${documentOf(second)}\n`)
            .digest('hex'),
        },
        totals: [
          {
            currency: 'USD',
            documents: 2,
            net: '20.00',
            tax: '3.80',
            gross: '23.80',
            rounding: '0.00',
            payable: '23.80',
          },
        ],
        taxes: [{ currency: 'USD', name: 'VAT', category: 'S', rate: '19', base: '20.00', amount: '3.80' }],
        holds: [
          {
            ...{ account: held, external_id: accountId(2), state: 'held', code: 'report_api_unavailable' },
            message: expect.stringContaining('retry when it answers again') as string,
          },
        ],
        waivers: [],
        usage: [],
        plans: [{ code: 'fee', version: 1, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string }],
        dialects: expect.any(Array) as string[],
        notes: { count: 0, ranges: [], sha256: createHash('sha256').update('').digest('hex'), totals: [], taxes: [] },
        voids: [],
      });
      const [key] = await listCertificateKeys(closing.database);
      expect(signed.signature).toMatchObject({ algorithm: 'Ed25519', key_id: key?.id, public_key: key?.public_key });
      expect(verdict(signed).outcome).toBe('valid');
      expect(
        verifyCertificates([{ name: 'a', text: JSON.stringify(signed, null, 2) }], [key?.public_key ?? '']).outcome,
      ).toBe('valid');
    });

    it('gets a revision each time the close finishes, citing the one before; a retried account is on the next', async () => {
      await month();
      closing.simulator.setFaults([]);
      await closing.retry(closing.lastClose());
      const [first, second] = [await certificate(1), await certificate(2)];
      // One account with two directions of 31 days, asked for with a day on either side.
      expect(second.certificate.usage).toMatchObject([
        { metric: 'downlink_bytes', windows: 1, owned: { buckets: '31' }, conserved: true },
        { metric: 'uplink_bytes', windows: 1, owned: { buckets: '31' }, conserved: true },
      ]);
      expect(second.certificate).toMatchObject({
        revision: 2,
        previous_sha256: createHash('sha256').update(canonicalJson(first)).digest('hex'),
        accounts: { by_state: { issued: 3, held: 0 } },
        documents: { ranges: [{ first: 'INV-2026-000001', last: 'INV-2026-000003', count: 3 }] },
        holds: [],
      });
      expect(await findCertificate(closing.database, closing.lastClose(), 3)).toBeUndefined();
      expect(await certificate()).toEqual(second);
      expect(verdict(second, first).outcome).toBe('valid');

      await closing.closes.desk.retry(closing.lastClose());
      await makeAccount(closing.database, { seller: 'acme', external_id: 'c' }, 'fee');
      await closing.run('acme', PERIOD);
      const third = await certificate(3);
      expect(third.certificate.accounts.total).toBe(4);
      expect(verdict(first, second, third).outcome).toBe('valid');
      expect(verdict(first, third)).toMatchObject({ outcome: 'invalid', pointer: '/certificate/revision' });
      expect(verdict(first, { ...third, certificate: { ...third.certificate, revision: 2 } })).toMatchObject({
        pointer: '/signature/value',
      });
    });

    it('names the member that was tampered with, or the signature that no longer fits', async () => {
      await month();
      const signed = await certificate();
      const leaves = leavesOf(signed);
      expect(leaves.length).toBeGreaterThan(40);
      fc.assert(
        fc.property(fc.constantFrom(...leaves), fc.integer({ min: 0, max: 1_000_000 }), (path, chance) => {
          const tampered = structuredClone(signed);
          change(tampered, path, chance);
          expect({ path, ...verdict(tampered) }).toMatchObject({ path, outcome: 'invalid' });
        }),
        { numRuns: 400 },
      );
      for (const path of leaves) {
        const tampered = structuredClone(signed);
        change(tampered, path, 1);
        expect({ path, ...verdict(tampered) }).toMatchObject({ path, outcome: 'invalid' });
      }
      const named = (tamper: (copy: SignedCertificate['certificate']) => void) => {
        const copy = structuredClone(signed);
        tamper(copy.certificate);
        const result = verdict(copy);
        return result.outcome === 'invalid' && result.pointer;
      };
      expect([
        named((copy) => (copy.accounts.total = 4)),
        named((copy) => Object.assign(copy.totals[0] ?? {}, { tax: '3.79' })),
        named((copy) => Object.assign(copy.totals[0] ?? {}, { gross: '23.81' })),
        named((copy) => Object.assign(copy.documents.ranges[0] ?? {}, { last_sequence: 3 })),
        named((copy) => Object.assign(copy.documents.ranges[0] ?? {}, { last: 'INV-2026-000003' })),
        named((copy) => void (copy.holds as unknown[]).pop()),
        named((copy) => Object.assign(copy.close, { seller_name: 'Another' })),
        named((copy) => Object.assign(copy, { extra: 1 })),
      ]).toEqual([
        '/certificate/accounts/total',
        '/certificate/totals/0/tax',
        '/certificate/totals/0/gross',
        '/certificate/documents/ranges/0/count',
        '/certificate/documents/ranges/0/last',
        '/certificate/holds',
        '/signature/value',
        '/certificate/extra',
      ]);
    });

    it('has one form: no other spelling of its signature, no member twice', async () => {
      await month();
      const signed = await certificate();
      const { value } = signed.signature;
      // 64 bytes leave 4 unused bits in the last digit of base64: both spellings decode to the same bytes.
      const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
      const other = `${value.slice(0, 85)}${digits[digits.indexOf(value[85] ?? '') + 1]}==`;
      expect(Buffer.from(other, 'base64').equals(Buffer.from(value, 'base64'))).toBe(true);
      expect(verdict({ ...signed, signature: { ...signed.signature, value: other } })).toMatchObject({
        pointer: '/signature/value',
      });
      const twice = JSON.stringify(signed).replace('"revision":1', '"revision":7,"revision":1');
      expect(verifyCertificates([{ name: 'twice', text: twice }])).toMatchObject({
        outcome: 'invalid',
        message: expect.stringContaining('Duplicate key') as string,
      });
    });

    it('of the first format, which named no replaced documents, stays valid, and is followed by this one', async () => {
      await month();
      const { certificate: written } = await certificate();
      const { notes, voids, ...before } = written;
      const { replaced, ...documents } = written.documents;
      expect([replaced, notes?.count, voids]).toEqual([0, 0, []]);
      const first = signed({ ...before, format: 'meterline.close-certificate.1', documents });
      const second = signed({
        ...written,
        revision: 2,
        previous_sha256: createHash('sha256').update(canonicalJson(first)).digest('hex'),
      });
      expect(verdict(first, second).outcome).toBe('valid');
      expect(verdict(signed({ ...first.certificate, documents: written.documents }))).toMatchObject({
        pointer: '/certificate/documents/replaced',
      });
      expect(verdict(signed({ ...first.certificate, voids: [] }))).toMatchObject({ pointer: '/certificate/voids' });
      expect(verdict(signed({ ...written, documents }))).toMatchObject({ pointer: '/certificate/documents/replaced' });
      expect(verdict(signed({ ...written, documents: { ...written.documents, replaced: 1 } }))).toMatchObject({
        pointer: '/certificate/documents/count',
      });
    });

    it('signed anew by somebody else is only found out with the key that was published', async () => {
      await month();
      const { certificate: body } = await certificate();
      const forged = signed({ ...body, close: { ...body.close, seller_name: 'Another' } });
      const [key] = await listCertificateKeys(closing.database);
      const file = { name: 'forged', text: JSON.stringify(forged) };
      expect(verifyCertificates([file]).outcome).toBe('valid');
      expect(verifyCertificates([file], [key?.public_key ?? ''])).toMatchObject({ pointer: '/signature/key_id' });
    });

    it('is there for a close without accounts, not for a dry run, and never changes', async () => {
      await makePlan(closing.database, feePlan('fee', '10.00'));
      await closing.run('acme', PERIOD);
      expect((await certificate()).certificate).toMatchObject({ accounts: { total: 0 }, documents: { count: 0 } });
      expect(verdict(await certificate()).outcome).toBe('valid');
      const real = closing.lastClose();
      await makeAccount(closing.database, { seller: 'acme', external_id: 'a' }, 'fee');
      await closing.run('acme', PERIOD, { dryRun: true });
      expect(await findCertificate(closing.database, closing.lastClose())).toBeUndefined();

      const owner = new pg.Client({ connectionString: closing.url });
      await owner.connect();
      try {
        for (const statement of [
          'UPDATE close_certificate SET revision = 7',
          'DELETE FROM close_certificate',
          'TRUNCATE close_certificate CASCADE',
          "UPDATE close_event SET to_state = 'issued'",
          'DELETE FROM certificate_key',
          "UPDATE certificate_key SET public_key = 'mine'",
        ]) {
          await expect(owner.query(statement)).rejects.toThrow(/is refused: its rows are only ever inserted/);
        }
      } finally {
        await owner.end();
      }
      expect(await findCertificate(closing.database, real)).toBeDefined();
    });

    it('and the finished state come together or not at all', async () => {
      await month();
      closing.simulator.setFaults([]);
      await closing.closes.desk.retry(closing.lastClose());
      // A process with another METERLINE_SECRET_KEY can do all the work but not sign.
      const stranger = closing.another({ secretKey: Buffer.alloc(32, 1), enqueue: () => Promise.resolve() });
      const job = { closeId: closing.lastClose(), batch: 0 };
      await expect(stranger.work(job)).rejects.toMatchObject({ code: 'secret_does_not_open' });
      expect(await findClose(closing.database, closing.lastClose())).toMatchObject({
        state: 'running',
        finished_at: null,
        counts: { issued: 3 },
      });
      expect((await certificate()).certificate.revision).toBe(1);
      await closing.closes.sweep();
      expect((await findClose(closing.database, closing.lastClose()))?.state).toBe('finished');
      expect((await certificate()).certificate.revision).toBe(2);
      expect(
        await listCloseAccounts(closing.database, closing.lastClose(), { state: 'issued', limit: 9 }),
      ).toHaveLength(3);
    });
  });
});

/** A certificate with the signature of a stranger. */
function signed(certificate: SignedCertificate['certificate']): SignedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const id = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  const value = sign(null, Buffer.from(canonicalJson(certificate)), privateKey).toString('base64');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  return { certificate, signature: { algorithm: 'Ed25519', key_id: id, public_key: pem, value } };
}

type Path = (string | number)[];

/** Paths to every string, number and null of a certificate. */
function leavesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, member]) =>
    leavesOf(member, [...path, Array.isArray(value) ? Number.parseInt(name, 10) : name]),
  );
}

/** Changes one leaf to something of its kind, or takes it away. */
function change(document: object, path: Path, chance: number): void {
  const last = path.at(-1) ?? '';
  const parent = path
    .slice(0, -1)
    .reduce<Record<string, unknown>>(
      (at, name) => at[name] as Record<string, unknown>,
      document as Record<string, unknown>,
    );
  const before = parent[last];
  if (chance % 7 === 0) Reflect.deleteProperty(parent, last);
  else if (typeof before === 'number') parent[last] = before + (chance % 2 === 0 ? 1 : -1);
  else if (typeof before === 'string') {
    const at = chance % Math.max(before.length, 1);
    const other = before[at] === 'x' ? 'y' : /\d/.test(before[at] ?? '') ? String((Number(before[at]) + 1) % 10) : 'x';
    parent[last] = before.slice(0, at) + other + before.slice(at + 1);
  } else parent[last] = 'something';
}
