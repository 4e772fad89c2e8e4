import { type EntityRef, GRID_SECONDS, type Metric, ownedBuckets, packedSeries, PackedValues } from '#metering';
import { inMbps, looksRounded, requireRate } from './buckets.js';
import type { Question, ReportMetric, SeriesAsked, SpokenDialect } from './dialect.js';
import { exchange, type Line, type ReportLogEntry } from './exchange.js';
import type { Gate } from './gate.js';
import { baseAddress } from './outbound-addresses.js';
import { type PulledBuckets, pullRanges, type RangesTaken, type Wanted } from './ranges.js';
import type { RawAnswers, Refusal } from './refusal.js';
import { ReportApiError } from './report-api-error.js';
import { DEFAULT_RETRY, type RetryPolicy } from './retry.js';
import type { SealedKey } from './sealed-key.js';
import { ReportTransport, type TransportOptions } from './transport.js';
import type {
  BandwidthHours,
  HourRates,
  HoursRequest,
  LiveBandwidth,
  LiveRequest,
  ReportClient,
  UsageAnswer,
  UsageFamily,
  UsageRequest,
} from './usage-connector.js';

export interface ReportClientOptions {
  /** Where the API is: its origin, and a path before the dialect's own where a gateway adds one. */
  readonly baseUrl: string;
  readonly apiKey: SealedKey;
  readonly dialect: SpokenDialect;
  readonly retry?: Partial<RetryPolicy>;
  /** Connections to share with other clients. Without, the client has its own, made with `connections`. */
  readonly transport?: ReportTransport;
  readonly connections?: TransportOptions;
  /** What requests with this key wait for. Without, only the connections limit them. */
  readonly gate?: Gate;
  /** Ranges that servers were found to take, to share with other clients of the process. */
  readonly rangesTaken?: RangesTaken;
  readonly log?: (entry: ReportLogEntry) => void;
}

const SERIES: Readonly<Record<UsageFamily, readonly SeriesAsked[]>> = {
  bytes: [
    { metric: 'uplink_bytes', aggregation: 'COUNT' },
    { metric: 'downlink_bytes', aggregation: 'COUNT' },
  ],
  time: [{ metric: 'time_usage_seconds', aggregation: 'COUNT' }],
  bandwidth: [
    { metric: 'uplink_bandwidth', aggregation: 'none' },
    { metric: 'downlink_bandwidth', aggregation: 'none' },
  ],
  bandwidth_max: [
    { metric: 'uplink_bandwidth', aggregation: 'MAX' },
    { metric: 'downlink_bandwidth', aggregation: 'MAX' },
  ],
};

/** What a series of a family is called once it has left this room. */
function metricOf(family: UsageFamily, metric: ReportMetric): Metric {
  const isMaximum = family === 'bandwidth_max' && (metric === 'uplink_bandwidth' || metric === 'downlink_bandwidth');
  return isMaximum ? `${metric}_max` : metric;
}

/** How far the end of the last five minutes may lie from now. */
const CLOCK_SLACK_SECONDS = 120;

/**
 * A client of one report API in its dialect, with one key.
 *
 * @throws ReportApiError `invalid_configuration` when the base URL is not a plain http(s) address
 */
export function createReportClient(options: ReportClientOptions): ReportClient {
  return new HttpReportClient(options);
}

class HttpReportClient implements ReportClient {
  readonly #line: Line;
  readonly #dialect: SpokenDialect;
  readonly #ownsTransport: boolean;
  readonly #rangesTaken: RangesTaken;
  readonly #log: (entry: ReportLogEntry) => void;

  constructor(options: ReportClientOptions) {
    const { origin, path } = baseAddress(options.baseUrl);
    this.#dialect = options.dialect;
    this.#line = {
      origin,
      path: path + options.dialect.path,
      apiKey: options.apiKey,
      transport: options.transport ?? new ReportTransport(options.connections),
      retry: { ...DEFAULT_RETRY, ...options.retry },
      gate: options.gate,
    };
    this.#ownsTransport = options.transport === undefined;
    this.#rangesTaken = options.rangesTaken ?? new Map();
    this.#log = options.log ?? (() => undefined);
  }

  async fetchUsage(request: UsageRequest): Promise<UsageAnswer> {
    const { family, grid, entity, owned, now } = request;
    if ((family === 'bandwidth') !== (grid === 'SLOT') || (family === 'bandwidth_max' && grid !== 'HOUR')) {
      throw new ReportApiError(
        'invalid_request',
        `${family} is not answered by ${grid}; ask bandwidth by SLOT, its MAX by HOUR, others by HOUR or DAY`,
      );
    }
    requireOwnAccount(request);
    const series = SERIES[family];
    const pulled = await this.#pull({ ...request, series });
    if ('outcome' in pulled) return pulled;
    const { firstStart, count } = ownedBuckets(owned, grid);
    const warnings = [...pulled.warnings];
    const openBuckets = Math.min(count, Math.max(0, count - Math.floor((now - firstStart) / GRID_SECONDS[grid])));
    if (openBuckets > 0) {
      warnings.push({
        code: 'range_not_ended',
        message: `${openBuckets} of ${count} buckets had not ended when asked`,
      });
    }
    const missingBuckets = pulled.values.reduce((missing, values) => missing + values.length - values.received(), 0);
    const { rates, traits } = this.#dialect;
    const isRounded = (values: PackedValues) => looksRounded(values, rates.power);
    if (family === 'bandwidth' && !traits.rounding.known && pulled.values.some(isRounded)) {
      warnings.push({
        code: 'rates_look_rounded',
        message:
          'a series of rates has no third decimal although the dialect says that rates are not rounded: what was small may ' +
          `have become 0; ask the vendor, and ${rates.ifRounded}`,
      });
    }
    const { bodies, ...raw } = pulled.raw;
    return {
      outcome: missingBuckets === 0 ? 'complete' : 'gaps',
      series: series.map(({ metric }, index) => {
        const of = { entity, metric: metricOf(family, metric), grid, owned, firstStart, rawSha256: raw.sha256 };
        return packedSeries(of, pulled.values[index] ?? PackedValues.gaps(count));
      }),
      tallies: pulled.tallies,
      expectedBuckets: count,
      missingBuckets,
      openBuckets,
      warnings,
      raw: bodies && (request.keepRaw || missingBuckets > 0) ? { ...raw, bodies } : raw,
      requests: pulled.requests,
    };
  }

  async fetchNow(request: LiveRequest): Promise<LiveBandwidth | Refusal> {
    requireOwnAccount(request);
    const { account, entity, aggregation, now } = request;
    const dialect = this.#dialect;
    const series = SERIES.bandwidth.map(({ metric }) => ({ metric, aggregation }));
    const question: Question = { account, entity, series };
    const exchanged = await exchange(this.#line, dialect, request, {
      write: () => dialect.request(question),
      read: (body) => {
        const live = dialect.readLive(body, question);
        live.values.forEach((text, position) => requireRate(text, dialect, () => `as ${series[position]?.metric}`));
        return live;
      },
      log: this.#log,
    });
    if (exchanged.refusal) return exchanged.refusal;
    const { window, values } = exchanged.read;
    const warnings = [...exchanged.read.warnings];
    if (Math.abs(window.end - now) > CLOCK_SLACK_SECONDS) {
      const message = `the window ends ${now - window.end} seconds before now`;
      warnings.push({ code: 'now_clock_differs', message });
    }
    const [uplink, downlink] = inMbps([...values], dialect.rates.power);
    return {
      outcome: 'live',
      entity,
      aggregation,
      window,
      uplinkMbps: uplink ?? '',
      downlinkMbps: downlink ?? '',
      warnings,
      requests: exchanged.requests,
    };
  }

  async fetchBandwidthHours(request: HoursRequest): Promise<BandwidthHours | Refusal> {
    requireOwnAccount(request);
    const series = (['AVG', 'MIN', 'MAX'] as const).flatMap((aggregation) =>
      SERIES.bandwidth.map(({ metric }) => ({ metric, aggregation })),
    );
    const pulled = await this.#pull({ ...request, series, grid: 'HOUR' });
    if ('outcome' in pulled) return pulled;
    const { firstStart, count } = ownedBuckets(request.owned, 'HOUR');
    const ratesOf = (direction: 0 | 1, hour: number): HourRates => ({
      average: pulled.values[direction]?.textAt(hour) ?? null,
      minimum: pulled.values[2 + direction]?.textAt(hour) ?? null,
      maximum: pulled.values[4 + direction]?.textAt(hour) ?? null,
    });
    return {
      outcome: 'hours',
      entity: request.entity,
      owned: request.owned,
      hours: Array.from({ length: count }, (_, hour) => ({
        start: firstStart + hour * GRID_SECONDS.HOUR,
        uplink: ratesOf(0, hour),
        downlink: ratesOf(1, hour),
      })),
      warnings: pulled.warnings,
      raw: withoutBodies(pulled.raw),
      requests: pulled.requests,
    };
  }

  async close(): Promise<void> {
    if (this.#ownsTransport) await this.#line.transport.close();
  }

  #pull(wanted: Wanted): Promise<PulledBuckets | Refusal> {
    return pullRanges(this.#line, this.#dialect, wanted, { rangesTaken: this.#rangesTaken, log: this.#log });
  }
}

/** Throws `invalid_request` when the account is asked for under another id than its own. */
function requireOwnAccount({ account, entity }: { account: string; entity: EntityRef }): void {
  if (entity.dimension === 'account' && entity.value !== account) {
    throw new ReportApiError('invalid_request', 'an account entity must carry the id of the account it is asked for');
  }
}

function withoutBodies({ sha256, bytes, requestSha256, answers }: RawAnswers): RawAnswers {
  return { sha256, bytes, requestSha256, answers };
}
