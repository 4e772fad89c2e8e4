import { CalendarError, type Interval } from './instant.js';
import { addDays, type LocalDate, localDateAt, plainDate, startOfDay } from './local-date.js';
import { remembering } from './remembering.js';

/** Half-open range of instants cut at local midnights of one zone. A calendar month has a label such as `2026-10`. */
export interface BillingPeriod extends Interval {
  readonly label: string;
  readonly timeZone: string;
  /** First local day, inclusive. */
  readonly startDate: LocalDate;
  /** The local day after the last one, exclusive. */
  readonly endDate: LocalDate;
}

// What is kept is kept by month, and the database keeps none before 1970.
const MONTH = /^(19[7-9]|[2-9]\d\d)\d-(0[1-9]|1[0-2])$/;

/** Whether the text names a calendar month, `YYYY-MM`, from 1970 on. */
export function isMonth(label: string): boolean {
  return MONTH.test(label);
}

/** The calendar month `YYYY-MM` cut in a zone. Throws `malformed_month` or `unknown_time_zone`. */
export function monthPeriod(label: string, timeZone: string): BillingPeriod {
  return { ...periodOfDates(firstDay(label), firstDay(nextMonth(label)), timeZone), label };
}

/** A period of whole local days, `endDate` exclusive. Throws `empty_period`. */
export function periodOfDates(startDate: LocalDate, endDate: LocalDate, timeZone: string): BillingPeriod {
  if (!(startDate < endDate)) {
    throw new CalendarError('empty_period', `the period ${startDate} to ${endDate} (exclusive) holds no day`);
  }
  return {
    label: `${startDate}/${endDate}`,
    timeZone,
    start: startOfDay(startDate, timeZone),
    end: startOfDay(endDate, timeZone),
    startDate,
    endDate,
  };
}

/** The month after `label`. */
export function nextMonth(label: string): string {
  return monthsAfter(label, () => plainDate(firstDay(label)).add({ months: 1 }).toString().slice(0, 7));
}

const monthsAfter = remembering<string>(1_000);

/** The month before `label`. */
export function previousMonth(label: string): string {
  return addDays(firstDay(label), -1).slice(0, 7);
}

/** The month that holds an instant in a zone. */
export function monthAt(instant: number, timeZone: string): string {
  return localDateAt(instant, timeZone).slice(0, 7);
}

/** Seconds of an interval. */
export function secondsOf(interval: Interval): number {
  return interval.end - interval.start;
}

function firstDay(label: string): LocalDate {
  if (!MONTH.test(label)) {
    throw new CalendarError('malformed_month', `not a month YYYY-MM: ${JSON.stringify(label.slice(0, 40))}`);
  }
  return `${label}-01`;
}
