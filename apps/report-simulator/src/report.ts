import { Gauge, type Distortion, type Item, type Slot } from './gauge.js';
import { accountLeaves, accountNumber, siteLeaves, siteNumber, subscriberLeaf, type LeafRange } from './identity.js';
import { RequestRefused, type Filter, type Metric, type Query } from './request.js';
import { stampWriter, type Stamp } from './stamps.js';
import type { Switches } from './switches.js';
import { WINDOW_SECONDS } from './traffic.js';
import type { World } from './world.js';

export interface Series {
  metric: Metric;
  items: Item[];
}

/** JSON members `[name, JSON text]` in the order in which they are written. */
export type Members = [string, string][];

/** An answer before it is written: faults may still bend it. */
export type Answer =
  | { kind: 'series'; bucketSeconds: number; stamp: Stamp; series: Series[]; echo: Members }
  | { kind: 'now'; times: Members; values: Members; echo: Members };

const DAY_SECONDS = 86_400;

/**
 * Answers a query from the usage formula.
 * @throws RequestRefused when a switch says that this request is not served
 */
export function answer(query: Query, world: World, distortion: Distortion): Answer {
  const { switches } = world;
  if (switches.expressions === 'reject' && query.filters.some((filter) => filter.expressions.length > 1)) {
    throw new RequestRefused(400, 'expressions: exactly one expression is supported');
  }
  const gauge = new Gauge(selectLeaves(query.filters, world), world, distortion);
  const echo = echoOf(query.filters, switches);
  if (query.kind === 'now') return answerNow(query.metrics, gauge, world, echo);

  const { start, end } = query;
  if (switches.future_end === '400' && end.epochSeconds > world.clock) {
    throw new RequestRefused(400, 'end_date_time is in the future');
  }
  const maxDays = switches.max_range === 'none' ? Infinity : Number.parseInt(switches.max_range, 10);
  if (end.epochSeconds - start.epochSeconds > maxDays * DAY_SECONDS) {
    throw new RequestRefused(400, `the range must not be longer than ${maxDays} days`);
  }
  const metrics = inAnsweredOrder(query.metrics, switches);
  if (query.kind === 'buckets') {
    const slots = slotsOf(start.epochSeconds, end.epochSeconds, query.bucketSeconds, world);
    const series = metrics.map((metric) => ({ metric, items: gauge.buckets(metric, slots) }));
    return { kind: 'series', bucketSeconds: query.bucketSeconds, stamp: start, series, echo };
  }
  const { share, whole } = shareOf(query.comparisonValue, switches);
  const slots = slotsOf(start.epochSeconds, end.epochSeconds, WINDOW_SECONDS, world);
  const series = metrics.map((metric) => ({ metric, items: gauge.ascending(metric, slots, share, whole) }));
  return { kind: 'series', bucketSeconds: WINDOW_SECONDS, stamp: start, series, echo };
}

function slotsOf(start: number, end: number, bucketSeconds: number, world: World): Slot[] {
  const { edge, label: labels } = world.switches;
  const floor = Math.floor(start / bucketSeconds);
  const ceil = Math.ceil(end / bucketSeconds);
  const slots: Slot[] = [];
  const add = (label: number, from: number, to: number) => {
    // There was no traffic before 1970, and there is none yet after the clock.
    const firstWindow = Math.max(0, Math.ceil(from / WINDOW_SECONDS));
    const endWindow = Math.min(Math.ceil(to / WINDOW_SECONDS), Math.ceil(world.clock / WINDOW_SECONDS));
    if (firstWindow < endWindow) slots.push({ label, firstWindow, endWindow });
  };
  if (edge === 'v2_stop') {
    for (let grid = floor; grid < ceil; grid++) {
      const stop = Math.min((grid + 1) * bucketSeconds, end);
      add(stop, Math.max(grid * bucketSeconds, start), stop);
    }
    return slots;
  }
  const first = edge === 'open_closed' ? floor + 1 : floor;
  const last = edge === 'half_open' ? ceil - 1 : ceil;
  const shift = labels === 'end' ? -bucketSeconds : 0;
  for (let grid = first; grid <= last; grid++) {
    const from = grid * bucketSeconds + shift;
    add(grid * bucketSeconds, from, from + bucketSeconds);
  }
  return slots;
}

/** Which leaves a request is about: the intersection of its filters, or with `or` their union. */
function selectLeaves(filters: Filter[], world: World): LeafRange[] {
  const { switches } = world;
  const ranges = filters.map(({ dimension, expressions }) => {
    const asked = switches.expressions === 'first_only' ? expressions.slice(0, 1) : expressions;
    return asked.flatMap((id) => leavesOf(dimension, String(id), world));
  });
  return union(switches.filter_logic === 'or' ? ranges.flat() : ranges.reduce(intersection));
}

function leavesOf(dimension: Filter['dimension'], id: string, { fleet, profiles }: World): LeafRange[] {
  if (dimension === 'account_id') {
    const account = accountNumber(fleet, id);
    return account === undefined ? [] : [accountLeaves(fleet, account)];
  }
  if (dimension === 'customer_site_id') {
    const known = siteNumber(fleet, id);
    return known === undefined ? [] : [siteLeaves(fleet, known.account, known.site)];
  }
  const leaf = subscriberLeaf(fleet, dimension, id, profiles.leadingZero ?? false);
  return leaf === undefined ? [] : [{ firstLeaf: leaf, leaves: 1 }];
}

function intersection(some: LeafRange[], others: LeafRange[]): LeafRange[] {
  return some.flatMap((a) =>
    others.flatMap((b) => {
      const firstLeaf = Math.max(a.firstLeaf, b.firstLeaf);
      const leaves = Math.min(a.firstLeaf + a.leaves, b.firstLeaf + b.leaves) - firstLeaf;
      return leaves > 0 ? [{ firstLeaf, leaves }] : [];
    }),
  );
}

/** The same leaves in ranges that do not overlap: no usage counts twice. */
function union(ranges: LeafRange[]): LeafRange[] {
  const merged: LeafRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.firstLeaf - b.firstLeaf)) {
    const last = merged.at(-1);
    if (last !== undefined && range.firstLeaf <= last.firstLeaf + last.leaves) {
      const end = Math.max(last.firstLeaf + last.leaves, range.firstLeaf + range.leaves);
      last.leaves = end - last.firstLeaf;
    } else merged.push({ ...range });
  }
  return merged;
}

/** The share of a series that `comparison_value` asks for. */
function shareOf(comparisonValue: number, switches: Switches): { share: number; whole: 1 | 100 } {
  if (switches.percentile_scale === 'ignored') return { share: 1, whole: 1 };
  const whole = switches.percentile_scale === 'percent' ? 100 : 1;
  if (comparisonValue > whole) {
    throw new RequestRefused(400, `comparison_value must not be greater than ${whole}`);
  }
  return { share: comparisonValue, whole };
}

/** The published examples list rates by aggregation and downlink first, and counts and percentiles as they were asked. */
function inAnsweredOrder(metrics: Metric[], switches: Switches): Metric[] {
  if (switches.order !== 'agg_then_downlink') return metrics;
  const place = ({ name, aggregation }: Metric) =>
    aggregation === undefined || aggregation === 'COUNT'
      ? 0
      : 2 * ['AVG', 'MIN', 'MAX'].indexOf(aggregation) + (name === 'downlink_bandwidth' ? 0 : 1);
  return metrics.toSorted((a, b) => place(a) - place(b));
}

/** Echoes what was filtered, not what was asked as a dimension; the account comes last. */
function echoOf(filters: Filter[], switches: Switches): Members {
  const echoed = filters.map(({ dimension, expressions }): [string, string] => {
    const values = expressions.map((value) => JSON.stringify(switches.ids_echo === 'string' ? String(value) : value));
    const many = switches.expressions === 'list' && values.length > 1;
    return [dimension, many ? `[${values.join(',')}]` : (values[0] ?? 'null')];
  });
  return echoed.toSorted(([a], [b]) => Number(a === 'account_id') - Number(b === 'account_id'));
}

function answerNow(metrics: Metric[], gauge: Gauge, world: World, echo: Members): Answer {
  const write = stampWriter({ offsetSeconds: 0, offset: '+00:00' });
  const endWindow = Math.floor(world.clock / WINDOW_SECONDS);
  const slot = { label: world.clock, firstWindow: endWindow - 1, endWindow };
  const place = ({ name }: Metric) => (name.startsWith('downlink') ? 0 : 1);
  const ordered =
    world.switches.order === 'agg_then_downlink' ? metrics.toSorted((a, b) => place(a) - place(b)) : metrics;
  // One key per metric name: of two aggregations of one metric only the last is seen.
  const values = new Map<string, string>();
  for (const metric of ordered) {
    const value = gauge.value(metric, slot);
    if (value !== undefined) values.set(metric.name, value);
  }
  return {
    kind: 'now',
    times: [
      ['start_time', JSON.stringify(write(world.clock - WINDOW_SECONDS))],
      ['end_time', JSON.stringify(write(world.clock))],
    ],
    values: [...values],
    echo,
  };
}
