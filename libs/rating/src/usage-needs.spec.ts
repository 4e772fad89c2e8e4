import { periodOfDates } from '#calendar';
import { ACCOUNT, inputOf, msisdn, planVersion, site, type Story } from '../../../test/support/rating-story.js';
import { segmentsOf } from './segment.js';
import { usageNeeds } from './usage-needs.js';

const usage = (code: string, measure: Record<string, unknown>, members: Record<string, unknown> = {}) => ({
  code,
  name: code,
  type: 'usage',
  measure,
  price: { model: 'per_unit', unit_price: '1' },
  ...members,
});
const TRAFFIC = usage('traffic', { metric: 'bytes', unit: 'GB' });
const AIRTIME = usage('airtime', { metric: 'time', unit: 'hour', per: 'msisdn' });
const BURST = usage('burst', {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  direction: 'uplink',
  missing: 'zero',
  unit: 'Mbps',
});

const needsOf = (story: Story) => {
  const { period, segments, entities, account } = inputOf(story);
  return usageNeeds({ period, segments, entities, account });
};
const pulls = (story: Story) =>
  needsOf(story).pulls.map(({ family, entity, grid }) => `${family} ${entity.dimension} ${entity.value} ${grid}`);

it('pulls what the charges measure, each family once, both directions together', () => {
  const entities = [site('S2'), site('S1'), msisdn('0049'), msisdn('0048')];
  expect(pulls({ charges: [TRAFFIC, AIRTIME, BURST, { ...TRAFFIC, code: 'again' }], entities })).toEqual([
    'bandwidth customer_site_id S1 SLOT',
    'bandwidth customer_site_id S2 SLOT',
    'bytes account 4711 DAY',
    'bytes customer_site_id S1 DAY',
    'bytes customer_site_id S2 DAY',
    'time account 4711 DAY',
    'time customer_site_id S1 DAY',
    'time customer_site_id S2 DAY',
    'time msisdn 0048 DAY',
    'time msisdn 0049 DAY',
  ]);
  expect(needsOf({ charges: [TRAFFIC, AIRTIME, BURST], entities }).pulls.map(({ metrics }) => metrics)).toEqual([
    ['uplink_bandwidth', 'downlink_bandwidth'],
    ['uplink_bandwidth', 'downlink_bandwidth'],
    ['uplink_bytes', 'downlink_bytes'],
    ['uplink_bytes', 'downlink_bytes'],
    ['uplink_bytes', 'downlink_bytes'],
    ['time_usage_seconds'],
    ['time_usage_seconds'],
    ['time_usage_seconds'],
    ['time_usage_seconds'],
    ['time_usage_seconds'],
  ]);
});

it('pulls nothing for fees', () => {
  const fee = { code: 'fee', name: 'Fee', type: 'recurring', amount: '1', per: 'msisdn' };
  expect(pulls({ charges: [fee], entities: [msisdn('1')] })).toEqual([]);
});

it('pulls the named entities of a filter and the account as their control', () => {
  const charges = [{ ...TRAFFIC, filter: { customer_site_id: ['S1', 'unknown'], msisdn: ['0049'] } }];
  expect(pulls({ charges, entities: [site('S1'), site('S2'), msisdn('0049'), msisdn('S1')] })).toEqual([
    'bytes account 4711 DAY',
    'bytes customer_site_id S1 DAY',
    'bytes msisdn 0049 DAY',
  ]);
});

it('leaves out entities that were not active while a charge was in force', () => {
  const entities = [site('gone', '2020-01-01', '2026-10-10'), site('S1'), site('later', '2026-10-20')];
  expect(pulls({ charges: [BURST], entities, starts: '2026-10-10', ends: '2026-10-20' })).toEqual([
    'bandwidth customer_site_id S1 SLOT',
    'bytes account 4711 DAY',
    'bytes customer_site_id S1 DAY',
    'time account 4711 DAY',
    'time customer_site_id S1 DAY',
  ]);
});

it('counts the bytes beside the rates by the hour where they prove a slot idle', () => {
  const hold = usage('burst', { ...BURST.measure, missing: 'hold' });
  expect(pulls({ charges: [hold], entities: [site('S1')] })).toEqual([
    'bandwidth customer_site_id S1 SLOT',
    'bytes account 4711 HOUR',
    'bytes customer_site_id S1 HOUR',
    'time account 4711 HOUR',
    'time customer_site_id S1 HOUR',
  ]);
});

describe('days suffice only when every edge is a UTC midnight and no charge counts hours', () => {
  it.each<[why: string, story: Story, grid: string]>([
    ['a UTC month', {}, 'DAY'],
    ['a month of Berlin', { timeZone: 'Europe/Berlin' }, 'HOUR'],
    ['a month of Abidjan, which keeps UTC', { timeZone: 'Africa/Abidjan' }, 'DAY'],
    ['London in winter', { timeZone: 'Europe/London', period: '2026-12' }, 'DAY'],
    ['London, a month that begins in summer time', { timeZone: 'Europe/London' }, 'HOUR'],
    ['a subscription that starts at a UTC midnight', { starts: '2026-10-11' }, 'DAY'],
    [
      'a charge rounded by day',
      {
        charges: [
          usage('t', { metric: 'bytes', unit: 'GB', bucket: 'day', round: { to: '1', mode: 'up', at: 'bucket' } }),
        ],
      },
      'DAY',
    ],
    [
      'a charge rounded by hour',
      {
        charges: [
          usage('t', { metric: 'bytes', unit: 'GB', bucket: 'hour', round: { to: '1', mode: 'up', at: 'bucket' } }),
        ],
      },
      'HOUR',
    ],
  ])('%s', (_, story, grid) => {
    expect(needsOf({ charges: [TRAFFIC], ...story }).grid).toBe(grid);
  });

  it('a month that begins in summer time, also when nothing is in force until winter time', () => {
    expect(needsOf({ charges: [TRAFFIC], timeZone: 'Europe/London', starts: '2026-10-27' }).grid).toBe('HOUR');
    expect(needsOf({ charges: [TRAFFIC], timeZone: 'Europe/London', period: '2026-03', ends: '2026-03-10' }).grid).toBe(
      'HOUR',
    );
  });

  describe('March to October of London: UTC midnights at both ends, none in summer', () => {
    const charges = [{ ...TRAFFIC, filter: { customer_site_id: ['S1'] } }];
    const period = periodOfDates('2026-03-01', '2026-11-01', 'Europe/London');
    const versions = [planVersion({ code: 'p', name: 'P', currency: 'USD', effective_from: '2020-01-01', charges })];

    it.each([
      ['nothing changes', '2020-01-01', '2020-01-01', 'DAY'],
      ['a subscription starts in winter', '2026-03-05', '2020-01-01', 'DAY'],
      ['a subscription starts in summer', '2026-06-01', '2020-01-01', 'HOUR'],
      ['a site starts in winter', '2020-01-01', '2026-03-05', 'DAY'],
      ['a site starts in summer', '2020-01-01', '2026-06-01', 'HOUR'],
    ])('%s', (_, startDate, activeFrom, grid) => {
      const segments = segmentsOf({ period, subscriptions: [{ planCode: 'p', startDate, endDate: null }], versions });
      const entities = [site('S1', activeFrom), site('not named', '2026-07-01')];
      expect(usageNeeds({ period, segments, entities, account: ACCOUNT }).grid).toBe(grid);
    });
  });
});

it('does not depend on the order of entities', () => {
  const entities = [msisdn('2'), msisdn('10'), msisdn('1')];
  expect(pulls({ charges: [AIRTIME], entities })).toEqual(
    pulls({ charges: [AIRTIME], entities: [...entities].reverse() }),
  );
});
