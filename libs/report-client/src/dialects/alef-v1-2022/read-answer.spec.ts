import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { fromStamp, type Interval } from '#calendar';
import { type EntityRef, GRID_SECONDS, type Grid, PackedValues } from '#metering';
import { intoBuckets, looksRounded } from '../../buckets.js';
import type { Aggregation } from '../../dialect.js';
import { RuleBroken } from '../../refusal.js';
import { alefV1 } from './dialect.js';
import { readItems, readLive } from './read-answer.js';
import { filtersFor, type ReportForm } from './request-form.js';
import { DEFAULT_SETTINGS, type Settings } from './settings.js';

const published = (name: string) => readFileSync(`test/fixtures/report-api/${name}.response.json`);

const A = '62c40843c7a190970912345';
const ACCOUNT: EntityRef = { dimension: 'account', value: A };
const MSISDN: EntityRef = { dimension: 'msisdn', value: '8020010012345' };
const SITE: EntityRef = { dimension: 'customer_site_id', value: '62c408aaadd8f757bf412345' };

type Series = ReportForm['series'][number];
const count = (...metrics: Series['metric'][]): Series[] => metrics.map((metric) => ({ metric, aggregation: 'COUNT' }));
const bandwidth = (...aggregations: Aggregation[]): Series[] =>
  aggregations.flatMap((aggregation): Series[] => [
    { metric: 'uplink_bandwidth', aggregation },
    { metric: 'downlink_bandwidth', aggregation },
  ]);

const utc = (text: string) => fromStamp(`${text}+00:00`);

/** What one answer is read by and measured against. */
interface Expected {
  readonly form: ReportForm;
  readonly grid: Grid;
  readonly asked: Interval;
  readonly offset: string;
  readonly settings: Settings;
  readonly firstStart: number;
  readonly count: number;
  readonly subscribers?: number | undefined;
}

/** Reads an answer as the client does. */
function readBuckets(body: Buffer, { form, settings, offset, ...expected }: Expected) {
  const dialect = alefV1.speak(settings);
  const read = intoBuckets(readItems(body, form, settings, offset), { ...expected, dialect, series: form.series });
  return { ...read, values: read.values.map((values) => values.texts()) };
}

/** What an answer to `asked` must hold when all labels of the range are wanted. */
function expecting(
  entity: EntityRef,
  series: Series[],
  grid: Grid,
  asked: Interval,
  changes: Partial<Expected> & { account?: string } = {},
): Expected {
  const width = GRID_SECONDS[grid];
  const firstStart = Math.floor(asked.start / width) * width;
  return {
    form: { filters: filtersFor(changes.account ?? A, entity), series, namesDimension: true, grid },
    grid,
    asked,
    offset: '+00:00',
    settings: DEFAULT_SETTINGS,
    firstStart,
    count: Math.ceil(asked.end / width) - firstStart / width + 1,
    ...changes,
  };
}

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof RuleBroken) return error.code;
    throw error;
  }
  return 'believed';
}

describe('the published examples', () => {
  const DAY_RANGE = { start: utc('2022-07-07T04:20:00'), end: utc('2022-07-08T04:20:00') };
  const TIME = ['23933.017647058823', '39650', '32366'];

  it('1: a day of an enterprise answers three days, one of them outside the range', () => {
    const expected = expecting(ACCOUNT, count('time_usage_seconds'), 'DAY', DAY_RANGE, { offset: '+05:30' });
    const read = readBuckets(published('01-time-usage-enterprise'), expected);
    expect(read.values).toEqual([TIME]);
    expect(read.warnings.map(({ code }) => code)).toEqual(['account_id_form_unusual']);
    expect(expected.firstStart).toBe(utc('2022-07-07T00:00:00'));
  });

  it('1 counts what was fetched and what of it is margin apart from what is kept', () => {
    const expected = expecting(ACCOUNT, count('time_usage_seconds'), 'DAY', DAY_RANGE, {
      offset: '+05:30',
      firstStart: utc('2022-07-08T00:00:00'),
      count: 1,
    });
    const { values, tallies } = readBuckets(published('01-time-usage-enterprise'), expected);
    expect(values).toEqual([['39650']]);
    // 23,933.017647058823 + 39,650 + 32,366 of which the first and the last are margin.
    expect(tallies).toEqual([
      {
        fetched: { buckets: 3, total: '95949.017647058823' },
        margin: { buckets: 2, total: '56299.017647058823' },
      },
    ]);
  });

  it('1 in its curl form asks for one account and is answered for another', () => {
    const expected = expecting(ACCOUNT, count('time_usage_seconds'), 'DAY', DAY_RANGE, {
      offset: '+05:30',
      account: '62c40843c7a1909709112345',
    });
    expect(refusal(() => readBuckets(published('01-time-usage-enterprise'), expected))).toBe('echo_mismatch');
  });

  it('1 as an answer for one day is refused: the third bucket lies beyond its edge', () => {
    const day = { start: utc('2022-07-07T00:00:00'), end: utc('2022-07-08T00:00:00') };
    const expected = expecting(ACCOUNT, count('time_usage_seconds'), 'DAY', day, { offset: '+05:30' });
    expect(refusal(() => readBuckets(published('01-time-usage-enterprise'), expected))).toBe('beyond_margin');
  });

  it('2: a subscriber, echoed as the number that was sent', () => {
    const expected = expecting(MSISDN, count('time_usage_seconds'), 'DAY', DAY_RANGE, {
      offset: '+05:30',
      subscribers: 1,
    });
    expect(readBuckets(published('02-time-usage-msisdn'), expected).values).toEqual([TIME]);
    const other = expecting({ ...MSISDN, value: '8020010012346' }, count('time_usage_seconds'), 'DAY', DAY_RANGE, {
      offset: '+05:30',
    });
    expect(refusal(() => readBuckets(published('02-time-usage-msisdn'), other))).toBe('echo_mismatch');
  });

  it('3: bytes by hour, with a half byte; what the vendor elided is missing', () => {
    const expected = expecting(MSISDN, count('uplink_bytes', 'downlink_bytes'), 'HOUR', DAY_RANGE, {
      offset: '+05:30',
    });
    const [up = [], down = []] = readBuckets(published('03-bytes-hourly-msisdn'), expected).values;
    expect(up.slice(0, 5)).toEqual(['73130', '73954', '22196.5', '73748', null]);
    expect(up).toHaveLength(26);
    expect(down.at(-1)).toBe('2991011980');
    expect(down.filter((value) => value === null)).toHaveLength(25);
  });

  it('4: the last five minutes of a site', () => {
    const form: ReportForm = { filters: filtersFor(A, SITE), series: bandwidth('AVG'), namesDimension: false };
    const read = readLive(published('04-now-avg-bandwidth-site'), form, DEFAULT_SETTINGS);
    expect(read.values).toEqual(['4.1809904', '283.9409664']);
    expect(read.window).toEqual({ start: utc('2022-07-12T09:08:48'), end: utc('2022-07-12T09:13:48') });
    expect(read.warnings.map(({ code }) => code)).toEqual(['account_id_form_unusual']);
  });

  it('5: five-minute samples sorted by value find their slots', () => {
    const range = { start: utc('2022-07-11T09:10:00'), end: utc('2022-08-11T09:10:00') };
    const expected = expecting(SITE, bandwidth('none'), 'SLOT', range, { offset: '+05:30' });
    const read = readBuckets(published('05-percentile-bandwidth-site'), expected);
    const at = (series: number, stamp: string) => read.values[series]?.[(utc(stamp) - range.start) / 300];
    expect(at(0, '2022-07-11T18:55:00')).toBe('0.0003111608391608391');
    expect(at(0, '2022-07-11T10:30:00')).toBe('0.00034236619718309855');
    expect(at(0, '2022-07-12T06:55:00')).toBe('0.00034236619718309855');
    expect(at(0, '2022-07-11T13:15:00')).toBe('0.00034285314685314684');
    expect(at(1, '2022-07-12T09:10:00')).toBe('319.57010848351644');
    expect(read.values.map((values) => values.filter((value) => value !== null).length)).toEqual([4, 1]);
    expect(read.warnings.map(({ code }) => code)).toEqual(['account_id_form_unusual']);
  });

  it('6 and 7 are answers for another account', () => {
    for (const [name, entity] of [
      ['06-now-max-bandwidth-imsi', { dimension: 'imsi', value: '310550000010232' }],
      ['07-now-max-bandwidth-msisdn', { dimension: 'msisdn', value: '8120012300987' }],
    ] as const) {
      const form = (account: string): ReportForm => ({
        filters: filtersFor(account, entity),
        series: bandwidth('MAX'),
        namesDimension: false,
      });
      const read = (account: string) => readLive(published(name), form(account), DEFAULT_SETTINGS);
      expect(refusal(() => read('62b00f5695c2cd8c530548e5'))).toBe('echo_mismatch');
      expect(read('62a06a1866a8e6620bcd4bdd').values[0]).toBe('4.89');
    }
  });

  describe('8', () => {
    const site: EntityRef = { dimension: 'customer_site_id', value: '628f12886f8307435f7b7c59' };
    const range = { start: utc('2022-06-22T10:00:00'), end: utc('2022-06-22T13:00:00') };
    const read = (changes: Partial<Expected> & { account: string }) =>
      readBuckets(
        published('08-avg-min-max-bandwidth-site'),
        expecting(site, bandwidth('AVG', 'MIN', 'MAX'), 'HOUR', range, { offset: '+05:30', ...changes }),
      );
    const echoed = '62a06a1866a8e6620bcd4bdd';
    const settings: Settings = { ...DEFAULT_SETTINGS, line_rate_mbps: 1_000_000 };

    it('is an answer for another account, and too fast for any line', () => {
      expect(refusal(() => read({ account: '62b00f5695c2cd8c530548e5' }))).toBe('echo_mismatch');
      expect(refusal(() => read({ account: echoed }))).toBe('rate_exceeds_line_rate');
    });

    it('lacks the first hour when labels are starts, and nothing when they are ends', () => {
      const wanted = { account: echoed, firstStart: range.start, count: 3 };
      expect(read({ ...wanted, settings }).values[0]).toEqual([null, '322238.82', '7025.94']);
      expect(read({ ...wanted, settings: { ...settings, label: 'end' } }).values).toEqual([
        ['322238.82', '7025.94', '6452.01'],
        ['280894.13', '4578.01', '3673.39'],
        ['32223.82', '702.94', '645.01'],
        ['28089.13', '457.01', '367.39'],
        ['422238.82', '8025.94', '7452.01'],
        ['380894.13', '5578.01', '4673.39'],
      ]);
    });

    it('in kbps is brought to Mbps, exactly', () => {
      const inKbps = { account: echoed, settings: { ...DEFAULT_SETTINGS, unit: 'kbps' as const } };
      expect(read(inKbps).values[0]?.slice(1)).toEqual(['322.23882', '7.02594', '6.45201']);
    });
  });
});

/** Two hours of bytes, asked with a margin of one on both sides. */
const HOURS = { start: utc('2026-10-01T00:00:00'), end: utc('2026-10-01T03:00:00') };
const item = (hour: number, value: string, metric = 'uplink_bytes', more = ',"aggregation_type":"COUNT"') =>
  `{"time_stamp":"2026-10-01T0${hour}:00:00+00:00","name":"${metric}","value":${value}${more}}`;
const report = (items: string[], echo = `"msisdn":8020010012345,"account_id":"${A}"`) =>
  Buffer.from(`{"result":[[${items.join(',')}]],${echo}}`);
const bytesOfHours = (body: Buffer, changes: Partial<Expected> = {}) =>
  readBuckets(body, {
    ...expecting(MSISDN, count('uplink_bytes', 'downlink_bytes'), 'HOUR', HOURS),
    firstStart: utc('2026-10-01T01:00:00'),
    count: 1,
    ...changes,
  });
const GOOD = [item(1, '10'), item(2, '20'), item(1, '30', 'downlink_bytes'), item(2, '40', 'downlink_bytes')];

describe('each rule has its own code', () => {
  it('keeps the wanted bucket and drops the margin', () => {
    expect(bytesOfHours(report(GOOD)).values).toEqual([['10'], ['30']]);
    expect(bytesOfHours(report(GOOD), { settings: { ...DEFAULT_SETTINGS, label: 'end' } }).values).toEqual([
      ['20'],
      ['40'],
    ]);
  });

  const changed = (from: string, to: string) => report(GOOD.map((text) => text.replace(from, to)));
  it.each([
    ['schema_mismatch', 'an error in the shape of an answer', Buffer.from('{"message":"no data available"}')],
    ['schema_mismatch', 'a bare array', Buffer.from('[]')],
    ['schema_mismatch', 'result without inner arrays', Buffer.from(`{"result":[${item(1, '1')}],"account_id":"${A}"}`)],
    ['schema_mismatch', 'a member nobody documented', report(GOOD, `"msisdn":1,"account_id":"${A}","next_page":"2"`)],
    ['schema_mismatch', 'a metric nobody documented', changed('uplink_bytes', 'sidelink_bytes')],
    ['schema_mismatch', 'an item without aggregation', changed(',"aggregation_type":"COUNT"', '')],
    ['schema_mismatch', 'a stamp without offset', changed('+00:00', '')],
    ['schema_mismatch', 'a stamp in Z', changed('+00:00', 'Z')],
    ['schema_mismatch', 'a stamp that is no moment', changed('2026-10-01T', '2026-09-31T')],
    ['value_not_a_number', 'null', changed(':10', ':null')],
    ['value_not_a_number', 'a number in quotes', changed(':10', ':"10"')],
    ['value_not_a_number', 'NaN', changed(':10', ':NaN')],
    ['value_negative', 'a negative number', changed(':10', ':-10')],
    ['value_out_of_range', '1e300', changed(':10', ':1e300')],
    ['echo_missing', 'no subscriber', report(GOOD, `"account_id":"${A}"`)],
    ['echo_missing', 'no account', report(GOOD, '"msisdn":8020010012345')],
    ['echo_mismatch', 'another account', report(GOOD, '"msisdn":8020010012345,"account_id":"62c40843c7a190970912346"')],
    ['echo_mismatch', 'another subscriber', report(GOOD, `"msisdn":8020010012346,"account_id":"${A}"`)],
    ['echo_mismatch', 'an account as a number', report(GOOD, '"msisdn":8020010012345,"account_id":62')],
    [
      'echo_unexpected',
      'a site nobody asked for',
      report(GOOD, `"customer_site_id":"x","msisdn":8020010012345,"account_id":"${A}"`),
    ],
    ['series_set_differs', 'a series too many', report([...GOOD, item(1, '1', 'time_usage_seconds')])],
    ['series_set_differs', 'another aggregation', changed('COUNT', 'MAX')],
    ['offset_differs', 'another offset', changed('01:00:00+00:00', '06:30:00+05:30')],
    ['off_grid', 'a stamp between hours', changed('T01:00:00', 'T01:05:00')],
    ['beyond_margin', 'a bucket after the margin', report([...GOOD, item(4, '1')])],
    ['beyond_margin', 'a bucket before the margin', report([...GOOD, item(1, '1').replace('10-01T01', '09-30T23')])],
    ['duplicate_bucket_differs', 'two values for one bucket', report([...GOOD, item(1, '11')])],
  ])('%s: %s', (code, _what, body) => {
    expect(refusal(() => bytesOfHours(body))).toBe(code);
  });

  it('a series without any item is one of gaps', () => {
    const { values } = bytesOfHours(report(GOOD.slice(0, 2)));
    expect(values.map((series) => series.filter((value) => value !== null).length)).toEqual([1, 0]);
  });

  it('and the first in order decides', () => {
    // One answer that breaks everything, mended rule by rule.
    let items = [
      item(1, '-10'),
      item(2, '20').replace('02:00:00', '02:00:01'),
      item(1, '9'),
      item(9, '1', 'time_usage_seconds'),
    ];
    let echo = '"msisdn":8020010012346,"account_id":"x"';
    const verdict = () => refusal(() => bytesOfHours(report(items, echo)));
    expect(verdict()).toBe('value_negative');
    items[0] = item(1, '10');
    expect(verdict()).toBe('echo_mismatch');
    echo = `"msisdn":8020010012345,"account_id":"${A}"`;
    expect(verdict()).toBe('series_set_differs');
    items[3] = item(9, '1', 'downlink_bytes').replace('+00:00', '+05:30');
    expect(verdict()).toBe('offset_differs');
    items[3] = item(9, '1', 'downlink_bytes');
    expect(verdict()).toBe('off_grid');
    items[1] = item(2, '20');
    expect(verdict()).toBe('beyond_margin');
    items[3] = item(3, '1', 'downlink_bytes');
    expect(verdict()).toBe('duplicate_bucket_differs');
    items = items.filter((_item, index) => index !== 2);
    expect(verdict()).toBe('believed');
  });
});

describe('what is believed with a warning, or as a gap', () => {
  const codes = (body: Buffer) => bytesOfHours(body).warnings.map(({ code }) => code);

  it('a bucket that comes twice with one value, in whatever spelling', () => {
    expect(codes(report([...GOOD, item(1, '10'), item(1, '1.00e1')]))).toContain('duplicate_bucket');
    expect(bytesOfHours(report([...GOOD, item(1, '10')])).values[0]).toEqual(['10']);
  });

  it('a subscriber echoed as text', () => {
    expect(codes(report(GOOD, `"msisdn":"8020010012345","account_id":"${A}"`))).toContain('echo_type_differs');
  });

  it('but a number never stands for an id that it cannot write', () => {
    const imsi: EntityRef = { dimension: 'imsi', value: '001010000012345' };
    const body = (echo: string) =>
      refusal(() =>
        readBuckets(
          report([item(1, '5', 'time_usage_seconds')], `"imsi":${echo},"account_id":"${A}"`),
          expecting(imsi, count('time_usage_seconds'), 'HOUR', HOURS),
        ),
      );
    expect(body('"001010000012345"')).toBe('believed');
    expect(body('1010000012345')).toBe('echo_mismatch');
    expect(body('"1010000012345"')).toBe('echo_mismatch');
  });

  it.each(['[]', '[[]]', '[[],[]]'])('a result of %s is all gaps', (result) => {
    const body = Buffer.from(`{"result":${result},"msisdn":8020010012345,"account_id":"${A}"}`);
    expect(bytesOfHours(body).values).toEqual([[null], [null]]);
  });
});

describe('bounds', () => {
  it('no subscriber is connected for longer than the bucket lasts; an account may be', () => {
    const read = (seconds: string, subscribers?: number) =>
      refusal(() =>
        readBuckets(
          report([item(1, seconds, 'time_usage_seconds')]),
          expecting(MSISDN, count('time_usage_seconds'), 'HOUR', HOURS, { subscribers }),
        ),
      );
    expect(read('3600', 1)).toBe('believed');
    // The double after 3600.
    expect(read('3600.0000000000005', 1)).toBe('believed');
    expect(read('3600.0000001', 1)).toBe('time_exceeds_bucket');
    expect(read('7200', 2)).toBe('believed');
    expect(read('86400')).toBe('believed');
  });

  it('no rate is above the line rate', () => {
    const read = (rate: string) => {
      const body = report(
        ['uplink_bandwidth', 'downlink_bandwidth'].map((metric) => item(1, rate, metric, '')),
        `"customer_site_id":"${SITE.value}","account_id":"${A}"`,
      );
      return refusal(() => readBuckets(body, expecting(SITE, bandwidth('none'), 'SLOT', HOURS)));
    };
    expect(read('10000')).toBe('believed');
    expect(read('10000.0000000001')).toBe('rate_exceeds_line_rate');
    expect(read('1.0001e4')).toBe('rate_exceeds_line_rate');
  });

  it('MIN ≤ AVG ≤ MAX', () => {
    const read = (average: string, minimum: string, maximum: string) => {
      const items = (['uplink_bandwidth', 'downlink_bandwidth'] as const).flatMap((metric) =>
        Object.entries({ AVG: average, MIN: minimum, MAX: maximum }).map(([aggregation, value]) =>
          item(1, value, metric, `,"aggregation_type":"${aggregation}"`),
        ),
      );
      const body = report(items, `"customer_site_id":"${SITE.value}","account_id":"${A}"`);
      return refusal(() => readBuckets(body, expecting(SITE, bandwidth('AVG', 'MIN', 'MAX'), 'HOUR', HOURS)));
    };
    expect(read('5', '5', '5.0')).toBe('believed');
    expect(read('9', '10', '11')).toBe('min_avg_max_disordered');
    expect(read('10.1', '9', '10')).toBe('min_avg_max_disordered');
  });
});

it('nothing depends on the order or the grouping of items', () => {
  const items = [...GOOD, item(0, '1'), item(3, '7', 'downlink_bytes')];
  const expected = bytesOfHours(report(items)).values;
  fc.assert(
    fc.property(
      fc.shuffledSubarray(items, { minLength: items.length }),
      fc.array(fc.nat({ max: items.length })),
      (shuffled, cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), items.length];
        const groups = edges.slice(1).map((end, index) => `[${shuffled.slice(edges[index], end).join(',')}]`);
        const body = `{"account_id":"${A}","result":[${groups.join(',')}],"msisdn":8020010012345}`;
        expect(bytesOfHours(Buffer.from(body)).values).toEqual(expected);
      },
    ),
  );
});

it('warns when a percentile answer is not sorted by value, and uses it all the same', () => {
  const read = (...values: string[]) => {
    const items = ['uplink_bandwidth', 'downlink_bandwidth'].flatMap((metric) =>
      values.map((value, index) => item(index, value, metric, '')),
    );
    const body = report(items, `"customer_site_id":"${SITE.value}","account_id":"${A}"`);
    return readBuckets(body, expecting(SITE, bandwidth('none'), 'SLOT', HOURS)).warnings.map(({ code }) => code);
  };
  expect(read('0.5', '0.50', '0.5')).not.toContain('percentile_not_ascending');
  expect(read('1e-7', '0.5', '9.75', '10')).not.toContain('percentile_not_ascending');
  expect(read('0.5', '0.4999')).toContain('percentile_not_ascending');
});

it('sees that a whole series was rounded, and takes idle slots for nothing', () => {
  const texts = (rounded: number, exact: number) => [
    ...Array.from({ length: rounded }, (_, index) => `${index + 1}.25`),
    ...Array.from({ length: exact }, (_, index) => `${index}.12345`),
    null,
    '0',
    '0.00',
  ];
  const rates = (rounded: number, exact: number) => PackedValues.of(texts(rounded, exact));
  expect(looksRounded(rates(100, 0), 0)).toBe(true);
  expect(looksRounded(rates(99, 1), 0)).toBe(true);
  expect(looksRounded(rates(98, 2), 0)).toBe(false);
  expect(looksRounded(rates(99, 0), 0)).toBe(false);
  // Two decimals of kbps are five of Mbps.
  expect(looksRounded(rates(0, 101), 3)).toBe(true);
});
