import { type BillingFacts, billingTask, type Plans } from '#billing';
import {
  addDays,
  CalendarError,
  type EpochSeconds,
  fromStamp,
  type Interval,
  isLocalDate,
  localDateAt,
  monthAt,
  startOfDay,
  toStamp,
} from '#calendar';
import { type EntityRef, GRID_SECONDS, ownedBuckets, sumOfValues } from '#metering';
import { Ratio } from '#money';
import { type Database, databaseNow } from '#persistence';
import { loadBillingFacts, monthBefore } from '#persistence/closes';
import { presumedDiscounts } from '#rating';
import {
  type BandwidthHours,
  type HourRates,
  type LiveBandwidth,
  type PulledUsage,
  type PullWarning,
  type Refusal as ReportRefusal,
  ReportApiError,
  type RetryPolicy,
} from '#report-client';
import { type Connection, type Connectors, isUnconnected } from './connectors.js';
import { estimateAccount } from './estimate.js';
import type { Estimate } from './estimate-rating.js';
import { Estimates } from './estimates.js';

/** Why a view cannot be shown. */
export interface ViewRefusal {
  readonly outcome: 'refused';
  /**
   * `unknown`: there is no such account; `request`: it cannot be meant so; `state`: the account is not set up for it;
   * `disbelieved`: the report API answered something that may not be believed; `away`: it gave no answer.
   */
  readonly kind: 'unknown' | 'request' | 'state' | 'disbelieved' | 'away';
  readonly code: string;
  readonly message: string;
  /** The member of the request that is wrong. */
  readonly parameter?: string;
  readonly retryAfterSeconds?: number;
}

export interface SeriesRequest {
  readonly metric: 'bytes' | 'time' | 'bandwidth';
  /** Absent = the account itself. */
  readonly entity?: EntityRef | undefined;
  /** Local dates of the account, or RFC 3339 stamps; `from` inclusive, `to` exclusive. */
  readonly from: string;
  readonly to: string;
  readonly granularity: 'SLOT' | 'HOUR' | 'DAY' | 'MONTH';
}

/** One value of a series; a day or month also says how much of it there is. */
export interface SeriesValue {
  start: string;
  value: string | null;
  expected?: number;
  received?: number;
}

export interface UsageSeries {
  name: string;
  aggregation: 'COUNT' | 'AVG' | 'MIN' | 'MAX' | null;
  unit: 'byte' | 'second' | 'Mbps';
  /** Of counts: the exact sum of what was received. */
  total: string | null;
  values: SeriesValue[];
}

export interface UsageView {
  outcome: 'series';
  entity: EntityRef;
  metric: SeriesRequest['metric'];
  granularity: SeriesRequest['granularity'];
  /** The zone that days and months are of. */
  time_zone: string;
  from: string;
  to: string;
  /** Upstream buckets of all series. */
  coverage: { expected: number; received: number; percent: string };
  /** Buckets that have not ended: what they hold is partial. */
  open_buckets: number;
  series: UsageSeries[];
  raw_sha256: string;
  warnings: readonly PullWarning[];
}

export interface LiveRequest {
  readonly entity: EntityRef;
  readonly aggregation: 'AVG' | 'MIN' | 'MAX';
}

/** A person waits for these answers: better no answer than one in ten minutes. */
const WHILE_SOMEBODY_WAITS: Partial<RetryPolicy> = {
  retries: 1,
  longestDelayMs: 2_000,
  budgetMs: 15_000,
  gateMs: 10_000,
};

const LONGEST_DAYS: Readonly<Record<SeriesRequest['granularity'], number>> = {
  SLOT: 31,
  HOUR: 100,
  DAY: 400,
  MONTH: 400,
};
const UNITS = { bytes: 'byte', time: 'second', bandwidth: 'Mbps' } as const;

/** What the report API says about an account right now: shown, and never billed. */
export class UsageViews {
  readonly #database: Database;
  readonly #connectors: Connectors;
  readonly #plans: Plans;
  readonly #estimates: Estimates;

  constructor({ database, connectors, plans }: { database: Database; connectors: Connectors; plans: Plans }) {
    this.#database = database;
    this.#connectors = connectors;
    this.#plans = plans;
    this.#estimates = new Estimates(plans);
  }

  /**
   * Bytes, connected time or bandwidth over any range. Bytes and time come by hour, or summed to days and months of the
   * account's zone; bandwidth of an entity by 5 minutes as it would be billed, or by hour with its average and extremes.
   */
  async series(accountId: string, request: SeriesRequest): Promise<UsageView | ViewRefusal> {
    const facts = await loadBillingFacts(this.#database, accountId);
    if (!facts) return unknownAccount(accountId);
    const { timeZone, externalId } = facts.account;
    const entity = request.entity ?? { dimension: 'account' as const, value: externalId };
    const asked = rangeOf(request, entity, timeZone);
    if ('outcome' in asked) return asked;
    return this.#ask(facts, async ({ client }) => {
      const now = await databaseNow(this.#database);
      const pulling = { account: externalId, entity, owned: asked, now };
      const head = {
        outcome: 'series' as const,
        entity,
        metric: request.metric,
        granularity: request.granularity,
        time_zone: timeZone,
        from: toStamp(asked.start),
        to: toStamp(asked.end),
      };
      if (request.metric === 'bandwidth') {
        if (request.granularity === 'HOUR') {
          const hours = await client.fetchBandwidthHours(pulling);
          return hours.outcome === 'hours' ? { ...head, ...hourlyRates(hours, now) } : hours;
        }
        const slots = await client.fetchUsage({ ...pulling, family: 'bandwidth', grid: 'SLOT' });
        return 'code' in slots ? slots : { ...head, ...seriesOf(slots, request, timeZone) };
      }
      const grid = gridFor(request.granularity, asked, timeZone);
      const pulled = await client.fetchUsage({ ...pulling, family: request.metric, grid });
      return 'code' in pulled ? pulled : { ...head, ...seriesOf(pulled, request, timeZone) };
    });
  }

  /** The last five minutes of a site, MSISDN or IMSI. */
  async live(accountId: string, { entity, aggregation }: LiveRequest): Promise<LiveBandwidth | ViewRefusal> {
    const facts = await loadBillingFacts(this.#database, accountId);
    if (!facts) return unknownAccount(accountId);
    return this.#ask(facts, async ({ client }) => {
      const now = await databaseNow(this.#database);
      return client.fetchNow({ account: facts.account.externalId, entity, aggregation, now });
    });
  }

  /** What a month comes to so far; the running one unless told otherwise. */
  async estimate(accountId: string, period?: string): Promise<Estimate | ViewRefusal> {
    const now = await databaseNow(this.#database);
    const facts = await this.#factsToEstimate(accountId, now, period);
    if (!facts) return unknownAccount(accountId);
    const of = { terms: facts, plans: this.#plans, now };
    const estimated = await this.#ask(facts, (connection) =>
      estimateAccount(of, connection, (work, size) => this.#estimates.rate(work, size), period),
    );
    if (estimated.outcome !== 'none') return estimated;
    const { by, reason } = estimated;
    if (by === 'pull') {
      const kind = AWAY.has(reason.code) ? 'away' : 'disbelieved';
      return { outcome: 'refused', kind, code: reason.code, message: reason.message };
    }
    const kind = ({ period: 'request', rating: 'state', busy: 'away' } as const)[by];
    return { outcome: 'refused', kind, code: reason.code, message: reason.message };
  }

  /**
   * The facts of a month as a close would find them. Only of the running month, while the month before has no document yet,
   * its fees in advance are presumed to come on that one: else every estimate of the first days of a month, until the last
   * one is closed, would count them twice. Its discounts are presumed with them.
   */
  async #factsToEstimate(accountId: string, now: EpochSeconds, month?: string): Promise<BillingFacts | undefined> {
    const facts = await loadBillingFacts(this.#database, accountId);
    if (!facts) return undefined;
    const running = monthAt(now, facts.account.timeZone);
    const periodLabel = month ?? running;
    const { label, net, empty } = await monthBefore(this.#database, { accountId, periodLabel });
    const isPresumed = net === null && !empty && periodLabel === running;
    if (!isPresumed) return loadBillingFacts(this.#database, accountId, periodLabel);
    if (!facts.discounted) return facts;
    const before = presumedDiscounts(label, billingTask(facts, label, this.#plans).segments);
    return { ...facts, discounted: [...facts.discounted, ...before] };
  }

  async #ask<T extends { readonly outcome: string }>(
    { account }: BillingFacts,
    ask: (connection: Connection) => Promise<T | ReportRefusal>,
  ): Promise<T | ViewRefusal> {
    try {
      const connection = await this.#connectors.connect(account.id, WHILE_SOMEBODY_WAITS);
      const answer = await ask(connection);
      return isReportRefusal(answer) ? disbelieved(answer.code, answer.message) : answer;
    } catch (error) {
      return noAnswer(error);
    }
  }
}

/** What an answer that may not be believed is to the caller that asked for it. */
export function disbelieved(code: string, message: string): ViewRefusal {
  const kind = code === 'entity_not_askable' ? 'request' : code === 'filter_logic_or' ? 'state' : 'disbelieved';
  return { outcome: 'refused', kind, code, message };
}

/** What it means that there is no answer; what is neither the report API's nor a matter of set-up is thrown on. */
function noAnswer(error: unknown): ViewRefusal {
  if (error instanceof ReportApiError) {
    const kind = error.retryable ? 'away' : 'disbelieved';
    const { code, message, retryAfterSeconds } = error;
    const wait = retryAfterSeconds === undefined ? {} : { retryAfterSeconds: Math.ceil(retryAfterSeconds) };
    return { outcome: 'refused', kind, code, message, ...wait };
  }
  if (isUnconnected(error)) {
    return { outcome: 'refused', kind: 'state', code: error.code, message: error.message };
  }
  throw error;
}

/** Codes of an API that gave no answer. */
const AWAY = new Set(['report_api_unavailable', 'report_api_timeout', 'report_api_rate_limited', 'pull_aborted']);

function unknownAccount(accountId: string): ViewRefusal {
  return {
    outcome: 'refused',
    kind: 'unknown',
    code: 'account_not_found',
    message: `there is no account ${accountId}`,
  };
}

function isReportRefusal(answer: { outcome: string }): answer is ReportRefusal {
  return ['refused', 'held', 'stopped'].includes(answer.outcome);
}

function invalid(parameter: string, message: string): ViewRefusal {
  return { outcome: 'refused', kind: 'request', code: 'invalid_request', message, parameter };
}

/** The range asked for, or why this cannot be answered. */
function rangeOf(request: SeriesRequest, entity: EntityRef, timeZone: string): Interval | ViewRefusal {
  const { metric, granularity } = request;
  const start = instantOf(request.from, timeZone);
  const end = instantOf(request.to, timeZone);
  if (start === undefined) return invalid('from', 'from must be a date YYYY-MM-DD or an RFC 3339 stamp');
  if (end === undefined) return invalid('to', 'to must be a date YYYY-MM-DD or an RFC 3339 stamp');
  if (start >= end) return invalid('to', 'to must be later than from');
  const longest = LONGEST_DAYS[granularity];
  if (end - start > longest * GRID_SECONDS.DAY + CLOCK_CHANGE_SECONDS) {
    return invalid('to', `a range by ${granularity} has at most ${longest} days; ask for it in parts`);
  }
  if (metric === 'bandwidth' && entity.dimension === 'account') {
    return invalid('dimension', 'bandwidth is answered for one site or subscriber; name it by dimension and value');
  }
  if (metric === 'bandwidth' && granularity !== 'HOUR' && granularity !== 'SLOT') {
    return invalid('granularity', 'bandwidth is answered by HOUR or SLOT (5 minutes)');
  }
  if (metric !== 'bandwidth' && granularity === 'SLOT') {
    return invalid('granularity', `${metric} are not counted by 5 minutes; ask by HOUR, DAY or MONTH`);
  }
  return { start, end };
}

/** What a range of whole local days may have beyond 86,400 seconds each. */
const CLOCK_CHANGE_SECONDS = 2 * 3_600;

function instantOf(text: string, timeZone: string): EpochSeconds | undefined {
  if (isLocalDate(text)) return startOfDay(text, timeZone);
  try {
    return fromStamp(text);
  } catch (error) {
    if (error instanceof CalendarError) return undefined;
    throw error;
  }
}

/** Days are asked for where they are the account's days; else hours, of which its days are made. */
function gridFor(granularity: SeriesRequest['granularity'], asked: Interval, timeZone: string): 'DAY' | 'HOUR' {
  if (granularity === 'HOUR') return 'HOUR';
  for (let date = localDateAt(asked.start, timeZone); startOfDay(date, timeZone) < asked.end; date = addDays(date, 1)) {
    if (startOfDay(date, timeZone) % GRID_SECONDS.DAY !== 0) return 'HOUR';
  }
  return asked.start % GRID_SECONDS.DAY === 0 && asked.end % GRID_SECONDS.DAY === 0 ? 'DAY' : 'HOUR';
}

type Answered = Pick<UsageView, 'coverage' | 'open_buckets' | 'series' | 'raw_sha256' | 'warnings'>;

function seriesOf(pulled: PulledUsage, { metric, granularity }: SeriesRequest, timeZone: string): Answered {
  const expected = pulled.expectedBuckets * pulled.series.length;
  return {
    coverage: coverageOf(expected, expected - pulled.missingBuckets),
    open_buckets: pulled.openBuckets,
    series: pulled.series.map(({ metric: name, values, firstStart, grid }) => {
      const width = GRID_SECONDS[grid];
      const buckets = values.map((value, position) => ({ start: firstStart + position * width, value }));
      return {
        name,
        aggregation: metric === 'bandwidth' ? null : 'COUNT',
        unit: UNITS[metric],
        total: metric === 'bandwidth' ? null : sumOfValues(values).toFixed(),
        values:
          granularity === 'DAY' || granularity === 'MONTH'
            ? summed(buckets, granularity, timeZone)
            : buckets.map(({ start, value }) => ({ start: toStamp(start), value })),
      };
    }),
    raw_sha256: pulled.raw.sha256,
    warnings: pulled.warnings,
  };
}

/** Buckets added up by the local day or month in which they start; null where nothing was received. */
function summed(
  buckets: readonly { start: EpochSeconds; value: string | null }[],
  granularity: 'DAY' | 'MONTH',
  timeZone: string,
): SeriesValue[] {
  const groups = new Map<string, (string | null)[]>();
  for (const { start, value } of buckets) {
    const date = localDateAt(start, timeZone);
    const first = granularity === 'DAY' ? date : `${date.slice(0, 7)}-01`;
    const group = groups.get(first) ?? [];
    group.push(value);
    groups.set(first, group);
  }
  return [...groups.entries()].map(([first, values]) => {
    const received = values.filter((value) => value !== null).length;
    return {
      start: toStamp(startOfDay(first, timeZone)),
      value: received === 0 ? null : sumOfValues(values).toFixed(),
      expected: values.length,
      received,
    };
  });
}

function hourlyRates({ hours, owned, warnings, raw }: BandwidthHours, now: EpochSeconds): Answered {
  const series: UsageSeries[] = [];
  for (const name of ['uplink', 'downlink'] as const) {
    for (const [aggregation, member] of AGGREGATES) {
      const values = hours.map((hour) => ({ start: toStamp(hour.start), value: hour[name][member] }));
      series.push({ name: `${name}_bandwidth`, aggregation, unit: 'Mbps', total: null, values });
    }
  }
  const received = series.flatMap(({ values }) => values).filter(({ value }) => value !== null).length;
  const { firstStart, count } = ownedBuckets(owned, 'HOUR');
  const ended = Math.floor((now - firstStart) / GRID_SECONDS.HOUR);
  return {
    coverage: coverageOf(count * series.length, received),
    open_buckets: Math.min(count, Math.max(0, count - ended)),
    series,
    raw_sha256: raw.sha256,
    warnings,
  };
}

const AGGREGATES: readonly (readonly ['AVG' | 'MIN' | 'MAX', keyof HourRates])[] = [
  ['AVG', 'average'],
  ['MIN', 'minimum'],
  ['MAX', 'maximum'],
];

function coverageOf(expected: number, received: number): UsageView['coverage'] {
  const percent = expected === 0 ? Ratio.ZERO : Ratio.of(received * 100, expected);
  return { expected, received, percent: percent.toTruncated(2) };
}
