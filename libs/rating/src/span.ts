import { daysBetween, type Interval, type LocalDate, secondsOf, startOfDay } from '#calendar';
import { Ratio } from '#money';
import type { Proration } from './tariff-plan.js';

/** Whole local days of one zone, `endDate` exclusive, with the instants at which they begin and end. */
export interface Span extends Interval {
  readonly startDate: LocalDate;
  readonly endDate: LocalDate;
}

/** Days in force; an end that is null is open. */
export interface DateRange {
  readonly startDate: LocalDate;
  readonly endDate: LocalDate | null;
}

export function spanOf(startDate: LocalDate, endDate: LocalDate, timeZone: string): Span {
  return { start: startOfDay(startDate, timeZone), end: startOfDay(endDate, timeZone), startDate, endDate };
}

/** The days of `span` that lie in `range`, or undefined when there are none. Dates compare as text. */
export function within(span: Span, range: DateRange, timeZone: string): Span | undefined {
  const startDate = range.startDate > span.startDate ? range.startDate : span.startDate;
  const endDate = range.endDate !== null && range.endDate < span.endDate ? range.endDate : span.endDate;
  if (startDate === span.startDate && endDate === span.endDate) return span;
  return startDate < endDate ? spanOf(startDate, endDate, timeZone) : undefined;
}

/** Whether a range began before the date and goes on after its midnight. */
export function runsAcross({ startDate, endDate }: DateRange, date: LocalDate): boolean {
  return startDate < date && (endDate === null || endDate > date);
}

/** The days of `span` in any of the ranges: ascending, disjoint, touching ones joined. */
export function daysWithin(span: Span, ranges: readonly DateRange[], timeZone: string): Span[] {
  const joined: { startDate: LocalDate; endDate: LocalDate }[] = [];
  const clipped = ranges
    .map((range) => within(span, range, timeZone))
    .filter((part) => part !== undefined)
    .sort((a, b) => a.start - b.start);
  for (const { startDate, endDate } of clipped) {
    const last = joined.at(-1);
    if (last === undefined || last.endDate < startDate) joined.push({ startDate, endDate });
    else if (last.endDate < endDate) last.endDate = endDate;
  }
  return joined.map(({ startDate, endDate }) => {
    const isWhole = startDate === span.startDate && endDate === span.endDate;
    return isWhole ? { start: span.start, end: span.end, startDate, endDate } : spanOf(startDate, endDate, timeZone);
  });
}

/** The days of `span` in none of the parts, which must be ascending and disjoint. */
export function daysWithout(span: Span, parts: readonly DateRange[], timeZone: string): Span[] {
  const gaps: Span[] = [];
  let from = span.startDate;
  for (const part of parts) {
    if (from < part.startDate) gaps.push(spanOf(from, part.startDate, timeZone));
    from = part.endDate ?? span.endDate;
  }
  if (from < span.endDate) gaps.push(spanOf(from, span.endDate, timeZone));
  return gaps;
}

/**
 * The share of a period that some of its days are: seconds by seconds, local days by local days, or all of it as soon as
 * there is a day (`none`).
 */
export function shareOf(spans: readonly Span[], period: Span, proration: Proration): Ratio {
  switch (proration) {
    case 'second':
      return Ratio.of(
        spans.reduce((seconds, span) => seconds + secondsOf(span), 0),
        secondsOf(period),
      );
    case 'day':
      return Ratio.of(
        spans.reduce((days, span) => days + daysBetween(span.startDate, span.endDate), 0),
        daysBetween(period.startDate, period.endDate),
      );
    case 'none':
      return spans.length > 0 ? Ratio.ONE : Ratio.ZERO;
  }
}
