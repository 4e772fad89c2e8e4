import type { EpochSeconds, Interval } from '#calendar';
import type { Aggregation, ReportMetric } from '../../dialect.js';
import { answered } from '../../exchange.js';
import { baseAddress } from '../../outbound-addresses.js';
import { RuleBroken } from '../../refusal.js';
import { DEFAULT_RETRY, type RetryPolicy } from '../../retry.js';
import type { SealedKey } from '../../sealed-key.js';
import type { HttpAnswer, ReportTransport } from '../../transport.js';
import { AGGREGATIONS, type Echo, type EchoMember, METRICS, parseReportBody } from './report-body.js';
import { type ReportForm, requestBody, unaskable } from './request-form.js';
import { KEY_NAME, type Settings } from './settings.js';

/** One answer as it is, before anything is assumed of it: for finding out what may be assumed. */
export interface Look {
  /** 0: nothing was asked, for the entity cannot stand in a filter. */
  readonly status: number;
  /** Why there are no values although the status is 200. */
  readonly code: string | null;
  readonly echo: ReadonlyMap<EchoMember, Echo>;
  /** Values by label, per series. */
  values(metric: ReportMetric, aggregation: Aggregation): ReadonlyMap<EpochSeconds, string>;
}

export interface LookOptions {
  readonly baseUrl: string;
  readonly apiKey: SealedKey;
  readonly dialect: Settings;
  readonly transport: ReportTransport;
  readonly retry?: Partial<RetryPolicy>;
}

/**
 * Asks one question and reads the answer for form alone.
 *
 * @throws ReportApiError when there is no answer
 */
export async function lookAt(
  { baseUrl, apiKey, dialect, transport, retry }: LookOptions,
  form: ReportForm,
  asked: Interval,
): Promise<Look> {
  if (unaskable(form.filters)) return nothing(0, 'entity_not_askable');
  const { origin, path } = baseAddress(baseUrl);
  const line = { origin, path: path + dialect.path, apiKey, transport, retry: { ...DEFAULT_RETRY, ...retry } };
  const written = { key: { in: dialect.auth, name: KEY_NAME }, bodyLimitBytes: dialect.body_limit_bytes };
  const answer = await answered<HttpAnswer>(
    line,
    written,
    { method: 'POST', body: requestBody(form, asked, dialect) },
    (value) => ({
      done: true,
      value,
    }),
  );
  if (answer.status !== 200) return nothing(answer.status, 'unexpected_status');
  try {
    const report = parseReportBody(answer.body);
    return {
      status: 200,
      code: null,
      echo: report.echo,
      values(metric, aggregation) {
        const series =
          METRICS.findIndex((name) => name === metric) * AGGREGATIONS.length + AGGREGATIONS.indexOf(aggregation);
        const values = new Map<EpochSeconds, string>();
        for (let item = 0; item < report.count; item += 1) {
          if (report.series[item] === series) values.set(report.stamps[item] ?? 0, report.values[item] ?? '');
        }
        return values;
      },
    };
  } catch (error) {
    if (error instanceof RuleBroken) return nothing(200, error.code);
    throw error;
  }
}

function nothing(status: number, code: string): Look {
  return { status, code, echo: new Map(), values: () => new Map() };
}
