import { type Interval, toStamp } from '#calendar';
import { Decimal, decimal, isPlainDecimal, plus, Ratio } from '#money';
import {
  type BandwidthEvidence,
  type BandwidthPart,
  coverageText,
  type DecisiveSample,
  type HeldMeasure,
  type UnmeasuredCode,
  type Measured,
  type RankedSamples,
  type UnreportedSamples,
} from './evidence.js';
import { nearest, READING_ERROR } from './approximation.js';
import { chartRanks, chartUnit, inUnit, packChart, type RateChart, slotsPerColumn } from './chart.js';
import { ExactSum } from './exact-sum.js';
import type { ActiveEntity, BandwidthDirection, BandwidthMeasure } from './measure-spec.js';
import { MeteringError } from './metering-error.js';
import { BOTH_WAYS, FATE, fatesOf, type LaneFates, type SampleFates, type Way } from './missing-samples.js';
import { packedValues } from './packed-values.js';
import { nearestRank, slotAtRank } from './rank.js';
import { activeIn, distinct, findSeries, indexOf, rawHashes, type SeriesIndex } from './series.js';
import { type BucketSeries, type EntityRef, GRID_SECONDS, ownedBuckets } from './usage.js';

type SampleKind = RankedSamples['of'];

const WAYS: Readonly<Record<SampleKind, readonly Way[]>> = {
  uplink: ['uplink'],
  downlink: ['downlink'],
  greater: ['uplink', 'downlink'],
  sum: ['uplink', 'downlink'],
};
const RANKED: Readonly<Record<BandwidthDirection, readonly SampleKind[]>> = {
  uplink: ['uplink'],
  downlink: ['downlink'],
  greater_of_percentiles: ['uplink', 'downlink'],
  percentile_of_greater: ['greater'],
  percentile_of_sum: ['sum'],
};
const METHODS = { percentile: 'nearest_rank', average: 'average', minimum: 'minimum', maximum: 'maximum' } as const;
const SLOT = GRID_SECONDS.SLOT;
/** Stands for a sample that can have been anything: above whatever a line carries. */
const BEYOND = '1e30';
const IMPOSSIBLE = new Decimal('1e20');
/** Hours that a message names. */
const HOURS_NAMED = 5;

/**
 * A rate over 5-minute slots, in Mbps, as its samples were reported: ranked or averaged. Samples that are missing are held
 * against the hourly maxima and bytes among `usage`, where there are any: what was lost is held for, never billed as 0.
 */
export function measureBandwidth(
  spec: BandwidthMeasure,
  over: Interval,
  entities: readonly ActiveEntity[],
  usage: readonly BucketSeries[],
): Measured | HeldMeasure {
  const atLeast = shareOf(spec.min_coverage);
  const index = indexOf(usage);
  const active = distinct(entities)
    .map((entity) => activeSite(entity, over))
    .filter((site) => site !== undefined);
  if (active.length === 0) return held('no_entities', 'no site was active, so there is no bandwidth to rank');
  const fates = fatesOf(active, index);
  const letsNoSamples = spec.waived?.has('no_samples') ?? false;
  const sites = active.map((site) => new Site(site, index, { fates, letsNoSamples, raised: false }));

  const pools = poolsOf(spec, sites, over);
  const ways = waysOf(spec.direction);
  const billed =
    silenceHold(sites, ways) ??
    lostHold(spec, sites, ways) ??
    levelOf(spec, spec.direction, pools, atLeast, spec.charts);
  if ('outcome' in billed) return billed;
  const unreported = unreportedOf(sites, ways, fates);
  if (unreported && unreported.unexplained > 0) {
    const raised = active.map((site) => new Site(site, index, { fates, letsNoSamples, raised: true }));
    const most = levelOf(spec, spec.direction, poolsOf(spec, raised, over), atLeast);
    if (!('outcome' in most)) {
      const doubt = doubtHold(spec, sites, ways, billed.quantity, most.quantity);
      if (doubt) return doubt;
      unreported.at_most = most.quantity.compare(Ratio.of(IMPOSSIBLE)) < 0 ? textOf(most.quantity) : null;
    }
  }

  const alternatives = {} as BandwidthEvidence['alternatives'];
  for (const direction of Object.keys(RANKED) as BandwidthDirection[]) {
    const other = lostHold(spec, sites, waysOf(direction)) ?? levelOf(spec, direction, pools, atLeast);
    alternatives[direction] = 'outcome' in other ? null : textOf(other.quantity);
  }
  const count = (key: 'expected' | 'received' | 'proven_idle') =>
    billed.parts.reduce((total, part) => total + part[key], 0);
  return {
    outcome: 'measured',
    quantity: billed.quantity,
    evidence: {
      method: METHODS[spec.aggregation],
      metric: 'bandwidth',
      aggregation: spec.aggregation,
      percentile: spec.aggregation === 'percentile' ? (spec.percentile ?? null) : null,
      direction: spec.direction,
      sites: spec.sites,
      missing: spec.missing,
      min_coverage: spec.min_coverage,
      over: { start: toStamp(over.start), end: toStamp(over.end) },
      grid: 'SLOT',
      entities: sites.length,
      expected: count('expected'),
      received: count('received'),
      proven_idle: count('proven_idle'),
      coverage: coverageText(count('received') + count('proven_idle'), count('expected')),
      unreported,
      raw_sha256: rawHashes(sites.flatMap((site) => ways.flatMap((way) => site.seriesBehind(way)))),
      quantity: {
        numerator: billed.quantity.numerator.toFixed(),
        denominator: billed.quantity.denominator.toFixed(),
      },
      parts: billed.parts,
      alternatives,
    },
  };
}

function waysOf(direction: BandwidthDirection): Way[] {
  return [...new Set(RANKED[direction].flatMap((kind) => WAYS[kind]))];
}

function poolsOf({ sites, missing }: BandwidthMeasure, of: readonly Site[], over: Interval): Pool[] {
  return sites === 'pooled'
    ? [new Pool(of, over, missing, true)]
    : of.map((site) => new Pool([site], over, missing, false));
}

/** A hold that names the hours which lost samples of the billed directions, unless an operator lets that pass. */
function lostHold(spec: BandwidthMeasure, sites: readonly Site[], ways: readonly Way[]): HeldMeasure | undefined {
  if (spec.waived?.has('samples_implausible')) return undefined;
  const lanes = sites.flatMap((site) =>
    ways.flatMap((way) => (site.lane(way)?.isLetPass ? [] : (site.lane(way)?.fates ?? []))),
  );
  const hours = lanes.flatMap(({ lostHours }) => lostHours);
  if (hours.length === 0) return undefined;
  const samples = lanes.reduce((count, lane) => count + countOf(lane, FATE.lost), 0);
  const by = lanes.some((lane) => lane.lostHours.length > 0 && !lane.byMaximum) ? 'bytes' : 'MAX or bytes';
  return held(
    'samples_implausible',
    `${samples} samples are missing in hours whose ${by} show traffic that the samples of the hour do not: ` +
      `they were lost, not idle; ${namedHours(hours)}`,
  );
}

/**
 * A hold for samples of which nothing tells whether they were idle or lost, where that decides the rate: unless hours that
 * are known to be idle lack samples, too. Then the API leaves out what is idle, which explains the others. It explains none
 * where the other direction of the site lacks no sample.
 */
function doubtHold(
  spec: BandwidthMeasure,
  sites: readonly Site[],
  ways: readonly Way[],
  billed: Ratio,
  most: Ratio,
): HeldMeasure | undefined {
  if (spec.waived?.has('samples_implausible') || most.compare(billed) <= 0) return undefined;
  const leavesOutIdle = idleLeftOut(sites);
  const doubted = sites.filter((site) => {
    const isWhole = (way: Way) => (site.lane(way)?.reported ?? 0) > 0 && !site.lane(way)?.fates;
    return !leavesOutIdle || BOTH_WAYS.some(isWhole);
  });
  const lanes = doubted.flatMap((site) => ways.flatMap((way) => site.lane(way)?.fates ?? []));
  const samples = lanes.reduce((count, lane) => count + countOf(lane, FATE.unexplained), 0);
  if (samples === 0) return undefined;
  return held(
    'samples_implausible',
    `${samples} samples are missing in hours with traffic, nothing shows that they were idle, and the rate depends on them; ` +
      namedHours(doubted.flatMap((site) => ways.flatMap((way) => site.hoursOf(way, FATE.unexplained)))),
  );
}

/** Whether the API leaves out idle slots: more of them are missing than were reported as 0. */
function idleLeftOut(sites: readonly Site[]): boolean {
  let balance = 0;
  for (const lane of sites.flatMap((site) => BOTH_WAYS.flatMap((way) => site.lane(way) ?? []))) {
    if (!lane.fates) continue;
    balance += countOf(lane.fates, FATE.idle) + countOf(lane.fates, FATE.quiet);
    for (const double of lane.doubles) if (double === 0) balance -= 1;
  }
  return balance > 0;
}

function namedHours(starts: readonly number[]): string {
  const hours = [...new Set(starts)].sort((a, b) => a - b);
  const named = hours.slice(0, HOURS_NAMED).map((start) => toStamp(start));
  const more = hours.length > named.length ? ` and ${hours.length - named.length} more` : '';
  return `hours: ${named.join(', ')}${more}`;
}

function countOf({ of }: LaneFates, wanted: number): number {
  return of.reduce((count, fate) => (fate === wanted ? count + 1 : count), 0);
}

/** What is known of the missing samples of some directions; null when there are none. */
function unreportedOf(
  sites: readonly Site[],
  ways: readonly Way[],
  { maximum }: SampleFates,
): UnreportedSamples | null {
  const lanes = sites.flatMap((site) => ways.flatMap((way) => site.lane(way)?.fates ?? []));
  if (lanes.length === 0) return null;
  const count = (fate: number) => lanes.reduce((total, lane) => total + countOf(lane, fate), 0);
  const counts = {
    proven_idle: count(FATE.idle),
    quiet: count(FATE.quiet),
    lost: count(FATE.lost),
    unanswered: count(FATE.unanswered),
    unexplained: count(FATE.unexplained),
    uncontrolled: count(FATE.uncontrolled),
  };
  const missing = Object.values(counts).reduce((total, each) => total + each, 0);
  const control = lanes.every(({ byMaximum }) => byMaximum) ? 'hour_maximum' : 'hour_bytes';
  const hours = [...new Set(lanes.flatMap(({ lostHours }) => lostHours))].sort((a, b) => a - b);
  return {
    missing,
    ...counts,
    control: counts.uncontrolled === missing ? null : control,
    whole_hours: { maximum_equal: maximum.equal, maximum_differing: maximum.differing },
    lost_hours: hours.map((start) => toStamp(start)),
    at_most: null,
  };
}

interface Level {
  quantity: Ratio;
  parts: BandwidthPart[];
}

/** What one direction rule gives over all pools; the pools' values add up. Of the first so many there are `charts`. */
function levelOf(
  spec: BandwidthMeasure,
  direction: BandwidthDirection,
  pools: readonly Pool[],
  atLeast: Ratio,
  charts = 0,
): Level | HeldMeasure {
  const level: Level = { quantity: Ratio.ZERO, parts: [] };
  for (const pool of pools) {
    const ranked: Aggregate[] = [];
    for (const kind of RANKED[direction]) {
      const samples = pool.samples(kind);
      if ('outcome' in samples) return samples;
      const aggregate = samples.aggregate(spec, atLeast);
      if ('outcome' in aggregate) return aggregate;
      ranked.push(aggregate);
    }
    const [first, second] = ranked;
    if (!first) throw new MeteringError('bad_measure', `unknown direction ${direction}`);
    const [billed, lesser] = second && second.value.compare(first.value) > 0 ? [second, first] : [first, second];
    const least = lesser && lesser.samples.received < billed.samples.received ? lesser.samples : billed.samples;
    const isDrawn = spec.aggregation === 'percentile' && level.parts.length < charts;
    const chart = isDrawn ? billed.samples.chart(billed.evidence.k ?? 1) : undefined;
    level.quantity = level.quantity.plus(billed.value);
    level.parts.push({
      entity: pool.entity?.ref ?? null,
      name: pool.entity?.name ?? null,
      expected: least.expected,
      received: least.received,
      proven_idle: least.provenIdle,
      unserved: least.unserved,
      coverage: coverageText(least.received + least.provenIdle, least.expected),
      billed: billed.evidence,
      lesser: lesser?.evidence ?? null,
      ...(chart && { chart }),
    });
  }
  return level;
}

/** One direction of one site over the slots of the measured interval. */
interface Lane {
  /** Of each slot, NaN where nothing counts. */
  readonly doubles: Float64Array;
  /** The exact sample of a slot; null where nothing counts. */
  readonly textAt: (slot: number) => string | null;
  /** Slots that were reported. */
  readonly reported: number;
  /** What became of the missing ones; undefined when none is missing. */
  readonly fates: LaneFates | undefined;
  /** Nothing was reported, and an operator lets that pass. */
  readonly isLetPass: boolean;
  /** Whether a missing slot adds 0 and is as good as reported. */
  readonly isIdle: (slot: number) => boolean;
}

interface ActiveSite {
  readonly ref: EntityRef;
  readonly name: string | null;
  /** Start of the first slot of the measured interval. */
  readonly firstStart: number;
  /** 1 where the site is active. */
  readonly active: Uint8Array;
}

/** Undefined for a site that is not active in the interval. */
function activeSite(entity: ActiveEntity, over: Interval): ActiveSite | undefined {
  const { firstStart, count } = ownedBuckets(over, 'SLOT');
  const intervals = activeIn(entity, over);
  if (intervals.length === 0) return undefined;
  const active = new Uint8Array(count);
  for (const interval of intervals) {
    const owned = ownedBuckets(interval, 'SLOT');
    const first = (owned.firstStart - firstStart) / SLOT;
    active.fill(1, first, first + owned.count);
  }
  return { ref: entity.ref, name: entity.name, firstStart, active };
}

class Site {
  readonly ref: EntityRef;
  readonly name: string | null;
  /** 1 where the site is active. */
  readonly active: Uint8Array;
  private readonly lanes = new Map<Way, Lane | undefined>();

  /** @param how.raised takes each sample that is missing unexplained for the highest it can have been */
  constructor(
    private readonly site: ActiveSite,
    private readonly index: SeriesIndex,
    private readonly how: { fates: SampleFates; letsNoSamples: boolean; raised: boolean },
  ) {
    this.ref = site.ref;
    this.name = site.name;
    this.active = site.active;
  }

  /** Undefined when the direction was not delivered at all. */
  lane(way: Way): Lane | undefined {
    if (!this.lanes.has(way)) this.lanes.set(way, this.readLane(way));
    return this.lanes.get(way);
  }

  /** The samples, and what the missing ones among them were held against. */
  seriesBehind(way: Way): BucketSeries[] {
    const controls = this.lane(way)?.fates
      ? [
          findSeries(this.index, this.ref, `${way}_bandwidth_max`, 'HOUR'),
          findSeries(this.index, this.ref, `${way}_bytes`, 'HOUR'),
          findSeries(this.index, this.ref, `${way}_bytes_by_hour`, 'HOUR'),
          findSeries(this.index, this.ref, `${way}_bytes`, 'DAY'),
        ]
      : [];
    return [findSeries(this.index, this.ref, `${way}_bandwidth`, 'SLOT'), ...controls].filter(
      (one) => one !== undefined,
    );
  }

  /** Starts of the hours with a slot of some fate. */
  hoursOf(way: Way, fate: number): number[] {
    const of = this.lane(way)?.fates?.of ?? new Uint8Array();
    const starts = new Set<number>();
    of.forEach((each, slot) => {
      const at = this.site.firstStart + slot * SLOT;
      if (each === fate) starts.add(at - (at % GRID_SECONDS.HOUR));
    });
    return [...starts];
  }

  private readLane(way: Way): Lane | undefined {
    const series = findSeries(this.index, this.ref, `${way}_bandwidth`, 'SLOT');
    if (!series) return undefined;
    const { fates: known, letsNoSamples, raised } = this.how;
    const fates = known.of(this.ref, way);
    const count = this.active.length;
    const offset = (this.site.firstStart - series.firstStart) / SLOT;
    const values = packedValues(series);
    const doubles = new Float64Array(count).fill(NaN);
    const raisedTo = new Map<number, string>();
    let reported = 0;
    for (let slot = 0; slot < count; slot++) {
      const double = values.doubles[slot + offset] ?? NaN;
      if (this.active[slot] === 1 && !Number.isNaN(double)) reported += 1;
      doubles[slot] = double;
      if (raised && fates?.of[slot] === FATE.unexplained) {
        const text = fates.highest(slot) ?? BEYOND;
        raisedTo.set(slot, text);
        doubles[slot] = nearest(text);
      }
    }
    const textAt = (slot: number) => raisedTo.get(slot) ?? values.textAt(slot + offset);
    const isLetPass = letsNoSamples && reported === 0;
    const isIdle = (slot: number) => isLetPass || fates?.of[slot] === FATE.idle;
    return { doubles, textAt, reported, fates, isLetPass, isIdle };
  }
}

/** Sites whose samples are added slot by slot: all of them, or one alone. */
class Pool {
  private readonly known = new Map<SampleKind, Samples | HeldMeasure>();

  constructor(
    private readonly sites: readonly Site[],
    private readonly over: Interval,
    private readonly rule: BandwidthMeasure['missing'],
    private readonly countsUnserved: boolean,
  ) {}

  /** The one site of the pool, when it is not about all of them. */
  get entity(): Site | undefined {
    return this.countsUnserved ? undefined : this.sites[0];
  }

  samples(kind: SampleKind): Samples | HeldMeasure {
    const samples = this.known.get(kind) ?? this.read(kind);
    this.known.set(kind, samples);
    return samples;
  }

  private read(kind: SampleKind): Samples | HeldMeasure {
    for (const way of WAYS[kind]) {
      const without = this.sites.filter((site) => !site.lane(way)).length;
      if (without > 0) {
        return held('usage_missing', `no ${way}_bandwidth samples for ${without} of ${this.sites.length} active sites`);
      }
    }
    return (
      silenceHold(this.sites, WAYS[kind]) ?? new Samples(kind, this.sites, this.over, this.rule, this.countsUnserved)
    );
  }
}

/** A hold for sites that reported nothing. */
function silenceHold(sites: readonly Site[], ways: readonly Way[]): HeldMeasure | undefined {
  for (const way of ways) {
    const silent = sites.filter((site) => isSilent(site, way)).length;
    if (silent === 0) continue;
    const of = `${silent} of ${sites.length} active sites`;
    return held('no_samples', `${of} reported no sample of ${way}_bandwidth, and nothing proves them idle`);
  }
  return undefined;
}

/** Whether a site reported nothing in its active time, which is no answer unless all of it is proven idle. */
function isSilent(site: Site, way: Way): boolean {
  const lane = site.lane(way);
  if (!lane || lane.reported > 0) return false;
  return site.active.some((active, slot) => active === 1 && !lane.isIdle(slot));
}

interface Aggregate {
  value: Ratio;
  evidence: RankedSamples;
  samples: Samples;
}

const UNSERVED = 0;
const RECEIVED = 1;
const IDLE = 2;
const MISSING = 3;
/** Which of the states of a slot's sites is the slot's own, in the order of the states: the strongest. */
const STRENGTH = [0, 1, 2, 3];
const STRENGTH_WHERE_ZERO = [0, 3, 1, 2];

/** The samples of one kind over a pool of sites: what each slot counts, and whether it was reported. */
class Samples {
  readonly expected: number;
  readonly received: number;
  readonly provenIdle: number;
  readonly unserved: number;
  private readonly firstStart: number;
  private readonly state: Uint8Array;
  private readonly approximate: Float64Array;
  private readonly exactByTexts = new Map<string, Decimal>();

  constructor(
    private readonly kind: SampleKind,
    private readonly sites: readonly Site[],
    over: Interval,
    private readonly rule: BandwidthMeasure['missing'],
    private readonly countsUnserved: boolean,
  ) {
    const { firstStart, count } = ownedBuckets(over, 'SLOT');
    this.firstStart = firstStart;
    this.state = new Uint8Array(count);
    this.approximate = new Float64Array(count);
    const [first = this.approximate, second] = WAYS[kind].map((way) => this.addUp(way));
    const counts = [0, 0, 0, 0];
    for (let slot = 0; slot < count; slot++) {
      const state = this.state[slot] ?? UNSERVED;
      counts[state] = (counts[state] ?? 0) + 1;
      if (state === MISSING) continue;
      const one = first[slot] ?? 0;
      const other = second === undefined ? 0 : (second[slot] ?? 0);
      this.approximate[slot] = kind === 'sum' ? one + other : one > other ? one : other;
    }
    const [unserved = 0, received = 0, idle = 0, missing = 0] = counts;
    this.expected = received + idle + missing;
    this.received = received;
    this.provenIdle = idle;
    this.unserved = unserved;
  }

  /**
   * One direction of all sites as doubles. Where a missing sample adds 0, one that was reported makes a slot received and one
   * that was not leaves it missing only where there is no other. Else one that is missing makes it missing.
   */
  private addUp(way: Way): Float64Array {
    const total = new Float64Array(this.state.length);
    const strength = this.rule === 'zero' ? STRENGTH_WHERE_ZERO : STRENGTH;
    for (const site of this.sites) {
      const lane = site.lane(way);
      if (!lane) continue;
      for (let slot = 0; slot < total.length; slot++) {
        if (site.active[slot] !== 1) continue;
        const double = lane.doubles[slot] ?? NaN;
        const reported = !Number.isNaN(double);
        if (reported) total[slot] = (total[slot] ?? 0) + double;
        const state = reported ? RECEIVED : lane.isIdle(slot) ? IDLE : MISSING;
        const known = this.state[slot] ?? UNSERVED;
        if ((strength[state] ?? 0) > (strength[known] ?? 0)) this.state[slot] = state;
      }
    }
    return total;
  }

  /** Applies the plan's missing rule and coverage, then ranks or averages. */
  aggregate(spec: BandwidthMeasure, atLeast: Ratio): Aggregate | HeldMeasure {
    const missing = this.expected - this.received - this.provenIdle;
    const words = this.kind === 'uplink' || this.kind === 'downlink' ? `${this.kind} slots` : 'slots';
    if (spec.missing === 'hold' && missing > 0) {
      const first = toStamp(this.startOf(this.state.indexOf(MISSING)));
      return held(
        'missing_buckets',
        `${missing} of ${this.expected} ${words} are missing and not proven idle, the first at ${first}`,
      );
    }
    const slots = this.counted();
    const present = this.received + this.provenIdle;
    if (slots.length === 0 || (spec.missing === 'exclude' && present === 0)) {
      return held('no_samples', `none of ${this.expected} ${words} was reported, so there is nothing to rank`);
    }
    if (this.expected > 0 && Ratio.of(present, this.expected).compare(atLeast) < 0) {
      const coverage = coverageText(present, this.expected);
      return held(
        'coverage_too_low',
        `${present} of ${this.expected} ${words} were reported (${coverage}), the charge needs ${spec.min_coverage}`,
      );
    }
    return spec.aggregation === 'average' ? this.average(slots) : this.ranked(slots, rankOf(spec, slots.length));
  }

  private average(slots: Int32Array): Aggregate {
    const total = new ExactSum();
    for (const slot of slots) total.add(this.exact(slot).toFixed());
    const value = Ratio.of(total.total(), slots.length);
    return {
      value,
      samples: this,
      evidence: {
        of: this.kind,
        n: slots.length,
        k: null,
        discarded: null,
        value: textOf(value),
        sum: total.total().toFixed(),
        sample: null,
      },
    };
  }

  /** Each double is off by what reading it cost, and each of their sums by half a unit in the last place. */
  private get relativeError(): number {
    return READING_ERROR + (2 * this.sites.length + 2) * Number.EPSILON;
  }

  private ranked(slots: Int32Array, k: number): Aggregate {
    const { relativeError } = this;
    const slot = slotAtRank({ slots, approximate: this.approximate, relativeError, exact: (at) => this.exact(at) }, k);
    const value = this.exact(slot);
    return {
      value: Ratio.of(value),
      samples: this,
      evidence: {
        of: this.kind,
        n: slots.length,
        k,
        discarded: slots.length - k,
        value: value.toFixed(),
        sum: null,
        sample: this.decisive(slot, value),
      },
    };
  }

  /** What a picture of the samples is drawn from, the one at rank `k` among them. */
  chart(k: number): RateChart {
    const slots = this.counted();
    const width = slotsPerColumn(this.state.length);
    const columns = Math.ceil(this.state.length / width);
    const lowest = new Int32Array(columns).fill(-1);
    const highest = new Int32Array(columns).fill(-1);
    const doubles = new Float64Array(slots.length);
    const doubleAt = (slot: number): number => this.approximate[slot] ?? 0;
    let top = slots[0] ?? 0;
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[index] ?? 0;
      const double = doubleAt(slot);
      doubles[index] = double;
      const column = Math.floor(slot / width);
      const [low = -1, high = -1] = [lowest[column], highest[column]];
      if (low < 0 || double < doubleAt(low)) lowest[column] = slot;
      if (high < 0 || double > doubleAt(high)) highest[column] = slot;
      if (double > doubleAt(top)) top = slot;
    }
    doubles.sort();
    const unit = chartUnit(this.exact(top));
    const { relativeError } = this;
    const drawn = (slot: number): number | null =>
      slot < 0 ? null : inUnit(doubleAt(slot), unit, relativeError, () => this.exact(slot));
    const atRank = (rank: number): number => {
      const double = doubles[rank - 1] ?? 0;
      return inUnit(double, unit, relativeError, () =>
        this.exact(slots.find((slot) => doubleAt(slot) === double) ?? 0),
      );
    };
    return {
      unit: unit.exact.toFixed(),
      slots_per_column: width,
      lowest: packChart(Array.from(lowest, drawn)),
      highest: packChart(Array.from(highest, drawn)),
      ranked: packChart(chartRanks(slots.length, k).map(atRank)),
    };
  }

  private counted(): Int32Array {
    const slots = new Int32Array(this.state.length);
    let count = 0;
    for (let slot = 0; slot < this.state.length; slot++) {
      const state = this.state[slot];
      if (state === UNSERVED && !this.countsUnserved) continue;
      if (state === MISSING && this.rule === 'exclude') continue;
      slots[count] = slot;
      count += 1;
    }
    return slots.subarray(0, count);
  }

  private decisive(slot: number, value: Decimal): DecisiveSample {
    const way = (of: Way) => {
      const texts = this.textsOf(of, slot);
      return texts.length > 0 ? addedUp(texts).toFixed() : null;
    };
    return {
      start: toStamp(this.startOf(slot)),
      value: value.toFixed(),
      uplink: way('uplink'),
      downlink: way('downlink'),
      reported: this.state[slot] === RECEIVED,
    };
  }

  private startOf(slot: number): number {
    return this.firstStart + slot * SLOT;
  }

  /** The slot's exact value: the samples that were reported, added. */
  private exact(slot: number): Decimal {
    const [one = 'uplink', other] = WAYS[this.kind];
    const first = this.textsOf(one, slot);
    if (!other) return this.known(first.join('+'), () => addedUp(first));
    const second = this.textsOf(other, slot);
    return this.known(`${first.join('+')} ${second.join('+')}`, () => {
      const [a, b] = [addedUp(first), addedUp(second)];
      return this.kind === 'sum' ? plus(a, b) : Decimal.max(a, b);
    });
  }

  /** The same texts give the same object: a quiet site repeats a few texts all month. */
  private known(texts: string, compute: () => Decimal): Decimal {
    const value = this.exactByTexts.get(texts) ?? compute();
    this.exactByTexts.set(texts, value);
    return value;
  }

  private textsOf(way: Way, slot: number): string[] {
    const texts: string[] = [];
    for (const site of this.sites) {
      const text = site.active[slot] === 1 ? site.lane(way)?.textAt(slot) : undefined;
      if (text !== undefined && text !== null) texts.push(text);
    }
    return texts;
  }
}

function addedUp(texts: readonly string[]): Decimal {
  const total = new ExactSum();
  for (const text of texts) total.add(text);
  return total.total();
}

function rankOf(spec: BandwidthMeasure, n: number): number {
  if (spec.aggregation === 'minimum') return 1;
  if (spec.aggregation === 'maximum') return n;
  return nearestRank(spec.percentile ?? '', n);
}

function shareOf(text: string): Ratio {
  const share = isPlainDecimal(text) ? decimal(text) : new Decimal(-1);
  if (share.isNegative() || share.greaterThan(1)) {
    throw new MeteringError(
      'bad_measure',
      `min_coverage is a share from 0 to 1, not ${JSON.stringify(text.slice(0, 40))}`,
    );
  }
  return Ratio.of(share);
}

function textOf(value: Ratio): string {
  return (value.toExactDecimal() ?? new Decimal(value.toTruncated(12))).toFixed();
}

function held(code: UnmeasuredCode, message: string): HeldMeasure {
  return { outcome: 'held', code, message };
}
