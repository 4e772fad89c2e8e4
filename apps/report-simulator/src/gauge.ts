import { bytesText, nearestRank, rateOf, rateTo2Decimals } from './exact-numbers.js';
import type { LeafRange } from './identity.js';
import { isBandwidth, type Metric } from './request.js';
import {
  activeSeconds,
  isIdleLeaf,
  LATE_AFTER_SECONDS,
  LeafGroup,
  WINDOW_SECONDS,
  WINDOWS_PER_DAY,
  type Direction,
  type TrafficModel,
} from './traffic.js';
import type { World } from './world.js';

/** A bucket of the answer: its label in unix seconds and the windows [first, end) that exist and are in it. */
export interface Slot {
  label: number;
  firstWindow: number;
  endWindow: number;
}

export interface Item {
  /** Unix seconds. */
  label: number;
  /** JSON text of the value. */
  value: string;
}

/** What a fault may change about the usage itself, before it is written down. */
export interface Distortion {
  late: boolean;
  ratesTimes: number;
  bytesTimes: number;
}

export const UNDISTORTED: Distortion = { late: false, ratesTimes: 1, bytesTimes: 1 };

/** Reads metrics of a selection of leaves off the formula and writes their values. */
export class Gauge {
  private readonly model: TrafficModel;
  private readonly group: LeafGroup;
  /** The candidates for the busiest subscriber; only when the scope asks for it. */
  private readonly subscribers: LeafGroup[];
  private readonly idleSeconds: number;
  private readonly bytesFactor: number;
  private readonly rateScale: number;

  constructor(
    private readonly ranges: LeafRange[],
    private readonly world: World,
    private readonly distortion: Distortion,
  ) {
    const { switches, profiles, seed } = world;
    this.model = { seed, fraction: switches.fraction === 'on', idle: profiles.idle ?? false };
    this.group = new LeafGroup(this.model, ranges);
    this.subscribers = switches.scope === 'top_ue' ? this.eachSubscriber() : [];
    this.idleSeconds = switches.idle_hours * 3_600;
    const big = profiles.big ? 1e6 : 1;
    this.bytesFactor = big * distortion.bytesTimes;
    this.rateScale = big * { Mbps: 1, kbps: 1e3, bps: 1e6 }[switches.unit] * distortion.ratesTimes;
  }

  /** One item per slot, in time order. */
  buckets(metric: Metric, slots: readonly Slot[]): Item[] {
    const items: Item[] = [];
    for (const slot of slots) {
      const value = this.value(metric, slot);
      if (value !== undefined) items.push({ label: slot.label, value });
    }
    return items;
  }

  /**
   * The window rates in ascending order, equal ones in time order, up to nearest rank ⌈share · N⌉.
   * @param share decimal, of a whole of 1 or 100
   */
  ascending(metric: Metric, slots: readonly Slot[], share: number, whole: 1 | 100): Item[] {
    const isWithTraffic = this.world.switches.percentile_rows === 'traffic_only';
    const rows = isWithTraffic ? slots.filter((slot) => this.hasTraffic(slot)) : slots;
    const kept = nearestRank(share, whole, rows.length);
    if (this.group.leaves === 0) return this.buckets(metric, rows.slice(0, kept));
    const direction = directionOf(metric);
    const rates = Float64Array.from(rows, (slot) => this.rate(direction, 'AVG', slot));
    const items = new Array<Item>(rates.length);
    const sorted = rates.toSorted();
    const taken = new Uint32Array(rates.length);
    // Sorting plain numbers and then looking each one up is several times faster than sorting by a comparison.
    for (const [index, slot] of rows.entries()) {
      const rate = rates[index] ?? 0;
      const first = firstAtLeast(sorted, rate);
      const place = first + (taken[first] ?? 0);
      taken[first] = place - first + 1;
      items[place] = { label: slot.label, value: String(rate) };
    }
    return items.slice(0, kept);
  }

  /** The JSON text of one metric over the windows of one slot; undefined when there is no such value. */
  value(metric: Metric, slot: Slot): string | undefined {
    if (this.ranges.length === 0) return undefined;
    if (!this.hasTraffic(slot)) return { zero: '0', null: 'null', omit: undefined }[this.world.switches.idle_window];
    if (isBandwidth(metric.name)) return String(this.rate(directionOf(metric), metric.aggregation, slot));
    let total = 0;
    if (metric.name === 'time_usage_seconds') {
      for (let window = slot.firstWindow; window < slot.endWindow; window++) total += this.secondsWithTraffic(window);
      return String(total * this.group.leaves);
    }
    const direction = directionOf(metric);
    for (let window = slot.firstWindow; window < slot.endWindow; window++) {
      total += this.quarterBytes(this.group, direction, window);
    }
    return bytesText(total, this.bytesFactor);
  }

  /**
   * Rates divide by the windows' active seconds, once and not per subscriber: the subscribers of a site are active in
   * the same seconds, so the rates of all subscribers add up to their site's.
   */
  private rate(direction: Direction, aggregation: Metric['aggregation'], slot: Slot): number {
    const { rate_base: base, round_dp: decimals } = this.world.switches;
    const group = this.busiest(direction, slot);
    let sum = 0;
    let sumSeconds = 0;
    let withTraffic = 0;
    let least = Infinity;
    let most = 0;
    for (let window = slot.firstWindow; window < slot.endWindow; window++) {
      const quarterBytes = this.quarterBytes(group, direction, window);
      sum += quarterBytes;
      sumSeconds += base === 'wall' ? WINDOW_SECONDS : this.secondsWithTraffic(window);
      if (!this.isIdle(window)) withTraffic += 1;
      if (quarterBytes < least) least = quarterBytes;
      if (quarterBytes > most) most = quarterBytes;
    }
    // A bucket lies within one UTC day, in which every window has the same divisor: its extremes are those of the bytes.
    if (sumSeconds === 0) return 0;
    const windowSeconds = base === 'wall' ? WINDOW_SECONDS : sumSeconds / withTraffic;
    const rate = decimals === 2 ? rateTo2Decimals : rateOf;
    if (aggregation === 'MIN') return rate(least, windowSeconds, this.rateScale);
    if (aggregation === 'MAX') return rate(most, windowSeconds, this.rateScale);
    return rate(sum, sumSeconds, this.rateScale);
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
    if (this.isIdle(window)) return 0;
    const quarterBytes = group.quarterBytes(direction, window);
    if (!this.distortion.late) return quarterBytes;
    const settled = (window + 1) * WINDOW_SECONDS + LATE_AFTER_SECONDS <= this.world.clock;
    return settled ? quarterBytes + group.lateQuarterBytes(window) : quarterBytes;
  }

  /** The hours in which everybody rests. */
  private isIdle(window: number): boolean {
    return this.idleSeconds > 0 && (window % WINDOWS_PER_DAY) * WINDOW_SECONDS < this.idleSeconds;
  }

  private secondsWithTraffic(window: number): number {
    return this.isIdle(window) ? 0 : activeSeconds(window);
  }

  private hasTraffic({ firstWindow, endWindow }: Slot): boolean {
    if (this.group.leaves === 0) return false;
    if (this.idleSeconds === 0) return true;
    for (let window = firstWindow; window < endWindow; window++) if (!this.isIdle(window)) return true;
    return false;
  }

  private eachSubscriber(): LeafGroup[] {
    return this.ranges
      .flatMap(({ firstLeaf, leaves }) => Array.from({ length: leaves }, (_, index) => firstLeaf + index))
      .filter((leaf) => !(this.model.idle && isIdleLeaf(leaf)))
      .map((leaf) => new LeafGroup(this.model, [{ firstLeaf: leaf, leaves: 1 }]));
  }
}

function directionOf(metric: Metric): Direction {
  return metric.name.startsWith('uplink') ? 'uplink' : 'downlink';
}

/** Index of the first element not below `value`, in ascending numbers. */
function firstAtLeast(sorted: Float64Array, value: number): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((sorted[middle] ?? 0) < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
