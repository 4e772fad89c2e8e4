import { type Interval, toStamp } from '#calendar';
import { Decimal, decimal, decimalFromNumberText, isPlainDecimal, plus, Ratio } from '#money';
import {
  type BandwidthEvidence,
  type BandwidthPart,
  coverageText,
  type DecisiveSample,
  type HeldMeasure,
  type HoldCode,
  type Measured,
  type RankedSamples,
} from './evidence.js';
import { badValue, ExactSum, isReportedValue } from './exact-sum.js';
import type { ActiveEntity, BandwidthDirection, BandwidthMeasure } from './measure-spec.js';
import { MeteringError } from './metering-error.js';
import { nearestRank, slotAtRank } from './rank.js';
import { activeIn, distinct, findSeries, indexOf, rawHashes, type SeriesIndex } from './series.js';
import { type BucketSeries, type EntityRef, GRID_SECONDS, ownedBuckets } from './usage.js';

type Way = 'uplink' | 'downlink';
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
const ZERO = new Decimal(0);

/** A rate over 5-minute slots, in Mbps, as its samples were reported: ranked or averaged. */
export function measureBandwidth(
  spec: BandwidthMeasure,
  over: Interval,
  entities: readonly ActiveEntity[],
  usage: readonly BucketSeries[],
): Measured | HeldMeasure {
  const atLeast = shareOf(spec.min_coverage);
  const index = indexOf(usage);
  const sites = distinct(entities)
    .map((entity) => new Site(entity, over, index, spec.missing === 'hold'))
    .filter((site) => site.isActive);
  if (sites.length === 0) return held('no_entities', 'no site was active, so there is no bandwidth to rank');

  const pools =
    spec.sites === 'pooled' ? [new Pool(sites, over, true)] : sites.map((site) => new Pool([site], over, false));
  const billed = levelOf(spec, spec.direction, pools, atLeast);
  if ('outcome' in billed) return billed;

  const alternatives = {} as BandwidthEvidence['alternatives'];
  for (const direction of Object.keys(RANKED) as BandwidthDirection[]) {
    const other = levelOf(spec, direction, pools, atLeast);
    alternatives[direction] = 'outcome' in other ? null : textOf(other.quantity);
  }
  const count = (key: 'expected' | 'received' | 'proven_idle') =>
    billed.parts.reduce((total, part) => total + part[key], 0);
  const ways = [...new Set(RANKED[spec.direction].flatMap((kind) => WAYS[kind]))];
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
      coverage: coverageText(count('received'), count('expected')),
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

interface Level {
  quantity: Ratio;
  parts: BandwidthPart[];
}

/** What one direction rule gives over all pools; the pools' values add up. */
function levelOf(
  spec: BandwidthMeasure,
  direction: BandwidthDirection,
  pools: readonly Pool[],
  atLeast: Ratio,
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
    level.quantity = level.quantity.plus(billed.value);
    level.parts.push({
      entity: pool.entity?.ref ?? null,
      name: pool.entity?.name ?? null,
      expected: least.expected,
      received: least.received,
      proven_idle: least.provenIdle,
      unserved: least.unserved,
      coverage: coverageText(least.received, least.expected),
      billed: billed.evidence,
      lesser: lesser?.evidence ?? null,
    });
  }
  return level;
}

/** One direction of one site over the slots of the measured interval. */
interface Lane {
  readonly texts: readonly (string | null)[];
  readonly doubles: Float64Array;
  /** Slots that were not reported but whose hour is proven to have had no bytes. */
  readonly idle: (slot: number) => boolean;
}

class Site {
  readonly ref: EntityRef;
  readonly name: string | null;
  /** 1 where the site is active. */
  readonly active: Uint8Array;
  readonly isActive: boolean;
  private readonly lanes = new Map<Way, Lane | undefined>();

  constructor(
    entity: ActiveEntity,
    private readonly over: Interval,
    private readonly index: SeriesIndex,
    private readonly provesIdle: boolean,
  ) {
    const { firstStart, count } = ownedBuckets(over, 'SLOT');
    this.ref = entity.ref;
    this.name = entity.name;
    this.active = new Uint8Array(count);
    const intervals = activeIn(entity, over);
    for (const interval of intervals) {
      const owned = ownedBuckets(interval, 'SLOT');
      const first = (owned.firstStart - firstStart) / SLOT;
      this.active.fill(1, first, first + owned.count);
    }
    this.isActive = intervals.length > 0;
  }

  /** Undefined when the direction was not delivered at all. */
  lane(way: Way): Lane | undefined {
    if (!this.lanes.has(way)) this.lanes.set(way, this.readLane(way));
    return this.lanes.get(way);
  }

  seriesBehind(way: Way): BucketSeries[] {
    const hours = this.provesIdle ? findSeries(this.index, this.ref, `${way}_bytes`, 'HOUR') : undefined;
    return [findSeries(this.index, this.ref, `${way}_bandwidth`, 'SLOT'), hours].filter((one) => one !== undefined);
  }

  private readLane(way: Way): Lane | undefined {
    const series = findSeries(this.index, this.ref, `${way}_bandwidth`, 'SLOT');
    if (!series) return undefined;
    const hours = this.provesIdle ? findSeries(this.index, this.ref, `${way}_bytes`, 'HOUR') : undefined;
    const { firstStart, count } = ownedBuckets(this.over, 'SLOT');
    const offset = (firstStart - series.firstStart) / SLOT;
    const texts: (string | null)[] = [];
    const doubles = new Float64Array(count);
    for (let slot = 0; slot < count; slot++) {
      const text = series.values[slot + offset] ?? null;
      texts.push(text);
      if (text !== null) doubles[slot] = approximate(text);
    }
    const idle = (slot: number) => {
      if (!hours) return false;
      const hour = Math.floor((firstStart + slot * SLOT) / GRID_SECONDS.HOUR) * GRID_SECONDS.HOUR;
      const bytes = hours.values[(hour - hours.firstStart) / GRID_SECONDS.HOUR] ?? null;
      return bytes !== null && decimalFromNumberText(bytes).isZero();
    };
    return { texts, doubles, idle };
  }
}

/** Sites whose samples are added slot by slot: all of them, or one alone. */
class Pool {
  private readonly known = new Map<SampleKind, Samples | HeldMeasure>();

  constructor(
    private readonly sites: readonly Site[],
    private readonly over: Interval,
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
    return new Samples(kind, this.sites, this.over, this.countsUnserved);
  }
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
    private readonly countsUnserved: boolean,
  ) {
    const { firstStart, count } = ownedBuckets(over, 'SLOT');
    this.firstStart = firstStart;
    this.state = new Uint8Array(count);
    this.approximate = new Float64Array(count);
    const added = WAYS[kind].map((way) => this.addUp(way));
    const [first, second] = added;
    const counts = [0, 0, 0, 0];
    for (let slot = 0; slot < count; slot++) {
      const state = this.state[slot] ?? UNSERVED;
      counts[state] = (counts[state] ?? 0) + 1;
      if (state === MISSING) continue;
      const [a, b] = [first?.[slot] ?? 0, second?.[slot] ?? 0];
      this.approximate[slot] = kind === 'sum' ? a + b : Math.max(a, b);
    }
    const [unserved = 0, received = 0, idle = 0, missing = 0] = counts;
    this.expected = received + idle + missing;
    this.received = received;
    this.provenIdle = idle;
    this.unserved = unserved;
  }

  /** One direction of all sites as doubles. One missing site or direction makes a slot missing, else one idle makes it idle. */
  private addUp(way: Way): Float64Array {
    const total = new Float64Array(this.state.length);
    for (const site of this.sites) {
      const lane = site.lane(way);
      if (!lane) continue;
      for (let slot = 0; slot < total.length; slot++) {
        if (site.active[slot] !== 1) continue;
        const reported = lane.texts[slot] !== null;
        if (reported) total[slot] = (total[slot] ?? 0) + (lane.doubles[slot] ?? 0);
        const state = reported ? RECEIVED : lane.idle(slot) ? IDLE : MISSING;
        if (state > (this.state[slot] ?? UNSERVED)) this.state[slot] = state;
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
    const slots = this.counted(spec.missing);
    if (slots.length === 0 || (spec.missing === 'exclude' && this.received === 0)) {
      return held('no_samples', `none of ${this.expected} ${words} was reported, so there is nothing to rank`);
    }
    if (this.expected > 0 && Ratio.of(this.received, this.expected).compare(atLeast) < 0) {
      const coverage = coverageText(this.received, this.expected);
      return held(
        'coverage_too_low',
        `${this.received} of ${this.expected} ${words} were reported (${coverage}), the charge needs ${spec.min_coverage}`,
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

  private ranked(slots: Int32Array, k: number): Aggregate {
    // Each of m doubles added is off by half a unit in the last place, and so is each of their sums.
    const relativeError = (2 * this.sites.length + 2) * Number.EPSILON;
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

  private counted(missing: BandwidthMeasure['missing']): Int32Array {
    const slots = new Int32Array(this.state.length);
    let count = 0;
    for (let slot = 0; slot < this.state.length; slot++) {
      const state = this.state[slot];
      if (state === UNSERVED && !this.countsUnserved) continue;
      if (state === MISSING && missing === 'exclude') continue;
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

  /** The slot's exact value. A missing slot counts 0 whole, also when some of its sites reported. */
  private exact(slot: number): Decimal {
    if (this.state[slot] === MISSING) return ZERO;
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
      const text = site.active[slot] === 1 ? site.lane(way)?.texts[slot] : undefined;
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

/** The double nearest to a sample, for narrowing a search only. Throws `bad_value`. */
function approximate(text: string): number {
  if (!isReportedValue(text)) throw badValue(text);
  // eslint-disable-next-line no-restricted-syntax -- Pre-sorts samples; whatever is near the rank is compared exactly.
  return Number(text);
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

function held(code: HoldCode, message: string): HeldMeasure {
  return { outcome: 'held', code, message };
}
