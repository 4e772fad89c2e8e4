import { createHash } from 'node:crypto';
import type { EpochSeconds, Interval } from '#calendar';
import { type Grid, GRID_SECONDS, ownedBuckets, PackedValues } from '#metering';
import { addedTallies, intoBuckets, type SeriesTally } from './buckets.js';
import type { Question, SeriesAsked, SpokenDialect } from './dialect.js';
import { type Asking, exchange, type Line, type ReportLogEntry } from './exchange.js';
import type { PullWarning, RawAnswer, RawAnswers, Refusal } from './refusal.js';

/** Buckets of one request that a server took after it had refused more: by address, path and grid. */
export type RangesTaken = Map<string, number>;

/** What a pull asks for: all buckets of a grid that an interval owns. */
export interface Wanted extends Asking {
  readonly series: readonly SeriesAsked[];
  readonly grid: Grid;
  readonly owned: Interval;
  readonly now: EpochSeconds;
  /** Subscribers behind the entity, where known. */
  readonly subscribers?: number;
}

export interface PulledBuckets {
  readonly values: readonly PackedValues[];
  readonly tallies: readonly SeriesTally[];
  readonly warnings: readonly PullWarning[];
  readonly raw: RawAnswers & { readonly bodies: readonly Buffer[] };
  readonly requests: number;
}

const DAY_SECONDS = GRID_SECONDS.DAY;

/**
 * All buckets that an interval owns, asked for in pieces that the dialect allows, each with a margin of a bucket on both
 * sides. A server that takes no such piece is asked for half of it, and so on down to a day.
 *
 * @throws ReportApiError when there is no answer
 */
export async function pullRanges(
  line: Line,
  dialect: SpokenDialect,
  wanted: Wanted,
  { rangesTaken, log }: { rangesTaken: RangesTaken; log: (entry: ReportLogEntry) => void },
): Promise<PulledBuckets | Refusal> {
  const { grid, now, account, entity, series } = wanted;
  const width = GRID_SECONDS[grid];
  const { firstStart, count } = ownedBuckets(wanted.owned, grid);
  const rangeKey = `${line.origin}${line.path} ${grid}`;
  const most = Math.floor((dialect.longestRangeDays[grid] * DAY_SECONDS) / width);
  const perDay = DAY_SECONDS / width;
  let perRequest = Math.min(most, rangesTaken.get(rangeKey) ?? most);
  let refusedMore = false;
  const values: PackedValues[][] = series.map(() => []);
  const tallies: SeriesTally[][] = series.map(() => []);
  const warnings = new Map<string, PullWarning>();
  const answers: RawAnswer[] = [];
  const bodies: Buffer[] = [];
  const subscribers = wanted.subscribers ?? (['msisdn', 'imsi'].includes(entity.dimension) ? 1 : undefined);
  let requests = 0;
  for (let from = 0, pieces = 0; from < count; from += pieces) {
    pieces = Math.min(perRequest, count - from);
    const start = firstStart + from * width;
    // Nothing has happened there yet, and an API may refuse to be asked.
    if (start >= now) {
      for (const each of values) each.push(PackedValues.gaps(pieces));
      continue;
    }
    const ask = (asked: Interval) => {
      const question: Question = { account, entity, series, of: { grid, range: asked } };
      const expected = { series, grid, asked, dialect, firstStart: start, count: pieces, subscribers };
      return exchange(line, dialect, wanted, {
        write: () => dialect.request(question),
        read: (body) => intoBuckets(dialect.read(body, question), expected),
        log,
      });
    };
    const asked = withMargin({ start, end: start + pieces * width }, { width, now, label: dialect.traits.label });
    let exchanged = await ask(asked);
    requests += exchanged.requests;
    // Some refuse a range that has not ended; what has ended of it is better than nothing.
    const ended = Math.floor(now / width) * width;
    if (exchanged.refusal?.code === 'unexpected_status' && ended > start && asked.end > ended) {
      exchanged = await ask({ start: asked.start, end: ended });
      requests += exchanged.requests;
    }
    if (exchanged.refusal && isAboutRange(exchanged.refusal) && pieces > perDay) {
      // No limit is documented, so a long range that is refused is asked for in halves of whole days.
      perRequest = Math.ceil(pieces / perDay / 2) * perDay;
      pieces = 0;
      refusedMore = true;
      continue;
    }
    if (exchanged.refusal)
      return { ...exchanged.refusal, ...(refusedMore && alsoForDays(exchanged.refusal)), requests };
    if (refusedMore) rangesTaken.set(rangeKey, perRequest);
    exchanged.read.values.forEach((piece, position) => values[position]?.push(piece));
    exchanged.read.tallies.forEach((piece, position) => tallies[position]?.push(piece));
    for (const warning of exchanged.read.warnings) warnings.set(`${warning.code} ${warning.message}`, warning);
    answers.push(exchanged.raw);
    bodies.push(exchanged.body);
  }
  return {
    values: values.map((each) => PackedValues.joined(each)),
    tallies: tallies.map(addedTallies),
    warnings: [...warnings.values()],
    raw: { ...together(answers), answers, bodies },
    requests,
  };
}

/**
 * The range to ask for: a bucket more on both sides. What follows an interval that has just ended is left out unless its
 * bucket has ended too: there, labels that are all a bucket late would go unnoticed. A label that is the end of its bucket
 * stands on the far edge itself, which not every server counts in.
 */
function withMargin(
  { start, end }: Interval,
  { width, now, label }: { width: number; now: EpochSeconds; label: 'start' | 'end' },
): Interval {
  const hasJustEnded = label === 'start' && end <= now && now < end + width;
  return { start: start - width, end: hasJustEnded ? end : end + width };
}

/** Statuses with which a server may refuse a range that is too long for it. */
const RANGE_STATUSES: ReadonlySet<number | undefined> = new Set([400, 413, 414, 416, 422]);

function isAboutRange({ code, status }: Refusal): boolean {
  return code === 'unexpected_status' && RANGE_STATUSES.has(status);
}

function alsoForDays({ message }: Refusal): Pick<Refusal, 'message'> {
  return {
    message: `${message}, also for a range of one day; shorter ranges in the settings of the dialect cannot cure that`,
  };
}

function together(answers: readonly RawAnswer[]): RawAnswer {
  const [only] = answers;
  if (only !== undefined && answers.length === 1) return only;
  const ofLines = (hashes: readonly string[]) => {
    const hash = createHash('sha256');
    for (const line of hashes) hash.update(`${line}\n`);
    return hash.digest('hex');
  };
  return {
    sha256: ofLines(answers.map((answer) => answer.sha256)),
    bytes: answers.reduce((total, { bytes }) => total + bytes, 0),
    requestSha256: ofLines(answers.map((answer) => answer.requestSha256)),
  };
}
