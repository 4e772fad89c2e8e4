import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { fromStamp } from '#calendar';
import type { EntityRef } from '#metering';
import type { Aggregation } from '../../dialect.js';
import { DEFAULT_SETTINGS } from './settings.js';
import { filtersFor, type ReportForm, requestBody, unaskable } from './request-form.js';

const published = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(`test/fixtures/report-api/${name}.request.json`, 'utf8'));

const form = (
  account: string,
  entity: EntityRef,
  series: [ReportForm['series'][number]['metric'], Aggregation][],
  rest: Partial<ReportForm>,
): ReportForm => ({
  filters: filtersFor(account, entity),
  series: series.map(([metric, aggregation]) => ({ metric, aggregation })),
  namesDimension: false,
  ...rest,
});

const A = '62c40843c7a190970912345';
const B = '62b00f5695c2cd8c530548e5';
const SITE: EntityRef = { dimension: 'customer_site_id', value: '62c408aaadd8f757bf412345' };
const MSISDN: EntityRef = { dimension: 'msisdn', value: '8020010012345' };
const bandwidth = (...aggregations: Aggregation[]) =>
  aggregations.flatMap((aggregation): [ReportForm['series'][number]['metric'], Aggregation][] => [
    ['uplink_bandwidth', aggregation],
    ['downlink_bandwidth', aggregation],
  ]);

it.each([
  [
    '01-time-usage-enterprise',
    form(
      '62c40843c7a1909709112345',
      { dimension: 'account', value: '62c40843c7a1909709112345' },
      [['time_usage_seconds', 'COUNT']],
      { grid: 'DAY' },
    ),
  ],
  ['02-time-usage-msisdn', form(A, MSISDN, [['time_usage_seconds', 'COUNT']], { grid: 'DAY', namesDimension: true })],
  [
    '03-bytes-hourly-msisdn',
    form(
      A,
      MSISDN,
      [
        ['uplink_bytes', 'COUNT'],
        ['downlink_bytes', 'COUNT'],
      ],
      { grid: 'HOUR', namesDimension: true },
    ),
  ],
  ['04-now-avg-bandwidth-site', form(A, SITE, bandwidth('AVG'), {})],
  ['05-percentile-bandwidth-site', form(A, SITE, bandwidth('none'), { grid: 'SLOT', namesDimension: true })],
  ['06-now-max-bandwidth-imsi', form(B, { dimension: 'imsi', value: '310550000010232' }, bandwidth('MAX'), {})],
  ['07-now-max-bandwidth-msisdn', form(B, { dimension: 'msisdn', value: '8120012300987' }, bandwidth('MAX'), {})],
  [
    '08-avg-min-max-bandwidth-site',
    form(B, { dimension: 'customer_site_id', value: '628f12886f8307435f7b7c59' }, bandwidth('AVG', 'MIN', 'MAX'), {
      grid: 'HOUR',
    }),
  ],
] as const)('writes the published request %s, in +00:00', (name, asked) => {
  const example = published(name);
  const { start_date_time: start, end_date_time: end } = example as Record<string, string>;
  const isNow = start === 'NOW';
  const range = isNow ? undefined : { start: fromStamp(start ?? ''), end: fromStamp(end ?? '') };
  const text = requestBody(asked, range, DEFAULT_SETTINGS);
  const utc = (stamp: string | undefined) =>
    isNow ? 'NOW' : `${new Date(stamp ?? '').toISOString().slice(0, 19)}+00:00`;
  expect(JSON.parse(text)).toEqual({ ...example, start_date_time: utc(start), end_date_time: utc(end) });
  // The order of members is the published one, too.
  expect(Object.keys(JSON.parse(text) as object)).toEqual(Object.keys(example));
});

it('writes no other form of time than whole seconds in +00:00', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e9 }), fc.integer({ min: 1, max: 1e7 }), (start, seconds) => {
      const body = JSON.parse(
        requestBody(
          form(A, SITE, bandwidth('none'), { grid: 'SLOT' }),
          { start, end: start + seconds },
          DEFAULT_SETTINGS,
        ),
      );
      expect(body.start_date_time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
      expect(Date.parse(body.start_date_time)).toBe(start * 1000);
      expect(Date.parse(body.end_date_time)).toBe((start + seconds) * 1000);
    }),
  );
});

it('sends a subscriber id as a number only where no digit is lost', () => {
  const sent = (dimension: 'msisdn' | 'imsi', value: string, id_json: 'number' | 'string' = 'number') =>
    JSON.parse(
      requestBody(
        form(A, { dimension, value }, [['time_usage_seconds', 'COUNT']], { grid: 'DAY' }),
        { start: 0, end: 86_400 },
        {
          ...DEFAULT_SETTINGS,
          id_json,
        },
      ),
    ).dimension_filter_clauses[0].filters[1].expressions;
  expect(sent('msisdn', '8020010012345')).toEqual([8020010012345]);
  expect(sent('imsi', '310550000010232')).toEqual([310550000010232]);
  expect(sent('imsi', '001010000012345')).toEqual(['001010000012345']);
  expect(sent('msisdn', '020010012345')).toEqual(['020010012345']);
  expect(sent('msisdn', '8020010012345', 'string')).toEqual(['8020010012345']);
});

it('knows what cannot be asked for', () => {
  const asked = (account: string, entity: EntityRef) => unaskable(filtersFor(account, entity))?.dimension;
  expect(asked(A, MSISDN)).toBeUndefined();
  expect(asked(A, { dimension: 'msisdn', value: '+8020010012345' })).toBe('msisdn');
  expect(asked(A, { dimension: 'imsi', value: '31055000001' })).toBe('imsi');
  expect(asked(A, { dimension: 'customer_site_id', value: 'site 1' })).toBe('customer_site_id');
  expect(asked('', MSISDN)).toBe('account_id');
});
