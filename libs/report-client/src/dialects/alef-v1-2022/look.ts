import type { EpochSeconds, Interval } from '#calendar';
import type { Dialect } from './settings.js';
import { RuleBroken } from '../../refusal.js';
import { baseAddress } from '../../report-client.js';
import {
  AGGREGATIONS,
  type Aggregation,
  type Echo,
  type EchoMember,
  METRICS,
  parseReportBody,
  type ReportMetric,
} from './report-body.js';
import { type ReportForm, requestBody, unaskable } from './request-form.js';
import { DEFAULT_RETRY, retryAfterSeconds, type RetryPolicy, withRetries } from '../../retry.js';
import type { SealedKey } from '../../sealed-key.js';
import { faultMessage, type HttpAnswer, isFault, type ReportTransport } from '../../transport.js';

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
  readonly dialect: Dialect;
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
  const base = baseAddress(baseUrl);
  const policy = { ...DEFAULT_RETRY, ...retry };
  const { path, headers } = apiKey.authorise(base.path + dialect.path, dialect.auth);
  const answer = await withRetries<HttpAnswer>(policy, undefined, async (timeoutMs) => {
    const body = requestBody(form, asked, dialect);
    const { origin } = base;
    const sent = await transport.send({ origin, path, headers, body, bodyLimit: dialect.body_limit_bytes, timeoutMs });
    if (isFault(sent)) {
      return { done: false, ...sent, message: faultMessage(sent) };
    }
    if (sent.status !== 408 && sent.status !== 429 && sent.status < 500) return { done: true, value: sent };
    return {
      done: false,
      code: sent.status === 429 ? 'report_api_rate_limited' : 'report_api_unavailable',
      message: `the report API answered ${sent.status}`,
      retryAfterSeconds: retryAfterSeconds(sent.headers['retry-after'], sent.headers.date, policy.wallClock),
    };
  });
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
