import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isBandwidth, type Filter, type Metric, type Query } from './request.js';
import { ReportSimulatorError } from './simulator-error.js';

/** Every fault that a plan may name, in the order of an answer's way: refused, sent, written, addressed, labelled, counted. */
export const FAULT_KINDS = [
  // refused before an answer exists
  'unauthorized_401',
  'forbidden_403',
  'rate_limited_429',
  'error_500',
  'bad_gateway_502',
  'unavailable_503',
  'timeout_504',
  // the answer is right and the way is bad
  'slow_first_byte',
  'drip',
  'reset_mid_body',
  'bad_gzip',
  // the text is damaged
  'truncated_json',
  'trailing_brace',
  'duplicate_json_keys',
  'message_200',
  'csv_body',
  // the answer to another request
  'wrong_account',
  'wrong_site',
  'wrong_subscriber',
  'echo_dropped',
  'answer_of_another_request',
  // labels
  'missing_bucket',
  'tail_cut',
  'duplicate_bucket_same',
  'duplicate_bucket_other',
  'bucket_out_of_range',
  'bucket_off_grid',
  'labels_shifted_forward',
  'labels_shifted_back',
  // values
  'value_nan',
  'value_infinity',
  'value_null',
  'value_negative',
  'value_string',
  'value_1e300',
  'rates_x1000',
  'bytes_x8',
  'late_correction',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

const ruleSchema = z.strictObject({
  fault: z.enum(FAULT_KINDS),
  match: z
    .strictObject({
      /** `account_id` of the request's filter. */
      account: z.string().optional(),
      /** `customer_site_id` of the request's filter. */
      site: z.string().optional(),
      /** Name of a metric that the request asks for. */
      metric: z.string().optional(),
      /** Only the n-th request, from 1, of those that match the members above. */
      ordinal: z.int().min(1).optional(),
      /** Only each k-th of them. */
      every: z.int().min(1).optional(),
      /** With this probability, drawn from the seed, the rule and the request: a repeated request draws again. */
      probability: z.number().min(0).max(1).optional(),
    })
    .default({}),
  /** How often the rule fires at most. */
  times: z.int().min(0).optional(),
  /** How `rate_limited_429` says when to come back. */
  retry_after: z.enum(['seconds', 'http_date', 'absent']).default('seconds'),
  retry_after_s: z.int().min(0).default(1),
  /** Wait of `slow_first_byte` before the first byte, and of `drip` in all. */
  delay_ms: z.int().min(0).default(1000),
  /** Share of the items that `tail_cut` leaves. */
  keep: z.number().min(0).max(1).default(0.75),
});

/** One line of the fault plan as it is handed in. */
export type FaultRule = z.input<typeof ruleSchema>;
/** The same with its defaults. */
export type Fault = z.output<typeof ruleSchema>;

/** What the plan says about one request. */
export interface Verdict {
  /** Usage carries its late corrections; goes with any other fault. */
  late: boolean;
  fault?: Fault;
  /** A draw of its own for this fault on this request, uniform in [0, 1), for what the fault picks. */
  draw: number;
}

interface RuleState {
  rule: Fault;
  seen: number;
  fired: number;
  attempts: Map<string, number>;
}

/** An ordered list of rules: of those that fire on a request the first decides, late corrections aside. */
export class FaultPlan {
  private readonly states: RuleState[];

  /** @throws ReportSimulatorError `bad_faults` naming the rule and member that cannot be */
  constructor(
    private readonly seed: number,
    rules: unknown,
  ) {
    const parsed = z.array(ruleSchema).safeParse(rules);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new ReportSimulatorError('bad_faults', `fault ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
    }
    this.states = parsed.data.map((rule) => ({ rule, seen: 0, fired: 0, attempts: new Map() }));
  }

  get rules(): Fault[] {
    return this.states.map(({ rule }) => rule);
  }

  /** Judges a request and remembers that it came. */
  judge(query: Query, body: string): Verdict {
    const verdict: Verdict = { late: false, draw: 0 };
    for (const [index, state] of this.states.entries()) {
      const { rule } = state;
      if (!concerns(rule, query)) continue;
      state.seen += 1;
      const draw = this.drawFor(index, state, body);
      if (!fires(state, draw)) continue;
      if (rule.fault === 'late_correction') verdict.late = true;
      else if (verdict.fault !== undefined) continue;
      else Object.assign(verdict, { fault: rule, draw: this.hash('pick', index, body) });
      state.fired += 1;
    }
    return verdict;
  }

  /** The same request draws the same number at its n-th attempt, in whatever order requests come. */
  private drawFor(index: number, state: RuleState, body: string): number {
    if (state.rule.match.probability === undefined) return 0;
    const request = createHash('sha256').update(body).digest('base64');
    const attempt = (state.attempts.get(request) ?? 0) + 1;
    state.attempts.set(request, attempt);
    return this.hash('fire', index, body, attempt);
  }

  private hash(...parts: (string | number)[]): number {
    const digest = createHash('sha256').update(JSON.stringify([this.seed, ...parts]));
    return digest.digest().readUInt32LE(0) / 2 ** 32;
  }
}

function fires({ rule, seen, fired }: RuleState, draw: number): boolean {
  const { ordinal, every, probability } = rule.match;
  return (
    (rule.times === undefined || fired < rule.times) &&
    (ordinal === undefined || seen === ordinal) &&
    (every === undefined || seen % every === 0) &&
    (probability === undefined || draw < probability)
  );
}

function concerns({ fault, match }: Fault, query: Query): boolean {
  const filtered = (dimension: Filter['dimension'], id: string) =>
    query.filters.some((filter) => filter.dimension === dimension && String(filter.expressions[0]) === id);
  return (
    (match.account === undefined || filtered('account_id', match.account)) &&
    (match.site === undefined || filtered('customer_site_id', match.site)) &&
    (match.metric === undefined || query.metrics.some(({ name }) => name === match.metric)) &&
    canHappen(fault, query)
  );
}

/** A fault that cannot show in the answer to a request leaves it, and its own counts, alone. */
function canHappen(fault: FaultKind, { filters, metrics, kind }: Query): boolean {
  const asks = (wanted: (metric: Metric) => boolean) => metrics.some(wanted);
  const filtersOn = (...dimensions: Filter['dimension'][]) =>
    filters.some(({ dimension }) => dimensions.includes(dimension));
  switch (fault) {
    case 'wrong_site':
      return filtersOn('customer_site_id');
    case 'wrong_subscriber':
      return filtersOn('msisdn', 'imsi');
    case 'rates_x1000':
      return asks(({ name }) => isBandwidth(name));
    case 'bytes_x8':
      return asks(({ name }) => name.endsWith('_bytes'));
    case 'late_correction':
      return asks(({ name }) => name !== 'time_usage_seconds');
    case 'missing_bucket':
    case 'tail_cut':
    case 'duplicate_bucket_same':
    case 'duplicate_bucket_other':
    case 'bucket_out_of_range':
    case 'bucket_off_grid':
    case 'labels_shifted_forward':
    case 'labels_shifted_back':
      return kind !== 'now';
    default:
      return true;
  }
}
