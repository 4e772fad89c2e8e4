import { createHash } from 'node:crypto';
import { bytesText, rateText } from './exact-numbers.js';
import {
  accountLeaves,
  accountNumber,
  siteLeaves,
  siteNumber,
  subscriberLeaf,
  type Fleet,
  type LeafRange,
} from './identity.js';
import { isBandwidth, RequestRefused, type Filter, type Metric, type Query } from './request.js';
import { stampWriter, type Stamp } from './stamps.js';
import type { Switches } from './switches.js';
import {
  activeSeconds,
  isIdleLeaf,
  LATE_AFTER_SECONDS,
  LeafGroup,
  WINDOW_SECONDS,
  type Direction,
  type TrafficModel,
} from './traffic.js';

/** Everything an answer depends on besides the request: same world, same request, same bytes. */
export interface World {
  fleet: Fleet;
  seed: number;
  profiles: Profiles;
  switches: Switches;
  /** Unix seconds; windows that start at or after it do not exist yet. */
  clock: number;
}

/** Fleets of another kind; fixed for the life of a simulator. */
export interface Profiles {
  /** IMSIs of a test network, `00101…`. */
  leadingZero?: boolean;
  /** All byte counts × 10^6, beyond what a double holds. */
  big?: boolean;
  /** Leaves with number mod 50 = 49 have no traffic. */
  idle?: boolean;
}

/** What a fault may change about the usage itself, before it is written down. */
export interface Distortion {
  late: boolean;
  ratesTimes: number;
  bytesTimes: number;
}

export interface Item {
  /** Unix seconds. */
  label: number;
  /** JSON text of the value. */
  value: string;
}

export interface Series {
  metric: Metric;
  items: Item[];
}

/** JSON members `[name, JSON text]` in the order in which they are written. */
export type Members = [string, string][];

export type Answer =
  | { kind: 'series'; bucketSeconds: number; stamp: Stamp; series: Series[]; echo: Members }
  | { kind: 'now'; times: Members; values: Members; echo: Members };

const DAY = 86_400;

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
  if (switches.max_range === '31d' && end.epochSeconds - start.epochSeconds > 31 * DAY) {
    throw new RequestRefused(400, 'the range must not be longer than 31 days');
  }
  const bucketSeconds = query.kind === 'buckets' ? query.bucketSeconds : WINDOW_SECONDS;
  const slots = slotsOf(start.epochSeconds, end.epochSeconds, bucketSeconds, world);
  const series = inAnsweredOrder(query.metrics, switches).map((metric) => ({
    metric,
    items:
      query.kind === 'buckets'
        ? gauge.buckets(metric, slots)
        : gauge.ascending(metric, slots, shareOf(query.comparisonValue, switches)),
  }));
  return { kind: 'series', bucketSeconds, stamp: start, series, echo };
}

/** A bucket of the answer: its label and the windows [first, end) that exist and are in it. */
interface Slot {
  label: number;
  firstWindow: number;
  endWindow: number;
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
  const { fleet, profiles, switches } = world;
  const ranges = filters.map(({ dimension, expressions }) => {
    const asked = switches.expressions === 'first_only' ? expressions.slice(0, 1) : expressions;
    return [...new Set(asked.map(String))].flatMap((id): LeafRange[] => {
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
    });
  });
  return switches.filter_logic === 'or' ? union(ranges.flat()) : ranges.reduce(intersection);
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

function union(ranges: LeafRange[]): LeafRange[] {
  const merged: LeafRange[] = [];
  for (const range of ranges.sort((a, b) => a.firstLeaf - b.firstLeaf)) {
    const last = merged.at(-1);
    if (last !== undefined && range.firstLeaf <= last.firstLeaf + last.leaves) {
      const end = Math.max(last.firstLeaf + last.leaves, range.firstLeaf + range.leaves);
      last.leaves = end - last.firstLeaf;
    } else merged.push({ ...range });
  }
  return merged;
}

/** Reads metrics of a selection of leaves off the formula and writes their values. */
class Gauge {
  private readonly group: LeafGroup;
  /** The candidates for the busiest subscriber; only when the scope asks for it. */
  private readonly subscribers: LeafGroup[];
  private readonly selected: boolean;
  private readonly bytesFactor: number;
  private readonly notation: { scale: number; roundedTo2: boolean };

  constructor(
    ranges: LeafRange[],
    private readonly world: World,
    private readonly distortion: Distortion,
  ) {
    const { switches, profiles, seed } = world;
    const model: TrafficModel = { seed, fraction: switches.fraction === 'on', idle: profiles.idle ?? false };
    const big = profiles.big ? 1e6 : 1;
    const unit = { Mbps: 1, kbps: 1e3, bps: 1e6 }[switches.unit];
    this.selected = ranges.length > 0;
    this.group = new LeafGroup(model, ranges);
    this.subscribers = switches.scope === 'top_ue' ? eachLeaf(ranges, model) : [];
    this.bytesFactor = big * distortion.bytesTimes;
    this.notation = { scale: big * unit * distortion.ratesTimes, roundedTo2: switches.round_dp === 2 };
  }

  /** One item per slot, in time order. */
  buckets(metric: Metric, slots: Slot[]): Item[] {
    return this.items(slots, (slot) => this.value(metric, slot));
  }

  /** The window rates in ascending order, equal ones in time order, up to nearest rank ⌈share · N⌉. */
  ascending(metric: Metric, slots: Slot[], share: Fraction): Item[] {
    const { idle_window: idle, percentile_rows: rows } = this.world.switches;
    if (!this.selected || (this.group.leaves === 0 && (idle === 'omit' || rows === 'traffic_only'))) return [];
    const items = this.items(slots, (slot) => this.value({ ...metric, aggregation: 'AVG' }, slot));
    const values = Float64Array.from(items, (item) => Number(item.value));
    const order = Uint32Array.from(items.keys()).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b);
    const rank = (share.numerator * BigInt(items.length) + share.denominator - 1n) / share.denominator;
    const kept = Math.min(items.length, Number(rank));
    return Array.from(order.subarray(0, kept), (index) => items[index]).filter((item) => item !== undefined);
  }

  /** The JSON text of one metric over the windows of one slot; undefined when there is no such value. */
  value(metric: Metric, slot: Slot): string | undefined {
    if (!this.selected) return undefined;
    if (this.group.leaves === 0) return { zero: '0', null: 'null', omit: undefined }[this.world.switches.idle_window];
    const direction: Direction = metric.name.startsWith('uplink') ? 'uplink' : 'downlink';
    if (isBandwidth(metric.name)) return this.rate(direction, metric.aggregation, slot);
    let total = 0;
    for (let window = slot.firstWindow; window < slot.endWindow; window++) {
      total +=
        metric.name === 'time_usage_seconds'
          ? this.group.leaves * activeSeconds(window)
          : this.quarterBytes(this.group, direction, window);
    }
    return metric.name === 'time_usage_seconds' ? String(total) : bytesText(total, this.bytesFactor);
  }

  private rate(direction: Direction, aggregation: Metric['aggregation'], slot: Slot): string {
    const group = this.busiest(direction, slot);
    let sum = 0;
    let sumSeconds = 0;
    let least = { quarterBytes: Infinity, seconds: 1 };
    let most = { quarterBytes: 0, seconds: 1 };
    for (let window = slot.firstWindow; window < slot.endWindow; window++) {
      const quarterBytes = this.quarterBytes(group, direction, window);
      const seconds = this.world.switches.rate_base === 'wall' ? WINDOW_SECONDS : activeSeconds(window);
      sum += quarterBytes;
      sumSeconds += seconds;
      // A bucket lies within one UTC day, where every window has the same divisor: the bytes decide.
      if (quarterBytes < least.quarterBytes) least = { quarterBytes, seconds };
      if (quarterBytes > most.quarterBytes) most = { quarterBytes, seconds };
    }
    if (aggregation === 'MIN') return rateText(least.quarterBytes, least.seconds, this.notation);
    if (aggregation === 'MAX') return rateText(most.quarterBytes, most.seconds, this.notation);
    return rateText(sum, sumSeconds, this.notation);
  }

  private busiest(direction: Direction, slot: Slot): LeafGroup {
    let busiest = this.group;
    let most = -1;
    for (const subscriber of this.subscribers) {
      let total = 0;
      for (let window = slot.firstWindow; window < slot.endWindow; window++) {
        total += this.quarterBytes(subscriber, direction, window);
      }
      if (total > most) [busiest, most] = [subscriber, total];
    }
    return busiest;
  }

  private quarterBytes(group: LeafGroup, direction: Direction, window: number): number {
    const quarterBytes = group.quarterBytes(direction, window);
    const settled = (window + 1) * WINDOW_SECONDS + LATE_AFTER_SECONDS <= this.world.clock;
    return this.distortion.late && settled ? quarterBytes + group.lateQuarterBytes(window) : quarterBytes;
  }

  private items(slots: Slot[], value: (slot: Slot) => string | undefined): Item[] {
    const items: Item[] = [];
    for (const slot of slots) {
      const text = value(slot);
      if (text !== undefined) items.push({ label: slot.label, value: text });
    }
    return items;
  }
}

function eachLeaf(ranges: LeafRange[], model: TrafficModel): LeafGroup[] {
  return ranges
    .flatMap(({ firstLeaf, leaves }) => Array.from({ length: leaves }, (_, index) => firstLeaf + index))
    .filter((leaf) => !(model.idle && isIdleLeaf(leaf)))
    .map((leaf) => new LeafGroup(model, [{ firstLeaf: leaf, leaves: 1 }]));
}

interface Fraction {
  numerator: bigint;
  denominator: bigint;
}

/** The share of a series that `comparison_value` asks for, exactly as its decimal digits say. */
function shareOf(comparisonValue: number, switches: Switches): Fraction {
  const scale = switches.percentile_scale;
  if (scale === 'ignored') return { numerator: 1n, denominator: 1n };
  const whole = scale === 'percent' ? 100n : 1n;
  if (comparisonValue > whole) {
    throw new RequestRefused(400, `comparison_value must not be greater than ${whole}`);
  }
  const [digits = '', exponent = '0'] = String(comparisonValue).split('e');
  const [units = '', decimals = ''] = digits.split('.');
  const places = decimals.length - Number(exponent);
  return { numerator: BigInt(units + decimals), denominator: whole * 10n ** BigInt(places) };
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

/**
 * Writes an answer as compact JSON, members in the order of the published examples.
 * @throws RequestRefused 404 when there is nothing to report and the `empty` switch says so
 */
export function writeJson(given: Answer, world: World, requestBody: string): string {
  const { switches } = world;
  const shuffle = switches.order === 'shuffled' ? seededShuffle(`${world.seed} ${requestBody}`) : undefined;
  const object = (members: Members) =>
    `{${(shuffle?.(members) ?? members).map(([name, text]) => `"${name}":${text}`).join(',')}}`;
  const brace = switches.trailing_brace === 'on' ? '}' : '';
  if (given.kind === 'now') return object([...given.times, ...given.values, ...given.echo]) + brace;

  const series = cutSilently(given.series, switches);
  if (series.every(({ items }) => items.length === 0)) {
    if (switches.empty === '404') throw new RequestRefused(404, 'no data found');
    return object([...(switches.empty === 'absent' ? [] : ([['result', switches.empty]] as Members)), ...given.echo]);
  }
  const write = stampWriter(given.stamp);
  const arrays = series.map(({ metric, items }) => {
    const name = `","name":"${metric.name}","value":`;
    const end = metric.aggregation === undefined ? '}' : `,"aggregation_type":"${metric.aggregation}"}`;
    if (shuffle === undefined) {
      return items.map(({ label, value }) => `{"time_stamp":"${write(label)}${name}${value}${end}`);
    }
    return shuffle(items).map(({ label, value }) =>
      object([
        ['time_stamp', `"${write(label)}"`],
        ['name', `"${metric.name}"`],
        ['value', value],
        ...(metric.aggregation ? ([['aggregation_type', `"${metric.aggregation}"`]] as Members) : []),
      ]),
    );
  });
  const grouped = switches.grouping === 'merged' ? [arrays.flat()] : arrays;
  const ordered = shuffle?.(grouped.map((items) => shuffle(items))) ?? grouped;
  const result = `[${ordered.map((items) => `[${items.join(',')}]`).join(',')}]`;
  return object([['result', result], ...given.echo]) + brace;
}

/** Writes an answer as CSV, one line per item; the upstream documentation names the type but shows no example. */
export function writeCsv(given: Answer, world: World): string {
  const echoed = given.echo.map(([, text]) => text.replaceAll('"', ''));
  if (given.kind === 'now') {
    const members = [...given.times, ...given.values, ...given.echo];
    return `${members.map(([name]) => name).join(',')}\n${members.map(([, text]) => text.replaceAll('"', '')).join(',')}\n`;
  }
  const write = stampWriter(given.stamp);
  const header = ['time_stamp', 'name', 'value', 'aggregation_type', ...given.echo.map(([name]) => name)];
  const lines = cutSilently(given.series, world.switches).flatMap(({ metric, items }) =>
    items.map(({ label, value }) => [write(label), metric.name, value, metric.aggregation ?? '', ...echoed].join(',')),
  );
  return [header.join(','), ...lines, ''].join('\n');
}

function cutSilently(series: Series[], { max_items: max }: Switches): Series[] {
  if (max === 'none') return series;
  let left = max;
  return series.map(({ metric, items }) => {
    const kept = items.slice(0, left);
    left -= kept.length;
    return { metric, items: kept };
  });
}

/** The same order for the same text, on any machine. */
function seededShuffle(text: string): <Thing>(things: readonly Thing[]) => Thing[] {
  let state = createHash('sha256').update(text).digest().readUInt32LE(0) || 1;
  const next = (below: number) => {
    // xorshift32: enough disorder to catch a client that reads by position.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  return (things) => {
    const shuffled = [...things];
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = next(index + 1);
      const held = shuffled[index];
      shuffled[index] = shuffled[other] as (typeof shuffled)[number];
      shuffled[other] = held as (typeof shuffled)[number];
    }
    return shuffled;
  };
}
