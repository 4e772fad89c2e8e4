import { z } from 'zod';

/** What the key is called, as a parameter and as a header. */
export const KEY_NAME = 'apikey';

/**
 * What the report API's documentation of 2022 leaves open or gets wrong, as data. Every member has a default, so what is
 * stored may be partial, but what is parsed is explicit to the last key: its hash goes onto the invoice.
 */
export const settingsSchema = z.strictObject({
  /** Only the form documented in 2022 is spoken. Another form is another dialect. */
  name: z.literal('alef-v1-2022').default('alef-v1-2022'),
  path: z
    .string()
    .regex(/^(\/[A-Za-z0-9._~-]+)+$/)
    .default('/connectivity/v1/report'),
  /** Whether a bucket's stamp is its first instant or the first instant after it. Undetermined by the samples. */
  label: z.enum(['start', 'end']).default('start'),
  /** Which edge labels the API adds. `any`: the range is padded and cut again, so it does not matter. */
  edge: z.literal('any').default('any'),
  /** The unit bandwidth is answered in; what leaves this room is always Mbps (10^6 bit/s). */
  unit: z.enum(['Mbps', 'kbps', 'bps']).default('Mbps'),
  /** `as_reported`: an average over the seconds with traffic, billed as received. */
  rate_base: z.literal('as_reported').default('as_reported'),
  /** Decimals the API rounds rates to. `none`: a series that looks rounded is a warning, or a hold when strict. */
  round_dp: z.enum(['none', '2']).default('none'),
  /** Percentiles are ranked here, never there: 1 asks for the whole series. */
  percentile: z
    .strictObject({ mode: z.literal('local').default('local'), comparison_value: z.literal(1).default(1) })
    .prefault({}),
  /** `number`: subscriber ids go out as JSON numbers where no digit can be lost (1 to 15 digits, no leading zero). */
  id_json: z.enum(['number', 'string']).default('number'),
  /** Where the key stands. `query` is the documented form; `header` keeps it out of access logs. */
  auth: z.enum(['query', 'header']).default('query'),
  /**
   * How two filters of one clause combine. Unproven: the close looks for a subscriber that equals its account. Where it is
   * OR, an answer for an entity is its account's: nothing but accounts is asked for.
   */
  filter_logic: z.enum(['unproven', 'and', 'or']).default('unproven'),
  /** Whose rate a site's rate is: of all its subscribers, or of the busiest one. */
  scope: z.enum(['unknown', 'all_ues']).default('unknown'),
  /**
   * Longest range of one request, in days of owned buckets; the padding comes on top. A month is asked for at once; a server
   * that takes no such range is asked for half of it, and so on down to a day.
   */
  chunk_days: z
    .strictObject({
      DAY: z.int().min(1).max(366).default(31),
      HOUR: z.int().min(1).max(366).default(31),
      SLOT: z.int().min(1).max(31).default(7),
    })
    .prefault({}),
  /** A rate above it is refused: it is a wrong unit, not traffic. */
  line_rate_mbps: z.int().min(1).max(100_000_000).default(10_000),
  body_limit_bytes: z
    .int()
    .min(1_024)
    .max(256 * 1_048_576)
    .default(16 * 1_048_576),
  /** What a probe has shown: the label, and the unit and base of rates. Until then they are open questions. */
  proven: z.strictObject({ label: z.boolean().default(false), unit: z.boolean().default(false) }).prefault({}),
  /** Turns warnings about what the vendor left open into holds. */
  strict: z.boolean().default(false),
});

export type Settings = z.infer<typeof settingsSchema>;

/** The report API as documented in 2022, every key at its default. */
export const DEFAULT_SETTINGS: Settings = Object.freeze(settingsSchema.parse({}));
