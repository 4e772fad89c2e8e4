import { shownValue, withoutSubscriberNumber } from './subscriber-number.js';

const subscriber = { dimension: 'msisdn', value: '4917012345678', name: null } as const;
const site = { dimension: 'customer_site_id', value: 'site-12345', name: null } as const;

describe('the number of a subscriber', () => {
  it('is shown by its last four digits, a short one not at all', () => {
    expect(shownValue(subscriber)).toBe('••••5678');
    expect(shownValue({ dimension: 'imsi', value: '1234' })).toBe('••••');
  });

  it('is hidden in any text of its line', () => {
    expect(withoutSubscriberNumber('calls of 4917012345678', subscriber)).toBe('calls of ••••5678');
  });

  it('is none where the line is about a site', () => {
    expect(shownValue(site)).toBe('site-12345');
    expect(withoutSubscriberNumber('link to site-12345', site)).toBe('link to site-12345');
  });
});
