import { z } from 'zod';
import { parseStamp, type Stamp } from './stamps.js';

/** A request that is answered with a status and `{"message": …}` instead of a report. */
export class RequestRefused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'RequestRefused';
  }
}

export type Dimension = 'account_id' | 'customer_site_id' | 'msisdn' | 'imsi';
export type Aggregation = 'COUNT' | 'AVG' | 'MIN' | 'MAX';
export type MetricName =
  'uplink_bytes' | 'downlink_bytes' | 'time_usage_seconds' | 'uplink_bandwidth' | 'downlink_bandwidth';

export interface Filter {
  dimension: Dimension;
  /** As sent: a string, or for subscribers also a number. */
  expressions: (string | number)[];
}

export interface Metric {
  name: MetricName;
  /** Absent for a percentile series. */
  aggregation?: Aggregation;
}

export type Query = { filters: Filter[]; metrics: Metric[] } & (
  | { kind: 'now' }
  | { kind: 'buckets'; start: Stamp; end: Stamp; bucketSeconds: 3600 | 86400 }
  | { kind: 'percentile'; start: Stamp; end: Stamp; comparisonValue: number }
);

const opaqueId = z.string().regex(/^[0-9A-Za-z]{1,64}$/);
const msisdn = z.union([
  z.string().regex(/^\d{5,15}$/),
  z
    .int()
    .min(1e4)
    .max(1e15 - 1),
]);
const imsi = z.union([
  z.string().regex(/^\d{14,15}$/),
  z
    .int()
    .min(1e13)
    .max(1e15 - 1),
]);

const filterOn = <Name extends Dimension, Expression extends z.ZodType<string | number>>(name: Name, id: Expression) =>
  z.strictObject({ dimension_name: z.literal(name), operator: z.literal('EXACT'), expressions: z.array(id).min(1) });

const time = z.union([z.literal('NOW'), z.string().refine((text) => parseStamp(text) !== undefined)], {
  error: 'must be NOW or YYYY-MM-DDThh:mm:ss with an offset such as +00:00',
});

const requestSchema = z.strictObject({
  start_date_time: time,
  end_date_time: time,
  granularity: z.enum(['HOUR', 'DAY']).optional(),
  dimensions: z
    .array(z.enum(['msisdn', 'imsi', 'customer_site_id']))
    .length(1)
    .optional(),
  dimension_filter_clauses: z
    .array(
      z.strictObject({
        filters: z
          .array(
            z.discriminatedUnion('dimension_name', [
              filterOn('account_id', opaqueId),
              filterOn('customer_site_id', opaqueId),
              filterOn('msisdn', msisdn),
              filterOn('imsi', imsi),
            ]),
          )
          .min(1)
          .max(2),
      }),
    )
    .length(1),
  metrics: z
    .array(
      z.strictObject({
        name: z.enum([
          'uplink_bytes',
          'downlink_bytes',
          'time_usage_seconds',
          'uplink_bandwidth',
          'downlink_bandwidth',
        ]),
        aggregation_type: z.enum(['COUNT', 'AVG', 'MIN', 'MAX']).optional(),
        metric_filter_clauses: z
          .array(
            z.strictObject({
              filters: z
                .array(z.strictObject({ operator: z.literal('PERCENTILE'), comparison_value: z.number().positive() }))
                .length(1),
            }),
          )
          .length(1)
          .optional(),
      }),
    )
    .min(1)
    .max(6),
});

const refuse = (message: string) => new RequestRefused(400, message);

export const isBandwidth = (name: MetricName) => name.endsWith('_bandwidth');

/**
 * Reads a request body against the documented rules.
 * @throws RequestRefused 400 naming the first member that cannot be
 */
export function parseQuery(body: string): Query {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw refuse('the request body is not valid JSON');
  }
  const parsed = requestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw refuse(`${issue?.path.join('.') || 'request'}: ${issue?.message ?? 'invalid'}`);
  }
  const request = parsed.data;
  const filters = (request.dimension_filter_clauses[0]?.filters ?? []).map((filter) => ({
    dimension: filter.dimension_name,
    expressions: filter.expressions,
  }));
  if (filters.filter((filter) => filter.dimension === 'account_id').length !== 1) {
    throw refuse('dimension_filter_clauses.0.filters: exactly one filter must be on account_id');
  }
  const metrics = request.metrics.map((metric): Metric & { comparisonValue?: number } => {
    const { name, aggregation_type: aggregation, metric_filter_clauses: clauses } = metric;
    const comparisonValue = clauses?.[0]?.filters[0]?.comparison_value;
    if ((aggregation === undefined) === (comparisonValue === undefined)) {
      throw refuse(`metrics: ${name} needs exactly one of aggregation_type and metric_filter_clauses`);
    }
    if (isBandwidth(name) ? aggregation === 'COUNT' : aggregation !== 'COUNT') {
      throw refuse(`metrics: ${name} cannot be aggregated by ${aggregation ?? 'PERCENTILE'}`);
    }
    return {
      name,
      ...(aggregation === undefined ? {} : { aggregation }),
      ...(comparisonValue === undefined ? {} : { comparisonValue }),
    };
  });
  if (new Set(metrics.map((metric) => `${metric.name} ${metric.aggregation ?? ''}`)).size < metrics.length) {
    throw refuse('metrics: the same metric and aggregation is asked twice');
  }
  return { filters, ...rangeOf(request, metrics) };
}

function rangeOf(
  request: z.infer<typeof requestSchema>,
  asked: (Metric & { comparisonValue?: number })[],
): { metrics: Metric[] } & (
  | { kind: 'now' }
  | { kind: 'buckets'; start: Stamp; end: Stamp; bucketSeconds: 3600 | 86400 }
  | { kind: 'percentile'; start: Stamp; end: Stamp; comparisonValue: number }
) {
  const comparisonValues = new Set(asked.map((metric) => metric.comparisonValue));
  const [comparisonValue] = comparisonValues;
  if (comparisonValues.size > 1) {
    throw refuse('metrics: PERCENTILE cannot be mixed with an aggregation_type or another comparison_value');
  }
  const metrics = asked.map(({ name, aggregation }) => (aggregation ? { name, aggregation } : { name }));
  const start = parseStamp(request.start_date_time);
  const end = parseStamp(request.end_date_time);
  if (start === undefined || end === undefined) {
    if (start !== end) throw refuse('start_date_time and end_date_time must both be NOW or neither');
    if (request.granularity !== undefined) throw refuse('granularity: cannot be given with NOW');
    if (comparisonValue !== undefined) throw refuse('metrics: PERCENTILE needs an absolute range');
    return { kind: 'now', metrics };
  }
  if (start.epochSeconds > end.epochSeconds) throw refuse('start_date_time must not be after end_date_time');
  if (comparisonValue !== undefined) return { kind: 'percentile', metrics, start, end, comparisonValue };
  if (request.granularity === undefined) throw refuse('granularity: HOUR or DAY is required with an aggregation_type');
  return { kind: 'buckets', metrics, start, end, bucketSeconds: request.granularity === 'DAY' ? 86400 : 3600 };
}
