/** Requests of the report API as its documentation writes them, for specs that talk to the simulator over HTTP. */
export interface Asked {
  /** `[start, end]` as stamps with an offset, or NOW. */
  range: [string, string] | 'NOW';
  granularity?: 'HOUR' | 'DAY';
  /** Ids by dimension, several for several expressions; the account belongs among them. */
  filters: Record<string, string | number | (string | number)[]>;
  /** "uplink_bytes COUNT" or "uplink_bandwidth PERCENTILE 0.95". */
  metrics: string[];
  dimensions?: string[];
}

export interface Item {
  time_stamp: string;
  name: string;
  value: number;
  aggregation_type?: string;
}

export interface ReportReply {
  status: number;
  headers: Headers;
  text: string;
  /** The body read as JSON; undefined when it is none. */
  json: { result: Item[][]; message: string } & Record<string, unknown>;
}

export function reportRequest({ range, granularity, filters, metrics, dimensions }: Asked): Record<string, unknown> {
  const [start, end] = range === 'NOW' ? ['NOW', 'NOW'] : range;
  return {
    start_date_time: start,
    end_date_time: end,
    ...(granularity ? { granularity } : {}),
    ...(dimensions ? { dimensions } : {}),
    dimension_filter_clauses: [
      {
        filters: Object.entries(filters).map(([dimension_name, ids]) => ({
          dimension_name,
          operator: 'EXACT',
          expressions: Array.isArray(ids) ? ids : [ids],
        })),
      },
    ],
    metrics: metrics.map((metric) => {
      const [name, aggregation_type, comparison] = metric.split(' ');
      if (aggregation_type !== 'PERCENTILE') return { name, aggregation_type };
      const filter = { operator: 'PERCENTILE', comparison_value: Number(comparison) };
      return { name, metric_filter_clauses: [{ filters: [filter] }] };
    }),
  };
}

/** Posts a body, a string as it is, and reads the whole answer. */
export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<ReportReply> {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json: json as ReportReply['json'] };
}
