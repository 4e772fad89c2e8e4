import { ExactSum } from '#metering';
import type { LiveItems, ReportItems, WrittenValues } from '../../dialect.js';
import { type PullWarning, RuleBroken } from '../../refusal.js';
import {
  AGGREGATIONS,
  type Echo,
  ECHO_MEMBERS,
  type EchoMember,
  METRICS,
  parseReportBody,
  readLiveBody,
} from './report-body.js';
import { scanReportBody } from './report-scanner.js';
import { goesAsNumber, type ReportForm, seriesCodes } from './request-form.js';
import type { Settings } from './settings.js';

/** The UTC offset that requests are written in, and answers therefore, too. */
const OFFSET = '+00:00';

/**
 * Reads an answer of buckets and sees that it is one to this form: its own form, the echoes of its filters, the series it
 * holds and the offset of its stamps are checked in this order.
 *
 * @param offset the UTC offset the request was written in
 * @throws RuleBroken at the first rule that does not hold
 */
export function readItems(body: Buffer, form: ReportForm, settings: Settings, offset = OFFSET): ReportItems {
  const report = scanReportBody(body) ?? parseReportBody(body);
  const wanted = seriesCodes(form);
  const seen = new Set<number>();
  for (let item = 0; item < report.count; item += 1) seen.add(report.series[item] ?? 0);
  const warnings: PullWarning[] = [];
  requireAggregationForm(seen, wanted);
  checkEcho(report.echo, form, settings, warnings);
  requireSeriesSet(seen, wanted);
  for (const answered of report.offsets) {
    if (answered !== offset) {
      throw new RuleBroken('offset_differs', `stamps stand in ${answered}, asked in ${offset}`);
    }
  }
  const position = new Uint8Array(METRICS.length * AGGREGATIONS.length);
  wanted.forEach((code, index) => (position[code] = index));
  const series = new Uint8Array(report.count);
  for (let item = 0; item < report.count; item += 1) series[item] = position[report.series[item] ?? 0] ?? 0;
  const { count, stamps } = report;
  const values = 'sums' in report.values ? inOrderOf(wanted, report.values) : report.values;
  return { count, series, stamps, values, warnings, byValue: form.grid === 'SLOT' };
}

function inOrderOf(wanted: readonly number[], { sums, ...values }: WrittenValues): WrittenValues {
  return { ...values, sums: wanted.map((code) => sums[code] ?? new ExactSum()) };
}

/** Reads an answer to a NOW request. An odd window is a warning: the answer is shown, never billed. Throws `RuleBroken`. */
export function readLive(body: Buffer, form: ReportForm, settings: Settings): LiveItems {
  const report = readLiveBody(body);
  const warnings: PullWarning[] = [];
  checkEcho(report.echo, form, settings, warnings);
  const wanted = form.series.map(({ metric }) => metric);
  if (report.values.size !== wanted.length || wanted.some((metric) => !report.values.has(metric))) {
    throw new RuleBroken('series_set_differs', 'the metrics answered are not the metrics asked for');
  }
  const window = { start: report.start.instant, end: report.end.instant };
  if (window.end - window.start !== 300 || report.start.offset !== OFFSET || report.end.offset !== OFFSET) {
    warnings.push({ code: 'now_window_unexpected', message: 'the window is not 300 seconds in +00:00' });
  }
  return { window, values: wanted.map((metric) => report.values.get(metric) ?? ''), warnings };
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
  settings: Settings,
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
    if (answered.isNumber !== goesAsNumber(dimension, value, settings)) {
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
