import { z } from 'zod';
import { ReportSimulatorError } from './simulator-error.js';

/**
 * What the upstream documentation leaves open, one switch per question; the first value is what the published examples
 * show, and the default. A client that bills the same under all of them depends on none.
 */
const switchesSchema = z.strictObject({
  /** Which labels a range answers; with `v2_stop` buckets are cut to the range and labelled by their end. */
  edge: z.enum(['r_inclusive', 'half_open', 'open_closed', 'v2_stop']).default('r_inclusive'),
  /** Whether a label is the start or the end of its bucket. */
  label: z.enum(['start', 'end']).default('start'),
  grouping: z.enum(['per_series', 'merged']).default('per_series'),
  order: z.enum(['agg_then_downlink', 'request', 'shuffled']).default('agg_then_downlink'),
  /** How the filters of one clause combine. */
  filter_logic: z.enum(['and', 'or']).default('and'),
  /** What several expressions of one filter mean. */
  expressions: z.enum(['first_only', 'list', 'reject']).default('first_only'),
  unit: z.enum(['Mbps', 'kbps', 'bps']).default('Mbps'),
  /** Whether a rate divides by the seconds with traffic or by the wall clock. */
  rate_base: z.enum(['active', 'wall']).default('active'),
  round_dp: z.union([z.literal('none'), z.literal(2)]).default('none'),
  /** How `comparison_value` is read. */
  percentile_scale: z.enum(['fraction', 'percent', 'ignored']).default('fraction'),
  percentile_rows: z.enum(['all_windows', 'traffic_only']).default('all_windows'),
  /** What `result` is when there is nothing to report. */
  empty: z.enum(['[]', '[[]]', 'absent', '404']).default('[]'),
  /** What a bucket without traffic shows. */
  idle_window: z.enum(['zero', 'omit', 'null']).default('zero'),
  /** So many hours from each UTC midnight have no traffic at all; the closed forms know nothing of it. */
  idle_hours: z.int().min(0).max(23).default(0),
  /** Whether a rate is that of all subscribers selected or of the busiest one. */
  scope: z.enum(['all_ues', 'top_ue']).default('all_ues'),
  future_end: z.enum(['partial', '400']).default('partial'),
  /** `<n>d` refuses a range of more than so many days. */
  max_range: z
    .string()
    .regex(/^(none|[1-9]\d{0,2}d)$/)
    .default('none'),
  /** A number cuts the answer after that many items and says nothing. */
  max_items: z.union([z.literal('none'), z.int().min(0)]).default('none'),
  ids_echo: z.enum(['as_sent', 'string']).default('as_sent'),
  fraction: z.enum(['on', 'off']).default('on'),
  trailing_brace: z.enum(['off', 'on']).default('off'),
  csv: z.enum(['honour_accept', 'never']).default('honour_accept'),
  auth: z.enum(['query', 'header', 'both']).default('query'),
  dialect: z.enum(['v1_2022', 'v2_2023']).default('v1_2022'),
});

export type Switches = z.infer<typeof switchesSchema>;

/**
 * `current` with the given switches set. Unknown names and values are refused.
 * @throws ReportSimulatorError `bad_switches` naming the first switch that cannot be
 */
export function changeSwitches(current: Partial<Switches>, changes: unknown): Switches {
  const parsed = switchesSchema.partial().safeParse(changes ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ReportSimulatorError('bad_switches', `switch ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const given = Object.fromEntries(Object.entries(changes ?? {}).filter(([, value]) => value !== undefined));
  return switchesSchema.parse({ ...current, ...given });
}
