/** Whole seconds since 1970-01-01T00:00:00Z. Billing has no finer instant: every edge is a local midnight or a bucket. */
export type EpochSeconds = number;

/** Half-open `[start, end)` in instants. */
export interface Interval {
  readonly start: EpochSeconds;
  readonly end: EpochSeconds;
}

/** Thrown for a malformed date, stamp, month or zone name. */
export class CalendarError extends Error {
  readonly retryable = false;
  constructor(
    readonly code: 'malformed_date' | 'malformed_stamp' | 'malformed_month' | 'unknown_time_zone' | 'empty_period',
    message: string,
  ) {
    super(message);
    this.name = 'CalendarError';
  }
}

/** RFC 3339 in UTC, whole seconds: `2026-10-01T00:00:00Z`. */
export function toStamp(instant: EpochSeconds): string {
  return new Date(instant * 1000).toISOString().replace('.000Z', 'Z');
}

const STAMP = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.0+)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** Reads an RFC 3339 stamp of whole seconds with `Z` or an offset. Throws `malformed_stamp`. */
export function fromStamp(text: string): EpochSeconds {
  const match = STAMP.exec(text);
  const milliseconds = match ? Date.parse(`${match[1]}T${match[2]}Z`) : Number.NaN;
  // Date.parse rolls 31 February over; the round trip tells.
  if (!match || Number.isNaN(milliseconds) || !toStamp(milliseconds / 1000).startsWith(`${match[1]}T${match[2]}`)) {
    throw new CalendarError('malformed_stamp', `not an RFC 3339 stamp: ${JSON.stringify(text.slice(0, 40))}`);
  }
  const offsetMinutes = match[3] ? Number.parseInt(match[4] ?? '0', 10) * 60 + Number.parseInt(match[5] ?? '0', 10) : 0;
  return milliseconds / 1000 - (match[3] === '-' ? -1 : 1) * offsetMinutes * 60;
}

/** The overlap of two intervals, or `undefined` when they share no instant. */
export function overlap(a: Interval, b: Interval): Interval | undefined {
  const start = Math.max(a.start, b.start);
  const end = Math.min(a.end, b.end);
  return start < end ? { start, end } : undefined;
}
