import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createInvoiceRenderer } from '#invoice-pdf';
import { verifyCertificates, verifyDocuments, verifyInvoice } from '#proof';
import { InvoicePortal, type PortalAnswer } from '../support/invoice-portal.js';
import { feePlan, makePlan } from '../support/catalogue.js';
import { read, readQrCode } from '../support/readers.js';
import { settled, startService, type TestService } from '../support/service.js';
import { entriesOf, type ZipEntry } from '../support/zip.js';

const PERIOD = '2026-08';

const at = (city: string, region: string | null, postal_code: string, country = 'IN') => ({
  ...{ line1: '4th Floor, Nariman Bhavan', line2: null, city, region, postal_code, country },
});
const SELLER = {
  ...{
    name: 'Bharat Mobile Data Pvt. Ltd.',
    country: 'IN',
    currency: 'INR',
    time_zone: 'Asia/Kolkata',
    settle_hours: 0,
  },
  ...{ tax_id: '27AAPFU0939F1ZV', address: at('Mumbai', 'Maharashtra', '400021'), email: 'accounts@bharat.example' },
  ...{ invoice_prefix: 'AB', number_format: '{prefix}/{fy}/{sequence}', fiscal_year_start: 4, payable_rounding: '1' },
  gst: { rate: '18' },
};
const PUNE = { name: 'Pune Traders', tax_id: '27AABCU9603R1ZN', address: at('Pune', 'Maharashtra', '411001') };
const BENGALURU = {
  name: 'Bengaluru Foods',
  tax_id: '29AAGCB7383J1Z4',
  address: at('Bengaluru', 'Karnataka', '560001'),
};

interface Issued {
  id: string;
  number: string;
  issue_date: string;
  customer: { reference: string };
  taxes: { name: string; rate: string; base: string; amount: string }[];
  gross: string;
  rounding: string;
  payable: string;
  gst?: object;
}

describe('a seller in India', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService({ fleet: { accounts: 1, sites: 1, subscribers: 1 }, seed: 7 });
    const fee = feePlan('fee', '12345.67');
    const charges = fee.charges.map((charge) => ({ ...charge, commodity_code: '998422' }));
    await makePlan(service.database, { ...fee, charges, currency: 'INR' });
  });
  afterAll(() => service.stop());

  const seller = (code: string, over: object = {}) => service.rest.post('/v1/sellers', { code, ...SELLER, ...over });
  const account = async (of: { seller: string; external_id: string } & Record<string, unknown>) => {
    const { id } = await service.rest.post<{ id: string }>('/v1/accounts', of);
    await service.rest.post('/v1/subscriptions', { account: id, plan: 'fee', starts_at: '2020-01-01' });
    return id;
  };
  const close = async (code: string) => {
    const { id } = await service.rest.post<{ id: string }>('/v1/closes', {
      ...{ seller: code, period: PERIOD, issue: 'automatic' },
    });
    await settled(service.rest, id);
    return id;
  };
  const issuedOf = async (closeId: string) =>
    (await service.rest.get<{ data: Issued[] }>(`/v1/invoices?close=${closeId}`)).data;

  // 12,345.67 at 18 % by hand: 9 % is 1,111.1103, twice 1,111.11; 18 % is 2,222.2206, so 2,222.22. 14,567.89 in whole rupees
  // is 14,568, and 12,345.67 is 12,346.
  it('is taxed by the place of supply, and rounds to the rupee', async () => {
    await seller('states');
    await account({ seller: 'states', external_id: 'a-same', ...PUNE });
    await account({ seller: 'states', external_id: 'b-other', ...BENGALURU });
    await account({ seller: 'states', external_id: 'c-zone', ...PUNE, gst: { sez: true } });
    await account({ seller: 'states', external_id: 'd-free', ...PUNE, gst: { sez: true, with_payment: false } });
    await account({
      seller: 'states',
      external_id: 'e-abroad',
      name: 'Delft',
      address: at('Delft', null, '2611', 'NL'),
    });
    await account({ seller: 'states', external_id: 'f-person', name: 'Asha', address: at('Nashik', 'MH', '422001') });
    const issued = await issuedOf(await close('states'));
    const told = issued
      .map(({ customer, taxes, rounding, payable, gst }) => ({
        ...{
          of: customer.reference,
          taxes: taxes.map(({ name, rate, amount }) => `${name} ${rate} ${amount}`).join(', '),
        },
        ...{ rounding, payable, gst },
      }))
      .sort((a, b) => a.of.localeCompare(b.of));
    const halves = 'CGST 9 1111.11, SGST 9 1111.11';
    const taxed = { rounding: '0.11', payable: '14568.00' };
    const free = { rounding: '0.33', payable: '12346.00' };
    const within = { place_of_supply: '27', supply: 'intra_state', with_payment: true };
    expect(told).toEqual([
      { of: 'a-same', taxes: halves, ...taxed, gst: within },
      {
        ...{ of: 'b-other', taxes: 'IGST 18 2222.22', ...taxed },
        gst: { place_of_supply: '29', supply: 'inter_state', with_payment: true },
      },
      {
        ...{ of: 'c-zone', taxes: 'IGST 18 2222.22', ...taxed },
        gst: { place_of_supply: '27', supply: 'sez', with_payment: true },
      },
      {
        ...{ of: 'd-free', taxes: 'IGST 0 0.00', ...free },
        gst: { place_of_supply: '27', supply: 'sez', with_payment: false },
      },
      {
        ...{ of: 'e-abroad', taxes: 'IGST 18 2222.22', ...taxed },
        gst: { place_of_supply: '96', supply: 'export', with_payment: true },
      },
      { of: 'f-person', taxes: halves, ...taxed, gst: within },
    ]);
    const [first] = issued.map(({ number }) => number).sort();
    expect(first).toMatch(/^AB\/\d\d-\d\d\/000001$/);
  });

  it('is held where taxes contradict it, and where it is not clear', async () => {
    await seller('holds');
    const taxes = [{ name: 'IGST', category: 'S', rate: '18' }];
    const wrong = await account({ seller: 'holds', external_id: 'a', ...PUNE, taxes });
    await account({ seller: 'holds', external_id: 'b', ...PUNE, address: at('Mysuru', 'Karnataka', '570001') });
    await account({ seller: 'holds', external_id: 'c', ...PUNE, tax_id: null, gst: { sez: true } });
    const id = await close('holds');
    const accounts = async () =>
      (
        await service.rest.get<{
          data: { external_id: string; state: string; reason: { code: string; message: string } }[];
        }>(`/v1/closes/${id}/accounts`)
      ).data.sort((a, b) => a.external_id.localeCompare(b.external_id));
    const held = await accounts();
    expect(held.map(({ state, reason }) => [state, reason.code])).toEqual([
      ['held', 'taxes_contradict_place_of_supply'],
      ['held', 'place_of_supply_unclear'],
      ['held', 'place_of_supply_unclear'],
    ]);
    expect(held[0]?.reason.message).toContain('CGST and SGST fall on it, not IGST');
    expect(held[1]?.reason.message).toContain('/tax_id, /address/region, /gst/place_of_supply');
    const mended = await fetch(`${service.url}/v1/accounts/${wrong}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${service.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ taxes: [] }),
    });
    expect(mended.status).toBe(200);
    await service.rest.post(`/v1/closes/${id}/retry`, { accounts: [wrong] });
    await settled(service.rest, id);
    expect((await issuedOf(id)).map(({ payable }) => payable)).toEqual(['14568.00']);
  });

  it('has GSTINs in capitals, with their state and check character', async () => {
    const written = await service.rest.post<{ tax_id: string }>('/v1/sellers', {
      ...{ code: 'capitals', ...SELLER, tax_id: ' 27 aapfu 0939f1zv ' },
    });
    expect(written.tax_id).toBe('27AAPFU0939F1ZV');
    for (const tax_id of ['27AAPFU0939F1ZA', '28AAPFU0939F1ZT', '27AAPFU0939F1Z']) {
      await expect(seller('slips', { tax_id })).rejects.toMatchObject({ status: 422 });
    }
  });

  it('numbers as the law wants it, or not at all', async () => {
    const refused = {
      number_format: '{prefix}{fy}{sequence}',
      time_zone: 'UTC',
      fiscal_year_start: 1,
      invoice_prefix: 'ABC1',
    };
    for (const [member, value] of Object.entries(refused)) {
      await expect(seller('numbers', { [member]: value })).rejects.toMatchObject({ status: 422 });
    }
    await seller('numbers');
  });

  describe('registered by a portal', () => {
    const portal = new InvoicePortal();
    const headers = () => ({ authorization: `Bearer ${service.adminKey}` });
    const get = async (path: string) => {
      const answer = await fetch(`${service.url}${path}`, { headers: headers() });
      return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
    };
    const post = async (invoice: string, body: object, key = service.adminKey) => {
      const answer = await fetch(`${service.url}/v1/invoices/${invoice}/irn`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const { code, errors, ...json } = (await answer.json()) as {
        code?: string;
        errors?: { pointer: string }[];
      } & Record<string, string>;
      return { status: answer.status, code, pointer: errors?.[0]?.pointer, json };
    };
    const given = (answer: PortalAnswer) => ({
      ...{ irn: answer.Irn, ack_no: answer.AckNo, ack_date: answer.AckDt },
      ...{ signed_qr_code: answer.SignedQRCode, signed_invoice: answer.SignedInvoice },
    });
    const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
    /** As the portal has it: GSTIN, financial year, type and number. */
    const irnOf = ({ number, issue_date }: Issued) => {
      const [year = 0, month = 0] = issue_date.split('-').map(Number);
      const first = month >= 4 ? year : year - 1;
      return sha256(`27AAPFU0939F1ZV${first}-${String(first + 1).slice(2)}INV${number}`);
    };

    let closeId: string;
    let invoice: Issued;
    let payload: string;

    beforeAll(async () => {
      await seller('portal', { settings: { irp_public_keys: [portal.publicKey] }, gst: { rate: '18', sac: '998422' } });
      await account({ seller: 'portal', external_id: 'p', ...PUNE, e_invoice: { profile: 'inv01' } });
      closeId = await close('portal');
      const [issued] = await issuedOf(closeId);
      if (issued === undefined) throw new Error('nothing was issued');
      invoice = issued;
      payload = (await get(`/v1/invoices/${invoice.id}/inv01`)).bytes.toString();
    });

    it('is written as INV-01 once, which is in the archive and in the evidence', async () => {
      expect(JSON.parse(payload)).toMatchObject({
        TranDtls: { SupTyp: 'B2B' },
        DocDtls: { Typ: 'INV', No: invoice.number },
        ValDtls: { AssVal: 12345.67, CgstVal: 1111.11, SgstVal: 1111.11, RndOffAmt: 0.11, TotInvVal: 14568 },
      });
      expect((await get(`/v1/invoices/${invoice.id}/inv01`)).bytes.toString()).toBe(payload);
      const evidence = (await get(`/v1/invoices/${invoice.id}/evidence`)).bytes.toString();
      expect(verifyInvoice(evidence)).toMatchObject({
        outcome: 'valid',
        renditions: [{ kind: 'inv01', sha256: sha256(payload), rewritten: true }],
      });
      expect((await get(`/v1/invoices/${invoice.id}/xml`)).status).toBe(422);
    });

    it('is refused what is signed by another key, or is about something else', async () => {
      const irn = irnOf(invoice);
      const other = given(new InvoicePortal().answer(payload, irn));
      expect(await post(invoice.id, other)).toMatchObject({
        ...{ status: 422, code: 'signature_invalid', pointer: '/signed_qr_code' },
      });
      const good = given(portal.answer(payload, irn));
      const [head, , signature] = good.signed_qr_code.split('.');
      const changed = `${head}.${Buffer.from('{"data":"{}"}').toString('base64url')}.${signature}`;
      expect(await post(invoice.id, { ...good, signed_qr_code: changed })).toMatchObject({ code: 'signature_invalid' });
      const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.signed_qr_code.split('.')[1]}.AA`;
      expect(await post(invoice.id, { ...good, signed_qr_code: none })).toMatchObject({ code: 'signature_invalid' });
      const claims = {
        ...{
          SellerGstin: '29AAGCB7383J1Z4',
          BuyerGstin: 'URP',
          DocNo: 'AB/26-27/000002',
          DocTyp: 'CRN',
          DocDt: '01/01/2026',
        },
        ...{ TotInvVal: 14568.01, ItemCnt: 2, MainHsnCode: '998413', Irn: 'a'.repeat(64) },
      };
      for (const [claim, value] of Object.entries(claims)) {
        const answer = given(portal.answer(payload, irn, { [claim]: value }));
        expect([claim, await post(invoice.id, answer)]).toMatchObject([
          claim,
          { status: 422, code: 'answer_differs', pointer: `/signed_qr_code/${claim}` },
        ]);
      }
      const elsewhere = given(portal.answer(payload, 'b'.repeat(64)));
      expect(await post(invoice.id, elsewhere)).toMatchObject({ code: 'answer_differs', pointer: '/irn' });
      expect(await post(invoice.id, { ...good, ack_no: '1' })).toMatchObject({ pointer: '/signed_invoice/AckNo' });
      expect((await get(`/v1/invoices/${invoice.id}/irn`)).status).toBe(404);
      expect((await get(`/v1/invoices/${invoice.id}/pdf?rendition=irn`)).status).toBe(404);
    });

    it('has a page with the code beside the one that was issued, once, also when it is told twice at once', async () => {
      const original = (await get(`/v1/invoices/${invoice.id}/pdf`)).bytes;
      const answer = given(portal.answer(payload, irnOf(invoice)));
      const both = await Promise.all([post(invoice.id, answer), post(invoice.id, answer)]);
      expect(both.map(({ status }) => status).sort()).toEqual([200, 201]);
      for (const { json } of both) expect(json).toMatchObject(answer);
      expect(await post(invoice.id, answer)).toMatchObject({ status: 200 });
      const another = given(portal.answer(payload, irnOf(invoice)));
      expect(await post(invoice.id, another)).toMatchObject({ status: 409, code: 'already_registered' });
      expect(JSON.parse((await get(`/v1/invoices/${invoice.id}/irn`)).bytes.toString())).toEqual(answer);

      expect((await get(`/v1/invoices/${invoice.id}/pdf`)).bytes.equals(original)).toBe(true);
      const registered = (await get(`/v1/invoices/${invoice.id}/pdf?rendition=irn`)).bytes;
      const folder = await mkdtemp(join(tmpdir(), 'india-'));
      try {
        const file = join(folder, 'irn.pdf');
        await writeFile(file, registered);
        expect(readQrCode(file, 1)).toBe(answer.signed_qr_code);
        const text = read('pdftotext', [file, '-']).toString().replace(/\s+/g, '');
        for (const part of ['Taxinvoice', '27Maharashtra', 'HSN/SAC998422', answer.irn, answer.ack_no]) {
          expect(text).toContain(part);
        }
      } finally {
        await rm(folder, { recursive: true });
      }
      const events = await service.rest.get<{ data: { data: { irn: string } }[] }>(
        `/v1/audit-events?subject=invoice:${invoice.id}&action=invoice.registered`,
      );
      expect(events.data.map(({ data }) => data.irn)).toEqual([answer.irn]);
    });

    it('stands in the evidence and in the archive', async () => {
      const evidence = (await get(`/v1/invoices/${invoice.id}/evidence`)).bytes.toString();
      expect(verifyInvoice(evidence)).toMatchObject({ outcome: 'valid' });
      const told = JSON.parse(evidence) as { irn: { irn: string } };
      const false_ = JSON.stringify({ ...told, irn: { ...told.irn, irn: 'c'.repeat(64) } });
      expect(verifyInvoice(false_)).toMatchObject({ outcome: 'invalid', path: 'irn.irn' });
      const files = entriesOf((await get(`/v1/closes/${closeId}/invoices.zip`)).bytes);
      const name = invoice.number.replaceAll('/', '-');
      expect(files.map((file) => file.name)).toEqual(
        expect.arrayContaining([`${name}.pdf`, `${name}-irn.pdf`, `${name}-inv01.json`]),
      );
      const differencesOf = async (archive: readonly ZipEntry[]) => {
        const [certificate] = archive;
        const text = certificate?.bytes.toString() ?? '';
        const verdict = verifyCertificates([{ name: 'certificate.json', text }]);
        if (verdict.outcome !== 'valid') throw new Error(verdict.message);
        const readable = archive.map((file) => ({ name: file.name, read: () => Readable.from([file.bytes]) }));
        const { differences } = await verifyDocuments(verdict.certificates, readable, renderer);
        return differences.map((each) => `${each.what} ${each.name}`);
      };
      const renderer = createInvoiceRenderer();
      expect(await differencesOf(files)).toEqual([]);
      const page = `${name}-irn.pdf`;
      const altered = files.map((file) => (file.name === page ? { ...file, bytes: Buffer.from('%PDF') } : file));
      expect(await differencesOf(altered)).toEqual([`altered ${page}`]);
      expect(await differencesOf(files.filter((file) => file.name !== page))).toEqual([`missing ${page}`]);
      await renderer.close();
    });

    it('is brought by callers that may close months, and by a portal whose key is known', async () => {
      const { key } = await service.rest.post<{ key: string }>('/v1/api-keys', {
        name: 'looks',
        scopes: ['read', 'audit'],
      });
      expect(await post(invoice.id, given(portal.answer(payload, irnOf(invoice))), key)).toMatchObject({ status: 403 });
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      await expect(seller('leaky', { settings: { irp_public_keys: [pem] } })).rejects.toMatchObject({ status: 422 });
      await seller('keyless');
      await account({ seller: 'keyless', external_id: 'k', ...PUNE });
      const [issued] = await issuedOf(await close('keyless'));
      const answer = given(portal.answer(payload, irnOf(invoice)));
      expect(await post(issued?.id ?? '', answer)).toMatchObject({ status: 409, code: 'portal_key_missing' });
      await expect(seller('weak', { settings: { irp_public_keys: ['no key'] } })).rejects.toMatchObject({
        status: 422,
      });
    });
  });
});
