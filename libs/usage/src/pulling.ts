import type { EpochSeconds } from '#calendar';
import { type BillingTask, type Code, distinct, held, type Held, type Notice, toNotice } from '#billing';
import { type Grid, relabelled } from '#metering';
import type { StoredAccess } from '#persistence/catalogue';
import type { PulledSeries, Tally, UsageEvidence } from '#persistence/ledger';
import { sampleControls, type UsagePull } from '#rating';
import { type RawAnswer, ReportApiError } from '#report-client';
import { type Connection, type Connectors, isUnconnected } from './connectors.js';
import { inOrder } from './in-order.js';

export interface Pulled {
  readonly outcome: 'pulled';
  readonly series: readonly PulledSeries[];
  readonly warnings: readonly Notice<Code>[];
  /** Answers that were believed, as they came: evidence if the account is held by what they say together. */
  readonly answers: readonly Answer[];
}

const NOTHING: Tally = { buckets: 0, total: '0' };

type Answer = Omit<UsageEvidence, 'accountId' | 'periodLabel'>;

/** An answer that is worth keeping as it came: one that was not believed, that lacks buckets, or that the seller wants. */
export type KeepAnswer = (answer: Answer) => Promise<void>;

/** Bytes of answers that one account may hold in memory until it is known whether they are evidence. */
const ANSWERS_KEPT_BYTES = 32 * 1_048_576;

/** Pulls of one account under way at the same time, once its first one was answered. */
const PULLS_AT_ONCE = 4;

/** What of the answers to one pull is kept, and who is told of them. */
export interface Pulling {
  /** Absent: no answer is kept, nor handed back in `answers`. */
  readonly keepAnswer?: KeepAnswer | undefined;
  /** Whether answers are kept also when nothing is wrong with them. */
  readonly keepAll?: boolean;
  /** Told how many series are there, after each answer. */
  readonly onPulled?: (series: number) => void;
}

/**
 * Asks the report API for everything the task needs, and nothing more once an answer cannot be billed: the first such one, in
 * the order of the needs, is what the account is held for. Where samples are missing, it asks what those sites did by the
 * hour. Throws only what trying again may cure.
 */
export async function pullUsage(
  task: BillingTask,
  connection: Connection,
  now: EpochSeconds,
  { keepAnswer, keepAll = false, onPulled }: Pulling = {},
): Promise<Pulled | Held> {
  const series: PulledSeries[] = [];
  const warnings: Notice<Code>[] = [];
  const answers: Answer[] = [];
  let answersBytes = 0;
  const ask = (need: UsagePull, signal: AbortSignal) =>
    connection.client
      .fetchUsage({
        account: task.account.value,
        entity: need.entity,
        owned: { start: task.period.start, end: task.period.end },
        now,
        keepRaw: keepAnswer !== undefined,
        signal,
        ...form(need),
      })
      .catch((error: unknown) => {
        if (error instanceof ReportApiError) return error;
        throw error;
      });
  const usage = () => series.map((pulled) => pulled.series);
  const needed = async function* () {
    yield* inOrder(task.needs.pulls, PULLS_AT_ONCE, ask);
    const { period, segments, entities } = task;
    const of = { period, segments, entities, grid: task.needs.grid, usage: usage(), until: now };
    yield* inOrder(sampleControls(of), PULLS_AT_ONCE, ask);
  };
  for await (const [need, answer] of needed()) {
    if (answer instanceof ReportApiError) return unanswered(answer, warnings);
    if ('code' in answer) {
      const { outcome, code, raw, rawBody } = answer;
      if (raw && rawBody) {
        await keepAnswer?.({ ...need, outcome, code, ...hashesOf(raw), body: rawBody });
      }
      return held(code, answer.message, warnings);
    }
    const { outcome, raw } = answer;
    for (const [piece, body] of (raw.bodies ?? []).entries()) {
      const kept: Answer = { ...need, outcome, code: null, ...hashesOf(raw.answers[piece] ?? raw), body };
      if (outcome === 'gaps' || keepAll) {
        await keepAnswer?.(kept);
      } else if (answersBytes + kept.rawBytes <= ANSWERS_KEPT_BYTES) {
        answersBytes += kept.rawBytes;
        answers.push(kept);
      }
    }
    warnings.push(...answer.warnings.map((warning) => toNotice(warning)));
    answer.series.forEach((each, index) => {
      const { fetched = NOTHING, margin = NOTHING } = answer.tallies[index] ?? {};
      series.push({
        // Controls go by names of their own.
        series: relabelled(each, { metric: need.metrics[index] ?? each.metric, rawSha256: raw.sha256 }),
        fetched,
        margin,
        ...hashesOf(raw),
        dialectSha256: connection.dialectSha256,
      });
    });
    onPulled?.(series.length);
  }
  return { outcome: 'pulled', series, warnings: distinct(warnings), answers };
}

/** There was no answer. `client_closed` and `pull_aborted` say that the process that asked was stopped. */
function unanswered(error: ReportApiError, warnings: readonly Notice<Code>[]): Held {
  const hold = held(error.code, `${error.message}; retry when it answers again`, distinct(warnings));
  const passes = error.retryable || error.code === 'client_closed';
  return passes ? { ...hold, passing: { leftAloneSeconds: error.retryAfterSeconds } } : hold;
}

function hashesOf({ sha256, bytes, requestSha256 }: RawAnswer) {
  return { rawSha256: sha256, rawBytes: bytes, requestSha256 };
}

/** What buckets a pull comes in. */
export function gridOf(pull: UsagePull): Grid {
  return form(pull).grid;
}

function form({ family, grid }: UsagePull) {
  switch (family) {
    case 'bandwidth':
      return { family, grid: 'SLOT' } as const;
    case 'bandwidth_max':
      return { family, grid: 'HOUR' } as const;
    default:
      return { family, grid: grid === 'DAY' ? 'DAY' : 'HOUR' } as const;
  }
}

/** The report API as the account is to ask it, or a hold that names the setting without which no answer can be had. */
export async function connected(connectors: Connectors, account: string | StoredAccess): Promise<Connection | Held> {
  try {
    return await connectors.connect(account);
  } catch (error) {
    if (!isUnconnected(error)) throw error;
    return held(error.code, `${error.message}; then retry the account`);
  }
}
