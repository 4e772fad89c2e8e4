import { Decimal as Library } from 'decimal.js';
import fc from 'fast-check';
import { AnsweredValues } from '../../answered-values.js';
import type { WrittenValues } from '../../dialect.js';
import { RuleBroken } from '../../refusal.js';
import { parseReportBody, type ReportBody } from './report-body.js';
import { scanReportBody } from './report-scanner.js';

/** Beside the decimals of the service: with digits for whatever an answer can hold. */
const Exact = Library.clone({ precision: 400 });
const READING_ERROR = 1e-14;

/** Columns cut to their length and values as texts, so that two bodies can be compared. */
function shown(body: ReportBody) {
  const series = Array.from(body.series).slice(0, body.count);
  return {
    ...body,
    series,
    stamps: Array.from(body.stamps).slice(0, body.count),
    values: 'sums' in body.values ? textsOf(body.values, series) : body.values,
  };
}

/** The texts of values, once the doubles and the sums that came with them are those of the texts. */
function textsOf(values: WrittenValues, series: readonly number[]): string[] {
  const answered = new AnsweredValues(values);
  const texts = series.map((_, item) => answered.textAt(item));
  const isFar = (text: string, item: number) => {
    const double = Number.parseFloat(text);
    return Math.abs((values.doubles[item] ?? NaN) - double) > double * READING_ERROR;
  };
  expect(texts.filter(isFar)).toEqual([]);
  for (const code of new Set(series)) {
    const own = texts.filter((_, item) => series[item] === code);
    const sum = own.reduce((total, text) => total.plus(text), new Exact(0));
    expect(values.sums[code]?.total().toFixed()).toBe(sum.toFixed());
  }
  return texts;
}

function strictly(text: Buffer) {
  try {
    return shown(parseReportBody(text));
  } catch (error) {
    if (error instanceof RuleBroken) return undefined;
    throw error;
  }
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\t\r\n  ');
const stamp = fc
  .integer({ min: -62_135_596_800, max: 253_402_300_799 })
  .map((seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}+00:00`);
const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 1e-9, max: 1e22 }).map(String),
  fc.nat().map(String),
  fc.constantFrom('0', '0.0', '23933.017647058823', '1e-7', '2.5E+3', '9007199254740993'),
);
const member = (name: string, text: string) =>
  fc.tuple(space, space, space).map(([a, b, c]) => `${a}"${name}"${b}:${c}${text}`);
const object = (members: fc.Arbitrary<string>[]) =>
  fc
    .tuple(...members)
    .chain((texts) => fc.shuffledSubarray(texts, { minLength: texts.length }))
    .chain((texts) => space.map((after) => `{${texts.join(`${after},`)}${after}}`));
const item = (aggregated: boolean) =>
  fc
    .record({
      stamp,
      value,
      name: fc.constantFrom(
        'uplink_bytes',
        'downlink_bytes',
        'time_usage_seconds',
        'uplink_bandwidth',
        'downlink_bandwidth',
      ),
      aggregation: fc.constantFrom('COUNT', 'AVG', 'MIN', 'MAX'),
    })
    .chain(({ stamp, value, name, aggregation }) =>
      object([
        member('time_stamp', `"${stamp}"`),
        member('name', `"${name}"`),
        member('value', value),
        ...(aggregated ? [member('aggregation_type', `"${aggregation}"`)] : []),
      ]),
    );
const array = (items: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(items, { maxLength: 4 }), space)
    .map(([texts, after]) => `[${after}${texts.join(`${after},`)}${after}]`);

/** A series as one program writes it: the items differ in stamp and value alone. */
const alike = (aggregated: boolean) =>
  fc
    .tuple(item(aggregated), fc.array(fc.tuple(stamp, value), { minLength: 2, maxLength: 6 }))
    .map(([text, each]) =>
      each
        .map(([at, number]) =>
          text.replace(/"[^"]*\+00:00"/, `"${at}"`).replace(/("value"\s*:\s*)[^\s,}]+/, `$1${number}`),
        )
        .join(','),
    );

/** Reports in the usual form: any order of members, any whitespace. */
const usualReport = fc
  .boolean()
  .chain((aggregated) => array(array(fc.oneof(item(aggregated), alike(aggregated)))))
  .chain((result) =>
    object([
      member('result', result),
      member('account_id', '"62c40843c7a190970912345"'),
      ...(result.length % 2
        ? [member('msisdn', '8020010012345')]
        : [member('customer_site_id', '"62c408aaadd8f757bf412345"')]),
    ]),
  )
  .chain((text) => space.map((around) => around + text + around));

it('reads every report in its usual form, as the strict reader does', () => {
  fc.assert(
    fc.property(usualReport, (text) => {
      const body = Buffer.from(text);
      const scanned = scanReportBody(body);
      expect(scanned && shown(scanned)).toEqual(shown(parseReportBody(body)));
    }),
    { numRuns: 500 },
  );
});

const fragments = [
  ...'{}[]":,0123456789.eE+-TZ \n\\é',
  'null',
  'NaN',
  '"value":1,',
  '"time_stamp":"2022-07-01T00:00:00+00:00",',
  ',"account_id":"x"',
  '2022-02-29',
  '+05:30',
  '\\u0061',
];

it('whatever it reads of a mangled report, the strict reader reads alike', () => {
  const hits = fc.array(
    fc.record({ at: fc.nat(), drop: fc.integer({ min: 0, max: 12 }), put: fc.constantFrom('', ...fragments) }),
    { minLength: 1, maxLength: 3 },
  );
  let stillRead = 0;
  fc.assert(
    fc.property(usualReport, hits, (report, damage) => {
      let text = report;
      for (const { at, drop, put } of damage) {
        const index = at % (text.length + 1);
        text = text.slice(0, index) + put + text.slice(index + drop);
      }
      const body = Buffer.from(text);
      const scanned = scanReportBody(body);
      if (scanned === undefined) return;
      stillRead += 1;
      expect(shown(scanned)).toEqual(strictly(body));
    }),
    { numRuns: 20_000 },
  );
  // The property says nothing if damage is always noticed: some of it must leave a readable report.
  expect(stillRead).toBeGreaterThan(200);
});

it('no single byte, changed to any other, is read differently', () => {
  const of = (hour: number, value: string) =>
    `{"time_stamp":"2022-07-01T0${hour}:00:00+00:00","name":"uplink_bytes","value":${value},"aggregation_type":"COUNT"}`;
  const report = Buffer.from(
    `{"result":[[${of(0, '73130.5')},${of(1, '7')},${of(2, '0.25')}]],"msisdn":8020010012345,"account_id":"62c4"}`,
  );
  expect(scanReportBody(report)).toBeDefined();
  for (let at = 0; at < report.length; at += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const changed = Buffer.from(report);
      changed[at] = byte;
      const scanned = scanReportBody(changed);
      if (scanned) expect(shown(scanned)).toEqual(strictly(changed));
    }
  }
});

it('leaves what is unusual to the strict reader', () => {
  const usual =
    '{"result":[[{"time_stamp":"2022-07-01T00:00:00+00:00","name":"uplink_bytes","value":1}]],"account_id":"a"}';
  expect(scanReportBody(Buffer.from(usual))).toBeDefined();
  for (const [from, to] of [
    ['+00:00', '+05:30'],
    ['"uplink_bytes"', '"uplink\\u005fbytes"'],
    ['"value":1', '"value":1,"value":1'],
    ['"value":1', '"value":1,"name":"uplink_bytes"'],
    ['"value":1', '"value":1,"time_stamp":"2022-07-01T00:00:00+00:00"'],
    ['"value":1', '"value":1,"aggregation_type":"COUNT","aggregation_type":"COUNT"'],
    ['"account_id":"a"', '"account_id":"a","account_id":"a"'],
    ['"account_id":"a"', '"account_id":"a","result":[]'],
    ['"value":1', '"value":-1'],
    ['"value":1', '"value":1e300'],
    ['07-01', '02-30'],
    ['"a"}', '"a"}}'],
  ] as const) {
    expect(scanReportBody(Buffer.from(usual.replace(from, to)))).toBeUndefined();
  }
});
