import type { Aggregation, ReportMetric, WrittenValues } from '../../dialect.js';
import { requireMeasurement } from '../../number-text.js';
import { RuleBroken } from '../../refusal.js';
import { type JsonObject, type JsonValue, NumberText, parseStrictJson } from '../../strict-json.js';

/** The metrics the report API names, in the order of their codes. */
export const METRICS = [
  'uplink_bytes',
  'downlink_bytes',
  'time_usage_seconds',
  'uplink_bandwidth',
  'downlink_bandwidth',
] as const satisfies readonly ReportMetric[];

/** `none` stands for the items of a percentile series, which carry no aggregation. */
export const AGGREGATIONS = ['none', 'COUNT', 'AVG', 'MIN', 'MAX'] as const satisfies readonly Aggregation[];

/** A series is a metric with an aggregation; its code is a small integer so that items can be columns. */
export function seriesCode(metric: ReportMetric, aggregation: Aggregation): number {
  return METRICS.indexOf(metric) * AGGREGATIONS.length + AGGREGATIONS.indexOf(aggregation);
}

/** The members under which a report answers the filters it was given. */
export const ECHO_MEMBERS = ['account_id', 'customer_site_id', 'msisdn', 'imsi'] as const;
export type EchoMember = (typeof ECHO_MEMBERS)[number];

/** A filter's echo: its digits or letters, and whether they stood there as a JSON number. */
export interface Echo {
  readonly text: string;
  readonly isNumber: boolean;
}

/** A report of buckets whose form is right: what it says is not yet believed. Items are columns in the order they came. */
export interface ReportBody {
  readonly echo: ReadonlyMap<EchoMember, Echo>;
  readonly count: number;
  /** `seriesCode` of each item. */
  readonly series: ArrayLike<number>;
  /** The label of each item as an instant, in seconds. */
  readonly stamps: ArrayLike<number>;
  /** The value of each item, digit for digit; sums are by `seriesCode`. */
  readonly values: readonly string[] | WrittenValues;
  /** The UTC offsets that stamps were written in, such as `+00:00`. */
  readonly offsets: ReadonlySet<string>;
}

/**
 * Reads a report of buckets from its bytes, strictly: one JSON value of exactly the documented members.
 *
 * @throws RuleBroken of rule 1 or of the schema; the first fault in the order of the text
 */
export function parseReportBody(body: Buffer): ReportBody & { readonly values: readonly string[] } {
  const report = members(parseStrictJson(body), 'the answer', ['result', ...ECHO_MEMBERS]);
  const result = report.get('result');
  if (!Array.isArray(result)) throw new RuleBroken('schema_mismatch', 'the answer has no array `result`');
  const series: number[] = [];
  const stamps: number[] = [];
  const values: string[] = [];
  const offsets = new Set<string>();
  for (const group of result) {
    if (!Array.isArray(group)) throw new RuleBroken('schema_mismatch', '`result` must hold arrays of items');
    for (const value of group) {
      const where = () => `in item ${values.length}`;
      const item = members(value, 'an item', ['time_stamp', 'name', 'value', 'aggregation_type']);
      const stamp = readStamp(item.get('time_stamp'), where);
      series.push(readSeries(item, where));
      stamps.push(stamp.instant);
      offsets.add(stamp.offset);
      values.push(readValue(item.get('value'), where));
    }
  }
  return { echo: readEcho(report), count: values.length, series, stamps, values, offsets };
}

/** A report of the last five minutes: one flat object. */
export interface LiveBody {
  readonly echo: ReadonlyMap<EchoMember, Echo>;
  readonly start: { readonly instant: number; readonly offset: string };
  readonly end: { readonly instant: number; readonly offset: string };
  readonly values: ReadonlyMap<ReportMetric, string>;
}

/** Reads the answer to a NOW request from its bytes. Throws `RuleBroken` as `readReportBody` does. */
export function readLiveBody(body: Buffer): LiveBody {
  const report = members(parseStrictJson(body), 'the answer', ['start_time', 'end_time', ...METRICS, ...ECHO_MEMBERS]);
  const values = new Map<ReportMetric, string>();
  for (const metric of METRICS) {
    const value = report.get(metric);
    if (value !== undefined)
      values.set(
        metric,
        readValue(value, () => `as ${metric}`),
      );
  }
  return {
    echo: readEcho(report),
    start: readStamp(report.get('start_time'), () => 'as start_time'),
    end: readStamp(report.get('end_time'), () => 'as end_time'),
    values,
  };
}

function members(value: JsonValue | undefined, what: string, allowed: readonly string[]): JsonObject {
  if (!(value instanceof Map)) throw new RuleBroken('schema_mismatch', `${what} must be an object`);
  for (const name of value.keys()) {
    if (!allowed.includes(name)) throw new RuleBroken('schema_mismatch', `${what} has a member that is not documented`);
  }
  return value;
}

function readEcho(report: JsonObject): Map<EchoMember, Echo> {
  const echo = new Map<EchoMember, Echo>();
  for (const member of ECHO_MEMBERS) {
    const value = report.get(member);
    if (typeof value === 'string') echo.set(member, { text: value, isNumber: false });
    else if (value instanceof NumberText) echo.set(member, { text: value.text, isNumber: true });
    else if (value !== undefined) throw new RuleBroken('schema_mismatch', `${member} must be a string or a number`);
  }
  return echo;
}

function readSeries(item: JsonObject, where: () => string): number {
  const metric = METRICS.findIndex((name) => name === item.get('name'));
  if (metric < 0) throw new RuleBroken('schema_mismatch', `no documented metric is named, ${where()}`);
  const given = item.get('aggregation_type');
  const aggregation = given === undefined ? 0 : AGGREGATIONS.findIndex((name, index) => index > 0 && name === given);
  if (aggregation < 0) throw new RuleBroken('schema_mismatch', `no documented aggregation is named, ${where()}`);
  return metric * AGGREGATIONS.length + aggregation;
}

function readValue(value: JsonValue | undefined, where: () => string): string {
  if (value === undefined) throw new RuleBroken('schema_mismatch', `a value is missing, ${where()}`);
  if (!(value instanceof NumberText)) {
    throw new RuleBroken('value_not_a_number', `a value is not a JSON number, ${where()}`);
  }
  requireMeasurement(value.text, where);
  return value.text;
}

const STAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)([+-](?:0\d|1[0-4]):(?:00|15|30|45))$/;

function readStamp(value: JsonValue | undefined, where: () => string): { instant: number; offset: string } {
  const match = typeof value === 'string' ? STAMP.exec(value) : null;
  const [year, month, day, hour, minute, second] = (match ?? [])
    .slice(1, 7)
    .map((digits) => Number.parseInt(digits, 10));
  const instant = instantOf(year ?? 0, month ?? 0, day ?? 0, hour ?? 0, minute ?? 0, second ?? 0);
  const offset = match?.[7];
  if (offset === undefined || instant === undefined) {
    throw new RuleBroken('schema_mismatch', `a stamp is not YYYY-MM-DDThh:mm:ss with an offset, ${where()}`);
  }
  const minutes = Number.parseInt(offset.slice(1, 3), 10) * 60 + Number.parseInt(offset.slice(4, 6), 10);
  return { instant: instant - (offset.startsWith('-') ? -60 : 60) * minutes, offset };
}

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_BEFORE_1970 = 719_162;

/** Seconds since 1970 of a UTC date and time of the years 1 to 9999, or undefined when there is no such moment. */
export function instantOf(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = (DAYS_IN_MONTH[month - 1] ?? 0) + (leap && month === 2 ? 1 : 0);
  if (year < 1 || day < 1 || day > days || hour > 23 || minute > 59 || second > 59) return undefined;
  const before = year - 1;
  const elapsed =
    before * 365 +
    Math.floor(before / 4) -
    Math.floor(before / 100) +
    Math.floor(before / 400) +
    (DAYS_BEFORE_MONTH[month - 1] ?? 0) +
    (leap && month > 2 ? 1 : 0) +
    day -
    1;
  return (elapsed - DAYS_BEFORE_1970) * 86_400 + hour * 3_600 + minute * 60 + second;
}
