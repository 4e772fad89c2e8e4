import { UNDISTORTED, type Distortion, type Item } from './gauge.js';
import { accountId, accountNumber, customerSiteId, imsiOf, msisdnOf, siteNumber, subscriberLeaf } from './identity.js';
import type { Fault, FaultKind, Verdict } from './fault-plan.js';
import type { Answer, Members, Series } from './report.js';
import type { Filter, Query } from './request.js';
import type { World } from './world.js';

/** An answer that is sent instead of the report. */
export interface Substitute {
  status: number;
  contentType: string;
  headers?: Record<string, string>;
  body: string;
}

const json = (status: number, message: string): Substitute => ({
  status,
  contentType: 'application/json',
  body: JSON.stringify({ message }),
});

/** The whole answer of a fault that leaves nothing of the report, or undefined. */
export function substitute(fault: Fault, nowMs: number): Substitute | undefined {
  switch (fault.fault) {
    case 'unauthorized_401':
      return json(401, 'Invalid authentication credentials');
    case 'forbidden_403':
      return json(403, 'You cannot consume this service');
    case 'rate_limited_429': {
      const seconds = fault.retry_after_s;
      const value = fault.retry_after === 'seconds' ? String(seconds) : new Date(nowMs + seconds * 1000).toUTCString();
      const headers: Record<string, string> = fault.retry_after === 'absent' ? {} : { 'retry-after': value };
      return { ...json(429, 'API rate limit exceeded'), headers };
    }
    case 'error_500':
      return json(500, 'An unexpected error occurred');
    case 'bad_gateway_502': {
      const body = '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>';
      return { status: 502, contentType: 'text/html', body };
    }
    case 'unavailable_503':
      return json(503, 'failure to get a peer from the ring-balancer');
    case 'timeout_504':
      return json(504, 'The upstream server is timing out');
    case 'message_200':
      return json(200, 'no data available');
    default:
      return undefined;
  }
}

/** What the fault does to the usage before it is written down. */
export function distortionBy({ fault, late }: Verdict): Distortion {
  return {
    ...UNDISTORTED,
    late,
    ...(fault?.fault === 'rates_x1000' ? { ratesTimes: 1000 } : {}),
    ...(fault?.fault === 'bytes_x8' ? { bytesTimes: 8 } : {}),
  };
}

/** The request that is answered instead: the same of the account next door. */
export function mixUp(query: Query, world: World): Query {
  const filters = query.filters.map(({ dimension, expressions }) => ({
    dimension,
    expressions: expressions.map((id) => nextDoor(dimension, id, world)),
  }));
  return { ...query, filters };
}

function nextDoor(dimension: Filter['dimension'], id: string | number, { fleet, profiles }: World): string | number {
  const isKnown = (account: number) => accountNumber(fleet, accountId(account)) !== undefined;
  const step = (account: number) => (isKnown(account + 1) || account === 0 ? 1 : -1);
  if (dimension === 'account_id') {
    const account = accountNumber(fleet, String(id));
    return account === undefined ? id : accountId(account + step(account));
  }
  if (dimension === 'customer_site_id') {
    const known = siteNumber(fleet, String(id));
    return known === undefined ? id : customerSiteId(fleet, known.account + step(known.account), known.site);
  }
  const leadingZero = profiles.leadingZero ?? false;
  const leaf = subscriberLeaf(fleet, dimension, String(id), leadingZero);
  if (leaf === undefined) return id;
  const leavesPerAccount = fleet.sites * fleet.subscribers;
  const next = leaf + step(Math.floor(leaf / leavesPerAccount)) * leavesPerAccount;
  const digits = dimension === 'msisdn' ? msisdnOf(next) : imsiOf(next, leadingZero);
  return typeof id === 'number' ? Number(digits) : digits;
}

const VALUES: Partial<Record<FaultKind, string>> = {
  value_nan: 'NaN',
  value_infinity: 'Infinity',
  value_null: 'null',
  value_negative: '-1',
  value_string: '"12"',
  value_1e300: '1e300',
};

/** Bends labels, values and echoes of an answer. */
export function bend(given: Answer, { fault: rule, draw }: Verdict): Answer {
  if (rule === undefined) return given;
  const { fault } = rule;
  const echo = bendEcho(given.echo, fault);
  const value = VALUES[fault];
  if (given.kind === 'now') {
    const values = value === undefined ? given.values : given.values.map(([name]): [string, string] => [name, value]);
    return { ...given, values, echo };
  }
  if (fault === 'tail_cut') return { ...given, echo, series: cutTail(given.series, rule.keep) };
  const step = given.bucketSeconds;
  if (fault === 'labels_shifted_forward' || fault === 'labels_shifted_back') {
    const shift = fault === 'labels_shifted_forward' ? step : -step;
    const shifted = given.series.map(({ metric, items }) => ({
      metric,
      items: items.map((item) => ({ ...item, label: item.label + shift })),
    }));
    return { ...given, echo, series: shifted };
  }
  const series = bendOneItem(given.series, draw, (item, last) => {
    switch (fault) {
      case 'missing_bucket':
        return [];
      case 'duplicate_bucket_same':
        return [item, item];
      case 'duplicate_bucket_other':
        return [item, { ...item, value: item.value === '1' ? '2' : '1' }];
      case 'bucket_out_of_range':
        return [item, { ...item, label: last + 10 * step }];
      case 'bucket_off_grid':
        return [item, { ...item, label: item.label + 60 }];
      default:
        return [value === undefined ? item : { ...item, value }];
    }
  });
  return { ...given, echo, series };
}

/**
 * Changes one item of one series. Its label is never among the first or last two: a client that asks for a margin of one
 * bucket throws those away, and would be right not to notice.
 */
function bendOneItem(series: Series[], draw: number, change: (item: Item, lastLabel: number) => Item[]): Series[] {
  const full = series.filter(({ items }) => items.length > 0);
  const chosen = full[Math.floor(draw * full.length)];
  if (chosen === undefined) return series;
  const labels = chosen.items.map(({ label }) => label).toSorted((a, b) => a - b);
  const inner = labels.length > 4 ? labels.slice(2, -2) : labels.slice(-1);
  const label = inner[Math.floor(((draw * full.length) % 1) * inner.length)];
  return series.map(({ metric, items }) => ({
    metric,
    items:
      items === chosen.items
        ? items.flatMap((item) => (item.label === label ? change(item, labels.at(-1) ?? item.label) : [item]))
        : items,
  }));
}

function cutTail(series: Series[], keep: number): Series[] {
  let left = Math.floor(series.reduce((count, { items }) => count + items.length, 0) * keep);
  return series.map(({ metric, items }) => {
    const kept = items.slice(0, left);
    left -= kept.length;
    return { metric, items: kept };
  });
}

function bendEcho(echo: Members, fault: FaultKind): Members {
  if (fault === 'echo_dropped') return echo.slice(1);
  const wrong: Partial<Record<FaultKind, string[]>> = {
    wrong_account: ['account_id'],
    wrong_site: ['customer_site_id'],
    wrong_subscriber: ['msisdn', 'imsi'],
  };
  return echo.map(([name, text]) => [name, wrong[fault]?.includes(name) ? withOtherLastDigit(text) : text]);
}

/** Another id of the same length and JSON type. */
function withOtherLastDigit(text: string): string {
  return text.replace(/[0-9A-Za-z](?="?$)/, (last) => (last === '1' ? '2' : '1'));
}

/** Damages the text of an answer. */
export function garble(text: string, fault: FaultKind | undefined): string {
  if (fault === 'truncated_json') return text.slice(0, Math.ceil(text.length * 0.6));
  if (fault === 'trailing_brace') return `${text}}`;
  if (fault !== 'duplicate_json_keys') return text;
  const inItem = text.replace('"value":', '"value":1,"value":');
  return inItem === text ? text.replace('"account_id":', '"account_id":"","account_id":') : inItem;
}
