import { addDays, type EpochSeconds, instantAt, monthAt, nextMonth, previousMonth } from '#calendar';
import {
  type CloseSchedule,
  type Database,
  databaseNow,
  listCloseSchedules,
  markScheduleRun,
  type ScheduleTiming,
} from '#persistence';
import type { Closes } from './closes.js';

/** The queue whose scheduled jobs say when to look for what is due: one job scheduler per seller. */
export const SCHEDULE_QUEUE = { name: 'close-schedule', job: 'open-due' } as const;

/** What a schedule does at one instant. */
export interface ScheduledRun {
  readonly at: EpochSeconds;
  /** The month that is closed: the one before, `YYYY-MM`. */
  readonly period: string;
}

/** When a schedule's turn comes next after an instant. Pure. */
export function nextRun(timing: ScheduleTiming, after: EpochSeconds): ScheduledRun {
  for (let month = monthAt(after, timing.timeZone); ; month = nextMonth(month)) {
    const run = runIn(timing, month);
    if (run.at > after) return run;
  }
}

/** The latest turn of a schedule up to an instant. Pure. */
export function lastRun(timing: ScheduleTiming, until: EpochSeconds): ScheduledRun {
  for (let month = monthAt(until, timing.timeZone); ; month = previousMonth(month)) {
    const run = runIn(timing, month);
    if (run.at <= until) return run;
  }
}

/** The run that is due and not done yet, if there is one. Pure. */
export function dueRun(schedule: CloseSchedule, now: EpochSeconds): ScheduledRun | undefined {
  const run = lastRun(schedule, now);
  if (run.at < schedule.effectiveFrom) return undefined;
  return schedule.lastRun !== null && schedule.lastRun.period >= run.period ? undefined : run;
}

/** Five fields of cron in the schedule's own zone. On a month's last days it may fire early: what is due decides. */
export function cronPattern({ day, hour, minute }: ScheduleTiming): string {
  return `${minute} ${hour} ${day <= SHORTEST_MONTH ? day : `${SHORTEST_MONTH}-31`} * *`;
}

const SHORTEST_MONTH = 28;

function runIn({ day, hour, minute, timeZone }: ScheduleTiming, month: string): ScheduledRun {
  const lastDay = addDays(`${nextMonth(month)}-01`, -1);
  const wanted = `${month}-${String(day).padStart(2, '0')}`;
  const date = wanted < lastDay ? wanted : lastDay;
  return { at: instantAt(date, { hour, minute }, timeZone), period: previousMonth(month) };
}

/**
 * Opens the closes that schedules are due for. Any number of processes may do so at any time: a month has one close. A
 * month that is not billable yet stays due, so whoever looks again later opens it.
 */
export async function openDueCloses(database: Database, closes: Pick<Closes, 'open'>): Promise<void> {
  const now = await databaseNow(database);
  for (const schedule of await listCloseSchedules(database)) {
    const due = dueRun(schedule, now);
    if (!due) continue;
    const { seller, sellerId, issue } = schedule;
    const { period } = due;
    const opened = await closes.open({
      seller,
      period,
      kind: 'regular',
      dryRun: false,
      issue,
      actor: 'close-schedule',
    });
    if (opened.outcome === 'opened') await markScheduleRun(database, { sellerId, period, closeId: opened.id });
    // Somebody closes that month already, in another way; it is theirs.
    else if (opened.code === 'close_differs') await markScheduleRun(database, { sellerId, period, closeId: null });
  }
}
