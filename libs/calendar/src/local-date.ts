import { Temporal } from '@js-temporal/polyfill';
import { CalendarError, type EpochSeconds } from './instant.js';
import { remembering } from './remembering.js';

/** A day on the wall calendar of some zone: `YYYY-MM-DD`. Plain strings compare in time order. */
export type LocalDate = string;

/**
 * Whether the name is a zone that this calendar can reckon in: of the IANA database, and known to this host. Fixed offsets
 * such as `+05:30` are refused, and so are the old abbreviations that hosts still take for a zone but Temporal does not, such
 * as `IST` and `PST`: their writer may mean another one.
 */
export function isTimeZone(name: string): boolean {
  if (zones.has(name)) return true;
  if (name.length > LONGEST_NAME || !ZONE_NAME.test(name)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    if (zones.size < ZONES_KEPT) zones.add(name);
    return true;
  } catch {
    return false;
  }
}

/** Names only: Temporal also reads a zone out of a stamp that has one. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

/** The longest name of the IANA database has 32 characters. Temporal takes the square of a name's length to refuse it. */
const LONGEST_NAME = 64;

// Every date of every account asks this, and the host takes its time to answer. Names come in any case, hence a bound.
const zones = new Set<string>();
const ZONES_KEPT = 1_000;

/** The first instant of a local day: midnight, or where a clock change skips midnight the first instant after it. */
export function startOfDay(date: LocalDate, timeZone: string): EpochSeconds {
  return midnights(
    `${date} ${timeZone}`,
    () => plainDate(date).toZonedDateTime({ timeZone: zone(timeZone) }).epochMilliseconds / 1000,
  );
}

const ANSWERS_KEPT = 10_000;
const midnights = remembering<EpochSeconds>(ANSWERS_KEPT);
const shifted = remembering<LocalDate>(ANSWERS_KEPT);

/**
 * The instant at which the clocks of a zone show a time of a local day. One that a clock change skips is as much later as
 * the clocks went forward; of one that comes twice it is the first.
 */
export function instantAt(date: LocalDate, time: { hour: number; minute: number }, timeZone: string): EpochSeconds {
  const plainTime = Temporal.PlainTime.from(time);
  return plainDate(date).toZonedDateTime({ timeZone: zone(timeZone), plainTime }).epochMilliseconds / 1000;
}

/** The local date at an instant. */
export function localDateAt(instant: EpochSeconds, timeZone: string): LocalDate {
  return Temporal.Instant.fromEpochMilliseconds(instant * 1000)
    .toZonedDateTimeISO(zone(timeZone))
    .toPlainDate()
    .toString();
}

/** The date `days` later, or earlier when negative. */
export function addDays(date: LocalDate, days: number): LocalDate {
  return shifted(`${date} ${days}`, () => plainDate(date).add({ days }).toString());
}

/** Local days from `start` to `end` (exclusive). */
export function daysBetween(start: LocalDate, end: LocalDate): number {
  return plainDate(start).until(plainDate(end), { largestUnit: 'days' }).days;
}

/** Whether the text is a real calendar date `YYYY-MM-DD`, from 1900 on. */
export function isLocalDate(text: string): boolean {
  try {
    plainDate(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The fiscal year a date falls in, named by the calendar year in which it starts (India's April year: 2026-03-31 is 2025).
 *
 * @param startMonth 1–12, the month in which the fiscal year begins
 */
export function fiscalYear(date: LocalDate, startMonth: number): number {
  const { year, month } = plainDate(date);
  return month >= startMonth ? year : year - 1;
}

// Nothing was metered before, and east of Greenwich the first days of the year 1 begin in a year that stamps cannot name.
const DATE = /^(19|[2-9]\d)\d{2}-\d{2}-\d{2}$/;

/** Parses strictly. Throws `malformed_date`, also before 1900. */
export function plainDate(text: string): Temporal.PlainDate {
  if (DATE.test(text)) {
    try {
      return Temporal.PlainDate.from(text, { overflow: 'reject' });
    } catch {
      // Falls through to the house's own error.
    }
  }
  throw new CalendarError('malformed_date', `not a date YYYY-MM-DD: ${JSON.stringify(text.slice(0, 40))}`);
}

function zone(name: string): string {
  if (!isTimeZone(name)) {
    const shown = JSON.stringify(name.slice(0, 60));
    throw new CalendarError('unknown_time_zone', `${shown} is no time zone; write an IANA name such as "Asia/Kolkata"`);
  }
  return name;
}
