import { countryName } from './country-names/index.js';
import { wordingIn } from '#wording';
import { ibanGroups, Texts } from './texts.js';

const texts = new Texts(wordingIn());

describe('figures', () => {
  it.each([
    ['0', '0'],
    ['1234.50', '1,234.50'],
    ['-1234567.005', '-1,234,567.005'],
    // Beyond 2^53 and with more digits than a double holds.
    ['12345678901234567890.123456789012', '12,345,678,901,234,567,890.123456789012'],
    ['0.10', '0.10'],
    ['0.000000000001', '0.000000000001'],
  ])('%s is printed as %s', (decimal, printed) => {
    expect(texts.grouped(decimal)).toBe(printed);
  });

  it.each(['', '1e3', ' 1', '1,000', 'NaN', '--1', '1.'])('refuses %j', (text) => {
    expect(() => texts.grouped(text)).toThrow(expect.objectContaining({ code: 'malformed_document' }));
  });

  it('cuts a quantity at 6 decimals and says so, without rounding', () => {
    expect(texts.shortQuantity('1234.123456')).toEqual({ text: '1,234.123456', isRounded: false });
    expect(texts.shortQuantity('1234.1234569')).toEqual({ text: '~1,234.123', isRounded: true });
    expect(texts.shortQuantity('1.9995000')).toEqual({ text: '~2.000', isRounded: true });
    expect(texts.shortQuantity('-0.9999999')).toEqual({ text: '~-1.000000', isRounded: true });
    expect(texts.shortQuantity('0.000000512345')).toEqual({ text: '~0.000001', isRounded: true });
  });
});

describe('dates', () => {
  it('names the last day of a half-open range', () => {
    expect(texts.dateRange('2026-10-01', '2026-11-01')).toBe('1 Oct 2026 – 31 Oct 2026');
    expect(texts.dateRange('2028-02-28', '2028-03-01')).toBe('28 Feb 2028 – 29 Feb 2028');
    expect(texts.dateRange('2026-12-31', '2027-01-01')).toBe('31 Dec 2026');
  });

  it('prints stamps in UTC and refuses what is none', () => {
    expect(texts.longStamp('2026-09-30T18:30:00Z')).toBe('30 Sep 2026 18:30 UTC');
    expect(texts.longStamp('2026-10-01T00:00:00+05:30')).toBe('30 Sep 2026 18:30 UTC');
    expect(() => texts.longStamp('soon')).toThrow(expect.objectContaining({ code: 'malformed_document' }));
    expect(() => texts.longDate('2026-13-01')).toThrow(expect.objectContaining({ code: 'malformed_document' }));
  });
});

describe('parties', () => {
  const address = { line1: 'Ring 1', line2: null, city: 'Graz', region: null, postal_code: '8010', country: 'AT' };

  it('writes an address as its country does', () => {
    expect(texts.addressLines(address)).toEqual(['Ring 1', '8010 Graz', 'Austria']);
    expect(
      texts.addressLines({
        line1: '1 Main St',
        line2: 'Floor 2',
        city: 'Reno',
        region: 'NV',
        postal_code: '89501',
        country: 'US',
      }),
    ).toEqual(['1 Main St, Floor 2', 'Reno, NV 89501', 'United States']);
    // As Royal Mail, An Post, Correios, Japan Post, India Post, Canada Post and New Zealand Post print them.
    const of = (country: string, city: string, region: string | null, postal_code: string) =>
      texts.addressLines({ line1: 'x', line2: null, city, region, postal_code, country }).slice(1);
    expect(of('GB', 'London', null, 'SW1A 1AA')).toEqual(['London', 'SW1A 1AA', 'United Kingdom']);
    expect(of('GB', 'Leeds', 'West Yorkshire', 'LS1 4AP')).toEqual([
      ...['Leeds', 'West Yorkshire', 'LS1 4AP', 'United Kingdom'],
    ]);
    expect(of('IE', 'Dublin 2', 'Co. Dublin', 'D02 AF30')).toEqual(['Dublin 2', 'Co. Dublin', 'D02 AF30', 'Ireland']);
    expect(of('BR', 'São Paulo', 'SP', '01310-100')).toEqual(['São Paulo-SP', '01310-100', 'Brazil']);
    expect(of('BR', 'São Paulo', null, '01310-100')).toEqual(['São Paulo', '01310-100', 'Brazil']);
    expect(of('JP', 'Chiyoda-ku', 'Tokyo', '100-0005')).toEqual(['Chiyoda-ku, Tokyo 100-0005', 'Japan']);
    expect(of('IN', 'Bengaluru', 'Karnataka', '560001')).toEqual(['Bengaluru 560001', 'Karnataka', 'India']);
    expect(of('CA', 'Ottawa', 'ON', 'K1A 0B1')).toEqual(['Ottawa ON K1A 0B1', 'Canada']);
    expect(of('NZ', 'Wellington', null, '6011')).toEqual(['Wellington 6011', 'New Zealand']);
    expect(of('HK', 'Kowloon', null, '')).toEqual(['Kowloon', 'Hong Kong']);
    expect(of('ES', 'Madrid', 'Madrid', '28001')).toEqual(['28001 Madrid, Madrid', 'Spain']);
    expect(texts.addressLines({ ...address, line1: 'A'.repeat(40), line2: 'Building 7' })).toHaveLength(4);
    expect(texts.addressLines(null)).toEqual([]);
  });

  // libaddressinput, which CLDR and the posts feed: JP `〒%Z %S %A`, CN `%Z %S%C%D %A`, TW `%Z %S%C %A`, KR `%S %C%D %A %Z`,
  // HK `%S %C %A`, each in the country's own script, line by line; in Latin letters the street comes first.
  it.each([
    ['JP', '東京都', '千代田区', '100-8994', '丸の内2-7-2', ['〒100-8994', '東京都千代田区', '丸の内2-7-2', 'Japan']],
    ['CN', '北京市', '海淀区', '100084', '中关村东路1号', ['100084', '北京市海淀区', '中关村东路1号', 'China']],
    ['TW', '臺北市', '大安區', '106', '金山南路2段55號', ['106', '臺北市大安區', '金山南路2段55號', 'Taiwan']],
    ['KR', '서울특별시', '종로구', '03187', '종로 6', ['서울특별시 종로구', '종로 6', '03187', 'South Korea']],
    ['HK', '九龍', '旺角', '', '彌敦道610號', ['九龍', '旺角', '彌敦道610號', 'Hong Kong']],
    ['JP', null, '千代田区', '', '丸の内2-7-2', ['千代田区', '丸の内2-7-2', 'Japan']],
    [
      'JP',
      'Tokyo',
      'Chiyoda-ku',
      '100-8994',
      '2-7-2 Marunouchi',
      ['2-7-2 Marunouchi', 'Chiyoda-ku, Tokyo 100-8994', 'Japan'],
    ],
    ['DE', null, 'Köln', '50667', '株式会社 1', ['株式会社 1', '50667 Köln', 'Germany']],
  ])(
    'writes the largest part first in %s where the address is in its own script',
    (country, region, city, code, line1, lines) => {
      expect(texts.addressLines({ line1, line2: null, city, region, postal_code: code, country })).toEqual(lines);
    },
  );

  it('knows countries by name and prints an unknown code as it is', () => {
    expect(['CI', 'TR', 'XX'].map((code) => countryName(code, 'en'))).toEqual(['Côte d’Ivoire', 'Türkiye', 'XX']);
  });

  it('calls the tax number by its local name', () => {
    expect(['IN', 'DE', 'US', undefined].map((country) => texts.taxIdLabel(country))).toEqual([
      'GSTIN',
      'VAT ID',
      'Tax ID',
      'Tax ID',
    ]);
  });

  it('groups an IBAN by four', () => {
    expect(ibanGroups('GB82 WEST12345698765432')).toBe('GB82 WEST 1234 5698 7654 32');
  });
});

describe('entities', () => {
  it.each([
    [{ dimension: 'account', value: 'acct-1', name: 'Acme' } as const, null],
    [{ dimension: 'customer_site_id', value: 's-1', name: 'Pier' } as const, 'Site Pier (s-1)'],
    [{ dimension: 'customer_site_id', value: 's-1', name: null } as const, 'Site s-1'],
    [{ dimension: 'msisdn', value: '4917012345678', name: 'Van' } as const, 'MSISDN ••••5678 · Van'],
    [{ dimension: 'imsi', value: '001010123456789', name: '001010123456789' } as const, 'IMSI ••••6789 · ••••6789'],
    [{ dimension: 'msisdn', value: '1234', name: null } as const, 'MSISDN ••••'],
  ])('%j is printed as %s', (entity, label) => {
    expect(texts.entityLabel(entity)).toBe(label);
  });
});
