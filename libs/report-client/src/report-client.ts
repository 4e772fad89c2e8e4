import { createHash } from 'node:crypto';
import type { EpochSeconds, Interval } from '#calendar';
import { type BucketSeries, type EntityRef, type Grid, GRID_SECONDS, type Metric, ownedBuckets } from '#metering';
import { type Dialect, dialectSchema } from './dialects/alef-v1-2022/settings.js';
import type { Gate } from './gate.js';
import { plainUrl } from './outbound-addresses.js';
import {
  addedTallies,
  type Expected,
  looksRounded,
  readBuckets,
  readLiveRates,
  type SeriesTally,
} from './dialects/alef-v1-2022/read-answer.js';
import { type PullWarning, type RawAnswer, type RawAnswers, type Refusal, RuleBroken } from './refusal.js';
import { ReportApiError } from './report-api-error.js';
import type { Aggregation, ReportMetric } from './dialects/alef-v1-2022/report-body.js';
import {
  type Filter,
  filtersFor,
  type ReportForm,
  requestBody,
  unaskable,
} from './dialects/alef-v1-2022/request-form.js';
import { DEFAULT_RETRY, retryAfterSeconds, type RetryPolicy, type Tried, withRetries } from './retry.js';
import type { SealedKey } from './sealed-key.js';
import { faultMessage, type HttpAnswer, isFault, ReportTransport, type TransportOptions } from './transport.js';

/** What is pulled together: both directions of a metric, or connected time; of rates the samples, or each hour's MAX. */
export type UsageFamily = 'bytes' | 'time' | 'bandwidth' | 'bandwidth_max';

/**
 * The whole of what one entity used over an interval. Bytes and time come by day or hour, bandwidth by 5-minute slot, and its
 * MAX by hour.
 */
export type UsageRequest = {
  /** The account's id upstream. */
  readonly account: string;
  readonly entity: EntityRef;
  /** The interval whose buckets are wanted: those that start in it. */
  readonly owned: Interval;
  readonly now: EpochSeconds;
  /** Subscribers behind the entity, where known: no more than this many seconds can pass in one. 1 for a subscriber. */
  readonly subscribers?: number;
  /** Hand back the answers themselves, too. They come by themselves when buckets are missing. */
  readonly keepRaw?: boolean;
  readonly signal?: AbortSignal;
} & (
  | { readonly family: 'bytes' | 'time'; readonly grid: 'DAY' | 'HOUR' }
  | { readonly family: 'bandwidth'; readonly grid: 'SLOT' }
  | { readonly family: 'bandwidth_max'; readonly grid: 'HOUR' }
);

/** An answer that stood every check. `gaps` says that buckets are missing: whether that matters is metering's to say. */
export interface PulledUsage {
  readonly outcome: 'complete' | 'gaps';
  /** Uplink then downlink, or connected time alone. Maxima are series of their own metrics. */
  readonly series: readonly BucketSeries[];
  /** For each series, what was answered and what of it belongs to other periods. */
  readonly tallies: readonly SeriesTally[];
  /** Buckets each series should have. */
  readonly expectedBuckets: number;
  /** Buckets that are missing, over all series. Per series they are the nulls among its values. */
  readonly missingBuckets: number;
  /** Buckets that had not ended at `now`: what they hold is partial, or missing. */
  readonly openBuckets: number;
  readonly warnings: readonly PullWarning[];
  readonly raw: RawAnswers;
  /** Requests sent, retries included. */
  readonly requests: number;
}

export type UsageAnswer = PulledUsage | Refusal;

/**
 * Where usage comes from. The close knows this and nothing of HTTP; another version of the API is another connector.
 * Contradictory answers are values. Throws `ReportApiError` when no answer could be had.
 */
export interface UsageConnector {
  fetchUsage(request: UsageRequest): Promise<UsageAnswer>;
}

/** The bandwidth of the last five minutes, for display. It has no buckets and no owner: it cannot be billed. */
export interface LiveBandwidth {
  readonly outcome: 'live';
  readonly entity: EntityRef;
  readonly aggregation: 'AVG' | 'MIN' | 'MAX';
  /** The five minutes, off the grid. */
  readonly window: Interval;
  readonly uplinkMbps: string;
  readonly downlinkMbps: string;
  readonly warnings: readonly PullWarning[];
  readonly requests: number;
}

export interface LiveRequest {
  readonly account: string;
  readonly entity: EntityRef;
  readonly aggregation: 'AVG' | 'MIN' | 'MAX';
  readonly now: EpochSeconds;
  readonly signal?: AbortSignal;
}

/** Rates of one direction in one hour, in Mbps. */
export interface HourRates {
  readonly average: string | null;
  readonly minimum: string | null;
  readonly maximum: string | null;
}

/** Bandwidth by hour, for display. It has no 5-minute samples: it cannot be billed. */
export interface BandwidthHours {
  readonly outcome: 'hours';
  readonly entity: EntityRef;
  readonly owned: Interval;
  readonly hours: readonly { readonly start: EpochSeconds; readonly uplink: HourRates; readonly downlink: HourRates }[];
  readonly warnings: readonly PullWarning[];
  readonly raw: RawAnswers;
  readonly requests: number;
}

export interface HoursRequest {
  readonly account: string;
  readonly entity: EntityRef;
  readonly owned: Interval;
  readonly now: EpochSeconds;
  readonly signal?: AbortSignal;
}

export interface ReportClient extends UsageConnector {
  /** The last five minutes of a site, IMSI or MSISDN. */
  fetchNow(request: LiveRequest): Promise<LiveBandwidth | Refusal>;
  /** AVG, MIN and MAX of every hour that starts in the interval. */
  fetchBandwidthHours(request: HoursRequest): Promise<BandwidthHours | Refusal>;
  /** Closes the connections, unless they were handed in. */
  close(): Promise<void>;
}

/** What happened, for the log of the caller. Never the key, never a subscriber's number. */
export interface ReportLogEntry {
  readonly event: 'report_api_answered' | 'report_api_faulted' | 'report_api_refused';
  readonly account: string;
  readonly dimension: EntityRef['dimension'];
  readonly attempt: number;
  readonly status?: number;
  readonly bytes?: number;
  readonly code?: string;
  readonly transportCode?: string;
}

export interface ReportClientOptions {
  /** Where the API is: its origin, and a path before the dialect's own where a gateway adds one. */
  readonly baseUrl: string;
  readonly apiKey: SealedKey;
  readonly dialect: Dialect;
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

/** Buckets of one request that a server took after it had refused more: by address, path and grid. */
export type RangesTaken = Map<string, number>;

const SERIES: Readonly<Record<UsageFamily, readonly { metric: ReportMetric; aggregation: Aggregation }[]>> = {
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

const DAY_SECONDS = 86_400;

/**
 * A client of the report API in one dialect, with one key.
 *
 * @throws ReportApiError `invalid_configuration` when the base URL is not a plain http(s) address
 */
export function createReportClient(options: ReportClientOptions): ReportClient {
  return new HttpReportClient(options);
}

class HttpReportClient implements ReportClient {
  readonly #origin: string;
  readonly #path: string;
  readonly #key: SealedKey;
  readonly #dialect: Dialect;
  readonly #retry: RetryPolicy;
  readonly #transport: ReportTransport;
  readonly #ownsTransport: boolean;
  readonly #gate: Gate | undefined;
  readonly #rangesTaken: RangesTaken;
  readonly #log: (entry: ReportLogEntry) => void;

  constructor(options: ReportClientOptions) {
    const base = baseAddress(options.baseUrl);
    this.#dialect = dialectSchema.parse(options.dialect);
    this.#origin = base.origin;
    this.#path = base.path + this.#dialect.path;
    this.#key = options.apiKey;
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#transport = options.transport ?? new ReportTransport(options.connections);
    this.#ownsTransport = options.transport === undefined;
    this.#gate = options.gate;
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
    const form: ReportForm = {
      filters: this.#filters(request),
      series: SERIES[family],
      // The documented example of hourly rates names none.
      namesDimension: entity.dimension !== 'account' && family !== 'bandwidth_max',
      grid,
    };
    const pulled = await this.#pull(request, form, grid);
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
    const missingBuckets = pulled.values.reduce(
      (missing, values) => missing + values.filter((value) => value === null).length,
      0,
    );
    const isRounded = (values: readonly (string | null)[]) => looksRounded(values, this.#dialect);
    if (family === 'bandwidth' && this.#dialect.round_dp === 'none' && pulled.values.some(isRounded)) {
      warnings.push({
        code: 'rates_look_rounded',
        message:
          'a series of rates has no third decimal although the dialect says that rates are not rounded: what was small may ' +
          'have become 0; ask the vendor, and set round_dp to "2" if it rounds',
      });
    }
    const { bodies, ...raw } = pulled.raw;
    return {
      outcome: missingBuckets === 0 ? 'complete' : 'gaps',
      series: form.series.map(({ metric }, index) => ({
        entity,
        metric: metricOf(family, metric),
        grid,
        owned,
        firstStart,
        values: pulled.values[index] ?? [],
        rawSha256: raw.sha256,
      })),
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
    const { entity, aggregation } = request;
    const form: ReportForm = {
      filters: this.#filters(request),
      series: SERIES.bandwidth.map(({ metric }) => ({ metric, aggregation })),
      namesDimension: false,
    };
    const exchanged = await this.#exchange(request, form, undefined, (body) =>
      readLiveRates(body, form, this.#dialect, request.now),
    );
    if (exchanged.refusal) return exchanged.refusal;
    const { window, values, warnings } = exchanged.read;
    return {
      outcome: 'live',
      entity,
      aggregation,
      window,
      uplinkMbps: values.get('uplink_bandwidth') ?? '',
      downlinkMbps: values.get('downlink_bandwidth') ?? '',
      warnings,
      requests: exchanged.requests,
    };
  }

  async fetchBandwidthHours(request: HoursRequest): Promise<BandwidthHours | Refusal> {
    const form: ReportForm = {
      filters: this.#filters(request),
      series: (['AVG', 'MIN', 'MAX'] as const).flatMap((aggregation) =>
        SERIES.bandwidth.map(({ metric }) => ({ metric, aggregation })),
      ),
      namesDimension: false,
      grid: 'HOUR',
    };
    const pulled = await this.#pull(request, form, 'HOUR');
    if ('outcome' in pulled) return pulled;
    const { firstStart, count } = ownedBuckets(request.owned, 'HOUR');
    const ratesOf = (direction: 0 | 1, hour: number): HourRates => ({
      average: pulled.values[direction]?.[hour] ?? null,
      minimum: pulled.values[2 + direction]?.[hour] ?? null,
      maximum: pulled.values[4 + direction]?.[hour] ?? null,
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
    if (this.#ownsTransport) await this.#transport.close();
  }

  /** Filters of an entity. Throws `invalid_request` when the account is asked for under another id than its own. */
  #filters({ account, entity }: { account: string; entity: EntityRef }): Filter[] {
    if (entity.dimension === 'account' && entity.value !== account) {
      throw new ReportApiError('invalid_request', 'an account entity must carry the id of the account it is asked for');
    }
    return filtersFor(account, entity);
  }

  /** All buckets an interval owns, asked for in pieces that the dialect allows, each padded by a bucket on both sides. */
  async #pull(
    asking: Asking & { owned: Interval; now: EpochSeconds },
    form: ReportForm,
    grid: Grid,
  ): Promise<Pulled | Refusal> {
    const width = GRID_SECONDS[grid];
    const { firstStart, count } = ownedBuckets(asking.owned, grid);
    const rangeKey = `${this.#origin}${this.#path} ${grid}`;
    const most = Math.floor((this.#dialect.chunk_days[grid] * DAY_SECONDS) / width);
    const perDay = DAY_SECONDS / width;
    let perRequest = Math.min(most, this.#rangesTaken.get(rangeKey) ?? most);
    let refusedMore = false;
    const values: (string | null)[][] = form.series.map(() => []);
    const tallies: SeriesTally[][] = form.series.map(() => []);
    const warnings = new Map<string, PullWarning>();
    const answers: RawAnswer[] = [];
    const bodies: Buffer[] = [];
    const subscribers = asking.subscribers ?? (['msisdn', 'imsi'].includes(asking.entity.dimension) ? 1 : undefined);
    let requests = 0;
    for (let from = 0, wanted = 0; from < count; from += wanted) {
      wanted = Math.min(perRequest, count - from);
      const start = firstStart + from * width;
      // Nothing has happened there yet, and an API may refuse to be asked.
      if (start >= asking.now) {
        for (const series of values) series.push(...new Array<null>(wanted).fill(null));
        continue;
      }
      const ask = (asked: Interval) => {
        const expected: Expected = {
          form,
          grid,
          asked,
          offset: '+00:00',
          dialect: this.#dialect,
          firstStart: start,
          count: wanted,
          subscribers,
        };
        return this.#exchange(asking, form, asked, (body) => readBuckets(body, expected));
      };
      const asked = this.#padded({ start, end: start + wanted * width }, width, asking.now);
      let exchanged = await ask(asked);
      requests += exchanged.requests;
      // Some refuse a range that has not ended; what has ended of it is better than nothing.
      const ended = Math.floor(asking.now / width) * width;
      if (exchanged.refusal?.code === 'unexpected_status' && ended > start && asked.end > ended) {
        exchanged = await ask({ start: asked.start, end: ended });
        requests += exchanged.requests;
      }
      if (exchanged.refusal && isAboutRange(exchanged.refusal) && wanted > perDay) {
        // No limit is documented, so a long range that is refused is asked for in halves of whole days.
        perRequest = Math.ceil(wanted / perDay / 2) * perDay;
        wanted = 0;
        refusedMore = true;
        continue;
      }
      if (exchanged.refusal)
        return { ...exchanged.refusal, ...(refusedMore && alsoForDays(exchanged.refusal)), requests };
      if (refusedMore) this.#rangesTaken.set(rangeKey, perRequest);
      exchanged.read.values.forEach((piece, index) => values[index]?.push(...piece));
      exchanged.read.tallies.forEach((piece, index) => tallies[index]?.push(piece));
      for (const warning of exchanged.read.warnings) warnings.set(`${warning.code} ${warning.message}`, warning);
      answers.push(exchanged.raw);
      bodies.push(exchanged.body);
    }
    return {
      values,
      tallies: tallies.map(addedTallies),
      warnings: [...warnings.values()],
      raw: { ...together(answers), answers, bodies },
      requests,
    };
  }

  /**
   * The range to ask for: a bucket more on both sides. What follows an interval that has just ended is left out unless its
   * bucket has ended too: there, labels that are all a bucket late would go unnoticed. A label that is the end of its bucket
   * stands on the far edge itself, which not every server counts in.
   */
  #padded({ start, end }: Interval, width: number, now: EpochSeconds): Interval {
    const hasJustEnded = this.#dialect.label === 'start' && end <= now && now < end + width;
    return { start: start - width, end: hasJustEnded ? end : end + width };
  }

  /** One request and its answer, read by `read`; asks again where that can help. */
  async #exchange<T>(
    asking: Asking,
    form: ReportForm,
    asked: Interval | undefined,
    read: (body: Buffer) => T,
  ): Promise<Exchanged<T>> {
    if (this.#dialect.filter_logic === 'or' && form.filters.length > 1) {
      const message =
        'the report API combines the filters of a request by OR, as the dialect says: what it answers for an entity is the ' +
        "whole account's";
      return { refusal: { outcome: 'refused', code: 'filter_logic_or', message, requests: 0 }, requests: 0 };
    }
    const bad = unaskable(form.filters);
    if (bad) {
      const message = `the ${bad.dimension} of this entity has a form that the report API does not take`;
      return { refusal: { outcome: 'refused', code: 'entity_not_askable', message, requests: 0 }, requests: 0 };
    }
    const body = requestBody(form, asked, this.#dialect);
    const request = this.#key.authorise(this.#path, this.#dialect.auth);
    const requestSha256 = sha256(`POST ${this.#path}\n${body}`);
    let attempts = 0;
    let malformed = 0;
    const exchange = async (timeoutMs: number): Promise<Tried<Exchanged<T>>> => {
      attempts += 1;
      const sent = await this.#transport.send({
        origin: this.#origin,
        path: request.path,
        headers: request.headers,
        body,
        bodyLimit: this.#dialect.body_limit_bytes,
        timeoutMs,
        signal: asking.signal,
      });
      const log = (event: ReportLogEntry['event'], details: Partial<ReportLogEntry>) =>
        this.#log({
          event,
          account: asking.account,
          dimension: asking.entity.dimension,
          attempt: attempts,
          ...details,
        });
      if (isFault(sent)) {
        log('report_api_faulted', sent);
        return { done: false, ...sent, message: faultMessage(sent) };
      }
      const busy = this.#busy(sent);
      if (busy) {
        log('report_api_faulted', { status: sent.status, code: busy.code });
        return busy;
      }
      try {
        requireReport(sent);
        const value = read(sent.body);
        log('report_api_answered', { status: sent.status, bytes: sent.body.length });
        const raw = { sha256: sent.sha256, bytes: sent.body.length, requestSha256 };
        return { done: true, value: { read: value, raw, body: this.#key.scrub(sent.body), requests: attempts } };
      } catch (error) {
        if (!(error instanceof RuleBroken)) throw error;
        log('report_api_refused', { status: sent.status, code: error.code, bytes: sent.body.length });
        if (error.code === 'malformed_json' || error.code === 'duplicate_json_key') {
          malformed += 1;
          const attemptsLeft = malformed <= this.#retry.malformedRetries && attempts <= this.#retry.retries;
          if (attemptsLeft) return { done: false, code: 'report_api_unavailable', message: error.message };
        }
        const refusal: Refusal = {
          outcome: error.outcome,
          code: error.code,
          message: error.message,
          status: sent.status,
          rawBody: this.#key.scrub(sent.body),
          raw: { sha256: sent.sha256, bytes: sent.body.length, requestSha256 },
          requests: attempts,
        };
        return { done: true, value: { refusal, requests: attempts } };
      }
    };
    return withRetries(this.#retry, asking.signal, exchange, this.#gate);
  }

  /** The API's own "not now". */
  #busy({ status, headers }: HttpAnswer): Extract<Tried<never>, { done: false }> | undefined {
    if (status !== 408 && status !== 429 && status < 500) return undefined;
    return {
      done: false,
      code: status === 429 ? 'report_api_rate_limited' : 'report_api_unavailable',
      message: `the report API answered ${status}`,
      retryAfterSeconds: retryAfterSeconds(headers['retry-after'], headers['date'], this.#retry.wallClock),
    };
  }
}

interface Asking {
  readonly account: string;
  readonly entity: EntityRef;
  readonly signal?: AbortSignal;
  readonly subscribers?: number;
}

interface Pulled {
  readonly values: readonly (readonly (string | null)[])[];
  readonly tallies: readonly SeriesTally[];
  readonly warnings: readonly PullWarning[];
  readonly raw: RawAnswers;
  readonly requests: number;
}

type Exchanged<T> =
  | {
      readonly refusal?: undefined;
      readonly read: T;
      readonly raw: RawAnswer;
      readonly body: Buffer;
      readonly requests: number;
    }
  | { readonly refusal: Refusal; readonly requests: number };

/** Statuses with which a server may refuse a range that is too long for it. */
const RANGE_STATUSES: ReadonlySet<number | undefined> = new Set([400, 413, 414, 416, 422]);

function isAboutRange({ code, status }: Refusal): boolean {
  return code === 'unexpected_status' && RANGE_STATUSES.has(status);
}

function alsoForDays({ message }: Refusal): Pick<Refusal, 'message'> {
  return { message: `${message}, also for a range of one day; the dialect's chunk_days cannot cure that` };
}

/** Rule 1 as far as it can be told without reading the body: status, content type, encoding, size. */
function requireReport({ status, headers, fault }: HttpAnswer): void {
  if (status === 401) throw new RuleBroken('api_key_refused', 'the report API does not know the key (401)', 'stopped');
  if (status === 403) {
    throw new RuleBroken('account_forbidden', 'the report API does not let this key read the account (403)', 'stopped');
  }
  if (status >= 300 && status < 400) {
    throw new RuleBroken('redirect_refused', `the report API answered ${status}; redirects are not followed`);
  }
  if (status !== 200) throw new RuleBroken('unexpected_status', `the report API answered ${status}`);
  if (!/^\s*application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(headers['content-type'] ?? '')) {
    throw new RuleBroken('not_json_content', 'the answer is not application/json in UTF-8');
  }
  if (fault === 'unsupported_encoding') {
    throw new RuleBroken('unsupported_encoding', 'the answer is encoded in a way that was not asked for');
  }
  if (fault === 'too_large') throw new RuleBroken('body_too_large', 'the answer is larger than the dialect allows');
}

function together(answers: readonly RawAnswer[]): RawAnswer {
  const [only] = answers;
  if (only !== undefined && answers.length === 1) return only;
  const ofLines = (hashes: readonly string[]) => sha256(hashes.map((hash) => `${hash}\n`).join(''));
  return {
    sha256: ofLines(answers.map((answer) => answer.sha256)),
    bytes: answers.reduce((total, { bytes }) => total + bytes, 0),
    requestSha256: ofLines(answers.map((answer) => answer.requestSha256)),
  };
}

function withoutBodies({ sha256, bytes, requestSha256, answers }: RawAnswers): RawAnswers {
  return { sha256, bytes, requestSha256, answers };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Origin and path of a base URL. Throws `invalid_configuration` when it is not a plain http(s) address. */
export function baseAddress(baseUrl: string): { origin: string; path: string } {
  const url = plainUrl(baseUrl);
  if (url === undefined) {
    throw new ReportApiError(
      'invalid_configuration',
      'the base URL of the report API must be http(s)://host[:port][/path], with no user, query or fragment',
    );
  }
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, '') };
}
