import { vatIdOf } from './vat-id.js';

const party = (tax_id: string | null, country: string) => ({
  tax_id,
  address: { line1: 'a', line2: null, city: 'b', region: null, postal_code: '1', country },
});

describe('a tax number', () => {
  it.each([
    ['DE 123 456 789', 'DE', 'DE123456789'],
    ['atu12345678', 'AT', 'ATU12345678'],
    ['EL123456789', 'GR', 'EL123456789'],
    ['XI123456789', 'GB', 'XI123456789'],
    ['CHE-123.456.789 MWST', 'CH', 'CHE-123.456.789MWST'],
    ['12/345/67890', 'DE', null],
    ['29AAAAA0000A1Z5', 'IN', null],
    ['DE123456789', 'FR', null],
    ['DE', 'DE', null],
    ['XK123456789', 'XK', null],
    [null, 'DE', null],
  ])('%s in %s is the VAT identifier %s', (number, country, expected) => {
    expect(vatIdOf(party(number, country))).toBe(expected);
  });
});
