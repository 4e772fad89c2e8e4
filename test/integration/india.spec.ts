import { feePlan, makePlan } from '../support/catalogue.js';
import { settled, startService, type TestService } from '../support/service.js';

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
});
