import type { LeafRange } from './identity.js';

/** Usage is made in windows of 5 minutes, numbered by unix seconds div 300. */
export const WINDOW_SECONDS = 300;
export const WINDOWS_PER_DAY = 288;
/** A month is 28 to 31 days, so 97 (prime) keeps every day of a month, and both its neighbours, different. */
export const DAY_CYCLE = 97;

export type Direction = 'uplink' | 'downlink';

/** What decides how much traffic a leaf has. All off, seed 0, is the plainest fleet. */
export interface TrafficModel {
  seed: number;
  /** Adds (window mod 4) / 4 byte to every window, so that byte counts are fractional as upstream. */
  fraction: boolean;
  /** Every leaf with number mod 50 = 49 has no traffic. */
  idle: boolean;
}

/**
 * bytes of leaf n in window w = base + perLeaf·(n mod 1000) + perRank·r + perDay·(day mod 97) + fraction. The largest
 * day term with fraction stays below one rank, so r alone orders the windows of a leaf.
 */
export const COEFFICIENTS = {
  uplink: { base: 50_000, perLeaf: 10, perRank: 200, perDay: 2 },
  downlink: { base: 1_000_000, perLeaf: 100, perRank: 4_000, perDay: 40 },
} as const;

const RANK_PER_LEAF = 37;
/** Late correction: window w of leaf n gains these bytes in each direction when w mod 1009 = n mod 1009. */
export const LATE_CYCLE = 1009;
export const LATE_BYTES = 4096;
/** A late correction shows once the clock has passed the window's end by this much. */
export const LATE_AFTER_SECONDS = 6 * 3600;

export const isIdleLeaf = (leaf: number) => leaf % 50 === 49;

/** Factor K of the rank permutation: the (seed mod 48)-th, from 0, of the k < 288 with k mod 4 = 1 and no factor 3. */
export function rankPerWindow(seed: number): number {
  const factors = [];
  for (let k = 1; k < WINDOWS_PER_DAY; k += 4) if (k % 3 !== 0) factors.push(k);
  return factors[seed % factors.length] ?? 1;
}

/** Seconds with traffic in a window: 100 to 196, the same for every leaf of a UTC day. */
export function activeSeconds(window: number): number {
  return 100 + (Math.floor(window / WINDOWS_PER_DAY) % DAY_CYCLE);
}

/**
 * A selection of leaves, digested once so that a window's sum costs at most 288 steps however many leaves there are:
 * leaves whose 37·n agree modulo 288 have the same rank in every window.
 */
export class LeafGroup {
  /** Leaves that have traffic. */
  readonly leaves: number;
  private readonly sumOfLeafTerms: number;
  private readonly phases: number[] = [];
  private readonly leavesPerPhase: number[] = [];
  private readonly leavesPerLateResidue = new Map<number, number>();
  private readonly rankPerWindow: number;

  constructor(
    private readonly model: TrafficModel,
    ranges: readonly LeafRange[],
  ) {
    this.rankPerWindow = rankPerWindow(model.seed);
    const perPhase = new Map<number, number>();
    let leaves = 0;
    let sumOfLeafTerms = 0;
    for (const range of ranges) {
      for (let leaf = range.firstLeaf; leaf < range.firstLeaf + range.leaves; leaf++) {
        if (model.idle && isIdleLeaf(leaf)) continue;
        leaves += 1;
        sumOfLeafTerms += leaf % 1000;
        const phase = (RANK_PER_LEAF * leaf + model.seed) % WINDOWS_PER_DAY;
        perPhase.set(phase, (perPhase.get(phase) ?? 0) + 1);
        const residue = leaf % LATE_CYCLE;
        this.leavesPerLateResidue.set(residue, (this.leavesPerLateResidue.get(residue) ?? 0) + 1);
      }
    }
    this.leaves = leaves;
    this.sumOfLeafTerms = sumOfLeafTerms;
    for (const [phase, count] of perPhase) {
      this.phases.push(phase);
      this.leavesPerPhase.push(count);
    }
  }

  /** Σ bytes × 4 of the group in one window: whole, and exact up to about a billion leaves. */
  quarterBytes(direction: Direction, window: number): number {
    const { base, perLeaf, perRank, perDay } = COEFFICIENTS[direction];
    const start = (this.rankPerWindow * window) % WINDOWS_PER_DAY;
    let ranks = 0;
    for (let index = 0; index < this.phases.length; index++) {
      const rank = start + (this.phases[index] ?? 0);
      ranks += (rank < WINDOWS_PER_DAY ? rank : rank - WINDOWS_PER_DAY) * (this.leavesPerPhase[index] ?? 0);
    }
    const dayTerm = perDay * (Math.floor(window / WINDOWS_PER_DAY) % DAY_CYCLE);
    const bytes = this.leaves * (base + dayTerm) + perLeaf * this.sumOfLeafTerms + perRank * ranks;
    return 4 * bytes + (this.model.fraction ? this.leaves * (window % 4) : 0);
  }

  /** Quarter bytes that a late correction adds, per direction, to the group's window. */
  lateQuarterBytes(window: number): number {
    return 4 * LATE_BYTES * (this.leavesPerLateResidue.get(window % LATE_CYCLE) ?? 0);
  }
}
