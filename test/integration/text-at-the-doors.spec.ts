import { createHash } from 'node:crypto';
import { ACME, FLAT_PLAN, setUpCatalogue, startApi, type TestApi } from '../support/api.js';

/** What says who somebody is and where, and what people read, is looked at where it is written. */
describe('texts at the doors', () => {
  let api: TestApi;
  let account: string;
  let count = 0;

  beforeAll(async () => {
    api = await startApi();
    account = await setUpCatalogue(api);
  });
  afterAll(() => api.stop());

  const address = { line1: 'Ring 1', city: 'Graz', postal_code: '8010', country: 'AT' };
  const newSeller = (more: object) => ({ ...ACME, code: `seller-${(count += 1)}`, ...more });
  const newAccount = (more: object) => ({ external_id: `a-${(count += 1)}`, seller: 'acme', name: 'Name', ...more });

  /** Posts and patches a seller and an account; where both doors take the member they must say the same of it. */
  async function faultsOf(on: 'seller' | 'account', members: object): Promise<string[]> {
    const answers =
      on === 'seller'
        ? [await api.post('/v1/sellers', newSeller(members)), await api.patch('/v1/sellers/acme', members)]
        : [await api.post('/v1/accounts', newAccount(members)), await api.patch(`/v1/accounts/${account}`, members)];
    const told = answers.map(({ status, body }) => {
      expect([200, 201, 422]).toContain(status);
      return ((body as { errors?: { pointer: string }[] }).errors ?? []).map(({ pointer }) => pointer);
    });
    expect(told[1]).toEqual(told[0]);
    return told[0] ?? [];
  }

  it.each([
    // SWIFT's registry of IBANs gives an example per country.
    ['DE89 3704 0044 0532 0130 00', []],
    ['gb29nwbk60161331926819', []],
    ['MT84MALT011000012345MTLCAST001S', []],
    ['DE89370400440532013001', ['/bank/iban']],
    ['DE8937040044053201300', ['/bank/iban']],
    ['UK29NWBK60161331926819', ['/bank/iban']],
    ['12345678', ['/bank/iban']],
  ])('the IBAN %s: %j', async (iban, faults) => {
    expect(await faultsOf('seller', { bank: { iban, bic: null } })).toEqual(faults);
  });

  it('keeps an IBAN without blanks and a BIC in capitals', async () => {
    const { body } = await api
      .patch('/v1/sellers/acme', { bank: { iban: 'nl91 abna 0417 1643 00', bic: 'abnanl2a' } })
      .expect(200);
    expect(body).toMatchObject({ bank: { iban: 'NL91ABNA0417164300', bic: 'ABNANL2A' } });
  });

  // The ABA number of a bank of New York, an IFSC and a QR-IBAN as their issuers publish them, each with one slip.
  it.each<[string, string, string[]]>([
    ['routing_number', '0210 0002 1', []],
    ['routing_number', '021000022', ['/bank/routing_number']],
    ['routing_number', '500000000', ['/bank/routing_number']],
    ['sort_code', '20-00-00', []],
    ['sort_code', '20-00-0', ['/bank/sort_code']],
    ['ifsc', 'hdfc0000123', []],
    ['ifsc', 'HDFC1000123', ['/bank/ifsc']],
    ['qr_iban', 'CH44 3199 9123 0008 8901 2', []],
    ['qr_iban', 'CH93 0076 2011 6238 5295 7', ['/bank/qr_iban']],
    ['qr_iban', 'CH44 3199 9123 0008 8901 3', ['/bank/qr_iban']],
    ['upi_id', 'acme.billing@okbank', []],
    ['upi_id', 'acme@', ['/bank/upi_id']],
    ['bank_code', '062-000', []],
  ])('a bank with %s %s: %j', async (member, given, faults) => {
    const faultsOfBank = await faultsOf('seller', { bank: { account_number: '0012-3456', [member]: given } });
    expect([...new Set(faultsOfBank)]).toEqual(faults);
  });

  it('a bank that is named without an account is refused, and numbers are kept without what groups them', async () => {
    expect(await faultsOf('seller', { bank: { routing_number: '021000021' } })).toEqual(['/bank/routing_number']);
    const { body } = await api
      .patch('/v1/sellers/acme', { bank: { account_number: '0012-3456 789', sort_code: '20-00-00' } })
      .expect(200);
    expect(body).toMatchObject({
      bank: { iban: null, bic: null, account_number: '00123456789', sort_code: '200000' },
    });
  });

  it('a logo is kept by its hash and served as it was sent; what could run or load is refused', async () => {
    const svg = (inner: string) =>
      Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">${inner}</svg>`).toString('base64');
    const data = svg('<rect width="9" height="9" fill="#12546b"/>');
    const { body } = await api.put('/v1/sellers/acme/logo', { data }).expect(200);
    const sha256 = createHash('sha256').update(Buffer.from(data, 'base64')).digest('hex');
    expect(body).toEqual({ sha256 });
    expect((await api.get('/v1/sellers/acme').expect(200)).body).toMatchObject({ logo: sha256 });
    const { headers, body: served } = await api.get('/v1/sellers/acme/logo').expect(200);
    expect(headers['content-type']).toMatch('application/octet-stream');
    expect(headers['content-disposition']).toMatch('logo.svg');
    expect(Buffer.from(served as Uint8Array).toString('base64')).toBe(data);
    for (const inner of ['<script/>', '<image href="http://169.254.169.254/"/>']) {
      const refused = await api.put('/v1/sellers/acme/logo', { data: svg(inner) }).expect(422);
      expect(refused.body).toMatchObject({ code: 'logo_refused', errors: [{ pointer: '/data' }] });
    }
    await api.put('/v1/sellers/no-such-seller/logo', { data }).expect(404);
    expect((await api.delete('/v1/sellers/acme/logo').expect(200)).body).toEqual({ sha256: null });
    await api.get('/v1/sellers/acme/logo').expect(404);
  });

  // Contrast by WCAG 2.2: #767676 has 4.54 to white, #777777 has 4.48.
  it.each<[object, string[]]>([
    [{ accent: '#767676', footer: 'Acme Ltd · Registered in Ireland' }, []],
    [{ accent: '#777777' }, ['/branding/accent']],
    [{ accent: '#ffff00' }, ['/branding/accent']],
    [{ accent: 'teal' }, ['/branding/accent']],
    [{ accent: null, footer: 'x'.repeat(301) }, ['/branding/footer']],
  ])('branding %j: %j', async (branding, faults) => {
    expect(await faultsOf('seller', { branding })).toEqual(faults);
  });

  it.each([
    ['COBADEFFXXX', []],
    ['DEUTDEFF', []],
    ['COBADEFFXX', ['/bank/bic']],
    ['COBAUKFFXXX', ['/bank/bic']],
    ['NONSENSE-BIC', ['/bank/bic']],
  ])('the BIC %s: %j', async (bic, faults) => {
    expect(await faultsOf('seller', { bank: { iban: null, bic } })).toEqual(faults);
  });

  it.each(['UK', 'EL', 'ZZ', 'XX', 'AN', 'gb', 'GBR'])('%s is no country', async (country) => {
    expect(await faultsOf('account', { address: { ...address, country } })).toEqual(['/address/country']);
    expect(await faultsOf('seller', { country })).toEqual(['/country']);
  });

  it('says which code the United Kingdom has', async () => {
    const { body } = await api.patch('/v1/sellers/acme', { country: 'UK' }).expect(422);
    expect((body as { errors: object[] }).errors).toEqual([
      { pointer: '/country', message: 'must be an ISO 3166-1 country code of two letters such as "GB"' },
    ]);
  });

  it.each([
    // Published numbers of companies, and one digit of each changed.
    ['DE', 'DE811907980', []],
    ['DE', 'DE 811 907 980', []],
    ['DE', 'DE811907981', ['/tax_id']],
    ['DE', 'DE8119079801234567', ['/tax_id']],
    ['DE', 'DE0', ['/tax_id']],
    ['DE', ' ＤＥ８１１９０７９８０ ', []],
    ['DE', 'ＤＥ811907981', ['/tax_id']],
    ['FR', 'FR83404833048', []],
    ['FR', 'FR83404833049', ['/tax_id']],
    ['NL', 'NL004495445B01', []],
    ['NL', 'NL004495446B01', ['/tax_id']],
    ['GR', 'EL094259216', []],
    ['GR', 'GR094259216', ['/tax_id']],
    ['IE', 'IE6388047V', []],
    ['IE', 'IE6388047W', ['/tax_id']],
    ['GB', 'GB980780684', []],
    ['GB', 'GB980780685', ['/tax_id']],
    ['AT', 'ATU33864707', []],
    ['AT', 'AT33864707', ['/tax_id']],
    // A branch that is registered elsewhere, a national number, and countries of which nothing is known.
    ['FR', 'DE811907980', []],
    ['DE', '12/345/67890', []],
    ['FR', 'SIREN 404 833 048', []],
    ['US', 'DE-12', []],
    ['CH', 'CHE-123.456.788 MWST', []],
    // The GSTIN of the Indian tax office's own example, its check character changed, and a PAN, which is none.
    ['IN', '27AAPFU0939F1ZV', []],
    ['IN', '27AAPFU0939F1ZW', ['/tax_id']],
    ['IN', 'AAPFU0939F', ['/tax_id']],
  ])('in %s the tax number %s: %j', async (country, tax_id, faults) => {
    const members = { tax_id, address: { ...address, country } };
    expect(await faultsOf('account', members)).toEqual(faults);
    expect(await faultsOf('seller', members)).toEqual(faults);
  });

  it('keeps a tax number without blanks around it and in plain letters and digits', async () => {
    const german = { ...address, country: 'DE' };
    const { body } = await api
      .patch(`/v1/accounts/${account}`, { tax_id: ' ＤＥ８１１９０７９８０ ', address: german })
      .expect(200);
    expect(body).toMatchObject({ tax_id: 'DE811907980' });
  });

  it('holds a tax number against the country that stays, and a country against the number that stays', async () => {
    const german = newAccount({ tax_id: 'DE811907980', address: { ...address, country: 'DE' } });
    const { body } = await api.post('/v1/accounts', german).expect(201);
    const path = `/v1/accounts/${(body as { id: string }).id}`;
    await api.patch(path, { tax_id: 'DE811907981' }).expect(422);
    await api.patch(path, { address: { ...address, country: 'IN' } }).expect(422);
    // What an earlier version took is in nobody's way until it is written again.
    await api.database.$executeRaw`
      UPDATE account SET tax_id = 'DE1' WHERE id = ${(body as { id: string }).id}::uuid`;
    await api.patch(path, { name: 'Other' }).expect(200);
    await api.patch(path, { tax_id: 'DE136695976' }).expect(200);
  });

  it.each([
    ['billing@example.com', []],
    ['o’neill+invoices@sub.example.co.uk', []],
    ['r&d@example.com', []],
    ['müller@bücher.example', []],
    ['billing@xn--bcher-kva.example', []],
    ['请求@例え.jp', []],
    ['billing@example', ['/email']],
    ['@example.com', ['/email']],
    ['a..b@example.com', ['/email']],
    ['a b@example.com', ['/email']],
    ['a@b@example.com', ['/email']],
    ['a@-example.com', ['/email']],
    ['a@exam ple.com', ['/email']],
    ['a@10.0.0.1', ['/email']],
    [`${'a'.repeat(65)}@example.com`, ['/email']],
    ['a\u202e@example.com', ['/email']],
  ])('the e-mail address %s: %j', async (email, faults) => {
    expect(await faultsOf('account', { email })).toEqual(faults);
  });

  it('takes names in every living script, and refuses a letter that no typeface has where it is written', async () => {
    const place = { ...address, city: '東京' };
    expect(await faultsOf('account', { name: 'شركة ไทย 한국 বাংলা \u{1f680}', address: place })).toEqual([]);
    expect(await faultsOf('seller', { name: '\u{12000} Ltd' })).toEqual(['/name']);
    const { body } = await api
      .patch(`/v1/accounts/${account}`, { name: 'Ok', address: { ...address, city: 'ᠮᠣᠩ' } })
      .expect(422);
    expect((body as { errors: object[] }).errors).toEqual([
      { pointer: '/address/city', message: 'must not hold U+182E U+1823 U+1829, which no typeface has' },
    ]);
  });

  it.each([
    ['\u202e', 'U+202E'],
    ['\u2066', 'U+2066'],
    ['\u200b', 'U+200B'],
    ['\ufeff', 'U+FEFF'],
    ['\n', 'U+000A'],
  ])('%j is refused in every text, by its code point', async (hidden, codePoint) => {
    const text = `Ac${hidden}me`;
    const place = { ...address, line2: text, region: text, postal_code: `8${hidden}` };
    const tax = { name: text, category: 'E', rate: '0', exemption_reason: text };
    const doors: [string, Promise<{ body: unknown; status: number }>, string[]][] = [
      ['seller', api.post('/v1/sellers', newSeller({ name: text, tax_id: text })), ['/name', '/tax_id']],
      [
        'account',
        api.patch(`/v1/accounts/${account}`, { name: text, address: place, taxes: [tax] }),
        ['/name', '/address/line2', '/address/region', '/address/postal_code'],
      ],
      ['taxes', api.patch(`/v1/accounts/${account}`, { taxes: [tax] }), ['/taxes/0/name', '/taxes/0/exemption_reason']],
      [
        'entity',
        api.post(`/v1/accounts/${account}/entities`, { dimension: 'customer_site_id', value: 's', name: text }),
        ['/name'],
      ],
      [
        'plan',
        api.post('/v1/tariff-plans', {
          ...FLAT_PLAN,
          code: 'hidden',
          name: text,
          charges: [{ ...FLAT_PLAN.charges[0], name: text }],
        }),
        ['/name', '/charges/0/name'],
      ],
      ['key', api.post('/v1/api-keys', { name: text, scopes: ['read'] }), ['/name']],
    ];
    for (const [door, answer, pointers] of doors) {
      const { status, body } = await answer;
      const { errors } = body as { errors: { pointer: string; message: string }[] };
      expect([door, status, errors.map(({ pointer }) => pointer)]).toEqual([
        door,
        422,
        expect.arrayContaining(pointers),
      ]);
      expect(errors.find(({ pointer }) => pointer === pointers[0])?.message).toContain(codePoint);
    }
  });

  describe('time zones', () => {
    it.each(['IST', 'PST', 'JST', '+05:30', 'Mars/Olympus'])('%s is refused at every door', async (time_zone) => {
      expect(await faultsOf('seller', { time_zone })).toEqual(['/time_zone']);
      expect(await faultsOf('account', { time_zone })).toEqual(['/time_zone']);
      const preview = { plan: FLAT_PLAN, period: '2026-10', usage: [], time_zone };
      await api.post('/v1/rating/preview', preview).expect(422);
      await api.put('/v1/sellers/acme/close-schedule', { day: 3, hour: 2, time_zone }).expect(422);
    });

    it('that an earlier version took are told of, never an error of ours, and can be replaced', async () => {
      await api.post('/v1/sellers', newSeller({ code: 'old' })).expect(201);
      await api.put('/v1/sellers/old/close-schedule', { day: 3, hour: 2 }).expect(200);
      await api.database.$executeRaw`UPDATE seller SET time_zone = 'IST' WHERE code = 'old'`;
      await api.database.$executeRaw`UPDATE close_schedule SET time_zone = 'IST'`;

      const close = await api.post('/v1/closes', { seller: 'old', period: '2026-06' }).expect(422);
      expect(close.body).toMatchObject({ code: 'unknown_time_zone', detail: expect.stringContaining('"IST"') });
      const read = await api.get('/v1/sellers/old/close-schedule').expect(200);
      expect(read.body).toMatchObject({ time_zone: 'IST', next_run: null, waiting: null });
      const unset = await api.put('/v1/sellers/old/close-schedule', { day: 4, hour: 2 }).expect(422);
      expect(unset.body).toMatchObject({ code: 'unknown_time_zone', errors: [{ pointer: '/time_zone' }] });
      const set = { day: 4, hour: 2, time_zone: 'Asia/Kolkata' };
      expect((await api.put('/v1/sellers/old/close-schedule', set).expect(200)).body).toMatchObject(set);
      await api.patch('/v1/sellers/old', { time_zone: 'Asia/Kolkata' }).expect(200);
      await api.post('/v1/closes', { seller: 'old', period: '2026-06' }).expect(201);
    });
  });
});
