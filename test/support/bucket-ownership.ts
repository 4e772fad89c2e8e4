import fc from 'fast-check';
import { expect } from '@jest/globals';
import { addDays, type Interval, startOfDay } from '#calendar';
import { type BucketSeries, type EntityRef, type Grid, GRID_SECONDS, ownedBuckets } from '#metering';
import {
  createReportClient,
  DIALECTS,
  type ReportClient,
  type ReportTransport,
  SealedKey,
  type UsageRequest,
} from '#report-client';

/**
 * Random bucket sets, zones, periods, chunkings, label conventions and edges, answered by an API that is written down here
 * in a few lines: whatever they are, consecutive periods own each bucket exactly once. The real client asks, cuts and
 * reads; only the wire is missing.
 */
export const ZONES = ['Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/New_York'] as const;
const ACCOUNT: EntityRef = { dimension: 'account', value: '62c40843c7a1909709112345' };
const LATER = 4_102_444_800;

interface World {
  readonly label: 'start' | 'end';
  readonly edge: 'r_inclusive' | 'half_open' | 'open_closed';
  readonly merged: boolean;
  /** Shuffles the items. */
  readonly order: number;
}

/** What a bucket holds: its own number, so that a sum or a shift shows which buckets went into it. */
const valueOf = (start: number, width: number) => start / width;

/** The cases ask for few moments again and again. */
const stamps = new Map<number, string>();
function stamp(seconds: number): string {
  const known = stamps.get(seconds) ?? new Date(seconds * 1_000).toISOString().replace('.000Z', '+00:00');
  stamps.set(seconds, known);
  return known;
}

/** An API that answers every grid point of a range by its edge rule, each labelled as it labels. */
function apiOf(world: World): ReportTransport {
  const send = async ({ body }: { body: string }) => {
    const asked = JSON.parse(body) as { start_date_time: string; end_date_time: string; granularity?: 'HOUR' | 'DAY' };
    const width = GRID_SECONDS[asked.granularity ?? 'SLOT'];
    const [from, to] = [Date.parse(asked.start_date_time) / 1_000, Date.parse(asked.end_date_time) / 1_000];
    const labels: number[] = [];
    for (let at = Math.floor(from / width) * width; at <= Math.ceil(to / width) * width; at += width) labels.push(at);
    if (world.edge === 'half_open') labels.pop();
    if (world.edge === 'open_closed') labels.shift();
    const kind = asked.granularity ? ',"aggregation_type":"COUNT"' : '';
    const [up, down] = asked.granularity
      ? ['uplink_bytes', 'downlink_bytes']
      : ['uplink_bandwidth', 'downlink_bandwidth'];
    const series = [up, down].map((name, direction) =>
      labels.map((label) => {
        const start = world.label === 'end' ? label - width : label;
        const value = valueOf(start, width) / (asked.granularity ? 1 : 1e6) + direction * 0.5;
        return `{"time_stamp":"${stamp(label)}","name":"${name}","value":${value}${kind}}`;
      }),
    );
    const turned = series.map((items) => [
      ...items.slice(world.order % items.length),
      ...items.slice(0, world.order % items.length),
    ]);
    const result = world.merged
      ? `[[${turned.flat().join()}]]`
      : `[${turned.map((items) => `[${items.join()}]`).join()}]`;
    const answer = Buffer.from(`{"result":${result},"account_id":"${ACCOUNT.value}"}`);
    return { status: 200, headers: { 'content-type': 'application/json' }, body: answer, sha256: 'not looked at' };
  };
  return { send, close: async () => undefined } as unknown as ReportTransport;
}

/** Local days near which clocks change in one of the zones, and days like any other. */
const FIRST_DAYS = [
  '2026-03-07',
  '2026-03-08',
  '2026-04-04',
  '2026-10-03',
  '2026-10-04',
  '2026-10-31',
  '2026-11-01',
  '2026-06-15',
  '2026-12-31',
];

const GRIDS: readonly Grid[] = ['HOUR', 'DAY', 'SLOT'];
/** Seconds of the smallest period; its multiples lie anywhere between buckets. */
const PIECE = { HOUR: 7_100, SLOT: 1_300 } as const;

/** Consecutive periods from a local midnight: whole local days for days, pieces of any length for hours and slots. */
function periodsOf(zone: string, grid: Grid, first: string, lengths: readonly number[]): Interval[] {
  let start = startOfDay(first, zone);
  let day = first;
  return lengths.map((length) => {
    day = addDays(day, length);
    const period = { start, end: grid === 'DAY' ? startOfDay(day, zone) : start + length * PIECE[grid] };
    start = period.end;
    return period;
  });
}

const caseOf = fc.record({
  zone: fc.constantFrom(...ZONES),
  grid: fc.constantFrom(...GRIDS),
  first: fc.constantFrom(...FIRST_DAYS),
  lengths: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
  chunkDays: fc.integer({ min: 1, max: 5 }),
  label: fc.constantFrom('start', 'end'),
  edge: fc.constantFrom('r_inclusive', 'half_open', 'open_closed'),
  merged: fc.boolean(),
  order: fc.nat({ max: 1_000 }),
});

/** The world of the case at hand; clients differ by dialect only, and are kept. */
const world: World = { label: 'start', edge: 'r_inclusive', merged: false, order: 0 };
const clients = new Map<string, ReportClient>();
function clientOf(label: World['label'], chunkDays: number): ReportClient {
  const key = `${label} ${chunkDays}`;
  const client =
    clients.get(key) ??
    createReportClient({
      baseUrl: 'http://api',
      apiKey: new SealedKey('k'),
      dialect: DIALECTS.speak({ label, chunk_days: { DAY: chunkDays, HOUR: chunkDays, SLOT: chunkDays } }),
      transport: apiOf(world),
    });
  clients.set(key, client);
  return client;
}

/** Thousands of buckets in each of many cases are too many for `expect`. */
function insist(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Tries that every bucket is owned exactly once, in so many random cases. */
export async function everyBucketIsOwnedOnce(cases: number): Promise<void> {
  const seen = { cases: 0, buckets: 0, chunked: 0, uneven: 0 };
  const property = fc.asyncProperty(caseOf, async ({ zone, grid, first, lengths, chunkDays, label, ...edges }) => {
    Object.assign(world, edges, { label });
    const client = clientOf(label as World['label'], chunkDays);
    const periods = periodsOf(zone, grid, first, lengths);
    const width = GRID_SECONDS[grid];
    const family = grid === 'SLOT' ? 'bandwidth' : 'bytes';
    const owned: number[] = [];
    for (const period of periods) {
      const request = {
        account: ACCOUNT.value,
        entity: ACCOUNT,
        family,
        grid,
        owned: period,
        now: LATER,
      } as UsageRequest;
      const answer = await client.fetchUsage(request);
      if (!('series' in answer)) throw new Error(`${answer.code}: ${answer.message}`);
      const [up, down] = answer.series as [BucketSeries, BucketSeries];
      insist(
        answer.outcome === 'complete' && up.values.length === ownedBuckets(period, grid).count,
        'a bucket is missing',
      );
      up.values.forEach((text, position) => {
        const start = up.firstStart + position * width;
        // Its own bucket, in both directions, and one that starts in the period.
        const value = valueOf(start, width) / (grid === 'SLOT' ? 1e6 : 1);
        insist(
          text === String(value) && down.values[position] === String(value + 0.5),
          `bucket ${start} holds another's value`,
        );
        insist(start >= period.start && start < period.end, `bucket ${start} is another period's`);
        owned.push(start);
      });
      // What was fetched is what is owned and a margin, counted apart.
      const [tally] = answer.tallies;
      const balance = (tally?.fetched.buckets ?? 0) - (tally?.margin.buckets ?? 0);
      insist(balance === up.values.length, 'owned is not fetched without margin');
      if (answer.requests > 1) seen.chunked += 1;
      if (period.start % width !== 0) seen.uneven += 1;
    }
    // Σ over the periods is the whole: nothing lost between them, nothing twice.
    const whole = { start: periods[0]?.start ?? 0, end: periods.at(-1)?.end ?? 0 };
    const { firstStart, count } = ownedBuckets(whole, grid);
    insist(owned.length === count, 'a bucket is lost or double between periods');
    insist(
      owned.every((start, position) => start === firstStart + position * width),
      'a bucket is lost, another double',
    );
    seen.cases += 1;
    seen.buckets += count;
  });
  await fc.assert(property, { numRuns: cases });
  expect(seen.cases).toBe(cases);
  expect(seen.chunked).toBeGreaterThan(cases / 20);
  expect(seen.uneven).toBeGreaterThan(cases / 10);
  expect(seen.buckets).toBeGreaterThan(cases * 5);
}
