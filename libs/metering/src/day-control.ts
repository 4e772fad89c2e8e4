import { toStamp } from '#calendar';
import { Decimal, decimalFromNumberText, minus, times } from '#money';
import type { Controlled, ControlFinding } from './controlled-usage.js';
import { ExactSum } from './exact-sum.js';
import { findSeries } from './series.js';
import { type BucketSeries, GRID_SECONDS } from './usage.js';

const HOURS = GRID_SECONDS.DAY / GRID_SECONDS.HOUR;
/** The API adds doubles in an order of its own: the last of their 17 digits is no contradiction. */
const PARTS = new Decimal('1e9');

/** Where days and hours of one series were pulled, each day is the sum of its hours. Days that lack an hour say nothing. */
export function dayControl({ usage, index }: Controlled): ControlFinding[] {
  return usage.flatMap((days) => {
    if (days.grid !== 'DAY') return [];
    const hours = findSeries(index, days.entity, days.metric, 'HOUR');
    const differing = hours ? daysThatDiffer(days, hours) : [];
    const [first] = differing;
    if (first === undefined) return [];
    const message =
      `${days.metric} of ${differing.length} days is not the sum of their hours, the first on ${toStamp(first).slice(0, 10)} ` +
      `(${days.entity.dimension})`;
    return [{ code: 'day_differs_from_hours', holds: 'always', message }];
  });
}

function daysThatDiffer(days: BucketSeries, hours: BucketSeries): number[] {
  return days.values.flatMap((text, position) => {
    const start = days.firstStart + position * GRID_SECONDS.DAY;
    const first = (start - hours.firstStart) / GRID_SECONDS.HOUR;
    const texts = first < 0 ? [] : hours.values.slice(first, first + HOURS).filter((hour) => hour !== null);
    if (text === null || texts.length < HOURS) return [];
    const total = new ExactSum();
    for (const hour of texts) total.add(hour);
    const day = decimalFromNumberText(text);
    const isSame = times(minus(day, total.total()).abs(), PARTS).lessThanOrEqualTo(day);
    return isSame ? [] : [start];
  });
}
