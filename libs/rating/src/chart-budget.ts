import { addDays, type EpochSeconds, startOfDay } from '#calendar';
import type { MeasureEvidence } from '#metering';
import type { Span } from './span.js';

/** Pictures of a document: more of them would be paged over. */
const MOST_RATES = 4;
const MOST_DAYS = 4;

/**
 * How many pictures the lines of one rating may still have. The first lines that are measured get them, in the order of segments
 * and charges, so that the same input always gives the same ones.
 */
export class ChartBudget {
  #rates = MOST_RATES;
  #days = MOST_DAYS;

  /** How many percentiles of a measure may have a picture. */
  get rates(): number {
    return this.#rates;
  }

  /** Where the local days of a span begin, for a measure of bytes that may have a picture. */
  daysOf({ startDate, endDate }: Span, timeZone: string): EpochSeconds[] | undefined {
    if (this.#days === 0) return undefined;
    const days: EpochSeconds[] = [];
    for (let date = startDate; date < endDate; date = addDays(date, 1)) days.push(startOfDay(date, timeZone));
    return days;
  }

  /** Counts the pictures that a measure has taken. */
  take(evidence: MeasureEvidence): void {
    if (evidence.metric === 'bandwidth') this.#rates -= evidence.parts.filter(({ chart }) => chart).length;
    else if (evidence.days) this.#days -= 1;
  }
}
