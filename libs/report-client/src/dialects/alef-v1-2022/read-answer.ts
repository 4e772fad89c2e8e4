import { type EpochSeconds, type Interval } from '#calendar';
import { GRID_SECONDS, type Grid, sumOfValues } from '#metering';
import { Decimal, decimal, decimalFromNumberText, sum, times } from '#money';
import type { Dialect } from './settings.js';
import { compareNumbers, dividedByPowerOfTen, exceeds, hasAtMostDecimals, visiblyAscends } from '../../number-text.js';
import { type PullWarning, RuleBroken } from '../../refusal.js';
import {
  AGGREGATIONS,
  type Echo,
  ECHO_MEMBERS,
  type EchoMember,
  METRICS,
  readLiveBody,
  parseReportBody,
  type ReportMetric,
} from './report-body.js';
import { scanReportBody } from './report-scanner.js';
import { goesAsNumber, type ReportForm, seriesCodes } from './request-form.js';

/** What one answer of buckets is measured against. */
export interface Expected {
  readonly form: ReportForm;
  readonly grid: Grid;
  /** The range that was asked for. */
  readonly asked: Interval;
  /** The UTC offset the request was written in. */
  readonly offset: string;
  readonly dialect: Dialect;
  /** The buckets wanted of it: everything else between the edges of `asked` is margin and dropped. */
  readonly firstStart: EpochSeconds;
  readonly count: number;
  /** Subscribers behind the entity where that is known: bounds the connected time of a bucket. */
  readonly subscribers?: number | undefined;
}

/** The wanted buckets of one answer: per series of the form, in its order, the exact text of each bucket or a gap. */
export interface Buckets {
  readonly values: readonly (readonly (string | null)[])[];
  readonly tallies: readonly SeriesTally[];
  readonly warnings: readonly PullWarning[];
}

/** Buckets and their exact sum, in the unit of the series. */
export interface Tally {
  readonly buckets: number;
  readonly total: string;
}

/**
 * What was answered of one series and what of it was dropped as margin. The two are counted apart from the values that are
 * kept, so that kept = fetched − margin can be checked rather than believed.
 */
export interface SeriesTally {
  readonly fetched: Tally;
  readonly margin: Tally;
}

/**
 * Reads an answer of buckets and believes nothing in it: form, echoes, series, stamps, uniqueness and bounds are
 * checked in this order, against what was asked. Buckets are found by (metric, aggregation, stamp), never by position.
 *
 * @throws RuleBroken at the first rule that does not hold
 */
export function readBuckets(body: Buffer, expected: Expected): Buckets {
  const { form, grid, asked, dialect } = expected;
  const report = scanReportBody(body) ?? parseReportBody(body);
  const wanted = seriesCodes(form);
  const place = new Int8Array(METRICS.length * AGGREGATIONS.length).fill(-1);
  wanted.forEach((code, index) => (place[code] = index));
  const warnings: PullWarning[] = [];

  const seen = new Set<number>();
  for (let item = 0; item < report.count; item += 1) seen.add(report.series[item] ?? 0);
  requireAggregationForm(seen, wanted);
  checkEcho(report.echo, form, dialect, warnings);
  requireSeriesSet(seen, wanted);

  for (const offset of report.offsets) {
    if (offset !== expected.offset) {
      throw new RuleBroken('offset_differs', `stamps stand in ${offset}, asked in ${expected.offset}`);
    }
  }
  const width = GRID_SECONDS[grid];
  const firstLabel = Math.floor(asked.start / width) * width;
  const labels = Math.ceil(asked.end / width) - Math.floor(asked.start / width) + 1;
  requireStamps(report.stamps, report.count, { width, firstLabel, labels });

  // One entry per series and label of the asked range: the item that filled it, or -1.
  const filledBy = new Int32Array(wanted.length * labels).fill(-1);
  const repeated = new Set<number>();
  for (let item = 0; item < report.count; item += 1) {
    const label = ((report.stamps[item] ?? 0) - firstLabel) / width;
    const slot = (place[report.series[item] ?? 0] ?? 0) * labels + label;
    const before = filledBy[slot] ?? -1;
    if (before < 0) filledBy[slot] = item;
    else if (compareNumbers(report.values[before] ?? '', report.values[item] ?? '') === 0) repeated.add(item);
    else throw new RuleBroken('duplicate_bucket_differs', `one bucket has two values, items ${before} and ${item}`);
  }
  if (repeated.size > 0) {
    warnings.push({ code: 'duplicate_bucket', message: `${repeated.size} buckets came twice with the same value` });
  }

  requireBounds(report.series, report.values, expected);
  requireOrderOfAggregates(filledBy, labels, report.values, form);
  if (grid === 'SLOT' && !ascends(report.series, report.values)) {
    warnings.push({ code: 'percentile_not_ascending', message: 'a percentile series is not sorted by value' });
  }

  // A label that is the end of its bucket stands one width later than the bucket's start.
  const firstWanted = (expected.firstStart - firstLabel) / width + (dialect.label === 'end' ? 1 : 0);
  const values = wanted.map((_code, series) => {
    const kept: (string | null)[] = new Array<string | null>(expected.count);
    for (let bucket = 0; bucket < expected.count; bucket += 1) {
      const label = firstWanted + bucket;
      // What was wanted and not asked for is missing.
      const item = label < labels ? (filledBy[series * labels + label] ?? -1) : -1;
      kept[bucket] = item < 0 ? null : (report.values[item] ?? null);
    }
    return kept;
  });
  const tallies = wanted.map((code, series) => {
    const fetched = report.values.filter((_, item) => report.series[item] === code && !repeated.has(item));
    const labelled = Array.from(filledBy.subarray(series * labels, (series + 1) * labels));
    const margin = labelled.flatMap((item, label) => {
      const isMargin = item >= 0 && (label < firstWanted || label >= firstWanted + expected.count);
      return isMargin ? [report.values[item] ?? ''] : [];
    });
    return { fetched: tallyOf(fetched, form, dialect), margin: tallyOf(margin, form, dialect) };
  });
  return { values: inMbps(values, form, dialect), tallies, warnings };
}

function tallyOf(values: readonly string[], form: ReportForm, dialect: Dialect): Tally {
  const total = times(sumOfValues(values), new Decimal(`1e-${powerOf(form, dialect)}`));
  return { buckets: values.length, total: total.toFixed() };
}

/** Tallies of the same series, added. */
export function addedTallies(tallies: readonly SeriesTally[]): SeriesTally {
  const added = (of: readonly Tally[]): Tally => ({
    buckets: of.reduce((count, { buckets }) => count + buckets, 0),
    total: sum(of.map(({ total }) => decimal(total))).toFixed(),
  });
  return {
    fetched: added(tallies.map(({ fetched }) => fetched)),
    margin: added(tallies.map(({ margin }) => margin)),
  };
}

/** The two rates of the last five minutes, in Mbps, and the window the API says they are for. */
export interface LiveRates {
  readonly window: Interval;
  readonly values: ReadonlyMap<ReportMetric, string>;
  readonly warnings: readonly PullWarning[];
}

/** Reads an answer to a NOW request. An odd window is a warning: the answer is shown, never billed. Throws `RuleBroken`. */
export function readLiveRates(body: Buffer, form: ReportForm, dialect: Dialect, now: EpochSeconds): LiveRates {
  const report = readLiveBody(body);
  const warnings: PullWarning[] = [];
  checkEcho(report.echo, form, dialect, warnings);
  const wanted = form.series.map(({ metric }) => metric);
  if (report.values.size !== wanted.length || wanted.some((metric) => !report.values.has(metric))) {
    throw new RuleBroken('series_set_differs', 'the metrics answered are not the metrics asked for');
  }
  for (const [metric, text] of report.values) requireRate(text, dialect, () => `as ${metric}`);
  const window = { start: report.start.instant, end: report.end.instant };
  if (window.end - window.start !== 300 || report.start.offset !== '+00:00' || report.end.offset !== '+00:00') {
    warnings.push({ code: 'now_window_unexpected', message: 'the window is not 300 seconds in +00:00' });
  }
  if (Math.abs(window.end - now) > 120) {
    warnings.push({ code: 'now_clock_differs', message: `the window ends ${now - window.end} seconds before now` });
  }
  const [values = []] = [inMbps([wanted.map((metric) => report.values.get(metric) ?? null)], form, dialect)[0]];
  return { window, values: new Map(wanted.map((metric, index) => [metric, values[index] ?? ''])), warnings };
}

/** Percentile items carry no aggregation, all others do: which of both is the request's choice. */
function requireAggregationForm(seen: ReadonlySet<number>, wanted: readonly number[]): void {
  const isBare = (code: number | undefined) => code !== undefined && code % AGGREGATIONS.length === 0;
  const bareAsked = isBare(wanted[0]);
  for (const code of seen) {
    if (isBare(code) !== bareAsked) {
      throw new RuleBroken(
        'schema_mismatch',
        bareAsked ? 'percentile items carry an aggregation_type' : 'items carry no aggregation_type',
      );
    }
  }
}

function checkEcho(
  echo: ReadonlyMap<EchoMember, Echo>,
  form: ReportForm,
  dialect: Dialect,
  warnings: PullWarning[],
): void {
  for (const { dimension, value } of form.filters) {
    const answered = echo.get(dimension);
    if (answered === undefined) {
      throw new RuleBroken('echo_missing', `the answer does not say which ${dimension} it is for`);
    }
    const isSubscriber = dimension === 'msisdn' || dimension === 'imsi';
    if (answered.text !== value || (answered.isNumber && !isSubscriber)) {
      throw new RuleBroken('echo_mismatch', `the answer is for another ${dimension} than asked`);
    }
    if (answered.isNumber !== goesAsNumber(dimension, value, dialect)) {
      warnings.push({
        code: 'echo_type_differs',
        message: `${dimension} was answered as a JSON ${answered.isNumber ? 'number' : 'string'}, not as it was sent`,
      });
    }
    if (dimension === 'account_id' && !/^[0-9a-f]{24}$/.test(value)) {
      warnings.push({ code: 'account_id_form_unusual', message: 'the account id is not 24 hexadecimal digits' });
    }
  }
  for (const member of ECHO_MEMBERS) {
    if (echo.has(member) && !form.filters.some(({ dimension }) => dimension === member)) {
      throw new RuleBroken('echo_unexpected', `the answer is for one ${member}, which was not asked for`);
    }
  }
}

/** A series without any item is one of gaps, as is an answer without any; one that was not asked for is a contradiction. */
function requireSeriesSet(seen: ReadonlySet<number>, wanted: readonly number[]): void {
  if ([...seen].some((code) => !wanted.includes(code))) {
    throw new RuleBroken(
      'series_set_differs',
      `${wanted.length} series were asked for; the answer holds ${seen.size}, not all of them asked for`,
    );
  }
}

function requireStamps(
  stamps: ArrayLike<number>,
  count: number,
  { width, firstLabel, labels }: { width: number; firstLabel: number; labels: number },
): void {
  const lastLabel = firstLabel + (labels - 1) * width;
  for (let item = 0; item < count; item += 1) {
    const stamp = stamps[item] ?? 0;
    if (stamp % width !== 0) throw new RuleBroken('off_grid', `the stamp of item ${item} is not on the UTC grid`);
    if (stamp < firstLabel || stamp > lastLabel) {
      throw new RuleBroken('beyond_margin', `the stamp of item ${item} lies beyond the range asked for`);
    }
  }
}

function requireBounds(series: ArrayLike<number>, values: readonly string[], expected: Expected): void {
  const { dialect, grid, subscribers } = expected;
  for (let item = 0; item < values.length; item += 1) {
    const text = values[item] ?? '';
    const metric = METRICS[Math.floor((series[item] ?? 0) / AGGREGATIONS.length)];
    if (metric === 'uplink_bandwidth' || metric === 'downlink_bandwidth') {
      requireRate(text, dialect, () => `in item ${item}`);
    } else if (metric === 'time_usage_seconds' && subscribers !== undefined) {
      const seconds = GRID_SECONDS[grid] * subscribers;
      if (exceeds(text, seconds) && decimalFromNumberText(text).greaterThan(new Decimal(seconds).times(DOUBLE_SLACK))) {
        throw new RuleBroken('time_exceeds_bucket', `more seconds were used than item ${item} has`);
      }
    }
  }
}

/** The API adds doubles: the last of their digits makes no second too many. */
const DOUBLE_SLACK = '1.000000000001';

const UNITS_PER_MBPS: Readonly<Record<Dialect['unit'], number>> = { Mbps: 0, kbps: 3, bps: 6 };

function requireRate(text: string, dialect: Dialect, where: () => string): void {
  if (exceeds(text, dialect.line_rate_mbps * 10 ** UNITS_PER_MBPS[dialect.unit])) {
    throw new RuleBroken('rate_exceeds_line_rate', `a rate is above ${dialect.line_rate_mbps} Mbps, ${where()}`);
  }
}

/** Where a form asks for AVG, MIN and MAX of one metric, MIN ≤ AVG ≤ MAX in every bucket that has them. */
function requireOrderOfAggregates(
  filledBy: Int32Array,
  labels: number,
  values: readonly string[],
  form: ReportForm,
): void {
  const ordered = (low: Aggregate, high: Aggregate) => {
    form.series.forEach(({ metric, aggregation }, lower) => {
      const upper = form.series.findIndex((other) => other.metric === metric && other.aggregation === high);
      if (aggregation !== low || upper < 0) return;
      for (let label = 0; label < labels; label += 1) {
        const lowItem = filledBy[lower * labels + label] ?? -1;
        const highItem = filledBy[upper * labels + label] ?? -1;
        if (lowItem >= 0 && highItem >= 0 && compareNumbers(values[lowItem] ?? '', values[highItem] ?? '') > 0) {
          throw new RuleBroken('min_avg_max_disordered', `${low} is above ${high}, items ${lowItem} and ${highItem}`);
        }
      }
    });
  };
  ordered('MIN', 'AVG');
  ordered('AVG', 'MAX');
}
type Aggregate = 'MIN' | 'AVG' | 'MAX';

/** Whether each series' values come in ascending order, as the API sorts percentile answers. */
function ascends(series: ArrayLike<number>, values: readonly string[]): boolean {
  const latest: (string | undefined)[] = [];
  for (let item = 0; item < values.length; item += 1) {
    const code = series[item] ?? 0;
    const before = latest[code];
    const text = values[item] ?? '';
    if (before !== undefined && !visiblyAscends(before, text) && compareNumbers(before, text) > 0) return false;
    latest[code] = text;
  }
  return true;
}

/** How far the decimal point of a form's values moves left to give Mbps; 0 for what is no rate. */
function powerOf(form: ReportForm, dialect: Dialect): number {
  return form.series.every(({ metric }) => metric.endsWith('_bandwidth')) ? UNITS_PER_MBPS[dialect.unit] : 0;
}

function inMbps(values: (string | null)[][], form: ReportForm, dialect: Dialect): (string | null)[][] {
  const power = powerOf(form, dialect);
  if (power === 0) return values;
  return values.map((series) => series.map((text) => (text === null ? null : dividedByPowerOfTen(text, power))));
}

/**
 * Whether a whole series of rates, in Mbps, looks rounded to two decimals of the dialect's unit although the dialect says
 * that rates are not: at least 100 values above zero, and at least 99 of 100 of them with no third decimal. Idle sites would
 * then be billed 0.
 */
export function looksRounded(values: readonly (string | null)[], { unit }: Pick<Dialect, 'unit'>): boolean {
  const decimals = 2 + UNITS_PER_MBPS[unit];
  let above = 0;
  let rounded = 0;
  for (const text of values) {
    if (text === null || /^[0.]+$/.test(text)) continue;
    above += 1;
    if (hasAtMostDecimals(text, decimals)) rounded += 1;
  }
  return above >= 100 && rounded * 100 >= above * 99;
}
