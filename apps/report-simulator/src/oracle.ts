import { nearestRank, rateOf } from './exact-numbers.js';
import type { LeafRange } from './identity.js';
import {
  activeSeconds,
  COEFFICIENTS,
  DAY_CYCLE,
  isIdleLeaf,
  LATE_BYTES,
  LATE_CYCLE,
  LeafGroup,
  WINDOW_SECONDS,
  WINDOWS_PER_DAY,
  type Direction,
} from './traffic.js';

/** Σ of 0…287: each rank comes once a day. */
const SUM_OF_RANKS = 41_328;

/** Consecutive UTC days; `firstDay` counts from 1970-01-01. */
export interface UtcDays {
  firstDay: number;
  days: number;
}

/** What the simulator was started with, as far as usage depends on it. */
export interface OracleModel {
  seed: number;
  /** The `fraction` switch, on by default. */
  fraction?: boolean;
  big?: boolean;
  idle?: boolean;
}

/** Exact totals. Bytes are counted in quarters, the smallest part of a byte that the API reports: see `bytesText`. */
export interface Usage {
  uplinkQuarterBytes: bigint;
  downlinkQuarterBytes: bigint;
  timeUsageSeconds: bigint;
}

/** The `days` UTC days from `date` (YYYY-MM-DD). */
export function utcDays(date: string, days: number): UtcDays {
  return { firstDay: Date.parse(`${date}T00:00:00Z`) / 86_400_000, days };
}

/** Total usage of some leaves over whole UTC days, in closed form: no window is visited. */
export function usageOfDays(range: LeafRange, { firstDay, days }: UtcDays, model: OracleModel): Usage {
  const dayTerms = sum(days, (index) => (firstDay + index) % DAY_CYCLE);
  let leaves = range.leaves;
  let leafTerms = leafTermsBelow(range.firstLeaf + range.leaves) - leafTermsBelow(range.firstLeaf);
  if (model.idle) {
    // Leaves 49, 99, 149 … are idle: take them out of both sums.
    const idle = (end: number) => Math.floor(end / 50);
    const firstIdle = idle(range.firstLeaf);
    const idleLeaves = idle(range.firstLeaf + range.leaves) - firstIdle;
    leaves -= idleLeaves;
    leafTerms -= sum(idleLeaves, (index) => ((firstIdle + index) * 50 + 49) % 1000);
  }
  const quarterBytes = (direction: Direction) => {
    const { base, perLeaf, perRank, perDay } = COEFFICIENTS[direction];
    const windows = BigInt(WINDOWS_PER_DAY * days);
    const bytes =
      windows * (BigInt(base) * BigInt(leaves) + BigInt(perLeaf) * BigInt(leafTerms)) +
      BigInt(leaves) * BigInt(SUM_OF_RANKS * days * perRank + WINDOWS_PER_DAY * perDay * dayTerms);
    // Fractions 0, ¼, ½, ¾ come in turn: 108 bytes a day.
    const fraction = model.fraction === false ? 0n : 432n * BigInt(days) * BigInt(leaves);
    return (4n * bytes + fraction) * (model.big ? 1_000_000n : 1n);
  };
  return {
    uplinkQuarterBytes: quarterBytes('uplink'),
    downlinkQuarterBytes: quarterBytes('downlink'),
    timeUsageSeconds: BigInt(leaves) * BigInt(WINDOWS_PER_DAY * (100 * days + dayTerms)),
  };
}

/**
 * Total usage of some leaves over the windows that start in [startSeconds, endSeconds), by visiting each: for ranges
 * that are not whole UTC days, such as a month of another time zone.
 */
export function usageBetween(range: LeafRange, startSeconds: number, endSeconds: number, model: OracleModel): Usage {
  const { seed, fraction = true, idle = false } = model;
  const group = new LeafGroup({ seed, fraction, idle }, [range]);
  const factor = model.big ? 1_000_000n : 1n;
  const usage = { uplinkQuarterBytes: 0n, downlinkQuarterBytes: 0n, timeUsageSeconds: 0n };
  for (let window = firstWindowFrom(startSeconds); window < firstWindowFrom(endSeconds); window++) {
    usage.uplinkQuarterBytes += BigInt(group.quarterBytes('uplink', window)) * factor;
    usage.downlinkQuarterBytes += BigInt(group.quarterBytes('downlink', window)) * factor;
    usage.timeUsageSeconds += BigInt(activeSeconds(window)) * BigInt(group.leaves);
  }
  return usage;
}

/**
 * The nearest-rank percentile of a leaf's 5-minute windows over whole UTC days, in closed form, for `rate_base` wall.
 * @param percentile in percent, as a decimal: "95" or "99.9"
 * @returns the exact bytes of that window and its rate in Mbps over 300 seconds
 */
export function wallPercentile(
  leaf: number,
  direction: Direction,
  { firstDay, days }: UtcDays,
  percentile: number | string,
  model: OracleModel,
): { quarterBytes: bigint; mbps: number } {
  if (model.idle && isIdleLeaf(leaf)) return { quarterBytes: 0n, mbps: 0 };
  const { base, perLeaf, perRank, perDay } = COEFFICIENTS[direction];
  const place = nearestRank(percentile, 100, WINDOWS_PER_DAY * days) - 1;
  const rank = Math.floor(place / days);
  // Within one rank, the day term alone orders the windows.
  const dayTerms = Array.from({ length: days }, (_, index) => (firstDay + index) % DAY_CYCLE).toSorted((a, b) => a - b);
  const bytes = base + perLeaf * (leaf % 1000) + perRank * rank + perDay * (dayTerms[place % days] ?? 0);
  // K mod 4 = 1 and 37 mod 4 = 1, so a window's place in its cycle of fractions follows from its rank.
  const fraction = model.fraction === false ? 0 : (((rank - leaf - model.seed) % 4) + 4) % 4;
  const quarterBytes = 4 * bytes + fraction;
  const scale = model.big ? 1_000_000 : 1;
  return {
    quarterBytes: BigInt(quarterBytes) * BigInt(scale),
    mbps: rateOf(quarterBytes, WINDOW_SECONDS, scale),
  };
}

/**
 * The same percentile for `rate_base` active, the default: there the divisor changes from day to day, so all windows
 * are sorted. @returns Mbps
 */
export function activePercentile(
  leaf: number,
  direction: Direction,
  { firstDay, days }: UtcDays,
  percentile: number | string,
  model: OracleModel,
): number {
  const { seed, fraction = true, idle = false } = model;
  const group = new LeafGroup({ seed, fraction, idle }, [{ firstLeaf: leaf, leaves: 1 }]);
  if (group.leaves === 0) return 0;
  const rates = Float64Array.from({ length: WINDOWS_PER_DAY * days }, (_, index) => {
    const window = firstDay * WINDOWS_PER_DAY + index;
    return rateOf(group.quarterBytes(direction, window), activeSeconds(window), model.big ? 1_000_000 : 1);
  });
  return rates.sort()[nearestRank(percentile, 100, rates.length) - 1] ?? 0;
}

/**
 * What a `late_correction` fault adds to one leaf in the windows that start in [startSeconds, endSeconds), once six
 * hours have passed: how many windows, and bytes per direction (not enlarged here by the `big` profile).
 */
export function lateCorrection(
  leaf: number,
  startSeconds: number,
  endSeconds: number,
): { windows: number; bytesPerDirection: number } {
  const cyclesBelow = (window: number) => Math.floor((window - 1 - (leaf % LATE_CYCLE)) / LATE_CYCLE);
  const windows = cyclesBelow(firstWindowFrom(endSeconds)) - cyclesBelow(firstWindowFrom(startSeconds));
  return { windows, bytesPerDirection: windows * LATE_BYTES };
}

function firstWindowFrom(seconds: number): number {
  return Math.ceil(seconds / WINDOW_SECONDS);
}

/** Σ (n mod 1000) over leaves n < end. */
function leafTermsBelow(end: number): number {
  const rest = end % 1000;
  return 499_500 * Math.floor(end / 1000) + (rest * (rest - 1)) / 2;
}

function sum(count: number, term: (index: number) => number): number {
  let total = 0;
  for (let index = 0; index < count; index++) total += term(index);
  return total;
}
