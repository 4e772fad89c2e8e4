export { CalendarError, type EpochSeconds, fromStamp, type Interval, overlap, toStamp } from './instant.js';
export {
  addDays,
  daysBetween,
  fiscalYear,
  instantAt,
  isLocalDate,
  isTimeZone,
  type LocalDate,
  localDateAt,
  startOfDay,
} from './local-date.js';
export {
  type BillingPeriod,
  isMonth,
  monthAt,
  monthPeriod,
  nextMonth,
  periodOfDates,
  previousMonth,
  secondsOf,
} from './billing-period.js';
