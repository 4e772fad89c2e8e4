import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pg from 'pg';
import { checkStoredDocuments } from '#close';
import { createInvoiceRenderer } from '#invoice-pdf';
import type { IssuedInvoice } from '#invoicing';
import { type ArchiveManifest, verifyCertificates, verifyDocuments, verifyInvoice } from '#proof';
import { sendInvoices } from '../../apps/api/src/closes/invoices-zip.js';
import { feePlan, makePlan } from '../support/catalogue.js';
import { GERMAN_PARTIES } from '../support/electronic-invoices.js';
import { settled, startService, type TestService } from '../support/service.js';
import { arithmeticFaults, readInvoice } from '../support/written-invoice.js';
import { entriesOf } from '../support/zip.js';
import { embeddedFiles, facturXFaults, pdfaFaults } from './pdfa-structure.js';

const PERIOD = '2026-08';
const VAT = [{ name: 'USt', category: 'S' as const, rate: '19' }];
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

const { supplier, customer } = GERMAN_PARTIES;
/** A seller that is printed completely, and says nothing of what only electronic invoices need. */
const SELLER = {
  ...{ country: 'DE', currency: 'EUR', time_zone: 'Europe/Berlin', settle_hours: 0 },
  ...{ name: supplier.name, address: supplier.address, tax_id: 'DE136695976', email: supplier.email },
};
const TERMS = {
  bank: supplier.bank,
  contact: supplier.contact,
  registration: { scheme: '0002', id: 'HRB 123456' },
  e_invoice: supplier.e_invoice,
};
const ACCOUNT = { name: customer.name, address: customer.address, email: customer.email, taxes: VAT };
const E_INVOICE = { ...customer.e_invoice, profile: 'xrechnung' };

interface Issued {
  id: string;
  number: string;
  account: string;
  customer: IssuedInvoice['customer'];
  supplier: IssuedInvoice['supplier'];
}

interface CloseAccount {
  account: string;
  external_id: string;
  state: string;
  reason: { code: string; message: string; way_out: string } | null;
}

describe('electronic invoices', () => {
  let service: TestService;
  let owner: pg.Client;

  beforeAll(async () => {
    service = await startService({ fleet: { accounts: 1, sites: 1, subscribers: 1 }, seed: 7 });
    owner = new pg.Client({ connectionString: service.ownerUrl });
    await owner.connect();
    await makePlan(service.database, { ...feePlan('fee', '100.00'), currency: 'EUR' });
    await makePlan(service.database, { ...feePlan('dinar', '100.000'), currency: 'BHD' });
  });
  afterAll(async () => {
    await owner.end();
    await service.stop();
  });

  const ask = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${service.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${service.adminKey}`,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    return {
      status: answer.status,
      headers: answer.headers,
      bytes,
      json: isJson ? JSON.parse(bytes.toString()) : null,
    };
  };
  const seller = (code: string, over: object = {}) => service.rest.post('/v1/sellers', { code, ...SELLER, ...over });
  const account = async (of: { seller: string; external_id: string } & Record<string, unknown>, plan = 'fee') => {
    const { id } = await service.rest.post<{ id: string }>('/v1/accounts', { ...ACCOUNT, ...of });
    await service.rest.post('/v1/subscriptions', { account: id, plan, starts_at: '2020-01-01' });
    return id;
  };
  const close = async (code: string, over: object = {}) => {
    const { id } = await service.rest.post<{ id: string }>('/v1/closes', { seller: code, period: PERIOD, ...over });
    await settled(service.rest, id);
    return id;
  };
  const accountsOf = async (closeId: string) =>
    (await service.rest.get<{ data: CloseAccount[] }>(`/v1/closes/${closeId}/accounts`)).data.sort((a, b) =>
      a.external_id.localeCompare(b.external_id),
    );
  const issuedOf = async (closeId: string) =>
    (await service.rest.get<{ data: Issued[] }>(`/v1/invoices?close=${closeId}`)).data;
  const storedForms = async (invoice: string) => {
    const { rows } = await owner.query<{ kind: string; sha256: string }>(
      `SELECT kind, sha256 FROM stored_document WHERE invoice_id = $1 AND kind <> 'pdf' ORDER BY kind`,
      [invoice],
    );
    return rows;
  };

  it('are asked for by members that are checked at the door', async () => {
    await seller('doors', TERMS);
    expect(await service.rest.get('/v1/sellers/doors')).toMatchObject({
      ...TERMS,
      bank: { iban: 'DE89370400440532013000', bic: 'COBADEFFXXX' },
    });
    const refusedOf = async (over: object, path = '/v1/accounts') => {
      const body = path === '/v1/accounts' ? { seller: 'doors', external_id: 'x', ...ACCOUNT, ...over } : over;
      const { status, json } = await ask(path === '/v1/accounts' ? 'POST' : 'PATCH', path, body);
      return [status, json.code, ...json.errors.map(({ pointer }: { pointer: string }) => pointer)];
    };
    const wrong: [object, string][] = [
      [{ e_invoice: { profile: 'edifact' } }, '/e_invoice/profile'],
      [{ e_invoice: { endpoint: { scheme: '0000', id: '1' } } }, '/e_invoice/endpoint/scheme'],
      [{ e_invoice: { endpoint: { scheme: '0204', id: '' } } }, '/e_invoice/endpoint/id'],
      [{ e_invoice: { endpoint: { scheme: 'EM', id: 'nobody' } } }, '/e_invoice/endpoint/id'],
      [{ e_invoice: { buyer_reference: 'x'.repeat(101) } }, '/e_invoice/buyer_reference'],
      [{ e_invoice: { order_reference: '\u0007' } }, '/e_invoice/order_reference'],
      [{ e_invoice: { colour: 'red' } }, '/e_invoice/colour'],
      [{ registration: { scheme: '0249', id: '1' } }, '/registration/scheme'],
      [{ registration: { scheme: '0088', id: '7300010000002' } }, '/registration/id'],
      [{ e_invoice: { endpoint: { scheme: '0208', id: '0202239952' } } }, '/e_invoice/endpoint/id'],
    ];
    for (const [over, pointer] of wrong) expect(await refusedOf(over)).toEqual([422, 'invalid_request', pointer]);
    const onSeller: [object, string][] = [
      [{ contact: { phone: 'ask' } }, '/contact/phone'],
      [{ contact: { email: 'nobody' } }, '/contact/email'],
      [{ e_invoice: { profile: 'ubl' } }, '/e_invoice/profile'],
    ];
    for (const [over, pointer] of onSeller)
      expect(await refusedOf(over, '/v1/sellers/doors')).toEqual([422, 'invalid_request', pointer]);

    const id = await account({ seller: 'doors', external_id: 'a', e_invoice: { profile: 'peppol' } });
    expect(await service.rest.get(`/v1/accounts/${id}`)).toMatchObject({
      registration: null,
      e_invoice: { profile: 'peppol', buyer_reference: null, order_reference: null, endpoint: null },
    });
    expect((await ask('PATCH', `/v1/accounts/${id}`, { e_invoice: null })).json).toMatchObject({ e_invoice: null });
    const { json } = await ask('GET', `/v1/audit-events?subject=account:${id}&action=account.changed`);
    expect(json.data[0].data).toEqual({ members: ['e_invoice'] });
  });

  it('are not promised in a currency that EN 16931 has no room for, whose PDF stands alone', async () => {
    await seller('gulf', { ...TERMS, currency: 'BHD' });
    const e_invoice = { profile: 'ubl' };
    const refusal = { code: 'currency_not_in_e_invoices', errors: [{ pointer: '/e_invoice/profile' }] };
    const made = await ask('POST', '/v1/accounts', { ...ACCOUNT, seller: 'gulf', external_id: 'x', e_invoice });
    expect([made.status, made.json]).toMatchObject([422, refusal]);
    const id = await account({ seller: 'gulf', external_id: 'a' }, 'dinar');
    const changed = await ask('PATCH', `/v1/accounts/${id}`, { e_invoice });
    expect([changed.status, changed.json]).toMatchObject([422, refusal]);
    const [invoice] = await issuedOf(await close('gulf', { issue: 'automatic' }));
    for (const format of ['cii', 'ubl', 'xrechnung', 'xrechnung-ubl', 'peppol']) {
      const { status, json } = await ask('GET', `/v1/invoices/${invoice?.id}/xml?format=${format}`);
      expect([status, json.code]).toEqual([409, 'currency_not_in_e_invoices']);
      expect(json.detail).toContain('BHD has 3 decimals');
    }
    expect(await storedForms(invoice?.id ?? '')).toEqual([]);
  });

  it('that lack something hold their account, in a dry run, in review and in an automatic close, by every member', async () => {
    await seller('lacking');
    const id = await account({ seller: 'lacking', external_id: 'a', e_invoice: { profile: 'xrechnung' } });
    await account({ seller: 'lacking', external_id: 'b' });
    const LACKS = [
      ...['/seller/contact/name', '/seller/contact/phone', '/seller/bank/iban', '/e_invoice/buyer_reference'],
    ];
    const ends = async (closeId: string) =>
      (await accountsOf(closeId)).map(({ state, reason }) => [state, reason?.code, reason?.message]);
    const held = ['held', 'e_invoice_incomplete', `the format xrechnung requires ${LACKS.join(', ')}; fill them in`];
    const { json: estimate } = await ask('GET', `/v1/accounts/${id}/estimate?period=${PERIOD}`);
    expect(estimate.would_hold).toEqual([{ code: held[1], message: held[2] }]);
    expect(await ends(await close('lacking', { dry_run: true }))).toEqual([held, ['drafted', undefined, undefined]]);
    const closeId = await close('lacking', { issue: 'automatic' });
    expect(await ends(closeId)).toEqual([held, ['issued', undefined, undefined]]);
    const waived = await ask('POST', `/v1/closes/${closeId}/accounts/${id}/waive`, {
      ...{ code: 'e_invoice_incomplete', reason: 'the customer will not mind' },
    });
    expect([waived.status, waived.json.code]).toEqual([422, 'hold_not_waivable']);

    await ask('PATCH', '/v1/sellers/lacking', TERMS);
    await ask('PATCH', `/v1/accounts/${id}`, { e_invoice: E_INVOICE });
    await ask('POST', `/v1/closes/${closeId}/retry`);
    await settled(service.rest, closeId);
    expect((await ends(closeId)).map(([state]) => state)).toEqual(['issued', 'issued']);

    await seller('lacking-in-review');
    await account({ seller: 'lacking-in-review', external_id: 'a', e_invoice: { profile: 'xrechnung' } });
    expect(await ends(await close('lacking-in-review'))).toEqual([held]);
  });

  it('that cannot be written at all hold their account, which can have the PDF alone', async () => {
    await seller('two-taxes', TERMS);
    const taxes = [
      { name: 'State', category: 'S', rate: '5', component_of: 'GST' },
      { name: 'City', category: 'S', rate: '3', component_of: 'GST' },
    ];
    const id = await account({
      seller: 'two-taxes',
      external_id: 'a',
      taxes,
      e_invoice: { ...E_INVOICE, profile: 'cii' },
    });
    const closeId = await close('two-taxes', { issue: 'automatic' });
    const [held] = await accountsOf(closeId);
    expect(held?.reason?.code).toBe('e_invoice_impossible');
    expect(held?.reason?.message).toContain('there is no cii of this invoice (several_taxes_on_a_line)');
    await ask('PATCH', `/v1/accounts/${id}`, { e_invoice: { ...E_INVOICE, profile: null } });
    await ask('POST', `/v1/closes/${closeId}/retry`);
    await settled(service.rest, closeId);
    const [invoice] = await issuedOf(closeId);
    const { status, json } = await ask('GET', `/v1/invoices/${invoice?.id}/xml?format=cii`);
    expect([status, json.code]).toEqual([409, 'several_taxes_on_a_line']);
  });

  it('name what the document lacks when they are asked for', async () => {
    await seller('plain');
    await account({ seller: 'plain', external_id: 'a' });
    const [invoice] = await issuedOf(await close('plain', { issue: 'automatic' }));
    expect(invoice?.customer).not.toHaveProperty('e_invoice');
    expect(Object.keys(invoice?.supplier ?? {})).toEqual(
      expect.not.arrayContaining(['contact', 'registration', 'e_invoice']),
    );
    const bare = await ask('GET', `/v1/invoices/${invoice?.id}/xml`);
    expect([bare.status, bare.json.code, bare.json.errors[0].pointer]).toEqual([422, 'format_missing', '/format']);
    const { status, json } = await ask('GET', `/v1/invoices/${invoice?.id}/xml?format=peppol`);
    expect([status, json.code]).toEqual([409, 'e_invoice_incomplete']);
    expect(json.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      ...['/seller/e_invoice/endpoint', '/e_invoice/endpoint', '/e_invoice/buyer_reference'],
      ...['/seller/contact/name', '/seller/contact/phone', '/seller/bank/iban'],
    ]);
    expect((await ask('GET', `/v1/invoices/${invoice?.id}/xml?format=cii`)).status).toBe(200);
    expect((await ask('GET', `/v1/invoices/${invoice?.id}/xml?format=edifact`)).status).toBe(400);
  });

  it('stand inside of the PDF where the customer wants that, what an operator adds to the plan included', async () => {
    await seller('hybrid', TERMS);
    const e_invoice = { ...E_INVOICE, profile: 'factur-x' };
    const id = await account({ seller: 'hybrid', external_id: 'a', e_invoice });
    const adjust = (body: object) => service.rest.post(`/v1/accounts/${id}/adjustments`, body);
    await adjust({ amount: '-5.00', reason: 'A day without service' });
    await adjust({ amount: '3.21', reason: 'A cable' });
    const closeId = await close('hybrid', { issue: 'automatic' });
    const [invoice] = await issuedOf(closeId);
    const { bytes: written } = await ask('GET', `/v1/invoices/${invoice?.id}/xml`);
    const read = readInvoice(written.toString());
    expect(arithmeticFaults(read, 2)).toEqual([]);
    // 98.21 × 0.19 = 18.6599
    expect(read).toMatchObject({
      customization: 'urn:cen.eu:en16931:2017',
      totals: { net: '98.21', tax: '18.66', payable: '116.87' },
    });
    expect(read.lines.map(({ name, net }) => [name, net])).toEqual([
      ['Fee', '100.00'],
      ['A day without service', '-5.00'],
      ['A cable', '3.21'],
    ]);
    const folder = await mkdtemp(join(tmpdir(), 'meterline-hybrid-'));
    try {
      const file = join(folder, 'hybrid.pdf');
      await writeFile(file, (await ask('GET', `/v1/invoices/${invoice?.id}/pdf`)).bytes);
      expect(pdfaFaults(file)).toEqual([]);
      expect(facturXFaults(file)).toEqual([]);
      expect(embeddedFiles(file).map(({ name, bytes }) => [name, bytes.toString()])).toEqual([
        ['factur-x.xml', written.toString()],
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
    expect((await storedForms(invoice?.id ?? '')).map(({ kind }) => kind)).toEqual(['cii']);
    const evidence = (await ask('GET', `/v1/invoices/${invoice?.id}/evidence`)).bytes.toString();
    expect(verifyInvoice(evidence)).toMatchObject({ outcome: 'valid', renditions: [{ kind: 'cii', rewritten: true }] });
  });

  describe('of a month', () => {
    let closeId: string;
    let invoice: Issued;
    let plain: Issued;

    beforeAll(async () => {
      await seller('acme', TERMS);
      const wanting = await account({ seller: 'acme', external_id: 'a', e_invoice: E_INVOICE });
      await account({ seller: 'acme', external_id: 'b' });
      closeId = await close('acme', { issue: 'automatic' });
      for (const each of await issuedOf(closeId)) {
        if (each.account === wanting) invoice = each;
        else plain = each;
      }
    });

    const xml = (format?: string, id = invoice.id) =>
      ask('GET', `/v1/invoices/${id}/xml${format === undefined ? '' : `?format=${format}`}`);

    it('freeze what was agreed, and come out exact', async () => {
      expect(invoice.customer.e_invoice).toEqual(E_INVOICE);
      expect(invoice.supplier).toMatchObject({ contact: TERMS.contact, registration: TERMS.registration });
      await ask('PATCH', `/v1/accounts/${invoice.account}`, { e_invoice: { ...E_INVOICE, buyer_reference: 'other' } });
      const { status, headers, bytes } = await xml();
      expect(status).toBe(200);
      const text = bytes.toString();
      expect(text).toContain(E_INVOICE.buyer_reference);
      expect(text).toContain('HRB 123456');
      const written = readInvoice(text);
      expect(arithmeticFaults(written, 2)).toEqual([]);
      expect(written).toMatchObject({
        number: invoice.number,
        customization: 'urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0',
        totals: { net: '100.00', tax: '19.00', gross: '119.00', payable: '119.00' },
      });
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': 'application/xml',
        'content-disposition': `attachment; filename=${invoice.number}-xrechnung.xml`,
        etag: `"${sha256(bytes)}"`,
        'x-content-sha256': sha256(bytes),
      });
      const known = await ask('GET', `/v1/invoices/${invoice.id}/xml`, undefined, {
        'if-none-match': `"${sha256(bytes)}"`,
      });
      expect([known.status, known.bytes.length]).toEqual([304, 0]);
      const { json } = await ask('GET', `/v1/audit-events?subject=invoice:${invoice.id}&action=invoice.downloaded`);
      expect(json.data[0].data).toMatchObject({ kind: 'xrechnung', sha256: sha256(bytes) });
    });

    it('are written once, by the close where the account wants one, whatever asks at the same time', async () => {
      expect(await storedForms(plain.id)).toEqual([]);
      const stored = await storedForms(invoice.id);
      expect(stored.map(({ kind }) => kind)).toEqual(['xrechnung']);
      const answers = await Promise.all(Array.from({ length: 8 }, () => xml('ubl')));
      expect(new Set(answers.map(({ status, bytes }) => `${status} ${sha256(bytes)}`)).size).toBe(1);
      const after = await storedForms(invoice.id);
      expect(after).toEqual([{ kind: 'ubl', sha256: sha256(answers[0]?.bytes ?? '') }, ...stored]);
      const { rows } = await owner.query(
        `SELECT FROM audit_event WHERE subject = $1 AND action = 'document.stored' AND data->>'kind' = 'ubl'`,
        [`invoice:${invoice.id}`],
      );
      expect(rows.length).toBe(1);
      const changes = ['UPDATE stored_document SET layout = 2', 'DELETE FROM stored_document'];
      for (const change of changes) {
        await expect(service.database.$executeRawUnsafe(change)).rejects.toThrow(/permission denied/);
      }
    });

    it('are in the archive and the evidence, and an auditor writes them again', async () => {
      const zip = entriesOf((await ask('GET', `/v1/closes/${closeId}/invoices.zip`)).bytes);
      const names = [invoice, plain].map(({ number }) => number).sort();
      const filesOf = (number: string) => [
        ...[`${number}.json`, `${number}.pdf`],
        ...(number === invoice.number ? [`${number}.xml`] : []),
      ];
      expect(zip.map(({ name }) => name)).toEqual(['certificate.json', ...names.flatMap(filesOf), 'manifest.json']);
      const { bytes } = await xml();
      expect(zip.find(({ name }) => name === `${invoice.number}.xml`)?.bytes.equals(bytes)).toBe(true);
      const manifest = JSON.parse(zip.at(-1)?.bytes.toString() ?? '') as ArchiveManifest;
      expect(manifest.missing).toEqual([]);
      const listed = Object.fromEntries(manifest.documents.map(({ number, xml: form }) => [number, form]));
      expect(listed[invoice.number]).toEqual({
        ...{ kind: 'xrechnung', file: `${invoice.number}.xml`, sha256: sha256(bytes), layout: 1 },
      });
      expect(manifest.documents.find(({ number }) => number === plain.number)).not.toHaveProperty('xml');

      const [certificate] = zip;
      const verdict = verifyCertificates([{ name: 'certificate.json', text: certificate?.bytes.toString() ?? '' }]);
      if (verdict.outcome !== 'valid') throw new Error(verdict.message);
      const renderer = createInvoiceRenderer();
      const compare = async (files: readonly { name: string; bytes: Buffer }[]) => {
        const readable = files.map(({ name, bytes: content }) => ({
          name,
          async *read() {
            yield await Promise.resolve(content);
          },
        }));
        const { differences, xmls } = await verifyDocuments(verdict.certificates, readable, renderer);
        return { differences: differences.map(({ what, name }) => `${what} ${name}`), xmls };
      };
      try {
        expect(await compare(zip)).toEqual({ differences: [], xmls: { found: 1, rewritten: 1, otherLayout: 0 } });
        const file = `${invoice.number}.xml`;
        const other = Buffer.from(bytes.toString().replace('119.00', '911.00'));
        const withXml = (content: Buffer, hash?: string) =>
          zip.map((entry) => {
            if (entry.name === file) return { name: file, bytes: content };
            if (entry.name !== 'manifest.json' || hash === undefined) return entry;
            return { ...entry, bytes: Buffer.from(entry.bytes.toString().replace(sha256(bytes), hash)) };
          });
        expect((await compare(withXml(other))).differences).toEqual([`altered ${file}`]);
        expect((await compare(withXml(other, sha256(other)))).differences).toEqual([`altered ${file}`]);
        expect((await compare(zip.filter(({ name }) => name !== file))).differences).toEqual([`missing ${file}`]);
        const extra = { name: `${plain.number}.xml`, bytes };
        expect((await compare([...zip, extra])).differences).toEqual([`extra ${plain.number}.xml`]);
      } finally {
        await renderer.close();
      }

      const evidence = (await ask('GET', `/v1/invoices/${invoice.id}/evidence`)).bytes.toString();
      const proved = verifyInvoice(evidence);
      expect(proved).toMatchObject({ outcome: 'valid', number: invoice.number });
      expect(proved.outcome === 'valid' && proved.renditions).toEqual([
        { kind: 'ubl', sha256: (await storedForms(invoice.id))[0]?.sha256, rewritten: true },
        { kind: 'xrechnung', sha256: sha256(bytes), rewritten: true },
      ]);
      const altered = verifyInvoice(evidence.replace(sha256(bytes), 'f'.repeat(64)));
      expect(altered).toMatchObject({ outcome: 'invalid', path: 'renditions[1].sha256' });
      const without = JSON.parse(evidence) as { renditions?: unknown };
      delete without.renditions;
      expect(verifyInvoice(JSON.stringify(without))).toMatchObject({ outcome: 'invalid', path: 'renditions' });
      const ofPlain = JSON.parse((await ask('GET', `/v1/invoices/${plain.id}/evidence`)).bytes.toString()) as object;
      expect(ofPlain).not.toHaveProperty('renditions');
      expect(verifyInvoice(JSON.stringify(ofPlain))).toMatchObject({ outcome: 'valid', renditions: [] });
    });

    it('that a document cannot have are told in the manifest, and an auditor finds the same or does not', async () => {
      const written: Buffer[] = [];
      const response = new Writable({
        write(piece: Buffer, _encoding, done) {
          written.push(piece);
          done();
        },
      });
      const refused = { outcome: 'refused', code: 'tax_of_a_line_unclear', message: 'two ways' } as const;
      const pdf = { layout: 1, sha256: sha256('%PDF'), bytes: Buffer.from('%PDF') };
      const closes = {
        pdf: () => Promise.resolve(pdf),
        xml: () => Promise.resolve(refused),
        registrations: { pdf: () => Promise.resolve(undefined) },
      };
      const renderer = createInvoiceRenderer();
      await sendInvoices(response, { database: service.database, closes, closeId, certificate: undefined });
      const entries = entriesOf(Buffer.concat(written));
      const manifest = JSON.parse(entries.at(-1)?.bytes.toString() ?? '') as ArchiveManifest;
      expect(manifest.missing).toEqual([]);
      expect(manifest.documents.find(({ number }) => number === invoice.number)?.xml).toEqual({
        ...{ kind: 'xrechnung', refused: 'tax_of_a_line_unclear' },
      });
      // The auditor can write it, so the archive was made without it.
      const text = (await ask('GET', `/v1/closes/${closeId}/certificate`)).bytes.toString();
      const verdict = verifyCertificates([{ name: 'certificate.json', text }]);
      if (verdict.outcome !== 'valid') throw new Error(verdict.message);
      const files = [{ name: 'certificate.json', bytes: Buffer.from(text) }, ...entries].map(({ name, bytes }) => ({
        name,
        async *read() {
          yield await Promise.resolve(bytes);
        },
      }));
      const { differences } = await verifyDocuments(verdict.certificates, files, renderer);
      await renderer.close();
      expect(
        differences.filter(({ name }) => name.endsWith('.xml')).map(({ what, name }) => `${what} ${name}`),
      ).toEqual([`missing ${invoice.number}.xml`]);
    });

    it('of a credit note of a part say what is credited', async () => {
      const part = { reason: 'a day without service', amount: '10.00' };
      const answer = await ask('POST', `/v1/invoices/${invoice.id}/credit-notes`, part);
      expect(answer.status).toBe(201);
      const { bytes } = await xml(undefined, (answer.json as Issued).id);
      const written = readInvoice(bytes.toString());
      expect(arithmeticFaults(written, 2, 2)).toEqual([]);
      expect(written).toMatchObject({ typeCode: '381', totals: { net: '10.00', tax: '1.90', payable: '11.90' } });
      expect(written.note).toContain('a day without service');
    });

    it('of a credit note that takes all back are of type 381, name it, and verify', async () => {
      const answer = await ask('POST', `/v1/invoices/${invoice.id}/credit-notes`, {
        reason: 'wrong company',
        full: true,
      });
      expect(answer.status).toBe(201);
      const note = answer.json as Issued;
      const { status, bytes } = await xml(undefined, note.id);
      expect(status).toBe(200);
      const written = readInvoice(bytes.toString());
      expect(arithmeticFaults(written, 2, 2)).toEqual([]);
      expect(written).toMatchObject({
        ...{ number: note.number, typeCode: '381', preceding: invoice.number },
        totals: { net: '90.00', tax: '17.10', payable: '107.10' },
      });
      const evidence = (await ask('GET', `/v1/invoices/${note.id}/evidence`)).bytes.toString();
      expect(verifyInvoice(evidence)).toMatchObject({
        outcome: 'valid',
        renditions: [{ kind: 'xrechnung', sha256: sha256(bytes), rewritten: true }],
      });
    });

    /** What a month of checks finds. */
    const checkedAll = async () => {
      await owner.query(`UPDATE document_check SET started_at = started_at - interval '28 days'`);
      const found: object[] = [];
      for (;;) {
        const { more, altered, ended } = await checkStoredDocuments(service.database, 0);
        found.push(...altered);
        if (ended) return found;
        expect(more).toBe(true);
      }
    };

    it('that were altered in the database are not served, also where their hash was made to fit', async () => {
      for (const each of ['invoice', 'stored_document']) await owner.query(`ALTER TABLE ${each} DISABLE TRIGGER USER`);
      await owner.query('ALTER TABLE stored_document DROP CONSTRAINT stored_document_has_its_hash');
      const alter = (sql: string) => owner.query(`${sql} WHERE invoice_id = $1 AND kind = 'xrechnung'`, [invoice.id]);
      const before = (await xml()).bytes;
      await alter(`UPDATE stored_document SET bytes = set_byte(bytes, 900, 65)`);
      expect((await xml()).json).toMatchObject({ status: 500, code: 'document_altered' });
      await alter(`UPDATE stored_document SET sha256 = encode(sha256(bytes), 'hex')`);
      const refused = await xml();
      expect(refused.json).toMatchObject({ status: 500, code: 'document_altered' });
      expect(refused.json.detail).toContain(`the electronic form of the document ${invoice.number}`);
      expect((await ask('GET', `/v1/invoices/${invoice.id}/evidence`)).json).toMatchObject({
        code: 'document_altered',
      });
      const zip = entriesOf((await ask('GET', `/v1/closes/${closeId}/invoices.zip`)).bytes);
      expect((JSON.parse(zip.at(-1)?.bytes.toString() ?? '') as ArchiveManifest).missing).toEqual([
        { number: invoice.number, id: invoice.id, part: 'xml', code: 'document_altered' },
      ]);
      // The other forms and the PDF are as they were.
      expect((await xml('ubl')).status).toBe(200);
      expect((await ask('GET', `/v1/invoices/${invoice.id}/pdf`)).status).toBe(200);
      const { rows } = await owner.query(`SELECT part, name FROM document_alteration WHERE subject = $1`, [
        `invoice:${invoice.id}`,
      ]);
      expect(rows).toEqual([{ part: 'xml', name: invoice.number }]);
      const found = await checkedAll();
      expect(found).toEqual([{ subject: `invoice:${invoice.id}`, part: 'xml', name: invoice.number }]);
      await owner.query(
        `UPDATE stored_document SET bytes = $2, sha256 = $3 WHERE invoice_id = $1 AND kind = 'xrechnung'`,
        [invoice.id, before, sha256(before)],
      );
      expect((await xml()).bytes.equals(before)).toBe(true);
      expect(await checkedAll()).toEqual([]);
    });
  });
});
