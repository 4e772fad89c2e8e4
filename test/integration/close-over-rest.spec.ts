import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { LAYOUT_VERSION } from '#invoice-pdf';
import { SharedReads } from '../../apps/api/src/closes/progress.js';
import { sendInvoices } from '../../apps/api/src/closes/invoices-zip.js';
import { accountId } from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, makeSeller, feePlan, trafficPlan } from '../support/catalogue.js';
import { run } from '../support/process.js';
import { settled, startService, type TestService } from '../support/service.js';
import { entriesOf } from '../support/zip.js';

/** No account here wants an electronic form. */
const none = () => Promise.reject(new Error('not asked for'));
const PERIOD = '2026-08';
const OUTAGE = { fault: 'unavailable_503', match: { account: accountId(1) } } as const;

interface Close {
  id: string;
  state: string;
  counts: Record<string, number>;
  progress: { done: number; total: number };
  holds: { code: string; count: number }[];
}

describe('a close over REST and by command', () => {
  let service: TestService;
  const ids: string[] = [];

  beforeAll(async () => {
    service = await startService({ fleet: { accounts: 4, sites: 1, subscribers: 1 }, seed: 7 });
    const { database } = service;
    await makeSeller(database, { code: 'acme', settings: { report_api_wait_hours: 0 } });
    await makePlan(database, trafficPlan('traffic'));
    for (const number of [0, 1, 2]) {
      ids.push(await makeAccount(database, { seller: 'acme', external_id: accountId(number) }, 'traffic'));
    }
  });
  afterAll(() => service.stop());
  beforeEach(() => service.simulator.setFaults([]));

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${service.adminKey}`, ...headers } });
  const closeCommand = async (...args: string[]) => {
    const program = run('apps/cli/src/main.ts', ['close', '--url', service.url, ...args], {
      METERLINE_ADMIN_KEY: service.adminKey,
    });
    return { code: await program.ended(), output: program.output() };
  };
  const verifyCommand = async (...args: string[]) => {
    const program = run('apps/cli/src/main.ts', ['verify', 'certificate', ...args], {});
    return { code: await program.ended(), output: program.output() };
  };

  it('meterline close says with its exit code whether something is held, and why', async () => {
    service.simulator.setFaults([OUTAGE]);
    const held = await closeCommand('--seller', 'acme', '--period', PERIOD, '--issue', 'automatic', '--wait');
    expect(held).toMatchObject({ code: 2 });
    expect(held.output).toContain('2 issued, 0 drafted, 0 empty, 1 held, 0 failed');
    expect(held.output).toContain(accountId(1));
    expect(held.output).toContain('report_api_unavailable');
    expect(held.output).toContain('→ find out why the report API does not answer, then retry');
    expect(held.output).toContain('3/3 accounts');

    const id = /close ([0-9a-f-]{36}): finished/.exec(held.output)?.[1] ?? '';
    const close = await service.rest.get<Close>(`/v1/closes/${id}`);
    expect(close).toMatchObject({
      progress: { done: 3, total: 3, rate_per_minute: null, eta: null },
      holds: [{ code: 'report_api_unavailable', count: 1 }],
    });

    service.simulator.setFaults([]);
    await service.rest.post(`/v1/closes/${id}/retry`, {});
    await settled(service.rest, id);
    const done = await closeCommand('--seller', 'acme', '--period', PERIOD, '--issue', 'automatic', '--wait');
    expect(done).toMatchObject({ code: 0 });
    expect(done.output).toContain('3 issued, 0 drafted, 0 empty, 0 held, 0 failed');

    // Lines of an account have places as those of its document have. That they are documented is seen by the service's stop.
    type Billed = { data: { lines: { position: number; amount: string }[]; invoice: string }[] };
    const { data } = await service.rest.get<Billed>(`/v1/closes/${id}/accounts`);
    expect(data).toHaveLength(3);
    for (const { lines, invoice } of data) {
      expect(lines).toEqual((await service.rest.get<Billed['data'][0]>(`/v1/invoices/${invoice}`)).lines);
      expect(lines.map(({ position }) => position)).toEqual(lines.map((_, index) => index + 1));
      expect(lines.length).toBeGreaterThan(0);
    }
  });

  it('meterline export fetches the archive, the certificate and the evidence of each document', async () => {
    const { data } = (await (await get(`/v1/closes?seller=acme&period=${PERIOD}`)).json()) as { data: Close[] };
    const folder = await mkdtemp(join(tmpdir(), 'meterline-export-'));
    const exported = async (id: string, key = service.adminKey) => {
      const args = ['export', '--url', service.url, '--close', id, '--to', folder, '--evidence'];
      const program = run('apps/cli/src/main.ts', args, { METERLINE_KEY: key });
      return { code: await program.ended(), output: program.output() };
    };
    try {
      const id = data[0]?.id ?? '';
      expect(await exported(id)).toMatchObject({ code: 0 });
      const zip = Buffer.from(await (await get(`/v1/closes/${id}/invoices.zip`)).arrayBuffer());
      expect((await readFile(join(folder, 'invoices.zip'))).equals(zip)).toBe(true);
      const certificate = await (await get(`/v1/closes/${id}/certificate`)).text();
      expect(await readFile(join(folder, 'certificate.json'), 'utf8')).toBe(certificate);
      const names = await readdir(folder);
      const evidence = names.filter((name) => name.endsWith('-evidence.json')).sort();
      const numbers = entriesOf(zip)
        .map(({ name }) => name)
        .filter((name) => name.endsWith('.pdf'))
        .sort();
      expect(numbers.length).toBeGreaterThan(0);
      expect(evidence).toEqual(numbers.map((name) => name.replace(/\.pdf$/, '-evidence.json')));
      expect(names).toHaveLength(evidence.length + 2);
      for (const name of evidence) {
        const { number } = (JSON.parse(await readFile(join(folder, name), 'utf8')) as { document: { number: string } })
          .document;
        expect(name).toBe(`${number}-evidence.json`);
      }
      expect(await exported(id, 'not-a-key-of-this-service')).toMatchObject({ code: 1 });
      expect(await exported('0b9f1a52-0000-4000-8000-000000000000')).toEqual({
        code: 1,
        output: expect.stringContaining('(not_found)') as string,
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('meterline close waits for a review to begin, runs dry, and says what it was refused', async () => {
    const review = await closeCommand('--seller', 'acme', '--period', '2026-07', '--wait');
    expect(review).toMatchObject({ code: 0 });
    expect(review.output).toContain('the drafts wait for a review');
    const dry = await closeCommand('--seller', 'acme', '--period', '2026-06', '--dry-run', '--wait');
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.output).toContain('finished; 0 issued, 3 drafted');

    expect(await closeCommand('--seller', 'nobody', '--period', PERIOD)).toEqual({
      code: 1,
      output: expect.stringContaining('(unknown_seller)') as string,
    });
    expect(await closeCommand('--seller', 'acme', '--period', '2999-01')).toEqual({
      code: 1,
      output: expect.stringContaining('(period_not_billable)') as string,
    });
    const stranger = run('apps/cli/src/main.ts', ['close', '--url', service.url, '--seller', 'acme'], {
      METERLINE_ADMIN_KEY: 'not-a-key-of-this-service',
    });
    expect(await stranger.ended()).toBe(1);
    const folder = await mkdtemp(join(tmpdir(), 'meterline-key-'));
    await writeFile(join(folder, 'admin-key'), `${service.adminKey}\n`);
    const ofFolder = run(
      'apps/cli/src/main.ts',
      ['close', '--url', service.url, '--seller', 'acme', '--period', PERIOD, '--issue', 'automatic', '--data', folder],
      {},
    );
    expect(await ofFolder.ended()).toBe(0);
    expect(ofFolder.output()).toMatch(/^close [0-9a-f-]{36} of acme 2026-08: finished\n$/);
  });

  it('a hold is waived over REST, which tries the account again at once', async () => {
    service.simulator.setFaults([{ fault: 'missing_bucket', match: { account: accountId(2) } }]);
    const { id } = await service.rest.post<Close>('/v1/closes', {
      seller: 'acme',
      period: '2026-05',
      issue: 'automatic',
    });
    expect((await settled(service.rest, id)).counts).toMatchObject({ issued: 2, held: 1 });
    const path = `/v1/closes/${id}/accounts/${ids[2]}`;
    const way_out = 'retry later, for reports come late; or waive it, then what nobody reported counts 0';
    const reason = { code: 'missing_buckets', message: expect.stringContaining('of 31 buckets') as string, way_out };
    expect(await service.rest.get(path)).toMatchObject({ state: 'held', reason });
    const listed = await service.rest.get<{ data: object[] }>(`/v1/closes/${id}/accounts?state=held`);
    expect(listed.data).toMatchObject([{ reason }]);
    for (const code of ['no_entities', 'constructor']) {
      await expect(service.rest.post(`${path}/waive`, { code, reason: 'because' })).rejects.toMatchObject({
        status: 422,
        problem: { code: 'hold_not_waivable' },
      });
    }
    await expect(service.rest.post(`${path}/waive`, { code: 'missing_buckets' })).rejects.toMatchObject({
      status: 422,
    });
    await expect(
      service.rest.post(`/v1/closes/${id}/accounts/${ids[0]}/waive`, { code: 'missing_buckets', reason: 'because' }),
    ).rejects.toMatchObject({ status: 409, problem: { code: 'not_held_by_that' } });
    await service.rest.post(`${path}/waive`, { code: 'missing_buckets', reason: 'confirmed by the vendor' });
    expect((await settled(service.rest, id)).counts).toMatchObject({ issued: 3, held: 0 });
    const account = await service.rest.get<{ state: string; waivers: object[]; warnings: object[] }>(path);
    expect(account).toMatchObject({
      state: 'issued',
      waivers: [{ code: 'missing_buckets', reason: 'confirmed by the vendor' }],
      warnings: expect.arrayContaining([expect.objectContaining({ code: 'waived' })]) as object[],
    });
    const first = await service.rest.get<{ data: { to: string; actor: string | null }[]; next_cursor: string }>(
      `/v1/closes/${id}/events?account=${ids[2]}&limit=4`,
    );
    const rest = await service.rest.get<typeof first>(
      `/v1/closes/${id}/events?account=${ids[2]}&cursor=${first.next_cursor}`,
    );
    expect([...first.data, ...rest.data].map(({ to, actor }) => `${to}${actor === null ? '' : ' asked'}`)).toEqual([
      ...['pending asked', 'pulling', 'held', 'pending asked', 'pulling', 'rated', 'issued'],
    ]);
  });

  describe('with a finished month', () => {
    let id: string;
    beforeAll(async () => {
      const close = await service.rest.post<Close>('/v1/closes', {
        seller: 'acme',
        period: PERIOD,
        issue: 'automatic',
      });
      ({ id } = close);
      await settled(service.rest, id);
    });

    it('its certificates are checked off-line, and a changed one is found out', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'meterline-certificate-'));
      const file = (name: string) => join(folder, name);
      for (const revision of [1, 2]) {
        const answer = await get(`/v1/closes/${id}/certificate?revision=${revision}`);
        const text = await answer.text();
        const sha256 = createHash('sha256').update(text).digest('hex');
        expect(answer.headers.get('etag')).toBe(`"${sha256}"`);
        expect(answer.headers.get('content-disposition')).toContain(
          `close-acme-${PERIOD}-certificate-${revision}.json`,
        );
        await writeFile(file(`${revision}.json`), text);
        await writeFile(
          file(`changed-${revision}.json`),
          text.replace('"seller_name":"Seller', '"seller_name":"Seler'),
        );
        const known = { 'if-none-match': `"${sha256}"` };
        expect((await get(`/v1/closes/${id}/certificate?revision=${revision}`, known)).status).toBe(304);
      }
      const latest = (await (await get(`/v1/closes/${id}/certificate`)).json()) as {
        certificate: { revision: number };
      };
      expect(latest.certificate.revision).toBe(2);
      expect((await get(`/v1/closes/${id}/certificate?revision=3`)).status).toBe(404);
      const { data } = await service.rest.get<{ data: { public_key: string }[] }>('/v1/certificate-keys');
      await writeFile(file('key.pem'), data[0]?.public_key ?? '');

      const valid = await verifyCommand(file('2.json'), '--key', file('key.pem'), file('1.json'));
      expect(valid).toMatchObject({ code: 0 });
      expect(valid.output).toContain('valid, revision 2 of the close of acme 2026-08');
      expect(valid.output).toContain('invoice INV-2026-000001 to INV-2026-000003: 3');
      expect(await verifyCommand(file('1.json'), file('changed-2.json'))).toEqual({
        code: 1,
        output: expect.stringContaining('changed-2.json: /signature/value: ') as string,
      });
      expect(await verifyCommand(file('key.pem'))).toEqual({
        code: 1,
        output: expect.stringContaining('the file is not JSON') as string,
      });
    });

    it('its documents are downloaded with the sha256 of their bytes as ETag, drafts and evidence too', async () => {
      const { data } = await service.rest.get<{ data: { id: string; number: string }[] }>(`/v1/invoices?close=${id}`);
      const { id: review } = await service.rest.post<Close>('/v1/closes', { seller: 'acme', period: '2026-04' });
      await settled(service.rest, review);
      const drafts = await service.rest.get<{ data: { id: string }[] }>(`/v1/invoices?status=draft&close=${review}`);
      const [issued, draft] = [data[0]?.id, drafts.data[0]?.id];
      for (const path of [`${issued}/pdf`, `${issued}/evidence`, `${draft}/pdf`]) {
        const answer = await get(`/v1/invoices/${path}`);
        const sha256 = createHash('sha256')
          .update(Buffer.from(await answer.arrayBuffer()))
          .digest('hex');
        expect([path, answer.headers.get('etag')]).toEqual([path, `"${sha256}"`]);
        expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename=/);
        const again = await get(`/v1/invoices/${path}`, { 'if-none-match': `"${sha256}"` });
        expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([304, 0]);
      }
    });

    it('its documents come as one archive: certificate first, then by number, equal to the stored ones, equal each time', async () => {
      const [one, two] = await Promise.all(
        [1, 2].map(async () => Buffer.from(await (await get(`/v1/closes/${id}/invoices.zip`)).arrayBuffer())),
      );
      if (!one || !two) throw new Error('no archive');
      expect(one.equals(two)).toBe(true);
      const entries = entriesOf(one);
      expect(entries.map(({ name }) => name)).toEqual([
        'certificate.json',
        ...[1, 2, 3].flatMap((number) => [`INV-2026-00000${number}.json`, `INV-2026-00000${number}.pdf`]),
        'manifest.json',
      ]);
      const listed = (file: string) => {
        const bytes = entries.find(({ name }) => name === file)?.bytes ?? '';
        return { file, sha256: createHash('sha256').update(bytes).digest('hex') };
      };
      expect(JSON.parse(entries.at(-1)?.bytes.toString() ?? '')).toEqual({
        format: 'meterline.close-archive.1',
        close: id,
        documents: ['INV-2026-000001', 'INV-2026-000002', 'INV-2026-000003'].map((number) => ({
          number,
          json: listed(`${number}.json`),
          pdf: { ...listed(`${number}.pdf`), layout: LAYOUT_VERSION },
        })),
        missing: [],
      });
      expect(entries[0]?.bytes.toString()).toBe(await (await get(`/v1/closes/${id}/certificate`)).text());
      const { data } = await service.rest.get<{ data: { id: string; number: string }[] }>(`/v1/invoices?close=${id}`);
      for (const { id: invoice, number } of data) {
        const entry = entries.find(({ name }) => name === `${number}.pdf`);
        expect(entry?.bytes.equals(await service.rest.bytes(`/v1/invoices/${invoice}/pdf`))).toBe(true);
      }
      const audited = await service.rest.get<{ data: { data: { kind: string } }[] }>(
        `/v1/audit-events?action=close.downloaded&subject=close:${id}&limit=200`,
      );
      expect(audited.data.map(({ data: { kind } }) => kind)).toContain('invoices.zip');
      expect((await get('/v1/closes/01900000-0000-7000-8000-000000000000/invoices.zip')).status).toBe(404);
    });

    it('an archive names the document that cannot be had, and holds all others', async () => {
      const { data } = await service.rest.get<{ data: { id: string; number: string }[] }>(`/v1/invoices?close=${id}`);
      const second = data.find(({ number }) => number === 'INV-2026-000002');
      const written: Buffer[] = [];
      const response = new Writable({
        write(piece: Buffer, _encoding, done) {
          written.push(piece);
          done();
        },
      });
      const undrawn = Object.assign(new Error('not a date'), { code: 'malformed_document', retryable: false });
      const closes = {
        xml: none,
        registrations: { pdf: none },
        pdf: (invoice: string) => (invoice === second?.id ? Promise.reject(undrawn) : Promise.resolve(pdfOf(10))),
      };
      await sendInvoices(response, { database: service.database, closes, closeId: id, certificate: undefined });
      expect(response.writableFinished).toBe(true);
      const entries = entriesOf(Buffer.concat(written));
      expect(entries.map(({ name }) => name)).toEqual([
        'INV-2026-000001.json',
        'INV-2026-000001.pdf',
        'INV-2026-000002.json',
        'INV-2026-000003.json',
        'INV-2026-000003.pdf',
        'manifest.json',
      ]);
      expect(JSON.parse(entries.at(-1)?.bytes.toString() ?? '')).toMatchObject({
        documents: [
          { number: 'INV-2026-000001' },
          { number: 'INV-2026-000002', pdf: null },
          { number: 'INV-2026-000003' },
        ],
        missing: [{ number: 'INV-2026-000002', id: second?.id, part: 'pdf', code: 'malformed_document' }],
      });
    });

    it('an archive that cannot be completed is cut, not ended', async () => {
      const written: Buffer[] = [];
      const response = new Writable({
        write(piece: Buffer, _encoding, done) {
          written.push(piece);
          done();
        },
      });
      let served = 0;
      const closes = {
        xml: none,
        registrations: { pdf: none },
        pdf: () => (++served > 1 ? Promise.reject(new Error('no renderer')) : Promise.resolve(pdfOf(10))),
      };
      const month = { database: service.database, closes, closeId: id, certificate: undefined };
      await expect(sendInvoices(response, month)).rejects.toThrow('no renderer');
      expect(response.destroyed).toBe(true);
      expect(response.writableFinished).toBe(false);
    });
  });

  it('a large archive to a slow caller costs no memory', async () => {
    const { database } = service;
    await makeSeller(database, { code: 'many' });
    await makePlan(database, feePlan('fee', '10.00'));
    for (let number = 0; number < 60; number += 1) {
      await makeAccount(database, { seller: 'many', external_id: `a${number}` }, 'fee');
    }
    const { id } = await service.rest.post<Close>('/v1/closes', { seller: 'many', period: PERIOD, issue: 'automatic' });
    await settled(service.rest, id);
    const MEGABYTE = 1_000_000;
    let [served, taken, ahead] = [0, 0, 0];
    const response = new Writable({
      write(piece: Buffer, _encoding, done) {
        taken += piece.length;
        ahead = Math.max(ahead, served - taken);
        setTimeout(done, 5);
      },
    });
    const closes = {
      xml: none,
      registrations: { pdf: none },
      pdf: () => {
        served += 2 * MEGABYTE;
        return Promise.resolve(pdfOf(2 * MEGABYTE));
      },
    };
    await sendInvoices(response, { database, closes, closeId: id, certificate: undefined });
    expect(served).toBe(120 * MEGABYTE);
    expect(taken).toBeGreaterThan(served);
    // What was read and not yet taken: a few documents, however many there are.
    expect(ahead).toBeLessThan(12 * MEGABYTE);
  });

  it('however many follow a close, it is read once in half a second', async () => {
    let reads = 0;
    const shared = new SharedReads(() => {
      reads += 1;
      return sleep(20, undefined);
    });
    const followers = Array.from({ length: 50 }, async (_, follower) => {
      await sleep(follower * 7);
      await shared.read('close');
    });
    await Promise.all(followers);
    expect(reads).toBe(1);
    await sleep(520);
    await Promise.all([shared.read('close'), shared.read('another')]);
    expect(reads).toBe(3);
  });

  it('a schedule is set, shown and taken away', async () => {
    await expect(service.rest.get('/v1/sellers/acme/close-schedule')).rejects.toMatchObject({ status: 404 });
    const asked = { day: 31, hour: 6, minute: 30, time_zone: 'Asia/Kolkata', issue: 'automatic' };
    const set = await service.rest.put('/v1/sellers/acme/close-schedule', asked);
    expect(set).toMatchObject({ seller: 'acme', ...asked, last_run: null, waiting: null });
    const { next_run } = await service.rest.get<{ next_run: { at: string; period: string } }>(
      '/v1/sellers/acme/close-schedule',
    );
    expect(next_run.at).toMatch(/^20\d\d-\d\d-(28|29|30|31)T01:00:00Z$/);
    await expect(service.rest.put('/v1/sellers/acme/close-schedule', { day: 32, hour: 6 })).rejects.toMatchObject({
      status: 422,
    });
    await expect(service.rest.put('/v1/sellers/nobody/close-schedule', asked)).rejects.toMatchObject({ status: 404 });
    const headers = { authorization: `Bearer ${service.adminKey}` };
    const remove = () => fetch(`${service.url}/v1/sellers/acme/close-schedule`, { method: 'DELETE', headers });
    expect([(await remove()).status, (await remove()).status]).toEqual([204, 404]);
  });
});

function pdfOf(size: number): { layout: number; sha256: string; bytes: Uint8Array } {
  return { layout: 2, sha256: 'sha', bytes: Buffer.alloc(size, 7) };
}
